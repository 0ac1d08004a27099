//! Channels: what workers offer, what is open, and what can be disputed of it.

use crate::{
    form::text,
    jobs::{AcceptedTerms, Output, Sampling},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vigil_primitives::{
    channel::{self, ChannelView},
    AccountId, Balance, BlockNumber, ChannelId, Hash, ModelVersionId,
};

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// Its number.
    pub id: ChannelId,
    /// Who asks and pays.
    pub requester: AccountId,
    /// The sr25519 key that signs the requester's vouchers.
    pub signer: Hash,
    /// Who answers.
    pub worker: AccountId,
    /// The sr25519 key that signs the worker's receipts.
    pub worker_signer: Hash,
    /// What it runs, `model@version`.
    #[serde(with = "text")]
    pub version: ModelVersionId,
    /// Which terms the requester has accepted.
    pub terms: AcceptedTerms,
    /// Most answers.
    pub max_answers: u32,
    /// The prices, fixed when it was opened.
    pub prices: Prices,
    /// On hold of the requester until it is settled.
    #[serde(with = "text")]
    pub deposit: Balance,
    /// What its time costs.
    pub rent: Rent,
    /// What the worker's bond covers.
    #[serde(with = "text")]
    pub covered: Balance,
    /// When it was opened.
    pub opened_at: BlockNumber,
    /// The last block at which the worker is to answer.
    pub expires_at: BlockNumber,
    /// Receipts that are on chain, or were until they were convicted.
    pub shown: u32,
    /// Disputes about its receipts that have not ended.
    pub disputes: u32,
    /// Numbers of answers that were wrong.
    pub voids: BTreeSet<u32>,
    /// Where it stands.
    pub status: ChannelStatus,
}

impl From<ChannelView> for Channel {
    fn from(ChannelView { id, channel: it }: ChannelView) -> Self {
        Self {
            id,
            requester: it.requester,
            signer: it.signer.0.into(),
            worker: it.worker,
            worker_signer: it.worker_signer.0.into(),
            version: it.version,
            terms: it.terms.into(),
            max_answers: it.max_answers,
            prices: it.prices.into(),
            deposit: it.deposit,
            rent: it.rent.into(),
            covered: it.covered,
            opened_at: it.opened_at,
            expires_at: it.expires_at,
            shown: it.shown.saturating_add(it.shown_by_others),
            disputes: it.disputes,
            voids: BTreeSet::from_iter(it.voids.iter().map(|void| void.number)),
            status: it.status.into(),
        }
    }
}

/// The prices of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// The worker's price per giga multiply-accumulate.
    #[serde(with = "text")]
    pub ask: Balance,
    /// What the owner earns for every answer.
    #[serde(with = "text")]
    pub per_answer: Balance,
    /// What the owner earns for every 1,000 tokens in and out, in proportion.
    #[serde(with = "text")]
    pub per_1k_tokens: Balance,
    /// The protocol's fee on rewards.
    pub protocol_fee_ppm: u32,
    /// The part that is charged of the work of input tokens whose keys and values were kept.
    pub cached_ppm: u32,
}

impl From<channel::ChannelPrices> for Prices {
    fn from(it: channel::ChannelPrices) -> Self {
        Self {
            ask: it.ask,
            per_answer: it.fee.per_job,
            per_1k_tokens: it.fee.per_1k_tokens,
            protocol_fee_ppm: it.protocol_fee.deconstruct(),
            cached_ppm: it.cached.deconstruct(),
        }
    }
}

/// What the time of a channel costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Rent {
    /// It is not settled yet.
    Running {
        /// For every block.
        #[serde(with = "text")]
        per_block: Balance,
    },
    /// It is settled.
    Paid {
        /// What went to the treasury.
        #[serde(with = "text")]
        amount: Balance,
    },
}

impl From<channel::Rent> for Rent {
    fn from(it: channel::Rent) -> Self {
        match it {
            channel::Rent::Running { per_block } => Self::Running { per_block },
            channel::Rent::Paid { amount } => Self::Paid { amount },
        }
    }
}

/// What the answers of a channel come to, from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Answers.
    pub answers: u32,
    /// Multiply-accumulates that are charged.
    #[serde(with = "text")]
    pub work: u128,
    /// What the worker earns.
    #[serde(with = "text")]
    pub reward: Balance,
    /// What the owners earn.
    #[serde(with = "text")]
    pub owner: Balance,
}

impl From<channel::Totals> for Totals {
    fn from(it: channel::Totals) -> Self {
        let channel::Totals { answers, work, reward, owner } = it;
        Self { answers, work, reward, owner }
    }
}

