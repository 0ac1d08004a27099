//! What is stored of a worker and how it changes.
//!
//! Nothing here knows the pallet: every rule about places, bond cover, reputation and status is a
//! function of the record alone.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;
use vigil_primitives::{
    job::Role,
    model::Url,
    pricing,
    traits::{Completion, NotCovered, Outcome},
    worker::{reliability, trust, Capability, Reputation, WorkerStatus, BOND_COVER, MAX_SERVED},
    Balance, ModelVersionId,
};

/// Versions that a worker serves.
pub type Served = BoundedVec<ModelVersionId, ConstU32<MAX_SERVED>>;

/// A worker.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Worker<BlockNumber> {
    /// Held from its account.
    pub bond: Balance,
    /// Whether it is given jobs.
    pub status: WorkerStatus<BlockNumber>,
    /// Base URL of its blob server.
    pub endpoint: Url,
    /// X25519 public key for inputs that only it may read.
    pub encryption_key: [u8; 32],
    /// What it says of its hardware.
    pub capability: Capability,
    /// Price per giga multiply-accumulate.
    pub ask: Balance,
    /// Jobs it runs at the same time.
    pub capacity: u16,
    /// Jobs it is engaged in.
    pub active: u16,
    /// Those of them whose result it has revealed: they take no place any more.
    pub answered: u16,
    /// Rewards of those jobs, and what it may earn by channels.
    pub unfinalised: Balance,
    /// The part of it that channels may earn: they take no place.
    pub covered: Balance,
    /// Versions it serves.
    pub serves: Served,
    /// How it has behaved.
    pub reputation: Reputation<BlockNumber>,
    /// Disputes about its results that have not ended: its bond stays until they have.
    pub disputes: u32,
}

/// Why a transition was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransitionError {
    /// It serves the version already.
    AlreadyServing,
    /// It does not serve the version.
    NotServing,
    /// It serves as many versions as it may.
    TooManyServed,
    /// It is draining already.
    AlreadyDraining,
    /// It is not draining.
    NotDraining,
    /// It is in jail.
    Jailed,
    /// It is not in jail.
    NotJailed,
    /// Its time in jail is not over.
    StillJailed,
    /// It is leaving.
    Unbonding,
    /// It is not leaving.
    NotUnbonding,
    /// Its unbonding period is not over.
    StillUnbonding,
    /// It is engaged in jobs, or channels of it have not ended.
    StillEngaged,
    /// A result of it is disputed.
    StillDisputed,
}

/// What the books said when an engagement ended that they cannot say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEngaged;

impl<BlockNumber: AtLeast32BitUnsigned + Copy> Worker<BlockNumber> {
    /// Whether it takes jobs: only then is it in the lists that jobs draw from.
    pub fn is_active(&self) -> bool {
        matches!(self.status, WorkerStatus::Active)
    }

    /// Refuses a worker that is leaving.
    pub fn ensure_staying(&self) -> Result<(), TransitionError> {
        match self.status {
            WorkerStatus::Unbonding { .. } => Err(TransitionError::Unbonding),
            _ => Ok(()),
        }
    }

    /// Places for more jobs.
    pub fn free_places(&self) -> u16 {
        self.capacity.saturating_sub(self.computing())
    }

    /// Jobs that it has yet to answer.
    fn computing(&self) -> u16 {
        self.active.saturating_sub(self.answered)
    }

    /// Places in which it could do that now: for an audit it has one more than for jobs.
    pub fn places_for(&self, role: Role) -> u16 {
        match role {
            Role::Worker => self.free_places(),
            Role::Auditor => self.capacity.saturating_add(1).saturating_sub(self.computing()),
        }
    }

    /// What it would earn for `work`, if it can do it now: active, with a place for it, for at most
    /// `budget`, and with its bond covering all its rewards [`BOND_COVER`] times.
    pub fn reward_for(&self, work: u64, budget: Balance, role: Role) -> Option<Balance> {
        let reward = pricing::reward(self.ask, work);
        let covers = self.covers(reward);
        (self.is_active() && self.places_for(role) > 0 && reward <= budget && covers)
            .then_some(reward)
    }

