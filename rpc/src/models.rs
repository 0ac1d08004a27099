//! Models and their versions.

use crate::form::{lossy, text, Artifact, Terms, VersionStatus};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    model::{self, ModelView, VersionView},
    AccountId, Architecture, Balance, Hash, ModelId, ModelVersionId,
};

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// Its number.
    pub id: ModelId,
    /// Its name.
    pub name: String,
    /// Who owns it and earns its fees.
    pub owner: AccountId,
    /// Who has been offered it.
    pub pending_owner: Option<AccountId>,
    /// How many versions it has; they are numbered from 0.
    pub versions: u32,
}

impl From<ModelView> for Model {
    fn from(it: ModelView) -> Self {
        Self {
            id: it.id,
            name: lossy(it.name),
            owner: it.owner,
            pending_owner: it.pending_owner,
            versions: it.versions,
        }
    }
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelVersion {
    /// Its number, `model@version`.
    #[serde(with = "text")]
    pub id: ModelVersionId,
    /// Who owns the model now.
    pub owner: AccountId,
    /// Whether it takes new work.
    pub status: VersionStatus,
    /// Workers that serve it.
    pub workers: u32,
    /// BLAKE3 of the package's manifest.
    pub package: Hash,
    /// Its weights.
    pub weights: Artifact,
    /// BLAKE3 of its tokenizer.
    pub tokenizer: Hash,
    /// Its family and hyperparameters, as its package states them.
    pub architecture: Architecture,
    /// The operator set that it is computed with.
    pub op_set: u16,
    /// The document that describes it.
    pub metadata: Option<Artifact>,
    /// The terms of using it.
    pub terms: Terms,
    /// What its owner is paid.
    pub fee: Fee,
    /// Where its package can be fetched.
    pub sources: Vec<String>,
}

/// What the owner is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fee {
    /// For every job.
    #[serde(with = "text")]
    pub per_job: Balance,
    /// For 1,000 tokens, input and output together.
    #[serde(with = "text")]
    pub per_1k_tokens: Balance,
}

impl From<model::Fee> for Fee {
    fn from(it: model::Fee) -> Self {
        Self { per_job: it.per_job, per_1k_tokens: it.per_1k_tokens }
    }
}

impl From<VersionView> for ModelVersion {
    fn from(it: VersionView) -> Self {
        let spec = it.spec;
        Self {
            id: it.id,
            owner: it.owner,
            status: it.status.into(),
            workers: it.workers,
            package: spec.package,
            weights: spec.weights.into(),
            tokenizer: spec.tokenizer,
            architecture: spec.architecture,
            op_set: spec.op_set,
            metadata: spec.metadata.map(Into::into),
            terms: spec.terms.into(),
            fee: spec.fee.into(),
            sources: spec.sources.into_iter().map(lossy).collect(),
        }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::{Model, ModelVersion};
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{Hash, ModelId};

    /// Questions about models. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "models")
    )]
    #[cfg_attr(all(feature = "server", not(feature = "client")), rpc(server, namespace = "models"))]
    #[cfg_attr(all(feature = "client", not(feature = "server")), rpc(client, namespace = "models"))]
    pub trait ModelsApi {
        /// A model by number.
        #[method(name = "model", blocking)]
        fn model(&self, id: ModelId, at: Option<Hash>) -> RpcResult<Option<Model>>;

        /// At most `limit` models, and at most 100, from number `from` on.
        #[method(name = "models", blocking)]
        fn models(&self, from: ModelId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Model>>;

        /// A version, written `model@version`.
        #[method(name = "version", blocking)]
        fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<ModelVersion>>;
    }
}

#[cfg(feature = "client")]
pub use methods::ModelsApiClient;
#[cfg(feature = "server")]
pub use methods::ModelsApiServer;
