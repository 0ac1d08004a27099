//! The worst case of every call.

use crate::*;
use alloc::boxed::Box;
use codec::MaxEncodedLen;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Mutate, Get};
use frame_system::RawOrigin;
use vigil_primitives::{
    lineage::Shares,
    model::{Artifact, VersionSpec, VersionStatus},
    registry::Registry,
    samples::{decoder, largest_sources, largest_terms, longest_name, version_spec},
    terms::{Access, GrantTerms},
    traits::{ModelRegistry, PackageLayout, Packages},
    Architecture, Balance, ContentHash, Decoder, ModelVersionId,
};

/// An account that can pay any deposit of these benchmarks.
fn funded<T: Config>(name: &'static str) -> Result<T::AccountId, BenchmarkError> {
    let who = account(name, 0, 0);
    let funds = Pallet::<T>::deposit(VersionSpec::max_encoded_len()).saturating_mul(1_000);
    T::Currency::mint_into(&who, funds.max(Balance::from(u64::MAX)))?;
    Ok(who)
}

/// The largest specification: the longest description is that of a language model with as many stop
/// tokens as fit.
fn largest_spec<T: Config>() -> Result<VersionSpec, BenchmarkError> {
    let stop_tokens = core::array::from_fn(|token| Some(token as u32));
    let architecture = Architecture::Decoder(Decoder { stop_tokens, ..decoder() });
    let grant = GrantTerms { price: Balance::MAX, duration: u32::MAX, uses: Some(u32::MAX) };
    Ok(VersionSpec {
        op_set: *T::OpSets::get().first().ok_or("no operator set")?,
        metadata: Some(Artifact { hash: ContentHash::repeat_byte(4), len: u64::MAX }),
        terms: largest_terms(Access::Paid(grant)),
        sources: largest_sources(),
        ..version_spec(architecture, T::Layout::weights_len(&architecture))
    })
}

/// A model with a version of the largest specification.
fn published<T: Config>(owner: &T::AccountId) -> Result<ModelVersionId, BenchmarkError> {
    let spec = largest_spec::<T>()?;
    let name = longest_name();
    let model = NextModelId::<T>::get();
    Pallet::<T>::create(RawOrigin::Signed(owner.clone()).into(), name)?;
    let origin = RawOrigin::Signed(owner.clone()).into();
    Pallet::<T>::publish(origin, model, Box::new(spec), Shares::default())?;
    Ok(ModelVersionId { model, version: 0 })
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn create() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let name = longest_name();
        let model = NextModelId::<T>::get();

        #[extrinsic_call]
        _(RawOrigin::Signed(owner.clone()), name);

        assert!(ModelsOf::<T>::contains_key(&owner, model));
        Ok(())
    }

    /// Without citations: what recording them weighs is added.
    #[benchmark]
    fn publish() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;
        let spec = Box::new(largest_spec::<T>()?);
        assert!(T::OpSets::get().contains(&spec.op_set));

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id.model, spec, Shares::default());

        assert!(Versions::<T>::contains_key(id.model, 1));
        Ok(())
    }

    #[benchmark]
    fn offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;
        let to: T::AccountId = account("to", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id.model, to.clone());

        let model = Models::<T>::get(id.model).ok_or("no model")?;
        assert!(model.pending_owner == Some(to));
        Ok(())
    }

    #[benchmark]
    fn accept() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let to = funded::<T>("to")?;
        let id = published::<T>(&owner)?;
        Pallet::<T>::offer(RawOrigin::Signed(owner).into(), id.model, to.clone())?;

        #[extrinsic_call]
        _(RawOrigin::Signed(to.clone()), id.model);

        assert!(Models::<T>::get(id.model).ok_or("no model")?.owner == to);
        Ok(())
    }

    #[benchmark]
    fn withdraw_offer() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;
        let to = account("to", 0, 0);
        Pallet::<T>::offer(RawOrigin::Signed(owner.clone()).into(), id.model, to)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id.model);

        assert!(Models::<T>::get(id.model).ok_or("no model")?.pending_owner.is_none());
        Ok(())
    }

    #[benchmark]
    fn deprecate() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id.model, id.version);

        let version = <Pallet<T> as ModelRegistry<_>>::version(id).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Deprecated);
        Ok(())
    }

    #[benchmark]
    fn revoke() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), id.model, id.version);

        let version = <Pallet<T> as ModelRegistry<_>>::version(id).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Revoked);
        Ok(())
    }

    #[benchmark]
    fn condemn() -> Result<(), BenchmarkError> {
        let owner = funded::<T>("owner")?;
        let id = published::<T>(&owner)?;
        let burned;

        #[block]
        {
            burned = <Pallet<T> as Packages>::condemn(id)?;
        }

        assert!(burned > 0);
        let version = <Pallet<T> as ModelRegistry<_>>::version(id).ok_or("no version")?;
        assert_eq!(version.status, VersionStatus::Revoked);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
