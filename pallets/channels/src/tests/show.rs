use super::*;
use sp_core::Pair as _;
use vigil_primitives::channel::{Usage, MAX_SHOWN};

#[test]
fn show_should_put_a_receipt_on_chain_with_a_deposit() {
    build_and_execute(|| {
        let id = opened();
        let receipt = receipt(id, 2);
        assert_ok!(show_as(STRANGER, receipt));
        let claim = claim_of(&receipt);
        assert_event(Event::Shown { claim, number: 2, by: STRANGER });
        assert_eq!(held(HoldReason::Receipt, STRANGER), SHOW_DEPOSIT);
        let shown = Channels::receipts(id);
        assert_eq!(shown.len(), 1);
        assert_eq!((shown[0].receipt, shown[0].by), (receipt, STRANGER));
        assert_eq!(shown[0].cost, totals(id, 1));
        assert_noop!(show_as(REQUESTER, receipt), Error::<Test>::AlreadyShown);
    });
}

#[test]
fn show_should_refuse_receipts_that_say_nothing() {
    build_and_execute(|| {
        let id = opened();
        let good = receipt(id, 2);
        let refused = |receipt, error: Error<Test>| {
            assert_noop!(show_as(STRANGER, receipt), error);
        };
        refused(AnswerReceipt { channel: id + 1, ..good }, Error::NotFound);
        refused(AnswerReceipt { max_tokens_out: 0, ..good }, Error::RunInvalid);
        refused(AnswerReceipt { max_tokens_out: 3, ..good }, Error::TokensInvalid);
        let usage = Usage { cached: 17, ..good.usage };
        refused(AnswerReceipt { usage, ..good }, Error::CachedInvalid);
        refused(AnswerReceipt { number: 3, ..good }, Error::NumberInvalid);
        let beyond = MAX_ANSWERS + 1;
        let totals = Totals { answers: beyond, ..good.totals };
        refused(AnswerReceipt { number: beyond, totals, ..good }, Error::TooManyAnswers);
        let signature = SIGNER.sign(&good.bytes(&Channels::genesis()));
        let origin = RuntimeOrigin::signed(STRANGER);
        let forged = Channels::show(origin, good, signature);
        assert_noop!(forged, Error::<Test>::BadSignature);
    });
}

#[test]
fn nobody_should_take_the_requesters_places() {
    build_and_execute(|| {
        let id = opened();
        for number in 1..=MAX_SHOWN {
            assert_ok!(show_as(WORKER, receipt(id, number)));
        }
        let next = receipt(id, MAX_SHOWN + 1);
        assert_noop!(show_as(STRANGER, next), Error::<Test>::TooManyShown);
        for number in 1..=MAX_SHOWN {
            assert_ok!(show_as(REQUESTER, receipt(id, MAX_SHOWN + number)));
        }
        let next = receipt(id, 2 * MAX_SHOWN + 1);
        assert_noop!(show_as(REQUESTER, next), Error::<Test>::TooManyShown);
    });
}

#[test]
fn receipts_should_go_with_their_channel_and_their_deposits_come_back() {
    build_and_execute(|| {
        let id = settled(3);
        assert_ok!(show_as(STRANGER, receipt(id, 1)));
        assert_ok!(show_as(REQUESTER, receipt(id, 2)));
        run_to(now() + RECEIPT_WINDOW);
        assert!(Channels::channel(id).is_none());
        assert_eq!(Shown::<Test>::iter().count(), 0);
        assert_eq!(held(HoldReason::Receipt, STRANGER), 0);
        assert_eq!(held(HoldReason::Receipt, REQUESTER), 0);
        let other = opened();
        let late = AnswerReceipt { channel: id, ..receipt(other, 1) };
        assert_noop!(show_as(STRANGER, late), Error::<Test>::NotFound);
    });
}
