//! A dataset goes to another owner in two steps.

use crate::{mock::*, Error, Event, HoldReason};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::traits::Waterfall;

#[test]
fn accept_should_move_the_dataset_with_its_deposit_when_it_is_offered() {
    ExtBuilder::default().dataset(ALICE, open()).dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish(ALICE, 0, open(), &[]));
        let (deposit, both) = (entry(0).deposit, held(HoldReason::Deposit, ALICE));
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_last_event(Event::DatasetOffered { dataset: 0, to: BOB });
        assert_eq!((entry(0).owner, entry(0).pending_owner), (ALICE, Some(BOB)));
        assert_ok!(Registry::accept(signed(BOB), 0));
        assert_last_event(Event::OwnerChanged { dataset: 0, from: ALICE, to: BOB });

        assert_eq!((entry(0).owner, entry(0).pending_owner), (BOB, None));
        assert_eq!(held(HoldReason::Deposit, BOB), deposit);
        assert_eq!(held(HoldReason::Deposit, ALICE), both - deposit);
        assert_eq!(Balances::free_balance(ALICE), FUNDS - (both - deposit));
        assert_eq!(Provenance::split(dataset(0), 9)[0].payee, BOB);
    });
}

#[test]
fn accept_should_give_the_new_owner_its_rights_when_done() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        transfer(0, ALICE, BOB);
        assert_ok!(publish(BOB, 0, open(), &[]));
        assert_ok!(give(BOB, dataset(0), CAROL));
        assert_noop!(publish(ALICE, 0, open(), &[]), Error::<Test>::NotOwner);
        let not_owner = pallet_provenance::Error::<Test>::NotOwner;
        assert_noop!(give(ALICE, dataset(0), DAVE), not_owner);
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
    });
}

#[test]
fn accept_should_refuse_when_the_dataset_is_offered_to_nobody_or_somebody_else() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
        assert_ok!(Registry::offer(signed(ALICE), 0, CAROL));
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
        assert_noop!(Registry::accept(signed(ALICE), 0), Error::<Test>::NotOffered);
        assert_noop!(Registry::accept(signed(BOB), 1), Error::<Test>::NotFound);
    });
}

#[test]
fn accept_should_change_nothing_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, PAUPER));
        assert_noop!(Registry::accept(signed(PAUPER), 0), TokenError::FundsUnavailable);
    });
}

#[test]
fn offer_should_replace_an_earlier_one() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::offer(signed(ALICE), 0, CAROL));
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
        assert_ok!(Registry::accept(signed(CAROL), 0));
    });
}

#[test]
fn offer_should_refuse_when_the_caller_may_not_or_offers_it_to_itself() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_noop!(Registry::offer(signed(ALICE), 1, BOB), Error::<Test>::NotFound);
        assert_noop!(Registry::offer(signed(BOB), 0, CAROL), Error::<Test>::NotOwner);
        assert_noop!(Registry::offer(signed(ALICE), 0, ALICE), Error::<Test>::AlreadyOwner);
    });
}

#[test]
fn withdraw_offer_should_take_the_offer_back_when_there_is_one() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_noop!(Registry::withdraw_offer(signed(ALICE), 0), Error::<Test>::NoOffer);
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_noop!(Registry::withdraw_offer(signed(BOB), 0), Error::<Test>::NotOwner);
        assert_noop!(Registry::withdraw_offer(signed(ALICE), 1), Error::<Test>::NotFound);
        assert_ok!(Registry::withdraw_offer(signed(ALICE), 0));
        assert_last_event(Event::OfferWithdrawn { dataset: 0 });
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
    });
}
