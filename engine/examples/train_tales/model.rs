//! A small trainable Llama: candle operations with gradients, nothing fused but the softmax.
//!
//! The names of the tensors are those of the Hugging Face folder, so that what is trained is what
//! is saved.

use crate::corpus::Rng;
use candle_core::{
    backprop::GradStore, CpuStorage, CustomOp1, CustomOp2, DType, Device, Layout, Result, Shape,
    Tensor, Var, D,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};

/// Channels of the stream.
pub(crate) const HIDDEN: usize = 128;
/// Layers.
pub(crate) const LAYERS: usize = 6;
/// Heads of the queries.
pub(crate) const HEADS: usize = 4;
/// Heads of the keys and values.
pub(crate) const KV_HEADS: usize = 2;
/// Channels of a head.
pub(crate) const HEAD: usize = HIDDEN / HEADS;
/// Channels inside the feed-forward block.
pub(crate) const INTERMEDIATE: usize = 352;
/// Longest sequence that the configuration allows.
pub(crate) const POSITIONS: usize = 512;
/// Base of the rotary angles.
pub(crate) const ROPE_THETA: f64 = 10_000.0;
/// Epsilon of the normalisation.
pub(crate) const EPS: f64 = 1e-5;

/// The weights by their Hugging Face names.
pub(crate) struct Model {
    vars: BTreeMap<String, Var>,
    cos: Tensor,
    sin: Tensor,
}

impl Model {
    /// Weights drawn from a seed: normal with deviation 0.02, less where a branch joins the stream.
    pub(crate) fn new(vocabulary: usize, seed: u64) -> Result<Self> {
        let mut model =
            Self { vars: BTreeMap::new(), cos: angles(f64::cos)?, sin: angles(f64::sin)? };
        let mut rng = Rng::new(seed, 0);
        let branch = 0.02 / (2.0 * LAYERS as f64).sqrt();
        model.matrix(&mut rng, "model.embed_tokens", vocabulary, HIDDEN, 0.02)?;
        for layer in 0..LAYERS {
            let name = |part: &str| format!("model.layers.{layer}.{part}");
            let (q, kv) = (HEADS * HEAD, KV_HEADS * HEAD);
            model.matrix(&mut rng, &name("self_attn.q_proj"), q, HIDDEN, 0.02)?;
            model.matrix(&mut rng, &name("self_attn.k_proj"), kv, HIDDEN, 0.02)?;
            model.matrix(&mut rng, &name("self_attn.v_proj"), kv, HIDDEN, 0.02)?;
            model.matrix(&mut rng, &name("self_attn.o_proj"), HIDDEN, q, branch)?;
            model.matrix(&mut rng, &name("mlp.gate_proj"), INTERMEDIATE, HIDDEN, 0.02)?;
            model.matrix(&mut rng, &name("mlp.up_proj"), INTERMEDIATE, HIDDEN, 0.02)?;
            model.matrix(&mut rng, &name("mlp.down_proj"), HIDDEN, INTERMEDIATE, branch)?;
            model.ones(&name("input_layernorm"))?;
            model.ones(&name("post_attention_layernorm"))?;
        }
        model.ones("model.norm")?;
        Ok(model)
    }

    fn matrix(
        &mut self,
        rng: &mut Rng,
        name: &str,
        rows: usize,
        columns: usize,
        std: f64,
    ) -> Result<()> {
        let values: Vec<f32> = (0..rows * columns).map(|_| (normal(rng) * std) as f32).collect();
        let tensor = Tensor::from_vec(values, (rows, columns), &Device::Cpu)?;
        self.vars.insert(format!("{name}.weight"), Var::from_tensor(&tensor)?);
        Ok(())
    }

    fn ones(&mut self, name: &str) -> Result<()> {
        let var = Var::ones(HIDDEN, DType::F32, &Device::Cpu)?;
        self.vars.insert(format!("{name}.weight"), var);
        Ok(())
    }

    /// What is trained: the matrices, or the vectors of the normalisations.
    pub(crate) fn vars(&self, matrices: bool) -> Vec<Var> {
        self.vars.values().filter(|var| (var.rank() == 2) == matrices).cloned().collect()
    }

