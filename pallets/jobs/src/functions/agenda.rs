//! The agenda: what becomes due by itself.

use super::*;
use crate::types::Due;
use frame_support::{
    pallet_macros::pallet_section, storage::with_storage_layer, weights::WeightMeter,
};
use vigil_primitives::{
    job::MAX_RUNS,
    lineage::MAX_PAYEES,
    traits::{Completion, Stakes, UnpaidBook, Waterfall},
};

/// Numbers of pruned jobs that one pruning steps over. More than one, so that the oldest
/// number keeps up with jobs that are pruned out of order.
const STEPS_PER_PRUNE: u32 = 8;

/// What of it is stored.
#[pallet_section]
mod storage {
    /// What becomes due in which block.
    #[pallet::storage]
    pub type Agenda<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BlockNumberFor<T>, Twox64Concat, JobId, ()>;

    /// The oldest block whose agenda is unfinished.
    #[pallet::storage]
    pub type AgendaCursor<T: Config> = StorageValue<_, BlockNumberFor<T>>;
}

impl<T: Config> Pallet<T> {
    /// What the start of a block does: the agenda with half the weight, the queue with the rest.
    pub(crate) fn serve(now: BlockNumberFor<T>) -> Weight {
        let limit = T::ServiceWeight::get();
        let mut agenda = WeightMeter::with_limit(limit.div(2));
        Self::serve_agenda(now, true, &mut agenda);
        let mut queue = WeightMeter::with_limit(limit.saturating_sub(agenda.consumed()));
        Self::serve_queue(now, &mut queue);
        agenda.consumed().saturating_add(queue.consumed())
    }

    /// What an idle end of a block does: what is left of the agenda, but for draws. Workers and
    /// auditors are drawn at the start of a block only: whoever fills the block knows its randomness.
    pub(crate) fn serve_idle(now: BlockNumberFor<T>, remaining: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(remaining);
        Self::serve_agenda(now, false, &mut meter);
        meter.consumed()
    }

