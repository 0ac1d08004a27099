//! Workers, requesters and the jobs between them.
//!
//! Jobs come one after the other, and each ends before the next: who is busy plays no part. What is
//! drawn for jobs and what is drawn for everything else comes from two generators, so that two
//! markets with one seed have the same jobs, whoever plays.

mod job;
mod reveal;
mod settle;

use crate::{
    ledger::{Account, Ledger},
    players::Play,
    rules::{Economy, Rules},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use vigil_primitives::{audit::Record, worker::Reputation, Balance, BlockNumber};

/// A place in the market, and who plays in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// How it plays.
    pub play: Play,
    /// With whom: 0 for those who play alone.
    pub group: u64,
    /// What it asks, in percent of what others ask.
    pub price: Balance,
}

impl Seat {
    /// Of somebody who plays alone.
    pub fn new(play: Play) -> Self {
        Self { play, group: 0, price: 100 }
    }
}

/// A worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its place.
    pub seat: Seat,
    /// Price per giga multiply-accumulate.
    pub ask: Balance,
    /// What the chain remembers of it.
    pub reputation: Reputation,
    /// First block at which it takes jobs.
    pub free_at: BlockNumber,
    /// What its computing has cost. No money of the chain.
    pub spent: Balance,
    /// What its bond has paid to auditors that ask more than it does.
    pub charged: Balance,
}

/// What has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs that ended.
    pub jobs: u32,
    /// Of these, refunded.
    pub refunded: u32,
    /// Audits that were due.
    pub audits: u32,
    /// Of these, without an auditor that answered.
    pub missed: u32,
    /// Results that were found wrong.
    pub convicted: u32,
    /// Audited workers that kept silent.
    pub silent: u32,
    /// Wrong results that were paid.
    pub wrong: u32,
}

/// A market, at some block.
pub struct Market {
    rules: Rules,
    economy: Economy,
    ledger: Ledger,
    workers: Vec<Worker>,
    /// The records of the version that everybody serves, and of one that some have to themselves.
    versions: [Record<BlockNumber>; 2],
    now: BlockNumber,
    counts: Counts,
    sizes: ChaCha8Rng,
    chance: ChaCha8Rng,
}

impl Market {
    /// With these players.
    pub fn new(rules: Rules, economy: Economy, seats: &[Seat], seed: u64) -> Self {
        let mut sizes = ChaCha8Rng::seed_from_u64(seed);
        let mut worker = |seat: &Seat| Worker {
            seat: *seat,
            ask: economy.ask * sizes.random_range(economy.spread.0..=economy.spread.1) / 100
                * seat.price
                / 100,
            reputation: Reputation::new(0),
            free_at: 0,
            spent: 0,
            charged: 0,
        };
        let workers: Vec<_> = seats.iter().map(&mut worker).collect();
        Self {
            rules,
            economy,
            ledger: Ledger::new(workers.len(), economy.treasury),
            workers,
            versions: Default::default(),
            now: 0,
            counts: Counts::default(),
            sizes,
            chance: ChaCha8Rng::seed_from_u64(!seed),
        }
    }

    /// Lets the next job come, and what comes with it.
    pub fn step(&mut self) {
        self.now += self.economy.pace;
        self.job(None);
        if (self.now / self.economy.pace).is_multiple_of(self.economy.odd) {
            let dealer = self.workers.iter().position(|worker| worker.seat.play.deals());
            if let Some(dealer) = dealer {
                self.job(Some(dealer));
            }
            self.challenge_right_results();
        }
    }

    /// The accounts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The workers.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// What has happened.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whoever challenges a right result loses the dispute: half of its forfeit is burned, half is
    /// the claimant's, and the costs are the treasury's.
    fn challenge_right_results(&mut self) {
        let places = 0..self.workers.len();
        for griefer in places.filter(|who| self.workers[*who].seat.play == Play::Challenging) {
            let claimant = (griefer + self.workers.len() / 2) % self.workers.len();
            let griefer = Account::Worker(griefer);
            let forfeit = self.ledger.take(griefer, self.rules.forfeit);
            self.ledger.give(Account::Worker(claimant), forfeit / 2);
            self.ledger.give(Account::Burned, forfeit - forfeit / 2);
            self.ledger.pay(griefer, Account::Treasury, self.economy.dispute);
        }
    }
}
