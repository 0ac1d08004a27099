//! Where the money of a set of jobs went, to the last unit.
//!
//! Two views of the same money must agree. The receipts say how each job's escrow was split. The
//! balances say by how much each account changed. What is left between them is transaction fees,
//! and for the requester those are known exactly too.

use std::collections::BTreeMap;
use vigil_primitives::{
    job::{self, AuditState, Receipt, Replica, WaitingCost},
    lineage::Royalty,
    pricing, AccountId, AssetId, Balance, BlockNumber, Job, JobId, JobStatus,
};

/// The parts that an account plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Paid for the jobs.
    Requester,
    /// Ran jobs.
    Worker,
    /// Ran jobs of others again.
    Auditor,
    /// Owns the model, or something that it descends from.
    Owner,
    /// Takes the protocol fee, and pays for audits.
    Treasury,
}

impl Role {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requester => "requester",
            Self::Worker => "worker",
            Self::Auditor => "auditor",
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
    /// Paid to auditors out of the escrow in all.
    pub auditors: Balance,
    /// Paid to owners in all.
    pub owner: Balance,
    /// Paid to the treasury in all.
    pub treasury: Balance,
    /// Back to the requester in all.
    pub returned: Balance,
    /// Paid to the treasury for the time that jobs waited for a worker, beside the escrow.
    pub waiting: Balance,
    /// Paid to auditors by the treasury, beside the escrow.
    pub network: Balance,
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
    /// A receipt does not add up to its escrow, or the pay of the workers or of the auditor or the
    /// owners' royalties to their part of the receipt.
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
        let parts = [receipt.workers, receipt.auditor, receipt.owner, receipt.treasury];
        let paid = parts.into_iter().try_fold(0, Balance::checked_add)?;
        let adds_up = total_royalties(royalties) == Some(receipt.owner);
        if paid.checked_add(receipt.requester)? != escrow || !adds_up {
            return None;
        }
        let bill = AuditBill::of(job, replicas, receipt);
        if !bill.as_ref().map_or(receipt.auditor == 0, AuditBill::adds_up) {
            return None;
        }
        self.role(&job.requester, Role::Requester).spent += paid;
        let workers: Vec<_> = workers(replicas).collect();
        let rewards = rewards(job, &workers, receipt, bill.as_ref())?;
        let credited = credited(&rewards, receipt.workers)?;
        for ((replica, reward), credited) in workers.into_iter().zip(rewards).zip(credited) {
            let entry = self.role(&replica.worker, Role::Worker);
            entry.received += if credited { reward } else { 0 };
        }
        if let Some(AuditBill { auditor, subject, escrow, network, bond, .. }) = bill {
            let pay = escrow.checked_add(network)?.checked_add(bond)?;
            self.role(subject, Role::Worker).spent += bond;
            self.role(auditor, Role::Auditor).received += pay;
            self.role(treasury, Role::Treasury).spent += network;
            self.network = self.network.checked_add(network)?;
        }
        for part in royalties {
            self.role(&part.payee, Role::Owner).received += part.amount;
            let earned = self.royalties.entry((part.asset, part.payee.clone())).or_default();
            earned.amount += part.amount;
            earned.kept += if part.credited { 0 } else { part.amount };
        }
        self.role(treasury, Role::Treasury).received += receipt.treasury;
        self.workers += receipt.workers;
        self.auditors += receipt.auditor;
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
        let out = [self.workers, self.auditors, self.owner, self.treasury, self.returned];
        total(|entry| entry.received).is_some_and(|sum| Some(sum) == total(|entry| entry.spent))
            && out.into_iter().try_fold(0, Balance::checked_add) == Some(self.escrow)
    }
}

/// One run of a job.
type Run = Replica<AccountId, BlockNumber>;

/// Those that were paid for the result.
fn workers(replicas: &[Run]) -> impl Iterator<Item = &Run> {
    replicas.iter().filter(|replica| replica.role == job::Role::Worker)
}

