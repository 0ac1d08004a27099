//! # Provenance: datasets, lineage, grants and revenue
//!
//! An *asset* is a version of a model or of a dataset. This pallet registers datasets, knows what
//! every asset descends from, keeps the grants under which assets are used, and records what they
//! earn. Models and jobs meet it through the traits that it implements:
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
//! | anybody | [`register`](Pallet::register), [`buy_grant`](Pallet::buy_grant), [`attest`](Pallet::attest), [`collect`](Pallet::collect) |
//! | owner of a dataset | [`publish`](Pallet::publish), [`offer`](Pallet::offer), [`withdraw_offer`](Pallet::withdraw_offer), [`deprecate`](Pallet::deprecate), [`revoke`](Pallet::revoke), [`remove`](Pallet::remove) |
//! | who was offered it | [`accept`](Pallet::accept) |
//! | owner of any asset | [`give_grant`](Pallet::give_grant), [`revoke_grant`](Pallet::revoke_grant) |
//! | holder of a grant | [`remove_grant`](Pallet::remove_grant); anybody, once the grant is over |
//! | author of a statement | [`withdraw_statement`](Pallet::withdraw_statement) |
//!
//! ## What it costs to keep
//!
//! Every record is paid for by a deposit, by the byte, of whoever had it stored, and the deposit
//! comes back when the record is removed: a dataset's version with the citations that it makes, a
//! grant, a statement. The lineage of a model's version is in that version's deposit, in the model
//! registry. Revenue grows by at most one entry for each asset and one for each asset and owner in
//! an era, paid for by the jobs and sales that bring it.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(any(test, feature = "runtime-benchmarks"))]
mod benchmarking;
mod functions;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use types::{Dataset, DatasetVersion, GrantRecord, StatementRecord};
pub use weights::WeightInfo;

