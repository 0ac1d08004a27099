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

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod players;
pub mod rules;
#[cfg(feature = "samples")]
pub mod samples;

pub use players::Player;
pub use rules::{examine, flaw, BadGround, BadMove, Next, Opened, Rules};
pub use vigil_ops::proof::BadProof;
