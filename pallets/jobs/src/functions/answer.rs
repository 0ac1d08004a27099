//! From a worker: commit, reveal and decline; and what follows when the last one has answered.

use super::*;
use crate::types::Agreement;
use vigil_primitives::{
    job::{DeclineReason, Output},
    Hash,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(worker: T::AccountId, id: JobId, commitment: Hash) -> DispatchResult {
        let now = Self::now();
        let mut job = Self::load(id)?;
        let complete = job.commit(&worker, commitment, now).map_err(Error::<T>::from)?;
        Self::deposit_event(Event::Committed { job: id, worker, commitment });
        if complete {
            let reveal_by = now.saturating_add(T::RevealPeriod::get());
            job.start_reveal(reveal_by);
            Self::deposit_event(Event::RevealStarted { job: id, reveal_by });
        }
        Self::store(id, job, now);
        Ok(())
    }

    pub(crate) fn do_reveal(
        worker: T::AccountId,
        id: JobId,
        output: Output,
        salt: [u8; 32],
    ) -> DispatchResult {
        let now = Self::now();
        let mut job = Self::load(id)?;
        let complete = job.reveal(id, &worker, output, &salt, now).map_err(Error::<T>::from)?;
        Self::deposit_event(Event::Revealed { job: id, worker, output });
        if complete {
            Self::conclude(id, job, now)
        } else {
            Self::store(id, job, now);
            Ok(())
        }
    }

    pub(crate) fn do_decline(
        worker: T::AccountId,
        id: JobId,
        reason: DeclineReason,
    ) -> DispatchResult {
        let now = Self::now();
        let mut job = Self::load(id)?;
        let replica = job.decline(&worker, now).map_err(Error::<T>::from)?;
        Self::release(id, &job, &replica, Outcome::Declined);
        Self::deposit_event(Event::Declined { job: id, worker, reason });
        Self::lose_attempt(id, job, now)
    }

    /// The workers that did not answer in time lose the job and a part of their bond.
    pub(crate) fn expire(
        id: JobId,
        mut job: JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        for replica in job.drop_late(now) {
            Self::release(id, &job, &replica, Outcome::Expired);
            Self::deposit_event(Event::Expired { job: id, worker: replica.worker });
        }
        // A withheld reveal never blocks the others: the job goes on with those who revealed.
        if matches!(job.agreement(), Agreement::Silent) {
            Self::lose_attempt(id, job, now)
        } else {
            Self::conclude(id, job, now)
        }
    }

    /// Compares the revealed outputs.
    fn conclude(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) -> DispatchResult {
        match job.agreement() {
            Agreement::Agreed(output) => {
                let settle_at = now.saturating_add(Self::window(&job, &output));
                job.conclude(settle_at);
                Self::deposit_event(Event::Concluded { job: id, output, settle_at });
                Self::store(id, job, now);
            }
            Agreement::Differ => Self::contest(id, job, now),
            Agreement::Silent => return Self::lose_attempt(id, job, now),
        }
        Ok(())
    }
}
