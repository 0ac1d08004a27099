//! Moves and grounds of disputes: as they come, and good ones changed. Nothing panics, and no claim
//! that is right is convicted.
#![no_main]

use codec::{Decode, Encode};
use libfuzzer_sys::fuzz_target;
use vigil_fuzz::{games::GAMES, Input};
use vigil_game::{examine, Next, Opened, Rules};
use vigil_primitives::dispute::{Ground, Move, Verdict};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let game = &GAMES[input.below(GAMES.len())];
    let (stage, right) = &game.turns[input.below(game.turns.len())];
    let rules = Rules::new(&game.claim, game.token).expect("a game that was played");
    let changed = input.change(&right.encode());
    for bytes in [input.0, &changed] {
        if let Ok(turn) = Move::decode(&mut &bytes[..]) {
            if let Ok(Next::Decided(verdict)) = rules.play(stage.clone(), turn) {
                assert!(matches!(verdict, Verdict::Vindicated | Verdict::Published));
            }
        }
        if let Ok(ground) = Ground::decode(&mut &bytes[..]) {
            let opened = examine(&game.claim, &ground);
            assert!(!matches!(opened, Ok(Opened::Convicted(_))), "{ground:?}");
        }
    }
});
