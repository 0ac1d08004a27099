//! The workers as the runtime API sees them.

use crate::mock::*;
use frame_support::assert_ok;
use std::collections::BTreeSet;
use vigil_primitives::{traits::WorkerPool, worker::WorkerStatus};

#[test]
fn worker_view_should_show_the_record() {
    ExtBuilder::default().worker(ANNA).build_and_execute(|| {
        engage_worker(ANNA);
        let view = Pool::worker_view(ANNA).unwrap();
        assert_eq!((view.account, view.bond, view.status), (ANNA, BOND, WorkerStatus::Active));
        assert_eq!(view.endpoint, b"https://worker.example");
        assert_eq!((view.encryption_key, view.capability), ([7; 32], CAPABILITY));
        assert_eq!((view.ask, view.capacity), (ASK, CAPACITY));
        assert_eq!((view.active, view.unfinalised), (1, REWARD));
        assert_eq!(view.serves, [SERVED]);
        assert!(Pool::worker_view(BEN).is_none());
    });
}

#[test]
fn worker_views_should_list_everybody_once_when_paged() {
    (1..=7).fold(ExtBuilder::default(), ExtBuilder::worker).build_and_execute(|| {
        let mut seen = BTreeSet::new();
        let mut after = None;
        loop {
            let page = Pool::worker_views(after, 3);
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            after = Some(last.account);
            for view in page {
                assert!(seen.insert(view.account), "listed twice");
            }
        }
        assert_eq!(seen, (1..=7).collect());
        assert!(Pool::worker_views(None, 0).is_empty());
        assert_eq!(Pool::worker_views(None, u32::MAX).len(), 7);
    });
}

#[test]
fn offers_should_be_of_workers_with_room_when_some_are_full() {
    ExtBuilder::default()
        .worker_with(ANNA, BOND, 10, 1)
        .worker_with(BEN, BOND, 30, 1)
        .worker_with(CARLA, BOND, 20, 1)
        .build_and_execute(|| {
            engage_worker(ANNA);
            assert_eq!(Pool::offers(SERVED, None), [(30, BEN), (20, CARLA)]);
            assert_ok!(Pool::drain(signed(BEN)));
            assert_eq!(Pool::offers(SERVED, None), [(20, CARLA)]);
            assert!(Pool::offers(OTHER, None).is_empty());
        });
}

#[test]
fn offers_should_be_spread_over_the_list_when_it_is_longer_than_the_sample() {
    let builder = (1..=12u64)
        .fold(ExtBuilder::default(), |builder, who| builder.worker_with(who, BOND, who.into(), 1));
    builder.build_and_execute(|| {
        let asks = Pool::offers(SERVED, None).into_iter().map(|(ask, _)| ask);
        assert_eq!(asks.collect::<Vec<_>>(), [1, 4, 7, 10]);
    });
}
