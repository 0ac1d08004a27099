//! What the calls and the hooks do, by feature.
//!
//! Every change of a job ends in [`Pallet::store`], which keeps the agenda and the lists of those
//! that wait in step with the record, so that no transition has to remember them.

pub(crate) mod agenda;
mod answer;
pub(crate) mod audit;
mod dispute;
pub(crate) mod escrow;
mod queue;
mod settle;
mod submit;
pub(crate) mod views;
mod waiting;

use crate::*;
use codec::Encode;
use frame_support::{
    ensure,
    pallet_macros::pallet_section,
    traits::{fungible::MutateHold, tokens::Precision, Get},
    weights::Weight,
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{
    traits::{Saturating, Zero},
    DispatchError, DispatchResult,
};
use vigil_primitives::{
    job::{RefundReason, Replica, MAX_REPLICAS},
    traits::{Disputes, Grants, Outcome, WorkerPool},
    JobStatus,
};

/// What is stored of jobs themselves.
#[pallet_section]
mod storage {
    /// Number of the next job.
    #[pallet::storage]
    pub type NextJob<T> = StorageValue<_, JobId, ValueQuery>;

    /// No job below this number remains. Listings start here.
    #[pallet::storage]
    pub type FirstJob<T> = StorageValue<_, JobId, ValueQuery>;

    /// The jobs that are open or ended lately.
    #[pallet::storage]
    pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, JobRecordOf<T>>;

    /// Their inputs.
    #[pallet::storage]
    pub type Inputs<T> = StorageMap<_, Twox64Concat, JobId, Input>;

    /// The jobs that a worker is engaged in.
    #[pallet::storage]
    pub type AssignedTo<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, JobId, ()>;
}

type ReplicaOf<T> = Replica<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

impl<T: Config> Pallet<T> {
    pub(crate) fn now() -> BlockNumberFor<T> {
        frame_system::Pallet::<T>::block_number()
    }

    fn load(id: JobId) -> Result<JobRecordOf<T>, DispatchError> {
        Jobs::<T>::get(id).ok_or_else(|| Error::<T>::NotFound.into())
    }

    /// Stores a job whose status may have changed, and gives it its entry in the agenda and, while
    /// it has vacancies, a place where it waits.
    fn store(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        let due = job.next_due().unwrap_or_else(|| now.saturating_add(T::Retention::get()));
        let wake_at = due.max(now.saturating_add(1u32.into()));
        Self::reschedule(id, &mut job, wake_at);
        match (job.place, job.vacancies() > 0) {
            (None, true) => Self::start_waiting(id, &mut job),
            (Some(place), false) => Self::stop_waiting(&mut job, place),
            _ => {}
        }
        Jobs::<T>::insert(id, job);
    }

    /// The last block for a commitment to what is engaged now.
    fn commit_by(job: &JobRecordOf<T>, now: BlockNumberFor<T>) -> BlockNumberFor<T> {
        let work = Self::work_blocks(job.max_work());
        now.saturating_add(work).saturating_add(T::CommitPeriod::get())
    }

    fn reschedule(id: JobId, job: &mut JobRecordOf<T>, wake_at: BlockNumberFor<T>) {
        Agenda::<T>::remove(job.wake_at, id);
        Agenda::<T>::insert(wake_at, id, ());
        job.wake_at = wake_at;
    }

    /// Ends a worker's engagement.
    fn release(id: JobId, job: &JobRecordOf<T>, replica: &ReplicaOf<T>, outcome: Outcome) {
        AssignedTo::<T>::remove(&replica.worker, id);
        let answered = replica.revealed().is_some();
        T::Workers::release(&replica.worker, job.engaged_reward(replica.ask), answered, outcome);
    }

    /// Stores a job that has ended. Nothing may be held for it any more. The use that it had
    /// reserved of a grant is consumed if it was settled, and given back otherwise.
    fn close(id: JobId, job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        if let Some(grant) = job.grant {
            let consumed = matches!(job.status, JobStatus::Settled { .. });
            T::Grants::end_use(job.version.into(), &job.requester, grant, 1, consumed.into());
        }
        OpenJobs::<T>::mutate(Saturating::saturating_dec);
        OpenJobsOf::<T>::mutate_exists(&job.requester, |open| {
            *open = open.map(|open| open.saturating_sub(1)).filter(|open| !open.is_zero());
        });
        Self::store(id, job, now);
    }

    /// Gives the whole escrow back and lets the workers go.
    fn refund(
        id: JobId,
        mut job: JobRecordOf<T>,
        reason: RefundReason,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let outcome = match reason {
            RefundReason::Undecided => Outcome::Undecided,
            RefundReason::NoWorker
            | RefundReason::AttemptsExhausted
            | RefundReason::Outbid
            | RefundReason::Convicted => Outcome::Released,
        };
        for replica in job.take_replicas() {
            Self::release(id, &job, &replica, outcome);
        }
        Self::forget_audit(&mut job);
        Self::pay_for_waiting(id, &mut job, now)?;
        Self::give_back(&job.requester, job.max_price)?;
        Self::deposit_event(Event::Refunded {
            job: id,
            requester: job.requester.clone(),
            amount: job.max_price,
            reason,
        });
        job.status = JobStatus::Refunded { reason };
        Self::close(id, job, now);
        Ok(())
    }

    /// Goes on after workers lost the job: it waits for others, or is refunded after too many
    /// attempts or past its deadline.
    fn lose_attempt(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) -> DispatchResult {
        Self::forget_audit(&mut job);
        if !job.lose_attempt() {
            return Self::refund(id, job, RefundReason::AttemptsExhausted, now);
        }
        if job.deadline < now {
            return Self::refund(id, job, RefundReason::NoWorker, now);
        }
        Self::deposit_event(Event::Requeued { job: id, attempts: job.attempts });
        Self::store(id, job, now);
        Ok(())
    }

    /// Weight of ending so many engagements.
    fn release_weight(outcome: Outcome, replicas: u32) -> Weight {
        T::Workers::release_weight_of(outcome).saturating_mul(replicas.into())
    }

    /// Most weight of submitting this. The looks that follow are in the hooks' share of a block, and
    /// are paid for by the waiting fee, which every job pays for the block of its first look at least.
    pub(crate) fn submit_weight(spec: &JobSpecOf<T>) -> Weight {
        T::WeightInfo::submit(types::inline_len(&spec.input))
            .saturating_add(T::Grants::use_weight())
            .saturating_add(Self::evict_weight())
    }

    /// Weight of ending a job that is outbid.
    fn evict_weight() -> Weight {
        T::WeightInfo::evict().saturating_add(T::Grants::use_weight())
    }

    /// Weight of cancelling.
    pub(crate) fn cancel_weight() -> Weight {
        T::WeightInfo::cancel().saturating_add(T::Grants::use_weight())
    }

    /// Weight of revealing: the last one may open a dispute.
    pub(crate) fn reveal_weight() -> Weight {
        T::WeightInfo::reveal()
            .saturating_add(T::Workers::answered_weight())
            .saturating_add(T::Disputes::contested_weight())
    }

    /// Weight of giving a job back: the last attempt ends the other engagements too.
    pub(crate) fn decline_weight() -> Weight {
        T::WeightInfo::decline()
            .saturating_add(T::Grants::use_weight())
            .saturating_add(Self::release_weight(Outcome::Declined, 1))
            .saturating_add(Self::release_weight(Outcome::Released, MAX_REPLICAS))
    }
}
