//! Results as claims: what a dispute is about, and what follows for the job.
//!
//! A job with a disputed result waits: nothing is paid, refunded or pruned until every dispute about
//! it has ended. A result that was paid can be disputed for as long as the job is kept.

use super::*;
use crate::types::Agreement;
use frame_support::{defensive, storage::with_storage_layer};
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    dispute::{Claim, ClaimId, Fault, Penalty},
    job::{Input, Output, Role, MAX_RUNS},
    traits::{Claims, Conviction, Disputes, ModelRegistry, Offence, Slash, Stakes},
    ContentHash,
};

impl<T: Config> Claims<T::AccountId> for Pallet<T> {
    fn claim(id: &ClaimId<T::AccountId>) -> Result<Claim, DispatchError> {
        let (id, worker) = Self::claim_of(id)?;
        let job = Self::load(id)?;
        let output = job.claimed(worker).ok_or(Error::<T>::NotClaimed)?;
        let spec = T::Models::version(job.version).ok_or(Error::<T>::UnknownVersion)?.spec;
        let input = match Inputs::<T>::get(id).ok_or(Error::<T>::NotFound)? {
            Input::Inline(bytes) => ContentHash::from(*blake3::hash(&bytes).as_bytes()),
            Input::Blob { hash, .. } => hash,
        };
        Ok(Claim {
            version: job.version,
            architecture: job.architecture,
            weights: spec.weights.hash,
            weights_len: spec.weights.len,
            input,
            tokens_in: job.tokens_in,
            max_tokens_out: job.max_tokens_out,
            sampling: job.sampling,
            output,
        })
    }

    fn disputed(id: &ClaimId<T::AccountId>) -> DispatchResult {
        let (id, worker) = Self::claim_of(id)?;
        let mut job = Self::load(id)?;
        ensure!(job.claimed(worker).is_some(), Error::<T>::NotClaimed);
        job.dispute();
        T::Stakes::disputed(worker);
        Self::deposit_event(Event::Disputed { job: id, worker: worker.clone() });
        Self::store(id, job, Self::now());
        Ok(())
    }

    fn upheld(id: &ClaimId<T::AccountId>) {
        let Ok((id, worker)) = Self::claim_of(id) else { return };
        T::Stakes::decided(worker, 1);
        if let Some(job) = Jobs::<T>::get(id) {
            Self::decided(id, job, 1);
        } else {
            defensive!("a disputed job is not there");
        }
    }

    fn convicted(id: &ClaimId<T::AccountId>, conviction: Conviction<'_, T::AccountId>) -> Penalty {
        let Ok((id, worker)) = Self::claim_of(id) else { return Penalty::default() };
        T::Stakes::decided(worker, conviction.disputes);
        let Some(mut job) = Jobs::<T>::get(id) else {
            defensive!("a disputed job is not there");
            return Penalty::default();
        };
        let mut penalty = Penalty::default();
        // Whoever said the same is as wrong, unless the claimant has said nothing at all.
        let alone = conviction.fault == Fault::Silence;
        for replica in job.convict(worker, alone) {
            let owed = job.owed(&replica, alone).saturating_sub(penalty.damages);
            let slash = Slash {
                offence: Offence::Wrong,
                reward: job.engaged_reward(replica.ask),
                costs: conviction.costs.saturating_sub(penalty.costs),
                treasury: &T::Treasury::get(),
                damages: owed,
                requester: &job.requester,
                winner: conviction.by,
            };
            penalty = penalty.and(T::Stakes::convict(&replica.worker, slash));
            if !job.status.is_final() {
                Self::release(id, &job, &replica, Outcome::Convicted);
                if replica.role == Role::Auditor {
                    Self::miss_audit(id, &mut job);
                }
            }
            let worker = replica.worker;
            Self::deposit_event(Event::Convicted { job: id, worker });
        }
        job.penalty = Some(job.penalty.unwrap_or_default().and(penalty));
        Self::decided(id, job, conviction.disputes);
        penalty
    }

    fn dispute_weight() -> Weight {
        T::WeightInfo::dispute().saturating_add(T::Stakes::dispute_weight())
    }

