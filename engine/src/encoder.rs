//! The BERT family, read from top to bottom.
//!
//! A batch is several sequences one after the other: `rows` is the number of all their tokens, and
//! nothing is padded. Every operator is row-wise, or within one sequence, so a sequence's vectors
//! never depend on its neighbours.

use crate::{
    kernels::{as_i8, Attention, Embed, Lengths, Norm, Pool, Project, UnitLength},
    package::{weights, Package, WEIGHTS},
    Error, Result,
};
use candle_core::{Device, Tensor};
use vigil_ops::{
    tensor::{Activation, Linear},
    weights::{Module, Part, TensorId, TensorSpec, Weights},
    Kernel,
};
use vigil_primitives::{Architecture, Encoder as Config};

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
    weight: Vec<u8>,
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

impl Encoder {
    /// Reads the weights of a verified package.
    pub(crate) fn load(package: &Package, kernel: Kernel) -> Result<Self> {
        let Architecture::Encoder(config) = *package.architecture() else {
            return Err(Error::package_at(package.dir(), "it is not an encoder"));
        };
        let reader = Reader::new(package, kernel, f32::from_bits(config.layer_norm_eps));
        let hidden = config.hidden as usize;
        let word = reader.bytes(Module::WordEmbedding)?;
        let layers = (0..config.layers).map(|layer| reader.layer(layer)).collect::<Result<_>>()?;
        Ok(Self {
            kernel,
            config,
            word: Tensor::from_slice(word, (word.len() / hidden, hidden), &Device::Cpu)?,
            word_scale: Tensor::new(
                reader.floats(Module::WordEmbedding, Part::Scale)?,
                &Device::Cpu,
            )?,
            position: reader.table(Module::PositionEmbedding)?,
            token_type: reader.table(Module::TokenTypeEmbedding)?,
            norm: reader.norm(Module::EmbeddingNorm)?,
            layers,
        })
    }

    /// Token ids (rows) to embeddings (sequences, hidden).
    pub(crate) fn forward(&self, tokens: &Tensor, lengths: Lengths<'_>) -> Result<Tensor> {
        let mut x = self.embed(tokens, lengths)?; // (rows, hidden)
        for layer in &self.layers {
            x = self.layer(layer, &x, lengths)?; // (rows, hidden)
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
            position: as_i8(&self.position.weight),
            position_scale: &self.position.scale,
            token_type: as_i8(&self.token_type.weight),
            token_type_scale: &self.token_type.scale,
            lengths,
        };
        let x = embed.forward(tokens, &self.word, &self.word_scale)?; // (rows, hidden)
        self.norm.forward(&x)?;
        Ok(x)
    }

    fn layer(&self, layer: &Layer, x: &Tensor, lengths: Lengths<'_>) -> Result<Tensor> {
        let attention = Attention { kernel: self.kernel, heads: self.config.heads.into(), lengths };
        let qkv = layer.query_key_value.forward(x)?; // (3, rows, hidden)
        let context = attention.forward(&qkv)?; // (rows, hidden)
        let attended = layer.attention_output.forward(&context)?; // (rows, hidden)
        let x = layer.attention_norm.add(&attended, x)?; // (rows, hidden)
        let inner = layer.up.forward(&x)?; // (rows, intermediate)
        let outer = layer.down.forward(&inner)?; // (rows, hidden)
        Ok(layer.feed_forward_norm.add(&outer, &x)?) // (rows, hidden)
    }
}

/// Takes tensors out of a verified package.
struct Reader<'a> {
    package: &'a Package,
    kernel: Kernel,
    eps: f32,
    weights: Weights,
    header: usize,
}

impl<'a> Reader<'a> {
    fn new(package: &'a Package, kernel: Kernel, eps: f32) -> Self {
        let architecture = package.architecture();
        let header = weights::header(architecture).len();
        Self { package, kernel, eps, weights: Weights::new(architecture), header }
    }

    fn layer(&self, layer: u16) -> Result<Layer> {
        Ok(Layer {
            query_key_value: self.project(
                &[Module::Query(layer), Module::Key(layer), Module::Value(layer)],
                Activation::None,
            )?,
            attention_output: self.project(&[Module::AttentionOutput(layer)], Activation::None)?,
            attention_norm: self.norm(Module::AttentionNorm(layer))?,
            up: self.project(&[Module::Up(layer)], Activation::Gelu)?,
            down: self.project(&[Module::Down(layer)], Activation::None)?,
            feed_forward_norm: self.norm(Module::FeedForwardNorm(layer))?,
        })
    }

    fn project(&self, modules: &[Module], activation: Activation) -> Result<Project> {
        let linears = modules.iter().map(|module| self.linear(*module)).collect::<Result<_>>()?;
        Ok(Project::new(self.kernel, linears, activation)?)
    }

    fn linear(&self, module: Module) -> Result<Linear> {
        let weight = as_i8(self.bytes(module)?); // (outputs, inputs)
        let scale = self.floats(module, Part::Scale)?; // (outputs)
        let bias = self.floats(module, Part::Bias)?; // (outputs)
        Linear::new(self.kernel, weight, &scale, Some(&bias))
            .map_err(|refused| self.bad(format!("{module:?}: {refused}")))
    }

    fn norm(&self, module: Module) -> Result<Norm> {
        let weight = self.floats(module, Part::Weight)?; // (hidden)
        let bias = self.floats(module, Part::Bias)?; // (hidden)
        Ok(Norm { kernel: self.kernel, weight, bias, eps: self.eps })
    }

    fn table(&self, module: Module) -> Result<Table> {
        let weight = self.bytes(module)?.to_vec();
        Ok(Table { weight, scale: self.floats(module, Part::Scale)? })
    }

    fn bytes(&self, module: Module) -> Result<&'a [u8]> {
        self.tensor(TensorId { module, part: Part::Weight })
    }

    fn floats(&self, module: Module, part: Part) -> Result<Vec<f32>> {
        let bytes = self.tensor(TensorId { module, part })?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    fn tensor(&self, id: TensorId) -> Result<&'a [u8]> {
        let spec: TensorSpec = self
            .weights
            .find(id)
            .ok_or_else(|| self.bad(format!("the architecture has no tensor {id}")))?;
        let data = self.package.weights().get(self.header..).unwrap_or_default();
        weights::slice(data, &spec).map_err(|what| self.bad(what))
    }

    fn bad(&self, what: String) -> Error {
        Error::package_at(&self.package.dir().join(WEIGHTS), what)
    }
}
