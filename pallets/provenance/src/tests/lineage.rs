//! What may be cited, by whose consent, and what becomes of it.

use crate::{mock::*, Descendants, Error, Event, GrantsOf, Lineages};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    lineage::{Lineage, MAX_DEPTH},
    traits::{Provenance as _, Waterfall},
    AssetId, DatasetVersionId, ModelVersionId,
};

/// Sixteen datasets of Alice that everybody may cite.
fn many() -> ExtBuilder {
    (0..16).fold(ExtBuilder::default(), |builder, _| builder.dataset(ALICE, open()))
}

#[test]
fn a_citation_should_be_recorded_on_both_sides() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(0), 20_000)]));
        assert_last_event(Event::Cited { asset: dataset(0), by: model(0), share: permill(20_000) });
        assert_eq!(citations(dataset(0)), 1);
        assert_eq!(Descendants::<Test>::get(dataset(0), model(0)), Some(permill(20_000)));
        let lineage = Lineages::<Test>::get(model(0)).unwrap();
        assert_eq!(lineage.citations, shares(&[(dataset(0), 20_000)]));
        assert_eq!(lineage.waterfall, shares(&[(model(0), 980_000), (dataset(0), 20_000)]));
        assert!(!Lineages::<Test>::contains_key(dataset(0)), "a root needs no record");
    });
}

#[test]
fn an_owner_should_need_no_consent_and_owe_itself_no_royalty() {
    let terms = royalty(private(listed()), 500_000);
    ExtBuilder::default().dataset(ALICE, terms).build_and_execute(|| {
        assert_ok!(register(ALICE, open(), &[(dataset(0), 1)]));
        assert_noop!(
            register(BOB, private(open()), &[(dataset(0), 500_000)]),
            Error::<Test>::NoConsent
        );
        // The consent is the owner's of the moment.
        transfer(0, ALICE, BOB);
        assert_ok!(register(BOB, open(), &[(dataset(0), 1)]));
        assert_noop!(
            register(ALICE, open(), &[(dataset(0), 1)]),
            Error::<Test>::CommercialUseForbidden
        );
        assert_noop!(
            register(ALICE, private(open()), &[(dataset(0), 500_000)]),
            Error::<Test>::NoConsent
        );
    });
}

#[test]
fn a_grant_should_be_consent_bought_or_given() {
    ExtBuilder::default()
        .dataset(ALICE, paid(1_000, 10, Some(1)))
        .dataset(ALICE, listed())
        .build_and_execute(|| {
            let both = [(dataset(0), 1_000), (dataset(1), 1_000)];
            assert_noop!(register(BOB, open(), &both), Error::<Test>::NoConsent);
            assert_ok!(buy(BOB, dataset(0)));
            assert_noop!(register(BOB, open(), &both), Error::<Test>::NoConsent);
            assert_ok!(give(ALICE, dataset(1), BOB));
            assert_ok!(register(BOB, open(), &both));
            assert_eq!(grant(BOB, dataset(0)).used, 1);
            assert_eq!(grant(BOB, dataset(1)).used, 1);
        });
}

#[test]
fn a_citation_should_give_at_least_the_royalty() {
    ExtBuilder::default().dataset(ALICE, royalty(open(), 50_000)).build_and_execute(|| {
        let cite = |ppm| register(BOB, open(), &[(dataset(0), ppm)]);
        assert_noop!(cite(49_999), Error::<Test>::RoyaltyTooLow);
        assert_ok!(cite(50_000));
        assert_ok!(cite(50_001));
    });
}

#[test]
fn a_version_in_between_should_not_dilute_a_royalty() {
    ExtBuilder::default().dataset(ALICE, royalty(open(), 50_000)).build_and_execute(|| {
        // Bob's shell pays Alice what she asks for, and it does not matter who builds on it.
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(0), 50_000)]));
        for who in [BOB, CAROL] {
            let cite = |citations: &[_]| register(who, open(), citations);
            assert_noop!(cite(&[(model(0), 1_000)]), Error::<Test>::RoyaltyTooLow);
            assert_noop!(cite(&[(model(0), 999_980)]), Error::<Test>::RoyaltyTooLow);
            let short = [(model(0), 100_000), (dataset(0), 44_999)];
            assert_noop!(cite(&short), Error::<Test>::RoyaltyTooLow);
            // A twentieth of a tenth comes through the shell, the rest at first hand.
            assert_ok!(cite(&[(model(0), 100_000), (dataset(0), 45_000)]));
            assert_ok!(cite(&[(model(0), 1_000_000)]));
        }
    });
}

