//! Which results of others are looked at.

use std::{
    collections::{hash_map::RandomState, BTreeSet, VecDeque},
    hash::BuildHasher,
};
use vigil_primitives::{api::PAGE, dispute::ClaimId, AccountId, Job, JobId, JobStatus};

/// Most results that wait to be looked at once more.
const LATER: usize = 1_000;

/// A result that is to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The result.
    pub claim: ClaimId,
    /// How often it could not be looked at.
    pub attempts: u32,
}

/// Draws results of others that are to be computed again. Nobody can know beforehand which.
///
/// It remembers the jobs that have no result yet, which the chain bounds, and where the jobs begin
/// that it has not seen. So a job that waits for long keeps no later one from being looked at.
pub struct Watch {
    percent: u8,
    lot: RandomState,
    /// The first job that it has not seen.
    next: JobId,
    /// Jobs before it that may still bring a result.
    open: BTreeSet<JobId>,
    /// Results that nobody has looked at yet.
    fresh: VecDeque<ClaimId>,
    /// Results that could not be looked at when it was their turn. They come last, in turn, so that
    /// nobody keeps a watcher from other results by holding one back.
    later: VecDeque<Drawn>,
}

impl Watch {
    /// Of a hundred results it takes so many.
    pub fn new(percent: u8) -> Self {
        Self {
            percent: percent.min(100),
            lot: RandomState::new(),
            next: 0,
            open: BTreeSet::new(),
            fresh: VecDeque::new(),
            later: VecDeque::new(),
        }
    }

    /// Whether it takes none.
    pub fn is_off(&self) -> bool {
        self.percent == 0
    }

    /// The first job behind `after` that it wants to know more of.
    pub fn wanted(&self, after: Option<JobId>) -> JobId {
        let from = after.map_or(0, |after| after.saturating_add(1));
        self.open.range(from..).next().copied().unwrap_or(self.next.max(from))
    }

    /// Takes in the jobs from number `from` on, one page of them, and returns the first job of the
    /// next page that it wants; `None` behind the last. `wanted` says whether a job's results can be
    /// computed here; `me` does not look at its own.
    pub fn take_in(
        &mut self,
        from: JobId,
        jobs: &[Job],
        me: &AccountId,
        wanted: impl Fn(&Job) -> bool,
    ) -> Option<JobId> {
        let last = jobs.last().map(|job| job.id).filter(|_| jobs.len() >= PAGE as usize);
        let (seen, waited) = (self.next, self.open.clone());
        // What is not there any more has been pruned.
        self.open.retain(|id| *id < from || last.is_some_and(|last| *id > last));
        for job in jobs {
            self.next = self.next.max(job.id.saturating_add(1));
            // A page also holds jobs that have been looked at.
            if !wanted(job) || (job.id < seen && !waited.contains(&job.id)) {
                continue;
            }
            if !is_revealed(job) {
                if !job.status.is_final() {
                    self.open.insert(job.id);
                }
                continue;
            }
            for replica in job.status.replicas() {
                let theirs = replica.worker != *me && replica.revealed().is_some();
                let drawn = self.lot.hash_one((job.id, &replica.worker)) % 100;
                if theirs && drawn < u64::from(self.percent) {
                    let worker = replica.worker.clone();
                    self.fresh.push_back(ClaimId::Job { job: job.id, worker });
                }
            }
        }
        last.map(|last| self.wanted(Some(last)))
    }

    /// Takes out the next result to look at.
    pub fn take_out(&mut self) -> Option<Drawn> {
        let fresh = self.fresh.pop_front().map(|claim| Drawn { claim, attempts: 0 });
        fresh.or_else(|| self.later.pop_front())
    }

    /// A result could not be looked at: later, behind all others.
    pub fn again(&mut self, drawn: Drawn) {
        if self.later.len() < LATER {
            self.later.push_back(Drawn { attempts: drawn.attempts.saturating_add(1), ..drawn });
        }
    }
}

