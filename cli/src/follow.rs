//! Jobs from submission to their output.
//!
//! The best chain shows how far jobs are, block by block. What a command reports at the end is read
//! again from the finalised chain, so that a re-organisation cannot make it wrong.

use crate::{
    commands::job::{refund_reason, revealed, status_word},
    context::Context,
    error::{CommandResult, Failure, Kind},
    text,
};
use futures::{stream, StreamExt, TryStreamExt};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};
use vigil_client::blobs::BlobClient;
use vigil_primitives::{
    job::ReplicaState, AccountId, Architecture, BlockNumber, Hash, Job, JobId, JobStatus,
};

/// Requests to the node, and to workers, that are under way at the same time.
const AT_ONCE: usize = 16;
/// Times that an output is asked for before its worker is given up.
const FETCH_ATTEMPTS: u32 = 5;
/// Pause between two of them.
const FETCH_PAUSE: Duration = Duration::from_secs(2);

/// How far the jobs have to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Ended, or contested: then a decision may take long.
    Ended,
    /// Every worker is drawn and has its input.
    Delivered,
}

/// Follows a set of jobs.
pub(crate) struct Follower<'a> {
    context: &'a Context,
    blobs: BlobClient,
    /// Inputs that the workers are given by hash.
    inputs: BTreeMap<JobId, Vec<u8>>,
    /// Who has been given the input of which job.
    delivered: HashSet<(JobId, AccountId)>,
    /// Why the last attempt to hand over an input failed.
    undelivered: HashMap<JobId, String>,
}

impl<'a> Follower<'a> {
    /// A follower of jobs whose inputs are on chain.
    pub(crate) fn new(context: &'a Context) -> Self {
        Self::with_inputs(context, BTreeMap::new())
    }

    /// A follower that also hands `inputs` to the workers that are drawn.
    pub(crate) fn with_inputs(context: &'a Context, inputs: BTreeMap<JobId, Vec<u8>>) -> Self {
        Self {
            context,
            blobs: BlobClient::new(),
            inputs,
            delivered: HashSet::new(),
            undelivered: HashMap::new(),
        }
    }

    /// Waits until every job has come as far as `goal` in the finalised chain and returns the jobs
    /// in the order of `ids`. `changed` sees each job when it is first read and whenever its state
    /// changes.
    pub(crate) async fn until(
        &mut self,
        goal: Goal,
        ids: &[JobId],
        mut changed: impl FnMut(&Job),
    ) -> CommandResult<Vec<Job>> {
        let mut blocks = self.context.client.blocks();
        let mut seen: HashMap<JobId, Job> = HashMap::new();
        let mut finality = Finality::default();
        loop {
            let best = blocks.next().await;
            let open: Vec<JobId> = ids
                .iter()
                .copied()
                .filter(|id| !seen.get(id).is_some_and(|job| self.reached(goal, job)))
                .collect();
            for job in self.read(&open, best.hash).await? {
                self.deliver(&job).await?;
                let before = seen.insert(job.id, job.clone());
                if before.is_none_or(|before| before.status != job.status) {
                    changed(&job);
                }
            }
            let all = ids.iter().all(|id| seen.get(id).is_some_and(|job| self.reached(goal, job)));
            let finalized = self.context.client.finalized_head().await?;
            if !finality.covers(all, best.number, finalized.number) {
                continue;
            }
            let jobs = self.read(ids, finalized.hash).await?;
            if jobs.iter().all(|job| self.reached(goal, job)) {
                return Ok(jobs);
            }
            // The best chain has become another one: what was seen may not be in it.
            seen.clear();
            finality = Finality::default();
        }
    }

    fn reached(&self, goal: Goal, job: &Job) -> bool {
        reached(goal, job, &self.delivered)
    }

