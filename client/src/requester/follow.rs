//! Jobs from submission to their end.
//!
//! The best chain shows how far jobs are, block by block. What is reported as reached is read again
//! from the finalised chain, so that a re-organisation cannot make it wrong.

use super::{Error, Requester, Result, AT_ONCE};
use crate::{
    blobs::{BlobError, Bytes},
    Blocks, Client,
};
use futures::{stream, Stream, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, HashSet, VecDeque};
use vigil_primitives::{
    job::{Input, ReplicaState},
    AccountId, BlockNumber, Hash, Job, JobId, JobStatus,
};

/// How far the jobs have to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Ended, or contested: then a decision may take long.
    Ended,
    /// Every worker is drawn and has its input; where inputs go by hash, an auditor too, if there is
    /// one: until then the requester has to be there.
    Delivered,
}

/// What happens to a job that is followed.
#[derive(Debug)]
pub enum JobEvent {
    /// The job is seen for the first time or in another state, on the best chain. A
    /// re-organisation may take it back.
    Changed(Job),
    /// A worker has been given the input.
    Delivered {
        /// The job.
        job: JobId,
        /// The worker.
        worker: AccountId,
    },
    /// A worker could not be given the input. It is tried again at the next block.
    Undelivered {
        /// The job.
        job: JobId,
        /// The worker.
        worker: AccountId,
        /// Why.
        error: BlobError,
    },
    /// The job has come as far as it had to, on the finalised chain. Nothing more is said of it.
    Reached(Job),
}

/// Follows a set of jobs. See [`Requester::follow`].
pub struct Follower {
    requester: Requester,
    goal: Goal,
    blocks: Blocks,
    /// Jobs that have not come far enough.
    open: BTreeMap<JobId, Progress>,
    /// Inputs that workers are to be given by hash.
    inputs: BTreeMap<JobId, Bytes>,
    /// Who has been given the input of which job.
    delivered: HashSet<(JobId, AccountId)>,
    /// What has happened and has not been told.
    events: VecDeque<JobEvent>,
}

/// How far a job is.
#[derive(Default)]
struct Progress {
    /// As it was seen last on the best chain.
    seen: Option<Job>,
    /// The block at which it was first seen to have come far enough.
    since: Option<BlockNumber>,
}

impl Progress {
    /// Whether finality has caught up with what was seen on the best chain. It always lags behind
    /// the best block, so it is the first block that counts.
    fn is_covered(&self, finalized: BlockNumber) -> bool {
        self.since.is_some_and(|since| since <= finalized)
    }
}

impl Requester {
    /// Follows jobs until each has come as far as `goal` on the finalised chain.
    pub fn follow(&self, jobs: impl IntoIterator<Item = JobId>, goal: Goal) -> Follower {
        Follower {
            requester: self.clone(),
            goal,
            blocks: self.client.blocks(),
            open: jobs.into_iter().map(|job| (job, Progress::default())).collect(),
            inputs: BTreeMap::new(),
            delivered: HashSet::new(),
            events: VecDeque::new(),
        }
    }
}

impl Follower {
    /// Also hands these inputs to the workers that are drawn.
    pub fn with_inputs(mut self, inputs: BTreeMap<JobId, Bytes>) -> Self {
        self.inputs = inputs;
        self
    }

    /// What happens, as it happens. The stream ends when the last job has come far enough, and
    /// after an error.
    pub fn events(self) -> impl Stream<Item = Result<JobEvent>> + Unpin + Send {
        let next = |follower: Option<Self>| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => Some((Ok(event?), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        };
        Box::pin(stream::unfold(Some(self), next))
    }

    /// The next event; `None` after the last.
    async fn next(&mut self) -> Result<Option<JobEvent>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.open.is_empty() {
                return Ok(None);
            }
            let best = self.blocks.next().await;
            self.look(best.number, best.hash).await?;
            self.conclude().await?;
        }
    }

    /// Looks at the jobs that have not come far enough, at a block of the best chain.
    async fn look(&mut self, number: BlockNumber, hash: Hash) -> Result<()> {
        let open = self.open.iter().filter(|(_, job)| job.since.is_none());
        let ids = open.map(|(id, _)| *id).collect();
        for job in read(&self.requester.client, ids, hash).await? {
            self.deliver(&job).await?;
            let reached = reached(self.goal, &job, &self.delivered);
            let Some(progress) = self.open.get_mut(&job.id) else { continue };
            progress.since = reached.then_some(number);
            let before = progress.seen.replace(job.clone());
            if before.is_none_or(|before| before.status != job.status) {
                self.events.push_back(JobEvent::Changed(job));
            }
        }
        Ok(())
    }

    /// Reads again, from the finalised chain, what was seen to have come far enough.
    async fn conclude(&mut self) -> Result<()> {
        if self.open.values().all(|progress| progress.since.is_none()) {
            return Ok(());
        }
        let finalized = self.requester.client.finalized_head().await?;
        let covered = self.open.iter().filter(|(_, job)| job.is_covered(finalized.number));
        let ids = covered.map(|(id, _)| *id).collect();
        for job in read(&self.requester.client, ids, finalized.hash).await? {
            if reached(self.goal, &job, &self.delivered) {
                self.open.remove(&job.id);
                self.events.push_back(JobEvent::Reached(job));
            } else if let Some(progress) = self.open.get_mut(&job.id) {
                // The best chain has become another one: what was seen is not in it.
                *progress = Progress::default();
            }
        }
        Ok(())
    }

    /// Hands the job's input to the workers that were drawn and do not have it.
    async fn deliver(&mut self, job: &Job) -> Result<()> {
        let Some(input) = self.inputs.get(&job.id).cloned() else { return Ok(()) };
        for replica in job.status.replicas() {
            let worker = replica.worker.clone();
            let to = (job.id, worker.clone());
            if !matches!(replica.state, ReplicaState::Assigned { .. })
                || self.delivered.contains(&to)
            {
                continue;
            }
            let Requester { blobs, .. } = &self.requester;
            let (key, endpoint) = (self.requester.key()?, self.requester.endpoint(&worker).await?);
            let event = match blobs.put(&endpoint, &worker, input.clone(), key).await {
                Ok(_) => {
                    self.delivered.insert(to);
                    JobEvent::Delivered { job: job.id, worker }
                }
                // The worker may be back at the next block; if not, the job is assigned again.
                Err(error) => JobEvent::Undelivered { job: job.id, worker, error },
            };
            self.events.push_back(event);
        }
        Ok(())
    }
}