    /// How many weights there are.
    pub(crate) fn weights(&self) -> usize {
        self.vars.values().map(|var| var.elem_count()).sum()
    }

    /// Scales the gradients so that their norm is at most `most`; returns the norm before.
    pub(crate) fn clip(&self, gradients: &mut GradStore, most: f64) -> Result<f64> {
        let mut sum = 0.0;
        for var in self.vars.values() {
            if let Some(gradient) = gradients.get(var) {
                sum += f64::from(gradient.sqr()?.sum_all()?.to_scalar::<f32>()?);
            }
        }
        let norm = sum.sqrt();
        if norm > most {
            for var in self.vars.values() {
                if let Some(gradient) = gradients.remove(var) {
                    gradients.insert(var, (gradient * (most / norm))?);
                }
            }
        }
        Ok(norm)
    }

    /// Takes the weights that [`Model::save`] wrote.
    pub(crate) fn load(&self, path: &std::path::Path) -> Result<()> {
        let stored = candle_core::safetensors::load(path, &Device::Cpu)?;
        for (name, var) in &self.vars {
            let Some(tensor) = stored.get(name) else { candle_core::bail!("{name} is missing") };
            var.set(&tensor.to_dtype(DType::F32)?)?;
        }
        Ok(())
    }

    /// Writes the weights as f16.
    pub(crate) fn save(&self, path: &std::path::Path) -> Result<()> {
        let halves = self
            .vars
            .iter()
            .map(|(name, var)| Ok((name.clone(), var.to_dtype(DType::F16)?)))
            .collect::<Result<HashMap<_, _>>>()?;
        candle_core::safetensors::save(&halves, path)
    }

    /// Rounds the weights to what [`Model::save`] writes.
    pub(crate) fn round(&self) -> Result<()> {
        for var in self.vars.values() {
            var.set(&var.to_dtype(DType::F16)?.to_dtype(DType::F32)?)?;
        }
        Ok(())
    }

    /// The logits of every position of a batch: (batch, tokens) to (batch x tokens, vocabulary).
    pub(crate) fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let (batch, tokens) = ids.dims2()?;
        let embeddings = &self.vars["model.embed_tokens.weight"];
        // (batch x tokens, hidden) all the way
        let mut x = embeddings.index_select(&ids.flatten_all()?, 0)?;
        for layer in 0..LAYERS {
            let name = |part: &str| format!("model.layers.{layer}.{part}");
            let normal = self.normalise(&x, &name("input_layernorm"))?;
            x = (x + self.attention(&normal, batch, tokens, &name("self_attn"))?)?;
            let normal = self.normalise(&x, &name("post_attention_layernorm"))?;
            let gate = self.linear(&normal, &name("mlp.gate_proj"))?.silu()?;
            let up = self.linear(&normal, &name("mlp.up_proj"))?;
            x = (x + self.linear(&(gate * up)?, &name("mlp.down_proj"))?)?;
        }
        self.normalise(&x, "model.norm")?.matmul(&embeddings.t()?)
    }

    fn linear(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        x.matmul(&self.vars[&format!("{name}.weight")].t()?)
    }

    fn normalise(&self, x: &Tensor, name: &str) -> Result<Tensor> {
        let size = (x.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?;
        x.broadcast_div(&size)?.broadcast_mul(&self.vars[&format!("{name}.weight")])
    }

    fn attention(&self, x: &Tensor, batch: usize, tokens: usize, name: &str) -> Result<Tensor> {
        let heads = |part: &str, count: usize| {
            self.linear(x, &format!("{name}.{part}"))?
                .reshape((batch, tokens, count, HEAD))?
                .transpose(1, 2)?
                .contiguous()
        };
        let q = self.rotate(&heads("q_proj", HEADS)?, tokens)?;
        let k = self.rotate(&heads("k_proj", KV_HEADS)?, tokens)?;
        let v = heads("v_proj", KV_HEADS)?;
        // The query heads that share a key head are rows of one product.
        let rows = HEADS / KV_HEADS * tokens;
        let q = (q.reshape((batch, KV_HEADS, rows, HEAD))? * (1.0 / (HEAD as f64).sqrt()))?;
        let weights = q.matmul(&k.t()?)?.apply_op1(CausalSoftmax { tokens })?;
        weights
            .matmul(&v)? // (batch, kv heads, rows, head)
            .reshape((batch, HEADS, tokens, HEAD))?
            .transpose(1, 2)?
            .reshape((batch * tokens, HEADS * HEAD))
            .and_then(|mixed| self.linear(&mixed, &format!("{name}.o_proj")))
    }

    fn rotate(&self, x: &Tensor, tokens: usize) -> Result<Tensor> {
        let (cos, sin) = (self.cos.narrow(0, 0, tokens)?, self.sin.narrow(0, 0, tokens)?);
        let low = x.narrow(D::Minus1, 0, HEAD / 2)?.contiguous()?;
        let high = x.narrow(D::Minus1, HEAD / 2, HEAD / 2)?.contiguous()?;
        let first = (low.broadcast_mul(&cos)? - high.broadcast_mul(&sin)?)?;
        let second = (high.broadcast_mul(&cos)? + low.broadcast_mul(&sin)?)?;
        Tensor::cat(&[first, second], D::Minus1)
    }
}