    /// Whether its bond covers so much more [`BOND_COVER`] times.
    fn covers(&self, more: Balance) -> bool {
        let needed = self.unfinalised.checked_add(more).and_then(|sum| sum.checked_mul(BOND_COVER));
        needed.is_some_and(|needed| needed <= self.bond)
    }

    /// Puts its bond behind what it may earn by a channel.
    pub fn cover(mut self, version: ModelVersionId, amount: Balance) -> Result<Self, NotCovered> {
        if !self.is_active() {
            return Err(NotCovered::Unavailable);
        }
        if !self.serves.contains(&version) {
            return Err(NotCovered::NotServed);
        }
        if !self.covers(amount) {
            return Err(NotCovered::BondTooLow);
        }
        self.unfinalised = self.unfinalised.saturating_add(amount);
        self.covered = self.covered.saturating_add(amount);
        Ok(self)
    }

    /// So much of that needs no cover any more; as far as the books allow.
    pub fn uncover(mut self, amount: Balance) -> (Self, Result<(), NotEngaged>) {
        let books = self.covered.checked_sub(amount).map(|_| ()).ok_or(NotEngaged);
        let amount = amount.min(self.covered);
        self.covered = self.covered.saturating_sub(amount);
        self.unfinalised = self.unfinalised.saturating_sub(amount);
        (self, books)
    }

    /// Its weight in a draw for what earns `reward`: places, times [`reliability`] and [`trust`], by
    /// its reputation as it counts now.
    pub fn draw_weight(
        &self,
        reputation: &Reputation<BlockNumber>,
        reward: Balance,
        role: Role,
    ) -> u64 {
        u64::from(self.places_for(role))
            .saturating_mul(reliability(reputation))
            .saturating_mul(trust(reputation, reward))
            .div_euclid(1_000)
            .max(1)
    }

    /// Takes a place for a job that earns `reward`. Only after [`Self::reward_for`] said so.
    pub fn engage(mut self, reward: Balance) -> Self {
        self.active = self.active.saturating_add(1);
        self.unfinalised = self.unfinalised.saturating_add(reward);
        self
    }

    /// Gives the place of a job back whose result it has revealed.
    pub fn answer(mut self) -> Self {
        self.answered = self.answered.saturating_add(1).min(self.active);
        self
    }

    /// Gives the place back, if it is not free yet, and remembers how the job ended. The place is given back as far as
    /// the books allow even when they say that there was no such engagement.
    pub fn release(
        mut self,
        reward: Balance,
        answered: bool,
        outcome: Outcome,
    ) -> (Self, Result<(), NotEngaged>) {
        let books = self
            .active
            .checked_sub(1)
            .zip(self.unfinalised.checked_sub(reward))
            .zip(self.answered.checked_sub(answered.into()))
            .map(|_| ())
            .ok_or(NotEngaged);
        self.active = self.active.saturating_sub(1);
        self.answered = self.answered.saturating_sub(answered.into()).min(self.active);
        self.unfinalised = self.unfinalised.saturating_sub(reward);

        let reputation = &mut self.reputation;
        let count = |counter: &mut u32| *counter = counter.saturating_add(1);
        match outcome {
            Outcome::Completed(Completion { work, paid, proven }) => {
                count(&mut reputation.completed);
                reputation.expired_in_a_row = 0;
                reputation.work = reputation.work.saturating_add(work.into());
                reputation.earned = reputation.earned.saturating_add(paid);
                if proven > 0 {
                    count(&mut reputation.passed);
                    reputation.record = reputation.record.prove(proven);
                }
            }
            Outcome::Audited(Completion { work, paid, .. }) => {
                count(&mut reputation.audits);
                reputation.expired_in_a_row = 0;
                reputation.work = reputation.work.saturating_add(work.into());
                reputation.earned = reputation.earned.saturating_add(paid);
            }
            Outcome::Released => {}
            Outcome::Declined => count(&mut reputation.declined),
            Outcome::Expired => {
                count(&mut reputation.expired);
                count(&mut reputation.expired_in_a_row);
            }
            Outcome::Undecided => count(&mut reputation.contested),
            // Counted by the conviction, which may come when the job is long paid.
            Outcome::Convicted => {}
        }
        (self, books)
    }

