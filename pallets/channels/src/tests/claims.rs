use super::*;
use vigil_primitives::{
    channel::{ChannelStatus, Usage},
    dispute::{ClaimId, Fault, Penalty},
    model::Fee,
    traits::{Claims, Conviction, ModelRegistry},
    ContentHash,
};

type Refused = Error<Test>;

#[test]
fn a_claim_should_say_what_the_receipt_says() {
    build_and_execute(|| {
        let id = opened();
        let claim = shown(id, 2);
        let receipt = receipt(id, 2);
        let said = <Channels as Claims<u64>>::claim(&claim).unwrap();
        let spec = Models::version(VERSION).unwrap().spec;
        assert_eq!((said.version, said.architecture), (VERSION, architecture()));
        assert_eq!((said.weights, said.weights_len), (spec.weights.hash, spec.weights.len));
        assert_eq!((said.input, said.output), (receipt.input, receipt.output));
        assert_eq!((said.tokens_in, said.max_tokens_out), (16, 8));
    });
}

#[test]
fn other_claims_should_be_refused() {
    build_and_execute(|| {
        let id = opened();
        let claim = shown(id, 2);
        let claims = [
            ClaimId::Job { job: 0, worker: WORKER },
            claim.rival(OTHER),
            ClaimId::Receipt { worker: WORKER, channel: id, receipt: Hash::zero() },
        ];
        for claim in claims {
            let refused = <Channels as Claims<u64>>::claim(&claim);
            assert_eq!(refused, Err(Refused::NotClaimed.into()), "{claim:?}");
            assert_noop!(<Channels as Claims<u64>>::disputed(&claim), Refused::NotClaimed);
        }
        let claim = ClaimId::Receipt { worker: WORKER, channel: 9, receipt: Hash::zero() };
        assert_noop!(<Channels as Claims<u64>>::disputed(&claim), Refused::NotFound);
    });
}

#[test]
fn a_dispute_should_keep_the_channel_and_the_stake() {
    build_and_execute(|| {
        let id = settled(3);
        let claim = shown(id, 2);
        dispute(&claim);
        dispute(&claim);
        assert_eq!((channel(id).disputes, worker(WORKER).disputes), (2, 2));
        run_to(now() + 2 * RECEIPT_WINDOW);
        assert!(Channels::channel(id).is_some());
        <Channels as Claims<u64>>::upheld(&claim);
        run_to(now() + 1);
        assert!(Channels::channel(id).is_some());
        // It can be disputed again for as long as it is there.
        dispute(&claim);
        <Channels as Claims<u64>>::upheld(&claim);
        <Channels as Claims<u64>>::upheld(&claim);
        assert_eq!(worker(WORKER).disputes, 0);
        run_to(now() + 1);
        assert!(Channels::channel(id).is_none());
    });
}

#[test]
fn a_wrong_answer_should_not_be_paid_and_should_close_the_channel() {
    build_and_execute(|| {
        let id = opened();
        let claim = shown(id, 2);
        dispute(&claim);
        let bond = worker(WORKER).bond;
        let penalty = convict(&claim, 1);
        assert_eq!(penalty.damages, 0);
        assert!(penalty.slashed >= SLASH);
        assert_eq!(worker(WORKER).bond, bond - penalty.slashed);
        assert_eq!(held(HoldReason::Receipt, REQUESTER), 0);
        assert_event(Event::Convicted { channel: id, number: 2 });
        let until = now() + WINDOW;
        assert_eq!(status(id), ChannelStatus::Closing { until, totals: Totals::default() });
        assert_ok!(dispute_close_as(WORKER, id, voucher(id, 5)));
        run_to(until);
        let receipt = paid(id);
        assert_eq!(receipt.answers, 4);
        assert_eq!(receipt.worker, totals(id, 4).reward);
        assert_eq!(receipt.owner, totals(id, 4).owner);
        assert_eq!(<Channels as Claims<u64>>::claim(&claim), Err(Refused::NotClaimed.into()));
    });
}

