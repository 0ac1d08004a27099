//! Random lineages of models and datasets with several owners, and random sequences of what owners,
//! buyers, requesters and workers do with them. After every step all invariants of the four pallets
//! hold, no money appears or vanishes, and every unit of an owner's fee has gone where a second
//! flattening of the citations, in plain integers, says that it must go.

mod actions;
mod ledger;

use crate::market::*;
use actions::{act, action, Action, PEOPLE};
use frame_support::assert_ok;
use ledger::Ledger;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap};
use vigil_runtime::{configs::treasury, Provenance, Runtime, System};

const MUST_REACH: [&str; 17] = [
    "settled",
    "settled under a grant",
    "refunded",
    "convicted",
    "cancelled",
    "kept",
    "returned",
    "collected",
    "handed over",
    "handed over in the middle of a job",
    "revoked",
    "removed",
    "grant bought",
    "grant refunded",
    "cited by a grant",
    "a long waterfall",
    "a deep lineage",
];

/// Rounds of sequences until all of [`MUST_REACH`] has happened: what is rare may miss the first.
const MOST_ROUNDS: usize = 10;

fn run_sequence(
    actions: Vec<Action>,
    counts: &RefCell<BTreeMap<&'static str, usize>>,
) -> Result<(), TestCaseError> {
    market().execute_with(|| {
        System::reset_events();
        let mut ledger = Ledger::new();
        for who in PEOPLE.iter().chain(&PEOPLE) {
            ledger.publish(who, false, open(), 0, &[])?;
            ledger.check()?;
        }
        for action in actions {
            act(action, &mut ledger)?;
            ledger.check()?;
        }

        // Nobody answers any more: what is open ends, and everything that was kept is paid.
        // Results that differ have disputes, one after the other, in which nobody plays.
        let end = now() + 400;
        run_to(end);
        while pallet_jobs::OpenJobs::<Runtime>::get() > 0 && now() < end + 3_000 {
            next_block();
        }
        ledger.check()?;
        prop_assert_eq!(pallet_jobs::OpenJobs::<Runtime>::get(), 0);
        let payees: Vec<_> = ledger.unpaid.keys().cloned().collect();
        for payee in payees.into_iter().filter(|payee| *payee != treasury()) {
            assert_ok!(Provenance::collect(signed(&STRANGER), payee));
        }
        ledger.check()?;
        let mut counts = counts.borrow_mut();
        for (name, count) in ledger.reached {
            *counts.entry(name).or_default() += count;
        }
        Ok(())
    })
}

#[test]
fn every_unit_should_be_accounted_for_over_any_lineage_and_any_sequence_of_calls() {
    let counts = RefCell::new(BTreeMap::new());
    let sequence = prop::collection::vec(action(), 40..70);
    for _ in 0..MOST_ROUNDS {
        let config = Config {
            cases: 300,
            max_shrink_iters: 1_000,
            failure_persistence: None,
            ..Config::default()
        };
        let result =
            TestRunner::new(config).run(&sequence, |actions| run_sequence(actions, &counts));
        if let Err(error) = result {
            panic!("{error}");
        }
        if MUST_REACH.iter().all(|name| counts.borrow().contains_key(name)) {
            return;
        }
    }
    let counts = counts.into_inner();
    for name in MUST_REACH {
        assert!(counts.contains_key(name), "no sequence reached {name:?}: {counts:?}");
    }
}
