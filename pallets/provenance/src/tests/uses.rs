//! Quotas: citations consume uses, jobs reserve them first.

use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{grant::Permission, grant::Unusable, model::VersionStatus, traits::Grants};

#[test]
fn a_job_should_consume_a_use_only_when_it_is_settled() {
    ExtBuilder::default().model(ALICE, paid(1_000, 100, Some(2))).build_and_execute(|| {
        let asset = model(0);
        assert_ok!(buy(BOB, asset));
        let id = Provenance::reserve(asset, &BOB, 1, 0).unwrap();
        assert_eq!(Provenance::reserve(asset, &BOB, 1, 0), Ok(id));
        assert_eq!(Provenance::reserved(asset, &BOB, id), Some(2));
        assert_noop!(Provenance::reserve(asset, &BOB, 1, 0), Error::<Test>::GrantExhausted);
        Provenance::end_use(asset, &BOB, id, 1, 0);
        assert_eq!(Provenance::reserve(asset, &BOB, 1, 0), Ok(id));
        Provenance::end_use(asset, &BOB, id, 1, 1);
        assert_noop!(Provenance::reserve(asset, &BOB, 1, 0), Error::<Test>::GrantExhausted);
        assert_eq!((grant(BOB, asset).used, grant(BOB, asset).reserved), (1, 1));
    });
}

#[test]
fn a_grant_should_expire_at_its_block_while_jobs_under_it_end() {
    ExtBuilder::default().model(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        let asset = model(0);
        assert_ok!(buy(BOB, asset));
        System::set_block_number(100);
        let id = Provenance::reserve(asset, &BOB, 1, 0).unwrap();
        System::set_block_number(101);
        assert_noop!(Provenance::reserve(asset, &BOB, 1, 0), Error::<Test>::GrantExpired);
        assert_noop!(register(BOB, open(), &[(asset, 1)]), Error::<Test>::GrantExpired);
        Provenance::end_use(asset, &BOB, id, 1, 1);
        assert_eq!((grant(BOB, asset).used, grant(BOB, asset).reserved), (1, 0));
    });
}

#[test]
fn reserve_should_refuse_without_a_grant() {
    ExtBuilder::default().model(ALICE, listed()).build_and_execute(|| {
        assert_noop!(Provenance::reserve(model(0), &BOB, 1, 0), Error::<Test>::NoGrant);
        assert_eq!(Provenance::reserved(model(0), &BOB, 0), None);
        Provenance::end_use(model(0), &BOB, 0, 1, 1);
    });
}

#[test]
fn citations_and_jobs_should_share_the_quota() {
    ExtBuilder::default().model(ALICE, paid(1_000, 100, Some(2))).build_and_execute(|| {
        assert_ok!(buy(BOB, model(0)));
        assert_ok!(register(BOB, open(), &[(model(0), 1)]));
        assert_ok!(Provenance::reserve(model(0), &BOB, 1, 0));
        let again = register(BOB, open(), &[(model(0), 1)]);
        assert_eq!(again, Err(Error::<Test>::GrantExhausted.into()));
    });
}

#[test]
fn nobody_should_use_up_somebody_elses_grant() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        assert_ok!(give(ALICE, dataset(0), BOB));
        assert_noop!(register(CAROL, open(), &[(dataset(0), 1)]), Error::<Test>::NoConsent);
        assert_noop!(Provenance::reserve(dataset(0), &CAROL, 1, 0), Error::<Test>::NoGrant);
        assert_eq!(grant(BOB, dataset(0)).used, 0);
    });
}

#[test]
fn permission_should_say_why_an_account_may_use_an_asset_or_not() {
    ExtBuilder::default()
        .dataset(ALICE, open())
        .dataset(ALICE, paid(1_000, 100, Some(1)))
        .build_and_execute(|| {
            let of = |who, asset| Provenance::permission(&who, asset);
            assert_eq!(of(BOB, dataset(2)), None);
            assert_eq!(of(BOB, dataset(0)), Some(Permission::Open));
            assert_eq!(of(ALICE, dataset(1)), Some(Permission::Owner));
            assert_eq!(of(BOB, dataset(1)), Some(Permission::NoGrant));
            assert_ok!(buy(BOB, dataset(1)));
            let held = grant(BOB, dataset(1));
            assert_eq!(of(BOB, dataset(1)), Some(Permission::Granted(held)));
            assert_ok!(Provenance::reserve(dataset(1), &BOB, 1, 0));
            let exhausted = Some(Permission::Unusable(Unusable::Exhausted));
            assert_eq!(of(BOB, dataset(1)), exhausted);
            System::set_block_number(101);
            assert_eq!(of(BOB, dataset(1)), Some(Permission::Unusable(Unusable::Expired)));
            assert_ok!(Datasets::revoke(signed(ALICE), 0, 0));
            assert_eq!(status(0), VersionStatus::Revoked);
            assert_eq!(of(ALICE, dataset(0)), Some(Permission::Revoked));
        });
}
