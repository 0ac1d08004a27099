//! Weights of the calls and of the steps of the hooks.
//!
//! These figures are set by hand and deliberately high: several times what the operations cost on
//! slow hardware, with every storage access counted on top. Figures measured in wasm by the
//! benchmarks beside this file replace them.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};
use vigil_primitives::job::MAX_REPLICAS;

/// What each call and each step of a hook weighs.
///
/// What other pallets do is not included: drawing and releasing a worker, reserving a use of a
/// grant and ending it, splitting the owner's fee, and keeping what cannot be credited. The
/// [traits](vigil_primitives::traits) say what that weighs.
pub trait WeightInfo {
    /// Submitting with an inline input of `bytes`.
    fn submit(bytes: u32) -> Weight;
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
    /// Moving the head of the queue by one place.
    fn next_place() -> Weight;
    /// Filling the vacancies of a job with `replicas` workers.
    fn assign(replicas: u32) -> Weight;
    /// Dropping `replicas` workers that did not commit in time.
    fn expire_commitments(replicas: u32) -> Weight;
    /// Dropping `replicas` workers that did not reveal in time.
    fn expire_reveals(replicas: u32) -> Weight;
    /// Paying `replicas` workers, `payees` owners and the treasury, none of whom can be credited.
    fn settle(replicas: u32, payees: u32) -> Weight;
    /// Refunding a job with `replicas` workers.
    fn refund(replicas: u32) -> Weight;
    /// Forgetting an ended job.
    fn prune() -> Weight;
}

/// The hand-set figures with the runtime's database weights.
pub struct HandSet<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for HandSet<T> {
    fn submit(bytes: u32) -> Weight {
        submit(T::DbWeight::get(), bytes)
    }
    fn cancel() -> Weight {
        cancel(T::DbWeight::get())
    }
    fn commit() -> Weight {
        commit(T::DbWeight::get())
    }
    fn reveal() -> Weight {
        reveal(T::DbWeight::get())
    }
    fn decline() -> Weight {
        refund(T::DbWeight::get(), MAX_REPLICAS)
    }
    fn poke() -> Weight {
        look(T::DbWeight::get())
    }
    fn look() -> Weight {
        look(T::DbWeight::get())
    }
    fn turn_page() -> Weight {
        turn_page(T::DbWeight::get())
    }
    fn next_place() -> Weight {
        next_place(T::DbWeight::get())
    }
    fn assign(replicas: u32) -> Weight {
        assign(T::DbWeight::get(), replicas)
    }
    fn expire_commitments(replicas: u32) -> Weight {
        expire(T::DbWeight::get(), replicas)
    }
    fn expire_reveals(replicas: u32) -> Weight {
        expire(T::DbWeight::get(), replicas)
    }
    fn settle(replicas: u32, payees: u32) -> Weight {
        settle(T::DbWeight::get(), replicas, payees)
    }
    fn refund(replicas: u32) -> Weight {
        refund(T::DbWeight::get(), replicas)
    }
    fn prune() -> Weight {
        prune(T::DbWeight::get())
    }
}

impl WeightInfo for () {
    fn submit(bytes: u32) -> Weight {
        submit(RocksDbWeight::get(), bytes)
    }
    fn cancel() -> Weight {
        cancel(RocksDbWeight::get())
    }
    fn commit() -> Weight {
        commit(RocksDbWeight::get())
    }
    fn reveal() -> Weight {
        reveal(RocksDbWeight::get())
    }
    fn decline() -> Weight {
        refund(RocksDbWeight::get(), MAX_REPLICAS)
    }
    fn poke() -> Weight {
        look(RocksDbWeight::get())
    }
    fn look() -> Weight {
        look(RocksDbWeight::get())
    }
    fn turn_page() -> Weight {
        turn_page(RocksDbWeight::get())
    }
    fn next_place() -> Weight {
        next_place(RocksDbWeight::get())
    }
    fn assign(replicas: u32) -> Weight {
        assign(RocksDbWeight::get(), replicas)
    }
    fn expire_commitments(replicas: u32) -> Weight {
        expire(RocksDbWeight::get(), replicas)
    }
    fn expire_reveals(replicas: u32) -> Weight {
        expire(RocksDbWeight::get(), replicas)
    }
    fn settle(replicas: u32, payees: u32) -> Weight {
        settle(RocksDbWeight::get(), replicas, payees)
    }
    fn refund(replicas: u32) -> Weight {
        refund(RocksDbWeight::get(), replicas)
    }
    fn prune() -> Weight {
        prune(RocksDbWeight::get())
    }
}

/// A figure: microseconds of computing, KiB of proof, reads and writes.
fn figure(db: RuntimeDbWeight, micros: u64, kib: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros.saturating_mul(1_000_000), kib.saturating_mul(1_024))
        .saturating_add(db.reads_writes(reads, writes))
}

fn submit(db: RuntimeDbWeight, bytes: u32) -> Weight {
    figure(db, 200, 32, 13, 11)
        .saturating_add(Weight::from_parts(20_000, 0).saturating_mul(bytes.into()))
}

fn cancel(db: RuntimeDbWeight) -> Weight {
    figure(db, 150, 16, 8, 9)
}

fn commit(db: RuntimeDbWeight) -> Weight {
    figure(db, 100, 16, 4, 4)
}

fn reveal(db: RuntimeDbWeight) -> Weight {
    figure(db, 150, 16, 6, 6)
}

fn look(db: RuntimeDbWeight) -> Weight {
    figure(db, 40, 8, 3, 3)
}

fn turn_page(db: RuntimeDbWeight) -> Weight {
    figure(db, 10, 4, 2, 1)
}

fn next_place(db: RuntimeDbWeight) -> Weight {
    figure(db, 20, 8, 3, 2)
}

fn assign(db: RuntimeDbWeight, replicas: u32) -> Weight {
    let replicas = u64::from(replicas);
    figure(db, 100, 16, 6, 6).saturating_add(figure(db, 40, 4, 1, 1).saturating_mul(replicas))
}

fn expire(db: RuntimeDbWeight, replicas: u32) -> Weight {
    refund(db, replicas)
}

fn settle(db: RuntimeDbWeight, replicas: u32, payees: u32) -> Weight {
    // The fixed part pays the treasury and the requester. Each payment is tried twice.
    let payment = figure(db, 150, 16, 4, 4);
    figure(db, 300, 32, 14, 14)
        .saturating_add(payment.saturating_mul(payees.into()))
        .saturating_add(payment.saturating_mul(replicas.into()))
        .saturating_add(figure(db, 50, 8, 4, 4).saturating_mul(replicas.into()))
}

fn refund(db: RuntimeDbWeight, replicas: u32) -> Weight {
    let replicas = u64::from(replicas);
    figure(db, 200, 24, 10, 10).saturating_add(figure(db, 40, 8, 2, 2).saturating_mul(replicas))
}

fn prune(db: RuntimeDbWeight) -> Weight {
    figure(db, 100, 24, 12, 5)
}
