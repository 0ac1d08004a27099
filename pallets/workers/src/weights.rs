//! Weights of the calls and of the draw.
//!
//! What the market does when a worker has room is not included:
//! [`Market`](vigil_primitives::traits::Market) says what that weighs.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};
use vigil_primitives::worker::MAX_SERVED;

pub use vigil_primitives::weights::HandSet;

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
    /// Weight of `name_owner`.
    fn name_owner() -> Weight;
    /// Weight of `confirm_worker`.
    fn confirm_worker() -> Weight;
    /// Weight of `declare_region`.
    fn declare_region() -> Weight;
    /// Weight of `refute_region`.
    fn refute_region() -> Weight;
    /// Weight of a search that looks at `looked` workers, and at the owners of `excluded` ones, and
    /// engages `drawn` of them.
    fn engage(looked: u32, excluded: u32, drawn: u32) -> Weight;
    /// Weight of the end of an engagement without a missed deadline.
    fn release() -> Weight;
    /// Weight of the end of an engagement by a missed deadline, with a slash and with jail for a
    /// worker that serves the most versions.
    fn release_expired() -> Weight;
    /// Weight of putting a bond behind a channel, or of the end of that.
    fn cover() -> Weight;
    /// Weight of the beginning or the end of a dispute.
    fn dispute() -> Weight;
    /// Weight of a payment out of a bond, with jail for a worker that serves the most versions.
    fn charge() -> Weight;
    /// Weight of a conviction, with four payments out of the bond and jail for a worker that serves
    /// the most versions.
    fn convict() -> Weight;
}

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
        Self::high(200, 1, 1).saturating_add(lists::<Db>())
    }
    fn resume() -> Weight {
        Self::high(200, 1, 1).saturating_add(lists::<Db>())
    }
    fn unbond() -> Weight {
        Self::high(200, 1, 1).saturating_add(lists::<Db>())
    }
    fn withdraw() -> Weight {
        Self::high(400, 6, 6)
    }
    fn unjail() -> Weight {
        Self::high(200, 1, 1).saturating_add(lists::<Db>())
    }
    fn name_owner() -> Weight {
        Self::high(200, 1, 1)
    }
    fn confirm_worker() -> Weight {
        Self::high(200, 1, 1)
    }
    fn declare_region() -> Weight {
        Self::high(250, 4, 4)
    }
    fn refute_region() -> Weight {
        Self::high(250, 4, 4)
    }
    fn engage(looked: u32, excluded: u32, drawn: u32) -> Weight {
        Self::high(100, 1, 0)
            .saturating_add(Self::high(10, 1, 0).saturating_mul(excluded.into()))
            .saturating_add(Self::high(30, 4, 0).saturating_mul(looked.into()))
            .saturating_add(Self::high(25, 0, 1).saturating_mul(drawn.into()))
    }
    fn release() -> Weight {
        Self::high(100, 1, 1)
    }
    fn release_expired() -> Weight {
        Self::high(400, 4, 5).saturating_add(lists::<Db>())
    }
    fn cover() -> Weight {
        Self::high(100, 1, 1)
    }
    fn dispute() -> Weight {
        Self::high(100, 1, 1)
    }
    fn charge() -> Weight {
        Self::high(400, 4, 4).saturating_add(lists::<Db>())
    }
    fn convict() -> Weight {
        Self::high(1_000, 10, 10).saturating_add(lists::<Db>())
    }
}

/// Joining or leaving the lists of the most versions a worker serves.
fn lists<Db: Get<RuntimeDbWeight>>() -> Weight {
    HandSet::<Db>::high(45, 3, 6).saturating_mul(MAX_SERVED.into())
}
