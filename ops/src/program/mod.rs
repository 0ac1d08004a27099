//! The operators of a run.
//!
//! A [`Program`] follows from an architecture, the numbers of tokens and the sampling. Nothing is
//! stored: operator `i`, with its shape, its operands (operators before it) and its weights, is
//! computed when asked. Operator 0 is the input and the last one is the output.
//!
//! A decoder's program is teacher-forced: its input is the job's tokens followed by those that the
//! run claims to have generated, all but the last, and its output is what it would have generated
//! at each of these positions. The claim holds when the two agree.
//!
//! Sums and maxima over long rows are committed in blocks, so that one element of any operator
//! follows from at most [`MAX_OPENING`](crate::opening::MAX_OPENING) bytes.

mod decoder;
mod encoder;
mod steps;

use crate::weights::{DType, TensorSpec, Weights};
use steps::Steps;
use vigil_architecture::{Activations, Architecture, BadRun, InvalidArchitecture, Sampling};

/// Elements of a row that one partial sum or maximum covers.
pub const BLOCK: u32 = 1_024;
/// Tokens that one partial sum or maximum covers.
pub const TOKEN_BLOCK: u32 = 64;
/// Terms of a matrix product that one partial sum covers: of activations of 15 bits it is the most
/// that i32 holds, 16,319 x 127 x 1,024 < 2^31.
pub const INNER_BLOCK: u32 = 1_024;

/// Which index of a tensor with a token and a channel index is the slow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// A token's channels are consecutive.
    TokenMajor,
    /// A channel's tokens are consecutive.
    ChannelMajor,
}

/// What an operator computes. Shapes are in brackets; `T` tokens, `R` generated tokens, `W` the
/// width of a row, `H` heads, `G` key and value heads, `D` the width of a head, `V` the vocabulary,
/// `B` the number of blocks of the reduced dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The token ids that a run reads: u32 `[T]`.
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
    /// A row as integers by its largest magnitude: i8 `[T, W]`, or i16 where they have 15 bits.
    Quantise {
        /// How many bits.
        activations: Activations,
    },
    /// Partial sums of the product with an int8 matrix: i32 `[T, W, B]`.
    Dot {
        /// Columns of the matrix.
        inner: u32,
        /// Bits of the rows.
        activations: Activations,
    },
    /// The product as f32, plus the bias where there is one: f32 `[T, W]`.
    Dequantise {
        /// Bits of the rows.
        activations: Activations,
    },
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
    /// Sums of squares of blocks: f32 `[B]`, or `[T, B]` of rows.
    SquareSum {
        /// `W`.
        width: u32,
    },
    /// The vector scaled to unit length: f32 `[W]`.
    Unit,
    /// The row of one table: f32 `[T, W]`.
    Lookup,
    /// Root-mean-square normalisation with the sums of squares: f32 `[T, W]`.
    RmsNormalise {
        /// Bits of the f32 added to the mean square.
        eps: u32,
    },
    /// The same over every head's part of a row: f32 `[T, H * D]`.
    HeadNorm {
        /// `D`.
        width: u32,
        /// Bits of the f32 added to the mean square.
        eps: u32,
    },
    /// Pairs of channels of a head turned by the angles of the row's position: f32 `[T, H * D]`.
    Rotate {
        /// `D`.
        width: u32,
    },
    /// [`Kind::Scores`] of keys up to the query's own position, -inf after it: f32 `[H, T, T]`.
    CausalScores {
        /// `D`.
        width: u32,
    },
    /// [`Kind::WeightMax`] over tokens up to the query's own: f32 `[H, T, B]`.
    CausalWeightMax,
    /// [`Kind::Weight`] of tokens up to the query's own, 0 after it: i16 `[H, T, T]`.
    CausalWeight,
    /// The gate through SiLU, times the other projection: f32 `[T, W]`.
    Swiglu,
    /// The rows at which tokens are generated: f32 `[R, W]`.
    Last {
        /// The first of them.
        first: u32,
    },
    /// Greatest values of blocks of a row: f32 `[R, B]`.
    RowMax {
        /// `V`.
        width: u32,
    },
    /// Logits over the temperature plus Gumbel noise, -inf where too unlikely: f32 `[R, V]`.
    Perturb {
        /// Seed of the noise.
        seed: u64,
        /// Bits of the f32 that the logits are divided by.
        temperature: u32,
        /// Bits of the f32 that is the least share of the likeliest token's probability.
        min_p: u32,
        /// Position of the first generated token.
        position: u32,
    },
    /// Lowest id of the greatest value of every block: u32 `[R, B]`.
    Best {
        /// `V`.
        width: u32,
    },
    /// The generated tokens: u32 `[R]`.
    Sample,
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
    /// The architecture cannot run so many tokens, or not with this sampling.
    Run(BadRun),
}

impl core::fmt::Display for NoProgram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Run(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for NoProgram {}

/// The operators of a run.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    architecture: Architecture,
    weights: Weights,
    tokens_in: u32,
    tokens_out: u32,
    sampling: Sampling,
}

impl Program {
    /// The program of an architecture for a run of `tokens_in` tokens that generates `tokens_out`:
    /// none of an encoder, at least one of a decoder.
    pub fn new(
        architecture: &Architecture,
        tokens_in: u32,
        tokens_out: u32,
        sampling: Sampling,
    ) -> Result<Self, NoProgram> {
        architecture.validate().map_err(NoProgram::Invalid)?;
        architecture.check_run(tokens_in, tokens_out, sampling).map_err(NoProgram::Run)?;
        let weights = Weights::new(architecture);
        Ok(Self { architecture: *architecture, weights, tokens_in, tokens_out, sampling })
    }

    /// Number of operators.
    pub fn len(&self) -> u32 {
        match &self.architecture {
            Architecture::Encoder(encoder) => self.encoder(encoder).len(),
            Architecture::Decoder(decoder) => self.decoder(decoder).len(),
        }
    }

    /// Whether it has none: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Tokens that operator 0 holds, which is the number of positions: those of the input and,
    /// of a decoder, all generated ones but the last.
    pub fn tokens(&self) -> u32 {
        self.tokens_in.saturating_add(self.tokens_out.saturating_sub(1))
    }

    /// Tokens of the job's input.
    pub fn tokens_in(&self) -> u32 {
        self.tokens_in
    }

    /// Tokens that the run generates.
    pub fn tokens_out(&self) -> u32 {
        self.tokens_out
    }

    /// How they are chosen.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The model.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Token ids are below this.
    pub fn vocabulary(&self) -> u32 {
        self.architecture.vocabulary()
    }

    /// The weight tensors.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Operator `index`.
    pub fn op(&self, index: u32) -> Option<Op> {
        match &self.architecture {
            Architecture::Encoder(encoder) => self.encoder(encoder).op(index),
            Architecture::Decoder(decoder) => self.decoder(decoder).op(index),
        }
    }

    fn steps(&self) -> Steps<'_> {
        let activations = self.architecture.activations();
        Steps { weights: &self.weights, rows: self.tokens(), activations }
    }

    fn encoder<'a>(&'a self, encoder: &'a vigil_architecture::Encoder) -> encoder::Run<'a> {
        encoder::Run { encoder, steps: self.steps() }
    }

    fn decoder<'a>(&'a self, decoder: &'a vigil_architecture::Decoder) -> decoder::Run<'a> {
        decoder::Run {
            decoder,
            steps: self.steps(),
            tokens_in: self.tokens_in,
            tokens_out: self.tokens_out,
            sampling: self.sampling,
        }
    }
}
