//! Audits: chance decides whether there is one and draws the auditor, and who pays for it.
//!
//! The draw comes when all workers have committed, by randomness of blocks that came after, so that
//! nobody knows before whether it will be audited. The auditor commits too, before anything is
//! revealed: it has nothing to agree with but its own run.

use super::*;
use frame_support::{
    pallet_macros::pallet_section,
    storage::with_storage_layer,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Preservation},
        Randomness,
    },
};
use sp_runtime::{
    traits::{BlakeTwo256, CheckedDiv, Hash as _},
    Permill, SaturatedConversion,
};
use vigil_primitives::{
    audit::{AuditPay, AuditRate, Record},
    job::{AuditState, ReplicaState, Role},
    pricing,
    traits::{Engagement, Search, Vacancy},
    ModelVersionId,
};

/// Most blocks whose randomness is mixed between the last commitment and the draw.
const MOST_MIXED: u32 = 16;
/// A block is mixed for every so many that the work takes, after the first.
const WORK_PER_MIXED: u32 = 8;

/// What of it is stored.
#[pallet_section]
mod storage {
    /// What audits have found right of a version, in rewards.
    #[pallet::storage]
    pub type VersionRecords<T: Config> =
        StorageMap<_, Twox64Concat, ModelVersionId, Record<BlockNumberFor<T>>, ValueQuery>;

    /// What the treasury has promised to auditors that are at work.
    #[pallet::storage]
    pub type AuditsPledged<T> = StorageValue<_, Balance, ValueQuery>;
}

impl<T: Config> Pallet<T> {
    /// Every replica has committed. The longer the work, the more blocks are mixed before chance
    /// decides: whoever would steer it has to be the author of all of them.
    pub(crate) fn await_draw(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        let blocks = Self::mixed(Self::work_blocks(job.max_work()));
        job.await_draw(now.saturating_add(blocks));
        Self::store(id, job, now);
    }

    /// How many blocks are mixed for work that takes so many.
    pub(crate) fn mixed(work: BlockNumberFor<T>) -> BlockNumberFor<T> {
        let more = work.checked_div(&WORK_PER_MIXED.into()).unwrap_or_default();
        more.saturating_add(1u32.into()).min(MOST_MIXED.into())
    }

    /// Lets chance decide, and draws the auditor. Without one the workers reveal at once.
    pub(crate) fn draw_auditor(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        if job.audit.is_none() {
            Self::decide_audit(id, &mut job, now);
        }
        if job.audit_due() && Self::engage_auditor(id, &mut job, now) {
            return Self::store(id, job, now);
        }
        if job.audit_due() {
            // A sample of many may have missed the few that can: they are searched for again, by
            // other randomness, unless nobody else is there.
            let others = T::Workers::serving(job.version) > u32::from(job.policy.replicas);
            if others && job.can_search_again() {
                job.await_draw(now.saturating_add(1u32.into()));
                return Self::store(id, job, now);
            }
            Self::miss_audit(id, &mut job);
        }
        Self::start_reveal(id, job, now);
    }

    pub(crate) fn start_reveal(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        let reveal_by = now.saturating_add(T::RevealPeriod::get());
        job.start_reveal(reveal_by);
        Self::deposit_event(Event::RevealStarted { job: id, reveal_by });
        Self::store(id, job, now);
    }

    /// The auditor has not answered: another one is drawn, or the job goes on without.
    pub(crate) fn lose_auditor(id: JobId, mut job: JobRecordOf<T>, now: BlockNumberFor<T>) {
        if job.can_draw_again() {
            Self::end_audit(&mut job, AuditState::Due, 0);
            job.await_draw(now.saturating_add(1u32.into()));
            Self::store(id, job, now);
        } else {
            Self::miss_audit(id, &mut job);
            Self::start_reveal(id, job, now);
        }
    }

    /// There is no audit, though there should have been one.
    pub(crate) fn miss_audit(id: JobId, job: &mut JobRecordOf<T>) {
        Self::end_audit(job, AuditState::Missed, 0);
        Self::deposit_event(Event::NotAudited { job: id });
    }

