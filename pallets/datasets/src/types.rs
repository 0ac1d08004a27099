//! What is stored of a dataset and of a statement.
//!
//! How ownership and status change is in [`vigil_primitives::registry`], which models share.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use vigil_primitives::{
    dataset::{DatasetSpec, Statement},
    registry, Balance,
};

/// A dataset.
pub type Dataset<AccountId> = registry::Entry<AccountId>;

/// A published version of a dataset.
pub type DatasetVersion = registry::Published<DatasetSpec>;

/// A statement with its author's deposit.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct StatementRecord {
    /// The statement.
    pub statement: Statement,
    /// Held from its author.
    pub deposit: Balance,
}
