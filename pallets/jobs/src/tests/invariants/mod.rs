//! Random sequences of calls over the three pallets together, by honest and hostile accounts, with
//! blocks that have weight and blocks that have none, versions that descend from others under any
//! terms, and payees that cannot be credited. After every step all invariants hold and no money
//! appears or vanishes; at the end every job comes to rest and nothing is held for any.

mod actions;
mod ledger;

use crate::{mock::*, Agenda, AssignedTo, Jobs as JobStore, Waiting};
use actions::{act, action, Action, ACTORS, PAYEES};
use frame_support::{traits::Hooks, weights::Weight};
use ledger::Ledger;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap};

/// A block with a share of the usual weight, in per cent, at the end of the last and at its start.
fn pass_block(start: u64, idle: u64) {
    let full = Weight::from_parts(1_000_000_000_000, u64::MAX);
    let share = |percent: u64| Weight::from_parts(full.ref_time() / 100 * percent, u64::MAX);
    let used = Jobs::on_idle(now(), share(idle));
    assert!(used.all_lte(share(idle)));
    System::set_block_number(now() + 1);
    ServiceWeight::set(share(start));
    let used = Jobs::on_initialize(now());
    assert!(used.all_lte(share(start)));
}

const MUST_REACH: [&str; 42] = [
    "audited: paid out of a bond",
    "auditor drawn",
    "audited",
    "audited: on request",
    "audited: paid by the network",
    "not audited",
    "silent",
    "assigned after losing its place",
    "assigned after waiting for a free place",
    "waited: paid",
    "waited: not a block",
    "waited: returned",
    "refunded: outbid",
    "settled",
    "settled: text",
    "settled: text that ended early",
    "settled: another owner than at submission",
    "settled: several payees",
    "payment kept",
    "payment kept of an owner",
    "payment returned",
    "grant: reserved",
    "grant: consumed",
    "grant: given back",
    "grant: none needed by the owner",
    "refunded: no worker",
    "refunded: attempts exhausted",
    "refunded: undecided",
    "cancelled",
    "declined",
    "expired",
    "requeued",
    "contested",
    "not disputed",
    "disputed",
    "convicted",
    "convicted: damages",
    "refunded: convicted",
    "pruned",
    "jailed",
    "unbonding",
    "sold",
];

/// Rounds of sequences until all of [`MUST_REACH`] has happened: what is rare may miss the first.
const MOST_ROUNDS: usize = 10;

fn run_sequence(
    actions: Vec<(usize, Action)>,
    counts: &RefCell<BTreeMap<&'static str, usize>>,
) -> Result<(), TestCaseError> {
    let full = Weight::from_parts(1_000_000_000_000, u64::MAX);
    ServiceWeight::set(full);
    TreasuryAccount::set(TREASURY);
    DisputesFail::set(false);
    Court::set(vec![]);
    WaitingFee::set(7);
    MaxOpenJobs::set(5);
    Lucky::set(false);
    Chain::default().workers(5).without_records().build().execute_with(|| {
        for (number, owner) in (0..).zip(PAYEES) {
            dataset(number, owner);
        }
        // Few places, so that jobs wait for them.
        for worker in (WORKER..).take(5) {
            act(worker, Action::Update { ask: ASK, capacity: 1 });
        }
        let issued = Balances::total_issuance();
        let mut ledger = Ledger::default();
        for (actor, action) in actions {
            match action {
                Action::Blocks { count, start, idle } => {
                    for _ in 0..count {
                        pass_block(start, idle);
                        ledger.absorb()?;
                    }
                }
                action => act(ACTORS[actor], action),
            }
            ledger.check(issued)?;
        }

        // Every dispute ends. A job waits for the last one.
        while !Court::get().is_empty() {
            act(STRANGER, Action::Uphold { claim: 0 });
            ledger.absorb()?;
            ledger.check(issued)?;
        }
        // Nobody does anything more: the hooks alone bring every job to its end and forget it.
        let mut left = 1_000;
        while JobStore::<Test>::iter_keys().next().is_some() {
            pass_block(100, 100);
            ledger.absorb()?;
            left -= 1;
            prop_assert!(left > 0, "jobs never come to rest");
        }
        ledger.check(issued)?;
        prop_assert_eq!(Agenda::<Test>::iter().count(), 0);
        prop_assert_eq!(Waiting::<Test>::iter_keys().count(), 0);
        prop_assert_eq!(AssignedTo::<Test>::iter().count(), 0);
        for account in frame_system::Account::<Test>::iter_keys() {
            prop_assert_eq!((escrow_of(account), waiting_of(account)), (0, 0));
        }
        for (_, worker) in pallet_workers::Workers::<Test>::iter() {
            prop_assert_eq!((worker.active, worker.unfinalised), (0, 0));
        }
        let mut counts = counts.borrow_mut();
        for (name, count) in ledger.reached {
            *counts.entry(name).or_default() += count;
        }
        Ok(())
    })
}

#[test]
fn money_should_be_conserved_over_any_sequence_of_calls() {
    let counts = RefCell::new(BTreeMap::new());
    let sequence = prop::collection::vec((0..ACTORS.len(), action()), 30..60);
    for _ in 0..MOST_ROUNDS {
        let config = Config {
            cases: 1_000,
            max_shrink_iters: 2_000,
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
