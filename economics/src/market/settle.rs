//! Who is paid what.

use super::{job::Job, Market};
use crate::{ledger::Account, players::Answer};
use vigil_primitives::{audit, pricing, Balance};

impl Market {
    /// Pays whoever is left, the auditor and the treasury. What the escrow holds then is the
    /// requester's.
    pub(super) fn settle(&mut self, job: &Job) {
        for run in &job.runs {
            let reward = self.reward(run.who, job.work).min(job.budget);
            let fee = pricing::protocol_fee(self.rules.protocol_fee, reward);
            self.pay_from_escrow(Account::Treasury, fee);
            let own = job.audit.filter(|audit| audit.subject == run.who).map_or(0, |audit| {
                let pay = self.reward(audit.auditor.who, job.work);
                let fee = self.rules.protocol_fee;
                let own = audit::contribution(reward, pay, fee, audit.chance);
                // Where the treasury could not promise its whole part, the worker's is larger.
                own.max(pay - audit.network.min(pay)).min(reward)
            });
            self.pay_from_escrow(Account::Worker(run.who), reward - own);
            if let Some(audit) = job.audit {
                self.pay_from_escrow(Account::Worker(audit.auditor.who), own);
                self.prove(run.who, reward);
            }
            self.complete(run.who, job.work, reward - own);
            if run.answer != Answer::Right {
                self.counts.wrong += 1;
            }
        }
        self.pay_auditor(job);
        self.renew(job);
    }

    /// The escrow covers whatever a job can cost.
    fn pay_from_escrow(&mut self, to: Account, amount: Balance) {
        let paid = self.ledger.pay(Account::Escrow, to, amount);
        assert_eq!(paid, amount, "the escrow is too small");
    }

    /// The treasury's part, of an audit whose subject was right.
    fn pay_auditor(&mut self, job: &Job) {
        let Some(audit) = job.audit else { return };
        let subject = job.runs.iter().any(|run| run.who == audit.subject);
        let reward = if subject { self.reward(audit.subject, job.work) } else { 0 };
        let who = audit.auditor.who;
        let pay = self.reward(who, job.work);
        let own = audit::contribution(reward, pay, self.rules.protocol_fee, audit.chance);
        let network = (pay - own).min(audit.network);
        self.ledger.pay(Account::Treasury, Account::Worker(who), network);
        let mut reputation = self.reputation(who);
        reputation.audits += 1;
        reputation.expired_in_a_row = 0;
        reputation.work += u128::from(job.work);
        reputation.earned += network + own;
        self.workers[who].reputation = reputation;
        self.version = self.version.at(self.now, self.rules.half_life).prove(reward);
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
