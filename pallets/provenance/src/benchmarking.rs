//! The worst case of every call, and of what registries and jobs have this pallet do.
//!
//! Assets are datasets: a model's version costs what its registry takes to read it.

use crate::*;
use alloc::vec::Vec;
use codec::MaxEncodedLen;
use frame_benchmarking::v2::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    Get,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{Permill, SaturatedConversion};
use vigil_primitives::{
    lineage::{Lineage, Share, Shares, MAX_PAYEES},
    samples::largest_terms,
    terms::{Access, GrantTerms, Terms},
    traits::{Grants, Provenance, UnpaidBook, Waterfall},
    AssetId, Balance, ContentHash, DatasetVersionId,
};

/// Blocks that a grant lasts.
const DURATION: u32 = 10;

fn signed<T: Config>(who: &T::AccountId) -> <T as frame_system::Config>::RuntimeOrigin {
    RawOrigin::Signed(who.clone()).into()
}

/// An account that can pay any deposit of these benchmarks.
fn funded<T: Config>(name: &'static str) -> Result<T::AccountId, BenchmarkError> {
    let who = account(name, 0, 0);
    fund::<T>(&who)?;
    Ok(who)
}

fn fund<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let bytes = Lineage::max_encoded_len();
    let funds = Pallet::<T>::deposit(bytes).saturating_mul(1_000);
    T::Currency::mint_into(who, funds.max(Balance::from(u64::MAX)))?;
    Ok(())
}

/// Grants for sale, of which every payee gets the least that can be paid.
fn for_sale() -> Access {
    let terms = GrantTerms { price: MAX_PAYEES.into(), duration: DURATION, uses: Some(1) };
    Access::Paid(terms)
}

/// Sets the scenes of the benchmarks. The runtime knows the registry of datasets, and this pallet does
/// not.
pub trait BenchmarkHelper<AccountId> {
    /// An active version of a dataset of `owner` under these terms, of the largest specification, at
    /// no cost.
    fn dataset(owner: &AccountId, terms: Terms) -> DatasetVersionId;
}

/// An asset of `owner` that cites nothing.
fn asset<T: Config>(owner: &T::AccountId, access: Access) -> AssetId {
    T::BenchmarkHelper::dataset(owner, largest_terms(access)).into()
}

/// Equal shares of so many assets of others, all of which consent by a grant of `publisher`.
fn citations<T: Config>(publisher: &T::AccountId, count: u32) -> Result<Shares, BenchmarkError> {
    let owner = funded::<T>("parent")?;
    let mut citations = Vec::new();
    for _ in 0..count {
        let asset = asset::<T>(&owner, Access::AllowList);
        Pallet::<T>::give_grant(signed::<T>(&owner), asset, publisher.clone(), None, None)?;
        citations.push(Share { asset, share: share() });
    }
    Ok(Shares::truncate_from(citations))
}

/// A part of an asset's revenue that leaves some for all payees there may be.
fn share() -> Permill {
    Permill::from_rational(1u32, MAX_PAYEES)
}

/// An asset of `owner` for sale with so many payees, itself included, the others of whom have no
/// account.
fn sold<T: Config>(owner: &T::AccountId, payees: u32) -> Result<AssetId, BenchmarkError> {
    let cited = (1..payees).map(|number| {
        let payee = account("payee", number, 0);
        Share { asset: asset::<T>(&payee, Access::Open), share: share() }
    });
    let citations = Shares::truncate_from(cited.collect());
    let own = asset::<T>(owner, for_sale());
    <Pallet<T> as Provenance<_>>::record(own, owner, &largest_terms(for_sale()), citations)?;
    Ok(own)
}

/// Lets so many blocks go by.
fn wait<T: Config>(blocks: u32) {
    let now = Pallet::<T>::now().saturating_add(blocks);
    let now: BlockNumberFor<T> = now.saturated_into();
    frame_system::Pallet::<T>::set_block_number(now);
}

/// Has `amount` kept for `payee`.
fn kept<T: Config>(payee: &T::AccountId, amount: Balance) -> Result<(), BenchmarkError> {
    let keeper = T::Keeper::get();
    fund::<T>(&keeper)?;
    <Pallet<T> as UnpaidBook<_>>::keep(payee, amount)?;
    Ok(())
}

#[benchmarks]
mod benchmarks {
    use super::*;

    // A new grant takes the place of one that the owner gave.
    #[benchmark]
    fn buy_grant(p: Linear<1, 16>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let buyer = funded::<T>("buyer")?;
        fund::<T>(&T::Keeper::get())?;
        let asset = sold::<T>(&owner, p)?;
        let given = (Some(1), Some(1));
        Pallet::<T>::give_grant(signed::<T>(&owner), asset, buyer.clone(), given.0, given.1)?;
        wait::<T>(1);

        #[extrinsic_call]
        _(RawOrigin::Signed(buyer.clone()), asset);

        let held = GrantsOf::<T>::get(&buyer, asset).ok_or("no grant")?;
        assert_eq!(held.grant.paid, Balance::from(MAX_PAYEES));
        Ok(())
    }

