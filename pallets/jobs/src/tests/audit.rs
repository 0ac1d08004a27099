//! Audits: who is audited, by whom, who pays, and what follows when results differ.

use crate::{mock::*, AuditsPledged, Error, Event, VersionRecords};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    audit::{self, AuditPay, AuditRate, MAX_AUDIT_DRAWS, MAX_AUDIT_SEARCHES},
    job::{AuditState, DeclineReason, Receipt, RefundReason, Role},
    pricing,
    traits::{Claims, Conviction},
    worker::{Region, WorkerStatus, BOND_COVER},
    Balance, JobId, JobStatus, Permill,
};

/// A job whose worker has committed to output `n` and whose auditor has been drawn: both.
fn audited(n: u8) -> (JobId, AccountId, AccountId) {
    let id = assigned(1);
    let worker = workers_of(id)[0];
    assert_ok!(commit(worker, id, output(n)));
    next_block();
    (id, worker, auditor_of(id))
}

fn auditor_of(id: JobId) -> AccountId {
    job(id).auditor().expect("no auditor").worker
}

fn state(id: JobId) -> AuditState {
    job(id).audit.expect("not decided").state
}

fn settle(id: JobId) -> Receipt {
    run_to(now() + WINDOW);
    match status(id) {
        JobStatus::Settled { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    }
}

/// What an account has, bond included.
fn total(account: AccountId) -> Balance {
    use frame_support::traits::fungible::Inspect;
    Balances::total_balance(&account)
}

#[test]
fn whoever_has_no_record_should_be_audited() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        assert!(matches!(status(id), JobStatus::Auditing { .. }));
        assert_ne!(worker, auditor);
        let rate = job(id).audit.unwrap().rate;
        assert_eq!((rate.worker, rate.version), (Permill::one(), Permill::one()));
        assert!(events().contains(&Event::AuditorDrawn {
            job: id,
            auditor,
            subject: worker,
            chance: Permill::one(),
        }));
        // It shows in its assignments like any other, and commits before anybody reveals.
        assert_eq!(Jobs::assignments(auditor).len(), 1);
        assert_noop!(reveal(worker, id, output(1)), Error::<Test>::RevealTooEarly);
        assert_noop!(commit(worker, id, output(1)), Error::<Test>::AlreadyCommitted);
        assert_ok!(commit(auditor, id, output(1)));
        assert_ok!(reveal(worker, id, output(1)));
        assert!(matches!(status(id), JobStatus::Revealing { .. }));
        assert_ok!(reveal(auditor, id, output(1)));
        settle(id);
        assert_eq!(state(id), AuditState::Passed);
    });
}

#[test]
fn whoever_has_a_record_should_be_audited_as_often_as_it_takes() {
    Chain::default().build_and_execute(|| {
        Lucky::set(false);
        let mut drawn = 0u32;
        for _ in 0..400 {
            let id = assigned(1);
            let worker = workers_of(id)[0];
            assert_ok!(commit(worker, id, output(1)));
            next_block();
            if let Some(auditor) = job(id).auditor().map(|auditor| auditor.worker) {
                drawn += 1;
                assert_ok!(commit(auditor, id, output(1)));
            }
            for worker in workers_of(id) {
                assert_ok!(reveal(worker, id, output(1)));
            }
            run_to(now() + WINDOW);
        }
        let chance = {
            let reward = reward(ASK);
            AuditRate::new(reward, audit::stake(reward, MIN_BOND, SLASH), PROVEN, PROVEN).chance()
        };
        // 17.4 expected, standard deviation 4.1.
        assert_eq!(chance, Permill::from_parts(43_573));
        assert!((6..=32).contains(&drawn), "{drawn}");
    });
}

