//! What calls cost against what they really do: every byte that somebody has stored is covered by
//! a deposit, and every entry that a call writes by its weight.

use crate::{mock::*, GrantRecord, GrantsOf, HoldReason, WeightInfo};
use alloc::collections::BTreeMap;
use frame_support::{
    assert_ok,
    dispatch::DispatchResult,
    traits::{fungible::MutateHold, tokens::Precision},
    weights::{constants::RocksDbWeight, Weight},
};
use sp_io::hashing::twox_128;
use sp_runtime::Permill;
use vigil_primitives::{
    dataset::{DatasetSpec, StatementKind},
    model::{Artifact, Name, Sources, Url, MAX_NAME, MAX_SOURCES, MAX_URL},
    terms::{Licence, Terms, MAX_LICENCE},
    traits::{Grants, Provenance as _, UnpaidBook},
    AssetId, Balance, ContentHash, ModelVersionId,
};

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// Bytes of this pallet's entries, keys and all, but for the counters that there are once.
fn stored() -> u128 {
    let prefix = twox_128(b"Provenance");
    let entries =
        storage().into_iter().filter(|(key, _)| key.starts_with(&prefix) && key.len() > 32);
    entries.map(|(key, value)| (key.len() + value.len()) as u128).sum()
}

/// What is on hold for this pallet in all.
fn deposits() -> Balance {
    let reasons = [HoldReason::Deposit, HoldReason::Grant, HoldReason::Statement];
    let all = [ALICE, BOB, CAROL, DAVE];
    all.iter().flat_map(|who| reasons.map(|reason| held(reason, *who))).sum()
}

/// Checks that what a call has stored is covered by the deposits that it took.
fn assert_covered(call: impl FnOnce() -> DispatchResult) {
    let (bytes, before) = (stored(), deposits());
    assert_ok!(call());
    let (bytes, taken) = (stored() - bytes, deposits() - before);
    assert!(bytes > 0);
    assert!(taken >= PER_BYTE * bytes, "{taken} was taken for {bytes} bytes");
}

/// Fifteen datasets of Alice that take consent, and the shares of a version that cites them all.
fn parents() -> (ExtBuilder, Vec<(AssetId, u32)>) {
    let builder = (0..15).fold(ExtBuilder::default(), |b, _| b.dataset(ALICE, listed()));
    (builder, (0..15).map(|n| (dataset(n), 60_000)).collect())
}

/// The largest specification.
fn largest() -> DatasetSpec {
    let artifact = Artifact { hash: ContentHash::repeat_byte(1), len: u64::MAX };
    let mut url = b"https://".to_vec();
    url.resize(MAX_URL as usize - 1, b'x');
    url.push(b'/');
    let sources = vec![Url::truncate_from(url); MAX_SOURCES as usize];
    let terms = Terms {
        licence: Licence::truncate_from(vec![b'x'; MAX_LICENCE as usize]),
        licence_text: Some(ContentHash::zero()),
        royalty: Permill::one(),
        ..paid(Balance::MAX, u32::MAX, Some(u32::MAX))
    };
    DatasetSpec {
        content: artifact,
        metadata: Some(artifact),
        terms,
        sources: Sources::truncate_from(sources),
    }
}

#[test]
fn deposits_should_cover_every_byte_of_datasets() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_covered(|| register(BOB, open(), &[]));
        assert_covered(|| publish(BOB, 1, open(), &[]));
        assert_covered(|| register(BOB, open(), &[(dataset(0), 1)]));
        let name = Name::truncate_from(vec![b'x'; MAX_NAME as usize]);
        assert_covered(|| {
            Provenance::register(signed(BOB), name, Box::new(largest()), shares(&[]))?;
            // An offer takes no deposit: the dataset's has room for it.
            Provenance::offer(signed(BOB), 3, GHOST)
        });
    });
}

