//! What is known of one job, and how that changes.

use super::job::{self, Facts, Stage, Step};
use crate::{
    executor::{Failure, Problem},
    key::Key,
    store::Record,
};
use vigil_primitives::{
    job::{AuditState, DeclineReason, JobStatus, Receipt, Replica, Role},
    pricing, AccountId, Balance, BlockNumber, Job,
};

/// Blocks between an extrinsic's inclusion and sending it again if the chain shows no effect.
const SETTLING: BlockNumber = 3;
/// Blocks between attempts after something failed.
const RETRY: BlockNumber = 2;
/// Blocks between questions about a job that is no longer in our list.
const ASKING: BlockNumber = 5;
/// Blocks after which a job is forgotten that the chain does not know.
const UNKNOWN: BlockNumber = 256;

/// What this machine has for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// Its version is loaded.
    pub(crate) model: bool,
    /// Its input is here.
    pub(crate) input: bool,
    /// Nothing new is begun: the worker is about to end.
    pub(crate) stopping: bool,
}

/// How a job ended for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// A word for logs and metrics.
    pub(crate) word: &'static str,
    /// What we earned.
    pub(crate) earned: Balance,
    /// Whether it was an audit, and we were paid for that.
    pub(crate) audited: bool,
}

/// A job of ours.
pub(super) struct Entry {
    /// What the chain said last.
    pub(super) job: Job,
    /// What is on disk.
    pub(super) record: Option<Record>,
    /// It is in a batch.
    computing: bool,
    /// Its input is being fetched.
    fetching: bool,
    /// Its input is not fetched before this block.
    fetch_from: BlockNumber,
    /// Why it can't be done.
    decline: Option<DeclineReason>,
    /// An extrinsic for it is on its way.
    sending: bool,
    /// Nothing is done for it before this block.
    quiet_until: BlockNumber,
    /// The last block at which it was in our list.
    seen: BlockNumber,
    /// The last block at which we asked for it by its number.
    asked: BlockNumber,
    /// It has been counted as lost.
    lost: bool,
}

impl Entry {
    pub(super) fn new(job: Job, record: Option<Record>, seen: BlockNumber) -> Self {
        Self {
            job,
            record,
            computing: false,
            fetching: false,
            fetch_from: 0,
            decline: None,
            sending: false,
            quiet_until: 0,
            seen,
            asked: seen,
            lost: false,
        }
    }

    /// Whether it is in our list of this block.
    pub(super) fn is_listed(&self, now: BlockNumber) -> bool {
        self.seen == now
    }

    /// Whether something is still to be done for it.
    pub(super) fn is_open(&self, me: &AccountId) -> bool {
        matches!(
            job::stage(&self.job, me),
            Stage::Assigned { .. } | Stage::Committed | Stage::Revealing { .. }
        )
    }

    /// Returns the block by which a commitment is due.
    pub(super) fn due(&self, me: &AccountId) -> BlockNumber {
        match job::stage(&self.job, me) {
            Stage::Assigned { commit_by } => commit_by,
            _ => BlockNumber::MAX,
        }
    }

    /// Returns what to do next.
    pub(super) fn step(
        &self,
        me: &AccountId,
        key: &Key,
        now: BlockNumber,
        margin: BlockNumber,
        local: Local,
    ) -> Step {
        let unable = !local.model || (local.stopping && !self.computing);
        let facts = Facts {
            commitment: self.record.as_ref().map(|record| record.commitment(me, key)),
            input: local.input,
            source: self.audits(me) && !self.fetching && now >= self.fetch_from,
            computing: self.computing,
            decline: self.decline.or(unable.then_some(DeclineReason::VersionUnavailable)),
            sending: self.sending || now < self.quiet_until,
        };
        job::next(job::stage(&self.job, me), &facts, now, margin)
    }

    /// The chain has it in our list of this block.
    pub(super) fn see(&mut self, job: Job, now: BlockNumber) {
        self.job = job;
        self.seen = now;
    }

    /// Whether we are its auditor: its workers have had its input.
    fn audits(&self, me: &AccountId) -> bool {
        let replicas = self.job.status.replicas();
        replicas.iter().any(|replica| replica.worker == *me && replica.role == Role::Auditor)
    }

    /// The workers of it that have its input.
    pub(super) fn workers(&self) -> impl Iterator<Item = &AccountId> {
        let workers = self.job.status.replicas().iter();
        workers.filter(|replica| replica.role == Role::Worker).map(|replica| &replica.worker)
    }

