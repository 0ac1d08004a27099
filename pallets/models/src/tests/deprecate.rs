use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{model::VersionStatus, ModelVersionId};

#[test]
fn deprecate_should_change_the_status_and_nothing_else_when_active() {
    ExtBuilder::default().model(ALICE).versions(2).build_and_execute(|| {
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 1));
        assert_last_event(Event::VersionDeprecated { id: ModelVersionId { model: 0, version: 1 } });
        assert_eq!(version(0, 1).status, VersionStatus::Deprecated);
        assert_eq!(version(0, 1).spec, spec());
        assert_eq!(version(0, 0).status, VersionStatus::Active);
    });
}

#[test]
fn deprecate_should_refuse_when_it_is_too_late() {
    ExtBuilder::default().model(ALICE).versions(2).build_and_execute(|| {
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        assert_noop!(Registry::deprecate(signed(ALICE), 0, 0), Error::<Test>::AlreadyDeprecated);
        assert_ok!(Registry::revoke(signed(ALICE), 0, 1));
        assert_noop!(Registry::deprecate(signed(ALICE), 0, 1), Error::<Test>::AlreadyRevoked);
    });
}

#[test]
fn deprecate_should_refuse_when_there_is_no_version_or_somebody_else_calls() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        assert_noop!(Registry::deprecate(signed(ALICE), 0, 1), Error::<Test>::NotFound);
        assert_noop!(Registry::deprecate(signed(ALICE), 1, 0), Error::<Test>::NotFound);
        assert_noop!(Registry::deprecate(signed(BOB), 0, 0), Error::<Test>::NotOwner);
    });
}
