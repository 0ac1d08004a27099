//! Model families: their hyperparameters, the work of a run, and how the next token is chosen.
//!
//! The chain, the operators, the engine and their clients all begin here. It is `no_std` and needs
//! no Substrate crate, so the operators build in seconds, and for a browser too.
//!
//! | module | holds |
//! |---|---|
//! | [`architecture`] | [`Architecture`]: a model family with its hyperparameters, in under 128 bytes |
//! | [`encoder`], [`decoder`] | the two families |
//! | [`activations`] | how finely activations are quantised |
//! | [`sampling`] | how a language model chooses its next token |
//! | [`run`] | [`Architecture::check_run`]: whether a request fits a model |
//! | `samples` | small models for tests, behind the feature of that name |
//!
//! ```
//! use vigil_architecture::{Activations, Architecture, BadRun, Encoder, Pooling, Sampling};
//!
//! // all-MiniLM-L6-v2
//! let minilm = Architecture::Encoder(Encoder {
//!     vocabulary: 30_522,
//!     hidden: 384,
//!     layers: 6,
//!     heads: 12,
//!     intermediate: 1_536,
//!     positions: 512,
//!     token_types: 2,
//!     layer_norm_eps: 1e-12f32.to_bits(),
//!     pooling: Pooling::Mean,
//!     normalize: true,
//!     activations: Activations::Int8,
//! });
//! assert_eq!(minilm.validate(), Ok(()));
//! assert_eq!(minilm.work(16, 0), 171_638_784);
//! assert_eq!(minilm.check_run(16, 0, Sampling::Greedy), Ok(()));
//! let too_long = BadRun::InputTooLong { tokens: 600, most: 512 };
//! assert_eq!(minilm.check_run(600, 0, Sampling::Greedy), Err(too_long));
//! ```

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod activations;
pub mod architecture;
pub mod decoder;
pub mod encoder;
pub mod run;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod sampling;

pub use activations::Activations;
pub use architecture::{
    Architecture, InvalidArchitecture, MAX_CONTEXT, MAX_HEAD_WIDTH, MAX_INNER, MAX_LAYERS,
    MAX_VOCABULARY, MAX_WIDTH,
};
pub use decoder::{Decoder, MAX_STOP_TOKENS};
pub use encoder::{Encoder, Pooling};
pub use run::{check_input, BadRun};
pub use sampling::Sampling;

/// The number of the reproducible operator set that this build computes.
///
/// A change of any output byte of any operator is a new number.
pub const OP_SET: u16 = 1;
