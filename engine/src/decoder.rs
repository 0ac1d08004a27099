//! The Llama, Mistral and Qwen family, read from top to bottom.
//!
//! A pass takes new rows of several sequences one after the other: of one a whole prompt, of
//! another a part of it, of a third the token that it drew last. `rows` is the number of all of
//! them. Every operator is row-wise, or looks back within one sequence, so a row's bytes depend
//! neither on its neighbours nor on how its sequence was divided.

use crate::{
    kernels::{CausalAttention, GateProjectAdd, Lookup, NormProject, ProjectAdd, Sample, Scratch},
    package::Package,
    reader::Reader,
    trace::Observer,
    Error, Result,
};
use candle_core::{DType, Device, Shape, Tensor};
use rayon::prelude::*;
use std::cell::RefCell;
use vigil_architecture::{Architecture, Decoder as Config};
use vigil_ops::{
    tensor::{key_value_len, key_value_records, Chunk, Draw, KeyValues, Rotary},
    trace::Anchor,
    weights::{Module, Part},
    Kernel,
};

/// A language model with its weights laid out for one kernel.
pub(crate) struct Decoder {
    kernel: Kernel,
    config: Config,
    lookup: Lookup,
    cos: Vec<f32>, // (positions, head width / 2)
    sin: Vec<f32>, // (positions, head width / 2)
    layers: Vec<Layer>,
    head: NormProject,
}

struct Layer {
    query_key_value: NormProject,
    norms: Option<(Vec<f32>, Vec<f32>)>, // of queries and keys, (head width) each
    attention_output: ProjectAdd,
    gate_up: NormProject,
    down: GateProjectAdd,
}

/// What the layers of one pass write to in turn.
struct Work {
    query_key_value: Tensor, // (rows * (query width + 2 * kv width))
    context: Tensor,         // (rows, query width)
    gate_up: Tensor,         // (rows * 2 * intermediate)
    scratch: Scratch,
}

/// Keys and values of one sequence, by layers.
pub(crate) struct Cache(Vec<KeyValues>);

/// New rows of one sequence.
pub(crate) struct Rows<'a> {
    /// Their tokens.
    pub(crate) tokens: &'a [u32],
    /// What the sequence has so far.
    pub(crate) cache: &'a mut Cache,
    /// Draws a token from the last of them.
    pub(crate) draw: Option<Draw>,
    /// Is told of their records, if anybody is.
    pub(crate) observer: Option<&'a mut Observer>,
}

impl Decoder {
    /// Reads the weights of a verified package.
    pub(crate) fn load(package: &Package, kernel: Kernel) -> Result<Self> {
        let Architecture::Decoder(config) = *package.architecture() else {
            return Err(Error::package_at(package.dir(), "it is not a decoder"));
        };
        let reader = Reader::new(package, kernel);
        let (eps, activations) = (f32::from_bits(config.rms_norm_eps), config.activations);
        let project_add = |module| {
            Ok::<_, Error>(ProjectAdd { kernel, activations, linear: reader.linear(module)? })
        };
        let project = |norm, modules: &[Module]| {
            Ok::<_, Error>(NormProject {
                kernel,
                activations,
                norm: reader.floats(norm, Part::Weight)?, // (hidden)
                eps,
                linears: modules.iter().map(|m| reader.linear(*m)).collect::<Result<_>>()?,
            })
        };
        let layer = |l| {
            use Module::*;
            let norms = [QueryNorm(l), KeyNorm(l)].map(|norm| reader.floats(norm, Part::Weight));
            let [query_norm, key_norm] = norms;
            Ok(Layer {
                query_key_value: project(AttentionNorm(l), &[Query(l), Key(l), Value(l)])?,
                norms: if config.qk_norm { Some((query_norm?, key_norm?)) } else { None },
                attention_output: project_add(AttentionOutput(l))?,
                gate_up: project(FeedForwardNorm(l), &[Gate(l), Up(l)])?,
                down: GateProjectAdd(project_add(Down(l))?),
            })
        };
        // The largest first: until it is let go it is in memory twice, when little else is.
        let head = if config.tied_head { Module::WordEmbedding } else { Module::Head };
        let head = project(Module::FinalNorm, &[head])?;
        let lookup = if config.tied_head {
            Lookup::Tied { kernel }
        } else {
            let (weight, scale) = reader.table(Module::WordEmbedding)?;
            Lookup::Table { kernel, weight, scale }
        };
        Ok(Self {
            kernel,
            config,
            lookup,
            cos: reader.floats(Module::Rotary, Part::Cos)?,
            sin: reader.floats(Module::Rotary, Part::Sin)?,
            layers: (0..config.layers).into_par_iter().map(layer).collect::<Result<_>>()?,
            head,
        })
    }

    /// Hyperparameters.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The cache of a new sequence.
    pub(crate) fn cache(&self) -> Result<Cache> {
        let (heads, width) = (self.config.kv_heads.into(), self.config.head_width.into());
        let layers = self.layers.iter().map(|_| KeyValues::new(self.kernel, heads, width));
        let layers: std::result::Result<_, _> = layers.collect();
        layers.map(Cache).map_err(|refused| Error::Compute(refused.to_string()))
    }

