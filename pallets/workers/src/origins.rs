//! Where workers come from: whom they belong to, and which country they are in.
//!
//! An owner counts when both sides say so. A country is the worker's word, with a deposit behind it:
//! nothing on a chain can see where a machine stands, so whoever knows better has to convince those
//! who govern, and they [refute](Pallet::refute_region) it.

use crate::pallet::*;
use frame_support::{
    ensure,
    pallet_macros::pallet_section,
    pallet_prelude::DispatchResult,
    traits::{
        fungible::hold::{Inspect as _, Mutate as _},
        tokens::{Fortitude, Precision},
        Get,
    },
};
use vigil_primitives::{
    traits::Market,
    worker::{Owner, Region},
};

/// What is stored of it.
#[pallet_section]
mod storage {
    /// Whom workers belong to, as they say. Only a confirmed owner counts.
    #[pallet::storage]
    pub type Owners<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Owner<T::AccountId>>;

    /// Which countries workers are in, as they say.
    #[pallet::storage]
    pub type Regions<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Region>;
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_name_owner(who: T::AccountId, owner: Option<T::AccountId>) -> DispatchResult {
        let worker = Self::load(&who)?;
        ensure!(owner.as_ref() != Some(&who), Error::<T>::OwnOwner);
        match &owner {
            Some(account) => {
                let owner = Owner { account: account.clone(), confirmed: false };
                Owners::<T>::insert(&who, owner);
            }
            None => Owners::<T>::remove(&who),
        }
        // Jobs that another of the former owner's workers has are open to it now.
        if worker.is_active() {
            T::Market::room(&who);
        }
        Self::deposit_event(Event::OwnerNamed { worker: who, owner });
        Ok(())
    }

    pub(crate) fn do_confirm_worker(who: T::AccountId, worker: T::AccountId) -> DispatchResult {
        let named = Owners::<T>::get(&worker).filter(|owner| owner.account == who);
        let named = named.ok_or(Error::<T>::NotNamed)?;
        ensure!(!named.confirmed, Error::<T>::AlreadyConfirmed);
        Owners::<T>::insert(&worker, Owner { confirmed: true, ..named });
        Self::deposit_event(Event::OwnerConfirmed { worker, owner: who });
        Ok(())
    }

    /// Whose worker it is: its confirmed owner's, or its own.
    pub(crate) fn owner_of(worker: &T::AccountId) -> T::AccountId {
        let owner = Owners::<T>::get(worker).filter(|owner| owner.confirmed);
        owner.map_or_else(|| worker.clone(), |owner| owner.account)
    }

    pub(crate) fn do_declare_region(who: T::AccountId, region: Option<Region>) -> DispatchResult {
        let worker = Self::load(&who)?;
        worker.ensure_staying().map_err(Error::<T>::from)?;
        ensure!(region.is_none_or(|region| region.is_valid()), Error::<T>::RegionInvalid);
        // Once it is there the deposit stays until the worker has left: a word that was false for a
        // while is not taken back for nothing.
        let reason = HoldReason::Region.into();
        if region.is_some() && T::Currency::balance_on_hold(&reason, &who) == 0 {
            T::Currency::hold(&reason, &who, T::RegionDeposit::get())?;
        }
        Regions::<T>::set(&who, region);
        if worker.is_active() {
            T::Market::room(&who);
        }
        Self::deposit_event(Event::RegionDeclared { worker: who, region });
        Ok(())
    }

    pub(crate) fn do_refute_region(who: T::AccountId) -> DispatchResult {
        // Also of one that does not say so any more: its word was believed while it stood.
        let reason = HoldReason::Region.into();
        let held = T::Currency::balance_on_hold(&reason, &who);
        ensure!(held > 0, Error::<T>::NoRegion);
        Regions::<T>::remove(&who);
        let burned =
            T::Currency::burn_held(&reason, &who, held, Precision::BestEffort, Fortitude::Force)?;
        Self::deposit_event(Event::RegionRefuted { worker: who, burned });
        Ok(())
    }

    /// Forgets what a worker that has left said of itself, and gives its deposit back.
    pub(crate) fn forget_origins(who: &T::AccountId) -> DispatchResult {
        Owners::<T>::remove(who);
        Regions::<T>::remove(who);
        let reason = HoldReason::Region.into();
        let held = T::Currency::balance_on_hold(&reason, who);
        T::Currency::release(&reason, who, held, Precision::Exact)?;
        Ok(())
    }
}
