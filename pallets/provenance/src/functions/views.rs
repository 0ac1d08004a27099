//! What the runtime API shows. Listings have pages of at most [`PAGE`] entries.

use super::{lineage::edges, *};
use vigil_primitives::{
    api::PAGE,
    dataset::{DatasetId, StatementKind},
    dataset::{DatasetVersionView, DatasetView, StatementView},
    grant::GrantView,
    lineage::Share,
    lineage::{LineageNode, LineageView},
    model::Name,
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
        let citations = CitationCount::<T>::get(AssetId::Dataset(id));
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

    /// All that an asset descends from. Everything that an ancestor cites is an ancestor too, so
    /// the graph has as many nodes as the waterfall has payees.
    pub fn lineage_view(asset: AssetId) -> Option<LineageView<T::AccountId>> {
        if !Self::exists(asset) {
            return None;
        }
        let lineage = Self::lineage_of(asset);
        let nodes: Vec<_> = lineage.waterfall.iter().filter_map(Self::lineage_node).collect();
        let edges = lineage
            .waterfall
            .iter()
            .flat_map(|payee| edges(payee.asset, &Self::lineage_of(payee.asset).citations))
            .collect();
        Some(LineageView { nodes, edges })
    }

    fn lineage_node(payee: &Share) -> Option<LineageNode<T::AccountId>> {
        let Share { asset, share } = *payee;
        let Asset { owner, status, terms: _ } = Self::asset(asset)?;
        // Without a name it is a payee all the same.
        let name = Self::name(asset).unwrap_or_default();
        Some(LineageNode { asset, name, owner, status, share })
    }

    fn name(asset: AssetId) -> Option<Name> {
        match asset {
            AssetId::Model(id) => T::Models::name(id.model),
            AssetId::Dataset(id) => Some(Datasets::<T>::get(id.dataset)?.name),
        }
    }

    /// The assets that cite `asset`, after `after`.
    pub fn descendants(asset: AssetId, after: Option<AssetId>, limit: u32) -> Vec<Share> {
        let entries = match after {
            Some(key) => {
                let key = Descendants::<T>::hashed_key_for(asset, key);
                Descendants::<T>::iter_prefix_from(asset, key)
            }
            None => Descendants::<T>::iter_prefix(asset),
        };
        entries.take(page(limit)).map(|(asset, share)| Share { asset, share }).collect()
    }

    /// The grants that an account holds, after `after`.
    pub fn grants_of(
        holder: T::AccountId,
        after: Option<AssetId>,
        limit: u32,
    ) -> Vec<GrantView<T::AccountId>> {
        let entries = match after {
            Some(key) => {
                let key = GrantsOf::<T>::hashed_key_for(&holder, key);
                GrantsOf::<T>::iter_prefix_from(&holder, key)
            }
            None => GrantsOf::<T>::iter_prefix(&holder),
        };
        let entries = entries.take(page(limit));
        entries
            .map(|(asset, held)| GrantView { asset, holder: holder.clone(), grant: held.grant })
            .collect()
    }

    /// The grants of an asset, after `after`.
    pub fn grants_for(
        asset: AssetId,
        after: Option<T::AccountId>,
        limit: u32,
    ) -> Vec<GrantView<T::AccountId>> {
        let holders = match after {
            Some(key) => {
                let key = GrantHolders::<T>::hashed_key_for(asset, key);
                GrantHolders::<T>::iter_key_prefix_from(asset, key)
            }
            None => GrantHolders::<T>::iter_key_prefix(asset),
        };
        let holders = holders.take(page(limit));
        holders
            .filter_map(|holder| {
                let grant = GrantsOf::<T>::get(&holder, asset)?.grant;
                Some(GrantView { asset, holder, grant })
            })
            .collect()
    }

    /// What an asset has earned its owners in an era.
    pub fn asset_revenue(asset: AssetId, era: u32) -> Balance {
        AssetRevenue::<T>::get(asset, era)
    }

    /// What an account has earned in an era by each asset, after `after`.
    pub fn account_revenue(
        account: T::AccountId,
        era: u32,
        after: Option<AssetId>,
        limit: u32,
    ) -> Vec<(AssetId, Balance)> {
        let entries = match after {
            Some(asset) => {
                let key = AccountRevenue::<T>::hashed_key_for((&account, era, asset));
                AccountRevenue::<T>::iter_prefix_from((&account, era), key)
            }
            None => AccountRevenue::<T>::iter_prefix((&account, era)),
        };
        entries.take(page(limit)).collect()
    }

    /// What is kept for an account.
    pub fn unpaid(account: &T::AccountId) -> Balance {
        Unpaid::<T>::get(account).unwrap_or_default()
    }
}

/// How many entries a page of at most `limit` has.
fn page(limit: u32) -> usize {
    limit.min(PAGE) as usize
}