/// A table of the rotary angles: (positions, head / 2).
fn angles(of: fn(f64) -> f64) -> Result<Tensor> {
    let table: Vec<f32> = (0..POSITIONS)
        .flat_map(|position| {
            (0..HEAD / 2).map(move |pair| {
                let frequency = ROPE_THETA.powf(-2.0 * pair as f64 / HEAD as f64);
                of(position as f64 * frequency) as f32
            })
        })
        .collect();
    Tensor::from_vec(table, (POSITIONS, HEAD / 2), &Device::Cpu)
}

/// A normal number, by Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    let mut unit = || (rng.bits() >> 11) as f64 / (1u64 << 53) as f64;
    let (radius, angle) = (1.0 - unit(), unit());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Softmax of each row over the columns up to the row's own token; the other weights are 0. Row r
/// of the scores belongs to token r modulo `tokens`. One pass instead of the seven of candle's
/// operations with gradients, which took a third of the training time.
struct CausalSoftmax {
    tokens: usize,
}

struct CausalSoftmaxGradient;

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let scores = floats(scores, layout)?;
        let mut weights = vec![0f32; scores.len()];
        let tokens = self.tokens;
        weights.par_chunks_mut(tokens).zip(scores.par_chunks(tokens)).enumerate().for_each(
            |(row, (weights, scores))| {
                let seen = row % tokens + 1;
                let (weights, scores) = (&mut weights[..seen], &scores[..seen]);
                let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                for (weight, score) in weights.iter_mut().zip(scores) {
                    *weight = (score - most).exp();
                }
                let sum: f32 = weights.iter().sum();
                weights.iter_mut().for_each(|weight| *weight /= sum);
            },
        );
        Ok((CpuStorage::F32(weights), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, weights: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let weights = weights.detach();
        Ok(Some(weights.apply_op2_no_bwd(&gradient.contiguous()?, &CausalSoftmaxGradient)?))
    }
}

impl CustomOp2 for CausalSoftmaxGradient {
    fn name(&self) -> &'static str {
        "causal-softmax-gradient"
    }

    fn cpu_fwd(
        &self,
        weights: &CpuStorage,
        weights_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let weights = floats(weights, weights_layout)?;
        let gradient = floats(gradient, gradient_layout)?;
        let mut result = vec![0f32; weights.len()];
        let columns = weights_layout.shape().dim(D::Minus1)?;
        result
            .par_chunks_mut(columns)
            .zip(weights.par_chunks(columns).zip(gradient.par_chunks(columns)))
            .for_each(|(result, (weights, gradient))| {
                let dot: f32 = weights.iter().zip(gradient).map(|(w, g)| w * g).sum();
                for (result, (w, g)) in result.iter_mut().zip(weights.iter().zip(gradient)) {
                    *result = w * (g - dot);
                }
            });
        Ok((CpuStorage::F32(result), weights_layout.shape().clone()))
    }
}

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else {
        candle_core::bail!("the rows are not contiguous")
    };
    Ok(&storage.as_slice::<f32>()?[start..end])
}
