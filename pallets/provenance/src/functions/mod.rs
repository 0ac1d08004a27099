//! What the calls do, and what registries, jobs and the runtime API ask, by domain:
//!
//! | file | holds |
//! |---|---|
//! | `lineage` | what a new version cites, and whether the cited assets consent |
//! | `grants` | who may use an asset |
//! | `money` | the waterfall, sales, revenue and unpaid amounts |
//! | `views` | what the runtime API shows |

mod grants;
mod lineage;
mod money;
mod views;

use crate::{pallet::*, GrantRecord, WeightInfo};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult},
    traits::{
        fungible::{hold::Mutate as _, Inspect as _, Mutate as _},
        tokens::{Fortitude, Precision, Preservation, Restriction},
        Get,
    },
};
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    asset::Asset,
    model::Name,
    registry,
    traits::{DatasetRegistry, ModelRegistry},
    AssetId, Balance, BlockNumber,
};

impl<T: Config> Pallet<T> {
    /// The deposit for a record of `bytes`.
    pub fn deposit(bytes: usize) -> Balance {
        registry::deposit(T::DepositBase::get(), T::DepositPerByte::get(), bytes)
    }

    pub(crate) fn now() -> BlockNumber {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }

    /// The era of revenue.
    pub(crate) fn era() -> u32 {
        Self::now().checked_div(T::EraLength::get()).unwrap_or_default()
    }

    /// What counts of an asset for its use; `None` when it was never published, or removed.
    pub(crate) fn asset(id: AssetId) -> Option<Asset<T::AccountId>> {
        match id {
            AssetId::Model(id) => {
                let version = T::Models::version(id)?;
                let (owner, status) = (version.owner, version.status);
                Some(Asset { owner, status, terms: version.spec.terms })
            }
            AssetId::Dataset(id) => T::Datasets::version(id),
        }
    }

    /// Whether an asset is there, without reading the whole of it where that can be avoided.
    pub(crate) fn exists(id: AssetId) -> bool {
        match id {
            AssetId::Model(id) => T::Models::version(id).is_some(),
            AssetId::Dataset(id) => T::Datasets::exists(id),
        }
    }

    /// Who owns an asset now.
    pub(crate) fn owner(id: AssetId) -> Option<T::AccountId> {
        match id {
            AssetId::Model(id) => T::Models::owner(id.model),
            AssetId::Dataset(id) => T::Datasets::owner(id.dataset),
        }
    }

    /// What an asset's model or dataset is called.
    fn name(id: AssetId) -> Option<Name> {
        match id {
            AssetId::Model(id) => T::Models::name(id.model),
            AssetId::Dataset(id) => T::Datasets::name(id.dataset),
        }
    }

    /// The asset, if `who` owns it.
    fn owned_asset(who: &T::AccountId, id: AssetId) -> Result<Asset<T::AccountId>, Error<T>> {
        let asset = Self::asset(id).ok_or(Error::<T>::UnknownAsset)?;
        ensure!(asset.owner == *who, Error::<T>::NotOwner);
        Ok(asset)
    }
}
