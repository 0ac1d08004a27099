use crate::{mock::*, waiting::Standing, AssignedTo, Event, InLine, Waiting, WeightInfo};
use frame_support::assert_ok;
use vigil_primitives::{
    job::{RefundReason, ReplicaState},
    JobStatus,
};

#[test]
fn a_job_should_be_assigned_in_the_next_block() {
    Chain::default().build_and_execute(|| {
        let id = queued(2);
        assert_eq!(status(id), JobStatus::Queued);
        next_block();
        let JobStatus::Assigned { replicas } = status(id) else { panic!("not assigned") };
        assert_eq!(replicas.len(), 2);
        assert_ne!(replicas[0].worker, replicas[1].worker);
        // One block for 14,336 multiply-accumulates at 10,000 per block.
        let commit_by = now() + COMMIT_PERIOD + 1;
        for replica in replicas {
            assert_eq!(replica.state, ReplicaState::Assigned { commit_by });
            assert_eq!(worker(replica.worker).unfinalised, reward(ASK));
            assert!(AssignedTo::<Test>::contains_key(replica.worker, id));
            let (worker, ask) = (replica.worker, ASK);
            assert!(events().contains(&Event::Assigned { job: id, worker, ask, commit_by }));
        }
        assert_eq!(Waiting::<Test>::iter_keys().count(), 0);
    });
}

#[test]
fn jobs_of_one_bid_should_be_tried_in_their_order() {
    Chain::default().workers(0).build_and_execute(|| {
        register(STRANGER, ASK, MIN_BOND, 2);
        let jobs: Vec<_> = (0..3).map(|_| queued(1)).collect();
        next_block();
        assert_eq!(workers_of(jobs[0]).len(), 1);
        assert_eq!(workers_of(jobs[1]).len(), 1);
        assert_eq!(status(jobs[2]), JobStatus::Queued);
    });
}

#[test]
fn the_highest_bid_should_be_tried_first() {
    Chain::default().workers(0).build_and_execute(|| {
        register(STRANGER, ASK, MIN_BOND, 2);
        let jobs = [MAX_PRICE, 3 * MAX_PRICE, 2 * MAX_PRICE].map(priced);
        next_block();
        assert_eq!(status(jobs[0]), JobStatus::Queued);
        assert_eq!(workers_of(jobs[1]).len(), 1);
        assert_eq!(workers_of(jobs[2]).len(), 1);
    });
}

#[test]
fn a_bid_should_be_for_work_and_not_the_price_of_the_job() {
    Chain::default().workers(0).build_and_execute(|| {
        register(STRANGER, ASK, MIN_BOND, 1);
        let small = priced(MAX_PRICE);
        // Twice the price for more than four times the work.
        assert_ok!(submit_with(|spec| {
            spec.input = input(4 * TOKENS);
            spec.max_price = 2 * MAX_PRICE;
        }));
        next_block();
        assert_eq!(workers_of(small).len(), 1);
        assert_eq!(status(small + 1), JobStatus::Queued);
    });
}

#[test]
fn a_job_should_have_all_its_workers_or_none() {
    Chain::default().workers(3).build_and_execute(|| {
        let (big, small) = (queued(3), queued(2));
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER + 2)));
        next_block();
        assert_eq!(status(big), JobStatus::Queued);
        assert_eq!(workers_of(small).len(), 2);
        for account in [WORKER, WORKER + 1] {
            assert_eq!(worker(account).active, 1);
        }
    });
}

