//! What goes wrong in a run, one operator's result after the other.

use crate::cheat::{kind_name, Cheat};
use std::borrow::Cow;
use vigil_engine::trace::Trace;
use vigil_ops::{
    program::{Kind, Layout},
    trace::{Anchor, Target},
    weights::{Module, Part, TensorId, Weights},
    Op,
};
use vigil_primitives::Architecture;

/// Is told of every result before it is used, and may change it.
pub(crate) type Fault = Box<dyn FnMut(u32, &Op, &mut [u8])>;

/// One bit of one operator's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flip {
    /// The operator; the first layer's attention if it is not named.
    pub(crate) op: Option<u32>,
    /// The byte, from the last.
    pub(crate) byte: usize,
    /// The bit.
    pub(crate) bit: u8,
}

impl Cheat {
    /// The fault that a run of this trace has. A cheat that is none of the run has none.
    pub(crate) fn fault(&self, flip: Flip, trace: &Trace) -> Fault {
        match self {
            Self::Flip => match flip.op {
                Some(wanted) => first(move |number, _| number == wanted, flip_bit(flip)),
                None => first(|_, op| matches!(op.kind, Kind::Context { .. }), flip_bit(flip)),
            },
            Self::Kind(name) => {
                let name = name.clone();
                first(move |_, op| kind_name(&op.kind) == name, flip_bit(flip))
            }
            Self::Scale => first(|_, op| matches!(op.kind, Kind::Dequantise { .. }), double),
            Self::Position => {
                let here = |op: &Op| matches!(op.kind, Kind::Rotate { .. } | Kind::Embed);
                first(move |_, op| here(op), |op, result| copy_rows(op, result, shifted))
            }
            Self::Stale => stale(trace),
            Self::Smaller => smaller(trace),
            _ => right(),
        }
    }

    /// The weights that a run reads.
    pub(crate) fn weights<'a>(&self, trace: &Trace, weights: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Other => Cow::Owned(other(trace.architecture(), weights)),
            _ => Cow::Borrowed(weights),
        }
    }
}

/// Changes nothing.
pub(crate) fn right() -> Fault {
    Box::new(|_, _, _| {})
}

/// The run ends in this, whatever went before.
pub(crate) fn ends_in(trace: &Trace, output: Vec<u8>) -> Fault {
    let last = trace.program().map_or(0, |program| program.len()).saturating_sub(1);
    first(
        move |number, _| number == last,
        move |_, result| {
            for (byte, ours) in result.iter_mut().zip(&output) {
                *byte = *ours;
            }
        },
    )
}

/// Changes the first result that is meant.
fn first(
    here: impl Fn(u32, &Op) -> bool + 'static,
    change: impl Fn(&Op, &mut [u8]) + 'static,
) -> Fault {
    let mut done = false;
    Box::new(move |number, op, result| {
        if !done && here(number, op) {
            done = true;
            change(op, result);
        }
    })
}

fn flip_bit(flip: Flip) -> impl Fn(&Op, &mut [u8]) {
    move |_, result| {
        if let Some(byte) = result.iter_mut().rev().nth(flip.byte) {
            *byte ^= 1 << flip.bit;
        }
    }
}

fn double(_: &Op, result: &mut [u8]) {
    for bytes in result.as_chunks_mut().0 {
        *bytes = (f32::from_le_bytes(*bytes) * 2.0).to_le_bytes();
    }
}

/// Each row is the one before it.
fn shifted(row: usize, _: usize) -> usize {
    row.saturating_sub(1)
}

/// The second half of the rows is the first.
fn halved(row: usize, rows: usize) -> usize {
    let half = rows.div_ceil(2).max(1);
    row % half
}

/// Puts another row of the same result in the place of every row.
fn copy_rows(op: &Op, result: &mut [u8], from: fn(usize, usize) -> usize) {
    let axis = match op.kind {
        Kind::HeadQuantise { layout: Layout::ChannelMajor } => 2,
        Kind::HeadAbsMax { .. } | Kind::HeadQuantise { layout: Layout::TokenMajor } => 1,
        _ => 0,
    };
    let rows = op.shape.dimension(axis) as usize;
    let inner = op.shape.dimensions().iter().skip(axis.saturating_add(1));
    let inner = inner.fold(op.dtype.size(), |bytes, dimension| bytes * *dimension as usize);
    let before = result.to_vec();
    for (slot, place) in result.chunks_mut(inner).zip(0..) {
        let (outer, row) = (place / rows.max(1), place % rows.max(1));
        let source = (outer * rows + from(row, rows)) * inner;
        if let Some(bytes) = before.get(source..source + slot.len()) {
            slot.copy_from_slice(bytes);
        }
    }
}

/// The keys and values of every layer.
fn stale(trace: &Trace) -> Fault {
    let mut kept = Vec::new();
    for layer in 0..trace.architecture().layers() {
        let anchor = trace.index(Anchor::KeyValues(layer));
        let program = trace.row_program(Target::Record { anchor, row: 0 });
        let ends = program
            .iter()
            .flat_map(|program| program.ends().into_iter().filter_map(|step| program.number(step)));
        kept.extend(ends);
    }
    Box::new(move |number, op, result| {
        if kept.contains(&number) {
            copy_rows(op, result, halved);
        }
    })
}

