//! Tables of the formulas, without chance: what an audit costs whom, and when what pays.

use crate::rules::Rules;
use std::fmt::Write as _;
use vigil_primitives::{
    audit::{self, AuditPay, AuditRate, Record},
    pricing,
    worker::BOND_COVER,
    Balance, Permill, MICRO, MILLI, UNIT,
};

/// Rewards of the tables.
const REWARDS: [Balance; 9] =
    [MICRO, 10 * MICRO, 100 * MICRO, MILLI, 10 * MILLI, 100 * MILLI, UNIT, 2 * UNIT, 200 * UNIT];
/// Bonds that cover some of them.
const BONDS: [Balance; 3] = [100 * UNIT, 1_000 * UNIT, 10_000 * UNIT];
/// A record with which nothing but the size of the reward counts.
const KNOWN: Balance = Balance::MAX >> 32;

/// All tables.
pub fn tables() -> String {
    let rules = Rules::default();
    [
        ("How likely an audit is", rates(rules)),
        ("The first audits of a worker", newcomer(rules)),
        ("Orders from oneself", dealing(rules)),
        ("Lazy auditors", laziness(rules)),
        ("Answers of channels", answers(rules)),
        ("Blocks that are held back", withheld()),
        ("Runs of own blocks", streaks()),
    ]
    .into_iter()
    .map(|(title, table)| format!("{title}\n\n{table}\n"))
    .collect()
}

/// By reward and bond: what is at stake, and the chance.
fn rates(rules: Rules) -> String {
    let mut table = String::from(
        "| reward R | smallest bond | stake S | conviction | no record | 1 R proven | 5 R proven | 13 R proven | bond 100 | bond 1,000 | bond 10,000 | a wrong result costs |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for reward in REWARDS {
        let bond = (reward * BOND_COVER).max(rules.bond);
        let stake = audit::stake(reward, bond, rules.least);
        let with = |proven| AuditRate::new(reward, stake, proven, KNOWN).chance();
        let _ = write!(
            table,
            "| {} | {} | {} | {} |",
            vgl(reward),
            vgl(bond),
            vgl(stake),
            vgl((reward * BOND_COVER).max(rules.conviction)),
        );
        for proven in [0, 1, 5, 13] {
            let _ = write!(table, " {} |", percent(with(proven * reward)));
        }
        for bond in BONDS {
            let stake = audit::stake(reward, bond, rules.least);
            let chance = AuditRate::new(reward, stake, KNOWN, KNOWN).chance();
            let fits = reward * BOND_COVER <= bond;
            let _ = write!(table, " {} |", if fits { percent(chance) } else { "-".into() });
        }
        let chance = ratio(with(KNOWN));
        let lost = chance * seeing() * (reward + stake) as f64 / reward as f64;
        let _ = writeln!(table, " {} R |", digits(lost));
    }
    table
}

/// What the first audits take from a worker whose auditors ask as much as it does.
fn newcomer(rules: Rules) -> String {
    let mut table = String::from(
        "| audits passed | chance of the next | jobs until it, on average | its part of the auditor's pay | the treasury's |\n\
         |---:|---:|---:|---:|---:|\n",
    );
    let reward = UNIT / 100;
    let stake = audit::stake(reward, rules.bond, rules.least);
    let mut record = Record::<u32>::default();
    let (mut jobs, mut all) = (0.0, 0.0);
    for passed in 0..=13 {
        let chance = AuditRate::new(reward, stake, record.proven, KNOWN).chance();
        let pay = AuditPay::new(reward, reward, rules.protocol_fee, chance, Balance::MAX);
        let wait = 1.0 / ratio(chance);
        let part = pay.reward as f64 / reward as f64;
        let _ = writeln!(
            table,
            "| {passed} | {} | {wait:.0} | {part:.2} R | {:.2} R |",
            percent(chance),
            1.0 - part,
        );
        record = record.prove(reward);
        (jobs, all) = (jobs + wait, all + part);
    }
    let _ = writeln!(table, "| sum | | {jobs:.0} | {all:.2} R | {:.2} R |", 14.0 - all);
    table
}

