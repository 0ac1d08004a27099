//! Why calls are refused: one error for every cause.

use crate::{pallet::*, types::TransitionError};
use frame_support::pallet_macros::pallet_section;

/// The errors themselves.
#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The caller is not a worker.
        NotFound,
        /// The caller is a worker already.
        AlreadyExists,
        /// The bond is below the smallest one.
        BondTooLow,
        /// There is nothing to add to the bond.
        ZeroAmount,
        /// The endpoint is not an http or https URL of printable ASCII.
        InvalidEndpoint,
        /// The capacity is zero, or more places than a worker may have.
        CapacityOutOfRange,
        /// The ask is below the lowest or above the highest one.
        AskOutOfRange,
        /// There is no such version.
        UnknownVersion,
        /// The version is deprecated: no worker may start to serve it.
        VersionDeprecated,
        /// The version is revoked.
        VersionRevoked,
        /// The worker serves the version already.
        AlreadyServing,
        /// The worker does not serve the version.
        NotServing,
        /// The worker serves as many versions as it may.
        TooManyServed,
        /// The worker is draining already.
        AlreadyDraining,
        /// The worker is not draining.
        NotDraining,
        /// The worker is in jail.
        Jailed,
        /// The worker is not in jail.
        NotJailed,
        /// The time in jail is not over.
        StillJailed,
        /// The worker is leaving.
        Unbonding,
        /// The worker is not leaving.
        NotUnbonding,
        /// The unbonding period is not over.
        StillUnbonding,
        /// The worker is engaged in jobs, or its bond covers channels that have not ended.
        StillEngaged,
        /// A result of the worker is disputed: its bond stays until that has ended.
        StillDisputed,
        /// A region is two capital letters.
        RegionInvalid,
        /// The worker has not said where it is.
        NoRegion,
        /// A worker's owner is another account.
        OwnOwner,
        /// The worker has not named the caller as its owner.
        NotNamed,
        /// The owner has confirmed the worker already.
        AlreadyConfirmed,
    }
}

impl<T> From<TransitionError> for Error<T> {
    fn from(refused: TransitionError) -> Self {
        match refused {
            TransitionError::AlreadyServing => Self::AlreadyServing,
            TransitionError::NotServing => Self::NotServing,
            TransitionError::TooManyServed => Self::TooManyServed,
            TransitionError::AlreadyDraining => Self::AlreadyDraining,
            TransitionError::NotDraining => Self::NotDraining,
            TransitionError::Jailed => Self::Jailed,
            TransitionError::NotJailed => Self::NotJailed,
            TransitionError::StillJailed => Self::StillJailed,
            TransitionError::Unbonding => Self::Unbonding,
            TransitionError::NotUnbonding => Self::NotUnbonding,
            TransitionError::StillUnbonding => Self::StillUnbonding,
            TransitionError::StillEngaged => Self::StillEngaged,
            TransitionError::StillDisputed => Self::StillDisputed,
        }
    }
}