#[test]
fn deposits_should_cover_every_byte_of_citations() {
    let (builder, parents) = parents();
    builder.build_and_execute(|| {
        for id in 0..15 {
            assert_ok!(give(ALICE, dataset(id), BOB));
        }
        assert_covered(|| register(BOB, open(), &parents));
        assert_covered(|| publish(BOB, 15, open(), &parents));
    });
}

#[test]
fn record_should_report_every_byte_that_it_stores() {
    let (builder, parents) = parents();
    builder.build().execute_with(|| {
        for (model, count) in [(0, 1), (1, 15)] {
            let asset = ModelVersionId { model, version: 0 }.into();
            let before = stored();
            let citations = shares(&parents[..count]);
            let bytes = Provenance::record(asset, &ALICE, &open(), citations).unwrap();
            // The first ones to cite an asset begin its count; the others only add to it.
            assert!(u128::from(bytes) >= stored() - before, "{count} citations");
        }
        let none = Provenance::record(model(2), &ALICE, &open(), shares(&[]));
        assert_eq!(none, Ok(0));
    });
}

#[test]
fn deposits_should_cover_every_byte_of_grants_and_statements() {
    ExtBuilder::default().dataset(ALICE, listed()).model(ALICE, listed()).build_and_execute(|| {
        assert_covered(|| give(ALICE, dataset(0), BOB));
        assert_covered(|| {
            let (time, uses) = (Some(u32::MAX), Some(u32::MAX));
            Provenance::give_grant(signed(ALICE), model(0), BOB, time, uses)
        });
        assert_covered(|| attest(BOB, 0, StatementKind::Disputed));
        assert_covered(|| attest(BOB, 0, StatementKind::Audited));
    });
}

#[test]
fn deposits_should_cover_every_byte_of_a_bought_grant() {
    ExtBuilder::default().dataset(ALICE, paid(100, 10, Some(5))).build_and_execute(|| {
        // The revenue of the era is paid for by the sale, not by a deposit.
        assert_ok!(buy(CAROL, dataset(0)));
        let (bytes, before) = (stored(), deposits());
        assert_ok!(buy(BOB, dataset(0)));
        assert!(deposits() - before >= PER_BYTE * (stored() - bytes));
        // However often it is extended, no byte comes to it, nor to the revenue of the era.
        let bytes = stored();
        for _ in 0..20 {
            assert_ok!(buy(BOB, dataset(0)));
        }
        assert_eq!(stored(), bytes);
    });
}

#[test]
fn everything_should_be_gone_when_everything_is_removed() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(ALICE, listed(), &[]));
        assert_ok!(give(ALICE, dataset(0), BOB));
        assert_ok!(register(BOB, open(), &[(dataset(0), 10)]));
        assert_ok!(attest(CAROL, 1, StatementKind::Audited));
        remove(BOB, 1);
        assert_ok!(revoke_grant(ALICE, dataset(0), BOB));
        remove(ALICE, 0);
        let kind = StatementKind::Audited;
        assert_ok!(Provenance::withdraw_statement(signed(CAROL), 1, 0, kind));
        assert_eq!((stored(), deposits()), (0, 0));
        for who in [ALICE, BOB, CAROL] {
            assert_eq!(Balances::free_balance(who), FUNDS);
        }
    });
}

/// Checks that a weight covers the entries that a call writes.
fn assert_weight(what: &str, weight: Weight, call: impl FnOnce() -> DispatchResult) {
    let before: Entries = storage();
    assert_ok!(call());
    let after: Entries = storage();
    let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).count();
    let removed = before.keys().filter(|key| !after.contains_key(*key)).count();
    let writes = (changed + removed) as u64;
    let cost = RocksDbWeight::get().writes(writes).ref_time();
    assert!(writes > 0 && weight.ref_time() > cost, "{what}: {writes} writes");
}

