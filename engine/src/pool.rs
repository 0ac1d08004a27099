//! Threads to compute with.
//!
//! The kernels split their work over the rayon pool that they are called in. A run must not share
//! one with its neighbours, or two runs of one thread each would take turns; so every run at the
//! same time has its own, and pools are kept for the next run.

use crate::{Error, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Mutex, PoisonError};

/// Most threads of one run.
const MAX_THREADS: usize = 1_024;

/// Pools of equal size, as many as runs were ever under way together.
pub(crate) struct Pools {
    threads: usize,
    idle: Mutex<Vec<ThreadPool>>,
}

impl Pools {
    /// Pools of `threads` threads each.
    pub(crate) fn new(threads: usize) -> Result<Self> {
        if threads == 0 || threads > MAX_THREADS {
            return Err(Error::Unsupported(format!(
                "cannot compute with {threads} threads: choose 1 to {MAX_THREADS}"
            )));
        }
        let pools = Self { threads, idle: Mutex::new(Vec::new()) };
        // A machine that can't start the threads is told so now and not at its first job.
        pools.run(|| Ok(()))?;
        Ok(pools)
    }

    /// Runs `task` in a pool that nobody else uses.
    pub(crate) fn run<T: Send>(&self, task: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = match idle {
            Some(pool) => pool,
            None => ThreadPoolBuilder::new()
                .num_threads(self.threads)
                .thread_name(|number| format!("vigil-engine-{number}"))
                .build()
                .map_err(|error| Error::Compute(format!("cannot start threads: {error}")))?,
        };
        let result = pool.install(task);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        result
    }
}
