//! Weights of the calls and of the steps of the hooks.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};
use vigil_primitives::job::MAX_RUNS;

pub use vigil_primitives::weights::HandSet;

/// What each call and each step of a hook weighs.
///
/// What other pallets do is not included: drawing and releasing a worker, reserving a use of a
/// grant and ending it, splitting the owner's fee, and keeping what cannot be credited. The
/// [traits](vigil_primitives::traits) say what that weighs.
pub trait WeightInfo {
    /// Submitting with an inline input of `bytes`, in a market that is not full. The first look is
    /// not included.
    fn submit(bytes: u32) -> Weight;
    /// Ending a job that is outbid by one that is submitted.
    fn evict() -> Weight;
    /// Cancelling.
    fn cancel() -> Weight;
    /// Committing, as the last of the replicas.
    fn commit() -> Weight;
    /// Revealing, as the last of the replicas.
    fn reveal() -> Weight;
    /// Giving a job back.
    fn decline() -> Weight;
    /// Poking, without what it runs.
    fn poke() -> Weight;
    /// Reading one job and finding out what it is due for.
    fn look() -> Weight;
    /// Moving the agenda to its next block.
    fn turn_page() -> Weight;
    /// Putting a version or a worker in a line.
    fn wake() -> Weight;
    /// Taking whoever is first in a line, finding the best job of one of `versions` versions, and
    /// putting it back in line.
    fn turn(versions: u32) -> Weight;
    /// Filling the vacancies of a job with `replicas` workers, the first that it has.
    fn assign(replicas: u32) -> Weight;
    /// Giving a job another place after a look that found nobody.
    fn pass_over() -> Weight;
    /// Letting chance decide about an audit of `replicas` workers, and engaging the auditor.
    fn draw_auditor(replicas: u32) -> Weight;
    /// Dropping `replicas` workers that did not commit in time.
    fn expire_commitments(replicas: u32) -> Weight;
    /// Dropping `replicas` workers that did not reveal in time.
    fn expire_reveals(replicas: u32) -> Weight;
    /// Paying `replicas` workers, the auditor among them, `payees` owners and the treasury, none of whom can be credited.
    fn settle(replicas: u32, payees: u32) -> Weight;
    /// Refunding a job with `replicas` workers.
    fn refund(replicas: u32) -> Weight;
    /// Forgetting an ended job.
    fn prune() -> Weight;
    /// Weight of the beginning of a dispute about a result.
    fn dispute() -> Weight;
    /// Weight of the end of one, without the refund that may follow.
    fn decide() -> Weight;
    /// Recording what a worker has computed and earned.
    fn contribute() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn submit(bytes: u32) -> Weight {
        // Compiled for a machine it takes 40 to 60 microseconds (`cargo bench --bench queue`).
        Self::figure(120, 32, 18, 17)
            .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(bytes.into()))
    }
    fn evict() -> Weight {
        Self::figure(40, 8, 3, 1).saturating_add(Self::refund(0))
    }
    fn cancel() -> Weight {
        Self::figure(200, 32, 13, 14)
    }
    fn commit() -> Weight {
        Self::figure(100, 16, 4, 4)
    }
    fn reveal() -> Weight {
        Self::figure(150, 16, 6, 6)
    }
    fn decline() -> Weight {
        Self::refund(MAX_RUNS)
    }
    fn poke() -> Weight {
        Self::look()
    }
    fn look() -> Weight {
        Self::figure(40, 8, 3, 3)
    }
    fn turn_page() -> Weight {
        Self::figure(10, 4, 2, 1)
    }
    fn wake() -> Weight {
        Self::figure(10, 4, 3, 3)
    }
    fn turn(versions: u32) -> Weight {
        Self::figure(40, 16, 7, 3)
            .saturating_add(Self::figure(5, 8, 4, 0).saturating_mul(versions.into()))
    }
    fn assign(replicas: u32) -> Weight {
        Self::figure(150, 24, 13, 13)
            .saturating_add(Self::figure(40, 4, 1, 1).saturating_mul(replicas.into()))
    }
    fn pass_over() -> Weight {
        Self::figure(40, 8, 5, 6)
    }
    fn draw_auditor(replicas: u32) -> Weight {
        Self::figure(150, 24, 10, 8)
            .saturating_add(Self::figure(20, 8, 1, 0).saturating_mul(replicas.into()))
    }
    fn expire_commitments(replicas: u32) -> Weight {
        Self::refund(replicas)
    }
    fn expire_reveals(replicas: u32) -> Weight {
        Self::refund(replicas)
    }
    fn settle(replicas: u32, payees: u32) -> Weight {
        // The fixed part pays the treasury and the requester. Each payment is tried twice.
        let payment = Self::figure(150, 16, 4, 4);
        Self::figure(400, 40, 18, 18)
            .saturating_add(payment.saturating_mul(payees.into()))
            .saturating_add(payment.saturating_mul(replicas.into()))
            .saturating_add(Self::figure(50, 8, 4, 4).saturating_mul(replicas.into()))
    }
    fn refund(replicas: u32) -> Weight {
        Self::figure(250, 32, 15, 15)
            .saturating_add(Self::figure(40, 8, 2, 2).saturating_mul(replicas.into()))
    }
    fn prune() -> Weight {
        Self::figure(100, 24, 12, 5)
    }
    fn dispute() -> Weight {
        Self::high(300, 4, 4)
    }
    fn decide() -> Weight {
        Self::high(500, 4, 4)
    }
    fn contribute() -> Weight {
        Self::figure(60, 12, 3, 3)
    }
}