/// What an order from oneself brings a worker without a record, without its computing, by the share
/// of the auditors that are its own.
fn dealing(rules: Rules) -> String {
    let mut table = String::from(
        "| chance | auditors ask | s = 0 | s = 0.1 | s = 0.3 | s = 0.5 | s = 0.7 | s = 1 |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let (reward, fee) = (UNIT, rules.protocol_fee);
    let deterrence = audit::deterrence(reward, reward * BOND_COVER);
    for chance in [Permill::one(), deterrence, audit::LEAST_CHANCE] {
        for times in [1, audit::HIGHEST_AUDIT_PRICE] {
            let network = AuditPay::new(reward, times * reward, fee, chance, Balance::MAX).network;
            let own = times * reward - network;
            let _ = write!(table, "| {} | {times} R |", percent(chance));
            for share in [0.0, 0.1, 0.3, 0.5, 0.7, 1.0] {
                let audited = share * network as f64 - (1.0 - share) * own as f64;
                let fee = pricing::protocol_fee(fee, reward) as f64;
                let left = (ratio(chance) * audited - fee) / reward as f64;
                let _ = write!(table, " {left:+.3} R |");
            }
            table.push('\n');
        }
    }
    table
}

/// The share of wrong results among offered openings above which it does not pay to take them
/// unseen: `(c - e) / (B + q S)` with nothing for `e` and `q`.
fn laziness(rules: Rules) -> String {
    let mut table = String::from(
        "| reward R | stake S | least bounty S/8 | a check costs R | a check costs R/10 |\n\
         |---:|---:|---:|---:|---:|\n",
    );
    for reward in REWARDS {
        let bond = (reward * BOND_COVER).max(rules.bond);
        let stake = audit::stake(reward, bond, rules.least);
        let bounty = stake / 8;
        let share = |cost: Balance| digits(100.0 * cost as f64 / bounty as f64);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} % | {} % |",
            vgl(reward),
            vgl(stake),
            vgl(bounty),
            share(reward),
            share(reward / 10),
        );
    }
    table
}

/// By the price of a channel's answer: what a wrong one loses, and the share of answers that whoever pays
/// for them has to compute again.
fn answers(rules: Rules) -> String {
    let mut table = String::from(
        "| price P | smallest bond | conviction S | to be computed again | one answer in |\n\
         |---:|---:|---:|---:|---:|\n",
    );
    for price in REWARDS {
        let bond = (price * BOND_COVER).max(rules.bond);
        let stake = audit::stake(price, bond, rules.conviction);
        let rate = audit::check_rate(price, stake);
        let every = 1.0 / ratio(rate);
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {every:.0} |",
            vgl(price),
            vgl(bond),
            vgl(stake),
            percent(rate),
        );
    }
    table
}

/// What is left of a chance when every block of an author that would bring an audit is held back.
fn withheld() -> String {
    let mut table = String::from(
        "| chance p | v = 10 % | v = 25 % | v = 33 % | v = 50 % | own block decides, v = 33 % |\n\
         |---:|---:|---:|---:|---:|---:|\n",
    );
    let deterrence = ratio(audit::deterrence(UNIT, UNIT * BOND_COVER));
    for chance in [1.0, 0.5, 0.1, deterrence, 0.01] {
        let _ = write!(table, "| {} % |", digits(100.0 * chance));
        let left = |own: f64| (1.0 - own) * chance / (1.0 - own * chance);
        for own in [0.1, 0.25, 1.0 / 3.0, 0.5] {
            let _ = write!(table, " {} % |", digits(100.0 * left(own)));
        }
        let _ = writeln!(table, " {} % |", digits(100.0 * chance * left(1.0 / 3.0)));
    }
    table
}

/// The share of blocks at which one author has the block of the commitment and all that are mixed.
fn streaks() -> String {
    let mut table = String::from(
        "| work, in blocks | mixed k | v = 10 % | v = 33 % | v = 50 % |\n|---:|---:|---:|---:|---:|\n",
    );
    for work in [1, 8, 40, 120] {
        let mixed = (1 + work / 8).min(16);
        let _ = write!(table, "| {work} | {mixed} |");
        for own in [0.1f64, 1.0 / 3.0, 0.5] {
            let _ = write!(table, " {} |", scientific(own.powi(mixed + 1)));
        }
        table.push('\n');
    }
    table
}

/// The share of audits that the chance reckons with.
fn seeing() -> f64 {
    ratio(audit::SEEING)
}

fn ratio(chance: Permill) -> f64 {
    f64::from(chance.deconstruct()) / 1e6
}

fn percent(chance: Permill) -> String {
    format!("{} %", digits(100.0 * ratio(chance)))
}

fn scientific(share: f64) -> String {
    if share < 1e-3 {
        format!("{share:.0e}")
    } else {
        format!("{} %", digits(100.0 * share))
    }
}

/// Three digits that count, or all before the point.
fn digits(number: f64) -> String {
    let places = match number.abs() {
        n if n >= 100.0 || n == 0.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 1.0 => 2,
        n => (2.0 - n.log10().floor()) as usize,
    };
    let text = format!("{number:.places$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        text
    }
}

fn vgl(amount: Balance) -> String {
    digits(amount as f64 / UNIT as f64)
}
