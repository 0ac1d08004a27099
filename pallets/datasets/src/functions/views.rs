//! What the runtime API shows. Listings have pages of at most [`PAGE`] entries.

use super::*;
use crate::StatementRecord;
use alloc::vec::Vec;
use vigil_primitives::{
    api::PAGE,
    dataset::{DatasetVersionView, DatasetView, StatementKind, StatementView},
};

impl<T: Config> Pallet<T> {
    /// A dataset.
    pub fn dataset_view(id: DatasetId) -> Option<DatasetView<T::AccountId>> {
        let Dataset { owner, name, versions, pending_owner, deposit: _ } = Datasets::<T>::get(id)?;
        Some(DatasetView { id, name, owner, pending_owner, versions })
    }

    /// Datasets from number `from` on. Those that were removed leave no gap in a page.
    pub fn dataset_views(from: DatasetId, limit: u32) -> Vec<DatasetView<T::AccountId>> {
        (from..NextDatasetId::<T>::get()).filter_map(Self::dataset_view).take(page(limit)).collect()
    }

    /// A version of a dataset.
    pub fn dataset_version_view(id: DatasetVersionId) -> Option<DatasetVersionView<T::AccountId>> {
        let DatasetVersion { spec, status, deposit: _ } =
            DatasetVersions::<T>::get(id.dataset, id.version)?;
        let owner = Datasets::<T>::get(id.dataset)?.owner;
        let citations = T::Provenance::citations(AssetId::Dataset(id));
        Some(DatasetVersionView { id, owner, spec, status, citations })
    }

    /// Statements about a version of a dataset, after `after`.
    pub fn statement_views(
        id: DatasetVersionId,
        after: Option<(T::AccountId, StatementKind)>,
        limit: u32,
    ) -> Vec<StatementView<T::AccountId>> {
        let entries = match after {
            Some(key) => {
                Statements::<T>::iter_prefix_from(id, Statements::<T>::hashed_key_for(id, key))
            }
            None => Statements::<T>::iter_prefix(id),
        };
        let view = |((author, kind), record): ((T::AccountId, _), StatementRecord)| StatementView {
            author,
            kind,
            statement: record.statement,
        };
        entries.take(page(limit)).map(view).collect()
    }
}

/// How many entries a page of at most `limit` has.
fn page(limit: u32) -> usize {
    limit.min(PAGE) as usize
}
