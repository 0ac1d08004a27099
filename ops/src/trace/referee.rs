//! One element of a disputed result, computed from proven operands.

use super::{row_program::Piece, RowProgram, Source};
use crate::{
    element::element,
    program::Kind,
    proof::{BadProof, Bytes, Hash, PartBytes, Reader, RecordPlace, CHUNK},
};
use alloc::{vec, vec::Vec};

/// Bytes of a token id.
const TOKEN: u64 = 4;

/// What the parties have committed to.
#[derive(Clone, Copy, Debug)]
pub struct Commitments<'a> {
    /// Roots of the anchors.
    pub anchors: &'a [Hash],
    /// BLAKE3 of each step's result of the row program.
    pub results: &'a [Hash],
    /// BLAKE3 of the input's token ids.
    pub input: Hash,
    /// Tokens of the input.
    pub tokens_in: u32,
    /// BLAKE3 of the output.
    pub output: Hash,
    /// Tokens of the output.
    pub tokens_out: u32,
    /// BLAKE3 of the weights file.
    pub weights: Hash,
    /// Bytes of the weights file.
    pub weights_len: u64,
}

/// An element of a result, and the chunk of the result that holds it.
#[derive(Clone, Copy, Debug)]
pub struct Disputed<'a> {
    /// The step.
    pub step: u32,
    /// The element, counted in the step's result.
    pub element: u64,
    /// The chunk of the result with the element, as it was committed to.
    pub chunk: &'a [u8],
}

/// What the referee finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The element is what its operands give.
    Right,
    /// It is not.
    Wrong,
}

/// Why there is no finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// There is no such step or element.
    NoSuchElement,
    /// The operands are not proven.
    BadProof(BadProof),
}

impl core::fmt::Display for Unproven {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoSuchElement => f.write_str("there is no such step or element"),
            Self::BadProof(bad) => bad.fmt(f),
        }
    }
}

impl core::error::Error for Unproven {}

impl From<BadProof> for Unproven {
    fn from(bad: BadProof) -> Self {
        Self::BadProof(bad)
    }
}

/// What some pieces are proven against together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Commitment {
    /// The input's token ids.
    Input,
    /// The output's.
    Output,
    /// A record of an anchor.
    Record {
        /// Number of the anchor.
        anchor: u32,
        /// The row.
        row: u32,
    },
    /// The result of a step.
    Result(u32),
    /// The weights file.
    Weights,
}

impl Commitment {
    /// What proves a piece.
    pub(super) fn of(piece: &Piece, tokens_in: u32) -> Self {
        match piece.source {
            Source::Tokens if piece.offset / TOKEN < u64::from(tokens_in) => Self::Input,
            Source::Tokens => Self::Output,
            Source::Record { anchor, row, .. } => Self::Record { anchor, row },
            Source::Step(step) => Self::Result(step),
            Source::Weights => Self::Weights,
        }
    }
}

/// The commitments of some pieces in the order of their proofs, each with the places of its pieces.
pub(super) fn grouped(pieces: &[Piece], tokens_in: u32) -> Vec<(Commitment, Vec<usize>)> {
    let mut groups: Vec<(Commitment, Vec<usize>)> = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let commitment = Commitment::of(piece, tokens_in);
        match groups.iter_mut().find(|(known, _)| *known == commitment) {
            Some((_, places)) => places.push(place),
            None => groups.push((commitment, vec![place])),
        }
    }
    groups
}

/// Where the bytes of a piece lie in what proves it.
pub(super) fn bytes_of(piece: &Piece, tokens_in: u32, header_len: u64) -> Bytes {
    let before = match Commitment::of(piece, tokens_in) {
        Commitment::Output => {
            return Bytes {
                offset: piece.offset.saturating_sub(TOKEN * u64::from(tokens_in)),
                len: piece.len,
            }
        }
        Commitment::Weights => header_len,
        _ => 0,
    };
    Bytes { offset: piece.offset.saturating_add(before), len: piece.len }
}

/// The part of a record that a piece lies in.
pub(super) fn part_bytes(piece: &Piece) -> PartBytes {
    let part = match piece.source {
        Source::Record { part, .. } => part,
        _ => 0,
    };
    PartBytes { part, bytes: Bytes { offset: piece.offset, len: piece.len } }
}

