//! Weights of the calls and of the draw.
//!
//! The figures are set by hand, deliberately several times higher than the storage accesses and
//! computation of the worst case suggest, until they are measured in wasm on reference hardware.
//! Nobody pays too little by them, and no block holds more than it can execute.

use frame_support::weights::{constants::RocksDbWeight, Weight};
use vigil_primitives::worker::MAX_SERVED;

/// Weights of this pallet.
pub trait WeightInfo {
    /// Weight of `register`.
    fn register() -> Weight;
    /// Weight of `update`.
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
    /// Weight of a draw from a sample of `s` workers.
    fn engage(s: u32) -> Weight;
    /// Weight of the end of an engagement without a missed deadline.
    fn release() -> Weight;
    /// Weight of the end of an engagement by a missed deadline, with a slash and with jail for a
    /// worker that serves the most versions.
    fn release_expired() -> Weight;
}

/// The figures set by hand.
impl WeightInfo for () {
    fn register() -> Weight {
        high(300, 3, 3)
    }
    fn update() -> Weight {
        high(200, 1, 1)
    }
    fn bond_more() -> Weight {
        high(250, 3, 3)
    }
    fn serve() -> Weight {
        high(300, 6, 4)
    }
    fn unserve() -> Weight {
        high(300, 4, 6)
    }
    fn drain() -> Weight {
        high(200, 1, 1).saturating_add(lists())
    }
    fn resume() -> Weight {
        high(200, 1, 1).saturating_add(lists())
    }
    fn unbond() -> Weight {
        high(200, 1, 1).saturating_add(lists())
    }
    fn withdraw() -> Weight {
        high(250, 3, 3)
    }
    fn unjail() -> Weight {
        high(200, 1, 1).saturating_add(lists())
    }
    fn engage(s: u32) -> Weight {
        high(150, 1, 1).saturating_add(high(50, 2, 0).saturating_mul(s.into()))
    }
    fn release() -> Weight {
        high(100, 1, 1)
    }
    fn release_expired() -> Weight {
        high(400, 4, 5).saturating_add(lists())
    }
}

/// Joining or leaving the lists of the most versions a worker serves.
fn lists() -> Weight {
    high(40, 3, 5).saturating_mul(MAX_SERVED.into())
}

/// `micros` microseconds of computation, and 8 KiB of proof for every read.
fn high(micros: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(8_192))
        .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}
