//! `provenance_*`: datasets, what assets descend from, who may use them, and what they earn.
//!
//! An asset is a string: `model:0@1`, or `0@1` for short, or `dataset:3@0`.

mod views;

use super::json::{parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::{core::RpcResult, proc_macros::rpc, types::ErrorObjectOwned};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use views::{
    Dataset, DatasetVersion, Descendant, HeldGrant, Lineage, Permission, Revenue, Statement,
    StatementKey,
};
use vigil_primitives::{
    api::{DatasetsApi as _, ProvenanceApi as _},
    AccountId, AssetId, DatasetId, DatasetVersionId, Hash,
};

/// Questions about assets. `at` is a block's hash; without it the best block answers.
///
/// A listing has at most `limit` entries, and at most 100. Where it takes an `after`, it follows
/// the order of the storage keys: the last of one page asks for the next.
#[rpc(server, namespace = "provenance")]
pub(crate) trait ProvenanceApi {
    /// A dataset by number.
    #[method(name = "dataset", blocking)]
    fn dataset(&self, id: DatasetId, at: Option<Hash>) -> RpcResult<Option<Dataset>>;

    /// Datasets from number `from` on.
    #[method(name = "datasets", blocking)]
    fn datasets(&self, from: DatasetId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Dataset>>;

    /// A version of a dataset, written `dataset:3@0`, or `3@0` for short.
    #[method(name = "datasetVersion", blocking)]
    fn dataset_version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<DatasetVersion>>;

    /// What third parties state about a version of a dataset. `after` is the author and the kind of
    /// a statement.
    #[method(name = "statements", blocking)]
    fn statements(
        &self,
        id: String,
        after: Option<StatementKey>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Statement>>;

    /// What an asset descends from, with the share of its revenue that each ancestor's owner gets.
    #[method(name = "lineage", blocking)]
    fn lineage(&self, asset: String, at: Option<Hash>) -> RpcResult<Option<Lineage>>;

    /// The assets that cite `asset`, each with the share that it promised.
    #[method(name = "descendants", blocking)]
    fn descendants(
        &self,
        asset: String,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Descendant>>;

    /// Whether an account may use an asset now; `null` when there is no such asset.
    #[method(name = "permission", blocking)]
    fn permission(
        &self,
        account: AccountId,
        asset: String,
        at: Option<Hash>,
    ) -> RpcResult<Option<Permission>>;

    /// The grants that an account holds.
    #[method(name = "grantsOf", blocking)]
    fn grants_of(
        &self,
        account: AccountId,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>>;

    /// The grants of an asset.
    #[method(name = "grantsFor", blocking)]
    fn grants_for(
        &self,
        asset: String,
        after: Option<AccountId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>>;

    /// What an asset has earned its owners in an era, as a string of digits.
    #[method(name = "assetRevenue", blocking)]
    fn asset_revenue(&self, asset: String, era: u32, at: Option<Hash>) -> RpcResult<String>;

    /// What an account has earned in an era by each asset.
    #[method(name = "accountRevenue", blocking)]
    fn account_revenue(
        &self,
        account: AccountId,
        era: u32,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Revenue>>;

    /// What is kept for an account until it is claimed, as a string of digits.
    #[method(name = "claimable", blocking)]
    fn claimable(&self, account: AccountId, at: Option<Hash>) -> RpcResult<String>;
}

/// Answers from the runtime.
pub(crate) struct Provenance(pub(crate) Arc<FullClient>);

impl ProvenanceApiServer for Provenance {
    fn dataset(&self, id: DatasetId, at: Option<Hash>) -> RpcResult<Option<Dataset>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let dataset = self.0.runtime_api().dataset(at, id).map_err(unavailable)?;
        Ok(dataset.map(Into::into))
    }

    fn datasets(&self, from: DatasetId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Dataset>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let datasets = self.0.runtime_api().datasets(at, from, limit).map_err(unavailable)?;
        Ok(datasets.into_iter().map(Into::into).collect())
    }

    fn dataset_version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<DatasetVersion>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let id = parse_dataset_version(&id)?;
        let version = self.0.runtime_api().dataset_version(at, id).map_err(unavailable)?;
        Ok(version.map(Into::into))
    }

    fn statements(
        &self,
        id: String,
        after: Option<StatementKey>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Statement>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let id = parse_dataset_version(&id)?;
        let after = after.map(Into::into);
        let statements =
            self.0.runtime_api().statements(at, id, after, limit).map_err(unavailable)?;
        Ok(statements.into_iter().map(Into::into).collect())
    }

    fn lineage(&self, asset: String, at: Option<Hash>) -> RpcResult<Option<Lineage>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let lineage = self.0.runtime_api().lineage(at, parse(&asset)?).map_err(unavailable)?;
        Ok(lineage.map(Into::into))
    }

    fn descendants(
        &self,
        asset: String,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Descendant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let (asset, after) = (parse(&asset)?, parse_after(after)?);
        let descendants =
            self.0.runtime_api().descendants(at, asset, after, limit).map_err(unavailable)?;
        Ok(descendants.into_iter().map(Into::into).collect())
    }

    fn permission(
        &self,
        account: AccountId,
        asset: String,
        at: Option<Hash>,
    ) -> RpcResult<Option<Permission>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let permission =
            self.0.runtime_api().permission(at, account, asset).map_err(unavailable)?;
        Ok(permission.map(Into::into))
    }

    fn grants_of(
        &self,
        account: AccountId,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let after = parse_after(after)?;
        let grants =
            self.0.runtime_api().grants_of(at, account, after, limit).map_err(unavailable)?;
        Ok(grants.into_iter().map(Into::into).collect())
    }

    fn grants_for(
        &self,
        asset: String,
        after: Option<AccountId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let grants =
            self.0.runtime_api().grants_for(at, asset, after, limit).map_err(unavailable)?;
        Ok(grants.into_iter().map(Into::into).collect())
    }

    fn asset_revenue(&self, asset: String, era: u32, at: Option<Hash>) -> RpcResult<String> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let revenue = self.0.runtime_api().asset_revenue(at, asset, era).map_err(unavailable)?;
        Ok(revenue.to_string())
    }

    fn account_revenue(
        &self,
        account: AccountId,
        era: u32,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Revenue>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let after = parse_after(after)?;
        let revenue = self
            .0
            .runtime_api()
            .account_revenue(at, account, era, after, limit)
            .map_err(unavailable)?;
        Ok(revenue.into_iter().map(Into::into).collect())
    }

    fn claimable(&self, account: AccountId, at: Option<Hash>) -> RpcResult<String> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let amount = self.0.runtime_api().claimable(at, account).map_err(unavailable)?;
        Ok(amount.to_string())
    }
}

/// Reads `dataset:3@0`, or `3@0` where only a dataset can be meant.
fn parse_dataset_version(text: &str) -> Result<DatasetVersionId, ErrorObjectOwned> {
    parse(text.strip_prefix("dataset:").unwrap_or(text))
}

/// Reads the asset that a page begins after.
fn parse_after(after: Option<String>) -> Result<Option<AssetId>, ErrorObjectOwned> {
    after.map(|asset| parse(&asset)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::ModelVersionId;

    #[test]
    fn a_version_of_a_dataset_should_be_read_with_and_without_its_kind() {
        let expected = DatasetVersionId { dataset: 3, version: 0 };
        for text in ["dataset:3@0", "3@0"] {
            assert_eq!(parse_dataset_version(text).unwrap(), expected);
        }
        for wrong in ["", "model:3@0", "dataset:3", "dataset:dataset:3@0"] {
            assert!(parse_dataset_version(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_after(None).unwrap(), None);
        assert_eq!(
            parse_after(Some("3@1".into())).unwrap(),
            Some(ModelVersionId { model: 3, version: 1 }.into())
        );
        assert!(parse_after(Some("3".into())).is_err());
    }
}
