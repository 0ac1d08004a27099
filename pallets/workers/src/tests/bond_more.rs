use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;

#[test]
fn bond_more_should_hold_the_amount_when_it_can_be_paid() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::bond_more(signed(ANNA), 5));
        assert_last_event(Event::BondIncreased { worker: ANNA, amount: 5, bond: BOND + 5 });
        assert_eq!((worker(ANNA).bond, held(ANNA)), (BOND + 5, BOND + 5));
    });
}

#[test]
fn bond_more_should_make_room_for_larger_jobs_when_the_bond_was_the_limit() {
    ExtBuilder::default().worker_with(ANNA, 1_000, 30, CAPACITY).build_and_execute(|| {
        let vacancy = vigil_primitives::traits::Vacancy { budget: 30, ..vacancy(0) };
        // 30 x 50 = 1,500.
        assert_eq!(drawn(&vacancy), None);
        assert_ok!(Pool::bond_more(signed(ANNA), 499));
        assert_eq!(drawn(&vacancy), None);
        assert_ok!(Pool::bond_more(signed(ANNA), 1));
        assert!(drawn(&vacancy).is_some());
    });
}

#[test]
fn bond_more_should_refuse_when_there_is_nothing_to_add_or_to_pay_with() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::bond_more(signed(ANNA), 0), Error::<Test>::ZeroAmount);
        assert_noop!(Pool::bond_more(signed(ANNA), FUNDS), TokenError::FundsUnavailable);
    });
}
