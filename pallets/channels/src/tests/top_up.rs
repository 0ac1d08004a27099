use super::*;

fn top_up(who: u64, id: ChannelId, amount: Balance) -> sp_runtime::DispatchResult {
    Channels::top_up(RuntimeOrigin::signed(who), id, amount)
}

#[test]
fn top_up_should_hold_and_cover_more() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(top_up(REQUESTER, id, 5));
        assert_event(Event::ToppedUp { channel: id, amount: 5, deposit: DEPOSIT + 5 });
        assert_eq!(held(HoldReason::Deposit, REQUESTER), DEPOSIT + 5);
        assert_eq!(worker(WORKER).covered, DEPOSIT + 5);
    });
}

#[test]
fn top_up_should_let_a_voucher_owe_more() {
    build_and_execute(|| {
        let id = opened_with(|spec| spec.deposit = MIN_DEPOSIT);
        let dear = voucher(id, 60);
        assert!(dear.0.totals.price(&prices(id)) > MIN_DEPOSIT);
        assert_noop!(close_as(WORKER, id, Some(dear)), Error::<Test>::DepositExceeded);
        assert_ok!(top_up(REQUESTER, id, DEPOSIT));
        assert_ok!(close_as(WORKER, id, Some(dear)));
    });
}

#[test]
fn top_up_should_refuse_others_nothing_and_what_is_not_covered() {
    build_and_execute(|| {
        let id = opened();
        assert_noop!(top_up(REQUESTER, id + 1, 1), Error::<Test>::NotFound);
        assert_noop!(top_up(WORKER, id, 1), Error::<Test>::NotOwner);
        assert_noop!(top_up(REQUESTER, id, 0), Error::<Test>::ZeroAmount);
        let eager = ChannelTerms { max_deposit: Balance::MAX, ..terms() };
        assert_ok!(Channels::set_terms(RuntimeOrigin::signed(WORKER), eager));
        assert_noop!(top_up(REQUESTER, id, BOND / 50), Error::<Test>::BondTooLow);
    });
}

#[test]
fn top_up_should_refuse_a_channel_that_ends() {
    build_and_execute(|| {
        let id = opened();
        // The agenda has had no weight to close it.
        System::set_block_number(now() + LIFETIME + 1);
        assert_noop!(top_up(REQUESTER, id, 1), Error::<Test>::NotOpen);
        run_to(now() + 1);
        assert_noop!(top_up(REQUESTER, id, 1), Error::<Test>::NotOpen);
        let id = settled(1);
        assert_noop!(top_up(REQUESTER, id, 1), Error::<Test>::NotOpen);
    });
}

#[test]
fn top_up_should_refuse_what_an_opening_would_be_refused_for() {
    build_and_execute(|| {
        let id = opened();
        let more = || Channels::top_up(RuntimeOrigin::signed(REQUESTER), id, 1);
        let set = |terms| {
            assert_ok!(Channels::set_terms(RuntimeOrigin::signed(WORKER), terms));
        };
        set(ChannelTerms { max_deposit: DEPOSIT, ..terms() });
        assert_noop!(more(), Error::<Test>::DepositTooHigh);
        set(ChannelTerms { max_open: 0, ..terms() });
        assert_noop!(more(), Error::<Test>::NotOffered);
        set(terms());
        assert_ok!(more());
        assert_ok!(Models::revoke(RuntimeOrigin::signed(OWNER), VERSION.model, VERSION.version));
        assert_noop!(more(), Error::<Test>::VersionRevoked);
    });
}
