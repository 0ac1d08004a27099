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
//! | rows of query | rows of key, the same for two channels that turn together and for a group's heads |
//!
//! The factor of channel `c` is `max|x_c|^a / max|w_c|^(1 - a)`, with `a` of 0, 1/4, 1/2 or 3/4, or
//! one that balances the rounding of the weights, or 1 for all channels. Which is best is tried out:
//! the product of some rows of activations with some rows of weights, quantised as the package
//! would, against the product in f32. Activations of 15 bits have room for outliers, so that what is
//! moved is mostly the weights'.
//!
//! How large the activations of a channel are also says how much the rounding of its weights counts
//! when a row's scale is searched for.
//!
//! Activations are those of the model in f32 over a calibration text, or over tokens drawn at
//! random, which causes much the same outliers. The result is part of a package, so all arithmetic
//! here has a fixed order and no function of the platform: the same folder and text give the same
//! package on any machine. One tensor row is read at a time.

mod compensate;
mod forward;
mod pairs;
mod search;

pub use search::Factors;

use crate::{source::Source, tokenizer::Tokenizer, Error, Result};
use search::{Found, Input, Join};
use std::collections::HashMap;
use vigil_architecture::{Architecture, Decoder};
use vigil_ops::{
    math::philox4x32_10,
    weights::{Module, Part, TensorId},
};

/// Most tokens of a calibration text that are used: maxima hardly grow beyond.
const TOKENS: usize = 1_024;
/// Longest sequence that they are cut into.
const WINDOW: usize = 256;
/// Tokens that are drawn where there is no text.
const DRAWN: u32 = 256;

/// What the activations are those of, that a package of a language model is tuned to.
#[derive(Clone, Copy, Debug, Default)]
pub enum Calibration<'a> {
    /// Tokens drawn at random, the same for every model: most of the gain, for any use.
    #[default]
    Drawn,
    /// A text like those that the model is meant for.
    Text(&'a str),
    /// None: the weights are rounded as they are.
    Off,
}

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
    importance: Option<Vec<f32>>,
    compensation: Option<Vec<f32>>,
}

/// A place between two linear operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// From the normalisation before attention to its projections.
    Attention,
    /// From queries to keys.
    Scores,
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
    /// How the factors were made; `None` where nothing was moved.
    pub factors: Option<Factors>,
    /// Error of the quantised products before, relative to the products.
    pub before: f64,
    /// The same after.
    pub after: f64,
}

impl Smoothing {
    /// Chooses the factors for a model by running it.
    pub(crate) fn choose(
        source: &Source,
        tokenizer: &Tokenizer,
        calibration: Calibration<'_>,
    ) -> Result<Self> {
        let mut smoothing = Self::default();
        let tokens = match (calibration, &source.architecture) {
            (Calibration::Off, _) | (Calibration::Drawn, Architecture::Encoder(_)) => {
                return Ok(smoothing)
            }
            (Calibration::Text(_), Architecture::Encoder(_)) => {
                return Err(Error::source_at(
                    &source.dir,
                    "only language models can be calibrated: an encoder normalises behind its \
                     layers, where the channels also go on unchanged, so their factors have \
                     nowhere to go",
                ))
            }
            (Calibration::Drawn, Architecture::Decoder(decoder)) => drawn(decoder.vocabulary),
            (Calibration::Text(text), Architecture::Decoder(_)) => tokenizer.encode_long(text)?,
        };
        let Architecture::Decoder(decoder) = source.architecture else { return Ok(smoothing) };
        let window = WINDOW.min(decoder.positions as usize);
        let tokens = tokens.get(..TOKENS).unwrap_or(&tokens);
        let windows: Vec<_> = tokens.chunks(window).collect();
        forward::run(source, &decoder, &windows, &mut smoothing)?;
        Ok(smoothing)
    }

    /// What was chosen, by layer.
    pub(crate) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// How much the error of each column of a matrix counts; `None` for all alike.
    pub(crate) fn importance(&self, module: Module) -> Option<&[f32]> {
        self.changes.get(&module)?.importance.as_deref()
    }

