use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{
    model::Url,
    worker::{Reputation, WorkerStatus, MAX_CAPACITY},
};

#[test]
fn register_should_hold_the_bond_and_start_without_a_record_when_all_is_well() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(ANNA, BOND));
        assert_last_event(Event::Registered { worker: ANNA, bond: BOND });

        let worker = worker(ANNA);
        assert_eq!((worker.bond, held(ANNA)), (BOND, BOND));
        assert_eq!(Balances::free_balance(ANNA), FUNDS - BOND);
        assert_eq!(worker.status, WorkerStatus::Active);
        assert_eq!(worker.reputation, Reputation::new(1));
        assert_eq!((worker.active, worker.unfinalised), (0, 0));
        assert!(worker.serves.is_empty());
    });
}

#[test]
fn register_should_refuse_when_the_caller_is_a_worker_already() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(register(ANNA, BOND), Error::<Test>::AlreadyExists);
        unbonding(ANNA);
        assert_noop!(register(ANNA, BOND), Error::<Test>::AlreadyExists);
    });
}

#[test]
fn register_should_refuse_when_the_bond_is_too_small() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register(ANNA, MinBond::get() - 1), Error::<Test>::BondTooLow);
        assert_noop!(register(ANNA, 0), Error::<Test>::BondTooLow);
        assert_ok!(register(ANNA, MinBond::get()));
    });
}

#[test]
fn register_should_refuse_when_the_bond_cannot_be_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register(PAUPER, BOND), TokenError::FundsUnavailable);
        assert_noop!(register(ANNA, u128::MAX), TokenError::FundsUnavailable);
    });
}

#[test]
fn register_should_refuse_when_the_endpoint_is_no_http_url() {
    ExtBuilder::default().build_and_execute(|| {
        for bad in
            ["", "worker.example", "ftp://worker.example", "https://", "http://a b", "http://ä"]
        {
            assert_noop!(
                register_with(ANNA, bad, ASK, CAPACITY, BOND),
                Error::<Test>::InvalidEndpoint
            );
        }
        let not_text = Url::truncate_from(b"http://\xff".to_vec());
        assert_noop!(
            Pool::register(signed(ANNA), not_text, [0; 32], CAPABILITY, ASK, CAPACITY, BOND),
            Error::<Test>::InvalidEndpoint
        );
        assert_ok!(register_with(ANNA, "http://[::1]:8080", ASK, CAPACITY, BOND));
        assert_ok!(register_with(BEN, "https://ben.example/vigil", ASK, CAPACITY, BOND));
    });
}

#[test]
fn register_should_refuse_when_the_ask_is_out_of_range() {
    ExtBuilder::default().build_and_execute(|| {
        for ask in [0, MaxAsk::get() + 1, u128::MAX] {
            assert_noop!(
                register_with(ANNA, "http://a", ask, CAPACITY, BOND),
                Error::<Test>::AskOutOfRange
            );
        }
    });
}

#[test]
fn register_should_refuse_when_the_capacity_is_out_of_range() {
    ExtBuilder::default().build_and_execute(|| {
        for capacity in [0, MAX_CAPACITY + 1, u16::MAX] {
            assert_noop!(
                register_with(ANNA, "http://a", ASK, capacity, BOND),
                Error::<Test>::CapacityOutOfRange
            );
        }
        assert_ok!(register_with(ANNA, "http://a", ASK, MAX_CAPACITY, BOND));
    });
}

#[test]
fn every_call_should_refuse_when_the_caller_is_no_worker() {
    ExtBuilder::default().build_and_execute(|| {
        let mut calls = calls_of_a_staying_worker(ANNA);
        calls.push(("withdraw", Pool::withdraw(signed(ANNA))));
        calls.push(("unjail", Pool::unjail(signed(ANNA))));
        assert_all_refused(calls, || Error::NotFound);
    });
}

#[test]
fn every_call_but_withdraw_should_refuse_when_the_worker_is_leaving() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        unbonding(ANNA);
        assert_all_refused(calls_of_a_staying_worker(ANNA), || Error::Unbonding);
    });
}
