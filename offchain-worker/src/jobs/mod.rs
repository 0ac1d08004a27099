//! The worker's view of its jobs: what the chain says of each, joined to what is known here.
//!
//! The chain's list of our jobs comes with every best block, and decides which there are and how far
//! each is. An entry adds what the chain can't know: the record on disk, whether a batch has the
//! job, whether an extrinsic is on its way, why it can't be done, and how long to wait before the
//! next attempt. From both, [`job::next`] names the step to take. Nothing here talks to anybody: the
//! service takes the steps and tells what came of them.

mod entry;
pub(crate) mod job;

pub(crate) use entry::{Ending, Local};
pub(crate) use job::Step;

use crate::{
    error::Result,
    executor::{Problem, Ready},
    key::Key,
    store::Record,
};
use entry::Entry;
use std::collections::{BTreeMap, HashSet};
use vigil_primitives::{
    job::{DeclineReason, Input, JobSpec},
    AccountId, BlockNumber, ContentHash, Job,
};

/// What a blob that a job waits for must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwaitedInput<'a> {
    /// BLAKE3 of its bytes.
    pub(crate) hash: ContentHash,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// Whose job it is, who alone may write it.
    pub(crate) requester: &'a AccountId,
}

/// An input that an auditor fetches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// BLAKE3 of its bytes.
    pub(crate) hash: ContentHash,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// The workers that have it.
    pub(crate) workers: Vec<AccountId>,
}

/// The jobs of a worker.
pub(crate) struct Jobs {
    me: AccountId,
    /// Blocks before its deadline at which a job without input is given back.
    margin: BlockNumber,
    /// The best block.
    now: BlockNumber,
    entries: BTreeMap<Key, Entry>,
}

impl Jobs {
    /// Returns an empty list for a worker. A job whose input has not come is given back `margin`
    /// blocks before its deadline.
    pub(crate) fn new(me: AccountId, margin: BlockNumber) -> Self {
        Self { me, margin, now: 0, entries: BTreeMap::new() }
    }

    /// Takes in the chain's list of our jobs at a new best block. Jobs that are not in it stay
    /// known, but nothing is done for them. `stored` finds the record of a job that is new here.
    ///
    /// # Errors
    /// The first error of `stored`; the jobs before it have been taken in.
    pub(crate) fn update(
        &mut self,
        now: BlockNumber,
        list: Vec<Job>,
        stored: impl Fn(&Key) -> Result<Option<Record>>,
    ) -> Result<()> {
        self.now = now;
        for job in list {
            let key = Key::of(&job);
            match self.entries.get_mut(&key) {
                Some(entry) => entry.see(job, now),
                None => {
                    let record = stored(&key)?;
                    tracing::info!(job = key.id, version = %job.spec.version, "engaged in a job");
                    self.entries.insert(key, Entry::new(job, record, now));
                }
            }
        }
        Ok(())
    }

    /// Takes in a job of which there is a record from before the start, whether or not it will be
    /// in the chain's list.
    pub(crate) fn restore(&mut self, job: Job, record: Record) {
        self.entries.insert(Key::of(&job), Entry::new(job, Some(record), 0));
    }

    /// Returns the next step of every job in the present list, in the order of their keys. `local`
    /// says what this machine has for a job.
    pub(crate) fn steps(&self, local: impl Fn(&JobSpec<BlockNumber>) -> Local) -> Vec<(Key, Step)> {
        let step = |(key, entry): (&Key, &Entry)| {
            let local = local(&entry.job.spec);
            (*key, entry.step(&self.me, key, self.now, self.margin, local))
        };
        self.listed().map(step).collect()
    }

