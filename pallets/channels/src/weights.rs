//! Weights of the calls and of the steps of the agenda.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};

pub use vigil_primitives::weights::HandSet;

/// What each call and each step weighs.
///
/// What other pallets do is not included: covering a channel with a bond, reserving uses of a grant and
/// ending them, splitting the owner's fee, keeping what cannot be credited, recording contributions. The
/// [traits](vigil_primitives::traits) say what that weighs.
pub trait WeightInfo {
    /// Saying or withdrawing terms.
    fn set_terms() -> Weight;
    /// Opening.
    fn open() -> Weight;
    /// Holding more.
    fn top_up() -> Weight;
    /// Closing with a voucher, without the settlement.
    fn close() -> Weight;
    /// Showing a newer voucher.
    fn dispute_close() -> Weight;
    /// Putting a receipt on chain.
    fn show() -> Weight;
    /// Paying the worker, `payees` owners and the treasury, none of whom can be credited.
    fn settle(payees: u32) -> Weight;
    /// Beginning to close a channel that has expired.
    fn expire() -> Weight;
    /// Forgetting a channel with so many receipts on chain.
    fn prune(shown: u32) -> Weight;
    /// The beginning or the end of a dispute about a receipt.
    fn dispute() -> Weight;
    /// The fall of a receipt.
    fn convict() -> Weight;
    /// Reading one channel and finding out what it is due for.
    fn look() -> Weight;
    /// Moving the agenda to its next block.
    fn turn_page() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn set_terms() -> Weight {
        Self::figure(100, 16, 2, 1)
    }
    fn open() -> Weight {
        Self::figure(300, 48, 10, 10)
    }
    fn top_up() -> Weight {
        Self::figure(200, 32, 6, 4)
    }
    fn close() -> Weight {
        // A signature takes some 60 microseconds in wasm.
        Self::figure(300, 24, 3, 3)
    }
    fn dispute_close() -> Weight {
        Self::figure(300, 24, 3, 3)
    }
    fn show() -> Weight {
        Self::figure(400, 40, 6, 6)
    }
    fn settle(payees: u32) -> Weight {
        // The fixed part pays the worker, the treasury and the requester. Each payment is tried twice.
        let payment = Self::figure(150, 16, 4, 4);
        Self::figure(600, 56, 18, 18)
            .saturating_add(payment.saturating_mul(payees.saturating_add(1).into()))
    }
    fn expire() -> Weight {
        Self::figure(100, 8, 1, 3)
    }
    fn prune(shown: u32) -> Weight {
        Self::figure(100, 24, 3, 5)
            .saturating_add(Self::figure(100, 16, 3, 3).saturating_mul(shown.into()))
    }
    fn dispute() -> Weight {
        Self::figure(300, 24, 3, 4)
    }
    fn convict() -> Weight {
        Self::figure(400, 32, 5, 6)
    }
    fn look() -> Weight {
        Self::figure(40, 12, 2, 2)
    }
    fn turn_page() -> Weight {
        Self::figure(10, 4, 2, 1)
    }
}
