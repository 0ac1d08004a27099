//! What the calls do, and what other pallets and the runtime API ask of the registry.

use crate::{
    pallet::*,
    types::{check_name, check_spec, Model, PublishedVersion},
};
use alloc::{vec, vec::Vec};
use codec::Encode;
use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::{fungible::hold::Mutate as _, tokens::Precision, Get},
};
use vigil_primitives::{
    api::{ModelView, VersionView, PAGE},
    architecture::{Architecture, Decoder},
    model::{Access, Artifact, Fee, Licence, Name, Sources, Terms, VersionSpec},
    traits::{ModelRegistry, RegisteredVersion, Waterfall},
    Balance, ContentHash, ModelId, VersionId,
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
    ) -> Result<VersionId, DispatchError> {
        let record = Self::owned(who, model)?;
        check_spec(&spec, &T::OpSets::get()).map_err(Error::<T>::from)?;
        let deposit = Self::deposit(spec.encoded_size());
        let (record, version) = record.publish(deposit).map_err(Error::<T>::from)?;
        T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)?;

        let id = VersionId { model, version };
        let package = spec.package;
        Models::<T>::insert(model, record);
        Versions::<T>::insert(model, version, PublishedVersion::new(spec, deposit));
        Self::deposit_event(Event::VersionPublished { id, package });
        Ok(id)
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

    pub(crate) fn do_deprecate(who: &T::AccountId, id: VersionId) -> DispatchResult {
        let version = Self::owned_version(who, id)?.deprecate().map_err(Error::<T>::from)?;
        Versions::<T>::insert(id.model, id.version, version);
        Self::deposit_event(Event::VersionDeprecated { id });
        Ok(())
    }

    pub(crate) fn do_revoke(who: &T::AccountId, id: VersionId) -> DispatchResult {
        let version = Self::owned_version(who, id)?.revoke().map_err(Error::<T>::from)?;
        Versions::<T>::insert(id.model, id.version, version);
        Self::deposit_event(Event::VersionRevoked { id });
        Ok(())
    }

    /// The model, if `who` owns it.
    fn owned(who: &T::AccountId, model: ModelId) -> Result<Model<T::AccountId>, Error<T>> {
        let record = Models::<T>::get(model).ok_or(Error::<T>::NotFound)?;
        ensure!(record.owner == *who, Error::<T>::NotOwner);
        Ok(record)
    }

    /// The version, if `who` owns its model.
    fn owned_version(who: &T::AccountId, id: VersionId) -> Result<PublishedVersion, Error<T>> {
        Self::owned(who, id.model)?;
        Versions::<T>::get(id.model, id.version).ok_or(Error::<T>::NotFound)
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
    pub fn version_view(id: VersionId, workers: u32) -> Option<VersionView<T::AccountId>> {
        let RegisteredVersion { owner, spec, status } = Self::version(id)?;
        Some(VersionView { id, owner, spec, status, workers })
    }
}

impl<T: Config> ModelRegistry<T::AccountId> for Pallet<T> {
    fn version(id: VersionId) -> Option<RegisteredVersion<T::AccountId>> {
        let PublishedVersion { spec, status, deposit: _ } =
            Versions::<T>::get(id.model, id.version)?;
        let owner = Models::<T>::get(id.model)?.owner;
        Some(RegisteredVersion { owner, spec, status })
    }

    fn benchmark_version(owner: &T::AccountId) -> Option<VersionId> {
        let model = NextModelId::<T>::get();
        NextModelId::<T>::put(model.checked_add(1)?);
        let name = Name::truncate_from(b"benchmark".to_vec());
        let (record, version) = Model::new(owner.clone(), name, 0).publish(0).ok()?;
        ModelsOf::<T>::insert(owner, model, ());
        Models::<T>::insert(model, record);
        let spec = benchmark_spec(*T::OpSets::get().first()?);
        Versions::<T>::insert(model, version, PublishedVersion::new(spec, 0));
        Some(VersionId { model, version })
    }
}

/// A small language model with as many stop tokens as fit, the longest description there is, under
/// open terms.
fn benchmark_spec(op_set: u16) -> VersionSpec {
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
            len: architecture.weights_len_bounds().0,
        },
        tokenizer: ContentHash::repeat_byte(3),
        architecture,
        op_set,
        terms: Terms {
            licence: Licence::truncate_from(b"Apache-2.0".to_vec()),
            access: Access::Open,
            commercial: true,
            fee: Fee { per_job: 1, per_1k_tokens: 1 },
        },
        sources: Sources::default(),
    }
}

/// Everything goes to the owner, whoever that is at the moment of payment.
impl<T: Config> Waterfall<T::AccountId> for Pallet<T> {
    fn split(id: VersionId, amount: Balance) -> Vec<(T::AccountId, Balance)> {
        let exists = Versions::<T>::contains_key(id.model, id.version);
        match Models::<T>::get(id.model).filter(|_| exists) {
            Some(model) => vec![(model.owner, amount)],
            None => Vec::new(),
        }
    }
}
