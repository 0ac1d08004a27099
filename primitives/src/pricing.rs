//! Every formula that turns work and terms into money.
//!
//! One place, pure and total: amounts are rounded in the payee's favour and additions saturate, so
//! that an absurd price fails a comparison with the escrow instead of wrapping around it.
//!
//! ```
//! use vigil_primitives::{model::Fee, pricing, Permill, MICRO, MILLI};
//!
//! // A model that costs 0.001 VGL per job, and two replicas that ask 0.01 VGL per giga
//! // multiply-accumulate, with 1 % of the rewards on top for the treasury.
//! let fee = Fee { per_job: MILLI, per_1k_tokens: 0 };
//! let owner = pricing::owner_fee(&fee, 5, 160);
//! let reward = pricing::reward(10 * MILLI, 1_200_000_000);
//! assert_eq!(reward, 12 * MILLI);
//! let rate = Permill::from_percent(1);
//! let price = pricing::total(owner, reward, rate, 2);
//! assert_eq!(price, MILLI + 2 * (12 * MILLI + 120 * MICRO));
//!
//! // For that price each worker may earn as much, and not a unit more.
//! assert_eq!(pricing::budget(price, owner, rate, 2), Some(reward));
//! assert_eq!(pricing::budget(owner - 1, owner, rate, 2), None);
//! ```

use crate::{model::Fee, penalty::Penalty, Balance};
use sp_core::U256;
use sp_runtime::{traits::Saturating, PerThing, Permill};

/// Multiply-accumulates that a worker's ask is the price of.
pub const GIGA: u64 = 1_000_000_000;

/// What a worker earns: `ask` per giga multiply-accumulate, rounded up.
pub fn reward(ask: Balance, work: u64) -> Balance {
    least_reward(ask, work.into())
}

/// The least that several runs which come to `work` earn together: each is rounded up by itself.
pub fn least_reward(ask: Balance, work: u128) -> Balance {
    mul_div_ceil(ask, work, GIGA.into())
}

/// The highest ask at which `work` costs at most `budget`: a worker takes the job for that budget
/// if and only if it asks no more. Work of nothing costs nothing at any ask.
pub fn highest_ask(budget: Balance, work: u64) -> Balance {
    // The reward is rounded up, so it fits if and only if the exact one does. Where it saturates,
    // the largest budget affords whatever is asked.
    if work == 0 || budget == Balance::MAX {
        return Balance::MAX;
    }
    mul_div_floor(budget, GIGA.into(), work.into())
}

/// What the model's owner earns for a job.
pub fn owner_fee(fee: &Fee, tokens_in: u32, tokens_out: u32) -> Balance {
    let tokens = Balance::from(tokens_in).saturating_add(tokens_out.into());
    fee.per_job.saturating_add(mul_div_ceil(fee.per_1k_tokens, tokens, 1_000))
}

/// What the treasury earns on top of a worker's reward.
pub fn protocol_fee(rate: Permill, reward: Balance) -> Balance {
    rate.mul_ceil(reward)
}

/// What a job costs in all, when every replica earns `reward`.
pub fn total(owner_fee: Balance, reward: Balance, rate: Permill, replicas: u8) -> Balance {
    reward
        .saturating_add(protocol_fee(rate, reward))
        .saturating_mul(replicas.into())
        .saturating_add(owner_fee)
}

/// The most each of `replicas` workers may earn so that the [`total`] stays within `max_price`;
/// `None` when the owner's fee alone exceeds it.
pub fn budget(
    max_price: Balance,
    owner_fee: Balance,
    rate: Permill,
    replicas: u8,
) -> Option<Balance> {
    let share = max_price.checked_sub(owner_fee)?.checked_div(replicas.into())?;
    // share / (1 + rate), then down to where the rounded-up protocol fee fits.
    let million = u128::from(Permill::ACCURACY);
    let divisor = million.saturating_add(rate.deconstruct().into());
    let mut budget = mul_div_floor(share, million, divisor);
    while budget > 0 && budget.saturating_add(protocol_fee(rate, budget)) > share {
        budget.saturating_dec();
    }
    Some(budget)
}

// The product of two balances fits in 256 bits, so nothing below saturates before the last line.