/// The jobs with these numbers at a block, in this order.
async fn read(client: &Client, ids: Vec<JobId>, at: Hash) -> Result<Vec<Job>> {
    stream::iter(ids)
        .map(|id| async move { client.at(at).job(id).await?.ok_or(Error::UnknownJob(id)) })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Whether a job has come as far as `goal`, when these workers have been given its input.
fn reached(goal: Goal, job: &Job, delivered: &HashSet<(JobId, AccountId)>) -> bool {
    let waits = matches!(job.status, JobStatus::Contested { .. } | JobStatus::Disputed { .. });
    let over = job.status.is_final() || waits;
    let drawn = job.status.replicas().len() >= usize::from(job.spec.policy.replicas);
    let served = job.status.replicas().iter().all(|replica| {
        !matches!(replica.state, ReplicaState::Assigned { .. })
            || delivered.contains(&(job.id, replica.worker.clone()))
    });
    // An auditor may be drawn until the workers reveal, and has to be given the input too.
    let by_hash = matches!(job.spec.input, Input::Blob { .. });
    let settled = !by_hash
        || !matches!(
            job.status,
            JobStatus::Assigned { .. } | JobStatus::Committed { .. } | JobStatus::Auditing { .. }
        );
    over || (goal == Goal::Delivered && drawn && served && settled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt, RefundReason, Replica, Replicas, Role},
        samples::{job, replica, settled},
    };

    fn replicas(state: ReplicaState<u32>) -> Replicas<AccountId, u32> {
        let mut one = replica(2, 3, 4);
        one.state = state;
        vec![one].try_into().expect("one fits")
    }

    fn revealed() -> ReplicaState<u32> {
        replica(2, 3, 4).state
    }

    #[test]
    fn a_job_should_have_ended_when_nothing_more_will_come_of_it_by_itself() {
        let nobody = HashSet::new();
        let ended = |status| reached(Goal::Ended, &job(status), &nobody);
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        assert!(ended(settled(output, vec![replica(2, 3, 4)], Receipt::default())));
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
    fn an_auditor_should_be_given_the_input_too() {
        let run = |worker, role, state| Replica { role, state, ..replica(worker, 3, 4) };
        let committed = ReplicaState::Committed { commitment: [7; 32].into() };
        let assigned = ReplicaState::Assigned { commit_by: 9 };
        let worker = run(2, Role::Worker, committed);
        let drawn = vec![worker.clone(), run(5, Role::Auditor, assigned)];
        let job = job(JobStatus::Auditing { replicas: drawn.try_into().expect("two fit") });
        assert!(!reached(Goal::Ended, &job, &HashSet::new()));
        assert!(!reached(Goal::Delivered, &job, &HashSet::new()));
        let delivered = HashSet::from([(job.id, AccountId::new([5; 32]))]);
        assert!(reached(Goal::Delivered, &job, &delivered));
    }

    #[test]
    fn what_comes_before_the_reveal_should_be_no_end() {
        let committed = ReplicaState::Committed { commitment: [7; 32].into() };
        let waits = job(JobStatus::Committed { replicas: replicas(committed), draw_at: 9 });
        assert!(!reached(Goal::Ended, &waits, &HashSet::new()));
    }

    #[test]
    fn finality_should_cover_what_was_seen_once_it_has_come_that_far() {
        let seen = |since| Progress { seen: None, since };
        assert!(!seen(None).is_covered(100));
        assert!(!seen(Some(11)).is_covered(10));
        assert!(seen(Some(11)).is_covered(11), "the lag itself must not matter");
    }
}
