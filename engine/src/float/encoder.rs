//! The float text encoder: candle-transformers' BERT on the unquantised weights.

use super::{open, weights};
use crate::{error::Input, tokenizer::Tokenizer, Error, Result};
use candle_core::{Device, IndexOp, Tensor};
use candle_transformers::models::bert::{BertModel, Config};
use std::path::Path;
use vigil_architecture::{Architecture, Encoder, Pooling};

/// A float text encoder, loaded from the same Hugging Face folder that a package is packed from.
pub struct FloatEncoder {
    model: BertModel,
    encoder: Encoder,
    tokenizer: Tokenizer,
}

impl FloatEncoder {
    /// Loads a Hugging Face folder.
    ///
    /// # Errors
    /// [`Error::Source`] for a folder that can't be packed either.
    pub fn open(hf_dir: impl AsRef<Path>) -> Result<Self> {
        let (source, tokenizer) = open(hf_dir.as_ref())?;
        let Architecture::Encoder(encoder) = source.architecture else {
            return Err(Error::source_at(&source.dir, "it is not an encoder"));
        };
        let bad = |what: String| Error::source_at(&source.dir, what);
        let mut json: serde_json::Value =
            serde_json::from_slice(&source.config).map_err(|error| bad(error.to_string()))?;
        complete(&mut json, &encoder);
        let config: Config =
            serde_json::from_value(json).map_err(|error| bad(format!("config.json: {error}")))?;
        let model =
            BertModel::load(weights(&source)?, &config).map_err(|error| bad(error.to_string()))?;
        Ok(Self { model, encoder, tokenizer })
    }

    /// The tokenizer of the folder.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The embedding of an input, `hidden` floats.
    ///
    /// # Errors
    /// [`Error::Input`] as a run of the package would refuse it.
    pub fn embed(&self, tokens: &[u32]) -> Result<Vec<f32>> {
        Input::check_tokens(tokens, &Architecture::Encoder(self.encoder))?;
        let ids = Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?; // (1, tokens)
        let types = ids.zeros_like()?;
        let hidden = self.model.forward(&ids, &types, None)?; // (1, tokens, hidden)
        let embedding = match self.encoder.pooling {
            Pooling::Mean => hidden.mean(1)?.i(0)?,
            Pooling::Cls => hidden.i((0, 0))?,
        }; // (hidden)
        let embedding = if self.encoder.normalize {
            let norm = embedding.sqr()?.sum_all()?.sqrt()?.clamp(1e-12, f64::INFINITY)?;
            embedding.broadcast_div(&norm)?
        } else {
            embedding
        };
        Ok(embedding.to_vec1()?)
    }
}

/// Fills in what candle's configuration demands and a folder may leave out.
fn complete(json: &mut serde_json::Value, encoder: &Encoder) {
    let Some(config) = json.as_object_mut() else { return };
    let eps = f64::from(f32::from_bits(encoder.layer_norm_eps));
    config.insert("layer_norm_eps".into(), eps.into());
    config.insert("type_vocab_size".into(), encoder.token_types.into());
    for (key, value) in [("hidden_dropout_prob", 0.1), ("initializer_range", 0.02)] {
        config.entry(key).or_insert(value.into());
    }
    config.entry("pad_token_id").or_insert(0.into());
    // Has no effect on an embedding, and null is usual in it.
    config.remove("classifier_dropout");
    if config.get("position_embedding_type").is_some_and(serde_json::Value::is_null) {
        config.remove("position_embedding_type");
    }
}