    /// The jobs with these numbers at a block, in this order.
    async fn read(&self, ids: &[JobId], at: Hash) -> CommandResult<Vec<Job>> {
        stream::iter(ids.iter().copied())
            .map(|id| async move {
                self.context.client.at(at).job(id).await?.ok_or_else(|| {
                    Failure::not_found(format!(
                        "there is no job {id} at the newest block: it was pruned, \
                         or a re-organisation of the chain took it back"
                    ))
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Hands the job's input to the workers that were drawn and do not have it.
    async fn deliver(&mut self, job: &Job) -> CommandResult {
        let Some(input) = self.inputs.get(&job.id) else { return Ok(()) };
        for replica in job.status.replicas() {
            let to = (job.id, replica.worker.clone());
            if !matches!(replica.state, ReplicaState::Assigned { .. })
                || self.delivered.contains(&to)
            {
                continue;
            }
            let key = self.context.key()?;
            let endpoint = endpoint(self.context, &replica.worker).await?;
            let bytes = input.clone().into();
            match self.blobs.put(&endpoint, &replica.worker, bytes, key).await {
                Ok(_) => {
                    self.delivered.insert(to);
                    self.undelivered.remove(&job.id);
                }
                // The worker may be back at the next block; if not, the job is assigned again.
                Err(error) => {
                    self.undelivered.insert(job.id, error.to_string());
                }
            }
        }
        Ok(())
    }

    /// Why a job has no result; `None` when it has one.
    pub(crate) fn complaint(&self, job: &Job) -> Option<String> {
        complaint(job, self.undelivered.get(&job.id))
    }

    /// The verified output of a settled job, from any worker that revealed it, and that worker.
    ///
    /// Its length must be that of an output of the architecture.
    pub(crate) async fn output(
        &self,
        job: &Job,
        architecture: &Architecture,
    ) -> CommandResult<(AccountId, Vec<u8>)> {
        let JobStatus::Settled { output, replicas, .. } = &job.status else {
            return Err(Failure::rejected(self.complaint(job).unwrap_or_default()));
        };
        let length = architecture.output_len(output.tokens);
        let mut reasons = Vec::new();
        for attempt in 0..FETCH_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(FETCH_PAUSE).await;
            }
            reasons.clear();
            let mut temporary = false;
            let holders = replicas.iter().filter(|replica| revealed(replica) == Some(*output));
            for replica in holders {
                let endpoint = endpoint(self.context, &replica.worker).await?;
                match self.blobs.get(&endpoint, &output.hash, length.into()).await {
                    Ok(bytes) if bytes.len() == length as usize => {
                        return Ok((replica.worker.clone(), bytes.to_vec()))
                    }
                    Ok(bytes) => reasons
                        .push(format!("the output has {} bytes instead of {length}", bytes.len())),
                    Err(error) => {
                        temporary |= error.is_temporary();
                        reasons.push(text::printable(error.to_string().as_bytes()));
                    }
                }
            }
            if !temporary {
                break;
            }
        }
        Err(Failure::new(
            Kind::Connection,
            format!(
                "job {} is paid, but no worker hands out its output {:?}: {}",
                job.id,
                output.hash,
                reasons.join("; ")
            ),
        ))
    }

    /// [`Self::output`] of many jobs, in their order. `done` is called after each.
    pub(crate) async fn outputs(
        &self,
        jobs: &[Job],
        architecture: &Architecture,
        done: impl Fn(),
    ) -> Vec<CommandResult<(AccountId, Vec<u8>)>> {
        let done = &done;
        stream::iter(jobs)
            .map(|job| async move {
                let output = self.output(job, architecture).await;
                done();
                output
            })
            .buffered(AT_ONCE)
            .collect()
            .await
    }
}

/// Where a worker's blob server is. An endpoint that is no text is none.
async fn endpoint(context: &Context, worker: &AccountId) -> CommandResult<String> {
    let view = context.view().worker(worker).await?;
    let endpoint = view.map(|worker| worker.endpoint).unwrap_or_default();
    Ok(String::from_utf8(endpoint).unwrap_or_default())
}

/// Whether finality has caught up with what was seen on the best chain.
#[derive(Default)]
struct Finality {
    /// The block at which everything was first seen to be so.
    since: Option<BlockNumber>,
}

impl Finality {
    /// `all` says whether everything is so at the block `best`.
    fn covers(&mut self, all: bool, best: BlockNumber, finalized: BlockNumber) -> bool {
        if !all {
            self.since = None;
            return false;
        }
        // Finality always lags behind the best block, so it is the first one that counts.
        finalized >= *self.since.get_or_insert(best)
    }
}

/// Whether a job has come as far as `goal`, when these workers have been given its input.
fn reached(goal: Goal, job: &Job, delivered: &HashSet<(JobId, AccountId)>) -> bool {
    let over = job.status.is_final() || matches!(job.status, JobStatus::Contested { .. });
    let drawn = job.status.replicas().len() >= usize::from(job.spec.policy.replicas);
    let served = job.status.replicas().iter().all(|replica| {
        !matches!(replica.state, ReplicaState::Assigned { .. })
            || delivered.contains(&(job.id, replica.worker.clone()))
    });
    over || (goal == Goal::Delivered && drawn && served)
}

/// Why a job has no result, and why its input was not handed over; `None` when it has one.
fn complaint(job: &Job, undelivered: Option<&String>) -> Option<String> {
    let reason = match &job.status {
        JobStatus::Settled { .. } => return None,
        JobStatus::Refunded { reason } => {
            format!("job {} was refunded: {}", job.id, refund_reason(*reason))
        }
        JobStatus::Cancelled => format!("job {} was cancelled", job.id),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::job::tests::{self, job, replica};
    use vigil_primitives::job::{Output, Receipt, RefundReason};

    fn replicas(state: ReplicaState<u32>) -> vigil_primitives::job::Replicas<AccountId, u32> {
        let mut one = replica(2, 3, 4);
        one.state = state;
        vec![one].try_into().expect("one fits")
    }

    fn revealed() -> ReplicaState<u32> {
        replica(2, 3, 4).state
    }

    fn settled() -> Job {
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        job(tests::settled(output, vec![replica(2, 3, 4)], Receipt::default()))
    }

    #[test]
    fn a_job_should_have_ended_when_nothing_more_will_come_of_it_by_itself() {
        let nobody = HashSet::new();
        let ended = |status| reached(Goal::Ended, &job(status), &nobody);
        assert!(reached(Goal::Ended, &settled(), &nobody));
        assert!(ended(JobStatus::Cancelled));
        assert!(ended(JobStatus::Refunded { reason: RefundReason::NoWorker }));
        assert!(ended(JobStatus::Contested { replicas: replicas(revealed()), until: 9 }));
        assert!(!ended(JobStatus::Queued));
        let assigned = ReplicaState::Assigned { commit_by: 9 };
        assert!(!ended(JobStatus::Assigned { replicas: replicas(assigned) }));
        assert!(!ended(JobStatus::Revealing { replicas: replicas(revealed()), reveal_by: 9 }));
        assert!(!ended(JobStatus::Revealed { replicas: replicas(revealed()), settle_at: 9 }));
    }

    #[test]
    fn an_input_should_count_as_delivered_when_every_drawn_worker_has_it() {
        let assigned = replicas(ReplicaState::Assigned { commit_by: 9 });
        let one = job(JobStatus::Assigned { replicas: assigned });
        let nobody = HashSet::new();
        assert!(!reached(Goal::Delivered, &one, &nobody));
        assert!(!reached(Goal::Delivered, &job(JobStatus::Queued), &nobody));
        let delivered = HashSet::from([(one.id, AccountId::new([2; 32]))]);
        assert!(reached(Goal::Delivered, &one, &delivered));
        assert!(!reached(Goal::Ended, &one, &delivered));
        let mut two = one.clone();
        two.spec.policy.replicas = 2;
        assert!(!reached(Goal::Delivered, &two, &delivered), "a second worker is not drawn yet");
        // A worker that has committed needed no more input than it had.
        let committed = ReplicaState::Committed { commitment: [7; 32].into() };
        let done = job(JobStatus::Assigned { replicas: replicas(committed) });
        assert!(reached(Goal::Delivered, &done, &nobody));
    }

    #[test]
    fn finality_should_cover_what_was_seen_once_it_has_come_that_far() {
        let mut finality = Finality::default();
        assert!(!finality.covers(false, 10, 8));
        assert!(!finality.covers(true, 11, 9));
        assert!(!finality.covers(true, 12, 10));
        assert!(finality.covers(true, 13, 11), "the lag itself must not matter");
        assert!(!finality.covers(false, 14, 12));
        assert!(!finality.covers(true, 15, 13), "it counts anew after a change");
    }

    #[test]
    fn a_complaint_should_say_why_there_is_no_result() {
        assert_eq!(complaint(&settled(), None), None);
        let refunded = job(JobStatus::Refunded { reason: RefundReason::AttemptsExhausted });
        let error = "no route".to_owned();
        let text = complaint(&refunded, Some(&error)).unwrap();
        assert!(text.contains("every attempt expired"), "{text}");
        assert!(text.contains("no route"), "{text}");
        let contested = job(JobStatus::Contested { replicas: replicas(revealed()), until: 77 });
        assert!(complaint(&contested, None).unwrap().contains("block 77"));
    }
}
