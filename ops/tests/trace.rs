//! Row programs give what the whole run gives, and the referee finds every fault.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Architecture, Decoder, Encoder, Sampling};
use vigil_ops::{
    program::Kind,
    proof::{chunk_len, Bytes, Hash, Proof, Tree, CHUNK},
    reference::BadInput,
    samples::{tiny_models, weights_file},
    trace::{
        prover::{evaluate, Rows},
        referee, Commitments, Disputed, Execution, Finding, Prover, Recording, RowProgram, Source,
        Target, Trace, MAX_ANCHORS, MAX_STEPS,
    },
    Op, Weights,
};

/// A run whose row programs are computed from its records.
struct Records(Recording);

impl Execution for Records {
    type Error = BadInput;

    fn trace(&self) -> Trace {
        self.0.trace()
    }

    fn tokens(&self) -> &[u32] {
        self.0.tokens()
    }

    fn weights(&self) -> &[u8] {
        self.0.weights()
    }

    fn hashes(&mut self, anchor: u32) -> Result<Vec<Hash>, BadInput> {
        self.0.hashes(anchor)
    }

    fn records(&mut self, wanted: &[Rows]) -> Result<Vec<Vec<u8>>, BadInput> {
        self.0.records(wanted)
    }
}

fn tokens(architecture: &Architecture, count: u32, seed: u64) -> Vec<u32> {
    let mut stream = Stream::new(seed);
    (0..count).map(|_| stream.below(architecture.vocabulary())).collect()
}

fn recording(
    model: &(Architecture, Sampling),
    count: u32,
    fault: impl FnMut(u32, &Op, &mut [u8]),
) -> Recording {
    let (architecture, sampling) = model;
    let trace = Trace::new(architecture, count, *sampling).unwrap();
    let tokens = tokens(architecture, count, 3);
    Recording::new(trace, &tokens, &weights_file(architecture, 5), fault).unwrap()
}

fn targets(trace: &Trace) -> Vec<Target> {
    let rows = trace.tokens();
    let records = (0..trace.anchors())
        .flat_map(|anchor| (0..rows).map(move |row| Target::Record { anchor, row }));
    records.chain([Target::Output]).collect()
}

/// The hash that a target's row program must end in.
fn end_of(execution: &mut Recording, target: Target) -> Hash {
    match target {
        Target::Record { anchor, row } => execution.hashes(anchor).unwrap()[row as usize],
        Target::Output => *blake3::hash(execution.output()).as_bytes(),
    }
}

#[test]
fn row_programs_should_give_what_the_whole_run_gives() {
    for model in tiny_models() {
        for count in [1, 2, 5, 66] {
            let mut run = recording(&model, count, |_, _, _| {});
            let trace = run.trace();
            let mut records = Records(run.clone());
            for target in targets(&trace) {
                if count == 66 && matches!(target, Target::Record { row, .. } if row % 13 > 0) {
                    continue;
                }
                let program = trace.row_program(target).unwrap();
                assert!(program.len() <= MAX_STEPS);
                let cut = run.results(&program).unwrap();
                let made = evaluate(&mut records, &program).unwrap();
                assert_eq!(cut, made, "{target:?}");
                for (step, result) in (0..).zip(&cut) {
                    assert_eq!(program.size(step), Some(result.len() as u64));
                }
                let hashes: Vec<Hash> = cut.iter().map(|r| *blake3::hash(r).as_bytes()).collect();
                let end = end_of(&mut run, target);
                assert!(program.ends_in(&hashes, &end), "{target:?}");
                assert!(!program.ends_in(&hashes, &[0; 32]));
                assert!(!program.ends_in(&hashes[1..], &end));
            }
            assert!(trace
                .row_program(Target::Record { anchor: trace.anchors(), row: 0 })
                .is_none());
            assert!(trace.row_program(Target::Record { anchor: 0, row: count }).is_none());
        }
    }
}

#[test]
fn a_decoders_records_should_not_depend_on_what_follows() {
    for model in tiny_models().into_iter().filter(|(a, _)| matches!(a, Architecture::Decoder(_))) {
        let mut long = recording(&model, 70, |_, _, _| {});
        let mut short = recording(&model, 66, |_, _, _| {});
        for anchor in 0..long.trace().anchors() {
            assert_eq!(long.hashes(anchor).unwrap()[..66], short.hashes(anchor).unwrap()[..]);
        }
    }
}

