//! Where workers say that they are.

use crate::{mock::*, Error, Event, HoldReason, Regions};
use frame_support::{assert_noop, assert_ok, traits::fungible::InspectHold};
use sp_runtime::DispatchError;
use vigil_primitives::{
    job::Role,
    traits::{Vacancy, WorkerPool},
    worker::Region,
};

const HERE: Region = Region(*b"DE");
const THERE: Region = Region(*b"FR");

fn declare(who: AccountId, region: Option<Region>) {
    assert_ok!(Pool::declare_region(signed(who), region));
}

fn deposit(who: AccountId) -> u128 {
    Balances::balance_on_hold(&HoldReason::Region.into(), &who)
}

#[test]
fn a_region_should_be_declared_with_a_deposit_that_stays_until_the_worker_has_left() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        declare(ANNA, Some(HERE));
        assert_last_event(Event::RegionDeclared { worker: ANNA, region: Some(HERE) });
        assert_eq!(Pool::worker_view(ANNA).unwrap().region, Some(HERE));
        assert_eq!(deposit(ANNA), RegionDeposit::get());
        declare(ANNA, Some(THERE));
        declare(ANNA, None);
        assert_eq!(deposit(ANNA), RegionDeposit::get());
        assert_eq!(room(), [ANNA; 3]);
        unbonding(ANNA);
        assert_noop!(Pool::declare_region(signed(ANNA), None), Error::<Test>::Unbonding);
        System::set_block_number(51);
        assert_ok!(Pool::withdraw(signed(ANNA)));
        assert_eq!((deposit(ANNA), Balances::free_balance(ANNA)), (0, FUNDS));
    });
}

#[test]
fn a_region_should_be_refused_when_it_is_none_or_cannot_be_paid_for() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let none = Some(Region(*b"d1"));
        assert_noop!(Pool::declare_region(signed(ANNA), none), Error::<Test>::RegionInvalid);
        assert_noop!(Pool::declare_region(signed(BEN), Some(HERE)), Error::<Test>::NotFound);
        assert_ok!(Balances::transfer_allow_death(signed(ANNA), BEN, FUNDS - BOND - 20));
        assert!(Pool::declare_region(signed(ANNA), Some(HERE)).is_err());
        assert_eq!(Regions::<Test>::get(ANNA), None);
    });
}

#[test]
fn a_region_that_is_refuted_should_cost_its_deposit() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        declare(ANNA, Some(HERE));
        let issuance = Balances::total_issuance();
        assert_noop!(Pool::refute_region(signed(BEN), ANNA), DispatchError::BadOrigin);
        assert_ok!(Pool::refute_region(RuntimeOrigin::root(), ANNA));
        let burned = RegionDeposit::get();
        assert_last_event(Event::RegionRefuted { worker: ANNA, burned });
        assert_eq!(Balances::total_issuance(), issuance - burned);
        assert_eq!((Regions::<Test>::get(ANNA), deposit(ANNA)), (None, 0));
        let again = Pool::refute_region(RuntimeOrigin::root(), ANNA);
        assert_noop!(again, Error::<Test>::NoRegion);
        // To take the word back is no way out.
        declare(ANNA, Some(HERE));
        declare(ANNA, None);
        assert_ok!(Pool::refute_region(RuntimeOrigin::root(), ANNA));
        assert_eq!(deposit(ANNA), 0);
    });
}

#[test]
fn a_job_of_a_region_should_be_given_to_workers_that_say_so() {
    ExtBuilder::default().worker(ANNA).worker(BEN).worker(CARLA).build_and_execute(|| {
        declare(BEN, Some(HERE));
        declare(CARLA, Some(THERE));
        let there = |role, seed| Vacancy { region: Some(HERE), role, ..vacancy(seed) };
        for seed in 0..2 {
            assert_eq!(drawn(&there(Role::Worker, seed)).unwrap().worker, BEN);
        }
        assert_eq!(drawn(&there(Role::Worker, 2)), None, "all its places are taken");
        assert_eq!(drawn(&there(Role::Auditor, 3)).unwrap().worker, BEN, "but for an audit");
        assert_eq!(drawn(&there(Role::Auditor, 4)), None);
        assert!(Pool::offers(SERVED, Some(HERE)).is_empty());
        assert_eq!(Pool::offers(SERVED, Some(THERE)), [(ASK, CARLA)]);
    });
}
