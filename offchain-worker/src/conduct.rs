//! What a worker tells the chain of what it has computed.
//!
//! A worker commits to its result and reveals it: that is the default of every method. Tests have
//! workers that do otherwise.

use vigil_primitives::{Hash, Job};

/// Decides what goes on chain. It is asked at every block until it has gone there.
pub trait Conduct: Send + Sync + 'static {
    /// The commitment that is sent for a job, where `ours` is the one to our result; `None` to send
    /// none at this block.
    fn commitment(&self, _job: &Job, ours: Hash) -> Option<Hash> {
        Some(ours)
    }

    /// Whether the result of a job is revealed.
    fn reveals(&self, _job: &Job) -> bool {
        true
    }
}

/// Commits to what was computed, and reveals it.
pub struct Honest;

impl Conduct for Honest {}
