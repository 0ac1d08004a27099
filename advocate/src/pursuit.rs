//! One dispute played to its end by a key of ours.
//!
//! A [`Pursuit`] remembers nothing that the chain does not know: whoever was ended in the middle of a
//! dispute begins another pursuit of the same number. It makes a move when it is the key's turn, and
//! makes it again when the chain shows no effect some blocks after it was sent.

use crate::{Advocate, Case};
use vigil_client::{calls::disputes, Blocks, Client, Key, Until};
use vigil_primitives::{
    dispute::{Dispute, DisputeId, DisputeView, Ended, Move, Side},
    AccountId, BlockNumber,
};

/// Blocks after which a move is made again if the chain shows no effect.
const SETTLING: BlockNumber = 3;

/// Looks at the chain without the dispute, after which it is given up.
const MISSING: u32 = 10;

/// Times that a move is refused before the pursuit ends. A block on another fork than the one that we
/// looked at may lack the move before ours, and then refuses ours: that says nothing of it.
const REFUSALS: u32 = 5;

/// Why a pursuit does not go on. It can be begun again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node or the chain.
    #[error(transparent)]
    Client(#[from] vigil_client::Error),
    /// The run.
    #[error(transparent)]
    Advocate(#[from] crate::Error),
    /// There is no such dispute, or it has ended long ago.
    #[error("there is no dispute {0}, or it has ended long ago")]
    Unknown(DisputeId),
    /// Our own run gives what we challenge.
    #[error("nothing is wrong with what dispute {0} challenges: our own run gives the same")]
    NothingWrong(DisputeId),
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The dispute has come so far, by a move of either side.
    Reached(Box<Dispute>),
    /// A move of ours is in a block.
    Moved(Box<Move>),
    /// It is over.
    Ended(Box<Ended>),
}

/// The account that has the turn.
pub fn player(dispute: &Dispute) -> &AccountId {
    match dispute.stage.turn() {
        Side::Claimant => dispute.claim_id.claimant(),
        Side::Challenger => &dispute.challenger,
    }
}

/// A dispute that is played to its end.
pub struct Pursuit {
    client: Client,
    key: Key,
    id: DisputeId,
    blocks: Blocks,
    /// A block that is to be looked at once more.
    at: Option<BlockNumber>,
    input: Vec<u32>,
    output: Vec<u8>,
    /// Looks at the chain that did not find the dispute.
    missing: u32,
    /// Moves of the dispute when it was last told of.
    told: Option<u32>,
    /// Moves of the dispute when ours was sent, and the block from which on it is sent again.
    sent: Option<(u32, BlockNumber)>,
    /// Times that the move that is due has been refused.
    refused: u32,
}

impl Pursuit {
    /// Of a dispute in which the key has a side. `input` and `output` are the bytes that the claim is
    /// about.
    pub fn new(
        client: &Client,
        key: &Key,
        id: DisputeId,
        (input, output): (Vec<u32>, Vec<u8>),
    ) -> Self {
        let blocks = client.blocks();
        let (client, key) = (client.clone(), key.clone());
        Self {
            client,
            key,
            id,
            blocks,
            at: None,
            input,
            output,
            missing: 0,
            told: None,
            sent: None,
            refused: 0,
        }
    }

    /// Waits for the next thing to happen. A move of ours is computed on this thread, and sent.
    ///
    /// # Errors
    /// The dispute is unknown, nothing is wrong with what the key challenges, the run can't be
    /// computed, or the node refuses a move for good.
    pub async fn next(&mut self, advocate: &Advocate<'_>) -> Result<Progress, Error> {
        loop {
            let now = match self.at.take() {
                Some(block) => block,
                None => self.blocks.next().await.number,
            };
            let dispute = match self.client.best().dispute(self.id).await {
                // A block with the challenge may have been taken back, and comes again.
                Ok(None) if self.missing < MISSING => {
                    self.missing = self.missing.saturating_add(1);
                    continue;
                }
                Ok(None) => return Err(Error::Unknown(self.id)),
                Ok(Some(DisputeView::Ended(ended))) => {
                    return Ok(Progress::Ended(Box::new(ended)));
                }
                Ok(Some(DisputeView::Open(dispute))) => dispute,
                Err(error) if error.is_temporary() => continue,
                Err(error) => return Err(error.into()),
            };
            self.missing = 0;
            if self.told != Some(dispute.moves) {
                self.told = Some(dispute.moves);
                self.refused = 0;
                // The move may be ours.
                self.at = Some(now);
                return Ok(Progress::Reached(dispute));
            }
            let quiet =
                self.sent.is_some_and(|(moves, again)| moves == dispute.moves && now < again);
            if quiet || player(&dispute) != self.key.account() || now > dispute.deadline() {
                continue;
            }
            let moves = dispute.moves;
            let (input, output) = (self.input.clone(), self.output.clone());
            let case = Case { dispute: *dispute, input, output };
            let turn = tokio::task::block_in_place(|| advocate.play(&case))?;
            let turn = turn.ok_or(Error::NothingWrong(self.id))?;
            let call = disputes::play(self.id, &turn);
            match self.client.submit(&call, &self.key, Until::InBlock).await {
                Ok(included) => {
                    let again = included.block.number.saturating_add(SETTLING);
                    self.sent = Some((moves, again));
                    return Ok(Progress::Moved(Box::new(turn)));
                }
                // Tried again at the next block.
                Err(error) if error.is_temporary() => {}
                // What made it wrong may be another's move, which the next look shows.
                Err(error) if self.is_still(moves).await => {
                    self.refused = self.refused.saturating_add(1);
                    if self.refused >= REFUSALS {
                        return Err(error.into());
                    }
                }
                Err(_) => {}
            }
        }
    }

    /// Whether the dispute has had so many moves.
    async fn is_still(&self, moves: u32) -> bool {
        let view = self.client.best().dispute(self.id).await;
        matches!(view, Ok(Some(DisputeView::Open(dispute))) if dispute.moves == moves)
    }
}
