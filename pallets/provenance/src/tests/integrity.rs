//! Configurations that a runtime must not start with, and storage that must not stand.

use crate::{mock::*, *};
use frame_support::{assert_ok, traits::Hooks};
use vigil_primitives::{lineage::Lineage, traits::UnpaidBook, Balance};

fn integrity_test() {
    <Pallet<Test> as Hooks<u64>>::integrity_test();
}

#[test]
fn integrity_test_should_pass_when_the_configuration_is_sound() {
    integrity_test();
}

#[test]
#[should_panic = "EraLength must be at least one block"]
fn integrity_test_should_panic_when_eras_have_no_length() {
    EraLength::set(0);
    integrity_test();
}

#[test]
#[should_panic = "DepositPerByte is zero"]
fn integrity_test_should_panic_when_storage_is_free() {
    DepositPerByte::set(0);
    integrity_test();
}

#[test]
#[should_panic = "the deposit of the largest record overflows"]
fn integrity_test_should_panic_when_a_deposit_overflows() {
    DepositPerByte::set(Balance::MAX / 100);
    integrity_test();
}

/// Spoils a storage in which there is one of everything, and checks that it is noticed.
fn assert_noticed(spoil: impl FnOnce(), message: &'static str) {
    let builder = ExtBuilder::default().dataset(ALICE, open()).dataset(BOB, paid(100, 9, Some(2)));
    builder.build().execute_with(|| {
        assert_ok!(register(CAROL, open(), &[(dataset(0), 1_000)]));
        assert_ok!(buy(CAROL, dataset(1)));
        assert_ok!(give(BOB, dataset(1), GHOST));
        fund(KEEPER, 5);
        assert_ok!(Provenance::keep(&GHOST, 5));
        check_all();
        spoil();
        assert_eq!(Provenance::do_try_state(), Err(message.into()));
    });
}

#[test]
fn try_state_should_fail_when_a_lineage_is_unsound() {
    let change = |change: fn(&mut Lineage)| {
        Lineages::<Test>::mutate(dataset(2), |lineage| change(lineage.as_mut().unwrap()))
    };
    let flattened = "provenance 1: a lineage is not what its citations flatten to";
    assert_noticed(
        || Lineages::<Test>::insert(dataset(9), Lineage::root(dataset(9))),
        "provenance 1: a lineage belongs to nothing",
    );
    assert_noticed(
        || Lineages::<Test>::insert(dataset(0), Lineage::root(dataset(0))),
        "provenance 1: a lineage cites nothing",
    );
    assert_noticed(|| change(|lineage| lineage.depth = 2), flattened);
    assert_noticed(|| change(|l| l.waterfall[0].share = permill(5)), flattened);
    assert_noticed(
        || Descendants::<Test>::insert(dataset(0), dataset(2), permill(5)),
        "provenance 2: a citation is not among the descendants",
    );
    assert_noticed(
        || CitationCount::<Test>::insert(dataset(0), 2),
        "provenance 2: citations are miscounted",
    );
    assert_noticed(
        || Descendants::<Test>::insert(dataset(1), dataset(2), permill(5)),
        "provenance 2: a descendant does not cite its ancestor",
    );
}

#[test]
fn try_state_should_fail_when_a_grant_is_unsound() {
    let change = |change: fn(&mut GrantRecord<AccountId>)| {
        GrantsOf::<Test>::mutate(CAROL, dataset(1), |record| change(record.as_mut().unwrap()))
    };
    let asset = dataset(1);
    let record = |id, reserved| {
        let grant = vigil_primitives::grant::Grant::new(id, 0, None, Some(1), 0);
        let grant = vigil_primitives::grant::Grant { reserved, ..grant };
        GrantRecord { grant, depositor: ALICE, deposit: 0 }
    };
    assert_noticed(
        || GrantsOf::<Test>::insert(ALICE, dataset(9), record(1, 0)),
        "provenance 3: a grant of nothing",
    );
    assert_noticed(
        || GrantHolders::<Test>::remove(asset, CAROL),
        "provenance 3: a holder is not listed",
    );
    assert_noticed(|| NextGrantId::<Test>::put(0), "provenance 3: a number was never given");
    assert_noticed(
        || {
            GrantsOf::<Test>::insert(ALICE, asset, record(0, 0));
            GrantHolders::<Test>::insert(asset, ALICE, ());
        },
        "provenance 3: two grants have one number",
    );
    assert_noticed(
        || change(|record| record.grant.reserved = 3),
        "provenance 3: a grant is used more often than it allows",
    );
    assert_noticed(
        || GrantHolders::<Test>::insert(asset, DAVE, ()),
        "provenance 3: a listed holder has no grant",
    );
    assert_noticed(
        || PaidGrants::<Test>::insert(asset, 2),
        "provenance 3: paid grants are miscounted",
    );
    assert_noticed(
        || change(|record| record.deposit += 1),
        "provenance 3: held and recorded grants differ",
    );
}

#[test]
fn try_state_should_fail_when_money_is_unsound() {
    assert_noticed(
        || Unpaid::<Test>::insert(DAVE, 0),
        "provenance 4: nothing is kept for somebody",
    );
    assert_noticed(
        || Unpaid::<Test>::insert(DAVE, 1),
        "provenance 4: the keeper does not hold what is unpaid",
    );
    assert_noticed(
        || AssetRevenue::<Test>::insert(dataset(1), 0, 99),
        "provenance 5: owners and assets have earned different sums",
    );
}
