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
//! ```
//! use vigil_ops::{
//!     element::element,
//!     opening::{opening, Range, Source},
//!     reference,
//!     samples::{random_weights, tiny_models},
//!     Program,
//! };
//!
//! let (architecture, sampling) = tiny_models()[0];
//! let weights = random_weights(&architecture, 1);
//! let program = Program::new(&architecture, 3, 0, sampling).unwrap();
//! let mut results = Vec::new();
//! let keep = |_, _: &_, result: &mut [u8]| results.push(result.to_vec());
//! let vector = reference::run(&program, &[4, 1, 3], &weights, keep).unwrap();
//!
//! // The first number of the vector, from the bytes alone that it is computed from.
//! let op = program.op(program.len() - 1).unwrap();
//! let opening = opening(&op, 0, 0).unwrap();
//! let operands: Vec<_> = op.operands().map(|operand| &results[operand.index as usize]).collect();
//! let bytes = |Range { source, offset, len }| match source {
//!     Source::Operand(i) => &operands[i as usize][offset as usize..(offset + len) as usize],
//!     Source::Weight(_) => unreachable!("this operator has no weights"),
//! };
//! let inputs: Vec<_> = opening.ranges().map(bytes).collect();
//! let number = element(&op, &opening, &inputs).unwrap();
//! assert_eq!(number.to_le_bytes().0, vector[..4]);
//! ```
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
