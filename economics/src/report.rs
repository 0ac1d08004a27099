//! Every player beside an honest one in its place.
//!
//! A case is run twice with the same jobs: once as it is, once with honest players in the seats that
//! it is about. The margin is what the player has more than they, in percent of what they earn.

use crate::{
    ledger::Account,
    market::{Market, Seat},
    players::Play,
    rules::{Economy, Rules},
};
use std::fmt;
use vigil_primitives::{Balance, UNIT};

/// Workers of every market.
pub const WORKERS: usize = 40;
/// Points of a curve.
const POINTS: u32 = 200;

/// A player in a market of honest ones.
#[derive(Clone, Debug)]
pub struct Case {
    /// Who.
    pub name: &'static str,
    /// What it does.
    pub does: &'static str,
    /// Its seats.
    pub seats: Vec<Seat>,
    /// What honest players in its seats ask, in percent of what others ask; as itself, if none.
    pub honest_price: Option<Balance>,
    /// Other seats that are not honest, in both runs.
    pub others: Vec<Seat>,
    /// Whether the chain promises that it loses.
    pub covered: bool,
}

impl Case {
    /// So many workers that play one way, each for itself or all together.
    pub fn new(name: &'static str, does: &'static str, play: Play, workers: usize) -> Self {
        let group = u64::from(play.conspires());
        let seats = vec![Seat { play, group, price: 100 }; workers];
        Self { name, does, seats, honest_price: None, others: Vec::new(), covered: true }
    }

    /// Where the first asks `first` percent of what others ask, and the rest of them `rest`.
    #[must_use]
    pub fn asking(mut self, first: Balance, rest: Balance) -> Self {
        for (place, seat) in self.seats.iter_mut().enumerate() {
            seat.price = if place == 0 { first } else { rest };
        }
        self
    }

    /// Compared with honest players that ask what others do.
    #[must_use]
    pub fn against_the_market(mut self) -> Self {
        self.honest_price = Some(100);
        self
    }

    /// Beside so many others that play another way.
    #[must_use]
    pub fn beside(mut self, play: Play, workers: usize) -> Self {
        self.others = vec![Seat::new(play); workers];
        self
    }

    /// Beyond what the chain promises.
    #[must_use]
    pub fn beyond(mut self) -> Self {
        self.covered = false;
        self
    }

    fn filled(&self, seats: impl Iterator<Item = Seat>) -> Vec<Seat> {
        let mut all: Vec<_> = seats.chain(self.others.iter().copied()).collect();
        all.resize(WORKERS.max(all.len()), Seat::new(Play::Honest));
        all
    }

    /// All seats, as it plays.
    pub fn market(&self) -> Vec<Seat> {
        self.filled(self.seats.iter().copied())
    }

    /// All seats, with honest players in its own.
    pub fn twin(&self) -> Vec<Seat> {
        let honest = |seat: &Seat| Seat {
            play: Play::Honest,
            group: 0,
            price: self.honest_price.unwrap_or(seat.price),
        };
        self.filled(self.seats.iter().map(honest))
    }
}

/// What some seats have come to.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// All that came in.
    pub earned: Balance,
    /// All that was taken from them or that they paid.
    pub lost: Balance,
    /// What their computing cost.
    pub spent: Balance,
    /// What is left of it, after each of some jobs.
    pub curve: Vec<(u32, i128)>,
    /// Wrong results that were paid, whosever.
    pub wrong: u32,
    /// Audits that were due.
    pub audits: u32,
    /// What the treasury has gained.
    pub treasury: i128,
    /// What has come to the treasury.
    pub fees: Balance,
}

impl Books {
    /// With those of another market.
    fn add(&mut self, other: Self) {
        self.earned += other.earned;
        self.lost += other.lost;
        self.spent += other.spent;
        self.treasury += other.treasury;
        self.fees += other.fees;
        self.wrong += other.wrong;
        self.audits += other.audits;
        self.curve.resize(other.curve.len(), (0, 0));
        for (point, (job, left)) in self.curve.iter_mut().zip(other.curve) {
            *point = (job, point.1 + left);
        }
    }

