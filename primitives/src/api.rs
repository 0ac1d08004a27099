//! The runtime API: what a worker, a command line or a frontend asks the chain.

use crate::{
    dataset::{DatasetId, DatasetSpec, DatasetVersionId, Statement, StatementKind},
    grant::{Grant, Unusable},
    job::{Contribution, Job, JobId},
    lineage::{Royalty, Share},
    model::{ModelId, Name, VersionId, VersionSpec, VersionStatus},
    worker::{Capability, Reputation, WorkerStatus},
    AccountId, AssetId, Balance, BlockNumber,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// Most entries of one page of a listing.
pub const PAGE: u32 = 100;

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: ModelId,
    /// Its name, UTF-8.
    pub name: Name,
    /// Who owns it and earns its fees.
    pub owner: AccountId,
    /// Who has been offered it.
    pub pending_owner: Option<AccountId>,
    /// How many versions it has; they are numbered from 0.
    pub versions: u32,
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct VersionView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: VersionId,
    /// Who owns the model now.
    pub owner: AccountId,
    /// What was published.
    pub spec: VersionSpec,
    /// Whether it takes new work.
    pub status: VersionStatus,
    /// Workers that serve it.
    pub workers: u32,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct WorkerView<AccountId = crate::AccountId, BlockNumber = crate::BlockNumber> {
    /// Its account.
    pub account: AccountId,
    /// What it has at stake.
    pub bond: Balance,
    /// Whether it is given jobs.
    pub status: WorkerStatus<BlockNumber>,
    /// Base URL of its blob server.
    pub endpoint: Vec<u8>,
    /// X25519 public key for inputs that only it may read.
    pub encryption_key: [u8; 32],
    /// What it says of its hardware.
    pub capability: Capability,
    /// Price per giga multiply-accumulate.
    pub ask: Balance,
    /// Jobs it runs at the same time.
    pub capacity: u16,
    /// Jobs it is engaged in.
    pub active: u16,
    /// Rewards of those jobs.
    pub unfinalised: Balance,
    /// Versions it serves.
    pub serves: Vec<VersionId>,
    /// How it has behaved.
    pub reputation: Reputation,
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

/// One asset in a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageNode<AccountId = crate::AccountId> {
    /// The asset.
    pub asset: AssetId,
    /// Name of its model or dataset, UTF-8.
    pub name: Name,
    /// Who owns it now.
    pub owner: AccountId,
    /// Whether it may be put to new uses.
    pub status: VersionStatus,
    /// Its share of the revenue of the asset that was asked about.
    pub share: Permill,
}

/// One citation in a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageEdge {
    /// The asset that cites.
    pub from: AssetId,
    /// The asset that is cited.
    pub to: AssetId,
    /// The share of `from`'s revenue that it promised.
    pub share: Permill,
}

/// What an asset descends from: all its ancestors, and every citation among them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageView<AccountId = crate::AccountId> {
    /// The asset itself, then its ancestors. Their shares add up to the whole.
    pub nodes: Vec<LineageNode<AccountId>>,
    /// The citations.
    pub edges: Vec<LineageEdge>,
}

/// A grant and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct GrantView<AccountId = crate::AccountId> {
    /// What may be used.
    pub asset: AssetId,
    /// Who may use it.
    pub holder: AccountId,
    /// For how long, and how often.
    pub grant: Grant,
}

/// Whether an account may use an asset, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Permission {
    /// It is open to everybody.
    #[codec(index = 0)]
    Open,
    /// The account owns it.
    #[codec(index = 1)]
    Owner,
    /// The account holds a grant that is good now.
    #[codec(index = 2)]
    Granted(Grant),
    /// It takes no new uses: its owner revoked it.
    #[codec(index = 3)]
    Revoked,
    /// The account holds no grant.
    #[codec(index = 4)]
    NoGrant,
    /// The account's grant is not good any more.
    #[codec(index = 5)]
    Unusable(Unusable),
}

impl Permission {
    /// Whether the account may use the asset.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Open | Self::Owner | Self::Granted(_))
    }
}

/// What a job would cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Quote<AccountId = crate::AccountId> {
    /// Multiply-accumulates of one replica at most.
    pub work: u64,
    /// To the owners at most.
    pub owner_fee: Balance,
    /// The parts of it, as things stand now. They add up to it.
    pub split: Vec<Royalty<AccountId>>,
    /// Total at which as many workers as replicas would take the job; `None` when fewer could take
    /// it now.
    pub lowest: Option<Balance>,
    /// What the workers are paid of `lowest` together; the treasury gets what is left of it without
    /// the owners' fee. `None` with `lowest`.
    pub rewards: Option<Balance>,
    /// Total at which every worker seen would take the job; `None` with `lowest`.
    pub highest: Option<Balance>,
    /// Workers seen, in a bounded sample, that serve the version and have room now.
    pub workers: u32,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum NoQuote {
    /// No such version.
    UnknownVersion,
    /// The version takes no new jobs.
    Revoked,
    /// No tokens, more than the version takes, or more or fewer than it can generate.
    BadLength,
    /// Replicas out of range.
    BadPolicy,
}

