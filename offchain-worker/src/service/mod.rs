//! The event loop: one task that owns what is known of every job, and decides.
//!
//! A new best block brings the chain's list of our jobs. Each is compared with what we have, the
//! table of [`job::next`] names the next step, and the step runs as a task of its own: sending until
//! it is in a block, or computing on a blocking thread, in a batch that the jobs of its version join
//! and leave while it runs. What a task has done comes back to the loop. What the chain does not
//! show some blocks after it was sent is sent again; so lost transactions, restarts and
//! re-organisations end in the same way, with what is missing being done.

use crate::{
    batch::{Bench, Problem},
    blobs::Blobs,
    chain::{Action, Chain},
    compute::Compute,
    error::{Error, Result},
    job::{self, Facts, Key, Stage, Step},
    metrics::Metrics,
    server::Expected,
    store::{Record, Store},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch, Notify},
    task::JoinSet,
};
use vigil_client::{blobs::unix_time, Block};
use vigil_primitives::{
    job::{DeclineReason, Input, JobStatus},
    pricing,
    worker::WorkerStatus,
    BlockNumber, Job, ModelVersionId,
};

/// Blocks between an extrinsic's inclusion and sending it again if the chain shows no effect.
const SETTLING: BlockNumber = 3;
/// Blocks between attempts after an extrinsic failed.
const RETRY: BlockNumber = 2;
/// Blocks between looks at jobs that are no longer in our list.
const CLOSING: BlockNumber = 5;
/// Blocks after which a record is forgotten when the chain does not know its job.
const UNKNOWN: BlockNumber = 256;
/// Age in seconds at which the record of a job that the chain does not know is forgotten.
const OLD: u64 = 14 * 24 * 3_600;
/// Blocks between prunings of the blob store.
const PRUNING: BlockNumber = 32;

/// How the service behaves.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Blocks before the deadline at which a job without input is given back.
    pub(crate) margin: BlockNumber,
    /// Batches computed at the same time.
    pub(crate) batches: usize,
    /// Most jobs of one batch.
    pub(crate) batch: usize,
    /// How long blobs are kept.
    pub(crate) blob_age: Duration,
    /// Most bytes of blobs kept.
    pub(crate) blob_bytes: u64,
    /// How long a shutdown waits for jobs under way.
    pub(crate) grace: Duration,
    /// Whether a shutdown tells the chain to send no new jobs.
    pub(crate) leave: bool,
}

/// What is known of a job.
struct Entry {
    job: Job,
    record: Option<Record>,
    computing: bool,
    refusal: Option<DeclineReason>,
    sending: bool,
    /// Nothing is sent before this block.
    quiet_until: BlockNumber,
    /// The last block at which the job was in our list.
    seen: BlockNumber,
    /// The last block at which we asked for it otherwise.
    asked: BlockNumber,
    /// Whether its end has been counted.
    counted: bool,
}

/// The end of a task.
enum Done {
    /// A batch has nothing left to do.
    Computed(u64),
    Sent(Option<Key>, &'static str, Result<()>),
    Pruned(u64),
}

/// A job's end in a batch.
type Computed = (ModelVersionId, Key, Result<Record, Problem>);

/// The worker at work.
pub(crate) struct Service<C, X> {
    chain: C,
    bench: Arc<Bench<X>>,
    store: Arc<Store>,
    blobs: Blobs,
    expected: watch::Sender<Expected>,
    metrics: Metrics,
    limits: Limits,
    jobs: HashMap<Key, Entry>,
    tasks: JoinSet<Done>,
    results: (mpsc::UnboundedSender<Computed>, mpsc::UnboundedReceiver<Computed>),
    running: Vec<batches::Running>,
    batches: u64,
    now: BlockNumber,
    pruned: BlockNumber,
    busy: bool,
    stopping: Option<Instant>,
}

impl<C: Chain, X: Compute> Service<C, X> {
    pub(crate) fn new(
        chain: C,
        compute: Arc<X>,
        store: Arc<Store>,
        blobs: Blobs,
        expected: watch::Sender<Expected>,
        metrics: Metrics,
        limits: Limits,
    ) -> Self {
        let bench = Arc::new(Bench {
            compute,
            store: store.clone(),
            blobs: blobs.clone(),
            metrics: metrics.clone(),
        });
        Self {
            chain,
            bench,
            store,
            blobs,
            expected,
            metrics,
            limits,
            jobs: HashMap::new(),
            tasks: JoinSet::new(),
            results: mpsc::unbounded_channel(),
            running: Vec::new(),
            batches: 0,
            now: 0,
            pruned: 0,
            busy: false,
            stopping: None,
        }
    }

