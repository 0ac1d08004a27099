//! What the calls do, and what registries, jobs and the runtime API ask, by domain:
//!
//! | file | holds |
//! |---|---|
//! | `datasets` | the registry of datasets and what third parties state about them |
//! | `lineage` | what a new version cites, and whether the cited assets consent |
//! | `grants` | who may use an asset |
//! | `money` | the waterfall, sales, revenue and unpaid amounts |
//! | `views` | what the runtime API shows |

mod datasets;
mod grants;
mod lineage;
mod money;
mod views;

use crate::{
    pallet::*, types::Asset, Dataset, DatasetVersion, GrantRecord, StatementRecord, WeightInfo,
};
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
    traits::ModelRegistry, AssetId, Balance, BlockNumber, DatasetVersionId, ModelVersionId,
};

impl<T: Config> Pallet<T> {
    /// The deposit for a record of `bytes`.
    pub fn deposit(bytes: usize) -> Balance {
        let bytes = Balance::try_from(bytes).unwrap_or(Balance::MAX);
        T::DepositPerByte::get().saturating_mul(bytes).saturating_add(T::DepositBase::get())
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
            AssetId::Dataset(id) => {
                let DatasetVersion { spec, status, deposit: _ } =
                    DatasetVersions::<T>::get(id.dataset, id.version)?;
                let owner = Datasets::<T>::get(id.dataset)?.owner;
                Some(Asset { owner, status, terms: spec.terms })
            }
        }
    }

    /// Whether an asset is there, without reading the whole of it.
    pub(crate) fn exists(id: AssetId) -> bool {
        match id {
            AssetId::Model(id) => T::Models::version(id).is_some(),
            AssetId::Dataset(id) => DatasetVersions::<T>::contains_key(id.dataset, id.version),
        }
    }

    /// Who owns an asset now.
    pub(crate) fn owner(id: AssetId) -> Option<T::AccountId> {
        match id {
            AssetId::Model(ModelVersionId { model, .. }) => T::Models::owner(model),
            AssetId::Dataset(DatasetVersionId { dataset, .. }) => {
                Some(Datasets::<T>::get(dataset)?.owner)
            }
        }
    }

    /// The asset, if `who` owns it.
    fn owned_asset(who: &T::AccountId, id: AssetId) -> Result<Asset<T::AccountId>, Error<T>> {
        let asset = Self::asset(id).ok_or(Error::<T>::UnknownAsset)?;
        ensure!(asset.owner == *who, Error::<T>::NotOwner);
        Ok(asset)
    }
}
