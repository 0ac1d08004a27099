//! `models_*`: the model registry.

use super::json::{self, digits, hex, id, parse, unavailable, Artifact, Terms};
use crate::service::FullClient;
use jsonrpsee::{core::RpcResult, proc_macros::rpc};
use serde::Serialize;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{
    api::ModelsApi as _,
    model,
    model::{ModelView, VersionView},
    AccountId, Architecture, Hash, ModelId, ModelVersionId,
};

/// Questions about models. `at` is a block's hash; without it the best block answers.
#[rpc(server, namespace = "models")]
pub(crate) trait ModelsApi {
    /// A model by number.
    #[method(name = "model", blocking)]
    fn model(&self, id: ModelId, at: Option<Hash>) -> RpcResult<Option<Model>>;

    /// At most `limit` models, and at most 100, from number `from` on.
    #[method(name = "models", blocking)]
    fn models(&self, from: ModelId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Model>>;

    /// A version, written `model@version`.
    #[method(name = "version", blocking)]
    fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<Version>>;
}

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

    fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<Version>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = self.0.runtime_api().version(at, parse(&id)?).map_err(unavailable)?;
        Ok(version.map(Into::into))
    }
}

/// A model.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Model {
    id: ModelId,
    name: String,
    owner: AccountId,
    pending_owner: Option<AccountId>,
    versions: u32,
}

impl From<ModelView> for Model {
    fn from(it: ModelView) -> Self {
        Self {
            id: it.id,
            name: json::text(it.name),
            owner: it.owner,
            pending_owner: it.pending_owner,
            versions: it.versions,
        }
    }
}

/// A version of a model.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Version {
    #[serde(serialize_with = "id")]
    id: ModelVersionId,
    owner: AccountId,
    status: &'static str,
    workers: u32,
    #[serde(serialize_with = "hex")]
    package: Hash,
    weights: Artifact,
    #[serde(serialize_with = "hex")]
    tokenizer: Hash,
    architecture: Architecture,
    op_set: u16,
    metadata: Option<Artifact>,
    terms: Terms,
    fee: Fee,
    sources: Vec<String>,
}

/// What the owner is paid.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fee {
    #[serde(serialize_with = "digits")]
    per_job: u128,
    #[serde(serialize_with = "digits")]
    per_1k_tokens: u128,
}

impl From<model::Fee> for Fee {
    fn from(it: model::Fee) -> Self {
        Self { per_job: it.per_job, per_1k_tokens: it.per_1k_tokens }
    }
}

impl From<VersionView> for Version {
    fn from(it: VersionView) -> Self {
        let spec = it.spec;
        Self {
            id: it.id,
            owner: it.owner,
            status: json::status(it.status),
            workers: it.workers,
            package: spec.package,
            weights: spec.weights.into(),
            tokenizer: spec.tokenizer,
            architecture: spec.architecture,
            op_set: spec.op_set,
            metadata: spec.metadata.map(Into::into),
            terms: spec.terms.into(),
            fee: spec.fee.into(),
            sources: spec.sources.into_iter().map(json::text).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sp_keyring::Sr25519Keyring::{Alice, Bob};
    use sp_runtime::Permill;
    use vigil_primitives::{
        architecture::Pooling,
        model::{Fee, VersionSpec, VersionStatus},
        terms::{self, Access},
        Decoder, Encoder,
    };

    #[test]
    fn a_model_should_show_its_owner_as_an_address() {
        let model = Model::from(ModelView {
            id: 7,
            name: b"mini\xc3\xa9".to_vec().try_into().unwrap(),
            owner: Alice.to_account_id(),
            pending_owner: Some(Bob.to_account_id()),
            versions: 2,
        });
        assert_eq!(
            serde_json::to_value(model).unwrap(),
            json!({
                "id": 7,
                "name": "minié",
                "owner": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                "pendingOwner": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
                "versions": 2,
            })
        );
    }

    #[test]
    fn a_language_model_should_show_its_hyperparameters() {
        let architecture = Architecture::Decoder(Decoder {
            vocabulary: 49_152,
            hidden: 576,
            layers: 30,
            heads: 9,
            kv_heads: 3,
            head_width: 64,
            intermediate: 1_536,
            positions: 2_048,
            rms_norm_eps: 1e-5f32.to_bits(),
            tied_head: true,
            qkv_bias: false,
            qk_norm: false,
            stop_tokens: [Some(0), Some(2), None, None],
        });
        assert_eq!(
            serde_json::to_value(architecture).unwrap(),
            json!({
                "family": "decoder",
                "vocabulary": 49_152,
                "hidden": 576,
                "layers": 30,
                "heads": 9,
                "kv_heads": 3,
                "head_width": 64,
                "intermediate": 1_536,
                "positions": 2_048,
                "rms_norm_eps": 1e-5f32.to_bits(),
                "tied_head": true,
                "qkv_bias": false,
                "qk_norm": false,
                "stop_tokens": [0, 2, null, null],
            })
        );
    }

    #[test]
    fn a_version_should_show_hashes_in_hex_and_amounts_as_digits() {
        let version = Version::from(VersionView {
            id: ModelVersionId { model: 7, version: 1 },
            owner: Alice.to_account_id(),
            spec: VersionSpec {
                package: Hash::repeat_byte(1),
                weights: model::Artifact { hash: Hash::repeat_byte(2), len: 91_000_000 },
                tokenizer: Hash::repeat_byte(3),
                architecture: Architecture::Encoder(Encoder {
                    vocabulary: 30_522,
                    hidden: 384,
                    layers: 6,
                    heads: 12,
                    intermediate: 1_536,
                    positions: 512,
                    token_types: 2,
                    layer_norm_eps: 1e-12f32.to_bits(),
                    pooling: Pooling::Mean,
                    normalize: true,
                }),
                op_set: 1,
                metadata: Some(model::Artifact { hash: Hash::repeat_byte(4), len: 900 }),
                terms: terms::Terms {
                    licence: b"Apache-2.0".to_vec().try_into().unwrap(),
                    licence_text: None,
                    commercial: true,
                    access: Access::Open,
                    royalty: Permill::zero(),
                },
                fee: Fee { per_job: u128::MAX, per_1k_tokens: 5 },
                sources: vec![b"https://example.org/".to_vec().try_into().unwrap()]
                    .try_into()
                    .unwrap(),
            },
            status: VersionStatus::Deprecated,
            workers: 3,
        });
        let json = serde_json::to_value(version).unwrap();
        assert_eq!(json["id"], "7@1");
        assert_eq!(json["status"], "deprecated");
        assert_eq!(json["package"], format!("0x{}", "01".repeat(32)));
        assert_eq!(
            json["weights"],
            json!({ "hash": format!("0x{}", "02".repeat(32)), "len": "91000000" })
        );
        assert_eq!(json["architecture"]["family"], "encoder");
        assert_eq!(json["architecture"]["pooling"], "mean");
        assert_eq!(
            json["metadata"],
            json!({ "hash": format!("0x{}", "04".repeat(32)), "len": "900" })
        );
        assert_eq!(json["terms"]["licence"], "Apache-2.0");
        assert_eq!(json["terms"]["access"], json!({ "kind": "open" }));
        assert_eq!(json["fee"], json!({ "perJob": u128::MAX.to_string(), "per1kTokens": "5" }));
        assert_eq!(json["sources"], json!(["https://example.org/"]));
    }
}
