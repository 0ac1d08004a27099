//! Which bytes one element is computed from.
//!
//! The referee does not hold tensors. It asks for the few ranges listed here, each proven against a
//! commitment to the whole, and hands their bytes to [`element`](crate::element::element).

use crate::program::{Kind, Layout, Op, BLOCK, INNER_BLOCK, TOKEN_BLOCK};

/// Most bytes that one element of any operator is computed from, for any valid architecture.
pub const MAX_OPENING: u64 = 24 * 1_024;
/// Most ranges of an opening.
pub const MAX_RANGES: usize = 7;

/// Where a range lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The result of the operator's operand of this number.
    Operand(u8),
    /// The operator's weight tensor of this number.
    Weight(u8),
}

/// Consecutive bytes of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The tensor.
    pub source: Source,
    /// Bytes before the range.
    pub offset: u64,
    /// Bytes of the range.
    pub len: u64,
}

/// The ranges of one element, in the order in which [`element`](crate::element::element) takes
/// them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    index: u64,
    ranges: [Option<Range>; MAX_RANGES],
}

impl Opening {
    /// The element.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The ranges.
    pub fn ranges(&self) -> impl Iterator<Item = Range> + '_ {
        self.ranges.iter().flatten().copied()
    }

    /// Bytes of all ranges.
    pub fn size(&self) -> u64 {
        self.ranges().map(|range| range.len).sum()
    }

    fn push(&mut self, range: Range) {
        if let Some(slot) = self.ranges.iter_mut().find(|slot| slot.is_none()) {
            *slot = Some(range);
        }
    }
}

/// Builds the opening of one element of `op`.
struct Builder<'a> {
    op: &'a Op,
    opening: Opening,
}

impl Builder<'_> {
    /// `count` elements of operand `i` from element `first` on.
    fn operand(&mut self, i: usize, first: u64, count: u64) -> &mut Self {
        let size = self.op.operand(i).map_or(0, |operand| operand.dtype.size()) as u64;
        let source = Source::Operand(i as u8);
        self.opening.push(Range { source, offset: first * size, len: count * size });
        self
    }

    /// `count` elements of weight tensor `i` from element `first` on.
    fn weight(&mut self, i: usize, first: u64, count: u64) -> &mut Self {
        let size = self.op.weight(i).map_or(0, |weight| weight.dtype.size()) as u64;
        let source = Source::Weight(i as u8);
        self.opening.push(Range { source, offset: first * size, len: count * size });
        self
    }
}

