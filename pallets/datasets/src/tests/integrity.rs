//! Configurations that a runtime must not start with, and storage that must not stand.

use crate::{mock::*, *};
use frame_support::{assert_ok, traits::Hooks};
use vigil_primitives::{dataset::StatementKind::Audited, Balance, DatasetVersionId};

fn integrity_test() {
    <Pallet<Test> as Hooks<u64>>::integrity_test();
}

#[test]
fn integrity_test_should_pass_when_the_configuration_is_sound() {
    integrity_test();
}

#[test]
#[should_panic = "DepositPerByte is zero"]
fn integrity_test_should_panic_when_storage_is_free() {
    DepositPerByte::set(0);
    integrity_test();
}

#[test]
#[should_panic = "the deposit of the largest version overflows"]
fn integrity_test_should_panic_when_a_deposit_overflows() {
    DepositPerByte::set(Balance::MAX / 100);
    integrity_test();
}

/// Spoils a storage in which there is one of everything, and checks that it is noticed.
fn assert_noticed(spoil: impl FnOnce(), message: &'static str) {
    let builder = ExtBuilder::default().dataset(ALICE, open()).dataset(BOB, paid(100, 9, Some(2)));
    builder.build().execute_with(|| {
        assert_ok!(register(CAROL, open(), &[(dataset(0), 1_000)]));
        assert_ok!(attest(CAROL, 0, Audited));
        Registry::do_try_state().unwrap();
        spoil();
        assert_eq!(Registry::do_try_state(), Err(message.into()));
    });
}

#[test]
fn try_state_should_fail_when_a_dataset_is_unsound() {
    let change = |id, change: fn(&mut Dataset<AccountId>)| {
        Datasets::<Test>::mutate(id, |record| change(record.as_mut().unwrap()))
    };
    let version = |change: fn(&mut DatasetVersion)| {
        DatasetVersions::<Test>::mutate(0, 0, |record| change(record.as_mut().unwrap()))
    };
    assert_noticed(|| Datasets::<Test>::remove(0), "datasets 1: a version belongs to no dataset");
    assert_noticed(|| change(0, |d| d.versions = 0), "datasets 1: a version was never numbered");
    assert_noticed(|| version(|v| v.spec.terms = paid(0, 1, None)), "datasets 1: bad terms");
    assert_noticed(
        || version(|v| v.spec.sources[0] = Default::default()),
        "datasets 1: bad sources",
    );
    assert_noticed(|| NextDatasetId::<Test>::put(2), "datasets 1: a number was never given");
    assert_noticed(|| change(0, |d| d.pending_owner = Some(ALICE)), "datasets 1: own offer");
    assert_noticed(|| change(0, |d| d.name = name("\n")), "datasets 1: bad name");
    assert_noticed(
        || DatasetVersions::<Test>::remove(1, 0),
        "datasets 1: a dataset has no version",
    );
    assert_noticed(
        || change(0, |d| d.deposit = 1),
        "datasets 2: the versions' deposits exceed the dataset's",
    );
    let differ = "datasets 2: held and recorded deposits differ";
    assert_noticed(|| change(0, |d| d.deposit += 1), differ);
    // Not only of those who own anything.
    let hold = || {
        use frame_support::traits::fungible::MutateHold;
        assert_ok!(Balances::hold(&HoldReason::Deposit.into(), &DAVE, 1));
    };
    assert_noticed(hold, differ);
}

#[test]
fn try_state_should_fail_when_a_statement_is_unsound() {
    let id = DatasetVersionId { dataset: 0, version: 0 };
    assert_noticed(
        || {
            let record = Statements::<Test>::take(id, (CAROL, Audited)).unwrap();
            let never = DatasetVersionId { dataset: 3, version: 0 };
            Statements::<Test>::insert(never, (CAROL, Audited), record);
        },
        "datasets 3: a statement about nothing",
    );
    assert_noticed(
        || Statements::<Test>::remove(id, (CAROL, Audited)),
        "datasets 3: held and recorded statements differ",
    );
}

#[test]
fn try_state_should_accept_any_status() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        DatasetVersions::<Test>::mutate(0, 0, |version| {
            version.as_mut().unwrap().status = vigil_primitives::model::VersionStatus::Revoked;
        });
    });
}
