//! Configurations that a runtime must not start with, and storage that must not stand.

use crate::{mock::*, Models, ModelsOf, NextModelId, Pallet, Versions};
use frame_support::traits::Hooks;
use vigil_primitives::{model::VersionStatus, Balance};

fn integrity_test() {
    <Pallet<Test> as Hooks<u64>>::integrity_test();
}

#[test]
fn integrity_test_should_pass_when_the_configuration_is_sound() {
    integrity_test();
}

#[test]
#[should_panic = "OpSets is empty"]
fn integrity_test_should_panic_when_there_is_no_op_set() {
    OpSets::set(vec![]);
    integrity_test();
}

#[test]
#[should_panic = "OpSets holds 0"]
fn integrity_test_should_panic_when_an_op_set_is_0() {
    OpSets::set(vec![0, 1]);
    integrity_test();
}

#[test]
#[should_panic = "the deposit of the largest version overflows"]
fn integrity_test_should_panic_when_a_deposit_overflows() {
    DepositPerByte::set(Balance::MAX / 100);
    integrity_test();
}

/// Spoils the storage of two models with two versions each and checks that it is noticed.
fn assert_noticed(spoil: impl FnOnce(), message: &'static str) {
    ExtBuilder::default().model(ALICE).model(BOB).versions(2).build().execute_with(|| {
        Registry::do_try_state().unwrap();
        spoil();
        assert_eq!(Registry::do_try_state(), Err(message.into()));
    });
}

#[test]
fn try_state_should_fail_when_an_invariant_is_broken() {
    let change = |model, change: fn(&mut crate::Model<AccountId>)| {
        Models::<Test>::mutate(model, |record| change(record.as_mut().unwrap()))
    };
    assert_noticed(|| NextModelId::<Test>::put(1), "models 1: a number was never given");
    assert_noticed(|| NextModelId::<Test>::put(3), "models 1: a number is missing");
    assert_noticed(
        || Versions::<Test>::remove(0, 0),
        "models 2: a version between 0 and the count is missing",
    );
    assert_noticed(|| change(0, |m| m.versions = 1), "models 2: a version belongs to no model");
    assert_noticed(
        || change(0, |m| m.deposit = 1),
        "models 3: the versions' deposits exceed the model's",
    );
    assert_noticed(|| change(0, |m| m.deposit += 1), "models 4: held and recorded deposits differ");
    assert_noticed(
        || ModelsOf::<Test>::remove(ALICE, 0),
        "models 5: the owner's list lacks a model",
    );
    assert_noticed(
        || ModelsOf::<Test>::insert(BOB, 0, ()),
        "models 5: a list holds somebody else's model",
    );
    assert_noticed(|| change(0, |m| m.pending_owner = Some(ALICE)), "models 6: own offer");
    assert_noticed(|| change(0, |m| m.name = name("\n")), "models 7: bad name");
    assert_noticed(
        || {
            Versions::<Test>::mutate(0, 0, |version| {
                let version = version.as_mut().unwrap();
                version.status = VersionStatus::Revoked;
                version.spec.weights.len = 0;
            })
        },
        "models 7: bad specification",
    );
}
