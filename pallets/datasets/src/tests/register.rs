//! Registering datasets and publishing versions of them.

use crate::{mock::*, Error, Event, HoldReason, NextDatasetId, Pallet};
use codec::Encode;
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{
    dataset::DatasetSpec,
    lineage::Shares,
    model::{Name, Sources, Url, VersionStatus},
    registry::Registry as _,
    terms::{Licence, Terms},
    traits::Provenance as _,
    ContentHash, DatasetVersionId,
};

fn deposit(bytes: usize) -> vigil_primitives::Balance {
    Pallet::<Test>::deposit(bytes)
}

#[test]
fn register_should_store_the_dataset_with_its_first_version_when_all_is_well() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(ALICE, open(), &[]));
        let id = DatasetVersionId { dataset: 0, version: 0 };
        let registered = Event::DatasetRegistered { dataset: 0, owner: ALICE, name: name("data") };
        let published = Event::DatasetPublished { id, content: ContentHash::repeat_byte(1) };
        assert_eq!(events(), vec![registered, published]);

        let first = version(0, 0);
        assert_eq!(first.spec, spec(open()));
        assert_eq!(first.status, VersionStatus::Active);
        assert_eq!(first.deposit, deposit(spec(open()).encoded_size()));
        assert_eq!(entry(0).deposit, deposit(4) + first.deposit);
        assert_eq!((entry(0).owner, entry(0).versions), (ALICE, 1));
        assert_eq!(held(HoldReason::Deposit, ALICE), entry(0).deposit);
        assert_eq!(Balances::free_balance(ALICE), FUNDS - entry(0).deposit);
        assert_eq!(NextDatasetId::<Test>::get(), 1);
    });
}

#[test]
fn publish_should_add_a_version_with_its_deposit_when_the_owner_calls() {
    ExtBuilder::default().dataset(ALICE, open()).dataset(BOB, open()).build_and_execute(|| {
        let before = entry(0).deposit;
        assert_ok!(publish(ALICE, 0, listed(), &[(dataset(1), 50_000)]));
        let id = DatasetVersionId { dataset: 0, version: 1 };
        let published = Event::DatasetPublished { id, content: ContentHash::repeat_byte(1) };
        assert_eq!(events(), vec![published]);
        assert_eq!(Provenance::citations(dataset(1)), 1);
        assert_eq!(entry(0).versions, 2);
        assert_eq!(entry(0).deposit, before + version(0, 1).deposit);
        assert!(version(0, 1).deposit > version(0, 0).deposit, "the citation is paid for");
        assert_eq!(held(HoldReason::Deposit, ALICE), entry(0).deposit);
    });
}

#[test]
fn register_should_refuse_when_the_name_is_no_name() {
    ExtBuilder::default().build_and_execute(|| {
        let call = |bytes: &[u8]| {
            let name = Name::truncate_from(bytes.to_vec());
            Registry::register(signed(ALICE), name, Box::new(spec(open())), Shares::default())
        };
        assert_noop!(call(b""), Error::<Test>::EmptyName);
        assert_noop!(call(b"  "), Error::<Test>::EmptyName);
        assert_noop!(call(b"\xff"), Error::<Test>::UnprintableName);
        assert_noop!(call(b"a\n"), Error::<Test>::UnprintableName);
    });
}

#[test]
fn register_should_refuse_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(register(PAUPER, open(), &[]), TokenError::FundsUnavailable);
        // Enough for the dataset, but not for its version.
        fund(PAUPER, deposit(4) + ED);
        assert_noop!(register(PAUPER, open(), &[]), TokenError::FundsUnavailable);
    });
}

#[test]
fn register_should_refuse_when_there_is_no_number_left() {
    ExtBuilder::default().build().execute_with(|| {
        NextDatasetId::<Test>::put(u32::MAX);
        assert_noop!(register(ALICE, open(), &[]), Error::<Test>::TooManyDatasets);
    });
}

#[test]
fn publish_should_refuse_when_there_is_no_number_left() {
    ExtBuilder::default().dataset(ALICE, open()).build().execute_with(|| {
        crate::Datasets::<Test>::mutate(0, |dataset| dataset.as_mut().unwrap().versions = u32::MAX);
        assert_noop!(publish(ALICE, 0, open(), &[]), Error::<Test>::TooManyVersions);
    });
}

#[test]
fn publish_should_refuse_when_the_caller_is_not_the_owner() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_noop!(publish(BOB, 0, open(), &[]), Error::<Test>::NotOwner);
        assert_noop!(publish(ALICE, 1, open(), &[]), Error::<Test>::NotFound);
    });
}

#[test]
fn publish_should_refuse_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        impoverish(ALICE);
        assert_noop!(publish(ALICE, 0, open(), &[]), TokenError::FundsUnavailable);
    });
}

#[test]
fn publish_should_refuse_when_the_specification_is_unsound() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let source = |url: &[u8]| {
            let sources = Sources::truncate_from(vec![Url::truncate_from(url.to_vec())]);
            let spec = DatasetSpec { sources, ..spec(open()) };
            Registry::publish(signed(ALICE), 0, Box::new(spec), Shares::default())
        };
        assert_noop!(source(b"https://example.org/data"), Error::<Test>::InvalidSource);
        assert_noop!(source(b"example.org/"), Error::<Test>::InvalidSource);

        let with = |terms: Terms| publish(ALICE, 0, terms, &[]);
        let licence = Licence::truncate_from(b" MIT".to_vec());
        assert_noop!(with(Terms { licence, ..open() }), Error::<Test>::InvalidLicence);
        assert_noop!(with(paid(0, 1, None)), Error::<Test>::FreeGrant);
        assert_noop!(with(paid(1, 0, None)), Error::<Test>::ZeroDuration);
        assert_noop!(with(paid(1, 1, Some(0))), Error::<Test>::ZeroUses);
    });
}
