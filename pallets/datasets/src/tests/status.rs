//! Deprecating, revoking and removing versions of datasets.

use crate::{mock::*, Datasets, Error, Event, HoldReason};
use frame_support::{assert_noop, assert_ok};
use pallet_provenance::{CitationCount, Descendants, Lineages};
use vigil_primitives::{model::VersionStatus, AssetId, DatasetVersionId};

/// How many versions cite an asset.
fn citations(asset: AssetId) -> u32 {
    CitationCount::<Test>::get(asset)
}

const ID: DatasetVersionId = DatasetVersionId { dataset: 0, version: 0 };

#[test]
fn deprecate_should_end_the_sale_of_grants_but_not_their_use() {
    let terms = paid(1_000, 100, None);
    ExtBuilder::default().dataset(ALICE, terms).build_and_execute(|| {
        assert_ok!(buy(BOB, dataset(0)));
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        assert_last_event(Event::DatasetDeprecated { id: ID });
        assert_eq!(version(0, 0).status, VersionStatus::Deprecated);
        assert_noop!(buy(CAROL, dataset(0)), pallet_provenance::Error::<Test>::NotForSale);
        assert_noop!(buy(BOB, dataset(0)), pallet_provenance::Error::<Test>::NotForSale);
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        assert_ok!(give(ALICE, dataset(0), CAROL));
    });
}

#[test]
fn deprecate_should_refuse_when_it_may_not_or_need_not() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let call = |who, dataset, version| Registry::deprecate(signed(who), dataset, version);
        assert_noop!(call(BOB, 0, 0), Error::<Test>::NotOwner);
        assert_noop!(call(ALICE, 1, 0), Error::<Test>::NotFound);
        assert_noop!(call(ALICE, 0, 1), Error::<Test>::NotFound);
        assert_ok!(call(ALICE, 0, 0));
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::AlreadyDeprecated);
        assert_ok!(Registry::revoke(signed(ALICE), 0, 0));
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::AlreadyRevoked);
    });
}

#[test]
fn revoke_should_refuse_when_it_may_not_or_need_not() {
    ExtBuilder::default().dataset(ALICE, paid(1_000, 100, None)).build_and_execute(|| {
        let call = |who, dataset, version| Registry::revoke(signed(who), dataset, version);
        assert_noop!(call(BOB, 0, 0), Error::<Test>::NotOwner);
        assert_noop!(call(ALICE, 1, 0), Error::<Test>::NotFound);
        assert_noop!(call(ALICE, 0, 1), Error::<Test>::NotFound);
        assert_ok!(buy(BOB, dataset(0)));
        assert_ok!(give(ALICE, dataset(0), CAROL));
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::GrantsOutstanding);
        assert_ok!(revoke_grant(ALICE, dataset(0), BOB));
        // A grant that was given is in nobody's way.
        assert_ok!(call(ALICE, 0, 0));
        assert_last_event(Event::DatasetRevoked { id: ID });
        assert_eq!(version(0, 0).status, VersionStatus::Revoked);
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::AlreadyRevoked);
    });
}

#[test]
fn remove_should_return_the_deposit_to_the_unit_version_by_version() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish(ALICE, 0, listed(), &[]));
        let second = version(0, 1).deposit;
        let both = entry(0).deposit;
        remove(ALICE, 0);
        assert_last_event(Event::DatasetRemoved { id: ID });
        assert_eq!(entry(0).deposit, held(HoldReason::Deposit, ALICE));
        assert!(entry(0).deposit > second && entry(0).deposit < both);

        assert_ok!(Registry::revoke(signed(ALICE), 0, 1));
        assert_ok!(Registry::remove(signed(ALICE), 0, 1));
        assert!(!Datasets::<Test>::contains_key(0), "the dataset goes with its last version");
        assert_eq!(held(HoldReason::Deposit, ALICE), 0);
        assert_eq!(Balances::free_balance(ALICE), FUNDS);
        // No number is given twice.
        assert_ok!(register(ALICE, open(), &[]));
        assert_eq!(entry(1).owner, ALICE);
    });
}

#[test]
fn remove_should_never_give_a_versions_number_again() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish(ALICE, 0, open(), &[]));
        assert_ok!(Registry::revoke(signed(ALICE), 0, 1));
        assert_ok!(Registry::remove(signed(ALICE), 0, 1));
        assert_ok!(publish(ALICE, 0, open(), &[]));
        assert_eq!(entry(0).versions, 3);
        assert_eq!(version(0, 2).status, VersionStatus::Active);
    });
}

#[test]
fn remove_should_return_the_deposit_to_the_owner_of_the_moment() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        transfer(0, ALICE, BOB);
        remove(BOB, 0);
        assert_eq!(Balances::free_balance(ALICE), FUNDS);
        assert_eq!(Balances::free_balance(BOB), FUNDS);
    });
}

#[test]
fn remove_should_uncite_the_parents() {
    ExtBuilder::default().dataset(ALICE, open()).dataset(BOB, open()).build_and_execute(|| {
        assert_ok!(register(CAROL, open(), &[(dataset(0), 10), (dataset(1), 20)]));
        let citing = dataset(2);
        assert_eq!((citations(dataset(0)), citations(dataset(1))), (1, 1));
        assert_ok!(Registry::revoke(signed(ALICE), 0, 0));
        let refused = Registry::remove(signed(ALICE), 0, 0);
        assert_eq!(refused, Err(Error::<Test>::StillCited.into()));

        remove(CAROL, 2);
        assert_eq!((citations(dataset(0)), citations(dataset(1))), (0, 0));
        assert!(!Descendants::<Test>::contains_key(dataset(0), citing));
        assert!(!Lineages::<Test>::contains_key(citing));
        assert_eq!(Balances::free_balance(CAROL), FUNDS);
        assert_ok!(Registry::remove(signed(ALICE), 0, 0));
    });
}

#[test]
fn remove_should_refuse_when_the_version_is_in_use() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        let call = |who, dataset, version| Registry::remove(signed(who), dataset, version);
        assert_noop!(call(BOB, 0, 0), Error::<Test>::NotOwner);
        assert_noop!(call(ALICE, 1, 0), Error::<Test>::NotFound);
        assert_noop!(call(ALICE, 0, 1), Error::<Test>::NotFound);
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::NotRevoked);
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::NotRevoked);

        assert_ok!(give(ALICE, dataset(0), BOB));
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        assert_ok!(Registry::revoke(signed(ALICE), 0, 0));
        assert_noop!(call(ALICE, 0, 0), Error::<Test>::StillCited);
    });
}

#[test]
fn remove_should_refuse_when_somebody_holds_a_grant() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        assert_ok!(give(ALICE, dataset(0), BOB));
        assert_ok!(Registry::revoke(signed(ALICE), 0, 0));
        let call = || Registry::remove(signed(ALICE), 0, 0);
        assert_noop!(call(), Error::<Test>::GrantsOutstanding);
        assert_ok!(revoke_grant(ALICE, dataset(0), BOB));
        assert_ok!(call());
        assert_eq!(Balances::free_balance(ALICE), FUNDS);
    });
}
