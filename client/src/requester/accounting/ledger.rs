//! Where the money of a set of jobs went, to the last unit.
//!
//! Two views of the same money must agree. The receipts say how each job's escrow was split. The
//! balances say by how much each account changed. What is left between them is transaction fees,
//! and for the requester those are known exactly too.

use std::collections::BTreeMap;
use vigil_primitives::{
    job::WaitingCost, lineage::Royalty, pricing, AccountId, AssetId, Balance, Job, JobId, JobStatus,
};

/// The parts that an account plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Paid for the jobs.
    Requester,
    /// Ran jobs.
    Worker,
    /// Owns the model, or something that it descends from.
    Owner,
    /// Takes the protocol fee.
    Treasury,
}

impl Role {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Worker => "worker",
            Self::Owner => "owner",
            Self::Treasury => "treasury",
        }
    }
}

/// What does not add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The money of one job.
    #[error("the money of job {0} does not add up: its receipt and its escrow differ")]
    Job(JobId),
    /// The money of all jobs together.
    #[error("the receipts of the jobs do not add up to their escrow")]
    Sum,
}

/// What the jobs did to one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The parts it plays.
    pub roles: Vec<Role>,
    /// Paid to it, or kept for it until it collects it.
    pub received: Balance,
    /// Paid by it.
    pub spent: Balance,
}

/// What a set of jobs did to everybody.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By account.
    pub entries: BTreeMap<AccountId, Entry>,
    /// Held for the jobs in all.
    pub escrow: Balance,
    /// Paid to workers in all.
    pub workers: Balance,
    /// Paid to owners in all.
    pub owner: Balance,
    /// Paid to the treasury in all.
    pub treasury: Balance,
    /// Back to the requester in all.
    pub returned: Balance,
    /// Paid to the treasury for the time that jobs waited for a worker, beside the escrow.
    pub waiting: Balance,
    /// Paid to owners, by asset and account.
    pub royalties: BTreeMap<(AssetId, AccountId), Earned>,
}

/// What an asset earned one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Earned {
    /// In all.
    pub amount: Balance,
    /// The part of it that could not be credited, and is kept until it is collected.
    pub kept: Balance,
}

impl Ledger {
    /// Reads the receipts of `jobs`.
    ///
    /// # Errors
    /// A receipt does not add up to its escrow, or the workers' pay or the owners' royalties to
    /// their part of the receipt.
    pub fn of(jobs: &[Job], treasury: &AccountId) -> Result<Self, LedgerError> {
        let mut ledger = Self::default();
        for job in jobs {
            ledger.add(job, treasury).ok_or(LedgerError::Job(job.id))?;
        }
        Ok(ledger)
    }

    /// `None` when something does not add up.
    fn add(&mut self, job: &Job, treasury: &AccountId) -> Option<()> {
        let escrow = job.spec.max_price;
        self.role(&job.requester, Role::Requester);
        self.escrow = self.escrow.checked_add(escrow)?;
        if let WaitingCost::Paid { amount } = job.waiting {
            self.waiting = self.waiting.checked_add(amount)?;
            self.role(&job.requester, Role::Requester).spent += amount;
            self.role(treasury, Role::Treasury).received += amount;
        }
        let JobStatus::Settled { replicas, receipt, royalties, .. } = &job.status else {
            // Nobody was paid, and the whole escrow is back.
            self.returned = self.returned.checked_add(escrow)?;
            return Some(());
        };
        let paid = receipt.workers.checked_add(receipt.owner)?.checked_add(receipt.treasury)?;
        let adds_up = total_royalties(royalties) == Some(receipt.owner);
        if paid.checked_add(receipt.requester)? != escrow || !adds_up {
            return None;
        }
        self.role(&job.requester, Role::Requester).spent += paid;
        let rewards: Vec<Balance> =
            replicas.iter().map(|replica| pricing::reward(replica.ask, receipt.work)).collect();
        let credited = credited(&rewards, receipt.workers)?;
        for ((replica, reward), credited) in replicas.iter().zip(rewards).zip(credited) {
            let entry = self.role(&replica.worker, Role::Worker);
            entry.received += if credited { reward } else { 0 };
        }
        for part in royalties {
            self.role(&part.payee, Role::Owner).received += part.amount;
            let earned = self.royalties.entry((part.asset, part.payee.clone())).or_default();
            earned.amount += part.amount;
            earned.kept += if part.credited { 0 } else { part.amount };
        }
        self.role(treasury, Role::Treasury).received += receipt.treasury;
        self.workers += receipt.workers;
        self.owner += receipt.owner;
        self.treasury += receipt.treasury;
        self.returned += receipt.requester;
        Some(())
    }

