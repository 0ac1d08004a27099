//! One file per call, and whole games.

mod challenge;
mod condemn;
mod games;
mod play;
mod take_over;
mod time_out;

// The pallet, not its storage of the same name.
use crate::mock::Disputes;
use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use vigil_game::{
    samples::{Case, LyingChallenger},
    Player, Rules,
};
use vigil_ops::trace::Recording;
use vigil_primitives::dispute::{Fault, Side, Stage, TokenAt};

/// A decoder's case of several tokens, and its number.
fn decoder() -> (usize, &'static Case) {
    let found = CASES
        .iter()
        .enumerate()
        .find(|(_, case)| case.input.len() == 66 && case.tokens_of(&case.output).len() == 2);
    found.expect("a case of 66 and 2 tokens")
}

/// An encoder's case, and its number.
fn encoder() -> (usize, &'static Case) {
    let found = CASES.iter().enumerate().find(|(_, case)| case.max_tokens_out == 0);
    found.expect("a case of an encoder")
}

/// The right run of a case at a position.
fn run(number: usize, position: u32) -> Recording {
    RUNS[&(number, position)].clone()
}

/// Moves of an honest claimant and of a challenger that names anything, until `until` says so.
fn advance(id: DisputeId, number: usize, until: impl Fn(&Stage) -> bool) {
    let case = &CASES[number];
    while !until(&stage(id)) {
        let dispute = open(id);
        let position = dispute.token.map_or(0, |token| token.position);
        let rules = Rules::new(&dispute.claim, dispute.token).unwrap();
        let turn = match dispute.stage.turn() {
            Side::Claimant => {
                let mut honest = Player::new(run(number, position), case.output.clone());
                honest.answer(&rules, &dispute.stage).unwrap()
            }
            Side::Challenger => {
                let mut liar = LyingChallenger::new(run(number, position), case.output.clone(), 5);
                liar.play(&rules, &dispute.stage).unwrap()
            }
        };
        let who = match dispute.stage.turn() {
            Side::Claimant => CLAIMANT,
            Side::Challenger => dispute.challenger,
        };
        assert_ok!(play(who, id, turn));
    }
}

/// A move that fits the stage, by a player with the right run.
fn honest_move(id: DisputeId, number: usize) -> Move {
    let dispute = open(id);
    let position = dispute.token.map_or(0, |token| token.position);
    let rules = Rules::new(&dispute.claim, dispute.token).unwrap();
    let mut player = Player::new(run(number, position), CASES[number].output.clone());
    player.answer(&rules, &dispute.stage).unwrap()
}
