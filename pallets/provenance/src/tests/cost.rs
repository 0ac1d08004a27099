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
use vigil_primitives::{
    traits::{Grants, Provenance as _, UnpaidBook},
    AssetId, Balance, ModelVersionId,
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
    [ALICE, BOB, CAROL, DAVE].iter().map(|who| held(HoldReason::Grant, *who)).sum()
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
fn deposits_should_cover_every_byte_of_grants() {
    ExtBuilder::default().dataset(ALICE, listed()).model(ALICE, listed()).build_and_execute(|| {
        assert_covered(|| give(ALICE, dataset(0), BOB));
        assert_covered(|| {
            let (time, uses) = (Some(u32::MAX), Some(u32::MAX));
            Provenance::give_grant(signed(ALICE), model(0), BOB, time, uses)
        });
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
fn weights_should_cover_every_write_of_grants_and_unpaid_amounts() {
    type W = <Test as crate::Config>::WeightInfo;
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
            Provenance::reserve(asset, &BOB, 1, 0).map(|_| ())
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
