//! What must hold between any two transactions.

use crate::*;
use alloc::collections::BTreeMap;
use codec::Encode;
use frame_support::{
    ensure,
    traits::{fungible::hold::Inspect, Get},
};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
    /// Checks every invariant:
    ///
    /// 1. What an account has on hold for challenges is the sum of its disputes' bonds.
    /// 2. Disputes are counted, within the bound, and their numbers lie below the next.
    /// 3. A claim lists exactly the disputes about it, within the bound, each challenger once, and
    ///    none of them its claimant. A claim without disputes has no list.
    /// 4. Every dispute has exactly one entry in the agenda, where its time runs out, on no page that
    ///    is finished; and the agenda has no other entries.
    /// 5. A bond covers what has been counted so far and the forfeit; a rival has none.
    /// 6. Both sides of a dispute have a seat, and nobody else has one.
    /// 7. As many disputes that have ended are kept as there may be at most, each with its place.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let next = NextDispute::<T>::get();
        let mut holds = BTreeMap::<alloc::vec::Vec<u8>, (T::AccountId, Balance)>::new();
        let (mut open, mut challenged) = (0u32, 0u32);
        let cursor = AgendaCursor::<T>::get().unwrap_or_default();
        for (id, dispute) in Disputes::<T>::iter() {
            open = open.saturating_add(1);
            challenged = challenged.saturating_add(u32::from(!dispute.rival));
            ensure!(id < next, "a dispute's number is out of range");
            let due = Self::due_at(&dispute);
            ensure!(Agenda::<T>::contains_key(due, id), "a dispute is not in the agenda");
            for who in [dispute.claim_id.claimant(), &dispute.challenger] {
                ensure!(Seats::<T>::contains_key(who, id), "a side has no seat");
            }
            ensure!(due >= cursor, "a dispute is on a page that is finished");
            ensure!(ByClaim::<T>::get(&dispute.claim_id).contains(&id), "a claim misses a dispute");
            let least = T::Forfeit::get().saturating_add(dispute.costs);
            ensure!(dispute.rival || dispute.bond >= least, "a bond doesn't cover the costs");
            ensure!(!dispute.rival || dispute.bond == 0, "a rival has a bond");
            let hold =
                holds.entry(dispute.challenger.encode()).or_insert((dispute.challenger.clone(), 0));
            hold.1 = hold.1.saturating_add(dispute.bond);
        }
        ensure!(open == OpenDisputes::<T>::get(), "disputes are miscounted");
        ensure!(challenged <= T::MaxOpen::get(), "there are too many disputes");
        ensure!(Agenda::<T>::iter().count() == open as usize, "the agenda has other entries");
        let seats = usize::try_from(open).unwrap_or(0).saturating_mul(2);
        ensure!(Seats::<T>::iter().count() == seats, "an account has a seat in no dispute");
        for (account, bonds) in holds.values() {
            let held = T::Currency::balance_on_hold(&HoldReason::Challenge.into(), account);
            ensure!(held == *bonds, "a challenger's bonds are not what it has on hold");
        }
        for (claim, about) in ByClaim::<T>::iter() {
            ensure!(!about.is_empty(), "a claim has an empty list");
            let mut challengers = alloc::vec::Vec::new();
            for id in about {
                let dispute = Disputes::<T>::get(id).ok_or("a claim lists an ended dispute")?;
                ensure!(dispute.claim_id == claim, "a claim lists another's dispute");
                ensure!(claim.claimant() != &dispute.challenger, "a claimant challenges itself");
                ensure!(!challengers.contains(&dispute.challenger), "a challenger sits twice");
                challengers.push(dispute.challenger);
            }
        }
        let kept = EndedDisputes::<T>::iter().count();
        ensure!(kept <= T::History::get() as usize, "too many ended disputes are kept");
        ensure!(EndedOrder::<T>::iter().count() == kept, "ended disputes are miscounted");
        for (place, id) in EndedOrder::<T>::iter() {
            ensure!(place < T::History::get(), "an ended dispute is out of place");
            ensure!(EndedDisputes::<T>::contains_key(id), "an ended dispute is not kept");
        }
        Ok(())
    }
}
