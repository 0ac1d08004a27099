//! The worst case of every call, without citations: what [`Provenance`] does of it weighs what it
//! says itself.
//!
//! [`Provenance`]: vigil_primitives::traits::Provenance

use crate::*;
use alloc::boxed::Box;
use codec::MaxEncodedLen;
use frame_benchmarking::v2::*;
use frame_support::traits::fungible::Mutate;
use frame_system::RawOrigin;
use vigil_primitives::{
    dataset::{DatasetSpec, StatementKind},
    lineage::Shares,
    model::VersionStatus,
    registry::Registry,
    samples::{largest_dataset_spec, longest_name},
    terms::{Access, GrantTerms},
    Balance, ContentHash, DatasetId, DatasetVersionId,
};

fn signed<T: Config>(who: &T::AccountId) -> <T as frame_system::Config>::RuntimeOrigin {
    RawOrigin::Signed(who.clone()).into()
}

/// An account that can pay any deposit of these benchmarks.
fn funded<T: Config>(name: &'static str) -> Result<T::AccountId, BenchmarkError> {
    let who = account(name, 0, 0);
    let funds = Pallet::<T>::deposit(DatasetSpec::max_encoded_len()).saturating_mul(1_000);
    T::Currency::mint_into(&who, funds.max(Balance::from(u64::MAX)))?;
    Ok(who)
}

/// The longest access.
fn for_sale() -> Access {
    Access::Paid(GrantTerms { price: Balance::MAX, duration: u32::MAX, uses: Some(u32::MAX) })
}

/// A dataset with one version of the largest specification.
fn dataset<T: Config>(owner: &T::AccountId) -> Result<DatasetId, BenchmarkError> {
    let dataset = NextDatasetId::<T>::get();
    let spec = Box::new(largest_dataset_spec(for_sale()));
    Pallet::<T>::register(signed::<T>(owner), longest_name(), spec, Shares::default())?;
    Ok(dataset)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let spec = Box::new(largest_dataset_spec(for_sale()));
        let dataset = NextDatasetId::<T>::get();

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), longest_name(), spec, Shares::default());

        assert!(DatasetVersions::<T>::contains_key(dataset, 0));
        Ok(())
    }

    #[benchmark]
    fn publish() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner)?;
        let spec = Box::new(largest_dataset_spec(for_sale()));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, spec, Shares::default());

        assert!(DatasetVersions::<T>::contains_key(dataset, 1));
        Ok(())
    }

    #[benchmark]
    fn offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner)?;
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
        let dataset = dataset::<T>(&owner)?;
        Pallet::<T>::offer(signed::<T>(&owner), dataset, to.clone())?;

        #[extrinsic_call]
        _(RawOrigin::Signed(to.clone()), dataset);

        assert!(Datasets::<T>::get(dataset).ok_or("no dataset")?.owner == to);
        Ok(())
    }

    #[benchmark]
    fn withdraw_offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner)?;
        Pallet::<T>::offer(signed::<T>(&owner), dataset, account("to", 0, 0))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset);

        assert!(Datasets::<T>::get(dataset).ok_or("no dataset")?.pending_owner.is_none());
        Ok(())
    }

    #[benchmark]
    fn deprecate() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, 0);

        let version = DatasetVersions::<T>::get(dataset, 0).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Deprecated);
        Ok(())
    }

    #[benchmark]
    fn revoke() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = dataset::<T>(&owner)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), dataset, 0);

        let version = DatasetVersions::<T>::get(dataset, 0).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Revoked);
        Ok(())
    }

    #[benchmark]
    fn remove() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let dataset = NextDatasetId::<T>::get();
        let spec = Box::new(largest_dataset_spec(for_sale()));
        Pallet::<T>::register(signed::<T>(&owner), longest_name(), spec, Shares::default())?;
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
        let dataset = dataset::<T>(&owner)?;
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
        let dataset = dataset::<T>(&owner)?;
        let (kind, document) = (StatementKind::Audited, ContentHash::repeat_byte(3));
        Pallet::<T>::attest(signed::<T>(&author), dataset, 0, kind, document)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(author.clone()), dataset, 0, kind);

        let id = DatasetVersionId { dataset, version: 0 };
        assert!(!Statements::<T>::contains_key(id, (author, kind)));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