    fn uphold_weight() -> Weight {
        T::WeightInfo::decide()
            .saturating_add(T::WeightInfo::refund(MAX_RUNS))
            .saturating_add(T::Grants::use_weight())
            .saturating_add(T::Stakes::dispute_weight())
            .saturating_add(T::Disputes::contested_weight())
    }

    fn convict_weight() -> Weight {
        let replicas = u64::from(MAX_RUNS);
        Self::uphold_weight()
            .saturating_add(T::Stakes::convict_weight().saturating_mul(replicas))
            .saturating_add(Self::release_weight(Outcome::Convicted, MAX_RUNS))
    }
}

impl<T: Config> Pallet<T> {
    /// The job and the worker of a claim. Others are not made here.
    fn claim_of(id: &ClaimId<T::AccountId>) -> Result<(JobId, &T::AccountId), Error<T>> {
        match id {
            ClaimId::Job { job, worker } => Ok((*job, worker)),
            ClaimId::Receipt { .. } => Err(Error::<T>::NotClaimed),
        }
    }

    /// So many disputes about a job's results have ended. Behind the last the job goes on: to its
    /// payment, if those that are left agree and nobody objects for another window; to the next
    /// dispute, if they differ; to a refund, if none is left.
    fn decided(id: JobId, mut job: JobRecordOf<T>, disputes: u32) {
        let now = Self::now();
        job.disputes = job.disputes.saturating_sub(disputes);
        let JobStatus::Disputed { settle_at, .. } = job.status else {
            return Self::store(id, job, now);
        };
        if job.disputes > 0 {
            return Self::store(id, job, now);
        }
        Self::promote_auditor(id, &mut job);
        match job.agreement() {
            Agreement::Agreed(output) => {
                let settle_at = settle_at.max(now.saturating_add(Self::window(&job, &output)));
                job.conclude(settle_at);
                Self::deposit_event(Event::Concluded { job: id, output, settle_at });
                Self::store(id, job, now);
            }
            Agreement::Differ => Self::contest(id, job, now),
            Agreement::Silent => {
                let whole = job.clone();
                let refund = || Self::refund(id, job, RefundReason::Convicted, now);
                if let Err(error) = with_storage_layer(refund) {
                    // It is tried again by the agenda.
                    let mut job = whole;
                    job.conclude(now.saturating_add(1u32.into()));
                    Self::deposit_event(Event::Postponed { job: id, until: now, error });
                    Self::store(id, job, now);
                }
            }
        }
    }

    /// Two results differ: at least one of them is wrong. The first is set against the first that
    /// differs from it.
    pub(crate) fn contest(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        let work = Self::work_blocks(job.max_work()).saturating_mul(2u32.into());
        let until = now.saturating_add(T::ContestPeriod::get()).saturating_add(work);
        let rivals = job.rivals();
        job.contest(until);
        Self::deposit_event(Event::Contested { job: id, until });
        Self::store(id, job, now);
        // Without a dispute the job ends by its timeout: a refusal must not undo the opening that
        // led here.
        let Some((worker, rival)) = rivals else { return };
        let claim = ClaimId::Job { job: id, worker };
        if let Err(error) = with_storage_layer(|| T::Disputes::contested(claim, rival)) {
            Self::deposit_event(Event::NotDisputed { job: id, error });
        }
    }

    /// Blocks in which a result can be challenged before it is paid: as many as the requester has
    /// asked for, and at least as many as it takes to run the model again and act. Equal results
    /// shorten nothing: two accounts can be one person.
    pub(crate) fn window(job: &JobRecordOf<T>, output: &Output) -> BlockNumberFor<T> {
        let work = job.architecture.work(job.tokens_in, output.tokens);
        let least = T::MinChallengeWindow::get().saturating_add(Self::work_blocks(work));
        job.policy.challenge_window.max(least)
    }

    /// Blocks that a worker is expected to take for some work.
    pub(crate) fn work_blocks(work: u64) -> BlockNumberFor<T> {
        work.checked_div(T::WorkPerBlock::get()).unwrap_or(0).saturated_into()
    }
}
