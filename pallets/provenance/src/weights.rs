//! Weights of the calls, and of what registries and jobs have this pallet do.
//!
//! The figures are set by hand, deliberately several times higher than the storage accesses and
//! computation of the worst case suggest, until they are measured in wasm on reference hardware.
//! Nobody pays too little by them, and no block holds more than it can execute.

use frame_support::weights::{constants::RocksDbWeight, Weight};
use vigil_primitives::lineage::MAX_PAYEES;

/// Weights of this pallet.
pub trait WeightInfo {
    /// Weight of `register` with the largest specification and so many citations.
    fn register(citations: u32) -> Weight;
    /// Weight of `publish` with the largest specification and so many citations.
    fn publish(citations: u32) -> Weight;
    /// Weight of `offer`.
    fn offer() -> Weight;
    /// Weight of `accept`.
    fn accept() -> Weight;
    /// Weight of `withdraw_offer`.
    fn withdraw_offer() -> Weight;
    /// Weight of `deprecate`.
    fn deprecate() -> Weight;
    /// Weight of `revoke`.
    fn revoke() -> Weight;
    /// Weight of `remove` of a version with so many citations.
    fn remove(citations: u32) -> Weight;
    /// Weight of `attest`.
    fn attest() -> Weight;
    /// Weight of `withdraw_statement`.
    fn withdraw_statement() -> Weight;
    /// Weight of `buy_grant` of an asset with so many payees, none of whom can be credited.
    fn buy_grant(payees: u32) -> Weight;
    /// Weight of `give_grant`.
    fn give_grant() -> Weight;
    /// Weight of `revoke_grant`.
    fn revoke_grant() -> Weight;
    /// Weight of `remove_grant`.
    fn remove_grant() -> Weight;
    /// Weight of `collect`.
    fn collect() -> Weight;
    /// Weight of recording so many citations, all by consent of a grant.
    fn record(citations: u32) -> Weight;
    /// Weight of splitting an amount among so many payees and recording what each has earned.
    fn split(payees: u32) -> Weight;
    /// Weight of reserving, consuming or giving back a use of a grant.
    fn use_grant() -> Weight;
    /// Weight of keeping an amount for a payee.
    fn keep() -> Weight;
}

/// The figures set by hand.
impl WeightInfo for () {
    fn register(citations: u32) -> Weight {
        high(200, 3, 4).saturating_add(Self::publish(citations))
    }
    fn publish(citations: u32) -> Weight {
        high(400, 4, 5).saturating_add(Self::record(citations))
    }
    fn offer() -> Weight {
        high(100, 1, 1)
    }
    fn accept() -> Weight {
        high(400, 5, 5)
    }
    fn withdraw_offer() -> Weight {
        high(100, 1, 1)
    }
    fn deprecate() -> Weight {
        high(150, 2, 1)
    }
    fn revoke() -> Weight {
        high(150, 3, 1)
    }
    fn remove(citations: u32) -> Weight {
        high(300, 8, 6).saturating_add(high(50, 1, 2).saturating_mul(citations.into()))
    }
    fn attest() -> Weight {
        high(200, 5, 3)
    }
    fn withdraw_statement() -> Weight {
        high(200, 3, 3)
    }
    fn buy_grant(payees: u32) -> Weight {
        // A payee that cannot be credited costs the attempt, a transfer to the keeper and a hold.
        let payee = high(300, 6, 6).saturating_add(Self::keep());
        high(400, 10, 9)
            .saturating_add(Self::split(payees))
            .saturating_add(payee.saturating_mul(payees.into()))
    }
    fn give_grant() -> Weight {
        high(300, 10, 9)
    }
    fn revoke_grant() -> Weight {
        high(600, 12, 11).saturating_add(Self::keep())
    }
    fn remove_grant() -> Weight {
        high(250, 5, 6)
    }
    fn collect() -> Weight {
        high(300, 5, 5)
    }
    fn record(citations: u32) -> Weight {
        // Whoever cites one asset may have to ask all its ancestors, for commercial use and royalty.
        let ancestors = if citations == 0 { 0 } else { MAX_PAYEES };
        high(100, 0, 1)
            .saturating_add(high(40, 6, 0).saturating_mul(ancestors.into()))
            .saturating_add(high(200, 6, 3).saturating_mul(citations.into()))
    }
    fn split(payees: u32) -> Weight {
        high(100, 3, 0).saturating_add(high(100, 3, 2).saturating_mul(payees.into()))
    }
    fn use_grant() -> Weight {
        high(50, 1, 1)
    }
    fn keep() -> Weight {
        high(150, 3, 3)
    }
}

/// `micros` microseconds of computation, and 8 KiB of proof for every read.
fn high(micros: u64, reads: u64, writes: u64) -> Weight {
    Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(8_192))
        .saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}