/// One game without a chain: what `accused` says against what `judge` knows. Returns the verdict.
fn dispute(
    accused: &mut Prover<Recording>,
    judge: &mut Prover<Recording>,
    tokens_in: u32,
) -> Option<Finding> {
    let trace = judge.execution().trace();
    let (theirs, ours) = (accused.roots().unwrap(), judge.roots().unwrap());
    let target = match theirs.iter().zip(&ours).position(|(a, b)| a != b) {
        Some(anchor) => {
            let anchor = anchor as u32;
            let (mut span, tree) = (trace.rows().root(), trace.rows());
            while span.count > 1 {
                let shown = tree.shown(span);
                let theirs = accused.row_nodes(anchor, &shown).unwrap();
                assert_eq!(tree.node(span, &theirs), Some(accused.row_node(anchor, span).unwrap()));
                let ours = judge.row_nodes(anchor, &shown).unwrap();
                span = shown[theirs.iter().zip(&ours).position(|(a, b)| a != b).unwrap()];
            }
            Target::Record { anchor, row: span.first as u32 }
        }
        None if accused.execution().output() == judge.execution().output() => return None,
        None => Target::Output,
    };
    let program = trace.row_program(target).unwrap();
    let (theirs, ours) =
        (accused.result_hashes(target).unwrap(), judge.result_hashes(target).unwrap());
    let step = theirs.iter().zip(&ours).position(|(a, b)| a != b).unwrap() as u32;
    let their_result = accused.result(target, step).unwrap().to_vec();
    let our_result = judge.result(target, step).unwrap();
    let byte = their_result.iter().zip(our_result).position(|(a, b)| a != b).unwrap() as u64;
    let element = byte / program.op(step).unwrap().dtype.size() as u64;
    let anchors = accused.roots().unwrap();
    Some(judged(judge, &program, &anchors, &theirs, step, element, &their_result, tokens_in))
}

/// Has one element judged, against the commitments of the accused.
#[allow(clippy::too_many_arguments)]
fn judged(
    judge: &mut Prover<Recording>,
    program: &RowProgram,
    anchors: &[Hash],
    results: &[Hash],
    step: u32,
    element: u64,
    result: &[u8],
    tokens_in: u32,
) -> Finding {
    let ids = judge.execution().tokens().to_vec();
    let bytes = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let (input, output) = (bytes(&ids[..tokens_in as usize]), bytes(&ids[tokens_in as usize..]));
    let weights = judge.execution().weights().to_vec();
    let proof = judge.proof(program.target(), step, element, tokens_in, &output).unwrap();
    let given = Commitments {
        anchors,
        results,
        input: *blake3::hash(&input).as_bytes(),
        tokens_in,
        output: *blake3::hash(&output).as_bytes(),
        tokens_out: ids.len() as u32 - tokens_in,
        weights: *blake3::hash(&weights).as_bytes(),
        weights_len: weights.len() as u64,
    };
    let size = program.op(step).unwrap().dtype.size() as u64;
    let number = element * size / CHUNK;
    let start = (number * CHUNK) as usize;
    let chunk = &result[start..][..chunk_len(result.len() as u64, number) as usize];
    let disputed = Disputed { step, element, chunk };
    let verdict = referee(program, disputed, &given, proof.reader()).unwrap();
    // Nothing but this very proof is taken.
    let short =
        Proof { data: proof.data[..proof.data.len().saturating_sub(1)].to_vec(), ..proof.clone() };
    if !proof.data.is_empty() {
        assert!(referee(program, disputed, &given, short.reader()).is_err());
    }
    let beyond = Disputed { element: program.elements(step).unwrap(), ..disputed };
    assert!(referee(program, beyond, &given, proof.reader()).is_err());
    verdict
}

