//! What must hold of this pallet's storage at the end of every block.

use crate::pallet::*;
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::hold::Inspect as _};
use sp_runtime::TryRuntimeError;
use vigil_primitives::{
    holds::Sums,
    registry::{check_name, check_sources},
    Balance, DatasetVersionId,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet:
    ///
    /// 1. Every dataset's number was given, it has a version, and every version belongs to a
    ///    dataset and was numbered. No dataset is offered to its owner. Names, terms and sources
    ///    are still ones that would be accepted.
    /// 2. A dataset's deposit covers its versions', and what is held from an account for datasets
    ///    is what its datasets' deposits add up to.
    /// 3. Statements are about datasets that there were, and what is held from an account for
    ///    statements is what their deposits add up to.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::check_entries()?;
        Self::check_statements()
    }

    fn check_entries() -> Result<(), TryRuntimeError> {
        let mut deposits = Sums::default();
        let mut parts = BTreeMap::<_, Balance>::new();
        for (id, number, version) in DatasetVersions::<T>::iter() {
            let dataset =
                Datasets::<T>::get(id).ok_or("datasets 1: a version belongs to no dataset")?;
            ensure!(number < dataset.versions, "datasets 1: a version was never numbered");
            ensure!(version.spec.terms.check().is_ok(), "datasets 1: bad terms");
            ensure!(check_sources(&version.spec.sources).is_ok(), "datasets 1: bad sources");
            let sum = parts.entry(id).or_default();
            *sum = sum.saturating_add(version.deposit);
        }
        for (id, dataset) in Datasets::<T>::iter() {
            ensure!(id < NextDatasetId::<T>::get(), "datasets 1: a number was never given");
            ensure!(
                dataset.pending_owner.as_ref() != Some(&dataset.owner),
                "datasets 1: own offer"
            );
            ensure!(check_name(&dataset.name).is_ok(), "datasets 1: bad name");
            let part = *parts.get(&id).ok_or("datasets 1: a dataset has no version")?;
            ensure!(
                dataset.deposit >= part,
                "datasets 2: the versions' deposits exceed the dataset's"
            );
            deposits.add(&dataset.owner, dataset.deposit);
        }
        ensure!(
            Self::are_held(deposits, HoldReason::Deposit),
            "datasets 2: held and recorded deposits differ"
        );
        Ok(())
    }

    fn check_statements() -> Result<(), TryRuntimeError> {
        let mut deposits = Sums::default();
        for (id, (author, _), record) in Statements::<T>::iter() {
            let DatasetVersionId { dataset, .. } = id;
            ensure!(dataset < NextDatasetId::<T>::get(), "datasets 3: a statement about nothing");
            deposits.add(&author, record.deposit);
        }
        ensure!(
            Self::are_held(deposits, HoldReason::Statement),
            "datasets 3: held and recorded statements differ"
        );
        Ok(())
    }

    /// Whether every account has as much on hold as the records say.
    fn are_held(sums: Sums, reason: HoldReason) -> bool {
        let reason = reason.into();
        let held = |account: &T::AccountId| T::Currency::balance_on_hold(&reason, account);
        sums.are_held(frame_system::Account::<T>::iter_keys(), held)
    }
}
