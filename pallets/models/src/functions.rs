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
    pallet_prelude::DispatchResult,
    traits::{fungible::hold::Mutate as _, tokens::Precision, Get},
    weights::Weight,
};
use sp_runtime::Permill;
use vigil_primitives::{
    api::PAGE,
    architecture::{Architecture, Decoder, MAX_LAYERS},
    lineage::Shares,
    model::{Artifact, Fee, Name, Sources, VersionSpec, VersionStatus},
    model::{ModelView, VersionView},
    registry::check_name,
    terms::{Access, Licence, Terms},
    traits::{ModelRegistry, PackageLayout, Provenance, RegisteredVersion},
    Balance, ContentHash, ModelId, ModelVersionId,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_create(owner: T::AccountId, name: Name) -> DispatchResult {
        check_name(&name).map_err(Error::<T>::from)?;
        let model = NextModelId::<T>::get();
        let next = model.checked_add(1).ok_or(Error::<T>::TooManyModels)?;
        let deposit = Self::deposit(name.len());
        T::Currency::hold(&HoldReason::Deposit.into(), &owner, deposit)?;

        NextModelId::<T>::put(next);
        ModelsOf::<T>::insert(&owner, model, ());
        Models::<T>::insert(model, Model::new(owner.clone(), name.clone(), deposit));
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
        let deposit = Self::deposit(spec.encoded_size().saturating_add(recorded));
        let (record, version) = record.publish(deposit).map_err(Error::<T>::from)?;
        T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)?;

        let package = spec.package;
        Models::<T>::insert(model, record);
        Versions::<T>::insert(model, version, PublishedVersion::new(spec, deposit));
        Self::deposit_event(Event::VersionPublished { id, package });
        Ok(())
    }

    pub(crate) fn do_offer(who: &T::AccountId, model: ModelId, to: T::AccountId) -> DispatchResult {
        let record = Self::owned(who, model)?.offer(to.clone()).map_err(Error::<T>::from)?;
        Models::<T>::insert(model, record);
        Self::deposit_event(Event::ModelOffered { model, to });
        Ok(())
    }

    pub(crate) fn do_withdraw_offer(who: &T::AccountId, model: ModelId) -> DispatchResult {
        let record = Self::owned(who, model)?.withdraw_offer().map_err(Error::<T>::from)?;
        Models::<T>::insert(model, record);
        Self::deposit_event(Event::OfferWithdrawn { model });
        Ok(())
    }

    pub(crate) fn do_accept(who: T::AccountId, model: ModelId) -> DispatchResult {
        let record = Models::<T>::get(model).ok_or(Error::<T>::NotFound)?;
        let (record, from) = record.accept(who.clone()).map_err(Error::<T>::from)?;
        let reason = HoldReason::Deposit.into();
        T::Currency::hold(&reason, &who, record.deposit)?;
        T::Currency::release(&reason, &from, record.deposit, Precision::Exact)?;

        ModelsOf::<T>::remove(&from, model);
        ModelsOf::<T>::insert(&who, model, ());
        Models::<T>::insert(model, record);
        Self::deposit_event(Event::OwnerChanged { model, from, to: who });
        Ok(())
    }

    pub(crate) fn do_deprecate(who: &T::AccountId, id: ModelVersionId) -> DispatchResult {
        Self::change_status(who, id, |status| Ok(status.deprecate()?))?;
        Self::deposit_event(Event::VersionDeprecated { id });
        Ok(())
    }

    pub(crate) fn do_revoke(who: &T::AccountId, id: ModelVersionId) -> DispatchResult {
        Self::change_status(who, id, |status| {
            let revoked = status.revoke()?;
            ensure!(!T::Provenance::has_paid_grants(id.into()), Error::<T>::PaidGrants);
            Ok(revoked)
        })?;
        Self::deposit_event(Event::VersionRevoked { id });
        Ok(())
    }

    /// The model, if `who` owns it.
    fn owned(who: &T::AccountId, model: ModelId) -> Result<Model<T::AccountId>, Error<T>> {
        let record = Models::<T>::get(model).ok_or(Error::<T>::NotFound)?;
        ensure!(record.owner == *who, Error::<T>::NotOwner);
        Ok(record)
    }

    /// Changes the status of a version, if `who` owns its model.
    fn change_status(
        who: &T::AccountId,
        id: ModelVersionId,
        change: impl FnOnce(VersionStatus) -> Result<VersionStatus, Error<T>>,
    ) -> Result<(), Error<T>> {
        Self::owned(who, id.model)?;
        let mut version = Versions::<T>::get(id.model, id.version).ok_or(Error::<T>::NotFound)?;
        version.status = change(version.status)?;
        Versions::<T>::insert(id.model, id.version, version);
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

    /// The deposit for a record of `bytes`.
    pub fn deposit(bytes: usize) -> Balance {
        let bytes = Balance::try_from(bytes).unwrap_or(Balance::MAX);
        T::DepositPerByte::get().saturating_mul(bytes).saturating_add(T::DepositBase::get())
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
        let RegisteredVersion { owner, spec, status } = Self::version(id)?;
        Some(VersionView { id, owner, spec, status, workers })
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

    fn benchmark_version(owner: &T::AccountId) -> Option<ModelVersionId> {
        let model = NextModelId::<T>::get();
        NextModelId::<T>::put(model.checked_add(1)?);
        let name = Name::truncate_from(b"benchmark".to_vec());
        let (record, version) = Model::new(owner.clone(), name, 0).publish(0).ok()?;
        ModelsOf::<T>::insert(owner, model, ());
        Models::<T>::insert(model, record);
        let spec = benchmark_spec::<T>(*T::OpSets::get().first()?);
        let id = ModelVersionId { model, version };
        T::Provenance::record(id.into(), owner, &spec.terms, Shares::default()).ok()?;
        Versions::<T>::insert(model, version, PublishedVersion::new(spec, 0));
        Some(id)
    }
}

/// A small language model with as many stop tokens as fit, the longest description there is, under
/// open terms.
fn benchmark_spec<T: Config>(op_set: u16) -> VersionSpec {
    let architecture = Architecture::Decoder(Decoder {
        vocabulary: 1_024,
        hidden: 64,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_width: 16,
        intermediate: 256,
        positions: 2_048,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: true,
        qk_norm: true,
        stop_tokens: [Some(0), Some(1), Some(2), Some(3)],
    });
    VersionSpec {
        package: ContentHash::repeat_byte(1),
        weights: Artifact {
            hash: ContentHash::repeat_byte(2),
            len: T::Layout::weights_len(&architecture),
        },
        tokenizer: ContentHash::repeat_byte(3),
        architecture,
        op_set,
        metadata: None,
        terms: Terms {
            licence: Licence::truncate_from(b"Apache-2.0".to_vec()),
            licence_text: None,
            commercial: true,
            access: Access::Open,
            royalty: Permill::zero(),
        },
        fee: Fee { per_job: 1, per_1k_tokens: 1 },
        sources: Sources::default(),
    }
}
