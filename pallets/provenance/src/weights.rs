//! Weights of the calls, and of what registries and jobs have this pallet do.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};
use vigil_primitives::lineage::MAX_PAYEES;

pub use vigil_primitives::weights::HandSet;

/// Weights of this pallet.
pub trait WeightInfo {
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
    /// Weight of forgetting the lineage of a version with so many citations.
    fn forget(citations: u32) -> Weight;
    /// Weight of splitting an amount among so many payees and recording what each has earned.
    fn split(payees: u32) -> Weight;
    /// Weight of reserving, consuming or giving back a use of a grant.
    fn use_grant() -> Weight;
    /// Weight of keeping an amount for a payee.
    fn keep() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn buy_grant(payees: u32) -> Weight {
        // A payee that cannot be credited costs the attempt, a transfer to the keeper and a hold.
        let payee = Self::high(300, 6, 6).saturating_add(Self::keep());
        Self::high(400, 10, 9)
            .saturating_add(Self::split(payees))
            .saturating_add(payee.saturating_mul(payees.into()))
    }
    fn give_grant() -> Weight {
        Self::high(300, 10, 9)
    }
    fn revoke_grant() -> Weight {
        Self::high(600, 12, 11).saturating_add(Self::keep())
    }
    fn remove_grant() -> Weight {
        Self::high(250, 5, 6)
    }
    fn collect() -> Weight {
        Self::high(300, 5, 5)
    }
    fn record(citations: u32) -> Weight {
        // Whoever cites one asset may have to ask all its ancestors, for commercial use and royalty.
        let ancestors = if citations == 0 { 0 } else { MAX_PAYEES };
        Self::high(100, 0, 1)
            .saturating_add(Self::high(40, 6, 0).saturating_mul(ancestors.into()))
            .saturating_add(Self::high(200, 6, 3).saturating_mul(citations.into()))
    }
    fn forget(citations: u32) -> Weight {
        Self::high(50, 2, 1).saturating_add(Self::high(50, 1, 2).saturating_mul(citations.into()))
    }
    fn split(payees: u32) -> Weight {
        Self::high(100, 3, 0).saturating_add(Self::high(100, 3, 2).saturating_mul(payees.into()))
    }
    fn use_grant() -> Weight {
        Self::high(50, 1, 1)
    }
    fn keep() -> Weight {
        Self::high(150, 3, 3)
    }
}
