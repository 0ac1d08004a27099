//! What comes out: the output as a blob and a record of it in the database, both on disk.

use crate::{
    blobs::Blobs,
    key::Key,
    store::{Record, Store},
};
use std::sync::Arc;
use vigil_client::blobs::unix_time;
use vigil_engine::Run;
use vigil_primitives::{job::Output, ModelVersionId};

/// Writes results to disk.
pub(super) struct Recorder {
    store: Arc<Store>,
    blobs: Blobs,
}

impl Recorder {
    pub(super) fn new(store: Arc<Store>, blobs: Blobs) -> Self {
        Self { store, blobs }
    }

    /// Writes the output of a run and its record, with a new salt. When this returns they are on
    /// disk. A record that exists already is returned as it is: the commitment with its salt may be
    /// on chain.
    ///
    /// # Errors
    /// A sentence for the operator when the disk or the system's randomness fails.
    pub(super) fn keep(
        &self,
        version: ModelVersionId,
        key: &Key,
        run: &Run,
    ) -> Result<Record, String> {
        if let Some(record) = self.store.get(key).map_err(|error| error.to_string())? {
            return Ok(record);
        }
        let hash = self.blobs.put(&run.output).map_err(|error| error.to_string())?;
        let output = Output { hash, tokens: run.tokens_out };
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)
            .map_err(|error| format!("the system gives no randomness: {error}"))?;
        let record = Record { version, output, salt, made: unix_time() };
        self.store.put(key, &record).map_err(|error| error.to_string())?;
        Ok(record)
    }
}
