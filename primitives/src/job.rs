//! A job: one run of one model version on one input, paid from escrow.

use crate::{
    audit::MAX_AUDIT_DRAWS, lineage::Royalties, penalty::Penalty, terms::AcceptedTerms,
    worker::Region, Balance, ContentHash, Hash, ModelVersionId,
};
pub use crate::{
    audit::{Audit, AuditState},
    quote::{NoQuote, Parameters, Quote, QuoteRequest},
    Sampling,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::slice;
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::traits::{BlakeTwo256, Hash as _};

/// Number of a job, from 0.
pub type JobId = u64;

/// Most workers that run the same job.
pub const MAX_REPLICAS: u32 = 5;
/// Most runs of the same job: its workers', and an auditor's.
pub const MAX_RUNS: u32 = MAX_REPLICAS + 1;
/// Times a job's replicas are assigned again before it is refunded whole.
pub const MAX_ATTEMPTS: u8 = 3;
/// Most workers that can lose one job: every replica and every auditor of every attempt.
pub const MAX_LOST: u32 = (MAX_REPLICAS + MAX_AUDIT_DRAWS as u32) * (MAX_ATTEMPTS as u32 + 1);
/// Most workers that must not be drawn for a job: those it has and those that lost it.
pub const MAX_EXCLUDED: u32 = MAX_RUNS + MAX_LOST;
/// Largest input carried by the chain itself, in bytes.
pub const MAX_INLINE_INPUT: u32 = 4_096;
/// Bytes of one token id: u32, little-endian.
pub const TOKEN_BYTES: u32 = 4;

/// Token ids (u32, little-endian), on chain or by content.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Input {
    /// The bytes themselves.
    #[codec(index = 0)]
    Inline(BoundedVec<u8, ConstU32<MAX_INLINE_INPUT>>),
    /// The requester hands the bytes to the assigned workers' blob servers.
    #[codec(index = 1)]
    Blob {
        /// BLAKE3 of the bytes.
        hash: ContentHash,
        /// Number of bytes.
        len: u32,
    },
}

