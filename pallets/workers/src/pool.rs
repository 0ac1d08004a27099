//! The workers as jobs see them: they are drawn and take a place, and later give it back.

use crate::{
    draw,
    pallet::*,
    types::{NotEngaged, Worker},
    WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
    defensive,
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision},
        Get,
    },
    weights::Weight,
};
use sp_runtime::traits::Saturating;
use vigil_primitives::{
    audit,
    job::{MAX_EXCLUDED, MAX_REPLICAS},
    pricing,
    traits::{
        Engagement, Market, NotCovered, Outcome, Reliance, Room, Search, Unfilled, Vacancy,
        WorkerPool,
    },
    worker::Region,
    Balance, ModelVersionId,
};

/// A worker that could take a job.
struct Candidate<T: Config> {
    who: T::AccountId,
    owner: T::AccountId,
    worker: WorkerOf<T>,
    reward: Balance,
}

/// Those of the workers looked at that could take a job.
struct Candidates<'a, T: Config> {
    vacancy: &'a Vacancy<'a, T::AccountId>,
    /// Owners of workers that must not be drawn.
    excluded: Vec<T::AccountId>,
    fit: Vec<Candidate<T>>,
    /// Whether any of them all has a free place, be it for this job or not.
    room: bool,
    looked: u32,
}

impl<'a, T: Config> Candidates<'a, T> {
    fn new(vacancy: &'a Vacancy<'a, T::AccountId>) -> Self {
        let excluded = vacancy.exclude.iter().map(Pallet::<T>::owner_of).collect();
        Self { vacancy, excluded, fit: Vec::new(), room: false, looked: 0 }
    }

    fn look_at(&mut self, who: T::AccountId) {
        self.looked = self.looked.saturating_add(1);
        let Some(worker) = Workers::<T>::get(&who) else { return };
        self.room |= worker.free_places() > 0;
        let Vacancy { work, budget, role, region, .. } = *self.vacancy;
        let Some(reward) = worker.reward_for(work, budget, role) else { return };
        if region.is_some() && Regions::<T>::get(&who) != region {
            return;
        }
        if self.fit.iter().any(|other| other.who == who) {
            return;
        }
        let owner = Pallet::<T>::owner_of(&who);
        if !self.excluded.contains(&owner) {
            self.fit.push(Candidate { who, owner, worker, reward });
        }
    }

    /// Whether they are of as many owners as the job needs workers.
    fn enough(&self) -> bool {
        let first = |(place, one): &(usize, &Candidate<T>)| {
            !self.fit.iter().take(*place).any(|other| other.owner == one.owner)
        };
        self.fit.iter().enumerate().filter(first).count() >= usize::from(self.vacancy.replicas)
    }

    /// As many of them as the job needs, of as many owners, each drawn by its weight, and engaged.
    fn engage(&mut self) -> Result<Vec<Engagement<T::AccountId>>, Unfilled> {
        if !self.enough() {
            return Err(if self.room { Unfilled::Unfit } else { Unfilled::Full });
        }
        let mut engagements = Vec::new();
        for turn in 0..self.vacancy.replicas {
            let weights = self.fit.iter().map(|one| {
                let reputation = Pallet::<T>::reputation(&one.worker);
                one.worker.draw_weight(&reputation, one.reward, self.vacancy.role)
            });
            let drawn = draw::choose(&self.vacancy.seed, turn.into(), weights)
                .filter(|drawn| *drawn < self.fit.len());
            // Whoever fits has a free place and counts at least 1, so somebody is drawn.
            let Some(drawn) = drawn else { return Err(Unfilled::Unfit) };
            let drawn = self.fit.swap_remove(drawn);
            self.fit.retain(|other| other.owner != drawn.owner);
            engagements.push(drawn);
        }
        let engage = |Candidate { who, worker, reward, .. }| {
            let ask = worker.ask;
            Workers::<T>::insert(&who, worker.engage(reward));
            Engagement { worker: who, ask, reward }
        };
        Ok(engagements.into_iter().map(engage).collect())
    }
}