    // It takes the place of one that was bought.
    #[benchmark]
    fn give_grant() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let holder = funded::<T>("holder")?;
        let asset = asset::<T>(&owner, for_sale());
        Pallet::<T>::buy_grant(signed::<T>(&holder), asset)?;
        wait::<T>(DURATION);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), asset, holder.clone(), Some(1), Some(1));

        let held = GrantsOf::<T>::get(&holder, asset).ok_or("no grant")?;
        assert_eq!(held.grant.paid, 0);
        Ok(())
    }

    // The holder cannot be credited, and somebody else paid the deposit.
    #[benchmark]
    fn revoke_grant() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let depositor = funded::<T>("depositor")?;
        fund::<T>(&T::Keeper::get())?;
        let asset = asset::<T>(&owner, for_sale());
        Pallet::<T>::buy_grant(signed::<T>(&depositor), asset)?;
        let held = GrantsOf::<T>::take(&depositor, asset).ok_or("no grant")?;
        GrantHolders::<T>::remove(asset, &depositor);
        let holder: T::AccountId = account("holder", 0, 0);
        GrantsOf::<T>::insert(&holder, asset, held);
        GrantHolders::<T>::insert(asset, &holder, ());
        let evidence = Some(ContentHash::repeat_byte(4));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), asset, holder.clone(), evidence);

        assert!(!GrantsOf::<T>::contains_key(&holder, asset));
        Ok(())
    }

    #[benchmark]
    fn remove_grant() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let holder = funded::<T>("holder")?;
        let anybody: T::AccountId = account("anybody", 0, 0);
        let asset = asset::<T>(&owner, for_sale());
        Pallet::<T>::buy_grant(signed::<T>(&holder), asset)?;
        wait::<T>(DURATION);

        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), asset, holder.clone());

        assert!(!GrantsOf::<T>::contains_key(&holder, asset));
        Ok(())
    }

    // The payee's account begins with it.
    #[benchmark]
    fn collect() -> Result<(), BenchmarkError> {
        let payee: T::AccountId = account("payee", 0, 0);
        let amount = T::Currency::minimum_balance();
        kept::<T>(&payee, amount)?;
        let anybody: T::AccountId = account("anybody", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(anybody), payee.clone());

        assert_eq!(T::Currency::total_balance(&payee), amount);
        Ok(())
    }

    #[benchmark]
    fn record(c: Linear<0, 15>) -> Result<(), BenchmarkError> {
        let publisher = funded::<T>("publisher")?;
        let citations = citations::<T>(&publisher, c)?;
        let own = asset::<T>(&publisher, Access::Open);
        let terms = largest_terms(Access::Open);

        #[block]
        {
            <Pallet<T> as Provenance<_>>::record(own, &publisher, &terms, citations)?;
        }

        assert_eq!(Lineages::<T>::contains_key(own), c > 0);
        Ok(())
    }

    #[benchmark]
    fn forget(c: Linear<0, 15>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let citations = citations::<T>(&owner, c)?;
        let own = asset::<T>(&owner, Access::Open);
        let terms = largest_terms(Access::Open);
        <Pallet<T> as Provenance<_>>::record(own, &owner, &terms, citations)?;

        #[block]
        {
            assert!(!<Pallet<T> as Provenance<_>>::has_grants(own));
            assert_eq!(<Pallet<T> as Provenance<_>>::citations(own), 0);
            <Pallet<T> as Provenance<_>>::forget(own);
        }

        assert!(!Lineages::<T>::contains_key(own));
        Ok(())
    }

    #[benchmark]
    fn split(p: Linear<1, 16>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let asset = sold::<T>(&owner, p)?;
        let era = Pallet::<T>::era();

        #[block]
        {
            for royalty in <Pallet<T> as Waterfall<_>>::split(asset, MAX_PAYEES.into()) {
                <Pallet<T> as Waterfall<_>>::earned(&royalty);
            }
        }

        assert!(AssetRevenue::<T>::get(asset, era) > 0);
        Ok(())
    }

    #[benchmark]
    fn use_grant() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let holder = funded::<T>("holder")?;
        let asset = asset::<T>(&owner, for_sale());
        Pallet::<T>::buy_grant(signed::<T>(&holder), asset)?;

        #[block]
        {
            <Pallet<T> as Grants<_>>::reserve(asset, &holder, 1, 0)?;
        }

        let held = GrantsOf::<T>::get(&holder, asset).ok_or("no grant")?;
        assert_eq!(held.grant.reserved, 1);
        Ok(())
    }

    #[benchmark]
    fn keep() -> Result<(), BenchmarkError> {
        let payee: T::AccountId = account("payee", 0, 0);
        fund::<T>(&T::Keeper::get())?;

        #[block]
        {
            <Pallet<T> as UnpaidBook<_>>::keep(&payee, 1)?;
        }

        assert_eq!(Pallet::<T>::unpaid(&payee), 1);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
