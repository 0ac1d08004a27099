//! The permanent record of who has computed and earned what: per worker and version, and per era.

use crate::*;
use frame_support::{pallet_macros::pallet_section, traits::Get};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::CheckedDiv, SaturatedConversion};
use vigil_primitives::job::Contribution;

/// What of it is stored.
#[pallet_section]
mod storage {
    /// What a worker has computed and earned with a version.
    #[pallet::storage]
    pub type Contributions<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Twox64Concat,
        ModelVersionId,
        Contribution,
        ValueQuery,
    >;

    /// What a worker has computed and earned in an era.
    #[pallet::storage]
    pub type EraContributions<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        u32,
        Blake2_128Concat,
        T::AccountId,
        Contribution,
        ValueQuery,
    >;

    /// What all workers together have computed and earned in an era.
    #[pallet::storage]
    pub type EraTotals<T> = StorageMap<_, Twox64Concat, u32, Contribution, ValueQuery>;
}

impl<T: Config> Pallet<T> {
    /// Records what a worker has computed and earned.
    pub(crate) fn contribute(
        worker: &T::AccountId,
        job: &JobRecordOf<T>,
        era: u32,
        work: u64,
        earned: Balance,
    ) {
        let add = |total: &mut Contribution| {
            total.jobs = total.jobs.saturating_add(1);
            total.work = total.work.saturating_add(work.into());
            total.earned = total.earned.saturating_add(earned);
        };
        Contributions::<T>::mutate(worker, job.version, add);
        EraContributions::<T>::mutate(era, worker, add);
        EraTotals::<T>::mutate(era, add);
    }

    /// The era of a block.
    pub(crate) fn era(now: BlockNumberFor<T>) -> u32 {
        now.checked_div(&T::EraLength::get()).unwrap_or_default().saturated_into()
    }
}
