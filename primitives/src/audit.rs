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
//! assert_eq!(rate.deterrence.deconstruct(), 2_221);
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
/// Of audits so many are taken to see what there is to see. The others are by auditors that belong to
/// the worker, or were done away with by an author of blocks: this holds with 30 % of all workers,
/// at the prices of the others, on one side, and a third of all blocks withheld whenever that helps it.
pub const SEEING: Permill = Permill::from_percent(45);
/// A run that an audit has found right vouches for later ones worth so many times as much.
pub const VOUCHED: Balance = 8;
/// Most that an auditor may earn, as a multiple of what the audited worker earns.
pub const HIGHEST_AUDIT_PRICE: Balance = 2;
/// Auditors that are drawn for a job at most: one after the other, when one does not answer.
pub const MAX_AUDIT_DRAWS: u8 = 2;
/// Searches for an auditor at most, a block each, when a sample holds nobody who can be one.
pub const MAX_AUDIT_SEARCHES: u8 = 4;

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

/// Whether a job is audited, why, and what that costs the network.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Audit<AccountId> {
    /// The chance it had, with its parts.
    pub rate: AuditRate,
    /// The worker that made it so likely: what fees do not pay for comes out of its reward, and then
    /// out of its bond.
    pub subject: AccountId,
    /// Auditors drawn so far.
    pub draws: u8,
    /// Searches that have found nobody.
    pub searches: u8,
    /// What the treasury pays: at most, while the audit is open; what it has paid, once it is done.
    pub network: Balance,
    /// What the subject has paid out of its bond.
    pub bond: Balance,
    /// How it stands.
    pub state: AuditState,
}

/// How an audit stands.
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
pub enum AuditState {
    /// Chance has spared the job.
    #[codec(index = 0)]
    Spared,
    /// An auditor is to be drawn.
    #[codec(index = 1)]
    Due,
    /// An auditor is engaged, or has answered.
    #[codec(index = 2)]
    Drawn,
    /// There should have been one, but nobody could be drawn, or nobody answered.
    #[codec(index = 3)]
    Missed,
    /// The auditor has come to the same result, and was paid.
    #[codec(index = 4)]
    Passed,
}

/// What a worker loses if it is found out: [`BOND_COVER`] times the reward, `least` if that is more,
/// and never more than its bond.
pub fn stake(reward: Balance, bond: Balance, least: Balance) -> Balance {
    reward.saturating_mul(BOND_COVER).max(least).min(bond)
}

/// The least chance at which a wrong result loses as much as it brings, when no more than [`SEEING`]
/// of all audits find it. A worker that computes nothing at all saves no more than the reward.
///
/// ```text
/// p (1 - r) (R + S) >= R
/// ```
pub fn deterrence(reward: Balance, stake: Balance) -> Permill {
    if reward == 0 {
        return Permill::zero();
    }
    let seen = Balance::from(SEEING.deconstruct());
    share(
        reward.saturating_mul(Permill::ACCURACY.into()),
        reward.saturating_add(stake).saturating_mul(seen),
    )
}

/// The least share of the answers of a channel that have to be computed again, by whoever pays for them,
/// so that a wrong one loses as much as it brings: the whole price, where the worker is the owner of what
/// it runs and computes nothing at all. It is paid before it is looked at, at worst, and then comes out
/// of the stake.
///
/// ```text
/// q S >= P
/// ```
/// ```
/// use vigil_primitives::{audit, MILLI, UNIT};
///
/// // An answer of 0.001 VGL, whose worker loses 20 VGL when it is wrong: one in 20,000.
/// let stake = audit::stake(MILLI, 100 * UNIT, 20 * UNIT);
/// assert_eq!(audit::check_rate(MILLI, stake).deconstruct(), 50);
/// // A dear one, of which it loses fifty times the price: one in fifty.
/// let stake = audit::stake(UNIT, 100 * UNIT, 20 * UNIT);
/// assert_eq!(audit::check_rate(UNIT, stake).deconstruct(), 20_000);
/// ```
pub fn check_rate(price: Balance, stake: Balance) -> Permill {
    match price {
        0 => Permill::zero(),
        _ => share(price, stake),
    }
}

/// How much of a reward a record does not vouch for: all of it where there is none.
pub fn unproven(reward: Balance, proven: Balance) -> Permill {
    let vouched = proven.saturating_mul(VOUCHED);
    if vouched == 0 {
        return Permill::one();
    }
    share(reward, reward.saturating_add(vouched))
}

/// Who pays an auditor how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditPay {
    /// The treasury: as much as the protocol fees of the results that one audit stands for.
    pub network: Balance,
    /// The audited worker, out of its reward.
    pub reward: Balance,
    /// The audited worker, out of its bond: what its reward does not cover, since others ask more.
    pub bond: Balance,
}