    /// Nothing is promised to the auditor any more: it was paid so much, or nothing.
    pub(crate) fn end_audit(job: &mut JobRecordOf<T>, state: AuditState, paid: Balance) {
        let Some(audit) = &mut job.audit else { return };
        if audit.state == AuditState::Drawn {
            AuditsPledged::<T>::mutate(|all| *all = all.saturating_sub(audit.network));
        }
        audit.network = paid;
        audit.state = state;
    }

    /// Whatever was promised to an auditor of this attempt is so no more.
    pub(crate) fn forget_audit(job: &mut JobRecordOf<T>) {
        if job.audit.as_ref().is_some_and(|audit| audit.state == AuditState::Drawn) {
            Self::end_audit(job, AuditState::Missed, 0);
        }
    }

    /// No worker's result is left. The auditor's, if it has one, is the job's.
    pub(crate) fn promote_auditor(id: JobId, job: &mut JobRecordOf<T>) {
        if job.promote_auditor() {
            Self::miss_audit(id, job);
        }
    }

    fn decide_audit(id: JobId, job: &mut JobRecordOf<T>, now: BlockNumberFor<T>) {
        let version = Self::version_record(job.version, now).proven;
        let rates = job.workers().map(|replica| {
            let reward = job.engaged_reward(replica.ask);
            (Self::audit_rate(&replica.worker, reward, version), replica.worker.clone())
        });
        let Some((rate, subject)) = rates.max_by_key(|(rate, _)| rate.chance()) else { return };
        let seed = Self::seed(b"vigil/audit", id, job.attempts, now);
        let due = job.policy.audited || hits(&seed, rate.chance());
        job.decide_audit(rate, subject, due);
    }

    /// How likely a result of `worker` that earns `reward` is audited, when audits have found so much
    /// right of the version.
    pub(crate) fn audit_rate(
        worker: &T::AccountId,
        reward: Balance,
        version: Balance,
    ) -> AuditRate {
        let reliance = T::Workers::reliance(worker, reward);
        AuditRate::new(reward, reliance.stake, reliance.proven, version)
    }

    /// Engages an auditor, if there is one for what can be paid.
    fn engage_auditor(id: JobId, job: &mut JobRecordOf<T>, now: BlockNumberFor<T>) -> bool {
        let engaged = with_storage_layer(|| {
            let replica = Self::find_auditor(id, job, now).ok_or(DispatchError::Unavailable)?;
            let network = Self::pledge(job, &replica);
            Ok::<_, DispatchError>((replica, network))
        });
        let Ok((auditor, network)) = engaged else { return false };
        let worker = auditor.worker.clone();
        AssignedTo::<T>::insert(&worker, id, ());
        if let ReplicaState::Assigned { commit_by } = auditor.state {
            let ask = auditor.ask;
            Self::deposit_event(Event::Assigned {
                job: id,
                worker: worker.clone(),
                ask,
                commit_by,
            });
        }
        if let Some(audit) = &job.audit {
            let (subject, chance) = (audit.subject.clone(), audit.rate.chance());
            Self::deposit_event(Event::AuditorDrawn { job: id, auditor: worker, subject, chance });
        }
        job.engage_auditor(auditor, network);
        true
    }

