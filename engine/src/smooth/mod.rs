//! Outliers moved from activations into weights, when a package is made.
//!
//! A row of activations has one scale, so a channel that is much larger than the others costs them
//! their precision. Between two linear operators a channel can be divided by a factor on one side
//! and multiplied by it on the other, and the model computes the same (SmoothQuant, Xiao et al.,
//! 2023). A decoder has four such places in every layer:
//!
//! | divided | multiplied |
//! |---|---|
//! | weight of the attention's normalisation | columns of query, key and value |
//! | rows of value, its bias | columns of the attention's output, the same for a group's heads |
//! | weight of the feed-forward normalisation | columns of gate and up |
//! | rows of up | columns of down |
//!
//! The factor of channel `c` is `max|x_c|^a / max|w_c|^(1 - a)`, with `a` of 0, 1/4, 1/2 or 3/4, or
//! 1 for all channels. Which is best is tried out: the product of some rows of activations with
//! some rows of weights, quantised as the package would, against the product in f32.
//!
//! Activations are those of the model in f32 over a calibration text. The result is part of a
//! package, so all arithmetic here has a fixed order and no function of the platform: the same
//! folder and text give the same package on any machine. One tensor row is read at a time.

mod forward;
mod search;

use crate::{error::Input, source::Source, Error, Result};
use std::collections::HashMap;
use vigil_architecture::{Architecture, BadRun, Decoder};
use vigil_ops::weights::{Module, Part, TensorId};

/// Most tokens of a calibration text that are used: maxima hardly grow beyond.
const TOKENS: usize = 1_024;
/// Longest sequence that they are cut into.
const WINDOW: usize = 256;

/// What becomes of the weights: factors for the rows and columns of some of them.
#[derive(Default)]
pub(crate) struct Smoothing {
    changes: HashMap<Module, Change>,
    choices: Vec<Choice>,
}

#[derive(Default)]
struct Change {
    rows: Option<Vec<f32>>,
    columns: Option<Vec<f32>>,
}

/// A place between two linear operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// From the normalisation before attention to its projections.
    Attention,
    /// From values to the projection after attention.
    Value,
    /// From the normalisation before the feed-forward layer to its projections.
    FeedForward,
    /// From the inner vector of the feed-forward layer to the projection behind it.
    Inner,
}

/// What was chosen at one place.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Choice {
    /// The layer.
    pub layer: u16,
    /// The place in it.
    pub site: Site,
    /// The exponent of the activations' maxima; `None` where nothing was moved.
    pub strength: Option<f32>,
    /// Error of the quantised products before, relative to the products.
    pub before: f64,
    /// The same after.
    pub after: f64,
}

impl Smoothing {
    /// Chooses the factors for a decoder by running it over `tokens`.
    pub(crate) fn choose(source: &Source, tokens: &[u32]) -> Result<Self> {
        let Architecture::Decoder(decoder) = source.architecture else {
            return Err(Error::source_at(
                &source.dir,
                "only language models can be calibrated: an encoder normalises behind its layers, \
                 where the channels also go on unchanged, so their factors have nowhere to go",
            ));
        };
        if tokens.is_empty() {
            return Err(Input::Run(BadRun::NoInput).into());
        }
        let window = WINDOW.min(decoder.positions as usize);
        let tokens = tokens.get(..TOKENS).unwrap_or(tokens);
        let windows: Vec<_> = tokens.chunks(window).collect();
        let mut smoothing = Self::default();
        forward::run(source, &decoder, &windows, &mut smoothing)?;
        Ok(smoothing)
    }

    /// What was chosen, by layer.
    pub(crate) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// Changes row `index` of a tensor. A vector is one row.
    pub(crate) fn apply(&self, id: TensorId, index: usize, row: &mut [f32]) {
        let Some(change) = self.changes.get(&id.module) else { return };
        // A bias belongs to the rows of its matrix, a normalisation's weight to the columns of
        // what follows.
        let (factor, factors) = match id.part {
            Part::Bias => (None, change.rows.as_ref()),
            _ => (change.rows.as_ref().and_then(|rows| rows.get(index)), change.columns.as_ref()),
        };
        for (x, factor) in row.iter_mut().zip(factors.into_iter().flatten()) {
            *x *= factor;
        }
        for x in row.iter_mut() {
            *x *= factor.unwrap_or(&1.0);
        }
    }

    /// Takes over what was found for one place.
    fn record(&mut self, layer: u16, site: Site, found: search::Found, decoder: &Decoder) {
        self.choices.push(Choice {
            layer,
            site,
            strength: found.strength,
            before: found.before,
            after: found.after,
        });
        let Some(factors) = found.factors else { return };
        let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
        match site {
            Site::Attention => {
                self.columns(Module::AttentionNorm(layer), inverse);
                for module in [Module::Query(layer), Module::Key(layer), Module::Value(layer)] {
                    self.columns(module, factors.clone());
                }
            }
            Site::Value => {
                let output = spread(&factors, decoder);
                self.columns(Module::AttentionOutput(layer), output);
                self.rows(Module::Value(layer), inverse);
            }
            Site::FeedForward => {
                self.columns(Module::FeedForwardNorm(layer), inverse);
                self.columns(Module::Gate(layer), factors.clone());
                self.columns(Module::Up(layer), factors);
            }
            Site::Inner => {
                self.rows(Module::Up(layer), inverse);
                self.columns(Module::Down(layer), factors);
            }
        }
    }

    fn rows(&mut self, module: Module, factors: Vec<f32>) {
        self.changes.entry(module).or_default().rows = Some(factors);
    }

    fn columns(&mut self, module: Module, factors: Vec<f32>) {
        self.changes.entry(module).or_default().columns = Some(factors);
    }
}

/// Numbers of value channels, for the channels of all query heads: a group's heads share them.
fn spread(values: &[f32], decoder: &Decoder) -> Vec<f32> {
    let width = usize::from(decoder.head_width).max(1);
    let group = usize::from(decoder.heads.checked_div(decoder.kv_heads).unwrap_or(1));
    values
        .chunks(width)
        .flat_map(|head| std::iter::repeat_n(head, group).flatten())
        .copied()
        .collect()
}

/// Numbers of the channels of all query heads, for value channels: the largest of a group's heads.
fn gather(values: &[f32], decoder: &Decoder) -> Vec<f32> {
    let width = usize::from(decoder.head_width).max(1);
    let group = usize::from(decoder.heads.checked_div(decoder.kv_heads).unwrap_or(1)).max(1);
    values
        .chunks(width.saturating_mul(group))
        .flat_map(|heads| {
            (0..width).map(move |channel| {
                heads.iter().skip(channel).step_by(width).fold(0.0f32, |most, x| most.max(*x))
            })
        })
        .collect()
}
