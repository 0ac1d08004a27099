//! Why calls are refused: one error for every cause.

use crate::*;
use frame_support::pallet_macros::pallet_section;
use vigil_primitives::{
    channel::BadReceipt,
    traits::{NotCovered, NotUsable},
};

/// The errors themselves.
#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such channel.
        NotFound,
        /// The channel is another account's.
        NotOwner,
        /// No such version was published.
        UnknownVersion,
        /// The version takes no new uses: its owner revoked it.
        VersionRevoked,
        /// The licence that the requester accepts is not the version's.
        LicenceNotAccepted,
        /// The version's terms forbid commercial use.
        CommercialUseForbidden,
        /// An account opens no channel with itself.
        OwnWorker,
        /// The worker takes no channels.
        NotOffered,
        /// The worker has as many channels open as it takes.
        TooManyOpen,
        /// More open channels than a worker may have.
        MaxOpenTooHigh,
        /// The account is no worker, or takes nothing new.
        WorkerUnavailable,
        /// The worker does not serve the version.
        NotServed,
        /// The worker asks more than the requester accepts.
        AskTooHigh,
        /// The worker's bond covers no such deposit beside what it covers already.
        BondTooLow,
        /// The deposit is smaller than the worker or the chain asks for.
        DepositTooLow,
        /// The deposit is larger than the worker takes.
        DepositTooHigh,
        /// The expiry is too near or too far.
        ExpiryOutOfRange,
        /// A channel is for one answer at least.
        ZeroAnswers,
        /// Nothing is no amount.
        ZeroAmount,
        /// The channel closes, has expired or was settled.
        NotOpen,
        /// The channel is open, or was settled.
        NotClosing,
        /// The channel was settled.
        AlreadySettled,
        /// The voucher is of another channel.
        OtherChannel,
        /// The signature is not the signer's.
        BadSignature,
        /// There are more answers than the channel is for.
        TooManyAnswers,
        /// Answers at the channel's prices don't come to this.
        WrongTotals,
        /// The voucher is for more than the deposit.
        DepositExceeded,
        /// The voucher owes no more than those before it.
        NotNewer,
        /// The model can't run what the receipt says.
        RunInvalid,
        /// The tokens of the receipt are not those of its output, or are more than were asked for.
        TokensInvalid,
        /// More tokens of the receipt are cached than there can be.
        CachedInvalid,
        /// The number of the receipt is not that of its totals.
        NumberInvalid,
        /// The receipt is on chain already.
        AlreadyShown,
        /// The receipt was convicted.
        AlreadyConvicted,
        /// There are as many receipts of the channel on chain as there can be.
        TooManyShown,
        /// There is no such receipt on chain, or it was convicted.
        NotClaimed,
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

impl<T> From<NotCovered> for Error<T> {
    fn from(refusal: NotCovered) -> Self {
        match refusal {
            NotCovered::Unavailable => Self::WorkerUnavailable,
            NotCovered::NotServed => Self::NotServed,
            NotCovered::BondTooLow => Self::BondTooLow,
        }
    }
}

impl<T> From<BadReceipt> for Error<T> {
    fn from(bad: BadReceipt) -> Self {
        match bad {
            BadReceipt::Run(_) => Self::RunInvalid,
            BadReceipt::Tokens => Self::TokensInvalid,
            BadReceipt::Cached => Self::CachedInvalid,
            BadReceipt::Number => Self::NumberInvalid,
        }
    }
}
