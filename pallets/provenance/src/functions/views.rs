//! What the runtime API shows. Listings have pages of at most [`PAGE`] entries.

use super::*;
use vigil_primitives::{
    api::PAGE,
    grant::GrantView,
    lineage::{LineageEdge, LineageNode, LineageView, Share},
};

impl<T: Config> Pallet<T> {
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
            .flat_map(|payee| {
                let citations = Self::lineage_of(payee.asset).citations;
                LineageEdge::all(payee.asset, &citations).collect::<Vec<_>>()
            })
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