    /// Bytes that the cache of a sequence of `tokens` tokens takes.
    pub(crate) fn cache_bytes(&self, tokens: usize) -> usize {
        let (heads, width) = (self.config.kv_heads.into(), self.config.head_width.into());
        KeyValues::bytes_for(heads, width, tokens) * self.layers.len()
    }

    /// Runs new rows of several sequences. Returns the drawn tokens, of those that draw, in order.
    pub(crate) fn forward(&self, batch: &mut [Rows<'_>]) -> Result<Vec<u32>> {
        let (mut last, mut draws, mut row) = (Vec::new(), Vec::new(), 0);
        for rows in batch.iter() {
            row += rows.tokens.len();
            if let Some(draw) = rows.draw {
                last.push((row - 1) as u32);
                draws.push(draw);
            }
        }
        let last = Tensor::new(last, &Device::Cpu)?; // (draws)
        let x = self.stream(batch, Some(&last))?; // (draws, hidden)
        if draws.is_empty() {
            return Ok(Vec::new());
        }
        let logits = self.project(&x)?; // (draws * vocabulary)
        let tokens = Sample { kernel: self.kernel, draws: &draws }.forward(&logits)?; // (draws)
        Ok(tokens.to_vec1()?)
    }

    /// Runs new rows of one sequence. Returns the logits behind each.
    pub(crate) fn logits(&self, rows: Rows<'_>) -> Result<Tensor> {
        let x = self.stream(&mut [rows], None)?; // (rows, hidden)
        self.project(&x)
    }

    /// Runs new rows of one sequence. Returns the token that is drawn behind each.
    pub(crate) fn draw_all(&self, rows: Rows<'_>, draws: &[Draw]) -> Result<Vec<u32>> {
        let logits = self.logits(rows)?; // (rows * vocabulary)
        let tokens = Sample { kernel: self.kernel, draws }.forward(&logits)?; // (rows)
        Ok(tokens.to_vec1()?)
    }

    /// Runs new rows of one sequence for its observer alone, as far as that asks for.
    pub(crate) fn observe(
        &self,
        tokens: &[u32],
        cache: &mut Cache,
        observer: &mut Observer,
    ) -> Result<()> {
        let rows = Rows { tokens, cache, draw: None, observer: Some(observer) };
        let none = Tensor::new(&[0u32; 0], &Device::Cpu)?; // (0)
        self.stream(&mut [rows], Some(&none)).map(|_| ())
    }

    /// The stream behind all layers, of all rows or of those that are `wanted` alone. The last layer
    /// then has nothing to do for the others once it has their keys and values.
    fn stream(&self, batch: &mut [Rows<'_>], wanted: Option<&Tensor>) -> Result<Tensor> {
        let tokens: Vec<u32> = batch.iter().flat_map(|rows| rows.tokens).copied().collect();
        let tokens = Tensor::new(tokens, &Device::Cpu)?; // (rows)
        let mut x = self.lookup.forward(&tokens, &self.head)?; // (rows, hidden)
        let mut work = self.work(x.dim(0)?)?;
        let end = self.layers.len().saturating_sub(1);
        let nothing_wanted = wanted.is_some_and(|wanted| wanted.elem_count() == 0);
        if self.tell_stream(batch, Anchor::Embedding, &x)? && nothing_wanted {
            return Ok(x);
        }
        for (number, layer) in self.layers.iter().enumerate() {
            let chunks = batch.iter_mut().filter_map(|rows| {
                Some(Chunk { cache: rows.cache.0.get_mut(number)?, rows: rows.tokens.len() })
            });
            self.attend(layer, &x, chunks.collect(), &work)?;
            let ended = self.tell_key_values(batch, number, layer, &work)?;
            if ended && nothing_wanted {
                return Ok(x);
            }
            if let Some(wanted) = wanted.filter(|_| number == end) {
                let count = wanted.dim(0)?;
                if count == 0 {
                    return Ok(x);
                }
                // Of rows that are all wanted, as those of a decoding batch, nothing is copied.
                if count < x.dim(0)? {
                    let context = work.context.index_select(wanted, 0)?; // (wanted, query width)
                    x = x.index_select(wanted, 0)?; // (wanted, hidden)
                    work = Work { context, ..self.work(count)? };
                }
            }
            self.feed(layer, &x, &work)?; // (rows, hidden), in place
            let anchor = Anchor::Stream(number as u16);
            if number < end && self.tell_stream(batch, anchor, &x)? && nothing_wanted {
                return Ok(x);
            }
        }
        Ok(x)
    }

    /// Tells the observers of the stream's rows; whether none of them asks for more.
    fn tell_stream(&self, batch: &mut [Rows<'_>], anchor: Anchor, x: &Tensor) -> Result<bool> {
        let asks = |rows: &Rows<'_>| rows.observer.as_ref().is_some_and(|o| o.wants(anchor));
        if batch.iter().any(asks) {
            let x = x.flatten_all()?.to_vec1::<f32>()?; // (rows * hidden)
            let mut rest = &x[..];
            for rows in batch.iter_mut() {
                let (own, after) = rest.split_at(rows.tokens.len() * self.config.hidden as usize);
                rest = after;
                if let Some(observer) = &mut rows.observer {
                    observer.stream(anchor, own)?;
                }
            }
        }
        Ok(ended(batch, anchor))
    }

    /// Tells the observers of the rows' keys and values; whether none of them asks for more.
    fn tell_key_values(
        &self,
        batch: &mut [Rows<'_>],
        number: usize,
        layer: &Layer,
        work: &Work,
    ) -> Result<bool> {
        let anchor = Anchor::KeyValues(number as u16);
        let asks = |rows: &Rows<'_>| rows.observer.as_ref().is_some_and(|o| o.wants(anchor));
        if batch.iter().any(asks) {
            let count: usize = batch.iter().map(|rows| rows.tokens.len()).sum();
            let (heads, width) =
                (usize::from(self.config.kv_heads), usize::from(self.config.head_width));
            let queries = count * self.config.query_width() as usize;
            // (rows * kv width) of keys, then of values
            let kv = work.query_key_value.narrow(0, queries, 2 * count * heads * width)?;
            let kv = kv.to_vec1::<f32>()?;
            let (mut k, mut v) = kv.split_at(count * heads * width);
            for rows in batch.iter_mut() {
                let own = rows.tokens.len() * heads * width;
                let ((own_k, rest_k), (own_v, rest_v)) = (k.split_at(own), v.split_at(own));
                (k, v) = (rest_k, rest_v);
                let Some(observer) = rows.observer.as_mut().filter(|o| o.wants(anchor)) else {
                    continue;
                };
                let mut records = vec![0; rows.tokens.len() * key_value_len(heads, width)];
                let (rotary, shape) = (self.rotary(layer), [heads, width]);
                let (first, out) = (observer.next_row(anchor), &mut records);
                key_value_records(self.kernel, Some(&rotary), first, shape, own_k, own_v, out)
                    .map_err(|refused| Error::Compute(refused.to_string()))?;
                observer.records(anchor, &records)?;
            }
        }
        Ok(ended(batch, anchor))
    }

    fn rotary<'a>(&'a self, layer: &'a Layer) -> Rotary<'a> {
        Rotary {
            cos: &self.cos,
            sin: &self.sin,
            norms: layer.norms.as_ref().map(|(query, key)| (&query[..], &key[..])),
            eps: f32::from_bits(self.config.rms_norm_eps),
        }
    }

    fn work(&self, rows: usize) -> Result<Work> {
        let queries = self.config.query_width() as usize;
        let (keys, inner) = (self.config.kv_width() as usize, self.config.intermediate as usize);
        Ok(Work {
            query_key_value: zeros(rows * (queries + 2 * keys))?,
            context: zeros((rows, queries))?,
            gate_up: zeros(rows * 2 * inner)?,
            scratch: Scratch::default(),
        })
    }

    /// Gives the caches the keys and values of the rows, and the context what they see.
    fn attend(&self, layer: &Layer, x: &Tensor, chunks: Vec<Chunk<'_>>, work: &Work) -> Result<()> {
        let Work { query_key_value, context, scratch, .. } = work;
        let attention = CausalAttention {
            kernel: self.kernel,
            rotary: self.rotary(layer),
            query_width: self.config.query_width() as usize,
            chunks: RefCell::new(chunks),
        };
        layer.query_key_value.forward(x, query_key_value, scratch)?;
        Ok(attention.forward(query_key_value, context)?)
    }

    /// The rest of a layer, which is every row's own.
    fn feed(&self, layer: &Layer, x: &Tensor, work: &Work) -> Result<()> {
        let Work { context, gate_up, scratch, .. } = work;
        layer.attention_output.forward(x, context, scratch)?;
        layer.gate_up.forward(x, gate_up, scratch)?;
        Ok(layer.down.forward(x, gate_up, scratch)?)
    }

    /// The logits of rows of the stream.
    fn project(&self, x: &Tensor) -> Result<Tensor> {
        let logits = zeros(x.dim(0)? * self.config.vocabulary as usize)?;
        self.head.forward(x, &logits, &Scratch::default())?; // (rows * vocabulary)
        Ok(logits)
    }
}

/// Whether all sequences are computed for observers, and none asks for anything behind an anchor.
fn ended(batch: &[Rows<'_>], anchor: Anchor) -> bool {
    batch.iter().all(|rows| rows.observer.as_ref().is_some_and(|o| o.ends_with(anchor)))
}

fn zeros(shape: impl Into<Shape>) -> Result<Tensor> {
    Ok(Tensor::zeros(shape, DType::F32, &Device::Cpu)?)
}
