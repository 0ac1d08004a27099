//! What a publisher that wants more than its share cannot do.

use crate::market::*;
use frame_support::assert_ok;
use sp_runtime::{DispatchError, Permill};
use vigil_primitives::{
    pricing,
    terms::{Access, Terms},
    AssetId, Balance, ModelVersionId,
};
use vigil_runtime::{Datasets, Models, Provenance, Runtime};

type Error = pallet_provenance::Error<Runtime>;
type DatasetError = pallet_datasets::Error<Runtime>;

fn fee() -> Balance {
    pricing::owner_fee(&FEE, TOKENS, 0)
}

/// What accounts earn by a job of an asset: each payee's parts together.
fn earned_by(asset: AssetId, who: &vigil_runtime::AccountId) -> Balance {
    royalties(settled(asset))
        .iter()
        .filter(|royalty| royalty.payee == *who)
        .map(|royalty| royalty.amount)
        .sum()
}

/// Whether the rival may cite an asset for this share, under these terms of its own.
fn cite(asset: AssetId, parts: u32, own: Terms) -> Result<AssetId, DispatchError> {
    publish_model(&RIVAL, version_spec(own), &[(asset, parts)])
}

#[test]
fn citing_a_parent_should_give_no_part_of_the_parents_own_revenue() {
    run(|| {
        let parent = model(&CURATOR, &[]);
        let child = model(&RIVAL, &[(parent, 10 * PERCENT)]);
        assert_eq!(earned_by(parent, &RIVAL), 0);
        assert_eq!(earned_by(parent, &CURATOR), fee());
        assert_eq!(earned_by(child, &CURATOR), fee() / 10);
    });
}

#[test]
fn offers_and_transfers_should_not_loosen_a_childs_debt_to_its_parent() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        let child = model(&RIVAL, &[(parent, 10 * PERCENT)]);

        // What is not one's own can be neither offered nor taken.
        let dataset = data(parent).dataset;
        let refused = Datasets::offer(signed(&RIVAL), dataset, RIVAL);
        assert_eq!(refused, Err(DatasetError::NotOwner.into()));
        assert_ok!(Datasets::offer(signed(&CURATOR), dataset, HEIR));
        assert_eq!(Datasets::accept(signed(&RIVAL), dataset), Err(DatasetError::NotOffered.into()));

        // The child goes to and fro in the middle of a job; the parent's part stays what it was.
        let job = revealed(child);
        assert_ok!(hand_over(child, &STRANGER));
        assert_ok!(hand_over(child, &RIVAL));
        assert_ok!(hand_over(child, &STRANGER));
        settle(job);
        let royalties = royalties(job);
        assert_eq!((&royalties[1].payee, royalties[1].amount), (&CURATOR, fee() / 10));
        assert_eq!(royalties[0].payee, STRANGER);
        assert!(royalties.iter().all(|royalty| royalty.payee != RIVAL));
    });
}

#[test]
fn giving_a_child_to_its_parents_owner_should_take_nothing_from_the_owner() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        let child = model(&RIVAL, &[(parent, 10 * PERCENT)]);
        // An offer that nobody accepts puts no debt on anybody.
        assert_ok!(Models::offer(signed(&RIVAL), version(child).model, CURATOR));
        assert_eq!((owner(child), deposits(&CURATOR)), (RIVAL, deposits_of_dataset(parent)));
        assert_ok!(Models::accept(signed(&CURATOR), version(child).model));
        assert_eq!(earned_by(child, &CURATOR), fee());
    });
}

fn deposits_of_dataset(asset: AssetId) -> Balance {
    pallet_datasets::Datasets::<Runtime>::get(data(asset).dataset).unwrap().deposit
}

#[test]
fn a_copy_should_earn_nothing_of_the_original() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        let original = model(&MAKER, &[(parent, 20 * PERCENT)]);
        // The same package, without the citation.
        let copy = model(&RIVAL, &[]);
        assert_eq!(earned_by(original, &RIVAL), 0);
        assert_eq!(earned_by(original, &CURATOR), fee() / 5);
        // Its own revenue is its own: nobody but the chain's readers can tell that it is a copy.
        assert_eq!(earned_by(copy, &RIVAL), fee());
    });
}

