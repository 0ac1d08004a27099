use crate::{mock::*, Error, Event, OpenJobs, Waiting};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{job::DeclineReason, JobStatus};

fn cancel(who: AccountId, job: u64) -> sp_runtime::DispatchResult {
    Jobs::cancel(RuntimeOrigin::signed(who), job)
}

#[test]
fn cancel_should_give_the_whole_escrow_back() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        assert_ok!(cancel(REQUESTER, id));
        assert_eq!((balance(REQUESTER), escrow_of(REQUESTER)), (FUNDS, 0));
        assert_eq!(status(id), JobStatus::Cancelled);
        assert_eq!(OpenJobs::<Test>::get(), 0);
        assert_eq!(Waiting::<Test>::iter_keys().count(), 0);
        let cancelled = Event::Cancelled { job: id, requester: REQUESTER, amount: MAX_PRICE };
        assert_eq!(events().last(), Some(&cancelled));
    });
}

#[test]
fn cancel_should_leave_nothing_to_draw() {
    Chain::default().build_and_execute(|| {
        let (first, second) = (queued(1), queued(1));
        assert_ok!(cancel(REQUESTER, first));
        next_block();
        assert_eq!(status(first), JobStatus::Cancelled);
        assert_eq!(workers_of(second).len(), 1);
    });
}

#[test]
fn cancel_should_refuse_another_account() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        assert_noop!(cancel(STRANGER, id), Error::<Test>::NotOwner);
    });
}

#[test]
fn cancel_should_refuse_an_unknown_job() {
    Chain::default().build_and_execute(|| {
        assert_noop!(cancel(REQUESTER, 0), Error::<Test>::NotFound);
    });
}

#[test]
fn cancel_should_refuse_a_job_that_is_not_queued() {
    Chain::default().build_and_execute(|| {
        let jobs = [assigned(1), committed(1), revealed(1), contested()];
        for id in jobs {
            assert_noop!(cancel(REQUESTER, id), Error::<Test>::NotQueued);
        }
    });
}

#[test]
fn cancel_should_refuse_a_job_that_has_ended() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        assert_ok!(cancel(REQUESTER, id));
        assert_noop!(cancel(REQUESTER, id), Error::<Test>::NotQueued);
    });
}

#[test]
fn cancel_should_take_a_job_that_is_queued_again() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let worker = RuntimeOrigin::signed(workers_of(id)[0]);
        assert_ok!(Jobs::decline(worker, id, DeclineReason::VersionUnavailable));
        assert_ok!(cancel(REQUESTER, id));
        assert_eq!(balance(REQUESTER), FUNDS);
    });
}
