use crate::{mock::*, Error, Event, ModelsOf};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::traits::ModelRegistry;

#[test]
fn accept_should_move_the_model_with_its_deposit_when_it_is_offered() {
    ExtBuilder::default().model(ALICE).model(ALICE).versions(2).build_and_execute(|| {
        let (deposit, both) = (model(0).deposit, held(ALICE));
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::accept(signed(BOB), 0));
        assert_last_event(Event::OwnerChanged { model: 0, from: ALICE, to: BOB });

        assert_eq!(model(0).owner, BOB);
        assert_eq!(model(0).pending_owner, None);
        assert_eq!(held(BOB), deposit);
        assert_eq!(held(ALICE), both - deposit);
        assert_eq!(Balances::free_balance(ALICE), FUNDS - (both - deposit));
        assert!(!ModelsOf::<Test>::contains_key(ALICE, 0));
        assert!(ModelsOf::<Test>::contains_key(BOB, 0));
        assert_eq!(Registry::owner(0), Some(BOB));
    });
}

#[test]
fn accept_should_give_the_new_owner_its_rights_when_done() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::accept(signed(BOB), 0));
        assert_ok!(publish(BOB, 0, spec()));
        assert_noop!(publish(ALICE, 0, spec()), Error::<Test>::NotOwner);
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
    });
}

#[test]
fn accept_should_refuse_when_the_model_is_offered_to_nobody_or_somebody_else() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
        assert_ok!(Registry::offer(signed(ALICE), 0, PAUPER));
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
        assert_noop!(Registry::accept(signed(ALICE), 0), Error::<Test>::NotOffered);
        assert_noop!(Registry::accept(signed(BOB), 1), Error::<Test>::NotFound);
    });
}

#[test]
fn accept_should_change_nothing_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, PAUPER));
        assert_noop!(Registry::accept(signed(PAUPER), 0), TokenError::FundsUnavailable);
        assert_eq!(model(0).owner, ALICE);
    });
}
