//! What makes jobs be looked at again, and in which order.

use crate::{
    mock::*,
    waiting::{Lane, Standing, Woken, LOOKS},
    InLine, LineEnds,
};
use frame_support::assert_ok;
use vigil_primitives::{
    model::Url,
    traits::Market,
    worker::{Capability, DeviceClass},
    Balance, JobStatus,
};

fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

fn update(worker: AccountId, ask: Balance, capacity: u16) {
    let url = Url::truncate_from(b"http://127.0.0.1:8080".to_vec());
    let capability = Capability { memory_mib: 1, device: DeviceClass::Cpu, gmacs_per_second: 1 };
    assert_ok!(Workers::update(signed(worker), url, [0; 32], capability, ask, capacity));
}

/// A job waits and nobody stands in line, for a few blocks.
fn asleep(id: u64) {
    for _ in 0..3 {
        next_block();
        assert_eq!(status(id), JobStatus::Queued);
        assert_eq!(InLine::<Test>::iter().count(), 0);
    }
}

/// What happens wakes a job that slept, and it is assigned in the next block.
fn wakes(id: u64, event: impl FnOnce()) {
    asleep(id);
    event();
    assert_eq!(status(id), JobStatus::Queued);
    next_block();
    assert_eq!(workers_of(id).len(), usize::from(job(id).policy.replicas));
}

#[test]
fn a_lower_ask_should_wake_the_jobs_that_offer_it_the_highest_bid_first() {
    Chain::default().workers(1).build_and_execute(|| {
        update(WORKER, ASK, 1);
        let jobs = [9_000, 11_000, 10_000].map(priced);
        asleep(jobs[1]);
        // Still too much for any of them, then enough for two.
        update(WORKER, ASK - 1, 1);
        asleep(jobs[1]);
        wakes(jobs[1], || update(WORKER, job(jobs[2]).bid(), 1));
        // The worker has no place for the others: they have not been looked at.
        assert_eq!([jobs[0], jobs[2]].map(standing), [Some(Standing::Fresh); 2]);
    });
}

#[test]
fn a_higher_ask_should_wake_nobody() {
    Chain::default().workers(1).build_and_execute(|| {
        let id = cheap();
        asleep(id);
        update(WORKER, 2 * ASK, 8);
        assert_eq!(InLine::<Test>::iter().count(), 0);
        asleep(id);
    });
}

#[test]
fn a_worker_that_joins_should_wake_jobs() {
    Chain::default().workers(1).build_and_execute(|| {
        let id = cheap();
        wakes(id, || register(STRANGER, ASK / 2, MIN_BOND, 1));
    });
}

#[test]
fn a_worker_that_resumes_should_wake_jobs() {
    Chain::default().workers(2).build_and_execute(|| {
        let id = queued(2);
        assert_ok!(Workers::drain(signed(WORKER)));
        wakes(id, || {
            assert_ok!(Workers::resume(signed(WORKER)));
        });
    });
}

#[test]
fn a_worker_that_returns_from_jail_should_wake_jobs() {
    Chain::default().workers(1).build_and_execute(|| {
        update(WORKER, ASK, 1);
        pallet_workers::Workers::<Test>::mutate(WORKER, |worker| {
            worker.as_mut().unwrap().reputation.expired_in_a_row = 2;
        });
        assigned(1);
        let id = 1;
        assert_ok!(submit_with(|spec| spec.deadline = now() + MAX_DURATION));
        run_to(now() + COMMIT_PERIOD + 2);
        assert!(!worker(WORKER).is_active());
        assert_ok!(Workers::bond_more(signed(WORKER), SLASH));
        run_to(now() + JAIL_PERIOD);
        wakes(id, || {
            assert_ok!(Workers::unjail(signed(WORKER)));
        });
    });
}

#[test]
fn a_place_that_is_added_should_wake_jobs() {
    Chain::default().workers(1).build_and_execute(|| {
        update(WORKER, ASK, 1);
        assigned(1);
        let id = queued(1);
        wakes(id, || update(WORKER, ASK, 2));
    });
}

#[test]
fn a_bond_that_is_added_should_wake_jobs() {
    // Covers rewards of 200,000: sixteen of the small jobs.
    Chain::default().asks(&[10 * ASK]).build_and_execute(|| {
        let id = priced(200_000);
        next_block();
        let next = priced(200_000);
        assert_eq!(workers_of(id).len(), 1);
        // The second would need cover for 245,760.
        next_block();
        assert_eq!(standing(next), Some(Standing::Passed));
        wakes(next, || {
            assert_ok!(Workers::bond_more(signed(WORKER), MIN_BOND));
        });
    });
}

