//! Paying for a channel, from the hold to each payee, in one storage transaction.
//!
//! One payee never holds a channel up: what an account cannot be credited with is kept for it until it
//! collects it, and only if that fails too does it go back to the requester.

use super::*;
use frame_support::{storage::with_storage_layer, traits::tokens::Restriction};
use vigil_primitives::{
    channel::{ChannelStatus, Rent},
    traits::{Contributions, Payment, UnpaidBook, Waterfall},
};

impl<T: Config> Pallet<T> {
    /// Pays the worker, the owners and the treasury by the vouchers that were shown, and gives the rest
    /// back. The worker's bond goes on to cover all that was paid, until receipts can't be challenged any
    /// more. Must run inside a storage transaction.
    pub(crate) fn settle(
        id: ChannelId,
        mut channel: ChannelOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let totals = channel.totals();
        let due = channel.payable(totals);
        let fee = due.protocol_fee(&channel.prices);
        let mut left = channel.deposit;
        let mut pay =
            |payee: &T::AccountId, amount| Self::pay(id, &channel, payee, amount, &mut left);
        let worker = pay(&channel.worker, due.reward)?.of(due.reward);
        let royalties = T::Waterfall::pay(channel.version.into(), due.owner, &mut pay)?;
        let treasury = pay(&T::Treasury::get(), fee)?.of(fee);
        let owner = royalties.iter().map(|royalty| royalty.amount);
        let receipt = ChannelReceipt {
            worker,
            owner: owner.fold(0, Balance::saturating_add),
            treasury,
            requester: left,
            answers: due.answers,
            work: due.work,
        };
        let deposit = HoldReason::Deposit.into();
        T::Currency::release(&deposit, &channel.requester, left, Precision::Exact)?;
        let rent = Self::pay_rent(&mut channel, now)?;

        if let Some(grant) = channel.grant {
            let asset = channel.version.into();
            let (reserved, consumed) = (channel.max_answers, due.answers);
            T::Grants::end_use(asset, &channel.requester, grant, reserved, consumed);
        }
        if due.answers > 0 {
            let version = channel.version;
            T::Contributions::record(&channel.worker, version, due.answers, due.work, worker);
        }
        OpenOf::<T>::mutate_exists(&channel.worker, |open| {
            *open = open.map(|open| open.saturating_sub(1)).filter(|open| *open > 0);
        });
        let covered = channel.covered.min(due.price(&channel.prices));
        T::Workers::uncover(&channel.worker, channel.covered.saturating_sub(covered));
        channel.covered = covered;

        Self::deposit_event(Event::Settled { channel: id, receipt, rent });
        let prune_at = now.saturating_add(T::ReceiptWindow::get());
        channel.status = ChannelStatus::Settled { totals, receipt, at: now, prune_at };
        Self::store(id, channel, now);
        Ok(())
    }

    /// Pays for the time, and gives back what is left of its hold. A treasury that cannot be credited
    /// holds nothing up: its part goes back too. How much was paid.
    fn pay_rent(
        channel: &mut ChannelOf<T>,
        now: BlockNumberFor<T>,
    ) -> Result<Balance, DispatchError> {
        let (held, due) = (channel.rent_held(), channel.rent_until(now));
        let (reason, treasury) = (HoldReason::Rent, T::Treasury::get());
        let transfer = || Self::transfer_held(reason, &channel.requester, &treasury, due);
        let paid = if due > 0 && with_storage_layer(transfer).is_ok() { due } else { 0 };
        let rest = held.saturating_sub(paid);
        T::Currency::release(&reason.into(), &channel.requester, rest, Precision::Exact)?;
        channel.rent = Rent::Paid { amount: paid };
        Ok(paid)
    }

    /// Pays `amount` out of the deposit and, unless the requester gets it back, takes it off `left`.
    fn pay(
        id: ChannelId,
        channel: &ChannelOf<T>,
        payee: &T::AccountId,
        amount: Balance,
        left: &mut Balance,
    ) -> Result<Payment, DispatchError> {
        ensure!(amount <= *left, Error::<T>::DepositExceeded);
        let transfer = |to: &T::AccountId| {
            Self::transfer_held(HoldReason::Deposit, &channel.requester, to, amount)
        };
        let payment = T::Unpaid::pay(payee, amount, transfer, |step| with_storage_layer(step));
        *left = left.saturating_sub(payment.of(amount));
        let payee = payee.clone();
        match payment {
            Payment::Credited => {}
            Payment::Kept => {
                Self::deposit_event(Event::PaymentKept { channel: id, payee, amount });
            }
            Payment::Returned(error) => {
                let returned = Event::PaymentReturned { channel: id, payee, amount, error };
                Self::deposit_event(returned);
            }
        }
        Ok(payment)
    }

    /// Moves a part of what is on hold to another account. It was promised before any freeze put on
    /// the requester's balance since: forced.
    fn transfer_held(
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

    /// Weight of a settlement, when nobody can be credited and everything is kept.
    pub(crate) fn settle_weight(payees: u32) -> Weight {
        let payments = payees.saturating_add(2);
        T::WeightInfo::settle(payees)
            .saturating_add(T::Waterfall::split_weight(payees))
            .saturating_add(T::Unpaid::keep_weight().saturating_mul(payments.into()))
            .saturating_add(T::Grants::use_weight())
            .saturating_add(T::Contributions::record_weight())
            .saturating_add(T::Workers::cover_weight())
    }
}
