//! # Models
//!
//! The registry of models: who owns which, the immutable versions each has, and whether a version
//! takes new work. Owners publish here, workers and jobs look up here, and whatever a model earns
//! goes to whoever owns it when it is paid.
//!
//! | who | call | what it does |
//! |---|---|---|
//! | anybody | [`create`](Pallet::create) | names a new model and becomes its owner |
//! | owner | [`publish`](Pallet::publish) | adds an immutable version |
//! | owner | [`deprecate`](Pallet::deprecate) | no worker may start to serve a version |
//! | owner | [`revoke`](Pallet::revoke) | a version takes no new jobs and no new citations |
//! | owner | [`offer`](Pallet::offer), [`withdraw_offer`](Pallet::withdraw_offer) | offers the model to an account, or takes the offer back |
//! | that account | [`accept`](Pallet::accept) | takes the model over, with its deposit |
//!
//! Models and versions are never removed: jobs, receipts and other models refer to them. Their
//! owner holds a deposit for the space, which the next owner takes over with the model.
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
pub use types::{Model, PublishedVersion};
pub use weights::WeightInfo;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use crate::types::SpecError;
    use alloc::{boxed::Box, vec::Vec};
    use frame_support::{pallet_prelude::*, traits::fungible};
    use frame_system::pallet_prelude::*;
    use vigil_primitives::{
        lineage::Shares,
        model::{Name, VersionSpec},
        registry,
        traits::{PackageLayout, Provenance},
        Balance, ContentHash, ModelId, ModelVersionId, Version,
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

        /// Deposit for a model or a version, whatever its size.
        #[pallet::constant]
        type DepositBase: Get<Balance>;

        /// Deposit for each byte of a model's name, and of a version's specification and lineage.
        #[pallet::constant]
        type DepositPerByte: Get<Balance>;

        /// How long a package's weights are, which a specification must state exactly: a proof of
        /// one weight counts on where it lies.
        type Layout: PackageLayout;

        /// Numbers of the operator sets that the runtime can referee.
        #[pallet::constant]
        type OpSets: Get<Vec<u16>>;

        /// Weights of the calls.
        type WeightInfo: WeightInfo;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The owner's deposit for a model and its versions.
        #[codec(index = 0)]
        Deposit,
    }

    /// The number the next model gets.
    #[pallet::storage]
    pub type NextModelId<T> = StorageValue<_, ModelId, ValueQuery>;

    /// The models.
    #[pallet::storage]
    pub type Models<T: Config> = StorageMap<_, Twox64Concat, ModelId, Model<T::AccountId>>;

    /// The versions of each model.
    #[pallet::storage]
    pub type Versions<T: Config> =
        StorageDoubleMap<_, Twox64Concat, ModelId, Twox64Concat, Version, PublishedVersion>;

    /// The models of each owner.
    #[pallet::storage]
    pub type ModelsOf<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, ModelId, ()>;

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A model was created.
        ModelCreated {
            /// Its number.
            model: ModelId,
            /// Its owner.
            owner: T::AccountId,
            /// Its name.
            name: Name,
        },
        /// A version was published.
        VersionPublished {
            /// Its number.
            id: ModelVersionId,
            /// BLAKE3 of its `package.json`.
            package: ContentHash,
        },
        /// A model was offered to an account.
        ModelOffered {
            /// The model.
            model: ModelId,
            /// Who may accept it.
            to: T::AccountId,
        },
        /// An offer was taken back.
        OfferWithdrawn {
            /// The model.
            model: ModelId,
        },
        /// A model has a new owner.
        OwnerChanged {
            /// The model.
            model: ModelId,
            /// Who owned it.
            from: T::AccountId,
            /// Who owns it now.
            to: T::AccountId,
        },
        /// No worker may start to serve the version any more.
        VersionDeprecated {
            /// The version.
            id: ModelVersionId,
        },
        /// The version takes no new jobs any more.
        VersionRevoked {
            /// The version.
            id: ModelVersionId,
        },
        /// The version's package breaks the rules: it takes no new jobs any more, and its deposit is
        /// gone.
        VersionCondemned {
            /// The version.
            id: ModelVersionId,
            /// Its deposit.
            burned: Balance,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such model or version.
        NotFound,
        /// The caller does not own the model.
        NotOwner,
        /// The model is not offered to the caller.
        NotOffered,
        /// There is no offer to take back.
        NoOffer,
        /// The account already owns the model.
        AlreadyOwner,
        /// The version is deprecated already.
        AlreadyDeprecated,
        /// The version is revoked already, which is final.
        AlreadyRevoked,
        /// There are as many models as there are numbers for them.
        TooManyModels,
        /// The model has as many versions as there are numbers for them.
        TooManyVersions,
        /// The name is empty.
        EmptyName,
        /// The name is not UTF-8, or holds a control character.
        UnprintableName,
        /// The runtime does not know the operator set.
        UnsupportedOpSet,
        /// The weights of this architecture have another length: a package made by `vigil pack` has
        /// the right one.
        WrongWeightsLength,
        /// The licence is empty, has a space at an end, or is not printable ASCII.
        InvalidLicence,
        /// A paid grant costs nothing.
        FreeGrant,
        /// A paid grant would not last a block.
        ZeroDuration,
        /// A paid grant would allow no use.
        ZeroUses,
        /// Grants of the version that were paid for must be taken back first.
        PaidGrants,
        /// A source is not a URL of printable ASCII with a scheme that ends in `/`.
        InvalidSource,
        /// A dimension of the architecture is zero.
        ZeroDimension,
        /// The hidden width is not a multiple of the heads, the heads are not one of the key
        /// heads, or a head is wider than 256, or odd where it is rotated.
        HeadsDoNotDivide,
        /// A matrix of the architecture is wider than the referee can open.
        TooWide,
        /// The context is longer than 4,096 tokens.
        ContextTooLong,
        /// The vocabulary has more than 1,048,576 entries.
        VocabularyTooLarge,
        /// There are more than 256 layers.
        TooManyLayers,
        /// The normalisation constant is not a positive, finite number.
        BadEpsilon,
        /// A stop token is not in the vocabulary.
        StopTokenOutOfVocabulary,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let sets = T::OpSets::get();
            assert!(!sets.is_empty(), "OpSets is empty: no version could be published");
            assert!(
                !sets.contains(&0),
                "OpSets holds 0, which is no operator set: they are numbered from 1"
            );
            // A lineage has at most as many bytes as a u32 can tell.
            let largest = Balance::try_from(VersionSpec::max_encoded_len())
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
        /// Creates a model without versions, owned by the caller.
        ///
        /// Anybody may call it. Holds `DepositBase` plus `DepositPerByte` for each byte of `name`,
        /// which is UTF-8, not empty, without control characters, and need not be unique.
        ///
        /// Emits [`Event::ModelCreated`]. Refuses with [`Error::EmptyName`],
        /// [`Error::UnprintableName`], [`Error::TooManyModels`], or `FundsUnavailable` when the
        /// caller cannot pay the deposit.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create())]
        pub fn create(origin: OriginFor<T>, name: Name) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_create(who, name)
        }

        /// Publishes the next version of a model. Versions are numbered from 0 and never change.
        ///
        /// Only the model's owner may call it. `citations` are the versions of models and datasets
        /// that it descends from, each with a share of its revenue, in parts per million. Each of
        /// them needs consent: it is the caller's own, or open, or the caller holds a grant, of
        /// which a use is consumed. Holds `DepositBase` plus `DepositPerByte` for each encoded byte
        /// of `spec` and each byte that is stored of its lineage. The list of sources may be empty
        /// when the package reaches workers in another way.
        ///
        /// Emits [`Event::VersionPublished`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::TooManyVersions`], the error that names what is wrong
        /// with the architecture, [`Error::UnsupportedOpSet`], [`Error::WrongWeightsLength`],
        /// [`Error::InvalidLicence`], [`Error::FreeGrant`], [`Error::ZeroDuration`],
        /// [`Error::ZeroUses`], [`Error::InvalidSource`], the error of `Provenance` that names what
        /// is wrong with the citations, or `FundsUnavailable` when the owner cannot pay the deposit.
        #[pallet::call_index(1)]
        #[pallet::weight(Pallet::<T>::publish_weight(spec, citations))]
        pub fn publish(
            origin: OriginFor<T>,
            model: ModelId,
            spec: Box<VersionSpec>,
            citations: Shares,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_publish(&who, model, *spec, citations)
        }

        /// Offers a model to another account, which becomes its owner by accepting it. An earlier
        /// offer is replaced.
        ///
        /// Only the model's owner may call it.
        ///
        /// Emits [`Event::ModelOffered`]. Refuses with [`Error::NotFound`], [`Error::NotOwner`],
        /// [`Error::AlreadyOwner`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::offer())]
        pub fn offer(origin: OriginFor<T>, model: ModelId, to: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_offer(&who, model, to)
        }

        /// Takes over a model that was offered to the caller. The deposit for the model and all
        /// its versions is held from the caller, and the former owner's is released. From now on
        /// the caller earns what the model earns, for jobs already submitted too.
        ///
        /// Only the account that the model is offered to may call it.
        ///
        /// Emits [`Event::OwnerChanged`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOffered`], or `FundsUnavailable` when the caller cannot pay the deposit.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::accept())]
        pub fn accept(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_accept(who, model)
        }

        /// Takes an offer back.
        ///
        /// Only the model's owner may call it.
        ///
        /// Emits [`Event::OfferWithdrawn`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::NoOffer`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::withdraw_offer())]
        pub fn withdraw_offer(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_offer(&who, model)
        }

        /// Deprecates a version: workers that serve it go on, none may start to. Final.
        ///
        /// Only the model's owner may call it.
        ///
        /// Emits [`Event::VersionDeprecated`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::AlreadyDeprecated`], [`Error::AlreadyRevoked`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::deprecate())]
        pub fn deprecate(origin: OriginFor<T>, model: ModelId, version: Version) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_deprecate(&who, ModelVersionId { model, version })
        }

        /// Revokes a version, active or deprecated: it takes no new jobs and no new citations. Jobs
        /// already submitted finish, and citations go on earning. Final.
        ///
        /// Only the model's owner may call it.
        ///
        /// Emits [`Event::VersionRevoked`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotOwner`], [`Error::AlreadyRevoked`], [`Error::PaidGrants`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::revoke())]
        pub fn revoke(origin: OriginFor<T>, model: ModelId, version: Version) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_revoke(&who, ModelVersionId { model, version })
        }
    }

    impl<T> From<SpecError> for Error<T> {
        fn from(refused: SpecError) -> Self {
            use vigil_primitives::{
                architecture::InvalidArchitecture as Wrong, terms::InvalidTerms,
            };
            match refused {
                SpecError::Registry(refused) => refused.into(),
                SpecError::UnsupportedOpSet => Self::UnsupportedOpSet,
                SpecError::WrongWeightsLength => Self::WrongWeightsLength,
                SpecError::Terms(InvalidTerms::Licence) => Self::InvalidLicence,
                SpecError::Terms(InvalidTerms::FreeGrant) => Self::FreeGrant,
                SpecError::Terms(InvalidTerms::ZeroDuration) => Self::ZeroDuration,
                SpecError::Terms(InvalidTerms::ZeroUses) => Self::ZeroUses,
                SpecError::Architecture(Wrong::ZeroDimension) => Self::ZeroDimension,
                SpecError::Architecture(Wrong::HeadsDoNotDivide) => Self::HeadsDoNotDivide,
                SpecError::Architecture(Wrong::TooWide) => Self::TooWide,
                SpecError::Architecture(Wrong::ContextTooLong) => Self::ContextTooLong,
                SpecError::Architecture(Wrong::VocabularyTooLarge) => Self::VocabularyTooLarge,
                SpecError::Architecture(Wrong::TooManyLayers) => Self::TooManyLayers,
                SpecError::Architecture(Wrong::BadEpsilon) => Self::BadEpsilon,
                SpecError::Architecture(Wrong::StopTokenOutOfVocabulary) => {
                    Self::StopTokenOutOfVocabulary
                }
            }
        }
    }

    impl<T> From<registry::RegistryError> for Error<T> {
        fn from(refused: registry::RegistryError) -> Self {
            use registry::RegistryError as Wrong;
            match refused {
                Wrong::NotFound => Self::NotFound,
                Wrong::NotOwner => Self::NotOwner,
                Wrong::TooManyEntries => Self::TooManyModels,
                Wrong::EmptyName => Self::EmptyName,
                Wrong::UnprintableName => Self::UnprintableName,
                Wrong::InvalidSource => Self::InvalidSource,
                Wrong::TooManyVersions => Self::TooManyVersions,
                Wrong::AlreadyOwner => Self::AlreadyOwner,
                Wrong::NotOffered => Self::NotOffered,
                Wrong::NoOffer => Self::NoOffer,
                Wrong::AlreadyDeprecated => Self::AlreadyDeprecated,
                Wrong::AlreadyRevoked => Self::AlreadyRevoked,
            }
        }
    }
}
