//! One batch on one blocking thread: jobs join between its steps, and what is done leaves it.
//!
//! A batch belongs to one version and ends when nothing is left to do. A finished job is on disk
//! before anybody hears of it, and its commitment goes out while the others go on.

use crate::{
    blobs::Blobs,
    compute::{Compute, Failure},
    job::Key,
    metrics::Metrics,
    store::{Record, Store},
};
use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use vigil_client::blobs::unix_time;
use vigil_engine::{Request, Run};
use vigil_primitives::{job::Output, ContentHash, ModelVersionId};

/// Why a computation has no record.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It can't be done: give the job back.
    NotComputed(Failure),
    /// It is done but not on disk: do it again.
    NotStored(String),
}

/// The jobs on their way into a batch. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Door(Arc<Mutex<Hall>>);

#[derive(Default)]
struct Hall {
    /// First come, first served.
    waiting: VecDeque<(Key, Request)>,
    /// Jobs that have come in and have not been finished.
    present: usize,
    /// Nobody will look here again.
    closed: bool,
}

impl Door {
    fn hall(&self) -> MutexGuard<'_, Hall> {
        // Nothing is left half-done under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another job may come in where `most` may be.
    pub(crate) fn has_room(&self, most: usize) -> bool {
        let hall = self.hall();
        !hall.closed && hall.present < most
    }

    /// Lets a job in, unless `most` are there already or the batch has ended.
    pub(crate) fn admit(&self, key: Key, request: Request, most: usize) -> Result<(), Request> {
        let mut hall = self.hall();
        if hall.closed || hall.present >= most {
            return Err(request);
        }
        hall.present = hall.present.saturating_add(1);
        hall.waiting.push_back((key, request));
        Ok(())
    }

    /// Ends the batch after the step that it is in.
    pub(crate) fn close(&self) {
        self.hall().closed = true;
    }

    fn is_closed(&self) -> bool {
        self.hall().closed
    }

    fn next(&self) -> Option<(Key, Request)> {
        self.hall().waiting.pop_front()
    }

    fn leave(&self) {
        let mut hall = self.hall();
        hall.present = hall.present.saturating_sub(1);
    }

    /// Closes when nobody waits. Whether it is closed.
    fn close_if_empty(&self) -> bool {
        let mut hall = self.hall();
        hall.closed |= hall.waiting.is_empty();
        hall.closed
    }
}

/// What a batch needs beside its jobs.
pub(crate) struct Bench<X> {
    pub(crate) compute: Arc<X>,
    pub(crate) store: Arc<Store>,
    pub(crate) blobs: Blobs,
    pub(crate) metrics: Metrics,
}

impl<X: Compute> Bench<X> {
    /// Runs a batch until nothing is left to do. `done` is told of every job, whose output and
    /// record are on disk by then.
    pub(crate) fn run(
        &self,
        version: ModelVersionId,
        door: &Door,
        done: impl Fn(Key, Result<Record, Problem>),
    ) {
        let (start, mut jobs) = (Instant::now(), 0u64);
        let mut batch = self.compute.batch(version);
        while !door.is_closed() {
            while let Some((key, request)) = door.next() {
                batch.add(key, request);
            }
            if batch.is_empty() && door.close_if_empty() {
                break;
            }
            for (key, run) in batch.step() {
                let record = run.map_err(Problem::NotComputed).and_then(|run| {
                    self.metrics.work.inc_by(run.work);
                    self.metrics.tokens.inc_by(run.tokens_out.into());
                    self.keep(version, &key, &run).map_err(Problem::NotStored)
                });
                jobs = jobs.saturating_add(1);
                door.leave();
                done(key, record);
            }
        }
        tracing::info!(%version, jobs, ms = start.elapsed().as_millis(), "computed");
    }

    fn keep(&self, version: ModelVersionId, key: &Key, run: &Run) -> Result<Record, String> {
        // A record that exists keeps its salt: its commitment may be on chain.
        if let Some(record) = self.store.get(key).map_err(|error| error.to_string())? {
            return Ok(record);
        }
        let hash: ContentHash = self.blobs.put(&run.output).map_err(|error| error.to_string())?;
        let output = Output { hash, tokens: run.tokens_out };
        let salt = salt().map_err(|error| error.to_string())?;
        let record = Record { version, output, salt, made: unix_time() };
        self.store.put(key, &record).map_err(|error| error.to_string())?;
        Ok(record)
    }
}

/// Randomness of the operating system.
fn salt() -> std::io::Result<[u8; 32]> {
    let mut salt = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut salt)?;
    Ok(salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::Hash;

    fn key(id: u64) -> Key {
        Key { id, content: Hash::zero() }
    }

    #[test]
    fn a_door_should_admit_so_many_and_another_when_one_has_left() {
        let door = Door::default();
        let request = Request::embed([1]);
        assert!(door.admit(key(1), request.clone(), 2).is_ok());
        assert!(door.admit(key(2), request.clone(), 2).is_ok());
        assert!(door.admit(key(3), request.clone(), 2).is_err());
        assert_eq!(door.next().map(|(key, _)| key.id), Some(1));
        assert!(door.admit(key(3), request.clone(), 2).is_err(), "it is in the batch now");
        door.leave();
        assert!(door.admit(key(3), request, 2).is_ok());
        let order: Vec<_> = std::iter::from_fn(|| door.next()).map(|(key, _)| key.id).collect();
        assert_eq!(order, [2, 3]);
    }

    #[test]
    fn a_door_should_close_only_when_nobody_waits_and_then_admit_nobody() {
        let door = Door::default();
        let request = Request::embed([1]);
        assert!(door.admit(key(1), request.clone(), 9).is_ok());
        assert!(!door.close_if_empty());
        assert!(door.next().is_some());
        assert!(door.close_if_empty());
        assert!(door.admit(key(2), request, 9).is_err());
    }
}
