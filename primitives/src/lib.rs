//! The vocabulary of the Vigil chain.
//!
//! Every crate of the workspace speaks of models, workers and jobs with the types of this crate:
//! the pallets store and return them, the runtime API carries them, and the worker and the command
//! line decode them. Nothing here knows a pallet, a node or a network. It is `no_std`.
//!
//! Without the feature `chain` only [`architecture`] and [`sampling`] are left, which need no
//! Substrate crate: the operators build on them, in wasm too.
//!
//! | module | holds |
//! |---|---|
//! | [`architecture`] | model families, their hyperparameters and the work a run costs |
//! | [`asset`] | what can be owned, used under terms, cited and paid |
//! | [`model`] | models and their versions |
//! | [`dataset`] | datasets, their versions and statements about them |
//! | [`terms`] | the terms of using a version |
//! | [`registry`] | what is kept of a model or a dataset, and how ownership and status change |
//! | [`grant`] | the right to use an asset for a time and a number of uses |
//! | [`lineage`] | what a version descends from, and the split of its revenue |
//! | [`worker`] | capability, status and reputation of a worker |
//! | [`job`] | a job from submission to settlement |
//! | [`pricing`] | every formula that turns work and terms into money |
//! | [`sampling`] | how a language model chooses its next token |
//! | [`traits`] | how the pallets meet each other |
//! | [`api`] | the runtime API |

#![cfg_attr(not(feature = "std"), no_std)]

#[cfg(feature = "chain")]
extern crate alloc;

#[cfg(feature = "chain")]
pub mod api;
pub mod architecture;
#[cfg(feature = "chain")]
pub mod asset;
#[cfg(feature = "chain")]
pub mod dataset;
#[cfg(feature = "chain")]
pub mod grant;
#[cfg(feature = "chain")]
pub mod job;
#[cfg(feature = "chain")]
pub mod lineage;
#[cfg(feature = "chain")]
pub mod model;
#[cfg(feature = "chain")]
pub mod pricing;
#[cfg(feature = "chain")]
pub mod registry;
pub mod sampling;
#[cfg(feature = "chain")]
pub mod terms;
#[cfg(feature = "chain")]
pub mod traits;
#[cfg(feature = "chain")]
pub mod worker;

pub use architecture::{Architecture, Decoder, Encoder};
#[cfg(feature = "chain")]
pub use asset::AssetId;
#[cfg(feature = "chain")]
pub use dataset::{DatasetId, DatasetVersionId};
#[cfg(feature = "chain")]
pub use job::{Job, JobId, JobStatus};
#[cfg(feature = "chain")]
pub use model::{ModelId, Version, VersionId};
pub use sampling::Sampling;

/// A share of a whole, in parts per million.
#[cfg(feature = "chain")]
pub use sp_runtime::Permill;

#[cfg(feature = "chain")]
use sp_runtime::traits::{IdentifyAccount, Verify};

/// Signature of a transaction.
#[cfg(feature = "chain")]
pub type Signature = sp_runtime::MultiSignature;
/// Account of a person, a worker or a pallet.
#[cfg(feature = "chain")]
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Amount of the token in its smallest unit. One VGL is [`UNIT`].
pub type Balance = u128;
/// Height of a block.
pub type BlockNumber = u32;
/// Hash of the chain's own structures (BLAKE2b-256).
#[cfg(feature = "chain")]
pub type Hash = sp_core::H256;
/// Number of transactions an account has made.
pub type Nonce = u32;
/// BLAKE3 of an artifact's bytes: its identity, its commitment and its address.
#[cfg(feature = "chain")]
pub type ContentHash = sp_core::H256;

/// One VGL: 12 decimals.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of a VGL.
pub const MILLI: Balance = UNIT / 1_000;
/// A millionth of a VGL.
pub const MICRO: Balance = UNIT / 1_000_000;

/// The number of the reproducible operator set that this build computes.
///
/// A change of any output byte of any operator is a new number.
pub const OP_SET: u16 = 1;
