//! Whole games without a chain: an honest side never loses, whatever the other does.

use proptest::prelude::*;
use std::{collections::HashMap, sync::LazyLock};
use vigil_game::{
    examine,
    players::token_proof,
    samples::{cases, play_out, spoiled, Case, Fault, LyingChallenger, LyingClaimant},
    BadMove, Opened, Player, Rules,
};
use vigil_ops::{
    samples::Stream,
    trace::{Execution, Recording},
};
use vigil_primitives::{
    dispute::{self, Claim, Ground, Move, Side, Stage, TokenAt, Verdict},
    Architecture,
};

static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

/// Right runs, by case and position.
static RUNS: LazyLock<HashMap<(usize, u32), Recording>> = LazyLock::new(|| {
    let positions = |case: &Case| 0..case.tokens_of(&case.output).len().max(1) as u32;
    let runs = CASES.iter().enumerate().flat_map(|(number, case)| {
        positions(case).map(move |position| {
            let run = case.recording(&case.output, position, |_, _, _| {}).unwrap();
            ((number, position), run)
        })
    });
    runs.collect()
});

/// The stage that a challenge of a claim begins with.
fn opened(claim: &Claim, output: &[u8], position: u32) -> Opened {
    let ground = match claim.architecture {
        Architecture::Encoder(_) => Ground::Vector,
        Architecture::Decoder(_) => {
            Ground::Token { position, proof: token_proof(output, position).unwrap() }
        }
    };
    examine(claim, &ground).unwrap()
}

/// A wrong output of a case with the first wrong token, or of an encoder a wrong vector.
fn wrong(case: &Case, stream: &mut Stream) -> (Vec<u8>, u32) {
    let mut output = case.output.clone();
    if matches!(case.architecture, Architecture::Encoder(_)) {
        let byte = stream.below(output.len() as u32) as usize;
        output[byte] ^= 1 << stream.below(8);
        return (output, 0);
    }
    let position = stream.below(output.len() as u32 / 4);
    let token = &mut output[4 * position as usize..][..4];
    let other = (u32::from_le_bytes(token.try_into().unwrap()) + 1 + stream.below(48))
        % case.architecture.vocabulary();
    token.copy_from_slice(&other.to_le_bytes());
    (output, position)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_honest_challenger_should_convict_every_wrong_claim(seed: u64) {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let (output, position) = wrong(case, &mut stream);
        if output == case.output {
            return Ok(());
        }
        let claim = case.claim(&output);
        let (token, stage) = match opened(&claim, &output, position) {
            Opened::Game(token, stage) => (token, stage),
            // It ends or goes on where it must not.
            Opened::Convicted(_) => return Ok(()),
        };
        let rules = Rules::new(&claim, token).unwrap();
        let program = rules.trace().program().unwrap();
        let faults: Vec<Fault> =
            (0..stream.below(4)).map(|_| Fault::draw(&mut stream, &program)).collect();
        let mut liar = LyingClaimant::new(case, &output, token, &faults, seed).unwrap();
        let mut honest = Player::new(RUNS[&(number, position)].clone(), output.clone());
        let mut moves = 0;
        let (last, verdict) = play_out(&rules, stage, &mut |stage| match stage.turn() {
            Side::Claimant => {
                moves += 1;
                liar.play(&rules, stage)
            }
            Side::Challenger => honest.challenge(&rules, stage).unwrap(),
        });
        prop_assert!(moves <= 7);
        match verdict {
            Some(verdict) => prop_assert_eq!(verdict, Verdict::Convicted(dispute::Fault::Element)),
            // Only the liar has nothing to say.
            None => prop_assert_eq!(last.turn(), Side::Claimant),
        }
    }

    #[test]
    fn an_honest_claimant_should_be_vindicated_against_any_challenger(seed: u64) {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let claim = case.claim(&case.output);
        let tokens = case.tokens_of(&case.output).len() as u32;
        let position = stream.below(tokens.max(1));
        let Opened::Game(token, stage) = opened(&claim, &case.output, position) else {
            panic!("a right claim is wrong at first sight");
        };
        let rules = Rules::new(&claim, token).unwrap();
        let run = RUNS[&(number, position)].clone();
        let mut honest = Player::new(run.clone(), case.output.clone());
        let mut liar = LyingChallenger::new(run, case.output.clone(), seed);
        let (_, verdict) = play_out(&rules, stage, &mut |stage| {
            let turn = match stage.turn() {
                Side::Claimant => Some(honest.answer(&rules, stage).unwrap()),
                Side::Challenger => liar.play(&rules, stage),
            };
            // What is changed is refused, and leaves everything as it was.
            if let Some(spoiled) = turn.as_ref().and_then(|turn| spoiled(turn, &mut stream)) {
                assert!(rules.play(stage.clone(), spoiled).is_err());
            }
            turn
        });
        prop_assert_eq!(verdict, Some(Verdict::Vindicated));
    }

    #[test]
    fn a_challenger_should_see_that_nothing_differs(seed: u64) {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let claim = case.claim(&case.output);
        let Opened::Game(token, stage) = opened(&claim, &case.output, 0) else {
            panic!("a right claim is wrong at first sight");
        };
        let rules = Rules::new(&claim, token).unwrap();
        let run = RUNS[&(number, 0)].clone();
        let mut player = Player::new(run, case.output.clone());
        let (last, verdict) =
            play_out(&rules, stage, &mut |stage| player.play(&rules, stage).unwrap());
        prop_assert_eq!(verdict, None);
        let at_results = matches!(last, Stage::Result { .. });
        prop_assert!(at_results);
    }
}

