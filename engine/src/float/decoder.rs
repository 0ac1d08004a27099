//! The float language model, read from top to bottom: the same configuration, f32 throughout.

use super::{open, weights, Grain, Rounding};
use crate::{error::Input, source::names, tokenizer::Tokenizer, Error, Result};
use candle_core::{Device, Tensor};
use candle_nn::{
    ops::{rms_norm, silu, softmax_last_dim},
    rotary_emb::rope,
    VarBuilder,
};
use std::path::Path;
use vigil_architecture::{Architecture, Decoder};
use vigil_ops::weights::{Module, Part, TensorId, Weights};

/// Rows that go through the head together, so that the logits of a long text need little memory.
const ROWS: usize = 64;

/// A float language model, loaded from the same Hugging Face folder that a package is packed from.
pub struct FloatDecoder {
    decoder: Decoder,
    tokenizer: Tokenizer,
    word: Tensor, // (vocabulary, hidden)
    cos: Tensor,  // (positions, head width / 2)
    sin: Tensor,  // (positions, head width / 2)
    layers: Vec<Layer>,
    norm: Tensor, // (hidden)
    head: Tensor, // (vocabulary, hidden)
    rounding: Rounding,
}

struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    query_norm: Option<Tensor>,
    key_norm: Option<Tensor>,
    attention_output: Linear,
    feed_forward_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

struct Linear {
    weight: Tensor, // (outputs, inputs)
    bias: Option<Tensor>,
}

impl Linear {
    /// (rows, inputs) to (rows, outputs).
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = x.contiguous()?.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

impl FloatDecoder {
    /// Loads a Hugging Face folder.
    ///
    /// # Errors
    /// [`Error::Source`] for a folder that can't be packed either.
    pub fn open(hf_dir: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(hf_dir, Rounding::default())
    }

    /// Loads a Hugging Face folder, and rounds what `rounding` says.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(hf_dir: impl AsRef<Path>, rounding: Rounding) -> Result<Self> {
        let (source, tokenizer) = open(hf_dir.as_ref())?;
        let (Architecture::Decoder(decoder), Some(turns)) = (source.architecture, &source.rope)
        else {
            return Err(Error::source_at(&source.dir, "it is not a language model"));
        };
        let (positions, pairs) = (decoder.positions as usize, usize::from(decoder.head_width / 2));
        let (sin, cos): (Vec<_>, Vec<_>) =
            (0..positions).flat_map(|position| turns.at(position)).unzip();
        let reader = Reader { weights: weights(&source)?, decoder, grain: rounding.weights };
        let layers = (0..decoder.layers).map(|layer| reader.layer(layer)).collect::<Result<_>>();
        let bad = |error: Error| Error::source_at(&source.dir, error.to_string());
        let word = reader.weight(Module::WordEmbedding).map_err(bad)?;
        let head = match decoder.tied_head {
            true => word.clone(),
            false => reader.weight(Module::Head).map_err(bad)?,
        };
        Ok(Self {
            decoder,
            tokenizer,
            word,
            cos: Tensor::from_vec(cos, (positions, pairs), &Device::Cpu)?,
            sin: Tensor::from_vec(sin, (positions, pairs), &Device::Cpu)?,
            layers: layers.map_err(bad)?,
            norm: reader.weight(Module::FinalNorm).map_err(bad)?,
            head,
            rounding,
        })
    }

    /// The tokenizer of the folder.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Family and hyperparameters.
    pub fn architecture(&self) -> Architecture {
        Architecture::Decoder(self.decoder)
    }

