use crate::{mock::*, Error, Event};
use frame_support::{
    assert_noop, assert_ok,
    dispatch::{GetDispatchInfo, Pays},
};
use vigil_primitives::{
    job::{commitment, ReplicaState},
    Hash, JobStatus,
};

#[test]
fn commit_should_keep_the_commitment_and_wait_for_the_others() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(1)));
        let expected = commitment(&output(1), &salt(worker), &worker, id);
        let JobStatus::Assigned { replicas } = status(id) else { panic!("not assigned") };
        assert_eq!(replicas[0].state, ReplicaState::Committed { commitment: expected });
        let event = Event::Committed { job: id, worker, commitment: expected };
        assert_eq!(events().last(), Some(&event));
    });
}

#[test]
fn commit_should_start_the_reveal_when_it_is_the_last() {
    Chain::default().build_and_execute(|| {
        let id = committed(3);
        let reveal_by = now() + REVEAL_PERIOD;
        assert!(
            matches!(status(id), JobStatus::Revealing { reveal_by: by, .. } if by == reveal_by)
        );
        assert_eq!(events().last(), Some(&Event::RevealStarted { job: id, reveal_by }));
    });
}

#[test]
fn commit_should_be_free_when_it_succeeds_only() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let worker = RuntimeOrigin::signed(workers_of(id)[0]);
        let call = crate::Call::<Test>::commit { job: id, commitment: Hash::zero() };
        assert_eq!(call.get_dispatch_info().pays_fee, Pays::Yes);
        let info = Jobs::commit(worker.clone(), id, Hash::zero()).unwrap();
        assert_eq!(info.pays_fee, Pays::No);
        let refused = Jobs::commit(worker, id, Hash::zero()).unwrap_err();
        assert_eq!(refused.post_info.pays_fee, Pays::Yes);
    });
}

#[test]
fn commit_should_be_taken_up_to_the_last_block() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        // 14,336 multiply-accumulates are one block of work beside the period.
        run_to(now() + COMMIT_PERIOD + 1);
        assert_ok!(commit(workers_of(id)[0], id, output(1)));
    });
}

#[test]
fn commit_should_refuse_a_worker_that_is_too_late() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let worker = workers_of(id)[0];
        for _ in 0..COMMIT_PERIOD + 2 {
            busy_block();
        }
        assert_noop!(commit(worker, id, output(1)), Error::<Test>::TooLate);
    });
}

#[test]
fn commit_should_refuse_a_second_commitment() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(1)));
        assert_noop!(commit(worker, id, output(2)), Error::<Test>::AlreadyCommitted);
        assert_ok!(commit(workers_of(id)[1], id, output(1)));
        assert_noop!(commit(worker, id, output(2)), Error::<Test>::AlreadyCommitted);
    });
}

#[test]
fn commit_should_refuse_an_account_that_was_not_drawn() {
    Chain::default().build_and_execute(|| {
        let waiting = cheap();
        let id = assigned(1);
        let other = (WORKER..WORKER + 3).find(|worker| !workers_of(id).contains(worker)).unwrap();
        for account in [other, REQUESTER, STRANGER] {
            assert_noop!(commit(account, id, output(1)), Error::<Test>::NotAssigned);
        }
        assert_noop!(commit(other, waiting, output(1)), Error::<Test>::NotAssigned);
    });
}

#[test]
fn commit_should_refuse_an_unknown_job() {
    Chain::default().build_and_execute(|| {
        assert_noop!(commit(WORKER, 0, output(1)), Error::<Test>::NotFound);
    });
}

#[test]
fn commit_should_refuse_a_job_that_was_refunded() {
    Chain::default().workers(1).build_and_execute(|| {
        let id = assigned(1);
        let worker = workers_of(id)[0];
        run_to(60);
        assert!(matches!(status(id), JobStatus::Refunded { .. }));
        assert_noop!(commit(worker, id, output(1)), Error::<Test>::NotAssigned);
    });
}
