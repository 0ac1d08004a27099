//! What a float model would lose to one kind of rounding alone.
//!
//! A value is rounded as op_set 1, or as another quantisation, would round it, and goes on as the
//! f32 that it stands for. Sums stay in f32. So the parts of a loss can be told apart, and ways of
//! quantising that no kernel has can be compared with those that one has.

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;
use vigil_ops::math::{quantise, scale_of, I15_MAX, I8_MAX, WEIGHT_MAX};

/// Values of a block of llama.cpp's Q8_0.
const BLOCK: usize = 32;

/// How a row of numbers is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grain {
    /// Not at all.
    #[default]
    Float,
    /// To 8 bits, with one scale for the row.
    Int8,
    /// To 15 bits, with one scale for the row.
    Int15,
    /// To 8 bits, with a scale of 16 bits for every 32 values: Q8_0 of llama.cpp.
    Blocks,
    /// To 12 bits, with one scale for the row, as attention weights are.
    Weights,
}

impl Grain {
    /// Rounds a row in place.
    pub fn round(self, row: &mut [f32]) {
        match self {
            Self::Float => {}
            Self::Int8 => round(row, I8_MAX),
            Self::Int15 => round(row, I15_MAX),
            Self::Weights => round(row, WEIGHT_MAX),
            Self::Blocks => row.chunks_mut(BLOCK).for_each(|block| {
                // As ggml does: rounded by the exact scale, read back by that of 16 bits.
                let scale = largest(block) / I8_MAX;
                let kept = half::f16::from_f32(scale).to_f32();
                let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
                block.iter_mut().for_each(|x| *x = (*x * inverse).round() * kept);
            }),
        }
    }

    /// Rounds every row of a tensor, its last dimension.
    pub(super) fn rows(self, x: &Tensor) -> Result<Tensor> {
        if self == Self::Float {
            return Ok(x.clone());
        }
        let width = x.dims().last().copied().unwrap_or(1).max(1);
        let mut values = x.flatten_all()?.to_vec1::<f32>()?;
        values.par_chunks_mut(width).for_each(|row| self.round(row));
        Tensor::from_vec(values, x.shape(), &Device::Cpu)
    }
}

fn largest(row: &[f32]) -> f32 {
    row.iter().fold(0.0, |most, x| most.max(x.abs()))
}

fn round(row: &mut [f32], limit: f32) {
    let scale = scale_of(largest(row), limit);
    row.iter_mut().for_each(|x| *x = quantise(*x, scale, limit) as f32 * scale);
}

/// What of a language model is rounded, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Rows of all matrices, the token table among them.
    pub weights: Grain,
    /// What goes into query, key and value.
    pub attention: Grain,
    /// What goes into the projection after attention.
    pub output: Grain,
    /// What goes into gate and up.
    pub feed_forward: Grain,
    /// What goes into down.
    pub down: Grain,
    /// What goes into the head.
    pub head: Grain,
    /// Queries, by head.
    pub queries: Grain,
    /// Keys, by head.
    pub keys: Grain,
    /// Values, by head.
    pub values: Grain,
    /// Whether attention weights are integers up to 4,095.
    pub mix: bool,
}

impl Rounding {
    /// Rounds the inputs of all projections alike.
    pub fn inputs(self, grain: Grain) -> Self {
        let (attention, output, feed_forward, down, head) = (grain, grain, grain, grain, grain);
        Self { attention, output, feed_forward, down, head, ..self }
    }
}