    /// Reads the tokens of a text: what its positions say of the tokens behind them.
    ///
    /// # Errors
    /// [`Error::Input`] as a run of the package would refuse it.
    pub fn read(&self, tokens: &[u32]) -> Result<Reading<'_>> {
        Input::check_tokens(tokens, &self.architecture())?;
        Ok(Reading { head: &self.head, hidden: self.hidden(tokens)?, first: 0, logits: vec![] })
    }

    /// Calls `row` with each position and its logits, one for each token id.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn logits(&self, tokens: &[u32], row: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        let mut reading = self.read(tokens)?;
        for position in 0..tokens.len() {
            row(position, reading.logits(position)?);
        }
        Ok(())
    }

    /// Token ids to the vectors that the head is applied to.
    fn hidden(&self, tokens: &[u32]) -> candle_core::Result<Tensor> {
        let ids = Tensor::new(tokens, &Device::Cpu)?;
        let mut x = self.word.index_select(&ids, 0)?; // (tokens, hidden)
        let mask = mask(tokens.len())?; // (tokens, tokens)
        for layer in &self.layers {
            let normed = self.rounding.attention.rows(&self.norm(&x, &layer.attention_norm)?)?;
            x = (self.attention(layer, &normed, &mask)? + x)?;
            let normed =
                self.rounding.feed_forward.rows(&self.norm(&x, &layer.feed_forward_norm)?)?;
            let inner = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
            let inner = self.rounding.down.rows(&inner)?;
            x = (layer.down.forward(&inner)? + x)?;
        }
        self.rounding.head.rows(&self.norm(&x, &self.norm)?)
    }

    fn attention(&self, layer: &Layer, x: &Tensor, mask: &Tensor) -> candle_core::Result<Tensor> {
        let decoder = &self.decoder;
        let rows = x.dim(0)?;
        let (heads, kv_heads) = (usize::from(decoder.heads), usize::from(decoder.kv_heads));
        let width = usize::from(decoder.head_width);
        let rotated = |linear: &Linear, heads: usize, norm: Option<&Tensor>| {
            let y = linear.forward(x)?.reshape((rows, heads, width))?;
            let y = norm.map_or(Ok(y.clone()), |norm| self.norm(&y, norm))?;
            let y = y.transpose(0, 1)?.contiguous()?.unsqueeze(0)?; // (1, heads, rows, width)
            let (cos, sin) = (self.cos.narrow(0, 0, rows)?, self.sin.narrow(0, 0, rows)?);
            rope(&y, &cos, &sin)?.squeeze(0)
        };
        let rounding = &self.rounding;
        let query = rotated(&layer.query, heads, layer.query_norm.as_ref())?; // (heads, rows, width)
        let query = rounding.queries.rows(&query)?;
        let key = rotated(&layer.key, kv_heads, layer.key_norm.as_ref())?; // (kv heads, rows, width)
        let key = rounding.keys.rows(&key)?;
        let value = layer.value.forward(x)?.reshape((rows, kv_heads, width))?.transpose(0, 1)?;
        let value = value.contiguous()?; // (kv heads, rows, width)
        let greatest = value.abs()?.max_keepdim(2)?; // (kv heads, rows, 1)
        let value = rounding.values.rows(&value)?;
        let query = query.reshape((kv_heads, heads / kv_heads * rows, width))?;
        let scores = (query.matmul(&key.t()?)? / (width as f64).sqrt())?; // (kv heads, group * rows, rows)
        let scores = scores.reshape((heads, rows, rows))?.broadcast_add(mask)?;
        let weights =
            softmax_last_dim(&scores)?.reshape((kv_heads, heads / kv_heads * rows, rows))?;
        let weights = match rounding.mix {
            true => round_mix(&weights, &greatest.transpose(1, 2)?)?,
            false => weights,
        };
        let context = weights.matmul(&value)?.reshape((heads, rows, width))?;
        let context = context.transpose(0, 1)?.reshape((rows, heads * width))?;
        layer.attention_output.forward(&rounding.output.rows(&context)?)
    }

    fn norm(&self, x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
        rms_norm(&x.contiguous()?, weight, f32::from_bits(self.decoder.rms_norm_eps))
    }
}

/// A text as a float language model has read it.
pub struct Reading<'a> {
    head: &'a Tensor, // (vocabulary, hidden)
    hidden: Tensor,   // (tokens, hidden)
    /// The position of the first of `logits`.
    first: usize,
    logits: Vec<Vec<f32>>,
}

