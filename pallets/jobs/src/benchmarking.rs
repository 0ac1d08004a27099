//! Benchmarks of every call and of every step of the hooks, each in its worst case.
//!
//! The engagement and release of workers, the uses of grants, the split of the owner's fee and the
//! keeping of its parts happen inside the measured steps, while [`WeightInfo`] leaves them to the
//! other pallets: the sum counts them twice, which errs on the safe side.

use super::*;
use crate::{
    types::Due,
    waiting::{Standing, Woken},
};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::{
    traits::{
        fungible::{Inspect, Unbalanced},
        tokens::Precision,
        Get,
    },
    weights::WeightMeter,
};
use frame_system::RawOrigin;
use sp_runtime::{traits::Saturating, BoundedVec};
use vigil_primitives::{
    dispute::{ClaimId, Fault},
    job::{
        commitment, tokens_to_bytes, DeclineReason, Input, Output, Policy, RefundReason, Sampling,
        MAX_ATTEMPTS, MAX_INLINE_INPUT, MAX_REPLICAS, MAX_RUNS, TOKEN_BYTES,
    },
    lineage::MAX_PAYEES,
    pricing,
    terms::AcceptedTerms,
    traits::{self, Claims, Conviction, Grants, Market, ModelRegistry, UnpaidBook},
    worker::MAX_SERVED,
    ContentHash, JobStatus, ModelVersionId,
};

/// Tokens of the benchmarked jobs; [`submit`](self) varies them.
const TOKENS: u32 = 16;
/// Tokens that they may generate, and do.
const TOKENS_OUT: u32 = 16;
/// Most tokens that fit in the chain's own input.
const MAX_TOKENS: u32 = MAX_INLINE_INPUT / TOKEN_BYTES;
const OUTPUT: Output = Output { hash: ContentHash::repeat_byte(7), tokens: TOKENS_OUT };
/// The sampling with parameters to check and to store.
const SAMPLING: Sampling =
    Sampling::Gumbel { seed: u64::MAX, temperature: 1f32.to_bits(), min_p: 0.5f32.to_bits() };
const SALT: [u8; 32] = [7; 32];

/// Sets the scenes of the benchmarks. The runtime knows the registries and the workers, and this
/// pallet does not.
pub trait BenchmarkHelper<AccountId> {
    /// An active version of a language model of `owner` with a context of 2,048 tokens, at no cost.
    fn version(owner: &AccountId) -> ModelVersionId;

    /// Makes `worker` an active worker that serves these versions with the lowest ask, room for as
    /// many jobs as there may be and a bond that covers them.
    fn worker(worker: &AccountId, versions: &[ModelVersionId]);

    /// Gives a version that descends from nothing a lineage of so many payees, itself included,
    /// each with an owner of its own that has no account.
    fn lineage(version: ModelVersionId, payees: u32);

    /// Gives `who` a grant of the version.
    fn grant(version: ModelVersionId, who: &AccountId);
}

fn requester<T: Config>() -> T::AccountId {
    account("requester", 0, 0)
}

/// Gives an account more than any benchmark spends.
fn fund<T: Config>(who: &T::AccountId) -> Result<(), BenchmarkError> {
    let amount = T::Currency::minimum_balance().saturating_add(1 << 80);
    T::Currency::increase_balance(who, amount, Precision::Exact)?;
    T::Currency::set_total_issuance(T::Currency::total_issuance().saturating_add(amount));
    Ok(())
}

fn published<T: Config>() -> ModelVersionId {
    T::BenchmarkHelper::version(&account("owner", 0, 0))
}

/// A version that `workers` workers serve, with so many payees. The owner can be paid; of the others
/// it depends on the waterfall.
fn version<T: Config>(workers: u32, payees: u32) -> Result<ModelVersionId, BenchmarkError> {
    let owner = account("owner", 0, 0);
    let version = published::<T>();
    for index in 0..workers {
        T::BenchmarkHelper::worker(&account("worker", index, 0), &[version]);
    }
    T::BenchmarkHelper::lineage(version, payees);
    for account in [owner, requester::<T>(), T::Treasury::get(), T::Unpaid::keeper()] {
        fund::<T>(&account)?;
    }
    Ok(version)
}

