//! The lists of active workers per version that jobs draw from.
//!
//! There are two of every version. One is numbered without gaps, so that one number is one storage
//! read and a random sample costs the same however long the list is; whoever leaves gives its
//! number to the last. The other is in the order of the asks, for what only the cheapest can tell.
//! A worker is in both lists of all versions it serves while it is active, and in none otherwise.

use crate::pallet::*;
use frame_support::{defensive, pallet_macros::pallet_section};
use vigil_primitives::{Balance, ModelVersionId};

/// What is stored of them.
#[pallet_section]
mod storage {
    /// How many active workers serve a version.
    #[pallet::storage]
    pub type ServingCount<T> = StorageMap<_, Twox64Concat, ModelVersionId, u32, ValueQuery>;

    /// The active workers that serve a version, numbered from 0 to [`ServingCount`].
    #[pallet::storage]
    pub type Serving<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ModelVersionId, Twox64Concat, u32, T::AccountId>;

    /// The number of an active worker in [`Serving`].
    #[pallet::storage]
    pub type ServingIndex<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ModelVersionId, Blake2_128Concat, T::AccountId, u32>;

    /// The active workers that serve a version, the lowest ask first: its key is the ask,
    /// big-endian.
    #[pallet::storage]
    pub type Asks<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, ModelVersionId>,
            NMapKey<Identity, [u8; 16]>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        (),
    >;
}

impl<T: Config> Pallet<T> {
    /// Puts an active worker on a version's lists.
    pub(crate) fn join(version: ModelVersionId, who: &T::AccountId, ask: Balance) {
        if ServingIndex::<T>::contains_key(version, who) {
            defensive!("worker is on the list already");
            return;
        }
        let index = ServingCount::<T>::get(version);
        Serving::<T>::insert(version, index, who);
        ServingIndex::<T>::insert(version, who, index);
        ServingCount::<T>::insert(version, index.saturating_add(1));
        Asks::<T>::insert((version, ask.to_be_bytes(), who), ());
    }

    /// Takes a worker off a version's lists.
    pub(crate) fn leave(version: ModelVersionId, who: &T::AccountId, ask: Balance) {
        let Some(index) = ServingIndex::<T>::take(version, who) else {
            defensive!("worker is not on the list");
            return;
        };
        let last = ServingCount::<T>::get(version).saturating_sub(1);
        match Serving::<T>::take(version, last) {
            Some(moved) if last != index => {
                ServingIndex::<T>::insert(version, &moved, index);
                Serving::<T>::insert(version, index, moved);
            }
            Some(_) => {}
            None => {
                defensive!("the list has no last entry");
            }
        }
        if last == 0 {
            ServingCount::<T>::remove(version);
        } else {
            ServingCount::<T>::insert(version, last);
        }
        Asks::<T>::remove((version, ask.to_be_bytes(), who));
    }

    /// Moves a worker that is on the lists of its versions to the places of another ask.
    pub(crate) fn reprice(who: &T::AccountId, worker: &WorkerOf<T>, before: Balance) {
        for version in &worker.serves {
            Asks::<T>::remove((version, before.to_be_bytes(), who));
            Asks::<T>::insert((version, worker.ask.to_be_bytes(), who), ());
        }
    }

    /// Stores a worker and keeps the lists in step with its status. `was_active` is whether it
    /// was active before the change, which changed neither its ask nor what it serves.
    pub(crate) fn store(who: &T::AccountId, worker: WorkerOf<T>, was_active: bool) {
        let serves = worker.serves.iter();
        match (was_active, worker.is_active()) {
            (true, false) => serves.for_each(|version| Self::leave(*version, who, worker.ask)),
            (false, true) => serves.for_each(|version| Self::join(*version, who, worker.ask)),
            _ => {}
        }
        Workers::<T>::insert(who, worker);
    }
}
