//! Results, hashes and proofs of a run: what both parties of a dispute need.

use super::{
    referee::{bytes_of, grouped, part_bytes, Commitment},
    Piece, RowProgram, Source, Target, Trace,
};
use crate::{
    element::element,
    opening::MAX_RANGES,
    program::Kind,
    proof::{node_of, row_node, Bytes, Hash, PartBytes, Proof, Span},
    reference::BadInput,
    weights::Weights,
};
use alloc::{vec, vec::Vec};

/// Rows of an anchor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rows {
    /// Number of the anchor.
    pub anchor: u32,
    /// The rows.
    pub rows: core::ops::Range<u32>,
}

/// What somebody who can run the model again knows of a run.
pub trait Execution {
    /// Why a part of it could not be computed.
    type Error: From<BadInput>;

    /// The commitments of the run.
    fn trace(&self) -> Trace;

    /// The token ids of its rows.
    fn tokens(&self) -> &[u32];

    /// The weights file.
    fn weights(&self) -> &[u8];

    /// The hashes of all records of an anchor.
    ///
    /// # Errors
    /// They can't be computed.
    fn hashes(&mut self, anchor: u32) -> Result<Vec<Hash>, Self::Error>;

    /// Records of several anchors, the rows of each one after the other.
    ///
    /// # Errors
    /// They can't be computed.
    fn records(&mut self, wanted: &[Rows]) -> Result<Vec<Vec<u8>>, Self::Error>;

    /// The results of a row program, one for each step.
    ///
    /// # Errors
    /// They can't be computed.
    fn results(&mut self, program: &RowProgram) -> Result<Vec<Vec<u8>>, Self::Error>
    where
        Self: Sized,
    {
        evaluate(self, program)
    }
}

/// The records that a row program reads.
struct Records {
    anchor: u32,
    first: u32,
    len: usize,
    bytes: Vec<u8>,
}

/// The results of a row program, element by element, as the referee computes them.
///
/// # Errors
/// Those of the execution; [`BadInput`] if what it gives doesn't fit its trace.
pub fn evaluate<E: Execution>(
    execution: &mut E,
    program: &RowProgram,
) -> Result<Vec<Vec<u8>>, E::Error> {
    let trace = execution.trace();
    let needs = program.needs();
    let mut records = Vec::new();
    for (Rows { anchor, rows }, bytes) in needs.iter().zip(execution.records(&needs)?) {
        let kind = trace.anchor(*anchor).ok_or(BadInput::WrongLength)?;
        let len = usize::try_from(trace.parts(kind).size()).unwrap_or(usize::MAX);
        if bytes.len() != rows.len().saturating_mul(len) {
            return Err(BadInput::WrongLength.into());
        }
        records.push(Records { anchor: *anchor, first: rows.start, len, bytes });
    }
    let weights = data_of(execution.weights(), program.weights());
    let tokens: Vec<u8> = execution.tokens().iter().flat_map(|id| id.to_le_bytes()).collect();
    let mut results: Vec<Vec<u8>> = Vec::new();
    for step in 0..program.len() {
        let given =
            Given { program, tokens: &tokens, weights, records: &records, results: &results };
        results.push(given.result(step)?);
    }
    Ok(results)
}

/// The data of a weights file, behind its header.
fn data_of<'a>(file: &'a [u8], weights: &Weights) -> &'a [u8] {
    let size = usize::try_from(weights.size()).unwrap_or(usize::MAX);
    file.len().checked_sub(size).and_then(|header| file.get(header..)).unwrap_or_default()
}

/// What a step is computed from.
#[derive(Clone, Copy)]
struct Given<'a> {
    program: &'a RowProgram,
    tokens: &'a [u8],
    weights: &'a [u8],
    records: &'a [Records],
    results: &'a [Vec<u8>],
}

impl<'a> Given<'a> {
    fn result(self, step: u32) -> Result<Vec<u8>, BadInput> {
        let op = self.program.op(step).ok_or(BadInput::WrongLength)?;
        let elements = self.program.elements(step).ok_or(BadInput::WrongLength)?;
        let token = match op.kind {
            Kind::Embed | Kind::Lookup => {
                let at = (self.program.row() as usize).saturating_mul(4);
                let id = self.tokens.get(at..at.saturating_add(4));
                let id = id.and_then(|id| id.try_into().ok()).ok_or(BadInput::WrongLength)?;
                let token = u32::from_le_bytes(id);
                if token >= self.program.trace().architecture().vocabulary() {
                    return Err(BadInput::UnknownToken(token));
                }
                token
            }
            _ => 0,
        };
        let part = |elements: core::ops::Range<u64>| -> Result<Vec<u8>, BadInput> {
            let mut out = Vec::with_capacity((elements.end - elements.start) as usize * 4);
            for element in elements {
                self.element(step, &op, element, token, &mut out).ok_or(BadInput::WrongLength)?;
            }
            Ok(out)
        };
        #[cfg(feature = "std")]
        {
            use rayon::prelude::*;
            // So many elements are worth handing to another thread.
            const PART: u64 = 256;
            let parts: Result<Vec<Vec<u8>>, BadInput> = (0..elements.div_ceil(PART))
                .into_par_iter()
                .map(|number| part(number * PART..elements.min((number + 1) * PART)))
                .collect();
            Ok(parts?.concat())
        }
        #[cfg(not(feature = "std"))]
        part(0..elements)
    }