#[test]
fn a_place_that_is_given_back_should_wake_jobs() {
    Chain::default().workers(1).build_and_execute(|| {
        update(WORKER, ASK, 1);
        let first = assigned(1);
        let id = queued(1);
        asleep(id);
        assert_ok!(commit(WORKER, first, output(1)));
        spare(first);
        assert_ok!(reveal(WORKER, first, output(1)));
        run_to(now() + WINDOW);
        // The agenda settles the one before the lines are served.
        assert!(matches!(status(first), JobStatus::Settled { .. }));
        assert_eq!(workers_of(id), [WORKER]);
    });
}

#[test]
fn a_new_job_should_come_before_one_that_has_lost_its_place() {
    Chain::default().workers(2).build_and_execute(|| {
        for worker in [WORKER, WORKER + 1] {
            update(worker, ASK, 1);
        }
        let lost = queued(2);
        assert_ok!(Workers::drain(signed(WORKER + 1)));
        asleep(lost);
        assert_eq!(standing(lost), Some(Standing::Passed));
        assert_ok!(Workers::resume(signed(WORKER + 1)));
        let new = priced(MAX_PRICE / 2);
        next_block();
        assert_eq!((workers_of(new).len(), status(lost)), (1, JobStatus::Queued));
    });
}

#[test]
fn jobs_that_have_lost_their_place_should_all_have_their_turn() {
    Chain::default().workers(3).build_and_execute(|| {
        MaxOpenJobsPerAccount::set(100);
        // Of three workers one will be there, then two: the last job alone can be served.
        let hopeless: Vec<_> = (0..20).map(|_| queued(3)).collect();
        assert_ok!(submit_with(|spec| {
            spec.policy.replicas = 2;
            spec.max_price = 60_000;
        }));
        let id = 20;
        for worker in [WORKER + 1, WORKER + 2] {
            assert_ok!(Workers::drain(signed(worker)));
        }
        next_block();
        assert!(hopeless.iter().all(|other| standing(*other) == Some(Standing::Passed)));
        assert_eq!(standing(id), Some(Standing::Passed));

        assert_ok!(Workers::resume(signed(WORKER + 1)));
        let looks = usize::from(LOOKS);
        for wake in 1.. {
            next_block();
            if !workers_of(id).is_empty() {
                // It is the last of 21, and of every four looks each is at another job.
                assert_eq!(wake, 20 / looks + 1);
                break;
            }
            assert!(wake <= 20 / looks, "it was never looked at");
            assert_ok!(Workers::bond_more(signed(WORKER), 1));
        }
    });
}

#[test]
fn a_worker_with_room_should_go_on_while_it_finds_jobs() {
    Chain::default().workers(1).build_and_execute(|| {
        update(WORKER, ASK, 1);
        assigned(1);
        let jobs: Vec<_> = (0..12).map(|_| queued(1)).collect();
        asleep(jobs[0]);
        // More than the looks that may find nobody.
        update(WORKER, ASK, 11);
        next_block();
        let drawn = jobs.iter().filter(|id| !workers_of(**id).is_empty()).count();
        assert_eq!(drawn, 10);
        assert_eq!(InLine::<Test>::iter().count(), 0);
    });
}

#[test]
fn nobody_should_stand_in_line_twice() {
    Chain::default().workers(1).build_and_execute(|| {
        for _ in 0..3 {
            cheap();
            Jobs::room(&WORKER);
        }
        for (lane, woken) in
            [(Lane::Versions, Woken::Version(VERSION)), (Lane::Workers, Woken::Worker(WORKER))]
        {
            let ends = LineEnds::<Test>::get(lane);
            assert_eq!(ends.tail - ends.head, 1);
            assert_eq!(InLine::<Test>::get(woken).unwrap().looks, LOOKS);
        }
    });
}

#[test]
fn room_should_be_forgotten_when_nothing_waits() {
    Chain::default().workers(1).build_and_execute(|| {
        Jobs::room(&WORKER);
        assert_eq!(InLine::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_worker_that_takes_nothing_any_more_should_leave_the_line() {
    Chain::default().workers(2).build_and_execute(|| {
        let id = cheap();
        next_block();
        update(WORKER, ASK / 2, 1);
        assert_ok!(Workers::drain(signed(WORKER)));
        next_block();
        assert_eq!((standing(id), InLine::<Test>::iter().count()), (Some(Standing::Fresh), 0));
    });
}
