//! # Disputes: the trace game, and the referee
//!
//! A claim says that a run of a model gives an output, and its claimant stands for it with a stake.
//! Anybody may challenge it. The two sides take turns until they differ in one element of one result,
//! and the runtime computes that element itself. The rules are those of [`vigil_game`]; this pallet
//! adds whose turn it is, how long it may take, what is at stake and what follows.
//!
//! | who | calls |
//! |---|---|
//! | anybody | [`challenge`](Pallet::challenge) a claim, with a bond |
//! | claimant, challenger | [`play`](Pallet::play) |
//! | anybody | [`play`](Pallet::play) for the claimant what was committed to before, [`take_over`](Pallet::take_over) a seat that a challenger has left, [`time_out`](Pallet::time_out), [`condemn`](Pallet::condemn) a package |
//!
//! ## Clocks
//!
//! Each side has a clock for all its moves, with the time that the run's work takes. It runs while it
//! is that side's turn. A claimant whose clock has run out is convicted. A challenger's seat is then
//! free for anybody else for a while; if nobody takes it the claim holds.
//!
//! ## Money
//!
//! Moves that the rules take are free, and what they would have cost is counted: the loser pays it. A
//! challenger's bond covers that, whatever happens, and what it forfeits beside it, of which half is
//! burned and half goes to the claimant. What a convicted claimant loses is up to where the claim comes
//! from ([`Claims`](vigil_primitives::traits::Claims)).
//!
//! ## Rivals
//!
//! Two claims about one run that differ are set against each other by the chain
//! ([`Disputes`](vigil_primitives::traits::Disputes)): the claimant of one challenges the other, without
//! a bond, and its own claim falls if it loses.
//!
//! ## Several disputes at once
//!
//! A claim can be disputed by several challengers at the same time, and again after it has held: no
//! lost game makes it final. The first conviction ends all other games about it, without a loss.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod functions;
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
use vigil_primitives::{
    dispute::{
        Claim, ClaimId, Dispute, DisputeId, DisputeView, Ended, Ground, Move, Penalty, Proof,
        Verdict,
    },
    Balance, ModelVersionId,
};

/// A dispute in runtime `T`.
pub type DisputeOf<T> = Dispute<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// What is kept of one that has ended.
pub type EndedOf<T> = Ended<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// A dispute as shown by runtime `T`.
pub type DisputeViewOf<T> = DisputeView<<T as frame_system::Config>::AccountId, BlockNumberFor<T>>;
/// Which claim, in runtime `T`.
pub type ClaimIdOf<T> = ClaimId<<T as frame_system::Config>::AccountId>;

