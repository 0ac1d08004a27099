//! Outputs, from any worker that revealed them, and inputs, from any that was given them.

use super::{Error, Requester, Result, AT_ONCE};
use crate::blobs::Bytes;
use futures::{stream, Stream, StreamExt};
use std::{ops::RangeInclusive, time::Duration};
use vigil_primitives::{
    job::{self, bytes_to_tokens, Input},
    AccountId, Architecture, Job, JobStatus,
};

/// Times that an output is asked for before its workers are given up.
const ATTEMPTS: u32 = 5;
/// Pause between two of them.
const PAUSE: Duration = Duration::from_secs(2);

/// The output of a job. Its bytes have the hash that was paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Who handed it out.
    pub worker: AccountId,
    /// The bytes: f32 of an encoder, token ids (u32) of a language model, little-endian.
    pub bytes: Bytes,
}

impl Requester {
    /// The verified output of a settled job, from any worker that revealed it.
    ///
    /// Its length must be that of an output of the architecture.
    ///
    /// # Errors
    /// [`Error::NoOutput`] when the job is not settled, [`Error::OutputUnavailable`] when no worker
    /// hands it out.
    pub async fn output(&self, job: &Job, architecture: &Architecture) -> Result<Output> {
        match &job.status {
            JobStatus::Settled { output, .. } => {
                let length = architecture.output_len(output.tokens).into();
                self.fetch(job, output, length..=length).await
            }
            _ => Err(Error::NoOutput(Box::new(job.clone()))),
        }
    }

    /// An output that a worker of a job has revealed, right or wrong, paid for or not, from any
    /// worker that revealed it. Its bytes have its hash, and may be fewer than it was said to have.
    ///
    /// # Errors
    /// [`Error::OutputUnavailable`] when no worker hands it out.
    pub async fn revealed(
        &self,
        job: &Job,
        output: &job::Output,
        architecture: &Architecture,
    ) -> Result<Output> {
        self.fetch(job, output, 0..=architecture.output_len(output.tokens).into()).await
    }

    /// An output of so many bytes, from any worker that revealed it.
    async fn fetch(
        &self,
        job: &Job,
        output: &job::Output,
        lengths: RangeInclusive<u64>,
    ) -> Result<Output> {
        let mut reasons = Vec::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            reasons.clear();
            let mut temporary = false;
            for replica in job.status.replicas() {
                if replica.revealed() != Some(*output) {
                    continue;
                }
                let endpoint = self.endpoint(&replica.worker).await?;
                match self.blobs.get(&endpoint, &output.hash, *lengths.end()).await {
                    Ok(bytes) if lengths.contains(&(bytes.len() as u64)) => {
                        return Ok(Output { worker: replica.worker.clone(), bytes })
                    }
                    Ok(bytes) => reasons.push(format!(
                        "the output has {} bytes instead of {}",
                        bytes.len(),
                        lengths.end()
                    )),
                    Err(error) => {
                        temporary |= error.is_temporary();
                        reasons.push(error.to_string());
                    }
                }
            }
            if !temporary {
                break;
            }
        }
        Err(Error::OutputUnavailable { job: job.id, hash: output.hash, reasons })
    }

    /// The token ids that a job is given: from the chain, or by hash from a worker that was given
    /// them.
    ///
    /// # Errors
    /// [`Error::InputUnavailable`] when they are not on chain and no worker hands them out.
    pub async fn input(&self, job: &Job) -> Result<Vec<u32>> {
        let unavailable = |reasons| Error::InputUnavailable { job: job.id, reasons };
        bytes_to_tokens(&self.input_bytes(job).await?)
            .ok_or_else(|| unavailable(vec!["its bytes are no token ids".into()]))
    }

    /// The bytes of the input of a job: from the chain, or by hash from a worker that was given them.
    /// They may be fewer than the job says.
    ///
    /// # Errors
    /// [`Error::InputUnavailable`] when they are not on chain and no worker hands them out.
    pub async fn input_bytes(&self, job: &Job) -> Result<Vec<u8>> {
        let (hash, len) = match &job.spec.input {
            Input::Inline(bytes) => return Ok(bytes.to_vec()),
            Input::Blob { hash, len } => (hash, *len),
        };
        let mut reasons = Vec::new();
        for replica in job.status.replicas() {
            let endpoint = self.endpoint(&replica.worker).await?;
            match self.blobs.get(&endpoint, hash, len.into()).await {
                Ok(bytes) => return Ok(bytes.to_vec()),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        Err(Error::InputUnavailable { job: job.id, reasons })
    }

    /// [`Self::output`] of many jobs, in their order, many of them at the same time.
    pub fn outputs<'a>(
        &'a self,
        jobs: &'a [Job],
        architecture: &'a Architecture,
    ) -> impl Stream<Item = Result<Output>> + 'a {
        stream::iter(jobs).map(move |job| self.output(job, architecture)).buffered(AT_ONCE)
    }
}
