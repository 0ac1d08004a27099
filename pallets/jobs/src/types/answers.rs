//! What workers answer: commitments, reveals, and a job given back or lost.

use super::*;
use vigil_primitives::{
    job::{commitment, MAX_ATTEMPTS},
    Hash,
};

impl<AccountId, BlockNumber> JobRecord<AccountId, BlockNumber>
where
    AccountId: Clone + PartialEq + Encode,
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// Takes a commitment. Whether all that are needed have now committed.
    pub fn commit(
        &mut self,
        worker: &AccountId,
        commitment: Hash,
        now: BlockNumber,
    ) -> Result<bool, TransitionError> {
        let replicas = self.committing(worker)?;
        let replica = find(replicas, worker)?;
        in_time_to_commit(replica, now)?;
        replica.state = ReplicaState::Committed { commitment };
        let committed = replicas.iter().all(|replica| commit_by(replica).is_none());
        Ok(committed && self.vacancies() == 0)
    }

    /// Gives the job back before committing.
    pub fn decline(
        &mut self,
        worker: &AccountId,
        now: BlockNumber,
    ) -> Result<Replica<AccountId, BlockNumber>, TransitionError> {
        let replicas = self.committing(worker)?;
        in_time_to_commit(find(replicas, worker)?, now)?;
        let index = replicas.iter().position(|replica| replica.worker == *worker);
        let replica = replicas.remove(index.ok_or(TransitionError::NotAssigned)?);
        self.lose(&replica);
        Ok(replica)
    }

    /// Lets the replicas reveal their commitments.
    pub fn start_reveal(&mut self, reveal_by: BlockNumber) {
        let replicas = self.take_replicas();
        self.status = JobStatus::Revealing { replicas, reveal_by };
    }

    /// Takes a reveal. Whether every replica has now revealed its commitment.
    pub fn reveal(
        &mut self,
        job: JobId,
        worker: &AccountId,
        output: Output,
        salt: &[u8; 32],
        now: BlockNumber,
    ) -> Result<bool, TransitionError> {
        let max_tokens_out = self.max_tokens_out;
        let min_tokens_out = self.architecture.min_tokens_out();
        let (replicas, reveal_by) = match &mut self.status {
            JobStatus::Revealing { replicas, reveal_by } => (replicas, *reveal_by),
            status if !engaged(status.replicas(), worker) => {
                return Err(TransitionError::NotAssigned)
            }
            JobStatus::Assigned { .. }
            | JobStatus::Committed { .. }
            | JobStatus::Auditing { .. } => return Err(TransitionError::RevealTooEarly),
            _ => return Err(TransitionError::AlreadyRevealed),
        };
        let replica = find(replicas, worker)?;
        let ReplicaState::Committed { commitment: committed } = replica.state else {
            return Err(TransitionError::AlreadyRevealed);
        };
        if reveal_by < now {
            return Err(TransitionError::TooLate);
        }
        if output.tokens > max_tokens_out {
            return Err(TransitionError::TooManyTokens);
        }
        if output.tokens < min_tokens_out {
            return Err(TransitionError::TooFewTokens);
        }
        if commitment(&output, salt, worker, job) != committed {
            return Err(TransitionError::CommitmentMismatch);
        }
        replica.state = ReplicaState::Revealed { output };
        Ok(replicas.iter().all(|replica| revealed(replica).is_some()))
    }

    /// Removes the workers that missed the deadline of the current stage.
    pub fn drop_late(&mut self, now: BlockNumber) -> Vec<Replica<AccountId, BlockNumber>> {
        let mut late = Vec::new();
        let mut sift =
            |replicas: &mut Replicas<AccountId, BlockNumber>,
             is_late: &dyn Fn(&Replica<AccountId, BlockNumber>) -> bool| {
                replicas.retain(|replica| {
                    let keep = !is_late(replica);
                    if !keep {
                        late.push(replica.clone());
                    }
                    keep
                });
            };
        match &mut self.status {
            JobStatus::Assigned { replicas } | JobStatus::Auditing { replicas } => {
                sift(replicas, &|replica| commit_by(replica).is_some_and(|block| block < now));
            }
            JobStatus::Revealing { replicas, reveal_by } if *reveal_by < now => {
                sift(replicas, &|replica| revealed(replica).is_none());
            }
            _ => {}
        }
        for replica in &late {
            self.lose(replica);
        }
        late
    }

    /// Counts a lost attempt and makes the lost workers' places vacancies. `false` when it was the
    /// last attempt.
    pub fn lose_attempt(&mut self) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        self.audit = None;
        let replicas = self.take_replicas();
        self.status =
            if replicas.is_empty() { JobStatus::Queued } else { JobStatus::Assigned { replicas } };
        self.attempts <= MAX_ATTEMPTS
    }

    /// Those of whom some have yet to commit.
    fn committing(
        &mut self,
        worker: &AccountId,
    ) -> Result<&mut Replicas<AccountId, BlockNumber>, TransitionError> {
        match &mut self.status {
            JobStatus::Assigned { replicas } | JobStatus::Auditing { replicas } => Ok(replicas),
            status if engaged(status.replicas(), worker) => Err(TransitionError::AlreadyCommitted),
            _ => Err(TransitionError::NotAssigned),
        }
    }

    /// Remembers who lost the job. The list holds every replica of every attempt.
    fn lose(&mut self, replica: &Replica<AccountId, BlockNumber>) {
        let _ = self.lost_by.try_push(replica.worker.clone());
    }
}

fn engaged<AccountId: PartialEq, BlockNumber>(
    replicas: &[Replica<AccountId, BlockNumber>],
    worker: &AccountId,
) -> bool {
    replicas.iter().any(|replica| replica.worker == *worker)
}

fn find<'a, AccountId: PartialEq, BlockNumber>(
    replicas: &'a mut Replicas<AccountId, BlockNumber>,
    worker: &AccountId,
) -> Result<&'a mut Replica<AccountId, BlockNumber>, TransitionError> {
    replicas
        .iter_mut()
        .find(|replica| replica.worker == *worker)
        .ok_or(TransitionError::NotAssigned)
}

fn in_time_to_commit<AccountId, BlockNumber: Copy + PartialOrd>(
    replica: &Replica<AccountId, BlockNumber>,
    now: BlockNumber,
) -> Result<(), TransitionError> {
    match commit_by(replica) {
        Some(commit_by) if now <= commit_by => Ok(()),
        Some(_) => Err(TransitionError::TooLate),
        None => Err(TransitionError::AlreadyCommitted),
    }
}
