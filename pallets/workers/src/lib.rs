//! # Workers
//!
//! The registry of the machines that run models: each with a bond, an endpoint, a price, a number
//! of places and the versions it serves. Jobs draw their workers here, and how a worker behaves
//! decides how often it is drawn, whether it is slashed, and whether it goes to jail.
//!
//! | who | call | what it does |
//! |---|---|---|
//! | anybody | [`register`](Pallet::register) | becomes a worker, with a bond |
//! | worker | [`update`](Pallet::update) | changes endpoint, key, capability, ask or capacity |
//! | worker | [`bond_more`](Pallet::bond_more) | adds to the bond |
//! | worker | [`serve`](Pallet::serve), [`unserve`](Pallet::unserve) | starts or stops to take jobs of a version |
//! | worker | [`drain`](Pallet::drain), [`resume`](Pallet::resume) | pauses new jobs, and takes them again |
//! | worker | [`unbond`](Pallet::unbond), [`withdraw`](Pallet::withdraw) | leaves, and gets the bond back after a delay |
//! | worker | [`unjail`](Pallet::unjail) | returns from jail |
//! | worker | [`name_owner`](Pallet::name_owner) | says whom it belongs to |
//! | owner | [`confirm_worker`](Pallet::confirm_worker) | says so too |
//! | worker | [`declare_region`](Pallet::declare_region) | says which country it is in |
//! | `RegionOrigin` | [`refute_region`](Pallet::refute_region) | takes the deposit of one that is not |
//!
//! ```text
//!               drain                    unbond
//!     Active ----------> Draining ------------------> Unbonding --withdraw--> (gone)
//!       ^  ^---resume-------'  |                        ^
//!       |                      | misses, or too low a   |
//!    unjail                    v bond (from Active too) |
//!       '------------------ Jailed ---------------------'
//! ```
//!
//! # The draw
//!
//! Every version has a list of the **active** workers that serve it, numbered without gaps: a
//! worker that drains, is jailed or leaves is taken off at once. So a draw reads at most
//! `SampleSize` entries however many workers there are, and a crowd of idle registrations cannot
//! crowd the sample out. Among those of the sample that have a free place, ask at most the budget
//! and have bond for the reward, one is drawn with probability proportional to its free places
//! times its [`reliability`](vigil_primitives::worker::reliability), and to how far its record
//! vouches for what the job is worth; a job with several replicas draws again among the others.
//! When the sample does not hold enough of them, the `SampleSize` workers with the lowest asks are
//! looked at too: a second list of every version is in that order. So a job that finds nobody knows
//! that neither chance nor the cheapest have anybody for it.
//!
//! Whatever lets a worker take more than before is told to the [`Market`], where jobs wait.
//!
//! [`Market`]: vigil_primitives::traits::Market

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(any(test, feature = "runtime-benchmarks"))]
pub mod benchmarking;
mod draw;
mod functions;
mod index;
#[cfg(test)]
mod mock;
mod origins;
mod pool;
mod refusals;
mod stakes;
#[cfg(test)]
mod tests;
mod try_state;
pub mod types;
pub mod weights;

pub use pallet::*;
pub use types::Worker;
pub use weights::WeightInfo;

