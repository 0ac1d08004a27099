//! Everybody reveals or keeps silent, and results that differ are decided.

use super::{
    job::{Job, Run},
    Market,
};
use crate::{
    ledger::Account,
    players::{Answer, Play},
};
use vigil_primitives::{audit, pricing, worker::Reputation, Balance};

impl Market {
    /// Takes out whoever keeps silent and whoever is wrong. Where no worker is left, the auditor's
    /// result is the job's.
    pub(super) fn reveal(&mut self, job: &mut Job) {
        for run in job.runs.clone() {
            if self.keeps_silent(job, run) {
                job.runs.retain(|other| other.who != run.who);
                match job.audit {
                    Some(audit) => {
                        self.counts.silent += 1;
                        self.slash(run.who, job.work, self.rules.least, 0, audit.auditor.who);
                        let worker = &mut self.workers[run.who];
                        worker.reputation.expired += 1;
                        worker.free_at = self.now + self.rules.short_jail;
                        self.begin_anew(run.who);
                    }
                    None => self.miss(run.who),
                }
            }
        }
        self.promote(job);
        while let Some((loser, winner)) = rivals(job) {
            job.runs.retain(|run| run.who != loser);
            job.audit = job.audit.filter(|audit| audit.auditor.who != loser);
            self.counts.convicted += 1;
            let (least, costs) = (self.rules.conviction, self.economy.dispute);
            self.slash(loser, job.work, least, costs, winner);
            let worker = &mut self.workers[loser];
            worker.reputation.convicted += 1;
            worker.free_at = self.now + self.rules.jail;
            self.begin_anew(loser);
            self.promote(job);
        }
    }

    /// A worker waits for the others before it shows that it is wrong.
    fn keeps_silent(&self, job: &Job, run: Run) -> bool {
        let others = job.runs.iter().chain(job.audit.as_ref().map(|audit| &audit.auditor));
        match run.answer {
            Answer::Copied => true,
            Answer::Wrong(_) if self.workers[run.who].seat.play.hides() => {
                others.into_iter().any(|other| other.answer != run.answer)
            }
            _ => false,
        }
    }

    fn promote(&mut self, job: &mut Job) {
        if job.runs.is_empty() {
            job.runs.extend(job.audit.take().map(|audit| audit.auditor));
        }
    }

    /// Takes from a bond what a wrong result, or silence under an audit, costs.
    fn slash(&mut self, who: usize, work: u64, least: Balance, costs: Balance, winner: usize) {
        let amount = audit::stake(self.reward(who, work), self.rules.bond, least);
        let slashed = self.ledger.take(Account::Worker(who), amount);
        let penalty = pricing::split_slash(slashed, costs, 0);
        self.ledger.give(Account::Burned, penalty.burned);
        self.ledger.give(Account::Treasury, penalty.costs);
        self.ledger.give(Account::Requester, penalty.damages);
        self.ledger.give(Account::Worker(winner), penalty.bounty);
        let reputation = self.reputation(who).fall();
        let worker = &mut self.workers[who];
        worker.reputation = Reputation { expired_in_a_row: 0, ..reputation };
    }

    /// A deadline was missed: a small slash, and jail after repeats.
    pub(super) fn miss(&mut self, who: usize) {
        self.ledger.pay(Account::Worker(who), Account::Burned, self.rules.expiry);
        let (now, rules) = (self.now, self.rules);
        let worker = &mut self.workers[who];
        worker.reputation.expired += 1;
        worker.reputation.expired_in_a_row += 1;
        if worker.reputation.expired_in_a_row >= rules.misses {
            worker.reputation.expired_in_a_row = 0;
            worker.free_at = worker.free_at.max(now + rules.short_jail);
        }
    }

    /// A player of many accounts leaves the one that was found out.
    fn begin_anew(&mut self, who: usize) {
        if self.workers[who].seat.play == Play::Fresh {
            self.forget(who);
        }
    }

    pub(super) fn forget(&mut self, who: usize) {
        self.workers[who].reputation = Reputation::new(self.now);
        self.workers[who].free_at = 0;
    }

    /// The reputation of a worker, as it stands.
    pub(super) fn reputation(&self, who: usize) -> Reputation {
        self.workers[who].reputation.at(self.now, self.rules.half_life)
    }
}

/// Of two results that differ, the one that loses and the one that wins. A right one never loses.
fn rivals(job: &Job) -> Option<(usize, usize)> {
    let all = || job.runs.iter().chain(job.audit.as_ref().map(|audit| &audit.auditor));
    let wrong = all().find(|run| run.answer != Answer::Right)?;
    let mut others = all().filter(|run| run.answer != wrong.answer);
    let first = others.next()?;
    let right = others.find(|run| run.answer == Answer::Right).unwrap_or(first);
    Some((wrong.who, right.who))
}
