//! The bytes of op_set 1, for ever.
//!
//! `golden/op_set_1/` has one file per operator, one for a whole small encoder and one for small
//! decoders. A difference means that the change at hand needs a new op_set number and vectors of its own. With
//! `VIGIL_WRITE_GOLDEN=1` missing files are written; a file that exists is never touched.

mod support;

use codec::Encode;
use std::{collections::BTreeMap, fmt::Write};
use support::{
    encoder,
    files::{self, hex},
    golden::{cases, generations},
    random_weights, Model, Stream, ACTIVATIONS,
};
use vigil_architecture::{Architecture, Encoder, Sampling};
use vigil_ops::{reference, Kernel, Program, OP_SET};

/// Longest tensor that is written out; of longer ones the hash is.
const SHORT: usize = 512;

fn state(text: &mut String, name: &str, bytes: &[u8]) {
    if bytes.len() <= SHORT {
        let _ = writeln!(text, "{name} = {}", hex(bytes));
    } else {
        let hash = blake3::hash(bytes);
        let _ = writeln!(text, "{name} = {} bytes, BLAKE3 {hash}", bytes.len());
    }
}

/// Compares with the file of this name.
fn check(name: &str, text: &str) {
    files::check(&format!("op_set_{OP_SET}"), name, text);
}

#[test]
fn every_operator_should_give_its_golden_bytes() {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for case in cases() {
        let text = files.entry(case.name()).or_default();
        let _ = writeln!(text, "architecture = {}", hex(&case.program.architecture().encode()));
        match case.program.architecture() {
            Architecture::Encoder(_) => {
                let _ = writeln!(text, "tokens = {}", case.program.tokens());
            }
            Architecture::Decoder(_) => {
                let _ = writeln!(text, "tokens in = {}", case.program.tokens_in());
                let _ = writeln!(text, "tokens out = {}", case.program.tokens_out());
                let _ = writeln!(text, "sampling = {}", hex(&case.program.sampling().encode()));
            }
        }
        let _ = writeln!(text, "operator = {}", case.index);
        let _ = writeln!(text, "kind = {:?}", case.op.kind);
        let _ = writeln!(text, "shape = {:?}", case.op.shape.dimensions());
        let _ = writeln!(text, "seed = {}", case.seed);
        for (i, operand) in case.operands.iter().enumerate() {
            state(text, &format!("operand {i}"), operand);
        }
        for (weight, spec) in case.weights.iter().zip(case.op.weights()) {
            state(text, &spec.id.to_string(), weight);
        }
        state(text, "result", &case.evaluate());
        text.push('\n');
    }
    // Every kind but the input, which is given; three of them in a decoder's way too; four with
    // activations of 15 bits.
    assert_eq!(files.len(), 25 + 13 + 3 + 4, "{:?}", files.keys());
    for (name, text) in &files {
        check(name, text);
    }
}

#[test]
fn whole_encoders_should_give_their_golden_bytes() {
    for (activations, name) in ACTIVATIONS.into_iter().zip(["encoder", "encoder_of_15_bits"]) {
        check_encoder(Encoder { positions: 80, activations, ..encoder(24, 3, 40, 2) }, name);
    }
}

fn check_encoder(shape: Encoder, name: &str) {
    let architecture = Architecture::Encoder(shape);
    let weights = random_weights(&architecture, 1);
    let mut stream = Stream::new(2);
    let tokens: Vec<u32> = (0..70).map(|_| stream.below(shape.vocabulary)).collect();
    let program = Program::new(&architecture, 70, 0, Sampling::Greedy).unwrap();
    let mut text = String::new();
    let _ = writeln!(text, "architecture = {}", hex(&architecture.encode()));
    let _ = writeln!(text, "seed of the weights = 1");
    let _ = writeln!(text, "seed of the tokens = 2");
    state(&mut text, "weights", &weights);
    let out = reference::run(&program, &tokens, &weights, |index, op, bytes| {
        let dimensions = op.shape.dimensions();
        let _ = writeln!(text, "{index} {:?} {dimensions:?} {}", op.kind, blake3::hash(bytes));
    })
    .unwrap();
    state(&mut text, "output", &out);
    check(name, &text);
    for kernel in Kernel::available() {
        let model = Model::new(kernel, &architecture, &weights);
        assert_eq!(support::bytes_of(&model.encode(&[&tokens])), out, "{kernel}");
    }
}

#[test]
fn whole_decoders_should_give_their_golden_bytes() {
    let mut text = String::new();
    for run in generations() {
        let output = reference::generate(
            &run.architecture,
            &run.prompt,
            run.tokens_out,
            run.sampling,
            &run.weights,
        )
        .unwrap();
        let (tokens_in, tokens_out) = (run.prompt.len() as u32, output.len() as u32);
        let _ = writeln!(text, "architecture = {}", hex(&run.architecture.encode()));
        let _ = writeln!(text, "sampling = {}", hex(&run.sampling.encode()));
        let _ = writeln!(text, "seed of the weights = {}", run.weights_seed);
        let _ = writeln!(text, "seed of the tokens = {}", run.prompt_seed);
        let _ = writeln!(text, "tokens in = {tokens_in}");
        let _ = writeln!(text, "tokens out = {tokens_out}");
        state(&mut text, "weights", &run.weights);
        let program = Program::new(&run.architecture, tokens_in, tokens_out, run.sampling).unwrap();
        let (_, forced) = output.split_last().unwrap();
        let tokens = [&run.prompt, forced].concat();
        let drawn = reference::run(&program, &tokens, &run.weights, |index, op, bytes| {
            let dimensions = op.shape.dimensions();
            let _ = writeln!(text, "{index} {:?} {dimensions:?} {}", op.kind, blake3::hash(bytes));
        })
        .unwrap();
        assert_eq!(support::u32_of(&drawn), output);
        state(&mut text, "output", &drawn);
        text.push('\n');
    }
    check("decoder", &text);
}