fn spec<T: Config>(
    version: ModelVersionId,
    tokens: u32,
    replicas: u8,
) -> Result<JobSpecOf<T>, BenchmarkError> {
    let input = BoundedVec::try_from(tokens_to_bytes(&alloc::vec![0; tokens as usize]))
        .map_err(|_| BenchmarkError::Stop("the input is too long"))?;
    let published =
        T::Models::version(version).ok_or(BenchmarkError::Stop("the version is unknown"))?.spec;
    let work = published.architecture.work(tokens, TOKENS_OUT);
    Ok(JobSpecOf::<T> {
        version,
        terms: AcceptedTerms { licence: published.terms.licence_hash(), commercial: true },
        input: Input::Inline(input),
        max_tokens_out: TOKENS_OUT,
        sampling: SAMPLING,
        policy: Policy {
            replicas,
            challenge_window: T::MinChallengeWindow::get(),
            audited: false,
            region: None,
        },
        // Plenty for a worker with the lowest ask, and for the fee.
        max_price: pricing::reward(T::MinAsk::get(), work)
            .saturating_mul(100)
            .max(1_000_000)
            .saturating_add(fee::<T>()),
        deadline: Pallet::<T>::now().saturating_add(T::MaxDuration::get()),
    })
}

/// What the owners of a benchmarked job earn: every payee a part, and few of them enough for an
/// account that does not exist.
fn fee<T: Config>() -> Balance {
    T::Currency::minimum_balance().max(1_000)
}

/// A queued job under a grant, with so many payees of the owner's fee.
fn queued_with<T: Config>(replicas: u32, payees: u32) -> Result<JobId, BenchmarkError> {
    let id = NextJob::<T>::get();
    let version = version::<T>(MAX_RUNS, payees)?;
    let spec = spec::<T>(version, TOKENS, replicas as u8)?;
    Pallet::<T>::do_submit(requester::<T>(), spec)?;

    let mut record = job::<T>(id)?;
    record.fee.per_job = fee::<T>();
    T::BenchmarkHelper::grant(version, &requester::<T>());
    record.grant = T::Grants::reserve(version.into(), &requester::<T>(), 1, 0).ok();
    Jobs::<T>::insert(id, record);
    Ok(id)
}

/// A queued job whose version descends from nothing.
fn queued<T: Config>(replicas: u32) -> Result<JobId, BenchmarkError> {
    queued_with::<T>(replicas, 1)
}

fn job<T: Config>(id: JobId) -> Result<JobRecordOf<T>, BenchmarkError> {
    Jobs::<T>::get(id).ok_or(BenchmarkError::Stop("there is no such job"))
}

/// A job with its workers drawn.
fn assigned<T: Config>(replicas: u32) -> Result<(JobId, Vec<T::AccountId>), BenchmarkError> {
    assign_all::<T>(queued::<T>(replicas)?)
}

/// Draws all workers of a queued job.
fn assign_all<T: Config>(id: JobId) -> Result<(JobId, Vec<T::AccountId>), BenchmarkError> {
    Pallet::<T>::serve_queue(Pallet::<T>::now(), &mut WeightMeter::new());
    let workers: Vec<_> =
        job::<T>(id)?.status.replicas().iter().map(|replica| replica.worker.clone()).collect();
    if workers.len() != usize::from(job::<T>(id)?.policy.replicas) {
        return Err(BenchmarkError::Stop("the job could not be assigned"));
    }
    Ok((id, workers))
}

fn commit_as<T: Config>(id: JobId, worker: &T::AccountId) -> Result<(), BenchmarkError> {
    let commitment = commitment(&OUTPUT, &SALT, worker, id);
    Ok(Pallet::<T>::do_commit(worker.clone(), id, commitment)?)
}

/// A job whose workers have committed, and an auditor too: none of them has a record.
fn committed<T: Config>(replicas: u32) -> Result<(JobId, Vec<T::AccountId>), BenchmarkError> {
    let (id, workers) = assigned::<T>(replicas)?;
    audited::<T>(id, workers)
}

/// The workers commit, chance draws an auditor, and that commits.
fn audited<T: Config>(
    id: JobId,
    mut workers: Vec<T::AccountId>,
) -> Result<(JobId, Vec<T::AccountId>), BenchmarkError> {
    for worker in &workers {
        commit_as::<T>(id, worker)?;
    }
    wait_for::<T>(id, Due::DrawAuditor)?;
    Pallet::<T>::draw_auditor(id, job::<T>(id)?, Pallet::<T>::now());
    let record = job::<T>(id)?;
    let auditor = record.auditor().ok_or(BenchmarkError::Stop("there is no auditor"))?;
    commit_as::<T>(id, &auditor.worker)?;
    workers.push(auditor.worker.clone());
    Ok((id, workers))
}