/// Whether a job's results can be seen.
fn is_revealed(job: &Job) -> bool {
    matches!(
        job.status,
        JobStatus::Revealed { .. }
            | JobStatus::Contested { .. }
            | JobStatus::Disputed { .. }
            | JobStatus::Settled { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt},
        samples::{job, replica, settled},
        BlockNumber,
    };

    fn numbered(id: JobId, status: JobStatus<AccountId, BlockNumber>) -> Job {
        Job { id, ..job(status) }
    }

    fn done(id: JobId) -> Job {
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let receipt =
            Receipt { workers: 80, auditor: 0, owner: 5, treasury: 5, requester: 10, work: 1 };
        numbered(id, settled(output, vec![replica(2, 40, 4), replica(3, 40, 4)], receipt))
    }

    fn all(watch: &mut Watch) -> Vec<(JobId, u8)> {
        let mut found = Vec::new();
        while let Some(Drawn { claim: ClaimId::Job { job, worker }, .. }) = watch.take_out() {
            let bytes: &[u8; 32] = worker.as_ref();
            found.push((job, bytes[0]));
        }
        found
    }

    #[test]
    fn each_result_of_others_should_be_taken_once() {
        let mut watch = Watch::new(100);
        let me = AccountId::new([3; 32]);
        let jobs = [done(1), numbered(2, JobStatus::Queued), done(3)];
        assert_eq!(watch.take_in(0, &jobs, &me, |_| true), None);
        assert_eq!(all(&mut watch), [(1, 2), (3, 2)]);
        assert_eq!(watch.wanted(None), 2, "the second may still bring a result");
        assert_eq!(watch.wanted(Some(2)), 4);
        watch.take_in(2, &[done(2)], &me, |_| true);
        assert_eq!(all(&mut watch), [(2, 2)]);
        assert_eq!(watch.wanted(None), 4);
    }

    #[test]
    fn a_job_that_waits_should_keep_no_later_one_from_being_looked_at() {
        let mut watch = Watch::new(100);
        let me = AccountId::new([3; 32]);
        let last = u64::from(PAGE) - 1;
        let mut page: Vec<Job> = (0..=last).map(done).collect();
        page[0].status = JobStatus::Queued;
        assert_eq!(watch.take_in(0, &page, &me, |_| true), Some(last + 1));
        assert_eq!(watch.take_in(last + 1, &[done(last + 1)], &me, |_| true), None);
        assert_eq!(all(&mut watch).len(), last as usize + 1);
        // The first is looked at when it comes, and what lies between is not looked at again.
        assert_eq!((watch.wanted(None), watch.wanted(Some(0))), (0, last + 2));
        assert_eq!(watch.take_in(0, &page, &me, |_| true), Some(last + 2));
        assert_eq!(all(&mut watch), []);
        page[0] = done(0);
        watch.take_in(0, &page, &me, |_| true);
        assert_eq!(all(&mut watch), [(0, 2)]);
        page[0].status = JobStatus::Queued;
        watch.open.insert(0);
        watch.take_in(0, &[], &me, |_| true);
        assert_eq!(watch.wanted(None), last + 2, "it has been pruned");
    }

    #[test]
    fn nothing_should_be_taken_when_it_is_off_or_unwanted() {
        let me = AccountId::new([9; 32]);
        let (mut off, mut on) = (Watch::new(0), Watch::new(100));
        off.take_in(0, &[done(1)], &me, |_| true);
        on.take_in(0, &[done(1)], &me, |_| false);
        assert!(off.is_off() && off.take_out().is_none() && on.take_out().is_none());
    }

    #[test]
    fn a_result_that_is_held_back_should_come_back_behind_all_others() {
        let mut watch = Watch::new(100);
        let me = AccountId::new([2; 32]);
        watch.take_in(0, &[done(1), done(2)], &me, |_| true);
        let held = watch.take_out().unwrap();
        assert_eq!(held.attempts, 0);
        watch.again(held.clone());
        let other = watch.take_out().unwrap();
        assert_ne!(other.claim, held.claim);
        watch.again(other.clone());
        let attempts: Vec<_> = (0..2).map(|_| watch.take_out().unwrap()).collect();
        assert_eq!(attempts[0], Drawn { attempts: 1, ..held });
        assert_eq!(attempts[1], Drawn { attempts: 1, ..other });
        assert_eq!(watch.take_out(), None);
    }
}