/// Where a channel stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ChannelStatus {
    /// The worker answers.
    Open,
    /// It is settled at a block by the vouchers that are shown before.
    Closing {
        /// When it is settled.
        until: BlockNumber,
        /// What the vouchers that were shown owe.
        totals: Totals,
    },
    /// Paid. Its receipts can be challenged until it is pruned.
    Settled {
        /// What the vouchers owed.
        totals: Totals,
        /// Who was paid what.
        receipt: Settlement,
        /// When.
        at: BlockNumber,
        /// When it is pruned, if nothing is disputed any more.
        prune_at: BlockNumber,
    },
}

impl From<channel::ChannelStatus<BlockNumber>> for ChannelStatus {
    fn from(it: channel::ChannelStatus<BlockNumber>) -> Self {
        match it {
            channel::ChannelStatus::Open => Self::Open,
            channel::ChannelStatus::Closing { until, totals } => {
                Self::Closing { until, totals: totals.into() }
            }
            channel::ChannelStatus::Settled { totals, receipt, at, prune_at } => {
                Self::Settled { totals: totals.into(), receipt: receipt.into(), at, prune_at }
            }
        }
    }
}

/// Who was paid what. The parts add up to the deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// To the worker.
    #[serde(with = "text")]
    pub worker: Balance,
    /// To the owners of the version and of all that it descends from.
    #[serde(with = "text")]
    pub owner: Balance,
    /// To the treasury.
    #[serde(with = "text")]
    pub treasury: Balance,
    /// Back to the requester.
    #[serde(with = "text")]
    pub requester: Balance,
    /// Answers that were paid.
    pub answers: u32,
    /// Multiply-accumulates of them that were charged.
    #[serde(with = "text")]
    pub work: u128,
}

impl From<channel::ChannelReceipt> for Settlement {
    fn from(it: channel::ChannelReceipt) -> Self {
        let channel::ChannelReceipt { worker, owner, treasury, requester, answers, work } = it;
        Self { worker, owner, treasury, requester, answers, work }
    }
}

/// The tokens of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens of the input.
    pub tokens_in: u32,
    /// Those of them, from the first on, whose keys and values the worker had kept.
    pub cached: u32,
    /// Tokens that were generated.
    pub tokens_out: u32,
}

impl From<channel::Usage> for Usage {
    fn from(it: channel::Usage) -> Self {
        Self { tokens_in: it.tokens_in, cached: it.cached, tokens_out: it.tokens_out }
    }
}

/// What a worker stands for when it has answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerReceipt {
    /// What a claim names it by.
    pub hash: Hash,
    /// The channel.
    pub channel: ChannelId,
    /// Number of the answer, from 1.
    pub number: u32,
    /// BLAKE3 of the input's token ids.
    pub input: Hash,
    /// The tokens.
    pub usage: Usage,
    /// Most tokens that were to be generated.
    pub max_tokens_out: u32,
    /// How tokens were to be chosen.
    pub sampling: Sampling,
    /// What came out.
    pub output: Output,
    /// What the answers come to, with this one.
    pub totals: Totals,
}

impl From<channel::AnswerReceipt> for AnswerReceipt {
    fn from(it: channel::AnswerReceipt) -> Self {
        Self {
            hash: it.hash(),
            channel: it.channel,
            number: it.number,
            input: it.input,
            usage: it.usage.into(),
            max_tokens_out: it.max_tokens_out,
            sampling: it.sampling.into(),
            output: it.output.into(),
            totals: it.totals.into(),
        }
    }
}

/// A receipt that somebody has put on chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownReceipt {
    /// What it says.
    pub receipt: AnswerReceipt,
    /// What the answer costs.
    pub cost: Totals,
    /// Who has put it there.
    pub by: AccountId,
    /// On hold of it.
    #[serde(with = "text")]
    pub deposit: Balance,
    /// Disputes about it that have not ended.
    pub disputes: u32,
}

impl From<channel::ShownReceipt> for ShownReceipt {
    fn from(it: channel::ShownReceipt) -> Self {
        Self {
            receipt: it.receipt.into(),
            cost: it.cost.into(),
            by: it.by,
            deposit: it.deposit,
            disputes: it.disputes,
        }
    }
}

/// What a worker offers to those who open channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Channels it has open at most.
    pub max_open: u16,
    /// Channels it has open.
    pub open: u16,
    /// The smallest deposit.
    #[serde(with = "text")]
    pub min_deposit: Balance,
    /// The largest.
    #[serde(with = "text")]
    pub max_deposit: Balance,
    /// The part that it charges of the work of input tokens whose keys and values it has kept.
    pub cached_ppm: u32,
    /// The sr25519 key that signs its receipts.
    pub signer: Hash,
}

