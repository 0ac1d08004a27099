//! What the tests share: a counter-based generator, random models, and the encoder composed of
//! tensor functions.

#![allow(dead_code, unreachable_pub)]

pub mod files;
pub mod golden;

use std::collections::HashMap;
use vigil_architecture::{
    Activations, Architecture, Decoder, Encoder, Pooling, Sampling, MAX_CONTEXT,
};
pub use vigil_ops::samples::{random_weights, Stream};
use vigil_ops::{
    reference::evaluate,
    tensor::{self, Activation, Embeddings, LayerNorm, Linear, QuantisedRows, QuantisedRowsMut},
    weights::{Module, Part, TensorId},
    Kernel, Program, Weights,
};

pub fn bytes_of(x: &[f32]) -> Vec<u8> {
    x.iter().flat_map(|x| x.to_le_bytes()).collect()
}

pub fn f32_of(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

pub fn u32_of(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

pub fn i8_of(bytes: &[u8]) -> Vec<i8> {
    bytes.iter().map(|b| *b as i8).collect()
}

/// Rows of activations as integers, with memory of their own.
pub struct Quantised {
    pub activations: Activations,
    pub limbs: Vec<i8>,
    pub scale: Vec<f32>,
}

impl Quantised {
    /// Room for rows.
    pub fn room(activations: Activations, rows: usize, width: usize) -> Self {
        let limbs = vec![1; rows * width * activations.limbs() as usize];
        Self { activations, limbs, scale: vec![1.0; rows] }
    }

    /// The rows of `x`.
    pub fn of(kernel: Kernel, activations: Activations, x: &[f32], width: usize) -> Self {
        let mut quantised = Self::room(activations, x.len() / width, width);
        tensor::quantise(kernel, x, width, quantised.rows_mut()).unwrap();
        quantised
    }

    pub fn rows(&self) -> QuantisedRows<'_> {
        QuantisedRows { activations: self.activations, limbs: &self.limbs, scale: &self.scale }
    }

    pub fn rows_mut(&mut self) -> QuantisedRowsMut<'_> {
        QuantisedRowsMut {
            activations: self.activations,
            limbs: &mut self.limbs,
            scale: &mut self.scale,
        }
    }

    /// The integers, and each row's scale.
    pub fn integers(&self) -> Vec<i32> {
        let rows = self.limbs.chunks(self.limbs.len() / self.scale.len());
        rows.flat_map(|row| match self.activations {
            Activations::Int8 => row.iter().map(|x| i32::from(*x)).collect::<Vec<_>>(),
            Activations::Int15 => {
                let (high, low) = row.split_at(row.len() / 2);
                let joined = high.iter().zip(low);
                joined.map(|(high, low)| 128 * i32::from(*high) + i32::from(*low)).collect()
            }
        })
        .collect()
    }
}

/// Both ways of quantising activations.
pub const ACTIVATIONS: [Activations; 2] = [Activations::Int8, Activations::Int15];

/// The dimensions that matter; the rest is fixed.
pub fn encoder(hidden: u32, heads: u16, intermediate: u32, layers: u16) -> Encoder {
    Encoder {
        vocabulary: 50,
        hidden,
        layers,
        heads,
        intermediate,
        positions: MAX_CONTEXT,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    }
}

/// The dimensions that matter, `heads` being those of queries and of keys; nothing optional.
pub fn decoder(hidden: u32, heads: [u16; 2], head_width: u16, intermediate: u32) -> Decoder {
    let [heads, kv_heads] = heads;
    Decoder {
        vocabulary: 50,
        hidden,
        layers: 1,
        heads,
        kv_heads,
        head_width,
        intermediate,
        positions: MAX_CONTEXT,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [None; 8],
    }
}

/// Seeded sampling.
pub fn gumbel(seed: u64, temperature: f32, min_p: f32) -> Sampling {
    Sampling::Gumbel { seed, temperature: temperature.to_bits(), min_p: min_p.to_bits() }
}

/// The bytes of one tensor.
pub fn tensor_bytes(weights: &Weights, bytes: &[u8], module: Module, part: Part) -> Vec<u8> {
    let spec = weights.find(TensorId { module, part }).unwrap();
    bytes[spec.offset as usize..(spec.offset + spec.size()) as usize].to_vec()
}

/// Evaluates single operators of a program element by element, each with results and weights set
/// by hand or by earlier evaluations.
pub struct Bench<'a> {
    pub program: Program,
    pub weights: &'a [u8],
    pub results: HashMap<u32, Vec<u8>>,
}

impl<'a> Bench<'a> {
    pub fn new(architecture: &Architecture, tokens: u32, weights: &'a [u8]) -> Self {
        Self::of(Program::new(architecture, tokens, 0, Sampling::Greedy).unwrap(), weights)
    }

    pub fn of(program: Program, weights: &'a [u8]) -> Self {
        Self { program, weights, results: HashMap::new() }
    }

    pub fn set(&mut self, index: u32, bytes: Vec<u8>) {
        self.results.insert(index, bytes);
    }

