//! A crowd of jobs that nobody serves delays no other job and costs the blocks nothing.
//!
//! Measured in blocks and in weight, never in seconds.

use crate::{
    mock::*,
    types::{JobRecordOf, JobSpecOf},
    waiting::{Standing, LOOKS},
    InLine, Jobs as JobStore, NextJob, WeightInfo,
};
use frame_support::{assert_ok, traits::Hooks, weights::Weight};

const CROWD: u64 = 100_000;

/// So many jobs, without any weight spent on them yet.
fn crowd(count: u64, change: impl Fn(&mut JobSpecOf<Test>)) {
    MaxOpenJobs::set(2 * CROWD as u32);
    MaxOpenJobsPerAccount::set(2 * CROWD as u32);
    for _ in 0..count {
        assert_ok!(submit_with(|spec| {
            spec.deadline = now() + MAX_DURATION;
            change(spec);
        }));
    }
}

/// Gives every job in line its look, however many there are.
fn look_at_all() {
    let usual = ServiceWeight::get();
    ServiceWeight::set(Weight::MAX);
    start_block();
    ServiceWeight::set(usual);
    assert_eq!(InLine::<Test>::iter().count(), 0);
}

/// The weight of the next block's service.
fn service() -> Weight {
    busy_block();
    Jobs::on_initialize(now())
}

fn in_standing(standing: Standing) -> usize {
    let stands =
        |job: &JobRecordOf<Test>| job.place.is_some_and(|place| place.standing == standing);
    JobStore::<Test>::iter_values().filter(stands).count()
}

/// Blocks from the submission of a job to its assignment.
fn latency(spec: JobSpecOf<Test>) -> u64 {
    let (id, before) = (NextJob::<Test>::get(), now());
    assert_ok!(submit_as(STRANGER, spec));
    while workers_of(id).is_empty() {
        start_block();
        assert_eq!(job(id).attempts, 0);
        assert!(!status(id).is_final());
    }
    now() - before
}

/// What an empty market's service weighs, and how long an ordinary job waits in it.
fn in_an_empty_market(chain: Chain) -> (Weight, u64) {
    let mut usual = (Weight::zero(), 0);
    chain.build_and_execute(|| {
        service();
        usual = (service(), latency(spec()));
    });
    usual
}

/// Checks that a crowd that sleeps changes neither.
fn assert_harmless(usual: (Weight, u64)) {
    for _ in 0..3 {
        assert_eq!(service(), usual.0);
    }
    for _ in 0..3 {
        assert_eq!(latency(spec()), usual.1);
    }
    assert_eq!(usual.1, 1);
}

#[test]
fn a_crowd_below_the_asks_should_delay_no_other_job() {
    let usual = in_an_empty_market(Chain::default());
    Chain::default().build_and_execute(|| {
        crowd(CROWD, |spec| spec.max_price = CHEAP);
        // They have not been looked at, and need not be.
        assert_eq!(latency(spec()), usual.1);
        assert_eq!(in_standing(Standing::Fresh), CROWD as usize);
        assert_harmless(usual);
    });
}

#[test]
fn a_crowd_that_no_bond_covers_should_delay_no_other_job() {
    // Rewards of 200,000 are covered: the small job's 36,864, and not the long one's 294,912.
    let chain = || Chain::default().asks(&[3 * ASK; 3]);
    let usual = in_an_empty_market(chain());
    chain().build_and_execute(|| {
        // They bid more than the ordinary job.
        crowd(CROWD, |spec| {
            spec.input = input(4 * TOKENS);
            spec.max_price = 20 * MAX_PRICE;
        });
        assert!(job(0).bid() > 2 * 3 * ASK);
        look_at_all();
        assert_eq!(in_standing(Standing::Passed), CROWD as usize);
        assert_harmless(usual);
    });
}

#[test]
fn a_crowd_that_lacks_workers_should_delay_no_other_job() {
    let usual = in_an_empty_market(Chain::default());
    Chain::default().build_and_execute(|| {
        crowd(CROWD, |spec| spec.policy.replicas = 3);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        look_at_all();
        assert_eq!(in_standing(Standing::Passed), CROWD as usize);
        assert_harmless(usual);
        // A worker that takes what there is wakes a few of them and no more.
        assert_ok!(Workers::bond_more(RuntimeOrigin::signed(WORKER + 1), 1));
        let few = Jobs::heaviest_turn() * u64::from(LOOKS + 1);
        assert!(service().all_lte(usual.0 + few));
        assert_eq!(service(), usual.0);
    });
}

#[test]
fn a_crowd_without_a_free_place_should_delay_no_job_of_another_version() {
    Chain::default().workers(2).build_and_execute(|| {
        for (worker, version) in [(WORKER, DECODER), (WORKER + 1, VERSION)] {
            assert_ok!(Workers::unserve(RuntimeOrigin::signed(worker), version));
        }
        crowd(8, |_| {});
        look_at_all();
        assert_eq!(worker(WORKER).free_places(), 0);
        service();
        let empty = service();

        crowd(CROWD, |spec| spec.max_price = 2 * MAX_PRICE);
        look_at_all();
        assert_eq!(in_standing(Standing::Short), CROWD as usize);
        assert_eq!(service(), empty);
        for _ in 0..3 {
            assert_eq!(latency(text_spec()), 1);
        }
    });
}

/// Weight for so many looks, after what the agenda needs.
fn weight_for(looks: u64) -> Weight {
    Weights::turn_page() * 2 + Jobs::look_weight(5) * looks
}

#[test]
fn a_crowd_of_new_jobs_should_delay_another_version_by_no_block() {
    Chain::default().workers(5).build_and_execute(|| {
        crowd(1_000, |spec| spec.max_price = 2 * MAX_PRICE);
        ServiceWeight::set(weight_for(3));
        for _ in 0..5 {
            assert_eq!(latency(text_spec()), 1);
        }
        assert!(in_standing(Standing::Fresh) > 900);
    });
}

#[test]
fn a_crowd_that_waits_for_places_should_delay_another_version_by_no_block() {
    Chain::default().workers(1).build_and_execute(|| {
        crowd(8, |_| {});
        look_at_all();
        crowd(1_000, |spec| spec.max_price = 2 * MAX_PRICE);
        assert_ok!(submit_text_with(|spec| spec.deadline = now() + MAX_DURATION));
        let other = NextJob::<Test>::get() - 1;
        look_at_all();
        assert_eq!(in_standing(Standing::Short), 1_001);

        assert_ok!(Workers::bond_more(RuntimeOrigin::signed(WORKER), 10 * MIN_BOND));
        pallet_workers::Workers::<Test>::mutate(WORKER, |worker| {
            worker.as_mut().unwrap().capacity = 200;
        });
        ServiceWeight::set(weight_for(3));
        start_block();
        assert_eq!(workers_of(other), [WORKER]);
    });
}
