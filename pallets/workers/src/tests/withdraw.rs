use crate::{mock::*, Error, Event, Workers};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::worker::Reputation;

#[test]
fn withdraw_should_release_what_is_left_of_the_bond_when_the_delay_is_over() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 1);
        unbonding(ANNA);
        System::set_block_number(51);
        assert_ok!(Pool::withdraw(signed(ANNA)));
        assert_last_event(Event::Withdrawn { worker: ANNA, amount: BOND - SLASH });
        assert_eq!((held(ANNA), Balances::free_balance(ANNA)), (0, FUNDS - SLASH));
        assert!(!Workers::<Test>::contains_key(ANNA));
    });
}

#[test]
fn withdraw_should_leave_no_trace_when_the_worker_registers_again() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 1);
        unbonding(ANNA);
        System::set_block_number(51);
        assert_ok!(Pool::withdraw(signed(ANNA)));
        assert_ok!(register(ANNA, BOND));
        assert_eq!(reputation(ANNA), Reputation::new(51));
        assert!(worker(ANNA).serves.is_empty());
    });
}

#[test]
fn withdraw_should_refuse_when_too_early() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        unbonding(ANNA);
        System::set_block_number(50);
        assert_noop!(Pool::withdraw(signed(ANNA)), Error::<Test>::StillUnbonding);
    });
}

#[test]
fn withdraw_should_refuse_when_the_worker_is_not_leaving() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::withdraw(signed(ANNA)), Error::<Test>::NotUnbonding);
        miss(ANNA, 3);
        System::set_block_number(1_000);
        assert_noop!(Pool::withdraw(signed(ANNA)), Error::<Test>::NotUnbonding);
    });
}
