//! What assets earn: the waterfall, sales, revenue, and what is kept for payees that could not be
//! credited.

use super::*;
use frame_support::{storage::with_storage_layer, weights::Weight};
use sp_runtime::TokenError;
use vigil_primitives::{
    lineage::{self, Royalty, MAX_PAYEES},
    traits::{UnpaidBook, Waterfall},
};

impl<T: Config> Waterfall<T::AccountId> for Pallet<T> {
    fn split(asset: AssetId, amount: Balance) -> Vec<Royalty<T::AccountId>> {
        if !Self::exists(asset) {
            return Vec::new();
        }
        let lineage = Self::lineage_of(asset);
        lineage::split(&lineage.waterfall, amount)
            .into_iter()
            .filter_map(|(asset, amount)| {
                // Whatever is cited stays, so everybody in a waterfall has an owner.
                let payee = Self::owner(asset)?;
                Some(Royalty { asset, payee, amount, credited: true })
            })
            .collect()
    }

    fn earned(royalty: &Royalty<T::AccountId>) {
        let Royalty { asset, payee, amount, credited } = royalty.clone();
        if amount == 0 {
            return;
        }
        let era = Self::era();
        AssetRevenue::<T>::mutate(asset, era, |sum| *sum = sum.saturating_add(amount));
        AccountRevenue::<T>::mutate((&payee, era, asset), |sum| *sum = sum.saturating_add(amount));
        Self::deposit_event(Event::Earned { asset, payee, amount, credited });
    }

    fn split_weight(payees: u32) -> Weight {
        T::WeightInfo::split(payees)
    }

    fn payees(asset: AssetId) -> u32 {
        u32::try_from(Self::lineage_of(asset).waterfall.len()).unwrap_or(MAX_PAYEES)
    }
}

impl<T: Config> UnpaidBook<T::AccountId> for Pallet<T> {
    fn keeper() -> T::AccountId {
        T::Keeper::get()
    }

    fn keep(payee: &T::AccountId, amount: Balance) -> DispatchResult {
        T::Currency::hold(&HoldReason::Unpaid.into(), &T::Keeper::get(), amount)?;
        Unpaid::<T>::mutate(payee, |kept| {
            *kept = Some(kept.unwrap_or_default().saturating_add(amount));
        });
        Self::deposit_event(Event::Kept { payee: payee.clone(), amount });
        Ok(())
    }

    fn keep_weight() -> Weight {
        T::WeightInfo::keep()
    }
}

impl<T: Config> Pallet<T> {
    /// Pays the price of a grant of `asset` to everybody it descends from.
    pub(super) fn sell(buyer: &T::AccountId, asset: AssetId, price: Balance) -> DispatchResult {
        Self::ensure_spendable(buyer, price)?;
        for mut royalty in <Self as Waterfall<_>>::split(asset, price) {
            royalty.credited = Self::credit(buyer, &royalty.payee, royalty.amount)?;
            <Self as Waterfall<_>>::earned(&royalty);
        }
        Ok(())
    }

    /// Fails when `who` cannot spend `amount` and keep its account. Once this is certain, a payment
    /// fails for reasons of the payee only.
    pub(super) fn ensure_spendable(who: &T::AccountId, amount: Balance) -> DispatchResult {
        let free = T::Currency::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
        ensure!(free >= amount, TokenError::FundsUnavailable);
        Ok(())
    }

    /// Pays `amount`, or has it kept when the payee cannot be credited. Whether it was credited.
    pub(super) fn credit(
        from: &T::AccountId,
        payee: &T::AccountId,
        amount: Balance,
    ) -> Result<bool, DispatchError> {
        if amount == 0 {
            return Ok(true);
        }
        let transfer = |to: &T::AccountId| {
            with_storage_layer(|| T::Currency::transfer(from, to, amount, Preservation::Preserve))
        };
        if transfer(payee).is_ok() {
            return Ok(true);
        }
        transfer(&T::Keeper::get())?;
        <Self as UnpaidBook<_>>::keep(payee, amount)?;
        Ok(false)
    }

    pub(crate) fn do_collect(payee: T::AccountId) -> DispatchResult {
        let amount = Unpaid::<T>::take(&payee).ok_or(Error::<T>::NothingUnpaid)?;
        T::Currency::transfer_on_hold(
            &HoldReason::Unpaid.into(),
            &T::Keeper::get(),
            &payee,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Polite,
        )?;
        Self::deposit_event(Event::Collected { payee, amount });
        Ok(())
    }
}
