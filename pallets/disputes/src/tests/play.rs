use super::*;
use frame_support::BoundedVec;
use vigil_game::samples::spoiled;
use vigil_ops::samples::Stream;
use vigil_primitives::{dispute::Descent, ContentHash};

#[test]
fn a_move_should_run_the_clock_of_its_side_and_hand_the_turn_over() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let before = open(dispute).clocks;
        run_to(8);
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
        let after = open(dispute);
        assert_eq!(after.clocks.claimant, before.claimant - 7);
        assert_eq!(after.clocks.challenger, before.challenger);
        assert_eq!((after.since, after.moves), (8, 1));
        assert_eq!(after.stage.turn(), Side::Challenger);
        System::assert_last_event(
            Event::Moved {
                dispute,
                side: Side::Claimant,
                by: CLAIMANT,
                deadline: 8 + before.challenger,
            }
            .into(),
        );
        assert_ok!(play(CHALLENGER, dispute, Move::Anchor(Some(1))));
        assert_eq!(open(dispute).clocks.challenger, before.challenger);
    });
}

#[test]
fn only_the_side_whose_turn_it_is_should_move() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let roots = honest_move(dispute, number);
        for who in [CHALLENGER, OTHER] {
            assert_noop!(play(who, dispute, roots.clone()), Error::<Test>::NotYourTurn);
        }
        assert_noop!(play(CLAIMANT, 77, roots.clone()), Error::<Test>::NotFound);
        assert_noop!(play(CLAIMANT, dispute, Move::Node(0)), Error::<Test>::NotNow);
        assert_ok!(play(CLAIMANT, dispute, roots.clone()));
        for who in [CLAIMANT, OTHER] {
            assert_noop!(play(who, dispute, Move::Anchor(None)), Error::<Test>::NotYourTurn);
        }
        assert_noop!(play(CHALLENGER, dispute, Move::Anchor(Some(999))), Error::<Test>::OutOfRange);
    });
}

#[test]
fn anybody_should_show_what_was_committed_to() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        for named in [true, false] {
            advance(dispute, number, |stage| match stage {
                Stage::Rows { descent: Descent::Named(_), .. } => named,
                Stage::Bytes { .. } => !named,
                _ => false,
            });
            let turn = honest_move(dispute, number);
            assert_ok!(play(OTHER, dispute, turn));
            assert_eq!(stage(dispute).turn(), Side::Challenger);
        }
    });
}

#[test]
fn moves_that_do_not_fit_should_be_refused_with_what_is_wrong() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let few = Move::Roots(BoundedVec::truncate_from(vec![ContentHash::zero()]));
        assert_noop!(play(CLAIMANT, dispute, few), Error::<Test>::WrongCount);
        let mut stream = Stream::new(3);
        let mut stages = 0;
        while DisputesOf::contains_key(dispute) {
            let at = stage(dispute);
            let kind = std::mem::discriminant(&at);
            if at.turn() == Side::Claimant {
                if let Some(turn) = spoiled(&honest_move(dispute, number), &mut stream) {
                    assert_noop!(play(CLAIMANT, dispute, turn), Error::<Test>::WrongHash);
                    stages += 1;
                }
            }
            let ends = matches!(at, Stage::Element { .. });
            let moves = open(dispute).moves;
            if ends {
                break;
            }
            advance(dispute, number, |_| open(dispute).moves > moves);
            let _ = kind;
        }
        assert!(stages >= 2, "{stages}");
    });
}

#[test]
fn the_loser_should_pay_for_all_moves() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 1));
        advance(dispute, number, |stage| matches!(stage, Stage::Element { .. }));
        let before = open(dispute);
        let treasury = money(TREASURY).1;
        let claimant = money(CLAIMANT).1;
        // The last move decides.
        let rules = Rules::new(&before.claim, before.token).unwrap();
        let mut liar = LyingChallenger::new(run(number, 1), case.output.clone(), 5);
        let turn = liar.play(&rules, &before.stage).unwrap();
        assert_ok!(play(CHALLENGER, dispute, turn));
        assert_eq!(verdict(dispute), Some(Verdict::Vindicated));
        let ended = EndedDisputes::<Test>::get(dispute).unwrap();
        assert!(ended.costs > before.costs && ended.costs + FORFEIT <= before.bond);
        assert_eq!(ended.moves, before.moves + 1);
        assert!(ended.reached.element.is_some() && ended.reached.step.is_some());
        assert_eq!(money(CHALLENGER), (0, FUNDS - ended.costs - FORFEIT));
        assert_eq!(money(TREASURY).1, treasury + ended.costs);
        assert_eq!(money(CLAIMANT).1, claimant + FORFEIT / 2);
        assert_eq!(Pages::get()[&id].upheld, 1);
        // It can be challenged again: no lost game makes it final.
        challenge(CHALLENGER, &id, ground(case, &case.output, 1));
    });
}
