//! Who may use an asset: grants, bought and given.

use super::*;
use frame_support::weights::Weight;
use vigil_primitives::{
    grant::{Grant, GrantId, Permission, Unusable},
    model::VersionStatus,
    terms::Access,
    traits::Grants,
    ContentHash,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_buy_grant(holder: T::AccountId, asset: AssetId) -> DispatchResult {
        let record = Self::asset(asset).ok_or(Error::<T>::UnknownAsset)?;
        ensure!(record.owner != holder, Error::<T>::OwnerNeedsNoGrant);
        let Access::Paid(terms) = record.terms.access else {
            return Err(Error::<T>::NotForSale.into());
        };
        ensure!(record.status == VersionStatus::Active, Error::<T>::NotForSale);

        let now = Self::now();
        let held = GrantsOf::<T>::get(&holder, asset);
        let grant = match held {
            Some(held)
                if held.grant.paid > 0 && held.grant.check(now) != Err(Unusable::Expired) =>
            {
                let grant = held.grant.extend(&terms);
                GrantsOf::<T>::insert(&holder, asset, GrantRecord { grant, ..held });
                grant
            }
            Some(held) if held.grant.check(now).is_ok() => {
                return Err(Error::<T>::GrantHeld.into());
            }
            over => {
                let (duration, price) = (Some(terms.duration), terms.price);
                Self::replace_grant(over, &holder, asset, &holder, duration, terms.uses, price)?
            }
        };
        Self::sell(&holder, asset, terms.price)?;
        let price = terms.price;
        Self::deposit_event(Event::GrantBought { asset, holder, grant, price });
        Ok(())
    }

    pub(crate) fn do_give_grant(
        who: T::AccountId,
        asset: AssetId,
        holder: T::AccountId,
        duration: Option<BlockNumber>,
        uses: Option<u32>,
    ) -> DispatchResult {
        let record = Self::owned_asset(&who, asset)?;
        ensure!(record.status != VersionStatus::Revoked, Error::<T>::AssetRevoked);
        ensure!(holder != who, Error::<T>::OwnerNeedsNoGrant);
        ensure!(duration != Some(0), Error::<T>::ZeroDuration);
        ensure!(uses != Some(0), Error::<T>::ZeroUses);
        let held = GrantsOf::<T>::get(&holder, asset);
        let good = held.as_ref().is_some_and(|held| held.grant.check(Self::now()).is_ok());
        ensure!(!good, Error::<T>::GrantHeld);
        let grant = Self::replace_grant(held, &holder, asset, &who, duration, uses, 0)?;
        Self::deposit_event(Event::GrantGiven { asset, holder, grant });
        Ok(())
    }

    pub(crate) fn do_revoke_grant(
        who: &T::AccountId,
        asset: AssetId,
        holder: T::AccountId,
        evidence: Option<ContentHash>,
    ) -> DispatchResult {
        Self::owned_asset(who, asset)?;
        let record = GrantsOf::<T>::get(&holder, asset).ok_or(Error::<T>::NoGrant)?;
        let grant = record.grant.id;
        let refund = record.grant.refund(Self::now());
        Self::drop_grant(asset, &holder, record)?;
        Self::ensure_spendable(who, refund)?;
        Self::credit(who, &holder, refund)?;
        Self::deposit_event(Event::GrantRevoked { asset, holder, grant, refund, evidence });
        Ok(())
    }

    pub(crate) fn do_remove_grant(
        who: &T::AccountId,
        asset: AssetId,
        holder: T::AccountId,
    ) -> DispatchResult {
        let record = GrantsOf::<T>::get(&holder, asset).ok_or(Error::<T>::NoGrant)?;
        let grant = record.grant;
        let over = match grant.check(Self::now()) {
            Ok(()) => false,
            Err(Unusable::Expired) => true,
            // What a running job has reserved may still come back.
            Err(Unusable::Exhausted) => grant.reserved == 0,
        };
        ensure!(over || *who == holder, Error::<T>::NotOver);
        Self::drop_grant(asset, &holder, record)?;
        Self::deposit_event(Event::GrantRemoved { asset, holder, grant: grant.id });
        Ok(())
    }

    /// Puts a new grant in the place of one that is over, if there was any.
    fn replace_grant(
        over: Option<GrantRecord<T::AccountId>>,
        holder: &T::AccountId,
        asset: AssetId,
        depositor: &T::AccountId,
        duration: Option<BlockNumber>,
        uses: Option<u32>,
        paid: Balance,
    ) -> Result<Grant, DispatchError> {
        if let Some(over) = over {
            Self::drop_grant(asset, holder, over)?;
        }
        let id = NextGrantId::<T>::mutate(|next| {
            let id = *next;
            *next = next.saturating_add(1);
            id
        });
        let grant = Grant::new(id, Self::now(), duration, uses, paid);
        // The record, and the entry of the holder under the asset.
        let key = asset.encoded_size().saturating_add(holder.encoded_size());
        let bytes = grant
            .encoded_size()
            .saturating_add(depositor.encoded_size())
            .saturating_add(key.saturating_mul(2));
        let deposit = Self::deposit(bytes);
        T::Currency::hold(&HoldReason::Grant.into(), depositor, deposit)?;
        let record = GrantRecord { grant, depositor: depositor.clone(), deposit };
        GrantsOf::<T>::insert(holder, asset, record);
        GrantHolders::<T>::insert(asset, holder, ());
        if paid > 0 {
            PaidGrants::<T>::mutate(asset, |count| *count = count.saturating_add(1));
        }
        Ok(grant)
    }

    /// Removes a grant and gives the deposit back.
    fn drop_grant(
        asset: AssetId,
        holder: &T::AccountId,
        record: GrantRecord<T::AccountId>,
    ) -> DispatchResult {
        GrantsOf::<T>::remove(holder, asset);
        GrantHolders::<T>::remove(asset, holder);
        if record.grant.paid > 0 {
            PaidGrants::<T>::mutate_exists(asset, |count| {
                *count = count.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
            });
        }
        let (reason, depositor) = (HoldReason::Grant.into(), record.depositor);
        T::Currency::release(&reason, &depositor, record.deposit, Precision::Exact)?;
        Ok(())
    }

    /// Consumes a use of the grant that `who` holds of the asset.
    pub(super) fn consume(asset: AssetId, who: &T::AccountId) -> DispatchResult {
        let record = GrantsOf::<T>::get(who, asset).ok_or(Error::<T>::NoConsent)?;
        let grant = record.grant.consume(Self::now()).map_err(Error::<T>::from)?;
        GrantsOf::<T>::insert(who, asset, GrantRecord { grant, ..record });
        Ok(())
    }

    /// Whether an account may use an asset now.
    pub fn permission(who: &T::AccountId, id: AssetId) -> Option<Permission> {
        Some(Self::permission_for(who, id, &Self::asset(id)?))
    }

    /// The same of an asset that has been read.
    pub(super) fn permission_for(
        who: &T::AccountId,
        id: AssetId,
        asset: &Asset<T::AccountId>,
    ) -> Permission {
        let held = || GrantsOf::<T>::get(who, id).map(|held| held.grant);
        asset.permission(who, Self::now(), held)
    }
}

