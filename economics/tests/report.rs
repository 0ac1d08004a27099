//! Who comes off worse than honesty, and by how much; and that the document says what the program
//! prints.

use std::{collections::BTreeSet, fs, path::Path, sync::LazyLock};
use vigil_economics::{
    plot, rates,
    report::{Report, Runs},
};
use vigil_primitives::{
    audit::{self, AuditPay},
    Permill, MILLI, UNIT,
};

/// As the program runs without options.
static REPORT: LazyLock<Report> =
    LazyLock::new(|| Report::run(Runs { jobs: 10_000, seed: 1, markets: 10 }));

/// The highest margin of each player that the chain promises to be worse off, in percent of what
/// honest players earn in its place.
const HIGHEST: &[(&str, f64)] = &[
    ("faulty", -2.0),
    ("random", -150.0),
    ("selective", -20.0),
    ("colluding, 10 %", -20.0),
    ("colluding, 30 %", -15.0),
    ("colluding, 50 %", -5.0),
    ("withholding, 10 %", -8.0),
    ("withholding, 30 %", -3.0),
    ("guessing auditor", -80.0),
    ("asking auditor", -80.0),
    ("trusting auditor", -0.5),
    ("copying", -100.0),
    ("challenging", -1_000.0),
    ("declining", -8.0),
    ("idling auditor", -12.0),
    ("fresh accounts", -1_000.0),
    ("farming", -50.0),
    ("draining, 30 %", -30.0),
    ("draining, alone", -10.0),
    ("siphoning, alone", -10.0),
    ("undercutting, 10 %", -30.0),
    ("undercutting, 30 %", -20.0),
];

#[test]
fn every_cheat_should_lose_against_honesty() {
    for (name, highest) in HIGHEST {
        let row = REPORT.rows.iter().find(|row| row.case.name == *name);
        let margin = row.unwrap_or_else(|| panic!("{name} is not in the table")).margin();
        assert!(margin <= *highest, "{name} has {margin:+.1} %, and {highest:+.1} % at most");
    }
}

#[test]
fn every_player_that_is_covered_should_have_a_margin() {
    let covered = REPORT.rows.iter().filter(|row| row.case.covered).map(|row| row.case.name);
    let listed = HIGHEST.iter().map(|(name, _)| *name).chain(["honest"]);
    assert_eq!(covered.collect::<BTreeSet<_>>(), listed.collect());
}

#[test]
fn an_honest_player_should_be_its_own_measure() {
    let honest = &REPORT.rows[0];
    assert_eq!(honest.case.name, "honest");
    assert_eq!(honest.cheat.profit(), honest.honest.profit());
    assert!(honest.honest.profit() > 0);
}

#[test]
fn audits_should_cost_the_treasury_no_more_than_the_fees_bring() {
    for row in REPORT.rows.iter().filter(|row| row.case.covered) {
        assert!(row.honest.treasury > 0, "{} VGL", row.honest.treasury);
        assert!(row.cheat.treasury > 0, "{}: {} VGL", row.case.name, row.cheat.treasury);
    }
    let honest = &REPORT.rows[0].honest;
    assert!(honest.audits > 1_000);
    assert_eq!(honest.wrong, 0);
}

#[test]
fn orders_from_oneself_should_bring_nothing_where_nobody_else_serves() {
    for name in ["draining, alone", "siphoning, alone"] {
        let row = REPORT.rows.iter().find(|row| row.case.name == name).expect("it is in the table");
        assert!(row.cheat.profit() < 0, "{name} has {} VGL", row.cheat.profit());
    }
}

#[test]
fn the_worked_example_of_the_document_should_hold() {
    let (reward, pay) = (10 * MILLI, 12 * MILLI);
    let stake = audit::stake(reward, 100 * UNIT, UNIT);
    let chance = audit::deterrence(reward, stake);
    assert_eq!(chance.deconstruct(), 22_003);
    let parts = AuditPay::new(reward, pay, Permill::from_percent(1), chance, UNIT);
    let AuditPay { network, reward: own, bond } = parts;
    assert_eq!((network, own, bond), (4_544_834_795, 7_455_165_205, 0));
    // Of a newcomer.
    let parts = AuditPay::new(reward, pay, Permill::from_percent(1), Permill::one(), UNIT);
    assert_eq!(
        (parts.network, parts.reward, parts.bond),
        (MILLI / 10, 10 * MILLI, 19 * MILLI / 10)
    );
}

#[test]
fn the_document_should_say_what_the_program_prints() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/economics.md");
    let document = fs::read_to_string(path).expect("the document is there");
    let printed = format!("{}\n{}", rates::tables(), *REPORT);
    let missing: Vec<_> = printed
        .lines()
        .filter(|line| line.starts_with('|') || line.starts_with("Where all"))
        .filter(|line| !document.lines().any(|other| other == *line))
        .collect();
    assert!(missing.is_empty(), "docs/economics.md lacks:\n{}", missing.join("\n"));
}

#[test]
fn a_run_should_be_the_same_when_the_seed_is() {
    let run = |seed| Report::run(Runs { jobs: 200, seed, markets: 1 }).to_string();
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn a_picture_should_be_drawn() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("economics.svg");
    let report = Report::run(Runs { jobs: 100, seed: 1, markets: 1 });
    plot::draw(&file, &report).expect("it can be drawn");
    let picture = fs::read_to_string(&file).expect("it is there");
    assert!(picture.starts_with("<svg"));
    assert!(picture.matches("<polyline").count() > 10);
}