#[test]
fn the_worker_without_a_record_should_pay_its_auditor_but_for_the_protocol_fee() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        let before = [worker, auditor, TREASURY, REQUESTER].map(total);
        let fee = pricing::protocol_fee(ProtocolFee::get(), reward(ASK));
        assert_eq!(AuditsPledged::<Test>::get(), job(id).audit.unwrap().network);
        assert_ok!(commit(auditor, id, output(1)));
        assert_ok!(reveal(worker, id, output(1)));
        assert_ok!(reveal(auditor, id, output(1)));
        let receipt = settle(id);
        let network = job(id).audit.unwrap().network;
        let after = [worker, auditor, TREASURY, REQUESTER].map(total);
        assert_eq!(after[1] - before[1], reward(ASK), "the auditor has its whole pay");
        assert_eq!(receipt.auditor + network, reward(ASK));
        assert_eq!(receipt.workers, reward(ASK) - receipt.auditor);
        assert_eq!(after[0] - before[0], receipt.workers);
        // The network has paid from what the job has brought, and no more.
        assert!(network <= fee && network + 2 >= fee, "{network} of {fee}");
        assert_eq!(after[2] - before[2], fee - network);
        assert_eq!(receipt.requester, MAX_PRICE - reward(ASK) - fee - owner_fee());
        assert_eq!(AuditsPledged::<Test>::get(), 0);
        assert!(events().contains(&Event::Audited {
            job: id,
            auditor,
            paid: reward(ASK),
            network,
            bond: 0,
        }));
    });
}

#[test]
fn the_network_should_pay_for_what_fees_pay_for() {
    Chain::default().build_and_execute(|| {
        let id = audit_of_proven();
        let auditor = auditor_of(id);
        let (rate, subject) = (job(id).audit.unwrap().rate, workers_of(id)[0]);
        let own = AuditPay::new(
            reward(ASK),
            reward(ASK),
            ProtocolFee::get(),
            rate.chance(),
            Balance::MAX,
        )
        .reward;
        assert!(own < reward(ASK));
        assert_ok!(commit(auditor, id, output(1)));
        for worker in [subject, auditor] {
            assert_ok!(reveal(worker, id, output(1)));
        }
        let receipt = settle(id);
        assert_eq!(receipt.auditor, own);
        assert_eq!(job(id).audit.unwrap().network, reward(ASK) - own);
    });
}

/// A job of a worker with a record that chance has hit.
fn audit_of_proven() -> JobId {
    Lucky::set(false);
    loop {
        let id = assigned(1);
        assert_ok!(commit(workers_of(id)[0], id, output(1)));
        next_block();
        if job(id).auditor().is_some() {
            return id;
        }
        assert_ok!(reveal(workers_of(id)[0], id, output(1)));
        run_to(now() + WINDOW);
    }
}

#[test]
fn an_empty_treasury_should_leave_the_rest_to_the_worker() {
    Chain::default().without_treasury().build_and_execute(|| {
        let id = audit_of_proven();
        let (worker, auditor) = (workers_of(id)[0], auditor_of(id));
        let before = total(auditor);
        assert_ok!(commit(auditor, id, output(1)));
        for worker in [worker, auditor] {
            assert_ok!(reveal(worker, id, output(1)));
        }
        let receipt = settle(id);
        let fee = pricing::protocol_fee(ProtocolFee::get(), reward(ASK));
        assert!(receipt.auditor >= reward(ASK) - fee, "{receipt:?}");
        assert_eq!(total(auditor) - before, receipt.auditor + job(id).audit.unwrap().network);
    });
}

#[test]
fn a_requester_that_asks_for_an_audit_should_pay_for_it() {
    Chain::default().build_and_execute(|| {
        let id = crate::NextJob::<Test>::get();
        assert_ok!(submit_with(|spec| spec.policy.audited = true));
        next_block();
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(1)));
        next_block();
        let auditor = auditor_of(id);
        assert_ok!(commit(auditor, id, output(1)));
        for worker in [worker, auditor] {
            assert_ok!(reveal(worker, id, output(1)));
        }
        let receipt = settle(id);
        let fee = pricing::protocol_fee(ProtocolFee::get(), reward(ASK));
        assert_eq!((receipt.workers, receipt.auditor), (reward(ASK), reward(ASK)));
        assert_eq!((receipt.treasury, job(id).audit.unwrap().network), (2 * fee, 0));
        // A price that would do for one run does not for two.
        let one = pricing::total(owner_fee(), reward(ASK), ProtocolFee::get(), 1);
        let cheap = crate::NextJob::<Test>::get();
        assert_ok!(submit_with(|spec| {
            spec.policy.audited = true;
            spec.max_price = one;
        }));
        next_block();
        assert_eq!(status(cheap), JobStatus::Queued);
    });
}

#[test]
fn an_audit_that_is_asked_for_should_need_another_worker() {
    Chain::default().workers(1).build_and_execute(|| {
        let refused = submit_with(|spec| spec.policy.audited = true);
        assert_noop!(refused, Error::<Test>::TooFewWorkers);
        let none = submit_with(|spec| spec.policy.region = Some(Region(*b"1x")));
        assert_noop!(none, Error::<Test>::RegionInvalid);
    });
}

