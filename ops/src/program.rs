//! The operators of a run.
//!
//! A [`Program`] follows from an architecture and the number of tokens. Nothing is stored: operator
//! `i`, with its shape, its operands (operators before it) and its weights, is computed when asked.
//! Operator 0 is the input and the last one is the output.
//!
//! Sums and maxima over long rows are committed in blocks, so that one element of any operator
//! follows from at most [`MAX_OPENING`](crate::opening::MAX_OPENING) bytes.

use crate::weights::{DType, Module, Part, TensorId, TensorSpec, Weights};
use vigil_primitives::{
    architecture::{InvalidArchitecture, Pooling},
    Architecture, Encoder,
};

/// Elements of a row that one partial sum or maximum covers.
pub const BLOCK: u32 = 1_024;
/// Tokens that one partial sum or maximum covers.
pub const TOKEN_BLOCK: u32 = 64;
/// Terms of a matrix product that one partial sum covers.
pub const INNER_BLOCK: u32 = 8_192;

/// Which index of a tensor with a token and a channel index is the slow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A token's channels are consecutive.
    TokenMajor,
    /// A channel's tokens are consecutive.
    ChannelMajor,
}

/// What an operator computes. Shapes are in brackets; `T` tokens, `W` the width of a row, `H` heads,
/// `D` the width of a head, `B` the number of blocks of the reduced dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The token ids of the job's input: u32 `[T]`.
    Tokens,
    /// Sum of the rows of three tables: f32 `[T, W]`.
    Embed,
    /// Sums of blocks of a row: f32 `[T, B]`.
    RowSum {
        /// `W`.
        width: u32,
    },
    /// Sums of squared differences from the row's mean: f32 `[T, B]`.
    Deviation {
        /// `W`.
        width: u32,
    },
    /// Layer normalisation with the sums of the two above: f32 `[T, W]` or `[W, T]`.
    Normalise {
        /// Bits of the f32 added to the variance.
        eps: u32,
        /// Order of the result.
        layout: Layout,
    },
    /// Largest magnitudes of blocks of a row: f32 `[T, B]`.
    AbsMax {
        /// `W`.
        width: u32,
    },
    /// A row as int8 by its largest magnitude: i8 `[T, W]`.
    Quantise,
    /// Partial sums of the product with an int8 matrix: i32 `[T, W, B]`.
    Dot {
        /// Columns of the matrix.
        inner: u32,
    },
    /// The product as f32, plus bias: f32 `[T, W]`.
    Dequantise,
    /// Largest magnitude of a head's part of a row: f32 `[H, T]`.
    HeadAbsMax {
        /// `D`.
        width: u32,
    },
    /// A head's part of a row as int8: i8 `[H, T, D]` or `[H, D, T]`.
    HeadQuantise {
        /// Order of the result.
        layout: Layout,
    },
    /// Scaled products of queries and keys: f32 `[H, T, T]`.
    Scores {
        /// `D`.
        width: u32,
    },
    /// Largest scores of blocks of tokens: f32 `[H, T, B]`.
    ScoreMax,
    /// Exponentials of scores less their largest: f32 `[H, T, T]`.
    Exp,
    /// Their sums by blocks of tokens: f32 `[H, T, B]`.
    ExpSum,
    /// Largest product of exponential and value magnitude, by blocks of tokens: f32 `[H, T, B]`.
    WeightMax,
    /// Those products as integers: i16 `[H, T, T]`.
    Weight,
    /// Partial sums of weights times values: i32 `[H, T, D, B]`.
    Mix,
    /// Their totals as f32: `[T, W]`.
    Context {
        /// `D`.
        width: u32,
    },
    /// Sum of two tensors: f32 `[T, W]`.
    Add,
    /// The error-function GELU: f32 `[T, W]`.
    Gelu,
    /// Sums of a channel over blocks of tokens: f32 `[W, B]`.
    PoolSum,
    /// Mean of a channel over all tokens: f32 `[W]`.
    Pool {
        /// `T`.
        tokens: u32,
    },
    /// The first token's vector: f32 `[W]`.
    First,
    /// Sums of squares of blocks: f32 `[B]`.
    SquareSum {
        /// `W`.
        width: u32,
    },
    /// The vector scaled to unit length: f32 `[W]`.
    Unit,
}

