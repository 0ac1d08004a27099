//! Paying for a result, from the hold to each payee, in one storage transaction.
//!
//! One payee never blocks a job: what an account cannot be credited with is kept for it until it
//! collects it, and only if that fails too does it go back to the requester.

use super::*;
use crate::types::Agreement;
use frame_support::storage::with_storage_layer;
use vigil_primitives::{
    audit::AuditPay,
    job::{AuditState, Output, Receipt, Role},
    lineage::Royalties,
    pricing,
    traits::{Completion, Contributions as _, Payment, Stakes, UnpaidBook, Waterfall},
};

/// What an audit costs, and who pays for it.
struct AuditBill<AccountId> {
    auditor: AccountId,
    /// The worker that made it necessary.
    subject: AccountId,
    /// What the result earns.
    reward: Balance,
    /// By the treasury and by the subject.
    pay: AuditPay,
    /// By the requester, who has asked for it.
    escrow: Balance,
    /// The protocol's fee on that.
    fee: Balance,
}

impl<T: Config> Pallet<T> {
    /// What is due for the audit of a job that is settled with so much work.
    fn audit_bill(job: &JobRecordOf<T>, work: u64) -> Option<AuditBill<T::AccountId>> {
        let (audit, auditor) = job.audit.as_ref().zip(job.auditor())?;
        let due = pricing::reward(auditor.ask, work);
        let escrow = if job.policy.audited { due } else { 0 };
        let reward = Self::subject_reward(job, work);
        // What the treasury lacks after all falls on the subject, while its reward is still here.
        let most = audit.network.min(Self::treasury_can_pay(job, reward));
        Some(AuditBill {
            auditor: auditor.worker.clone(),
            subject: audit.subject.clone(),
            reward,
            pay: Self::audit_pay(job, due, work, most),
            escrow,
            fee: pricing::protocol_fee(job.protocol_fee, escrow),
        })
    }

    /// Pays an auditor what does not come out of the escrow, behind the fee that the job itself has
    /// brought. What a bond lacks the treasury pays, as far as it has promised.
    fn finish_audit(
        id: JobId,
        job: &mut JobRecordOf<T>,
        bill: AuditBill<T::AccountId>,
        replica: &ReplicaOf<T>,
        (work, from_escrow): (u64, Balance),
        now: BlockNumberFor<T>,
    ) {
        let AuditBill { auditor, subject, reward, pay, .. } = bill;
        let promised = job.audit.as_ref().map_or(0, |audit| audit.network);
        let bond = T::Stakes::charge(&subject, &auditor, pay.bond);
        let lacking = pay.bond.saturating_sub(bond);
        let network =
            Self::pay_from_treasury(&auditor, pay.network.saturating_add(lacking).min(promised));
        let paid = from_escrow.saturating_add(bond).saturating_add(network);
        Self::record(&auditor, job.version, 1, work.into(), paid);
        let completion = Completion { work, paid, proven: 0 };
        Self::release(id, job, replica, Outcome::Audited(completion));
        Self::prove_version(job.version, reward, now);
        Self::end_audit(job, AuditState::Passed, network);
        if let Some(audit) = &mut job.audit {
            audit.bond = bond;
        }
        Self::deposit_event(Event::Audited { job: id, auditor, paid, network, bond });
    }

