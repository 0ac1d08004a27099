//! The BERT family, read from top to bottom.
//!
//! A batch is several sequences one after the other: `rows` is the number of all their tokens, and
//! nothing is padded. Every operator is row-wise, or within one sequence, so a sequence's vectors
//! never depend on its neighbours.

use crate::{
    kernels::{Attention, Embed, Lengths, Norm, Pool, Project, Scratch, UnitLength},
    package::Package,
    reader::Reader,
    trace::Observer,
    Error, Result,
};
use candle_core::{DType, Device, Tensor};
use vigil_architecture::{Architecture, Encoder as Config};
use vigil_ops::{
    tensor::{key_value_len, key_value_records, Activation},
    trace::Anchor,
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

    /// Token ids (rows) of one sequence, for an observer alone, as far as it asks for.
    pub(crate) fn observe(&self, tokens: &Tensor, observer: &mut Observer) -> Result<()> {
        let lengths = [tokens.elem_count()];
        self.stream(tokens, &lengths, Some(observer)).map(|_| ())
    }

    /// Token ids (rows) to embeddings (sequences, hidden).
    pub(crate) fn forward(&self, tokens: &Tensor, lengths: Lengths<'_>) -> Result<Tensor> {
        let x = self.stream(tokens, lengths, None)?; // (rows, hidden)
        let pool = Pool { kernel: self.kernel, pooling: self.config.pooling, lengths };
        let embedding = pool.forward(&x)?; // (sequences, hidden)
        if self.config.normalize {
            UnitLength(self.kernel).forward(&embedding)?;
        }
        Ok(embedding)
    }

    /// The stream behind all layers. An observer has a batch of its own.
    fn stream(
        &self,
        tokens: &Tensor,
        lengths: Lengths<'_>,
        mut observer: Option<&mut Observer>,
    ) -> Result<Tensor> {
        let x = self.embed(tokens, lengths)?; // (rows, hidden)
        let work = self.work(x.dims2()?.0)?;
        if self.tell(&mut observer, Anchor::Embedding, &x)? {
            return Ok(x);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let number = number as u16;
            // The layer leaves its projections where they are.
            self.layer(layer, &x, lengths, &work)?; // (rows, hidden), in place
            if self.tell(&mut observer, Anchor::KeyValues(number), &work.query_key_value)?
                || self.tell(&mut observer, Anchor::Stream(number), &x)?
            {
                return Ok(x);
            }
        }
        Ok(x)
    }

    /// Tells an observer of an anchor's rows: the stream, or queries, keys and values that its
    /// records are made of. Whether there is one and it asks for nothing more.
    fn tell(
        &self,
        observer: &mut Option<&mut Observer>,
        anchor: Anchor,
        of: &Tensor,
    ) -> Result<bool> {
        let Some(observer) = observer else { return Ok(false) };
        if observer.wants(anchor) {
            let of = of.flatten_all()?.to_vec1::<f32>()?;
            match anchor {
                Anchor::Embedding | Anchor::Stream(_) => observer.stream(anchor, &of)?,
                Anchor::KeyValues(_) => {
                    let third = of.len() / 3;
                    let (k, v) = of.split_at(third).1.split_at(third);
                    let heads = usize::from(self.config.heads);
                    let width = self.config.hidden as usize / heads;
                    let rows = k.len() / (heads * width);
                    let mut records = vec![0; rows * key_value_len(heads, width)];
                    let out = &mut records;
                    key_value_records(self.kernel, None, 0, [heads, width], k, v, out)
                        .map_err(|refused| Error::Compute(refused.to_string()))?;
                    observer.records(anchor, &records)?;
                }
            }
        }
        Ok(observer.ends_with(anchor))
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
