//! The worst case of every call, and of what registries and jobs have this pallet do.
//!
//! Assets are datasets: a model's version costs what its registry takes to read it.

use crate::*;
use alloc::{boxed::Box, vec, vec::Vec};
use codec::MaxEncodedLen;
use frame_benchmarking::v2::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    Get,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::{Permill, SaturatedConversion};
use vigil_primitives::{
    dataset::{DatasetSpec, StatementKind},
    lineage::{Lineage, Share, Shares, MAX_PAYEES},
    model::{Artifact, Name, Sources, Url, VersionStatus, MAX_NAME, MAX_SOURCES, MAX_URL},
    terms::{Access, GrantTerms, Licence, Terms, MAX_LICENCE},
    traits::{Grants, Provenance, UnpaidBook, Waterfall},
    AssetId, Balance, ContentHash, DatasetId, DatasetVersionId,
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
    let bytes = DatasetSpec::max_encoded_len().saturating_add(Lineage::max_encoded_len());
    let funds = Pallet::<T>::deposit(bytes).saturating_mul(1_000);
    T::Currency::mint_into(who, funds.max(Balance::from(u64::MAX)))?;
    Ok(())
}

/// Bytes of printable ASCII.
fn filled(start: &[u8], end: &[u8], len: u32) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.resize((len as usize).saturating_sub(end.len()), b'x');
    bytes.extend_from_slice(end);
    bytes
}

fn longest_name() -> Name {
    Name::truncate_from(filled(b"", b"", MAX_NAME))
}

/// The largest specification.
fn largest_spec(access: Access) -> DatasetSpec {
    let artifact = Artifact { hash: ContentHash::repeat_byte(1), len: u64::MAX };
    let url = Url::truncate_from(filled(b"https://", b"/", MAX_URL));
    DatasetSpec {
        content: artifact,
        metadata: Some(artifact),
        terms: Terms {
            licence: Licence::truncate_from(filled(b"", b"", MAX_LICENCE)),
            licence_text: Some(ContentHash::repeat_byte(2)),
            commercial: true,
            access,
            royalty: Permill::zero(),
        },
        sources: Sources::truncate_from(vec![url; MAX_SOURCES as usize]),
    }
}

/// Grants for sale, of which every payee gets the least that can be paid.
fn for_sale() -> Access {
    let terms = GrantTerms { price: MAX_PAYEES.into(), duration: DURATION, uses: Some(1) };
    Access::Paid(terms)
}

/// A dataset with one version of the largest specification, that cites nothing.
fn dataset<T: Config>(owner: &T::AccountId, access: Access) -> Result<DatasetId, BenchmarkError> {
    let dataset = NextDatasetId::<T>::get();
    let spec = Box::new(largest_spec(access));
    Pallet::<T>::register(signed::<T>(owner), longest_name(), spec, Shares::default())?;
    Ok(dataset)
}

fn asset(dataset: DatasetId) -> AssetId {
    DatasetVersionId { dataset, version: 0 }.into()
}

/// Equal shares of so many datasets of others, all of which consent by a grant of `publisher`.
fn citations<T: Config>(publisher: &T::AccountId, count: u32) -> Result<Shares, BenchmarkError> {
    let owner = funded::<T>("parent")?;
    let share = Permill::from_rational(1u32, MAX_PAYEES);
    let mut citations = Vec::new();
    for _ in 0..count {
        let asset = asset(dataset::<T>(&owner, Access::AllowList)?);
        Pallet::<T>::give_grant(signed::<T>(&owner), asset, publisher.clone(), None, None)?;
        citations.push(Share { asset, share });
    }
    Ok(Shares::truncate_from(citations))
}

