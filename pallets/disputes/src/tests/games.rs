//! Whole games on the chain: an honest side never loses, whatever the other does.

use super::*;
use codec::Encode;
use proptest::prelude::*;
use vigil_game::samples::{spoiled, Fault as Flip, LyingClaimant};
use vigil_ops::samples::Stream;
use vigil_primitives::Architecture;

/// A wrong output of a case with its first wrong token, or of an encoder a wrong vector.
fn wrong(case: &Case, stream: &mut Stream) -> (Vec<u8>, u32) {
    let mut output = case.output.clone();
    if matches!(case.architecture, Architecture::Encoder(_)) {
        let byte = stream.below(output.len() as u32) as usize;
        output[byte] ^= 1 << stream.below(8);
        return (output, 0);
    }
    let position = stream.below(output.len() as u32 / 4);
    let token = &mut output[4 * position as usize..][..4];
    let id = u32::from_le_bytes(token.try_into().unwrap());
    let other = (id + 1 + stream.below(48)) % case.architecture.vocabulary();
    token.copy_from_slice(&other.to_le_bytes());
    (output, position)
}

/// How much a game has put on chain.
#[derive(Default)]
struct Size {
    moves: u32,
    bytes: usize,
    state: usize,
}

/// Makes the move of one side; whether there was one.
fn step(
    id: DisputeId,
    size: &mut Size,
    turn: impl FnOnce(&Rules<'_>, &Stage) -> Option<Move>,
) -> bool {
    let dispute = open(id);
    let rules = Rules::new(&dispute.claim, dispute.token).unwrap();
    let Some(turn) = turn(&rules, &dispute.stage) else { return false };
    size.bytes += turn.encoded_size();
    size.moves += u32::from(dispute.stage.turn() == Side::Claimant);
    let who = match dispute.stage.turn() {
        Side::Claimant => CLAIMANT,
        Side::Challenger => dispute.challenger,
    };
    assert_ok!(play(who, id, turn));
    if let Some(dispute) = DisputesOf::get(id) {
        size.state = size.state.max(dispute.encoded_size());
    }
    true
}

/// So many games with an honest challenger of a wrong claim, with an honest claimant of a right one
/// each, and with several challengers at once.
const GAMES: u32 = 4_000;

#[test]
fn an_honest_challenger_should_convict_every_wrong_claim() {
    proptest!(ProptestConfig { cases: GAMES, failure_persistence: None, ..Default::default() },
    |(seed: u64)| build_and_execute(|| {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let (output, position) = wrong(case, &mut stream);
        if output == case.output {
            return;
        }
        let id = claim(case, &output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &output, position));
        let Some(opened) = DisputesOf::get(dispute) else {
            // It ends or goes on where it must not.
            assert!(matches!(verdict(dispute), Some(Verdict::Convicted(_))));
            return;
        };
        let rules = Rules::new(&opened.claim, opened.token).unwrap();
        let program = rules.trace().program().unwrap();
        let faults: Vec<Flip> =
            (0..stream.below(3)).map(|_| Flip::draw(&mut stream, &program)).collect();
        let mut liar = LyingClaimant::new(case, &output, opened.token, &faults, seed).unwrap();
        let mut honest = Player::new(run(number, position), output.clone());
        let mut size = Size::default();
        while DisputesOf::contains_key(dispute) {
            let side = stage(dispute).turn();
            let moved = step(dispute, &mut size, |rules, stage| match side {
                Side::Claimant => liar.play(rules, stage),
                Side::Challenger => honest.challenge(rules, stage).unwrap(),
            });
            if !moved {
                // Only the liar has nothing to say.
                assert_eq!(side, Side::Claimant);
                run_to(open(dispute).deadline() + 1);
            }
            run_to(System::block_number() + u64::from(stream.below(2)));
        }
        assert!(matches!(
            verdict(dispute),
            Some(Verdict::Convicted(Fault::Element | Fault::Silence))
        ));
        assert!(size.moves <= 7);
        assert!(Pages::get()[&id].convicted.is_some());
        assert_eq!(money(CHALLENGER), (0, FUNDS));
        assert_eq!(money(CLAIMANT).1, FUNDS - STAKE);
    }));
}

