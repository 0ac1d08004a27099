//! Paying for a result, from the hold to each payee, in one storage transaction.

use super::*;
use crate::types::{Verdict, MAX_SHARES};
use frame_support::{
    storage::with_storage_layer,
    traits::tokens::{Fortitude, Restriction},
};
use sp_runtime::{traits::CheckedDiv, SaturatedConversion};
use vigil_primitives::{
    job::{Contribution, Receipt},
    pricing,
    traits::Waterfall,
};

impl<T: Config> Pallet<T> {
    /// Pays the workers, the owner and the treasury, and gives the rest back.
    ///
    /// Must run inside a storage transaction. Fails with `EscrowExceeded` when the payments exceed
    /// the escrow, which the budget of every draw rules out.
    pub(crate) fn settle(
        id: JobId,
        mut job: JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let Verdict::Agreed(output) = job.verdict() else {
            return Err(Error::<T>::NotDue.into());
        };
        let work = job.architecture.work(job.tokens_in, output.tokens);
        let era = Self::era(now);
        let replicas = job.take_replicas();
        let mut receipt = Receipt { work, ..Default::default() };
        let mut owed_to_treasury: Balance = 0;
        let mut left = job.max_price;

        for replica in &replicas {
            let reward = pricing::reward(replica.ask, work);
            owed_to_treasury =
                owed_to_treasury.saturating_add(pricing::protocol_fee(job.protocol_fee, reward));
            let paid = Self::pay(id, &job.requester, &replica.worker, reward, &mut left)?;
            receipt.workers = receipt.workers.saturating_add(paid);
            Self::contribute(&replica.worker, &job, era, work, paid);
            Self::release(id, &job, replica, Outcome::Completed);
        }

        let fee = pricing::owner_fee(&job.fee, job.tokens_in, output.tokens);
        let mut fee_left = fee;
        for (payee, share) in
            T::Waterfall::split(job.version, fee).into_iter().take(MAX_SHARES as usize)
        {
            let share = share.min(fee_left);
            fee_left = fee_left.saturating_sub(share);
            let paid = Self::pay(id, &job.requester, &payee, share, &mut left)?;
            receipt.owner = receipt.owner.saturating_add(paid);
        }

        let treasury = T::Treasury::get();
        receipt.treasury = Self::pay(id, &job.requester, &treasury, owed_to_treasury, &mut left)?;

        receipt.requester = left;
        Self::give_back(&job.requester, left)?;

        Self::deposit_event(Event::Settled { job: id, output, receipt });
        job.status = JobStatus::Settled { output, replicas, receipt };
        Self::close(id, job, now);
        Ok(())
    }

    /// Pays `amount` out of the escrow and takes it off `left`. What was paid: nothing when the
    /// payee cannot be credited, and the amount stays with the requester.
    fn pay(
        id: JobId,
        requester: &T::AccountId,
        payee: &T::AccountId,
        amount: Balance,
        left: &mut Balance,
    ) -> Result<Balance, DispatchError> {
        if amount.is_zero() {
            return Ok(0);
        }
        let rest = left.checked_sub(amount).ok_or(Error::<T>::EscrowExceeded)?;
        // The escrow was promised before any freeze put on the requester's balance since: forced.
        let transfer = with_storage_layer(|| {
            T::Currency::transfer_on_hold(
                &HoldReason::Escrow.into(),
                requester,
                payee,
                amount,
                Precision::Exact,
                Restriction::Free,
                Fortitude::Force,
            )
        });
        match transfer {
            Ok(_) => {
                *left = rest;
                Ok(amount)
            }
            Err(error) => {
                let payee = payee.clone();
                Self::deposit_event(Event::PaymentReturned { job: id, payee, amount, error });
                Ok(0)
            }
        }
    }

    /// Records what a worker has computed and earned.
    fn contribute(
        worker: &T::AccountId,
        job: &JobRecordOf<T>,
        era: u32,
        work: u64,
        earned: Balance,
    ) {
        let add = |total: &mut Contribution| {
            total.jobs = total.jobs.saturating_add(1);
            total.work = total.work.saturating_add(work.into());
            total.earned = total.earned.saturating_add(earned);
        };
        Contributions::<T>::mutate(worker, job.version, add);
        EraContributions::<T>::mutate(era, worker, add);
        EraTotals::<T>::mutate(era, add);
    }

    /// The era of a block.
    pub(crate) fn era(now: BlockNumberFor<T>) -> u32 {
        now.checked_div(&T::EraLength::get()).unwrap_or_default().saturated_into()
    }
}
