//! # Provenance: lineage, grants and revenue
//!
//! An *asset* is a version of a model or of a dataset. This pallet knows what every asset descends
//! from, keeps the grants under which assets are used, and records what they earn. The registries
//! and the jobs meet it through the traits that it implements:
//!
//! - [`Provenance`](vigil_primitives::traits::Provenance): a registry records what a new version
//!   cites. Consent is checked there, once and for all.
//! - [`Waterfall`](vigil_primitives::traits::Waterfall): splits what an asset earns among the
//!   owners, at that time, of it and of all its ancestors.
//! - [`Grants`](vigil_primitives::traits::Grants): a job reserves a use and consumes it when it is
//!   settled.
//! - [`UnpaidBook`](vigil_primitives::traits::UnpaidBook): keeps what a payee cannot be credited with.
//!
//! | who | calls |
//! |---|---|
//! | anybody | [`buy_grant`](Pallet::buy_grant), [`collect`](Pallet::collect) |
//! | owner of an asset | [`give_grant`](Pallet::give_grant), [`revoke_grant`](Pallet::revoke_grant) |
//! | holder of a grant | [`remove_grant`](Pallet::remove_grant); anybody, once the grant is over |
//!
//! ## What it costs to keep
//!
//! A grant is paid for by a deposit, by the byte, of whoever bought or gave it, and the deposit comes
//! back when the grant is removed. The lineage of a version is in that version's deposit, in its
//! registry. Revenue grows by at most one entry for each asset and one for each asset and owner in
//! an era, paid for by the jobs and sales that bring it.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(any(test, feature = "runtime-benchmarks"))]
pub mod benchmarking;
mod functions;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use types::GrantRecord;
pub use weights::WeightInfo;

