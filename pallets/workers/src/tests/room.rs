//! What the market is told, and what it can ask.

use crate::{mock::*, Asks, WeightInfo};
use frame_support::assert_ok;
use vigil_primitives::{
    traits::{Outcome, Room, WorkerPool},
    Balance, ModelVersionId,
};

fn update(who: AccountId, ask: Balance, capacity: u16) {
    assert_ok!(Pool::update(signed(who), url("http://a"), [0; 32], CAPABILITY, ask, capacity));
}

/// The workers that serve a version, in the order of their asks.
fn by_ask(version: ModelVersionId) -> Vec<(Balance, AccountId)> {
    Asks::<Test>::iter_key_prefix((version,))
        .map(|(ask, who)| (Balance::from_be_bytes(ask), who))
        .collect()
}

#[test]
fn the_market_should_be_told_whenever_a_worker_can_take_more() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        let told = |what: &str, change: &dyn Fn()| {
            change();
            assert_eq!(room(), [ANNA], "{what}");
        };
        told("it asks less", &|| update(ANNA, ASK - 1, CAPACITY));
        told("it has more places", &|| update(ANNA, ASK, CAPACITY + 1));
        told("its bond covers more", &|| {
            assert_ok!(Pool::bond_more(signed(ANNA), 1));
        });
        told("it has another owner", &|| {
            assert_ok!(Pool::name_owner(signed(ANNA), None));
        });
        told("it serves another version", &|| {
            assert_ok!(Pool::serve(signed(ANNA), OTHER));
        });
        for outcome in
            [COMPLETED, Outcome::Released, Outcome::Declined, Outcome::Expired, Outcome::Undecided]
        {
            told("it has a place again", &|| {
                let (ask, capacity) = (worker(ANNA).ask, worker(ANNA).capacity);
                assert_eq!((ask, capacity), (ASK, CAPACITY + 1));
                engage_worker(ANNA);
                Pool::release(&ANNA, REWARD, false, outcome);
            });
        }
        assert_ok!(Pool::drain(signed(ANNA)));
        told("it resumes", &|| {
            assert_ok!(Pool::resume(signed(ANNA)));
        });
        miss(ANNA, 2);
        room();
        System::set_block_number(100);
        told("it returns from jail", &|| {
            assert_ok!(Pool::unjail(signed(ANNA)));
        });
    });
}

#[test]
fn the_market_should_not_be_told_of_what_is_no_room() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(register(BEN, BOND));
        update(ANNA, ASK + 1, CAPACITY);
        update(ANNA, ASK + 1, CAPACITY - 1);
        update(ANNA, ASK, CAPACITY - 1);
        assert_eq!(room(), [ANNA], "it asks less in the end");
        engage_worker(ANNA);
        assert_ok!(Pool::unserve(signed(ANNA), SERVED));
        assert_ok!(Pool::drain(signed(ANNA)));
        // Whatever changes while it drains: it takes nothing.
        update(ANNA, ASK - 1, CAPACITY + 1);
        assert_ok!(Pool::bond_more(signed(ANNA), 1));
        assert_ok!(Pool::serve(signed(ANNA), OTHER));
        Pool::release(&ANNA, REWARD, false, Outcome::Expired);
        assert!(room().is_empty());
    });
}

#[test]
fn what_the_market_does_should_be_in_the_weight_of_a_release() {
    for outcome in [COMPLETED, Outcome::Expired] {
        assert!(Pool::release_weight_of(outcome).all_gt(ROOM_WEIGHT));
        let own = Pool::release_weight_of(outcome) - ROOM_WEIGHT;
        let expected = match outcome {
            Outcome::Expired => Weights::release_expired(),
            _ => Weights::release(),
        };
        assert_eq!(own, expected);
    }
}

#[test]
fn the_lowest_ask_should_follow_every_change() {
    ExtBuilder::default()
        .worker_with(ANNA, BOND, 30, CAPACITY)
        .worker_with(BEN, BOND, 20, CAPACITY)
        .worker_with(CARLA, BOND, 300, CAPACITY)
        .build_and_execute(|| {
            assert_eq!(by_ask(SERVED), [(20, BEN), (30, ANNA), (300, CARLA)]);
            assert_eq!(Pool::lowest_ask(SERVED), Some(20));
            update(CARLA, 7, CAPACITY);
            assert_eq!(Pool::lowest_ask(SERVED), Some(7));
            update(CARLA, 256, CAPACITY);
            assert_eq!(by_ask(SERVED), [(20, BEN), (30, ANNA), (256, CARLA)]);
            assert_ok!(Pool::drain(signed(BEN)));
            assert_eq!(Pool::lowest_ask(SERVED), Some(30));
            // Its ask changes while it is on no list.
            update(BEN, 10, CAPACITY);
            assert_eq!(Pool::lowest_ask(SERVED), Some(30));
            assert_ok!(Pool::resume(signed(BEN)));
            assert_eq!(Pool::lowest_ask(SERVED), Some(10));
            assert_ok!(Pool::unserve(signed(BEN), SERVED));
            assert_eq!(by_ask(SERVED), [(30, ANNA), (256, CARLA)]);
            assert_eq!((Pool::lowest_ask(OTHER), Pool::serving(OTHER)), (None, 0));
        });
}

#[test]
fn the_order_of_asks_should_be_that_of_numbers_and_not_of_bytes() {
    let asks = [1, 255, 256, 257, 999];
    let chain =
        (1..).zip(asks.into_iter().rev()).fold(ExtBuilder::default(), |chain, (who, ask)| {
            chain.worker_with(who, BOND, ask, CAPACITY)
        });
    chain.build_and_execute(|| {
        let sorted: Vec<_> = by_ask(SERVED).into_iter().map(|(ask, _)| ask).collect();
        assert_eq!(sorted, asks);
    });
}

#[test]
fn room_should_show_what_an_active_worker_offers() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        assert_ok!(Pool::serve(signed(ANNA), OTHER));
        engage_worker(ANNA);
        let offered = Room { ask: ASK, free_places: CAPACITY - 1, serves: vec![SERVED, OTHER] };
        assert_eq!(<Pool as WorkerPool<_>>::room(&ANNA), Some(offered));
        assert_ok!(Pool::drain(signed(ANNA)));
        assert_eq!(<Pool as WorkerPool<_>>::room(&ANNA), None);
        assert_eq!(<Pool as WorkerPool<_>>::room(&BEN), None);
    });
}
