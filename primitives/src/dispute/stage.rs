//! Where a game stands, and the moves that lead on.

use super::{Chunk, End, Ground, Nodes, Proof, Results, Roots};
use crate::ContentHash;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

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
