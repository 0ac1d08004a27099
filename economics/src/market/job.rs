//! A job until everybody has committed: workers are drawn and answer, chance decides about an audit,
//! an auditor is drawn and answers.

use super::Market;
use crate::{
    draw,
    ledger::Account,
    players::{Answer, Check, Offer, Play, Sight},
};
use rand::Rng;
use vigil_primitives::{
    audit::{self, AuditPay, AuditRate},
    job::MAX_ATTEMPTS,
    pricing,
    worker::{reliability, trust, BOND_COVER},
    Balance, Permill,
};

/// What one is drawn for.
struct Place<'a> {
    version: usize,
    work: u64,
    /// The most that it may earn.
    budget: Balance,
    /// Whether that rises to what three quarters of a sample would earn at most.
    stretch: bool,
    but: &'a [usize],
}

/// A commitment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) who: usize,
    pub(super) answer: Answer,
}

/// An audit and what it may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Audit {
    /// Whose chance it was.
    pub(super) subject: usize,
    pub(super) chance: Permill,
    pub(super) auditor: Run,
    /// What the treasury pays of it at most.
    pub(super) network: Balance,
}

/// A job at hand.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) work: u64,
    /// What it runs.
    pub(super) version: usize,
    /// What a worker may earn.
    pub(super) budget: Balance,
    /// Whose requester it is, if it is a worker's own.
    pub(super) dealer: Option<usize>,
    pub(super) runs: Vec<Run>,
    pub(super) audit: Option<Audit>,
}

impl Job {
    pub(super) fn requester(&self) -> Account {
        self.dealer.map_or(Account::Requester, |_| Account::Dealer)
    }
}

impl Market {
    /// A job from its submission to its end, for anybody or for one worker that ordered it itself.
    pub(super) fn job(&mut self, dealer: Option<usize>) {
        // What somebody orders from itself leaves the jobs of others as they are.
        let sizes = if dealer.is_some() { &mut self.chance } else { &mut self.sizes };
        let giga = pricing::GIGA << sizes.random_range(0..self.economy.doublings);
        let work = sizes.random_range(giga..2 * giga);
        let replicated = sizes.random_ratio(1, self.economy.replicated);
        let replicas = if replicated && dealer.is_none() { 2 } else { 1 };

        let version = dealer.map_or(0, |dealer| self.workers[dealer].seat.play.version());
        let budget = pricing::reward(self.economy.ask * self.economy.spread.1 / 100, work);
        // Who orders from itself affords itself.
        let budget = dealer.map_or(budget, |dealer| budget.max(self.reward(dealer, work)));
        let price = pricing::total(0, budget, self.rules.protocol_fee, replicas);
        let mut job = Job { work, version, budget, dealer, runs: Vec::new(), audit: None };
        self.ledger.pay(job.requester(), Account::Escrow, price);
        self.counts.jobs += 1;
        if self.assign(&mut job, replicas) {
            job.audit = self.audit(&job);
            self.reveal(&mut job);
            self.settle(&job);
        }
        let left = self.ledger.purse(Account::Escrow).balance;
        if left == price {
            self.counts.refunded += 1;
        }
        self.ledger.pay(Account::Escrow, job.requester(), left);
    }

    /// Draws workers until all places have a commitment, or there were too many attempts.
    fn assign(&mut self, job: &mut Job, replicas: u8) -> bool {
        let mut asked = Vec::new();
        let mut attempts = 0;
        while job.runs.len() < usize::from(replicas) {
            let Job { work, version, budget, .. } = *job;
            let place = Place { version, work, budget, stretch: false, but: &asked };
            let drawn = job.dealer.or_else(|| self.draw(&place));
            let Some(who) = drawn else { return false };
            asked.push(who);
            let answer = self.answer(who, job, replicas > 1);
            if answer == Answer::Declined {
                self.workers[who].reputation.declined += 1;
                attempts += 1;
                if attempts > MAX_ATTEMPTS {
                    return false;
                }
            } else {
                job.runs.push(Run { who, answer });
            }
        }
        true
    }

    fn answer(&mut self, who: usize, job: &Job, replicas: bool) -> Answer {
        let rate = self.rate(who, job.work);
        let floor = audit::LEAST_CHANCE.max(rate.deterrence);
        let sight = Sight {
            rare: rate.chance() <= floor,
            barely: rate.chance() <= rate.deterrence,
            replicas,
            own: job.dealer.is_some(),
        };
        let seat = self.workers[who].seat;
        // Who plays alone is wrong in its own way.
        let way = if seat.group == 0 { u64::MAX - who as u64 } else { seat.group };
        let answer = seat.play.answer(sight, way, &mut self.chance);
        if answer == Answer::Right || seat.play == Play::Faulty {
            self.compute(who, job.work);
        }
        answer
    }