/// A dataset of `owner` for sale with so many payees, itself included, the others of whom have no
/// account.
fn sold<T: Config>(owner: &T::AccountId, payees: u32) -> Result<AssetId, BenchmarkError> {
    let citations = citations::<T>(owner, payees.saturating_sub(1))?;
    let own = NextDatasetId::<T>::get();
    let spec = Box::new(largest_spec(for_sale()));
    Pallet::<T>::register(signed::<T>(owner), longest_name(), spec, citations.clone())?;
    for (number, citation) in (0..).zip(citations) {
        if let AssetId::Dataset(id) = citation.asset {
            let payee = account("payee", number, 0);
            Datasets::<T>::mutate(id.dataset, |dataset| {
                if let Some(dataset) = dataset {
                    dataset.owner = payee;
                }
            });
        }
    }
    Ok(asset(own))
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

    #[benchmark]
    fn register(c: Linear<0, 15>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let citations = citations::<T>(&owner, c)?;
        let spec = Box::new(largest_spec(for_sale()));
        let dataset = NextDatasetId::<T>::get();

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), longest_name(), spec, citations);

        assert!(DatasetVersions::<T>::contains_key(dataset, 0));
        Ok(())
    }

    #[benchmark]
    fn publish(c: Linear<0, 15>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        let citations = citations::<T>(&owner, c)?;
        let spec = Box::new(largest_spec(for_sale()));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, spec, citations);

        assert!(DatasetVersions::<T>::contains_key(dataset, 1));
        Ok(())
    }

    #[benchmark]
    fn offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        let to: T::AccountId = account("to", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, to.clone());

        assert!(Datasets::<T>::get(dataset).ok_or("no dataset")?.pending_owner == Some(to));
        Ok(())
    }

    #[benchmark]
    fn accept() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let to = funded::<T>("to")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        Pallet::<T>::offer(signed::<T>(&owner), dataset, to.clone())?;

        #[extrinsic_call]
        _(RawOrigin::Signed(to.clone()), dataset);

        assert!(Datasets::<T>::get(dataset).ok_or("no dataset")?.owner == to);
        Ok(())
    }

    #[benchmark]
    fn withdraw_offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        Pallet::<T>::offer(signed::<T>(&owner), dataset, account("to", 0, 0))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset);

        assert!(Datasets::<T>::get(dataset).ok_or("no dataset")?.pending_owner.is_none());
        Ok(())
    }

    #[benchmark]
    fn deprecate() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, 0);

        let version = DatasetVersions::<T>::get(dataset, 0).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Deprecated);
        Ok(())
    }

    #[benchmark]
    fn revoke() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, 0);

        let version = DatasetVersions::<T>::get(dataset, 0).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Revoked);
        Ok(())
    }

    #[benchmark]
    fn remove(c: Linear<0, 15>) -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let citations = citations::<T>(&owner, c)?;
        let dataset = NextDatasetId::<T>::get();
        let spec = Box::new(largest_spec(for_sale()));
        Pallet::<T>::register(signed::<T>(&owner), longest_name(), spec, citations)?;
        Pallet::<T>::revoke(signed::<T>(&owner), dataset, 0)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, 0);

        assert!(!Datasets::<T>::contains_key(dataset));
        Ok(())
    }

    #[benchmark]
    fn attest() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let author = funded::<T>("author")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        let (kind, document) = (StatementKind::Audited, ContentHash::repeat_byte(3));

        #[extrinsic_call]
        _(RawOrigin::Signed(author.clone()), dataset, 0, kind, document);

        let id = DatasetVersionId { dataset, version: 0 };
        assert!(Statements::<T>::contains_key(id, (author, kind)));
        Ok(())
    }

    #[benchmark]
    fn withdraw_statement() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let author = funded::<T>("author")?;
        let dataset = dataset::<T>(&owner, Access::Open)?;
        let (kind, document) = (StatementKind::Audited, ContentHash::repeat_byte(3));
        Pallet::<T>::attest(signed::<T>(&author), dataset, 0, kind, document)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(author.clone()), dataset, 0, kind);

        let id = DatasetVersionId { dataset, version: 0 };
        assert!(!Statements::<T>::contains_key(id, (author, kind)));
        Ok(())
    }

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
        let asset = asset(dataset::<T>(&owner, for_sale())?);
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
        let asset = asset(dataset::<T>(&owner, for_sale())?);
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
        let asset = asset(dataset::<T>(&owner, for_sale())?);
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
        let spec = largest_spec(Access::Open);
        let own = asset(NextDatasetId::<T>::get());

        #[block]
        {
            <Pallet<T> as Provenance<_>>::record(own, &publisher, &spec.terms, citations)?;
        }

        assert_eq!(Lineages::<T>::contains_key(own), c > 0);
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
        let asset = asset(dataset::<T>(&owner, for_sale())?);
        Pallet::<T>::buy_grant(signed::<T>(&holder), asset)?;

        #[block]
        {
            <Pallet<T> as Grants<_>>::reserve(asset, &holder)?;
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
