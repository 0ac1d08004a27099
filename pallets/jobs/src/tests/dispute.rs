//! Results that are disputed: the job waits, and what follows for the worker and the requester.

use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    dispute::{ClaimId, Fault},
    job::RefundReason,
    pricing,
    traits::{Claims, Conviction},
    ContentHash, JobStatus,
};

fn claim(job: u64, worker: AccountId) -> ClaimId<AccountId> {
    ClaimId::Job { job, worker }
}

fn dispute(job: u64, worker: AccountId) {
    assert_ok!(<Jobs as Claims<_>>::disputed(&claim(job, worker)));
}

fn uphold(job: u64, worker: AccountId) {
    <Jobs as Claims<_>>::upheld(&claim(job, worker));
}

fn convict(job: u64, worker: AccountId, fault: Fault) -> vigil_primitives::dispute::Penalty {
    let conviction = Conviction { by: &STRANGER, fault, disputes: 1, costs: 100 };
    <Jobs as Claims<_>>::convicted(&claim(job, worker), conviction)
}

#[test]
fn a_claim_should_say_what_was_run_and_what_came_out() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        let worker = workers_of(id)[0];
        let said = <Jobs as Claims<_>>::claim(&claim(id, worker)).unwrap();
        assert_eq!((said.version, said.tokens_in), (VERSION, TOKENS));
        assert_eq!(said.output, output(1));
        let bytes: Vec<u8> = (0..TOKENS).flat_map(|token| (token % 100).to_le_bytes()).collect();
        assert_eq!(said.input, ContentHash::from(*blake3::hash(&bytes).as_bytes()));
        let strange = <Jobs as Claims<_>>::claim(&claim(id, STRANGER));
        assert_eq!(strange, Err(Error::<Test>::NotClaimed.into()));
        let unknown = <Jobs as Claims<_>>::claim(&claim(99, worker));
        assert_eq!(unknown, Err(Error::<Test>::NotFound.into()));
        let early = assigned(1);
        let worker = workers_of(early)[0];
        let early = <Jobs as Claims<_>>::claim(&claim(early, worker));
        assert_eq!(early, Err(Error::<Test>::NotClaimed.into()));
    });
}

#[test]
fn a_disputed_job_should_wait_and_be_paid_a_window_after_it_was_upheld() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        let worker = workers_of(id)[0];
        dispute(id, worker);
        dispute(id, worker);
        assert!(matches!(status(id), JobStatus::Disputed { .. }));
        run_to(now() + 5 * WINDOW);
        assert!(matches!(status(id), JobStatus::Disputed { .. }));
        assert_noop!(poke(id), Error::<Test>::NotDue);
        uphold(id, worker);
        assert!(matches!(status(id), JobStatus::Disputed { .. }));
        uphold(id, worker);
        let settle_at = now() + WINDOW;
        assert!(matches!(status(id), JobStatus::Revealed { settle_at: at, .. } if at == settle_at));
        run_to(settle_at);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn a_convicted_job_should_be_refunded_and_the_worker_lose_its_stake() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        let worker = workers_of(id)[0];
        dispute(id, worker);
        let (stranger, requester) = (balance(STRANGER), balance(REQUESTER));
        let penalty = convict(id, worker, Fault::Element);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::Convicted });
        assert_eq!(balance(REQUESTER), requester + MAX_PRICE);
        let least = 10 * SLASH;
        let stake = (50 * reward(ASK)).max(least).min(MIN_BOND);
        assert_eq!(penalty, pricing::split_slash(stake, 100, 0));
        assert_eq!(balance(STRANGER), stranger + penalty.bounty);
        let record = self::worker(worker);
        assert_eq!(record.bond, MIN_BOND - stake);
        assert_eq!((record.active, record.disputes), (0, 0));
        assert_eq!(record.reputation.convicted, 1);
        assert_eq!(count_events(|e| matches!(e, Event::Convicted { .. })), 1);
        let again = <Jobs as Claims<_>>::claim(&claim(id, worker));
        assert_eq!(again, Err(Error::<Test>::NotClaimed.into()));
    });
}

#[test]
fn whoever_said_the_same_should_be_convicted_too_but_not_for_anothers_silence() {
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        let workers = workers_of(id);
        dispute(id, workers[0]);
        convict(id, workers[0], Fault::Element);
        assert_eq!(status(id), JobStatus::Refunded { reason: RefundReason::Convicted });
        for worker in workers {
            assert_eq!(self::worker(worker).reputation.convicted, 1);
        }
    });
    Chain::default().build_and_execute(|| {
        let id = revealed(2);
        let [silent, other] = workers_of(id)[..] else { panic!("not two") };
        dispute(id, silent);
        convict(id, silent, Fault::Silence);
        assert!(matches!(status(id), JobStatus::Revealed { .. }));
        assert_eq!(workers_of(id), [other]);
        assert_eq!(worker(other).reputation.convicted, 0);
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn a_requester_who_has_paid_should_be_made_whole_and_the_record_keep_both() {
    Chain::default().build_and_execute(|| {
        let id = settled_of(VERSION);
        let JobStatus::Settled { receipt, .. } = status(id) else { panic!("not settled") };
        let worker = workers_of(id)[0];
        dispute(id, worker);
        // It is kept for as long as it is disputed.
        run_to(now() + 2 * RETENTION);
        let requester = balance(REQUESTER);
        let penalty = convict(id, worker, Fault::Element);
        assert_eq!(penalty.damages, MAX_PRICE - receipt.requester);
        assert_eq!(balance(REQUESTER), requester + penalty.damages);
        assert!(matches!(status(id), JobStatus::Settled { receipt: same, .. } if same == receipt));
        assert_eq!(job(id).penalty, Some(penalty));
        assert_eq!(job(id).convicted.len(), 2);
        run_to(now() + RETENTION + 1);
        assert!(!crate::Jobs::<Test>::contains_key(id));
    });
}

#[test]
fn a_requester_who_has_paid_should_be_made_whole_when_all_are_silent_one_after_the_other() {
    Chain::default().build_and_execute(|| {
        let id = settled_of(VERSION);
        let JobStatus::Settled { receipt, .. } = status(id) else { panic!("not settled") };
        let [first, last] = workers_of(id)[..] else { panic!("not two") };
        let requester = balance(REQUESTER);
        dispute(id, first);
        let penalty = convict(id, first, Fault::Silence);
        assert!(penalty.damages > 0 && penalty.damages < MAX_PRICE - receipt.requester);
        assert_eq!(balance(REQUESTER), requester + penalty.damages);
        // Nobody stands for the result any more.
        dispute(id, last);
        convict(id, last, Fault::Silence);
        assert_eq!(balance(REQUESTER), requester + MAX_PRICE - receipt.requester);
    });
}

#[test]
fn a_bond_should_stay_while_a_result_is_disputed() {
    Chain::default().build_and_execute(|| {
        let id = settled_of(VERSION);
        let worker = workers_of(id)[0];
        assert_ok!(Workers::unbond(RuntimeOrigin::signed(worker)));
        dispute(id, worker);
        run_to(now() + 250);
        let withdraw = || Workers::withdraw(RuntimeOrigin::signed(worker));
        assert_noop!(withdraw(), pallet_workers::Error::<Test>::StillDisputed);
        uphold(id, worker);
        assert_ok!(withdraw());
    });
}