impl Input {
    /// Number of bytes.
    pub fn len(&self) -> u32 {
        match self {
            Self::Inline(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            Self::Blob { len, .. } => *len,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of token ids; `None` when the length is no whole number of them.
    pub fn tokens(&self) -> Option<u32> {
        self.len().is_multiple_of(TOKEN_BYTES).then(|| self.len() / TOKEN_BYTES)
    }
}

/// Token ids as the bytes of an [`Input`].
pub fn tokens_to_bytes(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

/// The token ids in the bytes of an [`Input`]; `None` when the length is no whole number of them.
pub fn bytes_to_tokens(bytes: &[u8]) -> Option<Vec<u32>> {
    let (tokens, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| tokens.iter().map(|token| u32::from_le_bytes(*token)).collect())
}

/// How a result is made trustworthy.
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
pub struct Policy<BlockNumber> {
    /// Workers that run the job independently, 1 to [`MAX_REPLICAS`].
    pub replicas: u8,
    /// Blocks a result waits before it is paid, at least.
    pub challenge_window: BlockNumber,
    /// Whether an auditor is to be drawn for certain. The requester pays it like a worker.
    pub audited: bool,
    /// Where the workers and the auditor have to be.
    pub region: Option<Region>,
}

impl<BlockNumber> Policy<BlockNumber> {
    /// Runs that the requester pays for.
    pub fn runs(&self) -> u8 {
        self.replicas.saturating_add(self.audited.into())
    }
}

/// Everything a requester states when submitting a job.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct JobSpec<BlockNumber> {
    /// What to run.
    pub version: ModelVersionId,
    /// Which terms the requester accepts.
    pub terms: AcceptedTerms,
    /// On which input.
    pub input: Input,
    /// Most tokens to generate; 0 for an encoder.
    pub max_tokens_out: u32,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// How the result is made trustworthy.
    pub policy: Policy<BlockNumber>,
    /// The most the requester pays, everything included. Held until the job ends.
    pub max_price: Balance,
    /// The last block at which a worker may be drawn for the job.
    pub deadline: BlockNumber,
}

/// What a run produced.
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
pub struct Output {
    /// BLAKE3 of the output bytes.
    pub hash: ContentHash,
    /// Tokens generated; 0 for an encoder.
    pub tokens: u32,
}

/// The commitment a worker makes to an output that it has not shown.
///
/// The worker and the job are part of it, so nobody can commit with another's commitment; the
/// salt keeps a guessable output secret.
pub fn commitment<AccountId: Encode>(
    output: &Output,
    salt: &[u8; 32],
    worker: &AccountId,
    job: JobId,
) -> Hash {
    BlakeTwo256::hash_of(&(output.hash, output.tokens, salt, worker, job))
}

/// One of a job's workers and how far it has come.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Replica<AccountId, BlockNumber> {
    /// The worker.
    pub worker: AccountId,
    /// Its price per giga multiply-accumulate, fixed when it was drawn.
    pub ask: Balance,
    /// What it runs the job for.
    pub role: Role,
    /// How far it has come.
    pub state: ReplicaState<BlockNumber>,
}

impl<AccountId, BlockNumber> Replica<AccountId, BlockNumber> {
    /// What it has revealed.
    pub fn revealed(&self) -> Option<Output> {
        match self.state {
            ReplicaState::Revealed { output } => Some(output),
            ReplicaState::Assigned { .. } | ReplicaState::Committed { .. } => None,
        }
    }
}

/// What a worker runs a job for.
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
pub enum Role {
    /// The result.
    #[codec(index = 0)]
    Worker,
    /// The audit: it has to come to the same result, unseen.
    #[codec(index = 1)]
    Auditor,
}

/// How far a replica has come.
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
pub enum ReplicaState<BlockNumber> {
    /// Drawn; must commit by this block.
    #[codec(index = 0)]
    Assigned {
        /// Last block for the commitment.
        commit_by: BlockNumber,
    },
    /// Has an output and has committed to it.
    #[codec(index = 1)]
    Committed {
        /// See [`commitment`].
        commitment: Hash,
    },
    /// Has revealed its commitment.
    #[codec(index = 2)]
    Revealed {
        /// What the commitment was to.
        output: Output,
    },
}

/// The workers of a job, and its auditor.
pub type Replicas<AccountId, BlockNumber> =
    BoundedVec<Replica<AccountId, BlockNumber>, ConstU32<MAX_RUNS>>;

/// Why a job was refunded whole.
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
pub enum RefundReason {
    /// No worker could be drawn before the deadline.
    #[codec(index = 0)]
    NoWorker,
    /// Every attempt expired or was declined.
    #[codec(index = 1)]
    AttemptsExhausted,
    /// Replicas differed and no decision came in time.
    #[codec(index = 2)]
    Undecided,
    /// The market was full, and a job that offers more took the place of this one, which had not
    /// been assigned yet.
    #[codec(index = 3)]
    Outbid,
    /// Every result was wrong.
    #[codec(index = 4)]
    Convicted,
}

/// What a job costs for the time that it waits for its first worker, apart from its price.
///
/// So much for every block from its submission to its first assignment, or to its end if it is
/// never assigned. All of it up to the deadline is held from the start; what has not been used up
/// comes back when the waiting ends. To wait again after a lost attempt costs nothing.
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
pub enum WaitingCost {
    /// It has not been assigned yet.
    #[codec(index = 0)]
    Running {
        /// For every block.
        per_block: Balance,
    },
    /// It has been assigned, or has ended.
    #[codec(index = 1)]
    Paid {
        /// What went to the treasury.
        amount: Balance,
    },
}

/// Who was paid what. `requester` is what came back; all parts add up to the escrow.
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
pub struct Receipt {
    /// To the workers together.
    pub workers: Balance,
    /// To the auditor, out of the escrow: from the requester that asked for it, or from the reward
    /// of the worker that made it necessary. What the treasury adds is in [`Audit::network`].
    pub auditor: Balance,
    /// To the owners of the version and of all that it descends from.
    pub owner: Balance,
    /// To the treasury.
    pub treasury: Balance,
    /// Back to the requester.
    pub requester: Balance,
    /// Multiply-accumulates of one replica.
    pub work: u64,
}

/// Where a job stands. Each variant carries that state's data only.
///
/// ```text
/// Queued -> Assigned -> Committed -> Revealing -> Revealed -> Settled
///    |  ^      |           |    ^      ^ |  |       |  ^
///    |  |      |           v    |      | |  |       v  |
///    |  |      |          Auditing ----' |  '->  Disputed -> Refunded
///    |  '------+-------------------------'
///    |    (attempt lost)
///    '-> Cancelled | Refunded
/// ```
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum JobStatus<AccountId, BlockNumber> {
    /// No worker has been drawn yet.
    #[codec(index = 0)]
    Queued,
    /// Some or all workers have been drawn; commitments come in.
    #[codec(index = 1)]
    Assigned {
        /// The workers drawn so far, at most `policy.replicas`.
        replicas: Replicas<AccountId, BlockNumber>,
    },
    /// Every replica and the auditor, if there is one, have committed; they reveal their
    /// commitments.
    #[codec(index = 2)]
    Revealing {
        /// The workers.
        replicas: Replicas<AccountId, BlockNumber>,
        /// Last block for revealing.
        reveal_by: BlockNumber,
    },
    /// All revealed outputs agree; payment is due at this block.
    #[codec(index = 3)]
    Revealed {
        /// The workers that revealed.
        replicas: Replicas<AccountId, BlockNumber>,
        /// When the job is settled.
        settle_at: BlockNumber,
    },
    /// Revealed outputs differ. Escrow and engagements stay held.
    #[codec(index = 4)]
    Contested {
        /// The workers that revealed.
        replicas: Replicas<AccountId, BlockNumber>,
        /// When the requester is refunded if nothing has been decided.
        until: BlockNumber,
    },
    /// Paid. The record is pruned later.
    #[codec(index = 5)]
    Settled {
        /// The result.
        output: Output,
        /// The workers that were paid.
        replicas: Replicas<AccountId, BlockNumber>,
        /// Who was paid what.
        receipt: Receipt,
        /// The parts of what the owners were paid.
        royalties: Royalties<AccountId>,
    },
    /// The whole escrow went back to the requester.
    #[codec(index = 6)]
    Refunded {
        /// Why.
        reason: RefundReason,
    },
    /// Taken back by the requester while queued.
    #[codec(index = 7)]
    Cancelled,
    /// A result is disputed. Escrow and engagements stay held.
    #[codec(index = 8)]
    Disputed {
        /// The workers that revealed, less those that were convicted.
        replicas: Replicas<AccountId, BlockNumber>,
        /// When payment would have been due, if all outputs agree.
        settle_at: BlockNumber,
    },
    /// Every replica has committed. Nobody reveals before it is decided whether there is an audit.
    #[codec(index = 9)]
    Committed {
        /// The workers.
        replicas: Replicas<AccountId, BlockNumber>,
        /// When chance decides: by randomness of blocks that came after the commitments.
        draw_at: BlockNumber,
    },
    /// An auditor has been drawn, and its commitment is awaited.
    #[codec(index = 10)]
    Auditing {
        /// The workers and the auditor.
        replicas: Replicas<AccountId, BlockNumber>,
    },
}

impl<AccountId, BlockNumber> JobStatus<AccountId, BlockNumber> {
    /// Whether the job has ended: nothing is held for it any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Settled { .. } | Self::Refunded { .. } | Self::Cancelled)
    }

    /// The job's workers in this state.
    pub fn replicas(&self) -> &[Replica<AccountId, BlockNumber>] {
        match self {
            Self::Assigned { replicas }
            | Self::Committed { replicas, .. }
            | Self::Auditing { replicas }
            | Self::Revealing { replicas, .. }
            | Self::Revealed { replicas, .. }
            | Self::Contested { replicas, .. }
            | Self::Disputed { replicas, .. }
            | Self::Settled { replicas, .. } => replicas,
            Self::Queued | Self::Refunded { .. } | Self::Cancelled => &[],
        }
    }

    /// The same, to be changed.
    pub fn replicas_mut(&mut self) -> slice::IterMut<'_, Replica<AccountId, BlockNumber>> {
        match self {
            Self::Assigned { replicas }
            | Self::Committed { replicas, .. }
            | Self::Auditing { replicas }
            | Self::Revealing { replicas, .. }
            | Self::Revealed { replicas, .. }
            | Self::Contested { replicas, .. }
            | Self::Disputed { replicas, .. }
            | Self::Settled { replicas, .. } => replicas.iter_mut(),
            Self::Queued | Self::Refunded { .. } | Self::Cancelled => [].iter_mut(),
        }
    }
}

