//! Where the stake of a wrong result goes: a dispute decides it, and a job's record keeps it.

use crate::Balance;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Where the stake of a convicted claim went. Parts of it add up to `slashed`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Penalty {
    /// Taken from the claimant: all of the following.
    pub slashed: Balance,
    /// Burned, at least half.
    pub burned: Balance,
    /// To the treasury, for the moves.
    pub costs: Balance,
    /// To whoever had paid for the claim.
    pub damages: Balance,
    /// To whoever has convicted it.
    pub bounty: Balance,
}

impl Penalty {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            slashed: self.slashed.saturating_add(other.slashed),
            burned: self.burned.saturating_add(other.burned),
            costs: self.costs.saturating_add(other.costs),
            damages: self.damages.saturating_add(other.damages),
            bounty: self.bounty.saturating_add(other.bounty),
        }
    }
}
