//! What must hold between any two transactions.

use crate::{types::inline_len, *};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use codec::Encode;
use frame_support::{
    ensure,
    traits::{fungible::InspectHold, Get},
};
use sp_runtime::TryRuntimeError;
use vigil_primitives::{
    job::{Contribution, MAX_ATTEMPTS},
    lineage::MAX_PAYEES,
    terms::Access,
    traits::{Grants, ModelRegistry},
    JobStatus,
};

impl<T: Config> Pallet<T> {
    /// Checks every invariant:
    ///
    /// 1. What a requester has on hold for escrow is the sum of its open jobs' prices.
    /// 2. Every job has exactly one entry in the agenda, at its `wake_at`, on no page that is
    ///    finished; and the agenda has no other entries.
    /// 3. A job has exactly one place in the queue, between its ends, while it has vacancies, and
    ///    none otherwise; and the queue has no other places.
    /// 4. A worker is in the index of assignments for exactly the open jobs it is a replica of; no
    ///    job has a worker twice, more workers than replicas, or one that lost it.
    /// 5. Open jobs are counted, in all and by requester, and stay within the bounds.
    /// 6. Every job has its input, every input its job, with as many tokens as recorded.
    /// 7. Numbers of jobs lie between the first and the next.
    /// 8. The parts of a receipt add up to the escrow, and those of the owners' part, of which
    ///    there are at most as many as payees, to it.
    /// 9. An open job has attempts left.
    /// 10. Contributions by version and by era have the same sum for every worker, and those of an
    ///     era add up to its total.
    /// 11. A grant that is still there has as many uses reserved as there are open jobs under it,
    ///     and no job of a version that is open to everybody has a grant.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::check_jobs()?;
        Self::check_indices()?;
        Self::check_grants()?;
        Self::check_contributions()
    }

    fn check_jobs() -> Result<(), TryRuntimeError> {
        let (first, next) = (FirstJob::<T>::get(), NextJob::<T>::get());
        let mut escrows = BTreeMap::<Vec<u8>, (T::AccountId, Balance, u32)>::new();
        let mut open: u32 = 0;
        for (id, job) in Jobs::<T>::iter() {
            ensure!((first..next).contains(&id), "a job's number is out of range");
            let input = Inputs::<T>::get(id).ok_or("a job has no input")?;
            ensure!(input.tokens() == Some(job.tokens_in), "a job's tokens are miscounted");
            ensure!(inline_len(&input) <= input.len(), "an input is longer than it says");
            if let JobStatus::Settled { receipt, royalties, .. } = &job.status {
                let parts = [receipt.workers, receipt.owner, receipt.treasury, receipt.requester];
                ensure!(
                    parts.into_iter().fold(0, Balance::saturating_add) == job.max_price,
                    "a receipt does not add up to its escrow"
                );
                let owners = royalties.iter().map(|royalty| royalty.amount);
                ensure!(
                    owners.fold(0, Balance::saturating_add) == receipt.owner,
                    "royalties do not add up to the owners' part"
                );
                ensure!(
                    u32::try_from(royalties.len()).is_ok_and(|count| count <= job.payees),
                    "there are more royalties than payees"
                );
            }
            if job.status.is_final() {
                continue;
            }
            ensure!((1..=MAX_PAYEES).contains(&job.payees), "payees are miscounted");
            ensure!(job.attempts <= MAX_ATTEMPTS, "an open job has no attempts left");
            open = open.saturating_add(1);
            let entry = escrows.entry(job.requester.encode()).or_insert((job.requester, 0, 0));
            entry.1 = entry.1.saturating_add(job.max_price);
            entry.2 = entry.2.saturating_add(1);
        }
        ensure!(
            Inputs::<T>::iter_keys().all(Jobs::<T>::contains_key),
            "an input's job does not exist"
        );
        ensure!(open == OpenJobs::<T>::get(), "open jobs are miscounted");
        ensure!(open <= T::MaxOpenJobs::get(), "there are too many open jobs");
        ensure!(
            OpenJobsOf::<T>::iter().count() == escrows.len(),
            "an account without open jobs is counted"
        );
        let escrow = HoldReason::Escrow.into();
        for (requester, sum, count) in escrows.into_values() {
            ensure!(
                T::Currency::balance_on_hold(&escrow, &requester) == sum,
                "an escrow on hold is not the sum of the open jobs"
            );
            ensure!(
                OpenJobsOf::<T>::get(&requester) == count
                    && count <= T::MaxOpenJobsPerAccount::get(),
                "an account's open jobs are miscounted or too many"
            );
        }
        Ok(())
    }

    fn check_indices() -> Result<(), TryRuntimeError> {
        let ends = QueueEnds::<T>::get();
        ensure!(ends.head <= ends.tail, "the queue ends before it begins");
        let cursor = AgendaCursor::<T>::get();
        let (mut jobs, mut queued, mut engaged) = (0usize, 0usize, 0usize);
        for (id, job) in Jobs::<T>::iter() {
            jobs = jobs.saturating_add(1);
            ensure!(Agenda::<T>::contains_key(job.wake_at, id), "a job is not in the agenda");
            ensure!(
                cursor.is_none_or(|cursor| cursor <= job.wake_at),
                "the agenda has passed a job"
            );
            ensure!(job.place.is_some() == (job.vacancies() > 0), "a job is wrongly queued");
            if let Some(place) = job.place {
                queued = queued.saturating_add(1);
                ensure!((ends.head..ends.tail).contains(&place), "a place is outside the queue");
                ensure!(Queue::<T>::get(place) == Some(id), "a job is not at its place");
            }
            let replicas = job.status.replicas();
            let workers: BTreeSet<_> = replicas.iter().map(|r| r.worker.encode()).collect();
            ensure!(workers.len() == replicas.len(), "a job has a worker twice");
            ensure!(replicas.len() <= job.policy.replicas.into(), "a job has too many workers");
            ensure!(
                !job.lost_by.iter().any(|lost| workers.contains(&lost.encode())),
                "a worker was drawn for a job that it lost"
            );
            if !job.status.is_final() {
                engaged = engaged.saturating_add(replicas.len());
                ensure!(
                    replicas.iter().all(|r| AssignedTo::<T>::contains_key(&r.worker, id)),
                    "a worker's assignment is not in the index"
                );
            }
        }
        ensure!(Agenda::<T>::iter().count() == jobs, "the agenda has an entry without a job");
        ensure!(Queue::<T>::iter().count() == queued, "the queue has a place without a job");
        ensure!(AssignedTo::<T>::iter().count() == engaged, "an assignment has ended");
        Ok(())
    }

    fn check_grants() -> Result<(), TryRuntimeError> {
        let mut uses = BTreeMap::<Vec<u8>, (JobRecordOf<T>, u32)>::new();
        for job in Jobs::<T>::iter_values() {
            let version = T::Models::version(job.version).ok_or("a job's version is unknown")?;
            if let Some(grant) = job.grant {
                ensure!(
                    version.spec.terms.access != Access::Open,
                    "an open version needs no grant"
                );
                if !job.status.is_final() {
                    let key = (job.version, &job.requester, grant).encode();
                    let entry = uses.entry(key).or_insert((job, 0));
                    entry.1 = entry.1.saturating_add(1);
                }
            }
        }
        for (job, count) in uses.into_values() {
            let Some(grant) = job.grant else { continue };
            let reserved = T::Grants::reserved(job.version.into(), &job.requester, grant);
            ensure!(
                reserved.is_none_or(|reserved| reserved == count),
                "uses reserved of a grant are not those of the open jobs"
            );
        }
        Ok(())
    }

    fn check_contributions() -> Result<(), TryRuntimeError> {
        fn add(total: &mut Contribution, part: &Contribution) {
            total.jobs = total.jobs.saturating_add(part.jobs);
            total.work = total.work.saturating_add(part.work);
            total.earned = total.earned.saturating_add(part.earned);
        }
        let mut by_version = BTreeMap::<Vec<u8>, Contribution>::new();
        for (worker, _, part) in Contributions::<T>::iter() {
            add(by_version.entry(worker.encode()).or_default(), &part);
        }
        let mut by_era = BTreeMap::<Vec<u8>, Contribution>::new();
        let mut eras = BTreeMap::<u32, Contribution>::new();
        for (era, worker, part) in EraContributions::<T>::iter() {
            add(by_era.entry(worker.encode()).or_default(), &part);
            add(eras.entry(era).or_default(), &part);
        }
        ensure!(by_version == by_era, "contributions by version and by era differ");
        let totals: BTreeMap<_, _> = EraTotals::<T>::iter().collect();
        ensure!(eras == totals, "an era's total is not the sum of its contributions");
        Ok(())
    }
}
