//! What follows when a dispute ends: the money, and what is kept.
//!
//! Nothing here can fail: a payment that can't be made is burned instead, and a game always ends.

use super::*;
use frame_support::{defensive, traits::tokens::Restriction};
use vigil_primitives::{
    dispute::{Fault, Reached},
    traits::{Claims, Conviction},
};

impl<T: Config> Pallet<T> {
    /// Ends a dispute that has left the agenda.
    pub(crate) fn end(id: DisputeId, dispute: DisputeOf<T>, reached: Reached, verdict: Verdict) {
        let claim_id = dispute.claim_id.clone();
        let challenger = dispute.challenger.clone();
        let (bond, costs, rival) = (dispute.bond, dispute.costs, dispute.rival);
        Self::remove(id, dispute, reached, verdict);
        match verdict {
            Verdict::Convicted(fault) => {
                Self::release(&challenger, bond);
                Self::convict(&claim_id, &challenger, fault, 1, costs);
            }
            // What it stands for falls with it.
            Verdict::Vindicated | Verdict::Abandoned if rival => {
                let fault = match verdict {
                    Verdict::Abandoned => Fault::Silence,
                    _ => Fault::Element,
                };
                let own = claim_id.rival(challenger);
                Self::convict(&own, claim_id.claimant(), fault, 0, costs);
                T::Claims::upheld(&claim_id);
            }
            Verdict::Vindicated | Verdict::Abandoned => {
                Self::forfeit(&challenger, bond, costs, Some(claim_id.claimant()));
                T::Claims::upheld(&claim_id);
            }
            // Whoever asked for what is now public pays for it, and forfeits nothing.
            Verdict::Published => {
                let paid = Self::pay_costs(&challenger, costs.min(bond));
                Self::release(&challenger, bond.saturating_sub(paid));
                T::Claims::upheld(&claim_id);
            }
            // The conviction tells where the claim comes from.
            Verdict::Moot => Self::release(&challenger, bond),
        }
    }

    /// Convicts a claim of which so many disputes have ended so: ends every other dispute about it,
    /// and takes the claimant's stake.
    pub(crate) fn convict(
        claim_id: &ClaimIdOf<T>,
        by: &T::AccountId,
        fault: Fault,
        mut disputes: u32,
        mut costs: Balance,
    ) {
        for other in ByClaim::<T>::get(claim_id) {
            let Some(dispute) = Disputes::<T>::get(other) else {
                defensive!("a dispute of a claim is not there");
                continue;
            };
            Self::unschedule(other, &dispute);
            costs = costs.saturating_add(dispute.costs);
            disputes = disputes.saturating_add(1);
            let reached = dispute.reached();
            Self::end(other, dispute, reached, Verdict::Moot);
        }
        let penalty = T::Claims::convicted(claim_id, Conviction { by, fault, disputes, costs });
        let (claim, by) = (claim_id.clone(), by.clone());
        Self::deposit_event(Event::Convicted { claim, by, penalty });
    }

    /// Takes what a challenger forfeits: the costs of all moves, and half of the rest for the
    /// claimant, whom it has kept busy. The other half is burned.
    pub(crate) fn forfeit(
        challenger: &T::AccountId,
        bond: Balance,
        costs: Balance,
        claimant: Option<&T::AccountId>,
    ) {
        let forfeit = T::Forfeit::get().min(bond);
        let costs = Self::pay_costs(challenger, costs.min(bond.saturating_sub(forfeit)));
        let compensation = claimant.map_or(0, |claimant| {
            let half = forfeit / 2;
            Self::transfer(challenger, claimant, half)
        });
        let burned = Self::burn(challenger, forfeit.saturating_sub(compensation));
        let left = bond.saturating_sub(costs).saturating_sub(compensation).saturating_sub(burned);
        Self::release(challenger, left);
        let challenger = challenger.clone();
        Self::deposit_event(Event::Forfeited { challenger, costs, compensation, burned });
    }

    /// Pays for the moves; what the treasury can't be credited with is burned. How much.
    fn pay_costs(challenger: &T::AccountId, costs: Balance) -> Balance {
        let paid = Self::transfer(challenger, &T::Treasury::get(), costs);
        paid.saturating_add(Self::burn(challenger, costs.saturating_sub(paid)))
    }

    /// Moves a part of what is on hold to another account; nothing if that can't be credited.
    fn transfer(from: &T::AccountId, to: &T::AccountId, amount: Balance) -> Balance {
        if amount == 0 {
            return 0;
        }
        let moved = T::Currency::transfer_on_hold(
            &HoldReason::Challenge.into(),
            from,
            to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        );
        moved.unwrap_or(0)
    }

    fn burn(who: &T::AccountId, amount: Balance) -> Balance {
        let reason = HoldReason::Challenge.into();
        let burned =
            T::Currency::burn_held(&reason, who, amount, Precision::BestEffort, Fortitude::Force);
        burned.unwrap_or_else(|error| {
            defensive!("a bond can't be burned", error);
            0
        })
    }

    fn release(who: &T::AccountId, amount: Balance) {
        let reason = HoldReason::Challenge.into();
        if let Err(error) = T::Currency::release(&reason, who, amount, Precision::BestEffort) {
            defensive!("a bond can't be released", error);
        }
    }

    /// Takes a dispute out of everything but the agenda, and keeps what is kept of it.
    fn remove(id: DisputeId, dispute: DisputeOf<T>, reached: Reached, verdict: Verdict) {
        Disputes::<T>::remove(id);
        Seats::<T>::remove(dispute.claim_id.claimant(), id);
        Seats::<T>::remove(&dispute.challenger, id);
        OpenDisputes::<T>::mutate(|open| *open = open.saturating_sub(1));
        ByClaim::<T>::mutate_exists(&dispute.claim_id, |about| {
            let mut rest = about.take().unwrap_or_default();
            rest.retain(|other| *other != id);
            *about = Some(rest).filter(|rest| !rest.is_empty());
        });
        let ended = Ended {
            claim_id: dispute.claim_id,
            challenger: dispute.challenger,
            token: dispute.token,
            reached,
            verdict,
            moves: dispute.moves,
            costs: dispute.costs,
            opened_at: dispute.opened_at,
            ended_at: Self::now(),
        };
        Self::keep(id, ended);
    }

    /// Keeps a dispute that has ended, in the place of the one that ended longest ago.
    pub(crate) fn keep(id: DisputeId, ended: EndedOf<T>) {
        let (claim, verdict, costs) = (ended.claim_id.clone(), ended.verdict, ended.costs);
        let place = NextEnded::<T>::get();
        if let Some(oldest) = EndedOrder::<T>::get(place) {
            EndedDisputes::<T>::remove(oldest);
        }
        EndedOrder::<T>::insert(place, id);
        let next = place.saturating_add(1).checked_rem(T::History::get()).unwrap_or(0);
        NextEnded::<T>::put(next);
        EndedDisputes::<T>::insert(id, ended);
        Self::deposit_event(Event::Ended { dispute: id, claim, verdict, costs });
    }

    /// Weight of the end of a dispute that convicts a claim, of which all others end too; of a rival
    /// that loses also the other claim is told.
    pub(crate) fn convict_weight() -> Weight {
        let disputes = u64::from(T::MaxPerClaim::get());
        T::WeightInfo::end()
            .saturating_mul(disputes.saturating_add(1))
            .saturating_add(T::Claims::convict_weight())
            .saturating_add(T::Claims::uphold_weight())
    }
}
