//! The reproducible operators as a wasm module, to run them where the chain's referee runs.
//!
//! The tests of this crate run [`MODULE`] in a wasm interpreter and hold it equal to the native
//! operators: on the golden vectors, on generated operands for every operator, and on whole
//! encoders and decoders.

/// The module, built from `guest/`; empty when the build was told to skip wasm.
pub const MODULE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.wasm"));
