//! One job as a worker sees it: how far the chain says it is, and what to do next.
//!
//! Nothing here talks to anybody. The table in [`next`] is the worker's whole behaviour. It looks at
//! the present state alone, so restarts and re-organisations need no code of their own: what the
//! chain does not show is done again.

use vigil_primitives::{
    job::{DeclineReason, ReplicaState},
    AccountId, BlockNumber, Hash, Job, JobStatus,
};

/// How far the chain says that we are with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Drawn: a commitment is due by this block.
    Assigned {
        /// Last block for it.
        commit_by: BlockNumber,
    },
    /// Committed; others have not, or it is open whether there is an audit.
    Committed,
    /// All have committed: the commitment is to be revealed.
    Revealing {
        /// What we committed to.
        commitment: Hash,
    },
    /// Nothing more is asked of us.
    Revealed,
    /// Not ours, or not any more.
    Elsewhere,
    /// The job has ended.
    Ended,
}

/// Returns how far a job is for worker `me`.
pub(crate) fn stage(job: &Job, me: &AccountId) -> Stage {
    if job.status.is_final() {
        return Stage::Ended;
    }
    let ours = job.status.replicas().iter().find(|replica| &replica.worker == me);
    match (&job.status, ours.map(|replica| replica.state)) {
        (_, None) => Stage::Elsewhere,
        // The second is an auditor's, which computes and commits like any worker.
        (
            JobStatus::Assigned { .. } | JobStatus::Auditing { .. },
            Some(ReplicaState::Assigned { commit_by }),
        ) => Stage::Assigned { commit_by },
        (
            JobStatus::Assigned { .. } | JobStatus::Committed { .. } | JobStatus::Auditing { .. },
            Some(ReplicaState::Committed { .. }),
        ) => Stage::Committed,
        (JobStatus::Revealing { .. }, Some(ReplicaState::Committed { commitment })) => {
            Stage::Revealing { commitment }
        }
        (_, Some(ReplicaState::Revealed { .. })) => Stage::Revealed,
        (_, Some(_)) => Stage::Elsewhere,
    }
}

/// What we have for a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The commitment of our durable record, if there is one.
    pub(crate) commitment: Option<Hash>,
    /// The input is here.
    pub(crate) input: bool,
    /// We audit it and could fetch the input now from its workers, who have it.
    pub(crate) source: bool,
    /// It is in a batch.
    pub(crate) computing: bool,
    /// It can't be done, and why.
    pub(crate) decline: Option<DeclineReason>,
    /// An extrinsic for it is on its way, or was sent a moment ago.
    pub(crate) sending: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing.
    Wait,
    /// Fetch the input from the workers that have it.
    Fetch,
    /// Compute the output.
    Compute,
    /// Commit to the recorded output.
    Commit,
    /// Reveal the commitment.
    Reveal,
    /// Give the job back.
    Decline(DeclineReason),
    /// The chain holds a commitment of ours that we can't reveal.
    Lost,
}