    fn role(&mut self, account: &AccountId, role: Role) -> &mut Entry {
        let entry = self.entries.entry(account.clone()).or_default();
        if !entry.roles.contains(&role) {
            entry.roles.push(role);
            entry.roles.sort();
        }
        entry
    }

    /// Whether everything paid by somebody was paid to somebody, and escrow in is escrow out.
    pub fn balances(&self) -> bool {
        let total = |part: fn(&Entry) -> Balance| {
            self.entries.values().map(part).try_fold(0, Balance::checked_add)
        };
        let out = [self.workers, self.owner, self.treasury, self.returned];
        total(|entry| entry.received).is_some_and(|sum| Some(sum) == total(|entry| entry.spent))
            && out.into_iter().try_fold(0, Balance::checked_add) == Some(self.escrow)
    }
}

/// What the parts of an owners' fee add up to; `None` when the chain could not count it.
pub fn total_royalties(parts: &[Royalty]) -> Option<Balance> {
    parts.iter().try_fold(0, |sum: Balance, part| sum.checked_add(part.amount))
}

/// Which of the rewards make up `paid`. All of them, unless one could neither be credited to its
/// worker nor be kept for it: then the requester has that reward. `None` when no choice adds up.
fn credited(rewards: &[Balance], paid: Balance) -> Option<Vec<bool>> {
    let choices = 1u32.checked_shl(u32::try_from(rewards.len()).ok()?)?;
    let chosen = |choice: u32| {
        (0..rewards.len()).map(move |index| choice >> index & 1 == 1).collect::<Vec<_>>()
    };
    let sum = |choice: &Vec<bool>| {
        rewards
            .iter()
            .zip(choice)
            .filter(|(_, chosen)| **chosen)
            .try_fold(0, |sum: Balance, (reward, _)| sum.checked_add(*reward))
    };
    (0..choices).rev().map(chosen).find(|choice| sum(choice) == Some(paid))
}

