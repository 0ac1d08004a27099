//! A whole run that kept everything.
//!
//! Slow and plain, as [`reference`](mod@crate::reference) is: every result of every operator is in
//! memory, records and row programs are cut out of them. It is what engines are held against, and
//! where tests make faults: a fault in one operator's result is carried on by all that follow, as it
//! would be in a broken worker.

use super::{Execution, RowProgram, Rows, Target, Trace};
use crate::{
    program::{Op, Shape},
    proof::Hash,
    reference::{self, BadInput},
};
use alloc::vec::Vec;

/// The results of a whole run.
#[derive(Clone, Debug)]
pub struct Recording {
    trace: Trace,
    tokens: Vec<u32>,
    weights: Vec<u8>,
    results: Vec<(Op, Vec<u8>)>,
}

impl Recording {
    /// Runs the model over the tokens. `weights` is the whole weights file. `fault` is told of every
    /// result before it is used, and may change it.
    ///
    /// # Errors
    /// The tokens or the weights don't fit the trace.
    pub fn new(
        trace: Trace,
        tokens: &[u32],
        weights: &[u8],
        mut fault: impl FnMut(u32, &Op, &mut [u8]),
    ) -> Result<Self, BadInput> {
        let program = trace.program().ok_or(BadInput::WrongLength)?;
        let size = usize::try_from(program.weights().size()).map_err(|_| BadInput::WrongLength)?;
        let header = weights.len().checked_sub(size).ok_or(BadInput::WrongLength)?;
        let data = weights.get(header..).ok_or(BadInput::WrongLength)?;
        let mut results = Vec::new();
        reference::run(&program, tokens, data, |number, op, result| {
            fault(number, op, result);
            results.push((*op, result.to_vec()));
        })?;
        Ok(Self { trace, tokens: tokens.to_vec(), weights: weights.to_vec(), results })
    }

    /// The output: an encoder's vector, or the token of a decoder.
    pub fn output(&self) -> &[u8] {
        self.results.last().map(|(_, result)| result.as_slice()).unwrap_or_default()
    }

    /// The result of operator `number`, as far as an operator of shape `shape` has it. `row` is the
    /// place along the axis that counts rows; of a whole result there is none.
    fn cut(&self, number: u32, op: &Op, row: Option<(usize, u64)>) -> Option<Vec<u8>> {
        let (whole, result) = self.results.get(usize::try_from(number).ok()?)?;
        let size = whole.dtype.size();
        let mut out = Vec::new();
        for place in places(&op.shape, row) {
            let mut index = 0u64;
            for (axis, place) in place.iter().enumerate() {
                index = index * u64::from(whole.shape.dimension(axis)) + place;
            }
            let start = usize::try_from(index).ok()?.checked_mul(size)?;
            out.extend_from_slice(result.get(start..start.checked_add(size)?)?);
        }
        Some(out)
    }
}

/// All places of a shape in order, or those of one row along an axis.
fn places(shape: &Shape, row: Option<(usize, u64)>) -> Vec<Vec<u64>> {
    let mut all: Vec<Vec<u64>> = alloc::vec![Vec::new()];
    for (axis, dimension) in shape.dimensions().iter().enumerate() {
        let along = match row {
            Some((of, row)) if of == axis => row..row + 1,
            _ => 0..u64::from(*dimension),
        };
        let further = |place: Vec<u64>| {
            along.clone().map(move |next| {
                let mut place = place.clone();
                place.push(next);
                place
            })
        };
        all = all.into_iter().flat_map(further).collect();
    }
    all
}

impl Execution for Recording {
    type Error = BadInput;

    fn trace(&self) -> Trace {
        self.trace
    }

    fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    fn weights(&self) -> &[u8] {
        &self.weights
    }

    fn hashes(&mut self, anchor: u32) -> Result<Vec<Hash>, BadInput> {
        let kind = self.trace.anchor(anchor).ok_or(BadInput::WrongLength)?;
        let parts = self.trace.parts(kind);
        let hash = |row| parts.hash(&self.record(anchor, row)?);
        (0..self.trace.tokens()).map(hash).collect::<Option<_>>().ok_or(BadInput::WrongLength)
    }

    fn records(&mut self, wanted: &[Rows]) -> Result<Vec<Vec<u8>>, BadInput> {
        let records = |Rows { anchor, rows }: &Rows| {
            let records = rows.clone().map(|row| self.record(*anchor, row));
            records.collect::<Option<Vec<_>>>().map(|records| records.concat())
        };
        wanted.iter().map(records).collect::<Option<_>>().ok_or(BadInput::WrongLength)
    }

    fn results(&mut self, program: &RowProgram) -> Result<Vec<Vec<u8>>, BadInput> {
        let results = (0..program.len()).map(|step| self.result(program, step));
        results.collect::<Option<_>>().ok_or(BadInput::WrongLength)
    }
}

impl Recording {
    fn record(&self, anchor: u32, row: u32) -> Option<Vec<u8>> {
        let program = self.trace.row_program(Target::Record { anchor, row })?;
        let parts = program.ends().into_iter().map(|step| self.result(&program, step));
        parts.collect::<Option<Vec<_>>>().map(|parts| parts.concat())
    }

    fn result(&self, program: &RowProgram, step: u32) -> Option<Vec<u8>> {
        let op = program.op(step)?;
        let row = if program.gathers(step) { None } else { program.row_axis(step) };
        self.cut(program.number(step)?, &op, row)
    }
}
