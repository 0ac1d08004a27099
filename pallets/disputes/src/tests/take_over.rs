use super::*;

fn take_over(who: u64, id: DisputeId) -> frame_support::pallet_prelude::DispatchResult {
    Disputes::take_over(RuntimeOrigin::signed(who), id)
}

#[test]
fn a_seat_that_was_left_should_be_taken_at_the_move_at_which_it_was_left() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
        let left = open(dispute);
        System::set_block_number(left.deadline());
        assert_noop!(take_over(OTHER, dispute), Error::<Test>::SeatTaken);
        System::set_block_number(left.deadline() + 1);
        assert_noop!(take_over(CHALLENGER, dispute), Error::<Test>::AlreadyChallenged);
        assert_noop!(take_over(CLAIMANT, dispute), Error::<Test>::OwnClaim);
        assert_ok!(take_over(OTHER, dispute));
        let taken = open(dispute);
        assert_eq!((taken.challenger, &taken.stage), (OTHER, &left.stage));
        assert_eq!(taken.clocks.claimant, left.clocks.claimant);
        assert_eq!(taken.since, left.deadline() + 1);
        // The former challenger has lost what it forfeits; the costs stay with the seat.
        assert_eq!(money(CHALLENGER), (0, FUNDS - FORFEIT));
        assert_eq!(money(OTHER).0, taken.bond);
        assert_ok!(play(OTHER, dispute, Move::Anchor(Some(0))));
        assert_noop!(take_over(4, dispute), Error::<Test>::SeatTaken);
    });
}

#[test]
fn a_seat_should_be_free_no_longer_than_its_time_and_never_the_claimants() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        System::set_block_number(open(dispute).deadline() + 1);
        assert_noop!(take_over(OTHER, dispute), Error::<Test>::SeatTaken);
        System::set_block_number(2);
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
        System::set_block_number(open(dispute).deadline() + TAKEOVER + 1);
        assert_noop!(take_over(OTHER, dispute), Error::<Test>::SeatTaken);
        assert_noop!(take_over(OTHER, 99), Error::<Test>::NotFound);
    });
}
