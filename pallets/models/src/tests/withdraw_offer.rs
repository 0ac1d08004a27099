use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};

#[test]
fn withdraw_offer_should_make_accepting_impossible_when_called_in_time() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::withdraw_offer(signed(ALICE), 0));
        assert_last_event(Event::OfferWithdrawn { model: 0 });
        assert_noop!(Registry::accept(signed(BOB), 0), Error::<Test>::NotOffered);
    });
}

#[test]
fn withdraw_offer_should_refuse_when_there_is_nothing_to_take_back() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(Registry::withdraw_offer(signed(ALICE), 0), Error::<Test>::NoOffer);
        assert_noop!(Registry::withdraw_offer(signed(ALICE), 1), Error::<Test>::NotFound);
    });
}

#[test]
fn withdraw_offer_should_refuse_when_somebody_else_calls() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_noop!(Registry::withdraw_offer(signed(BOB), 0), Error::<Test>::NotOwner);
    });
}