/// The bytes that element `index` of `op` is computed from; `None` beyond the last element, for the
/// input, which is not computed, and for a token id outside the vocabulary.
///
/// `token` is the token id at row `index / W`; only [`Kind::Embed`] and [`Kind::Lookup`] read it. Of
/// a causal operator, what lies after the query's own position has no ranges: it is known.
pub fn opening(op: &Op, index: u64, token: u32) -> Option<Opening> {
    if index >= op.shape.elements() {
        return None;
    }
    let dimension = |axis| u64::from(op.shape.dimension(axis));
    let operand = |i: usize, axis: usize| {
        op.operand(i).map_or(1, |operand| u64::from(operand.shape.dimension(axis)))
    };
    // The last two dimensions; what lies before them is in `outer`.
    let last = op.shape.dimensions().len().saturating_sub(1);
    let (outer, inner) = (index / dimension(last), index % dimension(last));
    let mut builder = Builder { op, opening: Opening { index, ..Opening::default() } };
    // Element count of block `inner` of a row of `len`.
    let block = |len: u64, size: u32| {
        let first = inner * u64::from(size);
        (first, len.saturating_sub(first).min(size.into()))
    };
    match op.kind {
        Kind::Tokens => return None,
        // Beyond the table there is nothing to read: such a token has no valid result.
        Kind::Embed | Kind::Lookup if op.weight(0).is_none_or(|table| token >= table.rows) => {
            return None;
        }
        Kind::Embed => {
            let width = dimension(1);
            let row = u64::from(token) * width + inner;
            builder.operand(0, outer, 1).weight(0, row, 1).weight(1, token.into(), 1);
            builder.weight(2, index, 1).weight(3, outer, 1);
            builder.weight(4, inner, 1).weight(5, 0, 1);
        }
        Kind::Lookup => {
            let row = u64::from(token) * dimension(1) + inner;
            builder.operand(0, outer, 1).weight(0, row, 1).weight(1, token.into(), 1);
        }
        Kind::RowSum { width }
        | Kind::AbsMax { width }
        | Kind::SquareSum { width }
        | Kind::RowMax { width }
        | Kind::Best { width } => {
            let width = u64::from(width);
            let (first, count) = block(width, BLOCK);
            builder.operand(0, outer * width + first, count);
        }
        Kind::Deviation { width } => {
            let width = u64::from(width);
            let (first, count) = block(width, BLOCK);
            let blocks = dimension(1);
            builder.operand(0, outer * width + first, count).operand(1, outer * blocks, blocks);
        }
        Kind::Normalise { layout, .. } => {
            let (token, channel) = match layout {
                Layout::TokenMajor => (outer, inner),
                Layout::ChannelMajor => (inner, outer),
            };
            let (width, blocks) = (operand(0, 1), operand(1, 1));
            builder.operand(0, token * width + channel, 1);
            builder.operand(1, token * blocks, blocks).operand(2, token * blocks, blocks);
            builder.weight(0, channel, 1).weight(1, channel, 1);
        }
        Kind::RmsNormalise { .. } => {
            let blocks = operand(1, 1);
            builder.operand(0, index, 1).operand(1, outer * blocks, blocks).weight(0, inner, 1);
        }
        Kind::HeadNorm { width, .. } => {
            let width = u64::from(width);
            let channel = inner % width;
            builder.operand(0, index, 1).operand(0, index - channel, width).weight(0, channel, 1);
        }
        Kind::Rotate { width } => {
            let half = u64::from(width) / 2;
            let (channel, turn) = (inner % (2 * half), outer * half + inner % half);
            let low = index - channel + channel % half;
            builder.operand(0, low, 1).operand(0, low + half, 1);
            builder.weight(0, turn, 1).weight(1, turn, 1);
        }
        Kind::Quantise { .. } | Kind::Perturb { .. } => {
            let blocks = operand(1, 1);
            builder.operand(0, index, 1).operand(1, outer * blocks, blocks);
        }
        Kind::Dot { inner: width, .. } => {
            let width = u64::from(width);
            let (first, count) = block(width, INNER_BLOCK);
            let (token, output) = (outer / dimension(1), outer % dimension(1));
            builder.operand(0, token * width + first, count);
            builder.weight(0, output * width + first, count);
        }
        Kind::Dequantise { .. } => {
            let (dots, blocks) = (operand(0, 2), operand(1, 1));
            builder.operand(0, index * dots, dots).operand(1, outer * blocks, blocks);
            builder.weight(0, inner, 1);
            if op.weight(1).is_some() {
                builder.weight(1, inner, 1);
            }
        }
        Kind::HeadAbsMax { width } => {
            let (head, token, width) = (outer, inner, u64::from(width));
            builder.operand(0, token * operand(0, 1) + head * width, width);
        }
        Kind::HeadQuantise { layout } => {
            let (head, middle) = (outer / dimension(1), outer % dimension(1));
            let (token, channel, width) = match layout {
                Layout::TokenMajor => (middle, inner, dimension(2)),
                Layout::ChannelMajor => (inner, middle, dimension(1)),
            };
            builder.operand(0, token * operand(0, 1) + head * width + channel, 1);
            builder.operand(1, head * operand(1, 1) + token, 1);
        }
        Kind::CausalScores { .. } | Kind::CausalWeight if inner > outer % dimension(1) => {}
        Kind::Scores { width } | Kind::CausalScores { width } => {
            let (width, tokens) = (u64::from(width), dimension(1));
            let key = shared(outer / tokens, dimension(0), operand(1, 0)) * tokens + inner;
            builder.operand(0, outer * width, width).operand(1, key * width, width);
            builder.operand(2, outer, 1).operand(3, key, 1);
        }
        Kind::ScoreMax | Kind::ExpSum | Kind::PoolSum => {
            let tokens = op.operand(0).map_or(0, |operand| {
                u64::from(operand.shape.dimension(operand.shape.dimensions().len() - 1))
            });
            let (first, count) = block(tokens, TOKEN_BLOCK);
            builder.operand(0, outer * tokens + first, count);
        }
        Kind::Exp => {
            let blocks = operand(1, 2);
            builder.operand(0, index, 1).operand(1, outer * blocks, blocks);
        }
        Kind::WeightMax | Kind::CausalWeightMax => {
            let tokens = operand(0, 2);
            let (head, row) = (outer / tokens, outer % tokens);
            let seen = if op.kind == Kind::WeightMax { tokens } else { row + 1 };
            let (first, count) = block(seen, TOKEN_BLOCK);
            if count > 0 {
                let values = shared(head, dimension(0), operand(1, 0));
                builder.operand(0, outer * tokens + first, count);
                builder.operand(1, values * tokens + first, count);
            }
        }
        Kind::Weight | Kind::CausalWeight => {
            let (tokens, blocks) = (dimension(2), operand(2, 2));
            let values = shared(outer / tokens, dimension(0), operand(1, 0));
            builder.operand(0, index, 1).operand(1, values * tokens + inner, 1);
            builder.operand(2, outer * blocks, blocks);
        }
        Kind::Mix => {
            let (width, tokens) = (dimension(2), operand(0, 2));
            let (first, count) = block(tokens, TOKEN_BLOCK);
            let (row, channel) = (outer / width, outer % width);
            let head = shared(row / tokens, dimension(0), operand(1, 0));
            builder.operand(0, row * tokens + first, count);
            builder.operand(1, (head * width + channel) * tokens + first, count);
        }
        Kind::Context { width } => {
            let (width, tokens, blocks) = (u64::from(width), dimension(0), operand(0, 3));
            let (head, channel) = (inner / width, inner % width);
            let row = head * tokens + outer;
            builder.operand(0, (row * width + channel) * blocks, blocks);
            builder.operand(1, row * blocks, blocks).operand(2, row * blocks, blocks);
        }
        Kind::Add | Kind::Swiglu => {
            builder.operand(0, index, 1).operand(1, index, 1);
        }
        Kind::Gelu | Kind::First => {
            builder.operand(0, index, 1);
        }
        Kind::Pool { .. } => {
            let blocks = operand(0, 1);
            builder.operand(0, index * blocks, blocks);
        }
        Kind::Unit => {
            builder.operand(0, index, 1).operand(1, 0, operand(1, 0));
        }
        Kind::Last { first } => {
            builder.operand(0, u64::from(first) * dimension(1) + index, 1);
        }
        Kind::Sample => {
            let blocks = operand(0, 1);
            builder.operand(0, index * blocks, blocks).operand(1, index * blocks, blocks);
        }
    }
    Some(builder.opening)
}

/// The key and value head of query head `head`: each serves as many consecutive ones.
fn shared(head: u64, heads: u64, kv_heads: u64) -> u64 {
    head / (heads / kv_heads)
}
