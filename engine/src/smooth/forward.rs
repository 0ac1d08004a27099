//! A language model in f32, layer by layer straight from its folder, with everything in a fixed
//! order: what the activations of a calibration text are.
//!
//! Rows of weights are read once and used for all tokens, so that memory is a few rows of weights
//! and the activations of one layer.

use super::{
    gather, group, head_of, pairs,
    search::{difference, products, quantise, search, Found, Input, Place, Seen, OUTPUTS},
    spread, Site, Smoothing,
};
use crate::{
    source::names,
    source::{Rope, Source},
    Error, Result,
};
use rayon::prelude::*;
use vigil_architecture::{Architecture, Decoder};
use vigil_ops::{
    math,
    weights::{Module, Part, TensorId},
};

/// Rows of a matrix that are read together.
const BLOCK: usize = 64;

/// Runs the model over the windows and records what is best at every place.
pub(super) fn run(
    source: &Source,
    decoder: &Decoder,
    windows: &[&[u32]],
    smoothing: &mut Smoothing,
) -> Result<()> {
    let none = || Error::Compute("the model has no rotary positions".into());
    let rope = source.rope.as_ref().ok_or_else(none)?;
    let forward = Forward { source, decoder, windows, rope };
    let mut x = forward.embed()?; // (tokens, hidden)
    for layer in 0..decoder.layers {
        forward.layer(layer, &mut x, smoothing)?;
    }
    let normed = forward.norm(&x, Module::FinalNorm)?;
    let mut squares = Input::of(&normed, decoder.hidden as usize).squares;
    let head = if decoder.tied_head { Module::WordEmbedding } else { Module::Head };
    smoothing.compensate(head, &normed, decoder.hidden as usize);
    if decoder.tied_head {
        // As a table its rows go into the first layer, where each column counts the same.
        let mean = squares.iter().sum::<f32>() / squares.len().max(1) as f32;
        squares.iter_mut().for_each(|x| *x += mean);
    }
    smoothing.weigh(&[head], squares);
    Ok(())
}

struct Forward<'a> {
    source: &'a Source,
    decoder: &'a Decoder,
    windows: &'a [&'a [u32]],
    rope: &'a Rope,
}