    /// Returns the inputs that the jobs of the present list need as blobs.
    pub(crate) fn awaited_inputs(&self) -> impl Iterator<Item = AwaitedInput<'_>> {
        self.listed().filter_map(|(_, Entry { job, .. })| match job.spec.input {
            Input::Blob { hash, len } => {
                Some(AwaitedInput { hash, len: len.into(), requester: &job.requester })
            }
            Input::Inline(_) => None,
        })
    }

    /// Returns how many jobs of the present list need something more.
    pub(crate) fn open(&self) -> usize {
        self.listed().filter(|(_, entry)| entry.is_open(&self.me)).count()
    }

    fn listed(&self) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.iter().filter(|(_, entry)| entry.is_listed(self.now))
    }

    /// Returns the blobs that a job here needs or has made.
    pub(crate) fn blobs(&self) -> HashSet<ContentHash> {
        let mut blobs = HashSet::new();
        for entry in self.entries.values() {
            blobs.extend(entry.record.as_ref().map(|record| record.output.hash));
            if let Input::Blob { hash, .. } = entry.job.spec.input {
                blobs.insert(hash);
            }
        }
        blobs
    }

    /// Returns a job as the chain showed it last.
    pub(crate) fn job(&self, key: &Key) -> Option<&Job> {
        self.entries.get(key).map(|entry| &entry.job)
    }

    /// Returns what is asked for by a job.
    pub(crate) fn spec(&self, key: &Key) -> Option<&JobSpec<BlockNumber>> {
        self.job(key).map(|job| &job.spec)
    }

    /// Returns the record of a job.
    pub(crate) fn record(&self, key: &Key) -> Option<&Record> {
        self.entries.get(key)?.record.as_ref()
    }

    /// Returns a job as the executor sees it.
    pub(crate) fn ready(&self, key: &Key) -> Option<Ready> {
        let entry = self.entries.get(key)?;
        Some(Ready { key: *key, version: entry.job.spec.version, due: entry.due(&self.me) })
    }

    /// The input of a job that we audit is being fetched. Returns which, and from whom.
    pub(crate) fn begin_fetching(&mut self, key: &Key) -> Option<Wanted> {
        let entry = self.entries.get_mut(key)?;
        let Input::Blob { hash, len } = entry.job.spec.input else { return None };
        entry.begin_fetching();
        Some(Wanted { hash, len: len.into(), workers: entry.workers().cloned().collect() })
    }

    /// The input of a job is here, or could not be fetched.
    pub(crate) fn end_fetching(&mut self, key: &Key) {
        let now = self.now;
        self.change(key, |entry| entry.end_fetching(now));
    }

    /// A job has gone into a batch.
    pub(crate) fn begin_computing(&mut self, key: &Key) {
        self.change(key, Entry::begin_computing);
    }

    /// A job has left its batch.
    pub(crate) fn end_computing(&mut self, key: &Key, result: Result<Record, Problem>) {
        let now = self.now;
        self.change(key, |entry| entry.end_computing(result, now));
    }

    /// A job can't be done.
    pub(crate) fn decline(&mut self, key: &Key, reason: DeclineReason) {
        self.change(key, |entry| entry.decline(reason));
    }

    /// An extrinsic for a job is on its way.
    pub(crate) fn begin_sending(&mut self, key: &Key) {
        self.change(key, Entry::begin_sending);
    }

    /// The extrinsic for a job is in a block (`included`), or has failed.
    pub(crate) fn end_sending(&mut self, key: &Key, included: bool) {
        let now = self.now;
        self.change(key, |entry| entry.end_sending(included, now));
    }

    /// Marks a job as lost. Returns whether it was not before.
    pub(crate) fn lose(&mut self, key: &Key) -> bool {
        self.entries.get_mut(key).is_some_and(Entry::lose)
    }

    fn change(&mut self, key: &Key, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(key) {
            change(entry);
        }
    }

    /// Returns the jobs that have left the list, of which the chain should be asked what became.
    pub(crate) fn missing(&self) -> Vec<Key> {
        let missing = self.entries.iter().filter(|(_, entry)| entry.is_missing(self.now));
        missing.map(|(key, _)| *key).collect()
    }

    /// Takes in what the chain says of a missing job, at the best block and at the finalised one,
    /// and forgets the job if that is final. Returns whether it is forgotten, and how it ended
    /// unless it was counted as lost before.
    pub(crate) fn answer(
        &mut self,
        key: &Key,
        best: Option<Job>,
        finalized: Option<Job>,
    ) -> Answer {
        // Another job may bear the number by now.
        let same = |job: Option<Job>| job.filter(|job| Key::of(job) == *key);
        let (best, finalized) = (same(best), same(finalized));
        let now = self.now;
        let Some(entry) = self.entries.get_mut(key) else { return Answer::Unfinished };
        if !entry.answer(best, finalized, now) {
            return Answer::Unfinished;
        }
        let ending = entry.ending(&self.me);
        self.entries.remove(key);
        Answer::Forgotten(ending)
    }
}

/// What an answer of the chain about a missing job means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The job may come back.
    Unfinished,
    /// It is over, and forgotten. How it ended, unless it has been counted as lost.
    Forgotten(Option<Ending>),
}

#[cfg(test)]
mod tests;
