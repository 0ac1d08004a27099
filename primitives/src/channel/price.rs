//! What an answer costs, and what all of them come to.
//!
//! ```
//! use vigil_primitives::{
//!     channel::{ChannelPrices, Totals, Usage},
//!     model::Fee,
//!     pricing, samples, Architecture, Permill, MILLI,
//! };
//!
//! let prices = ChannelPrices {
//!     ask: 10 * MILLI,
//!     fee: Fee { per_job: MILLI, per_1k_tokens: 0 },
//!     protocol_fee: Permill::from_percent(1),
//!     cached: Permill::from_percent(10),
//! };
//! let model = Architecture::Decoder(samples::decoder());
//! // 100 tokens in, of which 80 are known from the answer before, and 20 out.
//! let usage = Usage { tokens_in: 100, cached: 80, tokens_out: 20 };
//! let totals = Totals::default().after(&prices, &model, usage);
//! let whole = model.work(100, 20);
//! assert_eq!(totals.answers, 1);
//! assert_eq!(totals.work, u128::from(whole - model.work(80, 0) * 9 / 10));
//! assert!(totals.reward < pricing::reward(prices.ask, whole));
//! assert_eq!(totals.owner, MILLI);
//! ```

use crate::{model::Fee, pricing, Architecture, Balance, Permill};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_runtime::PerThing as _;

/// The prices of a channel, fixed when it is opened.
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
pub struct ChannelPrices {
    /// The worker's price per giga multiply-accumulate.
    pub ask: Balance,
    /// The fee of the version's owner.
    pub fee: Fee,
    /// The protocol's fee on rewards.
    pub protocol_fee: Permill,
    /// The part that is still charged of the work of input tokens whose keys and values were kept.
    pub cached: Permill,
}

/// The tokens of an answer.
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
pub struct Usage {
    /// Tokens of the input.
    pub tokens_in: u32,
    /// Those of them, from the first on, whose keys and values the worker had kept.
    pub cached: u32,
    /// Tokens that were generated.
    pub tokens_out: u32,
}

impl Usage {
    /// Multiply-accumulates that are charged: those of the run, less what is not charged of the work
    /// of the cached prefix.
    pub fn work(&self, architecture: &Architecture, cached: Permill) -> u64 {
        let whole = architecture.work(self.tokens_in, self.tokens_out);
        let prefix = architecture.work(self.cached.min(self.tokens_in), 0);
        // Rounded in the payee's favour, as all prices are.
        let free = cached.left_from_one().mul_floor(prefix);
        whole.saturating_sub(free)
    }
}

/// What the answers of a channel come to, from the first on.
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
pub struct Totals {
    /// Answers.
    pub answers: u32,
    /// Multiply-accumulates that are charged.
    pub work: u128,
    /// What the worker earns.
    pub reward: Balance,
    /// What the owners of the version and of all that it descends from earn.
    pub owner: Balance,
}

impl Totals {
    /// With one more answer: the only place that says what an answer costs.
    #[must_use]
    pub fn after(&self, prices: &ChannelPrices, architecture: &Architecture, usage: Usage) -> Self {
        let work = usage.work(architecture, prices.cached);
        let owner = pricing::owner_fee(&prices.fee, usage.tokens_in, usage.tokens_out);
        Self {
            answers: self.answers.saturating_add(1),
            work: self.work.saturating_add(work.into()),
            reward: self.reward.saturating_add(pricing::reward(prices.ask, work)),
            owner: self.owner.saturating_add(owner),
        }
    }

    /// What one answer costs.
    pub fn of(prices: &ChannelPrices, architecture: &Architecture, usage: Usage) -> Self {
        Self::default().after(prices, architecture, usage)
    }

    /// What the treasury earns.
    pub fn protocol_fee(&self, prices: &ChannelPrices) -> Balance {
        pricing::protocol_fee(prices.protocol_fee, self.reward)
    }

    /// What the requester pays in all.
    pub fn price(&self, prices: &ChannelPrices) -> Balance {
        pricing::total(self.owner, self.reward, prices.protocol_fee, 1)
    }

    /// Whether answers at these prices can come to this: nobody is credited with work that was not
    /// paid for, and no owner's fee per answer is left out.
    pub fn are_of(&self, prices: &ChannelPrices) -> bool {
        let fees = prices.fee.per_job.saturating_mul(self.answers.into());
        self.reward >= pricing::least_reward(prices.ask, self.work) && self.owner >= fees
    }

    /// Whether each of them is as much as the other's at least.
    pub fn cover(&self, other: &Self) -> bool {
        *self == self.most(other)
    }

    /// The greater of each.
    #[must_use]
    pub fn most(&self, other: &Self) -> Self {
        Self {
            answers: self.answers.max(other.answers),
            work: self.work.max(other.work),
            reward: self.reward.max(other.reward),
            owner: self.owner.max(other.owner),
        }
    }

    /// Without an answer that was counted, and is not paid after all.
    #[must_use]
    pub fn without(&self, answer: &Self) -> Self {
        Self {
            answers: self.answers.saturating_sub(answer.answers),
            work: self.work.saturating_sub(answer.work),
            reward: self.reward.saturating_sub(answer.reward),
            owner: self.owner.saturating_sub(answer.owner),
        }
    }