/// Up to four dimensions, the last one consecutive in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    dimensions: [u32; 4],
    rank: u8,
}

impl Shape {
    fn new<const N: usize>(given: [u32; N]) -> Self {
        let mut dimensions = [1; 4];
        for (slot, dimension) in dimensions.iter_mut().zip(given) {
            *slot = dimension;
        }
        Self { dimensions, rank: N.min(4) as u8 }
    }

    /// The dimensions, slowest first.
    pub fn dimensions(&self) -> &[u32] {
        self.dimensions.get(..usize::from(self.rank)).unwrap_or(&[])
    }

    /// Dimension `axis`; 1 beyond the last.
    pub fn dimension(&self, axis: usize) -> u32 {
        self.dimensions.get(axis).copied().unwrap_or(1)
    }

    /// Number of elements.
    pub fn elements(&self) -> u64 {
        self.dimensions.iter().fold(1u64, |n, d| n.saturating_mul(u64::from(*d)))
    }
}

/// One operator of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// What it computes.
    pub kind: Kind,
    /// Type of its result's elements.
    pub dtype: DType,
    /// Shape of its result.
    pub shape: Shape,
    operands: [Option<Operand>; 4],
    weights: [Option<TensorSpec>; 6],
}

/// An earlier operator whose result is an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Its index in the program.
    pub index: u32,
    /// Type of its elements.
    pub dtype: DType,
    /// Its shape.
    pub shape: Shape,
}

impl Op {
    /// The results it is computed from.
    pub fn operands(&self) -> impl Iterator<Item = Operand> + '_ {
        self.operands.iter().flatten().copied()
    }

    /// The weight tensors it is computed from.
    pub fn weights(&self) -> impl Iterator<Item = TensorSpec> + '_ {
        self.weights.iter().flatten().copied()
    }

    /// Bytes of its result.
    pub fn size(&self) -> u64 {
        self.shape.elements().saturating_mul(self.dtype.size() as u64)
    }

    pub(crate) fn operand(&self, i: usize) -> Option<Operand> {
        self.operands.get(i).copied().flatten()
    }

    pub(crate) fn weight(&self, i: usize) -> Option<TensorSpec> {
        self.weights.get(i).copied().flatten()
    }
}

/// Why there is no program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoProgram {
    /// The architecture breaks one of its bounds.
    Invalid(InvalidArchitecture),
    /// No tokens, or more than the architecture takes.
    BadLength,
}

impl core::fmt::Display for NoProgram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::BadLength => {
                f.write_str("the number of tokens is zero or more than the model takes")
            }
        }
    }
}

impl core::error::Error for NoProgram {}

/// Operators before the layers: tokens, embedding and its normalisation.
const HEAD: u32 = 5;
/// Operators of a layer.
const LAYER: u32 = 43;

/// The operators of a run of `tokens` tokens.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    encoder: Encoder,
    weights: Weights,
    tokens: u32,
}

impl Program {
    /// The program of an architecture for a run of `tokens_in` tokens that generates `tokens_out`.
    pub fn new(
        architecture: &Architecture,
        tokens_in: u32,
        tokens_out: u32,
    ) -> Result<Self, NoProgram> {
        architecture.validate().map_err(NoProgram::Invalid)?;
        if tokens_in == 0
            || tokens_in > architecture.max_tokens_in()
            || tokens_out > architecture.max_tokens_out(tokens_in)
        {
            return Err(NoProgram::BadLength);
        }
        let weights = Weights::new(architecture);
        match architecture {
            Architecture::Encoder(encoder) => {
                Ok(Self { encoder: *encoder, weights, tokens: tokens_in })
            }
            Architecture::Decoder(_) => Err(NoProgram::BadLength),
        }
    }

