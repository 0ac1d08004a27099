//! From a plan to submitted jobs.

use super::{Plan, Planned, Requester, Result};
use crate::{blobs::Bytes, calls, events, Included, Until};
use std::collections::BTreeMap;
use vigil_primitives::{
    job::{tokens_to_bytes, Input},
    Balance, JobId,
};

/// What became of a plan: for each run, in their order, the job or why there is none.
#[derive(Debug)]
pub struct Submission {
    /// The jobs.
    pub runs: Vec<crate::Result<Submitted>>,
}

/// A submitted job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub job: JobId,
    /// What was submitted.
    pub run: Planned,
    /// What the transaction cost, tip included.
    pub fee: Balance,
}

impl Submission {
    /// The jobs that were submitted.
    pub fn submitted(&self) -> impl Iterator<Item = &Submitted> {
        self.runs.iter().filter_map(|run| run.as_ref().ok())
    }

    /// The numbers of the jobs that were submitted.
    pub fn ids(&self) -> Vec<JobId> {
        self.submitted().map(|submitted| submitted.job).collect()
    }

    /// What the transactions cost in all.
    pub fn fees(&self) -> Balance {
        self.submitted().fold(0, |sum, submitted| sum.saturating_add(submitted.fee))
    }

    /// The inputs that workers are to be given by hash.
    pub fn inputs(&self) -> BTreeMap<JobId, Bytes> {
        self.submitted()
            .filter(|submitted| matches!(submitted.run.spec.input, Input::Blob { .. }))
            .map(|submitted| (submitted.job, tokens_to_bytes(&submitted.run.tokens).into()))
            .collect()
    }
}

impl Requester {
    /// Submits every run of a plan, without waiting in between, and returns when all are final.
    ///
    /// One that is refused takes none of the others with it.
    ///
    /// # Errors
    /// [`Error::NoKey`](super::Error::NoKey). Why a run was refused is in its place of the submission.
    pub async fn submit(&self, plan: Plan) -> Result<Submission> {
        let key = self.key()?;
        let calls: Vec<_> = plan.runs.iter().map(|run| calls::jobs::submit(&run.spec)).collect();
        let results = self.client.submit_many(&calls, key, Until::Finalized).await;
        let submitted = |(run, result): (Planned, crate::Result<Included>)| {
            let included = result?;
            let job = included.events.expect::<events::jobs::Submitted>()?.job;
            Ok(Submitted { job, run, fee: included.fee() })
        };
        Ok(Submission { runs: plan.runs.into_iter().zip(results).map(submitted).collect() })
    }
}
