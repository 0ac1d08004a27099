//! One output element of any operator.
//!
//! This is the whole of what the referee computes. Its operands are the bytes of the element's
//! [`opening`](crate::opening::opening), in that order.

use crate::{
    math::{
        canonical, exp, fold, gelu, greater, gumbel, limit, magnitude, order_key, quantise,
        scale_of, silu, sqrt, sum, I15_MAX, I8_MAX, MIN_NORM, WEIGHT_MAX,
    },
    opening::Opening,
    program::{Kind, Op, BLOCK},
};
use vigil_architecture::Activations;

/// An element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A canonical f32.
    F32(f32),
    /// A 32-bit integer.
    I32(i32),
    /// A token id.
    U32(u32),
    /// A 16-bit integer.
    I16(i16),
    /// A byte.
    I8(i8),
}

impl Value {
    /// Its little-endian bytes, and how many of them count.
    pub fn to_le_bytes(self) -> ([u8; 4], usize) {
        match self {
            Self::F32(x) => (x.to_le_bytes(), 4),
            Self::I32(x) => (x.to_le_bytes(), 4),
            Self::U32(x) => (x.to_le_bytes(), 4),
            Self::I16(x) => {
                let [low, high] = x.to_le_bytes();
                ([low, high, 0, 0], 2)
            }
            Self::I8(x) => ([x as u8, 0, 0, 0], 1),
        }
    }
}