/// The part of a change of balance that the jobs do not explain: below zero for fees paid.
///
/// `None` when an amount is beyond what an `i128` holds.
pub(super) fn unexplained(before: Balance, after: Balance, entry: &Entry) -> Option<i128> {
    let signed = |amount: Balance| i128::try_from(amount).ok();
    let change = signed(after)?.checked_sub(signed(before)?)?;
    change.checked_sub(signed(entry.received)?)?.checked_add(signed(entry.spent)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt, RefundReason},
        samples::{job, replica, royalty, split},
    };

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    /// A job of one giga multiply-accumulate, so that a worker earns its ask. Account 8 owns the
    /// model.
    fn settled(asks: &[(u8, Balance)], owner: Balance, treasury: Balance, back: Balance) -> Job {
        descended(asks, &[royalty(0, 8, owner)], treasury, back)
    }

    /// As [`settled`], with the parts of the owners' fee.
    fn descended(
        asks: &[(u8, Balance)],
        owners: &[Royalty],
        treasury: Balance,
        back: Balance,
    ) -> Job {
        let replicas = asks.iter().map(|(worker, ask)| replica(*worker, *ask, 9)).collect();
        let receipt = Receipt {
            workers: asks.iter().map(|(_, ask)| ask).sum(),
            owner: owners.iter().map(|part| part.amount).sum(),
            treasury,
            requester: back,
            work: pricing::GIGA,
        };
        job(split(Output { hash: [9; 32].into(), tokens: 0 }, replicas, receipt, owners.to_vec()))
    }

    #[test]
    fn a_ledger_should_give_everybody_the_part_of_the_receipts() {
        let jobs = [
            settled(&[(2, 40)], 20, 10, 30),
            settled(&[(2, 30), (3, 25)], 20, 5, 20),
            job(JobStatus::Refunded { reason: RefundReason::NoWorker }),
        ];
        let ledger = Ledger::of(&jobs, &account(9)).unwrap();
        assert_eq!(ledger.escrow, 300);
        assert_eq!((ledger.workers, ledger.owner, ledger.treasury), (95, 40, 15));
        assert_eq!(ledger.returned, 150);
        assert_eq!(ledger.entries[&account(1)].spent, 150);
        assert_eq!(ledger.entries[&account(2)].received, 70);
        assert_eq!(ledger.entries[&account(3)].received, 25);
        assert_eq!(ledger.entries[&account(8)].received, 40);
        assert_eq!(ledger.entries[&account(9)].received, 15);
        assert!(ledger.balances());
    }

    #[test]
    fn what_waiting_cost_should_go_from_the_requester_to_the_treasury_beside_the_escrow() {
        let waited = |job, amount| Job { waiting: WaitingCost::Paid { amount }, ..job };
        let refunded = job(JobStatus::Refunded { reason: RefundReason::NoWorker });
        let jobs = [waited(settled(&[(2, 40)], 20, 10, 30), 6), waited(refunded, 400)];
        let ledger = Ledger::of(&jobs, &account(9)).unwrap();
        assert_eq!((ledger.escrow, ledger.treasury, ledger.waiting), (200, 10, 406));
        assert_eq!(ledger.entries[&account(1)].spent, 70 + 406);
        assert_eq!(ledger.entries[&account(9)].received, 10 + 406);
        assert!(ledger.balances());
    }

    #[test]
    fn every_owner_should_have_what_its_assets_earned() {
        let kept = Royalty { credited: false, ..royalty(2, 7, 5) };
        let owners = [royalty(0, 8, 10), royalty(1, 7, 3), kept];
        let jobs = [descended(&[(2, 40)], &owners, 10, 32), settled(&[(2, 40)], 20, 10, 30)];
        let ledger = Ledger::of(&jobs, &account(9)).unwrap();
        assert_eq!(ledger.owner, 38);
        assert_eq!(ledger.entries[&account(8)].received, 30);
        assert_eq!(ledger.entries[&account(7)].received, 8, "what is kept belongs to it");
        let earned = |part: &Royalty| ledger.royalties[&(part.asset, part.payee.clone())];
        assert_eq!(earned(&owners[0]), Earned { amount: 30, kept: 0 });
        assert_eq!(earned(&owners[2]), Earned { amount: 5, kept: 5 });
        assert!(ledger.balances());
    }

    #[test]
    fn royalties_that_are_not_the_owners_part_should_be_refused() {
        let mut short = descended(&[(2, 40)], &[royalty(0, 8, 10), royalty(1, 7, 10)], 10, 30);
        if let JobStatus::Settled { royalties, .. } = &mut short.status {
            royalties.pop();
        }
        assert!(Ledger::of(&[short], &account(9)).is_err());
    }

    #[test]
    fn a_worker_that_could_not_be_credited_should_have_received_nothing() {
        assert_eq!(credited(&[30, 25], 55), Some(vec![true, true]));
        assert_eq!(credited(&[30, 25], 25), Some(vec![false, true]));
        assert_eq!(credited(&[30, 25], 0), Some(vec![false, false]));
        assert_eq!(credited(&[30, 25], 54), None);
        assert_eq!(credited(&[Balance::MAX, 1], 1), Some(vec![false, true]));
        assert_eq!(credited(&[], 0), Some(vec![]));
        let mut job = settled(&[(2, 30), (3, 25)], 20, 5, 20);
        if let JobStatus::Settled { receipt, .. } = &mut job.status {
            receipt.workers -= 30;
            receipt.requester += 30;
        }
        let ledger = Ledger::of(&[job], &account(9)).unwrap();
        assert_eq!(ledger.entries[&account(2)].received, 0);
        assert_eq!(ledger.entries[&account(3)].received, 25);
        assert!(ledger.balances());
    }

    #[test]
    fn an_account_should_keep_all_its_roles() {
        let ledger =
            Ledger::of(&[descended(&[(1, 40)], &[royalty(0, 1, 20)], 10, 30)], &account(9));
        let entry = &ledger.unwrap().entries[&account(1)];
        assert_eq!(entry.roles, [Role::Requester, Role::Worker, Role::Owner]);
        assert_eq!((entry.spent, entry.received), (70, 60));
    }

    #[test]
    fn a_receipt_that_does_not_add_up_should_be_refused() {
        let short = settled(&[(2, 40)], 20, 10, 29);
        assert!(Ledger::of(&[short], &account(9)).is_err());
        let mut wrong_pay = settled(&[(2, 40)], 20, 10, 30);
        if let JobStatus::Settled { receipt, .. } = &mut wrong_pay.status {
            receipt.workers += 1;
            receipt.requester -= 1;
        }
        let failure = Ledger::of(&[wrong_pay], &account(9)).unwrap_err();
        assert_eq!(failure, LedgerError::Job(7));
        let mut huge = settled(&[(2, 40)], Balance::MAX, 10, 30);
        huge.spec.max_price = Balance::MAX;
        assert!(Ledger::of(&[huge], &account(9)).is_err());
    }

    #[test]
    fn what_the_jobs_do_not_explain_should_be_the_fees() {
        let entry = Entry { roles: vec![], received: 60, spent: 70 };
        assert_eq!(unexplained(1_000, 985, &entry), Some(-5));
        assert_eq!(unexplained(1_000, 990, &entry), Some(0));
        assert_eq!(unexplained(1_000, 991, &entry), Some(1));
        assert_eq!(unexplained(0, Balance::MAX, &entry), None);
    }
}
