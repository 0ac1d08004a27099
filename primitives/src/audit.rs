//! Audits: how likely the chain has a run done again by somebody else, and who pays for that.
//!
//! Pure and total, so that the chain, a command line and a simulation compute the same. What the
//! formulas promise, and what they assume, is in `docs/economics.md`.
//!
//! ```
//! use vigil_primitives::{audit, MILLI, UNIT};
//!
//! // A result that earns 0.001 VGL, of a worker that loses 1 VGL at least when it is wrong.
//! let stake = audit::stake(MILLI, 100 * UNIT, UNIT);
//! assert_eq!(stake, UNIT);
//! // Two in a thousand audits make it a loss to be wrong; never fewer than one in a hundred are made.
//! let rate = audit::AuditRate::new(MILLI, stake, UNIT, UNIT);
//! assert_eq!(rate.deterrence.deconstruct(), 1_999);
//! assert_eq!(rate.chance(), audit::LEAST_CHANCE);
//! // Nothing of a worker without a record goes unseen.
//! assert_eq!(audit::AuditRate::new(MILLI, stake, 0, UNIT).chance().deconstruct(), 1_000_000);
//! ```

use crate::{worker::BOND_COVER, Balance};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;
use sp_runtime::{traits::AtLeast32BitUnsigned, PerThing, Permill, SaturatedConversion};

/// No result is audited less often.
pub const LEAST_CHANCE: Permill = Permill::from_percent(1);
/// One audit in so many is taken to find nothing, whatever the result: an auditor that belongs to the
/// worker, or a drawn one that an author of blocks has done away with.
pub const BLIND_ONE_IN: Balance = 2;
/// A run that an audit has found right vouches for later ones worth so many times as much.
pub const VOUCHED: Balance = 8;
/// Most that an auditor may ask, as a multiple of what the audited worker asks.
pub const HIGHEST_AUDIT_PRICE: Balance = 2;
/// Auditors that are drawn for a job at most: one after the other, when one does not answer.
pub const MAX_AUDIT_DRAWS: u8 = 2;

/// What audits have found right, in rewards. It halves with time.
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
pub struct Record<BlockNumber> {
    /// Rewards of the runs.
    pub proven: Balance,
    /// When it was halved last.
    pub halved_at: BlockNumber,
}

impl<BlockNumber: AtLeast32BitUnsigned + Copy> Record<BlockNumber> {
    /// As it stands at `now`, when it halves every `half_life` blocks.
    pub fn at(self, now: BlockNumber, half_life: BlockNumber) -> Self {
        let (periods, halved_at) = halvings(self.halved_at, now, half_life);
        let proven = self.proven.checked_shr(periods).unwrap_or(0);
        Self { proven, halved_at }
    }

    /// With one more run that an audit has found right.
    pub fn prove(mut self, reward: Balance) -> Self {
        self.proven = self.proven.saturating_add(reward);
        self
    }
}

/// How many whole periods lie between two blocks, and the block at which the last of them ended.
pub fn halvings<BlockNumber: AtLeast32BitUnsigned + Copy>(
    from: BlockNumber,
    now: BlockNumber,
    half_life: BlockNumber,
) -> (u32, BlockNumber) {
    let blocks = now.saturating_sub(from);
    let Some(periods) = blocks.checked_div(&half_life) else { return (0, now) };
    let halved_at = from.saturating_add(periods.saturating_mul(half_life));
    (periods.saturated_into(), halved_at)
}

/// How likely a result is audited: the highest of its parts.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct AuditRate {
    /// What makes a wrong result a loss.
    pub deterrence: Permill,
    /// What the worker's record falls short of.
    pub worker: Permill,
    /// What the version's record falls short of.
    pub version: Permill,
}

