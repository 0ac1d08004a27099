//! The worst case of every call, of the draw, and of both ways an engagement ends.

use crate::*;
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Mutate, Get};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use sp_runtime::traits::{One, Saturating};
use vigil_primitives::{
    job::{Role, MAX_EXCLUDED, MAX_REPLICAS},
    model::{Url, MAX_URL},
    traits::{Completion, Offence, Outcome, Slash, Stakes, Vacancy, WorkerPool},
    worker::{Capability, DeviceClass, Region, WorkerStatus, MAX_CAPACITY, MAX_SERVED},
    Balance, ModelVersionId,
};

const CAPABILITY: Capability =
    Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 100 };

/// Sets the scenes of the benchmarks. The runtime knows the registry of models, and this pallet does
/// not.
pub trait BenchmarkHelper<AccountId> {
    /// An active version of a model of `owner`, at no cost.
    fn version(owner: &AccountId) -> ModelVersionId;
}

/// The longest endpoint.
fn endpoint() -> Url {
    let mut url = b"https://".to_vec();
    url.resize(MAX_URL as usize, b'x');
    Url::truncate_from(url)
}

/// A bond that covers any reward of these benchmarks.
fn bond<T: Config>() -> Balance {
    Balance::from(u64::MAX).max(T::MinBond::get())
}

/// The `index`-th account, able to pay two bonds.
fn funded<T: Config>(index: u32) -> Result<T::AccountId, BenchmarkError> {
    let who = account("worker", index, 0);
    T::Currency::mint_into(&who, bond::<T>().saturating_mul(3))?;
    Ok(who)
}

/// The `index`-th account as a worker with the longest record, which serves `versions`.
fn worker<T: Config>(
    index: u32,
    versions: &[ModelVersionId],
) -> Result<T::AccountId, BenchmarkError> {
    let who = funded::<T>(index)?;
    let origin = || RawOrigin::Signed(who.clone()).into();
    Pallet::<T>::register(
        origin(),
        endpoint(),
        [1; 32],
        CAPABILITY,
        T::MinAsk::get(),
        MAX_CAPACITY,
        bond::<T>(),
    )?;
    for version in versions {
        Pallet::<T>::serve(origin(), *version)?;
    }
    Ok(who)
}

fn versions<T: Config>(count: u32) -> Vec<ModelVersionId> {
    let owner = account("owner", 0, 0);
    (0..count).map(|_| T::BenchmarkHelper::version(&owner)).collect()
}

/// A worker that serves `count` versions and is the first of every list of two, so that leaving a
/// list moves the other one.
fn first_of_two<T: Config>(
    count: u32,
) -> Result<(T::AccountId, Vec<ModelVersionId>), BenchmarkError> {
    let versions = versions::<T>(count);
    let who = worker::<T>(0, &versions)?;
    worker::<T>(1, &versions)?;
    Ok((who, versions))
}

/// Engages a worker in a job without reward that is one miss away from jail.
fn engaged_and_in_arrears<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    Workers::<T>::try_mutate(who, |worker| {
        let worker = worker.as_mut().ok_or("no worker")?;
        worker.active = 1;
        worker.reputation.expired_in_a_row = T::MaxMissesInARow::get().saturating_sub(1);
        Ok(())
    })
}

