//! The runtime API: what a worker, a command line or a frontend asks the chain.

use crate::{
    job::{Contribution, Job, JobId},
    model::{ModelId, Name, VersionId, VersionSpec, VersionStatus},
    worker::{Capability, Reputation, WorkerStatus},
    AccountId, Balance, BlockNumber,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

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

/// What a job would cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Quote {
    /// Multiply-accumulates of one replica at most.
    pub work: u64,
    /// To the model's owner at most.
    pub owner_fee: Balance,
    /// Total at which as many workers as replicas would take the job; `None` when fewer could take
    /// it now.
    pub lowest: Option<Balance>,
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
        /// The constants a client needs.
        fn parameters() -> Parameters;
    }
}
