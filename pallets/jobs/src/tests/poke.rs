use crate::{mock::*, Agenda, Error, Event, Inputs, Jobs as JobStore};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{job::RefundReason, JobStatus};

/// Lets blocks pass in which the hooks have no weight.
fn busy_blocks(count: u64) {
    for _ in 0..count {
        busy_block();
    }
}

#[test]
fn poke_should_settle_a_job_that_is_due() {
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_blocks(WINDOW);
        assert_ok!(poke(id));
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn poke_should_expire_late_commitments() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let account = workers_of(id)[0];
        busy_blocks(COMMIT_PERIOD + 1);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_block();
        assert_ok!(poke(id));
        assert_eq!(status(id), JobStatus::Queued);
        assert_eq!(worker(account).bond, MIN_BOND - SLASH);
        assert!(events().contains(&Event::Expired { job: id, worker: account }));
    });
}

#[test]
fn poke_should_expire_late_openings() {
    Chain::default().build_and_execute(|| {
        let id = committed(2);
        assert_ok!(reveal(workers_of(id)[1], id, output(1)));
        busy_blocks(REVEAL_PERIOD);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_block();
        assert_ok!(poke(id));
        assert!(matches!(status(id), JobStatus::Revealed { .. }));
    });
}

#[test]
fn poke_should_refund_a_job_past_its_deadline() {
    Chain::default().build_and_execute(|| {
        let id = cheap();
        busy_blocks(20);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_block();
        assert_ok!(poke(id));
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(balance(REQUESTER), FUNDS);
    });
}

#[test]
fn poke_should_refund_a_contest_that_nobody_decided() {
    Chain::default().build_and_execute(|| {
        let id = contested();
        busy_blocks(CONTESTED_FOR - 1);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_block();
        assert_ok!(poke(id));
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::Undecided });
    });
}

#[test]
fn poke_should_prune_a_job_that_ended_long_ago() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id));
        busy_blocks(RETENTION - 1);
        assert_noop!(poke(id), Error::<Test>::NotDue);
        busy_block();
        assert_ok!(poke(id));
        assert!(!JobStore::<Test>::contains_key(id) && !Inputs::<Test>::contains_key(id));
        assert_eq!(Agenda::<Test>::iter().count(), 0);
        assert_noop!(poke(id), Error::<Test>::NotFound);
    });
}

#[test]
fn poke_should_be_charged_for_what_it_did() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id));
        busy_blocks(RETENTION);
        let info = Jobs::poke(RuntimeOrigin::signed(STRANGER), id).unwrap();
        assert!(info.actual_weight.unwrap().all_lt(Jobs::heaviest_step()));
    });
}
