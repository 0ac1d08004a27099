//! Reproducible operators: the same bytes on every machine.
//!
//! A run of a model is a [`Program`]: a list of operators that follows from the
//! architecture by arithmetic. Every operator has two faces.
//!
//! - [`element`](element::element) computes one output element from the few operand bytes that it
//!   needs. It is `no_std`, allocates nothing and is short enough to audit by eye: it is what the
//!   chain runs to decide a dispute.
//! - [`tensor`] holds kernels over whole tensors, several operators fused, chosen at run time for
//!   the processor. It is what workers run.
//!
//! Both give the same bytes on every input, on any processor and in wasm, alone or in a batch, with
//! any number of threads. `docs/operators.md` is the normative text.
//!
//! | module | holds |
//! |---|---|
//! | [`math`] | the arithmetic: exp, ln, erf, sqrt, sums, rounding, quantisation, random numbers |
//! | [`weights`] | the canonical list of weight tensors |
//! | [`program`] | the operators of a run, their shapes and operands |
//! | [`opening`] | which bytes one element is computed from |
//! | [`element`] | one element |
//! | [`reference`](mod@reference) | a whole run, element by element |
//! | [`proof`] | hash trees, and proofs that bytes are part of one |
//! | [`trace`] | what a run commits to when it is disputed, and how one number of it is judged |
//! | [`tensor`] | whole tensors, fast |
//! | `samples` | random models, behind the feature of that name |

#![cfg_attr(not(feature = "std"), no_std)]
#![allow(
    clippy::arithmetic_side_effects,
    reason = "a validated architecture bounds every dimension, so that indices and sizes fit in \
              u64 and sums of int8 products in i32; tests hold both at their limits"
)]

extern crate alloc;

pub mod element;
#[cfg(feature = "std")]
pub mod kernel;
pub mod math;
pub mod opening;
pub mod program;
pub mod proof;
pub mod reference;
#[cfg(feature = "samples")]
pub mod samples;
#[cfg(feature = "std")]
pub mod tensor;
pub mod trace;
pub mod weights;

#[cfg(feature = "std")]
pub use kernel::Kernel;
pub use program::{Op, Program};
pub use weights::Weights;

pub use vigil_architecture::OP_SET;