    /// As far as a deposit goes: the worker comes first, with the protocol's fee on its reward, and
    /// the owners have what is left. Only totals of several vouchers that contradict each other come
    /// to more than each of them.
    #[must_use]
    pub fn within(&self, deposit: Balance, prices: &ChannelPrices) -> Self {
        let most = pricing::budget(deposit, 0, prices.protocol_fee, 1).unwrap_or_default();
        let reward = self.reward.min(most);
        let fee = pricing::protocol_fee(prices.protocol_fee, reward);
        let left = deposit.saturating_sub(reward).saturating_sub(fee);
        Self { reward, owner: self.owner.min(left), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use proptest::prelude::*;

    fn prices() -> impl Strategy<Value = ChannelPrices> {
        let money = || prop_oneof![any::<Balance>(), 0..1_000_000_000_000_000u128];
        (money(), money(), money(), 0..=1_000_000u32, 0..=1_000_000u32).prop_map(
            |(ask, per_job, per_1k_tokens, fee, cached)| ChannelPrices {
                ask,
                fee: Fee { per_job, per_1k_tokens },
                protocol_fee: Permill::from_parts(fee),
                cached: Permill::from_parts(cached),
            },
        )
    }

    fn usage() -> impl Strategy<Value = Usage> {
        (1..4_096u32, 0..5_000u32, 0..4_096u32).prop_map(|(tokens_in, cached, tokens_out)| Usage {
            tokens_in,
            cached,
            tokens_out,
        })
    }

    fn totals() -> impl Strategy<Value = Totals> {
        (any::<u32>(), any::<u128>(), any::<Balance>(), any::<Balance>())
            .prop_map(|(answers, work, reward, owner)| Totals { answers, work, reward, owner })
    }

    proptest! {
        #[test]
        fn totals_should_only_grow_and_be_of_their_prices(
            prices in prices(),
            usages in proptest::collection::vec(usage(), 0..20),
        ) {
            let architecture = Architecture::Decoder(samples::decoder());
            let mut before = Totals::default();
            for usage in usages {
                let after = before.after(&prices, &architecture, usage);
                prop_assert!(after.cover(&before));
                prop_assert!(after.price(&prices) >= before.price(&prices));
                prop_assert!(after.are_of(&prices));
                prop_assert_eq!(after.answers, before.answers + 1);
                before = after;
            }
        }

        #[test]
        fn answers_should_never_cost_more_than_jobs(
            prices in prices(),
            usages in proptest::collection::vec(usage(), 0..20),
        ) {
            let architecture = Architecture::Decoder(samples::decoder());
            let mut totals = Totals::default();
            let mut jobs: Balance = 0;
            for usage in usages {
                totals = totals.after(&prices, &architecture, usage);
                let Usage { tokens_in, tokens_out, .. } = usage;
                let reward = pricing::reward(prices.ask, architecture.work(tokens_in, tokens_out));
                let owner = pricing::owner_fee(&prices.fee, tokens_in, tokens_out);
                jobs = jobs.saturating_add(pricing::total(owner, reward, prices.protocol_fee, 1));
            }
            prop_assert!(totals.price(&prices) <= jobs);
        }

        #[test]
        fn a_cached_prefix_should_cost_its_share(tokens in 1..2_000u32, more in 1..2_000u32) {
            let architecture = Architecture::Decoder(samples::decoder());
            let usage = Usage { tokens_in: tokens + more, cached: tokens, tokens_out: 1 };
            let whole = architecture.work(tokens + more, 1);
            prop_assert_eq!(usage.work(&architecture, Permill::one()), whole);
            let free = usage.work(&architecture, Permill::zero());
            prop_assert_eq!(free, whole - architecture.work(tokens, 0));
        }

        #[test]
        fn the_order_of_vouchers_should_not_matter(a in totals(), b in totals(), c in totals()) {
            prop_assert_eq!(a.most(&b).most(&c), c.most(&a).most(&b));
            prop_assert_eq!(a.most(&a), a);
            prop_assert!(a.most(&b).cover(&a));
        }

        #[test]
        fn what_is_owed_should_fit_the_deposit_and_the_worker_come_first(
            prices in prices(),
            a in totals(),
            b in totals(),
            deposit: Balance,
        ) {
            let paid = a.within(deposit, &prices);
            prop_assert!(paid.price(&prices) <= deposit);
            if a.price(&prices) <= deposit {
                prop_assert_eq!(paid, a);
                // Whatever else is signed takes nothing from a voucher that fits.
                if b.price(&prices) <= deposit {
                    prop_assert!(a.most(&b).within(deposit, &prices).reward >= a.reward);
                }
            }
        }
    }

    #[test]
    fn work_that_was_not_paid_for_should_not_count() {
        let fee = Fee { per_job: 5, per_1k_tokens: 0 };
        let prices =
            ChannelPrices { ask: 10, fee, protocol_fee: Permill::zero(), cached: Permill::zero() };
        let good = Totals { answers: 2, work: u128::from(pricing::GIGA), reward: 10, owner: 10 };
        assert!(good.are_of(&prices));
        assert!(!Totals { work: good.work + 1, ..good }.are_of(&prices));
        assert!(!Totals { answers: 3, ..good }.are_of(&prices));
        assert!(Totals { reward: 11, owner: 11, ..good }.are_of(&prices));
    }
}
