//! How the pallets meet each other.
//!
//! No pallet names another pallet: each states here what it needs, and the runtime wires them.

use crate::{
    model::{VersionId, VersionSpec, VersionStatus},
    Balance, JobId,
};
use alloc::vec::Vec;
use sp_runtime::DispatchResult;

/// A published version with its owner and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredVersion<AccountId> {
    /// Who owns the model now.
    pub owner: AccountId,
    /// What was published.
    pub spec: VersionSpec,
    /// Whether it takes new work.
    pub status: VersionStatus,
}

/// The model registry as workers and jobs see it.
pub trait ModelRegistry<AccountId> {
    /// The version, if it was ever published.
    fn version(id: VersionId) -> Option<RegisteredVersion<AccountId>>;

    /// Sets the scene of a benchmark: publishes an active version of a small encoder in the name
    /// of `owner`, at no cost. No call reaches it. `None` when the registry cannot.
    fn benchmark_version(_owner: &AccountId) -> Option<VersionId> {
        None
    }
}

/// Splits what a model's owner earns among everybody the version descends from.
///
/// The parts add up to `amount`; for a version that was never published there are none.
pub trait Waterfall<AccountId> {
    /// Who is paid which part of `amount`.
    fn split(id: VersionId, amount: Balance) -> Vec<(AccountId, Balance)>;
}

/// What a job needs of a worker.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a, AccountId> {
    /// The version to run.
    pub version: VersionId,
    /// Multiply-accumulates at most.
    pub work: u64,
    /// The most the worker may earn.
    pub budget: Balance,
    /// Workers that must not be drawn.
    pub exclude: &'a [AccountId],
    /// Randomness of the draw.
    pub seed: [u8; 32],
}

/// A worker drawn for a job. It holds a place and the reward counts against its bond until
/// [`WorkerPool::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement<AccountId> {
    /// The worker.
    pub worker: AccountId,
    /// Its price per giga multiply-accumulate.
    pub ask: Balance,
    /// What it earns at most: `pricing::reward(ask, work)`.
    pub reward: Balance,
}

/// How an engagement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The job was settled and the worker paid.
    Completed,
    /// The job ended without fault of the worker and without pay.
    Released,
    /// The worker gave the job back in time.
    Declined,
    /// The worker missed a deadline: a small slash, and jail after repeats.
    Expired,
    /// Replicas differed and nothing was decided.
    Undecided,
}

/// The workers as jobs see them.
pub trait WorkerPool<AccountId> {
    /// Draws one worker from a bounded sample and engages it; `None` when none of the sample fits.
    fn engage(opening: &Opening<'_, AccountId>) -> Option<Engagement<AccountId>>;

    /// Ends an engagement. `reward` is the engagement's.
    fn release(worker: &AccountId, reward: Balance, outcome: Outcome);

    /// Weight of one [`Self::engage`].
    fn engage_weight() -> sp_runtime::Weight;

    /// Weight of one [`Self::release`], whatever the outcome.
    fn release_weight() -> sp_runtime::Weight;

    /// Weight of one [`Self::release`] with this outcome: at most [`Self::release_weight`], and
    /// far less when the outcome cannot send the worker to jail.
    fn release_weight_of(_outcome: Outcome) -> sp_runtime::Weight {
        Self::release_weight()
    }

    /// Whether anybody serves the version.
    fn is_served(version: VersionId) -> bool;

    /// Asks of workers that serve the version and could take a job now, from a bounded sample.
    fn asks(version: VersionId) -> Vec<Balance>;

    /// Sets the scene of a benchmark: makes `worker` an active worker that serves `version` with
    /// the lowest ask, room for many jobs and a bond minted to cover them. No call reaches it.
    fn benchmark_worker(_worker: &AccountId, _version: VersionId) {}
}

/// Decides jobs whose replicas differ. Until it does, they end by a timeout and a full refund.
pub trait Disputes {
    /// The job has become contested.
    fn contested(job: JobId) -> DispatchResult;
}

impl Disputes for () {
    fn contested(_job: JobId) -> DispatchResult {
        Ok(())
    }
}
