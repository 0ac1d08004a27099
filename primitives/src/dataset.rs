//! Datasets, their immutable versions and what third parties state about them.

use crate::{
    model::{Sources, VersionStatus},
    terms::Terms,
    BlockNumber, ContentHash, Version,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

pub use crate::model::{Artifact, Name};

/// Number of a dataset, given at its registration.
pub type DatasetId = u32;

/// One version of one dataset, written `dataset@version`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct DatasetVersionId {
    /// The dataset.
    pub dataset: DatasetId,
    /// The version within the dataset.
    pub version: Version,
}

impl core::fmt::Display for DatasetVersionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}@{}", self.dataset, self.version)
    }
}

impl core::str::FromStr for DatasetVersionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected DATASET@VERSION, for instance 0@0";
        let (dataset, version) = text.split_once('@').ok_or(WRONG)?;
        Ok(Self {
            dataset: dataset.parse().map_err(|_| WRONG)?,
            version: version.parse().map_err(|_| WRONG)?,
        })
    }
}

/// Everything an owner states when publishing a version of a dataset.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct DatasetSpec {
    /// The data. It need not be public.
    pub content: Artifact,
    /// The JSON document that describes it (see `docs/metadata.md`).
    pub metadata: Option<Artifact>,
    /// Terms of use.
    pub terms: Terms,
    /// Folders where to fetch the metadata, and the data where it is public.
    pub sources: Sources,
}

/// What a third party says of a dataset.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum StatementKind {
    /// The content has been examined.
    #[codec(index = 0)]
    Audited,
    /// Those whom the data is about, or who made it, have agreed.
    #[codec(index = 1)]
    ConsentVerified,
    /// Something about the dataset is wrong.
    #[codec(index = 2)]
    Disputed,
}

/// A third party's statement. The chain records who says it; it is for people to judge.
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
pub struct Statement {
    /// BLAKE3 of the document that says more.
    pub document: ContentHash,
    /// When it was made.
    pub made_at: BlockNumber,
}

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DatasetView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: DatasetId,
    /// Its name, UTF-8.
    pub name: Name,
    /// Who owns it and earns what it earns.
    pub owner: AccountId,
    /// Who has been offered it.
    pub pending_owner: Option<AccountId>,
    /// How many versions it has had; they are numbered from 0, and some may have been removed.
    pub versions: u32,
}

/// A version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct DatasetVersionView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: DatasetVersionId,
    /// Who owns the dataset now.
    pub owner: AccountId,
    /// What was published.
    pub spec: DatasetSpec,
    /// Whether it may be cited.
    pub status: VersionStatus,
    /// Versions that cite it.
    pub citations: u32,
}

/// A third party's statement about a version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct StatementView<AccountId = crate::AccountId> {
    /// Who makes it.
    pub author: AccountId,
    /// What it says.
    pub kind: StatementKind,
    /// The document, and when it was made.
    pub statement: Statement,
}
