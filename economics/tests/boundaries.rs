//! Where the promise ends: the same cheats in other markets. That some of them gain shows that the
//! tests of the promise can fail.

use vigil_economics::{
    players::Play,
    report::{cases, Case, Row, Runs},
    rules::{Economy, Rules},
};
use vigil_primitives::{Permill, MILLI};

const RUNS: Runs = Runs { jobs: 10_000, seed: 100, markets: 5 };

fn margin(case: Case, rules: Rules, economy: Economy) -> f64 {
    Row::run(case, rules, economy, RUNS).margin()
}

fn colluding(workers: usize) -> Case {
    Case::new("colluding", "", Play::Colluding, workers)
}

fn named(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).expect("it is in the table")
}

#[test]
fn colluders_of_30_percent_should_lose_when_computing_costs_all_that_it_brings() {
    let economy = Economy { cost: MILLI, ..Economy::default() };
    let margin = margin(colluding(12), Rules::default(), economy);
    assert!(margin < -5.0, "{margin:+.1} %");
}

#[test]
fn colluders_of_70_percent_should_gain() {
    let margin = margin(colluding(28), Rules::default(), Economy::default());
    assert!(margin > 2.0, "{margin:+.1} %");
}

#[test]
fn colluders_of_30_percent_should_gain_when_audits_are_a_quarter_as_frequent() {
    let rules = Rules { frequency: Permill::from_percent(25), ..Rules::default() };
    let margin = margin(colluding(12), rules, Economy::default());
    assert!(margin > 2.0, "{margin:+.1} %");
}

#[test]
fn audits_should_cost_the_treasury_what_the_fees_bring_when_all_ask_the_same() {
    let economy = Economy { spread: (100, 100), ..Economy::default() };
    let honest = Row::run(named("honest"), Rules::default(), economy, RUNS).honest;
    let (gained, fees) = (honest.treasury as f64, honest.fees as f64);
    assert!(fees > 0.0 && (gained / fees).abs() < 0.1, "{gained} of {fees}");
}

#[test]
fn a_validator_that_times_its_commitments_should_gain() {
    let margin = margin(named("timing validator"), Rules::default(), Economy::default());
    assert!(margin > 5.0, "{margin:+.1} %");
}

#[test]
fn whoever_is_alone_at_its_price_should_gain_by_its_own_auditors() {
    let case = named("draining, alone at its price");
    let margin = margin(case, Rules::default(), Economy::default());
    assert!(margin > 20.0, "{margin:+.1} %");
}

#[test]
fn undercutting_should_gain_where_margins_are_thin() {
    let economy = Economy { cost: MILLI, ..Economy::default() };
    let margin = margin(named("undercutting"), Rules::default(), economy);
    assert!(margin > 2.0, "{margin:+.1} %");
}