#[test]
fn an_honest_claimant_should_be_vindicated_against_any_challenger() {
    proptest!(ProptestConfig { cases: GAMES, failure_persistence: None, ..Default::default() },
    |(seed: u64)| build_and_execute(|| {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let tokens = case.tokens_of(&case.output).len() as u32;
        let position = stream.below(tokens.max(1));
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, position));
        let mut honest = Player::new(run(number, position), case.output.clone());
        let mut liar = LyingChallenger::new(run(number, position), case.output.clone(), seed);
        let (mut size, mut leaves) = (Size::default(), stream.below(40));
        while DisputesOf::contains_key(dispute) {
            let at = stage(dispute);
            if at.turn() == Side::Challenger && leaves == 0 {
                run_to(open(dispute).deadline() + TAKEOVER + 1);
                continue;
            }
            leaves = leaves.saturating_sub(1);
            step(dispute, &mut size, |rules, stage| {
                let turn = match stage.turn() {
                    Side::Claimant => honest.answer(rules, stage).ok(),
                    Side::Challenger => liar.play(rules, stage),
                };
                // What is changed is refused, and leaves everything as it was.
                if let Some(spoiled) = turn.as_ref().and_then(|turn| spoiled(turn, &mut stream)) {
                    let who = if stage.turn() == Side::Claimant { CLAIMANT } else { CHALLENGER };
                    assert!(play(who, dispute, spoiled).is_err());
                }
                turn
            });
        }
        assert!(matches!(verdict(dispute), Some(Verdict::Vindicated | Verdict::Abandoned)));
        assert!(size.moves <= 7);
        let (held, left) = money(CHALLENGER);
        assert!(held == 0 && left < FUNDS - FORFEIT);
        assert_eq!(money(CLAIMANT).1, FUNDS + FORFEIT / 2);
    }));
}

#[test]
fn of_several_challengers_the_honest_one_should_convict_and_nobody_else_lose() {
    proptest!(ProptestConfig { cases: GAMES / 2, failure_persistence: None, ..Default::default() },
    |(seed: u64)| build_and_execute(|| {
        let mut stream = Stream::new(seed);
        let number = stream.below(CASES.len() as u32) as usize;
        let case = &CASES[number];
        let (output, position) = wrong(case, &mut stream);
        if output == case.output {
            return;
        }
        let id = claim(case, &output);
        let first = challenge(CHALLENGER, &id, ground(case, &output, position));
        let Some(opened) = DisputesOf::get(first) else { return };
        let second = challenge(OTHER, &id, ground(case, &output, position));
        let mut liars = [seed, seed + 1].map(|seed| {
            LyingClaimant::new(case, &output, opened.token, &[], seed).unwrap()
        });
        let mut honest = Player::new(run(number, position), output.clone());
        let mut idle = LyingChallenger::new(run(number, position), output.clone(), seed);
        let mut size = Size::default();
        while DisputesOf::contains_key(first) && DisputesOf::contains_key(second) {
            let in_first = stream.below(2) == 0;
            let dispute = if in_first { first } else { second };
            let liar = &mut liars[usize::from(in_first)];
            let moved = step(dispute, &mut size, |rules, stage| match stage.turn() {
                Side::Claimant => liar.play(rules, stage),
                Side::Challenger if in_first => honest.challenge(rules, stage).unwrap(),
                Side::Challenger => idle.play(rules, stage),
            });
            if !moved && stage(dispute).turn() == Side::Claimant {
                run_to(open(dispute).deadline() + 1);
            }
        }
        if verdict(second).is_some_and(|verdict| verdict == Verdict::Vindicated) {
            // It named what is right. The claim is not final by that.
            assert!(DisputesOf::contains_key(first));
            return;
        }
        assert!(Pages::get()[&id].convicted.is_some());
        assert_eq!(OpenDisputes::<Test>::get(), 0);
        assert_eq!((money(CHALLENGER), money(OTHER)), ((0, FUNDS), (0, FUNDS)));
    }));
}