    /// Number of operators.
    pub fn len(&self) -> u32 {
        HEAD + LAYER * u32::from(self.encoder.layers) + self.tail_len()
    }

    /// Whether it has none: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Tokens of the input.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Token ids are below this.
    pub fn vocabulary(&self) -> u32 {
        self.encoder.vocabulary
    }

    /// The weight tensors.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Operator `index`.
    pub fn op(&self, index: u32) -> Option<Op> {
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

    /// `[T, hidden]` f32.
    fn hidden(&self, index: u32) -> Operand {
        f32_operand(index, [self.tokens, self.encoder.hidden])
    }

    /// `[T, B]` f32 over `width`.
    fn blocks(&self, index: u32, width: u32) -> Operand {
        f32_operand(index, [self.tokens, width.div_ceil(BLOCK)])
    }

    fn build<const N: usize>(
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

    fn head(&self, index: u32) -> Option<Op> {
        use Module::{PositionEmbedding, TokenTypeEmbedding, WordEmbedding};
        let hidden = self.encoder.hidden;
        match index {
            0 => self.build(Kind::Tokens, DType::U32, [self.tokens], &[], &[]),
            1 => self.build(
                Kind::Embed,
                DType::F32,
                [self.tokens, hidden],
                &[Operand { index: 0, dtype: DType::U32, shape: Shape::new([self.tokens]) }],
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
        let (tokens, hidden) = (self.tokens, self.encoder.hidden);
        let blocks = [tokens, hidden.div_ceil(BLOCK)];
        let (sums, squares) = (self.blocks(x + 1, hidden), self.blocks(x + 2, hidden));
        let x = self.hidden(x);
        match step {
            0 => self.build(Kind::RowSum { width: hidden }, DType::F32, blocks, &[x], &[]),
            1 => self.build(Kind::Deviation { width: hidden }, DType::F32, blocks, &[x, sums], &[]),
            2 => {
                let shape = match layout {
                    Layout::TokenMajor => [tokens, hidden],
                    Layout::ChannelMajor => [hidden, tokens],
                };
                let eps = self.encoder.layer_norm_eps;
                self.build(
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

    /// The two steps that quantise the rows of operator `x`, `width` wide; they are operators
    /// `at` and `at + 1`.
    fn quantise(&self, step: u32, x: u32, at: u32, width: u32) -> Option<Op> {
        let x = f32_operand(x, [self.tokens, width]);
        match step {
            0 => {
                let shape = [self.tokens, width.div_ceil(BLOCK)];
                self.build(Kind::AbsMax { width }, DType::F32, shape, &[x], &[])
            }
            1 => {
                let max = self.blocks(at, width);
                self.build(Kind::Quantise, DType::I8, [self.tokens, width], &[x, max], &[])
            }
            _ => None,
        }
    }

    /// The two steps of a projection of the quantised operator `max + 1`, operators `at` and
    /// `at + 1`.
    fn project(
        &self,
        step: u32,
        max: u32,
        at: u32,
        module: Module,
        inner: u32,
        width: u32,
    ) -> Option<Op> {
        let dots = [self.tokens, width, inner.div_ceil(INNER_BLOCK)];
        match step {
            0 => {
                let q = Operand {
                    index: max + 1,
                    dtype: DType::I8,
                    shape: Shape::new([self.tokens, inner]),
                };
                self.build(Kind::Dot { inner }, DType::I32, dots, &[q], &[(module, Part::Weight)])
            }
            1 => {
                let dot = Operand { index: at, dtype: DType::I32, shape: Shape::new(dots) };
                self.build(
                    Kind::Dequantise,
                    DType::F32,
                    [self.tokens, width],
                    &[dot, self.blocks(max, inner)],
                    &[(module, Part::Scale), (module, Part::Bias)],
                )
            }
            _ => None,
        }
    }

    /// The four steps of a query, key or value: project, then quantise by heads.
    fn heads(&self, step: u32, max: u32, at: u32, module: Module, layout: Layout) -> Option<Op> {
        let Encoder { hidden, heads, .. } = self.encoder;
        let (tokens, heads, width) = (self.tokens, u32::from(heads), self.encoder.head_width());
        match step {
            0 | 1 => self.project(step, max, at, module, hidden, hidden),
            2 => {
                let x = self.hidden(at + 1);
                self.build(Kind::HeadAbsMax { width }, DType::F32, [heads, tokens], &[x], &[])
            }
            3 => {
                let operands = [self.hidden(at + 1), f32_operand(at + 2, [heads, tokens])];
                let shape = match layout {
                    Layout::TokenMajor => [heads, tokens, width],
                    Layout::ChannelMajor => [heads, width, tokens],
                };
                self.build(Kind::HeadQuantise { layout }, DType::I8, shape, &operands, &[])
            }
            _ => None,
        }
    }

    /// Step `step` of layer `layer`, whose first operator is number `start`.
    fn layer(&self, layer: u16, step: u32, start: u32) -> Option<Op> {
        let Encoder { hidden, intermediate, .. } = self.encoder;
        let x = start - 1;
        let last = u32::from(layer) + 1 == u32::from(self.encoder.layers);
        let layout = match self.encoder.pooling {
            Pooling::Mean if last => Layout::ChannelMajor,
            _ => Layout::TokenMajor,
        };
        let add = |a, b| {
            let operands = [self.hidden(a), self.hidden(b)];
            self.build(Kind::Add, DType::F32, [self.tokens, hidden], &operands, &[])
        };
        match step {
            0 | 1 => self.quantise(step, x, start, hidden),
            2..=5 => {
                self.heads(step - 2, start, start + 2, Module::Query(layer), Layout::TokenMajor)
            }
            6..=9 => self.heads(step - 6, start, start + 6, Module::Key(layer), Layout::TokenMajor),
            10..=13 => {
                self.heads(step - 10, start, start + 10, Module::Value(layer), Layout::ChannelMajor)
            }
            14..=21 => self.attention(step, start),
            22 | 23 => self.quantise(step - 22, start + 21, start + 22, hidden),
            24 | 25 => {
                let module = Module::AttentionOutput(layer);
                self.project(step - 24, start + 22, start + 24, module, hidden, hidden)
            }
            26 => add(start + 25, x),
            27..=29 => {
                let module = Module::AttentionNorm(layer);
                self.norm(step - 27, start + 26, module, Layout::TokenMajor)
            }
            30 | 31 => self.quantise(step - 30, start + 29, start + 30, hidden),
            32 | 33 => {
                let module = Module::Up(layer);
                self.project(step - 32, start + 30, start + 32, module, hidden, intermediate)
            }
            34 => {
                let shape = [self.tokens, intermediate];
                let operand = f32_operand(start + 33, shape);
                self.build(Kind::Gelu, DType::F32, shape, &[operand], &[])
            }
            35 | 36 => self.quantise(step - 35, start + 34, start + 35, intermediate),
            37 | 38 => {
                let module = Module::Down(layer);
                self.project(step - 37, start + 35, start + 37, module, intermediate, hidden)
            }
            39 => add(start + 38, start + 29),
            40..=42 => self.norm(step - 40, start + 39, Module::FeedForwardNorm(layer), layout),
            _ => None,
        }
    }

    fn attention(&self, step: u32, start: u32) -> Option<Op> {
        let (tokens, heads) = (self.tokens, u32::from(self.encoder.heads));
        let width = self.encoder.head_width();
        let blocks = tokens.div_ceil(TOKEN_BLOCK);
        let (pairs, partials) = ([heads, tokens, tokens], [heads, tokens, blocks]);
        let mix = [heads, tokens, width, blocks];
        let by_head = |index| f32_operand(index, [heads, tokens]);
        let i8_operand =
            |index, shape| Operand { index, dtype: DType::I8, shape: Shape::new(shape) };
        let vectors = [heads, tokens, width];
        let max_of_scores = f32_operand(start + 15, partials);
        let exp = f32_operand(start + 16, pairs);
        let max_of_weights = f32_operand(start + 18, partials);
        match step {
            14 => {
                let operands = [
                    i8_operand(start + 5, vectors),
                    i8_operand(start + 9, vectors),
                    by_head(start + 4),
                    by_head(start + 8),
                ];
                self.build(Kind::Scores { width }, DType::F32, pairs, &operands, &[])
            }
            15 => {
                let scores = f32_operand(start + 14, pairs);
                self.build(Kind::ScoreMax, DType::F32, partials, &[scores], &[])
            }
            16 => {
                let operands = [f32_operand(start + 14, pairs), max_of_scores];
                self.build(Kind::Exp, DType::F32, pairs, &operands, &[])
            }
            17 => self.build(Kind::ExpSum, DType::F32, partials, &[exp], &[]),
            18 => {
                let operands = [exp, by_head(start + 12)];
                self.build(Kind::WeightMax, DType::F32, partials, &operands, &[])
            }
            19 => {
                let operands = [exp, by_head(start + 12), max_of_weights];
                self.build(Kind::Weight, DType::I16, pairs, &operands, &[])
            }
            20 => {
                let weight =
                    Operand { index: start + 19, dtype: DType::I16, shape: Shape::new(pairs) };
                let values = i8_operand(start + 13, [heads, width, tokens]);
                self.build(Kind::Mix, DType::I32, mix, &[weight, values], &[])
            }
            21 => {
                let operands = [
                    Operand { index: start + 20, dtype: DType::I32, shape: Shape::new(mix) },
                    max_of_weights,
                    f32_operand(start + 17, partials),
                ];
                let shape = [tokens, self.encoder.hidden];
                self.build(Kind::Context { width }, DType::F32, shape, &operands, &[])
            }
            _ => None,
        }
    }

    /// Step `step` after the layers, of which the first is operator `start`.
    fn tail(&self, step: u32, start: u32) -> Option<Op> {
        let (tokens, hidden) = (self.tokens, self.encoder.hidden);
        let pooling = self.tail_len() - if self.encoder.normalize { 2 } else { 0 };
        let blocks = tokens.div_ceil(TOKEN_BLOCK);
        if step >= self.tail_len() {
            return None;
        }
        match (self.encoder.pooling, step) {
            (Pooling::Mean, 0) => {
                let x = f32_operand(start - 1, [hidden, tokens]);
                return self.build(Kind::PoolSum, DType::F32, [hidden, blocks], &[x], &[]);
            }
            (Pooling::Mean, 1) => {
                let sums = f32_operand(start, [hidden, blocks]);
                return self.build(Kind::Pool { tokens }, DType::F32, [hidden], &[sums], &[]);
            }
            (Pooling::Cls, 0) => {
                let x = self.hidden(start - 1);
                return self.build(Kind::First, DType::F32, [hidden], &[x], &[]);
            }
            _ => {}
        }
        let pooled = f32_operand(start + pooling - 1, [hidden]);
        let shape = [hidden.div_ceil(BLOCK)];
        if step == pooling {
            self.build(Kind::SquareSum { width: hidden }, DType::F32, shape, &[pooled], &[])
        } else {
            let sums = f32_operand(start + pooling, shape);
            self.build(Kind::Unit, DType::F32, [hidden], &[pooled, sums], &[])
        }
    }
}

fn f32_operand<const N: usize>(index: u32, shape: [u32; N]) -> Operand {
    Operand { index, dtype: DType::F32, shape: Shape::new(shape) }
}