    /// Works until `stop` is notified and the jobs under way are done or the grace time is over.
    pub(crate) async fn run(
        mut self,
        mut heads: watch::Receiver<Option<Block>>,
        arrived: Arc<Notify>,
        stop: Arc<Notify>,
    ) -> Result<()> {
        heads.mark_changed();
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        loop {
            let outcome = tokio::select! {
                changed = heads.changed() => {
                    if changed.is_err() {
                        return Err(Error::Critical("the stream of blocks ended".into()));
                    }
                    let block = *heads.borrow_and_update();
                    match block {
                        Some(block) => self.on_block(block).await,
                        None => Ok(()),
                    }
                }
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.on_done(done),
                    Err(error) => {
                        Err(Error::Critical(format!("a task of the worker failed: {error}")))
                    }
                },
                Some((version, key, result)) = self.results.1.recv() => {
                    self.on_computed(version, &key, result);
                    self.act();
                    Ok(())
                }
                () = arrived.notified() => { self.act(); Ok(()) }
                () = stop.notified(), if self.stopping.is_none() => { self.on_stop(); Ok(()) }
                _ = clock.tick(), if self.stopping.is_some() => Ok(()),
            };
            match outcome {
                Ok(()) => {}
                Err(error @ Error::Critical(_)) => return Err(error),
                Err(error) => tracing::warn!("{error}"),
            }
            if self.is_over() {
                return Ok(());
            }
        }
    }

    fn on_stop(&mut self) {
        tracing::info!("stopping: finishing the jobs under way");
        self.stopping = Some(Instant::now());
        if self.limits.leave {
            self.send(None, Action::Drain);
        } else {
            tracing::warn!("the chain still draws this worker: start it again soon, or set leave");
        }
        self.act();
    }

    /// Whether a shutdown has nothing left to wait for.
    fn is_over(&self) -> bool {
        let Some(since) = self.stopping else { return false };
        let open = self.jobs.values().filter(|entry| {
            matches!(
                job::stage(&entry.job, self.chain.me()),
                Stage::Assigned { .. } | Stage::Committed | Stage::Revealing { .. }
            ) && entry.seen == self.now
        });
        let open = open.count();
        if open == 0 && self.tasks.is_empty() {
            tracing::info!("every job is done");
            return true;
        }
        if since.elapsed() >= self.limits.grace {
            tracing::warn!(
                "the grace time is over with {open} jobs open; they go on at the next start"
            );
            return true;
        }
        false
    }

    async fn on_block(&mut self, block: Block) -> Result<()> {
        let assignments = self.chain.assignments().await?;
        self.now = block.number;
        self.metrics.best_block.set(block.number.into());
        self.metrics.engaged.set(assignments.len() as u64);
        for job in assignments {
            self.learn(job)?;
        }
        self.expect();
        self.close().await?;
        self.return_to_work().await?;
        self.prune()?;
        self.act();
        Ok(())
    }

    /// Takes in what the chain says of one of our jobs.
    fn learn(&mut self, job: Job) -> Result<()> {
        let key = Key::of(&job);
        if let Some(entry) = self.jobs.get_mut(&key) {
            entry.job = job;
            entry.seen = self.now;
            return Ok(());
        }
        let record = self.store.get(&key)?;
        tracing::info!(job = key.id, version = %job.spec.version, "engaged in a job");
        self.jobs.insert(key, Entry::new(job, record, self.now));
        Ok(())
    }

    /// Tells the blob server which inputs are awaited.
    fn expect(&self) {
        let mut expected = Expected::new();
        for entry in self.jobs.values().filter(|entry| entry.seen == self.now) {
            if let Input::Blob { hash, len } = entry.job.spec.input {
                let writer = (u64::from(len), entry.job.requester.clone());
                expected.entry(hash).or_default().push(writer);
            }
        }
        self.expected.send_if_modified(|present| {
            let changed = *present != expected;
            *present = expected;
            changed
        });
    }

