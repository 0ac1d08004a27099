//! Results as claims: which can be disputed, and what follows when one is wrong.

use super::*;

impl<AccountId, BlockNumber> JobRecord<AccountId, BlockNumber>
where
    AccountId: Clone + PartialEq + Encode,
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// What a worker's result is, if it can be disputed: revealed, and not convicted yet.
    pub fn claimed(&self, worker: &AccountId) -> Option<Output> {
        let replicas = match &self.status {
            JobStatus::Revealed { replicas, .. }
            | JobStatus::Contested { replicas, .. }
            | JobStatus::Disputed { replicas, .. }
            | JobStatus::Settled { replicas, .. } => replicas,
            _ => return None,
        };
        let own = replicas.iter().find(|replica| replica.worker == *worker)?;
        revealed(own).filter(|_| !self.convicted.contains(worker))
    }

    /// A dispute about one of its results has begun. One that was not paid waits.
    pub fn dispute(&mut self) {
        self.disputes = self.disputes.saturating_add(1);
        let settle_at = match &self.status {
            JobStatus::Revealed { settle_at, .. } => *settle_at,
            JobStatus::Contested { .. } => BlockNumber::zero(),
            _ => return,
        };
        let replicas = self.take_replicas();
        self.status = JobStatus::Disputed { replicas, settle_at };
    }

    /// A worker's result is wrong: takes out who said so, the worker alone or all of them. Of a job
    /// that is paid they are marked.
    pub fn convict(
        &mut self,
        worker: &AccountId,
        alone: bool,
    ) -> Vec<Replica<AccountId, BlockNumber>> {
        let Some(output) = self.claimed(worker) else { return Vec::new() };
        let convicted = &mut self.convicted;
        let is_wrong = |replica: &Replica<AccountId, BlockNumber>| {
            replica.worker == *worker || (!alone && revealed(replica) == Some(output))
        };
        match &mut self.status {
            JobStatus::Revealed { replicas, .. }
            | JobStatus::Contested { replicas, .. }
            | JobStatus::Disputed { replicas, .. } => {
                let wrong: Vec<_> = replicas.iter().filter(|r| is_wrong(r)).cloned().collect();
                replicas.retain(|replica| !is_wrong(replica));
                wrong
            }
            JobStatus::Settled { replicas, .. } => {
                let wrong: Vec<_> = replicas
                    .iter()
                    .filter(|replica| is_wrong(replica) && !convicted.contains(&replica.worker))
                    .cloned()
                    .collect();
                for replica in &wrong {
                    // Within the bound: each is a replica, and none is there twice.
                    let _ = convicted.try_push(replica.worker.clone());
                }
                wrong
            }
            _ => Vec::new(),
        }
    }

    /// What the requester is owed when a paid result is wrong: all that it paid and has not got back,
    /// or if the worker alone is convicted, and others still stand for the result, what that one got.
    /// Of a job that is not paid nothing: its escrow is there.
    pub fn owed(&self, replica: &Replica<AccountId, BlockNumber>, alone: bool) -> Balance {
        let stands = |other: &Replica<AccountId, BlockNumber>| {
            other.worker != replica.worker && !self.convicted.contains(&other.worker)
        };
        let alone = alone && self.status.replicas().iter().any(stands);
        match &self.status {
            // An audit that chance has drawn has cost the requester nothing.
            JobStatus::Settled { .. }
                if alone && replica.role == Role::Auditor && !self.policy.audited =>
            {
                0
            }
            JobStatus::Settled { receipt, .. } if alone => {
                pricing::reward(replica.ask, receipt.work)
            }
            JobStatus::Settled { receipt, .. } => {
                let back = self.penalty.map_or(0, |penalty| penalty.damages);
                self.max_price.saturating_sub(receipt.requester).saturating_sub(back)
            }
            _ => 0,
        }
    }

    /// Two workers whose results differ: the first, and the first that differs from it.
    pub fn rivals(&self) -> Option<(AccountId, AccountId)> {
        let mut all = self.status.replicas().iter().filter(|replica| revealed(replica).is_some());
        let first = all.next()?;
        let rival = all.find(|replica| revealed(replica) != revealed(first))?;
        Some((first.worker.clone(), rival.worker.clone()))
    }

    /// The job waits for a decision.
    pub fn contest(&mut self, until: BlockNumber) {
        let replicas = self.take_replicas();
        self.status = JobStatus::Contested { replicas, until };
    }
}
