//! What the calls do, and what the keeper of lineage and the runtime API ask of the registry.

mod statements;
mod views;

use crate::{pallet::*, Dataset, DatasetVersion, WeightInfo};
use codec::Encode;
use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{fungible::hold::Mutate as _, tokens::Precision, Get},
    weights::Weight,
};
use vigil_primitives::{
    asset::Asset,
    dataset::DatasetSpec,
    lineage::Shares,
    model::{Name, VersionStatus},
    registry::{self, check_sources, Published, Registry},
    traits::{DatasetRegistry, Provenance},
    AssetId, Balance, DatasetId, DatasetVersionId, Version,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register(
        owner: T::AccountId,
        name: Name,
        spec: DatasetSpec,
        citations: Shares,
    ) -> DispatchResult {
        let dataset = Self::create_entry(&owner, &name)?;
        Self::deposit_event(Event::DatasetRegistered { dataset, owner: owner.clone(), name });
        Self::do_publish(&owner, dataset, spec, citations)
    }

    pub(crate) fn do_publish(
        who: &T::AccountId,
        dataset: DatasetId,
        spec: DatasetSpec,
        citations: Shares,
    ) -> DispatchResult {
        let record = Self::owned(who, dataset)?;
        spec.terms.check().map_err(Error::<T>::from)?;
        check_sources(&spec.sources).map_err(Error::<T>::from)?;
        let id = DatasetVersionId { dataset, version: record.versions };
        let recorded = T::Provenance::record(id.into(), who, &spec.terms, citations)?;
        let recorded = usize::try_from(recorded).unwrap_or(usize::MAX);
        let bytes = spec.encoded_size().saturating_add(recorded);
        let content = spec.content.hash;
        Self::add_version(who, dataset, record, spec, bytes)?;
        Self::deposit_event(Event::DatasetPublished { id, content });
        Ok(())
    }

    pub(crate) fn do_offer(
        who: &T::AccountId,
        dataset: DatasetId,
        to: T::AccountId,
    ) -> DispatchResult {
        Self::make_offer(who, dataset, to.clone())?;
        Self::deposit_event(Event::DatasetOffered { dataset, to });
        Ok(())
    }

    pub(crate) fn do_withdraw_offer(who: &T::AccountId, dataset: DatasetId) -> DispatchResult {
        Self::take_offer_back(who, dataset)?;
        Self::deposit_event(Event::OfferWithdrawn { dataset });
        Ok(())
    }

    pub(crate) fn do_accept(who: T::AccountId, dataset: DatasetId) -> DispatchResult {
        let from = Self::take_over(&who, dataset)?;
        Self::deposit_event(Event::OwnerChanged { dataset, from, to: who });
        Ok(())
    }

    pub(crate) fn do_deprecate(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        Self::change_status(who, id.dataset, id.version, |status| Ok(status.deprecate()?))?;
        Self::deposit_event(Event::DatasetDeprecated { id });
        Ok(())
    }

    pub(crate) fn do_revoke(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        Self::change_status(who, id.dataset, id.version, |status| {
            let revoked = status.revoke()?;
            ensure!(!T::Provenance::has_paid_grants(id.into()), Error::<T>::GrantsOutstanding);
            Ok(revoked)
        })?;
        Self::deposit_event(Event::DatasetRevoked { id });
        Ok(())
    }

    pub(crate) fn do_remove(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        let mut dataset = Self::owned(who, id.dataset)?;
        let version = Self::published(id.dataset, id.version).ok_or(Error::<T>::NotFound)?;
        ensure!(version.status == VersionStatus::Revoked, Error::<T>::NotRevoked);
        let asset = AssetId::Dataset(id);
        ensure!(T::Provenance::citations(asset) == 0, Error::<T>::StillCited);
        ensure!(!T::Provenance::has_grants(asset), Error::<T>::GrantsOutstanding);

        DatasetVersions::<T>::remove(id.dataset, id.version);
        T::Provenance::forget(asset);
        let last = DatasetVersions::<T>::iter_key_prefix(id.dataset).next().is_none();
        let released = if last { dataset.deposit } else { version.deposit };
        Self::release(who, released)?;
        if last {
            Datasets::<T>::remove(id.dataset);
        } else {
            dataset.deposit = dataset.deposit.saturating_sub(released);
            Datasets::<T>::insert(id.dataset, dataset);
        }
        Self::deposit_event(Event::DatasetRemoved { id });
        Ok(())
    }

    /// Weight of registering a dataset with these citations.
    pub(crate) fn register_weight(citations: &Shares) -> Weight {
        T::WeightInfo::register().saturating_add(Self::record_weight(citations))
    }

    /// Weight of publishing a version with these citations.
    pub(crate) fn publish_weight(citations: &Shares) -> Weight {
        T::WeightInfo::publish().saturating_add(Self::record_weight(citations))
    }

    fn record_weight(citations: &Shares) -> Weight {
        T::Provenance::record_weight(u32::try_from(citations.len()).unwrap_or(u32::MAX))
    }
}

impl<T: Config> Registry for Pallet<T> {
    type AccountId = T::AccountId;
    type Spec = DatasetSpec;
    type Error = Error<T>;

    fn next_id() -> DatasetId {
        NextDatasetId::<T>::get()
    }

    fn set_next_id(id: DatasetId) {
        NextDatasetId::<T>::put(id);
    }

    fn entry(id: DatasetId) -> Option<Dataset<T::AccountId>> {
        Datasets::<T>::get(id)
    }

    fn set_entry(id: DatasetId, dataset: Dataset<T::AccountId>) {
        Datasets::<T>::insert(id, dataset);
    }

    fn published(id: DatasetId, version: Version) -> Option<DatasetVersion> {
        DatasetVersions::<T>::get(id, version)
    }

    fn set_published(id: DatasetId, version: Version, published: DatasetVersion) {
        DatasetVersions::<T>::insert(id, version, published);
    }

    fn deposit(bytes: usize) -> Balance {
        registry::deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
    }

    fn hold(who: &T::AccountId, amount: Balance) -> DispatchResult {
        T::Currency::hold(&HoldReason::Deposit.into(), who, amount)
    }

    fn release(who: &T::AccountId, amount: Balance) -> DispatchResult {
        T::Currency::release(&HoldReason::Deposit.into(), who, amount, Precision::Exact).map(|_| ())
    }
}

impl<T: Config> DatasetRegistry<T::AccountId> for Pallet<T> {
    fn version(id: DatasetVersionId) -> Option<Asset<T::AccountId>> {
        let Published { spec, status, deposit: _ } = Self::published(id.dataset, id.version)?;
        let owner = <Self as DatasetRegistry<_>>::owner(id.dataset)?;
        Some(Asset { owner, status, terms: spec.terms })
    }

    fn exists(id: DatasetVersionId) -> bool {
        DatasetVersions::<T>::contains_key(id.dataset, id.version)
    }

    fn owner(dataset: DatasetId) -> Option<T::AccountId> {
        Datasets::<T>::get(dataset).map(|dataset| dataset.owner)
    }

    fn name(dataset: DatasetId) -> Option<Name> {
        Datasets::<T>::get(dataset).map(|dataset| dataset.name)
    }
}
