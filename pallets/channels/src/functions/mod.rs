//! What the calls and the hooks do, by feature.
//!
//! Every change of a channel ends in [`Pallet::store`], which keeps the agenda in step with the record.

pub(crate) mod agenda;
mod close;
mod open;
mod receipts;
mod settle;
mod views;

use crate::*;
use frame_support::{
    ensure,
    pallet_prelude::{DispatchError, DispatchResult, Weight},
    traits::{
        fungible::{Inspect, MutateHold},
        tokens::{Fortitude, Precision, Preservation},
        Get,
    },
};
use sp_runtime::{
    traits::{Saturating, Zero},
    TokenError,
};
use vigil_primitives::traits::{Grants, ModelRegistry, WorkerPool};

impl<T: Config> Pallet<T> {
    pub(crate) fn now() -> BlockNumberFor<T> {
        frame_system::Pallet::<T>::block_number()
    }

    pub(crate) fn load(id: ChannelId) -> Result<ChannelOf<T>, Error<T>> {
        Channels::<T>::get(id).ok_or(Error::<T>::NotFound)
    }

    /// The hash of the first block, which every signature has inside.
    pub(crate) fn genesis() -> Hash {
        frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::zero())
    }

    /// Stores a channel that may have changed, and gives it its entry in the agenda.
    pub(crate) fn store(id: ChannelId, mut channel: ChannelOf<T>, now: BlockNumberFor<T>) {
        let wake_at = channel.next_due().max(now.saturating_add(1u32.into()));
        Self::reschedule(id, &mut channel, wake_at);
        Channels::<T>::insert(id, channel);
    }

    pub(crate) fn reschedule(
        id: ChannelId,
        channel: &mut ChannelOf<T>,
        wake_at: BlockNumberFor<T>,
    ) {
        Agenda::<T>::remove(channel.wake_at, id);
        Agenda::<T>::insert(wake_at, id, ());
        channel.wake_at = wake_at;
    }

    /// Refuses what an account can't spend: the existential deposit stays free, so that a remainder of
    /// any size can be given back, and frozen balance cannot be spent.
    pub(crate) fn ensure_spendable(who: &T::AccountId, amount: Balance) -> DispatchResult {
        let free = T::Currency::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
        ensure!(free >= amount, TokenError::FundsUnavailable);
        Ok(())
    }
}
