//! Moves.

use super::*;
use codec::Encode;
use vigil_game::{examine, Next, Opened, Rules};
use vigil_primitives::dispute::{Reached, Side, Stage, MAX_PROOF_DATA, MAX_PROOF_NODES};

impl<T: Config> Pallet<T> {
    /// Returns what the move has weighed.
    pub(crate) fn do_play(
        who: T::AccountId,
        id: DisputeId,
        turn: Move,
    ) -> Result<Weight, DispatchError> {
        let before = Self::load(id)?;
        let mut dispute = before.clone();
        let side = dispute.stage.turn();
        let sits = match side {
            // What is shown of a commitment is right or refused, whoever shows it.
            Side::Claimant => {
                &who == dispute.claim_id.claimant()
                    || matches!(turn, Move::Nodes(_) | Move::Bytes(_) | Move::Publish(_))
            }
            Side::Challenger => who == dispute.challenger,
        };
        ensure!(sits, Error::<T>::NotYourTurn);
        let now = Self::now();
        ensure!(now <= dispute.deadline(), Error::<T>::TooLate);

        // What follows a decision is not the players' doing.
        let weight = Self::own_weight(&turn);
        let cost = Self::cost(weight, turn.encoded_size().saturating_add(8));
        let element = match &turn {
            Move::Element { element, .. } => Some(*element),
            _ => None,
        };
        let next = Self::next(&mut dispute, turn)?;
        Self::unschedule(id, &before);
        dispute.costs = dispute.costs.saturating_add(cost);
        match next {
            Next::Stage(stage) => {
                dispute.advance(stage, now);
                let deadline = dispute.deadline();
                Self::schedule(id, &dispute);
                Disputes::<T>::insert(id, dispute);
                Self::deposit_event(Event::Moved { dispute: id, side, by: who, deadline });
                Ok(weight)
            }
            Next::Decided(verdict) => {
                dispute.moves = dispute.moves.saturating_add(1);
                let reached = Reached { element, ..dispute.reached() };
                Self::end(id, dispute, reached, verdict);
                Ok(weight.saturating_add(Self::convict_weight()))
            }
        }
    }

    /// What follows a move. A rival says what is wrong when the game has begun already, and goes on
    /// when what it asked for is public.
    fn next(dispute: &mut DisputeOf<T>, turn: Move) -> Result<Next, Error<T>> {
        if let (Stage::Ground, Move::Ground(ground)) = (&dispute.stage, &turn) {
            return Ok(match examine(&dispute.claim, ground)? {
                Opened::Convicted(fault) => Next::Decided(Verdict::Convicted(fault)),
                Opened::Game(token, stage) => {
                    dispute.token = token;
                    Next::Stage(stage)
                }
            });
        }
        let rules = Rules::new(&dispute.claim, dispute.token).ok_or(Error::<T>::NoTrace)?;
        Ok(match rules.play(dispute.stage.clone(), turn)? {
            Next::Decided(Verdict::Published) if dispute.rival => Next::Stage(Stage::Ground),
            next => next,
        })
    }

    /// Weight of a move, with what follows if it decides.
    pub(crate) fn play_weight(turn: &Move) -> Weight {
        let decides = matches!(turn, Move::Element { .. } | Move::Publish(_) | Move::Ground(_));
        let follows = if decides { Self::convict_weight() } else { Weight::zero() };
        Self::own_weight(turn).saturating_add(follows)
    }

    /// Weight of a move alone.
    pub(crate) fn own_weight(turn: &Move) -> Weight {
        let len = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
        match turn {
            Move::Roots(roots) => T::WeightInfo::play_nodes(len(roots.len())),
            Move::Results(results) => T::WeightInfo::play_nodes(len(results.len())),
            Move::Nodes(nodes) => T::WeightInfo::play_nodes(len(nodes.len())),
            Move::Bytes(_) => T::WeightInfo::play_bytes(),
            Move::Anchor(_) | Move::Node(_) | Move::Result(_) => T::WeightInfo::play_name(),
            Move::Ground(ground) => Self::ground_weight(ground),
            Move::Element { proof, .. } | Move::Publish(proof) => {
                T::WeightInfo::play_element(len(proof.nodes.len()), len(proof.data.len()))
            }
        }
    }

    /// Weight and length of the largest proof.
    pub(crate) fn heaviest_proof() -> (Weight, u32) {
        let weight = T::WeightInfo::play_element(MAX_PROOF_NODES, MAX_PROOF_DATA);
        (weight, MAX_PROOF_NODES.saturating_mul(32).saturating_add(MAX_PROOF_DATA))
    }
}
