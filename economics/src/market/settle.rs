//! Who is paid what.

use super::{
    job::{Audit, Job},
    Market,
};
use crate::{ledger::Account, players::Answer};
use vigil_primitives::{audit::AuditPay, pricing, Balance};

/// What an audit costs, and who pays for it.
#[derive(Clone, Copy)]
struct Bill {
    subject: usize,
    auditor: usize,
    /// What the audited result earns.
    reward: Balance,
    pay: AuditPay,
}

impl Market {
    /// Pays whoever is left, the auditor and the treasury. What the escrow holds then is the
    /// requester's.
    pub(super) fn settle(&mut self, job: &Job) {
        let bill = job.audit.map(|audit| self.bill(job, &audit));
        for run in &job.runs {
            let reward = self.reward(run.who, job.work).min(job.budget);
            let fee = pricing::protocol_fee(self.rules.protocol_fee, reward);
            self.pay_from_escrow(Account::Treasury, fee);
            let own = bill.filter(|bill| bill.subject == run.who).map_or(0, |bill| bill.pay.reward);
            self.pay_from_escrow(Account::Worker(run.who), reward - own);
            if bill.is_some() {
                self.prove(run.who, reward);
            }
            self.complete(run.who, job.work, reward - own);
            if run.answer != Answer::Right {
                self.counts.wrong += 1;
            }
        }
        if let Some(bill) = bill {
            self.pay_auditor(job, bill);
        }
        self.renew(job);
    }

    /// The escrow covers whatever a job can cost.
    fn pay_from_escrow(&mut self, to: Account, amount: Balance) {
        let paid = self.ledger.pay(Account::Escrow, to, amount);
        assert_eq!(paid, amount, "the escrow is too small");
    }

    /// Who pays an auditor how much. An audited worker that is found out earns nothing, and its bond
    /// pays for the audit as well.
    fn bill(&self, job: &Job, audit: &Audit) -> Bill {
        let there = job.runs.iter().any(|run| run.who == audit.subject);
        let reward = if there { self.reward(audit.subject, job.work) } else { 0 };
        let due = self.reward(audit.auditor.who, job.work);
        let fee = self.rules.protocol_fee;
        let pay = AuditPay::new(reward, due, fee, audit.chance, audit.network);
        Bill { subject: audit.subject, auditor: audit.auditor.who, reward, pay }
    }

    fn pay_auditor(&mut self, job: &Job, bill: Bill) {
        let Bill { subject, auditor, reward, pay } = bill;
        let to = Account::Worker(auditor);
        self.pay_from_escrow(to, pay.reward);
        let bond = self.ledger.pay(Account::Worker(subject), to, pay.bond);
        self.workers[subject].charged += bond;
        let network = self.ledger.pay(Account::Treasury, to, pay.network);
        let mut reputation = self.reputation(auditor);
        reputation.audits += 1;
        reputation.expired_in_a_row = 0;
        reputation.work += u128::from(job.work);
        reputation.earned += pay.reward + bond + network;
        self.workers[auditor].reputation = reputation;
        let record = &mut self.versions[job.version];
        *record = record.at(self.now, self.rules.half_life).prove(reward);
    }

    fn prove(&mut self, who: usize, reward: Balance) {
        let mut reputation = self.reputation(who);
        reputation.passed += 1;
        reputation.record = reputation.record.prove(reward);
        self.workers[who].reputation = reputation;
    }

    fn complete(&mut self, who: usize, work: u64, paid: Balance) {
        let mut reputation = self.reputation(who);
        reputation.completed += 1;
        reputation.expired_in_a_row = 0;
        reputation.work += u128::from(work);
        reputation.earned += paid;
        self.workers[who].reputation = reputation;
    }

    /// Whoever drains the treasury needs an account without a record for every job.
    fn renew(&mut self, job: &Job) {
        if let Some(dealer) = job.dealer {
            if self.workers[dealer].seat.play.renews() {
                self.forget(dealer);
            }
        }
    }
}