#[test]
fn every_element_of_an_honest_run_should_be_right() {
    for model in tiny_models() {
        let run = recording(&model, 5, |_, _, _| {});
        let trace = run.trace();
        let mut prover = Prover::new(run);
        let anchors = prover.roots().unwrap();
        let tokens_in = if trace.program().unwrap().tokens_out() == 0 { 5 } else { 3 };
        let mut stream = Stream::new(11);
        for target in targets(&trace) {
            let program = trace.row_program(target).unwrap();
            let hashes = prover.result_hashes(target).unwrap();
            for step in 0..program.len() {
                let result = prover.result(target, step).unwrap().to_vec();
                let elements = program.elements(step).unwrap();
                for element in [0, elements - 1, stream.u64() % elements] {
                    let mut judge = |result: &[u8]| {
                        judged(
                            &mut prover,
                            &program,
                            &anchors,
                            &hashes,
                            step,
                            element,
                            result,
                            tokens_in,
                        )
                    };
                    let at =
                        format!("{target:?}, step {step}, {:?}", program.op(step).unwrap().kind);
                    assert_eq!(judge(&result), Finding::Right, "{at}");
                    let size = program.op(step).unwrap().dtype.size();
                    let mut other = result.clone();
                    other[element as usize * size] ^= 1;
                    assert_eq!(judge(&other), Finding::Wrong, "{at}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_fault_that_changes_anything_should_be_found(
        model in 0usize..6, count in 1u32..8, op: u32, byte: u64, bit in 0u32..8, split: u32,
    ) {
        let model = &tiny_models()[model];
        let honest = recording(model, count, |_, _, _| {});
        let number = 1 + op % (honest.trace().program().unwrap().len() - 1);
        let faulty = recording(model, count, |index, _, result| {
            if index == number {
                result[(byte % result.len() as u64) as usize] ^= 1 << bit;
            }
        });
        let tokens_in = match model.0 {
            Architecture::Encoder(_) => count,
            Architecture::Decoder(_) => 1 + split % count,
        };
        let (mut accused, mut judge) = (Prover::new(faulty), Prover::new(honest));
        let verdict = dispute(&mut accused, &mut judge, tokens_in);
        if let Some(verdict) = verdict {
            prop_assert_eq!(verdict, Finding::Wrong);
        }
    }
}

#[test]
fn a_token_outside_the_vocabulary_should_have_no_valid_result() {
    for model in tiny_models() {
        let run = recording(&model, 3, |_, _, _| {});
        let trace = run.trace();
        let target = Target::Record { anchor: 0, row: 2 };
        let program = trace.row_program(target).unwrap();
        let bytes: Vec<u8> = [1u32, 2, 700].iter().flat_map(|id| id.to_le_bytes()).collect();
        let mut proof = Proof::default();
        proof.open_bytes(&bytes, &[Bytes { offset: 8, len: 4 }]).unwrap();
        let given = Commitments {
            anchors: &[],
            results: &[],
            input: *blake3::hash(&bytes).as_bytes(),
            tokens_in: 3,
            output: [0; 32],
            tokens_out: 0,
            weights: [0; 32],
            weights_len: 0,
        };
        let disputed = Disputed { step: 0, element: 0, chunk: &[0; 4] };
        assert_eq!(referee(&program, disputed, &given, proof.reader()), Ok(Finding::Wrong));
    }
}

/// Sizes of the proofs of some elements of a model that nobody holds in memory.
fn largest_opening(architecture: &Architecture, tokens: u32, sampling: Sampling) -> (u64, Kind) {
    let trace = Trace::new(architecture, tokens, sampling).unwrap();
    let weights = Weights::new(architecture);
    let levels = |len: u64| u64::from(Tree::Bytes(len).root().levels());
    let row_levels = u64::from(trace.rows().root().levels());
    let mut largest = (0, Kind::Tokens);
    let last = trace.anchors() - 1;
    let row = tokens - 1;
    let mut stream = Stream::new(1);
    for target in [
        Target::Record { anchor: 0, row },
        Target::Record { anchor: last - (last + 1) % 2, row },
        Target::Record { anchor: last - last % 2, row },
        Target::Output,
    ] {
        let program = trace.row_program(target).unwrap();
        for step in 0..program.len() {
            let elements = program.elements(step).unwrap();
            for element in [0, elements - 1, stream.u64() % elements, stream.u64() % elements] {
                let token = architecture.vocabulary() - 1;
                let pieces = match program.gathers(step) {
                    true => vec![program.copied(step, element).unwrap()],
                    false => program.opening(step, element, token).unwrap().1,
                };
                // Each piece with a way of its own.
                let bytes = pieces.iter().map(|piece| {
                    let chunks = (piece.offset + piece.len).div_ceil(CHUNK) - piece.offset / CHUNK;
                    let nodes = match piece.source {
                        Source::Tokens => levels(4 * u64::from(tokens)),
                        Source::Weights => levels(weights.file_len()),
                        Source::Step(step) => levels(program.size(step).unwrap()),
                        Source::Record { .. } => row_levels + 2 + 6,
                    };
                    chunks * CHUNK + 32 * nodes
                });
                let bytes: u64 = bytes.sum();
                if bytes > largest.0 {
                    largest = (bytes, program.op(step).unwrap().kind);
                }
            }
        }
    }
    largest
}

#[test]
fn an_opening_should_stay_within_24_kib_for_the_largest_architecture() {
    let encoder = Encoder { vocabulary: 1 << 20, ..encoder(65_536, 256, 65_536, 256) };
    let decoder = Decoder {
        vocabulary: 1 << 20,
        layers: 256,
        qk_norm: true,
        qkv_bias: true,
        ..decoder(65_536, [256, 256], 256, 65_536)
    };
    for (architecture, sampling) in [
        (Architecture::Encoder(encoder), Sampling::Greedy),
        (Architecture::Decoder(decoder), gumbel(1, 1.0, 0.1)),
    ] {
        let (bytes, kind) = largest_opening(&architecture, 32_768, sampling);
        assert!(bytes <= 24 * 1_024, "{bytes} bytes of {kind:?}");
        let trace = Trace::new(&architecture, 32_768, sampling).unwrap();
        assert!(trace.anchors() <= MAX_ANCHORS);
    }
}
