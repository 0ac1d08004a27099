//! What runs a model. The executor needs no more of a device than this, and tests have a fake.

use crate::key::Key;
use vigil_engine::{Request, Run};
use vigil_primitives::ModelVersionId;

/// Runs models. Calls block: they belong on a thread of their own.
pub trait Compute: Send + Sync + 'static {
    /// Whether a version can be run.
    fn has(&self, version: ModelVersionId) -> bool;

    /// Returns an empty batch of a version. If the version can't be run, all requests of the batch
    /// fail.
    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_>;

    /// Whether one row of a run comes out the same when it is computed again in another way. `lot`
    /// is any number, and decides which row.
    ///
    /// # Errors
    /// It can't be computed again.
    fn recheck(
        &self,
        version: ModelVersionId,
        request: &Request,
        output: &[u8],
        lot: u64,
    ) -> Result<bool, Failure>;
}

/// Requests for one version that are computed together.
pub trait Batch {
    /// Takes a request in. It is computed from the next step on that has memory for it; one that
    /// can't be computed is among the results of the next step.
    fn add(&mut self, key: Key, request: Request);

    /// Does a part of the work, and returns the results of the requests that it has finished.
    fn step(&mut self) -> Vec<Computed>;

    /// Whether every request is finished.
    fn is_empty(&self) -> bool;
}

/// The result of one request.
pub type Computed = (Key, Result<Run, Failure>);

/// Why a request has no output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It does not fit the model: no worker can compute it.
    #[error("{0}")]
    BadRequest(String),
    /// This machine can't compute it. Another may.
    #[error("{0}")]
    Unable(String),
    /// This machine gives two answers to one question: its memory or its processor fails.
    #[error("this machine computes wrongly: a row came out different when it was computed again")]
    Broken,
}
