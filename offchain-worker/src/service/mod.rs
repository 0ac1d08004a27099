//! The event loop: one task that hears of everything and decides.
//!
//! A new best block brings the chain's list of our jobs. For each of them [`Jobs`] names the next
//! step, and the service has it taken: an extrinsic is sent by a task of its own, which ends when it
//! is in a block, and what is ready to be computed goes to the [`Executor`]. What came of either
//! returns to the loop. What the chain does not show some blocks after it was sent is sent again. So
//! lost transactions, restarts and re-organisations end in the same way: what is missing is done.

use crate::{
    blobs::Blobs,
    chain::{Action, Chain},
    conduct::Conduct,
    disputes::{Advocates, Disputes},
    error::{Error, Result},
    executor::{Event, Executor, Failure, Finished, Problem, Ready},
    jobs::{Jobs, Local, Step},
    key::Key,
    metrics::Metrics,
    server::Expected,
    store::{Record, Store},
};
use library::Library;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{watch, Notify},
    task::JoinSet,
};
use vigil_advocate::{Drawn, Watch};
use vigil_client::Block;
use vigil_engine::Request;
use vigil_primitives::{
    dispute::{DisputeId, Ground, Move},
    job::{bytes_to_tokens, DeclineReason, Input, JobSpec},
    BlockNumber, Hash,
};

mod disputes;
mod library;
mod upkeep;

/// How the service behaves.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Blocks before the deadline at which a job without input is given back.
    pub(crate) margin: BlockNumber,
    /// How long blobs are kept.
    pub(crate) blob_age: Duration,
    /// Most bytes of blobs kept.
    pub(crate) blob_bytes: u64,
    /// How long a shutdown waits for jobs under way.
    pub(crate) grace: Duration,
    /// Whether a shutdown tells the chain to send no new jobs.
    pub(crate) leave: bool,
    /// Of a hundred results of others so many are computed again.
    pub(crate) watch: u8,
}

/// The end of a task.
enum Done {
    /// An action is in a block or has failed: for which job, its name, and the result.
    Sent(Option<Key>, &'static str, Result<()>),
    /// The input of a job that we audit is here or could not be fetched.
    Fetched(Key, Result<()>),
    /// The blob store was pruned to so many bytes.
    Pruned(u64),
    /// A move of a dispute was computed; `None` where we see nothing wrong.
    Played(DisputeId, Result<Option<Move>>),
    /// A move is in a block or has failed.
    Moved(DisputeId, Result<()>),
    /// Another's result was computed again: why it is wrong.
    Watched(Drawn, Result<Option<Ground>>),
    /// A challenge of another's result is in a block or has failed.
    Challenged(Drawn, Result<()>),
}

/// What a worker has on its machine.
pub(crate) struct Machine {
    /// Computes jobs.
    pub(crate) executor: Executor,
    /// Computes moves of disputes.
    pub(crate) advocates: Arc<dyn Advocates>,
    /// Decides what goes on chain.
    pub(crate) conduct: Arc<dyn Conduct>,
    /// Records of the jobs under way.
    pub(crate) store: Arc<Store>,
    /// Inputs and outputs.
    pub(crate) blobs: Blobs,
}

/// The worker at work.
pub(crate) struct Service<C> {
    chain: C,
    executor: Executor,
    jobs: Jobs,
    disputes: Disputes,
    advocates: Arc<dyn Advocates>,
    conduct: Arc<dyn Conduct>,
    watch: Watch,
    /// Disputes of ours that have ended and of which we don't know how, and how often we have asked.
    ended: Vec<(DisputeId, u32)>,
    /// A result of another is being looked at.
    watching: bool,
    library: Library<C>,
    store: Arc<Store>,
    blobs: Blobs,
    /// Tells the blob server which inputs are awaited.
    expected: watch::Sender<Expected>,
    metrics: Metrics,
    limits: Limits,
    tasks: JoinSet<Done>,
    /// The best block.
    now: BlockNumber,
    /// When the blob store was pruned last.
    pruned: BlockNumber,
    /// An action of the worker's, and not for a job, is on its way.
    busy: bool,
    /// Since when the worker is about to end.
    stopping: Option<Instant>,
    /// The machine computes wrongly.
    broken: bool,
    /// The chain sends no new jobs.
    drained: bool,
}

impl<C: Chain> Service<C> {
    pub(crate) fn new(
        chain: C,
        machine: Machine,
        expected: watch::Sender<Expected>,
        metrics: Metrics,
        limits: Limits,
    ) -> Self {
        let jobs = Jobs::new(chain.me().clone(), limits.margin);
        let Machine { executor, advocates, conduct, store, blobs } = machine;
        let disputes = Disputes::new(chain.me().clone());
        let watch = Watch::new(limits.watch);
        let library = Library::new(chain.clone(), blobs.clone());
        Self {
            chain,
            executor,
            jobs,
            disputes,
            advocates,
            conduct,
            watch,
            ended: Vec::new(),
            watching: false,
            library,
            store,
            blobs,
            expected,
            metrics,
            limits,
            tasks: JoinSet::new(),
            now: 0,
            pruned: 0,
            busy: false,
            stopping: None,
            broken: false,
            drained: false,
        }
    }

