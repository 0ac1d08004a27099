//! `models_*`: the model registry.

use super::answer::{parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{api::ModelsApi as _, Hash, ModelId};
use vigil_rpc::models::{Model, ModelVersion, ModelsApiServer};

/// Answers from the runtime.
pub(crate) struct Models(pub(crate) Arc<FullClient>);

impl ModelsApiServer for Models {
    fn model(&self, id: ModelId, at: Option<Hash>) -> RpcResult<Option<Model>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let model = self.0.runtime_api().model(at, id).map_err(unavailable)?;
        Ok(model.map(Into::into))
    }

    fn models(&self, from: ModelId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Model>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let models = self.0.runtime_api().models(at, from, limit).map_err(unavailable)?;
        Ok(models.into_iter().map(Into::into).collect())
    }

    fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<ModelVersion>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = self.0.runtime_api().version(at, parse(&id)?).map_err(unavailable)?;
        Ok(version.map(Into::into))
    }
}