/// The transition table: returns what to do next. `now` is the best block, `margin` the number of
/// blocks before its deadline at which a job without input is given back.
pub(crate) fn next(stage: Stage, facts: &Facts, now: BlockNumber, margin: BlockNumber) -> Step {
    match (stage, facts) {
        (_, Facts { sending: true, .. }) => Step::Wait,
        (Stage::Assigned { commit_by }, _) if now >= commit_by => Step::Wait,
        (Stage::Assigned { .. }, Facts { commitment: Some(_), .. }) => Step::Commit,
        (Stage::Assigned { .. }, Facts { decline: Some(reason), .. }) => Step::Decline(*reason),
        (Stage::Assigned { .. }, Facts { computing: true, .. }) => Step::Wait,
        (Stage::Assigned { .. }, Facts { input: true, .. }) => Step::Compute,
        (Stage::Assigned { commit_by }, _) if now.saturating_add(margin) >= commit_by => {
            Step::Decline(DeclineReason::InputUnavailable)
        }
        (Stage::Assigned { .. }, Facts { source: true, .. }) => Step::Fetch,
        (Stage::Assigned { .. }, _) => Step::Wait,
        (Stage::Revealing { commitment }, Facts { commitment: Some(ours), .. })
            if commitment == *ours =>
        {
            Step::Reveal
        }
        (Stage::Revealing { .. }, _) => Step::Lost,
        (Stage::Committed | Stage::Revealed | Stage::Elsewhere | Stage::Ended, _) => Step::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Replica, Replicas, Role},
        samples::{self, replica},
    };

    const OURS: Hash = Hash::repeat_byte(1);
    const ASSIGNED: Stage = Stage::Assigned { commit_by: 100 };
    const REVEALING: Stage = Stage::Revealing { commitment: OURS };

    fn facts(change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = Facts::default();
        change(&mut facts);
        facts
    }

    fn step(stage: Stage, now: BlockNumber, change: impl FnOnce(&mut Facts)) -> Step {
        next(stage, &facts(change), now, 3)
    }

    #[test]
    fn an_assigned_job_should_go_from_input_to_output_to_commitment() {
        assert_eq!(step(ASSIGNED, 10, |_| {}), Step::Wait);
        assert_eq!(step(ASSIGNED, 10, |f| f.input = true), Step::Compute);
        assert_eq!(
            step(ASSIGNED, 10, |f| {
                f.input = true;
                f.computing = true;
            }),
            Step::Wait
        );
        assert_eq!(step(ASSIGNED, 10, |f| f.commitment = Some(OURS)), Step::Commit);
    }

    #[test]
    fn a_job_should_be_declined_shortly_before_the_deadline_when_no_input_came() {
        assert_eq!(step(ASSIGNED, 96, |_| {}), Step::Wait);
        let declined = Step::Decline(DeclineReason::InputUnavailable);
        assert_eq!(step(ASSIGNED, 97, |_| {}), declined);
        assert_eq!(step(ASSIGNED, 99, |_| {}), declined);
        assert_eq!(step(ASSIGNED, 97, |f| f.computing = true), Step::Wait);
    }

    #[test]
    fn an_auditor_should_fetch_the_input_that_it_is_not_given_while_there_is_time() {
        assert_eq!(step(ASSIGNED, 10, |f| f.source = true), Step::Fetch);
        let both = |f: &mut Facts| (f.source, f.input) = (true, true);
        assert_eq!(step(ASSIGNED, 10, both), Step::Compute);
        let declined = Step::Decline(DeclineReason::InputUnavailable);
        assert_eq!(step(ASSIGNED, 97, |f| f.source = true), declined);
    }

    #[test]
    fn a_stage_should_be_what_the_chain_says_of_job_and_replica() {
        let committed = ReplicaState::Committed { commitment: OURS };
        let assigned = ReplicaState::Assigned { commit_by: 100 };
        let with = |status: fn(Replicas<_, _>) -> JobStatus<_, _>, role, state| {
            let ours = Replica { role, ..replica(7, 1, 9) };
            let replicas = vec![replica(2, 1, 9), Replica { state, ..ours }];
            let status = status(replicas.try_into().unwrap());
            stage(&samples::job(status), &AccountId::new([7; 32]))
        };
        use Role::{Auditor, Worker};
        let auditing = |replicas| JobStatus::Auditing { replicas };
        let drawing = |replicas| JobStatus::Committed { replicas, draw_at: 20 };
        let revealing = |replicas| JobStatus::Revealing { replicas, reveal_by: 30 };
        assert_eq!(with(drawing, Worker, committed), Stage::Committed);
        assert_eq!(with(auditing, Worker, committed), Stage::Committed, "it waits for the auditor");
        assert_eq!(with(auditing, Auditor, assigned), ASSIGNED);
        assert_eq!(with(auditing, Auditor, committed), Stage::Committed);
        for role in [Worker, Auditor] {
            assert_eq!(with(revealing, role, committed), REVEALING);
        }
        assert_eq!(with(revealing, Auditor, assigned), Stage::Elsewhere);
    }

    #[test]
    fn a_job_should_be_declined_at_once_when_it_cannot_be_done() {
        let reason = DeclineReason::InputInvalid;
        assert_eq!(
            step(ASSIGNED, 10, |f| {
                f.input = true;
                f.decline = Some(reason);
            }),
            Step::Decline(reason)
        );
    }

    #[test]
    fn nothing_should_be_sent_when_the_deadline_has_passed_or_something_is_on_its_way() {
        assert_eq!(step(ASSIGNED, 100, |f| f.commitment = Some(OURS)), Step::Wait);
        for stage in [ASSIGNED, REVEALING] {
            assert_eq!(
                step(stage, 10, |f| {
                    f.commitment = Some(OURS);
                    f.sending = true;
                }),
                Step::Wait
            );
        }
    }

    #[test]
    fn a_commitment_should_be_revealed_only_when_it_is_that_of_the_record() {
        assert_eq!(step(REVEALING, 10, |f| f.commitment = Some(OURS)), Step::Reveal);
        assert_eq!(step(REVEALING, 10, |_| {}), Step::Lost);
        assert_eq!(step(REVEALING, 10, |f| f.commitment = Some(Hash::zero())), Step::Lost);
    }

    #[test]
    fn nothing_should_be_done_when_the_chain_waits_for_others() {
        for stage in [Stage::Committed, Stage::Revealed, Stage::Elsewhere, Stage::Ended] {
            let all = |f: &mut Facts| {
                f.commitment = Some(OURS);
                f.input = true;
            };
            assert_eq!(step(stage, 10, all), Step::Wait);
        }
    }
}
