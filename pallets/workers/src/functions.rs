//! What the calls do, and what the runtime API asks of the registry.

use crate::{pallet::*, types::Worker};
use alloc::vec::Vec;
use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{fungible::hold::Mutate as _, tokens::Precision, Get},
};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::traits::Saturating;
use vigil_primitives::{
    api::PAGE,
    model::{url_scheme, Url, VersionStatus},
    traits::{Market, ModelRegistry},
    worker::{Capability, Reputation, WorkerStatus, WorkerView, BOND_COVER, MAX_CAPACITY},
    Balance, ModelVersionId,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register(
        who: T::AccountId,
        endpoint: Url,
        encryption_key: [u8; 32],
        capability: Capability,
        ask: Balance,
        capacity: u16,
        bond: Balance,
    ) -> DispatchResult {
        ensure!(!Workers::<T>::contains_key(&who), Error::<T>::AlreadyExists);
        Self::check_profile(&endpoint, ask, capacity)?;
        ensure!(bond >= T::MinBond::get(), Error::<T>::BondTooLow);
        T::Currency::hold(&HoldReason::Bond.into(), &who, bond)?;

        let worker = Worker {
            bond,
            status: WorkerStatus::Active,
            endpoint,
            encryption_key,
            capability,
            ask,
            capacity,
            active: 0,
            answered: 0,
            unfinalised: 0,
            covered: 0,
            serves: Default::default(),
            reputation: Reputation::new(Self::now()),
            disputes: 0,
        };
        Workers::<T>::insert(&who, worker);
        Self::deposit_event(Event::Registered { worker: who, bond });
        Ok(())
    }

    pub(crate) fn do_update(
        who: T::AccountId,
        endpoint: Url,
        encryption_key: [u8; 32],
        capability: Capability,
        ask: Balance,
        capacity: u16,
    ) -> DispatchResult {
        let worker = Self::load(&who)?;
        worker.ensure_staying().map_err(Error::<T>::from)?;
        Self::check_profile(&endpoint, ask, capacity)?;
        let (old_ask, old_capacity) = (worker.ask, worker.capacity);
        let worker = Worker { endpoint, encryption_key, capability, ask, capacity, ..worker };
        let active = worker.is_active();
        if active && ask != old_ask {
            Self::reprice(&who, &worker, old_ask);
        }
        Workers::<T>::insert(&who, worker);
        if active && (ask < old_ask || capacity > old_capacity) {
            T::Market::room(&who);
        }
        Self::deposit_event(Event::Updated { worker: who });
        Ok(())
    }

    pub(crate) fn do_bond_more(who: T::AccountId, amount: Balance) -> DispatchResult {
        let worker = Self::load(&who)?;
        worker.ensure_staying().map_err(Error::<T>::from)?;
        ensure!(amount > 0, Error::<T>::ZeroAmount);
        T::Currency::hold(&HoldReason::Bond.into(), &who, amount)?;

        let bond = worker.bond.saturating_add(amount);
        let active = worker.is_active();
        Workers::<T>::insert(&who, Worker { bond, ..worker });
        if active {
            T::Market::room(&who);
        }
        Self::deposit_event(Event::BondIncreased { worker: who, amount, bond });
        Ok(())
    }

    pub(crate) fn do_serve(who: T::AccountId, version: ModelVersionId) -> DispatchResult {
        let worker = Self::load(&who)?.serve(version).map_err(Error::<T>::from)?;
        let registered = T::Models::version(version).ok_or(Error::<T>::UnknownVersion)?;
        match registered.status {
            VersionStatus::Active => {}
            VersionStatus::Deprecated => return Err(Error::<T>::VersionDeprecated.into()),
            VersionStatus::Revoked => return Err(Error::<T>::VersionRevoked.into()),
        }
        let active = worker.is_active();
        if active {
            Self::join(version, &who, worker.ask);
        }
        Workers::<T>::insert(&who, worker);
        if active {
            T::Market::room(&who);
        }
        Self::deposit_event(Event::ServingStarted { worker: who, version });
        Ok(())
    }

    pub(crate) fn do_unserve(who: T::AccountId, version: ModelVersionId) -> DispatchResult {
        let worker = Self::load(&who)?.unserve(version).map_err(Error::<T>::from)?;
        if worker.is_active() {
            Self::leave(version, &who, worker.ask);
        }
        Workers::<T>::insert(&who, worker);
        Self::deposit_event(Event::ServingStopped { worker: who, version });
        Ok(())
    }

    pub(crate) fn do_drain(who: T::AccountId) -> DispatchResult {
        let worker = Self::load(&who)?.drain().map_err(Error::<T>::from)?;
        Self::store(&who, worker, true);
        Self::deposit_event(Event::Draining { worker: who });
        Ok(())
    }

    pub(crate) fn do_resume(who: T::AccountId) -> DispatchResult {
        let worker = Self::load(&who)?.resume().map_err(Error::<T>::from)?;
        Self::store(&who, worker, false);
        T::Market::room(&who);
        Self::deposit_event(Event::Resumed { worker: who });
        Ok(())
    }

    pub(crate) fn do_unbond(who: T::AccountId) -> DispatchResult {
        let worker = Self::load(&who)?;
        let was_active = worker.is_active();
        let until = Self::now().saturating_add(T::UnbondingPeriod::get());
        let worker = worker.unbond(until).map_err(Error::<T>::from)?;
        Self::store(&who, worker, was_active);
        Self::deposit_event(Event::UnbondingStarted { worker: who, until });
        Ok(())
    }

    pub(crate) fn do_withdraw(who: T::AccountId) -> DispatchResult {
        let amount = Self::load(&who)?.withdraw(Self::now()).map_err(Error::<T>::from)?;
        T::Currency::release(&HoldReason::Bond.into(), &who, amount, Precision::Exact)?;
        Workers::<T>::remove(&who);
        Self::forget_origins(&who)?;
        Self::deposit_event(Event::Withdrawn { worker: who, amount });
        Ok(())
    }

    pub(crate) fn do_unjail(who: T::AccountId) -> DispatchResult {
        let worker = Self::load(&who)?.unjail(Self::now()).map_err(Error::<T>::from)?;
        ensure!(worker.bond >= T::MinBond::get(), Error::<T>::BondTooLow);
        Self::store(&who, worker, false);
        T::Market::room(&who);
        Self::deposit_event(Event::Unjailed { worker: who });
        Ok(())
    }

    pub(crate) fn load(who: &T::AccountId) -> Result<WorkerOf<T>, Error<T>> {
        Workers::<T>::get(who).ok_or(Error::<T>::NotFound)
    }

    /// Checks what a worker says of itself.
    pub(crate) fn check_profile(
        endpoint: &[u8],
        ask: Balance,
        capacity: u16,
    ) -> Result<(), Error<T>> {
        let scheme = url_scheme(endpoint);
        ensure!(scheme == Some(b"http") || scheme == Some(b"https"), Error::<T>::InvalidEndpoint);
        ensure!((T::MinAsk::get()..=T::MaxAsk::get()).contains(&ask), Error::<T>::AskOutOfRange);
        ensure!((1..=MAX_CAPACITY).contains(&capacity), Error::<T>::CapacityOutOfRange);
        Ok(())
    }

    pub(crate) fn now() -> BlockNumberFor<T> {
        frame_system::Pallet::<T>::block_number()
    }

    /// How a worker has behaved, as it counts now.
    pub(crate) fn reputation(worker: &WorkerOf<T>) -> ReputationOf<T> {
        worker.reputation.at(Self::now(), T::RecordHalfLife::get())
    }

    /// A worker, for the runtime API.
    pub fn worker_view(
        account: T::AccountId,
    ) -> Option<WorkerView<T::AccountId, BlockNumberFor<T>>> {
        let worker = Workers::<T>::get(&account)?;
        Some(Self::view(account, worker))
    }

    /// At most `limit` workers, and at most [`PAGE`], in the order of the storage keys, after
    /// `after`.
    pub fn worker_views(
        after: Option<T::AccountId>,
        limit: u32,
    ) -> Vec<WorkerView<T::AccountId, BlockNumberFor<T>>> {
        let workers = match after {
            Some(account) => Workers::<T>::iter_from(Workers::<T>::hashed_key_for(account)),
            None => Workers::<T>::iter(),
        };
        let limit = usize::try_from(limit.min(PAGE)).unwrap_or(0);
        workers.take(limit).map(|(account, worker)| Self::view(account, worker)).collect()
    }

    /// How many active workers serve a version.
    pub fn serving_count(version: ModelVersionId) -> u32 {
        ServingCount::<T>::get(version)
    }

    fn view(
        account: T::AccountId,
        worker: WorkerOf<T>,
    ) -> WorkerView<T::AccountId, BlockNumberFor<T>> {
        let owner = Owners::<T>::get(&account);
        let region = Regions::<T>::get(&account);
        let reputation = Self::reputation(&worker);
        WorkerView {
            account,
            bond: worker.bond,
            status: worker.status,
            endpoint: worker.endpoint.into_inner(),
            encryption_key: worker.encryption_key,
            capability: worker.capability,
            ask: worker.ask,
            capacity: worker.capacity,
            active: worker.active,
            answered: worker.answered,
            unfinalised: worker.unfinalised,
            serves: worker.serves.into_inner(),
            region,
            reputation,
            disputes: worker.disputes,
            owner,
        }
    }

    /// Refuses a configuration under which the pallet could not keep its promises.
    pub(crate) fn check_config() {
        assert!(T::MinAsk::get() <= T::MaxAsk::get(), "MinAsk is above MaxAsk");
        assert!(
            T::MaxAsk::get().checked_mul(u64::MAX.into()).is_some(),
            "MaxAsk times the most work overflows a balance"
        );
        assert!(
            T::MinBond::get() >= BOND_COVER,
            "MinBond covers no reward at all: a worker could never be drawn"
        );
        assert!(
            T::ExpirySlash::get() < T::MinBond::get(),
            "one missed deadline would take a whole bond"
        );
        assert!(T::MaxMissesInARow::get() > 0, "MaxMissesInARow is 0");
        assert!(T::SampleSize::get() > 0, "SampleSize is 0: no worker could be drawn");
        assert!(T::SampleSize::get() <= 64, "SampleSize is too large for one draw");
        assert!(
            T::UnbondingPeriod::get() >= T::JailPeriod::get(),
            "UnbondingPeriod is shorter than JailPeriod: leaving would be a way out of jail"
        );
    }
}
