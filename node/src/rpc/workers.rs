//! `workers_*`: the worker registry.

use super::answer::{parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{api::WorkersApi as _, AccountId, Hash};
use vigil_rpc::{
    form::Contribution,
    workers::{Worker, WorkersApiServer},
};

/// Answers from the runtime.
pub(crate) struct Workers(pub(crate) Arc<FullClient>);

impl WorkersApiServer for Workers {
    fn worker(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Option<Worker>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let worker = self.0.runtime_api().worker(at, account).map_err(unavailable)?;
        Ok(worker.map(Into::into))
    }

    fn workers(
        &self,
        after: Option<AccountId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Worker>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let workers = self.0.runtime_api().workers(at, after, limit).map_err(unavailable)?;
        Ok(workers.into_iter().map(Into::into).collect())
    }

    fn contribution(
        &self,
        worker: AccountId,
        version: String,
        at: Option<Hash>,
    ) -> RpcResult<Contribution> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = parse(&version)?;
        let contribution =
            self.0.runtime_api().contribution(at, worker, version).map_err(unavailable)?;
        Ok(contribution.into())
    }
}