impl AuditPay {
    /// Of an auditor that earns `pay` for the run of a worker that earns `reward`.
    ///
    /// Fees at the rate `fee` of as many results as one audit stands for, one in `chance`, are there
    /// for it, if the treasury has so much, `most`. The rest is borne by who makes audits more
    /// frequent than fees pay for: a worker without a record pays nearly all of it, one with a record
    /// nothing.
    pub fn new(
        reward: Balance,
        pay: Balance,
        fee: Permill,
        chance: Permill,
        most: Balance,
    ) -> Self {
        let fees = U256::from(reward)
            .saturating_mul(fee.deconstruct().into())
            .checked_div(chance.deconstruct().max(1).into())
            .unwrap_or_default();
        let network = pay.min(fees.try_into().unwrap_or(Balance::MAX)).min(most);
        let rest = pay.saturating_sub(network);
        let reward = rest.min(reward);
        Self { network, reward, bond: rest.saturating_sub(reward) }
    }
}

/// The most that an auditor may earn for the run of a worker that earns `reward`, where three quarters
/// of those who could be asked would earn `market` at most: so much, since a worker that asks less than
/// others must not escape most of them, but no more than [`HIGHEST_AUDIT_PRICE`] times the reward.
pub fn highest_pay(reward: Balance, market: Balance) -> Balance {
    market.max(reward).min(reward.saturating_mul(HIGHEST_AUDIT_PRICE))
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
        fn a_wrong_result_should_be_a_loss_when_the_fewest_audits_see_it(
            reward in 1..1_000_000 * UNIT,
            stake in 0..100_000_000 * UNIT,
        ) {
            let chance = deterrence(reward, stake);
            prop_assume!(chance < Permill::one());
            // 0.45 p (R + S) >= R, in parts per million of a hundredth.
            let caught = U256::from(chance.deconstruct()) * U256::from(reward + stake);
            prop_assert!(caught * U256::from(45u32) >= U256::from(reward) * U256::from(100_000_000u32));
            // And not more than a part per million above what does it.
            let less = U256::from(chance.deconstruct() - 1) * U256::from(reward + stake);
            prop_assert!(less * U256::from(45u32) < U256::from(reward) * U256::from(100_000_000u32));
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
        fn auditors_should_be_paid_whole_and_the_network_keep_to_its_fees(
            reward in 0..1_000_000 * UNIT,
            ask in 0u128..=2_000,
            fee in 0u32..=100_000,
            chance in 10_000u32..=1_000_000,
            most in 0..1_000_000 * UNIT,
        ) {
            let pay = reward * ask / 1_000;
            let (fee, chance) = (permill(fee), permill(chance));
            let parts = AuditPay::new(reward, pay, fee, chance, most);
            prop_assert_eq!(parts.network + parts.reward + parts.bond, pay);
            prop_assert!(parts.reward <= reward && parts.network <= most);
            prop_assert!(parts.bond == 0 || parts.reward == reward);
            // What audits cost the network, as often as they are drawn, are the fees of the results
            // that they stand for, and no more.
            let network = U256::from(parts.network) * U256::from(chance.deconstruct());
            prop_assert!(network <= U256::from(reward) * U256::from(fee.deconstruct()));
        }

        #[test]
        fn less_work_should_take_no_more_of_the_network(
            work in 1u64..1_000_000_000_000,
            less in 0u64..1_000_000_000_000,
            asks in (1..100 * UNIT, 1..100 * UNIT),
            chance in 10_000u32..=1_000_000,
        ) {
            let fee = Permill::from_percent(1);
            let pay = |work| {
                let [reward, pay] = [asks.0, asks.1].map(|ask| crate::pricing::reward(ask, work));
                AuditPay::new(reward, pay, fee, permill(chance), Balance::MAX)
            };
            prop_assert!(pay(work.min(less)).network <= pay(work).network);
        }
    }

    #[test]
    fn a_chance_should_be_the_highest_of_its_parts() {
        let proven = 1_000 * UNIT;
        let rate = AuditRate::new(UNIT, 50 * UNIT, proven, proven);
        assert_eq!(rate.chance(), rate.deterrence);
        assert_eq!(rate.deterrence, permill(43_573));
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
        let paid = |reward, pay, chance, most| {
            let AuditPay { network, reward, bond } =
                AuditPay::new(reward, pay, one_percent, chance, most);
            (network, reward, bond)
        };
        let (always, rarely) = (Permill::one(), one_percent);
        assert_eq!(paid(1_000, 1_000, always, 5_000), (10, 990, 0));
        assert_eq!(paid(1_000, 1_000, rarely, 5_000), (1_000, 0, 0));
        assert_eq!(paid(1_000, 2_000, rarely, 5_000), (1_000, 1_000, 0));
        assert_eq!(paid(1_000, 2_000, always, 5_000), (10, 1_000, 990));
        assert_eq!(paid(1_000, 1_000, Permill::from_percent(4), 5_000), (250, 750, 0));
        assert_eq!(paid(1_000, 1_000, rarely, 400), (400, 600, 0));
        assert_eq!(paid(0, 0, Permill::zero(), 0), (0, 0, 0));
    }

    #[test]
    fn an_auditor_should_earn_what_most_others_would_and_twice_the_reward_at_most() {
        assert_eq!(highest_pay(1_000, 800), 1_000);
        assert_eq!(highest_pay(1_000, 1_500), 1_500);
        assert_eq!(highest_pay(1_000, 9_000), 2_000);
        assert_eq!(highest_pay(0, 9_000), 0);
    }
}