    /// What is left.
    pub fn profit(&self) -> i128 {
        signed(self.earned) - signed(self.lost) - signed(self.spent)
    }
}

/// One case and what came of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// As it played.
    pub cheat: Books,
    /// With honest players in its place.
    pub honest: Books,
}

impl Row {
    /// Runs a case in several markets, each with as many jobs.
    pub fn run(case: Case, rules: Rules, economy: Economy, runs: Runs) -> Self {
        let own = case.seats.len();
        let (mut cheat, mut honest) = (Books::default(), Books::default());
        for seed in runs.seeds() {
            cheat.add(simulate(&case.market(), own, rules, economy, runs.jobs, seed));
            honest.add(simulate(&case.twin(), own, rules, economy, runs.jobs, seed));
        }
        Self { case, cheat, honest }
    }

    /// What it has more than honest players, in percent of what these earn.
    pub fn margin(&self) -> f64 {
        percent(self.cheat.profit() - self.honest.profit(), self.honest.earned)
    }

    /// The same after each of some jobs.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let points = self.cheat.curve.iter().zip(&self.honest.curve);
        points
            .map(|((job, cheat), (_, honest))| {
                (f64::from(*job), percent(cheat - honest, self.honest.earned))
            })
            .collect()
    }
}

/// Lets a market go on for so many jobs, and adds up what its first seats come to.
pub fn simulate(
    seats: &[Seat],
    own: usize,
    rules: Rules,
    economy: Economy,
    jobs: u32,
    seed: u64,
) -> Books {
    let mut market = Market::new(rules, economy, seats, seed);
    let mut books = Books::default();
    let every = (jobs / POINTS).max(1);
    for job in 1..=jobs {
        market.step();
        if job % every == 0 {
            let mut now = Books::default();
            add_up(&market, own, &mut now);
            books.curve.push((job, now.profit()));
        }
    }
    add_up(&market, own, &mut books);
    (books.wrong, books.audits) = (market.counts().wrong, market.counts().audits);
    let treasury = market.ledger().purse(Account::Treasury);
    books.fees = treasury.received;
    books.treasury = signed(treasury.received) - signed(treasury.given);
    books
}

/// A worker's money is its own and, if it has one, its requester's.
fn add_up(market: &Market, own: usize, books: &mut Books) {
    let workers = &market.workers()[..own];
    for (place, worker) in workers.iter().enumerate() {
        let purse = market.ledger().purse(Account::Worker(place));
        books.earned += purse.received;
        books.lost += purse.given;
        books.spent += worker.spent;
    }
    if workers.iter().any(|worker| worker.seat.play.deals()) {
        let dealer = market.ledger().purse(Account::Dealer);
        books.lost += dealer.given - dealer.received;
    }
}

