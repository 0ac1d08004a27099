use crate::{mock::*, Error, Event, Workers};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    model::VersionStatus, traits::WorkerPool, worker::MAX_SERVED, ModelVersionId,
};

#[test]
fn serve_should_put_the_worker_on_the_list_when_it_is_active() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        assert_eq!(Pool::serving(OTHER), 0);
        assert_ok!(Pool::serve(signed(BEN), OTHER));
        assert_last_event(Event::ServingStarted { worker: BEN, version: OTHER });
        assert_eq!(worker(BEN).serves.to_vec(), [SERVED, OTHER]);
        assert!(listed(OTHER, BEN) && !listed(OTHER, ANNA));
        assert_eq!((Pool::serving_count(SERVED), Pool::serving_count(OTHER)), (2, 1));
        assert_eq!(Pool::serving(OTHER), 1);
    });
}

#[test]
fn serve_should_wait_with_the_list_when_the_worker_is_draining() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_ok!(Pool::serve(signed(ANNA), OTHER));
        assert!(!listed(OTHER, ANNA));
        assert_ok!(Pool::resume(signed(ANNA)));
        assert!(listed(OTHER, ANNA) && listed(SERVED, ANNA));
    });
}

#[test]
fn serve_should_refuse_when_the_version_is_unknown() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::serve(signed(ANNA), UNKNOWN), Error::<Test>::UnknownVersion);
    });
}

#[test]
fn serve_should_refuse_when_the_version_is_deprecated() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::serve(signed(ANNA), DEPRECATED), Error::<Test>::VersionDeprecated);
    });
}

#[test]
fn serve_should_refuse_when_the_version_is_revoked() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::serve(signed(ANNA), REVOKED), Error::<Test>::VersionRevoked);
    });
}

#[test]
fn serve_should_refuse_when_the_version_is_served_already() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::serve(signed(ANNA), SERVED), Error::<Test>::AlreadyServing);
    });
}

#[test]
fn serve_should_refuse_when_too_many_are_served() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let version = |model| ModelVersionId { model, version: 0 };
        for model in 1..MAX_SERVED {
            Published::mutate(|p| p.insert(version(model), VersionStatus::Active));
            assert_ok!(Pool::serve(signed(ANNA), version(model)));
        }
        assert_noop!(Pool::serve(signed(ANNA), OTHER), Error::<Test>::TooManyServed);
        assert_ok!(Pool::unserve(signed(ANNA), version(1)));
        assert_ok!(Pool::serve(signed(ANNA), OTHER));
        assert_eq!(Workers::<Test>::get(ANNA).unwrap().serves.len(), MAX_SERVED as usize);
    });
}
