//! Disputes: what a result claims, how a challenge begins, and the moves that decide it.
//!
//! The rules are in the crate `game`; here are its words. A dispute is between the **claimant**, who
//! stands for a result with its bond, and a **challenger**. `docs/trace.md` says what they commit to,
//! `docs/protocol.md` how they take turns.

use crate::{
    job::{JobId, Output},
    AccountId, Architecture, Balance, BlockNumber, ContentHash, ModelVersionId, Sampling,
};
use alloc::boxed::Box;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::traits::AtLeast32BitUnsigned;
use vigil_architecture::MAX_LAYERS;

/// Number of a dispute, from 0.
pub type DisputeId = u64;

/// Most anchors of a trace: two for every layer, and the first.
pub const MAX_ROOTS: u32 = 2 * MAX_LAYERS as u32 + 1;
/// Most nodes that one move of a descent shows.
pub const MAX_SHOWN: u32 = 1_024;
/// Most results of a row program.
pub const MAX_RESULTS: u32 = 64;
/// Bytes of a chunk.
pub const CHUNK: u32 = 1_024;
/// Most nodes of a proof.
pub const MAX_PROOF_NODES: u32 = 512;
/// Most bytes that a proof opens.
pub const MAX_PROOF_DATA: u32 = 24 * 1_024;
/// Chunks of the input or the output that one publication shows.
pub const PUBLISHED_CHUNKS: u32 = 16;

/// Roots of the anchors of a trace.
pub type Roots = BoundedVec<ContentHash, ConstU32<MAX_ROOTS>>;
/// Nodes of a hash tree, in the order of what is below them.
pub type Nodes = BoundedVec<ContentHash, ConstU32<MAX_SHOWN>>;
/// BLAKE3 of the results of a row program.
pub type Results = BoundedVec<ContentHash, ConstU32<MAX_RESULTS>>;
/// A chunk of a result.
pub type Chunk = BoundedVec<u8, ConstU32<CHUNK>>;

/// Chunks of something that is committed to, and the nodes beside their ways to the commitment.
#[derive(
    Clone,
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
pub struct Proof {
    /// The nodes, in the order in which they are read.
    pub nodes: BoundedVec<ContentHash, ConstU32<MAX_PROOF_NODES>>,
    /// The chunks, likewise.
    pub data: BoundedVec<u8, ConstU32<MAX_PROOF_DATA>>,
}

/// Which claim.
#[derive(
    Clone,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ClaimId<Account = AccountId> {
    /// What a worker has revealed for a job.
    #[codec(index = 0)]
    Job {
        /// The job.
        job: JobId,
        /// The worker.
        worker: Account,
    },
}

impl<Account> ClaimId<Account> {
    /// The claim of another account about the same run.
    pub fn rival(&self, other: Account) -> Self {
        match self {
            Self::Job { job, .. } => Self::Job { job: *job, worker: other },
        }
    }

    /// Who stands for it.
    pub fn claimant(&self) -> &Account {
        match self {
            Self::Job { worker, .. } => worker,
        }
    }
}

/// That a run of a model on an input gives an output.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Claim {
    /// The version that was run.
    pub version: ModelVersionId,
    /// Its architecture.
    pub architecture: Architecture,
    /// BLAKE3 of its weights file.
    pub weights: ContentHash,
    /// Bytes of its weights file.
    pub weights_len: u64,
    /// BLAKE3 of the input's token ids.
    pub input: ContentHash,
    /// Tokens of the input.
    pub tokens_in: u32,
    /// Most tokens that were to be generated.
    pub max_tokens_out: u32,
    /// How tokens were to be chosen.
    pub sampling: Sampling,
    /// What came out.
    pub output: Output,
}

/// One of the two ends of a run.
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
pub enum End {
    /// The token ids that went in.
    #[codec(index = 0)]
    Input,
    /// What came out.
    #[codec(index = 1)]
    Output,
}

/// Why a claim is challenged.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Ground {
    /// A token of the output is not what comes after those before it, or should not be there, or
    /// should not be the last.
    #[codec(index = 0)]
    Token {
        /// Its place in the output, from 0.
        position: u32,
        /// Opens its four bytes of the output.
        proof: Proof,
    },
    /// The vector of an encoder is not what comes out.
    #[codec(index = 1)]
    Vector,
    /// There are not as many bytes behind a hash as the claim says.
    #[codec(index = 2)]
    Length {
        /// Of which end.
        end: End,
        /// How many there are.
        len: u64,
        /// Opens the last byte of so many; nothing if there is none.
        proof: Proof,
    },
    /// Nobody gives the bytes of an end: the claimant is to publish them on chain, so many chunks at
    /// once as a publication has.
    #[codec(index = 3)]
    Withheld {
        /// Of which end.
        end: End,
        /// The first chunk to be published.
        first: u32,
    },
}

/// A token of an output.
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
pub struct TokenAt {
    /// Its place in the output.
    pub position: u32,
    /// Its id.
    pub id: u32,
}

/// What a row program ends in.
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
pub enum Target {
    /// One row of an anchor.
    #[codec(index = 0)]
    Record {
        /// Number of the anchor.
        anchor: u32,
        /// The row.
        row: u32,
    },
    /// The disputed token, or the vector.
    #[codec(index = 1)]
    Output,
}

/// A node of a hash tree with the items below it.
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
pub struct Node {
    /// The first item.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The node.
    pub hash: ContentHash,
}

/// How far a hash tree is descended.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Descent {
    /// The claimant is to show what is below a node.
    #[codec(index = 0)]
    Named(Node),
    /// The challenger is to name one of what was shown.
    #[codec(index = 1)]
    Shown {
        /// The node that is above them.
        node: Node,
        /// They.
        shown: Nodes,
    },
}

