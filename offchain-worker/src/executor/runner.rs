//! Running one batch, from the first request that it takes in to the last that it finishes.
//!
//! It blocks, so each batch has a thread of its own. A finished request is on disk before anybody
//! hears of it, and it is told at once, while the others go on.

use super::{
    compute::{Compute, Failure},
    intake::Intake,
    recorder::Recorder,
    Finished, Problem,
};
use crate::{key::Key, metrics::Metrics};
use std::{
    collections::HashMap,
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc,
    },
    time::Instant,
};
use tokio::sync::mpsc;
use vigil_engine::{Request, Run};
use vigil_primitives::ModelVersionId;

/// What all batches share.
pub(super) struct Runner {
    pub(super) compute: Arc<dyn Compute>,
    pub(super) metrics: Metrics,
    recorder: Recorder,
    results: mpsc::UnboundedSender<Finished>,
    /// Of a hundred runs so many have a row computed again before they are recorded.
    recheck: u8,
    /// A row has come out different: from now on every run is looked at.
    broken: AtomicBool,
}

impl Runner {
    pub(super) fn new(
        compute: Arc<dyn Compute>,
        recorder: Recorder,
        metrics: Metrics,
        results: mpsc::UnboundedSender<Finished>,
        recheck: u8,
    ) -> Self {
        Self { compute, metrics, recorder, results, recheck, broken: AtomicBool::new(false) }
    }

    /// Runs a batch of a version until nothing is left to do or its queue is closed.
    pub(super) fn run(&self, version: ModelVersionId, intake: &Intake) {
        let (start, mut finished) = (Instant::now(), 0u64);
        let mut batch = self.compute.batch(version);
        let mut requests: HashMap<Key, Request> = HashMap::new();
        while !intake.is_closed() {
            while let Some((key, request)) = intake.pop() {
                requests.insert(key, request.clone());
                batch.add(key, request);
            }
            if batch.is_empty() && intake.close_if_empty() {
                break;
            }
            for (key, run) in batch.step() {
                let request = requests.remove(&key);
                let run = run.and_then(|run| self.rechecked(version, request.as_ref(), run));
                let result = run.map_err(Problem::NotComputed).and_then(|run| {
                    self.metrics.work.inc_by(run.work);
                    self.metrics.tokens.inc_by(run.tokens_out.into());
                    self.recorder.keep(version, &key, &run).map_err(Problem::NotStored)
                });
                finished = finished.saturating_add(1);
                // Before the result is told: it makes the service look for what is next.
                intake.release();
                // Nobody listens after the service has ended. The record is found at the next start.
                let _ = self.results.send(Finished { key, version, result });
            }
        }
        tracing::info!(%version, jobs = finished, ms = start.elapsed().as_millis(), "computed");
    }

    /// A run, unless it is drawn to have a row computed again and that comes out different.
    fn rechecked(
        &self,
        version: ModelVersionId,
        request: Option<&Request>,
        run: Run,
    ) -> Result<Run, Failure> {
        let Some(request) = request else { return Ok(run) };
        let percent = if self.broken.load(Ordering::SeqCst) { 100 } else { self.recheck };
        let lot = lot();
        if lot % 100 >= u64::from(percent) {
            return Ok(run);
        }
        if self.compute.recheck(version, request, &run.output, lot / 100)? {
            return Ok(run);
        }
        self.broken.store(true, Ordering::SeqCst);
        Err(Failure::Broken)
    }
}

/// A number that nobody knows beforehand. Without randomness it is one that draws every run.
fn lot() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}
