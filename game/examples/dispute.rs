//! A dispute from its challenge to its verdict, with the bytes of every move.
//!
//! ```text
//! cargo run --release --package vigil-game --example dispute
//! ```
//! A tiny language model answers 66 tokens with two. The claimant has run it with one bit of one
//! operator's result flipped, and stands for another second token; the challenger has run it right.
//! `docs/trace.md` shows what this prints.

use codec::Encode;
use std::time::Instant;
use vigil_game::{
    examine,
    players::token_proof,
    samples::{cases, Case, Fault, LyingClaimant},
    Next, Opened, Player, Rules,
};
use vigil_primitives::{
    dispute::{ClaimId, Descent, Ground, Move, Side, Stage, Target},
    AccountId, ContentHash,
};

/// The bit that the claimant's run has flipped: in what the first layer's attention gives for row 65,
/// channel 5.
const FAULT: Fault = Fault { op: 27, byte: 65 * 64 + 5 * 4 + 1, bit: 6 };

fn main() {
    let fits = |case: &Case| case.input.len() == 66 && case.tokens_of(&case.output).len() == 2;
    let case = cases().into_iter().find(fits).expect("there is such a case");
    println!("model   {:?}", case.architecture);
    println!("sampling {:?}", case.sampling);

    let mut output = case.output.clone();
    output[4] ^= 1;
    let claim = case.claim(&output);
    println!("weights {:?}, {} bytes", claim.weights, claim.weights_len);
    println!("input   {:?}, {} tokens", claim.input, claim.tokens_in);
    println!("output  {:?}, tokens {:?}", claim.output.hash, case.tokens_of(&output));
    println!("right   tokens {:?}", case.tokens_of(&case.output));

    let position = 1;
    let proof = token_proof(&output, position).expect("the output has this token");
    let ground = Ground::Token { position, proof };
    let id = ClaimId::Job { job: 0, worker: AccountId::new([1; 32]) };
    let mut sum = id.encoded_size() + ground.encoded_size();
    println!("{sum:6} B  challenger  token {position} is wrong");
    let Ok(Opened::Game(token, mut stage)) = examine(&claim, &ground) else {
        panic!("a game follows")
    };

    let rules = Rules::new(&claim, token).expect("the claim has a trace");
    let mut liar = LyingClaimant::new(&case, &output, token, &[FAULT], 2).expect("it runs");
    let run = case.recording(&output, position, |_, _, _| {}).expect("it runs");
    let mut honest = Player::new(run, output.clone());
    let mut moves = 0;
    loop {
        let turn = match stage.turn() {
            Side::Claimant => liar.play(&rules, &stage).expect("it has something to say"),
            Side::Challenger => {
                honest.challenge(&rules, &stage).expect("it runs").expect("it sees a difference")
            }
        };
        moves += u32::from(stage.turn() == Side::Claimant);
        let size = turn.encoded_size();
        sum += size;
        let words = words(&rules, &stage, &turn);
        let side = match stage.turn() {
            Side::Claimant => "claimant  ",
            Side::Challenger => "challenger",
        };
        let start = Instant::now();
        let next = rules.play(stage, turn).expect("it is as the rules want it");
        println!("{size:6} B  {side}  {words} ({:.0?} to check)", start.elapsed());
        match next {
            Next::Stage(next) => stage = next,
            Next::Decided(verdict) => {
                println!("{sum:6} B  {verdict:?}: {moves} moves of the claimant");
                return;
            }
        }
    }
}

/// What a move says.
fn words(rules: &Rules<'_>, stage: &Stage, turn: &Move) -> String {
    let first = |hash: Option<&ContentHash>| hash.map_or(String::new(), |hash| format!("{hash:?}"));
    match (stage, turn) {
        (_, Move::Roots(roots)) => {
            format!("{} roots, the first {}", roots.len(), first(roots.first()))
        }
        (_, Move::Anchor(Some(anchor))) => {
            let name = rules.trace().anchor(*anchor).expect("the rules know it");
            format!("anchor {anchor} differs: {name:?}")
        }
        (_, Move::Anchor(None)) => "no anchor differs".into(),
        (_, Move::Nodes(nodes)) => {
            format!("{} nodes, the first {}", nodes.len(), first(nodes.first()))
        }
        (
            Stage::Rows { descent: Descent::Shown { node, .. }, .. }
            | Stage::Chunks { descent: Descent::Shown { node, .. }, .. },
            Move::Node(place),
        ) => {
            format!("node {place} of those below {} to {}", node.first, node.first + node.count - 1)
        }
        (_, Move::Results(results)) => {
            format!("{} results, the last {}", results.len(), first(results.last()))
        }
        (Stage::Result { target, .. }, Move::Result(step)) => {
            let program = rules.trace().row_program(vigil_game::rules::target_of(*target));
            let op = program.and_then(|program| program.op(*step));
            let kind = op.map(|op| format!("{:?}", op.kind)).unwrap_or_default();
            let row = match target {
                Target::Record { row, .. } => format!("of row {row}"),
                Target::Output => "of the output".into(),
            };
            format!("step {step} {row} differs: {kind}")
        }
        (_, Move::Bytes(bytes)) => format!("a chunk of {} bytes", bytes.len()),
        (_, Move::Element { element, proof }) => format!(
            "element {element}, proven by {} nodes and {} bytes",
            proof.nodes.len(),
            proof.data.len()
        ),
        _ => format!("{turn:?}"),
    }
}
