//! What the chain keeps of a channel, and of the workers that take some.

use super::{AnswerReceipt, ChannelId, ChannelPrices, Totals, MAX_SHOWN};
use crate::{
    grant::GrantId, terms::AcceptedTerms, AccountId, Balance, BlockNumber, Hash, ModelVersionId,
    Permill,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, sr25519::Public, ConstU32};
use sp_runtime::{traits::AtLeast32BitUnsigned, SaturatedConversion};

/// What a worker offers to those who open channels. Its price is its ask when one is opened.
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
pub struct ChannelTerms<Amount = Balance> {
    /// Channels it has open at the same time. 0: it takes none.
    pub max_open: u16,
    /// The smallest deposit.
    pub min_deposit: Amount,
    /// The largest, with all that is added later: its bond covers the deposits of all channels and the
    /// rewards of jobs together, and one requester should not take all of it.
    pub max_deposit: Amount,
    /// The part that it charges of the work of input tokens whose keys and values it has kept.
    pub cached: Permill,
    /// Signs its receipts. It may be its account's key or another, which has no money; but the bond
    /// stands behind whatever it signs.
    pub signer: Public,
}

/// Everything a requester states when opening a channel.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ChannelSpec<Account = AccountId, Block = BlockNumber> {
    /// Who is to answer.
    pub worker: Account,
    /// What it is to run.
    pub version: ModelVersionId,
    /// Which terms the requester accepts.
    pub terms: AcceptedTerms,
    /// The highest ask that the requester accepts: a worker may raise its own at any time before.
    pub max_ask: Balance,
    /// The most the requester pays for all answers. Held until the channel is settled.
    pub deposit: Balance,
    /// The last block at which the worker is to answer.
    pub expires_at: Block,
    /// Most answers. As many uses of the requester's grant are reserved, if the version takes one.
    pub max_answers: u32,
    /// Signs the requester's vouchers. It may be its account's key or another, which has no money.
    pub signer: Public,
}

/// What is on hold of a requester for the time that its channel takes a worker's place: so much for
/// every block until it is settled, or until it expires if that is earlier.
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
pub enum Rent {
    /// It is not settled yet.
    #[codec(index = 0)]
    Running {
        /// For every block.
        per_block: Balance,
    },
    /// It is settled.
    #[codec(index = 1)]
    Paid {
        /// What went to the treasury.
        amount: Balance,
    },
}

/// Who was paid what. `requester` is what came back; all parts add up to the deposit.
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
pub struct ChannelReceipt {
    /// To the worker.
    pub worker: Balance,
    /// To the owners of the version and of all that it descends from.
    pub owner: Balance,
    /// To the treasury.
    pub treasury: Balance,
    /// Back to the requester.
    pub requester: Balance,
    /// Answers that were paid.
    pub answers: u32,
    /// Multiply-accumulates of them that were charged.
    pub work: u128,
}

/// Where a channel stands.
///
/// ```text
/// Open -> Closing -> Settled -> (pruned)
///   '--------------------^
///    (closed by the worker)
/// ```
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
pub enum ChannelStatus<Block> {
    /// The worker answers.
    #[codec(index = 0)]
    Open,
    /// It is settled at this block by the vouchers that are shown before.
    #[codec(index = 1)]
    Closing {
        /// When it is settled.
        until: Block,
        /// What the vouchers that were shown owe.
        totals: Totals,
    },
    /// Paid. Its receipts can be challenged until it is pruned.
    #[codec(index = 2)]
    Settled {
        /// What the vouchers owed.
        totals: Totals,
        /// Who was paid what.
        receipt: ChannelReceipt,
        /// When.
        at: Block,
        /// When it is pruned, if nothing is disputed any more.
        prune_at: Block,
    },
}

/// A receipt that was convicted: its answer is not paid, or its price has come back out of the worker's
/// bond.
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
pub struct Void {
    /// Number of the answer.
    pub number: u32,
    /// What names the receipt.
    pub receipt: Hash,
    /// What the answer costs.
    pub cost: Totals,
}

/// The receipts of a channel that were convicted, each once. Several may be of one number.
pub type Voids = BoundedVec<Void, ConstU32<{ 2 * MAX_SHOWN }>>;

/// A channel.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Channel<Account = AccountId, Block = BlockNumber> {
    /// Who asks and pays.
    pub requester: Account,
    /// Signs the requester's vouchers.
    pub signer: Public,
    /// Who answers.
    pub worker: Account,
    /// Signs the worker's receipts.
    pub worker_signer: Public,
    /// What it runs.
    pub version: ModelVersionId,
    /// Which terms the requester has accepted.
    pub terms: AcceptedTerms,
    /// The requester's grant, if the version takes one.
    pub grant: Option<GrantId>,
    /// Most answers, which are uses of the grant.
    pub max_answers: u32,
    /// The prices.
    pub prices: ChannelPrices,
    /// On hold of the requester until it is settled.
    pub deposit: Balance,
    /// What its time costs.
    pub rent: Rent,
    /// What the worker's bond covers: the deposit, and once it is settled what was paid of it.
    pub covered: Balance,
    /// Among how many the owner's fee is split at most.
    pub payees: u32,
    /// When it was opened.
    pub opened_at: Block,
    /// The last block at which the worker answers: then it closes by itself.
    pub expires_at: Block,
    /// Receipts that its requester has put on chain.
    pub shown: u32,
    /// Receipts that others have.
    pub shown_by_others: u32,
    /// Disputes about its receipts that have not ended.
    pub disputes: u32,
    /// Receipts that were convicted.
    pub voids: Voids,
    /// When something becomes due.
    pub wake_at: Block,
    /// Where it stands.
    pub status: ChannelStatus<Block>,
}