#[test]
fn an_audit_should_make_a_record_of_the_worker_and_of_the_version() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        assert_ok!(commit(auditor, id, output(1)));
        for worker in [worker, auditor] {
            assert_ok!(reveal(worker, id, output(1)));
        }
        settle(id);
        let seen = |who| Workers::worker_view(who).unwrap().reputation;
        assert_eq!(seen(worker).record.proven, reward(ASK));
        assert_eq!((seen(worker).passed, seen(worker).audits), (1, 0));
        assert_eq!((seen(auditor).passed, seen(auditor).audits), (0, 1));
        assert_eq!(seen(auditor).record.proven, 0);
        assert_eq!(Jobs::record_of(VERSION).proven, reward(ASK));
        System::set_block_number(now() + HALF_LIFE);
        assert_eq!(Jobs::record_of(VERSION).proven, reward(ASK) / 2);
        System::set_block_number(now() - HALF_LIFE);
        // The next audit is less likely.
        let again = assigned(1);
        assert_ok!(commit(workers_of(again)[0], again, output(1)));
        next_block();
        let rate = job(again).audit.unwrap().rate;
        assert!(rate.version < Permill::from_percent(12), "{rate:?}");
    });
}

#[test]
fn a_wrong_result_should_be_disputed_by_the_audit_itself() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(2);
        assert_ok!(commit(auditor, id, output(1)));
        for (worker, n) in [(worker, 2), (auditor, 1)] {
            assert_ok!(reveal(worker, id, output(n)));
        }
        assert!(matches!(status(id), JobStatus::Contested { .. }));
        assert_eq!(Contested::get(), [id]);

        // The referee finds the worker wrong: the auditor's result is the job's.
        let claim = vigil_primitives::dispute::ClaimId::Job { job: id, worker };
        assert_ok!(<Jobs as Claims<_>>::disputed(&claim));
        let before = [auditor, worker, OWNER].map(total);
        let conviction = Conviction {
            by: &auditor,
            fault: vigil_primitives::dispute::Fault::Element,
            disputes: 1,
            costs: 0,
        };
        let penalty = <Jobs as Claims<_>>::convicted(&claim, conviction);
        assert!(penalty.slashed >= reward(ASK) * BOND_COVER);
        assert_eq!(state(id), AuditState::Missed);
        let receipt = settle(id);
        let after = [auditor, worker, OWNER].map(total);
        assert_eq!(receipt.workers, reward(ASK), "the requester has its result for the price");
        assert_eq!(after[0] - before[0], reward(ASK) + penalty.bounty);
        assert_eq!(before[1] - after[1], penalty.slashed);
        assert_eq!(after[2] - before[2], owner_fee());
        assert_eq!(AuditsPledged::<Test>::get(), 0);
    });
}

#[test]
fn an_auditor_that_lies_should_be_convicted_and_the_worker_paid() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        assert_ok!(commit(auditor, id, output(2)));
        for (worker, n) in [(worker, 1), (auditor, 2)] {
            assert_ok!(reveal(worker, id, output(n)));
        }
        let claim = vigil_primitives::dispute::ClaimId::Job { job: id, worker: auditor };
        assert_ok!(<Jobs as Claims<_>>::disputed(&claim));
        let conviction = Conviction {
            by: &worker,
            fault: vigil_primitives::dispute::Fault::Element,
            disputes: 1,
            costs: 0,
        };
        let before = total(worker);
        let penalty = <Jobs as Claims<_>>::convicted(&claim, conviction);
        let receipt = settle(id);
        assert_eq!((receipt.workers, receipt.auditor), (reward(ASK), 0));
        assert_eq!(total(worker) - before, reward(ASK) + penalty.bounty);
        assert_eq!(state(id), AuditState::Missed);
        assert_eq!(VersionRecords::<Test>::get(VERSION).proven, 0, "nothing has been proven");
    });
}

