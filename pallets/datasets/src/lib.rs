//! # Datasets
//!
//! The registry of datasets, twin of that of models: who owns which, the immutable versions each
//! has, and whether a version may be cited. And what third parties state about them.
//!
//! | who | call | what it does |
//! |---|---|---|
//! | anybody | [`register`](Pallet::register) | names a new dataset with its first version and becomes its owner |
//! | owner | [`publish`](Pallet::publish) | adds an immutable version |
//! | owner | [`deprecate`](Pallet::deprecate) | no grants of a version are sold any more |
//! | owner | [`revoke`](Pallet::revoke) | a version takes no new citations |
//! | owner | [`remove`](Pallet::remove) | a revoked version that nobody uses is forgotten |
//! | owner | [`offer`](Pallet::offer), [`withdraw_offer`](Pallet::withdraw_offer) | offers the dataset to an account, or takes the offer back |
//! | that account | [`accept`](Pallet::accept) | takes the dataset over, with its deposit |
//! | anybody else | [`attest`](Pallet::attest), [`withdraw_statement`](Pallet::withdraw_statement) | states something about a version, or takes it back |
//!
//! Every record is paid for by a deposit, by the byte, of whoever had it stored, and the deposit
//! comes back when the record is removed.
//!
//! What a version descends from is checked and kept by whatever implements
//! [`Provenance`](vigil_primitives::traits::Provenance); the owner's deposit covers it too.

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
pub use types::{Dataset, DatasetVersion, StatementRecord};
pub use weights::WeightInfo;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use alloc::boxed::Box;
    use frame_support::{pallet_prelude::*, traits::fungible};
    use frame_system::pallet_prelude::*;
    use vigil_primitives::{
        dataset::{DatasetSpec, StatementKind},
        lineage::Shares,
        model::Name,
        registry::RegistryError,
        terms::InvalidTerms,
        traits::Provenance,
        Balance, ContentHash, DatasetId, DatasetVersionId, Version,
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The registry.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The token deposits are held in.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reasons of holds.
        type RuntimeHoldReason: From<HoldReason>;

        /// What versions descend from, and the grants of them.
        type Provenance: Provenance<Self::AccountId>;

        /// Deposit for a dataset, a version or a statement, whatever its size.
        #[pallet::constant]
        type DepositBase: Get<Balance>;

        /// Deposit for each byte of a dataset's name, of a version's specification and lineage, and
        /// of a statement.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The owner's deposit for a dataset and its versions.
        #[codec(index = 0)]
        Deposit,
        /// The author's deposit for a statement.
        #[codec(index = 1)]
        Statement,
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
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such dataset, version or statement.
        NotFound,
        /// The caller does not own the dataset.
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
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::DepositPerByte::get() > 0, "DepositPerByte is zero: storage would be free");
            // A lineage has at most as many bytes as a u32 can tell.
            let largest = Balance::try_from(DatasetSpec::max_encoded_len())
                .ok()
                .and_then(|bytes| bytes.checked_add(u32::MAX.into()))
                .and_then(|bytes| bytes.checked_mul(T::DepositPerByte::get()))
                .and_then(|deposit| deposit.checked_add(T::DepositBase::get()));
            assert!(largest.is_some(), "the deposit of the largest version overflows a balance");
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
        #[pallet::weight(Pallet::<T>::register_weight(citations))]
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
        /// Emits [`Event::DatasetPublished`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::TooManyVersions`], [`Error::InvalidSource`],
        /// [`Error::InvalidLicence`], [`Error::FreeGrant`], [`Error::ZeroDuration`],
        /// [`Error::ZeroUses`], the error of `Provenance` that names what is wrong with a citation,
        /// or `FundsUnavailable` when the owner cannot pay the deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(Pallet::<T>::publish_weight(citations))]
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
        #[pallet::weight(T::WeightInfo::remove().saturating_add(T::Provenance::forget_weight()))]
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
    }

    impl<T> From<RegistryError> for Error<T> {
        fn from(refused: RegistryError) -> Self {
            match refused {
                RegistryError::NotFound => Self::NotFound,
                RegistryError::NotOwner => Self::NotOwner,
                RegistryError::TooManyEntries => Self::TooManyDatasets,
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
}