    pub fn run(&mut self, index: u32) -> Vec<u8> {
        let op = self.program.op(index).unwrap();
        let operands: Vec<&[u8]> =
            op.operands().map(|o| self.results[&o.index].as_slice()).collect();
        let weights: Vec<&[u8]> = op
            .weights()
            .map(|w| &self.weights[w.offset as usize..(w.offset + w.size()) as usize])
            .collect();
        let out = evaluate(&op, &operands, &weights).unwrap();
        self.results.insert(index, out.clone());
        out
    }
}

/// A model ready to run.
pub struct Model {
    kernel: Kernel,
    encoder: Encoder,
    word: (Vec<i8>, Vec<f32>),
    position: (Vec<i8>, Vec<f32>),
    token_type: (Vec<i8>, Vec<f32>),
    norm: (Vec<f32>, Vec<f32>),
    layers: Vec<Layer>,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: (Vec<f32>, Vec<f32>),
    up: Linear,
    down: Linear,
    feed_forward_norm: (Vec<f32>, Vec<f32>),
}

impl Model {
    pub fn new(kernel: Kernel, architecture: &Architecture, bytes: &[u8]) -> Self {
        let Architecture::Encoder(encoder) = *architecture else { panic!("not an encoder") };
        let weights = Weights::new(architecture);
        let get = |module, part| tensor_bytes(&weights, bytes, module, part);
        let table = |module| (i8_of(&get(module, Part::Weight)), f32_of(&get(module, Part::Scale)));
        let norm = |module| (f32_of(&get(module, Part::Weight)), f32_of(&get(module, Part::Bias)));
        let linear = |module| {
            let (weight, scale) = table(module);
            Linear::new(kernel, &weight, &scale, Some(&f32_of(&get(module, Part::Bias)))).unwrap()
        };
        let layers = (0..encoder.layers)
            .map(|l| Layer {
                query: linear(Module::Query(l)),
                key: linear(Module::Key(l)),
                value: linear(Module::Value(l)),
                output: linear(Module::AttentionOutput(l)),
                attention_norm: norm(Module::AttentionNorm(l)),
                up: linear(Module::Up(l)),
                down: linear(Module::Down(l)),
                feed_forward_norm: norm(Module::FeedForwardNorm(l)),
            })
            .collect();
        Self {
            kernel,
            encoder,
            word: table(Module::WordEmbedding),
            position: table(Module::PositionEmbedding),
            token_type: table(Module::TokenTypeEmbedding),
            norm: norm(Module::EmbeddingNorm),
            layers,
        }
    }

    /// Embeddings of a batch of sequences, one after the other.
    pub fn encode(&self, sequences: &[&[u32]]) -> Vec<f32> {
        let kernel = self.kernel;
        let hidden = self.encoder.hidden as usize;
        let lengths: Vec<usize> = sequences.iter().map(|s| s.len()).collect();
        let tokens = sequences.concat();
        let rows = tokens.len();
        let norm = |(weight, bias): &'_ (Vec<f32>, Vec<f32>),
                    residual: Option<&[f32]>,
                    x: &mut [f32]| {
            let norm = LayerNorm { weight, bias, eps: f32::from_bits(self.encoder.layer_norm_eps) };
            match residual {
                None => tensor::layer_norm(kernel, &norm, x).unwrap(),
                Some(residual) => tensor::add_layer_norm(kernel, &norm, residual, x).unwrap(),
            }
        };
        let mut x = vec![0f32; rows * hidden];
        let tables = Embeddings {
            hidden,
            word: &self.word.0,
            word_scale: &self.word.1,
            position: &self.position.0,
            position_scale: &self.position.1,
            token_type: &self.token_type.0,
            token_type_scale: &self.token_type.1,
        };
        tensor::embed(kernel, &tables, &tokens, &lengths, &mut x).unwrap();
        norm(&self.norm, None, &mut x);
        let activations = self.encoder.activations;
        let quantise = |x: &[f32]| Quantised::of(kernel, activations, x, x.len() / rows);
        let project = |linear: &Linear, input: &Quantised, activation| {
            let mut out = vec![0f32; rows * linear.outputs()];
            linear.forward(input.rows(), activation, &mut out).unwrap();
            out
        };
        for layer in &self.layers {
            let input = quantise(&x);
            let q = project(&layer.query, &input, Activation::None);
            let k = project(&layer.key, &input, Activation::None);
            let v = project(&layer.value, &input, Activation::None);
            let mut context = vec![0f32; rows * hidden];
            let heads = usize::from(self.encoder.heads);
            tensor::attention(kernel, &q, &k, &v, heads, &lengths, &mut context).unwrap();
            let mut y = project(&layer.output, &quantise(&context), Activation::None);
            norm(&layer.attention_norm, Some(&x), &mut y);
            let inner = project(&layer.up, &quantise(&y), Activation::Gelu);
            x = project(&layer.down, &quantise(&inner), Activation::None);
            norm(&layer.feed_forward_norm, Some(&y), &mut x);
        }
        let mut out = vec![0f32; sequences.len() * hidden];
        match self.encoder.pooling {
            Pooling::Mean => tensor::mean_pool(kernel, &x, hidden, &lengths, &mut out).unwrap(),
            Pooling::Cls => tensor::first_pool(kernel, &x, hidden, &lengths, &mut out).unwrap(),
        }
        if self.encoder.normalize {
            tensor::l2_normalise(kernel, &mut out, hidden).unwrap();
        }
        out
    }
}
