use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    traits::{NotCovered, WorkerPool},
    worker::BOND_COVER,
};

/// What a usual bond covers.
const ALL: u128 = BOND / BOND_COVER;

#[test]
fn a_bond_should_cover_channels_beside_jobs_and_without_a_place() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        engage_worker(ANNA);
        assert_eq!(Pool::cover(&ANNA, SERVED, ALL), Err(NotCovered::BondTooLow));
        assert_eq!(Pool::cover(&ANNA, SERVED, ALL - REWARD), Ok(ASK));
        let covering = worker(ANNA);
        assert_eq!((covering.active, covering.covered), (1, ALL - REWARD));
        assert_eq!(covering.unfinalised, ALL);
        assert_eq!(Pool::covered(&ANNA), ALL - REWARD);
        assert_eq!(Pool::cover(&ANNA, SERVED, 1), Err(NotCovered::BondTooLow));
        assert_eq!(engage(0), None);
        Pool::uncover(&ANNA, REWARD);
        assert!(engage(0).is_some());
    });
}

#[test]
fn cover_should_be_refused_of_workers_that_do_not_serve_or_take_nothing() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        assert_eq!(Pool::cover(&CARLA, SERVED, 1), Err(NotCovered::Unavailable));
        assert_eq!(Pool::cover(&ANNA, OTHER, 1), Err(NotCovered::NotServed));
        assert_eq!(Pool::cover(&ANNA, SERVED, u128::MAX), Err(NotCovered::BondTooLow));
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_eq!(Pool::cover(&ANNA, SERVED, 1), Err(NotCovered::Unavailable));
        miss(BEN, 3);
        assert_eq!(Pool::cover(&BEN, SERVED, 1), Err(NotCovered::Unavailable));
    });
}

#[test]
fn a_worker_should_stay_until_nothing_is_covered() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::cover(&ANNA, SERVED, 2));
        assert_ok!(Pool::cover(&ANNA, SERVED, 1));
        assert_ok!(Pool::drain(signed(ANNA)));
        Pool::uncover(&ANNA, 2);
        assert_noop!(Pool::unbond(signed(ANNA)), Error::<Test>::StillEngaged);
        Pool::uncover(&ANNA, 1);
        assert_ok!(Pool::unbond(signed(ANNA)));
    });
}