    /// Works until `stop` is notified and the jobs under way are done or the grace time is over.
    ///
    /// # Errors
    /// The first [`Error::Critical`]; others are logged, and the next block is another attempt.
    pub(crate) async fn run(
        mut self,
        mut heads: watch::Receiver<Option<Block>>,
        arrived: Arc<Notify>,
        stop: Arc<Notify>,
    ) -> Result<()> {
        heads.mark_changed();
        let mut clock = tokio::time::interval(Duration::from_secs(1));
        loop {
            let result = tokio::select! {
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
                event = self.executor.next() => event.map(|event| self.on_event(event)),
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.on_done(done),
                    Err(error) => {
                        Err(Error::Critical(format!("a task of the worker failed: {error}")))
                    }
                },
                () = arrived.notified() => { self.act(); Ok(()) }
                () = stop.notified(), if self.stopping.is_none() => { self.on_stop(); Ok(()) }
                _ = clock.tick(), if self.stopping.is_some() => Ok(()),
            };
            match result {
                Ok(()) => {}
                Err(error @ Error::Critical(_)) => return Err(error),
                Err(error) => tracing::warn!("{error}"),
            }
            if self.is_over() {
                return match self.broken {
                    true => Err(Error::Critical(format!(
                        "{}: check its memory and processor before you start again",
                        Failure::Broken
                    ))),
                    false => Ok(()),
                };
            }
        }
    }

    async fn on_block(&mut self, block: Block) -> Result<()> {
        let assignments = self.chain.assignments().await?;
        self.now = block.number;
        self.metrics.best_block.set(block.number.into());
        self.metrics.engaged.set(assignments.len() as u64);
        self.jobs.update(self.now, assignments, |key| self.store.get(key))?;
        self.expect_inputs();
        self.ask_for_missing().await?;
        self.return_to_work().await?;
        self.follow_disputes().await?;
        self.watch().await?;
        self.leave();
        self.prune();
        self.act();
        Ok(())
    }

    /// Tells the blob server which inputs are awaited.
    fn expect_inputs(&self) {
        let mut expected = Expected::new();
        for input in self.jobs.awaited_inputs() {
            let writer = (input.len, input.requester.clone());
            expected.entry(input.hash).or_default().push(writer);
        }
        self.expected.send_if_modified(|present| {
            let changed = *present != expected;
            *present = expected;
            changed
        });
    }

    /// Has the next step of every job taken.
    fn act(&mut self) {
        let mut ready = Vec::new();
        for (key, step) in self.jobs.steps(|spec| self.local(spec)) {
            match step {
                Step::Wait => {}
                Step::Fetch => self.fetch(key),
                Step::Compute => ready.extend(self.jobs.ready(&key)),
                Step::Commit => {
                    if let Some(commitment) = self.commitment(&key) {
                        self.send(Some(key), Action::Commit(key.id, commitment));
                    }
                }
                Step::Reveal => {
                    if let Some(record) = self.revealed(&key) {
                        let action = Action::Reveal(key.id, record.output, record.salt);
                        self.send(Some(key), action);
                    }
                }
                Step::Decline(reason) => self.send(Some(key), Action::Decline(key.id, reason)),
                Step::Lost => self.lose(&key),
            }
        }
        self.compute(ready);
    }

    /// Returns the commitment that goes on chain.
    fn commitment(&self, key: &Key) -> Option<Hash> {
        let ours = self.jobs.record(key)?.commitment(self.chain.me(), key);
        self.conduct.commitment(self.jobs.job(key)?, ours)
    }

    /// Returns the record that is revealed.
    fn revealed(&self, key: &Key) -> Option<Record> {
        let record = self.jobs.record(key)?;
        self.conduct.reveals(self.jobs.job(key)?).then(|| record.clone())
    }

    /// Returns what this machine has for a job.
    fn local(&self, spec: &JobSpec<BlockNumber>) -> Local {
        let input = match &spec.input {
            Input::Inline(_) => true,
            Input::Blob { hash, len } => self.blobs.len(hash) == Some(u64::from(*len)),
        };
        let model = self.executor.has(spec.version);
        Local { model, input, stopping: self.stopping.is_some() }
    }

    fn compute(&mut self, ready: Vec<Ready>) {
        let (jobs, blobs) = (&mut self.jobs, &self.blobs);
        for key in self.executor.admit(ready, |key| request(jobs, blobs, key)) {
            self.jobs.begin_computing(&key);
        }
    }

