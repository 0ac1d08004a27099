use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::worker::{Capability, DeviceClass};

#[test]
fn update_should_replace_what_the_worker_says_and_nothing_else_when_called() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let before = worker(ANNA);
        let gpu = Capability { device: DeviceClass::Gpu, ..CAPABILITY };
        assert_ok!(Pool::update(signed(ANNA), url("http://new"), [9; 32], gpu, 20, 5));
        assert_last_event(Event::Updated { worker: ANNA });

        let after = worker(ANNA);
        assert_eq!((after.endpoint, after.encryption_key), (url("http://new"), [9; 32]));
        assert_eq!((after.capability, after.ask, after.capacity), (gpu, 20, 5));
        assert_eq!((after.bond, after.serves), (before.bond, before.serves));
        assert_eq!((after.status, after.reputation), (before.status, before.reputation));
    });
}

#[test]
fn update_should_only_stop_new_jobs_when_the_capacity_falls_below_those_in_hand() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        engage_worker(ANNA);
        engage_worker(ANNA);
        assert_ok!(Pool::update(signed(ANNA), url("http://a"), [0; 32], CAPABILITY, ASK, 1));
        assert_eq!(worker(ANNA).active, 2);
        assert_eq!(engage(0), None);
    });
}

#[test]
fn update_should_refuse_when_a_value_would_be_refused_at_registration() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let update = |endpoint, ask, capacity| {
            Pool::update(signed(ANNA), url(endpoint), [0; 32], CAPABILITY, ask, capacity)
        };
        assert_noop!(update("gopher://a", ASK, 1), Error::<Test>::InvalidEndpoint);
        assert_noop!(update("http://a", 0, 1), Error::<Test>::AskOutOfRange);
        assert_noop!(update("http://a", ASK, 0), Error::<Test>::CapacityOutOfRange);
    });
}
