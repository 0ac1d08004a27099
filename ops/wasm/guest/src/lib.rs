//! The reproducible operators as a wasm module, without `std` and without imports.
//!
//! The host writes a SCALE-encoded request to memory from `wasm::allocate` and calls
//! `wasm::evaluate` or `wasm::run`, which return the address and length of a SCALE-encoded
//! `Option<Vec<u8>>`. Memory is never freed: an instance serves one request. Built for any other
//! target it is empty.

#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
extern crate alloc;

#[cfg(target_arch = "wasm32")]
pub mod wasm;