#[test]
fn citing_ones_own_copy_should_not_lessen_the_originals_part() {
    run(|| {
        let original = dataset(&CURATOR, open());
        let copy = register(&RIVAL, open(), &[]).unwrap();
        let child = model(&RIVAL, &[(original, 10 * PERCENT), (copy, 90 * PERCENT)]);
        assert_eq!(earned_by(child, &CURATOR), fee() / 10);

        // Through a copy that cites the original, the original gets its part of the copy's.
        let citing = register(&RIVAL, open(), &[(original, 50 * PERCENT)]).unwrap();
        let child = model(&RIVAL, &[(citing, 40 * PERCENT)]);
        assert_eq!(earned_by(child, &CURATOR), fee() / 5);
    });
}

#[test]
fn an_asset_should_not_be_cited_twice_nor_cite_itself() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        let twice = [(parent, PERCENT), (parent, PERCENT)];
        let refused = publish_model(&RIVAL, version_spec(open()), &twice);
        assert_eq!(refused, Err(Error::DuplicateCitation.into()));

        // The number that the version is about to get is still unknown, and so is every later one.
        let model = pallet_models::NextModelId::<Runtime>::get();
        for version in [0, 1] {
            let itself = ModelVersionId { model, version }.into();
            assert_eq!(cite(itself, PERCENT, open()), Err(Error::UnknownAsset.into()));
        }
    });
}

#[test]
fn nothing_should_be_cited_without_consent() {
    run(|| {
        let listed = dataset(&CURATOR, terms(Access::AllowList));
        let sold = dataset(&CURATOR, for_sale());
        let listed_model = model_under(&CURATOR, terms(Access::AllowList), &[]);
        for asset in [listed, sold, listed_model] {
            assert_eq!(cite(asset, 50 * PERCENT, open()), Err(Error::NoConsent.into()), "{asset}");
        }

        // The grant of another account does not help, nor does an offer of the asset.
        assert_ok!(Provenance::give_grant(signed(&CURATOR), listed, MAKER, None, None));
        assert_ok!(Datasets::offer(signed(&CURATOR), data(sold).dataset, RIVAL));
        for asset in [listed, sold] {
            assert_eq!(cite(asset, PERCENT, open()), Err(Error::NoConsent.into()), "{asset}");
        }

        // Its own does.
        assert_ok!(Provenance::buy_grant(signed(&RIVAL), sold));
        assert_ok!(cite(sold, PERCENT, open()));
    });
}

#[test]
fn a_grant_that_is_over_should_be_no_consent() {
    run(|| {
        let sold = dataset(&CURATOR, for_sale());
        assert_ok!(Provenance::buy_grant(signed(&RIVAL), sold));
        run_to(now() + GRANT.duration);
        assert_eq!(cite(sold, PERCENT, open()), Err(Error::GrantExpired.into()));
    });
}

#[test]
fn consent_should_bind_what_cites_the_one_that_has_it() {
    run(|| {
        let listed = dataset(&CURATOR, terms(Access::AllowList));
        assert_ok!(Provenance::give_grant(signed(&CURATOR), listed, MAKER, None, None));
        let licensed = model(&MAKER, &[(listed, 30 * PERCENT)]);
        // Who builds on the licensed model pays the dataset as the model does.
        let child = model(&RIVAL, &[(licensed, 50 * PERCENT)]);
        assert_eq!(earned_by(child, &CURATOR), fee() * 15 / 100);
    });
}

#[test]
fn a_parents_terms_should_be_kept() {
    run(|| {
        let royalty = Permill::from_percent(10);
        let dear = dataset(&CURATOR, Terms { royalty, ..open() });
        assert_eq!(cite(dear, 10 * PERCENT - 1, open()), Err(Error::RoyaltyTooLow.into()));
        assert_ok!(cite(dear, 10 * PERCENT, open()));

        let private = Terms { commercial: false, ..open() };
        let unpaid = dataset(&CURATOR, private.clone());
        assert_eq!(cite(unpaid, PERCENT, open()), Err(Error::CommercialUseForbidden.into()));
        assert_ok!(cite(unpaid, PERCENT, private));
    });
}

#[test]
fn a_revoked_parent_should_not_be_cited_any_more() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        assert_ok!(revoke(parent));
        assert_eq!(cite(parent, PERCENT, open()), Err(Error::AssetRevoked.into()));
    });
}

#[test]
fn a_long_chain_of_ones_own_should_not_thin_an_ancestors_part_to_nothing() {
    run(|| {
        let parent = dataset(&CURATOR, open());
        let thin = register(&RIVAL, open(), &[(parent, 1)]).unwrap();
        // A millionth of a millionth would be nothing.
        assert_eq!(cite(thin, PERCENT, open()), Err(Error::ShareTooSmall.into()));
    });
}
