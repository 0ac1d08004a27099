//! Grants that are bought.

use crate::{mock::*, AssetRevenue, Error, Event, GrantHolders, HoldReason, PaidGrants};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{grant::Grant, model::VersionStatus};

/// Dataset 0 of Alice, in dataset 1 of Bob with a tenth, in model 0 of Carol with a third.
fn chain(price: vigil_primitives::Balance) -> ExtBuilder {
    ExtBuilder::default()
        .dataset(ALICE, open())
        .dataset(BOB, open())
        .model(CAROL, paid(price, 100, Some(10)))
}

fn cite_chain(price: vigil_primitives::Balance) {
    assert_ok!(publish(BOB, 1, open(), &[(dataset(0), 100_000)]));
    let parent = vigil_primitives::DatasetVersionId { dataset: 1, version: 1 };
    let terms = paid(price, 100, Some(10));
    assert_ok!(publish_model(CAROL, 1, terms, &[(parent.into(), 333_333)]));
    System::reset_events();
}

#[test]
fn buy_grant_should_split_the_price_to_the_unit() {
    chain(10_001).build_and_execute(|| {
        cite_chain(10_001);
        let before = [ALICE, BOB, CAROL, DAVE].map(total);
        assert_ok!(buy(DAVE, model(1)));
        // 33,333 ppm and 300,000 ppm rounded down; the rest is the version's own.
        let after = [ALICE, BOB, CAROL, DAVE].map(total);
        assert_eq!(after[0] - before[0], 333);
        assert_eq!(after[1] - before[1], 3_000);
        assert_eq!(after[2] - before[2], 10_001 - 333 - 3_000);
        assert_eq!(before[3] - after[3], 10_001);

        let grant = Grant::new(0, 1, Some(100), Some(10), 10_001);
        let price = 10_001;
        assert_last_event(Event::GrantBought { asset: model(1), holder: DAVE, grant, price });
        let earned = |event: &Event<Test>| matches!(event, Event::Earned { credited: true, .. });
        assert_eq!(events().iter().filter(|event| earned(event)).count(), 3);
        assert_eq!(AssetRevenue::<Test>::get(model(1), 0), 10_001 - 3_333);
        assert_eq!(AssetRevenue::<Test>::get(dataset(0), 0), 333);
        assert_eq!(PaidGrants::<Test>::get(model(1)), 1);
        assert!(GrantHolders::<Test>::contains_key(model(1), DAVE));
    });
}

#[test]
fn buy_grant_should_hold_a_deposit_once() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        let deposit = held(HoldReason::Grant, BOB);
        assert!(deposit > BASE);
        assert_eq!(Balances::free_balance(BOB), FUNDS - 1_000 - deposit);
        assert_ok!(buy(BOB, dataset(0)));
        assert_eq!(held(HoldReason::Grant, BOB), deposit);
        assert_eq!(Balances::free_balance(BOB), FUNDS - 2_000 - deposit);
        assert_eq!(PaidGrants::<Test>::get(dataset(0)), 1);
    });
}

#[test]
fn buy_grant_should_keep_the_part_of_a_dead_payee() {
    ExtBuilder::default().model(GHOST, open()).build_and_execute(|| {
        assert_ok!(publish_model(ALICE, 1, paid(1_000, 10, None), &[(model(0), 400_000)]));
        let keeper = total(KEEPER);
        assert_ok!(buy(BOB, model(1)));
        assert_eq!(unpaid(GHOST), Some(400));
        assert_eq!(total(KEEPER), keeper + 400);
        assert_eq!(held(HoldReason::Unpaid, KEEPER), 400);
        let (asset, payee, amount) = (model(0), GHOST, 400);
        System::assert_has_event(Event::Kept { payee, amount }.into());
        let earned = Event::Earned { asset, payee, amount, credited: false };
        System::assert_has_event(earned.into());
        assert_eq!(AssetRevenue::<Test>::get(asset, 0), 400, "it counts as earned");
        assert_eq!(total(ALICE), FUNDS + 600);
    });
}

#[test]
fn buy_grant_should_give_a_dead_payee_an_account_when_its_part_suffices() {
    ExtBuilder::default().model(GHOST, paid(ED, 10, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, model(0)));
        assert_eq!(Balances::free_balance(GHOST), ED);
        assert_eq!(unpaid(GHOST), None);
    });
}

#[test]
fn no_payee_should_be_able_to_block_a_sale() {
    // All are dead: the whole price is kept, each part for its own.
    let builder = (0..15).fold(ExtBuilder::default(), |builder, n| builder.model(50 + n, open()));
    builder.build_and_execute(|| {
        let parents: Vec<_> = (0..15).map(|n| (model(n), 60_000)).collect();
        assert_ok!(publish_model(GHOST, 15, paid(1_600, 10, None), &parents));
        assert_ok!(buy(BOB, model(15)));
        assert_eq!(unpaid(GHOST), Some(1_600 - 15 * 96));
        assert!((0..15).all(|n| unpaid(50 + n) == Some(96)));
        assert_eq!(held(HoldReason::Unpaid, KEEPER), 1_600);
    });
}

