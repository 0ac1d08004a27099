//! The bonds as disputes see them: they stay while a result is disputed, and are taken when it is
//! wrong.

use crate::{pallet::*, types::Worker, WeightInfo};
use frame_support::{
    defensive,
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision, Restriction},
        Get,
    },
    weights::Weight,
};
use sp_runtime::traits::Saturating;
use vigil_primitives::{
    audit,
    dispute::Penalty,
    pricing,
    traits::{Offence, Slash, Stakes},
    Balance,
};

impl<T: Config> Stakes<T::AccountId> for Pallet<T> {
    fn disputed(worker: &T::AccountId) {
        Workers::<T>::mutate_extant(worker, |record| {
            record.disputes = record.disputes.saturating_add(1);
        });
    }

    fn decided(worker: &T::AccountId, disputes: u32) {
        Workers::<T>::mutate_extant(worker, |record| {
            record.disputes = record.disputes.saturating_sub(disputes);
        });
    }

    fn convict(who: &T::AccountId, slash: Slash<'_, T::AccountId>) -> Penalty {
        // Whoever has left with its bond has nothing to lose.
        let Some(worker) = Workers::<T>::get(who) else { return Penalty::default() };
        let was_active = worker.is_active();
        let (least, jailed) = match slash.offence {
            Offence::Wrong => (T::ConvictionSlash::get(), T::ConvictionJailPeriod::get()),
            Offence::Silent => (T::ExpirySlash::get(), T::JailPeriod::get()),
        };
        let amount = audit::stake(slash.reward, worker.bond, least);
        let planned = match slash.offence {
            Offence::Wrong => pricing::split_slash(amount, slash.costs, slash.damages),
            Offence::Silent => Penalty { slashed: amount, burned: amount, ..Penalty::default() },
        };
        let costs = Self::pay_from_bond(who, slash.treasury, planned.costs);
        let damages = Self::pay_from_bond(who, slash.requester, planned.damages);
        let bounty = Self::pay_from_bond(who, slash.winner, planned.bounty);
        // What somebody could not be credited with is burned with the rest.
        let paid = costs.saturating_add(damages).saturating_add(bounty);
        let burned = T::Currency::burn_held(
            &HoldReason::Bond.into(),
            who,
            planned.slashed.saturating_sub(paid),
            Precision::BestEffort,
            Fortitude::Force,
        );
        let burned = burned.unwrap_or_else(|error| {
            defensive!("the bond cannot be slashed", error);
            0
        });
        let slashed = paid.saturating_add(burned);
        let until = Self::now().saturating_add(jailed);
        let mut reputation = Self::reputation(&worker).fall();
        match slash.offence {
            Offence::Wrong => reputation.convicted = reputation.convicted.saturating_add(1),
            Offence::Silent => reputation.expired = reputation.expired.saturating_add(1),
        }
        let bond = worker.bond.saturating_sub(slashed);
        let worker = Worker { bond, reputation, ..worker };
        let before = worker.status;
        let worker = worker.jail(until);
        let bond = worker.bond;
        let penalty = Penalty { slashed, burned, costs, damages, bounty };
        Self::deposit_event(Event::Convicted { worker: who.clone(), penalty, bond });
        if worker.status != before {
            Self::deposit_event(Event::Jailed { worker: who.clone(), until });
        }
        Self::store(who, worker, was_active);
        penalty
    }

    fn charge(who: &T::AccountId, payee: &T::AccountId, amount: Balance) -> Balance {
        let Some(worker) = Workers::<T>::get(who).filter(|_| amount > 0) else { return 0 };
        let was_active = worker.is_active();
        let paid = Self::pay_from_bond(who, payee, amount.min(worker.bond));
        let bond = worker.bond.saturating_sub(paid);
        let mut worker = Worker { bond, ..worker };
        Self::deposit_event(Event::Charged { worker: who.clone(), amount: paid, bond });
        if bond < T::MinBond::get() {
            let (before, until) = (worker.status, Self::now());
            worker = worker.jail(until);
            if worker.status != before {
                Self::deposit_event(Event::Jailed { worker: who.clone(), until });
            }
        }
        Self::store(who, worker, was_active);
        paid
    }

    fn charge_weight() -> Weight {
        T::WeightInfo::charge()
    }

    fn dispute_weight() -> Weight {
        T::WeightInfo::dispute()
    }

    fn convict_weight() -> Weight {
        T::WeightInfo::convict()
    }
}

impl<T: Config> Pallet<T> {
    /// Pays out of a bond; nothing if the account can't be credited. How much.
    fn pay_from_bond(who: &T::AccountId, to: &T::AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let moved = T::Currency::transfer_on_hold(
            &HoldReason::Bond.into(),
            who,
            to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        );
        moved.unwrap_or(0)
    }
}