impl<T: Config> WorkerPool<T::AccountId> for Pallet<T> {
    fn engage(vacancy: &Vacancy<'_, T::AccountId>) -> Search<T::AccountId> {
        let count = ServingCount::<T>::get(vacancy.version);
        let size = T::SampleSize::get();
        let sample: Vec<_> = draw::sample(&vacancy.seed, count, size)
            .into_iter()
            .filter_map(|index| Serving::<T>::get(vacancy.version, index))
            .collect();
        let vacancy = &Vacancy { budget: Self::budget(vacancy, &sample), ..*vacancy };
        let mut candidates = Candidates::<T>::new(vacancy);
        sample.into_iter().for_each(|who| candidates.look_at(who));
        if let Some(roomy) = vacancy.roomy.filter(|_| !candidates.enough()) {
            if ServingIndex::<T>::contains_key(vacancy.version, roomy) {
                candidates.look_at(roomy.clone());
            }
        }
        // A sample of many may miss the few that a low price affords.
        if !candidates.enough() && count > size {
            let highest = pricing::highest_ask(vacancy.budget, vacancy.work);
            Asks::<T>::iter_key_prefix((vacancy.version,))
                .take(usize::try_from(size).unwrap_or(0))
                .take_while(|(ask, _)| Balance::from_be_bytes(*ask) <= highest)
                .for_each(|(_, who)| candidates.look_at(who));
        }
        let found = candidates.engage();
        let excluded = u32::try_from(vacancy.exclude.len()).unwrap_or(u32::MAX);
        let drawn = found.as_ref().map_or(0, |_| vacancy.replicas.into());
        Search { found, weight: T::WeightInfo::engage(candidates.looked, excluded, drawn) }
    }

    fn answered(who: &T::AccountId) {
        let Some(worker) = Workers::<T>::get(who) else {
            defensive!("an answer of an account that is no worker");
            return;
        };
        let worker = worker.answer();
        let active = worker.is_active();
        Workers::<T>::insert(who, worker);
        if active {
            T::Market::room(who);
        }
    }

    fn answered_weight() -> Weight {
        T::WeightInfo::release().saturating_add(T::Market::room_weight())
    }

    fn release(who: &T::AccountId, reward: Balance, answered: bool, outcome: Outcome) {
        let Some(worker) = Workers::<T>::get(who) else {
            defensive!("release of an account that is no worker");
            return;
        };
        let was_active = worker.is_active();
        let worker = Worker { reputation: Self::reputation(&worker), ..worker };
        let (mut worker, books) = worker.release(reward, answered, outcome);
        if let Err(NotEngaged) = books {
            defensive!("release of more than the worker is engaged in");
        }
        if outcome == Outcome::Expired {
            worker = Self::punish(who, worker);
        }
        let active = worker.is_active();
        Self::store(who, worker, was_active);
        if active {
            T::Market::room(who);
        }
    }

    fn engage_weight() -> Weight {
        let looked = T::SampleSize::get().saturating_mul(2).saturating_add(1);
        T::WeightInfo::engage(looked, MAX_EXCLUDED, MAX_REPLICAS)
    }

    fn release_weight() -> Weight {
        let heaviest = T::WeightInfo::release().max(T::WeightInfo::release_expired());
        heaviest.saturating_add(T::Market::room_weight())
    }

    fn release_weight_of(outcome: Outcome) -> Weight {
        let own = match outcome {
            Outcome::Expired => T::WeightInfo::release_expired(),
            Outcome::Completed(_)
            | Outcome::Audited(_)
            | Outcome::Released
            | Outcome::Declined
            | Outcome::Undecided
            | Outcome::Convicted => T::WeightInfo::release(),
        };
        own.saturating_add(T::Market::room_weight())
    }

    fn serving(version: ModelVersionId) -> u32 {
        ServingCount::<T>::get(version)
    }

    fn lowest_ask(version: ModelVersionId) -> Option<Balance> {
        let (ask, _) = Asks::<T>::iter_key_prefix((version,)).next()?;
        Some(Balance::from_be_bytes(ask))
    }

    fn room(worker: &T::AccountId) -> Option<Room> {
        let worker = Workers::<T>::get(worker).filter(Worker::is_active)?;
        let (ask, free_places) = (worker.ask, worker.free_places());
        Some(Room { ask, free_places, serves: worker.serves.into_inner() })
    }

