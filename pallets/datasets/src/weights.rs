//! Weights of the calls.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};

pub use vigil_primitives::weights::HandSet;

/// Weights of the calls of this pallet. What [`Provenance`](vigil_primitives::traits::Provenance)
/// does is not included: it says itself what that weighs.
pub trait WeightInfo {
    /// Weight of `register` with the largest specification.
    fn register() -> Weight;
    /// Weight of `publish` with the largest specification.
    fn publish() -> Weight;
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
    /// Weight of `remove`.
    fn remove() -> Weight;
    /// Weight of `attest`.
    fn attest() -> Weight;
    /// Weight of `withdraw_statement`.
    fn withdraw_statement() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn register() -> Weight {
        Self::high(200, 3, 4).saturating_add(Self::publish())
    }
    fn publish() -> Weight {
        Self::high(400, 4, 5)
    }
    fn offer() -> Weight {
        Self::high(100, 1, 1)
    }
    fn accept() -> Weight {
        Self::high(400, 5, 5)
    }
    fn withdraw_offer() -> Weight {
        Self::high(100, 1, 1)
    }
    fn deprecate() -> Weight {
        Self::high(150, 2, 1)
    }
    fn revoke() -> Weight {
        Self::high(150, 3, 1)
    }
    fn remove() -> Weight {
        Self::high(250, 6, 5)
    }
    fn attest() -> Weight {
        Self::high(200, 5, 3)
    }
    fn withdraw_statement() -> Weight {
        Self::high(200, 3, 3)
    }
}
