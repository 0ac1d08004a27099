//! What a requester has on hold for its jobs, and where it goes.

use super::*;
use frame_support::{
    pallet_macros::pallet_section,
    storage::with_storage_layer,
    traits::{
        fungible::Inspect,
        tokens::{Fortitude, Preservation, Restriction},
    },
};
use sp_runtime::TokenError;
use vigil_primitives::job::WaitingCost;

/// Why it is on hold.
#[pallet_section]
mod reason {
    /// Why money is held.
    #[pallet::composite_enum]
    pub enum HoldReason {
        /// The price of the requester's open jobs.
        #[codec(index = 0)]
        Escrow,
        /// What it may cost the requester's jobs to wait.
        #[codec(index = 1)]
        Waiting,
    }
}

impl<T: Config> Pallet<T> {
    /// Holds the price and what the waiting may cost. The existential deposit stays free, so that a
    /// remainder of any size can be given back, and frozen balance cannot be spent.
    pub(crate) fn hold(job: &JobRecordOf<T>) -> DispatchResult {
        let who = &job.requester;
        let free = T::Currency::reducible_balance(who, Preservation::Preserve, Fortitude::Polite);
        let waiting = job.waiting_held();
        let total = job.max_price.checked_add(waiting).ok_or(TokenError::FundsUnavailable)?;
        ensure!(free >= total, TokenError::FundsUnavailable);
        T::Currency::hold(&HoldReason::Escrow.into(), who, job.max_price)?;
        T::Currency::hold(&HoldReason::Waiting.into(), who, waiting)
    }

    /// Releases escrow to its requester.
    pub(crate) fn give_back(requester: &T::AccountId, amount: Balance) -> DispatchResult {
        let escrow = HoldReason::Escrow.into();
        T::Currency::release(&escrow, requester, amount, Precision::Exact)?;
        Ok(())
    }

    /// Moves a part of what is on hold to another account. It was promised before any freeze put on
    /// the requester's balance since: forced.
    pub(crate) fn transfer_held(
        reason: HoldReason,
        requester: &T::AccountId,
        to: &T::AccountId,
        amount: Balance,
    ) -> DispatchResult {
        T::Currency::transfer_on_hold(
            &reason.into(),
            requester,
            to,
            amount,
            Precision::Exact,
            Restriction::Free,
            Fortitude::Force,
        )?;
        Ok(())
    }

    /// Pays for the waiting, when it ends, and gives back what is left of its hold. A treasury that
    /// cannot be credited holds nothing up: its part goes back too.
    pub(crate) fn pay_for_waiting(
        id: JobId,
        job: &mut JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let Some((held, due)) = job.end_waiting(now) else { return Ok(()) };
        Self::withdraw_offer(id, job);
        if held.is_zero() {
            return Ok(());
        }
        let (requester, treasury) = (&job.requester, T::Treasury::get());
        let transfer = || Self::transfer_held(HoldReason::Waiting, requester, &treasury, due);
        let paid = if !due.is_zero() && with_storage_layer(transfer).is_ok() { due } else { 0 };
        let returned = held.saturating_sub(paid);
        let waiting = HoldReason::Waiting.into();
        T::Currency::release(&waiting, requester, returned, Precision::Exact)?;
        job.waiting = WaitingCost::Paid { amount: paid };
        Self::deposit_event(Event::Waited { job: id, paid, returned });
        Ok(())
    }
}