    /// Pays the workers, the auditor, the owners and the treasury, and gives the rest back.
    ///
    /// Must run inside a storage transaction. Fails with `EscrowExceeded` when the payments exceed
    /// the escrow, which the budget of every draw rules out.
    pub(crate) fn settle(
        id: JobId,
        mut job: JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        let Agreement::Agreed(output) = job.agreement() else {
            return Err(Error::<T>::NotDue.into());
        };
        let work = job.architecture.work(job.tokens_in, output.tokens);
        let bill = Self::audit_bill(&job, work);
        let replicas = job.take_replicas();
        let mut receipt = Receipt { work, ..Default::default() };
        let mut owed_to_treasury: Balance = 0;
        let mut left = job.max_price;

        for replica in replicas.iter().filter(|replica| replica.role == Role::Worker) {
            // An auditor that stands in for the workers may ask more than they may.
            let reward = pricing::reward(replica.ask, work).min(job.budget());
            owed_to_treasury =
                owed_to_treasury.saturating_add(pricing::protocol_fee(job.protocol_fee, reward));
            let (own, proven) = match &bill {
                Some(bill) if bill.subject == replica.worker => (bill.pay.reward, reward),
                Some(_) => (0, reward),
                None => (0, 0),
            };
            let due = reward.saturating_sub(own);
            let paid = Self::pay(id, &job, &replica.worker, due, &mut left)?.of(due);
            receipt.workers = receipt.workers.saturating_add(paid);
            Self::record(&replica.worker, job.version, 1, work.into(), paid);
            let completion = Completion { work, paid, proven };
            Self::release(id, &job, replica, Outcome::Completed(completion));
        }
        if let Some(bill) = &bill {
            owed_to_treasury = owed_to_treasury.saturating_add(bill.fee);
            let amount = bill.escrow.saturating_add(bill.pay.reward);
            receipt.auditor = Self::pay(id, &job, &bill.auditor, amount, &mut left)?.of(amount);
        }

        let royalties = Self::pay_owners(id, &job, &output, &mut left)?;
        receipt.owner =
            royalties.iter().fold(0, |sum: Balance, royalty| sum.saturating_add(royalty.amount));

        let treasury = T::Treasury::get();
        let payment = Self::pay(id, &job, &treasury, owed_to_treasury, &mut left)?;
        receipt.treasury = payment.of(owed_to_treasury);

        let auditor = replicas.iter().find(|replica| replica.role == Role::Auditor);
        if let Some((bill, auditor)) = bill.zip(auditor) {
            Self::finish_audit(id, &mut job, bill, auditor, (work, receipt.auditor), now);
        }

        receipt.requester = left;
        Self::give_back(&job.requester, left)?;

        Self::deposit_event(Event::Settled { job: id, output, receipt });
        job.status = JobStatus::Settled { output, replicas, receipt, royalties };
        Self::close(id, job, now);
        Ok(())
    }

    /// Splits the owner's fee among the owners, now, of the version and of all that it descends
    /// from. Whoever gets nothing is not in the list.
    fn pay_owners(
        id: JobId,
        job: &JobRecordOf<T>,
        output: &Output,
        left: &mut Balance,
    ) -> Result<Royalties<T::AccountId>, DispatchError> {
        let fee = pricing::owner_fee(&job.fee, job.tokens_in, output.tokens);
        T::Waterfall::pay(job.version.into(), fee, |payee, amount| {
            Self::pay(id, job, payee, amount, left)
        })
    }

    /// Pays `amount` out of the escrow and, unless the requester gets it back, takes it off `left`.
    fn pay(
        id: JobId,
        job: &JobRecordOf<T>,
        payee: &T::AccountId,
        amount: Balance,
        left: &mut Balance,
    ) -> Result<Payment, DispatchError> {
        ensure!(amount <= *left, Error::<T>::EscrowExceeded);
        let transfer =
            |to: &T::AccountId| Self::transfer_held(HoldReason::Escrow, &job.requester, to, amount);
        let payment = T::Unpaid::pay(payee, amount, transfer, |step| with_storage_layer(step));
        *left = left.saturating_sub(payment.of(amount));
        let payee = payee.clone();
        match payment {
            Payment::Credited => {}
            Payment::Kept => {
                Self::deposit_event(Event::PaymentKept { job: id, payee, amount });
            }
            Payment::Returned(error) => {
                Self::deposit_event(Event::PaymentReturned { job: id, payee, amount, error });
            }
        }
        Ok(payment)
    }
}
