use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::worker::WorkerStatus;

#[test]
fn unjail_should_bring_the_worker_back_when_its_time_is_over() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 3);
        System::set_block_number(11);
        assert_ok!(Pool::unjail(signed(ANNA)));
        assert_last_event(Event::Unjailed { worker: ANNA });
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
        assert!(listed(SERVED, ANNA));
        assert_eq!(reputation(ANNA).expired_in_a_row, 0);
        assert_eq!(engage(0).unwrap().worker, ANNA);
    });
}

#[test]
fn unjail_should_refuse_when_too_early() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 3);
        System::set_block_number(10);
        assert_noop!(Pool::unjail(signed(ANNA)), Error::<Test>::StillJailed);
    });
}

#[test]
fn unjail_should_wait_for_a_full_bond_when_slashes_took_too_much() {
    ExtBuilder::default().worker_with(ANNA, 1_099, ASK, CAPACITY).build_and_execute(|| {
        miss(ANNA, 1);
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 1 });
        assert_noop!(Pool::unjail(signed(ANNA)), Error::<Test>::BondTooLow);
        assert_ok!(Pool::bond_more(signed(ANNA), 1));
        assert_ok!(Pool::unjail(signed(ANNA)));
        assert!(listed(SERVED, ANNA));
    });
}

#[test]
fn unjail_should_refuse_when_the_worker_is_not_in_jail() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::unjail(signed(ANNA)), Error::<Test>::NotJailed);
        unbonding(ANNA);
        assert_noop!(Pool::unjail(signed(ANNA)), Error::<Test>::NotJailed);
    });
}