impl AuditRate {
    /// Of a result that earns `reward`, when `stake` is lost if it is wrong, and audits have found
    /// so much right of the worker and of the version.
    pub fn new(reward: Balance, stake: Balance, worker: Balance, version: Balance) -> Self {
        Self {
            deterrence: deterrence(reward, stake),
            worker: unproven(reward, worker),
            version: unproven(reward, version),
        }
    }

    /// The chance itself.
    pub fn chance(&self) -> Permill {
        LEAST_CHANCE.max(self.deterrence).max(self.worker).max(self.version)
    }
}

/// What a worker loses if it is found out: [`BOND_COVER`] times the reward, `least` if that is more,
/// and never more than its bond.
pub fn stake(reward: Balance, bond: Balance, least: Balance) -> Balance {
    reward.saturating_mul(BOND_COVER).max(least).min(bond)
}

/// The least chance at which a wrong result loses as much as it brings, when one audit in
/// [`BLIND_ONE_IN`] finds nothing. A worker that computes nothing at all saves no more than the reward.
///
/// ```text
/// p (1 - r) (R + S) >= R
/// ```
pub fn deterrence(reward: Balance, stake: Balance) -> Permill {
    if reward == 0 {
        return Permill::zero();
    }
    share(reward.saturating_mul(BLIND_ONE_IN), reward.saturating_add(stake))
}

/// How much of a reward a record does not vouch for: all of it where there is none.
pub fn unproven(reward: Balance, proven: Balance) -> Permill {
    let vouched = proven.saturating_mul(VOUCHED);
    if vouched == 0 {
        return Permill::one();
    }
    share(reward, reward.saturating_add(vouched))
}

/// What an audited worker gives up of its `reward` for an auditor that earns `pay`.
///
/// The protocol fees of as many results as one audit stands for, one in `chance`, are there for it.
/// What they do not cover is borne by who makes audits more frequent than fees pay for: a worker
/// without a record pays nearly all of it, one with a record nothing.
pub fn contribution(reward: Balance, pay: Balance, fee: Permill, chance: Permill) -> Balance {
    let fees = U256::from(reward)
        .saturating_mul(fee.deconstruct().into())
        .checked_div(chance.deconstruct().max(1).into())
        .unwrap_or_default();
    let fees = fees.try_into().unwrap_or(Balance::MAX);
    pay.saturating_sub(fees).min(reward)
}