/// What a channel is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelDue {
    /// It has expired: it closes by itself.
    Close,
    /// The time for newer vouchers is over.
    Settle,
    /// The time for challenges of its receipts is over.
    Prune,
}

impl<Account, Block: AtLeast32BitUnsigned + Copy> Channel<Account, Block> {
    /// Whether the worker still answers at `now`.
    pub fn is_open(&self, now: Block) -> bool {
        matches!(self.status, ChannelStatus::Open) && now <= self.expires_at
    }

    /// The block at which something becomes due.
    pub fn next_due(&self) -> Block {
        match self.status {
            ChannelStatus::Open => self.expires_at.saturating_add(Block::one()),
            ChannelStatus::Closing { until, .. } => until,
            // Not before the disputes have ended.
            ChannelStatus::Settled { .. } if self.disputes > 0 => Block::max_value(),
            ChannelStatus::Settled { prune_at, .. } => prune_at,
        }
    }

    /// What it is due for now.
    pub fn due(&self, now: Block) -> Option<ChannelDue> {
        let due = match self.status {
            ChannelStatus::Open => ChannelDue::Close,
            ChannelStatus::Closing { .. } => ChannelDue::Settle,
            ChannelStatus::Settled { .. } => ChannelDue::Prune,
        };
        (self.next_due() <= now).then_some(due)
    }

    /// Counts what a voucher says. One that is open begins to close, and is settled at `until`.
    pub fn close(&mut self, until: Block, more: Totals) {
        self.status = match self.status {
            ChannelStatus::Open => ChannelStatus::Closing { until, totals: more },
            ChannelStatus::Closing { until, totals } => {
                ChannelStatus::Closing { until, totals: totals.most(&more) }
            }
            ChannelStatus::Settled { .. } => self.status,
        };
    }

    /// A receipt is convicted: how much less its requester is to pay for all answers than before. Of
    /// several receipts of one number the dearest counts, and of answers that no voucher counts none.
    pub fn void(&mut self, void: Void) -> Balance {
        let before = self.owed();
        // Within the bound: no more receipts are shown in all, each of them once.
        let _ = self.voids.try_push(void);
        before.saturating_sub(self.owed())
    }

    /// What the requester is to pay by the vouchers that were shown.
    fn owed(&self) -> Balance {
        self.payable(self.totals()).price(&self.prices)
    }

    /// Whether nothing is held for it any more.
    pub fn is_settled(&self) -> bool {
        matches!(self.status, ChannelStatus::Settled { .. })
    }

    /// What its time costs if it ends at `now`: nothing once it is settled.
    pub fn rent_until(&self, now: Block) -> Balance {
        let blocks = now.min(self.expires_at).saturating_sub(self.opened_at);
        match self.rent {
            Rent::Running { per_block } => per_block.saturating_mul(blocks.saturated_into()),
            Rent::Paid { .. } => 0,
        }
    }

    /// What is on hold for it.
    pub fn rent_held(&self) -> Balance {
        self.rent_until(self.expires_at)
    }

    /// What vouchers owe that have been shown.
    pub fn totals(&self) -> Totals {
        match self.status {
            ChannelStatus::Open => Totals::default(),
            ChannelStatus::Closing { totals, .. } | ChannelStatus::Settled { totals, .. } => totals,
        }
    }

    /// Whether an answer of this number was wrong.
    pub fn is_void(&self, number: u32) -> bool {
        self.voids.iter().any(|void| void.number == number)
    }

    /// Whether this receipt was convicted.
    pub fn is_convicted(&self, receipt: &Hash) -> bool {
        self.voids.iter().any(|void| void.receipt == *receipt)
    }

    /// What is paid of `totals`: without the answers that were wrong, as far as the deposit goes.
    pub fn payable(&self, totals: Totals) -> Totals {
        let mut payable = totals;
        for (place, void) in self.voids.iter().enumerate() {
            let mut earlier = self.voids.iter().take(place);
            if void.number <= totals.answers && earlier.all(|it| it.number != void.number) {
                let twins = self.voids.iter().filter(|it| it.number == void.number);
                let dearest = twins.fold(void.cost, |most, twin| most.most(&twin.cost));
                payable = payable.without(&dearest);
            }
        }
        payable.within(self.deposit, &self.prices)
    }
}

