//! A channel: any number of answers of one worker, paid by one settlement.
//!
//! A **requester** holds a deposit for one worker and one version of a model. It then asks over HTTP
//! as often as it wants. Every answer ends with the worker's signed [`AnswerReceipt`]; every next
//! request carries the requester's signed [`Voucher`] for what it has received so far. Either side
//! closes the channel with the newest voucher. At most one answer is ever unpaid, or paid and missing.
//!
//! | module | holds |
//! |---|---|
//! | [`price`] | what an answer costs, and what all of them come to |
//! | [`signed`] | vouchers and receipts, and the one form in which both are signed |
//! | [`record`] | what the chain keeps of a channel and of the workers that take some |
//!
//! # What vouchers owe
//!
//! Totals only grow, so that of two vouchers the newer one says at least as much in each of them.
//! Nothing forces a requester to sign such vouchers only. What it owes is therefore the most that any
//! voucher which is shown in time says, total by total ([`Totals::most`]): in whatever order they are
//! shown, an older one never takes anything from a newer one.

pub mod price;
pub mod record;
pub mod signed;

pub use price::{ChannelPrices, Totals, Usage};
pub use record::{
    Channel, ChannelDue, ChannelOffer, ChannelParameters, ChannelReceipt, ChannelSide, ChannelSpec,
    ChannelStatus, ChannelTerms, ChannelView, Rent, ShownReceipt, Void, Voids,
};
pub use signed::{AnswerReceipt, BadReceipt, Voucher};

/// Number of a channel, from 0.
pub type ChannelId = u64;

/// Most receipts of one channel that its requester puts on chain, and as many that everybody else
/// does: a worker can't take the requester's places with receipts of its own.
pub const MAX_SHOWN: u32 = 16;
