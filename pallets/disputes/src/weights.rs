//! Weights of the calls.

use frame_support::{
    traits::Get,
    weights::{RuntimeDbWeight, Weight},
};

pub use vigil_primitives::weights::HandSet;

/// Weights of the calls of this pallet. What [`Claims`](vigil_primitives::traits::Claims) and
/// [`Packages`](vigil_primitives::traits::Packages) do is not included: they say themselves what that
/// weighs.
pub trait WeightInfo {
    /// Weight of `challenge` with a proof of so many nodes and bytes.
    fn challenge(nodes: u32, data: u32) -> Weight;
    /// Weight of a `play` that commits to, or shows, so many hashes.
    fn play_nodes(nodes: u32) -> Weight;
    /// Weight of a `play` that names something.
    fn play_name() -> Weight;
    /// Weight of a `play` that shows a chunk.
    fn play_bytes() -> Weight;
    /// Weight of a `play` that has an element computed, or publishes chunks, with a proof of so many
    /// nodes and bytes.
    fn play_element(nodes: u32, data: u32) -> Weight;
    /// Weight of the end of one dispute.
    fn end() -> Weight;
    /// Weight of `time_out`, or of the look at an entry of the agenda.
    fn time_out() -> Weight;
    /// Weight of `take_over`.
    fn take_over() -> Weight;
    /// Weight of `condemn` with a proof of so many nodes and bytes.
    fn condemn(nodes: u32, data: u32) -> Weight;
    /// Weight of going on to the next block of the agenda.
    fn turn_page() -> Weight;
}

impl<Db: Get<RuntimeDbWeight>> WeightInfo for HandSet<Db> {
    fn challenge(nodes: u32, data: u32) -> Weight {
        Self::figure(600, 128, 8, 8).saturating_add(proof::<Db>(nodes, data))
    }
    fn play_nodes(nodes: u32) -> Weight {
        Self::figure(600, 64, 2, 3)
            .saturating_add(Self::figure(4, 0, 0, 0).saturating_mul(nodes.into()))
    }
    fn play_name() -> Weight {
        Self::figure(600, 64, 2, 3)
    }
    fn play_bytes() -> Weight {
        Self::figure(700, 64, 2, 3)
    }
    fn play_element(nodes: u32, data: u32) -> Weight {
        Self::figure(1_500, 64, 4, 4).saturating_add(proof::<Db>(nodes, data))
    }
    fn end() -> Weight {
        Self::high(300, 6, 8)
    }
    fn time_out() -> Weight {
        Self::figure(300, 64, 2, 2)
    }
    fn take_over() -> Weight {
        Self::figure(600, 64, 4, 5)
    }
    fn condemn(nodes: u32, data: u32) -> Weight {
        Self::figure(1_500, 16, 2, 1).saturating_add(proof::<Db>(nodes, data))
    }
    fn turn_page() -> Weight {
        Self::high(20, 2, 1)
    }
}

/// Weight of reading a proof.
fn proof<Db: Get<RuntimeDbWeight>>(nodes: u32, data: u32) -> Weight {
    let node = HandSet::<Db>::figure(4, 0, 0, 0);
    let kib = HandSet::<Db>::figure(40, 0, 0, 0);
    let kibs = u64::from(data).div_ceil(1_024);
    node.saturating_mul(nodes.into()).saturating_add(kib.saturating_mul(kibs))
}
