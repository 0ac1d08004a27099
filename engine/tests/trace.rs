//! Traces: the same roots, results and proofs as the plain recording, whatever computes them.

mod common;

use common::{Bert, Llama};
use vigil_engine::{
    trace::{Execution, Prover, Replay, Target},
    Activations, Kernel, Model, Options, Package, Sampling,
};
use vigil_ops::trace::{Recording, Trace};

fn recording(package: &Package, tokens: &[u32], sampling: Sampling) -> Recording {
    let trace = Trace::new(package.architecture(), tokens.len() as u32, sampling).unwrap();
    Recording::new(trace, tokens, package.weights(), |_, _, _| {}).unwrap()
}

fn packages() -> Vec<(tempfile::TempDir, Package, Sampling)> {
    let berts = [
        Bert { positions: 80, ..Bert::default() },
        Bert {
            hidden: 30,
            heads: 3,
            intermediate: 75,
            pooling: Some("cls"),
            normalize: false,
            activations: Some(Activations::Int15),
            ..Bert::default()
        },
    ];
    let seeded = Sampling::Gumbel { seed: 7, temperature: 0.8f32.to_bits(), min_p: 0 };
    let berts = berts.into_iter().map(|bert| {
        let dir = tempfile::tempdir().unwrap();
        let package = bert.packed(dir.path());
        (dir, package, Sampling::Greedy)
    });
    let llamas = Llama::kinds().into_iter().zip([Sampling::Greedy, seeded].into_iter().cycle());
    let llamas = llamas.map(|(llama, sampling)| {
        let dir = tempfile::tempdir().unwrap();
        let package = llama.packed(dir.path());
        (dir, package, sampling)
    });
    berts.chain(llamas).collect()
}

#[test]
fn roots_should_be_those_of_the_recording_with_every_kernel_thread_and_chunk() {
    for (_dir, package, sampling) in packages() {
        let vocabulary = package.architecture().vocabulary() as usize;
        for tokens in common::inputs(vocabulary, &[1, 2, 23]) {
            let mut plain = Prover::new(recording(&package, &tokens, sampling));
            let roots = plain.roots().unwrap();
            for kernel in Kernel::available() {
                for threads in [1, 2] {
                    let options = Options { kernel: Some(kernel), threads };
                    let model = Model::load(&package, &options).unwrap();
                    for chunk in [1, 4, 1_000] {
                        let replay = Replay::new(&model, &package, tokens.clone(), sampling);
                        let mut fast = Prover::new(replay.unwrap().with_chunk(chunk));
                        assert_eq!(fast.roots().unwrap(), roots, "{kernel}, {threads}, {chunk}");
                    }
                }
            }
        }
    }
}

#[test]
fn results_and_proofs_should_be_those_of_the_recording() {
    for (_dir, package, sampling) in packages() {
        let vocabulary = package.architecture().vocabulary() as usize;
        let tokens = common::inputs(vocabulary, &[19]).remove(0);
        let model = Model::load(&package, &Options::default()).unwrap();
        let mut plain = Prover::new(recording(&package, &tokens, sampling));
        let replay = Replay::new(&model, &package, tokens.clone(), sampling).unwrap();
        let trace = replay.trace();
        // With all records in memory, and with none.
        let memory = if trace.anchors().is_multiple_of(4) { 0 } else { u64::MAX };
        let mut fast = Prover::new(replay.with_chunk(5).with_memory(memory));
        assert_eq!(fast.roots().unwrap(), plain.roots().unwrap());
        let records = (0..trace.anchors())
            .flat_map(|anchor| [0, 7, 18].map(|row| Target::Record { anchor, row }));
        for target in records.chain([Target::Output]) {
            let hashes = plain.result_hashes(target).unwrap();
            let found = fast.result_hashes(target).unwrap_or_else(|e| panic!("{target:?} {e}"));
            assert_eq!(found, hashes, "{target:?}");
            let program = trace.row_program(target).unwrap();
            for step in 0..program.len() {
                let element = program.elements(step).unwrap() - 1;
                let output: Vec<u8> = tokens[12..].iter().flat_map(|id| id.to_le_bytes()).collect();
                let expected = plain.proof(target, step, element, 12, &output).unwrap();
                let proof = fast
                    .proof(target, step, element, 12, &output)
                    .unwrap_or_else(|e| panic!("{target:?} {step} {e}"));
                assert_eq!(proof, expected, "{target:?}, step {step}");
            }
        }
    }
}

#[test]
fn tokens_that_do_not_fit_should_be_refused() {
    let (_dir, package, sampling) = packages().pop().unwrap();
    let model = Model::load(&package, &Options::default()).unwrap();
    for tokens in [vec![], vec![u32::MAX], vec![1; 100_000]] {
        assert!(Replay::new(&model, &package, tokens, sampling).is_err());
    }
}
