//! One dispute as a worker sees it: whose turn it is, and what to do next.
//!
//! As with jobs, nothing here talks to anybody, and the table in [`next`] looks at the present state
//! alone. A move follows from the chain's state and a run of the model, so nothing has to be
//! remembered: whoever was ended in the middle of a move makes it again.

use vigil_advocate::pursuit::player;
use vigil_primitives::{dispute::Dispute, AccountId, BlockNumber};

/// What the chain waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A move of ours, by this block.
    Ours {
        /// The last block for it.
        deadline: BlockNumber,
    },
    /// A move of the other side.
    Theirs,
}

/// Returns whose turn it is for worker `me`.
pub(crate) fn turn(dispute: &Dispute, me: &AccountId) -> Turn {
    match player(dispute) == me {
        true => Turn::Ours { deadline: dispute.deadline() },
        false => Turn::Theirs,
    }
}

/// What we have for a dispute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The version is loaded.
    pub(crate) model: bool,
    /// A move is being computed.
    pub(crate) computing: bool,
    /// A move is on its way, was sent a moment ago, or could not be made a moment ago.
    pub(crate) quiet: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// Compute a move and send it.
    Play,
    /// The version is not loaded here: the dispute will be lost.
    Unable,
}

/// The transition table: returns what to do next. `now` is the best block.
pub(crate) fn next(turn: Turn, facts: Facts, now: BlockNumber) -> Step {
    match (turn, facts) {
        (Turn::Theirs, _) => Step::Wait,
        (_, Facts { computing: true, .. } | Facts { quiet: true, .. }) => Step::Wait,
        (Turn::Ours { deadline }, _) if now > deadline => Step::Wait,
        (Turn::Ours { .. }, Facts { model: false, .. }) => Step::Unable,
        (Turn::Ours { .. }, _) => Step::Play,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Turn = Turn::Ours { deadline: 10 };
    const READY: Facts = Facts { model: true, computing: false, quiet: false };

    #[test]
    fn a_move_should_be_made_when_it_is_our_turn_up_to_the_deadline() {
        assert_eq!(next(OURS, READY, 9), Step::Play);
        assert_eq!(next(OURS, READY, 10), Step::Play);
        assert_eq!(next(OURS, READY, 11), Step::Wait);
        assert_eq!(next(Turn::Theirs, READY, 9), Step::Wait);
    }

    #[test]
    fn nothing_should_be_done_twice_at_once() {
        assert_eq!(next(OURS, Facts { computing: true, ..READY }, 9), Step::Wait);
        assert_eq!(next(OURS, Facts { quiet: true, ..READY }, 9), Step::Wait);
    }

    #[test]
    fn a_missing_model_should_be_told() {
        assert_eq!(next(OURS, Facts { model: false, ..READY }, 9), Step::Unable);
    }
}