/// A job as the runtime API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Job<AccountId = crate::AccountId, BlockNumber = crate::BlockNumber> {
    /// Its number.
    pub id: JobId,
    /// Who pays.
    pub requester: AccountId,
    /// What was asked.
    pub spec: JobSpec<BlockNumber>,
    /// Tokens in the input.
    pub tokens_in: u32,
    /// Assignments lost so far.
    pub attempts: u8,
    /// When it was submitted.
    pub submitted_at: BlockNumber,
    /// What it costs to wait for a worker.
    pub waiting: WaitingCost,
    /// Disputes about its results that have not ended.
    pub disputes: u32,
    /// Where the stakes of results that were wrong went.
    pub penalty: Option<Penalty>,
    /// Workers that were paid for a result which is wrong: convicted when the job was settled.
    pub convicted: Vec<AccountId>,
    /// Whether it is audited; `None` until its workers have committed.
    pub audit: Option<Audit<AccountId>>,
    /// Where it stands.
    pub status: JobStatus<AccountId, BlockNumber>,
}

/// Why a worker gives a job back.
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
pub enum DeclineReason {
    /// The input was not handed over, or has the wrong hash or length.
    #[codec(index = 0)]
    InputUnavailable,
    /// The input holds a token id outside the vocabulary.
    #[codec(index = 1)]
    InputInvalid,
    /// The worker cannot run the version now.
    #[codec(index = 2)]
    VersionUnavailable,
}

/// What has been computed and earned: per worker and version, and per era.
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
pub struct Contribution {
    /// Jobs settled.
    pub jobs: u64,
    /// Multiply-accumulates.
    pub work: u128,
    /// Paid for them.
    pub earned: Balance,
}
