//! What a computation is known by, from the chain's list of jobs to the record on disk.

use codec::Encode;
use vigil_client::blobs::content_hash;
use vigil_primitives::{Hash, Job, JobId};

/// A job's number, and a hash of what is asked for.
///
/// The number alone is not enough: after a re-organisation another job may bear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The job's number.
    pub id: JobId,
    /// BLAKE3 of requester and specification.
    pub content: Hash,
}

impl Key {
    /// Returns the key of a job.
    pub(crate) fn of(job: &Job) -> Self {
        Self { id: job.id, content: content_hash(&(&job.requester, &job.spec).encode()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::fake::{inline, job};

    #[test]
    fn keys_should_differ_when_the_number_is_the_same_and_the_request_is_not() {
        let key = Key::of(&job(1, inline(5)));
        assert_eq!(Key::of(&job(1, inline(5))), key);
        assert_ne!(Key::of(&job(2, inline(5))), key);
        assert_ne!(Key::of(&job(1, inline(6))), key);
        let mut others = job(1, inline(5));
        others.requester = [2; 32].into();
        assert_ne!(Key::of(&others), key);
        // How far the job is does not matter.
        let mut later = job(1, inline(5));
        later.status = vigil_primitives::JobStatus::Queued;
        assert_eq!(Key::of(&later), key);
    }
}