impl From<(channel::ChannelTerms, u16)> for Terms {
    fn from((it, open): (channel::ChannelTerms, u16)) -> Self {
        Self {
            max_open: it.max_open,
            open,
            min_deposit: it.min_deposit,
            max_deposit: it.max_deposit,
            cached_ppm: it.cached.deconstruct(),
            signer: it.signer.0.into(),
        }
    }
}

/// A worker that would take a channel now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The worker.
    pub worker: AccountId,
    /// Its price per giga multiply-accumulate.
    #[serde(with = "text")]
    pub ask: Balance,
    /// Its terms.
    pub terms: Terms,
}

impl From<channel::ChannelOffer> for Offer {
    fn from(it: channel::ChannelOffer) -> Self {
        Self { worker: it.worker, ask: it.ask, terms: (it.terms, it.open).into() }
    }
}

/// The constants that clients of channels need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChannelParameters {
    /// The protocol's fee on rewards.
    pub protocol_fee_ppm: u32,
    /// What a channel costs for every block.
    #[serde(with = "text")]
    pub rent: Balance,
    /// The smallest deposit.
    #[serde(with = "text")]
    pub min_deposit: Balance,
    /// Shortest and longest time from opening to expiry.
    pub lifetime: (BlockNumber, BlockNumber),
    /// Blocks from a close to the settlement, in which newer vouchers are shown.
    pub challenge_window: BlockNumber,
    /// Blocks behind the settlement in which receipts can be challenged.
    pub receipt_window: BlockNumber,
    /// Most channels that a worker has open.
    pub max_open: u16,
    /// Deposit of whoever puts a receipt on chain.
    #[serde(with = "text")]
    pub show_deposit: Balance,
    /// Most receipts of a channel that its requester puts on chain, and as many that others do.
    pub max_shown: u32,
}

impl From<channel::ChannelParameters> for ChannelParameters {
    fn from(it: channel::ChannelParameters) -> Self {
        Self {
            protocol_fee_ppm: it.protocol_fee.deconstruct(),
            rent: it.rent,
            min_deposit: it.min_deposit,
            lifetime: it.lifetime,
            challenge_window: it.challenge_window,
            receipt_window: it.receipt_window,
            max_open: it.max_open,
            show_deposit: it.show_deposit,
            max_shown: it.max_shown,
        }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::{Channel, ChannelParameters, Offer, ShownReceipt, Terms};
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{AccountId, ChannelId, Hash};

    /// Questions about channels. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "channels")
    )]
    #[cfg_attr(
        all(feature = "server", not(feature = "client")),
        rpc(server, namespace = "channels")
    )]
    #[cfg_attr(
        all(feature = "client", not(feature = "server")),
        rpc(client, namespace = "channels")
    )]
    pub trait ChannelsApi {
        /// A channel by number, until it is pruned.
        #[method(name = "channel", blocking)]
        fn channel(&self, id: ChannelId, at: Option<Hash>) -> RpcResult<Option<Channel>>;

        /// At most `limit` channels, and at most 100, that an account has opened, in the order of the
        /// storage keys, after `after`.
        #[method(name = "of", blocking)]
        fn of(
            &self,
            requester: AccountId,
            after: Option<ChannelId>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Channel>>;

        /// The same of those in which a worker answers.
        #[method(name = "ofWorker", blocking)]
        fn of_worker(
            &self,
            worker: AccountId,
            after: Option<ChannelId>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Channel>>;

        /// The receipts of a channel that are on chain.
        #[method(name = "receipts", blocking)]
        fn receipts(&self, id: ChannelId, at: Option<Hash>) -> RpcResult<Vec<ShownReceipt>>;

        /// The terms on which a worker takes channels; `null` when it takes none.
        #[method(name = "terms", blocking)]
        fn terms(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Option<Terms>>;

        /// Workers that would take a channel of a version, `model@version`, from a bounded sample.
        #[method(name = "offers", blocking)]
        fn offers(&self, version: String, at: Option<Hash>) -> RpcResult<Vec<Offer>>;

        /// The constants that clients of channels need.
        #[method(name = "parameters", blocking)]
        fn parameters(&self, at: Option<Hash>) -> RpcResult<ChannelParameters>;
    }
}

#[cfg(feature = "client")]
pub use methods::ChannelsApiClient;
#[cfg(feature = "server")]
pub use methods::ChannelsApiServer;
