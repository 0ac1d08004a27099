//! The bytes of trace version 1, for ever: roots, results of row programs, and proofs.
//!
//! `golden/trace_1/` has one file per tiny model. A difference means that the change at hand needs a
//! new number of the trace (`vigil_ops::trace::VERSION`), and vectors of its own. With
//! `VIGIL_WRITE_GOLDEN=1` missing files are written; a file that exists is never touched.

mod support;

use codec::Encode;
use std::fmt::Write;
use support::files::{check, hex};
use vigil_architecture::Architecture;
use vigil_ops::{
    proof::Proof,
    samples::{tiny_models, weights_file, Stream},
    trace::{Anchor, Prover, Recording, Target, Trace, VERSION},
};

/// Tokens of the input.
const TOKENS_IN: u32 = 60;
/// Tokens of the output before the disputed one, of a decoder.
const TOKENS_OUT: u32 = 6;

/// A proof by the number of its nodes, its length and BLAKE3 of the nodes and the data behind them.
fn of_proof(proof: &Proof) -> String {
    let bytes = [proof.nodes.concat(), proof.data.clone()].concat();
    format!("{} nodes, {} bytes, {}", proof.nodes.len(), proof.data.len(), blake3::hash(&bytes))
}

/// One record of every kind of anchor, and the output.
fn targets(trace: &Trace) -> Vec<Target> {
    let last = trace.tokens() - 1;
    let anchors =
        [(Anchor::Embedding, last), (Anchor::KeyValues(0), 5), (Anchor::Stream(0), last - 1)];
    let records = anchors
        .map(|(anchor, row)| (trace.index(anchor), row))
        .into_iter()
        .filter(|(anchor, _)| *anchor < trace.anchors())
        .map(|(anchor, row)| Target::Record { anchor, row });
    records.chain([Target::Output]).collect()
}

#[test]
fn traces_should_keep_their_golden_bytes() {
    for (number, (architecture, sampling)) in (0u32..).zip(tiny_models()) {
        let seed = u64::from(number);
        let weights = weights_file(&architecture, seed);
        let mut stream = Stream::new(1_000 + seed);
        let is_decoder = matches!(architecture, Architecture::Decoder(_));
        let count = TOKENS_IN + if is_decoder { TOKENS_OUT } else { 0 };
        let tokens: Vec<u32> =
            (0..count).map(|_| stream.below(architecture.vocabulary())).collect();
        let trace = Trace::new(&architecture, count, sampling).unwrap();
        let run = Recording::new(trace, &tokens, &weights, |_, _, _| {}).unwrap();

        let (input, before) = tokens.split_at(TOKENS_IN as usize);
        // Of the output the disputed token is there too: it is the right one.
        let mut output: Vec<u8> = before.iter().flat_map(|id| id.to_le_bytes()).collect();
        output.extend_from_slice(run.output());

        let mut text = String::new();
        let _ = writeln!(text, "architecture = {}", hex(&architecture.encode()));
        let _ = writeln!(text, "sampling = {}", hex(&sampling.encode()));
        let _ = writeln!(text, "weights = {} bytes, {}", weights.len(), blake3::hash(&weights));
        let _ = writeln!(text, "input = {input:?}");
        let _ = writeln!(text, "output = {}", hex(&output));

        let mut prover = Prover::new(run);
        for (anchor, root) in (0..).zip(prover.roots().unwrap()) {
            let what = trace.anchor(anchor).unwrap();
            let _ = writeln!(text, "root {anchor} = {} ({what:?})", hex(&root));
        }
        for target in targets(&trace) {
            let program = trace.row_program(target).unwrap();
            let _ = writeln!(text, "\ntarget = {target:?}");
            for step in 0..program.len() {
                let (op, element) =
                    (program.op(step).unwrap(), program.elements(step).unwrap() / 2);
                let result = blake3::hash(prover.result(target, step).unwrap());
                let proof = prover.proof(target, step, element, TOKENS_IN, &output).unwrap();
                let _ = writeln!(
                    text,
                    "step {step} = operator {}{}, {} bytes, {result}; element {element} ({:?}): {}",
                    program.number(step).unwrap(),
                    if program.gathers(step) { ", gathered" } else { "" },
                    program.size(step).unwrap(),
                    op.dtype,
                    of_proof(&proof)
                );
            }
        }
        let family = if is_decoder { "decoder" } else { "encoder" };
        check(&format!("trace_{VERSION}"), &format!("{family}_{number}"), &text);
    }
}
