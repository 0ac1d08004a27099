use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{model::VersionStatus, ModelVersionId};

#[test]
fn revoke_should_be_final_when_active_or_deprecated() {
    ExtBuilder::default().model(ALICE).versions(2).build_and_execute(|| {
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 1));
        for number in [0, 1] {
            assert_ok!(Registry::revoke(signed(ALICE), 0, number));
            let id = ModelVersionId { model: 0, version: number };
            assert_last_event(Event::VersionRevoked { id });
            assert_eq!(version(0, number).status, VersionStatus::Revoked);
            assert_noop!(Registry::revoke(signed(ALICE), 0, number), Error::<Test>::AlreadyRevoked);
        }
    });
}

#[test]
fn revoke_should_refuse_when_grants_were_paid_for() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        PaidGrants::set(true);
        assert_noop!(Registry::revoke(signed(ALICE), 0, 0), Error::<Test>::PaidGrants);
        assert_noop!(Registry::revoke(signed(BOB), 0, 0), Error::<Test>::NotOwner);
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        assert_noop!(Registry::revoke(signed(ALICE), 0, 0), Error::<Test>::PaidGrants);
        PaidGrants::set(false);
        assert_ok!(Registry::revoke(signed(ALICE), 0, 0));
        PaidGrants::set(true);
        assert_noop!(Registry::revoke(signed(ALICE), 0, 0), Error::<Test>::AlreadyRevoked);
    });
}

#[test]
fn revoke_should_refuse_when_there_is_no_version_or_somebody_else_calls() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        assert_noop!(Registry::revoke(signed(ALICE), 0, 1), Error::<Test>::NotFound);
        assert_noop!(Registry::revoke(signed(BOB), 0, 0), Error::<Test>::NotOwner);
    });
}
