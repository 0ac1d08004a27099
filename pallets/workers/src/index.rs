//! The lists of active workers per version that jobs draw from.
//!
//! Every list is numbered without gaps, so one number is one storage read. Whoever leaves gives
//! its number to the last of the list. A worker is in the lists of all versions it serves while it
//! is active, and in none otherwise.

use crate::pallet::*;
use frame_support::defensive;
use vigil_primitives::ModelVersionId;

impl<T: Config> Pallet<T> {
    /// Puts an active worker on a version's list.
    pub(crate) fn join(version: ModelVersionId, who: &T::AccountId) {
        if ServingIndex::<T>::contains_key(version, who) {
            defensive!("worker is on the list already");
            return;
        }
        let index = ServingCount::<T>::get(version);
        Serving::<T>::insert(version, index, who);
        ServingIndex::<T>::insert(version, who, index);
        ServingCount::<T>::insert(version, index.saturating_add(1));
    }

    /// Takes a worker off a version's list.
    pub(crate) fn leave(version: ModelVersionId, who: &T::AccountId) {
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
    }

    /// Stores a worker and keeps the lists in step with its status. `was_active` is whether it
    /// was active before the change, which changed no served version.
    pub(crate) fn store(who: &T::AccountId, worker: WorkerOf<T>, was_active: bool) {
        match (was_active, worker.is_active()) {
            (true, false) => worker.serves.iter().for_each(|version| Self::leave(*version, who)),
            (false, true) => worker.serves.iter().for_each(|version| Self::join(*version, who)),
            _ => {}
        }
        Workers::<T>::insert(who, worker);
    }
}
