//! Weights of the calls.
//!
//! The figures are set by hand, deliberately several times higher than the storage accesses and
//! computation of the worst case suggest, until they are measured in wasm on reference hardware.
//! Nobody pays too little by them, and no block holds more than it can execute.

use frame_support::weights::{constants::RocksDbWeight, Weight};

/// Weights of the calls of this pallet.
pub trait WeightInfo {
    /// Weight of `create`.
    fn create() -> Weight;
    /// Weight of `publish` with the largest specification of so many layers, without recording its
    /// lineage.
    fn publish(layers: u32) -> Weight;
    /// Weight of `offer`.
    fn offer() -> Weight;
    /// Weight of `accept`.
    fn accept() -> Weight;
    /// Weight of `withdraw_offer`.
    fn withdraw_offer() -> Weight;
    /// Weight of `deprecate`.
    fn deprecate() -> Weight;
    /// Weight of `revoke`, with the look for paid grants.
    fn revoke() -> Weight;
}

/// The figures set by hand.
impl WeightInfo for () {
    fn create() -> Weight {
        high(200, 4, 5)
    }
    fn publish(layers: u32) -> Weight {
        // The length of the weights is counted tensor by tensor.
        high(100, 0, 0).saturating_mul(layers.into()).saturating_add(high(400, 4, 5))
    }
    fn offer() -> Weight {
        high(100, 1, 1)
    }
    fn accept() -> Weight {
        high(400, 5, 7)
    }
    fn withdraw_offer() -> Weight {
        high(100, 1, 1)
    }
    fn deprecate() -> Weight {
        high(150, 2, 1)
    }
    fn revoke() -> Weight {
        high(200, 4, 1)
    }
}

/// `micros` microseconds of computation, and 8 KiB of proof for every read.
fn high(micros: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(8_192))
        .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}
