//! The audit of a job: whether there is one, and its auditor.

use super::*;
use vigil_primitives::{
    audit::{AuditRate, MAX_AUDIT_DRAWS, MAX_AUDIT_SEARCHES},
    job::AuditState,
};

impl<AccountId, BlockNumber> JobRecord<AccountId, BlockNumber>
where
    AccountId: Clone + PartialEq + Encode,
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// Its workers, without the auditor.
    pub fn workers(&self) -> impl Iterator<Item = &Replica<AccountId, BlockNumber>> {
        self.status.replicas().iter().filter(|replica| replica.role == Role::Worker)
    }

    /// Its auditor, while there is one.
    pub fn auditor(&self) -> Option<&Replica<AccountId, BlockNumber>> {
        self.status.replicas().iter().find(|replica| replica.role == Role::Auditor)
    }

    /// Every replica has committed: chance decides at `draw_at`.
    pub fn await_draw(&mut self, draw_at: BlockNumber) {
        let replicas = self.take_replicas();
        self.status = JobStatus::Committed { replicas, draw_at };
    }

    /// Chance has decided, by `rate`, which is that of `subject`.
    pub fn decide_audit(&mut self, rate: AuditRate, subject: AccountId, due: bool) {
        let state = if due { AuditState::Due } else { AuditState::Spared };
        self.audit =
            Some(Audit { rate, subject, draws: 0, searches: 0, network: 0, bond: 0, state });
    }

    /// Whether an auditor is to be drawn.
    pub fn audit_due(&self) -> bool {
        self.audit.as_ref().is_some_and(|audit| audit.state == AuditState::Due)
    }

    /// An auditor has been drawn, of whose pay the network bears so much at most.
    pub fn engage_auditor(&mut self, auditor: Replica<AccountId, BlockNumber>, network: Balance) {
        let mut replicas = self.take_replicas();
        // Within the bound: it has no other auditor.
        let _ = replicas.try_push(auditor);
        self.status = JobStatus::Auditing { replicas };
        if let Some(audit) = &mut self.audit {
            audit.draws = audit.draws.saturating_add(1);
            audit.network = network;
            audit.state = AuditState::Drawn;
        }
    }

    /// Whether another auditor is drawn when this one does not answer.
    pub fn can_draw_again(&self) -> bool {
        self.audit.as_ref().is_some_and(|audit| audit.draws < MAX_AUDIT_DRAWS)
    }

    /// Counts a search that has found nobody. Whether there is another one.
    pub fn can_search_again(&mut self) -> bool {
        self.audit.as_mut().is_some_and(|audit| {
            audit.searches = audit.searches.saturating_add(1);
            audit.searches < MAX_AUDIT_SEARCHES
        })
    }

    /// Makes the auditor's result the job's when it is all that is left. Whether it is.
    pub fn promote_auditor(&mut self) -> bool {
        if self.workers().next().is_some() {
            return false;
        }
        let mut auditors = self.status.replicas_mut();
        let Some(auditor) = auditors.find(|replica| replica.role == Role::Auditor) else {
            return false;
        };
        auditor.role = Role::Worker;
        true
    }
}