#[test]
fn a_worker_that_is_audited_and_keeps_silent_should_lose_its_stake() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(2);
        let stake = audit::stake(reward(ASK), MIN_BOND, SLASH);
        let before = [worker, auditor].map(total);
        assert_ok!(commit(auditor, id, output(1)));
        assert_ok!(reveal(auditor, id, output(1)));
        run_to(now() + REVEAL_PERIOD + 2);
        assert!(events().contains(&Event::Silent { job: id, worker }));
        assert_eq!(before[0] - total(worker), stake);
        assert!(matches!(self::worker(worker).status, WorkerStatus::Jailed { .. }));
        // The auditor stands in for it. Nobody earns by the silence.
        let receipt = settle(id);
        assert_eq!((receipt.workers, receipt.auditor), (reward(ASK), 0));
        assert_eq!(total(auditor) - before[1], reward(ASK));
        let JobStatus::Settled { replicas, .. } = status(id) else { unreachable!() };
        assert_eq!((replicas[0].worker, replicas[0].role), (auditor, Role::Worker));
    });
}

#[test]
fn an_auditor_that_asks_more_than_the_workers_may_should_get_what_they_may() {
    // The auditor asks twice the price that the requester can pay.
    Chain::default().asks(&[ASK, 2 * ASK]).without_records().build_and_execute(|| {
        let id = crate::NextJob::<Test>::get();
        let price = pricing::total(owner_fee(), reward(ASK), ProtocolFee::get(), 1);
        assert_ok!(submit_with(|spec| spec.max_price = price));
        next_block();
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(2)));
        next_block();
        let auditor = auditor_of(id);
        assert_ok!(commit(auditor, id, output(1)));
        assert_ok!(reveal(auditor, id, output(1)));
        run_to(now() + REVEAL_PERIOD + 2);
        let receipt = settle(id);
        assert_eq!((receipt.workers, receipt.requester), (reward(ASK), 0));
    });
}

#[test]
fn a_worker_that_asks_less_than_others_should_pay_them_out_of_its_bond() {
    Chain::default().asks(&[ASK, 2 * ASK]).without_records().build_and_execute(|| {
        let id = loop {
            let id = crate::NextJob::<Test>::get();
            assert_ok!(submit_with(|spec| spec.max_price = 2 * MAX_PRICE));
            next_block();
            if workers_of(id) == [WORKER] {
                break id;
            }
        };
        let (bond, before) = (self::worker(WORKER).bond, total(WORKER + 1));
        assert_ok!(commit(WORKER, id, output(1)));
        next_block();
        assert_eq!(auditor_of(id), WORKER + 1);
        assert_ok!(commit(WORKER + 1, id, output(1)));
        for worker in [WORKER, WORKER + 1] {
            assert_ok!(reveal(worker, id, output(1)));
        }
        let receipt = settle(id);
        let audit = job(id).audit.unwrap();
        assert_eq!((receipt.workers, receipt.auditor), (0, reward(ASK)));
        assert_eq!(audit.network, reward(ASK) / 100);
        assert_eq!(receipt.auditor + audit.network + audit.bond, reward(2 * ASK));
        assert_eq!(self::worker(WORKER).bond, bond - audit.bond);
        // It has other jobs that are under way, and was paid for none.
        assert_eq!(total(WORKER + 1) - before, reward(2 * ASK));
        // Its bond was the smallest: it has to be topped up.
        assert!(matches!(self::worker(WORKER).status, WorkerStatus::Jailed { .. }));
    });
}

#[test]
fn an_auditor_that_is_silent_should_be_replaced_once_and_then_done_without() {
    Chain::default().workers(4).without_records().build_and_execute(|| {
        let (id, worker, first) = audited(1);
        run_to(now() + COMMIT_PERIOD + 3);
        let second = auditor_of(id);
        assert_ne!(first, second);
        assert_eq!(self::worker(first).bond, MIN_BOND - SLASH);
        assert_eq!(state(id), AuditState::Drawn);
        let declined =
            Jobs::decline(RuntimeOrigin::signed(second), id, DeclineReason::VersionUnavailable);
        assert_ok!(declined);
        assert_eq!(job(id).audit.unwrap().draws, MAX_AUDIT_DRAWS);
        assert_eq!(state(id), AuditState::Missed);
        assert!(events().contains(&Event::NotAudited { job: id }));
        assert_eq!(AuditsPledged::<Test>::get(), 0);
        assert_ok!(reveal(worker, id, output(1)));
        let receipt = settle(id);
        assert_eq!((receipt.workers, receipt.auditor), (reward(ASK), 0));
        assert_eq!(job(id).attempts, 0, "the audit is none of the workers' attempts");
        assert_eq!(Workers::worker_view(worker).unwrap().reputation.record.proven, 0);
    });
}