    fn element(
        self,
        step: u32,
        op: &crate::Op,
        place: u64,
        token: u32,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        if self.program.gathers(step) {
            out.extend_from_slice(self.bytes(&self.program.copied(step, place)?)?);
            return Some(());
        }
        let (opening, pieces) = self.program.opening(step, place, token)?;
        let mut inputs: [&[u8]; MAX_RANGES] = [&[]; MAX_RANGES];
        for (slot, piece) in inputs.iter_mut().zip(&pieces) {
            *slot = self.bytes(piece)?;
        }
        let value = element(op, &opening, inputs.get(..pieces.len())?)?;
        let (bytes, len) = value.to_le_bytes();
        out.extend_from_slice(bytes.get(..len)?);
        Some(())
    }

    fn bytes(self, piece: &Piece) -> Option<&'a [u8]> {
        let (from, before) = match piece.source {
            Source::Tokens => (self.tokens, 0),
            Source::Weights => (self.weights, 0),
            Source::Step(step) => (self.results.get(usize::try_from(step).ok()?)?.as_slice(), 0),
            Source::Record { anchor, row, part } => {
                let records = self.records.iter().find(|records| records.anchor == anchor)?;
                let row = usize::try_from(row.checked_sub(records.first)?).ok()?;
                let trace = self.program.trace();
                let parts = trace.parts(trace.anchor(anchor)?);
                let before: u64 = parts.lens().iter().take(part.into()).sum();
                let record = records.bytes.get(row.checked_mul(records.len)?..)?;
                (record, usize::try_from(before).ok()?)
            }
        };
        let start = before.checked_add(usize::try_from(piece.offset).ok()?)?;
        from.get(start..start.checked_add(usize::try_from(piece.len).ok()?)?)
    }
}

/// Answers from an execution; the results of the last row program are kept.
pub struct Prover<E> {
    execution: E,
    last: Option<(RowProgram, Vec<Vec<u8>>)>,
}

impl<E: Execution> Prover<E> {
    /// Of an execution.
    pub fn new(execution: E) -> Self {
        Self { execution, last: None }
    }

    /// The execution.
    pub fn execution(&self) -> &E {
        &self.execution
    }

    /// The roots of all anchors.
    ///
    /// # Errors
    /// Those of the execution.
    pub fn roots(&mut self) -> Result<Vec<Hash>, E::Error> {
        let trace = self.execution.trace();
        (0..trace.anchors()).map(|anchor| self.row_node(anchor, trace.rows().root())).collect()
    }

    /// The node above some rows of an anchor.
    ///
    /// # Errors
    /// Those of the execution.
    pub fn row_node(&mut self, anchor: u32, span: Span) -> Result<Hash, E::Error> {
        let hashes = self.execution.hashes(anchor)?;
        Ok(row_node(&hashes, span).ok_or(BadInput::WrongLength)?)
    }

    /// The nodes above several groups of rows of an anchor.
    ///
    /// # Errors
    /// Those of the execution.
    pub fn row_nodes(&mut self, anchor: u32, spans: &[Span]) -> Result<Vec<Hash>, E::Error> {
        let hashes = self.execution.hashes(anchor)?;
        let nodes: Option<Vec<Hash>> = spans.iter().map(|span| row_node(&hashes, *span)).collect();
        Ok(nodes.ok_or(BadInput::WrongLength)?)
    }

    /// The hashes of a row program's results.
    ///
    /// # Errors
    /// Those of the execution.
    pub fn result_hashes(&mut self, target: Target) -> Result<Vec<Hash>, E::Error> {
        let (_, results) = self.results(target)?;
        Ok(results.iter().map(|result| *blake3::hash(result).as_bytes()).collect())
    }

    /// The nodes above some chunks of a step's result.
    ///
    /// # Errors
    /// Those of the execution.
    pub fn result_nodes(
        &mut self,
        target: Target,
        step: u32,
        spans: &[Span],
    ) -> Result<Vec<Hash>, E::Error> {
        let result = self.result(target, step)?;
        Ok(spans.iter().map(|span| node_of(result, *span)).collect())
    }