    fn find_auditor(
        id: JobId,
        job: &JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> Option<ReplicaOf<T>> {
        let exclude = job.excluded();
        let draws = job.audit.as_ref()?.draws;
        let vacancy = Vacancy {
            version: job.version,
            replicas: 1,
            work: job.max_work(),
            budget: match job.policy.audited {
                true => job.budget(),
                false => Self::subject_reward(job, job.max_work()),
            },
            stretch: !job.policy.audited,
            exclude: &exclude,
            roomy: None,
            role: Role::Auditor,
            region: job.policy.region,
            seed: Self::seed(b"vigil/auditor", id, draws, now),
        };
        let Search { found, .. } = T::Workers::engage(&vacancy);
        let Engagement { worker, ask, .. } = found.ok()?.into_iter().next()?;
        let commit_by = Self::commit_by(job, now);
        let state = ReplicaState::Assigned { commit_by };
        (!exclude.contains(&worker)).then_some(Replica { worker, ask, role: Role::Auditor, state })
    }

    /// What an auditor of a run of all tokens earns, and who pays it.
    fn pay_of(job: &JobRecordOf<T>, auditor: &ReplicaOf<T>, most: Balance) -> AuditPay {
        Self::audit_pay(job, job.engaged_reward(auditor.ask), job.max_work(), most)
    }

    /// Who pays an auditor that earns `pay` for so much work, when the treasury pays `most` at most.
    /// Nobody where the requester has asked for the audit: the escrow does.
    pub(crate) fn audit_pay(
        job: &JobRecordOf<T>,
        pay: Balance,
        work: u64,
        most: Balance,
    ) -> AuditPay {
        match &job.audit {
            Some(audit) if !job.policy.audited => {
                let reward = Self::subject_reward(job, work);
                AuditPay::new(reward, pay, job.protocol_fee, audit.rate.chance(), most)
            }
            _ => AuditPay::default(),
        }
    }

    /// Promises an auditor what the treasury pays: how much at most.
    fn pledge(job: &JobRecordOf<T>, auditor: &ReplicaOf<T>) -> Balance {
        let reward = Self::subject_reward(job, job.max_work());
        let network = Self::pay_of(job, auditor, Self::network_can_pay(job, reward)).network;
        AuditsPledged::<T>::mutate(|all| *all = all.saturating_add(network));
        network
    }

    /// What the treasury can pay and has not promised, with the fee that this job brings.
    fn network_can_pay(job: &JobRecordOf<T>, reward: Balance) -> Balance {
        Self::treasury_can_pay(job, reward).saturating_sub(AuditsPledged::<T>::get())
    }

    /// What the treasury has, with the fee that this job brings when it earns `reward`.
    pub(crate) fn treasury_can_pay(job: &JobRecordOf<T>, reward: Balance) -> Balance {
        Self::treasury_has().saturating_add(pricing::protocol_fee(job.protocol_fee, reward))
    }

    fn treasury_has() -> Balance {
        let treasury = T::Treasury::get();
        T::Currency::reducible_balance(&treasury, Preservation::Preserve, Fortitude::Polite)
    }

    /// What the audited worker earns for so much work, before its part of the auditor's pay.
    pub(crate) fn subject_reward(job: &JobRecordOf<T>, work: u64) -> Balance {
        let subject = job.audit.as_ref().map(|audit| &audit.subject);
        let replica = job.workers().find(|replica| Some(&replica.worker) == subject);
        replica.map_or(0, |replica| pricing::reward(replica.ask, work))
    }

    /// Pays an auditor out of the treasury, as far as it goes. How much.
    pub(crate) fn pay_from_treasury(auditor: &T::AccountId, amount: Balance) -> Balance {
        if amount.is_zero() {
            return 0;
        }
        let treasury = T::Treasury::get();
        let amount = amount.min(Self::treasury_has());
        let transfer = || T::Currency::transfer(&treasury, auditor, amount, Preservation::Preserve);
        with_storage_layer(transfer).unwrap_or(0)
    }

    /// What audits have found right of a version.
    pub(crate) fn version_record(
        version: ModelVersionId,
        now: BlockNumberFor<T>,
    ) -> Record<BlockNumberFor<T>> {
        VersionRecords::<T>::get(version).at(now, T::RecordHalfLife::get())
    }

    /// An audit has found a run right.
    pub(crate) fn prove_version(version: ModelVersionId, reward: Balance, now: BlockNumberFor<T>) {
        let record = Self::version_record(version, now).prove(reward);
        VersionRecords::<T>::insert(version, record);
    }

    /// The randomness of one draw. The block's own is shared by all; the rest tells them apart.
    pub(crate) fn seed(purpose: &[u8], id: JobId, round: u8, now: BlockNumberFor<T>) -> [u8; 32] {
        let subject = (purpose, id, round, now);
        let (random, _) = T::Randomness::random(&subject.encode());
        BlakeTwo256::hash_of(&(random, subject)).to_fixed_bytes()
    }
}

/// Whether chance hits.
pub(crate) fn hits(seed: &[u8; 32], chance: Permill) -> bool {
    let bits = seed.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    let drawn = bits.checked_rem(1_000_000).unwrap_or(0);
    drawn < chance.deconstruct().saturated_into()
}
