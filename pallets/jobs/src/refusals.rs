//! Why calls are refused: one error for every cause.

use crate::{types::TransitionError, *};
use frame_support::pallet_macros::pallet_section;
use vigil_primitives::{architecture::BadRun, traits::NotUsable};

/// The errors themselves.
#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such job.
        NotFound,
        /// The job is another account's.
        NotOwner,
        /// No such version was published.
        UnknownVersion,
        /// The version takes no new jobs: its owner revoked it.
        VersionRevoked,
        /// The licence that the requester accepts is not the version's.
        LicenceNotAccepted,
        /// The version's terms forbid commercial use.
        CommercialUseForbidden,
        /// No worker serves the version.
        VersionNotServed,
        /// Fewer active workers serve the version than the job has replicas.
        TooFewWorkers,
        /// The input has no tokens.
        InputEmpty,
        /// The input's length is no multiple of 4 bytes, the size of a token id.
        InputNotTokens,
        /// The input has more tokens than the version takes.
        InputTooLong,
        /// The input holds a token id that the version's vocabulary lacks.
        TokenOutOfVocabulary,
        /// More tokens than the version can generate, or than the job asked for.
        TooManyTokens,
        /// A language model generates at least one token, and must be allowed to.
        TooFewTokens,
        /// The temperature or the least share of the likeliest token is out of range, or an
        /// encoder, which draws no tokens, is asked to sample.
        SamplingInvalid,
        /// Replicas must be 1 to 5.
        ReplicasOutOfRange,
        /// A region is two capital letters.
        RegionInvalid,
        /// The challenge window is shorter or longer than the chain allows.
        ChallengeWindowOutOfRange,
        /// The deadline is not in the future.
        DeadlinePassed,
        /// The deadline is too far in the future.
        DeadlineTooFar,
        /// The price does not cover the owner's fee and the cheapest workers there can be.
        PriceTooLow,
        /// The chain has as many open jobs as it can take, and none waits that offers less.
        TooManyOpenJobs,
        /// The account has as many open jobs as it may.
        TooManyOpenJobsOfAccount,
        /// The job has been assigned, or has ended.
        NotQueued,
        /// The account is not one of the job's workers.
        NotAssigned,
        /// The worker has committed already.
        AlreadyCommitted,
        /// The worker has revealed its commitment already.
        AlreadyRevealed,
        /// The deadline for this has passed.
        TooLate,
        /// Not every replica has committed yet.
        RevealTooEarly,
        /// The output and salt are not what the commitment was to.
        CommitmentMismatch,
        /// Nothing is due for the job now.
        NotDue,
        /// The worker has revealed no result for the job that could be challenged, or it has been
        /// convicted.
        NotClaimed,
        /// The payments of a job exceed its escrow.
        EscrowExceeded,
    }
}

impl<T> From<TransitionError> for Error<T> {
    fn from(refusal: TransitionError) -> Self {
        match refusal {
            TransitionError::NotAssigned => Self::NotAssigned,
            TransitionError::AlreadyCommitted => Self::AlreadyCommitted,
            TransitionError::AlreadyRevealed => Self::AlreadyRevealed,
            TransitionError::TooLate => Self::TooLate,
            TransitionError::RevealTooEarly => Self::RevealTooEarly,
            TransitionError::CommitmentMismatch => Self::CommitmentMismatch,
            TransitionError::TooManyTokens => Self::TooManyTokens,
            TransitionError::TooFewTokens => Self::TooFewTokens,
            TransitionError::NotQueued => Self::NotQueued,
        }
    }
}

impl<T> From<NotUsable> for Error<T> {
    fn from(refusal: NotUsable) -> Self {
        match refusal {
            NotUsable::Revoked => Self::VersionRevoked,
            NotUsable::LicenceNotAccepted => Self::LicenceNotAccepted,
            NotUsable::CommercialUseForbidden => Self::CommercialUseForbidden,
        }
    }
}

impl<T> From<BadRun> for Error<T> {
    fn from(bad: BadRun) -> Self {
        match bad {
            BadRun::NoInput => Self::InputEmpty,
            BadRun::InputTooLong { .. } => Self::InputTooLong,
            BadRun::NoTokensOut => Self::TooFewTokens,
            BadRun::GeneratesNothing { .. } | BadRun::TooManyTokensOut { .. } => {
                Self::TooManyTokens
            }
            BadRun::NothingToSample | BadRun::BadSampling => Self::SamplingInvalid,
        }
    }
}