/// A receipt that somebody has put on chain, so that it can be challenged.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ShownReceipt<Account = AccountId> {
    /// What it says.
    pub receipt: AnswerReceipt,
    /// What the answer costs.
    pub cost: Totals,
    /// Who has put it there.
    pub by: Account,
    /// On hold of it.
    pub deposit: Balance,
    /// Disputes about it that have not ended.
    pub disputes: u32,
}

/// Which side of a channel an account has.
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
pub enum ChannelSide {
    /// It asks and pays.
    #[codec(index = 0)]
    Requester,
    /// It answers.
    #[codec(index = 1)]
    Worker,
}

/// A channel as the runtime API shows it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChannelView<Account = AccountId, Block = BlockNumber> {
    /// Its number.
    pub id: ChannelId,
    /// What is kept of it.
    pub channel: Channel<Account, Block>,
}

/// A worker that would take a channel now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChannelOffer<Account = AccountId> {
    /// The worker.
    pub worker: Account,
    /// Its price per giga multiply-accumulate.
    pub ask: Balance,
    /// Its terms.
    pub terms: ChannelTerms,
    /// Channels that it has open.
    pub open: u16,
}

/// The constants that clients of channels need.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ChannelParameters<Block = BlockNumber> {
    /// The protocol's fee on rewards.
    pub protocol_fee: Permill,
    /// What a channel costs for every block.
    pub rent: Balance,
    /// The smallest deposit.
    pub min_deposit: Balance,
    /// Shortest and longest time from opening to expiry.
    pub lifetime: (Block, Block),
    /// Blocks from a close to the settlement, in which newer vouchers are shown.
    pub challenge_window: Block,
    /// Blocks behind the settlement in which receipts can be challenged.
    pub receipt_window: Block,
    /// Most channels that a worker has open.
    pub max_open: u16,
    /// Deposit of whoever puts a receipt on chain.
    pub show_deposit: Balance,
    /// Most receipts of a channel that its requester puts on chain, and as many that others do.
    pub max_shown: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fee;
    use proptest::prelude::*;

    /// A channel that is settled by these totals.
    fn settled(totals: Totals, deposit: Balance) -> Channel<u8, u32> {
        let signer = Public::from_raw([0; 32]);
        let fee = Fee { per_job: 0, per_1k_tokens: 0 };
        let protocol_fee = Permill::from_percent(1);
        let receipt = ChannelReceipt::default();
        Channel {
            requester: 0,
            signer,
            worker: 1,
            worker_signer: signer,
            version: ModelVersionId { model: 0, version: 0 },
            terms: AcceptedTerms { licence: Hash::zero(), commercial: false },
            grant: None,
            max_answers: u32::MAX,
            prices: ChannelPrices { ask: 1, fee, protocol_fee, cached: Permill::one() },
            deposit,
            rent: Rent::Paid { amount: 0 },
            covered: deposit,
            payees: 1,
            opened_at: 0,
            expires_at: 0,
            shown: 0,
            shown_by_others: 0,
            disputes: 0,
            voids: Voids::default(),
            wake_at: 0,
            status: ChannelStatus::Settled { totals, receipt, at: 0, prune_at: 0 },
        }
    }

    fn totals(most: Balance) -> impl Strategy<Value = Totals> {
        (1..10u32, 0..1_000u128, 0..=most, 0..=most)
            .prop_map(|(answers, work, reward, owner)| Totals { answers, work, reward, owner })
    }

    /// Receipts of few numbers, so that several are of one.
    fn voids() -> impl Strategy<Value = Vec<Void>> {
        let cost = totals(1_000).prop_map(|cost| Totals { answers: 1, ..cost });
        let void = (1..12u32, any::<[u8; 32]>(), cost).prop_map(|(number, receipt, cost)| Void {
            number,
            receipt: receipt.into(),
            cost,
        });
        proptest::collection::vec(void, 0..=32)
    }

    proptest! {
        #[test]
        fn convictions_should_give_back_what_was_paid_and_no_more(
            totals in totals(5_000),
            deposit in 0..20_000u128,
            voids in voids(),
            seed: u64,
        ) {
            let paid = settled(totals, deposit).owed();
            prop_assert!(paid <= deposit);
            let after = |voids: &[Void]| {
                let mut channel = settled(totals, deposit);
                let back: Balance = voids.iter().map(|void| channel.void(*void)).sum();
                (back, channel.owed())
            };
            let (back, left) = after(&voids);
            prop_assert_eq!(back + left, paid);
            // Nobody gains by the order.
            let mut others = voids.clone();
            let turn = usize::try_from(seed % 97).unwrap() % voids.len().max(1);
            others.rotate_left(turn);
            others.reverse();
            prop_assert_eq!(after(&others), (back, left));
            // What no voucher counts takes nothing, and one receipt is no more than its answer.
            for void in voids {
                let (back, _) = after(&[void]);
                let cost = void.cost.price(&settled(totals, deposit).prices);
                prop_assert!(back <= cost && (back == 0 || void.number <= totals.answers));
            }
        }
    }
}
