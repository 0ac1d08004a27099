//! What is done beside the jobs: at the start, and every few blocks.

use super::{Done, Service};
use crate::{
    chain::{Action, Chain},
    error::Result,
    jobs::{Answer, Ending},
    key::Key,
};
use vigil_client::{blobs::unix_time, Amount};
use vigil_primitives::{worker::WorkerStatus, BlockNumber};

/// Blocks between looks at our own status.
const STATUS: BlockNumber = 5;
/// Blocks between prunings of the blob store.
const PRUNING: BlockNumber = 32;
/// Age in seconds at which the record of a job that the chain does not know is forgotten.
const OLD: u64 = 14 * 24 * 3_600;

impl<C: Chain> Service<C> {
    /// Takes in the jobs of which the database has records, so that they are followed to their end.
    pub(crate) async fn recover(&mut self) -> Result<()> {
        for (key, record) in self.store.all()? {
            match self.chain.job(key.id, false).await?.filter(|job| Key::of(job) == key) {
                Some(job) => {
                    tracing::info!(job = key.id, "found a job that was under way");
                    self.jobs.restore(job, record);
                }
                // The node may be behind: only what is old has surely ended and been pruned.
                None if unix_time() > record.made.saturating_add(OLD) => self.store.remove(&key)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Asks the chain what became of jobs that have left our list. Those that have ended are counted
    /// and forgotten, with their records.
    pub(super) async fn ask_for_missing(&mut self) -> Result<()> {
        for key in self.jobs.missing() {
            let best = self.chain.job(key.id, false).await?;
            let finalized = self.chain.job(key.id, true).await?;
            let Answer::Forgotten(ending) = self.jobs.answer(&key, best, finalized) else {
                continue;
            };
            if let Some(Ending { word, earned, audited }) = ending {
                tracing::info!(job = key.id, earned, audited, "{word}");
                self.metrics.audits.inc_by(audited.into());
                self.metrics.jobs.with_label_values(&[word]).inc();
                self.metrics.earn(earned);
            }
            self.store.remove(&key)?;
        }
        Ok(())
    }

    /// Takes jobs again when a jail term is over.
    pub(super) async fn return_to_work(&mut self) -> Result<()> {
        if self.busy || self.stopping.is_some() || !self.now.is_multiple_of(STATUS) {
            return Ok(());
        }
        let Some(worker) = self.chain.worker().await? else { return Ok(()) };
        match worker.status {
            WorkerStatus::Jailed { until } if self.now >= until => {
                let least = self.chain.parameters().await?.min_bond;
                if worker.bond < least {
                    // Audits of its own results, or slashes, have used the bond up.
                    tracing::warn!(
                        "the bond of {} is below the smallest of {}: add to it, and the worker \
                         takes jobs again (a restart adds up to the configured bond)",
                        Amount(worker.bond),
                        Amount(least)
                    );
                    return Ok(());
                }
                self.busy = true;
                self.send(None, Action::Unjail);
            }
            WorkerStatus::Jailed { until } => {
                tracing::warn!(
                    "in jail until block {until}, for missed deadlines or a wrong result"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes old blobs in a task of its own, but none that a job needs.
    pub(super) fn prune(&mut self) {
        if self.now < self.pruned.saturating_add(PRUNING) && self.pruned != 0 {
            return;
        }
        self.pruned = self.now.max(1);
        let mut keep = self.jobs.blobs();
        keep.extend(self.disputes.blobs());
        let blobs = self.blobs.clone();
        let (age, bytes) = (self.limits.blob_age, self.limits.blob_bytes);
        self.tasks.spawn_blocking(move || {
            let pruned = blobs.prune(age, bytes, &keep);
            Done::Pruned(pruned.unwrap_or_else(|error| {
                tracing::error!("cannot prune the blob store: {error}");
                0
            }))
        });
    }
}