use frame_support::pallet_macros::import_section;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[import_section(crate::index::storage)]
#[import_section(crate::origins::storage)]
#[import_section(crate::refusals::errors)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::fungible};
    use frame_system::pallet_prelude::*;
    use vigil_primitives::{
        dispute::Penalty,
        model::Url,
        traits::{Market, ModelRegistry},
        worker::{Capability, Owner, Region, Reputation, MAX_CAPACITY},
        Balance, ModelVersionId,
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// A worker's record.
    pub type WorkerOf<T> = Worker<BlockNumberFor<T>>;
    /// How a worker has behaved.
    pub type ReputationOf<T> = Reputation<BlockNumberFor<T>>;

    /// The registry.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The token bonds are held in.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// The runtime's reasons of holds.
        type RuntimeHoldReason: From<HoldReason>;

        /// Where versions are looked up.
        type Models: ModelRegistry<Self::AccountId>;

        /// Who is told that a worker can take more than before.
        type Market: Market<Self::AccountId>;

        /// The smallest bond with which a worker is given jobs.
        #[pallet::constant]
        type MinBond: Get<Balance>;

        /// The lowest ask per giga multiply-accumulate.
        #[pallet::constant]
        type MinAsk: Get<Balance>;

        /// The highest ask per giga multiply-accumulate.
        #[pallet::constant]
        type MaxAsk: Get<Balance>;

        /// Blocks between `unbond` and `withdraw`. Longer than the longest dispute.
        #[pallet::constant]
        type UnbondingPeriod: Get<BlockNumberFor<Self>>;

        /// Blocks a worker spends in jail.
        #[pallet::constant]
        type JailPeriod: Get<BlockNumberFor<Self>>;

        /// Missed deadlines in a row that send a worker to jail.
        #[pallet::constant]
        type MaxMissesInARow: Get<u32>;

        /// Burned from the bond for a missed deadline.
        #[pallet::constant]
        type ExpirySlash: Get<Balance>;

        /// Taken from the bond for a wrong result, at least: more where the result earned more than a
        /// [`BOND_COVER`](vigil_primitives::worker::BOND_COVER)th of it.
        #[pallet::constant]
        type ConvictionSlash: Get<Balance>;

        /// Blocks a worker spends in jail for a wrong result.
        #[pallet::constant]
        type ConvictionJailPeriod: Get<BlockNumberFor<Self>>;

        /// Blocks after which half of what has been seen of a worker counts.
        #[pallet::constant]
        type RecordHalfLife: Get<BlockNumberFor<Self>>;

        /// Held from a worker that says which country it is in, until it has left.
        #[pallet::constant]
        type RegionDeposit: Get<Balance>;

        /// Who decides that a worker is not where it says.
        type RegionOrigin: EnsureOrigin<Self::RuntimeOrigin>;

        /// Workers looked at in a draw, and as many more when those are not enough.
        #[pallet::constant]
        type SampleSize: Get<u32>;

        /// Weights of the calls and of the draw.
        type WeightInfo: WeightInfo;

        /// Sets the scenes of the benchmarks.
        #[cfg(any(test, feature = "runtime-benchmarks"))]
        type BenchmarkHelper: crate::benchmarking::BenchmarkHelper<Self::AccountId>;
    }

    /// Why funds are held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// A worker's bond.
        #[codec(index = 0)]
        Bond,
        /// A worker's word about where it is.
        #[codec(index = 1)]
        Region,
    }

    /// The workers.
    #[pallet::storage]
    pub type Workers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, WorkerOf<T>>;

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// An account became a worker.
        Registered {
            /// The worker.
            worker: T::AccountId,
            /// Its bond.
            bond: Balance,
        },
        /// A worker changed what it says of itself.
        Updated {
            /// The worker.
            worker: T::AccountId,
        },
        /// A worker added to its bond.
        BondIncreased {
            /// The worker.
            worker: T::AccountId,
            /// What was added.
            amount: Balance,
            /// The bond now.
            bond: Balance,
        },
        /// A worker takes jobs of a version.
        ServingStarted {
            /// The worker.
            worker: T::AccountId,
            /// The version.
            version: ModelVersionId,
        },
        /// A worker takes no more jobs of a version.
        ServingStopped {
            /// The worker.
            worker: T::AccountId,
            /// The version.
            version: ModelVersionId,
        },
        /// A worker takes no new jobs for now.
        Draining {
            /// The worker.
            worker: T::AccountId,
        },
        /// A worker takes new jobs again.
        Resumed {
            /// The worker.
            worker: T::AccountId,
        },
        /// A worker is leaving.
        UnbondingStarted {
            /// The worker.
            worker: T::AccountId,
            /// First block at which it can withdraw its bond.
            until: BlockNumberFor<T>,
        },
        /// A worker has left with its bond.
        Withdrawn {
            /// Who was a worker.
            worker: T::AccountId,
            /// The bond that was released.
            amount: Balance,
        },
        /// Part of a worker's bond was burned for a missed deadline.
        Slashed {
            /// The worker.
            worker: T::AccountId,
            /// What was burned.
            amount: Balance,
            /// What is left of the bond.
            bond: Balance,
        },
        /// Part of a worker's bond was taken for a wrong result, or for silence when it was audited.
        Convicted {
            /// The worker.
            worker: T::AccountId,
            /// Where it went.
            penalty: Penalty,
            /// What is left of the bond.
            bond: Balance,
        },
        /// A worker has paid for an audit of its result out of its bond.
        Charged {
            /// The worker.
            worker: T::AccountId,
            /// What it has paid.
            amount: Balance,
            /// What is left of the bond.
            bond: Balance,
        },
        /// A worker was jailed, or its time in jail was extended.
        Jailed {
            /// The worker.
            worker: T::AccountId,
            /// First block at which it may return.
            until: BlockNumberFor<T>,
        },
        /// A worker has returned from jail.
        Unjailed {
            /// The worker.
            worker: T::AccountId,
        },
        /// A worker said whom it belongs to, or that it belongs to nobody else.
        OwnerNamed {
            /// The worker.
            worker: T::AccountId,
            /// Its owner, which has to confirm it.
            owner: Option<T::AccountId>,
        },
        /// A worker said which country it is in, or that it does not say any more.
        RegionDeclared {
            /// The worker.
            worker: T::AccountId,
            /// The country.
            region: Option<Region>,
        },
        /// A worker is not where it said, and has lost its deposit.
        RegionRefuted {
            /// The worker.
            worker: T::AccountId,
            /// What was burned.
            burned: Balance,
        },
        /// An owner confirmed that a worker belongs to it.
        OwnerConfirmed {
            /// The worker.
            worker: T::AccountId,
            /// Its owner.
            owner: T::AccountId,
        },
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            Self::check_config();
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_n: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Makes the caller a worker with a bond. It is active at once and serves nothing yet.
        ///
        /// Anybody may call it. Holds `bond`. `endpoint` is the base URL of the blob server,
        /// `encryption_key` an X25519 public key, `ask` the price per giga multiply-accumulate,
        /// `capacity` how many jobs run at the same time.
        ///
        /// Emits [`Event::Registered`]. Refuses with [`Error::AlreadyExists`],
        /// [`Error::InvalidEndpoint`], [`Error::AskOutOfRange`], [`Error::CapacityOutOfRange`],
        /// [`Error::BondTooLow`], or `FundsUnavailable` when the caller cannot pay the bond.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register())]
        pub fn register(
            origin: OriginFor<T>,
            endpoint: Url,
            encryption_key: [u8; 32],
            capability: Capability,
            ask: Balance,
            capacity: u16,
            bond: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register(who, endpoint, encryption_key, capability, ask, capacity, bond)
        }

        /// Replaces everything a worker says of itself. Jobs it is engaged in keep the ask they
        /// were drawn with; a capacity below the number of those jobs only stops new ones.
        ///
        /// Only a worker that is not leaving may call it.
        ///
        /// Emits [`Event::Updated`]. Refuses with [`Error::NotFound`], [`Error::Unbonding`],
        /// [`Error::InvalidEndpoint`], [`Error::AskOutOfRange`], [`Error::CapacityOutOfRange`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::update().saturating_add(T::Market::room_weight()))]
        pub fn update(
            origin: OriginFor<T>,
            endpoint: Url,
            encryption_key: [u8; 32],
            capability: Capability,
            ask: Balance,
            capacity: u16,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_update(who, endpoint, encryption_key, capability, ask, capacity)
        }

        /// Adds `amount` to the bond, so that the worker can take more or larger jobs, or leave
        /// jail after slashes.
        ///
        /// Only a worker that is not leaving may call it. Holds `amount`.
        ///
        /// Emits [`Event::BondIncreased`]. Refuses with [`Error::NotFound`],
        /// [`Error::Unbonding`], [`Error::ZeroAmount`], or `FundsUnavailable` when the worker
        /// cannot pay.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::bond_more().saturating_add(T::Market::room_weight()))]
        pub fn bond_more(origin: OriginFor<T>, amount: Balance) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond_more(who, amount)
        }

        /// Starts to take jobs of a version. The worker has its package already.
        ///
        /// Only a worker that is not leaving may call it; one that drains or is in jail is given
        /// jobs when it returns.
        ///
        /// Emits [`Event::ServingStarted`]. Refuses with [`Error::NotFound`],
        /// [`Error::Unbonding`], [`Error::AlreadyServing`], [`Error::TooManyServed`],
        /// [`Error::UnknownVersion`], [`Error::VersionDeprecated`], [`Error::VersionRevoked`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::serve().saturating_add(T::Market::room_weight()))]
        pub fn serve(origin: OriginFor<T>, version: ModelVersionId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_serve(who, version)
        }

        /// Stops to take jobs of a version. Jobs it is engaged in go on.
        ///
        /// Only a worker that is not leaving may call it.
        ///
        /// Emits [`Event::ServingStopped`]. Refuses with [`Error::NotFound`],
        /// [`Error::Unbonding`], [`Error::NotServing`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::unserve())]
        pub fn unserve(origin: OriginFor<T>, version: ModelVersionId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unserve(who, version)
        }

        /// Stops to take new jobs of any version. Jobs it is engaged in go on.
        ///
        /// Only an active worker may call it.
        ///
        /// Emits [`Event::Draining`]. Refuses with [`Error::NotFound`],
        /// [`Error::AlreadyDraining`], [`Error::Jailed`], [`Error::Unbonding`].
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::drain())]
        pub fn drain(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_drain(who)
        }

        /// Takes new jobs again after [`drain`](Self::drain).
        ///
        /// Only a draining worker may call it.
        ///
        /// Emits [`Event::Resumed`]. Refuses with [`Error::NotFound`], [`Error::NotDraining`],
        /// [`Error::Jailed`], [`Error::Unbonding`].
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::resume().saturating_add(T::Market::room_weight()))]
        pub fn resume(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_resume(who)
        }

        /// Begins to leave: the worker takes nothing any more, and its bond is free after
        /// `UnbondingPeriod` blocks. There is no way back but to register again.
        ///
        /// Only a worker that is engaged in no job and no channel may call it: drain first.
        ///
        /// Emits [`Event::UnbondingStarted`]. Refuses with [`Error::NotFound`],
        /// [`Error::StillEngaged`], [`Error::Unbonding`].
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::unbond())]
        pub fn unbond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who)
        }

        /// Releases the bond and forgets the worker, reputation included.
        ///
        /// Only a worker whose unbonding period is over may call it.
        ///
        /// Emits [`Event::Withdrawn`]. Refuses with [`Error::NotFound`],
        /// [`Error::NotUnbonding`], [`Error::StillUnbonding`], [`Error::StillDisputed`].
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw(who)
        }

        /// Returns from jail: the worker is active and takes jobs of every version it serves.
        ///
        /// Only a worker whose time in jail is over, and whose bond is at least the smallest one,
        /// may call it.
        ///
        /// Emits [`Event::Unjailed`]. Refuses with [`Error::NotFound`], [`Error::NotJailed`],
        /// [`Error::StillJailed`], [`Error::BondTooLow`].
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::unjail().saturating_add(T::Market::room_weight()))]
        pub fn unjail(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unjail(who)
        }

        /// Says whom the caller belongs to, in place of what it said before: two workers of one owner
        /// are never drawn for the same job. It counts when the owner has
        /// [confirmed](Self::confirm_worker) it; nobody can say it of a competitor.
        ///
        /// Only a worker may call it. `None` is nobody else.
        ///
        /// Emits [`Event::OwnerNamed`]. Refuses with [`Error::NotFound`], [`Error::OwnOwner`].
        #[pallet::call_index(10)]
        #[pallet::weight(T::WeightInfo::name_owner().saturating_add(T::Market::room_weight()))]
        pub fn name_owner(origin: OriginFor<T>, owner: Option<T::AccountId>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_name_owner(who, owner)
        }

        /// Confirms that a worker belongs to the caller.
        ///
        /// Only who was [named](Self::name_owner) by the worker may call it.
        ///
        /// Emits [`Event::OwnerConfirmed`]. Refuses with [`Error::NotNamed`],
        /// [`Error::AlreadyConfirmed`].
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::confirm_worker())]
        pub fn confirm_worker(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_confirm_worker(who, worker)
        }

        /// Says which country the caller is in, by the two letters of ISO 3166-1: jobs that ask for
        /// one are given to workers that say so. Holds `RegionDeposit` until the worker has left.
        ///
        /// Only a worker that is not leaving may call it. `None` is not to say.
        ///
        /// Emits [`Event::RegionDeclared`]. Refuses with [`Error::NotFound`], [`Error::Unbonding`],
        /// [`Error::RegionInvalid`], or `FundsUnavailable` when the worker cannot pay.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::declare_region().saturating_add(T::Market::room_weight()))]
        pub fn declare_region(origin: OriginFor<T>, region: Option<Region>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_declare_region(who, region)
        }

        /// Decides that a worker is not where it says: its deposit is burned.
        ///
        /// Only `RegionOrigin` may call it.
        ///
        /// Emits [`Event::RegionRefuted`]. Refuses with [`Error::NoRegion`].
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::refute_region())]
        pub fn refute_region(origin: OriginFor<T>, worker: T::AccountId) -> DispatchResult {
            T::RegionOrigin::ensure_origin(origin)?;
            Self::do_refute_region(worker)
        }
    }

    /// Capacity is stored in 16 bits; the bound keeps every place count far from overflow.
    const _: () = assert!(MAX_CAPACITY > 0 && MAX_CAPACITY < u16::MAX);
}