/// All players of the table.
pub fn cases() -> Vec<Case> {
    let one = WORKERS / 10;
    vec![
        Case::new("honest", "computes", Play::Honest, one),
        Case::new("faulty", "computes; one in 1,000 results is wrong", Play::Faulty, one),
        Case::new("random", "answers at random, and reveals it", Play::Random, one),
        Case::new(
            "selective",
            "wrong when audits are rarest, silent under audit",
            Play::Selective,
            one,
        ),
        Case::new(
            "colluding, 10 %",
            "wrong where it pays most; they agree with each other",
            Play::Colluding,
            one,
        ),
        Case::new("colluding, 30 %", "the same", Play::Colluding, 3 * one),
        Case::new("colluding, 50 %", "the same", Play::Colluding, 5 * one),
        Case::new(
            "withholding, 10 %",
            "colluding, and holds back a third of the blocks that would bring an audit",
            Play::Withholding,
            one,
        ),
        Case::new("withholding, 30 %", "the same", Play::Withholding, 3 * one),
        Case::new("guessing auditor", "commits anything", Play::Guessing, one),
        Case::new("asking auditor", "takes an answer without its opening", Play::Asking, one),
        Case::new(
            "trusting auditor",
            "takes an answer with its opening; a tenth of the workers is selective",
            Play::Trusting,
            one,
        )
        .beside(Play::Selective, one),
        Case::new("copying", "commits what another replica has committed", Play::Copying, one),
        Case::new("challenging", "challenges right results", Play::Challenging, one),
        Case::new("declining", "gives every second job back", Play::Declining, one),
        Case::new("idling auditor", "lets its audits run out", Play::Idling, one),
        Case::new(
            "fresh accounts",
            "always wrong, with a new account when found out",
            Play::Fresh,
            one,
        ),
        Case::new("farming", "orders jobs from itself, for a record", Play::Farming, one),
        Case::new(
            "draining, 30 %",
            "orders jobs from itself with ever new accounts, to have its own auditors paid",
            Play::Draining,
            3 * one,
        ),
        Case::new(
            "draining, alone",
            "as above and without computing, for a version that nobody else serves",
            Play::Pumping,
            one,
        )
        .asking(100, 200)
        .against_the_market(),
        Case::new(
            "siphoning, alone",
            "the same with one account, whose record makes audits rare and dear",
            Play::Siphoning,
            one,
        )
        .asking(100, 200)
        .against_the_market(),
        Case::new(
            "undercutting, 10 %",
            "colluding; asks 60 % of what others ask",
            Play::Colluding,
            one,
        )
        .asking(60, 60)
        .against_the_market(),
        Case::new("undercutting, 30 %", "the same", Play::Colluding, 3 * one)
            .asking(60, 60)
            .against_the_market(),
        Case::new(
            "timing validator",
            "withholding, and commits when its own block decides",
            Play::Timing,
            one,
        )
        .beyond(),
        Case::new(
            "siphoning validator",
            "siphoning; commits when its own block decides, to be audited more often",
            Play::Hunting,
            one,
        )
        .asking(100, 200)
        .against_the_market()
        .beyond(),
        Case::new(
            "undercutting by far",
            "wrong; asks so little, 30 %, that only its likes can audit it",
            Play::Undercutting,
            one,
        )
        .asking(30, 30)
        .against_the_market()
        .beyond(),
    ]
}

/// How often a case is played.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Runs {
    /// Jobs of each market.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: u32,
    /// Where chance begins in the first market.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Markets of each player, with one seed after the other.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub markets: u32,
}

impl Runs {
    fn seeds(self) -> impl Iterator<Item = u64> {
        (0..self.markets).map(move |market| self.seed.wrapping_add(market.into()))
    }
}

/// What came of all cases.
#[derive(Clone, Debug)]
pub struct Report {
    /// How often each was run.
    pub runs: Runs,
    /// All cases, in the order of the table.
    pub rows: Vec<Row>,
}

impl Report {
    /// Runs all cases.
    pub fn run(runs: Runs) -> Self {
        let run = |case| Row::run(case, Rules::default(), Economy::default(), runs);
        Self { runs, rows: cases().into_iter().map(run).collect() }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| player | what it does | earned | lost | computing | left | honest instead | margin |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---:|")?;
        for row in &self.rows {
            let Row { case, cheat, honest } = row;
            writeln!(
                f,
                "| {}{} | {} | {} | {} | {} | {} | {} | {:+.1} % |",
                case.name,
                if case.covered { "" } else { " (beyond)" },
                case.does,
                vgl(signed(cheat.earned)),
                vgl(signed(cheat.lost)),
                vgl(signed(cheat.spent)),
                vgl(cheat.profit()),
                vgl(honest.profit()),
                row.margin(),
            )?;
        }
        let Some(honest) = self.rows.first().map(|row| &row.honest) else { return Ok(()) };
        let jobs = f64::from(self.runs.jobs) * f64::from(self.runs.markets);
        let audited = 100.0 * f64::from(honest.audits) / jobs;
        writeln!(
            f,
            "\nWhere all are honest, {audited:.2} % of the jobs are audited, and the treasury pays {:.1} % of the protocol fees to auditors.",
            percent(signed(honest.fees) - honest.treasury, honest.fees),
        )
    }
}

fn signed(amount: Balance) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}

fn percent(part: i128, whole: Balance) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

/// An amount with two digits behind the point.
fn vgl(amount: i128) -> String {
    format!("{:.2}", amount as f64 / UNIT as f64)
}