#[test]
fn a_wrong_answer_that_was_not_reached_should_cost_the_others_nothing() {
    build_and_execute(|| {
        let id = opened();
        let claim = shown(id, 6);
        dispute(&claim);
        convict(&claim, 1);
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 5))));
        assert_eq!(paid(id).answers, 5);
    });
}

#[test]
fn a_wrong_answer_that_was_paid_should_come_back_out_of_the_bond() {
    build_and_execute(|| {
        let id = settled(5);
        let claim = shown(id, 2);
        dispute(&claim);
        // The protocol's fee is rounded up once for all answers.
        let price = totals(id, 5).price(&prices(id)) - totals(id, 4).price(&prices(id));
        let before = balance(REQUESTER) + SHOW_DEPOSIT;
        let penalty = convict(&claim, 1);
        assert_eq!(penalty.damages, price);
        assert_eq!(balance(REQUESTER), before + price);
        let Penalty { slashed, burned, costs, damages, bounty } = penalty;
        assert_eq!(slashed, burned + costs + damages + bounty);
        assert!(burned >= slashed / 2);
    });
}

#[test]
fn a_number_should_be_given_back_once() {
    build_and_execute(|| {
        let id = settled(5);
        let first = receipt(id, 2);
        let second = AnswerReceipt { input: ContentHash::repeat_byte(9), ..first };
        for receipt in [first, second] {
            assert_ok!(show_as(REQUESTER, receipt));
            dispute(&claim_of(&receipt));
        }
        let conviction = |receipt: &AnswerReceipt| convict(&claim_of(receipt), 1);
        assert!(conviction(&first).damages > 0);
        assert_eq!(conviction(&second).damages, 0);
        assert_eq!(channel(id).voids.len(), 2);

        let id = opened_with(|spec| spec.worker = OTHER);
        let first = receipt(id, 2);
        let second = AnswerReceipt { input: ContentHash::repeat_byte(9), ..first };
        for receipt in [first, second] {
            assert_ok!(show_as(REQUESTER, receipt));
            dispute(&claim_of(&receipt));
            convict(&claim_of(&receipt), 1);
        }
        assert_ok!(close_as(OTHER, id, Some(voucher(id, 5))));
        assert_eq!(paid(id).answers, 4);
    });
}

#[test]
fn a_conviction_should_end_all_disputes_about_the_receipt() {
    build_and_execute(|| {
        let id = settled(5);
        let (claim, other) = (shown(id, 2), shown(id, 3));
        dispute(&claim);
        dispute(&claim);
        dispute(&other);
        convict(&claim, 2);
        assert_eq!((channel(id).disputes, worker(WORKER).disputes), (1, 1));
        <Channels as Claims<u64>>::upheld(&other);
        run_to(now() + RECEIPT_WINDOW);
        assert!(Channels::channel(id).is_none());
    });
}

#[test]
fn a_worker_without_a_receipt_should_not_be_convicted_twice() {
    build_and_execute(|| {
        let id = settled(5);
        let claim = shown(id, 2);
        dispute(&claim);
        let conviction = Conviction { by: &STRANGER, fault: Fault::Silence, disputes: 1, costs: 7 };
        let penalty = <Channels as Claims<u64>>::convicted(&claim, conviction);
        assert_eq!(penalty.costs, 7);
        assert_noop!(<Channels as Claims<u64>>::disputed(&claim), Refused::NotClaimed);
        assert_noop!(
            show_as(STRANGER, AnswerReceipt { number: 0, ..receipt(id, 2) }),
            Refused::NumberInvalid
        );
    });
}

#[test]
fn a_receipt_should_be_convicted_once() {
    build_and_execute(|| {
        for settles_first in [true, false] {
            let id = opened_with(|spec| spec.worker = if settles_first { WORKER } else { OTHER });
            if settles_first {
                assert_ok!(close_as(WORKER, id, Some(voucher(id, 5))));
            }
            let claim = shown(id, 2);
            dispute(&claim);
            convict(&claim, 1);
            // Nobody lives on one wrong answer.
            for who in [REQUESTER, STRANGER] {
                assert_noop!(show_as(who, receipt(id, 2)), Refused::AlreadyConvicted);
            }
        }
    });
}

