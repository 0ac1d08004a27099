//! From a worker: commit, reveal and decline; and what follows when the last one has answered.

use super::*;
use crate::types::Verdict;
use frame_support::storage::with_storage_layer;
use vigil_primitives::{
    job::{DeclineReason, Output},
    traits::Disputes,
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
        if matches!(job.verdict(), Verdict::Silent) {
            Self::lose_attempt(id, job, now)
        } else {
            Self::conclude(id, job, now)
        }
    }

    /// Compares the revealed outputs.
    fn conclude(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) -> DispatchResult {
        match job.verdict() {
            Verdict::Agreed(output) => {
                let wait = if job.status.replicas().len() >= 2 {
                    1u32.into()
                } else {
                    job.policy.challenge_window
                };
                let settle_at = now.saturating_add(wait);
                job.conclude(settle_at);
                Self::deposit_event(Event::Concluded { job: id, output, settle_at });
                Self::store(id, job, now);
            }
            Verdict::Differ => {
                let until = now.saturating_add(T::ContestPeriod::get());
                job.contest(until);
                Self::deposit_event(Event::Contested { job: id, until });
                Self::store(id, job, now);
                // Without a decision the job ends by its timeout: a refusal must not undo the
                // opening that led here.
                if let Err(error) = with_storage_layer(|| T::Disputes::contested(id)) {
                    Self::deposit_event(Event::NotDisputed { job: id, error });
                }
            }
            Verdict::Silent => return Self::lose_attempt(id, job, now),
        }
        Ok(())
    }
}
