//! Any sequence of calls and engagements keeps every invariant and every unit of the token.

use crate::{mock::*, Workers};
use frame_support::storage::with_storage_layer;
use proptest::prelude::*;
use std::collections::BTreeMap;
use vigil_primitives::{
    pricing::GIGA,
    traits::{Outcome, Vacancy, WorkerPool},
    worker::BOND_COVER,
    Balance, ModelVersionId,
};

#[derive(Clone, Debug)]
enum Step {
    Register(AccountId, Balance, Balance, u16),
    Update(AccountId, Balance, u16),
    BondMore(AccountId, Balance),
    Serve(AccountId, ModelVersionId),
    Unserve(AccountId, ModelVersionId),
    Drain(AccountId),
    Resume(AccountId),
    Unbond(AccountId),
    Withdraw(AccountId),
    Unjail(AccountId),
    Engage(ModelVersionId, u64, u64),
    Release(usize, Outcome),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 1u64..7;
    let version = prop_oneof![Just(SERVED), Just(OTHER), Just(DEPRECATED)];
    let bond = 900u128..5_000;
    let ask = 0u128..40;
    let outcome = prop_oneof![
        3 => Just(COMPLETED),
        1 => Just(Outcome::Released),
        1 => Just(Outcome::Declined),
        4 => Just(Outcome::Expired),
        1 => Just(Outcome::Undecided),
    ];
    prop_oneof![
        4 => (who.clone(), bond, ask.clone(), 0u16..4)
            .prop_map(|(who, bond, ask, capacity)| Step::Register(who, bond, ask, capacity)),
        1 => (who.clone(), ask, 0u16..4).prop_map(|(w, ask, c)| Step::Update(w, ask, c)),
        1 => (who.clone(), 0u128..500).prop_map(|(who, amount)| Step::BondMore(who, amount)),
        5 => (who.clone(), version.clone()).prop_map(|(who, v)| Step::Serve(who, v)),
        1 => (who.clone(), version.clone()).prop_map(|(who, v)| Step::Unserve(who, v)),
        1 => who.clone().prop_map(Step::Drain),
        1 => who.clone().prop_map(Step::Resume),
        1 => who.clone().prop_map(Step::Unbond),
        1 => who.clone().prop_map(Step::Withdraw),
        2 => who.prop_map(Step::Unjail),
        8 => (version, 0..3 * GIGA, any::<u64>())
            .prop_map(|(version, work, seed)| Step::Engage(version, work, seed)),
        6 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Release(which, outcome)),
        1 => (1u64..30).prop_map(Step::Wait),
    ]
}

fn take(step: Step, open: &mut Vec<(AccountId, Balance)>) {
    let call = with_storage_layer(|| match step.clone() {
        Step::Register(who, bond, ask, capacity) => {
            register_with(who, "http://a", ask, capacity, bond)
        }
        Step::Update(who, ask, capacity) => {
            Pool::update(signed(who), url("http://b"), [0; 32], CAPABILITY, ask, capacity)
        }
        Step::BondMore(who, amount) => Pool::bond_more(signed(who), amount),
        Step::Serve(who, version) => Pool::serve(signed(who), version),
        Step::Unserve(who, version) => Pool::unserve(signed(who), version),
        Step::Drain(who) => Pool::drain(signed(who)),
        Step::Resume(who) => Pool::resume(signed(who)),
        Step::Unbond(who) => Pool::unbond(signed(who)),
        Step::Withdraw(who) => Pool::withdraw(signed(who)),
        Step::Unjail(who) => Pool::unjail(signed(who)),
        Step::Engage(..) | Step::Release(..) | Step::Wait(_) => Ok(()),
    });
    let _ = call;
    match step {
        Step::Engage(version, work, seed) => {
            let drawn = drawn(&Vacancy { version, work, budget: 60, ..vacancy(seed) });
            if let Some(engagement) = drawn {
                let worker = worker(engagement.worker);
                assert!(engagement.reward <= 60);
                assert!(worker.active <= worker.capacity);
                assert!(worker.unfinalised * BOND_COVER <= worker.bond);
                assert!(worker.bond >= MinBond::get());
                open.push((engagement.worker, engagement.reward));
            }
        }
        Step::Release(which, outcome) if !open.is_empty() => {
            let (who, reward) = open.swap_remove(which % open.len());
            Pool::release(&who, reward, false, outcome);
        }
        Step::Wait(blocks) => System::set_block_number(System::block_number() + blocks),
        _ => {}
    }
}

/// The records agree with the engagements that are really open.
fn assert_books(open: &[(AccountId, Balance)]) {
    let mut books = BTreeMap::<AccountId, (u16, Balance)>::new();
    for (who, reward) in open {
        let (active, unfinalised) = books.entry(*who).or_default();
        *active += 1;
        *unfinalised += reward;
    }
    for (who, worker) in Workers::<Test>::iter() {
        let expected = books.remove(&who).unwrap_or_default();
        assert_eq!((worker.active, worker.unfinalised), expected);
    }
    assert!(books.is_empty(), "a worker left while engaged");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn storage_and_money_should_stay_sound_when_anything_happens(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
            let issuance = Balances::total_issuance();
            let mut open = Vec::new();
            let mut slashed = 0;
            for step in steps {
                System::reset_events();
                take(step, &mut open);
                for record in System::events() {
                    if let RuntimeEvent::Pool(crate::Event::Slashed { amount, .. }) = record.event {
                        slashed += amount;
                    }
                }
                assert_books(&open);
                Pool::do_try_state().unwrap();
                assert_eq!(Balances::total_issuance() + slashed, issuance);
            }
        });
    }
}
