//! # Channels: any number of answers of one worker, paid by one settlement
//!
//! A requester holds a deposit for one worker and one version of a model, and asks over HTTP as often
//! as it wants. Every answer ends with the worker's signed receipt, every next request carries the
//! requester's signed voucher for what it has received so far. The chain sees how a channel begins and
//! how it ends; what is between them takes no block. [`vigil_primitives::channel`] has the words and
//! the prices.
//!
//! | who | calls |
//! |---|---|
//! | worker | [`set_terms`](Pallet::set_terms), [`close`](Pallet::close) |
//! | requester | [`open`](Pallet::open), [`top_up`](Pallet::top_up), [`close`](Pallet::close) |
//! | anybody | [`dispute_close`](Pallet::dispute_close), [`show`](Pallet::show) |
//!
//! ## How a channel ends
//!
//! By its worker, with the newest voucher, at once: nobody but the worker gains by a newer one. By its
//! requester, or by itself when it has expired, after a while in which anybody shows newer vouchers:
//! what is owed is the most that any of them says. Then the **agenda** settles it: every channel has
//! exactly one entry there, at the block where something becomes due. It runs under a weight limit and
//! goes on in the next block where it stopped.
//!
//! ## Receipts
//!
//! Anybody may put a receipt on chain, with a deposit; then it is a claim that can be challenged like
//! a job's result. A wrong answer is not paid, or its price comes back out of the worker's bond, which
//! covers the deposit, and then what was paid of it, from the opening until receipts can't be challenged
//! any more. Every receipt is convicted once; each number is given back once, however many receipts were
//! signed for it.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod functions;
mod refusals;
mod try_state;
pub mod weights;

#[cfg(any(test, feature = "runtime-benchmarks"))]
pub mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use weights::WeightInfo;

use alloc::{boxed::Box, vec::Vec};
use frame_support::{pallet_macros::import_section, traits::fungible};
use frame_system::pallet_prelude::BlockNumberFor;
use sp_core::sr25519::Signature;
use vigil_primitives::{
    channel::{
        AnswerReceipt, Channel, ChannelId, ChannelOffer, ChannelParameters, ChannelReceipt,
        ChannelSide, ChannelSpec, ChannelTerms, ChannelView, ShownReceipt, Totals, Voucher,
    },
    Balance, Hash, ModelVersionId,
};

