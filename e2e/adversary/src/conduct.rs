//! What goes on chain of a worker that does not say what it has computed, or says nothing.

use clap::ValueEnum;
use std::sync::{Mutex, PoisonError};
use vigil_primitives::{
    job::{ReplicaState, Role},
    Hash, Job, JobId,
};
use vigil_worker::Conduct;

/// What becomes of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Manner {
    /// It is committed to and revealed.
    Honest,
    /// The commitment of another worker is sent instead.
    Copy,
    /// The commitment to the result of an earlier job is sent again.
    Replay,
    /// It is committed to and never revealed.
    Mute,
    /// Nothing is sent.
    Idle,
}

/// A worker's conduct.
pub(crate) struct Dishonest {
    manner: Manner,
    /// The first job, and the commitment to its result.
    first: Mutex<Option<(JobId, Hash)>>,
}

impl Dishonest {
    pub(crate) fn new(manner: Manner) -> Self {
        Self { manner, first: Mutex::default() }
    }
}

impl Conduct for Dishonest {
    fn commitment(&self, job: &Job, ours: Hash) -> Option<Hash> {
        match self.manner {
            Manner::Honest | Manner::Mute => Some(ours),
            Manner::Idle => None,
            Manner::Copy => job.status.replicas().iter().find_map(|replica| match replica {
                replica if replica.role == Role::Auditor => None,
                replica => match replica.state {
                    ReplicaState::Committed { commitment } => Some(commitment),
                    _ => None,
                },
            }),
            Manner::Replay => {
                let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
                let (_, commitment) = first.get_or_insert((job.id, ours));
                Some(*commitment)
            }
        }
    }

    fn reveals(&self, job: &Job) -> bool {
        match self.manner {
            Manner::Mute => false,
            Manner::Replay => {
                let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.is_none_or(|(id, _)| id == job.id)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{JobStatus, Replica},
        samples::{job, replica},
    };

    const OURS: Hash = Hash::repeat_byte(1);
    const THEIRS: Hash = Hash::repeat_byte(2);

    fn shared(state: ReplicaState<u32>) -> Job {
        let other = Replica { state, ..replica(7, 1, 9) };
        let replicas = vec![
            other,
            Replica { state: ReplicaState::Assigned { commit_by: 9 }, ..replica(8, 1, 9) },
        ];
        job(JobStatus::Assigned { replicas: replicas.try_into().unwrap() })
    }

    #[test]
    fn each_manner_should_send_what_it_says() {
        let waiting = shared(ReplicaState::Assigned { commit_by: 9 });
        let committed = shared(ReplicaState::Committed { commitment: THEIRS });
        let says = |manner| {
            let conduct = Dishonest::new(manner);
            let sent = [&waiting, &committed].map(|job| conduct.commitment(job, OURS));
            (sent, conduct.reveals(&committed))
        };
        assert_eq!(says(Manner::Honest), ([Some(OURS); 2], true));
        assert_eq!(says(Manner::Mute), ([Some(OURS); 2], false));
        assert_eq!(says(Manner::Idle), ([None; 2], true));
        assert_eq!(says(Manner::Copy), ([None, Some(THEIRS)], true));
    }

    #[test]
    fn a_replay_should_be_of_the_first_job() {
        let conduct = Dishonest::new(Manner::Replay);
        let mut job = shared(ReplicaState::Assigned { commit_by: 9 });
        assert_eq!(conduct.commitment(&job, OURS), Some(OURS));
        assert!(conduct.reveals(&job));
        job.id += 1;
        assert_eq!(conduct.commitment(&job, THEIRS), Some(OURS));
        assert!(!conduct.reveals(&job));
    }
}