fn mul_div_ceil(a: Balance, b: Balance, divisor: Balance) -> Balance {
    let product = U256::from(a).saturating_mul(b.into());
    let divisor = U256::from(divisor.max(1));
    let quotient = product.checked_div(divisor).unwrap_or_default();
    let exact = product.checked_rem(divisor).unwrap_or_default().is_zero();
    let rounded = if exact { quotient } else { quotient.saturating_add(U256::one()) };
    rounded.try_into().unwrap_or(Balance::MAX)
}

fn mul_div_floor(a: Balance, b: Balance, divisor: Balance) -> Balance {
    let product = U256::from(a).saturating_mul(b.into());
    let quotient = product.checked_div(U256::from(divisor.max(1))).unwrap_or_default();
    quotient.try_into().unwrap_or(Balance::MAX)
}

/// How what is taken from a convicted claimant is divided. At least half is burned; of the rest the
/// costs of the moves come first, and at least a quarter of what is left is the winner's bounty,
/// whatever the damages are.
///
/// ```
/// use vigil_primitives::pricing::split_slash;
///
/// let penalty = split_slash(1_000, 100, 150);
/// assert_eq!((penalty.burned, penalty.costs), (500, 100));
/// assert_eq!((penalty.damages, penalty.bounty), (150, 250));
/// ```
pub fn split_slash(slashed: Balance, costs: Balance, damages: Balance) -> Penalty {
    let rest = slashed / 2;
    let burned = slashed.saturating_sub(rest);
    let costs = costs.min(rest);
    let rest = rest.saturating_sub(costs);
    let damages = damages.min(rest.saturating_sub(rest.div_ceil(4)));
    Penalty { slashed, burned, costs, damages, bounty: rest.saturating_sub(damages) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reward_should_round_up() {
        assert_eq!(reward(10, GIGA), 10);
        assert_eq!(reward(10, 1), 1);
        assert_eq!(reward(10, GIGA + 1), 11);
        assert_eq!(reward(0, GIGA), 0);
        assert_eq!(reward(Balance::MAX, u64::MAX), Balance::MAX);
    }

    #[test]
    fn owner_fee_should_charge_tokens_in_proportion() {
        let fee = Fee { per_job: 5, per_1k_tokens: 1_000 };
        assert_eq!(owner_fee(&fee, 16, 0), 21);
        assert_eq!(owner_fee(&fee, u32::MAX, u32::MAX), 5 + 2 * Balance::from(u32::MAX));
    }

    #[test]
    fn highest_ask_should_be_unbounded_when_nothing_is_too_dear() {
        assert_eq!(highest_ask(0, 0), Balance::MAX);
        assert_eq!(highest_ask(Balance::MAX, u64::MAX), Balance::MAX);
        assert_eq!(highest_ask(0, 1), 0);
        assert_eq!(highest_ask(10, GIGA), 10);
        assert_eq!(highest_ask(10, GIGA + 1), 9);
    }

    proptest! {
        #[test]
        fn the_highest_ask_should_be_the_exact_inverse_of_the_reward(
            budget in prop_oneof![any::<Balance>(), 0..1_000_000_000_000u128],
            work in prop_oneof![any::<u64>(), 0..10 * GIGA],
        ) {
            let ask = highest_ask(budget, work);
            prop_assert!(reward(ask, work) <= budget);
            if let Some(more) = ask.checked_add(1) {
                prop_assert!(reward(more, work) > budget);
            }
        }

        #[test]
        fn a_budget_spent_should_never_exceed_the_price(
            max_price: Balance,
            owner_fee in 0..u128::MAX,
            parts in 0u32..=1_000_000,
            replicas in 1u8..=5,
        ) {
            let rate = Permill::from_parts(parts);
            if let Some(reward) = budget(max_price, owner_fee, rate, replicas) {
                prop_assert!(total(owner_fee, reward, rate, replicas) <= max_price);
            } else {
                prop_assert!(owner_fee > max_price);
            }
        }

        #[test]
        fn a_budget_should_be_the_largest_that_fits(
            max_price in 0..u128::MAX / 4,
            parts in 0u32..=1_000_000,
            replicas in 1u8..=5,
        ) {
            let rate = Permill::from_parts(parts);
            let reward = budget(max_price, 0, rate, replicas).unwrap();
            prop_assert!(total(0, reward + 1, rate, replicas) > max_price);
        }
    }
}
