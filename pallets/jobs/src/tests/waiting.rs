//! What it costs to wait for a worker.

use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{
    job::{DeclineReason, RefundReason, WaitingCost},
    Balance, JobStatus,
};

const FEE: Balance = 1_000;
/// What [`spec`] may cost: it is due in 20 blocks.
const HELD: Balance = 20 * FEE;

fn chain() -> Chain {
    WaitingFee::set(FEE);
    Chain::default()
}

fn paid(amount: Balance) -> WaitingCost {
    WaitingCost::Paid { amount }
}

fn waited(job: u64, paid: Balance) -> Event<Test> {
    Event::Waited { job, paid, returned: HELD - paid }
}

#[test]
fn submit_should_hold_what_waiting_until_the_deadline_costs() {
    chain().build_and_execute(|| {
        let id = queued(1);
        assert_eq!((escrow_of(REQUESTER), waiting_of(REQUESTER)), (MAX_PRICE, HELD));
        assert_eq!(balance(REQUESTER), FUNDS - MAX_PRICE - HELD);
        assert_eq!(view(id).waiting, WaitingCost::Running { per_block: FEE });
        let (max_price, waiting) = (MAX_PRICE, HELD);
        let (requester, version) = (REQUESTER, VERSION);
        let submitted = Event::Submitted { job: id, requester, version, max_price, waiting };
        assert_eq!(events(), [submitted]);
    });
}

#[test]
fn submit_should_refuse_what_the_balance_does_not_cover_with_the_waiting() {
    chain().build_and_execute(|| {
        let most = FUNDS - ED - HELD;
        let at = |price| submit_with(|spec| spec.max_price = price);
        assert_noop!(at(most + 1), TokenError::FundsUnavailable);
        assert_ok!(at(most));
    });
    WaitingFee::set(Balance::MAX);
    Chain::default().build_and_execute(|| {
        assert_noop!(submit_with(|_| {}), TokenError::FundsUnavailable);
        assert_noop!(submit_with(|spec| spec.deadline = now() + 1), TokenError::FundsUnavailable);
    });
}

#[test]
fn an_assigned_job_should_have_paid_for_the_blocks_that_it_waited() {
    chain().build_and_execute(|| {
        let id = queued(1);
        next_block();
        assert_eq!(workers_of(id).len(), 1);
        assert_eq!((escrow_of(REQUESTER), waiting_of(REQUESTER)), (MAX_PRICE, 0));
        assert_eq!(balance(REQUESTER), FUNDS - MAX_PRICE - FEE);
        assert_eq!(balance(TREASURY), FUNDS + FEE);
        assert_eq!(view(id).waiting, paid(FEE));
        assert!(events().contains(&waited(id, FEE)));
    });
}

#[test]
fn a_job_that_waits_for_long_should_pay_for_every_block() {
    chain().workers(1).build_and_execute(|| {
        let id = queued(1);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        run_to(8);
        assert_eq!(waiting_of(REQUESTER), HELD);
        assert_ok!(Workers::resume(RuntimeOrigin::signed(WORKER)));
        next_block();
        assert_eq!((workers_of(id).len(), now()), (1, 9));
        assert_eq!(view(id).waiting, paid(8 * FEE));
        assert_eq!(balance(TREASURY), FUNDS + 8 * FEE);
    });
}

#[test]
fn a_refunded_job_should_have_paid_until_its_deadline_and_no_longer() {
    chain().build_and_execute(|| {
        let id = cheap();
        run_to(21);
        for _ in 0..5 {
            busy_block();
        }
        assert_ok!(poke(id));
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(view(id).waiting, paid(HELD));
        assert_eq!(balance(REQUESTER), FUNDS - HELD);
        assert_eq!(balance(TREASURY), FUNDS + HELD);
        let refunded = events().into_iter().rev().take(2).collect::<Vec<_>>();
        assert_eq!(refunded[1], waited(id, HELD));
        // The escrow is another matter: all of it is back.
        assert!(matches!(refunded[0], Event::Refunded { amount: CHEAP, .. }));
    });
}

#[test]
fn a_cancelled_job_should_have_paid_until_then() {
    for blocks in [0, 1, 7] {
        chain().build_and_execute(|| {
            let id = cheap();
            run_to(1 + blocks);
            assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id));
            let due = Balance::from(blocks) * FEE;
            assert_eq!(view(id).waiting, paid(due));
            assert_eq!((balance(REQUESTER), waiting_of(REQUESTER)), (FUNDS - due, 0));
            assert!(events().contains(&waited(id, due)));
        });
    }
}

#[test]
fn a_job_that_has_lost_its_worker_should_wait_again_for_free() {
    chain().workers(1).build_and_execute(|| {
        let id = assigned(1);
        let worker = RuntimeOrigin::signed(WORKER);
        assert_ok!(Jobs::decline(worker, id, DeclineReason::VersionUnavailable));
        assert_eq!(status(id), JobStatus::Queued);
        run_to(22);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(view(id).waiting, paid(FEE));
        assert_eq!(balance(REQUESTER), FUNDS - FEE);
        assert_eq!(count_events(|event| matches!(event, Event::Waited { .. })), 1);
    });
}

#[test]
fn what_the_treasury_cannot_be_credited_with_should_come_back() {
    WaitingFee::set(ED / 20);
    Chain::default().without_treasury().build_and_execute(|| {
        let jobs = [queued(1), cheap()];
        run_to(22);
        assert_eq!(workers_of(jobs[0]).len(), 1);
        assert!(status(jobs[1]).is_final());
        // One block of the first is too little for a new account; all of the second is enough.
        assert_eq!(view(jobs[0]).waiting, paid(0));
        assert_eq!(view(jobs[1]).waiting, paid(ED));
        assert_eq!(balance(TREASURY), ED);
        assert_eq!(waiting_of(REQUESTER), 0);
    });
}

#[test]
fn a_fee_that_changes_should_change_nothing_for_jobs_that_were_submitted_before() {
    chain().build_and_execute(|| {
        let id = queued(1);
        WaitingFee::set(50 * FEE);
        next_block();
        assert_eq!(view(id).waiting, paid(FEE));
        assert_eq!(waiting_of(REQUESTER), 0);
    });
}

#[test]
fn a_settled_job_should_cost_its_price_and_the_waiting() {
    chain().build_and_execute(|| {
        let id = revealed(2);
        run_to(now() + WINDOW);
        let JobStatus::Settled { receipt, .. } = status(id) else { panic!("not settled") };
        let spent = MAX_PRICE - receipt.requester + FEE;
        assert_eq!(balance(REQUESTER), FUNDS - spent);
        assert_eq!(balance(TREASURY), FUNDS + receipt.treasury + FEE);
    });
}

#[test]
fn cancel_should_be_refused_once_the_job_was_paid_for_and_assigned() {
    chain().build_and_execute(|| {
        let id = assigned(1);
        assert_noop!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id), Error::<Test>::NotQueued);
    });
}