#[test]
fn a_job_should_go_on_when_there_is_nobody_to_audit_it() {
    for asks in [vec![ASK], vec![ASK, 3 * ASK]] {
        Chain::default().asks(&asks).without_records().build_and_execute(|| {
            let id = assigned(1);
            let worker = workers_of(id)[0];
            let price = pricing::reward(ASK, architecture().work(TOKENS, 0));
            assert_ok!(commit(worker, id, output(1)));
            next_block();
            // Whoever asks more than twice as much is not asked. Where there are others than the
            // worker a search is repeated, since a sample of many may have missed somebody.
            if worker == WORKER {
                if asks.len() > 1 {
                    assert_eq!(state(id), AuditState::Due);
                    assert_noop!(poke(id), Error::<Test>::NotDue);
                    run_to(now() + u64::from(MAX_AUDIT_SEARCHES) - 1);
                }
                assert_eq!(state(id), AuditState::Missed);
                assert_ok!(reveal(worker, id, output(1)));
                assert_eq!(settle(id).workers, price);
            }
        });
    }
}

#[test]
fn an_auditor_that_commits_and_does_not_reveal_should_be_slashed_and_leave_the_worker_its_pay() {
    Chain::default().without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        assert_ok!(commit(auditor, id, output(1)));
        assert_ok!(reveal(worker, id, output(1)));
        run_to(now() + REVEAL_PERIOD + 2);
        assert_eq!(self::worker(auditor).bond, MIN_BOND - SLASH);
        assert_eq!(state(id), AuditState::Missed);
        assert_eq!(settle(id).workers, reward(ASK));
    });
}

#[test]
fn nobody_should_be_paid_when_worker_and_auditor_keep_silent() {
    Chain::default().workers(2).without_records().build_and_execute(|| {
        let (id, worker, auditor) = audited(1);
        assert_ok!(commit(auditor, id, output(1)));
        run_to(now() + REVEAL_PERIOD + 2);
        assert_eq!(self::worker(auditor).bond, MIN_BOND - SLASH);
        assert!(self::worker(worker).bond < MIN_BOND - SLASH);
        assert_eq!(job(id).audit, None, "another attempt has another audit");
        run_to(now() + 25);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(escrow_of(REQUESTER), 0);
    });
}

#[test]
fn replicas_should_be_audited_by_somebody_else_and_all_be_proven() {
    Chain::default().workers(4).without_records().build_and_execute(|| {
        let id = assigned(2);
        let workers = workers_of(id);
        for worker in &workers {
            assert_ok!(commit(*worker, id, output(1)));
        }
        next_block();
        let auditor = auditor_of(id);
        assert!(!workers.contains(&auditor));
        assert_ok!(commit(auditor, id, output(1)));
        for worker in workers_of(id) {
            assert_ok!(reveal(worker, id, output(1)));
        }
        let receipt = settle(id);
        assert_eq!(receipt.workers + receipt.auditor, 2 * reward(ASK));
        for worker in workers {
            let seen = Workers::worker_view(worker).unwrap().reputation;
            assert_eq!((seen.record.proven, seen.passed), (reward(ASK), 1));
        }
    });
}

#[test]
fn an_auditor_should_be_drawn_when_everybody_is_busy() {
    Chain::default().workers(2).without_records().build_and_execute(|| {
        for worker in [WORKER, WORKER + 1] {
            let (url, capability) = profile();
            let update =
                Workers::update(RuntimeOrigin::signed(worker), url, [0; 32], capability, ASK, 1);
            assert_ok!(update);
        }
        let (one, two) = (queued(1), queued(1));
        next_block();
        for id in [one, two] {
            assert_ok!(commit(workers_of(id)[0], id, output(1)));
        }
        next_block();
        // Each audits the other, beside the one job that it has room for.
        assert_eq!(auditor_of(one), workers_of(two)[0]);
        assert_eq!(auditor_of(two), workers_of(one)[0]);
    });
}

#[test]
fn the_longer_the_work_the_more_blocks_should_be_mixed() {
    let mixed = |blocks: u64| Jobs::mixed(blocks);
    assert_eq!([0, 7, 8, 16, 119, 120, u64::MAX].map(mixed), [1, 1, 2, 3, 15, 16, 16]);
}
