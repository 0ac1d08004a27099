//! The owner takes grants away and refunds their unused part.

use crate::{mock::*, Error, Event, GrantRecord, GrantsOf, HoldReason, PaidGrants};
use frame_support::{
    assert_noop, assert_ok,
    traits::{fungible::MutateHold, tokens::Precision},
};
use sp_runtime::TokenError;
use vigil_primitives::{traits::Grants, ContentHash};

#[test]
fn revoke_grant_should_refund_the_unused_time_and_return_the_deposit() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        System::set_block_number(26);
        let (asset, evidence) = (dataset(0), Some(ContentHash::repeat_byte(4)));
        let alice = total(ALICE);
        assert_ok!(Provenance::revoke_grant(signed(ALICE), asset, BOB, evidence));
        assert_last_event(Event::GrantRevoked {
            asset,
            holder: BOB,
            grant: 0,
            refund: 750,
            evidence,
        });
        assert_eq!(Balances::free_balance(BOB), FUNDS - 250);
        assert_eq!(total(ALICE), alice - 750);
        assert_eq!(held(HoldReason::Grant, BOB), 0);
        assert_eq!(PaidGrants::<Test>::get(asset), 0);
        assert_noop!(revoke_grant(ALICE, asset, BOB), Error::<Test>::NoGrant);
    });
}

#[test]
fn revoke_grant_should_refund_the_lesser_of_time_and_uses() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, Some(4))).build_and_execute(|| {
        let asset = dataset(0);
        for (used, block, refund) in [(0, 1, 1_000), (3, 1, 250), (1, 91, 100), (4, 2, 0)] {
            System::set_block_number(1);
            assert_ok!(buy(BOB, asset));
            for _ in 0..used {
                let id = Provenance::reserve(asset, &BOB, 1, 0).unwrap();
                Provenance::end_use(asset, &BOB, id, 1, 1);
            }
            System::set_block_number(block);
            let before = total(BOB);
            assert_ok!(revoke_grant(ALICE, asset, BOB));
            assert_eq!(total(BOB) - before, refund, "{used} used at block {block}");
        }
    });
}

#[test]
fn revoke_grant_should_count_reserved_uses_as_used_and_let_their_jobs_end() {
    ExtBuilder::default().model(ALICE, paid(1_000, 100, Some(4))).build_and_execute(|| {
        assert_ok!(buy(BOB, model(0)));
        let id = Provenance::reserve(model(0), &BOB, 1, 0).unwrap();
        let before = total(BOB);
        assert_ok!(revoke_grant(ALICE, model(0), BOB));
        assert_eq!(total(BOB) - before, 750);
        assert_eq!(Provenance::reserved(model(0), &BOB, id), None);
        Provenance::end_use(model(0), &BOB, id, 1, 0);
        // Nor does it disturb the next grant.
        assert_ok!(buy(BOB, model(0)));
        Provenance::end_use(model(0), &BOB, id, 1, 1);
        assert_eq!((grant(BOB, model(0)).used, grant(BOB, model(0)).reserved), (0, 0));
    });
}

#[test]
fn revoke_grant_should_return_the_deposit_of_a_given_grant_to_the_giver() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        let before = Balances::free_balance(ALICE);
        assert_ok!(give(ALICE, dataset(0), BOB));
        transfer(0, ALICE, CAROL);
        let carol = Balances::free_balance(CAROL);
        assert_noop!(revoke_grant(ALICE, dataset(0), BOB), Error::<Test>::NotOwner);
        assert_ok!(revoke_grant(CAROL, dataset(0), BOB));
        let deposit = FUNDS - before;
        assert_eq!(Balances::free_balance(ALICE), before + deposit);
        assert_eq!(Balances::free_balance(CAROL), carol);
        assert_eq!(Balances::free_balance(BOB), FUNDS);
    });
}

#[test]
fn revoke_grant_should_refuse_when_the_owner_cannot_pay_the_refund() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        impoverish(ALICE);
        fund(ALICE, 999);
        assert_noop!(revoke_grant(ALICE, dataset(0), BOB), TokenError::FundsUnavailable);
        fund(ALICE, 1);
        assert_ok!(revoke_grant(ALICE, dataset(0), BOB));
        assert_eq!(Balances::free_balance(ALICE), ED);
    });
}

#[test]
fn revoke_grant_should_keep_the_refund_of_a_dead_holder() {
    ExtBuilder::default().dataset(ALICE, paid(400, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        // No holder with a deposit of its own is dead: one without is.
        let deposit = held(HoldReason::Grant, BOB);
        let reason = HoldReason::Grant.into();
        assert_ok!(Balances::release(&reason, &BOB, deposit, Precision::Exact));
        GrantsOf::<Test>::mutate(BOB, dataset(0), |record| {
            let GrantRecord { deposit, .. } = record.as_mut().unwrap();
            *deposit = 0;
        });
        empty(BOB);
        assert_eq!(total(BOB), 0);
        let keeper = total(KEEPER);
        assert_ok!(revoke_grant(ALICE, dataset(0), BOB));
        assert_eq!(unpaid(BOB), Some(400));
        assert_eq!(total(KEEPER), keeper + 400);
        System::assert_has_event(Event::Kept { payee: BOB, amount: 400 }.into());
    });
}

#[test]
fn revoke_grant_should_refuse_when_there_is_nothing_to_revoke() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        assert_noop!(revoke_grant(ALICE, dataset(0), BOB), Error::<Test>::NoGrant);
        assert_noop!(revoke_grant(BOB, dataset(0), BOB), Error::<Test>::NotOwner);
        assert_noop!(revoke_grant(ALICE, dataset(1), BOB), Error::<Test>::UnknownAsset);
    });
}

#[test]
fn an_owner_should_be_able_to_revoke_its_own_grant_of_what_it_bought() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        transfer(0, ALICE, BOB);
        let before = total(BOB);
        assert_ok!(revoke_grant(BOB, dataset(0), BOB));
        assert_eq!(total(BOB), before);
        remove(BOB, 0);
    });
}
