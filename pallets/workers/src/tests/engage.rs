use crate::{mock::*, WeightInfo, Workers};
use frame_support::storage::with_transaction;
use sp_runtime::{DispatchError, TransactionOutcome};
use std::collections::{BTreeMap, BTreeSet};
use vigil_primitives::{
    pricing::GIGA,
    traits::{Engagement, Outcome, Search, Unfilled, Vacancy, WorkerPool},
    worker::BOND_COVER,
    Balance,
};

/// Whom a draw would take, changing nothing.
fn would_draw(seed: u64) -> Option<AccountId> {
    let drawn =
        with_transaction(|| TransactionOutcome::Rollback(Ok::<_, DispatchError>(engage(seed))));
    drawn.unwrap().map(|engagement| engagement.worker)
}

/// How often each worker is drawn in `draws` draws from the same state.
fn frequencies(draws: u64) -> BTreeMap<AccountId, u32> {
    let mut counts = BTreeMap::new();
    for who in (0..draws).filter_map(would_draw) {
        *counts.entry(who).or_default() += 1;
    }
    counts
}

#[test]
fn engage_should_take_a_place_and_count_the_reward_when_a_worker_fits() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let engagement = drawn(&Vacancy { work: 2 * GIGA + 1, budget: 99, ..vacancy(0) });
        assert_eq!(engagement, Some(Engagement { worker: ANNA, ask: ASK, reward: 21 }));
        assert_eq!((worker(ANNA).active, worker(ANNA).unfinalised), (1, 21));
    });
}

#[test]
fn engage_should_draw_the_same_worker_when_the_seed_is_the_same() {
    let drawn = |seed| {
        let mut drawn = None;
        (1..=20)
            .fold(ExtBuilder::default(), ExtBuilder::worker)
            .build_and_execute(|| drawn = engage(seed));
        drawn
    };
    assert_eq!(drawn(3), drawn(3));
    assert!((0..20).any(|seed| drawn(seed) != drawn(3)));
}

#[test]
fn engage_should_draw_nobody_when_nobody_serves_the_version() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_eq!(drawn(&Vacancy { version: OTHER, ..vacancy(0) }), None);
        assert_eq!(drawn(&Vacancy { version: UNKNOWN, ..vacancy(0) }), None);
    });
}

#[test]
fn engage_should_draw_nobody_when_every_place_is_taken() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert!(engage(0).is_some());
        assert!(engage(1).is_some());
        assert_eq!(engage(2), None);
        assert_eq!(worker(ANNA).active, CAPACITY);
    });
}

#[test]
fn engage_should_draw_nobody_when_the_budget_is_below_the_ask() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_eq!(drawn(&Vacancy { budget: REWARD - 1, ..vacancy(0) }), None);
        assert_eq!(drawn(&Vacancy { work: GIGA + 1, ..vacancy(0) }), None);
    });
}

#[test]
fn engage_should_draw_nobody_when_the_bond_does_not_cover_the_rewards() {
    // Covers 20 in all.
    ExtBuilder::default().worker_with(ANNA, 20 * BOND_COVER, ASK, 9).build_and_execute(|| {
        assert_eq!(drawn(&Vacancy { work: 3 * GIGA, budget: 99, ..vacancy(0) }), None);
        assert!(engage(0).is_some());
        assert!(engage(1).is_some());
        assert_eq!(engage(2), None);
        assert!(worker(ANNA).unfinalised * BOND_COVER <= worker(ANNA).bond);
    });
}

#[test]
fn engage_should_draw_nobody_when_work_and_budget_are_absurd() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let absurd = Vacancy { work: u64::MAX, budget: Balance::MAX, ..vacancy(0) };
        assert_eq!(drawn(&absurd), None);
    });
}

#[test]
fn engage_should_pass_over_workers_when_they_are_excluded() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        for seed in 0..4 {
            let engagement = drawn(&Vacancy { exclude: &[ANNA], ..vacancy(seed) });
            assert_eq!(engagement.map(|e| e.worker), (seed < 2).then_some(BEN));
        }
    });
}