#[test]
fn a_royalty_should_count_what_is_passed_on() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish_model(BOB, 0, royalty(open(), 50_000), &[(dataset(0), 500_000)]));
        let cite = |share| register(CAROL, open(), &[(model(0), share)]);
        assert_noop!(cite(49_999), Error::<Test>::RoyaltyTooLow);
        // Half of it goes on to Alice.
        assert_ok!(cite(50_000));
    });
}

#[test]
fn what_forbids_commercial_use_should_be_cited_by_its_like_only() {
    ExtBuilder::default().dataset(ALICE, private(open())).build_and_execute(|| {
        let cite = |terms| register(BOB, terms, &[(dataset(0), 1)]);
        assert_noop!(cite(open()), Error::<Test>::CommercialUseForbidden);
        assert_ok!(cite(private(open())));
    });
}

#[test]
fn citing_oneself_should_not_shake_off_what_others_forbid() {
    ExtBuilder::default().dataset(ALICE, private(open())).build_and_execute(|| {
        assert_ok!(register(BOB, private(open()), &[(dataset(0), 100)]));
        assert_ok!(register(BOB, private(open()), &[(dataset(1), 100_000)]));
        for between in [dataset(1), dataset(2)] {
            let laundered = || publish_model(BOB, 0, open(), &[(between, 500_000)]);
            assert_noop!(laundered(), Error::<Test>::CommercialUseForbidden);
        }
        // Once all of it is its own, nobody else's terms are in the way.
        transfer(0, ALICE, BOB);
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(2), 500_000)]));
    });
}

#[test]
fn what_allows_commercial_use_should_answer_for_its_ancestors() {
    ExtBuilder::default().dataset(ALICE, private(open())).build_and_execute(|| {
        assert_ok!(register(ALICE, open(), &[(dataset(0), 100_000)]));
        assert_ok!(register(BOB, private(open()), &[(dataset(1), 100_000)]));
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(1), 1_000), (dataset(2), 1_000)]));
    });
}

#[test]
fn each_malformed_citation_should_have_its_own_error() {
    many().build_and_execute(|| {
        let cite = |citations: &[(AssetId, u32)]| register(BOB, open(), citations);
        assert_noop!(cite(&[(dataset(99), 1)]), Error::<Test>::UnknownAsset);
        assert_noop!(cite(&[(model(0), 1)]), Error::<Test>::UnknownAsset);
        assert_noop!(cite(&[(dataset(0), 0)]), Error::<Test>::ZeroShare);
        assert_noop!(cite(&[(dataset(0), 1), (dataset(0), 1)]), Error::<Test>::DuplicateCitation);
        assert_noop!(
            cite(&[(dataset(0), 600_000), (dataset(1), 400_001)]),
            Error::<Test>::SharesExceedWhole
        );
        assert_ok!(register(BOB, open(), &[(dataset(0), 10_000)]));
        assert_noop!(cite(&[(dataset(16), 99)]), Error::<Test>::ShareTooSmall);
        assert_ok!(cite(&[(dataset(16), 100)]));
        assert_ok!(cite(&[(dataset(0), 600_000), (dataset(1), 400_000)]));
    });
}

#[test]
fn sixteen_payees_should_be_the_most() {
    many().build_and_execute(|| {
        let cited = |count| (0..count).map(|n| (dataset(n), 10_000)).collect::<Vec<_>>();
        assert_noop!(register(BOB, open(), &cited(16)), Error::<Test>::TooManyPayees);
        assert_ok!(register(BOB, open(), &cited(15)));
        assert_eq!(Provenance::payees(dataset(16)), 16);
        // Inherited ones count, once each.
        let full = (dataset(16), 500_000);
        assert_noop!(publish_model(BOB, 0, open(), &[full]), Error::<Test>::TooManyPayees);
        assert_ok!(register(BOB, open(), &cited(14)));
        let inherited = (dataset(17), 500_000);
        assert_ok!(publish_model(BOB, 0, open(), &[inherited, (dataset(0), 10)]));
        assert_eq!(Provenance::payees(model(0)), 16);
        let one_more = [inherited, (dataset(15), 10)];
        assert_noop!(publish_model(BOB, 1, open(), &one_more), Error::<Test>::TooManyPayees);
    });
}