/// The constants a client needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Parameters {
    /// Where protocol fees go.
    pub treasury: AccountId,
    /// Protocol fee on rewards, in parts per million.
    pub protocol_fee_ppm: u32,
    /// Smallest bond of a worker.
    pub min_bond: Balance,
    /// Blocks a worker has from its draw to its commitment.
    pub commit_period: BlockNumber,
    /// Blocks a worker has to open its commitment.
    pub reveal_period: BlockNumber,
    /// Shortest and longest challenge window.
    pub challenge_window: (BlockNumber, BlockNumber),
    /// Longest time from submission to deadline.
    pub max_duration: BlockNumber,
    /// Blocks of one era of contribution totals.
    pub era_length: BlockNumber,
    /// Milliseconds between blocks.
    pub block_time_ms: u64,
}

sp_api::decl_runtime_apis! {
    /// What the chain knows of models, workers and jobs.
    ///
    /// Listings return at most [`PAGE`] entries, fewer if `limit` is smaller.
    pub trait VigilApi {
        /// A model.
        fn model(id: ModelId) -> Option<ModelView>;
        /// Models from number `from` on.
        fn models(from: ModelId, limit: u32) -> Vec<ModelView>;
        /// A version.
        fn version(id: VersionId) -> Option<VersionView>;
        /// A worker.
        fn worker(account: AccountId) -> Option<WorkerView>;
        /// Workers, in the order of the storage keys, after `after`.
        fn workers(after: Option<AccountId>, limit: u32) -> Vec<WorkerView>;
        /// A job, until it is pruned.
        fn job(id: JobId) -> Option<Job>;
        /// Jobs from number `from` on that are not pruned.
        fn jobs(from: JobId, limit: u32) -> Vec<Job>;
        /// The jobs that `worker` is engaged in.
        fn assignments(worker: AccountId) -> Vec<Job>;
        /// What `worker` has computed and earned with a version.
        fn contribution(worker: AccountId, version: VersionId) -> Contribution;
        /// What everybody has computed and earned in an era.
        fn era_total(era: u32) -> Contribution;
        /// What a job would cost now.
        fn quote(
            version: VersionId,
            tokens_in: u32,
            max_tokens_out: u32,
            replicas: u8,
        ) -> Result<Quote, NoQuote>;
        /// A dataset.
        fn dataset(id: DatasetId) -> Option<DatasetView>;
        /// Datasets from number `from` on.
        fn datasets(from: DatasetId, limit: u32) -> Vec<DatasetView>;
        /// A version of a dataset.
        fn dataset_version(id: DatasetVersionId) -> Option<DatasetVersionView>;
        /// Statements about a version of a dataset, in the order of the storage keys, after
        /// `after`.
        fn statements(
            id: DatasetVersionId,
            after: Option<(AccountId, StatementKind)>,
            limit: u32,
        ) -> Vec<StatementView>;
        /// What an asset descends from, with shares and owners.
        fn lineage(asset: AssetId) -> Option<LineageView>;
        /// The assets that cite `asset`, each with the share that it gives, in the order of the
        /// storage keys, after `after`.
        fn descendants(asset: AssetId, after: Option<AssetId>, limit: u32) -> Vec<Share>;
        /// Whether an account may use an asset now; `None` when there is no such asset.
        fn permission(account: AccountId, asset: AssetId) -> Option<Permission>;
        /// The grants that an account holds, in the order of the storage keys, after `after`.
        fn grants_of(account: AccountId, after: Option<AssetId>, limit: u32) -> Vec<GrantView>;
        /// The grants of an asset, in the order of the storage keys, after `after`.
        fn grants_for(asset: AssetId, after: Option<AccountId>, limit: u32) -> Vec<GrantView>;
        /// What an asset has earned its owners in an era.
        fn asset_revenue(asset: AssetId, era: u32) -> Balance;
        /// What an account has earned in an era by each asset, in the order of the storage keys,
        /// after `after`.
        fn account_revenue(
            account: AccountId,
            era: u32,
            after: Option<AssetId>,
            limit: u32,
        ) -> Vec<(AssetId, Balance)>;
        /// What is kept for an account until it is claimed.
        fn claimable(account: AccountId) -> Balance;
        /// The constants a client needs.
        fn parameters() -> Parameters;
    }
}
