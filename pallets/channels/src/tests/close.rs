use super::*;
use sp_core::Pair as _;
use vigil_primitives::channel::ChannelStatus;

#[test]
fn a_worker_should_close_at_once() {
    build_and_execute(|| {
        let id = opened();
        let voucher = voucher(id, 5);
        assert_ok!(close_as(WORKER, id, Some(voucher)));
        let receipt = paid(id);
        assert_eq!(receipt.worker, voucher.0.totals.reward);
        assert_eq!((receipt.answers, receipt.owner), (5, voucher.0.totals.owner));
        assert_eq!(OpenOf::<Test>::get(WORKER), 0);
    });
}

#[test]
fn a_requester_should_close_in_a_while() {
    build_and_execute(|| {
        let id = opened();
        let (voucher, signature) = voucher(id, 5);
        assert_ok!(close_as(REQUESTER, id, Some((voucher, signature))));
        let (until, totals) = (now() + WINDOW, voucher.totals);
        assert_eq!(status(id), ChannelStatus::Closing { until, totals });
        assert_event(Event::Closing { channel: id, until, totals });
        assert_noop!(close_as(REQUESTER, id, None), Error::<Test>::NotOpen);
        run_to(until - 1);
        assert_eq!(status(id), ChannelStatus::Closing { until, totals });
        run_to(until);
        assert_eq!(paid(id).answers, 5);
    });
}

#[test]
fn a_worker_should_settle_at_once_what_its_requester_has_begun_to_close() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, Some(voucher(id, 2))));
        // An older voucher takes nothing from the one that was shown.
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 1))));
        assert_eq!(paid(id).answers, 2);
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, Some(voucher(id, 2))));
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 3))));
        assert_eq!(paid(id).answers, 3);
    });
}

#[test]
fn a_close_without_vouchers_should_give_everything_back() {
    build_and_execute(|| {
        let before = balance(REQUESTER);
        let id = opened();
        assert_ok!(close_as(WORKER, id, None));
        assert_eq!(paid(id).requester, DEPOSIT);
        assert_eq!(balance(REQUESTER), before);
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, None));
        run_to(now() + WINDOW);
        assert_eq!(paid(id).requester, DEPOSIT);
        assert_eq!(balance(REQUESTER), before - RENT * Balance::from(WINDOW));
        assert!(Recorded::get().is_empty());
    });
}

#[test]
fn close_should_refuse_vouchers_that_are_not_good() {
    build_and_execute(|| {
        let (id, other) = (opened(), opened());
        let close = |voucher| close_as(WORKER, id, Some(voucher));
        let refused = |voucher, error: Error<Test>| {
            assert_noop!(close(voucher), error);
        };
        refused(voucher(other, 1), Error::OtherChannel);
        let (good, signature) = voucher(id, 2);
        let totals = Totals { reward: good.totals.reward + 1, ..good.totals };
        refused((Voucher { totals, ..good }, signature), Error::BadSignature);
        let by_worker = WORKER_SIGNER.sign(&good.bytes(&Channels::genesis()));
        refused((good, by_worker), Error::BadSignature);
        let elsewhere = SIGNER.sign(&good.bytes(&Hash::zero()));
        refused((good, elsewhere), Error::BadSignature);
        let receipt = receipt(id, 2);
        let receipt = SIGNER.sign(&receipt.bytes(&Channels::genesis()));
        refused((good, receipt), Error::BadSignature);
        refused(voucher(id, MAX_ANSWERS + 1), Error::TooManyAnswers);
        let unpaid = Totals { work: good.totals.work * 2, ..good.totals };
        refused(signed(id, unpaid), Error::WrongTotals);
        let unpaid = Totals { owner: 0, ..good.totals };
        refused(signed(id, unpaid), Error::WrongTotals);
        let dear = Totals { reward: DEPOSIT, ..good.totals };
        refused(signed(id, dear), Error::DepositExceeded);
        assert_ok!(close((good, signature)));
    });
}

#[test]
fn close_should_refuse_strangers_and_what_is_settled() {
    build_and_execute(|| {
        let id = opened();
        assert_noop!(close_as(WORKER, id + 1, None), Error::<Test>::NotFound);
        assert_noop!(close_as(STRANGER, id, None), Error::<Test>::NotOwner);
        assert_noop!(close_as(OTHER, id, None), Error::<Test>::NotOwner);
        assert_ok!(close_as(WORKER, id, None));
        let last = voucher(id, 1);
        assert_noop!(close_as(WORKER, id, Some(last)), Error::<Test>::AlreadySettled);
        assert_noop!(close_as(REQUESTER, id, None), Error::<Test>::AlreadySettled);
    });
}

#[test]
fn a_thousand_answers_should_settle_in_one_extrinsic() {
    build_and_execute(|| {
        let id = opened_with(|spec| spec.max_answers = 1_000);
        let (voucher, signature) = voucher(id, 1_000);
        let call = Call::<Test>::close { channel: id, voucher: Some((voucher, signature)) };
        let info = frame_support::dispatch::GetDispatchInfo::get_dispatch_info(&call);
        let closed = Channels::close(RuntimeOrigin::signed(WORKER), id, Some((voucher, signature)));
        assert_eq!(paid(id).answers, 1_000);
        assert_eq!(Recorded::get()[&(WORKER, VERSION)].0, 1_000);
        // By the hand-set weights, which are far too high, it takes some milliseconds.
        let weight = closed.unwrap().actual_weight.unwrap();
        assert!(weight.all_lte(info.call_weight));
        assert!(weight.ref_time() < 10_000_000_000, "{weight:?}");
        let len = codec::Encode::encoded_size(&call);
        assert!(len < 200, "{len}");
        println!("1,000 answers: {weight:?} of at most {:?}, {len} bytes", info.call_weight);
    });
}
