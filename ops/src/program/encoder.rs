//! The operators of the BERT family.

use super::{
    steps::{f32_operand, operand, Attention, Steps},
    Kind, Layout, Op, BLOCK, TOKEN_BLOCK,
};
use crate::weights::{DType, Module, Part};
use vigil_architecture::{Encoder, Pooling};

/// Operators before the layers: tokens, embedding and its normalisation.
const HEAD: u32 = 5;
/// Operators of a layer.
const LAYER: u32 = 43;

/// A run of an encoder.
pub(super) struct Run<'a> {
    pub(super) encoder: &'a Encoder,
    pub(super) steps: Steps<'a>,
}

impl Run<'_> {
    pub(super) fn len(&self) -> u32 {
        HEAD + LAYER * u32::from(self.encoder.layers) + self.tail_len()
    }

    pub(super) fn op(&self, index: u32) -> Option<Op> {
        let layers = u32::from(self.encoder.layers);
        match index.checked_sub(HEAD) {
            None => self.head(index),
            Some(rest) if rest < LAYER * layers => {
                self.layer((rest / LAYER) as u16, rest % LAYER, index - rest % LAYER)
            }
            Some(rest) => self.tail(rest - LAYER * layers, HEAD + LAYER * layers),
        }
    }

    fn tail_len(&self) -> u32 {
        let pooling = match self.encoder.pooling {
            Pooling::Mean => 2,
            Pooling::Cls => 1,
        };
        pooling + if self.encoder.normalize { 2 } else { 0 }
    }

    fn head(&self, index: u32) -> Option<Op> {
        use Module::{PositionEmbedding, TokenTypeEmbedding, WordEmbedding};
        let tokens = self.steps.rows;
        match index {
            0 => self.steps.build(Kind::Tokens, DType::U32, [tokens], &[], &[]),
            1 => self.steps.build(
                Kind::Embed,
                DType::F32,
                [tokens, self.encoder.hidden],
                &[operand(0, DType::U32, [tokens])],
                &[
                    (WordEmbedding, Part::Weight),
                    (WordEmbedding, Part::Scale),
                    (PositionEmbedding, Part::Weight),
                    (PositionEmbedding, Part::Scale),
                    (TokenTypeEmbedding, Part::Weight),
                    (TokenTypeEmbedding, Part::Scale),
                ],
            ),
            2..=4 => self.norm(index - 2, 1, Module::EmbeddingNorm, Layout::TokenMajor),
            _ => None,
        }
    }

    /// The three steps of a layer normalisation of operator `x`, which they follow directly.
    fn norm(&self, step: u32, x: u32, module: Module, layout: Layout) -> Option<Op> {
        let (tokens, width) = (self.steps.rows, self.encoder.hidden);
        let blocks = [tokens, width.div_ceil(BLOCK)];
        let (sums, squares) = (self.steps.blocks(x + 1, width), self.steps.blocks(x + 2, width));
        let x = self.steps.rows(x, width);
        let build =
            |kind, operands: &[_]| self.steps.build(kind, DType::F32, blocks, operands, &[]);
        match step {
            0 => build(Kind::RowSum { width }, &[x]),
            1 => build(Kind::Deviation { width }, &[x, sums]),
            2 => {
                let shape = match layout {
                    Layout::TokenMajor => [tokens, width],
                    Layout::ChannelMajor => [width, tokens],
                };
                let eps = self.encoder.layer_norm_eps;
                self.steps.build(
                    Kind::Normalise { eps, layout },
                    DType::F32,
                    shape,
                    &[x, sums, squares],
                    &[(module, Part::Weight), (module, Part::Bias)],
                )
            }
            _ => None,
        }
    }

    /// The four steps of a query, key or value: project, then quantise by heads.
    fn heads(&self, step: u32, max: u32, at: u32, module: Module, layout: Layout) -> Option<Op> {
        let Encoder { hidden, heads, .. } = *self.encoder;
        match step {
            0 | 1 => self.steps.project(step, max, at, module, [hidden, hidden]),
            _ => {
                let heads = [heads.into(), self.encoder.head_width()];
                self.steps.heads(step - 2, at + 1, at + 2, heads, layout)
            }
        }
    }

    /// Step `step` of layer `layer`, whose first operator is number `start`.
    fn layer(&self, layer: u16, step: u32, start: u32) -> Option<Op> {
        let Encoder { hidden, intermediate, heads, .. } = *self.encoder;
        let steps = &self.steps;
        let x = start - 1;
        let last = u32::from(layer) + 1 == u32::from(self.encoder.layers);
        let layout = match self.encoder.pooling {
            Pooling::Mean if last => Layout::ChannelMajor,
            _ => Layout::TokenMajor,
        };
        match step {
            0 | 1 => steps.quantise(step, x, start, hidden),
            2..=5 => {
                self.heads(step - 2, start, start + 2, Module::Query(layer), Layout::TokenMajor)
            }
            6..=9 => self.heads(step - 6, start, start + 6, Module::Key(layer), Layout::TokenMajor),
            10..=13 => {
                self.heads(step - 10, start, start + 10, Module::Value(layer), Layout::ChannelMajor)
            }
            14..=21 => {
                let attention = Attention {
                    at: start + 14,
                    queries: start + 5,
                    keys: start + 9,
                    values: start + 13,
                    heads: heads.into(),
                    kv_heads: heads.into(),
                    width: self.encoder.head_width(),
                    causal: false,
                };
                steps.attention(step - 14, &attention)
            }
            22 | 23 => steps.quantise(step - 22, start + 21, start + 22, hidden),
            24 | 25 => {
                let module = Module::AttentionOutput(layer);
                steps.project(step - 24, start + 22, start + 24, module, [hidden, hidden])
            }
            26 => steps.add(start + 25, x, hidden),
            27..=29 => {
                let module = Module::AttentionNorm(layer);
                self.norm(step - 27, start + 26, module, Layout::TokenMajor)
            }
            30 | 31 => steps.quantise(step - 30, start + 29, start + 30, hidden),
            32 | 33 => {
                let widths = [hidden, intermediate];
                steps.project(step - 32, start + 30, start + 32, Module::Up(layer), widths)
            }
            34 => {
                let operands = [steps.rows(start + 33, intermediate)];
                let shape = [steps.rows, intermediate];
                steps.build(Kind::Gelu, DType::F32, shape, &operands, &[])
            }
            35 | 36 => steps.quantise(step - 35, start + 34, start + 35, intermediate),
            37 | 38 => {
                let widths = [intermediate, hidden];
                steps.project(step - 37, start + 35, start + 37, Module::Down(layer), widths)
            }
            39 => steps.add(start + 38, start + 29, hidden),
            40..=42 => self.norm(step - 40, start + 39, Module::FeedForwardNorm(layer), layout),
            _ => None,
        }
    }

    /// Step `step` after the layers, of which the first is operator `start`.
    fn tail(&self, step: u32, start: u32) -> Option<Op> {
        let (tokens, hidden) = (self.steps.rows, self.encoder.hidden);
        let pooling = self.tail_len() - if self.encoder.normalize { 2 } else { 0 };
        let blocks = tokens.div_ceil(TOKEN_BLOCK);
        if step >= self.tail_len() {
            return None;
        }
        match (self.encoder.pooling, step) {
            (Pooling::Mean, 0) => {
                let x = f32_operand(start - 1, [hidden, tokens]);
                return self.steps.build(Kind::PoolSum, DType::F32, [hidden, blocks], &[x], &[]);
            }
            (Pooling::Mean, 1) => {
                let sums = f32_operand(start, [hidden, blocks]);
                return self.steps.build(Kind::Pool { tokens }, DType::F32, [hidden], &[sums], &[]);
            }
            (Pooling::Cls, 0) => {
                let x = self.steps.rows(start - 1, hidden);
                return self.steps.build(Kind::First, DType::F32, [hidden], &[x], &[]);
            }
            _ => {}
        }
        let pooled = f32_operand(start + pooling - 1, [hidden]);
        let shape = [hidden.div_ceil(BLOCK)];
        if step == pooling {
            self.steps.build(Kind::SquareSum { width: hidden }, DType::F32, shape, &[pooled], &[])
        } else {
            let sums = f32_operand(start + pooling, shape);
            self.steps.build(Kind::Unit, DType::F32, [hidden], &[pooled, sums], &[])
        }
    }
}
