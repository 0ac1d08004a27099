use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use vigil_primitives::{
    job::{commitment, Output, RefundReason},
    ContentHash, JobStatus,
};

#[test]
fn equal_results_should_shorten_no_window() {
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        let settle_at = now() + WINDOW;
        assert!(matches!(status(id), JobStatus::Revealed { settle_at: at, .. } if at == settle_at));
        let event = Event::Concluded { job: id, output: output(1), settle_at };
        assert_eq!(events().last(), Some(&event));
    });
}

#[test]
fn reveal_should_wait_for_the_challenge_window_when_one_answers_alone() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        let settle_at = now() + WINDOW;
        assert!(matches!(status(id), JobStatus::Revealed { settle_at: at, .. } if at == settle_at));
    });
}

#[test]
fn reveal_should_be_refused_before_every_replica_has_committed() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let [first, second] = workers_of(id)[..] else { panic!("not two") };
        assert_noop!(reveal(first, id, output(1)), Error::<Test>::RevealTooEarly);
        assert_ok!(commit(first, id, output(1)));
        assert_noop!(reveal(first, id, output(1)), Error::<Test>::RevealTooEarly);
        assert_noop!(reveal(second, id, output(1)), Error::<Test>::RevealTooEarly);
        assert_ok!(commit(second, id, output(1)));
        // Chance has not decided about an audit yet.
        assert_noop!(reveal(first, id, output(1)), Error::<Test>::RevealTooEarly);
        spare(id);
        assert_ok!(reveal(first, id, output(1)));
    });
}

#[test]
fn reveal_should_be_free_when_it_succeeds_only() {
    Chain::default().build_and_execute(|| {
        let id = committed(2);
        let worker = workers_of(id)[0];
        let origin = RuntimeOrigin::signed(worker);
        let wrong = Jobs::reveal(origin.clone(), id, output(2), salt(worker)).unwrap_err();
        assert_eq!(wrong.post_info.pays_fee, Pays::Yes);
        let info = Jobs::reveal(origin, id, output(1), salt(worker)).unwrap();
        assert_eq!(info.pays_fee, Pays::No);
    });
}

#[test]
fn reveal_should_refuse_what_was_not_committed() {
    Chain::default().build_and_execute(|| {
        let id = committed(1);
        let worker = workers_of(id)[0];
        assert_noop!(reveal(worker, id, output(2)), Error::<Test>::CommitmentMismatch);
        assert_noop!(
            Jobs::reveal(RuntimeOrigin::signed(worker), id, output(1), [0; 32]),
            Error::<Test>::CommitmentMismatch
        );
    });
}

#[test]
fn reveal_should_refuse_a_commitment_copied_from_another_worker() {
    Chain::default().build_and_execute(|| {
        let id = assigned(2);
        let [honest, copier] = workers_of(id)[..] else { panic!("not two") };
        let copied = commitment(&output(1), &salt(honest), &honest, id);
        assert_ok!(commit(honest, id, output(1)));
        assert_ok!(Jobs::commit(RuntimeOrigin::signed(copier), id, copied));
        spare(id);
        assert_ok!(reveal(honest, id, output(1)));
        // Salt and output are public now, and still reveal nothing in another's name.
        assert_noop!(
            Jobs::reveal(RuntimeOrigin::signed(copier), id, output(1), salt(honest)),
            Error::<Test>::CommitmentMismatch
        );
    });
}

#[test]
fn reveal_should_refuse_a_commitment_to_another_job() {
    Chain::default().workers(1).build_and_execute(|| {
        let (one, two) = (queued(1), queued(1));
        next_block();
        let elsewhere = commitment(&output(1), &salt(WORKER), &WORKER, one);
        assert_ok!(Jobs::commit(RuntimeOrigin::signed(WORKER), two, elsewhere));
        spare(two);
        assert_noop!(reveal(WORKER, two, output(1)), Error::<Test>::CommitmentMismatch);
    });
}

#[test]
fn reveal_should_refuse_more_tokens_than_the_job_asked_for() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        let worker = workers_of(id)[0];
        let output = Output { hash: ContentHash::repeat_byte(1), tokens: 1 };
        assert_ok!(commit(worker, id, output));
        spare(id);
        assert_noop!(reveal(worker, id, output), Error::<Test>::TooManyTokens);
    });
}

#[test]
fn reveal_should_take_a_text_of_one_token_up_to_what_the_job_asked_for() {
    Chain::default().build_and_execute(|| {
        let refused = [
            (0, Error::<Test>::TooFewTokens),
            (TOKENS_OUT + 1, Error::<Test>::TooManyTokens),
            (u32::MAX, Error::<Test>::TooManyTokens),
        ];
        for (tokens, error) in refused {
            let id = assigned_text(1);
            let worker = workers_of(id)[0];
            assert_ok!(commit(worker, id, text(1, tokens)));
            spare(id);
            assert_noop!(reveal(worker, id, text(1, tokens)), error);
        }
        for tokens in [1, TOKENS_OUT] {
            let id = assigned_text(1);
            let worker = workers_of(id)[0];
            assert_ok!(commit(worker, id, text(1, tokens)));
            spare(id);
            assert_ok!(reveal(worker, id, text(1, tokens)));
        }
    });
}