/// What each of the workers is due; `None` when one gives up more than it earns.
fn rewards(
    job: &Job,
    workers: &[&Run],
    receipt: &Receipt,
    bill: Option<&AuditBill<'_>>,
) -> Option<Vec<Balance>> {
    let reward = |replica: &Run| pricing::reward(replica.ask, receipt.work);
    // An auditor that stands in for the workers may ask more than one of them may earn.
    if let [alone] = workers {
        let stands_in = job.audit.as_ref().is_some_and(|audit| {
            audit.state == AuditState::Missed && audit.draws > 0 && audit.subject != alone.worker
        });
        if stands_in {
            return Some(vec![reward(alone).min(receipt.workers)]);
        }
    }
    let due = |replica: &&Run| {
        let own = bill.map_or(0, |bill| bill.contribution(&replica.worker));
        reward(replica).checked_sub(own)
    };
    workers.iter().map(due).collect()
}

/// What an audit cost, and who paid for it.
struct AuditBill<'a> {
    auditor: &'a AccountId,
    /// The worker that made it likely.
    subject: &'a AccountId,
    /// What that one earns, before it gives anything up.
    reward: Balance,
    /// Whether the requester has asked for it.
    by_request: bool,
    /// What the auditor earns.
    due: Balance,
    /// What it was paid of that out of the escrow.
    escrow: Balance,
    /// What it was paid of that by the treasury.
    network: Balance,
    /// What it was paid of that out of the subject's bond.
    bond: Balance,
}

impl<'a> AuditBill<'a> {
    /// `None` when there was no audit.
    fn of(job: &'a Job, replicas: &'a [Run], receipt: &Receipt) -> Option<Self> {
        let audit = job.audit.as_ref().filter(|audit| audit.state == AuditState::Passed)?;
        let auditor = replicas.iter().find(|replica| replica.role == job::Role::Auditor)?;
        Some(Self {
            auditor: &auditor.worker,
            subject: &audit.subject,
            reward: replicas
                .iter()
                .find(|replica| replica.worker == audit.subject)
                .map_or(0, |subject| pricing::reward(subject.ask, receipt.work)),
            by_request: job.spec.policy.audited,
            due: pricing::reward(auditor.ask, receipt.work),
            escrow: receipt.auditor,
            network: audit.network,
            bond: audit.bond,
        })
    }

    /// Whether it is paid as a whole, or but for a part that could not be paid at all.
    fn adds_up(&self) -> bool {
        let Self { by_request, due, escrow, network, bond, .. } = *self;
        let elsewhere = network.saturating_add(bond);
        if by_request {
            return elsewhere == 0 && (escrow == due || escrow == 0);
        }
        let sum = escrow.checked_add(elsewhere);
        // A part that could not be paid at all, or a bond that lacked something behind the whole
        // reward of its worker.
        let unpaid = escrow.min(elsewhere) == 0 && escrow.max(elsewhere) < due;
        let short = escrow == self.reward && sum.is_some_and(|sum| sum < due);
        sum == Some(due) || unpaid || short
    }

