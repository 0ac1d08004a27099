//! What the calls do, and what other pallets and the runtime API ask of the registry.

use crate::{
    pallet::*,
    types::{check_spec, Model, PublishedVersion},
    WeightInfo,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision},
        Get,
    },
    weights::Weight,
};
use vigil_primitives::{
    api::PAGE,
    architecture::MAX_LAYERS,
    lineage::Shares,
    model::{ModelView, Name, VersionSpec, VersionStatus, VersionView},
    registry::{self, Registry},
    traits::{ModelRegistry, PackageLayout, Packages, Provenance, RegisteredVersion},
    Balance, ModelId, ModelVersionId, Version,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_create(owner: T::AccountId, name: Name) -> DispatchResult {
        let model = Self::create_entry(&owner, &name)?;
        ModelsOf::<T>::insert(&owner, model, ());
        Self::deposit_event(Event::ModelCreated { model, owner, name });
        Ok(())
    }

    pub(crate) fn do_publish(
        who: &T::AccountId,
        model: ModelId,
        spec: VersionSpec,
        citations: Shares,
    ) -> DispatchResult {
        let record = Self::owned(who, model)?;
        check_spec(&spec, &T::OpSets::get(), T::Layout::weights_len).map_err(Error::<T>::from)?;
        let id = ModelVersionId { model, version: record.versions };
        let recorded = T::Provenance::record(id.into(), who, &spec.terms, citations)?;
        let recorded = usize::try_from(recorded).unwrap_or(usize::MAX);
        let bytes = spec.encoded_size().saturating_add(recorded);
        let package = spec.package;
        Self::add_version(who, model, record, spec, bytes)?;
        Self::deposit_event(Event::VersionPublished { id, package });
        Ok(())
    }

    pub(crate) fn do_offer(who: &T::AccountId, model: ModelId, to: T::AccountId) -> DispatchResult {
        Self::make_offer(who, model, to.clone())?;
        Self::deposit_event(Event::ModelOffered { model, to });
        Ok(())
    }

    pub(crate) fn do_withdraw_offer(who: &T::AccountId, model: ModelId) -> DispatchResult {
        Self::take_offer_back(who, model)?;
        Self::deposit_event(Event::OfferWithdrawn { model });
        Ok(())
    }

    pub(crate) fn do_accept(who: T::AccountId, model: ModelId) -> DispatchResult {
        let from = Self::take_over(&who, model)?;
        ModelsOf::<T>::remove(&from, model);
        ModelsOf::<T>::insert(&who, model, ());
        Self::deposit_event(Event::OwnerChanged { model, from, to: who });
        Ok(())
    }

    pub(crate) fn do_deprecate(who: &T::AccountId, id: ModelVersionId) -> DispatchResult {
        Self::change_status(who, id.model, id.version, |status| Ok(status.deprecate()?))?;
        Self::deposit_event(Event::VersionDeprecated { id });
        Ok(())
    }

    pub(crate) fn do_revoke(who: &T::AccountId, id: ModelVersionId) -> DispatchResult {
        Self::change_status(who, id.model, id.version, |status| {
            let revoked = status.revoke()?;
            ensure!(!T::Provenance::has_paid_grants(id.into()), Error::<T>::PaidGrants);
            Ok(revoked)
        })?;
        Self::deposit_event(Event::VersionRevoked { id });
        Ok(())
    }

    /// Weight of publishing a version with these citations.
    pub(crate) fn publish_weight(spec: &VersionSpec, citations: &Shares) -> Weight {
        let citations = u32::try_from(citations.len()).unwrap_or(u32::MAX);
        // What is not valid is refused before its layers are looked at.
        let layers = spec.architecture.layers().min(MAX_LAYERS);
        T::WeightInfo::publish(layers.into())
            .saturating_add(T::Provenance::record_weight(citations))
    }

    /// A model, for the runtime API.
    pub fn model_view(id: ModelId) -> Option<ModelView<T::AccountId>> {
        let Model { owner, name, versions, pending_owner, deposit: _ } = Models::<T>::get(id)?;
        Some(ModelView { id, name, owner, pending_owner, versions })
    }

    /// At most `limit` models, and at most [`PAGE`], from number `from` on.
    pub fn model_views(from: ModelId, limit: u32) -> Vec<ModelView<T::AccountId>> {
        let end = from.saturating_add(limit.min(PAGE)).min(NextModelId::<T>::get());
        (from..end).filter_map(Self::model_view).collect()
    }

    /// A version that `workers` workers serve, for the runtime API.
    pub fn version_view(id: ModelVersionId, workers: u32) -> Option<VersionView<T::AccountId>> {
        let RegisteredVersion { owner, spec, status } = <Self as ModelRegistry<_>>::version(id)?;
        Some(VersionView { id, owner, spec, status, workers })
    }
}

impl<T: Config> Registry for Pallet<T> {
    type AccountId = T::AccountId;
    type Spec = VersionSpec;
    type Error = Error<T>;

    fn next_id() -> ModelId {
        NextModelId::<T>::get()
    }

    fn set_next_id(id: ModelId) {
        NextModelId::<T>::put(id);
    }

    fn entry(id: ModelId) -> Option<Model<T::AccountId>> {
        Models::<T>::get(id)
    }

    fn set_entry(id: ModelId, model: Model<T::AccountId>) {
        Models::<T>::insert(id, model);
    }

    fn published(id: ModelId, version: Version) -> Option<PublishedVersion> {
        Versions::<T>::get(id, version)
    }

    fn set_published(id: ModelId, version: Version, published: PublishedVersion) {
        Versions::<T>::insert(id, version, published);
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

impl<T: Config> Packages for Pallet<T> {
    fn condemn(id: ModelVersionId) -> Result<Balance, DispatchError> {
        let model = Models::<T>::get(id.model).ok_or(Error::<T>::NotFound)?;
        let version = Versions::<T>::get(id.model, id.version).ok_or(Error::<T>::NotFound)?;
        // What has no deposit any more has been condemned before.
        ensure!(version.deposit > 0, Error::<T>::AlreadyRevoked);
        let burned = T::Currency::burn_held(
            &HoldReason::Deposit.into(),
            &model.owner,
            version.deposit,
            Precision::BestEffort,
            Fortitude::Force,
        )?;
        let left = version.deposit.saturating_sub(burned);
        let version = PublishedVersion { status: VersionStatus::Revoked, deposit: left, ..version };
        Versions::<T>::insert(id.model, id.version, version);
        let deposit = model.deposit.saturating_sub(burned);
        Models::<T>::insert(id.model, Model { deposit, ..model });
        Self::deposit_event(Event::VersionCondemned { id, burned });
        Ok(burned)
    }

    fn condemn_weight() -> Weight {
        T::WeightInfo::condemn()
    }
}

impl<T: Config> ModelRegistry<T::AccountId> for Pallet<T> {
    fn version(id: ModelVersionId) -> Option<RegisteredVersion<T::AccountId>> {
        let PublishedVersion { spec, status, deposit: _ } =
            Versions::<T>::get(id.model, id.version)?;
        let owner = Models::<T>::get(id.model)?.owner;
        Some(RegisteredVersion { owner, spec, status })
    }

    fn owner(model: ModelId) -> Option<T::AccountId> {
        Models::<T>::get(model).map(|model| model.owner)
    }

    fn name(model: ModelId) -> Option<Name> {
        Models::<T>::get(model).map(|model| model.name)
    }
}
