//! The registry as workers, jobs and the runtime API see it.

use crate::mock::*;
use frame_support::assert_ok;
use vigil_primitives::{model::VersionStatus, traits::ModelRegistry, ModelVersionId};

#[test]
fn version_should_tell_the_owner_and_the_status_of_the_moment() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        let id = ModelVersionId { model: 0, version: 0 };
        let registered = Registry::version(id).unwrap();
        assert_eq!((registered.owner, registered.status), (ALICE, VersionStatus::Active));
        assert_eq!(registered.spec, spec());

        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_ok!(Registry::accept(signed(BOB), 0));
        let registered = Registry::version(id).unwrap();
        assert_eq!((registered.owner, registered.status), (BOB, VersionStatus::Deprecated));
        assert_eq!(Registry::version(ModelVersionId { model: 0, version: 1 }), None);
        assert_eq!(Registry::version(ModelVersionId { model: 1, version: 0 }), None);
    });
}

#[test]
fn owner_should_be_whoever_owns_the_model_now_with_or_without_versions() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_eq!(Registry::owner(0), Some(ALICE));
        assert_eq!(Registry::owner(1), None);
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        assert_eq!(Registry::owner(0), Some(ALICE));
        assert_ok!(Registry::accept(signed(BOB), 0));
        assert_eq!(Registry::owner(0), Some(BOB));
        assert_eq!(<Registry as ModelRegistry<_>>::name(0), Some(name("model")));
        assert_eq!(<Registry as ModelRegistry<_>>::name(1), None);
    });
}

#[test]
fn model_views_should_be_pages_when_there_are_many_models() {
    let builder = (0..5).fold(ExtBuilder::default(), |builder, _| builder.model(ALICE));
    builder.versions(1).build_and_execute(|| {
        let ids = |from, limit| {
            Registry::model_views(from, limit).into_iter().map(|view| view.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(0, u32::MAX), [0, 1, 2, 3, 4]);
        assert_eq!(ids(1, 2), [1, 2]);
        assert_eq!(ids(4, 2), [4]);
        assert!(ids(5, 2).is_empty());
        assert!(ids(u32::MAX, u32::MAX).is_empty());
        assert!(ids(0, 0).is_empty());
        let view = Registry::model_view(3).unwrap();
        assert_eq!((view.owner, view.versions, view.pending_owner), (ALICE, 1, None));
        assert_eq!(view.name, name("model"));
    });
}

#[test]
fn version_view_should_carry_the_number_of_workers_it_is_given() {
    ExtBuilder::default().model(ALICE).versions(1).build_and_execute(|| {
        let id = ModelVersionId { model: 0, version: 0 };
        let view = Registry::version_view(id, 3).unwrap();
        assert_eq!((view.id, view.owner, view.workers), (id, ALICE, 3));
        assert!(Registry::version_view(ModelVersionId { model: 0, version: 1 }, 3).is_none());
    });
}