#[test]
fn engage_should_give_every_worker_its_turn_when_there_are_more_than_the_sample() {
    (1..=12).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        let counts = frequencies(2_400);
        assert_eq!(counts.len(), 12);
        // 200 expected, standard deviation below 14.
        assert!(counts.values().all(|count| (140..260).contains(count)), "{counts:?}");
    });
}

#[test]
fn engage_should_prefer_workers_when_they_have_more_free_places() {
    ExtBuilder::default()
        .worker_with(ANNA, BOND, ASK, 2)
        .worker_with(BEN, BOND, ASK, 6)
        .build_and_execute(|| {
            let counts = frequencies(1_000);
            assert!((690..810).contains(&counts[&BEN]), "{counts:?}");
        });
}

#[test]
fn engage_should_prefer_workers_when_they_are_reliable_and_still_try_new_ones() {
    ExtBuilder::default().worker(ANNA).worker(BEN).worker(CARLA).build_and_execute(|| {
        let set = |who, completed, expired| {
            Workers::<Test>::mutate(who, |worker| {
                let reputation = &mut worker.as_mut().unwrap().reputation;
                reputation.completed = completed;
                reputation.record.proven = Balance::from(completed) * REWARD;
                reputation.expired = expired;
            })
        };
        // Anna is new: 500. Ben is perfect: 1,000. Carla missed as often as she completed: 201.
        set(BEN, 1_000, 0);
        set(CARLA, 1_000, 1_000);
        let counts = frequencies(1_000);
        assert!((240..350).contains(&counts[&ANNA]), "{counts:?}");
        assert!((520..650).contains(&counts[&BEN]), "{counts:?}");
        assert!((70..170).contains(&counts[&CARLA]), "{counts:?}");
    });
}

#[test]
fn engage_should_find_the_one_that_works_when_a_crowd_is_idle() {
    (1..=60).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        for who in 1..=59 {
            match who % 3 {
                0 => Pool::drain(signed(who)).unwrap(),
                1 => unbonding(who),
                _ => miss(who, 3),
            }
        }
        assert!((0..10).all(|seed| would_draw(seed) == Some(60)));
    });
}

/// The workers that a search for so many of them engages, in the order of their accounts.
fn team(vacancy: &Vacancy<'_, AccountId>) -> Result<Vec<AccountId>, Unfilled> {
    let Search { found, weight } = Pool::engage(vacancy);
    assert!(weight.all_lte(Pool::engage_weight()));
    let mut team: Vec<_> = found?.into_iter().map(|engagement| engagement.worker).collect();
    team.sort_unstable();
    Ok(team)
}

#[test]
fn engage_should_draw_different_workers_when_a_job_needs_several() {
    (1..=4).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        let teams: BTreeSet<_> = (0..60)
            .map(|seed| {
                let team = team(&Vacancy { replicas: 3, ..vacancy(seed) }).unwrap();
                team.iter().for_each(|who| Pool::release(who, REWARD, false, Outcome::Released));
                team
            })
            .collect();
        assert!(teams.iter().all(|team| team.len() == 3 && team.windows(2).all(|w| w[0] < w[1])));
        // Each of the four is left out now and then.
        assert_eq!(teams.len(), 4);
    });
}

#[test]
fn engage_should_engage_all_that_a_job_needs_or_nobody() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        let three = Vacancy { replicas: 3, ..vacancy(0) };
        assert_eq!(team(&three), Err(Unfilled::Unfit));
        assert_eq!((worker(ANNA).active, worker(BEN).active), (0, 0));
        assert_eq!(team(&Vacancy { replicas: 2, ..vacancy(0) }), Ok(vec![ANNA, BEN]));
        assert_eq!((worker(ANNA).active, worker(BEN).active), (1, 1));
    });
}