/// A result of a row program that is disputed, and all that was committed to before.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Disputed {
    /// Roots of the anchors.
    pub roots: Roots,
    /// What the row program ends in.
    pub target: Target,
    /// Its results.
    pub results: Results,
    /// The step whose result is disputed.
    pub step: u32,
}

/// Where a dispute stands. Each variant carries that stage's data only.
///
/// ```text
///  claimant   Anchors    Rows(Named)    Results    Chunks(Named)    Bytes
///                |          ^   |          ^  |        ^   |        ^   |
///                v          |   v          |  v        |   v        |   v
///  challenger  Anchor ------' Rows(Shown) -'  Result --' Chunks(Shown)' Element -> verdict
/// ```
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Stage {
    /// The claimant is to commit to the anchors of the trace.
    #[codec(index = 0)]
    Anchors,
    /// The challenger is to name the first that differs, if one does.
    #[codec(index = 1)]
    Anchor {
        /// The roots.
        roots: Roots,
    },
    /// They look for the first row that differs.
    #[codec(index = 2)]
    Rows {
        /// The roots.
        roots: Roots,
        /// The anchor.
        anchor: u32,
        /// How far they are.
        descent: Descent,
    },
    /// The claimant is to commit to the results of a row program.
    #[codec(index = 3)]
    Results {
        /// The roots.
        roots: Roots,
        /// What the row program ends in.
        target: Target,
        /// What its last result is committed to already.
        end: ContentHash,
    },
    /// The challenger is to name the first that differs.
    #[codec(index = 4)]
    Result {
        /// The roots.
        roots: Roots,
        /// What the row program ends in.
        target: Target,
        /// Its results.
        results: Results,
    },
    /// They look for a chunk of it that differs.
    #[codec(index = 5)]
    Chunks {
        /// The result.
        disputed: Disputed,
        /// How far they are.
        descent: Descent,
    },
    /// The claimant is to show a chunk.
    #[codec(index = 6)]
    Bytes {
        /// The result.
        disputed: Disputed,
        /// Number of the chunk.
        chunk: u64,
        /// Its hash.
        hash: ContentHash,
    },
    /// The challenger is to prove what an element of it is computed from.
    #[codec(index = 7)]
    Element {
        /// The result.
        disputed: Disputed,
        /// Number of the chunk.
        chunk: u64,
        /// Its bytes.
        bytes: Chunk,
    },
    /// The claimant is to publish a part of the input or the output.
    #[codec(index = 8)]
    Withheld {
        /// Of which end.
        end: End,
        /// The first chunk.
        first: u32,
    },
    /// The challenger is to say what is wrong: two claims differ, and the chain has set one against
    /// the other.
    #[codec(index = 9)]
    Ground,
}

/// A side of a dispute.
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
pub enum Side {
    /// Who stands for the claim.
    #[codec(index = 0)]
    Claimant,
    /// Who challenges it.
    #[codec(index = 1)]
    Challenger,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Claimant => Self::Challenger,
            Self::Challenger => Self::Claimant,
        }
    }
}

impl Stage {
    /// Whose turn it is.
    pub fn turn(&self) -> Side {
        match self {
            Self::Anchors
            | Self::Results { .. }
            | Self::Bytes { .. }
            | Self::Withheld { .. }
            | Self::Rows { descent: Descent::Named(_), .. }
            | Self::Chunks { descent: Descent::Named(_), .. } => Side::Claimant,
            Self::Ground
            | Self::Anchor { .. }
            | Self::Result { .. }
            | Self::Element { .. }
            | Self::Rows { descent: Descent::Shown { .. }, .. }
            | Self::Chunks { descent: Descent::Shown { .. }, .. } => Side::Challenger,
        }
    }
}

/// A turn.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Move {
    /// The claimant commits to the anchors.
    #[codec(index = 0)]
    Roots(Roots),
    /// The challenger names the first that differs, or says that none does.
    #[codec(index = 1)]
    Anchor(Option<u32>),
    /// The claimant shows what is below the named node.
    #[codec(index = 2)]
    Nodes(Nodes),
    /// The challenger names one of what was shown.
    #[codec(index = 3)]
    Node(u32),
    /// The claimant commits to the results of the row program.
    #[codec(index = 4)]
    Results(Results),
    /// The challenger names the first that differs.
    #[codec(index = 5)]
    Result(u32),
    /// The claimant shows the chunk.
    #[codec(index = 6)]
    Bytes(Chunk),
    /// The challenger proves what an element, counted in the whole result, is computed from.
    #[codec(index = 7)]
    Element {
        /// The element.
        element: u64,
        /// Opens what it is computed from.
        proof: Proof,
    },
    /// The claimant publishes the chunks that were asked for.
    #[codec(index = 8)]
    Publish(Proof),
    /// The challenger says what is wrong.
    #[codec(index = 9)]
    Ground(Ground),
}

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

/// Where the stake of a convicted claim went. Parts of it add up to `slashed`.
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
pub struct Penalty {
    /// Taken from the claimant: all of the following.
    pub slashed: Balance,
    /// Burned, at least half.
    pub burned: Balance,
    /// To the treasury, for the moves.
    pub costs: Balance,
    /// To whoever had paid for the claim.
    pub damages: Balance,
    /// To whoever has convicted it.
    pub bounty: Balance,
}

impl Penalty {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            slashed: self.slashed.saturating_add(other.slashed),
            burned: self.burned.saturating_add(other.burned),
            costs: self.costs.saturating_add(other.costs),
            damages: self.damages.saturating_add(other.damages),
            bounty: self.bounty.saturating_add(other.bounty),
        }
    }
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
