use super::*;
use frame_support::{dispatch::Pays, traits::UnfilteredDispatchable};
use vigil_primitives::channel::ChannelStatus;

#[test]
fn a_newer_voucher_should_count_whoever_shows_it() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, Some(voucher(id, 2))));
        let until = now() + WINDOW;
        run_to(until - 1);
        assert_ok!(dispute_close_as(STRANGER, id, voucher(id, 4)));
        let totals = totals(id, 4);
        assert_event(Event::NewerVoucher { channel: id, totals });
        // It is settled when it would have been.
        assert_eq!(status(id), ChannelStatus::Closing { until, totals });
        assert_noop!(dispute_close_as(STRANGER, id, voucher(id, 4)), Error::<Test>::NotNewer);
        assert_noop!(dispute_close_as(STRANGER, id, voucher(id, 3)), Error::<Test>::NotNewer);
        run_to(until);
        assert_eq!(paid(id).answers, 4);
        let late = dispute_close_as(STRANGER, id, voucher(id, 5));
        assert_noop!(late, Error::<Test>::NotClosing);
    });
}

#[test]
fn a_channel_that_is_open_should_not_be_closed_by_strangers() {
    build_and_execute(|| {
        let id = opened();
        assert_noop!(dispute_close_as(STRANGER, id, voucher(id, 1)), Error::<Test>::NotClosing);
        assert_noop!(dispute_close_as(STRANGER, 9, voucher(id, 1)), Error::<Test>::NotFound);
    });
}

#[test]
fn an_expired_channel_should_take_vouchers_before_the_agenda_has_seen_it() {
    build_and_execute(|| {
        let id = opened();
        System::set_block_number(now() + LIFETIME + 1);
        assert_ok!(dispute_close_as(STRANGER, id, voucher(id, 4)));
        let until = now() + WINDOW;
        let totals = totals(id, 4);
        assert_eq!(status(id), ChannelStatus::Closing { until, totals });
        assert_event(Event::Closing { channel: id, until, totals });
        run_to(until);
        assert_eq!(paid(id).answers, 4);
    });
}

/// Whoever signs vouchers itself can make as many newer ones as it likes: blocks are not to be had for
/// nothing.
#[test]
fn a_newer_voucher_should_be_paid_for() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, None));
        let (voucher, signature) = voucher(id, 1);
        let call = Call::<Test>::dispute_close { channel: id, voucher, signature };
        let origin = RuntimeOrigin::signed(REQUESTER);
        let done = UnfilteredDispatchable::dispatch_bypass_filter(call, origin);
        assert_eq!(done.map(|info| info.pays_fee), Ok(Pays::Yes));
    });
}

#[test]
fn nothing_that_a_requester_signs_should_take_anything_from_a_voucher() {
    build_and_execute(|| {
        let id = opened();
        let good = totals(id, 4);
        // More answers for nothing but the owner's fees, which may come back to it.
        let fees = FEE.per_job * Balance::from(MAX_ANSWERS);
        let bad = Totals { answers: MAX_ANSWERS, work: 0, reward: 0, owner: DEPOSIT.max(fees) };
        assert_ok!(close_as(REQUESTER, id, Some(signed(id, bad))));
        assert_ok!(dispute_close_as(WORKER, id, voucher(id, 4)));
        run_to(now() + WINDOW);
        let receipt = paid(id);
        assert_eq!(receipt.worker, good.reward);
        assert_eq!(receipt.requester, 0);
        assert_eq!(receipt.owner, DEPOSIT - receipt.worker - receipt.treasury);
    });
}
