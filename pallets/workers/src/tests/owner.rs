use crate::{mock::*, Error, Event, Owners};
use frame_support::{assert_noop, assert_ok};
use std::collections::BTreeSet;
use vigil_primitives::{
    traits::{Outcome, Unfilled, Vacancy, WorkerPool},
    worker::Owner,
};

/// Not a worker.
const OWNER: AccountId = 900;

fn own(worker: AccountId, owner: AccountId) {
    assert_ok!(Pool::name_owner(signed(worker), Some(owner)));
    assert_ok!(Pool::confirm_worker(signed(owner), worker));
}

/// Those whom a job of so many replicas gets.
fn pair(seed: u64, replicas: u8) -> Result<BTreeSet<AccountId>, Unfilled> {
    let found = Pool::engage(&Vacancy { replicas, ..vacancy(seed) }).found?;
    for engagement in &found {
        Pool::release(&engagement.worker, engagement.reward, false, Outcome::Released);
    }
    Ok(found.into_iter().map(|engagement| engagement.worker).collect())
}

#[test]
fn an_owner_should_count_when_both_have_said_so() {
    (1..=3).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        assert_ok!(Pool::name_owner(signed(1), Some(OWNER)));
        assert_last_event(Event::OwnerNamed { worker: 1, owner: Some(OWNER) });
        assert_ok!(Pool::confirm_worker(signed(OWNER), 1));
        assert_last_event(Event::OwnerConfirmed { worker: 1, owner: OWNER });
        assert_ok!(Pool::name_owner(signed(2), Some(OWNER)));
        let drawn: BTreeSet<_> = (0..200).map(|seed| pair(seed, 2).unwrap()).collect();
        assert_eq!(
            drawn.len(),
            3,
            "the second is not confirmed, so all pairs are drawn: {drawn:?}"
        );

        assert_ok!(Pool::confirm_worker(signed(OWNER), 2));
        let drawn: BTreeSet<_> = (0..200).map(|seed| pair(seed, 2).unwrap()).collect();
        assert_eq!(drawn, BTreeSet::from([BTreeSet::from([1, 3]), BTreeSet::from([2, 3])]));
        assert_eq!(pair(0, 3), Err(Unfilled::Unfit), "there are only two owners");
    });
}

#[test]
fn an_owner_that_is_a_worker_should_be_one_of_its_own() {
    (1..=2).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        own(1, 2);
        assert_eq!(pair(0, 2), Err(Unfilled::Unfit));
        // And a former one's jobs are not given to it.
        let vacancy = Vacancy { exclude: &[2], ..vacancy(0) };
        assert_eq!(drawn(&vacancy), None);
        assert_ok!(Pool::name_owner(signed(1), None));
        assert_eq!(drawn(&vacancy).map(|engagement| engagement.worker), Some(1));
    });
}

#[test]
fn nobody_should_be_named_as_an_owner_without_its_word() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        assert_noop!(Pool::name_owner(signed(OWNER), Some(ANNA)), Error::<Test>::NotFound);
        assert_noop!(Pool::name_owner(signed(ANNA), Some(ANNA)), Error::<Test>::OwnOwner);
        assert_noop!(Pool::confirm_worker(signed(OWNER), ANNA), Error::<Test>::NotNamed);
        assert_ok!(Pool::name_owner(signed(ANNA), Some(BEN)));
        assert_noop!(Pool::confirm_worker(signed(OWNER), ANNA), Error::<Test>::NotNamed);
        assert!(pair(0, 2).is_ok(), "a competitor cannot be kept out of jobs");
        assert_ok!(Pool::confirm_worker(signed(BEN), ANNA));
        assert_noop!(Pool::confirm_worker(signed(BEN), ANNA), Error::<Test>::AlreadyConfirmed);
        // A new owner has to confirm again.
        assert_ok!(Pool::name_owner(signed(ANNA), Some(OWNER)));
        let named = Owner { account: OWNER, confirmed: false };
        assert_eq!(Pool::worker_view(ANNA).unwrap().owner, Some(named));
        assert!(pair(0, 2).is_ok());
    });
}

#[test]
fn a_worker_should_take_its_owner_with_it_when_it_leaves() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        own(ANNA, OWNER);
        unbonding(ANNA);
        System::set_block_number(51);
        assert_ok!(Pool::withdraw(signed(ANNA)));
        assert_eq!(Owners::<Test>::iter().count(), 0);
    });
}