use alloc::boxed::Box;
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
        dataset::{DatasetSpec, StatementKind},
        grant::{Grant, GrantId, Unusable},
        lineage::{InvalidLineage, Lineage, Shares, MAX_PAYEES},
        model::Name,
        registry::RegistryError,
        terms::InvalidTerms,
        traits::ModelRegistry,
        AssetId, BlockNumber, ContentHash, DatasetId, DatasetVersionId, Version,
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// Where everything comes from.
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
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The owner's deposit for a dataset and its versions.
        #[codec(index = 0)]
        Deposit,
        /// The deposit for a grant, of whoever bought or gave it.
        #[codec(index = 1)]
        Grant,
        /// The author's deposit for a statement.
        #[codec(index = 2)]
        Statement,
        /// What the keeper owes to payees.
        #[codec(index = 3)]
        Unpaid,
    }

    /// The number the next dataset gets.
    #[pallet::storage]
    pub type NextDatasetId<T> = StorageValue<_, DatasetId, ValueQuery>;

    /// The datasets.
    #[pallet::storage]
    pub type Datasets<T: Config> = StorageMap<_, Twox64Concat, DatasetId, Dataset<T::AccountId>>;

    /// The versions of each dataset.
    #[pallet::storage]
    pub type DatasetVersions<T: Config> =
        StorageDoubleMap<_, Twox64Concat, DatasetId, Twox64Concat, Version, DatasetVersion>;

    /// Statements about versions of datasets, by author and kind.
    #[pallet::storage]
    pub type Statements<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        DatasetVersionId,
        Blake2_128Concat,
        (T::AccountId, StatementKind),
        StatementRecord,
    >;

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
        /// A dataset was registered.
        DatasetRegistered {
            /// Its number.
            dataset: DatasetId,
            /// Its owner.
            owner: T::AccountId,
            /// Its name.
            name: Name,
        },
        /// A version of a dataset was published.
        DatasetPublished {
            /// Its number.
            id: DatasetVersionId,
            /// BLAKE3 of the data.
            content: ContentHash,
        },
        /// A dataset was offered to an account.
        DatasetOffered {
            /// The dataset.
            dataset: DatasetId,
            /// Who may accept it.
            to: T::AccountId,
        },
        /// An offer was taken back.
        OfferWithdrawn {
            /// The dataset.
            dataset: DatasetId,
        },
        /// A dataset has a new owner.
        OwnerChanged {
            /// The dataset.
            dataset: DatasetId,
            /// Who owned it.
            from: T::AccountId,
            /// Who owns it now.
            to: T::AccountId,
        },
        /// No grants of the version are sold any more.
        DatasetDeprecated {
            /// The version.
            id: DatasetVersionId,
        },
        /// The version cannot be cited any more.
        DatasetRevoked {
            /// The version.
            id: DatasetVersionId,
        },
        /// The version was removed, and its deposit given back.
        DatasetRemoved {
            /// The version.
            id: DatasetVersionId,
        },
        /// Somebody states something about a dataset.
        StatementMade {
            /// The version.
            id: DatasetVersionId,
            /// Who.
            author: T::AccountId,
            /// What.
            kind: StatementKind,
            /// BLAKE3 of the document that says more.
            document: ContentHash,
        },
        /// A statement was taken back by its author.
        StatementWithdrawn {
            /// The version.
            id: DatasetVersionId,
            /// Who.
            author: T::AccountId,
            /// What.
            kind: StatementKind,
        },
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
        /// There is no such dataset or version.
        NotFound,
        /// The caller does not own the dataset or asset.
        NotOwner,
        /// The dataset is not offered to the caller.
        NotOffered,
        /// There is no offer to take back.
        NoOffer,
        /// The account already owns the dataset.
        AlreadyOwner,
        /// The version is deprecated already.
        AlreadyDeprecated,
        /// The version is revoked already, which is final.
        AlreadyRevoked,
        /// There are as many datasets as there are numbers for them.
        TooManyDatasets,
        /// The dataset has as many versions as there are numbers for them.
        TooManyVersions,
        /// The name is empty.
        EmptyName,
        /// The name is not UTF-8, or holds a control character.
        UnprintableName,
        /// A source is not a URL of printable ASCII with a scheme that ends in `/`.
        InvalidSource,
        /// The licence is empty, has a space at an end, or is not printable ASCII.
        InvalidLicence,
        /// A grant for sale costs nothing.
        FreeGrant,
        /// A grant would not last a block.
        ZeroDuration,
        /// A grant would allow no use.
        ZeroUses,
        /// Only a revoked version can be removed.
        NotRevoked,
        /// Other versions cite this one: it stays.
        StillCited,
        /// There are grants of the version: revoke or remove them first.
        GrantsOutstanding,
        /// The owner of a dataset makes no statements about it.
        OwnStatement,
        /// There is no such asset, or no such statement.
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
            let largest = DatasetSpec::max_encoded_len()
                .saturating_add(Lineage::max_encoded_len())
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
        /// Registers a dataset with its first version, owned by the caller.
        ///
        /// Anybody may call it. `citations` are the assets that the data was made from, each with
        /// its share of what this version earns; every one must consent (see [`Pallet::publish`]).
        /// Holds `DepositBase` plus `DepositPerByte` for each byte of `name`, and the same for the
        /// version and its lineage.
        ///
        /// Emits [`Event::DatasetRegistered`] and [`Event::DatasetPublished`]. Refuses with
        /// [`Error::EmptyName`], [`Error::UnprintableName`], [`Error::TooManyDatasets`], and what
        /// [`Pallet::publish`] refuses with.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register(citations.len() as u32))]
        pub fn register(
            origin: OriginFor<T>,
            name: Name,
            spec: Box<DatasetSpec>,
            citations: Shares,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register(who, name, *spec, citations)
        }

        /// Publishes the next version of a dataset. Versions are numbered from 0 and never change.
        ///
        /// Only the dataset's owner may call it. A cited asset consents if the caller owns it, if
        /// its access is open, or if the caller holds a grant of it, of which one use is consumed.
        /// What forbids commercial use is cited only by what forbids it too, unless it is the
        /// caller's own, and so is everything that forbids it among what it descends from.
        ///
        /// Emits [`Event::DatasetPublished`] and an [`Event::Cited`] for every citation. Refuses
        /// with [`Error::NotFound`], [`Error::NotOwner`], [`Error::TooManyVersions`],
        /// [`Error::InvalidSource`], [`Error::InvalidLicence`], [`Error::FreeGrant`],
        /// [`Error::ZeroDuration`], [`Error::ZeroUses`], the error that names what is wrong with a
        /// citation, or `FundsUnavailable` when the owner cannot pay the deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::publish(citations.len() as u32))]
        pub fn publish(
            origin: OriginFor<T>,
            dataset: DatasetId,
            spec: Box<DatasetSpec>,
            citations: Shares,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_publish(&who, dataset, *spec, citations).map(|_| ())
        }

        /// Offers a dataset to another account, which becomes its owner by accepting it. An
        /// earlier offer is replaced.
        ///
        /// Only the dataset's owner may call it.
        ///
        /// Emits [`Event::DatasetOffered`]. Refuses with [`Error::NotFound`], [`Error::NotOwner`],
        /// [`Error::AlreadyOwner`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::offer())]
        pub fn offer(origin: OriginFor<T>, dataset: DatasetId, to: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_offer(&who, dataset, to)
        }

        /// Takes over a dataset that was offered to the caller. The deposit for the dataset and
        /// all its versions is held from the caller, and the former owner's is released. From now
        /// on the caller earns what the dataset earns, by jobs already submitted too.
        ///
        /// Only the account that the dataset is offered to may call it.
        ///
        /// Emits [`Event::OwnerChanged`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOffered`], or `FundsUnavailable` when the caller cannot pay the deposit.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::accept())]
        pub fn accept(origin: OriginFor<T>, dataset: DatasetId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_accept(who, dataset)
        }

        /// Takes an offer back.
        ///
        /// Only the dataset's owner may call it.
        ///
        /// Emits [`Event::OfferWithdrawn`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::NoOffer`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::withdraw_offer())]
        pub fn withdraw_offer(origin: OriginFor<T>, dataset: DatasetId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_offer(&who, dataset)
        }

        /// Deprecates a version: no grants of it are sold any more. Whoever may use it still may.
        /// Final.
        ///
        /// Only the dataset's owner may call it.
        ///
        /// Emits [`Event::DatasetDeprecated`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::AlreadyDeprecated`], [`Error::AlreadyRevoked`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::deprecate())]
        pub fn deprecate(
            origin: OriginFor<T>,
            dataset: DatasetId,
            version: Version,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_deprecate(&who, DatasetVersionId { dataset, version })
        }

        /// Revokes a version, active or deprecated: it cannot be cited any more. The versions that
        /// cite it go on paying it. Final.
        ///
        /// Only the dataset's owner may call it, and only when no grant that was paid for is left:
        /// revoking those first refunds what is unused of them.
        ///
        /// Emits [`Event::DatasetRevoked`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::AlreadyRevoked`], [`Error::GrantsOutstanding`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::revoke())]
        pub fn revoke(
            origin: OriginFor<T>,
            dataset: DatasetId,
            version: Version,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_revoke(&who, DatasetVersionId { dataset, version })
        }

        /// Removes a revoked version that nothing cites and nobody holds a grant of, and gives its
        /// deposit back. The dataset goes with its last version.
        ///
        /// Only the dataset's owner may call it.
        ///
        /// Emits [`Event::DatasetRemoved`]. Refuses with [`Error::NotFound`], [`Error::NotOwner`],
        /// [`Error::NotRevoked`], [`Error::StillCited`], [`Error::GrantsOutstanding`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::remove(MAX_PAYEES))]
        pub fn remove(
            origin: OriginFor<T>,
            dataset: DatasetId,
            version: Version,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove(&who, DatasetVersionId { dataset, version })
        }

        /// States something about a version of somebody else's dataset, instead of what the caller
        /// stated of this kind before. Holds a deposit.
        ///
        /// Anybody but the dataset's owner may call it. An account has at most one statement of
        /// each kind about a version. There is no other bound, which those who would silence
        /// somebody could fill: a deposit pays for every statement, and listings have pages.
        ///
        /// Emits [`Event::StatementMade`]. Refuses with [`Error::NotFound`],
        /// [`Error::OwnStatement`], or `FundsUnavailable`.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::attest())]
        pub fn attest(
            origin: OriginFor<T>,
            dataset: DatasetId,
            version: Version,
            kind: StatementKind,
            document: ContentHash,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_attest(who, DatasetVersionId { dataset, version }, kind, document)
        }

        /// Takes a statement back, and its deposit.
        ///
        /// Only its author may call it.
        ///
        /// Emits [`Event::StatementWithdrawn`]. Refuses with [`Error::NotFound`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::withdraw_statement())]
        pub fn withdraw_statement(
            origin: OriginFor<T>,
            dataset: DatasetId,
            version: Version,
            kind: StatementKind,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_statement(who, DatasetVersionId { dataset, version }, kind)
        }

        /// Buys a grant of an asset at the price of its terms, or extends the one that the caller
        /// bought and whose time is not over. The price is split as everything that the asset
        /// earns. Holds a deposit for a new grant.
        ///
        /// Anybody but the asset's owner may call it.
        ///
        /// Emits [`Event::GrantBought`] and an [`Event::Earned`] for every payee. Refuses with
        /// [`Error::UnknownAsset`], [`Error::NotForSale`], [`Error::OwnerNeedsNoGrant`],
        /// [`Error::GrantHeld`], or `FundsUnavailable`.
        #[pallet::call_index(10)]
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
        #[pallet::call_index(11)]
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
        #[pallet::call_index(12)]
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
        #[pallet::call_index(13)]
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
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::collect())]
        pub fn collect(origin: OriginFor<T>, payee: T::AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_collect(payee)
        }
    }

    impl<T> From<RegistryError> for Error<T> {
        fn from(refused: RegistryError) -> Self {
            match refused {
                RegistryError::EmptyName => Self::EmptyName,
                RegistryError::UnprintableName => Self::UnprintableName,
                RegistryError::InvalidSource => Self::InvalidSource,
                RegistryError::TooManyVersions => Self::TooManyVersions,
                RegistryError::AlreadyOwner => Self::AlreadyOwner,
                RegistryError::NotOffered => Self::NotOffered,
                RegistryError::NoOffer => Self::NoOffer,
                RegistryError::AlreadyDeprecated => Self::AlreadyDeprecated,
                RegistryError::AlreadyRevoked => Self::AlreadyRevoked,
            }
        }
    }

    impl<T> From<InvalidTerms> for Error<T> {
        fn from(invalid: InvalidTerms) -> Self {
            match invalid {
                InvalidTerms::Licence => Self::InvalidLicence,
                InvalidTerms::FreeGrant => Self::FreeGrant,
                InvalidTerms::ZeroDuration => Self::ZeroDuration,
                InvalidTerms::ZeroUses => Self::ZeroUses,
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
