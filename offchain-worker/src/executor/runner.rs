//! Running one batch, from the first request that it takes in to the last that it finishes.
//!
//! It blocks, so each batch has a thread of its own. A finished request is on disk before anybody
//! hears of it, and it is told at once, while the others go on.

use super::{compute::Compute, intake::Intake, recorder::Recorder, Finished, Problem};
use crate::metrics::Metrics;
use std::{sync::Arc, time::Instant};
use tokio::sync::mpsc;
use vigil_primitives::ModelVersionId;

/// What all batches share.
pub(super) struct Runner {
    pub(super) compute: Arc<dyn Compute>,
    pub(super) metrics: Metrics,
    recorder: Recorder,
    results: mpsc::UnboundedSender<Finished>,
}

impl Runner {
    pub(super) fn new(
        compute: Arc<dyn Compute>,
        recorder: Recorder,
        metrics: Metrics,
        results: mpsc::UnboundedSender<Finished>,
    ) -> Self {
        Self { compute, metrics, recorder, results }
    }

    /// Runs a batch of a version until nothing is left to do or its queue is closed.
    pub(super) fn run(&self, version: ModelVersionId, intake: &Intake) {
        let (start, mut finished) = (Instant::now(), 0u64);
        let mut batch = self.compute.batch(version);
        while !intake.is_closed() {
            while let Some((key, request)) = intake.pop() {
                batch.add(key, request);
            }
            if batch.is_empty() && intake.close_if_empty() {
                break;
            }
            for (key, run) in batch.step() {
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
}