/// A worker that has itself convicted of a cheap receipt does not keep what it was paid for a dear one.
#[test]
fn of_several_receipts_of_one_number_the_dearest_should_count() {
    build_and_execute(|| {
        let dear = |id| receipt(id, 2);
        let cheap = |id| {
            let usage = Usage { tokens_in: 2, cached: 0, ..USAGE };
            AnswerReceipt { usage, ..receipt(id, 2) }
        };
        let convicted = |receipt: AnswerReceipt| {
            assert_ok!(show_as(STRANGER, receipt));
            dispute(&claim_of(&receipt));
            convict(&claim_of(&receipt), 1).damages
        };
        let id = settled(5);
        let price = totals(id, 5).price(&prices(id)) - totals(id, 4).price(&prices(id));
        let less = convicted(cheap(id));
        assert!(less > 0 && less < price);
        assert_eq!(convicted(dear(id)), price - less);

        let id = opened_with(|spec| spec.worker = OTHER);
        assert_eq!(convicted(dear(id)) + convicted(cheap(id)), 0);
        assert_ok!(close_as(OTHER, id, Some(voucher(id, 5))));
        assert_eq!(paid(id).worker, totals(id, 4).reward);
    });
}

/// Nothing comes back that was not paid, whatever receipts say.
#[test]
fn damages_should_never_exceed_what_was_paid() {
    build_and_execute(|| {
        let id = settled(2);
        let price = totals(id, 2).price(&prices(id));
        let dear = |number| {
            let usage = Usage { tokens_in: 50, cached: 0, ..USAGE };
            let receipt = AnswerReceipt { usage, ..receipt(id, number) };
            assert_ok!(show_as(REQUESTER, receipt));
            dispute(&claim_of(&receipt));
            convict(&claim_of(&receipt), 1).damages
        };
        assert_eq!([dear(1), dear(2), dear(3)].into_iter().sum::<Balance>(), price);
    });
}

/// A worker may be the owner of what it runs: then the owner's fee is its gain, and what it loses must
/// be more.
#[test]
fn a_lie_should_lose_more_than_the_owners_fee_brings() {
    build_and_execute(|| {
        let dear = Fee { per_job: MAX_DEPOSIT / 2, per_1k_tokens: 0 };
        let version = publish_with_fee(WORKER, dear);
        assert_ok!(Workers::serve(RuntimeOrigin::signed(WORKER), version));
        let id = opened_with(|spec| (spec.version, spec.deposit) = (version, MAX_DEPOSIT));
        let before = balance(WORKER) + worker(WORKER).bond;
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 1))));
        let price = totals(id, 1).price(&prices(id));
        assert!(price > dear.per_job);
        let claim = shown(id, 1);
        dispute(&claim);
        let penalty = convict(&claim, 1);
        assert_eq!(penalty.slashed, 50 * price);
        assert_eq!(penalty.damages, price);
        assert!(balance(WORKER) + worker(WORKER).bond < before);
    });
}

/// However its channels and their answers divide what a bond covers, it pays for all of it.
#[test]
fn convictions_of_every_channel_should_be_covered_together() {
    build_and_execute(|| {
        let deposit = MAX_DEPOSIT / 3;
        let dear = Fee { per_job: deposit * 9 / 20, per_1k_tokens: 0 };
        let version = publish_with_fee(OWNER, dear);
        assert_ok!(Workers::serve(RuntimeOrigin::signed(WORKER), version));
        let open = || opened_with(|spec| (spec.version, spec.deposit) = (version, deposit));
        let ids = [open(), open(), open()];
        for id in ids {
            assert_ok!(close_as(WORKER, id, Some(voucher(id, 2))));
        }
        for (id, number) in ids.into_iter().flat_map(|id| [(id, 1), (id, 2)]) {
            let claim = shown(id, number);
            dispute(&claim);
            assert!(convict(&claim, 1).damages > 0);
        }
        assert_eq!(balance(REQUESTER), FUNDS);
        assert!(worker(WORKER).bond < BOND / 5);
    });
}
