//! The record of a job and its pure transitions.
//!
//! Nothing here knows a pallet: a transition checks what the record alone can tell, changes the
//! record, and leaves it as it was when it refuses. Money, engagements and indices follow in
//! `functions`. What workers answer is in `answers`, what is checked of it in `audit` and `claims`.

mod answers;
mod audit;
mod claims;

use crate::waiting::Place;
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::mem;
use frame_support::BoundedVec;
use frame_system::pallet_prelude::BlockNumberFor;
use scale_info::TypeInfo;
use sp_runtime::{
    traits::{AtLeast32BitUnsigned, ConstU32},
    Permill, SaturatedConversion,
};
use vigil_primitives::{
    dispute::Penalty,
    grant::GrantId,
    job::{
        Audit, Input, JobSpec, Output, Policy, RefundReason, Replica, ReplicaState, Replicas, Role,
        Sampling, WaitingCost, MAX_LOST, MAX_RUNS,
    },
    model::Fee,
    pricing,
    terms::AcceptedTerms,
    Architecture, Balance, Job, JobId, JobStatus, ModelVersionId,
};

/// A job as it is stored. Its input lies apart.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct JobRecord<AccountId, BlockNumber> {
    /// Who pays.
    pub requester: AccountId,
    /// What is run.
    pub version: ModelVersionId,
    /// Which of its terms the requester has accepted.
    pub terms: AcceptedTerms,
    /// The grant of which the job has reserved a use.
    pub grant: Option<GrantId>,
    /// Whom the owner's fee is split among, at most: the version and all that it descends from.
    pub payees: u32,
    /// The version's architecture: work is computed from it.
    pub architecture: Architecture,
    /// The owner's fee, as it was at submission.
    pub fee: Fee,
    /// The protocol fee on rewards, as it was at submission.
    pub protocol_fee: Permill,
    /// Tokens in the input.
    pub tokens_in: u32,
    /// Most tokens to generate.
    pub max_tokens_out: u32,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// How the result is made trustworthy.
    pub policy: Policy<BlockNumber>,
    /// The escrow.
    pub max_price: Balance,
    /// The last block at which a worker may be drawn.
    pub deadline: BlockNumber,
    /// When it was submitted.
    pub submitted_at: BlockNumber,
    /// Assignments lost so far.
    pub attempts: u8,
    /// Workers that lost it, by a missed deadline or by giving it back: never drawn again for it.
    pub lost_by: BoundedVec<AccountId, ConstU32<MAX_LOST>>,
    /// Its one entry in the agenda.
    pub wake_at: BlockNumber,
    /// Where it waits, while it has vacancies.
    pub place: Option<Place>,
    /// What it costs to wait for a worker.
    pub waiting: WaitingCost,
    /// Disputes about its results that have not ended.
    pub disputes: u32,
    /// Where the stakes of results that were wrong went.
    pub penalty: Option<Penalty>,
    /// Workers whose results, paid as they are, have been convicted.
    pub convicted: BoundedVec<AccountId, ConstU32<MAX_RUNS>>,
    /// Whether it is audited; `None` until its workers have committed.
    pub audit: Option<Audit<AccountId>>,
    /// Where it stands.
    pub status: JobStatus<AccountId, BlockNumber>,
}

/// The record of a job in runtime `T`.
pub type JobRecordOf<T> = JobRecord<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// What a requester states in runtime `T`.
pub type JobSpecOf<T> = JobSpec<BlockNumberFor<T>>;
/// A job as shown by runtime `T`.
pub type JobOf<T> = Job<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;

/// Why a transition was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// The caller is not one of the job's workers.
    NotAssigned,
    /// The caller has committed already.
    AlreadyCommitted,
    /// The caller has revealed its commitment already.
    AlreadyRevealed,
    /// The caller's deadline has passed.
    TooLate,
    /// Not every replica has committed yet.
    RevealTooEarly,
    /// The output and salt are not what the commitment was to.
    CommitmentMismatch,
    /// More tokens than the job asked for.
    TooManyTokens,
    /// A language model that generated nothing.
    TooFewTokens,
    /// The job has been assigned, or has ended.
    NotQueued,
}

/// What a job is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Pay for the agreed result.
    Settle,
    /// Drop the workers, or the auditor, that did not commit in time.
    ExpireCommitments,
    /// Let chance decide whether there is an audit, and draw the auditor.
    DrawAuditor,
    /// Drop the workers that did not reveal their commitment in time.
    ExpireReveals,
    /// Give the whole escrow back.
    Refund(RefundReason),
    /// Forget the ended job.
    Prune,
}

/// What the revealed outputs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// They are all equal.
    Agreed(Output),
    /// Two of them differ.
    Differ,
    /// There are none.
    Silent,
}