#[test]
fn weights_should_cover_every_write_of_datasets_and_statements() {
    type W = ();
    let (builder, parents) = parents();
    builder.build_and_execute(|| {
        for id in 0..15 {
            assert_ok!(give(ALICE, dataset(id), BOB));
        }
        assert_weight("register", <W as WeightInfo>::register(15), || {
            register(BOB, open(), &parents)
        });
        assert_weight("publish", <W as WeightInfo>::publish(15), || {
            publish(BOB, 15, open(), &parents)
        });
        assert_weight("record", <W as WeightInfo>::record(15), || {
            publish_model(BOB, 0, open(), &parents)
        });
        assert_weight("offer", <W as WeightInfo>::offer(), || {
            Provenance::offer(signed(BOB), 15, CAROL)
        });
        assert_weight("accept", <W as WeightInfo>::accept(), || {
            Provenance::accept(signed(CAROL), 15)
        });
        assert_weight("attest", <W as WeightInfo>::attest(), || {
            attest(DAVE, 15, StatementKind::Audited)
        });
        assert_weight("withdraw_statement", <W as WeightInfo>::withdraw_statement(), || {
            let kind = StatementKind::Audited;
            Provenance::withdraw_statement(signed(DAVE), 15, 0, kind)
        });
        assert_weight("deprecate", <W as WeightInfo>::deprecate(), || {
            Provenance::deprecate(signed(CAROL), 15, 0)
        });
        for version in [0, 1] {
            assert_weight("revoke", <W as WeightInfo>::revoke(), || {
                Provenance::revoke(signed(CAROL), 15, version)
            });
            assert_weight("remove", <W as WeightInfo>::remove(15), || {
                Provenance::remove(signed(CAROL), 15, version)
            });
        }
    });
}

#[test]
fn weights_should_cover_every_write_of_grants_and_claims() {
    type W = ();
    let builder = (0..15).fold(ExtBuilder::default(), |b, n| b.model(50 + n, open()));
    builder.build_and_execute(|| {
        let parents: Vec<_> = (0..15).map(|n| (model(n), 60_000)).collect();
        let asset = model(15);
        assert_ok!(publish_model(ALICE, 15, paid(1_600, 10, Some(1)), &parents));
        assert_weight("give_grant", <W as WeightInfo>::give_grant(), || {
            Provenance::give_grant(signed(ALICE), asset, BOB, Some(1), None)
        });
        System::set_block_number(2);
        // It takes the place of one that was given, and nobody can be credited.
        transfer_model(15, GHOST);
        assert_weight("buy_grant", <W as WeightInfo>::buy_grant(16), || buy(BOB, asset));
        assert_eq!(held(HoldReason::Unpaid, KEEPER), 1_600);
        transfer_model(15, ALICE);
        assert_weight("use_grant", <W as WeightInfo>::use_grant(), || {
            Provenance::reserve(asset, &BOB).map(|_| ())
        });
        System::set_block_number(12);
        assert_weight("give_grant", <W as WeightInfo>::give_grant(), || give(ALICE, asset, BOB));
        assert_weight("remove_grant", <W as WeightInfo>::remove_grant(), || {
            remove_grant(BOB, asset, BOB)
        });

        assert_ok!(buy(BOB, asset));
        let (reason, deposit) = (HoldReason::Grant.into(), held(HoldReason::Grant, BOB));
        assert_ok!(Balances::release(&reason, &BOB, deposit, Precision::Exact));
        assert_ok!(Balances::hold(&reason, &CAROL, deposit));
        GrantsOf::<Test>::mutate(BOB, asset, |record| {
            let GrantRecord { depositor, grant, .. } = record.as_mut().unwrap();
            *depositor = CAROL;
            grant.paid = 400;
        });
        empty(BOB);
        assert_weight("revoke_grant", <W as WeightInfo>::revoke_grant(), || {
            revoke_grant(ALICE, asset, BOB)
        });
        assert_eq!(unpaid(BOB), Some(400));
        fund(KEEPER, 100);
        assert_weight("keep", <W as WeightInfo>::keep(), || Provenance::keep(&BOB, 100));
        assert_weight("collect", <W as WeightInfo>::collect(), || {
            Provenance::collect(signed(ALICE), BOB)
        });
    });
}