    /// Fetches the input of a job that we audit. Its requester may be away: it had its result from
    /// others, who were given the input.
    fn fetch(&mut self, key: Key) {
        let Some(wanted) = self.jobs.begin_fetching(&key) else { return };
        let library = self.library.clone();
        self.tasks.spawn(async move { Done::Fetched(key, library.fetch(&wanted).await) });
    }

    fn send(&mut self, key: Option<Key>, action: Action) {
        let (chain, name) = (self.chain.clone(), action.name());
        if let Some(key) = key {
            self.jobs.begin_sending(&key);
            tracing::info!(job = key.id, "{name}");
        }
        self.tasks.spawn(async move { Done::Sent(key, name, chain.send(action).await) });
    }

    fn lose(&mut self, key: &Key) {
        if self.jobs.lose(key) {
            tracing::error!(
                job = key.id,
                "a commitment of ours has no record: it can't be revealed"
            );
            self.metrics.jobs.with_label_values(&["lost"]).inc();
        }
    }

    fn on_event(&mut self, event: Event) {
        if let Event::Finished(Finished { key, version, result }) = event {
            match &result {
                Ok(_) => {}
                Err(problem @ Problem::NotComputed(Failure::Broken)) => {
                    tracing::error!(job = key.id, %version, "{problem}");
                    self.give_up();
                }
                Err(problem @ Problem::NotComputed(_)) => {
                    tracing::warn!(job = key.id, %version, "{problem}");
                }
                Err(problem @ Problem::NotStored(_)) => {
                    tracing::error!(job = key.id, %version, "{problem}");
                }
            }
            self.jobs.end_computing(&key, result);
        }
        self.act();
    }

    fn on_done(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Sent(key, name, result) => self.on_sent(key, name, result)?,
            Done::Fetched(key, result) => {
                self.jobs.end_fetching(&key);
                if let Err(error) = result {
                    tracing::warn!(job = key.id, "{error}");
                }
            }
            Done::Pruned(bytes) => self.metrics.blob_bytes.set(bytes),
            Done::Played(id, result) => self.on_played(id, result)?,
            Done::Moved(id, result) => self.on_moved(id, result)?,
            Done::Watched(drawn, found) => self.on_watched(drawn, found),
            Done::Challenged(drawn, result) => self.on_challenged(drawn, result)?,
        }
        self.act();
        Ok(())
    }

    fn on_sent(&mut self, key: Option<Key>, name: &'static str, result: Result<()>) -> Result<()> {
        self.count(name, &result);
        // What is refused for good has been done before.
        let temporary = result.as_ref().is_err_and(Error::is_temporary);
        match key {
            Some(key) => self.jobs.end_sending(&key, result.is_ok()),
            None => {
                self.busy = false;
                self.drained |= name == Action::Drain.name() && !temporary;
            }
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

    /// Counts an extrinsic by how it went.
    fn count(&self, name: &str, result: &Result<()>) {
        let word = match result {
            Ok(()) => "included",
            Err(error) if error.is_temporary() => "temporary",
            Err(_) => "rejected",
        };
        self.metrics.extrinsics.with_label_values(&[name, word]).inc();
    }

    /// The machine computes wrongly: nothing more is begun on it, and the worker ends when what is
    /// under way has come out right or been given back.
    fn give_up(&mut self) {
        self.broken = true;
        if self.stopping.is_none() {
            self.on_stop();
        }
        self.leave();
    }

    /// A machine that computes wrongly has the chain send no new jobs, until it is told so.
    fn leave(&mut self) {
        if self.broken && !self.drained && !self.busy {
            self.busy = true;
            self.send(None, Action::Drain);
        }
    }

    fn on_stop(&mut self) {
        tracing::info!("stopping: finishing the jobs under way");
        self.stopping = Some(Instant::now());
        let disputes = self.disputes.open();
        if disputes > 0 {
            tracing::warn!(
                "{disputes} disputes go on without us: start again before the next move"
            );
        }
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
        let open = self.jobs.open();
        let told = self.drained || !self.broken;
        if open == 0 && told && self.tasks.is_empty() && self.executor.is_idle() {
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
}

/// Returns what a job asks to be computed. Without it the job is left for later, or is declined if
/// its input is no list of tokens.
fn request(jobs: &mut Jobs, blobs: &Blobs, key: &Key) -> Option<Request> {
    let spec = jobs.spec(key)?;
    let bytes = match &spec.input {
        Input::Inline(bytes) => bytes.to_vec(),
        Input::Blob { hash, .. } => match blobs.read(hash) {
            Ok(bytes) => bytes?,
            Err(error) => {
                tracing::error!(job = key.id, "cannot read the input: {error}");
                return None;
            }
        },
    };
    let (max_tokens_out, sampling) = (spec.max_tokens_out, spec.sampling);
    match bytes_to_tokens(&bytes) {
        Some(tokens) => Some(Request { tokens, max_tokens_out, sampling }),
        None => {
            jobs.decline(key, DeclineReason::InputInvalid);
            None
        }
    }
}

#[cfg(test)]
mod tests;
