use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    traits::{Outcome, WorkerPool},
    worker::WorkerStatus,
};

#[test]
fn unbond_should_begin_the_delay_and_keep_the_bond_held_when_idle() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::unbond(signed(ANNA)));
        assert_last_event(Event::UnbondingStarted { worker: ANNA, until: 51 });
        assert_eq!(worker(ANNA).status, WorkerStatus::Unbonding { until: 51 });
        assert_eq!(held(ANNA), BOND);
        assert!(!listed(SERVED, ANNA));
        assert_eq!(engage(0), None);
    });
}

#[test]
fn unbond_should_work_when_draining_or_in_jail() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_ok!(Pool::unbond(signed(ANNA)));
        miss(BEN, 3);
        assert_ok!(Pool::unbond(signed(BEN)));
    });
}

#[test]
fn unbond_should_refuse_when_engaged() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        engage_worker(ANNA);
        assert_noop!(Pool::unbond(signed(ANNA)), Error::<Test>::StillEngaged);
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_noop!(Pool::unbond(signed(ANNA)), Error::<Test>::StillEngaged);
        Pool::release(&ANNA, REWARD, false, Outcome::Released);
        assert_ok!(Pool::unbond(signed(ANNA)));
    });
}