    /// Jails it until `until`, or longer if it is in jail for longer, and starts the count of
    /// misses anew. A worker that is leaving has no engagements to miss and stays as it is.
    pub fn jail(mut self, until: BlockNumber) -> Self {
        self.reputation.expired_in_a_row = 0;
        self.status = match self.status {
            WorkerStatus::Active | WorkerStatus::Draining => WorkerStatus::Jailed { until },
            WorkerStatus::Jailed { until: before } if before < until => {
                WorkerStatus::Jailed { until }
            }
            WorkerStatus::Jailed { .. } | WorkerStatus::Unbonding { .. } => self.status,
        };
        self
    }

    /// Makes it active again when its time in jail is over at `now`.
    pub fn unjail(mut self, now: BlockNumber) -> Result<Self, TransitionError> {
        match self.status {
            WorkerStatus::Jailed { until } if now < until => Err(TransitionError::StillJailed),
            WorkerStatus::Jailed { .. } => {
                self.status = WorkerStatus::Active;
                Ok(self)
            }
            _ => Err(TransitionError::NotJailed),
        }
    }

    /// Stops new jobs.
    pub fn drain(mut self) -> Result<Self, TransitionError> {
        match self.status {
            WorkerStatus::Active => {
                self.status = WorkerStatus::Draining;
                Ok(self)
            }
            WorkerStatus::Draining => Err(TransitionError::AlreadyDraining),
            WorkerStatus::Jailed { .. } => Err(TransitionError::Jailed),
            WorkerStatus::Unbonding { .. } => Err(TransitionError::Unbonding),
        }
    }

    /// Takes new jobs again.
    pub fn resume(mut self) -> Result<Self, TransitionError> {
        match self.status {
            WorkerStatus::Draining => {
                self.status = WorkerStatus::Active;
                Ok(self)
            }
            WorkerStatus::Active => Err(TransitionError::NotDraining),
            WorkerStatus::Jailed { .. } => Err(TransitionError::Jailed),
            WorkerStatus::Unbonding { .. } => Err(TransitionError::Unbonding),
        }
    }

    /// Begins to leave.
    pub fn unbond(mut self, until: BlockNumber) -> Result<Self, TransitionError> {
        self.ensure_staying()?;
        if self.active > 0 || self.covered > 0 {
            return Err(TransitionError::StillEngaged);
        }
        self.status = WorkerStatus::Unbonding { until };
        Ok(self)
    }

    /// The bond that is free at `now`.
    pub fn withdraw(&self, now: BlockNumber) -> Result<Balance, TransitionError> {
        match self.status {
            WorkerStatus::Unbonding { until } if now < until => {
                Err(TransitionError::StillUnbonding)
            }
            WorkerStatus::Unbonding { .. } if self.disputes > 0 => {
                Err(TransitionError::StillDisputed)
            }
            WorkerStatus::Unbonding { .. } => Ok(self.bond),
            _ => Err(TransitionError::NotUnbonding),
        }
    }

    /// Starts to serve a version.
    pub fn serve(mut self, version: ModelVersionId) -> Result<Self, TransitionError> {
        self.ensure_staying()?;
        if self.serves.contains(&version) {
            return Err(TransitionError::AlreadyServing);
        }
        self.serves.try_push(version).map_err(|_| TransitionError::TooManyServed)?;
        Ok(self)
    }

    /// Stops to serve a version.
    pub fn unserve(mut self, version: ModelVersionId) -> Result<Self, TransitionError> {
        self.ensure_staying()?;
        let served = self.serves.len();
        self.serves.retain(|other| *other != version);
        if self.serves.len() == served {
            return Err(TransitionError::NotServing);
        }
        Ok(self)
    }
}
