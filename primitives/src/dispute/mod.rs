//! Disputes: what a result claims, how a challenge begins, and the moves that decide it.
//!
//! The rules are in the crate `game`; here are its words. A dispute is between the **claimant**, who
//! stands for a result with its bond, and a **challenger**. `docs/trace.md` says what they commit to,
//! `docs/protocol.md` how they take turns.
//!
//! | module | holds |
//! |---|---|
//! | [`claim`] | what is claimed, and on which ground it is challenged |
//! | [`stage`] | where a game stands, and the moves that lead on |
//! | [`record`] | what the chain keeps of a dispute, and how it ends |

pub mod claim;
pub mod record;
pub mod stage;

pub use crate::penalty::Penalty;
pub use claim::{Claim, ClaimId, End, Ground};
pub use record::{Clocks, Dispute, DisputeView, Ended, Fault, Reached, Verdict};
pub use stage::{Descent, Disputed, Move, Node, Side, Stage, Target, TokenAt};

use crate::ContentHash;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};
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
