//! # Jobs: escrow, assignment, commit, reveal, expiry and settlement
//!
//! A requester submits a job with the most it pays, which is held until the job ends. The pallet
//! draws workers for it, takes their commitments and then their reveals, and pays everybody from
//! the hold in one storage transaction, or gives it all back: no result, no pay. The owner's fee is
//! split among the owners of everything that the version descends from, and the requester keeps to
//! the version's terms: licence, commercial use, and a grant where access takes one.
//!
//! | who | calls |
//! |---|---|
//! | requester | [`submit`](Pallet::submit), [`cancel`](Pallet::cancel) |
//! | worker | [`commit`](Pallet::commit), [`reveal`](Pallet::reveal), [`decline`](Pallet::decline) |
//! | anybody | [`poke`](Pallet::poke) |
//!
//! ## What moves a job
//!
//! The calls above, and what the hooks serve under a weight limit, going on in the next block where
//! they stopped:
//!
//! - the [lines](waiting) of those whose turn it is to have a job looked at. Its vacancies are filled
//!   together or not at all: no worker computes for a job that may never find its others.
//! - the **agenda**: every job has exactly one entry, at the block where something becomes due: the
//!   draw of an auditor, a missed deadline, the settlement, the refund of an undecided contest, at last the pruning.
//!
//! Each transition runs in its own storage transaction; one that fails is tried again later. Nobody
//! is trusted: work is computed from the architecture; a commitment binds the worker and the job;
//! none is revealed before all are made, and chance has decided whether another worker runs the job
//! too, unseen; and a withheld reveal blocks nobody else.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod contributions;
mod functions;
mod refusals;
mod try_state;
pub mod types;
pub mod waiting;
pub mod weights;