    /// Lets chance decide, and draws auditors until one answers.
    fn audit(&mut self, job: &Job) -> Option<Audit> {
        let chances = job.runs.iter().map(|run| (self.rate(run.who, job.work).chance(), run.who));
        // Of equals the last, as in the pallet.
        let (chance, subject) = chances.max_by_key(|(chance, _)| *chance)?;
        if !self.hits(job, self.rules.frequency * chance) {
            return None;
        }
        self.counts.audits += 1;
        let reward = self.reward(subject, job.work);
        let mut asked: Vec<_> = job.runs.iter().map(|run| run.who).collect();
        for _ in 0..audit::MAX_AUDIT_DRAWS {
            let (version, work) = (job.version, job.work);
            let place = Place { version, work, budget: reward, stretch: true, but: &asked };
            let Some(who) = self.draw(&place) else { break };
            asked.push(who);
            let pay = self.reward(who, job.work);
            let payable = self.ledger.purse(Account::Treasury).balance
                + pricing::protocol_fee(self.rules.protocol_fee, reward);
            let fee = self.rules.protocol_fee;
            let network = AuditPay::new(reward, pay, fee, chance, payable).network;
            if let Some(answer) = self.check(who, subject, job) {
                let auditor = Run { who, answer };
                return Some(Audit { subject, chance, auditor, network });
            }
            self.miss(who);
        }
        self.counts.missed += 1;
        None
    }

    /// Whether chance hits, when the authors of blocks have had their say.
    fn hits(&mut self, job: &Job, chance: Permill) -> bool {
        let liar = job.runs.iter().find(|run| run.answer != Answer::Right);
        let play = liar.map_or(Play::Honest, |run| self.workers[run.who].seat.play);
        let (mut held_back, later) = play.holds_back();
        let mut hit = self.chance.random_ratio(chance.deconstruct(), 1_000_000);
        // A block that is held back leaves the next one, of another author, to decide.
        while hit != play.wants_audits() && self.chance.random_bool(held_back) {
            held_back = later;
            hit = self.chance.random_ratio(chance.deconstruct(), 1_000_000);
        }
        hit
    }

    /// What an auditor commits to; nothing, if it lets its time run out.
    fn check(&mut self, who: usize, subject: usize, job: &Job) -> Option<Answer> {
        let audited = job.runs.iter().find(|run| run.who == subject)?.answer;
        let (auditor, worker) = (self.workers[who].seat, self.workers[subject].seat);
        let friend = auditor.group == worker.group && auditor.group > 0;
        let offer = Offer {
            friend: friend && auditor.play.conspires(),
            opened: audited != Answer::Right && worker.play.opens(),
        };
        match auditor.play.check(offer) {
            Check::Agree => Some(audited),
            Check::Guess => Some(Answer::Wrong(self.chance.random_range(1_000..u64::MAX))),
            Check::Idle => None,
            Check::Run => {
                self.compute(who, job.work);
                Some(Answer::Right)
            }
        }
    }

    /// How likely a result of a worker is audited.
    pub(super) fn rate(&self, who: usize, work: u64) -> AuditRate {
        let reward = self.reward(who, work);
        let stake = audit::stake(reward, self.rules.bond, self.rules.least);
        let worker = self.reputation(who).record.proven;
        let version = self.workers[who].seat.play.version();
        let version = self.versions[version].at(self.now, self.rules.half_life).proven;
        AuditRate::new(reward, stake, worker, version)
    }

    pub(super) fn reward(&self, who: usize, work: u64) -> Balance {
        pricing::reward(self.workers[who].ask, work)
    }

    /// Draws one that can take the work for so much: of a sample of those that serve the version; or,
    /// where that holds nobody, of as many that ask the least.
    fn draw(&mut self, place: &Place<'_>) -> Option<usize> {
        let Place { version, work, budget, stretch, but } = *place;
        let serves = |who: &usize| {
            let worker = &self.workers[*who];
            worker.free_at <= self.now && worker.seat.play.version() == version
        };
        let mut serving: Vec<_> = (0..self.workers.len()).filter(serves).collect();
        let sample = draw::sample(&mut self.chance, &serving, self.rules.sample);
        let budget = if stretch { self.highest_pay(budget, work, &sample, but) } else { budget };
        let mut chance = self.chance.clone();
        let weight = |who: usize| {
            let reward = self.reward(who, work);
            let covered = reward * BOND_COVER <= self.rules.bond;
            if but.contains(&who) || reward > budget || !covered {
                return 0;
            }
            let reputation = self.reputation(who);
            (reliability(&reputation) * trust(&reputation, reward) / 1_000).max(1)
        };
        let drawn = draw::by_weight(&mut chance, &sample, weight).or_else(|| {
            serving.sort_by_key(|who| self.workers[*who].ask);
            serving.truncate(self.rules.sample);
            draw::by_weight(&mut chance, &serving, weight)
        });
        self.chance = chance;
        drawn
    }

    /// What an auditor may earn, by what three quarters of a sample would at most.
    fn highest_pay(&self, reward: Balance, work: u64, sample: &[usize], but: &[usize]) -> Balance {
        let others = sample.iter().filter(|who| !but.contains(who));
        let mut rewards: Vec<_> = others.map(|who| self.reward(*who, work)).collect();
        rewards.sort_unstable();
        let market = rewards.get(rewards.len() * 3 / 4).copied().unwrap_or_default();
        audit::highest_pay(reward, market)
    }

    fn compute(&mut self, who: usize, work: u64) {
        self.workers[who].spent += pricing::reward(self.economy.cost, work);
    }
}
