//! The BERT family, read from top to bottom.
//!
//! A batch is several sequences one after the other: `rows` is the number of all their tokens, and
//! nothing is padded. Every operator is row-wise, or within one sequence, so a sequence's vectors
//! never depend on its neighbours.

use crate::{
    kernels::{Attention, Embed, Lengths, Norm, Pool, Project, Scratch, UnitLength},
    package::Package,
    reader::Reader,
    Error, Result,
};
use candle_core::{DType, Device, Tensor};
use vigil_architecture::{Architecture, Encoder as Config};
use vigil_ops::{
    tensor::Activation,
    weights::{Module, Part},
    Kernel,
};

/// A text encoder with its weights laid out for one kernel.
pub(crate) struct Encoder {
    kernel: Kernel,
    config: Config,
    word: Tensor,       // (vocabulary, hidden) int8
    word_scale: Tensor, // (vocabulary)
    position: Table,    // (positions, hidden)
    token_type: Table,  // (token types, hidden)
    norm: Norm,
    layers: Vec<Layer>,
}

/// A small int8 table with a scale per row.
struct Table {
    weight: Vec<i8>,
    scale: Vec<f32>,
}

struct Layer {
    query_key_value: Project,
    attention_output: Project,
    attention_norm: Norm,
    up: Project,
    down: Project,
    feed_forward_norm: Norm,
}

/// Memory that every layer of a pass writes to anew.
struct Work {
    query_key_value: Tensor, // (3, rows, hidden)
    context: Tensor,         // (rows, hidden)
    attended: Tensor,        // (rows, hidden)
    inner: Tensor,           // (rows, intermediate)
    scratch: Scratch,
}

impl Encoder {
    /// Reads the weights of a verified package.
    pub(crate) fn load(package: &Package, kernel: Kernel) -> Result<Self> {
        let Architecture::Encoder(config) = *package.architecture() else {
            return Err(Error::package_at(package.dir(), "it is not an encoder"));
        };
        let reader = Reader::new(package, kernel);
        let eps = f32::from_bits(config.layer_norm_eps);
        let norm = |module| {
            let weight = reader.floats(module, Part::Weight)?; // (hidden)
            let bias = reader.floats(module, Part::Bias)?; // (hidden)
            Ok::<_, Error>(Norm { kernel, weight, bias, eps })
        };
        let project = |modules: &[Module], activation| {
            let linears = modules.iter().map(|module| reader.linear(*module));
            let linears = linears.collect::<Result<_>>()?;
            Ok::<_, Error>(Project::new(kernel, config.activations, linears, activation)?)
        };
        let layer = |l| {
            use Module::*;
            Ok(Layer {
                query_key_value: project(&[Query(l), Key(l), Value(l)], Activation::None)?,
                attention_output: project(&[AttentionOutput(l)], Activation::None)?,
                attention_norm: norm(AttentionNorm(l))?,
                up: project(&[Up(l)], Activation::Gelu)?,
                down: project(&[Down(l)], Activation::None)?,
                feed_forward_norm: norm(FeedForwardNorm(l))?,
            })
        };
        let table = |module| {
            let (weight, scale) = reader.table(module)?;
            Ok::<_, Error>(Table { weight, scale })
        };
        let hidden = config.hidden as usize;
        let word = reader.bytes(Module::WordEmbedding)?;
        let layers = (0..config.layers).map(layer).collect::<Result<_>>()?;
        Ok(Self {
            kernel,
            config,
            word: Tensor::from_slice(word, (word.len() / hidden, hidden), &Device::Cpu)?,
            word_scale: Tensor::new(
                reader.floats(Module::WordEmbedding, Part::Scale)?,
                &Device::Cpu,
            )?,
            position: table(Module::PositionEmbedding)?,
            token_type: table(Module::TokenTypeEmbedding)?,
            norm: norm(Module::EmbeddingNorm)?,
            layers,
        })
    }

    /// Token ids (rows) to embeddings (sequences, hidden).
    pub(crate) fn forward(&self, tokens: &Tensor, lengths: Lengths<'_>) -> Result<Tensor> {
        let x = self.embed(tokens, lengths)?; // (rows, hidden)
        let work = self.work(x.dims2()?.0)?;
        for layer in &self.layers {
            self.layer(layer, &x, lengths, &work)?; // (rows, hidden), in place
        }
        let pool = Pool { kernel: self.kernel, pooling: self.config.pooling, lengths };
        let embedding = pool.forward(&x)?; // (sequences, hidden)
        if self.config.normalize {
            UnitLength(self.kernel).forward(&embedding)?;
        }
        Ok(embedding)
    }

    fn embed(&self, tokens: &Tensor, lengths: Lengths<'_>) -> Result<Tensor> {
        let embed = Embed {
            kernel: self.kernel,
            hidden: self.config.hidden as usize,
            position: &self.position.weight,
            position_scale: &self.position.scale,
            token_type: &self.token_type.weight,
            token_type_scale: &self.token_type.scale,
            lengths,
        };
        let x = embed.forward(tokens, &self.word, &self.word_scale)?; // (rows, hidden)
        self.norm.forward(&x)?;
        Ok(x)
    }

    fn work(&self, rows: usize) -> Result<Work> {
        let (hidden, inner) = (self.config.hidden as usize, self.config.intermediate as usize);
        let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
        Ok(Work {
            query_key_value: zeros(&[3, rows, hidden])?,
            context: zeros(&[rows, hidden])?,
            attended: zeros(&[rows, hidden])?,
            inner: zeros(&[rows, inner])?,
            scratch: Scratch::default(),
        })
    }

    fn layer(&self, layer: &Layer, x: &Tensor, lengths: Lengths<'_>, work: &Work) -> Result<()> {
        let Work { query_key_value, context, attended, inner, scratch } = work;
        let attention = Attention { kernel: self.kernel, heads: self.config.heads.into(), lengths };
        layer.query_key_value.forward(x, query_key_value, scratch)?;
        attention.forward(query_key_value, context)?;
        layer.attention_output.forward(context, attended, scratch)?;
        layer.attention_norm.add(attended, x)?;
        layer.up.forward(attended, inner, scratch)?;
        layer.down.forward(inner, x, scratch)?;
        Ok(layer.feed_forward_norm.add(x, attended)?)
    }
}
