//! What the runtime API shows.

use crate::mock::*;
use frame_support::assert_ok;
use vigil_primitives::{
    dataset::StatementKind::{Audited, ConsentVerified, Disputed},
    dataset::StatementView,
    model::VersionStatus,
    DatasetVersionId,
};

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
fn dataset_views_should_have_no_gaps_where_datasets_were_removed() {
    let builder = (0..9).fold(ExtBuilder::default(), |builder, _| builder.dataset(ALICE, open()));
    builder.build_and_execute(|| {
        for id in [0, 3, 4, 5, 8] {
            remove(ALICE, id);
        }
        let page = |after: Option<u32>, limit| {
            Registry::dataset_views(after.map_or(0, |id| id + 1), limit)
        };
        assert_paged(4, |view| view.id, page);
        let ids: Vec<_> = page(None, u32::MAX).iter().map(|view| view.id).collect();
        assert_eq!(ids, [1, 2, 6, 7]);
        assert!(Registry::dataset_views(u32::MAX, u32::MAX).is_empty());
    });
}

#[test]
fn dataset_view_should_show_the_dataset() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(Registry::offer(signed(ALICE), 0, BOB));
        let view = Registry::dataset_view(0).unwrap();
        assert_eq!((view.id, view.name, view.owner), (0, name("data"), ALICE));
        assert_eq!((view.pending_owner, view.versions), (Some(BOB), 1));
        assert!(Registry::dataset_view(1).is_none());
    });
}

#[test]
fn dataset_version_view_should_show_status_owner_and_citations() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let id = DatasetVersionId { dataset: 0, version: 0 };
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        assert_ok!(Registry::deprecate(signed(ALICE), 0, 0));
        transfer(0, ALICE, CAROL);
        let view = Registry::dataset_version_view(id).unwrap();
        assert_eq!((view.id, view.owner, view.citations), (id, CAROL, 2));
        assert_eq!((view.spec, view.status), (spec(open()), VersionStatus::Deprecated));
        let next = DatasetVersionId { dataset: 0, version: 1 };
        assert!(Registry::dataset_version_view(next).is_none());
    });
}

#[test]
fn statement_views_should_page_through_authors_and_kinds() {
    ExtBuilder::default().dataset(ALICE, open()).dataset(ALICE, open()).build_and_execute(|| {
        for who in [BOB, CAROL, DAVE] {
            for kind in [Audited, ConsentVerified, Disputed] {
                assert_ok!(attest(who, 0, kind));
            }
        }
        assert_ok!(attest(BOB, 1, Audited));
        let id = DatasetVersionId { dataset: 0, version: 0 };
        assert_paged(
            9,
            |view: &StatementView<AccountId>| (view.author, view.kind),
            |after, limit| Registry::statement_views(id, after, limit),
        );
    });
}
