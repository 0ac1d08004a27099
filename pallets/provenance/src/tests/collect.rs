//! What is kept for payees, and how they come to it.

use crate::{mock::*, Error, Event, HoldReason, Unpaid};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{traits::UnpaidBook, Balance};

/// Has `amount` kept for `payee`, as jobs do.
fn keep(payee: AccountId, amount: Balance) {
    fund(Provenance::keeper(), amount);
    assert_ok!(Provenance::keep(&payee, amount));
}

#[test]
fn keep_should_hold_what_is_unpaid_whatever_it_comes_from() {
    ExtBuilder::default().model(GHOST, open()).build_and_execute(|| {
        keep(GHOST, 30);
        assert_last_event(Event::Kept { payee: GHOST, amount: 30 });
        keep(GHOST, 12);
        keep(50, 1);
        assert_ok!(publish_model(ALICE, 1, paid(100, 10, None), &[(model(0), 500_000)]));
        assert_ok!(buy(BOB, model(1)));
        assert_eq!(Provenance::unpaid(&GHOST), 30 + 12 + 50);
        assert_eq!(Provenance::unpaid(&50), 1);
        assert_eq!(Provenance::unpaid(&ALICE), 0);
        assert_eq!(held(HoldReason::Unpaid, KEEPER), 93);
        assert_eq!(Balances::free_balance(KEEPER), ED);
    });
}

#[test]
fn keep_should_refuse_when_the_keeper_was_not_credited() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Provenance::keep(&GHOST, 1), TokenError::FundsUnavailable);
    });
}

#[test]
fn collect_should_pay_everything_kept_whoever_calls() {
    ExtBuilder::default().build_and_execute(|| {
        keep(ALICE, 5);
        keep(ALICE, 6);
        keep(BOB, 100);
        assert_ok!(Provenance::collect(signed(PAUPER), ALICE));
        assert_last_event(Event::Collected { payee: ALICE, amount: 11 });
        assert_eq!(Balances::free_balance(ALICE), FUNDS + 11);
        assert_noop!(Provenance::collect(signed(ALICE), ALICE), Error::<Test>::NothingUnpaid);
        assert_ok!(Provenance::collect(signed(BOB), BOB));
        assert_eq!(Balances::free_balance(BOB), FUNDS + 100);
        assert_eq!(total(KEEPER), ED);
        assert_eq!(Unpaid::<Test>::iter().count(), 0);
    });
}

#[test]
fn collect_should_lose_nothing_while_the_account_cannot_be_credited() {
    ExtBuilder::default().build_and_execute(|| {
        keep(GHOST, ED - 1);
        assert_noop!(Provenance::collect(signed(ALICE), GHOST), TokenError::CannotCreate);
        assert_eq!(unpaid(GHOST), Some(ED - 1));
        // Enough has come together, and the account begins with it.
        keep(GHOST, 1);
        assert_ok!(Provenance::collect(signed(ALICE), GHOST));
        assert_eq!(Balances::free_balance(GHOST), ED);
    });
}

#[test]
fn collect_should_pay_small_sums_once_the_account_lives() {
    ExtBuilder::default().build_and_execute(|| {
        keep(GHOST, 1);
        assert_noop!(Provenance::collect(signed(ALICE), GHOST), TokenError::CannotCreate);
        fund(GHOST, ED);
        assert_ok!(Provenance::collect(signed(ALICE), GHOST));
        assert_eq!(Balances::free_balance(GHOST), ED + 1);
    });
}

#[test]
fn collect_should_leave_alone_what_else_the_keeper_has() {
    ExtBuilder::default().build_and_execute(|| {
        fund(KEEPER, 1_000);
        keep(ALICE, 5);
        assert_eq!(Balances::free_balance(KEEPER), ED + 1_000);
        assert_ok!(Provenance::collect(signed(ALICE), ALICE));
        assert_eq!(Balances::free_balance(KEEPER), ED + 1_000);
    });
}