    /// The bytes of a step's result.
    ///
    /// # Errors
    /// Those of the execution; [`BadInput`] if there is no such step.
    pub fn result(&mut self, target: Target, step: u32) -> Result<&[u8], E::Error> {
        let (_, results) = self.results(target)?;
        let result = usize::try_from(step).ok().and_then(|step| results.get(step));
        Ok(result.ok_or(BadInput::WrongLength)?)
    }

    /// The proof of what an element is computed from. The first `tokens_in` tokens are the input's.
    /// Of the output behind them all tokens are given, as they are committed to.
    ///
    /// # Errors
    /// Those of the execution; [`BadInput`] if there is no such element.
    pub fn proof(
        &mut self,
        target: Target,
        step: u32,
        element: u64,
        tokens_in: u32,
        output: &[u8],
    ) -> Result<Proof, E::Error> {
        let (program, _) = self.results(target)?;
        let program = program.clone();
        let mut token = 0;
        let mut first = 0;
        let mut proof = Proof::default();
        let embeds = |op: crate::Op| matches!(op.kind, Kind::Embed | Kind::Lookup);
        if program.op(step).is_some_and(embeds) {
            let row = u64::from(program.row());
            let piece = Piece { source: Source::Tokens, offset: 4 * row, len: 4 };
            self.open(&program, &[piece], tokens_in, output, &mut proof)?;
            let id = self.execution.tokens().get(program.row() as usize);
            token = *id.ok_or(BadInput::WrongLength)?;
            if token >= program.trace().architecture().vocabulary() {
                return Ok(proof);
            }
            first = 1;
        }
        let pieces = if program.gathers(step) {
            vec![program.copied(step, element).ok_or(BadInput::WrongLength)?]
        } else {
            program.opening(step, element, token).ok_or(BadInput::WrongLength)?.1
        };
        let rest = pieces.get(first..).unwrap_or_default();
        self.open(&program, rest, tokens_in, output, &mut proof)?;
        Ok(proof)
    }

    /// Adds the openings of pieces.
    fn open(
        &mut self,
        program: &RowProgram,
        pieces: &[Piece],
        tokens_in: u32,
        output: &[u8],
        proof: &mut Proof,
    ) -> Result<(), E::Error> {
        let trace = program.trace();
        let out_of_range = |_| BadInput::WrongLength;
        let header =
            (self.execution.weights().len() as u64).saturating_sub(program.weights().size());
        for (commitment, places) in grouped(pieces, tokens_in) {
            let of_group = || places.iter().filter_map(|place| pieces.get(*place));
            let ranges: Vec<Bytes> =
                of_group().map(|piece| bytes_of(piece, tokens_in, header)).collect();
            match commitment {
                Commitment::Input => {
                    let input = self.execution.tokens().iter().take(tokens_in as usize);
                    let input: Vec<u8> = input.flat_map(|id| id.to_le_bytes()).collect();
                    proof.open_bytes(&input, &ranges).map_err(out_of_range)?;
                }
                Commitment::Output => proof.open_bytes(output, &ranges).map_err(out_of_range)?,
                Commitment::Weights => {
                    proof.open_bytes(self.execution.weights(), &ranges).map_err(out_of_range)?;
                }
                Commitment::Result(step) => {
                    let result = self.result(program.target(), step)?;
                    proof.open_bytes(result, &ranges).map_err(out_of_range)?;
                }
                Commitment::Record { anchor, row } => {
                    let kind = trace.anchor(anchor).ok_or(BadInput::WrongLength)?;
                    let hashes = self.execution.hashes(anchor)?;
                    let rows = Rows { anchor, rows: row..row + 1 };
                    let record = self.execution.records(&[rows])?.concat();
                    let parts = trace.parts(kind).split(&record).ok_or(BadInput::WrongLength)?;
                    let ranges: Vec<PartBytes> = of_group().map(part_bytes).collect();
                    proof
                        .open_record(&hashes, row.into(), &parts, &ranges)
                        .map_err(out_of_range)?;
                }
            }
        }
        Ok(())
    }

    /// The results of a row program, computed once.
    fn results(&mut self, target: Target) -> Result<(&RowProgram, &[Vec<u8>]), E::Error> {
        if self.last.as_ref().is_none_or(|(program, _)| program.target() != target) {
            self.last = None;
            let trace = self.execution.trace();
            let program = trace.row_program(target).ok_or(BadInput::WrongLength)?;
            let results = self.execution.results(&program)?;
            self.last = Some((program, results));
        }
        let (program, results) = self.last.as_ref().ok_or(BadInput::WrongLength)?;
        Ok((program, results))
    }
}
