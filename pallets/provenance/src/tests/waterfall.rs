//! What assets earn, and who is paid.

use crate::{mock::*, AccountRevenue, AssetRevenue, Event, HoldReason};
use frame_support::assert_ok;
use proptest::prelude::*;
use vigil_primitives::{
    lineage::Royalty,
    traits::{Provenance as _, Waterfall},
    Balance, DatasetVersionId,
};

#[test]
fn split_should_pay_the_owners_of_the_moment() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(0), 20_000)]));
        let of = |payee, asset, amount| Royalty { asset, payee, amount, credited: true };
        assert_eq!(
            Provenance::split(model(0), 99),
            vec![of(BOB, model(0), 98), of(ALICE, dataset(0), 1)]
        );
        transfer(0, ALICE, CAROL);
        transfer_model(0, DAVE);
        assert_eq!(
            Provenance::split(model(0), 99),
            vec![of(DAVE, model(0), 98), of(CAROL, dataset(0), 1)]
        );
    });
}

#[test]
fn split_should_have_no_parts_when_the_asset_was_never_published() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_eq!(Provenance::split(model(0), 5), vec![]);
        let next = DatasetVersionId { dataset: 0, version: 1 };
        assert_eq!(Provenance::split(next.into(), 5), vec![]);
        assert_eq!(Provenance::split(dataset(0), Balance::MAX)[0].amount, Balance::MAX);
    });
}

#[test]
fn earned_should_add_up_by_asset_account_and_era() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let royalty =
            |payee, amount, credited| Royalty { asset: dataset(0), payee, amount, credited };
        Provenance::earned(&royalty(ALICE, 5, true));
        Provenance::earned(&royalty(BOB, 7, false));
        let (asset, payee) = (dataset(0), BOB);
        assert_last_event(Event::Earned { asset, payee, amount: 7, credited: false });
        System::set_block_number(u64::from(ERA) - 1);
        Provenance::earned(&royalty(BOB, 1, true));
        System::set_block_number(u64::from(ERA));
        Provenance::earned(&royalty(BOB, 10, true));
        assert_eq!(AssetRevenue::<Test>::get(dataset(0), 0), 13);
        assert_eq!(AssetRevenue::<Test>::get(dataset(0), 1), 10);
        assert_eq!(AccountRevenue::<Test>::get((ALICE, 0, dataset(0))), 5);
        assert_eq!(AccountRevenue::<Test>::get((BOB, 0, dataset(0))), 8);
        assert_eq!(AccountRevenue::<Test>::get((BOB, 1, dataset(0))), 10);
    });
}

#[test]
fn earned_should_leave_nothing_when_there_was_nothing() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        let before = storage();
        let (asset, payee) = (dataset(0), ALICE);
        Provenance::earned(&Royalty { asset, payee, amount: 0, credited: true });
        assert_eq!((storage(), events()), (before, vec![]));
    });
}

#[test]
fn has_paid_grants_should_see_those_that_were_paid_for() {
    ExtBuilder::default().model(ALICE, paid(1_000, 10, None)).build_and_execute(|| {
        assert_ok!(give(ALICE, model(0), BOB));
        assert!(!Provenance::has_paid_grants(model(0)));
        assert_ok!(buy(CAROL, model(0)));
        assert!(Provenance::has_paid_grants(model(0)));
        // Over, it is still on record.
        System::set_block_number(11);
        assert!(Provenance::has_paid_grants(model(0)));
        assert_ok!(remove_grant(DAVE, model(0), CAROL));
        assert!(!Provenance::has_paid_grants(model(0)));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Random graphs of models, most of whose owners are dead: every unit of a price is paid or
    /// kept.
    #[test]
    fn every_unit_of_a_price_should_be_paid_or_kept(
        graph in prop::collection::vec(
            prop::collection::vec((any::<prop::sample::Index>(), 1u32..400_000), 0..5),
            1..10,
        ),
        price in 1u128..100_000,
    ) {
        ExtBuilder::default().build_and_execute(|| {
            let mut last = 0;
            for (number, citations) in graph.iter().enumerate() {
                let citations: Vec<_> = citations
                    .iter()
                    .filter(|_| last > 0)
                    .map(|(index, ppm)| (model(index.index(last as usize) as u32), *ppm))
                    .collect();
                let sold = number + 1 == graph.len();
                let terms = if sold { paid(price, 10, None) } else { open() };
                let owner = if number == 0 { ALICE } else { 50 + number as u64 };
                if publish_model(owner, last, terms.clone(), &citations).is_err() {
                    assert_ok!(publish_model(owner, last, terms, &[]));
                }
                last += 1;
            }
            let issuance = Balances::total_issuance();
            System::reset_events();
            assert_ok!(buy(DAVE, model(last - 1)));
            assert_eq!(total(DAVE), FUNDS - price);

            let (mut credited, mut kept) = (0, 0);
            for event in events() {
                match event {
                    Event::Earned { amount, credited: true, .. } => credited += amount,
                    Event::Kept { amount, .. } => kept += amount,
                    _ => (),
                }
            }
            assert_eq!(credited + kept, price);
            assert_eq!(held(HoldReason::Unpaid, KEEPER), kept);
            assert_eq!(Balances::total_issuance(), issuance);
            check_all();
        });
    }
}
