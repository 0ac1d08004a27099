//! `datasets_*`: the dataset registry, and what third parties state.

use super::answer::{parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::{core::RpcResult, types::ErrorObjectOwned};
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{api::DatasetsApi as _, DatasetId, DatasetVersionId, Hash};
use vigil_rpc::datasets::{Dataset, DatasetVersion, DatasetsApiServer, Statement, StatementKey};

/// Answers from the runtime.
pub(crate) struct Datasets(pub(crate) Arc<FullClient>);

impl DatasetsApiServer for Datasets {
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

    fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<DatasetVersion>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let id = parse_version(&id)?;
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
        let id = parse_version(&id)?;
        let after = after.map(Into::into);
        let statements =
            self.0.runtime_api().statements(at, id, after, limit).map_err(unavailable)?;
        Ok(statements.into_iter().map(Into::into).collect())
    }
}

/// Reads `dataset:3@0`, or `3@0`, since only a dataset can be meant.
fn parse_version(text: &str) -> Result<DatasetVersionId, ErrorObjectOwned> {
    parse(text.strip_prefix("dataset:").unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_a_dataset_should_be_read_with_and_without_its_kind() {
        let expected = DatasetVersionId { dataset: 3, version: 0 };
        for text in ["dataset:3@0", "3@0"] {
            assert_eq!(parse_version(text).unwrap(), expected);
        }
        for wrong in ["", "model:3@0", "dataset:3", "dataset:dataset:3@0"] {
            assert!(parse_version(wrong).is_err(), "{wrong}");
        }
    }
}
