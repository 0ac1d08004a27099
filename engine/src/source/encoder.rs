//! Folders of the BERT family, and what sentence-transformers adds to them.

use super::{is_file_name, read_json, unsupported, Wanted, MAX_JSON};
use crate::{Error, Result as Checked};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use vigil_architecture::{Activations, Architecture, Encoder, Pooling};

/// The part of `config.json` that decides what is computed.
#[derive(Deserialize)]
pub(crate) struct Config {
    vocab_size: u32,
    hidden_size: u32,
    num_hidden_layers: u16,
    num_attention_heads: u16,
    intermediate_size: u32,
    max_position_embeddings: u32,
    #[serde(default = "two")]
    type_vocab_size: u16,
    #[serde(default = "bert_eps")]
    layer_norm_eps: f64,
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> u16 {
    2
}

fn bert_eps() -> f64 {
    1e-12
}

impl Config {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let config: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it does not parse: {error}"))?;
        let unsupported = |what: String| Err(unsupported(&what, Some("bert")));
        if config.hidden_act != "gelu" {
            return unsupported(format!("hidden_act {:?} is not supported", config.hidden_act));
        }
        if let Some(kind) = config.position_embedding_type.as_deref().filter(|k| *k != "absolute") {
            return unsupported(format!("position_embedding_type {kind:?} is not supported"));
        }
        if config.is_decoder {
            return unsupported("a BERT decoder (is_decoder) is not supported".into());
        }
        Ok(config)
    }

    pub(super) fn architecture(&self, modules: &Modules, wanted: Wanted) -> Architecture {
        Architecture::Encoder(Encoder {
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            intermediate: self.intermediate_size,
            positions: self.max_position_embeddings,
            token_types: self.type_vocab_size,
            // Rounded to f32 here, once: the referee adds exactly these bits to a variance.
            layer_norm_eps: (self.layer_norm_eps as f32).to_bits(),
            pooling: modules.pooling,
            normalize: modules.normalize,
            activations: wanted.activations.unwrap_or(Activations::Int8),
        })
    }

    /// The keys that do not say what `encoder` does.
    pub(super) fn differences(&self, encoder: &Encoder) -> Vec<&'static str> {
        let eps = (self.layer_norm_eps as f32).to_bits();
        let agree = [
            ("vocab_size", encoder.vocabulary == self.vocab_size),
            ("hidden_size", encoder.hidden == self.hidden_size),
            ("num_hidden_layers", encoder.layers == self.num_hidden_layers),
            ("num_attention_heads", encoder.heads == self.num_attention_heads),
            ("intermediate_size", encoder.intermediate == self.intermediate_size),
            ("max_position_embeddings", encoder.positions == self.max_position_embeddings),
            ("type_vocab_size", encoder.token_types == self.type_vocab_size),
            ("layer_norm_eps", encoder.layer_norm_eps == eps),
        ];
        agree.into_iter().filter(|(_, agrees)| !agrees).map(|(key, _)| key).collect()
    }
}

/// What sentence-transformers does with a folder. Without `modules.json` it takes the mean of the
/// token vectors and doesn't normalise, and so does this.
pub(super) struct Modules {
    pub(super) transformer: PathBuf,
    pooling: Pooling,
    normalize: bool,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`: flags, or in newer folders one word.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl Modules {
    pub(super) fn read(dir: &Path) -> Checked<Self> {
        let mut modules =
            Self { transformer: PathBuf::new(), pooling: Pooling::Mean, normalize: false };
        let path = dir.join("modules.json");
        if !path.is_file() {
            return Ok(modules);
        }
        let list: Vec<Module> = read_json(&path, MAX_JSON)?;
        let bad = |what: String| Error::source_at(&path, what);
        let mut pooled = false;
        for (position, module) in list.iter().enumerate() {
            if !module.path.is_empty() && !is_file_name(&module.path) {
                return Err(bad(format!("it names {:?}, which leads out of it", module.path)));
            }
            let kind = module.kind.rsplit('.').next().unwrap_or_default();
            match (kind, position) {
                ("Transformer", 0) => modules.transformer = PathBuf::from(&module.path),
                ("Pooling", 1) => {
                    modules.pooling = PoolingConfig::read(&dir.join(&module.path))?;
                    pooled = true;
                }
                ("Normalize", 2) => modules.normalize = true,
                _ => {
                    return Err(bad(format!(
                        "module {} ({kind}) is not supported: supported are Transformer, then \
                         Pooling, then perhaps Normalize",
                        position + 1
                    )))
                }
            }
        }
        if !pooled {
            return Err(bad("it has no Pooling after the Transformer".into()));
        }
        Ok(modules)
    }
}

impl PoolingConfig {
    fn read(dir: &Path) -> Checked<Pooling> {
        let path = dir.join("config.json");
        let config: Self = read_json(&path, MAX_JSON)?;
        let flags = [
            (config.pooling_mode_cls_token, "cls"),
            (config.pooling_mode_mean_tokens, "mean"),
            (config.pooling_mode_max_tokens, "max"),
            (config.pooling_mode_mean_sqrt_len_tokens, "mean_sqrt_len_tokens"),
            (config.pooling_mode_weightedmean_tokens, "weightedmean"),
            (config.pooling_mode_lasttoken, "lasttoken"),
        ];
        let mut modes: Vec<_> = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
        if modes.is_empty() {
            modes.extend(config.pooling_mode.as_deref());
        }
        match modes.as_slice() {
            ["mean"] => Ok(Pooling::Mean),
            ["cls"] => Ok(Pooling::Cls),
            _ => Err(Error::source_at(
                &path,
                format!(
                    "pooling {:?} is not supported: supported are mean and cls, one of them",
                    modes.join("+")
                ),
            )),
        }
    }
}