#[test]
fn a_job_that_finds_nobody_although_there_is_room_should_lose_its_place() {
    Chain::default().workers(3).build_and_execute(|| {
        let (big, small) = (queued(3), queued(3));
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER + 2)));
        next_block();
        assert_eq!([big, small].map(standing), [Some(Standing::Passed); 2]);
        assert!(job(big).place.unwrap().order < job(small).place.unwrap().order);
        // Nobody has anything to do: whoever stood in line has left it.
        assert_eq!(InLine::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_job_that_finds_no_free_place_should_keep_its_bid() {
    Chain::default().workers(0).build_and_execute(|| {
        register(STRANGER, ASK, MIN_BOND, 1);
        let first = queued(1);
        next_block();
        let (low, high) = (priced(MAX_PRICE), priced(2 * MAX_PRICE));
        next_block();
        assert_eq!([low, high].map(standing), [Some(Standing::Short); 2]);
        trust(STRANGER);
        assert_ok!(commit(STRANGER, first, output(1)));
        spare(first);
        assert_ok!(reveal(STRANGER, first, output(1)));
        run_to(now() + WINDOW - 1);
        next_block();
        assert!(matches!(status(first), JobStatus::Settled { .. }));
        assert_eq!((workers_of(high), status(low)), (vec![STRANGER], JobStatus::Queued));
    });
}

#[test]
fn a_job_should_wait_for_a_worker_and_be_refunded_past_its_deadline() {
    Chain::default().workers(2).build_and_execute(|| {
        let id = queued(2);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        run_to(21);
        assert_eq!(status(id), JobStatus::Queued);
        next_block();
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(balance(REQUESTER), FUNDS);
        assert_eq!(Waiting::<Test>::iter_keys().count(), 0);
    });
}

#[test]
fn a_job_should_be_assigned_in_its_last_block() {
    Chain::default().workers(2).build_and_execute(|| {
        let id = queued(2);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        run_to(20);
        register(STRANGER, ASK, MIN_BOND, 1);
        next_block();
        assert_eq!(now(), job(id).deadline);
        assert_eq!(workers_of(id).len(), 2);
    });
}

#[test]
fn workers_that_ask_too_much_should_not_be_drawn() {
    // 100,000 less the owner's fee of 2,016, less 1 %: 97,013 for 14,336 multiply-accumulates.
    Chain::default().asks(&[6_766_000_000, 6_768_000_000]).build_and_execute(|| {
        // Two such rewards are all that a bond covers.
        for _ in 0..2 {
            let id = queued(1);
            next_block();
            assert_eq!(workers_of(id), [WORKER]);
        }
    });
}

#[test]
fn late_commitments_should_be_replaced_by_other_workers() {
    Chain::default().workers(4).build_and_execute(|| {
        let id = assigned(2);
        let [quick, late] = workers_of(id)[..] else { panic!("not two") };
        assert_ok!(commit(quick, id, output(1)));
        run_to(now() + COMMIT_PERIOD + 2);
        let workers = workers_of(id);
        assert_eq!((workers.len(), workers[0]), (2, quick));
        assert!(!workers.contains(&late));
        assert_eq!(job(id).attempts, 1);
        assert_eq!(worker(late).bond, MIN_BOND - SLASH);
        assert_ok!(commit(workers[1], id, output(1)));
        spare(id);
        assert_ok!(reveal(quick, id, output(1)));
        assert_ok!(reveal(workers[1], id, output(1)));
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn a_job_should_be_refunded_when_its_workers_never_commit() {
    Chain::default().workers(8).build_and_execute(|| {
        assert_ok!(submit_with(|spec| spec.deadline = now() + MAX_DURATION));
        run_to(1 + 4 * (COMMIT_PERIOD + 2));
        assert!(!status(0).is_final());
        next_block();
        let reason = RefundReason::AttemptsExhausted;
        assert_eq!(status(0), JobStatus::Refunded { reason });
        assert_eq!(job(0).attempts, 4);
        assert_eq!(balance(REQUESTER), FUNDS);
        let slashed = (WORKER..WORKER + 8).filter(|w| worker(*w).bond < MIN_BOND).count();
        assert_eq!(slashed, 4);
    });
}

#[test]
fn a_committed_worker_should_be_released_unpaid_when_the_other_place_stays_empty() {
    Chain::default().workers(2).build_and_execute(|| {
        let id = assigned(2);
        let [quick, late] = workers_of(id)[..] else { panic!("not two") };
        assert_ok!(commit(quick, id, output(1)));
        run_to(job(id).deadline + 1);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!((worker(quick).active, worker(quick).bond), (0, MIN_BOND));
        assert_eq!(worker(late).bond, MIN_BOND - SLASH);
    });
}

#[test]
fn the_queue_should_go_on_in_the_next_block_when_the_weight_is_used_up() {
    Chain::default().workers(5).build_and_execute(|| {
        let jobs: Vec<_> = (0..4).map(|_| queued(1)).collect();
        // The agenda turns a page; then there is weight for one look.
        let one = Weights::turn_page()
            .saturating_mul(2)
            .saturating_add(Jobs::look_weight(5))
            .saturating_add(Weights::turn(1) / 2);
        ServiceWeight::set(one);
        for count in 1..=4 {
            start_block();
            let filled = jobs.iter().filter(|id| !workers_of(**id).is_empty()).count();
            assert_eq!(filled, count);
        }
    });
}

#[test]
fn cancelled_jobs_should_be_no_longer_in_the_way() {
    Chain::default().build_and_execute(|| {
        let jobs: Vec<_> = (0..20).map(|_| queued(1)).collect();
        for id in &jobs[..19] {
            assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), *id));
        }
        assert_eq!(Waiting::<Test>::iter_keys().count(), 1);
        next_block();
        assert_eq!(workers_of(jobs[19]).len(), 1);
    });
}

#[test]
fn draws_should_reach_every_worker() {
    Chain::default().workers(3).build_and_execute(|| {
        let jobs: Vec<_> = (0..20).map(|_| queued(1)).collect();
        next_block();
        let mut drawn: Vec<_> = jobs.iter().flat_map(|id| workers_of(*id)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [WORKER, WORKER + 1, WORKER + 2]);
    });
}