#[test]
fn engage_should_tell_when_nobody_has_a_free_place() {
    ExtBuilder::default().worker(ANNA).worker(BEN).build_and_execute(|| {
        (0..4).for_each(|seed| assert!(engage(seed).is_some()));
        assert_eq!(team(&vacancy(4)), Err(Unfilled::Full));
        assert_eq!(team(&Vacancy { version: OTHER, ..vacancy(0) }), Err(Unfilled::Full));
        // There is a place again, though this job may not have it, or pays too little.
        Pool::release(&BEN, REWARD, false, Outcome::Released);
        assert_eq!(team(&Vacancy { exclude: &[BEN], ..vacancy(4) }), Err(Unfilled::Unfit));
        assert_eq!(team(&Vacancy { budget: REWARD - 1, ..vacancy(4) }), Err(Unfilled::Unfit));
    });
}

/// Forty workers of whom the last, and one more if `two`, ask little enough for [`vacancy`].
fn few_that_are_cheap(two: bool) -> ExtBuilder {
    (1..=40).fold(ExtBuilder::default(), |chain, who| {
        let cheap = who == 40 || two && who == 20;
        chain.worker_with(who, BOND, if cheap { ASK } else { 2 * ASK }, CAPACITY)
    })
}

#[test]
fn engage_should_find_the_cheapest_when_a_sample_of_many_misses_them() {
    few_that_are_cheap(false).build_and_execute(|| {
        assert!((0..20).all(|seed| would_draw(seed) == Some(40)));
    });
    few_that_are_cheap(true).build_and_execute(|| {
        let counts = frequencies(200);
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), [20, 40]);
        // One of them is drawn, not always the same.
        assert!(counts.values().all(|count| *count > 50), "{counts:?}");
        assert_eq!(team(&Vacancy { replicas: 2, ..vacancy(0) }), Ok(vec![20, 40]));
    });
}

#[test]
fn engage_should_look_at_no_more_than_the_sample_when_it_is_enough() {
    (1..=40).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        let enough = Pool::engage(&vacancy(0)).weight;
        let not_enough = Pool::engage(&Vacancy { exclude: &[1], ..few(0) }).weight;
        assert_eq!(enough, Weights::engage(SampleSize::get(), 0, 1));
        assert_eq!(not_enough, Weights::engage(2 * SampleSize::get(), 1, 0));
    });
}

/// A job that affords everybody's ask and that nobody's bond covers.
fn few(seed: u64) -> Vacancy<'static, AccountId> {
    Vacancy { work: 1_000 * GIGA, budget: Balance::MAX, ..vacancy(seed) }
}

#[test]
fn engage_should_look_at_a_worker_known_to_have_room() {
    // All are engaged but one, which is neither cheap nor often in a sample of four.
    (1..=40)
        .fold(ExtBuilder::default(), |chain, who| {
            chain.worker_with(who, BOND, if who == 30 { 2 * ASK } else { ASK }, 1)
        })
        .build_and_execute(|| {
            let paying = |seed| Vacancy { budget: 2 * REWARD, ..vacancy(seed) };
            for who in (1..=40).filter(|who| *who != 30) {
                engage_worker(who);
            }
            let known = (0..20).filter(|seed| {
                let search = Vacancy { roomy: Some(&30), ..paying(*seed) };
                let team = team(&search);
                if team.is_ok() {
                    Pool::release(&30, 2 * REWARD, false, Outcome::Released);
                }
                team == Ok(vec![30])
            });
            assert_eq!(known.count(), 20);
            // A sample of four may find one of forty, and then its place is taken.
            let unknown = (0..20).filter(|seed| team(&paying(*seed)).is_ok()).count();
            assert!(unknown <= 1, "{unknown}");
            // Only a worker that serves the version.
            let other = Vacancy { version: OTHER, roomy: Some(&30), ..paying(0) };
            assert_eq!(team(&other), Err(Unfilled::Full));
        });
}

#[test]
fn engage_weight_should_grow_with_the_sample() {
    let small = Pool::engage_weight();
    SampleSize::set(32);
    assert!(Pool::engage_weight().all_gt(small));
}
