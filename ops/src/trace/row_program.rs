//! The operators that give one record, restricted to its row.
//!
//! A row program lists operators of the run's [`Program`], with their numbers there. Of each it has
//! the elements of its own row, in their order: what is `[T, W]` in the program is `[W]` here, a
//! score matrix `[H, T, T]` is `[H, T]`. Of a decoder the program is that of the tokens up to the
//! row, so that its row is the last one.
//!
//! Keys and values are read across rows, 64 tokens of a channel at once, which lie in 64 records. So
//! the row program of a stream **gathers** them first: the whole largest magnitudes and values of all
//! rows, each element a copy from one record. From then on every element follows from few bytes.

use super::{prover::Rows, Anchor, Target, Trace};
use crate::{
    opening::{opening, Opening, Source as From, MAX_RANGES},
    program::{Kind, Layout, Op, Program},
    proof::{record_hash_of, Hash, Tree},
    weights::{DType, Weights},
};
use alloc::{vec, vec::Vec};
use vigil_architecture::{Architecture, Pooling};

/// Where bytes that an element is computed from lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Token ids, of the input or behind them of the output.
    Tokens,
    /// A part of a record.
    Record {
        /// Number of the anchor.
        anchor: u32,
        /// The row.
        row: u32,
        /// The part.
        part: u8,
    },
    /// The result of an earlier step of the same row program.
    Step(u32),
    /// The weight tensors, in canonical order.
    Weights,
}

/// Consecutive bytes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The source.
    pub source: Source,
    /// Bytes before them.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// Consecutive operators of the program.
type Run = core::ops::Range<u32>;

/// Most runs of operators that a row program is made of.
const MAX_RUNS: usize = 8;

/// The operators that compute one record, or the output.
#[derive(Clone, Debug)]
pub struct RowProgram {
    trace: Trace,
    target: Target,
    program: Program,
    row: u32,
    steps: Vec<Step>,
}

/// An operator of a row program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    /// Its number in the program.
    op: u32,
    /// Whether it is a copy of the records of all rows.
    gathers: bool,
}

/// Where the rows of an operator's result are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RowsOf {
    /// The dimension that counts them; none of what belongs to no row.
    axis: Option<usize>,
    /// Number of rows; 1 of what belongs to no row.
    rows: u64,
    /// Elements from one row's to the next one's.
    inner: u64,
}

/// The first operators of a layer's stages.
#[derive(Clone, Copy)]
struct Layer {
    /// The first.
    start: u32,
    /// The first after the projections and normalisations: rotations, of an encoder the scores.
    attention: u32,
    /// Behind the last.
    end: u32,
    /// The largest magnitudes of the keys; then keys, largest magnitudes of values and values.
    key_values: [u32; 4],
}

impl RowProgram {
    pub(super) fn new(trace: Trace, target: Target) -> Option<Self> {
        let row = match target {
            Target::Record { anchor, row } if anchor < trace.anchors() => row,
            Target::Record { .. } => return None,
            Target::Output => trace.tokens().checked_sub(1)?,
        };
        if row >= trace.tokens() {
            return None;
        }
        let tokens = if trace.is_causal() { row + 1 } else { trace.tokens() };
        let program = trace.program_of(tokens).ok()?;
        let mut this = Self { trace, target, program, row, steps: Vec::new() };
        this.steps = this.list()?;
        Some(this)
    }

    /// What it computes.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The commitments that it is part of.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The weight tensors.
    pub fn weights(&self) -> &Weights {
        self.program.weights()
    }

    /// Its row.
    pub fn row(&self) -> u32 {
        self.row
    }

