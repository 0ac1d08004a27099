//! From a worker: commit, reveal and decline; and what follows when the last one has answered.

use super::*;
use crate::types::Agreement;
use vigil_primitives::{
    job::{DeclineReason, Output, Role},
    traits::{Offence, Slash, Stakes},
    Hash,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_commit(worker: T::AccountId, id: JobId, commitment: Hash) -> DispatchResult {
        let now = Self::now();
        let mut job = Self::load(id)?;
        let complete = job.commit(&worker, commitment, now).map_err(Error::<T>::from)?;
        Self::deposit_event(Event::Committed { job: id, worker, commitment });
        match (complete, &job.status) {
            (true, JobStatus::Assigned { .. }) => Self::await_draw(id, job, now),
            (true, _) => Self::start_reveal(id, job, now),
            (false, _) => Self::store(id, job, now),
        }
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
        T::Workers::answered(&worker);
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
        match replica.role {
            Role::Worker => Self::lose_attempt(id, job, now),
            Role::Auditor => {
                Self::lose_auditor(id, job, now);
                Ok(())
            }
        }
    }

    /// The workers that did not answer in time lose the job and a part of their bond.
    pub(crate) fn expire(
        id: JobId,
        mut job: JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        if matches!(job.status, JobStatus::Auditing { .. }) {
            for auditor in job.drop_late(now) {
                Self::miss_deadline(id, &job, auditor);
            }
            Self::lose_auditor(id, job, now);
            return Ok(());
        }
        let audited = job.auditor().is_some();
        for replica in job.drop_late(now) {
            match (audited, replica.role) {
                (true, Role::Worker) => Self::silence(id, &mut job, replica),
                (true, Role::Auditor) => {
                    Self::miss_deadline(id, &job, replica);
                    Self::miss_audit(id, &mut job);
                }
                (false, _) => Self::miss_deadline(id, &job, replica),
            }
        }
        // A withheld reveal never blocks the others: the job goes on with those who revealed.
        if matches!(job.agreement(), Agreement::Silent) {
            Self::lose_attempt(id, job, now)
        } else {
            Self::conclude(id, job, now)
        }
    }

    /// Ends the engagement of a worker that did not answer in time.
    fn miss_deadline(id: JobId, job: &JobRecordOf<T>, replica: ReplicaOf<T>) {
        Self::release(id, job, &replica, Outcome::Expired);
        Self::deposit_event(Event::Expired { job: id, worker: replica.worker });
    }

    /// Convicts a worker that was audited and did not reveal. Otherwise whoever is about to be found
    /// out would be better off without a word. Nobody earns by it: that is burned.
    fn silence(id: JobId, job: &mut JobRecordOf<T>, replica: ReplicaOf<T>) {
        let treasury = T::Treasury::get();
        let slash = Slash {
            offence: Offence::Silent,
            reward: job.engaged_reward(replica.ask),
            costs: 0,
            treasury: &treasury,
            damages: 0,
            requester: &job.requester,
            winner: &treasury,
        };
        let penalty = T::Stakes::convict(&replica.worker, slash);
        job.penalty = Some(job.penalty.unwrap_or_default().and(penalty));
        Self::release(id, job, &replica, Outcome::Convicted);
        Self::deposit_event(Event::Silent { job: id, worker: replica.worker });
    }

    /// Compares the revealed outputs.
    fn conclude(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) -> DispatchResult {
        Self::promote_auditor(id, &mut job);
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