    /// Decides for every job of the present list.
    fn act(&mut self) {
        let mut ready = Vec::new();
        let mut actions = Vec::new();
        let keys: Vec<Key> = self.jobs.keys().copied().collect();
        for key in keys {
            match self.step(&key) {
                None | Some(Step::Wait) => {}
                Some(Step::Compute) => ready.push(key),
                Some(Step::Commit) => {
                    actions.extend(self.record(&key).map(|record| {
                        let commitment = record.commitment(self.chain.me(), &key);
                        (key, Action::Commit(key.id, commitment))
                    }));
                }
                Some(Step::Reveal) => {
                    actions.extend(
                        self.record(&key).map(|record| {
                            (key, Action::Reveal(key.id, record.output, record.salt))
                        }),
                    );
                }
                Some(Step::Decline(reason)) => {
                    actions.push((key, Action::Decline(key.id, reason)));
                }
                Some(Step::Lost) => self.lose(&key),
            }
        }
        for (key, action) in actions {
            self.send(Some(key), action);
        }
        self.compute(ready);
    }

    fn record(&self, key: &Key) -> Option<&Record> {
        self.jobs.get(key)?.record.as_ref()
    }

    fn step(&self, key: &Key) -> Option<Step> {
        let entry = self.jobs.get(key).filter(|entry| entry.seen == self.now)?;
        let version = entry.job.spec.version;
        let stage = job::stage(&entry.job, self.chain.me());
        let mut refusal = entry.refusal;
        if !self.bench.compute.has(version) || (self.stopping.is_some() && !entry.computing) {
            refusal = refusal.or(Some(DeclineReason::VersionUnavailable));
        }
        let facts = Facts {
            commitment: entry.record.as_ref().map(|record| record.commitment(self.chain.me(), key)),
            input: self.has_input(&entry.job.spec.input),
            computing: entry.computing,
            refusal,
            sending: entry.sending || self.now < entry.quiet_until,
        };
        Some(job::next(stage, &facts, self.now, self.limits.margin))
    }

    fn has_input(&self, input: &Input) -> bool {
        match input {
            Input::Inline(_) => true,
            Input::Blob { hash, len } => self.blobs.len(hash) == Some(u64::from(*len)),
        }
    }

    fn send(&mut self, key: Option<Key>, action: Action) {
        if let Some(entry) = key.and_then(|key| self.jobs.get_mut(&key)) {
            entry.sending = true;
        }
        let (chain, name) = (self.chain.clone(), action.name());
        if let Some(key) = key {
            tracing::info!(job = key.id, "{name}");
        }
        self.tasks.spawn(async move { Done::Sent(key, name, chain.send(action).await) });
    }