    /// Runs what is due up to now, block by block, as far as the weight goes. Never skips.
    pub(crate) fn serve_agenda(now: BlockNumberFor<T>, draws: bool, meter: &mut WeightMeter) {
        // Before the pallet's first block there is nothing to catch up with; from then on the
        // cursor stands, even in a block that has no weight to move it.
        let mut page = AgendaCursor::<T>::get().unwrap_or_else(|| {
            AgendaCursor::<T>::put(now);
            now
        });
        if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
            return;
        }
        while page <= now && Self::serve_page(page, now, draws, meter) {
            page = page.saturating_add(1u32.into());
            if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
                break;
            }
        }
        AgendaCursor::<T>::put(page);
    }

    /// Runs the entries of one block. Whether it finished them.
    fn serve_page(
        page: BlockNumberFor<T>,
        now: BlockNumberFor<T>,
        draws: bool,
        meter: &mut WeightMeter,
    ) -> bool {
        let mut finished = true;
        for id in Agenda::<T>::iter_key_prefix(page) {
            if meter.try_consume(T::WeightInfo::look()).is_err() {
                return false;
            }
            let Some(job) = Jobs::<T>::get(id).filter(|job| job.wake_at == page) else {
                Agenda::<T>::remove(page, id);
                continue;
            };
            let Some(due) = job.due(now) else {
                Self::store(id, job, now);
                continue;
            };
            if due == Due::DrawAuditor && !draws {
                finished = false;
                continue;
            }
            if meter.try_consume(Self::step_weight_of(&job, due)).is_err() {
                return false;
            }
            if let Err(error) = Self::step(id, job, due, now) {
                Self::postpone(id, error, now);
            }
        }
        finished
    }

    pub(crate) fn do_poke(id: JobId) -> Result<Weight, DispatchError> {
        let now = Self::now();
        let job = Self::load(id)?;
        // A draw is not for whoever knows its randomness to time.
        let due = job.due(now).filter(|due| *due != Due::DrawAuditor);
        let due = due.ok_or(Error::<T>::NotDue)?;
        let weight = Self::step_weight_of(&job, due);
        Self::step(id, job, due, now)?;
        Ok(T::WeightInfo::poke().saturating_add(weight))
    }

    /// Runs what a job is due for, wholly or not at all.
    fn step(id: JobId, job: JobRecordOf<T>, due: Due, now: BlockNumberFor<T>) -> DispatchResult {
        with_storage_layer(|| match due {
            Due::Settle => Self::settle(id, job, now),
            Due::ExpireCommitments | Due::ExpireReveals => Self::expire(id, job, now),
            Due::DrawAuditor => {
                Self::draw_auditor(id, job, now);
                Ok(())
            }
            Due::Refund(reason) => Self::refund(id, job, reason, now),
            Due::Prune => {
                Self::prune(id, &job);
                Ok(())
            }
        })
    }

    /// Puts a job whose transition failed on a later page, as it is.
    fn postpone(id: JobId, error: DispatchError, now: BlockNumberFor<T>) {
        let until = now.saturating_add(T::RetryPeriod::get().max(1u32.into()));
        if let Some(mut job) = Jobs::<T>::get(id) {
            Self::reschedule(id, &mut job, until);
            Jobs::<T>::insert(id, job);
        }
        Self::deposit_event(Event::Postponed { job: id, until, error });
    }

    fn prune(id: JobId, job: &JobRecordOf<T>) {
        Agenda::<T>::remove(job.wake_at, id);
        Inputs::<T>::remove(id);
        Jobs::<T>::remove(id);
        let (mut first, next) = (FirstJob::<T>::get(), NextJob::<T>::get());
        for _ in 0..STEPS_PER_PRUNE {
            if first >= next || Jobs::<T>::contains_key(first) {
                break;
            }
            first = first.saturating_add(1);
        }
        FirstJob::<T>::put(first);
        Self::deposit_event(Event::Pruned { job: id });
    }

    fn step_weight_of(job: &JobRecordOf<T>, due: Due) -> Weight {
        let replicas = u32::try_from(job.status.replicas().len()).unwrap_or(MAX_RUNS);
        Self::step_weight(due, replicas, job.payees)
    }

    /// Weight of a transition of a job with so many workers and payees of the owner's fee.
    pub(crate) fn step_weight(due: Due, replicas: u32, payees: u32) -> Weight {
        let (own, outcome) = match due {
            Due::Settle => {
                let outcome = Outcome::Completed(Completion::default());
                (Self::settle_weight(replicas, payees), outcome)
            }
            Due::ExpireCommitments => {
                (T::WeightInfo::expire_commitments(replicas), Outcome::Expired)
            }
            Due::ExpireReveals => {
                let silences = T::Stakes::convict_weight().saturating_mul(replicas.into());
                let own = T::WeightInfo::expire_reveals(replicas)
                    .saturating_add(silences)
                    .saturating_add(T::Disputes::contested_weight());
                (own, Outcome::Expired)
            }
            Due::DrawAuditor => {
                let draw = T::WeightInfo::draw_auditor(replicas);
                // Its sample is looked at for the market's price too.
                return draw.saturating_add(T::Workers::engage_weight().saturating_mul(2));
            }
            Due::Refund(RefundReason::Undecided) => {
                (T::WeightInfo::refund(replicas), Outcome::Undecided)
            }
            Due::Refund(_) => (T::WeightInfo::refund(replicas), Outcome::Released),
            Due::Prune => return T::WeightInfo::prune(),
        };
        own.saturating_add(Self::release_weight(outcome, replicas))
            .saturating_add(T::Grants::use_weight())
    }

    /// Weight of the payments, when nobody can be credited and everything is kept.
    fn settle_weight(replicas: u32, payees: u32) -> Weight {
        let payments = replicas.saturating_add(payees).saturating_add(1);
        T::WeightInfo::settle(replicas, payees)
            .saturating_add(T::Waterfall::split_weight(payees))
            .saturating_add(T::Stakes::charge_weight())
            .saturating_add(T::Unpaid::keep_weight().saturating_mul(payments.into()))
    }

    /// Weight of the heaviest transition.
    pub(crate) fn heaviest_step() -> Weight {
        [
            Due::Settle,
            Due::ExpireCommitments,
            Due::ExpireReveals,
            Due::DrawAuditor,
            Due::Refund(RefundReason::NoWorker),
            Due::Refund(RefundReason::Undecided),
            Due::Prune,
        ]
        .into_iter()
        .map(|due| Self::step_weight(due, MAX_RUNS, MAX_PAYEES))
        .fold(Weight::zero(), |heaviest, step| heaviest.max(step))
    }

    /// Refuses a configuration under which the pallet could not keep its promises.
    pub(crate) fn check_config() {
        let one: BlockNumberFor<T> = 1u32.into();
        assert!(T::MinAsk::get() > 0, "MinAsk must be positive");
        assert!(T::WorkPerBlock::get() > 0, "WorkPerBlock must be positive");
        assert!(T::MaxOpenJobs::get() > 0, "MaxOpenJobs must be positive");
        assert!(T::MaxOpenJobsPerAccount::get() > 0, "MaxOpenJobsPerAccount must be positive");
        for (period, name) in [
            (T::CommitPeriod::get(), "CommitPeriod"),
            (T::RevealPeriod::get(), "RevealPeriod"),
            (T::MinChallengeWindow::get(), "MinChallengeWindow"),
            (T::ContestPeriod::get(), "ContestPeriod"),
            (T::Retention::get(), "Retention"),
            (T::RetryPeriod::get(), "RetryPeriod"),
            (T::MaxDuration::get(), "MaxDuration"),
            (T::EraLength::get(), "EraLength"),
            (T::RecordHalfLife::get(), "RecordHalfLife"),
        ] {
            assert!(period >= one, "{name} must be at least one block");
        }
        assert!(
            T::MinChallengeWindow::get() <= T::MaxChallengeWindow::get(),
            "MinChallengeWindow must not exceed MaxChallengeWindow"
        );
        let half = T::ServiceWeight::get().div(2);
        let transition = T::WeightInfo::turn_page()
            .saturating_add(T::WeightInfo::look())
            .saturating_add(Self::heaviest_step());
        assert!(transition.all_lte(half), "ServiceWeight must fit two transitions");
        let turn = Self::heaviest_turn();
        assert!(turn.all_lte(half), "ServiceWeight must fit two turns");
    }
}
