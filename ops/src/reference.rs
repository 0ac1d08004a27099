//! A whole run, element by element.
//!
//! Slow and plain: every operator's whole result by [`element`], nothing
//! fused. It is the yardstick of the tensor kernels and what runs in wasm.

use crate::{
    element::element,
    opening::{opening, Source, MAX_RANGES},
    program::{Kind, Op, Program},
};
use alloc::vec::Vec;
use vigil_architecture::{Architecture, Sampling};

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadInput {
    /// An operand, the weights or the tokens have another length than the program says.
    WrongLength,
    /// A token id is not in the vocabulary.
    UnknownToken(u32),
}

impl core::fmt::Display for BadInput {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::WrongLength => f.write_str("an operand has the wrong length"),
            Self::UnknownToken(id) => write!(f, "token id {id} is not in the vocabulary"),
        }
    }
}

impl core::error::Error for BadInput {}

/// The whole result of one operator. `operands` and `weights` are the bytes of its operands and
/// weight tensors, in its order.
pub fn evaluate(op: &Op, operands: &[&[u8]], weights: &[&[u8]]) -> Result<Vec<u8>, BadInput> {
    let sizes = op.operands().map(|o| o.shape.elements() * o.dtype.size() as u64);
    let exact = sizes.eq(operands.iter().map(|o| o.len() as u64))
        && op.weights().map(|w| w.size()).eq(weights.iter().map(|w| w.len() as u64));
    if !exact {
        return Err(BadInput::WrongLength);
    }
    let mut out = Vec::new();
    for index in 0..op.shape.elements() {
        let token = match op.kind {
            Kind::Embed | Kind::Lookup => {
                let row = index / u64::from(op.shape.dimension(1));
                let token = operands
                    .first()
                    .and_then(|ids| token(ids, row))
                    .ok_or(BadInput::WrongLength)?;
                if op.weight(1).is_none_or(|scale| token >= scale.rows) {
                    return Err(BadInput::UnknownToken(token));
                }
                token
            }
            _ => 0,
        };
        let opening = opening(op, index, token).ok_or(BadInput::WrongLength)?;
        let mut inputs: [&[u8]; MAX_RANGES] = [&[]; MAX_RANGES];
        let mut count = 0;
        for (slot, range) in inputs.iter_mut().zip(opening.ranges()) {
            let tensor = match range.source {
                Source::Operand(i) => operands.get(usize::from(i)),
                Source::Weight(i) => weights.get(usize::from(i)),
            };
            let (start, len) = (range.offset as usize, range.len as usize);
            *slot = tensor
                .and_then(|tensor| tensor.get(start..start.checked_add(len)?))
                .ok_or(BadInput::WrongLength)?;
            count += 1;
        }
        let value = inputs.get(..count).and_then(|inputs| element(op, &opening, inputs));
        let (bytes, len) = value.ok_or(BadInput::WrongLength)?.to_le_bytes();
        out.extend(bytes.into_iter().take(len));
    }
    Ok(out)
}

/// Runs a program and hands every operator's result to `visit`, from the tokens to the output, which
/// it returns. What `visit` changes is changed for all that follows: tests make faults so. Of a
/// decoder, `tokens` are the input and the generated ones but the last. `weights` are all weight
/// tensors in canonical order.
pub fn run(
    program: &Program,
    tokens: &[u32],
    weights: &[u8],
    mut visit: impl FnMut(u32, &Op, &mut [u8]),
) -> Result<Vec<u8>, BadInput> {
    if tokens.len() != program.tokens() as usize || weights.len() as u64 != program.weights().size()
    {
        return Err(BadInput::WrongLength);
    }
    if let Some(id) = tokens.iter().find(|id| **id >= program.vocabulary()) {
        return Err(BadInput::UnknownToken(*id));
    }
    let mut results: Vec<Vec<u8>> = Vec::new();
    for index in 0..program.len() {
        let op = program.op(index).ok_or(BadInput::WrongLength)?;
        let mut result = match op.kind {
            Kind::Tokens => tokens.iter().flat_map(|id| id.to_le_bytes()).collect(),
            _ => {
                let operands: Option<Vec<&[u8]>> = op
                    .operands()
                    .map(|operand| results.get(operand.index as usize).map(Vec::as_slice))
                    .collect();
                let tensors: Option<Vec<&[u8]>> = op
                    .weights()
                    .map(|spec| {
                        let start = usize::try_from(spec.offset).ok()?;
                        let len = usize::try_from(spec.size()).ok()?;
                        weights.get(start..start.checked_add(len)?)
                    })
                    .collect();
                let operands = operands.ok_or(BadInput::WrongLength)?;
                let tensors = tensors.ok_or(BadInput::WrongLength)?;
                evaluate(&op, &operands, &tensors)?
            }
        };
        visit(index, &op, &mut result);
        results.push(result);
    }
    results.pop().ok_or(BadInput::WrongLength)
}

/// Generates with a decoder, a whole run for every token, until a stop token, which is kept, or
/// `max_tokens_out` of them. An encoder generates none.
pub fn generate(
    architecture: &Architecture,
    tokens: &[u32],
    max_tokens_out: u32,
    sampling: Sampling,
    weights: &[u8],
) -> Result<Vec<u32>, BadInput> {
    let Architecture::Decoder(decoder) = architecture else { return Ok(Vec::new()) };
    let mut sequence = tokens.to_vec();
    for _ in 0..max_tokens_out {
        let len = u32::try_from(sequence.len()).map_err(|_| BadInput::WrongLength)?;
        let program =
            Program::new(architecture, len, 1, sampling).map_err(|_| BadInput::WrongLength)?;
        let drawn = run(&program, &sequence, weights, |_, _, _| {})?;
        let drawn = token(&drawn, 0).ok_or(BadInput::WrongLength)?;
        sequence.push(drawn);
        if decoder.is_stop(drawn) {
            break;
        }
    }
    Ok(sequence.split_off(tokens.len()))
}

/// The token id of row `row`.
fn token(tokens: &[u8], row: u64) -> Option<u32> {
    let start = usize::try_from(row).ok()?.checked_mul(4)?;
    let bytes = tokens.get(start..start.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}
