//! `jobs_*`: jobs, prices and the constants a client needs.

use super::answer::{invalid, parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{
    api::JobsApi as _,
    job::{NoQuote, QuoteRequest},
    AccountId, Hash, JobId,
};
use vigil_rpc::{
    audits::Record,
    form::Contribution,
    jobs::{Job, JobsApiServer, Parameters, Quote, QuotePolicy},
};

/// Answers from the runtime.
pub(crate) struct Jobs(pub(crate) Arc<FullClient>);

impl JobsApiServer for Jobs {
    fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let job = self.0.runtime_api().job(at, id).map_err(unavailable)?;
        Ok(job.map(Into::into))
    }

    fn jobs(&self, from: JobId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let jobs = self.0.runtime_api().jobs(at, from, limit).map_err(unavailable)?;
        Ok(jobs.into_iter().map(Into::into).collect())
    }

    fn assignments(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Vec<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let jobs = self.0.runtime_api().assignments(at, worker).map_err(unavailable)?;
        Ok(jobs.into_iter().map(Into::into).collect())
    }

    fn quote(
        &self,
        version: String,
        tokens_in: u32,
        max_tokens_out: u32,
        replicas: u8,
        policy: Option<QuotePolicy>,
        at: Option<Hash>,
    ) -> RpcResult<Quote> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let QuotePolicy { audited, region } = policy.unwrap_or_default();
        let request = QuoteRequest {
            version: parse(&version)?,
            tokens_in,
            max_tokens_out,
            replicas,
            audited,
            region: region.as_deref().map(parse).transpose()?,
        };
        self.0.runtime_api().quote(at, request).map_err(unavailable)?.map(Into::into).map_err(
            |reason| {
                invalid(match reason {
                    NoQuote::UnknownVersion => String::from("there is no such version"),
                    NoQuote::Revoked => "the version is revoked and takes no new jobs".into(),
                    NoQuote::BadRun(bad) => format!("the version cannot run this request: {bad}"),
                    NoQuote::BadPolicy => {
                        "replicas are 1 to 5, and a region is two capital letters".into()
                    }
                })
            },
        )
    }

    fn version_record(&self, version: String, at: Option<Hash>) -> RpcResult<Record> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let record = self.0.runtime_api().version_record(at, parse(&version)?);
        Ok(record.map_err(unavailable)?.into())
    }

    fn era_total(&self, era: u32, at: Option<Hash>) -> RpcResult<Contribution> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        Ok(self.0.runtime_api().era_total(at, era).map_err(unavailable)?.into())
    }

    fn parameters(&self, at: Option<Hash>) -> RpcResult<Parameters> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        Ok(self.0.runtime_api().parameters(at).map_err(unavailable)?.into())
    }
}
