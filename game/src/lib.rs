//! The game that decides a dispute, as data.
//!
//! A claim says that a run of a model gives an output. Whoever knows better challenges it, and the two
//! sides narrow down where they differ: to an anchor, a row, a step, a chunk, at last to one element,
//! which the referee computes from proven operands. Every move either follows from what was committed
//! to before or is refused; the challenger's only choice is where to look.
//!
//! - [`rules`]: what a challenge must bring, and the table of moves. The chain runs it.
//! - [`players`]: what either side does when it is its turn, given a run of its own. Workers,
//!   challengers and tests play with it.
//! - `samples`: tiny claims and adversaries, behind the feature of that name.
//!
//! An honest claimant can't lose: whatever the challenger names, the element that is computed at the
//! end follows from operands that the claimant itself has committed to. An honest challenger can't
//! lose either: of what it names as first to differ all operands are those of its own run, so what
//! differs doesn't follow from them.
//!
//! A tiny language model has answered, and somebody stands for another first token:
//!
//! ```
//! use vigil_game::{
//!     examine,
//!     players::token_proof,
//!     samples::{cases, play_out, LyingClaimant},
//!     Opened, Player, Rules,
//! };
//! use vigil_primitives::dispute::{Fault, Ground, Side, Stage, Verdict};
//!
//! let case = cases().into_iter().find(|case| case.tokens_of(&case.output).len() > 1).unwrap();
//! let mut output = case.output.clone();
//! output[0] ^= 1;
//! let claim = case.claim(&output);
//! let ground = Ground::Token { position: 0, proof: token_proof(&output, 0).unwrap() };
//! let Ok(Opened::Game(token, stage)) = examine(&claim, &ground) else { panic!("a game follows") };
//!
//! let rules = Rules::new(&claim, token).unwrap();
//! let mut claimant = LyingClaimant::new(&case, &output, token, &[], 0).unwrap();
//! let run = case.recording(&output, 0, |_, _, _| {}).unwrap();
//! let mut challenger = Player::new(run, output.clone());
//! let mut turn = |stage: &Stage| match stage.turn() {
//!     Side::Claimant => claimant.play(&rules, stage),
//!     Side::Challenger => challenger.challenge(&rules, stage).unwrap(),
//! };
//! let (_, verdict) = play_out(&rules, stage, &mut turn);
//! assert_eq!(verdict, Some(Verdict::Convicted(Fault::Element)));
//! ```

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod players;
pub mod rules;
#[cfg(feature = "samples")]
pub mod samples;

pub use players::Player;
pub use rules::{examine, flaw, BadGround, BadMove, Next, Opened, Rules};
pub use vigil_ops::proof::BadProof;
