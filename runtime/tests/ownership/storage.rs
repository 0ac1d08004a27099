//! Storage is paid for by the byte, and the money comes back to the last unit when it is freed.

use crate::market::*;
use codec::Encode;
use frame_support::assert_ok;
use vigil_primitives::{
    dataset::StatementKind,
    model::{Artifact, Name, Url, MAX_NAME, MAX_SOURCES, MAX_URL},
    terms::{Licence, MAX_LICENCE},
    AssetId, Balance, ContentHash,
};
use vigil_runtime::{AccountId, Balances, Datasets, Provenance, Runtime};

/// The least that keeping `bytes` must cost.
fn price_of(bytes: usize) -> Balance {
    let per_byte: Balance = <Runtime as pallet_provenance::Config>::DepositPerByte::get();
    per_byte * bytes as Balance
}

/// What is held from an account more than before, because of what `change` has stored.
fn deposit_of(who: &AccountId, change: impl FnOnce()) -> Balance {
    let before = deposits(who);
    change();
    deposits(who) - before
}

/// The largest dataset that somebody can register.
fn register_largest(citations: &[(AssetId, u32)]) -> AssetId {
    let dataset = pallet_datasets::NextDatasetId::<Runtime>::get();
    let mut spec = dataset_spec(for_sale());
    spec.metadata = Some(Artifact { hash: ContentHash::repeat_byte(5), len: u64::MAX });
    spec.terms.licence = Licence::truncate_from(vec![b'L'; MAX_LICENCE as usize]);
    spec.terms.licence_text = Some(ContentHash::repeat_byte(6));
    let mut url = b"https://example.org/".to_vec();
    url.resize(MAX_URL as usize, b'/');
    let url = Url::truncate_from(url);
    spec.sources = vec![url; MAX_SOURCES as usize].try_into().unwrap();
    let name = Name::truncate_from(vec![b'n'; MAX_NAME as usize]);
    assert_ok!(Datasets::register(signed(&RIVAL), name, Box::new(spec), shares(citations)));
    vigil_primitives::DatasetVersionId { dataset, version: 0 }.into()
}

fn bytes_of(asset: AssetId) -> usize {
    let id = data(asset);
    let version = pallet_datasets::DatasetVersions::<Runtime>::get(id.dataset, id.version).unwrap();
    let lineage = pallet_provenance::Lineages::<Runtime>::get(asset);
    version.spec.encoded_size() + lineage.map_or(0, |lineage| lineage.encoded_size())
}

#[test]
fn a_dataset_should_hold_a_deposit_for_every_byte_and_give_it_back() {
    run(|| {
        let parents: Vec<_> = (0..15).map(|_| (dataset(&CURATOR, open()), PERCENT)).collect();
        let before = wealth(&RIVAL);
        let (mut small, mut large) = (None, None);
        let of_small = deposit_of(&RIVAL, || small = register(&RIVAL, open(), &[]).ok());
        let of_large = deposit_of(&RIVAL, || large = Some(register_largest(&parents)));
        for (asset, deposit) in [(small, of_small), (large, of_large)] {
            let asset = asset.unwrap();
            assert!(deposit >= price_of(bytes_of(asset)), "{asset}: {deposit}");
            assert_ok!(revoke(asset));
            let id = data(asset);
            assert_ok!(Datasets::remove(signed(&RIVAL), id.dataset, id.version));
            assert_eq!(pallet_datasets::Datasets::<Runtime>::get(id.dataset), None);
            assert_eq!(pallet_provenance::Lineages::<Runtime>::get(asset), None);
        }
        assert!(of_large > of_small + price_of(MAX_SOURCES as usize * MAX_URL as usize));
        assert_eq!((deposits(&RIVAL), wealth(&RIVAL)), (0, before));
        assert_eq!(Balances::free_balance(&RIVAL), before);
        // The parents are as uncited as they were.
        for (parent, _) in parents {
            assert_eq!(Provenance::descendants(parent, None, 9), []);
            assert_ok!(revoke(parent));
            let id = data(parent);
            assert_ok!(Datasets::remove(signed(&CURATOR), id.dataset, id.version));
        }
        assert_eq!(deposits(&CURATOR), 0);
    });
}

