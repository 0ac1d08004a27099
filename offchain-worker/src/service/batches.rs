//! Which job is computed next, and in which batch.

use super::{Done, Service};
use crate::{
    batch::Door,
    chain::Chain,
    compute::Compute,
    job::{self, Key, Stage},
};
use vigil_engine::Request;
use vigil_primitives::{
    job::{bytes_to_tokens, DeclineReason, Input},
    BlockNumber, ModelVersionId,
};

/// A batch that runs.
pub(super) struct Running {
    pub(super) number: u64,
    version: ModelVersionId,
    door: Door,
}

impl Drop for Running {
    fn drop(&mut self) {
        // A service that has ended waits for nothing: what is left is done again at the next start.
        self.door.close();
    }
}

impl<C: Chain, X: Compute> Service<C, X> {
    /// What is asked for by a job that is ready to be computed.
    fn request(&mut self, key: &Key) -> Option<Request> {
        let entry = self.jobs.get_mut(key)?;
        let spec = &entry.job.spec;
        let bytes = match &spec.input {
            Input::Inline(bytes) => Some(bytes.to_vec()),
            Input::Blob { hash, .. } => self.blobs.read(hash).unwrap_or_else(|error| {
                tracing::error!(job = key.id, "cannot read the input: {error}");
                None
            }),
        };
        let (max_tokens_out, sampling) = (spec.max_tokens_out, spec.sampling);
        let tokens = bytes_to_tokens(&bytes?);
        if tokens.is_none() {
            entry.refusal = Some(DeclineReason::InputInvalid);
        }
        Some(Request { tokens: tokens?, max_tokens_out, sampling })
    }

    /// Lets jobs into the batches of their versions, and starts batches while there is room for
    /// them. The job that is due first goes first, and where it finds no batch nobody overtakes it:
    /// those that run then come to their end, and the next is for its version.
    pub(super) fn compute(&mut self, mut ready: Vec<Key>) {
        ready.sort_by_key(|key| (self.deadline(key), *key));
        let most = self.limits.batch.max(1);
        for key in ready {
            let Some(version) = self.jobs.get(&key).map(|entry| entry.job.spec.version) else {
                continue;
            };
            let mut batches =
                self.running.iter().filter(|batch| batch.version == version).peekable();
            let served = batches.peek().is_some();
            let open = batches.find(|batch| batch.door.has_room(most));
            let (door, new) = match open.map(|batch| batch.door.clone()) {
                Some(door) => (door, false),
                None if self.running.len() < self.limits.batches => (Door::default(), true),
                None if served => continue,
                None => break,
            };
            let Some(request) = self.request(&key) else { continue };
            // A batch may have ended in between: then the job is in the next one.
            if door.admit(key, request, most).is_ok() {
                if let Some(entry) = self.jobs.get_mut(&key) {
                    entry.computing = true;
                }
                if new {
                    self.start(version, door);
                }
            }
        }
        self.metrics.running.set(self.running.len() as u64);
    }

    fn start(&mut self, version: ModelVersionId, door: Door) {
        self.batches = self.batches.saturating_add(1);
        let number = self.batches;
        let (bench, results) = (self.bench.clone(), self.results.0.clone());
        self.running.push(Running { number, version, door: door.clone() });
        self.tasks.spawn_blocking(move || {
            bench.run(version, &door, |key, result| {
                // A service that has ended has no use for it; what is on disk is found again.
                let _ = results.send((version, key, result));
            });
            Done::Computed(number)
        });
    }

    fn deadline(&self, key: &Key) -> BlockNumber {
        let stage = self.jobs.get(key).map(|entry| job::stage(&entry.job, self.chain.me()));
        match stage {
            Some(Stage::Assigned { commit_by }) => commit_by,
            _ => BlockNumber::MAX,
        }
    }
}
