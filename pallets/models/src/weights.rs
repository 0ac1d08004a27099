//! Weights of the calls.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};

pub use vigil_primitives::weights::HandSet;

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
    /// Weight of revoking a version and burning its deposit.
    fn condemn() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn create() -> Weight {
        Self::high(200, 4, 5)
    }
    fn publish(layers: u32) -> Weight {
        // The length of the weights is counted tensor by tensor.
        Self::high(100, 0, 0).saturating_mul(layers.into()).saturating_add(Self::high(400, 4, 5))
    }
    fn offer() -> Weight {
        Self::high(100, 1, 1)
    }
    fn accept() -> Weight {
        Self::high(400, 5, 7)
    }
    fn withdraw_offer() -> Weight {
        Self::high(100, 1, 1)
    }
    fn deprecate() -> Weight {
        Self::high(150, 2, 1)
    }
    fn revoke() -> Weight {
        Self::high(200, 4, 1)
    }
    fn condemn() -> Weight {
        Self::high(300, 4, 4)
    }
}
