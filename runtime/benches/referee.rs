//! What the last move of a dispute takes in the wasm runtime that ships: the transaction with its
//! signature and fee, the proof, the element, and the end of the dispute.
//!
//! ```text
//! cargo bench -p vigil-runtime --bench referee
//! ```
//! Layers of real width and length stand for whole models: what is opened for an element depends on
//! neither the number of layers nor, but for a few nodes, the vocabulary. Of every step of a row program
//! several elements are proven; the tables hold the largest proofs, one of each kind of operator, and
//! the slowest of all.

#[path = "../tests/common/market.rs"]
mod market;
#[path = "common/wasm.rs"]
mod wasm;

use frame_support::{assert_ok, traits::fungible::Mutate};
use market::*;
use sp_keyring::Sr25519Keyring;
use std::time::{Duration, Instant};
use vigil_game::{
    players::{proof_of, token_proof},
    rules::target_of,
    samples::{cases, hash_of, Case},
    Next, Rules,
};
use vigil_ops::{
    proof::{chunk_len, CHUNK},
    samples::{weights_file, Stream},
    trace::{Prover, Recording},
};
use vigil_primitives::{
    architecture::{Activations, Pooling},
    dispute::{ClaimId, DisputeId, Disputed, Ground, Move, Stage, Target, TokenAt, Verdict},
    job::{tokens_to_bytes, Input, Output},
    Architecture, Decoder, Encoder, Sampling,
};
use vigil_runtime::{Balances, Disputes, Runtime, RuntimeCall, RuntimeEvent, Workers};
use wasm::Wasm;

/// Elements that are proven of every step.
const ELEMENTS: u64 = 6;
/// Kinds of operators that are shown.
const SHOWN: usize = 8;
/// The challenger.
const CHALLENGER: Sr25519Keyring = Sr25519Keyring::Alice;

/// A last move, and what it is about.
struct Last {
    what: String,
    stage: Stage,
    turn: Move,
    nodes: usize,
    data: usize,
    native: Duration,
}

fn main() {
    let Some(runtime) = Wasm::built() else {
        println!("the wasm runtime was not built: unset SKIP_WASM_BUILD");
        return;
    };
    let mut chain = market();
    let id = chain.execute_with(open_dispute);

    println!("A transaction that does nothing: {} us\n", {
        let remark = RuntimeCall::System(frame_system::Call::remark { remark: Vec::new() });
        runtime.median(&mut chain, CHALLENGER, remark, |_| ()).as_micros()
    });
    for (name, case) in [("language model, width 4,096", wide()), ("encoder, 512 tokens", long())] {
        let mut lasts = lasts(&case);
        lasts.sort_by_key(|last| std::cmp::Reverse(last.nodes * 32 + last.data));
        println!("{name}: {} moves, the largest proofs\n", lasts.len());
        println!("| element | nodes | bytes | native, us | in wasm, us |");
        println!("|---|---|---|---|---|");
        let (mut slowest, mut what) = (Duration::ZERO, String::new());
        let mut shown: Vec<String> = Vec::new();
        for last in lasts {
            chain.execute_with(|| set(id, &case, &last));
            let turn = Box::new(last.turn.clone());
            let call = RuntimeCall::Disputes(pallet_disputes::Call::play { dispute: id, turn });
            let ended = |events: Vec<RuntimeEvent>| {
                let right = |event: &RuntimeEvent| {
                    let RuntimeEvent::Disputes(event) = event else { return false };
                    let verdict = Verdict::Vindicated;
                    matches!(event, pallet_disputes::Event::Ended { verdict: it, .. } if *it == verdict)
                };
                assert!(events.iter().any(right), "{events:?}");
            };
            let time = runtime.median(&mut chain, CHALLENGER, call, ended);
            if time > slowest {
                (slowest, what) = (time, last.what.clone());
            }
            let kind = last.what.split(',').next().unwrap_or_default().to_owned();
            if shown.len() < SHOWN && !shown.contains(&kind) {
                shown.push(kind);
                let Last { what, nodes, data, native, .. } = last;
                let [native, time] = [native, time].map(|time| time.as_micros());
                println!("| {what} | {nodes} | {data} | {native} | {time} |");
            }
        }
        println!("\nthe slowest of all: {} us, {what}\n", slowest.as_micros());
    }
}

/// A layer of the width of the Llamas of eight billion parameters.
fn wide() -> Case {
    let decoder = Decoder {
        vocabulary: 1_024,
        hidden: 4_096,
        layers: 1,
        heads: 32,
        kv_heads: 8,
        head_width: 128,
        intermediate: 14_336,
        positions: 4_096,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [None; 8],
    };
    case(Architecture::Decoder(decoder), 4, 1)
}

/// A layer of all-MiniLM with as many tokens as it takes.
fn long() -> Case {
    let encoder = Encoder {
        vocabulary: 1_024,
        hidden: 384,
        layers: 1,
        heads: 12,
        intermediate: 1_536,
        positions: 512,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    };
    case(Architecture::Encoder(encoder), 512, 0)
}

