//! Grants that are given.

use crate::{mock::*, Error, Event, HoldReason, PaidGrants};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{grant::Grant, traits::Grants};

#[test]
fn give_grant_should_put_an_account_on_the_allow_list_at_the_givers_cost() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        let asset = dataset(0);
        assert_ok!(give(ALICE, asset, GHOST));
        let given = Grant::new(0, 1, None, None, 0);
        assert_last_event(Event::GrantGiven { asset, holder: GHOST, grant: given });
        assert!(held(HoldReason::Grant, ALICE) > BASE);
        assert_eq!(held(HoldReason::Grant, GHOST), 0);
        assert_eq!(PaidGrants::<Test>::get(asset), 0);
        // A grant of no end stays good.
        System::set_block_number(u64::from(u32::MAX));
        assert_ok!(Provenance::reserve(asset, &GHOST, 1, 0));
    });
}

#[test]
fn give_grant_should_bound_time_and_uses_when_told() {
    ExtBuilder::default().model(ALICE, listed()).build_and_execute(|| {
        assert_ok!(Provenance::give_grant(signed(ALICE), model(0), BOB, Some(9), Some(3)));
        assert_eq!(grant(BOB, model(0)), Grant::new(0, 1, Some(9), Some(3), 0));
    });
}

#[test]
fn give_grant_should_replace_one_that_is_over_and_return_its_deposit() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 10, None)).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        assert_noop!(give(ALICE, dataset(0), BOB), Error::<Test>::GrantHeld);
        System::set_block_number(11);
        assert_ok!(give(ALICE, dataset(0), BOB));
        assert_eq!(Balances::free_balance(BOB), FUNDS - 1_000);
        assert_eq!(PaidGrants::<Test>::get(dataset(0)), 0);
        assert_noop!(give(ALICE, dataset(0), BOB), Error::<Test>::GrantHeld);
    });
}

#[test]
fn give_grant_should_refuse_when_it_may_not_or_grants_nothing() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        let call = |who, asset, to, duration, uses| {
            Provenance::give_grant(signed(who), asset, to, duration, uses)
        };
        let asset = dataset(0);
        assert_noop!(call(BOB, asset, BOB, None, None), Error::<Test>::NotOwner);
        assert_noop!(call(ALICE, dataset(1), BOB, None, None), Error::<Test>::UnknownAsset);
        assert_noop!(call(ALICE, model(0), BOB, None, None), Error::<Test>::UnknownAsset);
        assert_noop!(call(ALICE, asset, ALICE, None, None), Error::<Test>::OwnerNeedsNoGrant);
        assert_noop!(call(ALICE, asset, BOB, Some(0), None), Error::<Test>::ZeroDuration);
        assert_noop!(call(ALICE, asset, BOB, None, Some(0)), Error::<Test>::ZeroUses);
        impoverish(ALICE);
        assert_noop!(call(ALICE, asset, BOB, None, None), TokenError::FundsUnavailable);
        assert_ok!(Datasets::revoke(signed(ALICE), 0, 0));
        assert_noop!(call(ALICE, asset, BOB, None, None), Error::<Test>::AssetRevoked);
    });
}