use vigil_primitives::Balance;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::fungible};
    use frame_system::pallet_prelude::*;
    use sp_runtime::Permill;
    use vigil_primitives::{
        grant::{Grant, GrantId, Unusable},
        lineage::{CitationError, InvalidLineage, Lineage, MAX_PAYEES},
        traits::{DatasetRegistry, ModelRegistry},
        AssetId, BlockNumber, ContentHash,
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// Where assets come from, and what they earn.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The token of deposits, sales and unpaid amounts.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reasons of holds.
        type RuntimeHoldReason: From<HoldReason>;

        /// The models.
        type Models: ModelRegistry<Self::AccountId>;

        /// The datasets.
        type Datasets: DatasetRegistry<Self::AccountId>;

        /// The account that keeps what payees could not be credited with. It must exist, and no
        /// key may open it.
        type Keeper: Get<Self::AccountId>;

        /// Deposit for a record, whatever its size.
        #[pallet::constant]
        type DepositBase: Get<Balance>;

        /// Deposit for each byte of a record.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;

        /// Blocks of one era of revenue.
        #[pallet::constant]
        type EraLength: Get<BlockNumber>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;

        /// Sets the scenes of the benchmarks.
        #[cfg(any(test, feature = "runtime-benchmarks"))]
        type BenchmarkHelper: crate::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The deposit for a grant, of whoever bought or gave it.
        #[codec(index = 0)]
        Grant,
        /// What the keeper owes to payees.
        #[codec(index = 1)]
        Unpaid,
    }

    /// The lineages of assets that cite others. All other assets keep what they earn.
    #[pallet::storage]
    pub type Lineages<T> = StorageMap<_, Twox64Concat, AssetId, Lineage>;

    /// The assets that cite an asset, with the share that each gives it.
    #[pallet::storage]
    pub type Descendants<T> =
        StorageDoubleMap<_, Twox64Concat, AssetId, Twox64Concat, AssetId, Permill>;

    /// How many assets cite an asset.
    #[pallet::storage]
    pub type CitationCount<T> = StorageMap<_, Twox64Concat, AssetId, u32, ValueQuery>;

    /// The grants of each account.
    #[pallet::storage]
    pub type GrantsOf<T: Config> = StorageDoubleMap<
        _,
        Blake2_128Concat,
        T::AccountId,
        Twox64Concat,
        AssetId,
        GrantRecord<T::AccountId>,
    >;

    /// The accounts that hold a grant of an asset.
    #[pallet::storage]
    pub type GrantHolders<T: Config> =
        StorageDoubleMap<_, Twox64Concat, AssetId, Blake2_128Concat, T::AccountId, ()>;

    /// How many grants of an asset have been paid for.
    #[pallet::storage]
    pub type PaidGrants<T> = StorageMap<_, Twox64Concat, AssetId, u32, ValueQuery>;

    /// The number the next grant gets.
    #[pallet::storage]
    pub type NextGrantId<T> = StorageValue<_, GrantId, ValueQuery>;

    /// What an asset has earned its owners in an era.
    #[pallet::storage]
    pub type AssetRevenue<T> =
        StorageDoubleMap<_, Twox64Concat, AssetId, Twox64Concat, u32, Balance, ValueQuery>;

    /// What an account has earned in an era by each asset.
    #[pallet::storage]
    pub type AccountRevenue<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Twox64Concat, u32>,
            NMapKey<Twox64Concat, AssetId>,
        ),
        Balance,
        ValueQuery,
    >;

    /// What is kept for accounts that could not be credited, until they collect it.
    #[pallet::storage]
    pub type Unpaid<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance>;

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A new asset cites another.
        Cited {
            /// The asset that is cited.
            asset: AssetId,
            /// The asset that cites it.
            by: AssetId,
            /// The share of its revenue that it gives.
            share: Permill,
        },
        /// A grant was bought, or extended.
        GrantBought {
            /// What may be used.
            asset: AssetId,
            /// Who may use it.
            holder: T::AccountId,
            /// The grant as it is now.
            grant: Grant,
            /// What was paid this time.
            price: Balance,
        },
        /// The owner gave an account a grant.
        GrantGiven {
            /// What may be used.
            asset: AssetId,
            /// Who may use it.
            holder: T::AccountId,
            /// The grant.
            grant: Grant,
        },
        /// The owner took a grant away and refunded its unused part.
        GrantRevoked {
            /// What may be used no more.
            asset: AssetId,
            /// Who held it.
            holder: T::AccountId,
            /// Its number.
            grant: GrantId,
            /// What the holder got back.
            refund: Balance,
            /// BLAKE3 of the document that says why.
            evidence: Option<ContentHash>,
        },
        /// A grant was removed, and its deposit given back.
        GrantRemoved {
            /// The asset.
            asset: AssetId,
            /// Who held it.
            holder: T::AccountId,
            /// Its number.
            grant: GrantId,
        },
        /// An asset earned its owner something, by a job or by the sale of a grant.
        Earned {
            /// The asset.
            asset: AssetId,
            /// Its owner at the time.
            payee: T::AccountId,
            /// How much.
            amount: Balance,
            /// Whether it could be credited; otherwise it is kept until the payee collects it.
            credited: bool,
        },
        /// An account could not be credited: the amount is kept until it collects it.
        Kept {
            /// The account.
            payee: T::AccountId,
            /// How much.
            amount: Balance,
        },
        /// What was kept for an account was paid.
        Collected {
            /// The account.
            payee: T::AccountId,
            /// How much.
            amount: Balance,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// The caller does not own the asset.
        NotOwner,
        /// A grant would not last a block.
        ZeroDuration,
        /// A grant would allow no use.
        ZeroUses,
        /// There is no such asset.
        UnknownAsset,
        /// The asset's owner revoked it: it takes no new uses.
        AssetRevoked,
        /// A citation gives no share.
        ZeroShare,
        /// An asset is cited twice.
        DuplicateCitation,
        /// The shares of the citations add up to more than the whole.
        SharesExceedWhole,
        /// The version would have more than 16 payees, itself included.
        TooManyPayees,
        /// The chain of citations would be longer than 4.
        LineageTooDeep,
        /// A share is so small that an ancestor of the cited asset would get nothing.
        ShareTooSmall,
        /// The cited asset is not open, and the caller holds no grant of it that is good.
        NoConsent,
        /// The cited asset asks for a larger share.
        RoyaltyTooLow,
        /// The cited asset forbids commercial use, which the new version would allow.
        CommercialUseForbidden,
        /// The account holds no grant of the asset.
        NoGrant,
        /// The account's grant has expired.
        GrantExpired,
        /// The uses of the account's grant are consumed, or reserved by jobs that have not ended.
        GrantExhausted,
        /// No grants of the asset are sold: it is open, or its grants are given, or it is not
        /// active any more.
        NotForSale,
        /// The account holds a grant already that was given to it and is still good.
        GrantHeld,
        /// The asset's owner may use it without a grant.
        OwnerNeedsNoGrant,
        /// The grant is still good: only its holder may remove it.
        NotOver,
        /// Nothing is kept for the account.
        NothingUnpaid,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::EraLength::get() > 0, "EraLength must be at least one block");
            assert!(T::DepositPerByte::get() > 0, "DepositPerByte is zero: storage would be free");
            let largest = GrantRecord::<T::AccountId>::max_encoded_len()
                .saturating_add(AssetId::max_encoded_len())
                .saturating_add(T::AccountId::max_encoded_len())
                .saturating_mul(2);
            let bytes = Balance::try_from(largest).unwrap_or(Balance::MAX);
            let deposit = bytes
                .checked_mul(T::DepositPerByte::get())
                .and_then(|deposit| deposit.checked_add(T::DepositBase::get()));
            assert!(deposit.is_some(), "the deposit of the largest record overflows a balance");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Buys a grant of an asset at the price of its terms, or extends the one that the caller
        /// bought and whose time is not over. The price is split as everything that the asset
        /// earns. Holds a deposit for a new grant.
        ///
        /// Anybody but the asset's owner may call it.
        ///
        /// Emits [`Event::GrantBought`] and an [`Event::Earned`] for every payee. Refuses with
        /// [`Error::UnknownAsset`], [`Error::NotForSale`], [`Error::OwnerNeedsNoGrant`],
        /// [`Error::GrantHeld`], or `FundsUnavailable`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::buy_grant(MAX_PAYEES))]
        pub fn buy_grant(origin: OriginFor<T>, asset: AssetId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_buy_grant(who, asset)
        }

        /// Gives an account a grant of an asset, for `duration` blocks or for good, and for so
        /// many `uses` or any number. It is what puts an account on an allow-list. The caller's
        /// deposit is held for it.
        ///
        /// Only the asset's owner may call it.
        ///
        /// Emits [`Event::GrantGiven`]. Refuses with [`Error::UnknownAsset`],
        /// [`Error::NotOwner`], [`Error::AssetRevoked`], [`Error::OwnerNeedsNoGrant`],
        /// [`Error::GrantHeld`], [`Error::ZeroDuration`], [`Error::ZeroUses`], or
        /// `FundsUnavailable`.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::give_grant())]
        pub fn give_grant(
            origin: OriginFor<T>,
            asset: AssetId,
            to: T::AccountId,
            duration: Option<BlockNumber>,
            uses: Option<u32>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_give_grant(who, asset, to, duration, uses)
        }

        /// Takes a grant away. Of what was paid for it, the unused part of its time or of its
        /// uses, whichever is less, goes from the caller to the holder. Jobs that run under it go
        /// on, and the uses that they reserved count as used. `evidence` is BLAKE3 of a document
        /// that says why.
        ///
        /// Only the asset's owner may call it.
        ///
        /// Emits [`Event::GrantRevoked`]. Refuses with [`Error::UnknownAsset`],
        /// [`Error::NotOwner`], [`Error::NoGrant`], or `FundsUnavailable` when the caller cannot
        /// pay the refund.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::revoke_grant())]
        pub fn revoke_grant(
            origin: OriginFor<T>,
            asset: AssetId,
            holder: T::AccountId,
            evidence: Option<ContentHash>,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_revoke_grant(&who, asset, holder, evidence)
        }

        /// Removes a grant and gives its deposit back to whoever paid it.
        ///
        /// Its holder may call it at any time and gives up what is left of it. Anybody else may
        /// once it is over: expired, or exhausted with no job running under it.
        ///
        /// Emits [`Event::GrantRemoved`]. Refuses with [`Error::NoGrant`], [`Error::NotOver`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::remove_grant())]
        pub fn remove_grant(
            origin: OriginFor<T>,
            asset: AssetId,
            holder: T::AccountId,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove_grant(&who, asset, holder)
        }

        /// Pays an account what is kept for it.
        ///
        /// Anybody may call it, for any account.
        ///
        /// Emits [`Event::Collected`]. Refuses with [`Error::NothingUnpaid`], or with the token's
        /// error while the account still cannot be credited.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::collect())]
        pub fn collect(origin: OriginFor<T>, payee: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_collect(payee)
        }
    }

    impl<T> From<CitationError> for Error<T> {
        fn from(refused: CitationError) -> Self {
            match refused {
                CitationError::UnknownAsset(_) => Self::UnknownAsset,
                CitationError::Revoked(_) => Self::AssetRevoked,
                CitationError::Invalid(invalid) => invalid.into(),
                CitationError::NoConsent(_) => Self::NoConsent,
                CitationError::Unusable(_, unusable) => unusable.into(),
                CitationError::CommercialUseForbidden { .. } => Self::CommercialUseForbidden,
                CitationError::RoyaltyTooLow { .. } => Self::RoyaltyTooLow,
            }
        }
    }

    impl<T> From<InvalidLineage> for Error<T> {
        fn from(invalid: InvalidLineage) -> Self {
            match invalid {
                InvalidLineage::ZeroShare => Self::ZeroShare,
                InvalidLineage::DuplicateCitation => Self::DuplicateCitation,
                InvalidLineage::SharesExceedWhole => Self::SharesExceedWhole,
                InvalidLineage::TooManyPayees => Self::TooManyPayees,
                InvalidLineage::TooDeep => Self::LineageTooDeep,
                InvalidLineage::ShareTooSmall => Self::ShareTooSmall,
            }
        }
    }

    impl<T> From<Unusable> for Error<T> {
        fn from(unusable: Unusable) -> Self {
            match unusable {
                Unusable::Expired => Self::GrantExpired,
                Unusable::Exhausted => Self::GrantExhausted,
            }
        }
    }
}
