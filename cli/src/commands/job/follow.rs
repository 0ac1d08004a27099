//! Jobs from submission to their end, with progress, and why some have no result.

use super::show::{refund_reason, status_word};
use crate::{
    context::Context,
    error::{CommandResult, Failure},
    output,
};
use futures::{StreamExt, TryStreamExt};
use std::collections::{BTreeMap, HashMap};
use vigil_client::{
    blobs::Bytes,
    requester::{self, Goal, JobEvent, Output, Requester},
};
use vigil_primitives::{Architecture, Job, JobId, JobStatus};

/// Jobs as they stand on the finalised chain.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// The jobs, in the order in which they were asked for.
    pub(crate) jobs: Vec<Job>,
    /// Why the last attempt to hand over an input failed.
    undelivered: HashMap<JobId, String>,
}

impl Followed {
    /// Waits until every job has come as far as `goal`. `changed` sees each job when it is first
    /// read and whenever its state changes. `inputs` are handed to the workers that are drawn.
    pub(crate) async fn until(
        goal: Goal,
        requester: &Requester,
        ids: &[JobId],
        inputs: BTreeMap<JobId, Bytes>,
        mut changed: impl FnMut(&Job),
    ) -> CommandResult<Self> {
        let follower = requester.follow(ids.iter().copied(), goal).with_inputs(inputs);
        let mut events = follower.events();
        let mut reached = BTreeMap::new();
        let mut followed = Self::default();
        while let Some(event) = events.try_next().await? {
            match event {
                JobEvent::Changed(job) => changed(&job),
                JobEvent::Delivered { job, .. } => {
                    followed.undelivered.remove(&job);
                }
                JobEvent::Undelivered { job, error, .. } => {
                    followed.undelivered.insert(job, error.to_string());
                }
                JobEvent::Reached(job) => {
                    reached.insert(job.id, job);
                }
            }
        }
        followed.jobs = ids.iter().filter_map(|id| reached.remove(id)).collect();
        Ok(followed)
    }

    /// Waits until all jobs have ended, with a progress bar.
    pub(crate) async fn until_ended(
        context: &Context,
        requester: &Requester,
        ids: &[JobId],
        inputs: BTreeMap<JobId, Bytes>,
    ) -> CommandResult<Self> {
        let length = ids.len() as u64;
        let progress = output::Progress::bar(&context.global, length, "waiting for results");
        let mut states: BTreeMap<JobId, &'static str> = BTreeMap::new();
        Self::until(Goal::Ended, requester, ids, inputs, |job| {
            states.insert(job.id, status_word(job));
            let over =
                |state: &&str| matches!(*state, "settled" | "refunded" | "cancelled" | "contested");
            progress.at(states.values().filter(|state| over(state)).count() as u64);
            progress.say(summary(states.values().copied()));
        })
        .await
    }

    /// Why a job has no result; `None` when it has one.
    pub(crate) fn complaint(&self, job: &Job) -> Option<String> {
        complaint(job, self.undelivered.get(&job.id))
    }

    /// The verified outputs of all jobs, with a progress bar.
    pub(crate) async fn outputs(
        &self,
        context: &Context,
        requester: &Requester,
        architecture: &Architecture,
    ) -> Vec<CommandResult<Output>> {
        let length = self.jobs.len() as u64;
        let progress = output::Progress::bar(&context.global, length, "fetching the outputs");
        let mut outputs = Vec::new();
        let mut fetched = std::pin::pin!(requester.outputs(&self.jobs, architecture));
        while let Some(output) = fetched.next().await {
            outputs.push(output.map_err(|error| match error {
                requester::Error::NoOutput(job) => {
                    Failure::rejected(self.complaint(&job).unwrap_or_default())
                }
                error => error.into(),
            }));
            progress.at(outputs.len() as u64);
        }
        outputs
    }
}

/// Why a job has no result, and why its input was not handed over; `None` when it has one.
pub(super) fn complaint(job: &Job, undelivered: Option<&String>) -> Option<String> {
    let reason = match &job.status {
        JobStatus::Settled { .. } => return None,
        JobStatus::Refunded { reason } => {
            format!("job {} was refunded: {}", job.id, refund_reason(*reason))
        }
        JobStatus::Cancelled => format!("job {} was cancelled", job.id),
        JobStatus::Disputed { .. } => {
            format!("job {} is disputed: nothing is paid or refunded until that has ended", job.id)
        }
        JobStatus::Contested { until, .. } => format!(
            "job {} is contested: its workers' results differ, and the whole price comes back \
             at block {until} unless it is decided before",
            job.id
        ),
        _ => format!("job {} is {}", job.id, status_word(job)),
    };
    Some(match undelivered {
        Some(error) => format!("{reason} (its input could not be handed over: {error})"),
        None => reason,
    })
}

/// How many jobs are in which state: "3 assigned, 2 settled".
fn summary<'a>(states: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    let parts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt, RefundReason},
        samples::{job, replica, settled},
    };

    #[test]
    fn a_complaint_should_say_why_there_is_no_result() {
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let paid = settled(output, vec![replica(2, 3, 4)], Receipt::default());
        assert_eq!(complaint(&job(paid), None), None);
        let refunded = job(JobStatus::Refunded { reason: RefundReason::AttemptsExhausted });
        let error = "no route".to_owned();
        let text = complaint(&refunded, Some(&error)).unwrap();
        assert!(text.contains("every attempt expired"), "{text}");
        assert!(text.contains("no route"), "{text}");
        let replicas = vec![replica(2, 3, 4)].try_into().expect("one fits");
        let contested = job(JobStatus::Contested { replicas, until: 77 });
        assert!(complaint(&contested, None).unwrap().contains("block 77"));
    }

    #[test]
    fn a_summary_should_count_states() {
        assert_eq!(
            summary(["settled", "assigned", "settled"].into_iter()),
            "1 assigned, 2 settled"
        );
    }
}
