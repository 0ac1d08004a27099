//! What calls cost against what they really do: every byte that somebody has stored, here and with the
//! keeper of lineage, is covered by a deposit, and every entry that a call writes by its weight.

use crate::{mock::*, Config, HoldReason, Pallet, WeightInfo};
use alloc::collections::BTreeMap;
use frame_support::{
    assert_ok,
    dispatch::DispatchResult,
    traits::fungible::InspectHold,
    weights::{constants::RocksDbWeight, Weight},
};
use sp_io::hashing::twox_128;
use sp_runtime::Permill;
use vigil_primitives::{
    dataset::{DatasetSpec, StatementKind},
    samples::{largest_dataset_spec, longest_name},
    terms::{Access, GrantTerms, Terms},
    traits::Provenance as _,
    AssetId, Balance,
};

/// The storage of both pallets and of balances.
fn storage() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut key = Vec::new();
    while let Some(next) = sp_io::storage::next_key(&key) {
        let value = sp_io::storage::get(&next).unwrap().to_vec();
        let account = frame_support::storage::storage_prefix(b"System", b"Account");
        if !next.starts_with(&twox_128(b"System")) || next.starts_with(&account) {
            entries.insert(next.clone(), value);
        }
        key = next;
    }
    entries
}

/// Bytes of the entries of both pallets, keys and all, but for the counters that there are once.
fn stored() -> u128 {
    let prefixes = [twox_128(b"Registry"), twox_128(b"Provenance")];
    let entries = storage()
        .into_iter()
        .filter(|(key, _)| prefixes.iter().any(|prefix| key.starts_with(prefix)) && key.len() > 32);
    entries.map(|(key, value)| (key.len() + value.len()) as u128).sum()
}

/// What is on hold for both pallets in all.
fn deposits() -> Balance {
    let of = |who: &AccountId| {
        let grants = Balances::balance_on_hold(&pallet_provenance::HoldReason::Grant.into(), who);
        held(HoldReason::Deposit, *who) + held(HoldReason::Statement, *who) + grants
    };
    [ALICE, BOB, CAROL, DAVE].iter().map(of).sum()
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
    let grant = GrantTerms { price: Balance::MAX, duration: u32::MAX, uses: Some(u32::MAX) };
    let spec = largest_dataset_spec(Access::Paid(grant));
    DatasetSpec { terms: Terms { royalty: Permill::one(), ..spec.terms }, ..spec }
}

#[test]
fn deposits_should_cover_every_byte_of_datasets() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_covered(|| register(BOB, open(), &[]));
        assert_covered(|| publish(BOB, 1, open(), &[]));
        assert_covered(|| register(BOB, open(), &[(dataset(0), 1)]));
        assert_covered(|| {
            Registry::register(signed(BOB), longest_name(), Box::new(largest()), shares(&[]))?;
            // An offer takes no deposit: the dataset's has room for it.
            Registry::offer(signed(BOB), 3, 6)
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
        assert_ok!(Registry::withdraw_statement(signed(CAROL), 1, 0, kind));
        assert_eq!((stored(), deposits()), (0, 0));
        for who in [ALICE, BOB, CAROL] {
            assert_eq!(Balances::free_balance(who), FUNDS);
        }
    });
}

/// Checks that a weight covers the entries that a call writes.
fn assert_weight(what: &str, weight: Weight, call: impl FnOnce() -> DispatchResult) {
    let before = storage();
    assert_ok!(call());
    let after = storage();
    let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).count();
    let removed = before.keys().filter(|key| !after.contains_key(*key)).count();
    let writes = (changed + removed) as u64;
    let cost = RocksDbWeight::get().writes(writes).ref_time();
    assert!(writes > 0 && weight.ref_time() > cost, "{what}: {writes} writes");
}

#[test]
fn weights_should_cover_every_write_of_datasets_and_statements() {
    type W = <Test as Config>::WeightInfo;
    let citations = shares(&parents().1);
    let (builder, parents) = parents();
    builder.build_and_execute(|| {
        for id in 0..15 {
            assert_ok!(give(ALICE, dataset(id), BOB));
        }
        assert_weight("register", Pallet::<Test>::register_weight(&citations), || {
            register(BOB, open(), &parents)
        });
        assert_weight("publish", Pallet::<Test>::publish_weight(&citations), || {
            publish(BOB, 15, open(), &parents)
        });
        assert_weight("offer", W::offer(), || Registry::offer(signed(BOB), 15, CAROL));
        assert_weight("accept", W::accept(), || Registry::accept(signed(CAROL), 15));
        assert_weight("attest", W::attest(), || attest(DAVE, 15, StatementKind::Audited));
        assert_weight("withdraw_statement", W::withdraw_statement(), || {
            let kind = StatementKind::Audited;
            Registry::withdraw_statement(signed(DAVE), 15, 0, kind)
        });
        assert_weight("deprecate", W::deprecate(), || Registry::deprecate(signed(CAROL), 15, 0));
        for version in [0, 1] {
            assert_weight("revoke", W::revoke(), || Registry::revoke(signed(CAROL), 15, version));
            assert_weight("remove", W::remove() + Provenance::forget_weight(), || {
                Registry::remove(signed(CAROL), 15, version)
            });
        }
    });
}

#[test]
fn a_statement_should_be_covered_by_its_deposit() {
    ExtBuilder::default().dataset(ALICE, listed()).build_and_execute(|| {
        assert_covered(|| attest(BOB, 0, StatementKind::Disputed));
        assert_covered(|| attest(BOB, 0, StatementKind::Audited));
    });
}