    /// Number of steps.
    pub fn len(&self) -> u32 {
        self.steps.len() as u32
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The operator of a step, with its shape in the program.
    pub fn op(&self, step: u32) -> Option<Op> {
        self.program.op(self.step(step)?.op)
    }

    /// The number of a step's operator in the program.
    pub fn number(&self, step: u32) -> Option<u32> {
        Some(self.step(step)?.op)
    }

    /// Whether a step copies the records of all rows.
    pub fn gathers(&self, step: u32) -> bool {
        self.step(step).is_some_and(|step| step.gathers)
    }

    /// The dimension of a step's operator that counts rows, and the place of the row in it; `None`
    /// of what belongs to no row.
    pub(super) fn row_axis(&self, step: u32) -> Option<(usize, u64)> {
        let rows = rows_of(&self.op(step)?);
        rows.axis.map(|axis| (axis, self.row_in(rows)))
    }

    /// The records that its steps read.
    pub fn needs(&self) -> Vec<Rows> {
        let own = self.row..self.row + 1;
        let all = 0..if self.trace.is_causal() { own.end } else { self.trace.tokens() };
        // The stream before a layer is the anchor before its keys and values.
        let of_layer = |layer: u16| {
            let anchor = self.trace.index(Anchor::KeyValues(layer));
            let stream = Rows { anchor: anchor - 1, rows: own.clone() };
            vec![stream, Rows { anchor, rows: all.clone() }]
        };
        match self.target {
            Target::Record { anchor, .. } => match self.trace.anchor(anchor) {
                Some(Anchor::Stream(layer)) => of_layer(layer),
                Some(Anchor::KeyValues(_)) => vec![Rows { anchor: anchor - 1, rows: own }],
                Some(Anchor::Embedding) | None => Vec::new(),
            },
            Target::Output => match self.trace.architecture() {
                Architecture::Decoder(decoder) => of_layer(decoder.layers - 1),
                Architecture::Encoder(_) => {
                    vec![Rows { anchor: self.trace.anchors() - 1, rows: all }]
                }
            },
        }
    }

    /// Elements of a step's result.
    pub fn elements(&self, step: u32) -> Option<u64> {
        let (op, step) = (self.op(step)?, self.step(step)?);
        let all = op.shape.elements();
        Some(if step.gathers { all } else { all / rows_of(&op).rows })
    }

    /// Bytes of a step's result.
    pub fn size(&self, step: u32) -> Option<u64> {
        Some(self.elements(step)? * self.op(step)?.dtype.size() as u64)
    }

    /// The tree of a step's result.
    pub fn tree(&self, step: u32) -> Option<Tree> {
        self.size(step).map(Tree::Bytes)
    }

    /// Whether the results with these hashes, one for each step, end in the target, whose hash is
    /// given: that of the record, of an encoder's output, or BLAKE3 of the token's four bytes.
    pub fn ends_in(&self, results: &[Hash], target: &Hash) -> bool {
        if results.len() != self.steps.len() {
            return false;
        }
        let parts: Option<Vec<Hash>> = self
            .ends()
            .into_iter()
            .map(|step| results.get(usize::try_from(step).ok()?).copied())
            .collect();
        parts.and_then(|parts| record_hash_of(parts.into_iter())) == Some(*target)
    }

    /// The steps whose results are the parts of the target.
    pub fn ends(&self) -> Vec<u32> {
        let last = self.len().saturating_sub(1);
        match self.target {
            Target::Record { anchor, .. } => match self.trace.anchor(anchor) {
                Some(Anchor::KeyValues(layer)) => {
                    let numbers = self.layer(layer).key_values;
                    numbers.iter().filter_map(|op| self.find(*op)).collect()
                }
                _ => vec![last],
            },
            Target::Output => vec![last],
        }
    }

    /// The number in the program of element `element` of a step.
    pub fn element(&self, step: u32, element: u64) -> Option<u64> {
        if element >= self.elements(step)? {
            return None;
        }
        if self.gathers(step) {
            return Some(element);
        }
        let rows = rows_of(&self.op(step)?);
        let (outer, inner) = (element / rows.inner, element % rows.inner);
        Some((outer * rows.rows + self.row_in(rows)) * rows.inner + inner)
    }

    /// What an element is computed from: the operator's opening, whose ranges are the pieces in the
    /// same order. `token` is the id at the row, of which the first step of an embedding is made.
    ///
    /// `None` of an element that doesn't exist, of one whose token is outside the vocabulary, and of
    /// a gather, whose element is [`copied`](Self::copied).
    pub fn opening(&self, step: u32, element: u64, token: u32) -> Option<(Opening, Vec<Piece>)> {
        if self.gathers(step) {
            return None;
        }
        let op = self.op(step)?;
        let opening = opening(&op, self.element(step, element)?, token)?;
        let mut pieces = Vec::with_capacity(MAX_RANGES);
        for range in opening.ranges() {
            pieces.push(match range.source {
                From::Weight(i) => {
                    let offset = op.weight(i.into())?.offset.checked_add(range.offset)?;
                    Piece { source: Source::Weights, offset, len: range.len }
                }
                From::Operand(i) => {
                    let operand = op.operand(i.into())?;
                    self.piece(operand.index, operand.dtype, range.offset, range.len)?
                }
            });
        }
        Some((opening, pieces))
    }

    /// What an element of a gather is a copy of.
    pub fn copied(&self, step: u32, element: u64) -> Option<Piece> {
        if !self.gathers(step) || element >= self.elements(step)? {
            return None;
        }
        let (op, number) = (self.op(step)?, self.number(step)?);
        let size = op.dtype.size() as u64;
        self.record(number, &op, element * size, size)
    }

    /// Bytes of the result of operator `number` of the program, which an element is computed from.
    fn piece(&self, number: u32, dtype: DType, offset: u64, len: u64) -> Option<Piece> {
        if number == 0 {
            return Some(Piece { source: Source::Tokens, offset, len });
        }
        let op = self.program.op(number)?;
        let Some(step) = self.find(number) else { return self.record(number, &op, offset, len) };
        if self.gathers(step) {
            return Some(Piece { source: Source::Step(step), offset, len });
        }
        let size = dtype.size() as u64;
        let (row, offset) = local(rows_of(&op), size, offset)?;
        // An operator reads no other row of what is no record.
        (row == self.row_in(rows_of(&op))).then_some(Piece {
            source: Source::Step(step),
            offset,
            len,
        })
    }

    /// Bytes of a record that is the result of operator `number` of the program.
    fn record(&self, number: u32, op: &Op, offset: u64, len: u64) -> Option<Piece> {
        let (anchor, part) = self.anchor_of(number)?;
        let (row, offset) = local(rows_of(op), op.dtype.size() as u64, offset)?;
        let source = Source::Record {
            anchor: self.trace.index(anchor),
            row: u32::try_from(row).ok()?,
            part,
        };
        Some(Piece { source, offset, len })
    }

    /// The anchor, and the part of its records, that operator `number` is.
    fn anchor_of(&self, number: u32) -> Option<(Anchor, u8)> {
        if number == self.embedding().end - 1 {
            return Some((Anchor::Embedding, 0));
        }
        let rest = number.checked_sub(self.embedding().end)?;
        let layer = u16::try_from(rest / self.layer_len()).ok()?;
        let place = self.layer(layer);
        if number == place.end - 1 {
            return Some((Anchor::Stream(layer), 0));
        }
        let part = place.key_values.iter().position(|op| *op == number)?;
        Some((Anchor::KeyValues(layer), part as u8))
    }

    fn step(&self, step: u32) -> Option<Step> {
        self.steps.get(usize::try_from(step).ok()?).copied()
    }

    /// The step that is operator `number` of the program.
    fn find(&self, number: u32) -> Option<u32> {
        self.steps.iter().position(|step| step.op == number).map(|step| step as u32)
    }

    /// The row program's row in a result with these rows.
    fn row_in(&self, rows: RowsOf) -> u64 {
        if rows.rows > 1 {
            self.row.into()
        } else {
            0
        }
    }

    /// The steps, in the order of the program.
    fn list(&self) -> Option<Vec<Step>> {
        let mut runs: [(Run, bool); MAX_RUNS] = core::array::from_fn(|_| (0..0, false));
        let mut slots = runs.iter_mut();
        let mut add = |run: Run, gathers| {
            if let Some(slot) = slots.next() {
                *slot = (run, gathers);
            }
        };
        match self.target {
            Target::Record { anchor, .. } => match self.trace.anchor(anchor)? {
                Anchor::Embedding => add(self.embedding(), false),
                Anchor::KeyValues(layer) => self.key_values(layer, &mut add),
                Anchor::Stream(layer) => self.stream(layer, &mut add),
            },
            Target::Output => {
                let last = self.trace.architecture().layers().checked_sub(1)?;
                let end = self.layer(last).end;
                match self.trace.architecture() {
                    Architecture::Decoder(_) => self.stream(last, &mut add),
                    Architecture::Encoder(encoder) => {
                        if encoder.pooling == Pooling::Mean {
                            add(end - 1..end, true);
                        }
                    }
                }
                add(end..self.program.len(), false);
            }
        }
        let steps =
            runs.into_iter().flat_map(|(run, gathers)| run.map(move |op| Step { op, gathers }));
        Some(steps.collect())
    }

    /// The operators before the layers but the tokens.
    fn embedding(&self) -> Run {
        match self.trace.architecture() {
            Architecture::Encoder(_) => 1..5,
            Architecture::Decoder(_) => 1..2,
        }
    }

    fn layer_len(&self) -> u32 {
        match self.trace.architecture() {
            Architecture::Encoder(_) => 43,
            Architecture::Decoder(decoder) if decoder.qk_norm => 47,
            Architecture::Decoder(_) => 45,
        }
    }

    fn layer(&self, layer: u16) -> Layer {
        let len = self.layer_len();
        let start = self.embedding().end + u32::from(layer) * len;
        match self.trace.architecture() {
            Architecture::Encoder(_) => Layer {
                start,
                attention: start + 14,
                end: start + len,
                key_values: [start + 8, start + 9, start + 12, start + 13],
            },
            Architecture::Decoder(decoder) => {
                let at = start + if decoder.qk_norm { 12 } else { 10 };
                Layer {
                    start,
                    attention: at,
                    end: start + len,
                    key_values: [at + 4, at + 5, at + 6, at + 7],
                }
            }
        }
    }

    /// From the stream before a layer to its keys and values.
    fn key_values(&self, layer: u16, add: &mut dyn FnMut(Run, bool)) {
        let Layer { start, attention: at, .. } = self.layer(layer);
        match self.trace.architecture() {
            Architecture::Encoder(_) => {
                add(start..start + 2, false);
                add(start + 6..at, false);
            }
            Architecture::Decoder(decoder) => {
                add(start..start + 4, false);
                add(start + 6..start + 10, false);
                if decoder.qk_norm {
                    add(at - 1..at, false);
                }
                add(at + 1..at + 2, false);
                add(at + 4..at + 8, false);
            }
        }
    }

    /// From the stream before a layer, and the keys and values of all rows, to the stream behind it.
    fn stream(&self, layer: u16, add: &mut dyn FnMut(Run, bool)) {
        let Layer { start, attention: at, end, key_values: [_, _, max, values] } =
            self.layer(layer);
        add(start..start + 6, false);
        match self.trace.architecture() {
            Architecture::Encoder(_) => {
                add(max..values + 1, true);
                add(at..end, false);
            }
            Architecture::Decoder(decoder) => {
                if decoder.qk_norm {
                    add(at - 2..at - 1, false);
                }
                add(at..at + 1, false);
                add(at + 2..at + 4, false);
                add(max..values + 1, true);
                add(at + 8..end, false);
            }
        }
    }
}

/// Where the rows of an operator's result are.
fn rows_of(op: &Op) -> RowsOf {
    let axis = match op.kind {
        Kind::HeadQuantise { layout: Layout::ChannelMajor } => 2,
        Kind::HeadAbsMax { .. }
        | Kind::HeadQuantise { layout: Layout::TokenMajor }
        | Kind::Normalise { layout: Layout::ChannelMajor, .. }
        | Kind::Scores { .. }
        | Kind::CausalScores { .. }
        | Kind::ScoreMax
        | Kind::Exp
        | Kind::ExpSum
        | Kind::WeightMax
        | Kind::CausalWeightMax
        | Kind::Weight
        | Kind::CausalWeight
        | Kind::Mix => 1,
        // What an encoder pools belongs to all rows.
        Kind::PoolSum | Kind::Pool { .. } | Kind::First | Kind::Unit => {
            return RowsOf { axis: None, rows: 1, inner: op.shape.elements() };
        }
        Kind::SquareSum { .. } if op.shape.dimensions().len() == 1 => {
            return RowsOf { axis: None, rows: 1, inner: op.shape.elements() };
        }
        _ => 0,
    };
    let inner = op.shape.dimensions().iter().skip(axis + 1);
    RowsOf {
        axis: Some(axis),
        rows: op.shape.dimension(axis).into(),
        inner: inner.fold(1, |inner, dimension| inner * u64::from(*dimension)),
    }
}

/// The row, and the place in bytes within it, of the byte `offset` of a result.
fn local(rows: RowsOf, size: u64, offset: u64) -> Option<(u64, u64)> {
    let element = offset.checked_div(size)?;
    let (outer, inner) = (element / rows.inner, element % rows.inner);
    let (outer, row) = (outer / rows.rows, outer % rows.rows);
    Some((row, (outer * rows.inner + inner) * size))
}
