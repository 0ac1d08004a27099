//! The vocabulary of the Vigil chain.
//!
//! Every crate of the workspace speaks of models, workers and jobs with the types of this crate:
//! the pallets store and return them, the runtime API carries them, and the worker and the command
//! line decode them. Nothing here knows a pallet, a node or a network. It is `no_std`.
//!
//! Hyperparameters, work and sampling are [`architecture`]'s, the crate below this one, which the
//! operators and the engine share.
//!
//! | module | holds |
//! |---|---|
//! | [`asset`] | what can be owned, used under terms, cited and paid |
//! | [`model`] | models and their versions |
//! | [`dataset`] | datasets, their versions and statements about them |
//! | [`terms`] | the terms of using a version |
//! | [`registry`] | what is kept of a model or a dataset, and how ownership and status change |
//! | [`grant`] | the right to use an asset for a time and a number of uses |
//! | [`lineage`] | what a version descends from, and the split of its revenue |
//! | [`worker`] | capability, status and reputation of a worker |
//! | [`job`] | a job from submission to settlement |
//! | [`channel`] | any number of answers of one worker, paid by one settlement |
//! | [`quote`] | what a job would cost, how likely it is audited and how long it takes |
//! | [`audit`] | how likely a run is done again by somebody else, and who pays for that |
//! | [`dispute`] | a claim, and the moves that decide whether it holds |
//! | [`penalty`] | where the stake of a wrong result goes |
//! | [`holds`] | what records say is on hold, against what is |
//! | [`pricing`] | every formula that turns work and terms into money |
//! | [`traits`] | how the pallets meet each other |
//! | `samples` | what owners state, for tests and benchmarks, behind the feature of that name |
//! | [`weights`] | weights that are set by hand |
//! | [`api`] | the runtime API |

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod api;
pub mod asset;
pub mod audit;
pub mod channel;
pub mod dataset;
pub mod dispute;
pub mod grant;
pub mod holds;
pub mod job;
pub mod lineage;
pub mod model;
pub mod penalty;
pub mod pricing;
pub mod quote;
pub mod registry;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
pub mod terms;
pub mod traits;
pub mod weights;
pub mod worker;

pub use asset::AssetId;
pub use channel::{Channel, ChannelId};
pub use dataset::{DatasetId, DatasetVersionId};
pub use dispute::{Dispute, DisputeId};
pub use job::{Job, JobId, JobStatus};
pub use model::{ModelId, ModelVersionId, Version};
pub use vigil_architecture::{
    self as architecture, sampling, Architecture, Decoder, Encoder, Sampling, OP_SET,
};

/// A share of a whole, in parts per million.
pub use sp_runtime::Permill;

use sp_runtime::traits::{IdentifyAccount, Verify};

/// Signature of a transaction.
pub type Signature = sp_runtime::MultiSignature;
/// Account of a person, a worker or a pallet.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// Amount of the token in its smallest unit. One VGL is [`UNIT`].
pub type Balance = u128;
/// Height of a block.
pub type BlockNumber = u32;
/// Hash of the chain's own structures (BLAKE2b-256).
pub type Hash = sp_core::H256;
/// Number of transactions an account has made.
pub type Nonce = u32;
/// BLAKE3 of an artifact's bytes: its identity, its commitment and its address.
pub type ContentHash = sp_core::H256;

/// One VGL: 12 decimals.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of a VGL.
pub const MILLI: Balance = UNIT / 1_000;
/// A millionth of a VGL.
pub const MICRO: Balance = UNIT / 1_000_000;
