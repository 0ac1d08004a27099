//! What is stored of a dataset, a statement and a grant.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use vigil_primitives::{
    dataset::{DatasetSpec, Statement},
    grant::Grant,
    model::VersionStatus,
    registry,
    terms::Terms,
    Balance,
};

/// A dataset.
pub type Dataset<AccountId> = registry::Entry<AccountId>;

/// A published version of a dataset.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct DatasetVersion {
    /// What was published.
    pub spec: DatasetSpec,
    /// Whether it may be cited.
    pub status: VersionStatus,
    /// Its part of the dataset's deposit.
    pub deposit: Balance,
}

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

/// A grant with the deposit for it.
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
pub struct GrantRecord<AccountId> {
    /// The grant.
    pub grant: Grant,
    /// Who paid the deposit: the buyer, or the owner who gave it.
    pub depositor: AccountId,
    /// Held from the depositor.
    pub deposit: Balance,
}

/// What counts of an asset, of whichever kind, for its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset<AccountId> {
    /// Who owns it now.
    pub owner: AccountId,
    /// Whether it takes new uses.
    pub status: VersionStatus,
    /// Its terms.
    pub terms: Terms,
}
