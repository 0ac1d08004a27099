//! What the chain keeps of a dispute, and how it ends.

use super::{Claim, ClaimId, Side, Stage, Target, TokenAt};
use crate::{AccountId, Balance, BlockNumber};
use alloc::boxed::Box;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

/// Why a claim is wrong.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Fault {
    /// The runtime has computed an element of a result and it is another.
    #[codec(index = 0)]
    Element,
    /// A token that went in or came out is outside the vocabulary.
    #[codec(index = 1)]
    Vocabulary,
    /// The output goes on behind a token that ends it.
    #[codec(index = 2)]
    GoesOn,
    /// The output ends before it may.
    #[codec(index = 3)]
    EndsEarly,
    /// There are not as many bytes behind a hash as the claim says.
    #[codec(index = 4)]
    Length,
    /// The claimant's time has run out.
    #[codec(index = 5)]
    Silence,
}

/// How a dispute ended.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Verdict {
    /// The claim is wrong.
    #[codec(index = 0)]
    Convicted(Fault),
    /// The runtime has computed the element that the challenger named, and it is the claimant's.
    #[codec(index = 1)]
    Vindicated,
    /// The challenger's time has run out.
    #[codec(index = 2)]
    Abandoned,
    /// The bytes that were asked for are published.
    #[codec(index = 3)]
    Published,
    /// Another dispute has convicted the claim.
    #[codec(index = 4)]
    Moot,
}

/// A dispute as the runtime API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum DisputeView<Account = AccountId, Block = BlockNumber> {
    /// It goes on.
    #[codec(index = 0)]
    Open(Box<Dispute<Account, Block>>),
    /// It has ended.
    #[codec(index = 1)]
    Ended(Ended<Account, Block>),
}

/// Blocks that each side has left for all its moves to come.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Clocks<Block = BlockNumber> {
    /// Of the claimant.
    pub claimant: Block,
    /// Of the challenger.
    pub challenger: Block,
}

/// A dispute.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Dispute<Account = AccountId, Block = BlockNumber> {
    /// Which claim.
    pub claim_id: ClaimId<Account>,
    /// What it says.
    pub claim: Claim,
    /// Who challenges it.
    pub challenger: Account,
    /// On hold of the challenger.
    pub bond: Balance,
    /// Whether the challenger stands for a claim about the same run that differs, which falls if it
    /// loses. It has no bond.
    pub rival: bool,
    /// The disputed token; none of an encoder's vector, or where bytes are asked for.
    pub token: Option<TokenAt>,
    /// Where it stands.
    pub stage: Stage,
    /// The time that each side has left, as it was when the turn began.
    pub clocks: Clocks<Block>,
    /// When the turn began.
    pub since: Block,
    /// Moves so far, of both.
    pub moves: u32,
    /// What the moves so far would have cost: the loser pays it.
    pub costs: Balance,
    /// When it began.
    pub opened_at: Block,
}

impl<Account, Block: AtLeast32BitUnsigned + Copy> Dispute<Account, Block> {
    /// The time that the side whose turn it is had left when the turn began.
    pub fn clock(&self) -> Block {
        match self.stage.turn() {
            Side::Claimant => self.clocks.claimant,
            Side::Challenger => self.clocks.challenger,
        }
    }

    /// The last block at which the side whose turn it is can move.
    pub fn deadline(&self) -> Block {
        self.since.saturating_add(self.clock())
    }

    /// The side whose turn it was has moved: its clock has run, and the turn is the stage's.
    pub fn advance(&mut self, stage: Stage, now: Block) {
        let ran = now.saturating_sub(self.since);
        let clock = match self.stage.turn() {
            Side::Claimant => &mut self.clocks.claimant,
            Side::Challenger => &mut self.clocks.challenger,
        };
        *clock = clock.saturating_sub(ran);
        self.stage = stage;
        self.since = now;
        self.moves = self.moves.saturating_add(1);
    }

    /// How far it has come: what is disputed of the trace.
    pub fn reached(&self) -> Reached {
        let mut reached = Reached::default();
        match &self.stage {
            Stage::Anchors | Stage::Anchor { .. } | Stage::Withheld { .. } | Stage::Ground => {}
            Stage::Rows { anchor, .. } => reached.anchor = Some(*anchor),
            Stage::Results { target, .. } | Stage::Result { target, .. } => {
                reached.target = Some(*target);
            }
            Stage::Chunks { disputed, .. } => {
                (reached.target, reached.step) = (Some(disputed.target), Some(disputed.step));
            }
            Stage::Bytes { disputed, chunk, .. } | Stage::Element { disputed, chunk, .. } => {
                (reached.target, reached.step) = (Some(disputed.target), Some(disputed.step));
                reached.chunk = Some(*chunk);
            }
        }
        reached
    }
}

/// How far a dispute has come. What is known of it is there, from the anchor to the element.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Reached {
    /// The anchor, while its rows are looked through.
    pub anchor: Option<u32>,
    /// What the row program ends in.
    pub target: Option<Target>,
    /// The step whose result is disputed.
    pub step: Option<u32>,
    /// The chunk of the result.
    pub chunk: Option<u64>,
    /// The element that was computed.
    pub element: Option<u64>,
}

/// What is kept of a dispute that has ended.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Ended<Account = AccountId, Block = BlockNumber> {
    /// Which claim.
    pub claim_id: ClaimId<Account>,
    /// Who challenged it.
    pub challenger: Account,
    /// The disputed token.
    pub token: Option<TokenAt>,
    /// How far it came.
    pub reached: Reached,
    /// How it ended.
    pub verdict: Verdict,
    /// Moves of both.
    pub moves: u32,
    /// What the moves would have cost.
    pub costs: Balance,
    /// When it began.
    pub opened_at: Block,
    /// When it ended.
    pub ended_at: Block,
}