impl<T: Config> Grants<T::AccountId> for Pallet<T> {
    fn reserve(
        asset: AssetId,
        who: &T::AccountId,
        uses: u32,
        blocks: BlockNumber,
    ) -> Result<GrantId, DispatchError> {
        let record = GrantsOf::<T>::get(who, asset).ok_or(Error::<T>::NoGrant)?;
        let last = Self::now().saturating_add(blocks);
        let grant = record.grant.reserve(last, uses).map_err(Error::<T>::from)?;
        GrantsOf::<T>::insert(who, asset, GrantRecord { grant, ..record });
        Ok(grant.id)
    }

    fn end_use(asset: AssetId, who: &T::AccountId, grant: GrantId, reserved: u32, consumed: u32) {
        if let Some(record) = GrantsOf::<T>::get(who, asset).filter(|held| held.grant.id == grant) {
            let grant = record.grant.end_use(reserved, consumed);
            GrantsOf::<T>::insert(who, asset, GrantRecord { grant, ..record });
        }
    }

    fn reserved(asset: AssetId, who: &T::AccountId, grant: GrantId) -> Option<u32> {
        let held = GrantsOf::<T>::get(who, asset).filter(|held| held.grant.id == grant)?;
        Some(held.grant.reserved)
    }

    fn use_weight() -> Weight {
        T::WeightInfo::use_grant()
    }
}
