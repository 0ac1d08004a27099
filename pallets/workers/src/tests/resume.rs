use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::worker::WorkerStatus;

#[test]
fn resume_should_put_the_worker_back_on_every_list_when_draining() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::serve(signed(ANNA), OTHER));
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_ok!(Pool::resume(signed(ANNA)));
        assert_last_event(Event::Resumed { worker: ANNA });
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
        assert!(listed(SERVED, ANNA) && listed(OTHER, ANNA));
        assert_eq!(engage(0).unwrap().worker, ANNA);
    });
}

#[test]
fn resume_should_refuse_when_not_draining_or_in_jail() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_noop!(Pool::resume(signed(ANNA)), Error::<Test>::NotDraining);
        miss(ANNA, 3);
        assert_noop!(Pool::resume(signed(ANNA)), Error::<Test>::Jailed);
    });
}
