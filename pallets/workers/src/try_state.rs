//! What must hold of the registry's storage at the end of every block.

use crate::pallet::*;
use frame_support::{
    ensure,
    traits::{fungible::hold::Inspect as _, Get},
};
use sp_runtime::TryRuntimeError;
use vigil_primitives::worker::{WorkerStatus, MAX_CAPACITY};

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet:
    ///
    /// 1. What is held from a worker as its bond is the bond of its record.
    /// 2. An active worker is on the list of every version it serves.
    /// 3. Every entry of a list is an active worker that serves the version, and the worker's
    ///    index points back to the entry.
    /// 4. A list is numbered from 0 to its count without a gap, there are as many indices as
    ///    entries, and no empty list is stored.
    /// 5. No worker has more places taken than a worker may have, and one without a place taken
    ///    has no unfinalised rewards but those of channels.
    /// 6. A worker that is leaving is engaged in nothing, and in no channel.
    /// 7. An active or draining worker has at least the smallest bond. Raising `MinBond` takes a
    ///    migration.
    /// 8. No worker serves a version twice.
    /// 9. Endpoint, ask and capacity are still ones that would be accepted. Narrowing the range of
    ///    asks takes a migration.
    /// 10. The list in the order of asks holds the same workers as the numbered one, each at its
    ///     ask.
    /// 11. Whoever named an owner is a worker, and not its own owner.
    /// 12. Whoever says where it is is a worker, with a deposit.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let reason = HoldReason::Bond.into();
        for (who, worker) in Workers::<T>::iter() {
            ensure!(
                T::Currency::balance_on_hold(&reason, &who) == worker.bond,
                "workers 1: held and recorded bond differ"
            );
            for (position, version) in worker.serves.iter().enumerate() {
                ensure!(
                    worker.is_active() == ServingIndex::<T>::contains_key(version, &who),
                    "workers 2: active and listed differ"
                );
                ensure!(
                    !worker.serves.iter().skip(position.saturating_add(1)).any(|v| v == version),
                    "workers 8: a version is served twice"
                );
            }
            // An audit may be one more.
            ensure!(worker.answered <= worker.active, "workers 5: answers without engagements");
            ensure!(
                worker.active.saturating_sub(worker.answered) <= MAX_CAPACITY.saturating_add(1),
                "workers 5: too many places taken"
            );
            ensure!(
                worker.unfinalised >= worker.covered
                    && (worker.active > 0 || worker.unfinalised == worker.covered),
                "workers 5: rewards without engagements"
            );
            match worker.status {
                WorkerStatus::Unbonding { .. } => {
                    ensure!(
                        worker.active == 0 && worker.covered == 0,
                        "workers 6: leaving while engaged"
                    );
                }
                WorkerStatus::Active | WorkerStatus::Draining => {
                    ensure!(worker.bond >= T::MinBond::get(), "workers 7: bond too low");
                }
                WorkerStatus::Jailed { .. } => {}
            }
            ensure!(
                Self::check_profile(&worker.endpoint, worker.ask, worker.capacity).is_ok(),
                "workers 9: bad profile"
            );
        }

        let mut entries = 0usize;
        for (version, count) in ServingCount::<T>::iter() {
            ensure!(count > 0, "workers 4: an empty list is stored");
            for index in 0..count {
                let who = Serving::<T>::get(version, index)
                    .ok_or("workers 4: a number of a list is missing")?;
                ensure!(
                    ServingIndex::<T>::get(version, &who) == Some(index),
                    "workers 3: an index does not point back"
                );
                let worker = Workers::<T>::get(&who)
                    .filter(|worker| worker.is_active() && worker.serves.contains(&version))
                    .ok_or("workers 3: a list holds somebody who does not serve")?;
                ensure!(
                    Asks::<T>::contains_key((version, worker.ask.to_be_bytes(), &who)),
                    "workers 10: a worker is not at its ask"
                );
            }
            entries = entries.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
        }
        ensure!(Serving::<T>::iter_keys().count() == entries, "workers 4: stray entries");
        ensure!(ServingIndex::<T>::iter_keys().count() == entries, "workers 4: stray indices");
        ensure!(Asks::<T>::iter_keys().count() == entries, "workers 10: stray asks");
        for (who, region) in Regions::<T>::iter() {
            ensure!(region.is_valid(), "workers 12: a region that is none");
            ensure!(Workers::<T>::contains_key(&who), "workers 12: a region of no worker");
            ensure!(
                T::Currency::balance_on_hold(&HoldReason::Region.into(), &who) > 0,
                "workers 12: a region without a deposit"
            );
        }
        for (who, owner) in Owners::<T>::iter() {
            ensure!(Workers::<T>::contains_key(&who), "workers 11: an owner of no worker");
            ensure!(owner.account != who, "workers 11: its own owner");
        }
        Ok(())
    }
}
