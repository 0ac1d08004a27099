//! Configurations that a runtime must not start with, and storage that must not stand.

use crate::{mock::*, Asks, Pallet, Regions, Serving, ServingCount, ServingIndex, Worker, Workers};
use frame_support::{assert_ok, traits::Hooks};
use vigil_primitives::{
    worker::{Region, WorkerStatus, MAX_CAPACITY},
    Balance,
};

fn integrity_test() {
    <Pallet<Test> as Hooks<u64>>::integrity_test();
}

#[test]
fn integrity_test_should_pass_when_the_configuration_is_sound() {
    integrity_test();
}

#[test]
#[should_panic = "MinAsk is above MaxAsk"]
fn integrity_test_should_panic_when_no_ask_is_allowed() {
    MinAsk::set(2);
    MaxAsk::set(1);
    integrity_test();
}

#[test]
#[should_panic = "MaxAsk times the most work overflows"]
fn integrity_test_should_panic_when_rewards_overflow() {
    MaxAsk::set(Balance::MAX);
    integrity_test();
}

#[test]
#[should_panic = "MinBond covers no reward"]
fn integrity_test_should_panic_when_the_bond_covers_nothing() {
    MinBond::set(49);
    ExpirySlash::set(1);
    integrity_test();
}

#[test]
#[should_panic = "one missed deadline would take a whole bond"]
fn integrity_test_should_panic_when_the_slash_is_a_whole_bond() {
    ExpirySlash::set(MinBond::get());
    integrity_test();
}

#[test]
#[should_panic = "MaxMissesInARow is 0"]
fn integrity_test_should_panic_when_no_miss_is_allowed() {
    MaxMissesInARow::set(0);
    integrity_test();
}

#[test]
#[should_panic = "SampleSize is 0"]
fn integrity_test_should_panic_when_the_sample_is_empty() {
    SampleSize::set(0);
    integrity_test();
}

#[test]
#[should_panic = "SampleSize is too large"]
fn integrity_test_should_panic_when_the_sample_is_too_large() {
    SampleSize::set(65);
    integrity_test();
}

#[test]
#[should_panic = "leaving would be a way out of jail"]
fn integrity_test_should_panic_when_leaving_is_faster_than_jail() {
    UnbondingPeriod::set(JailPeriod::get() - 1);
    integrity_test();
}

/// Spoils the storage of two workers and checks that it is noticed.
fn assert_noticed(spoil: impl FnOnce(), message: &'static str) {
    ExtBuilder::default().worker(ANNA).worker(BEN).build().execute_with(|| {
        assert_ok!(Pool::do_try_state());
        spoil();
        assert_eq!(Pool::do_try_state(), Err(message.into()));
    });
}

#[test]
fn try_state_should_fail_when_an_invariant_is_broken() {
    let change = |who, change: fn(&mut Worker<u64>)| {
        Workers::<Test>::mutate(who, |record| change(record.as_mut().unwrap()))
    };
    assert_noticed(|| change(ANNA, |w| w.bond += 1), "workers 1: held and recorded bond differ");
    assert_noticed(
        || ServingIndex::<Test>::remove(SERVED, ANNA),
        "workers 2: active and listed differ",
    );
    assert_noticed(
        || change(ANNA, |w| w.status = WorkerStatus::Draining),
        "workers 2: active and listed differ",
    );
    assert_noticed(
        || ServingIndex::<Test>::insert(SERVED, ANNA, 1),
        "workers 3: an index does not point back",
    );
    assert_noticed(
        || change(ANNA, |w| w.serves.clear()),
        "workers 3: a list holds somebody who does not serve",
    );
    assert_noticed(|| ServingCount::<Test>::insert(OTHER, 0), "workers 4: an empty list is stored");
    assert_noticed(
        || ServingCount::<Test>::insert(SERVED, 3),
        "workers 4: a number of a list is missing",
    );
    assert_noticed(|| Serving::<Test>::insert(OTHER, 0, ANNA), "workers 4: stray entries");
    assert_noticed(|| ServingIndex::<Test>::insert(OTHER, ANNA, 0), "workers 4: stray indices");
    assert_noticed(
        || change(ANNA, |w| w.active = MAX_CAPACITY + 2),
        "workers 5: too many places taken",
    );
    assert_noticed(
        || change(ANNA, |w| w.unfinalised = 1),
        "workers 5: rewards without engagements",
    );
    assert_noticed(|| change(ANNA, |w| w.covered = 1), "workers 5: rewards without engagements");
    assert_noticed(
        || {
            unbonding(ANNA);
            change(ANNA, |w| (w.covered, w.unfinalised) = (1, 1))
        },
        "workers 6: leaving while engaged",
    );
    assert_noticed(
        || {
            unbonding(ANNA);
            change(ANNA, |w| w.active = 1)
        },
        "workers 6: leaving while engaged",
    );
    assert_noticed(|| MinBond::set(BOND + 1), "workers 7: bond too low");
    MinBond::set(1_000);
    assert_noticed(
        || change(ANNA, |w| w.serves.force_push(SERVED)),
        "workers 8: a version is served twice",
    );
    assert_noticed(|| change(ANNA, |w| w.ask = 0), "workers 9: bad profile");
    assert_noticed(|| change(ANNA, |w| w.ask += 1), "workers 10: a worker is not at its ask");
    assert_noticed(
        || Regions::<Test>::insert(ANNA, Region(*b"DE")),
        "workers 12: a region without a deposit",
    );
    assert_noticed(
        || Regions::<Test>::insert(CARLA, Region(*b"DE")),
        "workers 12: a region of no worker",
    );
    assert_noticed(
        || Regions::<Test>::insert(ANNA, Region(*b"d3")),
        "workers 12: a region that is none",
    );
    assert_noticed(
        || Asks::<Test>::insert((SERVED, 1u128.to_be_bytes(), ANNA), ()),
        "workers 10: stray asks",
    );
}
