use crate::{
    mock::*, types::Due, Agenda, AgendaCursor, Event, FirstJob, Inputs, Jobs as JobStore,
    WeightInfo,
};
use frame_support::{
    assert_ok,
    traits::{
        fungible::{MutateHold, Unbalanced},
        Hooks,
    },
    weights::Weight,
};
use vigil_primitives::{job::RefundReason, JobStatus};

/// Weight with which the agenda, which has half of it, runs so many transitions and no more.
fn weight_for(due: Due, count: u64) -> Weight {
    let step = <Weights as WeightInfo>::look().saturating_add(Jobs::step_weight(due, 0, 1));
    let half = <Weights as WeightInfo>::turn_page()
        .saturating_add(step.saturating_mul(count))
        .saturating_add(step / 2);
    half.saturating_mul(2)
}

/// Jobs that no worker can take and that are all due in the same block.
fn unfillable(count: u64) -> Vec<u64> {
    (0..count).map(|_| cheap()).collect()
}

fn refunded(jobs: &[u64]) -> usize {
    jobs.iter().filter(|id| matches!(status(**id), JobStatus::Refunded { .. })).count()
}

#[test]
fn the_agenda_should_spill_over_to_the_next_blocks_without_skipping() {
    Chain::default().build_and_execute(|| {
        let jobs = unfillable(7);
        let due = job(jobs[0]).deadline + 1;
        run_to(due - 1);
        ServiceWeight::set(weight_for(Due::Refund(RefundReason::NoWorker), 2));
        for done in [2, 4, 6] {
            start_block();
            assert_eq!(refunded(&jobs), done);
            assert_eq!(AgendaCursor::<Test>::get(), Some(due));
            Jobs::do_try_state().unwrap();
        }
        start_block();
        assert_eq!(refunded(&jobs), 7);
        // With so little weight it catches up with the pages block by block.
        run_to(now() + 5);
        assert_eq!(AgendaCursor::<Test>::get(), Some(now() + 1));
        assert_eq!(balance(REQUESTER), FUNDS);
    });
}

#[test]
fn the_agenda_should_use_the_idle_end_of_a_block() {
    Chain::default().build_and_execute(|| {
        let jobs = unfillable(7);
        run_to(job(jobs[0]).deadline);
        let weight = weight_for(Due::Refund(RefundReason::NoWorker), 2);
        ServiceWeight::set(weight);
        start_block();
        assert_eq!(refunded(&jobs), 2);
        assert_eq!(Jobs::on_idle(now(), Weight::zero()), Weight::zero());
        let used = Jobs::on_idle(now(), weight / 2);
        assert!(used.all_lte(weight / 2));
        assert_eq!(refunded(&jobs), 4);
        Jobs::on_idle(now(), Weight::MAX);
        assert_eq!(refunded(&jobs), 7);
    });
}

#[test]
fn the_hooks_should_never_exceed_their_weight() {
    Chain::default().build_and_execute(|| {
        let jobs = unfillable(20);
        ServiceWeight::set(weight_for(Due::Refund(RefundReason::NoWorker), 3));
        while refunded(&jobs) < jobs.len() {
            busy_block();
            let used = Jobs::on_initialize(now());
            assert!(used.all_lte(ServiceWeight::get()), "{used:?}");
            assert!(now() < 100);
        }
    });
}

#[test]
fn pages_passed_without_service_should_be_caught_up_in_order() {
    Chain::default().build_and_execute(|| {
        start_block();
        for deadline in [5, 9] {
            assert_ok!(submit_with(|spec| {
                spec.max_price = CHEAP;
                spec.deadline = deadline;
            }));
        }
        for _ in 0..30 {
            busy_block();
        }
        start_block();
        assert_eq!(refunded(&[0, 1]), 2);
        let order: Vec<_> = events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Refunded { job, .. } => Some(job),
                _ => None,
            })
            .collect();
        assert_eq!(order, [0, 1]);
    });
}

#[test]
fn stale_entries_should_be_dropped() {
    Chain::default().build_and_execute(|| {
        let id = queued(1);
        Agenda::<Test>::insert(3, id, ());
        Agenda::<Test>::insert(3, 77, ());
        run_to(3);
        assert_eq!(Agenda::<Test>::iter_key_prefix(3).count(), 0);
        assert_eq!(workers_of(id).len(), 1);
    });
}

#[test]
fn ended_jobs_should_be_kept_for_a_while_and_then_pruned() {
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        run_to(now() + WINDOW);
        let end = now();
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        run_to(end + RETENTION - 1);
        assert!(JobStore::<Test>::contains_key(id));
        next_block();
        assert!(!JobStore::<Test>::contains_key(id) && !Inputs::<Test>::contains_key(id));
        assert_eq!(events().last(), Some(&Event::Pruned { job: id }));
        assert_eq!(Agenda::<Test>::iter().count(), 0);
        assert_eq!(FirstJob::<Test>::get(), 1);
    });
}

#[test]
fn the_first_job_should_keep_up_with_jobs_pruned_out_of_order() {
    Chain::default().build_and_execute(|| {
        let cancel = |id| Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id);
        let jobs: Vec<_> = (0..6).map(|_| queued(1)).collect();
        for id in &jobs[1..] {
            assert_ok!(cancel(*id));
        }
        busy_block();
        assert_ok!(cancel(jobs[0]));
        run_to(1 + RETENTION);
        assert_eq!(FirstJob::<Test>::get(), 0);
        next_block();
        assert_eq!(FirstJob::<Test>::get(), 6);
    });
}

#[test]
fn a_transition_that_fails_should_change_nothing_and_be_tried_later() {
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        // An account that cannot take back what is left of its escrow: its balance is at the top.
        let rest = MAX_PRICE - owner_fee() - 2 * (reward(ASK) + reward(ASK).div_ceil(100));
        let top = u128::MAX - MAX_PRICE - rest / 2;
        assert_ok!(Balances::write_balance(&REQUESTER, top + MAX_PRICE));
        let before = job(id);
        run_to(now() + WINDOW);
        let until = now() + RETRY_PERIOD;
        assert_eq!(job(id), crate::JobRecord { wake_at: until, ..before });
        assert!(matches!(
            events().last(),
            Some(Event::Postponed { job, until: at, .. }) if *job == id && *at == until
        ));
        assert_eq!(escrow_of(REQUESTER), MAX_PRICE);
        assert_eq!(balance(OWNER), balance(OWNER).max(1));
        Jobs::do_try_state().unwrap();

        assert_ok!(Balances::write_balance(&REQUESTER, FUNDS));
        run_to(until - 1);
        assert_eq!(job(id).wake_at, until);
        next_block();
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        assert_eq!(count_events(|event| matches!(event, Event::Postponed { .. })), 1);
    });
}

#[test]
fn an_escrow_that_is_gone_should_be_reported_and_not_loop() {
    Chain::default().build().execute_with(|| {
        let id = revealed(2);
        let escrow = crate::HoldReason::Escrow.into();
        let precision = frame_support::traits::tokens::Precision::Exact;
        assert_ok!(Balances::release(&escrow, &REQUESTER, MAX_PRICE, precision));
        assert!(Jobs::do_try_state().is_err());
        run_to(now() + WINDOW + 2 * RETRY_PERIOD);
        assert!(matches!(status(id), JobStatus::Revealed { .. }));
        assert_eq!(count_events(|event| matches!(event, Event::Postponed { .. })), 3);
    });
}