/// The stream behind each of the later layers is what it was behind the last that is run.
fn smaller(trace: &Trace) -> Fault {
    let program = trace.program();
    let ops = (0..).map_while(|number| Some((number, program.as_ref()?.op(number)?)));
    // Two such results belong to a layer, and the second is the stream behind it; an encoder has one
    // before its layers.
    let is_text = matches!(trace.architecture(), Architecture::Decoder(_));
    let here = |op: &Op| match op.kind {
        Kind::Add => is_text,
        Kind::Normalise { .. } => !is_text,
        _ => false,
    };
    let ends = ops.filter(|(_, op)| here(op)).skip(if is_text { 1 } else { 2 }).step_by(2);
    let ends: Vec<u32> = ends.map(|(number, _)| number).collect();
    let run = ends.len().div_ceil(2);
    let mut kept = None;
    Box::new(move |number, op, result| {
        match ends.iter().position(|end| *end == number) {
            Some(layer) if layer >= run => {}
            Some(_) => return kept = Some((*op, result.to_vec())),
            None => return,
        }
        let Some((from, stream)) = &kept else { return };
        if from.shape == op.shape {
            return result.copy_from_slice(stream);
        }
        // The last result of an encoder may have its channels first.
        let width = from.shape.dimension(1) as usize;
        let rows = (stream.len() / 4).checked_div(width).unwrap_or(1).max(1);
        for (place, slot) in result.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let source = (place % rows) * width + place / rows;
            if let Some(value) = stream.as_chunks().0.get(source) {
                *slot = *value;
            }
        }
    })
}

/// A weights file whose token table is upside down.
fn other(architecture: &Architecture, weights: &[u8]) -> Vec<u8> {
    let tensors = Weights::new(architecture);
    let header = tensors.header_len() as usize;
    let mut out = weights.to_vec();
    for part in [Part::Weight, Part::Scale] {
        let id = TensorId { module: Module::WordEmbedding, part };
        let Some(tensor) = tensors.find(id) else { continue };
        let (start, size) = (header + tensor.offset as usize, tensor.size() as usize);
        let row = size / (tensor.rows as usize).max(1);
        let Some(table) = weights.get(start..start + size) else { continue };
        let upside_down: Vec<u8> = table.chunks(row.max(1)).rev().flatten().copied().collect();
        if let Some(slot) = out.get_mut(start..start + size) {
            slot.copy_from_slice(&upside_down);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_ops::{
        samples::{tiny_models, weights_file},
        trace::Recording,
    };

    const FLIP: Flip = Flip { op: None, byte: 0, bit: 6 };

    #[test]
    fn every_fault_of_a_run_should_change_what_comes_out_of_one_operator_first() {
        for (number, (architecture, sampling)) in (0..).zip(tiny_models()) {
            let trace = Trace::new(&architecture, 4, sampling).unwrap();
            let weights = weights_file(&architecture, number);
            let run = |cheat: &Cheat| {
                let mut results = Vec::new();
                let mut fault = cheat.fault(FLIP, &trace);
                let weights = cheat.weights(&trace, &weights);
                let made = Recording::new(trace, &[3, 1, 4, 1], &weights, |number, op, result| {
                    fault(number, op, result);
                    results.push(result.to_vec());
                });
                made.unwrap();
                results
            };
            let right = run(&Cheat::Honest);
            for (name, _) in Cheat::of(&trace) {
                let cheat: Cheat = name.parse().unwrap();
                let is_of_run = !matches!(
                    cheat,
                    Cheat::Honest
                        | Cheat::Random
                        | Cheat::Truncated
                        | Cheat::Early
                        | Cheat::Late
                        | Cheat::Sampling
                );
                assert_eq!(run(&cheat) != right, is_of_run, "{name} of {architecture:?}");
            }
            let mut fault = ends_in(&trace, vec![7; 4]);
            let made = Recording::new(trace, &[3, 1, 4, 1], &weights, &mut fault).unwrap();
            assert_eq!(&made.output()[..4], &[7; 4]);
        }
    }

    #[test]
    fn a_smaller_model_should_keep_the_stream_in_any_layout() {
        for (number, (architecture, sampling)) in (0..).zip(tiny_models()) {
            let trace = Trace::new(&architecture, 3, sampling).unwrap();
            let weights = weights_file(&architecture, number);
            let mut streams = Vec::new();
            let mut fault = smaller(&trace);
            let kind = match architecture {
                Architecture::Encoder(_) => |op: &Op| matches!(op.kind, Kind::Normalise { .. }),
                Architecture::Decoder(_) => |op: &Op| op.kind == Kind::Add,
            };
            let made = Recording::new(trace, &[3, 1, 4], &weights, |number, op, result| {
                fault(number, op, result);
                if kind(op) {
                    let mut values: Vec<_> = result.as_chunks::<4>().0.to_vec();
                    values.sort_unstable();
                    streams.push(values);
                }
            });
            made.unwrap();
            let skip = usize::from(matches!(architecture, Architecture::Encoder(_)));
            let ends: Vec<_> = streams.into_iter().skip(1 + skip).step_by(2).collect();
            assert_eq!(ends.len(), usize::from(architecture.layers()));
            let run = ends.len().div_ceil(2);
            assert!(ends[run - 1..].iter().all(|end| *end == ends[run - 1]));
        }
    }
}