fn status<T: Config>(
    who: &T::AccountId,
) -> Result<WorkerStatus<BlockNumberFor<T>>, BenchmarkError> {
    Ok(Workers::<T>::get(who).ok_or("no worker")?.status)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register() -> Result<(), BenchmarkError> {
        let who = funded::<T>(0)?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(who.clone()),
            endpoint(),
            [1; 32],
            CAPABILITY,
            T::MaxAsk::get(),
            MAX_CAPACITY,
            bond::<T>(),
        );

        assert!(Workers::<T>::contains_key(&who));
        Ok(())
    }

    /// The ask is another one, so that the worker moves in every list.
    #[benchmark]
    fn update() -> Result<(), BenchmarkError> {
        let who = worker::<T>(0, &versions::<T>(MAX_SERVED))?;

        #[extrinsic_call]
        _(
            RawOrigin::Signed(who.clone()),
            endpoint(),
            [2; 32],
            CAPABILITY,
            T::MaxAsk::get(),
            MAX_CAPACITY,
        );

        assert_eq!(Workers::<T>::get(&who).ok_or("no worker")?.encryption_key, [2; 32]);
        Ok(())
    }

    #[benchmark]
    fn bond_more() -> Result<(), BenchmarkError> {
        let who = worker::<T>(0, &versions::<T>(MAX_SERVED))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), bond::<T>());

        assert_eq!(Workers::<T>::get(&who).ok_or("no worker")?.bond, bond::<T>() * 2);
        Ok(())
    }

    #[benchmark]
    fn serve() -> Result<(), BenchmarkError> {
        let mut versions = versions::<T>(MAX_SERVED);
        worker::<T>(1, &versions)?;
        let last = versions.pop().ok_or("no version")?;
        let who = worker::<T>(0, &versions)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), last);

        assert!(ServingIndex::<T>::contains_key(last, &who));
        Ok(())
    }

    #[benchmark]
    fn unserve() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        let last = *versions.last().ok_or("no version")?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), last);

        assert!(!ServingIndex::<T>::contains_key(last, &who));
        Ok(())
    }

    #[benchmark]
    fn drain() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(status::<T>(&who)? == WorkerStatus::Draining);
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 1));
        Ok(())
    }

    #[benchmark]
    fn resume() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        Pallet::<T>::drain(RawOrigin::Signed(who.clone()).into())?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(status::<T>(&who)? == WorkerStatus::Active);
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 2));
        Ok(())
    }

    #[benchmark]
    fn unbond() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(matches!(status::<T>(&who)?, WorkerStatus::Unbonding { .. }));
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 1));
        Ok(())
    }

    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;
        Pallet::<T>::unbond(RawOrigin::Signed(who.clone()).into())?;
        let after = frame_system::Pallet::<T>::block_number()
            .saturating_add(T::UnbondingPeriod::get())
            .saturating_add(One::one());
        frame_system::Pallet::<T>::set_block_number(after);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(!Workers::<T>::contains_key(&who));
        Ok(())
    }

    #[benchmark]
    fn name_owner() -> Result<(), BenchmarkError> {
        let who = worker::<T>(0, &versions::<T>(MAX_SERVED))?;
        let owner: T::AccountId = account("owner", 0, 0);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), Some(owner));

        assert!(Owners::<T>::contains_key(&who));
        Ok(())
    }

    #[benchmark]
    fn confirm_worker() -> Result<(), BenchmarkError> {
        let who = worker::<T>(0, &[])?;
        let owner: T::AccountId = account("owner", 0, 0);
        Pallet::<T>::name_owner(RawOrigin::Signed(who.clone()).into(), Some(owner.clone()))?;

        #[extrinsic_call]
        _(RawOrigin::Signed(owner), who.clone());

        assert!(Owners::<T>::get(&who).is_some_and(|owner| owner.confirmed));
        Ok(())
    }

    #[benchmark]
    fn declare_region() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;
        T::Currency::mint_into(&who, T::RegionDeposit::get())?;
        let region = Some(Region(*b"DE"));
        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()), region);
        assert_eq!(Regions::<T>::get(&who), region);
        Ok(())
    }

    #[benchmark]
    fn refute_region() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;
        T::Currency::mint_into(&who, T::RegionDeposit::get())?;
        Pallet::<T>::do_declare_region(who.clone(), Some(Region(*b"DE")))?;
        // The origin is whoever the runtime says; the rest is the same for all.
        #[block]
        {
            Pallet::<T>::do_refute_region(who.clone())?;
        }
        assert_eq!(Regions::<T>::get(&who), None);
        Ok(())
    }

    #[benchmark]
    fn unjail() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        engaged_and_in_arrears::<T>(&who)?;
        Pallet::<T>::release(&who, 0, false, Outcome::Expired);
        let after = frame_system::Pallet::<T>::block_number()
            .saturating_add(T::JailPeriod::get())
            .saturating_add(One::one());
        frame_system::Pallet::<T>::set_block_number(after);

        #[extrinsic_call]
        _(RawOrigin::Signed(who.clone()));

        assert!(status::<T>(&who)? == WorkerStatus::Active);
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 2));
        Ok(())
    }

    /// All of `l` workers fit, as many as are looked at, and every record is as long as it can be.
    #[benchmark]
    fn engage(
        l: Linear<MAX_REPLICAS, { T::SampleSize::get().max(MAX_REPLICAS) }>,
        e: Linear<0, MAX_EXCLUDED>,
        d: Linear<1, MAX_REPLICAS>,
    ) -> Result<(), BenchmarkError> {
        let versions = versions::<T>(MAX_SERVED);
        let exclude: Vec<T::AccountId> = (0..e).map(|index| account("lost", index, 0)).collect();
        for index in 0..l {
            worker::<T>(index, &versions)?;
        }
        let vacancy = Vacancy {
            version: *versions.first().ok_or("no version")?,
            replicas: d as u8,
            work: 1,
            budget: Balance::MAX,
            exclude: &exclude,
            stretch: false,
            roomy: None,
            role: Role::Worker,
            region: None,
            seed: [7; 32],
        };
        let search;

        #[block]
        {
            search = Pallet::<T>::engage(&vacancy);
        }

        let drawn = search.found.map_err(|_| "nobody was drawn")?;
        assert_eq!(drawn.len(), d as usize);
        for engagement in drawn {
            assert_eq!(Workers::<T>::get(engagement.worker).ok_or("no worker")?.active, 1);
        }
        Ok(())
    }

    #[benchmark]
    fn release() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;
        engaged_and_in_arrears::<T>(&who)?;

        #[block]
        {
            <Pallet<T> as WorkerPool<T::AccountId>>::release(
                &who,
                0,
                false,
                Outcome::Completed(Completion::default()),
            );
        }

        let worker = Workers::<T>::get(&who).ok_or("no worker")?;
        assert_eq!((worker.active, worker.reputation.completed), (0, 1));
        Ok(())
    }

    #[benchmark]
    fn release_expired() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        engaged_and_in_arrears::<T>(&who)?;

        #[block]
        {
            <Pallet<T> as WorkerPool<T::AccountId>>::release(&who, 0, false, Outcome::Expired);
        }

        assert!(matches!(status::<T>(&who)?, WorkerStatus::Jailed { .. }));
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 1));
        Ok(())
    }

    #[benchmark]
    fn cover() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        let version = *versions.last().ok_or("no version")?;
        let ask;

        #[block]
        {
            ask = <Pallet<T> as WorkerPool<T::AccountId>>::cover(&who, version, 1);
        }

        assert_eq!(ask, Ok(T::MinAsk::get()));
        assert_eq!(Workers::<T>::get(&who).ok_or("no worker")?.covered, 1);
        Ok(())
    }

    #[benchmark]
    fn dispute() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;

        #[block]
        {
            <Pallet<T> as Stakes<T::AccountId>>::disputed(&who);
        }

        assert_eq!(Workers::<T>::get(&who).ok_or("no worker")?.disputes, 1);
        Ok(())
    }

    /// Everybody is paid, and something is burned.
    #[benchmark]
    fn charge() -> Result<(), BenchmarkError> {
        let (who, _) = first_of_two::<T>(MAX_SERVED)?;
        let payee = funded::<T>(1)?;
        let all = bond::<T>();
        let paid;

        #[block]
        {
            paid = <Pallet<T> as Stakes<T::AccountId>>::charge(&who, &payee, all);
        }

        let worker = Workers::<T>::get(&who).ok_or("no worker")?;
        assert!(paid > 0 && matches!(worker.status, WorkerStatus::Jailed { .. }));
        Ok(())
    }

    #[benchmark]
    fn convict() -> Result<(), BenchmarkError> {
        let (who, versions) = first_of_two::<T>(MAX_SERVED)?;
        let [treasury, requester, winner] = [1, 2, 3].map(funded::<T>);
        let slash = Slash {
            offence: Offence::Wrong,
            reward: Balance::MAX,
            costs: bond::<T>() / 10,
            treasury: &treasury?,
            damages: bond::<T>() / 10,
            requester: &requester?,
            winner: &winner?,
        };
        let penalty;

        #[block]
        {
            penalty = <Pallet<T> as Stakes<T::AccountId>>::convict(&who, slash);
        }

        assert!(penalty.costs > 0 && penalty.damages > 0 && penalty.bounty > 0);
        assert!(penalty.burned > 0);
        assert!(matches!(status::<T>(&who)?, WorkerStatus::Jailed { .. }));
        assert!(versions.iter().all(|version| ServingCount::<T>::get(version) == 1));
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