    /// Its input is being fetched.
    pub(super) fn begin_fetching(&mut self) {
        self.fetching = true;
    }

    /// Its input is here, or could not be fetched.
    pub(super) fn end_fetching(&mut self, now: BlockNumber) {
        self.fetching = false;
        self.fetch_from = now.saturating_add(RETRY);
    }

    /// It has gone into a batch.
    pub(super) fn begin_computing(&mut self) {
        self.computing = true;
    }

    /// It has left its batch.
    pub(super) fn end_computing(&mut self, result: Result<Record, Problem>, now: BlockNumber) {
        self.computing = false;
        match result {
            Ok(record) => self.record = Some(record),
            Err(Problem::NotComputed(Failure::BadRequest(_))) => {
                self.decline(DeclineReason::InputInvalid);
            }
            Err(Problem::NotComputed(Failure::Unable(_) | Failure::Broken)) => {
                self.decline(DeclineReason::VersionUnavailable);
            }
            Err(Problem::NotStored(_)) => self.quiet_until = now.saturating_add(RETRY),
        }
    }

    /// It can't be done.
    pub(super) fn decline(&mut self, reason: DeclineReason) {
        self.decline = Some(reason);
    }

    /// An extrinsic for it is on its way.
    pub(super) fn begin_sending(&mut self) {
        self.sending = true;
    }

    /// The extrinsic is in a block, or has failed.
    pub(super) fn end_sending(&mut self, included: bool, now: BlockNumber) {
        self.sending = false;
        let pause = if included { SETTLING } else { RETRY };
        self.quiet_until = now.saturating_add(pause);
    }

    /// Marks it as lost. Returns whether it was not before.
    pub(super) fn lose(&mut self) -> bool {
        !std::mem::replace(&mut self.lost, true)
    }

    /// Whether the chain should be asked what became of it.
    pub(super) fn is_missing(&self, now: BlockNumber) -> bool {
        !self.is_listed(now) && !self.sending && now >= self.asked.saturating_add(ASKING)
    }

    /// Takes in what the chain says of it at the best block and at the finalised one. Returns
    /// whether it can be forgotten: it has ended for ever, or the chain has long not known it.
    pub(super) fn answer(
        &mut self,
        best: Option<Job>,
        finalized: Option<Job>,
        now: BlockNumber,
    ) -> bool {
        self.asked = now;
        let ended = finalized.as_ref().is_some_and(|job| job.status.is_final());
        let unknown =
            best.is_none() && finalized.is_none() && now >= self.seen.saturating_add(UNKNOWN);
        if let Some(job) = finalized.or(best) {
            self.job = job;
        }
        (ended || unknown) && !self.computing
    }

    /// Returns how it ended for worker `me`; `None` if it has been counted as lost.
    pub(super) fn ending(&self, me: &AccountId) -> Option<Ending> {
        let ended = |word| Some(Ending { word, earned: 0, audited: false });
        match &self.job.status {
            _ if self.lost => None,
            JobStatus::Settled { replicas, receipt, .. } => {
                match replicas.iter().find(|replica| &replica.worker == me) {
                    Some(ours) => Some(Ending {
                        word: "settled",
                        earned: earned(&self.job, ours, receipt),
                        audited: ours.role == Role::Auditor,
                    }),
                    None => ended("reassigned"),
                }
            }
            JobStatus::Refunded { .. } => ended("refunded"),
            JobStatus::Cancelled => ended("cancelled"),
            _ => ended("forgotten"),
        }
    }
}

/// What a settled job has paid for one of its runs.
fn earned(job: &Job, run: &Replica<AccountId, BlockNumber>, receipt: &Receipt) -> Balance {
    let passed = job.audit.as_ref().filter(|audit| audit.state == AuditState::Passed);
    match (run.role, passed) {
        (Role::Auditor, Some(audit)) => {
            receipt.auditor.saturating_add(audit.network).saturating_add(audit.bond)
        }
        (Role::Auditor, None) => 0,
        (Role::Worker, passed) => {
            let reward = pricing::reward(run.ask, receipt.work);
            let subject = passed.is_some_and(|audit| audit.subject == run.worker);
            // Who made the audit likely pays a part of it, unless the requester has asked for it.
            let own = if subject && !job.spec.policy.audited { receipt.auditor } else { 0 };
            // An auditor that stands in for the workers may ask more than they may earn.
            reward.saturating_sub(own).min(receipt.workers)
        }
    }
}