#[test]
fn reveal_should_contest_the_job_when_the_same_bytes_are_said_to_be_other_tokens() {
    Chain::default().build_and_execute(|| {
        let id = assigned_text(2);
        let workers = workers_of(id);
        for (worker, tokens) in workers.iter().zip([3, 4]) {
            assert_ok!(commit(*worker, id, text(1, tokens)));
        }
        spare(id);
        for (worker, tokens) in workers.iter().zip([3, 4]) {
            assert_ok!(reveal(*worker, id, text(1, tokens)));
        }
        assert!(matches!(status(id), JobStatus::Contested { .. }));
    });
}

#[test]
fn reveal_should_refuse_a_second_opening() {
    Chain::default().build_and_execute(|| {
        let id = committed(2);
        let worker = workers_of(id)[0];
        assert_ok!(reveal(worker, id, output(1)));
        assert_noop!(reveal(worker, id, output(1)), Error::<Test>::AlreadyRevealed);
        assert_ok!(reveal(workers_of(id)[1], id, output(1)));
        assert_noop!(reveal(worker, id, output(1)), Error::<Test>::AlreadyRevealed);
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        assert_noop!(reveal(worker, id, output(1)), Error::<Test>::AlreadyRevealed);
    });
}

#[test]
fn reveal_should_refuse_a_worker_that_is_too_late() {
    Chain::default().build_and_execute(|| {
        let id = committed(1);
        let worker = workers_of(id)[0];
        for _ in 0..REVEAL_PERIOD + 1 {
            busy_block();
        }
        assert_noop!(reveal(worker, id, output(1)), Error::<Test>::TooLate);
    });
}

#[test]
fn reveal_should_refuse_strangers_and_unknown_jobs() {
    Chain::default().build_and_execute(|| {
        let id = committed(1);
        assert_noop!(reveal(STRANGER, id, output(1)), Error::<Test>::NotAssigned);
        assert_noop!(reveal(STRANGER, id + 1, output(1)), Error::<Test>::NotFound);
    });
}

#[test]
fn reveal_should_contest_the_job_when_outputs_differ() {
    Chain::default().build_and_execute(|| {
        let id = contested();
        let until = now() + CONTESTED_FOR;
        assert!(matches!(status(id), JobStatus::Contested { until: at, .. } if at == until));
        assert_eq!(events().last(), Some(&Event::Contested { job: id, until }));
        assert_eq!(Contested::get(), [id]);
        assert_eq!(escrow_of(REQUESTER), MAX_PRICE);
        for account in workers_of(id) {
            assert_eq!(worker(account).active, 1);
        }
    });
}

#[test]
fn a_contested_job_should_be_refunded_whole_when_nothing_is_decided() {
    Chain::default().build_and_execute(|| {
        let id = contested();
        let workers = workers_of(id);
        run_to(now() + CONTESTED_FOR);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::Undecided });
        assert_eq!(balance(REQUESTER), FUNDS);
        for account in workers {
            assert_eq!(balance(account), FUNDS - MIN_BOND);
            assert_eq!(worker(account).bond, MIN_BOND);
            assert_eq!(worker(account).reputation.contested, 1);
        }
    });
}

#[test]
fn a_contest_should_go_on_when_nobody_can_be_asked_to_decide() {
    Chain::default().build_and_execute(|| {
        DisputesFail::set(true);
        let id = contested();
        assert!(matches!(status(id), JobStatus::Contested { .. }));
        assert!(matches!(events().last(), Some(Event::NotDisputed { job, .. }) if *job == id));
        assert_eq!(sp_io::storage::get(b"half-written"), None);
    });
}

#[test]
fn a_withheld_opening_should_not_block_the_others() {
    Chain::default().build_and_execute(|| {
        let id = committed(3);
        let [first, second, silent] = workers_of(id)[..] else { panic!("not three") };
        assert_ok!(reveal(first, id, output(1)));
        assert_ok!(reveal(second, id, output(1)));
        run_to(now() + REVEAL_PERIOD + 1);
        run_to(now() + WINDOW);
        let JobStatus::Settled { replicas, receipt, .. } = status(id) else {
            panic!("not settled")
        };
        assert_eq!(replicas.len(), 2);
        assert_eq!(receipt.workers, 2 * reward(ASK));
        assert_eq!(balance(silent), FUNDS - MIN_BOND);
        assert_eq!(worker(silent).bond, MIN_BOND - SLASH);
        assert_eq!(worker(silent).reputation.expired, 1);
        // The silent worker's share is part of what came back.
        assert_eq!(balance(REQUESTER), FUNDS - MAX_PRICE + receipt.requester);
    });
}

#[test]
fn a_single_opening_of_two_should_wait_for_the_challenge_window() {
    Chain::default().build_and_execute(|| {
        let id = committed(2);
        assert_ok!(reveal(workers_of(id)[0], id, output(1)));
        run_to(now() + REVEAL_PERIOD + 1);
        let settle_at = now() + WINDOW;
        assert!(matches!(status(id), JobStatus::Revealed { settle_at: at, .. } if at == settle_at));
    });
}

#[test]
fn a_job_should_be_assigned_again_when_nobody_reveals() {
    Chain::default().workers(4).build_and_execute(|| {
        let id = committed(2);
        let silent = workers_of(id);
        run_to(now() + REVEAL_PERIOD + 1);
        assert_eq!(job(id).attempts, 1);
        assert!(workers_of(id).iter().all(|worker| !silent.contains(worker)));
        assert_eq!(workers_of(id).len(), 2);
        for account in silent {
            assert_eq!(worker(account).bond, MIN_BOND - SLASH);
        }
    });
}