#[test]
fn every_move_should_be_refused_at_every_other_stage() {
    let case = CASES.iter().find(|case| case.input.len() == 66).unwrap();
    let claim = case.claim(&case.output);
    let Opened::Game(token, stage) = opened(&claim, &case.output, 0) else { panic!() };
    let rules = Rules::new(&claim, token).unwrap();
    let run = case.recording(&case.output, 0, |_, _, _| {}).unwrap();
    let mut honest = Player::new(run.clone(), case.output.clone());
    let mut liar = LyingChallenger::new(run, case.output.clone(), 5);
    let (mut stages, mut moves) = (Vec::new(), Vec::new());
    play_out(&rules, stage, &mut |stage| {
        let turn = match stage.turn() {
            Side::Claimant => honest.answer(&rules, stage).ok(),
            Side::Challenger => liar.play(&rules, stage),
        };
        stages.push(stage.clone());
        moves.extend(turn.clone());
        turn
    });
    assert!(stages.len() > 6);
    let kind = |turn: &Move| std::mem::discriminant(turn);
    for (stage, right) in stages.iter().zip(&moves) {
        for other in moves.iter().filter(|other| kind(other) != kind(right)) {
            assert_eq!(rules.play(stage.clone(), other.clone()), Err(BadMove::NotNow));
        }
    }
}

#[test]
fn a_wrong_length_or_an_early_or_late_end_should_be_seen_at_once() {
    let case = CASES
        .iter()
        .find(|case| case.max_tokens_out == 12 && case.tokens_of(&case.output).len() > 3)
        .expect("a case that generates some tokens");
    let Architecture::Decoder(decoder) = case.architecture else { panic!() };
    let stop = decoder.stop_tokens[0].unwrap();
    let vocabulary = decoder.vocabulary;
    let bytes = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let at_once = |ids: &[u32], position: u32| {
        let output = bytes(ids);
        match opened(&case.claim(&output), &output, position) {
            Opened::Convicted(fault) => Some(fault),
            Opened::Game(..) => None,
        }
    };
    assert_eq!(at_once(&[1, stop, 2, 3], 1), Some(dispute::Fault::GoesOn));
    assert_eq!(at_once(&[1, 2, 3], 2), Some(dispute::Fault::EndsEarly));
    assert_eq!(at_once(&[1, vocabulary, 3], 1), Some(dispute::Fault::Vocabulary));
    assert_eq!(at_once(&[1, 2, stop], 2), None);
    assert_eq!(at_once(&[1, 2, 3], 1), None);
    let _ = TokenAt { position: 0, id: stop };
}

#[test]
fn a_run_should_be_what_it_says() {
    // The yardstick itself: a run's tokens are those of its trace.
    for run in RUNS.values() {
        assert_eq!(run.tokens().len() as u32, run.trace().tokens());
    }
}
