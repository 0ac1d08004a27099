//! What must hold between any two transactions.

use crate::{
    types::inline_len,
    waiting::{Ends, Lane, Order, Standing},
    *,
};
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
    job::{AuditState, Contribution, WaitingCost, MAX_ATTEMPTS},
    lineage::MAX_PAYEES,
    terms::Access,
    traits::{Grants, ModelRegistry},
    JobStatus, ModelVersionId,
};

/// What an account's open jobs add up to.
struct Account<AccountId> {
    id: AccountId,
    escrow: Balance,
    waiting: Balance,
    jobs: u32,
}

impl<T: Config> Pallet<T> {
    /// Checks every invariant:
    ///
    /// 1. What a requester has on hold for escrow is the sum of its open jobs' prices, and what it
    ///    has on hold for waiting that of the jobs that were never assigned. A job that was, or has
    ///    ended, has paid no more than had been held.
    /// 2. Every job has exactly one entry in the agenda, at its `wake_at`, on no page that is
    ///    finished; and the agenda has no other entries.
    /// 3. A job waits in exactly one list while it has vacancies, and in none otherwise: that of its
    ///    version and standing, at the place of its bid or at one of the turns given out. The lists
    ///    hold no other jobs, and those of every version are counted.
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
    /// 11. A grant that is still there has as many uses reserved as there are open jobs under it, or
    ///     more: channels reserve some too. No job of a version that is open to everybody has a grant.
    /// 12. The offers are those of the jobs that wait and were never assigned, none of them below
    ///     the least.
    /// 13. A line has a version or a worker at every place between its ends and nowhere else, each
    ///     once; and only who stands in line has a round.
    /// 14. A job waits for disputes if and only if there are some about a result of it that was not
    ///     paid; and of paid results alone the convicted are marked.
    /// 15. A job has an auditor if and only if one is drawn or has been paid, and the treasury has
    ///     promised what open audits say.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::check_jobs()?;
        Self::check_indices()?;
        Self::check_waiting()?;
        Self::check_lines()?;
        Self::check_grants()?;
        Self::check_contributions()
    }

    fn check_jobs() -> Result<(), TryRuntimeError> {
        let (first, next) = (FirstJob::<T>::get(), NextJob::<T>::get());
        let mut accounts = BTreeMap::<Vec<u8>, Account<T::AccountId>>::new();
        let (mut open, mut pledged): (u32, Balance) = (0, 0);
        for (id, job) in Jobs::<T>::iter() {
            ensure!((first..next).contains(&id), "a job's number is out of range");
            let input = Inputs::<T>::get(id).ok_or("a job has no input")?;
            ensure!(input.tokens() == Some(job.tokens_in), "a job's tokens are miscounted");
            ensure!(inline_len(&input) <= input.len(), "an input is longer than it says");
            if let JobStatus::Settled { receipt, royalties, .. } = &job.status {
                let parts = [
                    receipt.workers,
                    receipt.auditor,
                    receipt.owner,
                    receipt.treasury,
                    receipt.requester,
                ];
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
            let disputed = matches!(job.status, JobStatus::Disputed { .. });
            let disputable = disputed || matches!(job.status, JobStatus::Settled { .. });
            ensure!(job.disputes == 0 || disputable, "a dispute is about no result");
            ensure!(!disputed || job.disputes > 0, "a job waits for no dispute");
            if job.status.is_final() {
                continue;
            }
            if let Some(audit) = job.audit.as_ref().filter(|audit| audit.state == AuditState::Drawn)
            {
                pledged = pledged.saturating_add(audit.network);
            }
            ensure!(job.convicted.is_empty(), "an open job keeps a convicted worker");
            ensure!((1..=MAX_PAYEES).contains(&job.payees), "payees are miscounted");
            ensure!(job.attempts <= MAX_ATTEMPTS, "an open job has no attempts left");
            open = open.saturating_add(1);
            let waiting = job.waiting_held();
            let account = accounts.entry(job.requester.encode()).or_insert_with(|| Account {
                id: job.requester,
                escrow: 0,
                waiting: 0,
                jobs: 0,
            });
            account.escrow = account.escrow.saturating_add(job.max_price);
            account.waiting = account.waiting.saturating_add(waiting);
            account.jobs = account.jobs.saturating_add(1);
        }
        ensure!(
            Inputs::<T>::iter_keys().all(Jobs::<T>::contains_key),
            "an input's job does not exist"
        );
        ensure!(open == OpenJobs::<T>::get(), "open jobs are miscounted");
        ensure!(pledged == AuditsPledged::<T>::get(), "what auditors were promised is miscounted");
        ensure!(open <= T::MaxOpenJobs::get(), "there are too many open jobs");
        ensure!(
            OpenJobsOf::<T>::iter().count() == accounts.len(),
            "an account without open jobs is counted"
        );
        for account in accounts.into_values() {
            let held =
                |reason: HoldReason| T::Currency::balance_on_hold(&reason.into(), &account.id);
            ensure!(
                held(HoldReason::Escrow) == account.escrow,
                "an escrow on hold is not the sum of the open jobs"
            );
            ensure!(
                held(HoldReason::Waiting) == account.waiting,
                "what is on hold for waiting is not that of the jobs that wait"
            );
            ensure!(
                OpenJobsOf::<T>::get(&account.id) == account.jobs
                    && account.jobs <= T::MaxOpenJobsPerAccount::get(),
                "an account's open jobs are miscounted or too many"
            );
        }
        Ok(())
    }

    fn check_indices() -> Result<(), TryRuntimeError> {
        let cursor = AgendaCursor::<T>::get();
        let (mut jobs, mut engaged) = (0usize, 0usize);
        for (id, job) in Jobs::<T>::iter() {
            jobs = jobs.saturating_add(1);
            ensure!(Agenda::<T>::contains_key(job.wake_at, id), "a job is not in the agenda");
            ensure!(
                cursor.is_none_or(|cursor| cursor <= job.wake_at),
                "the agenda has passed a job"
            );
            let replicas = job.status.replicas();
            let workers: BTreeSet<_> = replicas.iter().map(|r| r.worker.encode()).collect();
            ensure!(workers.len() == replicas.len(), "a job has a worker twice");
            ensure!(
                job.workers().count() <= job.policy.replicas.into(),
                "a job has too many workers"
            );
            let auditors = replicas.len().saturating_sub(job.workers().count());
            let audited = job
                .audit
                .as_ref()
                .is_some_and(|audit| matches!(audit.state, AuditState::Drawn | AuditState::Passed));
            ensure!(
                auditors == usize::from(audited),
                "an auditor without an audit, or the reverse"
            );
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
        ensure!(AssignedTo::<T>::iter().count() == engaged, "an assignment has ended");
        Ok(())
    }

    fn check_waiting() -> Result<(), TryRuntimeError> {
        let mut waiting = BTreeMap::<ModelVersionId, u32>::new();
        let mut offers = 0usize;
        for (id, job) in Jobs::<T>::iter() {
            ensure!(job.place.is_some() == (job.vacancies() > 0), "a job wrongly waits");
            let never_assigned = matches!(job.waiting, WaitingCost::Running { .. });
            ensure!(
                !never_assigned || job.status == JobStatus::Queued,
                "a job that was assigned still counts as waiting for the first time"
            );
            let Some(place) = job.place else { continue };
            let count = waiting.entry(job.version).or_default();
            *count = count.saturating_add(1);
            ensure!(
                Waiting::<T>::contains_key((job.version, place.standing, place.order)),
                "a job is not where it waits"
            );
            let order = match place.standing {
                Standing::Fresh | Standing::Short => Order::by_bid(job.bid(), id),
                Standing::Passed => {
                    let next = Order::by_turn(NextTurn::<T>::get(), 0);
                    ensure!(place.order < next, "a turn was not given out");
                    place.order
                }
            };
            ensure!(place.order == order && order.job() == id, "a job is not at its place");
            if never_assigned {
                offers = offers.saturating_add(1);
                let offer = Order::by_offer(job.bid(), id);
                ensure!(Offers::<T>::contains_key(offer), "an offer is missing");
                ensure!(offer >= LeastOffer::<T>::get(), "an offer lies below the least");
            }
        }
        let sum = waiting.values().fold(0u32, |sum, count| sum.saturating_add(*count));
        ensure!(Waiting::<T>::count() == sum, "jobs that wait are miscounted");
        ensure!(
            u32::try_from(Waiting::<T>::iter_keys().count()) == Ok(sum),
            "a list holds a job that does not wait in it"
        );
        let counts: BTreeMap<_, _> = WaitingOf::<T>::iter().collect();
        ensure!(counts == waiting, "jobs of a version that wait are miscounted");
        ensure!(Offers::<T>::iter_keys().count() == offers, "an offer stands without a job");
        Ok(())
    }

    fn check_lines() -> Result<(), TryRuntimeError> {
        let mut standing = 0usize;
        for lane in [Lane::Versions, Lane::Workers] {
            let Ends { head, tail } = LineEnds::<T>::get(lane);
            ensure!(head <= tail, "a line ends before it begins");
            for place in head..tail {
                let woken = Line::<T>::get(lane, place).ok_or("a place of a line is empty")?;
                ensure!(woken.lane() == lane, "somebody stands in the wrong line");
                ensure!(InLine::<T>::contains_key(&woken), "somebody in line has no round");
                standing = standing.saturating_add(1);
            }
        }
        // As many rounds as places: nobody stands in line twice, and nobody else has a round.
        ensure!(Line::<T>::iter_keys().count() == standing, "a line has a place outside its ends");
        ensure!(InLine::<T>::iter_keys().count() == standing, "somebody stands in line twice");
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
                reserved.is_none_or(|reserved| reserved >= count),
                "uses reserved of a grant are fewer than its open jobs"
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