#[test]
fn four_should_be_the_longest_chain_of_citations() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        for depth in 1..=u32::from(MAX_DEPTH) {
            assert_ok!(register(BOB, open(), &[(dataset(depth - 1), 500_000)]));
            assert_eq!(Provenance::payees(dataset(depth)), depth + 1);
        }
        let fifth = || publish_model(BOB, 0, open(), &[(dataset(4), 500_000)]);
        assert_noop!(fifth(), Error::<Test>::LineageTooDeep);
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(3), 500_000)]));
    });
}

#[test]
fn a_diamond_should_pay_the_common_ancestor_once() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(register(BOB, open(), &[(dataset(0), 200_000)]));
        assert_ok!(register(CAROL, open(), &[(dataset(0), 100_000)]));
        assert_ok!(publish_model(DAVE, 0, open(), &[(dataset(1), 100_000), (dataset(2), 100_000)]));
        let waterfall = Lineages::<Test>::get(model(0)).unwrap().waterfall;
        let expected =
            [(model(0), 800_000), (dataset(0), 30_000), (dataset(1), 80_000), (dataset(2), 90_000)];
        assert_eq!(waterfall, shares(&expected));
        assert_eq!(citations(dataset(0)), 2);
    });
}

#[test]
fn a_failed_record_should_consume_no_use_and_leave_nothing() {
    ExtBuilder::default()
        .dataset(ALICE, listed())
        .dataset(ALICE, royalty(open(), 900_000))
        .build_and_execute(|| {
            assert_ok!(give(ALICE, dataset(0), BOB));
            let before = storage();
            // Outside of any call that would undo it.
            let both = shares(&[(dataset(0), 1), (dataset(1), 1)]);
            let refused = Provenance::record(model(0), &BOB, &open(), both).map(|_| ());
            assert_eq!(refused, Err(Error::<Test>::RoyaltyTooLow.into()));
            assert_eq!(storage(), before);
            assert_eq!(grant(BOB, dataset(0)).used, 0);
            assert_eq!(Lineages::<Test>::iter().count(), 0);
        });
}

#[test]
fn nothing_should_cite_itself_or_what_is_not_there_yet() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        // The next dataset, the next version, and the one after it, by those who will own them.
        let next = DatasetVersionId { dataset: 0, version: 1 }.into();
        assert_noop!(register(ALICE, open(), &[(dataset(1), 1)]), Error::<Test>::UnknownAsset);
        assert_noop!(publish(ALICE, 0, open(), &[(next, 1)]), Error::<Test>::UnknownAsset);
        assert_noop!(register(ALICE, open(), &[(dataset(2), 1)]), Error::<Test>::UnknownAsset);
        let own = || publish_model(ALICE, 0, open(), &[(model(0), 1)]);
        assert_noop!(own(), Error::<Test>::UnknownAsset);
        // An earlier version of the same is another asset.
        assert_ok!(publish(ALICE, 0, open(), &[(dataset(0), 500_000)]));
        assert_ok!(publish_model(ALICE, 0, open(), &[(next, 500_000)]));
        assert_ok!(publish_model(ALICE, 0, open(), &[(model(0), 500_000)]));
        let second = ModelVersionId { model: 0, version: 1 }.into();
        assert_eq!(Lineages::<Test>::get::<AssetId>(second).unwrap().depth, 3);
    });
}

#[test]
fn a_publisher_should_not_claim_more_than_its_parents_leave_it() {
    ExtBuilder::default().dataset(ALICE, royalty(open(), 300_000)).build_and_execute(|| {
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(0), 300_000)]));
        let before = Lineages::<Test>::get(model(0));
        // Neither new versions nor new owners change what a version owes.
        assert_ok!(publish_model(BOB, 0, open(), &[]));
        transfer_model(0, CAROL);
        assert_eq!(Lineages::<Test>::get(model(0)), before);
        let parts = Provenance::split(model(0), 1_000);
        let parts: Vec<_> = parts.iter().map(|part| (part.payee, part.amount)).collect();
        assert_eq!(parts, vec![(CAROL, 700), (ALICE, 300)]);
    });
}

#[test]
fn an_asset_without_citations_should_leave_no_record() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(register(ALICE, open(), &[]));
        assert_eq!(Lineages::<Test>::iter().count(), 0);
        assert_eq!(GrantsOf::<Test>::iter().count(), 0);
        assert_eq!(Provenance::lineage_of(dataset(0)), Lineage::root(dataset(0)));
    });
}
