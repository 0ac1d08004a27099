use super::*;

fn set(who: u64, terms: ChannelTerms) -> sp_runtime::DispatchResult {
    Channels::set_terms(RuntimeOrigin::signed(who), terms)
}

#[test]
fn set_terms_should_replace_what_was_offered() {
    build_and_execute(|| {
        let terms = ChannelTerms { max_open: 1, min_deposit: 9_000, ..terms() };
        assert_ok!(set(WORKER, terms));
        assert_event(Event::TermsSet { worker: WORKER, terms });
        assert_eq!(Channels::terms(WORKER), Some((terms, 0)));
    });
}

#[test]
fn set_terms_should_withdraw_with_none_and_leave_open_channels_as_they_are() {
    build_and_execute(|| {
        let id = opened();
        let none = ChannelTerms { max_open: 0, ..terms() };
        assert_ok!(set(WORKER, none));
        assert_event(Event::TermsWithdrawn { worker: WORKER });
        assert_noop!(open_with(|_| {}), Error::<Test>::NotOffered);
        assert_noop!(set(WORKER, none), Error::<Test>::NotOffered);
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 3))));
        assert_eq!(paid(id).answers, 3);
    });
}

#[test]
fn set_terms_should_refuse_who_is_no_active_worker_and_too_many() {
    build_and_execute(|| {
        assert_noop!(set(STRANGER, terms()), Error::<Test>::WorkerUnavailable);
        let most = ChannelTerms { max_open: MAX_OPEN, ..terms() };
        assert_ok!(set(WORKER, most));
        let more = ChannelTerms { max_open: MAX_OPEN + 1, ..terms() };
        assert_noop!(set(WORKER, more), Error::<Test>::MaxOpenTooHigh);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        assert_noop!(set(WORKER, terms()), Error::<Test>::WorkerUnavailable);
        // To take none is always possible.
        assert_ok!(set(WORKER, ChannelTerms { max_open: 0, ..terms() }));
    });
}