#[test]
fn every_version_should_have_its_own_part_of_the_deposit() {
    run(|| {
        let asset = dataset(&RIVAL, open());
        let dataset = data(asset).dataset;
        let first = deposits(&RIVAL);
        let second = deposit_of(&RIVAL, || {
            let spec = Box::new(dataset_spec(for_sale()));
            assert_ok!(Datasets::publish(signed(&RIVAL), dataset, spec, shares(&[])));
        });
        assert!(second > 0);
        for (version, left) in [(1, first), (0, 0)] {
            assert_ok!(Datasets::revoke(signed(&RIVAL), dataset, version));
            assert_ok!(Datasets::remove(signed(&RIVAL), dataset, version));
            assert_eq!(deposits(&RIVAL), left);
        }
    });
}

#[test]
fn a_models_citations_should_be_in_its_deposit() {
    run(|| {
        let parents: Vec<_> = (0..15).map(|_| (dataset(&CURATOR, open()), PERCENT)).collect();
        let plain = deposit_of(&RIVAL, || {
            model(&RIVAL, &[]);
        });
        let mut asset = None;
        let citing = deposit_of(&RIVAL, || asset = Some(model(&RIVAL, &parents)));
        let lineage = pallet_provenance::Lineages::<Runtime>::get(asset.unwrap()).unwrap();
        assert!(citing >= plain + price_of(lineage.encoded_size()), "{citing} for {plain}");
    });
}

#[test]
fn statements_should_hold_a_deposit_of_their_author_and_give_it_back() {
    run(|| {
        let asset = dataset(&CURATOR, open());
        let id = data(asset);
        let before = wealth(&STRANGER);
        let kinds =
            [StatementKind::Audited, StatementKind::ConsentVerified, StatementKind::Disputed];
        for kind in kinds {
            let deposit = deposit_of(&STRANGER, || {
                let document = ContentHash::repeat_byte(1);
                let who = signed(&STRANGER);
                assert_ok!(Datasets::attest(who, id.dataset, id.version, kind, document));
            });
            let views = Datasets::statement_views(id, None, 9);
            let bytes = views.iter().map(Encode::encoded_size).max().unwrap();
            assert!(deposit >= price_of(bytes), "{deposit}");
        }
        // Said again, it takes no more room.
        let again = deposit_of(&STRANGER, || {
            let document = ContentHash::repeat_byte(2);
            assert_ok!(Datasets::attest(
                signed(&STRANGER),
                id.dataset,
                id.version,
                StatementKind::Audited,
                document
            ));
        });
        assert_eq!(again, 0);
        for kind in kinds {
            let who = signed(&STRANGER);
            assert_ok!(Datasets::withdraw_statement(who, id.dataset, id.version, kind));
        }
        assert_eq!((deposits(&STRANGER), wealth(&STRANGER)), (0, before));
    });
}

#[test]
fn grants_should_hold_a_deposit_of_whoever_made_them_and_give_it_back() {
    run(|| {
        let asset = dataset(&CURATOR, for_sale());
        let before = deposits(&CURATOR);
        let given = deposit_of(&CURATOR, || {
            assert_ok!(Provenance::give_grant(signed(&CURATOR), asset, HEIR, None, None));
        });
        let bought = deposit_of(&STRANGER, || {
            assert_ok!(Provenance::buy_grant(signed(&STRANGER), asset));
        });
        for (holder, deposit) in [(&HEIR, given), (&STRANGER, bought)] {
            let bytes = grant(asset, holder).unwrap().encoded_size();
            assert!(deposit >= price_of(bytes), "{deposit}");
        }
        // Its holder may always give it up; the deposit goes to whoever paid it.
        for holder in [HEIR, STRANGER] {
            assert_ok!(Provenance::remove_grant(signed(&holder), asset, holder));
        }
        assert_eq!((deposits(&CURATOR), deposits(&STRANGER)), (before, 0));
    });
}

#[test]
fn a_deposit_should_follow_the_owner() {
    run(|| {
        let asset = dataset(&CURATOR, open());
        let deposit = deposits(&CURATOR);
        assert_ok!(hand_over(asset, &HEIR));
        assert_eq!((deposits(&CURATOR), deposits(&HEIR)), (0, deposit));
    });
}
