//! What a result claims, and on which ground it is challenged.

use super::Proof;
use crate::{
    channel::ChannelId,
    job::{JobId, Output},
    AccountId, Architecture, ContentHash, Hash, ModelVersionId, Sampling,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

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
    /// A receipt that a worker has signed for an answer of a channel.
    #[codec(index = 1)]
    Receipt {
        /// The worker.
        worker: Account,
        /// The channel.
        channel: ChannelId,
        /// What names it: [`AnswerReceipt::hash`](crate::channel::AnswerReceipt::hash).
        receipt: Hash,
    },
}

impl<Account> ClaimId<Account> {
    /// The claim of another account about the same run. Nobody but its worker answers in a channel, so
    /// that of a receipt is a claim that nobody has made.
    pub fn rival(&self, other: Account) -> Self {
        match self {
            Self::Job { job, .. } => Self::Job { job: *job, worker: other },
            Self::Receipt { channel, receipt, .. } => {
                Self::Receipt { worker: other, channel: *channel, receipt: *receipt }
            }
        }
    }

    /// Who stands for it.
    pub fn claimant(&self) -> &Account {
        match self {
            Self::Job { worker, .. } | Self::Receipt { worker, .. } => worker,
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