/// A channel in runtime `T`.
pub type ChannelOf<T> = Channel<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// What a requester states in runtime `T`.
pub type ChannelSpecOf<T> = ChannelSpec<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// A channel as shown by runtime `T`.
pub type ChannelViewOf<T> = ChannelView<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// A receipt that is on chain, in runtime `T`.
pub type ShownReceiptOf<T> = ShownReceipt<<T as frame_system::Config>::AccountId>;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[import_section(crate::functions::agenda::storage)]
#[import_section(crate::refusals::errors)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;
    use vigil_primitives::{
        dispute::ClaimId,
        traits::{Contributions, Grants, ModelRegistry, Stakes, UnpaidBook, Waterfall, WorkerPool},
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The channels.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash = Hash> {
        /// The runtime's reasons for a hold.
        type RuntimeHoldReason: From<HoldReason>;

        /// What answers are paid in.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The models.
        type Models: ModelRegistry<Self::AccountId>;

        /// Who is paid the owner's fee of a version.
        type Waterfall: Waterfall<Self::AccountId>;

        /// Who may use a version that is not open to everybody.
        type Grants: Grants<Self::AccountId>;

        /// What keeps the parts of payees that cannot be credited.
        type Unpaid: UnpaidBook<Self::AccountId>;

        /// The workers.
        type Workers: WorkerPool<Self::AccountId>;

        /// What stands behind receipts.
        type Stakes: Stakes<Self::AccountId>;

        /// The record of who has computed what.
        type Contributions: Contributions<Self::AccountId>;

        /// Where protocol fees and rents go.
        type Treasury: Get<Self::AccountId>;

        /// The protocol's fee on rewards.
        #[pallet::constant]
        type ProtocolFee: Get<Permill>;

        /// What a channel costs for every block: it takes a place of its worker.
        #[pallet::constant]
        type Rent: Get<Balance>;

        /// The smallest deposit.
        #[pallet::constant]
        type MinDeposit: Get<Balance>;

        /// On hold of whoever puts a receipt on chain.
        #[pallet::constant]
        type ShowDeposit: Get<Balance>;

        /// Fewest blocks from the opening to the expiry.
        #[pallet::constant]
        type MinLifetime: Get<BlockNumberFor<Self>>;

        /// Most blocks from the opening to the expiry.
        #[pallet::constant]
        type MaxLifetime: Get<BlockNumberFor<Self>>;

        /// Blocks from a close to the settlement, in which newer vouchers are shown.
        #[pallet::constant]
        type ChallengeWindow: Get<BlockNumberFor<Self>>;

        /// Blocks behind the settlement in which receipts can be challenged.
        #[pallet::constant]
        type ReceiptWindow: Get<BlockNumberFor<Self>>;

        /// Blocks until a failed transition is tried again.
        #[pallet::constant]
        type RetryPeriod: Get<BlockNumberFor<Self>>;

        /// Most channels that a worker has open.
        #[pallet::constant]
        type MaxOpenPerWorker: Get<u16>;

        /// Most weight at a block's start for what is due.
        #[pallet::constant]
        type ServiceWeight: Get<Weight>;

        /// Weights.
        type WeightInfo: WeightInfo;

        /// Sets the scenes of the benchmarks.
        #[cfg(any(test, feature = "runtime-benchmarks"))]
        type BenchmarkHelper: crate::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The deposits of the requester's channels.
        #[codec(index = 0)]
        Deposit,
        /// What the time of the requester's channels may cost.
        #[codec(index = 1)]
        Rent,
        /// Receipts that the account has put on chain.
        #[codec(index = 2)]
        Receipt,
    }

    /// What workers offer to those who open channels.
    #[pallet::storage]
    pub type TermsOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ChannelTerms>;

    /// Channels of a worker that are not settled.
    #[pallet::storage]
    pub type OpenOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u16, ValueQuery>;

    /// Number of the next channel.
    #[pallet::storage]
    pub type NextChannel<T> = StorageValue<_, ChannelId, ValueQuery>;

    /// The channels that are open or were settled lately.
    #[pallet::storage]
    pub type Channels<T: Config> = StorageMap<_, Twox64Concat, ChannelId, ChannelOf<T>>;

    /// The channels of an account, by the side that it has.
    #[pallet::storage]
    pub type ChannelsOf<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        (T::AccountId, ChannelSide),
        Twox64Concat,
        ChannelId,
        (),
    >;

    /// The receipts that were put on chain, until they are convicted or the channel is pruned.
    #[pallet::storage]
    pub type Shown<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ChannelId, Identity, Hash, ShownReceiptOf<T>>;

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A worker takes channels on these terms.
        TermsSet {
            /// The worker.
            worker: T::AccountId,
            /// The terms.
            terms: ChannelTerms,
        },
        /// A worker takes no more channels.
        TermsWithdrawn {
            /// The worker.
            worker: T::AccountId,
        },
        /// A channel is open.
        Opened {
            /// The channel.
            channel: ChannelId,
            /// Who asks and pays.
            requester: T::AccountId,
            /// Who answers.
            worker: T::AccountId,
            /// What it runs.
            version: ModelVersionId,
            /// On hold for the answers.
            deposit: Balance,
            /// On hold for the time.
            rent: Balance,
            /// The last block at which the worker is to answer.
            expires_at: BlockNumberFor<T>,
        },
        /// There is more on hold for the answers of a channel.
        ToppedUp {
            /// The channel.
            channel: ChannelId,
            /// How much more.
            amount: Balance,
            /// How much now.
            deposit: Balance,
        },
        /// A channel closes. Until it is settled newer vouchers count.
        Closing {
            /// The channel.
            channel: ChannelId,
            /// When it is settled.
            until: BlockNumberFor<T>,
            /// What vouchers owe that have been shown.
            totals: Totals,
        },
        /// A voucher owes more than those before it.
        NewerVoucher {
            /// The channel.
            channel: ChannelId,
            /// What vouchers owe now.
            totals: Totals,
        },
        /// A channel was paid. The receipt's parts add up to the deposit.
        Settled {
            /// The channel.
            channel: ChannelId,
            /// Who was paid what.
            receipt: ChannelReceipt,
            /// What went to the treasury for the time.
            rent: Balance,
        },
        /// A payee could not be credited. The amount is kept until it is collected.
        PaymentKept {
            /// The channel.
            channel: ChannelId,
            /// Whose it is.
            payee: T::AccountId,
            /// The amount.
            amount: Balance,
        },
        /// A payee could not be credited and its part could not be kept. The requester has it back.
        PaymentReturned {
            /// The channel.
            channel: ChannelId,
            /// Who could not be credited.
            payee: T::AccountId,
            /// The amount.
            amount: Balance,
            /// Why it could not be kept.
            error: DispatchError,
        },
        /// A receipt is on chain: it can be challenged.
        Shown {
            /// What names it.
            claim: ClaimId<T::AccountId>,
            /// Number of the answer.
            number: u32,
            /// Who has put it there.
            by: T::AccountId,
        },
        /// A receipt is disputed. Until that has ended the channel is kept.
        Disputed {
            /// The channel.
            channel: ChannelId,
            /// What names the receipt.
            receipt: Hash,
        },
        /// An answer was wrong. It is not paid, or its price comes out of the worker's bond.
        Convicted {
            /// The channel.
            channel: ChannelId,
            /// Number of the answer.
            number: u32,
        },
        /// A due transition failed and is tried again at this block.
        Postponed {
            /// The channel.
            channel: ChannelId,
            /// When it is tried again.
            until: BlockNumberFor<T>,
            /// What went wrong.
            error: DispatchError,
        },
        /// A settled channel was removed, with its receipts.
        Pruned {
            /// The channel.
            channel: ChannelId,
        },
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(now: BlockNumberFor<T>) -> Weight {
            Self::serve(now, T::ServiceWeight::get())
        }

        fn on_idle(now: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::serve(now, remaining)
        }

        fn integrity_test() {
            Self::check_config();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Says on which terms the caller takes channels. With 0 as the most that are open it takes
        /// none; those that are open go on as they are.
        ///
        /// Only an active worker may, but for the withdrawal. Emits [`Event::TermsSet`] or
        /// [`Event::TermsWithdrawn`]. Refuses with [`Error::WorkerUnavailable`], [`Error::MaxOpenTooHigh`],
        /// [`Error::NotOffered`] when there is nothing to withdraw.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::set_terms())]
        pub fn set_terms(origin: OriginFor<T>, terms: ChannelTerms) -> DispatchResult {
            Self::do_set_terms(ensure_signed(origin)?, terms)
        }

        /// Opens a channel, and holds its deposit and what its time costs until it is settled. Prices
        /// are those of this moment.
        ///
        /// Any account may that satisfies the version's terms. Where they ask for a grant,
        /// `max_answers` uses of the caller's are reserved; as many are consumed as answers are paid,
        /// and the others come back.
        ///
        /// Emits [`Event::Opened`]. Refuses, in this order: a version that is unknown or revoked;
        /// another licence than the version's; commercial use where it is forbidden; the caller's own
        /// worker account; a worker that takes no channels, or no more of them; too small or too large
        /// a deposit; an expiry out of range; no answers at all; a worker that takes nothing new or
        /// does not serve the version, whose bond covers too little, or that asks too much; a grant
        /// that is missing, exhausted or expires before the channel (errors of `Provenance`); more than
        /// the caller can spend.
        #[pallet::call_index(1)]
        #[pallet::weight(Pallet::<T>::open_weight())]
        pub fn open(origin: OriginFor<T>, spec: Box<ChannelSpecOf<T>>) -> DispatchResult {
            Self::do_open(ensure_signed(origin)?, *spec)
        }

        /// Holds more for the answers of a channel.
        ///
        /// Only its requester may, while the worker answers. Emits [`Event::ToppedUp`]. Refuses a
        /// channel that does not exist, is another's, closes or was settled; nothing; a version that was
        /// revoked; a worker that takes no channels any more, or not with so large a deposit; what its
        /// bond does not cover; more than the caller can spend.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::top_up().saturating_add(T::Workers::cover_weight()))]
        pub fn top_up(
            origin: OriginFor<T>,
            channel: ChannelId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            Self::do_top_up(&ensure_signed(origin)?, channel, amount)
        }

        /// Closes a channel with the newest voucher that the caller has, signed by the requester's
        /// signer, or without any.
        ///
        /// Its worker may until it is settled, and settles it at once by what has been shown so far.
        /// Its requester may while it is open, and it is settled after `ChallengeWindow` blocks.
        ///
        /// Emits [`Event::Closing`] or [`Event::Settled`]. Refuses a channel that does not exist or is
        /// others'; one that was settled or, by its requester, closes already; a voucher of another
        /// channel, with a wrong signature, of more answers than there can be, that its prices don't
        /// come to, or for more than the deposit.
        #[pallet::call_index(3)]
        #[pallet::weight(Pallet::<T>::close_weight())]
        pub fn close(
            origin: OriginFor<T>,
            channel: ChannelId,
            voucher: Option<(Voucher, Signature)>,
        ) -> DispatchResultWithPostInfo {
            Ok(Some(Self::do_close(&ensure_signed(origin)?, channel, voucher)?).into())
        }

        /// Shows a voucher of a channel that closes, or has expired, which owes more than those before.
        ///
        /// Any account may. Emits [`Event::NewerVoucher`] or, of one that has expired and that the agenda
        /// has not seen, [`Event::Closing`]. Refuses a channel that does not exist, is open or was
        /// settled; what [`close`](Self::close) refuses of a voucher; one that owes no more.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::dispute_close())]
        pub fn dispute_close(
            origin: OriginFor<T>,
            channel: ChannelId,
            voucher: Voucher,
            signature: Signature,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_dispute_close(channel, &voucher, &signature)
        }

        /// Puts a receipt on chain that the worker's signer has signed, so that it can be challenged,
        /// and holds a deposit until it is convicted or the channel is pruned.
        ///
        /// Any account may. Emits [`Event::Shown`] with the claim. Refuses a channel that does not
        /// exist; a receipt that says nothing, with a wrong signature, of more answers than there can
        /// be, or that is there already or was convicted; more receipts than there can be, of the requester or of all
        /// others; more than the caller can spend.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::show())]
        pub fn show(
            origin: OriginFor<T>,
            receipt: AnswerReceipt,
            signature: Signature,
        ) -> DispatchResult {
            Self::do_show(ensure_signed(origin)?, receipt, &signature)
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A channel, until it is pruned.
        pub fn channel(id: ChannelId) -> Option<ChannelViewOf<T>> {
            Self::view(id)
        }

        /// The channels in which an account has a side, in the order of the storage keys, after
        /// `after`: at most `limit`, and never more than a page.
        pub fn channels_of(
            account: T::AccountId,
            side: ChannelSide,
            after: Option<ChannelId>,
            limit: u32,
        ) -> Vec<ChannelViewOf<T>> {
            Self::views_of(account, side, after, limit)
        }

        /// The receipts of a channel that are on chain.
        pub fn receipts(channel: ChannelId) -> Vec<ShownReceiptOf<T>> {
            Shown::<T>::iter_prefix_values(channel).collect()
        }

        /// The terms on which a worker takes channels, and how many it has open.
        pub fn terms(worker: T::AccountId) -> Option<(ChannelTerms, u16)> {
            Some((TermsOf::<T>::get(&worker)?, OpenOf::<T>::get(worker)))
        }

        /// Workers that would take a channel of a version now, from a bounded sample.
        pub fn offers(version: ModelVersionId) -> Vec<ChannelOffer<T::AccountId>> {
            Self::offers_of(version)
        }

        /// The constants that clients need.
        pub fn parameters() -> ChannelParameters<BlockNumberFor<T>> {
            Self::constants()
        }
    }
}
