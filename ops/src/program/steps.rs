//! The sequences of operators that both families are made of.

use super::{Kind, Layout, Op, Operand, Shape, BLOCK, INNER_BLOCK, TOKEN_BLOCK};
use crate::weights::{DType, Module, Part, TensorId, Weights};
use vigil_architecture::Activations;

/// Makes operators over the same number of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps<'a> {
    /// The model's weights.
    pub(super) weights: &'a Weights,
    /// Tokens.
    pub(super) rows: u32,
    /// Bits of what goes into projections.
    pub(super) activations: Activations,
}

/// A result of type `dtype`.
pub(super) fn operand<const N: usize>(index: u32, dtype: DType, shape: [u32; N]) -> Operand {
    Operand { index, dtype, shape: Shape::new(shape) }
}

/// A result of type f32.
pub(super) fn f32_operand<const N: usize>(index: u32, shape: [u32; N]) -> Operand {
    operand(index, DType::F32, shape)
}

impl Steps<'_> {
    /// An operator, if the model has its weights.
    pub(super) fn build<const N: usize>(
        &self,
        kind: Kind,
        dtype: DType,
        shape: [u32; N],
        operands: &[Operand],
        weights: &[(Module, Part)],
    ) -> Option<Op> {
        let mut op =
            Op { kind, dtype, shape: Shape::new(shape), operands: [None; 4], weights: [None; 6] };
        for (slot, operand) in op.operands.iter_mut().zip(operands) {
            *slot = Some(*operand);
        }
        for (slot, (module, part)) in op.weights.iter_mut().zip(weights) {
            *slot = Some(self.weights.find(TensorId { module: *module, part: *part })?);
        }
        Some(op)
    }

    /// f32 rows `width` wide.
    pub(super) fn rows(&self, index: u32, width: u32) -> Operand {
        f32_operand(index, [self.rows, width])
    }

    /// f32, one for each block of rows `width` wide.
    pub(super) fn blocks(&self, index: u32, width: u32) -> Operand {
        f32_operand(index, [self.rows, width.div_ceil(BLOCK)])
    }

    /// The sum of operators `a` and `b`.
    pub(super) fn add(&self, a: u32, b: u32, width: u32) -> Option<Op> {
        let operands = [self.rows(a, width), self.rows(b, width)];
        self.build(Kind::Add, DType::F32, [self.rows, width], &operands, &[])
    }

    /// Type of quantised activations.
    fn integers(&self) -> DType {
        match self.activations {
            Activations::Int8 => DType::I8,
            Activations::Int15 => DType::I16,
        }
    }

    /// The two steps that quantise the rows of operator `x`, `width` wide; they are operators
    /// `at` and `at + 1`.
    pub(super) fn quantise(&self, step: u32, x: u32, at: u32, width: u32) -> Option<Op> {
        let x = self.rows(x, width);
        match step {
            0 => {
                let shape = [self.rows, width.div_ceil(BLOCK)];
                self.build(Kind::AbsMax { width }, DType::F32, shape, &[x], &[])
            }
            1 => {
                let max = self.blocks(at, width);
                let kind = Kind::Quantise { activations: self.activations };
                self.build(kind, self.integers(), [self.rows, width], &[x, max], &[])
            }
            _ => None,
        }
    }

    /// The two steps of a projection of the quantised operator `max + 1`, operators `at` and
    /// `at + 1`.
    pub(super) fn project(
        &self,
        step: u32,
        max: u32,
        at: u32,
        module: Module,
        [inner, width]: [u32; 2],
    ) -> Option<Op> {
        let dots = [self.rows, width, inner.div_ceil(INNER_BLOCK)];
        match step {
            0 => {
                let q = operand(max + 1, self.integers(), [self.rows, inner]);
                let kind = Kind::Dot { inner, activations: self.activations };
                self.build(kind, DType::I32, dots, &[q], &[(module, Part::Weight)])
            }
            1 => {
                let operands = [operand(at, DType::I32, dots), self.blocks(max, inner)];
                let scale = (module, Part::Scale);
                let bias = (module, Part::Bias);
                let weights: &[(Module, Part)] =
                    match self.weights.find(TensorId { module, part: Part::Bias }) {
                        Some(_) => &[scale, bias],
                        None => &[scale],
                    };
                let kind = Kind::Dequantise { activations: self.activations };
                self.build(kind, DType::F32, [self.rows, width], &operands, weights)
            }
            _ => None,
        }
    }

    /// The two steps that quantise by heads the rows of operator `x`; they are operators `at` and
    /// `at + 1`.
    pub(super) fn heads(
        &self,
        step: u32,
        x: u32,
        at: u32,
        [heads, width]: [u32; 2],
        layout: Layout,
    ) -> Option<Op> {
        let x = self.rows(x, heads * width);
        let by_head = [heads, self.rows];
        match step {
            0 => self.build(Kind::HeadAbsMax { width }, DType::F32, by_head, &[x], &[]),
            1 => {
                let operands = [x, f32_operand(at, by_head)];
                let shape = match layout {
                    Layout::TokenMajor => [heads, self.rows, width],
                    Layout::ChannelMajor => [heads, width, self.rows],
                };
                self.build(Kind::HeadQuantise { layout }, DType::I8, shape, &operands, &[])
            }
            _ => None,
        }
    }

    /// The eight steps from scores to context.
    pub(super) fn attention(&self, step: u32, given: &Attention) -> Option<Op> {
        let Attention { at, heads, kv_heads, width, .. } = *given;
        let rows = self.rows;
        let blocks = rows.div_ceil(TOKEN_BLOCK);
        let (pairs, partials) = ([heads, rows, rows], [heads, rows, blocks]);
        let mix = [heads, rows, width, blocks];
        let scores = f32_operand(at, pairs);
        let exp = f32_operand(at + 2, pairs);
        let weight_max = f32_operand(at + 4, partials);
        let values_max = f32_operand(given.values - 1, [kv_heads, rows]);
        match step {
            0 => {
                let operands = [
                    operand(given.queries, DType::I8, [heads, rows, width]),
                    operand(given.keys, DType::I8, [kv_heads, rows, width]),
                    f32_operand(given.queries - 1, [heads, rows]),
                    f32_operand(given.keys - 1, [kv_heads, rows]),
                ];
                let kind = match given.causal {
                    true => Kind::CausalScores { width },
                    false => Kind::Scores { width },
                };
                self.build(kind, DType::F32, pairs, &operands, &[])
            }
            1 => self.build(Kind::ScoreMax, DType::F32, partials, &[scores], &[]),
            2 => {
                let operands = [scores, f32_operand(at + 1, partials)];
                self.build(Kind::Exp, DType::F32, pairs, &operands, &[])
            }
            3 => self.build(Kind::ExpSum, DType::F32, partials, &[exp], &[]),
            4 => {
                let kind = if given.causal { Kind::CausalWeightMax } else { Kind::WeightMax };
                self.build(kind, DType::F32, partials, &[exp, values_max], &[])
            }
            5 => {
                let kind = if given.causal { Kind::CausalWeight } else { Kind::Weight };
                self.build(kind, DType::I16, pairs, &[exp, values_max, weight_max], &[])
            }
            6 => {
                let weight = operand(at + 5, DType::I16, pairs);
                let values = operand(given.values, DType::I8, [kv_heads, width, rows]);
                self.build(Kind::Mix, DType::I32, mix, &[weight, values], &[])
            }
            7 => {
                let operands =
                    [operand(at + 6, DType::I32, mix), weight_max, f32_operand(at + 3, partials)];
                let shape = [rows, heads * width];
                self.build(Kind::Context { width }, DType::F32, shape, &operands, &[])
            }
            _ => None,
        }
    }
}

/// Where an attention is and what it reads. The largest magnitudes of a quantised operator are the
/// operator before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attention {
    /// Index of the scores.
    pub(super) at: u32,
    /// Index of the quantised queries.
    pub(super) queries: u32,
    /// Index of the quantised keys.
    pub(super) keys: u32,
    /// Index of the quantised values.
    pub(super) values: u32,
    /// Heads of the queries.
    pub(super) heads: u32,
    /// Heads of keys and values.
    pub(super) kv_heads: u32,
    /// Width of a head.
    pub(super) width: u32,
    /// Whether a token looks at itself and those before it only.
    pub(super) causal: bool,
}