    /// By what the error of each column of a matrix is given to those behind it, if it is: what
    /// `round_compensated` takes.
    pub(crate) fn compensation(&self, module: Module) -> Option<&[f32]> {
        self.changes.get(&module)?.compensation.as_deref()
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

    /// Takes over what was found for one place, and what goes into it.
    fn record(&mut self, layer: u16, site: Site, found: Found, input: Input, decoder: &Decoder) {
        let behind: &[Module] = match site {
            Site::Attention => &[Module::Query(layer), Module::Key(layer), Module::Value(layer)],
            Site::Scores => &[],
            Site::Value => &[Module::AttentionOutput(layer)],
            Site::FeedForward => &[Module::Gate(layer), Module::Up(layer)],
            Site::Inner => &[Module::Down(layer)],
        };
        let mut squares = input.squares;
        if let Some(factors) = self.choose_factors(layer, site, found) {
            let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
            let columns = match site {
                Site::Value => spread(&factors, decoder),
                _ => factors,
            };
            squares.iter_mut().zip(&columns).for_each(|(x, factor)| *x /= factor * factor);
            for module in behind {
                self.columns(*module, columns.clone());
            }
            match site {
                Site::Attention => self.columns(Module::AttentionNorm(layer), inverse),
                Site::Scores => {}
                Site::Value => self.rows(Module::Value(layer), inverse),
                Site::FeedForward => self.columns(Module::FeedForwardNorm(layer), inverse),
                Site::Inner => self.rows(Module::Up(layer), inverse),
            }
        }
        self.weigh(behind, squares);
    }

    /// Takes over what was found between queries and keys.
    fn record_pairs(&mut self, layer: u16, found: Found, decoder: &Decoder) {
        let Some(factors) = self.choose_factors(layer, Site::Scores, found) else { return };
        let inverse: Vec<f32> = factors.iter().map(|factor| 1.0 / factor).collect();
        if decoder.qk_norm {
            self.columns(Module::QueryNorm(layer), factors);
            self.columns(Module::KeyNorm(layer), inverse);
        } else {
            self.rows(Module::Query(layer), spread(&factors, decoder));
            self.rows(Module::Key(layer), inverse);
        }
    }

    fn choose_factors(&mut self, layer: u16, site: Site, found: Found) -> Option<Vec<f32>> {
        let Found { chosen, factors, before, after } = found;
        self.choices.push(Choice { layer, site, factors: chosen, before, after });
        factors
    }

    /// How much the errors of the columns of some matrices count.
    fn weigh(&mut self, modules: &[Module], squares: Vec<f32>) {
        for module in modules {
            self.changes.entry(*module).or_default().importance = Some(squares.clone());
        }
    }

    /// How the errors of a matrix are given to its other columns, by what goes into it.
    fn compensate(&mut self, module: Module, x: &[f32], width: usize) {
        if width <= compensate::WIDEST {
            self.changes.entry(module).or_default().compensation = compensate::factor(x, width);
        }
    }

    fn rows(&mut self, module: Module, factors: Vec<f32>) {
        self.changes.entry(module).or_default().rows = Some(factors);
    }

    fn columns(&mut self, module: Module, factors: Vec<f32>) {
        self.changes.entry(module).or_default().columns = Some(factors);
    }
}

/// Token ids of a counter-based generator.
fn drawn(vocabulary: u32) -> Vec<u32> {
    let words = (0..DRAWN / 4).flat_map(|block| philox4x32_10([block, 0, 0, 0], [0; 2]));
    words.map(|word| word.checked_rem(vocabulary).unwrap_or(0)).collect()
}

/// Query heads that read one head of keys and values.
fn group(decoder: &Decoder) -> usize {
    usize::from(decoder.heads.checked_div(decoder.kv_heads).unwrap_or(1)).max(1)
}

/// One head, `width` wide, of every row of `all` channels.
fn head_of(rows: &[f32], all: usize, width: usize, head: usize) -> Vec<f32> {
    let heads = rows.chunks(all).flat_map(|row| row.chunks(width).nth(head).unwrap_or_default());
    heads.copied().collect()
}

/// Numbers of value channels, for the channels of all query heads: a group's heads share them.
fn spread(values: &[f32], decoder: &Decoder) -> Vec<f32> {
    let width = usize::from(decoder.head_width).max(1);
    values
        .chunks(width)
        .flat_map(|head| std::iter::repeat_n(head, group(decoder)).flatten())
        .copied()
        .collect()
}

/// Numbers of the channels of all query heads, for value channels: those of a group's heads joined.
fn gather(values: &[f32], decoder: &Decoder, join: Join) -> Vec<f32> {
    let width = usize::from(decoder.head_width).max(1);
    values
        .chunks(width.saturating_mul(group(decoder)))
        .flat_map(|heads| {
            (0..width).map(move |channel| {
                heads.iter().skip(channel).step_by(width).fold(0.0f32, |all, x| join(all, *x))
            })
        })
        .collect()
}