impl Reading<'_> {
    /// The logits behind a position, one for each token id.
    ///
    /// # Errors
    /// [`Error::Compute`] behind the last position.
    pub fn logits(&mut self, position: usize) -> Result<&[f32]> {
        if !(self.first..self.first.saturating_add(self.logits.len())).contains(&position) {
            let rows = ROWS.min(self.hidden.dim(0)?.saturating_sub(position));
            let hidden = self.hidden.narrow(0, position, rows)?.contiguous()?; // (rows, hidden)
            self.logits = hidden.matmul(&self.head.t()?)?.to_vec2()?; // (rows, vocabulary)
            self.first = position;
        }
        let row = self.logits.get(position.saturating_sub(self.first));
        row.map(Vec::as_slice).ok_or_else(|| Error::Compute(format!("no position {position}")))
    }
}

/// Attention weights, each times the greatest magnitude of the value it weighs (kv heads, 1, rows),
/// as integers up to 4,095, and back.
fn round_mix(weights: &Tensor, greatest: &Tensor) -> candle_core::Result<Tensor> {
    let greatest = greatest.clamp(1e-30f32, f32::INFINITY)?;
    let weighted = weights.broadcast_mul(&greatest)?;
    Grain::Weights.rows(&weighted)?.broadcast_div(&greatest)
}

/// What keeps a position from seeing those behind it: 0 where it sees, minus infinity elsewhere.
fn mask(rows: usize) -> candle_core::Result<Tensor> {
    let unseen = |i: usize, j: usize| if j > i { f32::NEG_INFINITY } else { 0.0 };
    let mask: Vec<f32> = (0..rows).flat_map(|i| (0..rows).map(move |j| unseen(i, j))).collect();
    Tensor::from_vec(mask, (rows, rows), &Device::Cpu)
}

/// Takes tensors out of a folder by their place in the model.
struct Reader {
    weights: VarBuilder<'static>,
    decoder: Decoder,
    grain: Grain,
}

impl Reader {
    fn layer(&self, layer: u16) -> Result<Layer> {
        let normed = |module| self.decoder.qk_norm.then(|| self.weight(module)).transpose();
        Ok(Layer {
            attention_norm: self.weight(Module::AttentionNorm(layer))?,
            query: self.linear(Module::Query(layer))?,
            key: self.linear(Module::Key(layer))?,
            value: self.linear(Module::Value(layer))?,
            query_norm: normed(Module::QueryNorm(layer))?,
            key_norm: normed(Module::KeyNorm(layer))?,
            attention_output: self.linear(Module::AttentionOutput(layer))?,
            feed_forward_norm: self.weight(Module::FeedForwardNorm(layer))?,
            gate: self.linear(Module::Gate(layer))?,
            up: self.linear(Module::Up(layer))?,
            down: self.linear(Module::Down(layer))?,
        })
    }

    fn linear(&self, module: Module) -> Result<Linear> {
        let bias = self.find(TensorId { module, part: Part::Bias }).transpose()?;
        Ok(Linear { weight: self.weight(module)?, bias })
    }

    fn weight(&self, module: Module) -> Result<Tensor> {
        let missing = || Error::Compute(format!("{module:?} is not part of the model"));
        let weight = self.find(TensorId { module, part: Part::Weight }).ok_or_else(missing)??;
        // The weights of a normalisation are one row, and stay.
        let grain = if weight.rank() == 2 { self.grain } else { Grain::Float };
        Ok(grain.rows(&weight)?)
    }

    /// A tensor, or `None` where the model has none.
    fn find(&self, id: TensorId) -> Option<Result<Tensor>> {
        let architecture = Architecture::Decoder(self.decoder);
        let spec = Weights::new(&architecture).find(id)?;
        let name = names::source_name(id, &architecture)?;
        let shape: Vec<usize> = spec.shape().collect();
        Some(self.weights.get(shape, &name).map_err(Error::from))
    }
}
