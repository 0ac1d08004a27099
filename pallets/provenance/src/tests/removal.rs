//! Grants are removed: by their holders at any time, by anybody once they are over.

use crate::{mock::*, Error, Event, GrantHolders, HoldReason, PaidGrants};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::traits::Grants;

#[test]
fn remove_grant_should_let_the_holder_give_it_up() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        let asset = dataset(0);
        assert_ok!(buy(BOB, asset));
        assert_ok!(remove_grant(BOB, asset, BOB));
        assert_last_event(Event::GrantRemoved { asset, holder: BOB, grant: 0 });
        assert_eq!(Balances::free_balance(BOB), FUNDS - 1_000);
        assert_eq!(PaidGrants::<Test>::get(asset), 0);
        assert!(!GrantHolders::<Test>::contains_key(asset, BOB));
        assert_noop!(remove_grant(BOB, asset, BOB), Error::<Test>::NoGrant);
    });
}

#[test]
fn remove_grant_should_let_others_only_from_the_block_of_expiry_on() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        System::set_block_number(100);
        assert_noop!(remove_grant(CAROL, dataset(0), BOB), Error::<Test>::NotOver);
        assert_noop!(remove_grant(ALICE, dataset(0), BOB), Error::<Test>::NotOver);
        System::set_block_number(101);
        assert_ok!(remove_grant(CAROL, dataset(0), BOB));
        // Whoever removes it, the deposit goes to whom it is from.
        assert_eq!(Balances::free_balance(BOB), FUNDS - 1_000);
        assert_eq!(Balances::free_balance(CAROL), FUNDS);
    });
}

#[test]
fn remove_grant_should_let_others_when_it_is_exhausted_and_no_job_runs_under_it() {
    ExtBuilder::default().model(ALICE, paid(1_000, 100, Some(1))).build_and_execute(|| {
        assert_ok!(buy(BOB, model(0)));
        let id = Provenance::reserve(model(0), &BOB, 1, 0).unwrap();
        assert_noop!(remove_grant(CAROL, model(0), BOB), Error::<Test>::NotOver);
        Provenance::end_use(model(0), &BOB, id, 1, 0);
        assert_noop!(remove_grant(CAROL, model(0), BOB), Error::<Test>::NotOver);
        let id = Provenance::reserve(model(0), &BOB, 1, 0).unwrap();
        Provenance::end_use(model(0), &BOB, id, 1, 1);
        assert_ok!(remove_grant(CAROL, model(0), BOB));
        assert_eq!(held(HoldReason::Grant, BOB), 0);
    });
}

#[test]
fn remove_grant_should_return_a_given_grants_deposit_to_the_giver() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        let before = Balances::free_balance(ALICE);
        assert_ok!(give(ALICE, dataset(0), BOB));
        transfer(0, ALICE, CAROL);
        let deposit = held(HoldReason::Grant, ALICE);
        let free = Balances::free_balance(ALICE);
        assert_noop!(remove_grant(CAROL, dataset(0), BOB), Error::<Test>::NotOver);
        assert_ok!(remove_grant(BOB, dataset(0), BOB));
        assert_eq!(Balances::free_balance(ALICE), free + deposit);
        assert_eq!(Balances::free_balance(ALICE), FUNDS);
        assert_eq!(Balances::free_balance(BOB), FUNDS);
        assert!(before < FUNDS);
    });
}