    /// What a worker gives up for it of its reward.
    fn contribution(&self, worker: &AccountId) -> Balance {
        match self.escrow {
            _ if self.by_request || worker != self.subject => 0,
            // It could not be credited, unless the treasury has paid everything.
            0 => self.due.saturating_sub(self.network).saturating_sub(self.bond),
            escrow => escrow,
        }
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
        audit::AuditRate,
        job::{Audit, Output, RefundReason},
        samples::{job, replica, royalty, split},
        Permill,
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
            auditor: 0,
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

    /// A job of workers 2 and 3, which ask 40 and 10, that auditor 4 has run too for 60. Worker 2
    /// made the audit likely. The auditor gets `own` out of the escrow and `network` from the
    /// treasury, the workers get `workers`.
    fn audited(by_request: bool, own: Balance, network: Balance, workers: Balance) -> Job {
        let mut job = settled(&[(2, 40), (3, 10)], 20, 10, 20);
        job.spec.policy.audited = by_request;
        job.spec.max_price = 200;
        let none = Permill::zero();
        job.audit = Some(Audit {
            rate: AuditRate { deterrence: none, worker: Permill::one(), version: none },
            subject: account(2),
            draws: 1,
            searches: 0,
            network,
            bond: 0,
            state: AuditState::Passed,
        });
        if let JobStatus::Settled { receipt, replicas, .. } = &mut job.status {
            let auditor = Replica { role: job::Role::Auditor, ..replica(4, 60, 9) };
            replicas.try_push(auditor).unwrap();
            (receipt.workers, receipt.auditor) = (workers, own);
            receipt.requester = 200 - workers - own - 30;
        }
        job
    }

    fn received(job: Job) -> Option<[Balance; 4]> {
        let ledger = Ledger::of(&[job], &account(9)).ok()?;
        assert!(ledger.balances());
        Some([2, 3, 4, 9].map(|byte| ledger.entries[&account(byte)].received))
    }

    #[test]
    fn an_audit_should_be_paid_by_the_worker_that_made_it_likely_and_by_the_treasury() {
        assert_eq!(received(audited(false, 25, 35, 25)), Some([15, 10, 60, 10]));
        assert_eq!(received(audited(false, 0, 60, 50)), Some([40, 10, 60, 10]), "fees pay for it");
        let ledger = Ledger::of(&[audited(false, 25, 35, 25)], &account(9)).unwrap();
        assert_eq!((ledger.workers, ledger.auditors, ledger.network), (25, 25, 35));
        assert_eq!(ledger.entries[&account(9)].spent, 35);
        assert_eq!(ledger.entries[&account(4)].roles, [Role::Auditor]);
        assert_eq!(ledger.entries[&account(1)].spent, 25 + 25 + 30);
    }

    #[test]
    fn an_audit_should_be_paid_by_the_requester_that_asked_for_it() {
        assert_eq!(received(audited(true, 60, 0, 50)), Some([40, 10, 60, 10]));
        assert_eq!(received(audited(true, 59, 0, 50)), None);
        assert_eq!(received(audited(true, 30, 30, 50)), None, "nobody else pays");
        assert_eq!(received(audited(true, 60, 0, 25)), None, "no worker gives anything up");
    }

    #[test]
    fn the_parts_of_an_audit_should_add_up_to_what_it_is_due() {
        for (own, network, workers) in [
            (25, 34, 25),
            (25, 36, 25),
            (25, 35, 26),
            (25, 35, 24),
            (45, 15, 5),
            (Balance::MAX, 1, 0),
        ] {
            let mut job = audited(false, 25, 35, 25);
            job.audit.as_mut().unwrap().network = network;
            if let JobStatus::Settled { receipt, .. } = &mut job.status {
                (receipt.auditor, receipt.workers) = (own, workers);
                receipt.requester = 170u128.saturating_sub(own).saturating_sub(workers);
            }
            assert_eq!(received(job), None, "{own} {network} {workers}");
        }
        let mut nobody = audited(false, 25, 35, 25);
        nobody.audit.as_mut().unwrap().state = AuditState::Missed;
        assert_eq!(received(nobody), None, "who made no audit is paid for none");
        let mut unasked = settled(&[(2, 40)], 20, 10, 25);
        if let JobStatus::Settled { receipt, .. } = &mut unasked.status {
            receipt.auditor = 5;
        }
        assert!(Ledger::of(&[unasked], &account(9)).is_err());
    }

    #[test]
    fn an_auditor_should_lack_a_whole_part_when_that_could_not_be_paid() {
        assert_eq!(received(audited(false, 0, 35, 25)), Some([15, 10, 35, 10]));
        assert_eq!(received(audited(false, 25, 0, 25)), Some([15, 10, 25, 10]));
        assert_eq!(received(audited(true, 0, 0, 50)), Some([40, 10, 0, 10]));
    }

    #[test]
    fn an_auditor_that_stands_in_should_earn_no_more_than_a_worker_may() {
        let mut job = audited(false, 0, 0, 45);
        let audit = job.audit.as_mut().unwrap();
        audit.state = AuditState::Missed;
        if let JobStatus::Settled { replicas, .. } = &mut job.status {
            *replicas = vec![replica(4, 60, 9)].try_into().unwrap();
        }
        let ledger = Ledger::of(std::slice::from_ref(&job), &account(9)).unwrap();
        assert_eq!(ledger.entries[&account(4)].received, 45);
        assert!(ledger.balances());
        job.audit.as_mut().unwrap().subject = account(4);
        assert!(Ledger::of(&[job], &account(9)).is_err(), "a worker earns what it asks");
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
