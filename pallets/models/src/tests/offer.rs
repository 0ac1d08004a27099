use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};

#[test]
fn offer_should_leave_the_owner_in_place_when_not_accepted() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_last_event(Event::ModelOffered { model: 0, to: BOB });
        assert_eq!(model(0).owner, ALICE);
        assert_eq!(model(0).pending_owner, Some(BOB));
    });
}

#[test]
fn offer_should_replace_an_earlier_one_when_made_again() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::offer(signed(ALICE), 0, PAUPER));
        assert_eq!(model(0).pending_owner, Some(PAUPER));
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
    });
}

#[test]
fn offer_should_refuse_when_made_to_the_owner() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(Registry::offer(signed(ALICE), 0, ALICE), Error::<Test>::AlreadyOwner);
    });
}

#[test]
fn offer_should_refuse_when_there_is_no_model_or_somebody_else_calls() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(Registry::offer(signed(ALICE), 7, BOB), Error::<Test>::NotFound);
        assert_noop!(Registry::offer(signed(BOB), 0, BOB), Error::<Test>::NotOwner);
    });
}
