use crate::{mock::*, Error, Event, Serving};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::model::VersionStatus;

#[test]
fn unserve_should_close_the_gap_in_the_list_when_others_serve_too() {
    ExtBuilder::default().worker(ANNA).worker(BEN).worker(CARLA).build_and_execute(|| {
        assert_ok!(Pool::unserve(signed(ANNA), SERVED));
        assert_last_event(Event::ServingStopped { worker: ANNA, version: SERVED });
        assert!(worker(ANNA).serves.is_empty() && !listed(SERVED, ANNA));
        assert_eq!(Pool::serving_count(SERVED), 2);
        assert_eq!(Serving::<Test>::get(SERVED, 0), Some(CARLA));
        assert_eq!(Serving::<Test>::get(SERVED, 1), Some(BEN));
        Pool::do_try_state().unwrap();

        assert_ok!(Pool::unserve(signed(BEN), SERVED));
        assert_ok!(Pool::unserve(signed(CARLA), SERVED));
        assert_eq!(Pool::serving_count(SERVED), 0);
    });
}

#[test]
fn unserve_should_work_when_the_version_was_revoked_or_the_worker_drains() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        Published::mutate(|published| published.insert(SERVED, VersionStatus::Revoked));
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_ok!(Pool::unserve(signed(ANNA), SERVED));
        assert_ok!(Pool::resume(signed(ANNA)));
        assert!(!listed(SERVED, ANNA));
    });
}

#[test]
fn unserve_should_refuse_when_the_version_is_not_served() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::unserve(signed(ANNA), OTHER), Error::<Test>::NotServing);
        assert_ok!(Pool::unserve(signed(ANNA), SERVED));
        assert_noop!(Pool::unserve(signed(ANNA), SERVED), Error::<Test>::NotServing);
    });
}
