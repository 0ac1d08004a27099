//! Moves and grounds as somebody hostile writes them: whatever the bytes, nothing panics, and no
//! claim that is right is convicted.

mod common;

use codec::{Decode, Encode};
use common::GAMES;
use vigil_game::{examine, players::token_proof, Next, Opened, Rules};
use vigil_ops::samples::Stream;
use vigil_primitives::dispute::{End, Ground, Move, Proof, Verdict};

/// Some bytes with a few things changed: bits, bytes that are missing, doubled or taken from others.
fn changed(bytes: &[u8], others: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=stream.below(3) {
        let place = stream.below(bytes.len().max(1) as u32) as usize;
        match stream.below(5) {
            _ if bytes.is_empty() => {}
            0 => bytes[place] ^= 1 << stream.below(8),
            1 => drop(bytes.remove(place)),
            2 => bytes.insert(place, bytes[place]),
            3 => bytes.truncate(place),
            _ => {
                let from = stream.below(others.len() as u32) as usize;
                let len = (1 + stream.below(64) as usize).min(others.len() - from);
                bytes.splice(place..place, others[from..from + len].iter().copied());
            }
        }
    }
    bytes
}

/// Changed moves and grounds that are tried.
const TRIES: u64 = 20_000;

#[test]
fn a_changed_move_should_neither_panic_nor_convict() {
    let (mut refused, mut taken, mut decided) = (0, 0, 0);
    for seed in 0..TRIES {
        let mut stream = Stream::new(seed);
        let game = &GAMES[stream.below(GAMES.len() as u32) as usize];
        let rules = Rules::new(&game.claim, game.token).unwrap();
        let (stage, right) = &game.turns[stream.below(game.turns.len() as u32) as usize];
        let other = &game.turns[stream.below(game.turns.len() as u32) as usize].1;
        let bytes = changed(&right.encode(), &other.encode(), &mut stream);
        let Ok(turn) = Move::decode(&mut &bytes[..]) else { continue };
        match rules.play(stage.clone(), turn.clone()) {
            Err(_) => refused += 1,
            // All that decides is an element of the claimant's own, and that is right.
            Ok(Next::Decided(verdict)) => {
                assert_eq!(verdict, Verdict::Vindicated, "seed {seed}");
                decided += 1;
            }
            Ok(Next::Stage(_)) => {
                // What was committed to before has one form.
                if matches!(right, Move::Nodes(_) | Move::Bytes(_)) {
                    assert_eq!(&turn, right, "seed {seed}");
                }
                taken += 1;
            }
        }
    }
    assert!(refused > 2_000 && taken > 100 && decided > 3, "{refused}, {taken}, {decided}");
}

#[test]
fn a_changed_ground_should_neither_panic_nor_convict() {
    let (mut refused, mut opened) = (0, 0);
    for seed in 0..TRIES {
        let mut stream = Stream::new(seed);
        let game = &GAMES[stream.below(GAMES.len() as u32) as usize];
        let proof = match game.token {
            Some(_) => token_proof(&game.output, 0).unwrap(),
            None => Proof::default(),
        };
        let end = if stream.below(2) == 0 { End::Input } else { End::Output };
        let ground = match stream.below(4) {
            0 => Ground::Token { position: stream.below(4), proof },
            1 => Ground::Length { end, len: stream.u64() >> stream.below(64), proof },
            2 => Ground::Length { end, len: 0, proof: Proof::default() },
            _ => Ground::Withheld { end, first: stream.below(3) },
        };
        let bytes = match stream.below(3) {
            0 => ground.encode(),
            _ => changed(&ground.encode(), &game.output, &mut stream),
        };
        let Ok(ground) = Ground::decode(&mut &bytes[..]) else { continue };
        match examine(&game.claim, &ground) {
            Err(_) => refused += 1,
            Ok(Opened::Game(..)) => opened += 1,
            Ok(Opened::Convicted(fault)) => panic!("seed {seed}, {fault:?}: {ground:?}"),
        }
    }
    assert!(refused > 2_000 && opened > 1_000, "{refused}, {opened}");
}

#[test]
fn proofs_of_one_element_should_not_prove_another() {
    for game in GAMES.iter() {
        let rules = Rules::new(&game.claim, game.token).unwrap();
        let (stage, last) = game.turns.last().unwrap();
        let Move::Element { element, proof } = last else { panic!("it ends with an element") };
        for (nodes, data) in [(1, 0), (0, 1)] {
            let mut longer = proof.clone();
            for _ in 0..nodes {
                let _ = longer.nodes.try_push(Default::default());
            }
            for _ in 0..data {
                let _ = longer.data.try_push(0);
            }
            let turn = Move::Element { element: *element, proof: longer };
            assert!(rules.play(stage.clone(), turn).is_err());
        }
        // An element of another chunk, or of none.
        for far in [u64::MAX, element + 1_024, u64::MAX / 4] {
            let turn = Move::Element { element: far, proof: proof.clone() };
            assert!(rules.play(stage.clone(), turn).is_err());
        }
        // A game about another claim has other commitments.
        let other = GAMES.iter().find(|other| other.claim.weights != game.claim.weights).unwrap();
        let (_, turn) = other.turns.last().unwrap();
        if let Ok(Next::Decided(verdict)) = rules.play(stage.clone(), turn.clone()) {
            assert_eq!(verdict, Verdict::Vindicated);
        }
    }
}