#[test]
fn buy_grant_should_pay_the_buyer_its_own_part() {
    ExtBuilder::default().dataset(BOB, open()).build_and_execute(|| {
        let before = total(BOB);
        assert_ok!(publish_model(ALICE, 0, paid(1_000, 10, None), &[(dataset(0), 250_000)]));
        assert_ok!(buy(BOB, model(0)));
        assert_eq!(total(BOB), before - 750);
        assert_eq!(AssetRevenue::<Test>::get(dataset(0), 0), 250);
    });
}

#[test]
fn buy_grant_should_extend_a_grant_whose_time_is_not_over() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, Some(10))).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        System::set_block_number(100);
        assert_ok!(buy(BOB, dataset(0)));
        let extended = grant(BOB, dataset(0));
        assert_eq!((extended.id, extended.since, extended.expires_at), (0, 1, Some(201)));
        assert_eq!((extended.uses, extended.paid), (Some(20), 2_000));
        let bought =
            Event::GrantBought { asset: dataset(0), holder: BOB, grant: extended, price: 1_000 };
        assert_last_event(bought);
    });
}

#[test]
fn buy_grant_should_begin_a_new_one_at_the_block_at_which_the_old_one_ends() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, Some(10))).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        let deposit = held(HoldReason::Grant, BOB);
        System::set_block_number(101);
        assert_ok!(buy(BOB, dataset(0)));
        let renewed = grant(BOB, dataset(0));
        assert_eq!(renewed, Grant::new(1, 101, Some(100), Some(10), 1_000));
        assert_eq!(held(HoldReason::Grant, BOB), deposit);
        assert_eq!(PaidGrants::<Test>::get(dataset(0)), 1);
    });
}

#[test]
fn buy_grant_should_extend_an_exhausted_grant() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, Some(1))).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        let again = || register(BOB, open(), &[(dataset(0), 1)]);
        assert_noop!(again(), Error::<Test>::GrantExhausted);
        assert_ok!(buy(BOB, dataset(0)));
        assert_eq!((grant(BOB, dataset(0)).used, grant(BOB, dataset(0)).uses), (1, Some(2)));
        assert_ok!(again());
    });
}

#[test]
fn buy_grant_should_replace_a_given_grant_only_when_that_is_over() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        let alice = Balances::free_balance(ALICE);
        let asset = dataset(0);
        assert_ok!(Provenance::give_grant(signed(ALICE), asset, BOB, Some(5), None));
        assert_noop!(buy(BOB, asset), Error::<Test>::GrantHeld);
        System::set_block_number(6);
        assert_ok!(buy(BOB, asset));
        // The giver has its deposit back.
        assert_eq!(held(HoldReason::Grant, ALICE), 0);
        assert_eq!(Balances::free_balance(ALICE), alice + 1_000);
        assert_eq!(grant(BOB, asset).paid, 1_000);
    });
}

#[test]
fn buy_grant_should_refuse_when_nothing_is_for_sale() {
    ExtBuilder::default()
        .dataset(ALICE, open())
        .dataset(ALICE, listed())
        .dataset(ALICE, paid(1_000, 10, None))
        .build_and_execute(|| {
            assert_noop!(buy(BOB, dataset(0)), Error::<Test>::NotForSale);
            assert_noop!(buy(BOB, dataset(1)), Error::<Test>::NotForSale);
            assert_noop!(buy(BOB, dataset(3)), Error::<Test>::UnknownAsset);
            assert_noop!(buy(BOB, model(0)), Error::<Test>::UnknownAsset);
            assert_noop!(buy(ALICE, dataset(2)), Error::<Test>::OwnerNeedsNoGrant);
            assert_ok!(Datasets::revoke(signed(ALICE), 2, 0));
            assert_eq!(status(2), VersionStatus::Revoked);
            assert_noop!(buy(BOB, dataset(2)), Error::<Test>::NotForSale);
        });
}

#[test]
fn buy_grant_should_change_nothing_when_the_buyer_cannot_pay() {
    ExtBuilder::default()
        .dataset(ALICE, paid(FUNDS, 10, None))
        .dataset(ALICE, paid(1, 10, None))
        .build_and_execute(|| {
            // Too little for the price; for the deposit.
            assert_noop!(buy(BOB, dataset(0)), TokenError::FundsUnavailable);
            assert_noop!(buy(PAUPER, dataset(1)), TokenError::FundsUnavailable);
            // For both, but not to stay alive.
            assert_ok!(buy(BOB, dataset(1)));
            let deposit = held(HoldReason::Grant, BOB);
            fund(PAUPER, deposit - ED);
            assert_eq!(total(PAUPER), ED + deposit);
            assert_noop!(buy(PAUPER, dataset(1)), TokenError::FundsUnavailable);
            fund(PAUPER, 1);
            assert_ok!(buy(PAUPER, dataset(1)));
            assert_eq!(Balances::free_balance(PAUPER), ED);
        });
}