// FRAME's macros expand to these; the calls below do not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[import_section(crate::functions::agenda::storage)]
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Convert;
    use vigil_game::{BadGround, BadMove};
    use vigil_primitives::{
        dispute::{Side, TokenAt},
        traits::{Claims, ModelRegistry, Packages},
    };

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The disputes.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
        /// The runtime's reasons for a hold.
        type RuntimeHoldReason: From<HoldReason>;

        /// What bonds are held in.
        type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
            + fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

        /// Where claims come from.
        type Claims: Claims<Self::AccountId>;

        /// The models.
        type Models: ModelRegistry<Self::AccountId>;

        /// What is done with packages that break the rules.
        type Packages: Packages;

        /// What a call of a weight and a length costs.
        type Fees: Convert<(Weight, u32), Balance>;

        /// Where the costs of moves go.
        type Treasury: Get<Self::AccountId>;

        /// What a challenger forfeits when it loses, beside the costs of all moves.
        #[pallet::constant]
        type Forfeit: Get<Balance>;

        /// Blocks that each side has for all its moves, beside the time for the work.
        #[pallet::constant]
        type Clock: Get<BlockNumberFor<Self>>;

        /// Multiply-accumulates that either side is expected to do in a block.
        #[pallet::constant]
        type WorkPerBlock: Get<u64>;

        /// Blocks that the seat of a challenger whose clock has run out is free.
        #[pallet::constant]
        type TakeoverPeriod: Get<BlockNumberFor<Self>>;

        /// Most disputes that have not ended.
        #[pallet::constant]
        type MaxOpen: Get<u32>;

        /// Most disputes about one claim at the same time.
        #[pallet::constant]
        type MaxPerClaim: Get<u32>;

        /// Disputes that have ended of which something is kept.
        #[pallet::constant]
        type History: Get<u32>;

        /// Most weight at a block's start for disputes whose time has run out.
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
        /// The bond of a challenger.
        #[codec(index = 0)]
        Challenge,
    }

    /// Number of the next dispute.
    #[pallet::storage]
    pub type NextDispute<T> = StorageValue<_, DisputeId, ValueQuery>;

    /// The disputes that have not ended.
    #[pallet::storage]
    pub type Disputes<T: Config> = StorageMap<_, Twox64Concat, DisputeId, DisputeOf<T>>;

    /// How many there are.
    #[pallet::storage]
    pub type OpenDisputes<T> = StorageValue<_, u32, ValueQuery>;

    /// Those about a claim.
    #[pallet::storage]
    pub type ByClaim<T: Config> = StorageMap<
        _,
        Blake2_128Concat,
        ClaimIdOf<T>,
        BoundedVec<DisputeId, T::MaxPerClaim>,
        ValueQuery,
    >;

    /// Those in which an account has a side.
    #[pallet::storage]
    pub type Seats<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, DisputeId, ()>;

    /// What is kept of those that have ended lately.
    #[pallet::storage]
    pub type EndedDisputes<T: Config> = StorageMap<_, Twox64Concat, DisputeId, EndedOf<T>>;

    /// Their numbers, in the order in which they ended: place by place, over and over.
    #[pallet::storage]
    pub type EndedOrder<T> = StorageMap<_, Twox64Concat, u32, DisputeId>;

    /// Where the next one is put.
    #[pallet::storage]
    pub type NextEnded<T> = StorageValue<_, u32, ValueQuery>;

    /// What has happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A claim is challenged.
        Challenged {
            /// The dispute.
            dispute: DisputeId,
            /// The claim.
            claim: ClaimIdOf<T>,
            /// Who challenges it.
            challenger: T::AccountId,
            /// On hold of the challenger.
            bond: Balance,
            /// The disputed token.
            token: Option<TokenAt>,
        },
        /// A side has moved, and it is the other's turn.
        Moved {
            /// The dispute.
            dispute: DisputeId,
            /// The side.
            side: Side,
            /// Who has moved.
            by: T::AccountId,
            /// The last block for the next move.
            deadline: BlockNumberFor<T>,
        },
        /// Somebody else has taken the seat of a challenger whose clock has run out.
        TakenOver {
            /// The dispute.
            dispute: DisputeId,
            /// Who sits there now.
            challenger: T::AccountId,
            /// Who sat there, and has lost what it forfeits.
            former: T::AccountId,
            /// On hold of the new one.
            bond: Balance,
        },
        /// A dispute has ended.
        Ended {
            /// The dispute.
            dispute: DisputeId,
            /// The claim.
            claim: ClaimIdOf<T>,
            /// How.
            verdict: Verdict,
            /// What the moves would have cost.
            costs: Balance,
        },
        /// A claim is wrong, and its claimant has lost its stake.
        Convicted {
            /// The claim.
            claim: ClaimIdOf<T>,
            /// Who has convicted it: a challenger, or a claimant whose rival has lost.
            by: T::AccountId,
            /// Where the stake went.
            penalty: Penalty,
        },
        /// A challenger has lost.
        Forfeited {
            /// Who.
            challenger: T::AccountId,
            /// To the treasury, for the moves.
            costs: Balance,
            /// To the claimant.
            compensation: Balance,
            /// Burned.
            burned: Balance,
        },
        /// A package breaks the rules: its version is revoked.
        Condemned {
            /// The version.
            version: ModelVersionId,
            /// Who has shown it.
            by: T::AccountId,
            /// Its deposit, burned.
            burned: Balance,
        },
    }

    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// There is no such dispute, or it has ended.
        NotFound,
        /// No such version was published.
        UnknownVersion,
        /// The claimant can't challenge its own claim.
        OwnClaim,
        /// The account challenges the claim already.
        AlreadyChallenged,
        /// There are as many disputes as there can be.
        TooManyDisputes,
        /// There are as many disputes about the claim as there can be. It can be challenged when one
        /// has ended.
        TooManyOfClaim,
        /// It is the other side's turn, or another's seat.
        NotYourTurn,
        /// The side's clock has run out.
        TooLate,
        /// The side whose turn it is has time left.
        NotDue,
        /// The challenger's seat is not free.
        SeatTaken,
        /// An encoder has no tokens to challenge, a language model no vector.
        OtherFamily,
        /// There is no such token, chunk, anchor, node, step or element.
        OutOfRange,
        /// There are as many bytes as the claim says.
        SameLength,
        /// There is nothing wrong with the element of the package.
        NoFlaw,
        /// The claim can't be computed: nothing can be decided.
        NoTrace,
        /// The move is not one of this stage.
        NotNow,
        /// The move has more or fewer hashes or bytes than the stage asks for.
        WrongCount,
        /// The move doesn't lead to what was committed to.
        WrongHash,
        /// The proof ends too early.
        ProofTooShort,
        /// The proof holds more than is asked for.
        ProofTooLong,
        /// The proof leads to another hash than was committed to.
        ProofWrong,
    }

    impl<T> From<vigil_game::BadProof> for Error<T> {
        fn from(bad: vigil_game::BadProof) -> Self {
            use vigil_game::BadProof;
            match bad {
                BadProof::TooShort => Self::ProofTooShort,
                BadProof::TooLong => Self::ProofTooLong,
                BadProof::WrongHash => Self::ProofWrong,
                BadProof::OutOfRange => Self::OutOfRange,
            }
        }
    }

    impl<T> From<BadGround> for Error<T> {
        fn from(bad: BadGround) -> Self {
            match bad {
                BadGround::OtherFamily => Self::OtherFamily,
                BadGround::OutOfRange => Self::OutOfRange,
                BadGround::SameLength => Self::SameLength,
                BadGround::Unproven(bad) => bad.into(),
                BadGround::NoTrace => Self::NoTrace,
                BadGround::NoFlaw => Self::NoFlaw,
            }
        }
    }

    impl<T> From<BadMove> for Error<T> {
        fn from(bad: BadMove) -> Self {
            match bad {
                BadMove::NotNow => Self::NotNow,
                BadMove::WrongCount => Self::WrongCount,
                BadMove::WrongHash => Self::WrongHash,
                BadMove::OutOfRange => Self::OutOfRange,
                BadMove::Unproven(bad) => bad.into(),
                BadMove::NoTrace => Self::NoTrace,
            }
        }
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
        /// Challenges a claim, with a bond of what the moves can cost and what the challenger
        /// forfeits if it loses.
        ///
        /// Any account but the claimant may, once at a time. Free when it succeeds. Emits
        /// [`Event::Challenged`]; of a claim that is wrong at first sight [`Event::Ended`] and
        /// [`Event::Convicted`] instead, without a bond. Refuses a claim that can't be challenged
        /// now (errors of where it comes from), grounds that say nothing or are not proven, and more
        /// disputes than there can be.
        #[pallet::call_index(0)]
        #[pallet::weight(Pallet::<T>::challenge_weight(ground))]
        pub fn challenge(
            origin: OriginFor<T>,
            claim: ClaimIdOf<T>,
            ground: Box<Ground>,
        ) -> DispatchResultWithPostInfo {
            Self::do_challenge(ensure_signed(origin)?, claim, &ground)?;
            Ok(Pays::No.into())
        }

        /// Makes a move.
        ///
        /// Only the side whose turn it is may, while its clock has not run out; what follows from
        /// commitments of the claimant's anybody may show for it. Free when it succeeds. Emits
        /// [`Event::Moved`], or [`Event::Ended`] with what follows. Refuses a move that is not one
        /// of the stage or not as was committed to; the game stays where it is.
        #[pallet::call_index(1)]
        #[pallet::weight(Pallet::<T>::play_weight(turn))]
        pub fn play(
            origin: OriginFor<T>,
            dispute: DisputeId,
            turn: Box<Move>,
        ) -> DispatchResultWithPostInfo {
            let weight = Self::do_play(ensure_signed(origin)?, dispute, *turn)?;
            Ok((Some(weight), Pays::No).into())
        }

        /// Ends a dispute in which a side's time has run out. The agenda does the same by itself.
        ///
        /// Any account may call it. Emits [`Event::Ended`] with what follows. Refuses while there is
        /// time.
        #[pallet::call_index(2)]
        #[pallet::weight(Pallet::<T>::time_out_weight())]
        pub fn time_out(origin: OriginFor<T>, dispute: DisputeId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_time_out(dispute)
        }

        /// Takes the seat of a challenger whose clock has run out, with a bond and a clock of one's
        /// own, at the move at which it was left.
        ///
        /// Any account but the claimant and the former challenger may. Emits
        /// [`Event::TakenOver`] and [`Event::Forfeited`]. Refuses while the challenger has time, and
        /// when the time in which the seat is free is over.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::take_over())]
        pub fn take_over(origin: OriginFor<T>, dispute: DisputeId) -> DispatchResult {
            Self::do_take_over(ensure_signed(origin)?, dispute)
        }

        /// Shows that a package breaks the rules: one element of its weights that none may have. The
        /// version is revoked and its deposit burned.
        ///
        /// Any account may. Free when it succeeds. Emits [`Event::Condemned`]. Refuses an unknown
        /// version, and an element that is not proven or not wrong.
        #[pallet::call_index(4)]
        #[pallet::weight(Pallet::<T>::condemn_weight(proof))]
        pub fn condemn(
            origin: OriginFor<T>,
            version: ModelVersionId,
            tensor: u32,
            element: u64,
            proof: Box<Proof>,
        ) -> DispatchResultWithPostInfo {
            Self::do_condemn(ensure_signed(origin)?, version, tensor, element, &proof)?;
            Ok(Pays::No.into())
        }
    }

    #[pallet::view_functions]
    impl<T: Config> Pallet<T> {
        /// A dispute. Of one that has ended something is kept for a while.
        pub fn dispute(id: DisputeId) -> Option<DisputeViewOf<T>> {
            Self::view(id)
        }

        /// Disputes from number `from` on, at most a page.
        pub fn disputes(from: DisputeId, limit: u32) -> Vec<(DisputeId, DisputeViewOf<T>)> {
            Self::views(from, limit)
        }

        /// The disputes from number `from` on in which an account has a side, at most a page.
        pub fn disputes_of(
            who: T::AccountId,
            from: DisputeId,
            limit: u32,
        ) -> Vec<(DisputeId, DisputeViewOf<T>)> {
            Self::views_of(&who, from, limit)
        }

        /// The disputes about a claim that have not ended.
        pub fn about(claim: ClaimIdOf<T>) -> Vec<DisputeId> {
            ByClaim::<T>::get(claim).into_inner()
        }

        /// What a claim says, if it can be challenged now.
        pub fn claim(claim: ClaimIdOf<T>) -> Option<Claim> {
            T::Claims::claim(&claim).ok()
        }

        /// What a challenge of a claim takes as a bond, if it can be challenged now. Of a language
        /// model it grows with the position of the token.
        pub fn bond(claim: ClaimIdOf<T>, position: u32) -> Option<Balance> {
            Self::bond_view(&claim, position)
        }
    }
}
