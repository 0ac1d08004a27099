use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchResult;
use vigil_primitives::{
    job::{DeclineReason, RefundReason, MAX_ATTEMPTS},
    JobStatus,
};

fn decline(who: AccountId, job: u64) -> DispatchResult {
    Jobs::decline(RuntimeOrigin::signed(who), job, DeclineReason::InputUnavailable)
}

#[test]
fn decline_should_let_the_worker_go_without_a_slash() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let account = workers_of(id)[0];
        assert_ok!(decline(account, id));
        assert_eq!(status(id), JobStatus::Queued);
        assert_eq!(job(id).attempts, 1);
        let record = worker(account);
        assert_eq!((record.active, record.bond, record.reputation.declined), (0, MIN_BOND, 1));
        let reason = DeclineReason::InputUnavailable;
        assert!(events().contains(&Event::Declined { job: id, worker: account, reason }));
        assert_eq!(events().last(), Some(&Event::Requeued { job: id, attempts: 1 }));
    });
}

#[test]
fn decline_should_give_the_job_to_another_worker() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let [first, second] = workers_of(id)[..] else { panic!("not two") };
        assert_ok!(commit(first, id, output(1)));
        assert_ok!(decline(second, id));
        next_block();
        let workers = workers_of(id);
        assert_eq!(workers.len(), 2);
        assert!(workers.contains(&first) && !workers.contains(&second));
        assert_ok!(commit(workers[1], id, output(1)));
        assert!(matches!(status(id), JobStatus::Committed { .. }));
    });
}

#[test]
fn decline_should_refund_the_job_after_too_many_attempts() {
    Chain::default().workers(6).build_and_execute(|| {
        let id = queued(2);
        for attempt in 0..=MAX_ATTEMPTS {
            assert_eq!(job(id).attempts, attempt);
            next_block();
            assert_ok!(decline(workers_of(id)[1], id));
        }
        let reason = RefundReason::AttemptsExhausted;
        assert_eq!(status(id), JobStatus::Refunded { reason });
        assert_eq!(balance(REQUESTER), FUNDS);
        let amount = MAX_PRICE;
        let refunded = Event::Refunded { job: id, requester: REQUESTER, amount, reason };
        assert_eq!(events().last(), Some(&refunded));
    });
}

#[test]
fn decline_should_refund_the_job_when_its_deadline_has_passed() {
    Chain::default().build_and_execute(|| {
        assert_ok!(submit_with(|spec| spec.deadline = 2));
        run_to(3);
        assert_ok!(decline(workers_of(0)[0], 0));
        assert_eq!(status(0), JobStatus::Refunded { reason: RefundReason::NoWorker });
    });
}

#[test]
fn decline_should_be_refused_after_committing() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(1)));
        assert_noop!(decline(worker, id), Error::<Test>::AlreadyCommitted);
        assert_ok!(commit(workers_of(id)[1], id, output(1)));
        assert_noop!(decline(worker, id), Error::<Test>::AlreadyCommitted);
    });
}

#[test]
fn decline_should_be_refused_past_the_deadline_of_the_commitment() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let worker = workers_of(id)[0];
        for _ in 0..COMMIT_PERIOD + 2 {
            busy_block();
        }
        assert_noop!(decline(worker, id), Error::<Test>::TooLate);
    });
}

#[test]
fn decline_should_refuse_strangers_and_unknown_jobs() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        assert_noop!(decline(STRANGER, id), Error::<Test>::NotAssigned);
        assert_noop!(decline(STRANGER, id + 1), Error::<Test>::NotFound);
    });
}