#[cfg(any(test, feature = "runtime-benchmarks"))]
pub mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use types::{Due, JobRecord};
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use frame_support::{pallet_macros::import_section, traits::fungible};
use types::{JobOf, JobRecordOf, JobSpecOf};
use vigil_primitives::{Balance, JobId};

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[import_section(crate::contributions::storage)]
#[import_section(crate::functions::storage)]
#[import_section(crate::functions::audit::storage)]
#[import_section(crate::refusals::errors)]
#[import_section(crate::functions::agenda::storage)]
#[import_section(crate::functions::escrow::reason)]
#[import_section(crate::waiting::storage)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::waiting::{Ends, Lane, Order, Round, Standing, Woken};
    use frame_support::{pallet_prelude::*, traits::Randomness};
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;
    use vigil_primitives::{
        audit::Record,
        job::{Contribution, DeclineReason, Input, Output, Receipt, RefundReason},
        job::{NoQuote, Quote, QuoteRequest},
        traits::{Disputes, Grants, ModelRegistry, Stakes, UnpaidBook, Waterfall, WorkerPool},
        Hash, ModelVersionId,
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The jobs.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The runtime's reasons for a hold.
        type RuntimeHoldReason: From<HoldReason>;

        /// What jobs are paid in.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The models.
        type Models: ModelRegistry<Self::AccountId>;

        /// Who is paid the owner's fee of a version.
        type Waterfall: Waterfall<Self::AccountId>;

        /// Who may use a version that is not open to everybody.
        type Grants: Grants<Self::AccountId>;

        /// What keeps the parts of payees that cannot be credited.
        type Unpaid: UnpaidBook<Self::AccountId>;

        /// The workers.
        type Workers: WorkerPool<Self::AccountId>;

        /// Who decides when replicas differ.
        type Disputes: Disputes<Self::AccountId>;

        /// What stands behind results.
        type Stakes: Stakes<Self::AccountId>;

        /// Randomness that nobody knew when the job was submitted, or when the last of its workers
        /// committed: it draws the workers, and the auditor.
        type Randomness: Randomness<Self::Hash, BlockNumberFor<Self>>;

        /// Where protocol fees go, and what auditors are paid from.
        type Treasury: Get<Self::AccountId>;

        /// The protocol's fee on rewards.
        #[pallet::constant]
        type ProtocolFee: Get<Permill>;

        /// The smallest ask of a worker, per giga multiply-accumulate: a job must afford it.
        #[pallet::constant]
        type MinAsk: Get<Balance>;

        /// Blocks a worker has for its commitment, beside the time for the work.
        #[pallet::constant]
        type CommitPeriod: Get<BlockNumberFor<Self>>;

        /// Multiply-accumulates that every worker is expected to do in a block.
        #[pallet::constant]
        type WorkPerBlock: Get<u64>;

        /// Blocks a worker has to reveal its commitment.
        #[pallet::constant]
        type RevealPeriod: Get<BlockNumberFor<Self>>;

        /// Shortest challenge window a requester may choose.
        #[pallet::constant]
        type MinChallengeWindow: Get<BlockNumberFor<Self>>;

        /// Longest challenge window a requester may choose.
        #[pallet::constant]
        type MaxChallengeWindow: Get<BlockNumberFor<Self>>;

        /// Blocks after which a contested job is refunded when nothing has been decided.
        #[pallet::constant]
        type ContestPeriod: Get<BlockNumberFor<Self>>;

        /// Blocks that the record of an ended job is kept.
        #[pallet::constant]
        type Retention: Get<BlockNumberFor<Self>>;

        /// Blocks until a failed transition is tried again.
        #[pallet::constant]
        type RetryPeriod: Get<BlockNumberFor<Self>>;

        /// Most blocks from submission to deadline.
        #[pallet::constant]
        type MaxDuration: Get<BlockNumberFor<Self>>;

        /// What a job costs for every block that it waits for its first worker.
        #[pallet::constant]
        type WaitingFee: Get<Balance>;

        /// Most jobs that have not ended.
        #[pallet::constant]
        type MaxOpenJobs: Get<u32>;

        /// Most jobs of one requester that have not ended.
        #[pallet::constant]
        type MaxOpenJobsPerAccount: Get<u32>;

        /// Blocks after which half of what audits have found right of a version counts.
        #[pallet::constant]
        type RecordHalfLife: Get<BlockNumberFor<Self>>;

        /// Blocks of one era of contribution totals.
        #[pallet::constant]
        type EraLength: Get<BlockNumberFor<Self>>;

        /// Most weight at a block's start: half of it for the agenda, all that is left for the queue.
        #[pallet::constant]
        type ServiceWeight: Get<Weight>;

        /// Weights.
        type WeightInfo: WeightInfo;

        /// Sets the scenes of the benchmarks.
        #[cfg(any(test, feature = "runtime-benchmarks"))]
        type BenchmarkHelper: crate::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A job waits for workers; its price is held.
        Submitted {
            /// The job.
            job: JobId,
            /// Who pays.
            requester: T::AccountId,
            /// What is run.
            version: ModelVersionId,
            /// What is held.
            max_price: Balance,
            /// What is held beside it for the time until the deadline.
            waiting: Balance,
        },
        /// The waiting for the first worker has ended, by an assignment or with the job.
        Waited {
            /// The job.
            job: JobId,
            /// What went to the treasury.
            paid: Balance,
            /// What is left of its hold, back to the requester.
            returned: Balance,
        },
        /// A worker has been drawn for a job.
        Assigned {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
            /// Its price per giga multiply-accumulate.
            ask: Balance,
            /// Last block for its commitment.
            commit_by: BlockNumberFor<T>,
        },
        /// A worker has committed to an output.
        Committed {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
            /// The commitment.
            commitment: Hash,
        },
        /// A job is audited: another worker runs it too.
        AuditorDrawn {
            /// The job.
            job: JobId,
            /// The auditor.
            auditor: T::AccountId,
            /// The worker that made the audit so likely.
            subject: T::AccountId,
            /// The chance it had.
            chance: Permill,
        },
        /// An audit was due, but nobody could be drawn for it, or nobody answered.
        NotAudited {
            /// The job.
            job: JobId,
        },
        /// The auditor has come to the same result.
        Audited {
            /// The job.
            job: JobId,
            /// The auditor.
            auditor: T::AccountId,
            /// What it was paid.
            paid: Balance,
            /// The part of it that came from the treasury.
            network: Balance,
            /// The part of it that came out of the bond of the worker that was audited.
            bond: Balance,
        },
        /// A worker that was audited has not revealed what it had committed to: it lost a part of its
        /// bond.
        Silent {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
        },
        /// All have committed: they reveal their commitments until this block.
        RevealStarted {
            /// The job.
            job: JobId,
            /// Last block for the reveals.
            reveal_by: BlockNumberFor<T>,
        },
        /// A worker has revealed its commitment.
        Revealed {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
            /// The output.
            output: Output,
        },
        /// A worker gave a job back.
        Declined {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
            /// Why.
            reason: DeclineReason,
        },
        /// A worker missed its deadline and lost the job.
        Expired {
            /// The job.
            job: JobId,
            /// The worker.
            worker: T::AccountId,
        },
        /// The job waits for other workers, after so many lost attempts.
        Requeued {
            /// The job.
            job: JobId,
            /// Attempts lost so far.
            attempts: u8,
        },
        /// All revealed outputs agree; payment is due at this block.
        Concluded {
            /// The job.
            job: JobId,
            /// The output.
            output: Output,
            /// When payment is due.
            settle_at: BlockNumberFor<T>,
        },
        /// Revealed outputs differ; escrow and bonds stay held until this block or a decision.
        Contested {
            /// The job.
            job: JobId,
            /// When the requester is refunded if nothing has been decided.
            until: BlockNumberFor<T>,
        },
        /// Nobody could be asked to decide a contested job.
        NotDisputed {
            /// The job.
            job: JobId,
            /// What went wrong.
            error: DispatchError,
        },
        /// A result is disputed. Until that has ended nothing is paid, refunded or pruned.
        Disputed {
            /// The job.
            job: JobId,
            /// Whose result it is.
            worker: T::AccountId,
        },
        /// A result is wrong, and its worker has lost a part of its bond.
        Convicted {
            /// The job.
            job: JobId,
            /// Whose result it was.
            worker: T::AccountId,
        },
        /// A job was paid. The receipt's parts add up to the escrow.
        Settled {
            /// The job.
            job: JobId,
            /// The output.
            output: Output,
            /// Who was paid what.
            receipt: Receipt,
        },
        /// A payee could not be credited, for instance below the existential deposit of an account
        /// that does not exist. The amount is kept until it is collected.
        PaymentKept {
            /// The job.
            job: JobId,
            /// Whose it is.
            payee: T::AccountId,
            /// The amount.
            amount: Balance,
        },
        /// A payee could not be credited and its part could not be kept. The requester has it back.
        PaymentReturned {
            /// The job.
            job: JobId,
            /// Who could not be credited.
            payee: T::AccountId,
            /// The amount.
            amount: Balance,
            /// Why it could not be kept.
            error: DispatchError,
        },
        /// The whole escrow went back to the requester.
        Refunded {
            /// The job.
            job: JobId,
            /// Who pays.
            requester: T::AccountId,
            /// The amount.
            amount: Balance,
            /// Why.
            reason: RefundReason,
        },
        /// The requester took the job back, and the whole escrow with it.
        Cancelled {
            /// The job.
            job: JobId,
            /// Who pays.
            requester: T::AccountId,
            /// The amount.
            amount: Balance,
        },
        /// A due transition failed and is tried again at this block.
        Postponed {
            /// The job.
            job: JobId,
            /// When it is tried again.
            until: BlockNumberFor<T>,
            /// What went wrong.
            error: DispatchError,
        },
        /// The record of an ended job was removed.
        Pruned {
            /// The job.
            job: JobId,
        },
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::serve(now)
        }

        fn on_idle(now: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::serve_idle(now, remaining)
        }

        fn integrity_test() {
            Self::check_config();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Submits a job and holds `max_price` of the caller until it ends, and what it may cost to
        /// wait until the deadline. In a market that is full it ends the job that offers least of
        /// those that were never assigned, if its own bid is higher.
        ///
        /// Any account may call it that satisfies the version's terms. Where they ask for a grant,
        /// a use of the caller's is reserved; it is consumed if the job is settled and given back
        /// if it is not. The version's fee and architecture are those of this moment; the fee is
        /// split among those who own the version, and all that it descends from, at settlement.
        ///
        /// Emits [`Event::Submitted`], and [`Event::Refunded`] for a job that is outbid. Refuses, in
        /// this order: a version that is unknown or revoked; another licence than the version's;
        /// commercial use where it is forbidden; a version that is not served; an input that is
        /// empty, no whole tokens, too long or out of vocabulary; more tokens than the version
        /// generates; replicas out of range, or more than workers; challenge window or deadline
        /// out of range; too low a price; a grant that is missing, expired or exhausted (errors of
        /// `Provenance`); too many open jobs; more than the caller can spend.
        #[pallet::call_index(0)]
        #[pallet::weight(Pallet::<T>::submit_weight(spec))]
        pub fn submit(origin: OriginFor<T>, spec: Box<JobSpecOf<T>>) -> DispatchResultWithPostInfo {
            Ok(Some(Self::do_submit(ensure_signed(origin)?, *spec)?).into())
        }

        /// Takes a queued job back, with its whole escrow.
        ///
        /// Only its requester may, and only while no worker is engaged. Emits
        /// [`Event::Cancelled`]. Refuses a job that does not exist, is another's or is not queued.
        #[pallet::call_index(1)]
        #[pallet::weight(Pallet::<T>::cancel_weight())]
        pub fn cancel(origin: OriginFor<T>, job: JobId) -> DispatchResult {
            Self::do_cancel(&ensure_signed(origin)?, job)
        }

        /// Commits to an output, without showing it.
        ///
        /// Only a worker drawn for the job may, once, up to its `commit_by`. Free when it
        /// succeeds. `commitment` is [`vigil_primitives::job::commitment`]. Emits
        /// [`Event::Committed`], and [`Event::RevealStarted`] when it is the last.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::commit())]
        pub fn commit(
            origin: OriginFor<T>,
            job: JobId,
            commitment: Hash,
        ) -> DispatchResultWithPostInfo {
            Self::do_commit(ensure_signed(origin)?, job, commitment)?;
            Ok(Pays::No.into())
        }

        /// Reveals a commitment.
        ///
        /// Only a worker that has committed may, once every replica has, up to `reveal_by`. Free
        /// when it succeeds. Emits [`Event::Revealed`], and [`Event::Concluded`] or
        /// [`Event::Contested`] when it is the last. Refuses what was not committed to.
        #[pallet::call_index(3)]
        #[pallet::weight(Pallet::<T>::reveal_weight())]
        pub fn reveal(
            origin: OriginFor<T>,
            job: JobId,
            output: Output,
            salt: [u8; 32],
        ) -> DispatchResultWithPostInfo {
            Self::do_reveal(ensure_signed(origin)?, job, output, salt)?;
            Ok(Pays::No.into())
        }

        /// Gives a job back before committing, without a slash.
        ///
        /// Only a worker drawn for the job may, up to its `commit_by`. It counts as a lost attempt.
        /// Emits [`Event::Declined`], and [`Event::Requeued`] or [`Event::Refunded`].
        #[pallet::call_index(4)]
        #[pallet::weight(Pallet::<T>::decline_weight())]
        pub fn decline(origin: OriginFor<T>, job: JobId, reason: DeclineReason) -> DispatchResult {
            Self::do_decline(ensure_signed(origin)?, job, reason)
        }

        /// Runs what a job is due for now: an expiry, the settlement, a refund or the pruning.
        ///
        /// Any account may call it; the agenda does the same by itself. Emits the events of the
        /// transition. Refuses with `NotDue` when there is nothing to do.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::poke().saturating_add(Pallet::<T>::heaviest_step()))]
        pub fn poke(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            ensure_signed(origin)?;
            Ok(Some(Self::do_poke(job)?).into())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A job, until it is pruned.
        pub fn job(id: JobId) -> Option<JobOf<T>> {
            Self::job_view(id)
        }

        /// At most `limit` jobs from number `from` on, and never more than a page.
        pub fn jobs(from: JobId, limit: u32) -> Vec<JobOf<T>> {
            Self::job_views(from, limit)
        }

        /// The jobs that `worker` is engaged in.
        pub fn assignments(worker: T::AccountId) -> Vec<JobOf<T>> {
            AssignedTo::<T>::iter_key_prefix(worker).filter_map(Self::job_view).collect()
        }

        /// What `worker` has computed and earned with a version.
        pub fn contribution(worker: T::AccountId, version: ModelVersionId) -> Contribution {
            Contributions::<T>::get(worker, version)
        }

        /// What everybody has computed and earned in an era.
        pub fn era_total(era: u32) -> Contribution {
            EraTotals::<T>::get(era)
        }

        /// What a job would cost now, how likely it is audited, and how long it takes.
        pub fn quote(request: QuoteRequest) -> Result<Quote<T::AccountId>, NoQuote> {
            Self::price(request)
        }

        /// What audits have found right of a version, in rewards.
        pub fn record_of(version: ModelVersionId) -> Record<BlockNumberFor<T>> {
            Self::version_record(version, Self::now())
        }
    }
}