/// Computes the element of `op` that has this opening, from the opening's bytes.
///
/// `None` when `inputs` are not as many, or not as long, as the opening says, and for the input
/// operator, which is given, not computed.
pub fn element(op: &Op, opening: &Opening, inputs: &[&[u8]]) -> Option<Value> {
    if !opening.ranges().map(|range| range.len).eq(inputs.iter().map(|input| input.len() as u64)) {
        return None;
    }
    let f32s = |i: usize| f32s(inputs.get(i).copied().unwrap_or(&[]));
    let first = |i: usize| f32s(i).next();
    let i8s = |i: usize| inputs.get(i).copied().unwrap_or(&[]).iter().map(|b| i32::from(*b as i8));
    let i16s = |i: usize| {
        let (words, _) = inputs.get(i).copied().unwrap_or(&[]).as_chunks();
        words.iter().map(|word| i32::from(i16::from_le_bytes(*word)))
    };
    let i32s = |i: usize| {
        let (words, _) = inputs.get(i).copied().unwrap_or(&[]).as_chunks();
        words.iter().map(|word| i32::from_le_bytes(*word))
    };
    // What a causal operator gives after the query's own position is opened by nothing.
    let hidden = inputs.is_empty();
    // The element's place in a matrix: its column is a token id, its row a generated token.
    let columns = u64::from(op.shape.dimension(1));
    let (row, column) = ((opening.index() / columns) as u32, (opening.index() % columns) as u32);
    // Largest of the partial maxima of magnitudes, which are not negative.
    let max = |i: usize| f32s(i).fold(0.0, greater);
    let value = match op.kind {
        Kind::Tokens => return None,
        Kind::Embed => {
            let row = |i: usize| Some(i8s(i).next()? as f32 * first(i + 1)?);
            Value::F32((row(1)? + row(3)?) + row(5)?)
        }
        Kind::RowSum { .. } | Kind::ExpSum | Kind::PoolSum => Value::F32(sum(f32s(0))),
        Kind::Lookup => Value::F32(i8s(1).next()? as f32 * first(2)?),
        Kind::Deviation { width } => {
            let mean = fold(f32s(1)) / width as f32;
            Value::F32(sum(f32s(0).map(|x| (x - mean) * (x - mean))))
        }
        Kind::Normalise { eps, .. } => {
            let width = op.operand(0)?.shape.dimension(1) as f32;
            let (mean, variance) = (fold(f32s(1)) / width, fold(f32s(2)) / width);
            let factor = 1.0 / sqrt(variance + f32::from_bits(eps));
            Value::F32(((first(0)? - mean) * factor) * first(3)? + first(4)?)
        }
        Kind::AbsMax { .. } | Kind::HeadAbsMax { .. } => {
            Value::F32(f32::from_bits(f32s(0).map(magnitude).fold(0, u32::max)))
        }
        Kind::Quantise { activations: Activations::Int15 } => {
            Value::I16(quantise(first(0)?, scale_of(max(1), I15_MAX), I15_MAX) as i16)
        }
        Kind::Quantise { activations: Activations::Int8 } | Kind::HeadQuantise { .. } => {
            Value::I8(quantise(first(0)?, scale_of(max(1), I8_MAX), I8_MAX) as i8)
        }
        Kind::Dot { activations: Activations::Int15, .. } => Value::I32(dot(i16s(0), i8s(1))),
        Kind::Dot { activations: Activations::Int8, .. } => Value::I32(dot(i8s(0), i8s(1))),
        Kind::Dequantise { activations } => {
            let scale = scale_of(max(1), limit(activations));
            let scaled = total(i32s(0)) * (first(2)? * scale);
            Value::F32(if op.weight(1).is_some() { scaled + first(3)? } else { scaled })
        }
        Kind::CausalScores { .. } if hidden => Value::F32(f32::NEG_INFINITY),
        Kind::Scores { width } | Kind::CausalScores { width } => {
            let product = dot(i8s(0), i8s(1)) as f32;
            let (query, key) = (scale_of(first(2)?, I8_MAX), scale_of(first(3)?, I8_MAX));
            Value::F32(product * ((query * (1.0 / sqrt(width as f32))) * key))
        }
        Kind::ScoreMax | Kind::RowMax { .. } => Value::F32(f32s(0).reduce(greater)?),
        Kind::Exp => Value::F32(exp(first(0)? - f32s(1).reduce(greater)?)),
        Kind::WeightMax | Kind::CausalWeightMax => {
            let weighted = f32s(0).zip(f32s(1)).map(|(e, max)| magnitude(e * max));
            Value::F32(f32::from_bits(weighted.fold(0, u32::max)))
        }
        Kind::CausalWeight if hidden => Value::I16(0),
        Kind::Weight | Kind::CausalWeight => {
            let scale = scale_of(max(2), WEIGHT_MAX);
            Value::I16(quantise(first(0)? * first(1)?, scale, WEIGHT_MAX) as i16)
        }
        Kind::Mix => Value::I32(dot(i16s(0), i8s(1))),
        Kind::Context { .. } => {
            Value::F32(total(i32s(0)) * ((scale_of(max(1), WEIGHT_MAX) / I8_MAX) / fold(f32s(2))))
        }
        Kind::Add => Value::F32(first(0)? + first(1)?),
        Kind::Gelu => Value::F32(gelu(first(0)?)),
        Kind::Pool { tokens } => Value::F32(fold(f32s(0)) / tokens as f32),
        Kind::First | Kind::Last { .. } => Value::F32(first(0)?),
        Kind::SquareSum { .. } => Value::F32(sum(f32s(0).map(|x| x * x))),
        Kind::Unit => {
            let norm = sqrt(fold(f32s(1)));
            let norm = if norm < MIN_NORM { MIN_NORM } else { norm };
            Value::F32(first(0)? / norm)
        }
        Kind::RmsNormalise { eps } => {
            let width = op.operand(0)?.shape.dimension(1) as f32;
            let factor = 1.0 / sqrt(fold(f32s(1)) / width + f32::from_bits(eps));
            Value::F32((first(0)? * factor) * first(2)?)
        }
        Kind::HeadNorm { width, eps } => {
            let squares = sum(f32s(1).map(|x| x * x));
            let factor = 1.0 / sqrt(squares / width as f32 + f32::from_bits(eps));
            Value::F32((first(0)? * factor) * first(2)?)
        }
        Kind::Rotate { width } => {
            let (low, high, cos, sin) = (first(0)?, first(1)?, first(2)?, first(3)?);
            Value::F32(if column % width < width / 2 {
                (low * cos) - (high * sin)
            } else {
                (high * cos) + (low * sin)
            })
        }
        Kind::Swiglu => Value::F32(silu(first(0)?) * first(1)?),
        Kind::Perturb { seed, temperature, min_p, position } => {
            let distance = first(0)? - f32s(1).reduce(greater)?;
            let scaled = distance / f32::from_bits(temperature);
            Value::F32(if exp(scaled) >= f32::from_bits(min_p) {
                scaled + gumbel(seed, position + row, column)
            } else {
                f32::NEG_INFINITY
            })
        }
        Kind::Best { .. } => Value::U32(column * BLOCK + first_of_greatest(f32s(0))?),
        Kind::Sample => {
            let (ids, _) = inputs.get(1)?.as_chunks();
            let block = first_of_greatest(f32s(0))?;
            Value::U32(u32::from_le_bytes(*ids.get(block as usize)?))
        }
    };
    Some(match value {
        Value::F32(x) => Value::F32(canonical(x)),
        integer => integer,
    })
}

/// The exact sum of products. A block of either kind is short enough for i32.
fn dot(a: impl Iterator<Item = i32>, b: impl Iterator<Item = i32>) -> i32 {
    a.zip(b).fold(0, |sum, (a, b)| sum + a * b)
}

/// The exact sum of partial sums, rounded to f32 once.
fn total(partials: impl Iterator<Item = i32>) -> f32 {
    partials.fold(0i64, |sum, partial| sum + i64::from(partial)) as f32
}

/// Little-endian f32 values; a rest shorter than four bytes is left out.
fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.as_chunks().0.iter().map(|word| f32::from_le_bytes(*word))
}

/// Place of the greatest value; of equals the first.
fn first_of_greatest(values: impl Iterator<Item = f32>) -> Option<u32> {
    let keys = (0u32..).zip(values.map(order_key));
    keys.reduce(|best, next| if next.1 > best.1 { next } else { best }).map(|(place, _)| place)
}
