use crate::{mock::*, Event};
use frame_support::assert_ok;
use vigil_primitives::{
    traits::{Outcome, WorkerPool},
    worker::{Reputation, WorkerStatus},
};

#[test]
fn release_should_give_the_place_back_when_the_job_ended_in_any_way() {
    for outcome in
        [COMPLETED, Outcome::Released, Outcome::Declined, Outcome::Expired, Outcome::Undecided]
    {
        ExtBuilder::default().worker(ANNA).build_and_execute(|| {
            engage_worker(ANNA);
            engage_worker(ANNA);
            Pool::release(&ANNA, REWARD, false, outcome);
            assert_eq!((worker(ANNA).active, worker(ANNA).unfinalised), (1, REWARD));
        });
    }
}

#[test]
fn release_should_count_each_outcome_in_the_reputation_and_slash_only_for_misses() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let end = |outcome| {
            engage_worker(ANNA);
            Pool::release(&ANNA, REWARD, false, outcome);
            reputation(ANNA)
        };
        let mut expected = Reputation::new(1);
        assert_eq!(end(Outcome::Released), expected);
        expected.declined = 1;
        assert_eq!(end(Outcome::Declined), expected);
        expected.contested = 1;
        assert_eq!(end(Outcome::Undecided), expected);
        expected.completed = 1;
        assert_eq!(end(COMPLETED), expected);
        assert_eq!(held(ANNA), BOND);

        expected.expired = 1;
        expected.expired_in_a_row = 1;
        assert_eq!(end(Outcome::Expired), expected);
        assert_eq!(held(ANNA), BOND - SLASH);
        expected.completed = 2;
        expected.expired_in_a_row = 0;
        assert_eq!(end(COMPLETED), expected);
    });
}

#[test]
fn release_should_burn_the_slash_when_a_deadline_was_missed() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let issuance = Balances::total_issuance();
        miss(ANNA, 1);
        assert_event(Event::Slashed { worker: ANNA, amount: SLASH, bond: BOND - SLASH });
        assert_eq!(Balances::total_issuance(), issuance - SLASH);
        assert_eq!(Balances::free_balance(ANNA), FUNDS - BOND);
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
    });
}

#[test]
fn release_should_jail_when_deadlines_are_missed_in_a_row() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        miss(ANNA, 2);
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
        System::set_block_number(5);
        miss(ANNA, 1);
        assert_last_event(Event::Jailed { worker: ANNA, until: 15 });
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 15 });
        assert!(!listed(SERVED, ANNA));
        assert_eq!(engage(0).unwrap().worker, BEN);
    });
}

#[test]
fn release_should_not_jail_when_a_job_was_completed_between_misses() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 2);
        engage_worker(ANNA);
        Pool::release(&ANNA, REWARD, false, COMPLETED);
        miss(ANNA, 2);
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
        assert_eq!(reputation(ANNA).expired, 4);
    });
}

#[test]
fn release_should_jail_when_the_worker_is_draining() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 2);
        engage_worker(ANNA);
        assert_ok!(Pool::drain(signed(ANNA)));
        Pool::release(&ANNA, REWARD, false, Outcome::Expired);
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 11 });
    });
}

#[test]
fn release_should_lengthen_the_time_in_jail_when_misses_go_on() {
    ExtBuilder::default().worker_with(ANNA, BOND, ASK, 6).build_and_execute(|| {
        (0..6).for_each(|_| engage_worker(ANNA));
        let expire = || Pool::release(&ANNA, REWARD, false, Outcome::Expired);
        (0..3).for_each(|_| expire());
        System::set_block_number(4);
        expire();
        expire();
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 11 });
        expire();
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 14 });
        assert_eq!(held(ANNA), BOND - 6 * SLASH);
    });
}

#[test]
fn release_should_take_what_there_is_when_the_bond_is_smaller_than_the_slash() {
    ExtBuilder::default().worker_with(ANNA, 1_000, 1, 16).build_and_execute(|| {
        for _ in 0..16 {
            let vacancy = vigil_primitives::traits::Vacancy { budget: 1, ..vacancy(0) };
            assert!(drawn(&vacancy).is_some());
        }
        (0..16).for_each(|_| Pool::release(&ANNA, 1, false, Outcome::Expired));
        assert_eq!((worker(ANNA).bond, held(ANNA), worker(ANNA).active), (0, 0, 0));
        assert_eq!(Balances::free_balance(ANNA), FUNDS - 1_000);
    });
}

// A broken caller is loud where debug assertions are on, and harmless on a live chain.
#[test]
#[cfg_attr(debug_assertions, should_panic = "release of more than the worker is engaged in")]
fn release_should_leave_valid_books_when_there_was_no_engagement() {
    ExtBuilder::default()
        .worker(ANNA)
        .build_and_execute(|| Pool::release(&ANNA, REWARD, false, COMPLETED));
}

#[test]
#[cfg_attr(debug_assertions, should_panic = "release of an account that is no worker")]
fn release_should_change_nothing_when_the_account_is_no_worker() {
    ExtBuilder::default().build_and_execute(|| Pool::release(&ANNA, 0, false, Outcome::Released));
}

#[test]
fn release_should_keep_the_books_in_range_when_there_was_no_engagement() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let (after, books) = worker(ANNA).release(REWARD, false, COMPLETED);
        assert!(books.is_err());
        assert_eq!((after.active, after.unfinalised), (0, 0));
    });
}

#[test]
fn release_weight_should_be_small_when_no_deadline_was_missed() {
    let largest = Pool::release_weight();
    assert_eq!(Pool::release_weight_of(Outcome::Expired), largest);
    for outcome in [COMPLETED, Outcome::Released, Outcome::Declined, Outcome::Undecided] {
        assert!(largest.all_gt(Pool::release_weight_of(outcome) * 10));
    }
}
