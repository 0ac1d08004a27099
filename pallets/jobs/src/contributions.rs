//! The permanent record of who has computed and earned what: per worker and version, and per era.

use crate::*;
use frame_support::{pallet_macros::pallet_section, traits::Get, weights::Weight};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_runtime::{traits::CheckedDiv, SaturatedConversion};
use vigil_primitives::{job::Contribution, traits, ModelVersionId};

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

impl<T: Config> traits::Contributions<T::AccountId> for Pallet<T> {
    fn record(
        worker: &T::AccountId,
        version: ModelVersionId,
        answers: u32,
        work: u128,
        earned: Balance,
    ) {
        let add = |total: &mut Contribution| {
            total.jobs = total.jobs.saturating_add(answers.into());
            total.work = total.work.saturating_add(work);
            total.earned = total.earned.saturating_add(earned);
        };
        let era = Self::era(Self::now());
        Contributions::<T>::mutate(worker, version, add);
        EraContributions::<T>::mutate(era, worker, add);
        EraTotals::<T>::mutate(era, add);
    }

    fn record_weight() -> Weight {
        T::WeightInfo::contribute()
    }
}

impl<T: Config> Pallet<T> {
    /// The era of a block.
    pub(crate) fn era(now: BlockNumberFor<T>) -> u32 {
        now.checked_div(&T::EraLength::get()).unwrap_or_default().saturated_into()
    }
}
