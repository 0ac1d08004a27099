//! One batch on one blocking thread: computed, and durable before anybody hears of it.

use crate::{
    blobs::Blobs,
    compute::{Compute, Failure},
    job::Key,
    metrics::Metrics,
    store::{Record, Store},
};
use std::{io::Read, time::Instant};
use vigil_client::blobs::unix_time;
use vigil_primitives::{job::Output, ContentHash, VersionId};

/// Why a computation has no record.
pub(crate) enum Problem {
    /// It can't be done: give the job back.
    Refused(Failure),
    /// It is done but not on disk: do it again.
    NotStored(String),
}

/// Computes a batch. Outputs and records are on disk when it returns.
pub(crate) fn run_batch<X: Compute>(
    compute: &X,
    store: &Store,
    blobs: &Blobs,
    metrics: &Metrics,
    version: VersionId,
    batch: Vec<(Key, Vec<u32>)>,
) -> Vec<(Key, Result<Record, Problem>)> {
    let start = Instant::now();
    let inputs: Vec<&[u32]> = batch.iter().map(|(_, tokens)| &tokens[..]).collect();
    let runs = compute.run(version, &inputs);
    tracing::info!(%version, jobs = batch.len(), ms = start.elapsed().as_millis(), "computed");
    batch
        .iter()
        .zip(runs)
        .map(|((key, _), run)| {
            let record = run.map_err(Problem::Refused).and_then(|run| {
                metrics.work.inc_by(run.work);
                keep(store, blobs, version, key, &run).map_err(Problem::NotStored)
            });
            (*key, record)
        })
        .collect()
}

fn keep(
    store: &Store,
    blobs: &Blobs,
    version: VersionId,
    key: &Key,
    run: &vigil_engine::Run,
) -> Result<Record, String> {
    // A record that exists keeps its salt: its commitment may be on chain.
    if let Some(record) = store.get(key).map_err(|error| error.to_string())? {
        return Ok(record);
    }
    let hash: ContentHash = blobs.put(&run.output).map_err(|error| error.to_string())?;
    let output = Output { hash, tokens: run.tokens_out };
    let salt = salt().map_err(|error| error.to_string())?;
    let record = Record { version, output, salt, made: unix_time() };
    store.put(key, &record).map_err(|error| error.to_string())?;
    Ok(record)
}

/// Randomness of the operating system.
fn salt() -> std::io::Result<[u8; 32]> {
    let mut salt = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut salt)?;
    Ok(salt)
}
