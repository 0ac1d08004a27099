//! The workers as jobs see them: one is drawn and takes a place, and later gives it back.

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
        fungible::{hold::Mutate as _, Mutate as _},
        tokens::{Fortitude, Precision},
        Get,
    },
    weights::Weight,
};
use sp_runtime::traits::Saturating;
use vigil_primitives::{
    model::Url,
    traits::{Engagement, Outcome, Vacancy, WorkerPool},
    worker::{Capability, DeviceClass, Reputation, WorkerStatus, MAX_CAPACITY},
    Balance, ModelVersionId,
};

impl<T: Config> WorkerPool<T::AccountId> for Pallet<T> {
    fn engage(vacancy: &Vacancy<'_, T::AccountId>) -> Option<Engagement<T::AccountId>> {
        let count = ServingCount::<T>::get(vacancy.version);
        let mut fit: Vec<_> = draw::sample(&vacancy.seed, count, T::SampleSize::get())
            .into_iter()
            .filter_map(|index| Serving::<T>::get(vacancy.version, index))
            .filter(|who| !vacancy.exclude.contains(who))
            .filter_map(|who| {
                let worker = Workers::<T>::get(&who)?;
                let reward = worker.reward_for(vacancy.work, vacancy.budget)?;
                Some((who, worker, reward))
            })
            .collect();

        let weights = fit.iter().map(|(_, worker, _)| worker.draw_weight());
        let drawn = draw::choose(&vacancy.seed, weights)?;
        if drawn >= fit.len() {
            return None;
        }
        let (who, worker, reward) = fit.swap_remove(drawn);
        let ask = worker.ask;
        Workers::<T>::insert(&who, worker.engage(reward));
        Some(Engagement { worker: who, ask, reward })
    }

    fn release(who: &T::AccountId, reward: Balance, outcome: Outcome) {
        let Some(worker) = Workers::<T>::get(who) else {
            defensive!("release of an account that is no worker");
            return;
        };
        let was_active = worker.is_active();
        let (mut worker, books) = worker.release(reward, outcome);
        if let Err(NotEngaged) = books {
            defensive!("release of more than the worker is engaged in");
        }
        if outcome == Outcome::Expired {
            worker = Self::punish(who, worker);
        }
        Self::store(who, worker, was_active);
    }

    fn engage_weight() -> Weight {
        T::WeightInfo::engage(T::SampleSize::get())
    }

    fn release_weight() -> Weight {
        T::WeightInfo::release().max(T::WeightInfo::release_expired())
    }

    fn release_weight_of(outcome: Outcome) -> Weight {
        match outcome {
            Outcome::Expired => T::WeightInfo::release_expired(),
            Outcome::Completed | Outcome::Released | Outcome::Declined | Outcome::Undecided => {
                T::WeightInfo::release()
            }
        }
    }

    fn is_served(version: ModelVersionId) -> bool {
        ServingCount::<T>::get(version) > 0
    }

    /// The sample is spread evenly over the list, so that it is the same for everybody who asks.
    fn asks(version: ModelVersionId) -> Vec<Balance> {
        let count = ServingCount::<T>::get(version);
        let size = T::SampleSize::get().min(count);
        (0..size)
            .filter_map(|position| {
                let index = u64::from(position)
                    .saturating_mul(count.into())
                    .checked_div(size.into())
                    .and_then(|index| u32::try_from(index).ok())?;
                let worker = Workers::<T>::get(Serving::<T>::get(version, index)?)?;
                (worker.free_places() > 0).then_some(worker.ask)
            })
            .collect()
    }

    fn benchmark_worker(who: &T::AccountId, version: ModelVersionId) {
        let bond = Balance::from(u64::MAX).max(T::MinBond::get());
        let funds = bond.saturating_mul(2);
        let held = T::Currency::mint_into(who, funds)
            .and_then(|_| T::Currency::hold(&HoldReason::Bond.into(), who, bond));
        if held.is_err() || Workers::<T>::contains_key(who) {
            defensive!("the benchmark's worker cannot be set up");
            return;
        }
        let worker = Worker {
            bond,
            status: WorkerStatus::Active,
            endpoint: Url::truncate_from(b"http://127.0.0.1:8080".to_vec()),
            encryption_key: [0; 32],
            capability: Capability {
                memory_mib: 1_024,
                device: DeviceClass::Cpu,
                gmacs_per_second: 100,
            },
            ask: T::MinAsk::get(),
            capacity: MAX_CAPACITY,
            active: 0,
            unfinalised: 0,
            serves: alloc::vec![version].try_into().unwrap_or_default(),
            reputation: Reputation::default(),
        };
        Self::store(who, worker, false);
    }
}

impl<T: Config> Pallet<T> {
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
