//! Games that were played, for tests that change their moves.

#![allow(dead_code, unreachable_pub)]

use std::sync::LazyLock;
use vigil_game::{
    examine,
    players::token_proof,
    samples::{cases, play_out, Case, LyingChallenger},
    Opened, Player, Rules,
};
use vigil_primitives::{
    dispute::{Claim, Ground, Move, Side, Stage, TokenAt},
    Architecture,
};

/// A game about a right claim.
pub struct Game {
    /// The claim.
    pub claim: Claim,
    /// Its output.
    pub output: Vec<u8>,
    /// The disputed token.
    pub token: Option<TokenAt>,
    /// Every stage, with the move that followed.
    pub turns: Vec<(Stage, Move)>,
}

/// Games of every tiny model, short ones and those of more than one block of tokens.
pub static GAMES: LazyLock<Vec<Game>> = LazyLock::new(|| {
    let played = |case: &Case| matches!(case.input.len(), 7 | 66);
    cases()
        .into_iter()
        .filter(played)
        .flat_map(|case| (0..3).map(move |seed| game(&case, seed)))
        .collect()
});

fn ground(case: &Case) -> Ground {
    match case.architecture {
        Architecture::Encoder(_) => Ground::Vector,
        Architecture::Decoder(_) => {
            Ground::Token { position: 0, proof: token_proof(&case.output, 0).unwrap() }
        }
    }
}

fn game(case: &Case, seed: u64) -> Game {
    let claim = case.claim(&case.output);
    let Opened::Game(token, stage) = examine(&claim, &ground(case)).unwrap() else {
        panic!("a right claim is wrong at first sight");
    };
    let run = case.recording(&case.output, 0, |_, _, _| {}).unwrap();
    let mut honest = Player::new(run.clone(), case.output.clone());
    let mut liar = LyingChallenger::new(run, case.output.clone(), seed);
    let rules = Rules::new(&claim, token).unwrap();
    let mut turns = Vec::new();
    play_out(&rules, stage, &mut |stage| {
        let turn = match stage.turn() {
            Side::Claimant => honest.answer(&rules, stage).ok(),
            Side::Challenger => liar.play(&rules, stage),
        };
        turns.extend(turn.clone().map(|turn| (stage.clone(), turn)));
        turn
    });
    Game { output: case.output.clone(), claim, token, turns }
}
