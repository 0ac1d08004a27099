//! The operators of the Llama, Mistral and Qwen family.

use super::{
    steps::{f32_operand, operand, Attention, Steps},
    Kind, Layout, Op, BLOCK,
};
use crate::weights::{DType, Module, Part};
use vigil_architecture::{Decoder, Sampling};

/// Operators before the layers: tokens and their rows of the token table.
const HEAD: u32 = 2;
/// Operators of a layer without normalisation of queries and keys.
const LAYER: u32 = 45;
/// Steps of a layer before that normalisation.
const PROJECTED: u32 = 10;

/// A run of a decoder.
pub(super) struct Run<'a> {
    pub(super) decoder: &'a Decoder,
    pub(super) steps: Steps<'a>,
    pub(super) tokens_in: u32,
    pub(super) tokens_out: u32,
    pub(super) sampling: Sampling,
}

impl Run<'_> {
    pub(super) fn len(&self) -> u32 {
        self.head_and_layers() + self.tail_len()
    }

    pub(super) fn op(&self, index: u32) -> Option<Op> {
        let (after, len) = (self.head_and_layers(), self.layer_len());
        match index.checked_sub(HEAD) {
            None => self.head(index),
            Some(rest) if index < after => {
                self.layer((rest / len) as u16, rest % len, index - rest % len)
            }
            Some(_) => self.tail(index - after, after),
        }
    }

    fn layer_len(&self) -> u32 {
        LAYER + self.head_norms()
    }

    /// Operators that normalise queries and keys.
    fn head_norms(&self) -> u32 {
        if self.decoder.qk_norm {
            2
        } else {
            0
        }
    }

    fn head_and_layers(&self) -> u32 {
        HEAD + self.layer_len() * u32::from(self.decoder.layers)
    }

    fn tail_len(&self) -> u32 {
        match self.sampling {
            Sampling::Greedy => 10,
            Sampling::Gumbel { .. } => 12,
        }
    }

    fn head(&self, index: u32) -> Option<Op> {
        let tokens = self.steps.rows;
        match index {
            0 => self.steps.build(Kind::Tokens, DType::U32, [tokens], &[], &[]),
            _ => self.steps.build(
                Kind::Lookup,
                DType::F32,
                [tokens, self.decoder.hidden],
                &[operand(0, DType::U32, [tokens])],
                &[(Module::WordEmbedding, Part::Weight), (Module::WordEmbedding, Part::Scale)],
            ),
        }
    }

    /// The four steps that normalise the rows of operator `x` and quantise the result; they are
    /// operators `at` to `at + 3`.
    fn norm(&self, steps: &Steps<'_>, step: u32, x: u32, at: u32, module: Module) -> Option<Op> {
        let width = self.decoder.hidden;
        let x = steps.rows(x, width);
        match step {
            0 => {
                let shape = [steps.rows, width.div_ceil(BLOCK)];
                steps.build(Kind::SquareSum { width }, DType::F32, shape, &[x], &[])
            }
            1 => steps.build(
                Kind::RmsNormalise { eps: self.decoder.rms_norm_eps },
                DType::F32,
                [steps.rows, width],
                &[x, steps.blocks(at, width)],
                &[(module, Part::Weight)],
            ),
            _ => steps.quantise(step - 2, at + 1, at + 2, width),
        }
    }

    /// Step `step` of layer `layer`, whose first operator is number `start`.
    fn layer(&self, layer: u16, step: u32, start: u32) -> Option<Op> {
        let Decoder { hidden, .. } = *self.decoder;
        let (queries, keys) = (self.decoder.query_width(), self.decoder.kv_width());
        let steps = &self.steps;
        match step {
            0..=3 => self.norm(steps, step, start - 1, start, Module::AttentionNorm(layer)),
            4 | 5 => {
                let module = Module::Query(layer);
                steps.project(step - 4, start + 2, start + 4, module, [hidden, queries])
            }
            6 | 7 => {
                steps.project(step - 6, start + 2, start + 6, Module::Key(layer), [hidden, keys])
            }
            8 | 9 => {
                let module = Module::Value(layer);
                steps.project(step - 8, start + 2, start + 8, module, [hidden, keys])
            }
            _ => match step.checked_sub(PROJECTED + self.head_norms()) {
                None if step == PROJECTED => {
                    self.head_norm(start + 5, queries, Module::QueryNorm(layer))
                }
                None => self.head_norm(start + 7, keys, Module::KeyNorm(layer)),
                Some(rest) if rest < 16 => self.attend(rest, start, step - rest + start),
                Some(rest) => self.feed(layer, rest - 16, start, step - rest + start + 16),
            },
        }
    }

    fn head_norm(&self, x: u32, width: u32, module: Module) -> Option<Op> {
        let kind = Kind::HeadNorm {
            width: self.decoder.head_width.into(),
            eps: self.decoder.rms_norm_eps,
        };
        let operands = [self.steps.rows(x, width)];
        let shape = [self.steps.rows, width];
        self.steps.build(kind, DType::F32, shape, &operands, &[(module, Part::Weight)])
    }

    /// Step `step` of rotation and attention, of which the first is operator `at`, in the layer
    /// that begins with operator `start`.
    fn attend(&self, step: u32, start: u32, at: u32) -> Option<Op> {
        let (heads, kv_heads) = (u32::from(self.decoder.heads), u32::from(self.decoder.kv_heads));
        let width = u32::from(self.decoder.head_width);
        let steps = &self.steps;
        let rotate = |x, heads: u32| {
            let shape = [steps.rows, heads * width];
            let tables = [(Module::Rotary, Part::Cos), (Module::Rotary, Part::Sin)];
            let x = steps.rows(x, heads * width);
            steps.build(Kind::Rotate { width }, DType::F32, shape, &[x], &tables)
        };
        // Queries and keys as they are projected, or as they are normalised.
        let (queries, keys) = if self.decoder.qk_norm {
            (start + PROJECTED, start + PROJECTED + 1)
        } else {
            (start + 5, start + 7)
        };
        match step {
            0 => rotate(queries, heads),
            1 => rotate(keys, kv_heads),
            2 | 3 => steps.heads(step - 2, at, at + 2, [heads, width], Layout::TokenMajor),
            4 | 5 => steps.heads(step - 4, at + 1, at + 4, [kv_heads, width], Layout::TokenMajor),
            6 | 7 => {
                steps.heads(step - 6, start + 9, at + 6, [kv_heads, width], Layout::ChannelMajor)
            }
            _ => {
                let attention = Attention {
                    at: at + 8,
                    queries: at + 3,
                    keys: at + 5,
                    values: at + 7,
                    heads,
                    kv_heads,
                    width,
                    causal: true,
                };
                steps.attention(step - 8, &attention)
            }
        }
    }

    /// Step `step` after the attention, of which the first is operator `at`, in the layer that
    /// begins with operator `start`.
    fn feed(&self, layer: u16, step: u32, start: u32, at: u32) -> Option<Op> {
        let Decoder { hidden, intermediate, .. } = *self.decoder;
        let queries = self.decoder.query_width();
        let steps = &self.steps;
        match step {
            0 | 1 => steps.quantise(step, at - 1, at, queries),
            2 | 3 => {
                let module = Module::AttentionOutput(layer);
                steps.project(step - 2, at, at + 2, module, [queries, hidden])
            }
            4 => steps.add(at + 3, start - 1, hidden),
            5..=8 => self.norm(steps, step - 5, at + 4, at + 5, Module::FeedForwardNorm(layer)),
            9 | 10 => {
                let widths = [hidden, intermediate];
                steps.project(step - 9, at + 7, at + 9, Module::Gate(layer), widths)
            }
            11 | 12 => {
                let widths = [hidden, intermediate];
                steps.project(step - 11, at + 7, at + 11, Module::Up(layer), widths)
            }
            13 => {
                let operands =
                    [steps.rows(at + 10, intermediate), steps.rows(at + 12, intermediate)];
                let shape = [steps.rows, intermediate];
                steps.build(Kind::Swiglu, DType::F32, shape, &operands, &[])
            }
            14 | 15 => steps.quantise(step - 14, at + 13, at + 14, intermediate),
            16 | 17 => {
                let widths = [intermediate, hidden];
                steps.project(step - 16, at + 14, at + 16, Module::Down(layer), widths)
            }
            18 => steps.add(at + 17, at + 4, hidden),
            _ => None,
        }
    }

    /// Step `step` after the layers, of which the first is operator `start`.
    fn tail(&self, step: u32, start: u32) -> Option<Op> {
        let Decoder { hidden, vocabulary, .. } = *self.decoder;
        let rows = self.tokens_out;
        let steps = Steps { rows, ..self.steps };
        match step {
            0 => {
                let x = self.steps.rows(start - 1, hidden);
                let kind = Kind::Last { first: self.tokens_in - 1 };
                return steps.build(kind, DType::F32, [rows, hidden], &[x], &[]);
            }
            1..=4 => return self.norm(&steps, step - 1, start, start + 1, Module::FinalNorm),
            5 | 6 => {
                let module =
                    if self.decoder.tied_head { Module::WordEmbedding } else { Module::Head };
                return steps.project(step - 5, start + 3, start + 5, module, [hidden, vocabulary]);
            }
            _ => {}
        }
        let logits = steps.rows(start + 6, vocabulary);
        let blocks = [rows, vocabulary.div_ceil(BLOCK)];
        let row_max = |x| {
            let kind = Kind::RowMax { width: vocabulary };
            steps.build(kind, DType::F32, blocks, &[x], &[])
        };
        // The two steps that choose among the values of operator `x`, whose greatest are the
        // operator after it.
        let choose = |step, x: u32| match step {
            0 => {
                let kind = Kind::Best { width: vocabulary };
                steps.build(kind, DType::U32, blocks, &[steps.rows(x, vocabulary)], &[])
            }
            1 => {
                let operands = [f32_operand(x + 1, blocks), operand(x + 2, DType::U32, blocks)];
                steps.build(Kind::Sample, DType::U32, [rows], &operands, &[])
            }
            _ => None,
        };
        match (self.sampling, step) {
            (_, 7) => row_max(logits),
            (Sampling::Greedy, _) => choose(step - 8, start + 6),
            (Sampling::Gumbel { seed, temperature, min_p }, 8) => {
                let position = self.tokens_in;
                let kind = Kind::Perturb { seed, temperature, min_p, position };
                let operands = [logits, steps.blocks(start + 7, vocabulary)];
                steps.build(kind, DType::F32, [rows, vocabulary], &operands, &[])
            }
            (Sampling::Gumbel { .. }, 9) => row_max(steps.rows(start + 8, vocabulary)),
            (Sampling::Gumbel { .. }, _) => choose(step - 10, start + 8),
        }
    }
}
