//! Moves that no run gives.

use clap::ValueEnum;
use std::hash::{BuildHasher, Hasher, RandomState};
use vigil_game::Rules;
use vigil_ops::{proof::Span, samples::Stream};
use vigil_primitives::{
    dispute::{Descent, Move, Proof, Stage},
    ContentHash,
};

/// How a dispute is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Moves {
    /// As the run is that the worker has made.
    Own,
    /// Not at all.
    Silent,
    /// With random bytes.
    Garbage,
}

/// Random bytes, half the time in the shape that the stage asks for.
pub(crate) fn garbage(rules: Option<&Rules<'_>>, stage: &Stage) -> Move {
    let mut stream = Stream::new(RandomState::new().build_hasher().finish());
    let fitting = rules.and_then(|rules| fitting(rules, stage, &mut stream));
    let right = stream.below(2) == 0;
    fitting.filter(|_| right).unwrap_or_else(|| match stream.below(3) {
        0 => Move::Node(stream.below(u32::MAX)),
        1 => Move::Bytes(bytes(&mut stream, 7).try_into().unwrap_or_default()),
        _ => Move::Publish(proof(&mut stream)),
    })
}

/// A move of the right shape.
fn fitting(rules: &Rules<'_>, stage: &Stage, stream: &mut Stream) -> Option<Move> {
    let trace = rules.trace();
    Some(match stage {
        Stage::Anchors => Move::Roots(hashes(stream, trace.anchors() as usize).try_into().ok()?),
        Stage::Rows { descent: Descent::Named(node), .. } => {
            let span = Span { first: node.first, count: node.count };
            Move::Nodes(hashes(stream, trace.rows().shown(span).len()).try_into().ok()?)
        }
        Stage::Results { .. } => Move::Results(hashes(stream, 20).try_into().ok()?),
        Stage::Chunks { .. } => Move::Nodes(hashes(stream, 4).try_into().ok()?),
        Stage::Bytes { .. } => Move::Bytes(bytes(stream, 1_024).try_into().ok()?),
        Stage::Withheld { .. } => Move::Publish(proof(stream)),
        Stage::Element { .. } => Move::Element { element: 0, proof: proof(stream) },
        _ => return None,
    })
}

fn proof(stream: &mut Stream) -> Proof {
    let (nodes, data) = (hashes(stream, 3), bytes(stream, 64));
    Proof { nodes: nodes.try_into().unwrap_or_default(), data: data.try_into().unwrap_or_default() }
}

fn hashes(stream: &mut Stream, count: usize) -> Vec<ContentHash> {
    let hash = |_| {
        let mut hash = [0; 32];
        hash.iter_mut().for_each(|byte| *byte = stream.below(256) as u8);
        ContentHash::from(hash)
    };
    (0..count).map(hash).collect()
}

fn bytes(stream: &mut Stream, count: usize) -> Vec<u8> {
    (0..count).map(|_| stream.below(256) as u8).collect()
}