    fn on_done(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Computed(number) => self.running.retain(|batch| batch.number != number),
            Done::Sent(key, name, result) => self.on_sent(key, name, result)?,
            Done::Pruned(bytes) => self.metrics.blob_bytes.set(bytes),
        }
        self.act();
        Ok(())
    }

    fn on_computed(&mut self, version: ModelVersionId, key: &Key, result: Result<Record, Problem>) {
        let Some(entry) = self.jobs.get_mut(key) else { return };
        entry.computing = false;
        match result {
            Ok(record) => entry.record = Some(record),
            Err(Problem::NotComputed(failure)) => {
                tracing::warn!(job = key.id, %version, "cannot be done: {}", failure.text);
                entry.refusal = Some(failure.reason);
            }
            Err(Problem::NotStored(text)) => {
                tracing::error!(job = key.id, "computed but not stored: {text}");
                entry.quiet_until = self.now.saturating_add(RETRY);
            }
        }
    }

    fn on_sent(&mut self, key: Option<Key>, name: &'static str, result: Result<()>) -> Result<()> {
        let word = match &result {
            Ok(()) => "included",
            Err(error) if error.is_temporary() => "temporary",
            Err(_) => "rejected",
        };
        self.metrics.extrinsics.with_label_values(&[name, word]).inc();
        if key.is_none() {
            self.busy = false;
        }
        if let Some(entry) = key.and_then(|key| self.jobs.get_mut(&key)) {
            entry.sending = false;
            let pause = if result.is_ok() { SETTLING } else { RETRY };
            entry.quiet_until = self.now.saturating_add(pause);
        }
        match result {
            Err(error @ Error::Critical(_)) => Err(error),
            Err(error) => {
                tracing::warn!(job = key.map(|key| key.id), "{error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn lose(&mut self, key: &Key) {
        if let Some(entry) = self.jobs.get_mut(key).filter(|entry| !entry.counted) {
            entry.counted = true;
            tracing::error!(
                job = key.id,
                "a commitment of ours has no record: it can't be revealed"
            );
            self.metrics.jobs.with_label_values(&["lost"]).inc();
        }
    }

    /// Jobs that have left our list: counted when they end, forgotten when that is final.
    async fn close(&mut self) -> Result<()> {
        let (now, me) = (self.now, self.chain.me().clone());
        let due = |entry: &Entry| {
            entry.seen != now && !entry.sending && now >= entry.asked.saturating_add(CLOSING)
        };
        let keys: Vec<Key> =
            self.jobs.iter().filter(|(_, e)| due(e)).map(|(key, _)| *key).collect();
        for key in keys {
            let same = |job: Option<Job>| job.filter(|job| Key::of(job) == key);
            let present = same(self.chain.job(key.id, false).await?);
            let settled = same(self.chain.job(key.id, true).await?);
            let Some(entry) = self.jobs.get_mut(&key) else { continue };
            entry.asked = now;
            let ended = settled.as_ref().is_some_and(|job| job.status.is_final());
            let unknown =
                present.is_none() && settled.is_none() && now >= entry.seen.saturating_add(UNKNOWN);
            if let Some(job) = settled.or(present) {
                entry.job = job;
            }
            if !(ended || unknown) || entry.computing {
                continue;
            }
            let entry = self.jobs.remove(&key);
            if let Some(entry) = entry.filter(|entry| !entry.counted) {
                let (word, earned) = ending(&entry.job, &me);
                tracing::info!(job = key.id, earned, "{word}");
                self.metrics.jobs.with_label_values(&[word]).inc();
                self.metrics.earn(earned);
            }
            self.store.remove(&key)?;
        }
        Ok(())
    }

    /// Takes jobs again when a jail term is over.
    async fn return_to_work(&mut self) -> Result<()> {
        if self.busy || self.stopping.is_some() || !self.now.is_multiple_of(CLOSING) {
            return Ok(());
        }
        let status = self.chain.worker().await?.map(|worker| worker.status);
        match status {
            Some(WorkerStatus::Jailed { until }) if self.now >= until => {
                self.busy = true;
                self.send(None, Action::Unjail);
            }
            Some(WorkerStatus::Jailed { until }) => {
                tracing::warn!("in jail for missed deadlines until block {until}");
            }
            _ => {}
        }
        Ok(())
    }

    fn prune(&mut self) -> Result<()> {
        if self.now < self.pruned.saturating_add(PRUNING) && self.pruned != 0 {
            return Ok(());
        }
        self.pruned = self.now.max(1);
        let mut keep = HashSet::new();
        for entry in self.jobs.values() {
            keep.extend(entry.record.as_ref().map(|record| record.output.hash));
            if let Input::Blob { hash, .. } = entry.job.spec.input {
                keep.insert(hash);
            }
        }
        let (blobs, limits) = (self.blobs.clone(), self.limits.clone());
        self.tasks.spawn_blocking(move || {
            let pruned = blobs.prune(limits.blob_age, limits.blob_bytes, &keep);
            Done::Pruned(pruned.unwrap_or_else(|error| {
                tracing::error!("cannot prune the blob store: {error}");
                0
            }))
        });
        Ok(())
    }

    /// Takes in jobs of which the database has records, so that they are followed to their end.
    pub(crate) async fn recover(&mut self) -> Result<()> {
        for (key, record) in self.store.all()? {
            match self.chain.job(key.id, false).await?.filter(|job| Key::of(job) == key) {
                Some(job) => {
                    tracing::info!(job = key.id, "found a job that was under way");
                    self.jobs.insert(key, Entry::new(job, Some(record), 0));
                }
                // The node may be behind: only what is old has surely ended and been pruned.
                None if unix_time() > record.made.saturating_add(OLD) => self.store.remove(&key)?,
                None => {}
            }
        }
        Ok(())
    }
}

impl Entry {
    fn new(job: Job, record: Option<Record>, seen: BlockNumber) -> Self {
        Self {
            job,
            record,
            computing: false,
            refusal: None,
            sending: false,
            quiet_until: 0,
            seen,
            asked: seen,
            counted: false,
        }
    }
}

/// How a job ended for us, and what we earned.
fn ending(job: &Job, me: &vigil_primitives::AccountId) -> (&'static str, u128) {
    match &job.status {
        JobStatus::Settled { replicas, receipt, .. } => {
            let ours = replicas.iter().find(|replica| &replica.worker == me);
            match ours {
                Some(replica) => ("settled", pricing::reward(replica.ask, receipt.work)),
                None => ("reassigned", 0),
            }
        }
        JobStatus::Refunded { .. } => ("refunded", 0),
        JobStatus::Cancelled => ("cancelled", 0),
        _ => ("forgotten", 0),
    }
}

mod batches;

#[cfg(test)]
mod tests;
