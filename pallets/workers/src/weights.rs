//! Weights of the calls and of the draw.
//!
//! The figures are set by hand, deliberately several times higher than the storage accesses and
//! computation of the worst case suggest, until they are measured in wasm on reference hardware.
//! Nobody pays too little by them, and no block holds more than it can execute. What the market
//! does when a worker has room is not included: [`Market`](vigil_primitives::traits::Market) says
//! what that weighs.

use core::marker::PhantomData;
use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};
use vigil_primitives::worker::MAX_SERVED;

/// Weights of this pallet.
pub trait WeightInfo {
    /// Weight of `register`.
    fn register() -> Weight;
    /// Weight of `update` with another ask and the most served versions.
    fn update() -> Weight;
    /// Weight of `bond_more`.
    fn bond_more() -> Weight;
    /// Weight of `serve`.
    fn serve() -> Weight;
    /// Weight of `unserve`.
    fn unserve() -> Weight;
    /// Weight of `drain` with the most served versions.
    fn drain() -> Weight;
    /// Weight of `resume` with the most served versions.
    fn resume() -> Weight;
    /// Weight of `unbond` with the most served versions.
    fn unbond() -> Weight;
    /// Weight of `withdraw`.
    fn withdraw() -> Weight;
    /// Weight of `unjail` with the most served versions.
    fn unjail() -> Weight;
    /// Weight of a search that looks at `looked` workers and engages `drawn` of them.
    fn engage(looked: u32, drawn: u32) -> Weight;
    /// Weight of the end of an engagement without a missed deadline.
    fn release() -> Weight;
    /// Weight of the end of an engagement by a missed deadline, with a slash and with jail for a
    /// worker that serves the most versions.
    fn release_expired() -> Weight;
}

/// The figures set by hand, on top of the accesses to a database of these weights.
pub struct HandSet<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn register() -> Weight {
        Self::high(300, 3, 3)
    }
    fn update() -> Weight {
        Self::high(200, 1, 1).saturating_add(Self::high(20, 0, 2).saturating_mul(MAX_SERVED.into()))
    }
    fn bond_more() -> Weight {
        Self::high(250, 3, 3)
    }
    fn serve() -> Weight {
        Self::high(300, 6, 5)
    }
    fn unserve() -> Weight {
        Self::high(300, 4, 7)
    }
    fn drain() -> Weight {
        Self::high(200, 1, 1).saturating_add(Self::lists())
    }
    fn resume() -> Weight {
        Self::high(200, 1, 1).saturating_add(Self::lists())
    }
    fn unbond() -> Weight {
        Self::high(200, 1, 1).saturating_add(Self::lists())
    }
    fn withdraw() -> Weight {
        Self::high(250, 3, 3)
    }
    fn unjail() -> Weight {
        Self::high(200, 1, 1).saturating_add(Self::lists())
    }
    fn engage(looked: u32, drawn: u32) -> Weight {
        Self::high(100, 1, 0)
            .saturating_add(Self::high(25, 2, 0).saturating_mul(looked.into()))
            .saturating_add(Self::high(25, 0, 1).saturating_mul(drawn.into()))
    }
    fn release() -> Weight {
        Self::high(100, 1, 1)
    }
    fn release_expired() -> Weight {
        Self::high(400, 4, 5).saturating_add(Self::lists())
    }
}

impl<Db: Get<RuntimeDbWeight>> HandSet<Db> {
    /// Joining or leaving the lists of the most versions a worker serves.
    fn lists() -> Weight {
        Self::high(45, 3, 6).saturating_mul(MAX_SERVED.into())
    }

    /// `micros` microseconds of computation, and 8 KiB of proof for every read.
    fn high(micros: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(8_192))
            .saturating_add(Db::get().reads_writes(reads, writes))
    }
}
