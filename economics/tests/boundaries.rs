//! Where the promise ends: the same cheats in other markets. That some of them gain shows that the
//! tests of the promise can fail.

use vigil_economics::{
    players::Play,
    report::{cases, Case, Row, Runs},
    rules::{Economy, Rules},
};
use vigil_primitives::{Balance, Permill, MILLI};

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
fn colluders_of_80_percent_should_gain() {
    let margin = margin(colluding(32), Rules::default(), Economy::default());
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
fn a_validator_that_waits_for_audits_should_draw_from_the_treasury() {
    let profit =
        |name| Row::run(named(name), Rules::default(), Economy::default(), RUNS).cheat.profit();
    assert!(profit("siphoning, alone") < 0);
    assert!(profit("siphoning validator") > 0);
}

/// Where all others ask nearly the same, and computing costs all that it brings.
fn of_equals(play: Play, workers: usize, price: Balance) -> f64 {
    let (ask, spread) = (MILLI / 100, (9_950, 10_050));
    let economy = Economy { cost: MILLI, ask, spread, ..Economy::default() };
    let case = Case::new("below", "", play, workers).asking(price, price).against_the_market();
    // Many, since the margin of one differs from that of the next by 10 %.
    let runs = Runs { jobs: 10_000, seed: 1_000, markets: 60 };
    Row::run(case, Rules::default(), economy, runs).margin()
}

#[test]
fn colluders_of_40_percent_should_lose_when_they_ask_a_little_less_than_others() {
    let margin = of_equals(Play::Colluding, 16, 99);
    assert!(margin < -2.0, "{margin:+.1} %");
}

/// A quarter of the others asks too much to audit them.
#[test]
fn colluders_of_50_percent_should_gain_only_when_they_ask_a_little_less_than_others() {
    let (below, alike) = (of_equals(Play::Colluding, 20, 99), of_equals(Play::Colluding, 20, 100));
    assert!(below > 2.0, "{below:+.1} %");
    assert!(alike < -2.0, "{alike:+.1} %");
}

#[test]
fn a_third_of_the_blocks_should_not_make_30_percent_gain_when_they_ask_a_little_less_than_others() {
    let margin = of_equals(Play::Withholding, 12, 99);
    assert!(margin < -0.5, "{margin:+.1} %");
}

#[test]
fn a_third_of_the_blocks_should_make_35_percent_gain_when_they_ask_a_little_less_than_others() {
    let (below, alike) =
        (of_equals(Play::Withholding, 14, 99), of_equals(Play::Withholding, 14, 100));
    assert!(below > 1.0, "{below:+.1} %");
    assert!(alike < -0.5, "{alike:+.1} %");
}

#[test]
fn undercutting_by_far_should_gain_where_margins_are_thin() {
    let economy = Economy { cost: MILLI, ..Economy::default() };
    let margin = margin(named("undercutting by far"), Rules::default(), economy);
    assert!(margin > 2.0, "{margin:+.1} %");
}
