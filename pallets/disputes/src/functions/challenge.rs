//! How a dispute begins, and how somebody else goes on with it.

use super::*;
use codec::Encode;
use sp_runtime::{traits::Saturating, SaturatedConversion};
use vigil_game::{examine, Opened, Rules};
use vigil_primitives::{
    dispute::{Claim, Clocks, Side, Stage, TokenAt, CHUNK, MAX_RESULTS},
    traits::Claims,
    Architecture,
};

/// Bytes of a hash.
const HASH: u64 = 32;
/// Moves that a challenger makes at most: one for each of the claimant's.
const NAMES: u64 = 9;

impl<T: Config> Pallet<T> {
    pub(crate) fn do_challenge(
        who: T::AccountId,
        claim_id: ClaimIdOf<T>,
        ground: &Ground,
    ) -> DispatchResult {
        ensure!(claim_id.claimant() != &who, Error::<T>::OwnClaim);
        let claim = T::Claims::claim(&claim_id)?;
        let opened = examine(&claim, ground).map_err(Error::<T>::from)?;
        let costs = Self::cost(
            Self::ground_weight(ground),
            claim_id.encoded_size().saturating_add(ground.encoded_size()),
        );
        let id = NextDispute::<T>::get();
        let now = Self::now();
        match opened {
            Opened::Convicted(fault) => {
                NextDispute::<T>::put(id.saturating_add(1));
                let token = match ground {
                    Ground::Token { position, .. } => Some(TokenAt { position: *position, id: 0 }),
                    _ => None,
                };
                let ended = Ended {
                    claim_id: claim_id.clone(),
                    challenger: who.clone(),
                    token,
                    reached: Default::default(),
                    verdict: Verdict::Convicted(fault),
                    moves: 0,
                    costs,
                    opened_at: now,
                    ended_at: now,
                };
                T::Claims::disputed(&claim_id)?;
                Self::keep(id, ended);
                Self::convict(&claim_id, &who, fault, 1, costs);
                Ok(())
            }
            Opened::Game(token, stage) => {
                Self::open(id, who, claim_id, claim, token, stage, costs, now)
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn open(
        id: DisputeId,
        who: T::AccountId,
        claim_id: ClaimIdOf<T>,
        claim: Claim,
        token: Option<TokenAt>,
        stage: Stage,
        costs: Balance,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let open = OpenDisputes::<T>::get();
        ensure!(open < T::MaxOpen::get(), Error::<T>::TooManyDisputes);
        let mut about = ByClaim::<T>::get(&claim_id);
        let same =
            |other: &DisputeId| Disputes::<T>::get(other).is_some_and(|d| d.challenger == who);
        ensure!(!about.iter().any(same), Error::<T>::AlreadyChallenged);
        about.try_push(id).map_err(|_| Error::<T>::TooManyOfClaim)?;
        let bond = Self::bond_of(&claim, token).saturating_add(costs);
        T::Currency::hold(&HoldReason::Challenge.into(), &who, bond)?;
        T::Claims::disputed(&claim_id)?;

        let clock = Self::clock_of(&claim);
        let clocks = Clocks { claimant: clock, challenger: clock };
        let challenger = who.clone();
        let dispute = Dispute {
            claim_id: claim_id.clone(),
            claim,
            challenger: who,
            bond,
            rival: false,
            token,
            stage,
            clocks,
            since: now,
            moves: 0,
            costs,
            opened_at: now,
        };
        Self::schedule(id, &dispute);
        Seats::<T>::insert(claim_id.claimant(), id, ());
        Seats::<T>::insert(&dispute.challenger, id, ());
        Disputes::<T>::insert(id, dispute);
        ByClaim::<T>::insert(&claim_id, about);
        OpenDisputes::<T>::put(open.saturating_add(1));
        NextDispute::<T>::put(id.saturating_add(1));
        Self::deposit_event(Event::Challenged {
            dispute: id,
            claim: claim_id,
            challenger,
            bond,
            token,
        });
        Ok(())
    }

    /// Sets a claim against another about the same run that differs. The challenger stands for that
    /// one, and puts nothing on hold.
    pub(crate) fn do_contest(claim_id: ClaimIdOf<T>, rival: T::AccountId) -> DispatchResult {
        let claim = T::Claims::claim(&claim_id)?;
        // Nobody who fills the chain with disputes keeps results that differ from being decided: there
        // are no more of these than jobs.
        let open = OpenDisputes::<T>::get();
        let id = NextDispute::<T>::get();
        let mut about = ByClaim::<T>::get(&claim_id);
        about.try_push(id).map_err(|_| Error::<T>::TooManyOfClaim)?;
        T::Claims::disputed(&claim_id)?;
        let (clock, now) = (Self::clock_of(&claim), Self::now());
        let dispute = Dispute {
            claim_id: claim_id.clone(),
            claim,
            challenger: rival.clone(),
            bond: 0,
            rival: true,
            token: None,
            stage: Stage::Ground,
            clocks: Clocks { claimant: clock, challenger: clock },
            since: now,
            moves: 0,
            costs: 0,
            opened_at: now,
        };
        Self::schedule(id, &dispute);
        Seats::<T>::insert(claim_id.claimant(), id, ());
        Seats::<T>::insert(&dispute.challenger, id, ());
        Disputes::<T>::insert(id, dispute);
        ByClaim::<T>::insert(&claim_id, about);
        OpenDisputes::<T>::put(open.saturating_add(1));
        NextDispute::<T>::put(id.saturating_add(1));
        let (claim, challenger) = (claim_id, rival);
        Self::deposit_event(Event::Challenged {
            dispute: id,
            claim,
            challenger,
            bond: 0,
            token: None,
        });
        Ok(())
    }

    pub(crate) fn do_take_over(who: T::AccountId, id: DisputeId) -> DispatchResult {
        let mut dispute = Self::load(id)?;
        ensure!(dispute.claim_id.claimant() != &who, Error::<T>::OwnClaim);
        ensure!(dispute.challenger != who, Error::<T>::AlreadyChallenged);
        let now = Self::now();
        let left = dispute.stage.turn() == Side::Challenger && now > dispute.deadline();
        let free = left && !dispute.rival && now < Self::due_at(&dispute);
        ensure!(free, Error::<T>::SeatTaken);
        let bond = Self::bond_of(&dispute.claim, dispute.token).saturating_add(dispute.costs);
        T::Currency::hold(&HoldReason::Challenge.into(), &who, bond)?;

        // The costs go on with the seat.
        Self::unschedule(id, &dispute);
        let former = core::mem::replace(&mut dispute.challenger, who.clone());
        Seats::<T>::remove(&former, id);
        Seats::<T>::insert(&who, id, ());
        Self::forfeit(&former, core::mem::replace(&mut dispute.bond, bond), 0, None);
        dispute.clocks.challenger = Self::clock_of(&dispute.claim);
        dispute.since = now;
        Self::schedule(id, &dispute);
        Disputes::<T>::insert(id, dispute);
        Self::deposit_event(Event::TakenOver { dispute: id, challenger: who, former, bond });
        Ok(())
    }

    /// Blocks that a side has for all its moves: to run the model again, once for its own trace and
    /// once more for what is then asked of it.
    fn clock_of(claim: &Claim) -> BlockNumberFor<T> {
        let work = claim.architecture.work(claim.tokens_in, claim.output.tokens);
        let blocks = work.div_ceil(T::WorkPerBlock::get().max(1)).saturating_mul(2);
        T::Clock::get().saturating_add(blocks.saturated_into())
    }

    /// What a challenger puts on hold: what all moves can cost, and what it forfeits.
    pub(crate) fn bond_of(claim: &Claim, token: Option<TokenAt>) -> Balance {
        let [rows, chunks] = Rules::new(claim, token).map_or([1, 1], |rules| rules.most_shown());
        let layers = u64::from(claim.architecture.layers());
        let moves: [(u64, u32); 5] = [
            // Roots and results, each descent in three moves at most, and a chunk.
            (layers.saturating_mul(2).saturating_add(1).saturating_mul(HASH), 0),
            (rows.saturating_mul(HASH), 2),
            (u64::from(MAX_RESULTS).saturating_mul(HASH), 0),
            (chunks.saturating_mul(HASH), 2),
            (u64::from(CHUNK), 0),
        ];
        let cost = |bytes: u64, weight: Weight| {
            Self::cost(weight, usize::try_from(bytes).unwrap_or(usize::MAX))
        };
        let hashes =
            |bytes: u64| T::WeightInfo::play_nodes(u32::try_from(bytes / HASH).unwrap_or(u32::MAX));
        let shown = moves.iter().fold(0, |sum: Balance, (bytes, more)| {
            let one = cost(*bytes, hashes(*bytes));
            sum.saturating_add(one.saturating_mul(Balance::from(more.saturating_add(1))))
        });
        let last = Self::heaviest_proof();
        let element = cost(u64::from(last.1), last.0);
        let names = cost(16, T::WeightInfo::play_name()).saturating_mul(NAMES.into());
        T::Forfeit::get().saturating_add(shown).saturating_add(element).saturating_add(names)
    }

    pub(crate) fn bond_view(claim_id: &ClaimIdOf<T>, position: u32) -> Option<Balance> {
        let claim = T::Claims::claim(claim_id).ok()?;
        let token = match claim.architecture {
            Architecture::Encoder(_) => None,
            Architecture::Decoder(_) => Some(TokenAt { position, id: 0 }),
        };
        Some(Self::bond_of(&claim, token))
    }

    /// Weight of a challenge, with what follows if the claim is wrong at first sight.
    pub(crate) fn challenge_weight(ground: &Ground) -> Weight {
        Self::ground_weight(ground).saturating_add(Self::convict_weight())
    }

    /// Weight of looking at what a challenge says, and of opening a dispute.
    pub(crate) fn ground_weight(ground: &Ground) -> Weight {
        let (nodes, data) = match ground {
            Ground::Token { proof, .. } | Ground::Length { proof, .. } => {
                (proof.nodes.len() as u32, proof.data.len() as u32)
            }
            Ground::Vector | Ground::Withheld { .. } => (0, 0),
        };
        T::WeightInfo::challenge(nodes, data).saturating_add(T::Claims::dispute_weight())
    }
}

impl<T: Config> vigil_primitives::traits::Disputes<T::AccountId> for Pallet<T> {
    fn contested(claim: ClaimIdOf<T>, rival: T::AccountId) -> DispatchResult {
        Self::do_contest(claim, rival)
    }

    fn contested_weight() -> Weight {
        T::WeightInfo::challenge(0, 0).saturating_add(T::Claims::dispute_weight())
    }
}