/// `part` of `whole`, rounded up, and at most all of it.
fn share(part: Balance, whole: Balance) -> Permill {
    // Both at the same scale, so that the product below stays within its type.
    let shift = 128u32.saturating_sub(whole.leading_zeros()).saturating_sub(96);
    let (part, whole) = (part >> shift, whole >> shift);
    if part >= whole {
        return Permill::one();
    }
    let parts = part.saturating_mul(Permill::ACCURACY.into()).div_ceil(whole.max(1));
    Permill::from_parts(parts.saturated_into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MILLI, UNIT};
    use proptest::prelude::*;

    fn permill(parts: u32) -> Permill {
        Permill::from_parts(parts)
    }

    proptest! {
        #[test]
        fn a_wrong_result_should_be_a_loss_when_every_second_audit_is_blind(
            reward in 1..1_000_000 * UNIT,
            stake in 0..100_000_000 * UNIT,
        ) {
            let chance = deterrence(reward, stake);
            prop_assume!(chance < Permill::one());
            // p/2 (R + S) >= R, in parts per million.
            let caught = U256::from(chance.deconstruct()) * U256::from(reward + stake);
            prop_assert!(caught >= U256::from(reward) * U256::from(2_000_000u32));
            // And not more than a part per million above what does it.
            let less = U256::from(chance.deconstruct() - 1) * U256::from(reward + stake);
            prop_assert!(less < U256::from(reward) * U256::from(2_000_000u32));
        }

        #[test]
        fn a_chance_should_never_fall_when_the_reward_rises(
            reward in 0..1_000 * UNIT,
            more in 0..1_000 * UNIT,
            bond in 100 * UNIT..100_000 * UNIT,
            worker in 0..1_000 * UNIT,
            version in 0..1_000 * UNIT,
        ) {
            let rate = |reward| {
                AuditRate::new(reward, stake(reward, bond, UNIT), worker, version).chance()
            };
            prop_assert!(rate(reward) <= rate(reward + more));
            prop_assert!(rate(reward) >= LEAST_CHANCE);
        }

        #[test]
        fn contributions_should_leave_to_fees_what_fees_pay_for(
            reward in 0..1_000_000 * UNIT,
            ask in 0u128..=2_000,
            fee in 0u32..=100_000,
            chance in 10_000u32..=1_000_000,
        ) {
            let pay = reward * ask / 1_000;
            let (fee, chance) = (permill(fee), permill(chance));
            let own = contribution(reward, pay, fee, chance);
            prop_assert!(own <= reward && own <= pay);
            // What an audit costs the network, as often as it is drawn, is within the fees of the
            // results that it stands for, unless the worker has given up its whole reward.
            let network = U256::from(pay - own) * U256::from(chance.deconstruct());
            let fees = U256::from(reward) * U256::from(fee.deconstruct());
            prop_assert!(own == reward || network <= fees + U256::from(chance.deconstruct()));
        }
    }

    #[test]
    fn a_chance_should_be_the_highest_of_its_parts() {
        let proven = 1_000 * UNIT;
        let rate = AuditRate::new(UNIT, 50 * UNIT, proven, proven);
        assert_eq!(rate.chance(), rate.deterrence);
        assert_eq!(rate.deterrence, permill(39_216));
        assert_eq!(AuditRate::new(UNIT, 50 * UNIT, 0, proven).chance(), Permill::one());
        assert_eq!(AuditRate::new(UNIT, 50 * UNIT, proven, 0).chance(), Permill::one());
        assert_eq!(AuditRate::new(UNIT, 0, proven, proven).chance(), Permill::one());
        assert_eq!(AuditRate::new(0, 0, proven, proven).chance(), LEAST_CHANCE);
    }

    #[test]
    fn a_record_should_vouch_for_what_it_is_worth() {
        assert_eq!(unproven(MILLI, 0), Permill::one());
        assert_eq!(unproven(0, 0), Permill::one());
        assert_eq!(unproven(MILLI, MILLI), permill(111_112));
        assert_eq!(unproven(8 * MILLI, MILLI), Permill::from_percent(50));
        // A farm of tiny jobs vouches for nothing large.
        assert!(unproven(UNIT, MILLI) > permill(990_000));
        assert_eq!(unproven(Balance::MAX, Balance::MAX), Permill::one());
    }

    #[test]
    fn a_record_should_halve_with_time() {
        let record = Record { proven: 1_000, halved_at: 10u32 };
        assert_eq!(record.at(109, 100), record);
        assert_eq!(record.at(110, 100), Record { proven: 500, halved_at: 110 });
        assert_eq!(record.at(390, 100), Record { proven: 125, halved_at: 310 });
        assert_eq!(record.at(u32::MAX, 100).proven, 0);
        assert_eq!(record.at(500, 0).proven, 1_000);
        // In two steps as in one.
        assert_eq!(record.at(250, 100).at(390, 100), record.at(390, 100));
    }

    #[test]
    fn who_has_no_record_should_pay_for_its_audits() {
        let one_percent = Permill::from_percent(1);
        assert_eq!(contribution(1_000, 1_000, one_percent, Permill::one()), 990);
        assert_eq!(contribution(1_000, 1_000, one_percent, one_percent), 0);
        assert_eq!(contribution(1_000, 2_000, one_percent, one_percent), 1_000);
        assert_eq!(contribution(1_000, 1_000, one_percent, Permill::from_percent(4)), 750);
        assert_eq!(contribution(0, 0, one_percent, Permill::zero()), 0);
    }
}