impl<AccountId, BlockNumber> JobRecord<AccountId, BlockNumber>
where
    AccountId: Clone + PartialEq + Encode,
    BlockNumber: AtLeast32BitUnsigned + Copy,
{
    /// Multiply-accumulates of one replica at most.
    pub fn max_work(&self) -> u64 {
        self.architecture.work(self.tokens_in, self.max_tokens_out)
    }

    /// The most that each run may earn which the requester pays for.
    pub fn budget(&self) -> Balance {
        let fee = pricing::owner_fee(&self.fee, self.tokens_in, self.max_tokens_out);
        pricing::budget(self.max_price, fee, self.protocol_fee, self.policy.runs()).unwrap_or(0)
    }

    /// The highest ask that it affords for all its replicas.
    pub fn bid(&self) -> Balance {
        pricing::highest_ask(self.budget(), self.max_work())
    }

    /// What is on hold for its waiting.
    pub fn waiting_held(&self) -> Balance {
        self.waiting_until(self.deadline)
    }

    /// Ends the waiting at `now`, unless it had ended before: what was on hold for it, and how much
    /// of that is due. The caller sees to the payment.
    pub fn end_waiting(&mut self, now: BlockNumber) -> Option<(Balance, Balance)> {
        let held = self.waiting_held();
        let due = self.waiting_until(now.min(self.deadline));
        match self.waiting {
            WaitingCost::Running { .. } => {
                self.waiting = WaitingCost::Paid { amount: due };
                Some((held, due))
            }
            WaitingCost::Paid { .. } => None,
        }
    }

    fn waiting_until(&self, block: BlockNumber) -> Balance {
        let blocks = block.saturating_sub(self.submitted_at).saturated_into::<Balance>();
        match self.waiting {
            WaitingCost::Running { per_block } => per_block.saturating_mul(blocks),
            WaitingCost::Paid { .. } => 0,
        }
    }

    /// What counts against the bond of a worker with this ask while it is engaged.
    pub fn engaged_reward(&self, ask: Balance) -> Balance {
        pricing::reward(ask, self.max_work())
    }

    /// Workers to be drawn.
    pub fn vacancies(&self) -> u8 {
        match &self.status {
            JobStatus::Queued => self.policy.replicas,
            JobStatus::Assigned { replicas } => {
                let drawn = u8::try_from(replicas.len()).unwrap_or(u8::MAX);
                self.policy.replicas.saturating_sub(drawn)
            }
            _ => 0,
        }
    }

    /// Workers that must not be drawn: those it has and those that lost it.
    pub fn excluded(&self) -> Vec<AccountId> {
        let current = self.status.replicas().iter().map(|replica| replica.worker.clone());
        current.chain(self.lost_by.iter().cloned()).collect()
    }

    /// The block at which something becomes due; `None` once the job has ended.
    pub fn next_due(&self) -> Option<BlockNumber> {
        let after = |block: BlockNumber| block.saturating_add(BlockNumber::one());
        match &self.status {
            JobStatus::Queued => Some(after(self.deadline)),
            JobStatus::Assigned { replicas } => {
                let commit = replicas.iter().filter_map(commit_by).min().map(after);
                let draw = (self.vacancies() > 0).then(|| after(self.deadline));
                match (commit, draw) {
                    (Some(commit), Some(draw)) => Some(commit.min(draw)),
                    (commit, draw) => commit.or(draw),
                }
            }
            JobStatus::Committed { draw_at, .. } => Some(*draw_at),
            JobStatus::Auditing { replicas } => {
                // There is one that has not committed; without it, at once.
                let commit = replicas.iter().filter_map(commit_by).min();
                Some(commit.map_or(BlockNumber::zero(), after))
            }
            JobStatus::Revealing { reveal_by, .. } => Some(after(*reveal_by)),
            JobStatus::Revealed { settle_at, .. } => Some(*settle_at),
            JobStatus::Contested { until, .. } => Some(*until),
            // Not before the disputes have ended.
            JobStatus::Disputed { .. } => Some(BlockNumber::max_value()),
            JobStatus::Settled { .. } | JobStatus::Refunded { .. } | JobStatus::Cancelled => None,
        }
    }

    /// What the job is due for now.
    pub fn due(&self, now: BlockNumber) -> Option<Due> {
        let due = match &self.status {
            JobStatus::Queued if self.deadline < now => Due::Refund(RefundReason::NoWorker),
            JobStatus::Assigned { replicas } => {
                if replicas.iter().filter_map(commit_by).any(|block| block < now) {
                    Due::ExpireCommitments
                } else if self.vacancies() > 0 && self.deadline < now {
                    Due::Refund(RefundReason::NoWorker)
                } else {
                    return None;
                }
            }
            JobStatus::Committed { draw_at, .. } if *draw_at <= now => Due::DrawAuditor,
            JobStatus::Auditing { replicas }
                if replicas.iter().filter_map(commit_by).all(|block| block < now) =>
            {
                Due::ExpireCommitments
            }
            JobStatus::Revealing { reveal_by, .. } if *reveal_by < now => Due::ExpireReveals,
            // Where the refund of a convicted job has failed there is nobody to be paid.
            JobStatus::Revealed { settle_at, replicas } if *settle_at <= now => {
                match replicas.is_empty() {
                    true => Due::Refund(RefundReason::Convicted),
                    false => Due::Settle,
                }
            }
            JobStatus::Contested { until, .. } if *until <= now => {
                Due::Refund(RefundReason::Undecided)
            }
            status if status.is_final() && self.disputes == 0 && self.wake_at <= now => Due::Prune,
            _ => return None,
        };
        Some(due)
    }

    /// Adds drawn workers to the job. `false`, changing nothing, when they are more than its
    /// vacancies.
    pub fn assign(&mut self, drawn: Vec<Replica<AccountId, BlockNumber>>) -> bool {
        if drawn.len() > usize::from(self.vacancies()) {
            return false;
        }
        let mut replicas = self.take_replicas();
        for replica in drawn {
            // Within the bound: replicas and vacancies add up to `policy.replicas`.
            let _ = replicas.try_push(replica);
        }
        self.status = JobStatus::Assigned { replicas };
        true
    }

    /// What the revealed outputs say.
    pub fn agreement(&self) -> Agreement {
        let mut outputs = self.status.replicas().iter().filter_map(revealed);
        let Some(first) = outputs.next() else { return Agreement::Silent };
        if outputs.all(|output| output == first) {
            Agreement::Agreed(first)
        } else {
            Agreement::Differ
        }
    }

    /// The job waits for its payment.
    pub fn conclude(&mut self, settle_at: BlockNumber) {
        let replicas = self.take_replicas();
        self.status = JobStatus::Revealed { replicas, settle_at };
    }

    /// The requester takes the job back.
    pub fn cancel(&mut self) -> Result<(), TransitionError> {
        if self.status != JobStatus::Queued {
            return Err(TransitionError::NotQueued);
        }
        self.status = JobStatus::Cancelled;
        Ok(())
    }

    /// Takes the workers out; the caller sets the next status.
    pub fn take_replicas(&mut self) -> Replicas<AccountId, BlockNumber> {
        match mem::replace(&mut self.status, JobStatus::Queued) {
            JobStatus::Assigned { replicas }
            | JobStatus::Committed { replicas, .. }
            | JobStatus::Auditing { replicas }
            | JobStatus::Revealing { replicas, .. }
            | JobStatus::Revealed { replicas, .. }
            | JobStatus::Contested { replicas, .. }
            | JobStatus::Disputed { replicas, .. }
            | JobStatus::Settled { replicas, .. } => replicas,
            JobStatus::Queued | JobStatus::Refunded { .. } | JobStatus::Cancelled => {
                Replicas::default()
            }
        }
    }

    /// The job as the runtime API shows it.
    pub fn view(self, id: JobId, input: Input) -> Job<AccountId, BlockNumber> {
        Job {
            id,
            requester: self.requester,
            spec: JobSpec {
                version: self.version,
                terms: self.terms,
                input,
                max_tokens_out: self.max_tokens_out,
                sampling: self.sampling,
                policy: self.policy,
                max_price: self.max_price,
                deadline: self.deadline,
            },
            tokens_in: self.tokens_in,
            attempts: self.attempts,
            submitted_at: self.submitted_at,
            waiting: self.waiting,
            disputes: self.disputes,
            penalty: self.penalty,
            convicted: self.convicted.into_inner(),
            audit: self.audit,
            status: self.status,
        }
    }
}

/// Bytes of an input that the chain itself carries.
pub fn inline_len(input: &Input) -> u32 {
    match input {
        Input::Inline(_) => input.len(),
        Input::Blob { .. } => 0,
    }
}

fn commit_by<AccountId, BlockNumber: Copy>(
    replica: &Replica<AccountId, BlockNumber>,
) -> Option<BlockNumber> {
    match replica.state {
        ReplicaState::Assigned { commit_by } => Some(commit_by),
        _ => None,
    }
}

fn revealed<AccountId, BlockNumber>(replica: &Replica<AccountId, BlockNumber>) -> Option<Output> {
    match replica.state {
        ReplicaState::Revealed { output } => Some(output),
        _ => None,
    }
}
