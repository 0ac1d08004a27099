//! What the runtime API shows.

use crate::mock::*;
use frame_support::assert_ok;
use vigil_primitives::{api::PAGE, model::VersionStatus, AssetId};

/// Reads a listing page by page, each after the last entry of the page before.
fn all<Entry, Key: Copy>(
    limit: u32,
    key: impl Fn(&Entry) -> Key,
    page: impl Fn(Option<Key>, u32) -> Vec<Entry>,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let next = page(entries.last().map(&key), limit);
        assert!(next.len() <= limit as usize);
        let last = next.len() < limit as usize;
        entries.extend(next);
        if last {
            return entries;
        }
    }
}

/// Checks that pages of any size make the same listing of so many entries, each once.
fn assert_paged<Entry: PartialEq + core::fmt::Debug, Key: Copy + Ord>(
    count: usize,
    key: impl Fn(&Entry) -> Key,
    page: impl Fn(Option<Key>, u32) -> Vec<Entry>,
) {
    let whole = page(None, u32::MAX);
    assert_eq!(whole.len(), count);
    let mut keys: Vec<_> = whole.iter().map(&key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count, "an entry comes twice");
    for limit in 1..=5 {
        assert_eq!(all(limit, &key, &page), whole);
    }
    assert!(page(None, 0).is_empty());
}

#[test]
fn descendants_should_page_through_models_and_datasets() {
    ExtBuilder::default().dataset(ALICE, open()).dataset(ALICE, open()).build_and_execute(|| {
        for n in 0..4 {
            assert_ok!(register(BOB, open(), &[(dataset(0), 10 + n)]));
            assert_ok!(publish_model(BOB, n, open(), &[(dataset(0), 20 + n)]));
            assert_ok!(publish_model(BOB, n, open(), &[(dataset(1), 1)]));
        }
        let page = |after, limit| Provenance::descendants(dataset(0), after, limit);
        assert_paged(8, |share| share.asset, page);
        let share = |asset: AssetId| {
            page(None, u32::MAX).into_iter().find(|share| share.asset == asset).unwrap().share
        };
        assert_eq!((share(dataset(3)), share(model(3))), (permill(11), permill(23)));
        assert!(Provenance::descendants(model(0), None, 9).is_empty());
    });
}

#[test]
fn grants_should_page_by_holder_and_by_asset() {
    let builder = (0..7).fold(ExtBuilder::default(), |builder, _| builder.dataset(ALICE, listed()));
    builder.build_and_execute(|| {
        for id in 0..7 {
            assert_ok!(give(ALICE, dataset(id), BOB));
        }
        for holder in 100..106 {
            assert_ok!(give(ALICE, dataset(0), holder));
        }
        let of = |after, limit| Provenance::grants_of(BOB, after, limit);
        assert_paged(7, |view| view.asset, of);
        let of_asset = |after, limit| Provenance::grants_for(dataset(0), after, limit);
        assert_paged(7, |view| view.holder, of_asset);
        assert!(of(None, 9).iter().all(|view| view.grant == grant(BOB, view.asset)));
        assert!(of_asset(None, 9).iter().all(|view| view.grant == grant(view.holder, dataset(0))));
    });
}

#[test]
fn account_revenue_should_page_through_the_assets_of_an_era() {
    let terms = paid(100, 1, None);
    let builder = (0..6).fold(ExtBuilder::default(), |b, _| b.dataset(ALICE, terms.clone()));
    builder.build_and_execute(|| {
        for id in 0..6 {
            assert_ok!(buy(BOB, dataset(id)));
        }
        System::set_block_number(u64::from(ERA));
        assert_ok!(buy(CAROL, dataset(2)));
        let page = |after, limit| Provenance::account_revenue(ALICE, 0, after, limit);
        assert_paged(6, |(asset, _)| *asset, page);
        assert_eq!(Provenance::account_revenue(ALICE, 1, None, 9), vec![(dataset(2), 100)]);
        assert_eq!(Provenance::asset_revenue(dataset(2), 0), 100);
        assert_eq!(Provenance::asset_revenue(dataset(2), 2), 0);
        assert!(Provenance::account_revenue(BOB, 0, None, 9).is_empty());
    });
}

#[test]
fn a_page_should_be_bounded_whatever_is_asked_for() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        for holder in 100..101 + u64::from(PAGE) {
            assert_ok!(give(ALICE, dataset(0), holder));
        }
        let page = Provenance::grants_for(dataset(0), None, u32::MAX);
        assert_eq!(page.len(), PAGE as usize);
    });
}

#[test]
fn lineage_view_should_be_whole_and_closed() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(register(BOB, open(), &[(dataset(0), 1_000_000)]));
        assert_ok!(register(CAROL, open(), &[(dataset(0), 333_333), (dataset(1), 1)]));
        assert_ok!(publish_model(
            DAVE,
            0,
            open(),
            &[(dataset(2), 123_456), (dataset(1), 7), (dataset(0), 9)]
        ));
        assert_ok!(Datasets::revoke(signed(BOB), 1, 0));

        let view = Provenance::lineage_view(model(0)).unwrap();
        let assets: Vec<_> = view.nodes.iter().map(|node| node.asset).collect();
        assert_eq!(assets.len(), 4);
        assert_eq!(assets[0], model(0));
        let whole: u32 = view.nodes.iter().map(|node| node.share.deconstruct()).sum();
        assert_eq!(whole, 1_000_000);
        assert_eq!(view.edges.len(), 1 + 2 + 3);
        for edge in &view.edges {
            assert!(assets.contains(&edge.from) && assets.contains(&edge.to), "{edge:?}");
        }
        let node = |asset| view.nodes.iter().find(|node| node.asset == asset).unwrap();
        assert_eq!(node(dataset(1)).status, VersionStatus::Revoked);
        assert_eq!(node(dataset(1)).owner, BOB);
        assert_eq!((&node(model(0)).name, node(model(0)).owner), (&name("model"), DAVE));
    });
}

#[test]
fn lineage_view_should_be_the_asset_alone_when_it_cites_nothing() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let view = Provenance::lineage_view(dataset(0)).unwrap();
        assert_eq!((view.nodes.len(), view.edges.len()), (1, 0));
        assert_eq!(view.nodes[0].share, permill(1_000_000));
        assert!(Provenance::lineage_view(dataset(1)).is_none());
        assert!(Provenance::lineage_view(model(0)).is_none());
    });
}