fn case(architecture: Architecture, tokens: u32, max_tokens_out: u32) -> Case {
    let mut stream = Stream::new(7);
    let draw = |_| stream.below(architecture.vocabulary());
    let case = Case {
        architecture,
        sampling: Sampling::Greedy,
        weights: weights_file(&architecture, 1),
        input: (0..tokens).map(draw).collect(),
        max_tokens_out,
        output: Vec::new(),
    };
    let output = case.recording(&[], 0, |_, _, _| {}).expect("it runs").output().to_vec();
    Case { output, ..case }
}

/// Last moves about a right claim, of every step of several row programs.
fn lasts(case: &Case) -> Vec<Last> {
    let run = case.recording(&case.output, 0, |_, _, _| {}).expect("it runs");
    let claim = case.claim(&case.output);
    let rules = Rules::new(&claim, token(case)).expect("it has a trace");
    let mut prover: Prover<Recording> = Prover::new(run);
    let roots: Vec<_> = prover.roots().expect("it runs").into_iter().map(Into::into).collect();
    let row = rules.trace().tokens() - 1;
    let records = (0..rules.trace().anchors()).map(|anchor| Target::Record { anchor, row });
    let mut stream = Stream::new(3);
    let mut lasts = Vec::new();
    for target in records.chain([Target::Output]) {
        let program = rules.trace().row_program(target_of(target)).expect("it has one");
        let results = prover.result_hashes(target_of(target)).expect("it runs");
        let results: Vec<_> = results.into_iter().map(Into::into).collect();
        for step in 0..program.len() {
            let (op, elements) = (program.op(step).unwrap(), program.elements(step).unwrap());
            for number in 0..ELEMENTS.min(elements) {
                let element = match number {
                    0 => 0,
                    1 => elements - 1,
                    _ => stream.u64() % elements,
                };
                let chunk = element * op.dtype.size() as u64 / CHUNK;
                let result = prover.result(target_of(target), step).expect("it runs");
                let start = (chunk * CHUNK) as usize;
                let len = chunk_len(result.len() as u64, chunk) as usize;
                let bytes = result[start..start + len].to_vec();
                let of = (target_of(target), step, element);
                let proof = prover.proof(of.0, of.1, of.2, claim.tokens_in, &case.output);
                let proof = proof_of(proof.expect("it runs")).expect("it fits");
                let disputed = Disputed {
                    roots: roots.clone().try_into().unwrap(),
                    target,
                    results: results.clone().try_into().unwrap(),
                    step,
                };
                let bytes = bytes.try_into().unwrap();
                let stage = Stage::Element { disputed, chunk, bytes };
                let (nodes, data) = (proof.nodes.len(), proof.data.len());
                let turn = Move::Element { element, proof };
                let before = Instant::now();
                let next = rules.play(stage.clone(), turn.clone());
                let native = before.elapsed();
                assert!(matches!(next, Ok(Next::Decided(Verdict::Vindicated))), "{next:?}");
                let kind = format!("{:?}", op.kind);
                let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
                let what = format!("{kind}, element {element} of {elements}");
                lasts.push(Last { what, stage, turn, nodes, data, native });
            }
        }
    }
    lasts
}

fn token(case: &Case) -> Option<TokenAt> {
    let id = case.tokens_of(&case.output).first().copied();
    id.map(|id| TokenAt { position: 0, id })
}

/// A dispute of the challenger's about a result of a tiny model.
fn open_dispute() -> DisputeId {
    let fits = |case: &Case| case.input.len() == 7 && case.tokens_of(&case.output).len() == 3;
    let case = cases().into_iter().find(fits).expect("there is one");
    let mut spec = version_spec(open());
    spec.architecture = case.architecture;
    (spec.weights.hash, spec.weights.len) = (hash_of(&case.weights), case.weights.len() as u64);
    let asset = publish_model(&MAKER, spec, &[]).expect("nothing stands against it");
    assert_ok!(Workers::serve(signed(&WORKERS[0]), version(asset)));
    let mut job = job_for(asset);
    job.input = Input::Inline(tokens_to_bytes(&case.input).try_into().expect("it fits"));
    (job.max_tokens_out, job.sampling) = (case.max_tokens_out, case.sampling);
    let job = submit(&REQUESTER, job).expect("nothing stands against it");
    next_block();
    let output = Output { hash: hash_of(&case.output), tokens: 3 };
    let worker = workers_of(job).remove(0);
    assert_ok!(commit(&worker, job, output));
    decide(job, output);
    assert_ok!(reveal(&worker, job, output));
    assert_ok!(Balances::mint_into(&CHALLENGER.to_account_id(), FUNDS));
    let proof = token_proof(&case.output, 0).expect("it has a token");
    let id = pallet_disputes::NextDispute::<Runtime>::get();
    let claim = ClaimId::Job { job, worker };
    let ground = Box::new(Ground::Token { position: 0, proof });
    assert_ok!(Disputes::challenge(signed(&CHALLENGER.to_account_id()), claim, ground));
    id
}

/// Puts a dispute where only the last move is missing.
fn set(id: DisputeId, case: &Case, last: &Last) {
    pallet_disputes::Disputes::<Runtime>::mutate(id, |dispute| {
        let dispute = dispute.as_mut().expect("it is open");
        dispute.claim = case.claim(&case.output);
        dispute.token = token(case);
        dispute.stage = last.stage.clone();
    });
}
