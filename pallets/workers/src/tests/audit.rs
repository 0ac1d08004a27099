//! What audits find of workers, and what it costs to keep silent.

use crate::{mock::*, Event};
use std::collections::BTreeSet;
use vigil_primitives::{
    audit::Record,
    job::Role,
    penalty::Penalty,
    traits::{Completion, Offence, Outcome, Reliance, Slash, Stakes, Vacancy, WorkerPool},
    worker::{WorkerStatus, BOND_COVER},
};

/// A job of `who` ends with an audit that has found it right.
fn prove(who: AccountId, proven: u128) {
    engage_worker(who);
    let completion = Completion { work: 7, paid: 5, proven };
    Pool::release(&who, REWARD, false, Outcome::Completed(completion));
}

fn convict(who: AccountId, offence: Offence, reward: u128) -> Penalty {
    let slash = Slash {
        offence,
        reward,
        costs: 0,
        treasury: &BEN,
        damages: 0,
        requester: &BEN,
        winner: &CARLA,
    };
    Pool::convict(&who, slash)
}

#[test]
fn what_audits_find_should_be_kept_and_halve_with_time() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        prove(ANNA, 1_000);
        prove(ANNA, 200);
        prove(ANNA, 0);
        engage_worker(ANNA);
        let audited = Completion { work: 9, paid: 4, proven: 0 };
        Pool::release(&ANNA, REWARD, false, Outcome::Audited(audited));
        let seen = || Pool::worker_view(ANNA).unwrap().reputation;
        let now = seen();
        assert_eq!((now.completed, now.passed, now.audits), (3, 2, 1));
        assert_eq!((now.work, now.earned), (30, 19));
        assert_eq!(now.record, Record { proven: 1_200, halved_at: 1 });
        System::set_block_number(1 + RecordHalfLife::get());
        let later = seen();
        assert_eq!((later.completed, later.passed, later.audits), (1, 1, 0));
        assert_eq!((later.work, later.earned), (30, 19), "what it did stays");
        assert_eq!(later.record.proven, 600);
        // What is stored follows when something happens.
        prove(ANNA, 100);
        assert_eq!(reputation(ANNA).record.proven, 700);
        assert_eq!(reputation(ANNA).completed, 2);
    });
}

#[test]
fn reliance_should_be_what_is_at_stake_at_least_and_what_was_proven() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        prove(ANNA, 1_000);
        let reliance = |reward| Pool::reliance(&ANNA, reward);
        assert_eq!(reliance(1), Reliance { stake: SLASH, proven: 1_000 });
        assert_eq!(reliance(10), Reliance { stake: 10 * BOND_COVER, proven: 1_000 });
        assert_eq!(reliance(BOND), Reliance { stake: BOND, proven: 1_000 });
        assert_eq!(Pool::reliance(&BEN, 1), Reliance { stake: 0, proven: 0 });
    });
}

#[test]
fn a_bond_should_pay_for_an_audit_and_be_topped_up_when_it_is_too_small() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let (payee, issuance) = (Balances::free_balance(BEN), Balances::total_issuance());
        assert_eq!(Pool::charge(&ANNA, &BEN, 0), 0);
        assert_eq!(Pool::charge(&ANNA, &BEN, 30), 30);
        assert_last_event(Event::Charged { worker: ANNA, amount: 30, bond: BOND - 30 });
        assert_eq!(worker(ANNA).status, WorkerStatus::Active);
        let rest = BOND - 30 - MinBond::get();
        assert_eq!(Pool::charge(&ANNA, &BEN, rest + 1), rest + 1);
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 1 });
        assert_eq!(held(ANNA), MinBond::get() - 1);
        assert_eq!(Pool::charge(&ANNA, &BEN, BOND), MinBond::get() - 1);
        assert_eq!(Pool::charge(&CARLA, &BEN, 1), 0, "it is no worker");
        assert_eq!(Balances::free_balance(BEN), payee + BOND);
        assert_eq!(Balances::total_issuance(), issuance);
    });
}

#[test]
fn auditors_should_earn_what_most_others_would_where_that_is_more() {
    let asks = [(ANNA, 10), (BEN, 15), (CARLA, 16), (4, 40)];
    let market = asks
        .into_iter()
        .fold(ExtBuilder::default(), |chain, (who, ask)| chain.worker_with(who, BOND, ask, 2));
    market.build_and_execute(|| {
        // Anna is audited, by whoever asks no more than twice what she does.
        let auditor = |seed| Vacancy {
            role: Role::Auditor,
            stretch: true,
            exclude: &[ANNA],
            ..vacancy(seed)
        };
        let mut drawn_ever = BTreeSet::new();
        for seed in 0..40 {
            let engaged = drawn(&auditor(seed)).unwrap();
            Pool::release(&engaged.worker, engaged.reward, false, Outcome::Released);
            drawn_ever.insert(engaged.worker);
        }
        assert_eq!(drawn_ever, BTreeSet::from([BEN, CARLA]));
        assert_eq!(drawn(&Vacancy { stretch: false, ..auditor(0) }), None);
        // Whoever asks less than half of what the others do cannot have them.
        assert_eq!(drawn(&Vacancy { budget: 7, ..auditor(0) }), None);
    });
}

#[test]
fn silence_should_cost_what_reliance_says_and_the_record() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        prove(ANNA, 1_000);
        for reward in [1, 10] {
            let before = Pool::reliance(&ANNA, reward).stake;
            let penalty = convict(ANNA, Offence::Silent, reward);
            assert_eq!(penalty.slashed, before);
            assert_eq!((penalty.burned, penalty.bounty), (before, 0), "nobody earns by it");
        }
        let after = reputation(ANNA);
        assert_eq!((after.record.proven, after.expired, after.convicted), (0, 2, 0));
        assert_eq!(worker(ANNA).status, WorkerStatus::Jailed { until: 1 + JailPeriod::get() });
        assert_event(Event::Jailed { worker: ANNA, until: 1 + JailPeriod::get() });
    });
}

#[test]
fn a_wrong_result_should_cost_no_less_than_silence_and_the_record_too() {
    for reward in [1, 10, 100] {
        let penalty_of = |offence| {
            let mut penalty = Penalty::default();
            ExtBuilder::default().worker(ANNA).build_and_execute(|| {
                prove(ANNA, 1_000);
                penalty = convict(ANNA, offence, reward);
                assert_eq!(reputation(ANNA).record.proven, 0);
            });
            penalty.slashed
        };
        assert!(penalty_of(Offence::Wrong) >= penalty_of(Offence::Silent));
    }
}
