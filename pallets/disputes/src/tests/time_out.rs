use super::*;

fn time_out(id: DisputeId) -> frame_support::pallet_prelude::DispatchResult {
    Disputes::time_out(RuntimeOrigin::signed(OTHER), id)
}

/// Goes on to a block without the hooks.
fn jump_to(block: u64) {
    System::set_block_number(block);
}

#[test]
fn a_silent_claimant_should_be_convicted_at_the_block_behind_its_deadline() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let deadline = open(dispute).deadline();
        jump_to(deadline);
        assert_noop!(time_out(dispute), Error::<Test>::NotDue);
        let turn = honest_move(dispute, number);
        jump_to(deadline + 1);
        assert_noop!(play(CLAIMANT, dispute, turn), Error::<Test>::TooLate);
        assert_ok!(time_out(dispute));
        assert_eq!(verdict(dispute), Some(Verdict::Convicted(Fault::Silence)));
        assert!(Pages::get()[&id].convicted.is_some());
        assert_eq!(money(CHALLENGER), (0, FUNDS));
        assert_noop!(time_out(dispute), Error::<Test>::NotFound);
    });
}

#[test]
fn a_move_at_the_deadline_should_be_in_time() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        jump_to(open(dispute).deadline());
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
        assert_eq!(open(dispute).clocks.claimant, 0);
        // Its clock is empty: it can move in the very block of its next turn only.
        assert_ok!(play(CHALLENGER, dispute, Move::Anchor(None)));
        assert_eq!(open(dispute).deadline(), System::block_number());
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
    });
}

#[test]
fn a_challenger_that_leaves_should_forfeit_when_nobody_takes_its_seat() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 0));
        let turn = honest_move(dispute, number);
        assert_ok!(play(CLAIMANT, dispute, turn));
        let (deadline, costs) = (open(dispute).deadline(), open(dispute).costs);
        jump_to(deadline + 1);
        assert_noop!(play(CHALLENGER, dispute, Move::Anchor(None)), Error::<Test>::TooLate);
        jump_to(deadline + TAKEOVER);
        assert_noop!(time_out(dispute), Error::<Test>::NotDue);
        jump_to(deadline + TAKEOVER + 1);
        assert_ok!(time_out(dispute));
        assert_eq!(verdict(dispute), Some(Verdict::Abandoned));
        assert_eq!(money(CHALLENGER), (0, FUNDS - FORFEIT - costs));
        assert_eq!(Pages::get()[&id].upheld, 1);
    });
}

#[test]
fn the_agenda_should_end_what_nobody_ends() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let ids: Vec<_> = [CHALLENGER, OTHER, 4]
            .into_iter()
            .map(|who| {
                let id = claim(case, &case.output);
                challenge(who, &id, ground(case, &case.output, 0))
            })
            .collect();
        let deadline = open(ids[0]).deadline();
        run_to(deadline);
        assert!(ids.iter().all(|id| verdict(*id).is_none()));
        // With weight for one at a time the others wait for the next blocks.
        let one = Disputes::time_out_weight()
            + <<Test as Config>::WeightInfo as WeightInfo>::turn_page().saturating_mul(2);
        ServiceWeight::set(one);
        let ended = || ids.iter().filter(|id| verdict(**id).is_some()).count();
        for count in 1..=3 {
            run_to(deadline + count);
            assert_eq!(ended(), count as usize);
        }
    });
}
