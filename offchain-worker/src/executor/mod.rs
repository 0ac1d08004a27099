//! The executor: computes requests on this machine and puts the results on disk.
//!
//! Most of the time of a pass through a model goes into reading its weights, so requests for one
//! version share their passes: they run in a *batch*, which they join and leave between its steps.
//! The executor decides which request goes into which batch, runs each batch on a blocking thread
//! of its own, and tells what came of every request. It knows no chain. A request has a key, a
//! version and the block by which its result is due, and that is all that is asked about it.
//!
//! From the way in to the way out:
//!
//! | module | holds |
//! |---|---|
//! | this one | [`Executor`]: which request is next, and in which batch |
//! | [`intake`] | the bounded queue into one running batch |
//! | [`runner`] | a batch on its thread, step by step |
//! | [`compute`] | what runs a model: a small trait |
//! | [`models`] | the models in memory, which implement it |
//! | [`recorder`] | output and salt on disk, before anybody hears of them |

mod compute;
#[cfg(test)]
pub(crate) mod fake;
mod intake;
mod models;
mod recorder;
mod runner;

pub use compute::{Batch, Compute, Computed, Failure};
pub use models::Models;

use crate::{
    blobs::Blobs,
    error::{Error, Result},
    key::Key,
    metrics::Metrics,
    store::{Record, Store},
};
use intake::Intake;
use recorder::Recorder;
use runner::Runner;
use std::sync::Arc;
use tokio::{
    sync::mpsc,
    task::{self, JoinSet},
};
use vigil_engine::Request;
use vigil_primitives::{BlockNumber, ModelVersionId};

/// How much is computed at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Most batches that run at the same time.
    pub(crate) batches: usize,
    /// Most requests in one batch, those in its queue included. 0 counts as 1.
    pub(crate) batch_size: usize,
    /// Of a hundred runs so many have a row computed again before they are recorded.
    pub(crate) recheck: u8,
}

/// A request that could be computed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ready {
    /// What the result will be known by.
    pub(crate) key: Key,
    /// The version that is to be run.
    pub(crate) version: ModelVersionId,
    /// Block by which the result is due.
    pub(crate) due: BlockNumber,
}

/// Something happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A request has left its batch.
    Finished(Finished),
    /// A batch has nothing left to do: there is room for another.
    BatchEnded,
}

/// What came of a request.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Its key.
    pub(crate) key: Key,
    /// The version that was run.
    pub(crate) version: ModelVersionId,
    /// The record, which is on disk together with the output, or why there is none.
    pub(crate) result: Result<Record, Problem>,
}

/// Why a request has no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// It can't be computed here: another attempt fails as well.
    #[error("cannot be done: {0}")]
    NotComputed(#[from] Failure),
    /// It was computed, but could not be written to disk: it has to be computed again.
    #[error("computed but not stored: {0}")]
    NotStored(String),
}

/// Computes requests in batches on blocking threads.
///
/// When it is dropped its batches end after the step that they are in.
pub(crate) struct Executor {
    runner: Arc<Runner>,
    limits: Limits,
    running: Vec<Running>,
    threads: JoinSet<()>,
    results: mpsc::UnboundedReceiver<Finished>,
}

/// A batch that runs.
struct Running {
    thread: task::Id,
    version: ModelVersionId,
    intake: Intake,
}

impl Executor {
    /// Returns an executor that runs nothing yet.
    pub(crate) fn new(
        compute: Arc<dyn Compute>,
        store: Arc<Store>,
        blobs: Blobs,
        metrics: Metrics,
        limits: Limits,
    ) -> Self {
        let (sender, results) = mpsc::unbounded_channel();
        let recorder = Recorder::new(store, blobs);
        let runner = Arc::new(Runner::new(compute, recorder, metrics, sender, limits.recheck));
        Self { runner, limits, running: Vec::new(), threads: JoinSet::new(), results }
    }

    /// Whether a version can be run.
    pub(crate) fn has(&self, version: ModelVersionId) -> bool {
        self.runner.compute.has(version)
    }

    /// Whether no batch runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    /// Takes in as many of these requests as there is room for, and returns their keys. The others
    /// are to be offered again after the next event.
    ///
    /// The request that is due first goes first. It joins a batch of its version, or begins one if
    /// another may run. If all batches are of other versions, none of the requests after it is
    /// taken in either: so the batches that run come to their end, and no version keeps another
    /// from its turn.
    ///
    /// `request` is asked only for what there is room for. A request for which it returns `None` is
    /// left out.
    pub(crate) fn admit(
        &mut self,
        mut ready: Vec<Ready>,
        mut request: impl FnMut(&Key) -> Option<Request>,
    ) -> Vec<Key> {
        ready.sort_by_key(|ready| (ready.due, ready.key));
        let mut admitted = Vec::new();
        for Ready { key, version, .. } in ready {
            let (intake, is_new) = match self.with_room(version) {
                Some(intake) => (intake, false),
                None if self.running.len() < self.limits.batches => {
                    (Intake::new(self.limits.batch_size), true)
                }
                None if self.running.iter().any(|batch| batch.version == version) => continue,
                None => break,
            };
            let Some(request) = request(&key) else { continue };
            // The batch may have ended in the meantime. Then the request goes into the next one.
            if intake.push(key, request).is_ok() {
                admitted.push(key);
                if is_new {
                    self.start(version, intake);
                }
            }
        }
        self.report_running();
        admitted
    }

    /// Returns the queue of a batch of this version that takes another request.
    fn with_room(&self, version: ModelVersionId) -> Option<Intake> {
        let mut batches = self.running.iter().filter(|batch| batch.version == version);
        batches.find(|batch| batch.intake.has_room()).map(|batch| batch.intake.clone())
    }

    fn start(&mut self, version: ModelVersionId, intake: Intake) {
        let (runner, queue) = (self.runner.clone(), intake.clone());
        let thread = self.threads.spawn_blocking(move || runner.run(version, &queue)).id();
        self.running.push(Running { thread, version, intake });
    }

    /// Waits for the next event; for ever when nothing runs. A wait that is given up loses none.
    ///
    /// # Errors
    /// [`Error::Critical`] if a batch's thread has panicked: its requests are in an unknown state.
    pub(crate) async fn next(&mut self) -> Result<Event> {
        tokio::select! {
            // The runner keeps a sender, so that this channel is never closed.
            Some(finished) = self.results.recv() => Ok(Event::Finished(finished)),
            Some(ended) = self.threads.join_next_with_id() => {
                let (thread, _) = ended.map_err(|error| {
                    Error::Critical(format!("a batch failed: {error}"))
                })?;
                self.running.retain(|batch| batch.thread != thread);
                self.report_running();
                Ok(Event::BatchEnded)
            }
        }
    }

    /// Ends every batch after the step that it is in. What is unfinished is lost.
    pub(crate) fn close(&self) {
        for batch in &self.running {
            batch.intake.close();
        }
    }

    fn report_running(&self) {
        self.runner.metrics.running.set(self.running.len() as u64);
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