impl Forward<'_> {
    fn embed(&self) -> Result<Vec<f32>> {
        let hidden = self.decoder.hidden as usize;
        let (name, rows) = self.place(Module::WordEmbedding, Part::Weight, hidden)?;
        let table = self.source.tensors.tensor(&name, rows, hidden)?;
        let tokens: Vec<u32> = self.windows.concat();
        let mut x = vec![0.0; tokens.len().saturating_mul(hidden)];
        for (row, token) in x.chunks_mut(hidden).zip(tokens) {
            table.read_row(token as usize, row)?;
        }
        Ok(x)
    }

    fn layer(&self, layer: u16, x: &mut [f32], smoothing: &mut Smoothing) -> Result<()> {
        let decoder = self.decoder;
        let normed = self.norm(x, Module::AttentionNorm(layer))?; // (tokens, hidden)
        let (query, seen_query) = self.project(&normed, Module::Query(layer))?;
        let (key, seen_key) = self.project(&normed, Module::Key(layer))?;
        let (value, seen_value) = self.project(&normed, Module::Value(layer))?;
        let input = Input::of(&normed, decoder.hidden as usize);
        let found = self.channels(&input, &[seen_query, seen_key, seen_value]);
        smoothing.record(layer, Site::Attention, found, input, decoder);

        let mut query = self.head_norm(query, decoder.qk_norm, Module::QueryNorm(layer))?;
        let mut key = self.head_norm(key, decoder.qk_norm, Module::KeyNorm(layer))?;
        self.rotate(&mut query, decoder.query_width() as usize);
        self.rotate(&mut key, decoder.kv_width() as usize);
        let found = pairs::search(decoder, &query, &key);
        smoothing.record_pairs(layer, found, decoder);
        let context = self.attention(&query, &key, &value); // (tokens, heads * head width)
        let (attended, seen) = self.project(&context, Module::AttentionOutput(layer))?;
        let input = Input::of(&context, decoder.query_width() as usize);
        let found = self.search_values(&input, &value, seen);
        smoothing.record(layer, Site::Value, found, input, decoder);
        add(x, &attended);

        let normed = self.norm(x, Module::FeedForwardNorm(layer))?;
        let (gate, seen_gate) = self.project(&normed, Module::Gate(layer))?;
        let (mut inner, seen_up) = self.project(&normed, Module::Up(layer))?;
        let input = Input::of(&normed, decoder.hidden as usize);
        let found = self.channels(&input, &[seen_gate, seen_up]);
        smoothing.record(layer, Site::FeedForward, found, input, decoder);
        inner.iter_mut().zip(&gate).for_each(|(up, gate)| *up *= math::silu(*gate));
        let (outer, seen) = self.project(&inner, Module::Down(layer))?;
        let input = Input::of(&inner, decoder.intermediate as usize);
        let found = self.channels(&input, &[seen]);
        smoothing.record(layer, Site::Inner, found, input, decoder);
        add(x, &outer);
        Ok(())
    }

    /// The factors between activations and the matrices behind, one for each channel.
    fn channels(&self, input: &Input, matrices: &[Seen]) -> Found {
        search(&Place {
            activations: self.decoder.activations,
            input,
            matrices,
            join: &|x, _| x.to_vec(),
            part: &<[f32]>::to_vec,
            further: &|_| 0.0,
        })
    }

    /// The factors between values and the projection behind attention. Values are quantised by
    /// heads before they are mixed, which counts too: as if each were mixed with itself alone.
    fn search_values(&self, input: &Input, value: &[f32], seen: Seen) -> Found {
        let decoder = self.decoder;
        let (inputs, width) = (decoder.query_width() as usize, usize::from(decoder.head_width));
        let values = Input::of(value, decoder.kv_width() as usize).rows;
        let projected = |values: &[f32]| {
            let rows: Vec<f32> = values
                .chunks(decoder.kv_width() as usize)
                .flat_map(|row| spread(row, decoder))
                .collect();
            products(&rows, &seen.rows, inputs)
        };
        let exact = projected(&values);
        let further = |factors: Option<&[f32]>| {
            let mut values = values.clone();
            for row in values.chunks_mut(decoder.kv_width() as usize) {
                let factors = || factors.into_iter().flatten();
                row.iter_mut().zip(factors()).for_each(|(x, factor)| *x /= factor);
                row.chunks_mut(width).for_each(|head| quantise(head, math::I8_MAX));
                row.iter_mut().zip(factors()).for_each(|(x, factor)| *x *= factor);
            }
            difference(&projected(&values), &exact)
        };
        search(&Place {
            activations: decoder.activations,
            input,
            matrices: std::slice::from_ref(&seen),
            join: &|x, join| gather(x, decoder, join),
            part: &|factors| spread(factors, decoder),
            further: &further,
        })
    }

    /// Each row over its root mean square, times the weight of a normalisation.
    fn norm(&self, x: &[f32], module: Module) -> Result<Vec<f32>> {
        let weight = self.vector(module, Part::Weight, self.decoder.hidden as usize)?;
        Ok(normalise(x, &weight, f32::from_bits(self.decoder.rms_norm_eps)))
    }

    fn head_norm(&self, x: Vec<f32>, wanted: bool, module: Module) -> Result<Vec<f32>> {
        if !wanted {
            return Ok(x);
        }
        let weight = self.vector(module, Part::Weight, self.decoder.head_width.into())?;
        Ok(normalise(&x, &weight, f32::from_bits(self.decoder.rms_norm_eps)))
    }

    /// Mixes the values of each window by rotated queries and keys.
    fn attention(&self, query: &[f32], key: &[f32], value: &[f32]) -> Vec<f32> {
        let (queries, keys) =
            (self.decoder.query_width() as usize, self.decoder.kv_width() as usize);
        let mut context = Vec::with_capacity(query.len());
        let mut start = 0usize;
        for window in self.windows {
            let end = start.saturating_add(window.len());
            let of = |x: &'_ [f32], width: usize| -> Vec<f32> {
                let range = start.saturating_mul(width)..end.saturating_mul(width);
                x.get(range).unwrap_or_default().to_vec()
            };
            let (query, key, value) = (of(query, queries), of(key, keys), of(value, keys));
            let (key, value) = (Heads::of(&key, self.decoder), Heads::of(&value, self.decoder));
            let rows: Vec<Vec<f32>> = query
                .par_chunks(queries)
                .enumerate()
                .map(|(row, query)| self.mix(query, row, &key, &value))
                .collect();
            context.extend(rows.concat());
            start = end;
        }
        context
    }

    /// Turns every head of every row by its position in its window.
    fn rotate(&self, rows: &mut [f32], width: usize) {
        let head_width = usize::from(self.decoder.head_width);
        let positions = self.windows.iter().flat_map(|window| 0..window.len());
        for (position, row) in positions.zip(rows.chunks_mut(width)) {
            let turns: Vec<_> = self.rope.at(position).collect();
            for head in row.chunks_mut(head_width) {
                let (low, high) = head.split_at_mut(head_width / 2);
                for ((low, high), (sin, cos)) in low.iter_mut().zip(high).zip(&turns) {
                    (*low, *high) = (*low * cos - *high * sin, *high * cos + *low * sin);
                }
            }
        }
    }

    /// What position `row` of a window takes from the values up to it, for all heads.
    fn mix(&self, query: &[f32], row: usize, key: &Heads, value: &Heads) -> Vec<f32> {
        let decoder = self.decoder;
        let width = usize::from(decoder.head_width);
        let group = group(decoder);
        let scale = 1.0 / (width as f32).sqrt();
        let seen = row.saturating_add(1).saturating_mul(width);
        let mut context = Vec::with_capacity(query.len());
        for (head, query) in query.chunks(width).enumerate() {
            let of = |heads: &'_ Heads| -> Vec<f32> {
                let head = heads.0.get(head / group).map(Vec::as_slice).unwrap_or_default();
                head.get(..seen).unwrap_or_default().to_vec()
            };
            let mut scores = products(query, &of(key), width);
            scores.iter_mut().for_each(|score| *score *= scale);
            let most = scores.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
            let weights: Vec<f32> = scores.iter().map(|x| math::exp(x - most)).collect();
            let whole = math::sum(weights.iter().copied());
            let mut mixed = vec![0.0f32; width];
            for (value, weight) in of(value).chunks(width).zip(&weights) {
                mixed.iter_mut().zip(value).for_each(|(sum, x)| *sum += weight * x);
            }
            context.extend(mixed.iter().map(|x| x / whole));
        }
        context
    }

    /// (tokens, inputs) to (tokens, outputs), and what was seen of the matrix on the way.
    fn project(&self, x: &[f32], module: Module) -> Result<(Vec<f32>, Seen)> {
        let tokens: usize = self.windows.iter().map(|window| window.len()).sum();
        let inputs = x.len().checked_div(tokens).unwrap_or(0).max(1);
        let (name, outputs) = self.place(module, Part::Weight, inputs)?;
        let tensor = self.source.tensors.tensor(&name, outputs, inputs)?;
        let bias = match names::find(&self.architecture(), TensorId { module, part: Part::Bias }) {
            Some(_) => self.vector(module, Part::Bias, outputs)?,
            None => vec![0.0; outputs],
        };
        let mut y = vec![0.0f32; tokens.saturating_mul(outputs)];
        let mut seen = Seen { maxima: vec![0.0; inputs], rows: vec![] };
        let every = outputs.div_ceil(OUTPUTS).max(1);
        let mut block = vec![0.0f32; BLOCK.saturating_mul(inputs)];
        for first in (0..outputs).step_by(BLOCK) {
            let rows = BLOCK.min(outputs.saturating_sub(first));
            for (index, row) in block.chunks_mut(inputs).take(rows).enumerate() {
                tensor.read_row(first + index, row)?;
                seen.maxima.iter_mut().zip(&*row).for_each(|(most, x)| *most = most.max(x.abs()));
                if (first + index).is_multiple_of(every) {
                    seen.rows.extend_from_slice(row);
                }
            }
            let (block, bias) = (&block, &bias);
            y.par_chunks_mut(outputs).zip(x.par_chunks(inputs)).for_each(|(y, x)| {
                let outputs = y.iter_mut().zip(bias).skip(first);
                let block = block.get(..rows.saturating_mul(inputs)).unwrap_or_default();
                let products = products(x, block, inputs);
                outputs.zip(products).for_each(|((y, bias), product)| *y = product + bias);
            });
        }
        Ok((y, seen))
    }

    fn vector(&self, module: Module, part: Part, length: usize) -> Result<Vec<f32>> {
        let (name, _) = self.place(module, part, length)?;
        let mut row = vec![0.0; length];
        self.source.tensors.tensor(&name, 1, length)?.read_row(0, &mut row)?;
        Ok(row)
    }

    /// The stored name and the number of rows of a tensor `columns` wide.
    fn place(&self, module: Module, part: Part, columns: usize) -> Result<(String, usize)> {
        let found = names::find(&self.architecture(), TensorId { module, part });
        match found {
            Some((name, rows, width)) if width == columns => Ok((name, rows)),
            _ => Err(Error::Compute(format!("{module:?} has another shape than the model"))),
        }
    }

    fn architecture(&self) -> Architecture {
        Architecture::Decoder(*self.decoder)
    }
}

/// Each row, as long as `weight`, over its root mean square, times `weight`.
fn normalise(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let one = |row: &[f32]| -> Vec<f32> {
        let square = products(row, row, row.len()).first().copied().unwrap_or(0.0);
        let gain = 1.0 / (square / weight.len() as f32 + eps).sqrt();
        row.iter().zip(weight).map(|(x, w)| x * gain * w).collect()
    };
    x.chunks(weight.len().max(1)).flat_map(one).collect()
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// Rows of keys or values, by heads.
struct Heads(Vec<Vec<f32>>);

impl Heads {
    fn of(rows: &[f32], decoder: &Decoder) -> Self {
        let (width, all) = (usize::from(decoder.head_width), decoder.kv_width() as usize);
        let heads = 0..usize::from(decoder.kv_heads);
        Self(heads.map(|head| head_of(rows, all, width, head)).collect())
    }
}
