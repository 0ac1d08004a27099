//! What the calls and the hooks do.

pub(crate) mod agenda;
mod challenge;
mod condemn;
mod end;
mod play;
mod views;

use crate::{pallet::*, *};
use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult, Weight},
    traits::{
        fungible::hold::Mutate as _,
        tokens::{Fortitude, Precision},
        Get,
    },
};

impl<T: Config> Pallet<T> {
    pub(crate) fn now() -> BlockNumberFor<T> {
        frame_system::Pallet::<T>::block_number()
    }

    pub(crate) fn load(id: DisputeId) -> Result<DisputeOf<T>, Error<T>> {
        Disputes::<T>::get(id).ok_or(Error::<T>::NotFound)
    }

    /// What a call would have cost.
    pub(crate) fn cost(weight: Weight, len: usize) -> Balance {
        use sp_runtime::traits::Convert;
        T::Fees::convert((weight, u32::try_from(len).unwrap_or(u32::MAX)))
    }
}