    /// The sample is spread evenly over the list, so that it is the same for everybody who asks.
    fn offers(version: ModelVersionId, region: Option<Region>) -> Vec<(Balance, T::AccountId)> {
        let count = ServingCount::<T>::get(version);
        let size = T::SampleSize::get().min(count);
        (0..size)
            .filter_map(|position| {
                let index = u64::from(position)
                    .saturating_mul(count.into())
                    .checked_div(size.into())
                    .and_then(|index| u32::try_from(index).ok())?;
                let who = Serving::<T>::get(version, index)?;
                let worker = Workers::<T>::get(&who)?;
                let there = region.is_none() || Regions::<T>::get(&who) == region;
                (worker.free_places() > 0 && there).then_some((worker.ask, who))
            })
            .collect()
    }

    fn reliance(who: &T::AccountId, reward: Balance) -> Reliance {
        let Some(worker) = Workers::<T>::get(who) else {
            return Reliance { stake: 0, proven: 0 };
        };
        // To keep silent is the cheapest way out.
        let stake = audit::stake(reward, worker.bond, T::ExpirySlash::get());
        Reliance { stake, proven: Self::reputation(&worker).record.proven }
    }

    fn cover(
        who: &T::AccountId,
        version: ModelVersionId,
        amount: Balance,
    ) -> Result<Balance, NotCovered> {
        let worker = Workers::<T>::get(who).ok_or(NotCovered::Unavailable)?;
        let worker = worker.cover(version, amount)?;
        let ask = worker.ask;
        Workers::<T>::insert(who, worker);
        Ok(ask)
    }

    fn uncover(who: &T::AccountId, amount: Balance) {
        let Some(worker) = Workers::<T>::get(who) else {
            defensive!("what an account that is no worker may earn is covered no more");
            return;
        };
        let (worker, books) = worker.uncover(amount);
        if let Err(NotEngaged) = books {
            defensive!("more is covered no more than was");
        }
        let active = worker.is_active();
        Workers::<T>::insert(who, worker);
        if active && amount > 0 {
            T::Market::room(who);
        }
    }

    fn covered(who: &T::AccountId) -> Balance {
        Workers::<T>::get(who).map_or(0, |worker| worker.covered)
    }

    fn cover_weight() -> Weight {
        T::WeightInfo::cover().saturating_add(T::Market::room_weight())
    }
}

impl<T: Config> Pallet<T> {
    /// What a worker may earn: as much as was said or, where that stretches, what three quarters of a
    /// sample would earn at most.
    fn budget(vacancy: &Vacancy<'_, T::AccountId>, sample: &[T::AccountId]) -> Balance {
        if !vacancy.stretch {
            return vacancy.budget;
        }
        let others = sample.iter().filter(|who| !vacancy.exclude.contains(who));
        let mut asks: Vec<_> = others.filter_map(|who| Some(Workers::<T>::get(who)?.ask)).collect();
        asks.sort_unstable();
        let quartile = asks.len().saturating_mul(3) / 4;
        let market = asks.get(quartile).copied().unwrap_or_default();
        audit::highest_pay(vacancy.budget, pricing::reward(market, vacancy.work))
    }

    /// Burns the slash for a missed deadline, and jails the worker after too many in a row or when
    /// its bond has fallen below the smallest one. In the latter case alone it may return as soon
    /// as it has topped its bond up.
    fn punish(who: &T::AccountId, mut worker: WorkerOf<T>) -> WorkerOf<T> {
        let slash = T::ExpirySlash::get().min(worker.bond);
        let burned = T::Currency::burn_held(
            &HoldReason::Bond.into(),
            who,
            slash,
            Precision::BestEffort,
            Fortitude::Force,
        );
        match burned {
            Ok(amount) => {
                worker.bond = worker.bond.saturating_sub(amount);
                let bond = worker.bond;
                Self::deposit_event(Event::Slashed { worker: who.clone(), amount, bond });
            }
            Err(error) => {
                defensive!("the bond cannot be slashed", error);
            }
        }

        let now = Self::now();
        let until = if worker.reputation.expired_in_a_row >= T::MaxMissesInARow::get() {
            now.saturating_add(T::JailPeriod::get())
        } else if worker.bond < T::MinBond::get() {
            now
        } else {
            return worker;
        };
        let before = worker.status;
        let worker = worker.jail(until);
        if worker.status != before {
            Self::deposit_event(Event::Jailed { worker: who.clone(), until });
        }
        worker
    }
}