/// Computes one element of a result from its operands, which the proof opens, and says whether the
/// result has it.
///
/// A token id outside the vocabulary has no valid result: what is made from one is wrong, whatever
/// it is.
///
/// # Errors
/// There is no such element, or the proof doesn't open its operands, and nothing beside them.
pub fn referee(
    program: &RowProgram,
    disputed: Disputed<'_>,
    given: &Commitments<'_>,
    mut proof: Reader<'_>,
) -> Result<Finding, Unproven> {
    let Disputed { step, element: place, chunk } = disputed;
    let op = program.op(step).ok_or(Unproven::NoSuchElement)?;
    let size = op.dtype.size() as u64;
    let claimed = program
        .elements(step)
        .filter(|elements| place < *elements)
        .and_then(|_| usize::try_from((place * size) % CHUNK).ok())
        .and_then(|start| chunk.get(start..start.checked_add(op.dtype.size())?))
        .ok_or(Unproven::NoSuchElement)?;
    if program.gathers(step) {
        let piece = program.copied(step, place).ok_or(Unproven::NoSuchElement)?;
        let copied = read(program, given, &mut proof, &[piece])?;
        proof.finish()?;
        return Ok(finding(copied.first().is_some_and(|copied| *copied == claimed)));
    }
    let mut token = 0;
    let mut first: Vec<&[u8]> = Vec::new();
    if matches!(op.kind, Kind::Embed | Kind::Lookup) {
        let offset = TOKEN * u64::from(program.row());
        let piece = Piece { source: Source::Tokens, offset, len: TOKEN };
        first = read(program, given, &mut proof, &[piece])?;
        let id = first.first().and_then(|bytes| (*bytes).try_into().ok());
        token = u32::from_le_bytes(id.ok_or(Unproven::NoSuchElement)?);
        if token >= program.trace().architecture().vocabulary() {
            proof.finish()?;
            return Ok(Finding::Wrong);
        }
    }
    let (opening, pieces) = program.opening(step, place, token).ok_or(Unproven::NoSuchElement)?;
    let rest = pieces.get(first.len()..).unwrap_or_default();
    let mut inputs = first;
    inputs.extend(read(program, given, &mut proof, rest)?);
    proof.finish()?;
    let value = element(&op, &opening, &inputs).ok_or(Unproven::NoSuchElement)?;
    let (bytes, len) = value.to_le_bytes();
    Ok(finding(bytes.get(..len) == Some(claimed)))
}

fn finding(right: bool) -> Finding {
    if right {
        Finding::Right
    } else {
        Finding::Wrong
    }
}

/// Reads the pieces from the proof, commitment by commitment.
fn read<'a>(
    program: &RowProgram,
    given: &Commitments<'_>,
    proof: &mut Reader<'a>,
    pieces: &[Piece],
) -> Result<Vec<&'a [u8]>, Unproven> {
    let trace = program.trace();
    let header = given.weights_len.saturating_sub(program.weights().size());
    let tokens = |count: u32| TOKEN * u64::from(count);
    let result = |step: u32| {
        let hash = usize::try_from(step).ok().and_then(|step| given.results.get(step));
        hash.zip(program.size(step)).ok_or(Unproven::NoSuchElement)
    };
    let mut found = vec![&[][..]; pieces.len()];
    for (commitment, places) in grouped(pieces, given.tokens_in) {
        let of_group = || places.iter().filter_map(|place| pieces.get(*place));
        let ranges: Vec<Bytes> =
            of_group().map(|piece| bytes_of(piece, given.tokens_in, header)).collect();
        let opened = match commitment {
            Commitment::Input => proof.bytes(&given.input, tokens(given.tokens_in), &ranges)?,
            Commitment::Output => proof.bytes(&given.output, tokens(given.tokens_out), &ranges)?,
            Commitment::Weights => proof.bytes(&given.weights, given.weights_len, &ranges)?,
            Commitment::Result(step) => {
                let (hash, len) = result(step)?;
                proof.bytes(hash, len, &ranges)?
            }
            Commitment::Record { anchor, row } => {
                let root = usize::try_from(anchor).ok().and_then(|a| given.anchors.get(a));
                let (root, anchor) =
                    root.zip(trace.anchor(anchor)).ok_or(Unproven::NoSuchElement)?;
                let parts = trace.parts(anchor);
                let place = RecordPlace {
                    rows: trace.tokens().into(),
                    row: row.into(),
                    parts: parts.lens(),
                };
                let ranges: Vec<PartBytes> = of_group().map(part_bytes).collect();
                proof.record(root, place, &ranges)?
            }
        };
        for (place, bytes) in places.iter().zip(opened) {
            if let Some(slot) = found.get_mut(*place) {
                *slot = bytes;
            }
        }
    }
    Ok(found)
}
