use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{traits::WorkerPool, worker::WorkerStatus};

#[test]
fn drain_should_stop_new_jobs_and_keep_those_in_hand_when_active() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        engage_worker(ANNA);
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_last_event(Event::Draining { worker: ANNA });
        assert_eq!(worker(ANNA).status, WorkerStatus::Draining);
        assert!(!listed(SERVED, ANNA) && Pool::serving(SERVED) == 0);
        assert_eq!(engage(0), None);

        Pool::release(&ANNA, REWARD, false, COMPLETED);
        assert_eq!(reputation(ANNA).completed, 1);
        assert_eq!(worker(ANNA).status, WorkerStatus::Draining);
    });
}

#[test]
fn drain_should_refuse_when_draining_already() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_noop!(Pool::drain(signed(ANNA)), Error::<Test>::AlreadyDraining);
    });
}

#[test]
fn drain_should_refuse_when_in_jail() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        miss(ANNA, 3);
        assert_noop!(Pool::drain(signed(ANNA)), Error::<Test>::Jailed);
    });
}