/// A job whose workers have all revealed the same output, with so many payees of the owner's fee.
fn revealed<T: Config>(replicas: u32, payees: u32) -> Result<JobId, BenchmarkError> {
    let (id, workers) = assign_all::<T>(queued_with::<T>(replicas, payees)?)?;
    let (id, workers) = audited::<T>(id, workers)?;
    for worker in workers {
        Pallet::<T>::do_reveal(worker, id, OUTPUT, SALT)?;
    }
    Ok(id)
}

/// The next lost attempt of the job is its last.
fn last_attempt<T: Config>(id: JobId) -> Result<(), BenchmarkError> {
    let mut record = job::<T>(id)?;
    record.attempts = MAX_ATTEMPTS;
    Jobs::<T>::insert(id, record);
    Ok(())
}

/// Lets time pass until the job is due for something.
fn wait_for<T: Config>(id: JobId, due: Due) -> Result<(), BenchmarkError> {
    let at = job::<T>(id)?.wake_at;
    frame_system::Pallet::<T>::set_block_number(at);
    if job::<T>(id)?.due(at) != Some(due) {
        return Err(BenchmarkError::Stop("the job is due for something else"));
    }
    Ok(())
}

/// Serves the one page of the agenda that the job is on.
fn serve_page_of<T: Config>(id: JobId) -> Result<(), BenchmarkError> {
    AgendaCursor::<T>::put(job::<T>(id)?.wake_at);
    Pallet::<T>::serve_agenda(Pallet::<T>::now(), true, &mut WeightMeter::new());
    Ok(())
}

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn submit(b: Linear<4, { 4 * MAX_TOKENS }>) -> Result<(), BenchmarkError> {
        let version = version::<T>(MAX_REPLICAS, MAX_PAYEES)?;
        let spec = spec::<T>(version, b.div_ceil(4), MAX_REPLICAS as u8)?;
        let price = spec.max_price;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), Box::new(spec));
        assert_eq!(job::<T>(0)?.max_price, price);
        Ok(())
    }

    #[benchmark]
    fn cancel() -> Result<(), BenchmarkError> {
        let id = queued::<T>(MAX_REPLICAS)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id);
        assert_eq!(job::<T>(id)?.status, JobStatus::Cancelled);
        Ok(())
    }

    #[benchmark]
    fn commit() -> Result<(), BenchmarkError> {
        let (id, mut workers) = assigned::<T>(MAX_REPLICAS)?;
        let last = workers.pop().ok_or(BenchmarkError::Stop("no workers"))?;
        for worker in &workers {
            commit_as::<T>(id, worker)?;
        }
        let commitment = commitment(&OUTPUT, &SALT, &last, id);
        #[extrinsic_call]
        _(RawOrigin::Signed(last), id, commitment);
        assert!(matches!(job::<T>(id)?.status, JobStatus::Committed { .. }));
        Ok(())
    }

    #[benchmark]
    fn reveal() -> Result<(), BenchmarkError> {
        let (id, mut workers) = committed::<T>(MAX_REPLICAS)?;
        let last = workers.pop().ok_or(BenchmarkError::Stop("no workers"))?;
        for worker in workers {
            Pallet::<T>::do_reveal(worker, id, OUTPUT, SALT)?;
        }
        #[extrinsic_call]
        _(RawOrigin::Signed(last), id, OUTPUT, SALT);
        assert!(matches!(job::<T>(id)?.status, JobStatus::Revealed { .. }));
        Ok(())
    }

    /// The last attempt: the other workers are released and the escrow goes back.
    #[benchmark]
    fn decline() -> Result<(), BenchmarkError> {
        let (id, mut workers) = assigned::<T>(MAX_REPLICAS)?;
        let last = workers.pop().ok_or(BenchmarkError::Stop("no workers"))?;
        last_attempt::<T>(id)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(last), id, DeclineReason::InputUnavailable);
        assert!(matches!(job::<T>(id)?.status, JobStatus::Refunded { .. }));
        Ok(())
    }

    /// The call itself; what it runs is added to it.
    #[benchmark]
    fn poke() -> Result<(), BenchmarkError> {
        let id = queued::<T>(1)?;
        Pallet::<T>::do_cancel(&requester::<T>(), id)?;
        wait_for::<T>(id, Due::Prune)?;
        #[extrinsic_call]
        _(RawOrigin::Signed(requester::<T>()), id);
        assert!(!Jobs::<T>::contains_key(id));
        Ok(())
    }

    /// A job that is in the agenda and not due.
    #[benchmark]
    fn look() -> Result<(), BenchmarkError> {
        let (id, _) = assigned::<T>(MAX_REPLICAS)?;
        let record = job::<T>(id)?;
        frame_system::Pallet::<T>::set_block_number(1u32.into());
        Agenda::<T>::remove(record.wake_at, id);
        Agenda::<T>::insert(Pallet::<T>::now(), id, ());
        Jobs::<T>::insert(id, JobRecord { wake_at: Pallet::<T>::now(), ..record });
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(job::<T>(id)?.wake_at > Pallet::<T>::now());
        Ok(())
    }

    #[benchmark]
    fn turn_page() -> Result<(), BenchmarkError> {
        frame_system::Pallet::<T>::set_block_number(1u32.into());
        AgendaCursor::<T>::put(Pallet::<T>::now());
        #[block]
        {
            Pallet::<T>::serve_agenda(Pallet::<T>::now(), true, &mut WeightMeter::new());
        }
        assert!(AgendaCursor::<T>::get() > Some(Pallet::<T>::now()));
        Ok(())
    }

    /// A job that offers less than all others, in a market that is full.
    #[benchmark]
    fn evict() -> Result<(), BenchmarkError> {
        let id = queued::<T>(MAX_REPLICAS)?;
        OpenJobs::<T>::put(T::MaxOpenJobs::get());
        #[block]
        {
            Pallet::<T>::make_way(Balance::MAX, Pallet::<T>::now())?;
        }
        let outbid = JobStatus::Refunded { reason: RefundReason::Outbid };
        assert_eq!(job::<T>(id)?.status, outbid);
        Ok(())
    }

    #[benchmark]
    fn wake() -> Result<(), BenchmarkError> {
        queued::<T>(1)?;
        let worker = account("worker", 0, 0);
        #[block]
        {
            <Pallet<T> as Market<T::AccountId>>::room(&worker);
        }
        assert!(InLine::<T>::contains_key(Woken::Worker(worker)));
        Ok(())
    }

    /// Lists that are all empty, of a worker that serves `v` versions.
    #[benchmark]
    fn turn(v: Linear<1, MAX_SERVED>) -> Result<(), BenchmarkError> {
        let mut versions = Vec::new();
        for _ in 0..v {
            versions.push(published::<T>());
        }
        let worker = account("worker", 0, 0);
        T::BenchmarkHelper::worker(&worker, &versions);
        for version in versions {
            WaitingOf::<T>::insert(version, 1);
        }
        let woken = Woken::Worker(worker);
        Pallet::<T>::line_up(&woken);
        #[block]
        {
            Pallet::<T>::serve_queue(Pallet::<T>::now(), &mut WeightMeter::new());
        }
        assert!(!InLine::<T>::contains_key(woken));
        Ok(())
    }

    /// A job that has been lost by the only worker with room.
    #[benchmark]
    fn pass_over() -> Result<(), BenchmarkError> {
        let id = queued::<T>(1)?;
        let mut record = job::<T>(id)?;
        for index in 0..MAX_RUNS {
            record.lost_by.force_push(account("worker", index, 0));
        }
        Jobs::<T>::insert(id, record);
        #[block]
        {
            Pallet::<T>::serve_queue(Pallet::<T>::now(), &mut WeightMeter::new());
        }
        let standing = job::<T>(id)?.place.map(|place| place.standing);
        assert_eq!(standing, Some(Standing::Passed));
        Ok(())
    }

    #[benchmark]
    fn assign(r: Linear<1, MAX_REPLICAS>) -> Result<(), BenchmarkError> {
        let id = queued::<T>(r)?;
        #[block]
        {
            Pallet::<T>::serve_queue(Pallet::<T>::now(), &mut WeightMeter::new());
        }
        assert_eq!(job::<T>(id)?.status.replicas().len(), r as usize);
        Ok(())
    }

    /// The last attempt: the escrow goes back.
    #[benchmark]
    fn expire_commitments(r: Linear<1, MAX_REPLICAS>) -> Result<(), BenchmarkError> {
        let (id, _) = assigned::<T>(r)?;
        last_attempt::<T>(id)?;
        wait_for::<T>(id, Due::ExpireCommitments)?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(matches!(job::<T>(id)?.status, JobStatus::Refunded { .. }));
        Ok(())
    }

    /// Chance decides, and draws the auditor.
    #[benchmark]
    fn draw_auditor(r: Linear<1, MAX_REPLICAS>) -> Result<(), BenchmarkError> {
        let (id, workers) = assigned::<T>(r)?;
        for worker in &workers {
            commit_as::<T>(id, worker)?;
        }
        wait_for::<T>(id, Due::DrawAuditor)?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(matches!(job::<T>(id)?.status, JobStatus::Auditing { .. }));
        Ok(())
    }

    /// Nobody revealed in the last attempt: the escrow goes back.
    #[benchmark]
    fn expire_reveals(r: Linear<1, MAX_REPLICAS>) -> Result<(), BenchmarkError> {
        let (id, _) = committed::<T>(r)?;
        last_attempt::<T>(id)?;
        wait_for::<T>(id, Due::ExpireReveals)?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(matches!(job::<T>(id)?.status, JobStatus::Refunded { .. }));
        Ok(())
    }

    #[benchmark]
    fn settle(r: Linear<1, MAX_REPLICAS>, p: Linear<1, MAX_PAYEES>) -> Result<(), BenchmarkError> {
        let id = revealed::<T>(r, p)?;
        wait_for::<T>(id, Due::Settle)?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        let JobStatus::Settled { receipt, replicas, royalties, .. } = job::<T>(id)?.status else {
            return Err(BenchmarkError::Stop("the job was not settled"));
        };
        assert_eq!((replicas.len(), royalties.len()), (r as usize + 1, p as usize));
        assert!(receipt.workers + receipt.auditor > 0);
        assert!(receipt.owner > 0 && receipt.requester > 0);
        Ok(())
    }

    /// A contest that nobody decided.
    #[benchmark]
    fn refund(r: Linear<1, MAX_REPLICAS>) -> Result<(), BenchmarkError> {
        let (id, workers) = assigned::<T>(r)?;
        for worker in &workers {
            commit_as::<T>(id, worker)?;
        }
        let mut record = job::<T>(id)?;
        record.contest(Pallet::<T>::now());
        Jobs::<T>::insert(id, record);
        wait_for::<T>(id, Due::Refund(RefundReason::Undecided))?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(matches!(job::<T>(id)?.status, JobStatus::Refunded { .. }));
        Ok(())
    }

    #[benchmark]
    fn prune() -> Result<(), BenchmarkError> {
        let id = queued::<T>(1)?;
        Pallet::<T>::do_cancel(&requester::<T>(), id)?;
        wait_for::<T>(id, Due::Prune)?;
        #[block]
        {
            serve_page_of::<T>(id)?;
        }
        assert!(!Jobs::<T>::contains_key(id));
        Ok(())
    }

    #[benchmark]
    fn dispute() -> Result<(), BenchmarkError> {
        let id = revealed::<T>(MAX_REPLICAS, 1)?;
        let worker = account("worker", 0, 0);
        #[block]
        {
            <Pallet<T> as Claims<T::AccountId>>::disputed(&ClaimId::Job { job: id, worker })?;
        }
        assert!(matches!(job::<T>(id)?.status, JobStatus::Disputed { .. }));
        Ok(())
    }

    /// Everybody has said the same, and it is wrong: all are convicted and the escrow goes back.
    #[benchmark]
    fn decide() -> Result<(), BenchmarkError> {
        let id = revealed::<T>(MAX_REPLICAS, 1)?;
        let (worker, by) = (account("worker", 0, 0), account("challenger", 0, 0));
        fund::<T>(&by)?;
        let claim = ClaimId::Job { job: id, worker };
        <Pallet<T> as Claims<T::AccountId>>::disputed(&claim)?;
        let conviction = Conviction { by: &by, fault: Fault::Element, disputes: 1, costs: 1 };
        #[block]
        {
            <Pallet<T> as Claims<T::AccountId>>::convicted(&claim, conviction);
        }
        let convicted = JobStatus::Refunded { reason: RefundReason::Convicted };
        assert_eq!(job::<T>(id)?.status, convicted);
        Ok(())
    }

    #[benchmark]
    fn contribute() -> Result<(), BenchmarkError> {
        let (worker, version) = (account("worker", 0, 0), ModelVersionId { model: 0, version: 0 });
        #[block]
        {
            <Pallet<T> as traits::Contributions<T::AccountId>>::record(&worker, version, 1, 1, 1);
        }
        assert_eq!(Contributions::<T>::get(&worker, version).jobs, 1);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::Chain::default().build(), crate::mock::Test);
}
