//! Bad input: one clear error each, and nothing changes.

use crate::market::*;
use frame_support::assert_ok;
use sp_core::storage::StateVersion;
use sp_io::storage;
use sp_runtime::{DispatchError, Permill};
use vigil_primitives::{
    dataset::{DatasetVersionId, StatementKind},
    job::JobSpec,
    model::Name,
    terms::{AcceptedTerms, Access, GrantTerms, Terms},
    AssetId, BlockNumber, ContentHash, Hash, ModelVersionId,
};
use vigil_runtime::{AccountId, Datasets, Jobs, Models, Provenance, Runtime};

type Error = pallet_provenance::Error<Runtime>;
type DatasetError = pallet_datasets::Error<Runtime>;
type ModelError = pallet_models::Error<Runtime>;
type JobError = pallet_jobs::Error<Runtime>;

/// Checks that a call is refused with this error and leaves everything as it was.
#[track_caller]
fn refused<T>(
    what: &str,
    error: impl Into<DispatchError>,
    call: impl FnOnce() -> Result<T, DispatchError>,
) {
    let before = storage::root(StateVersion::V1);
    let result = call();
    assert_eq!(result.err(), Some(error.into()), "{what}");
    assert_eq!(storage::root(StateVersion::V1), before, "{what} left something behind");
}

/// Registers a dataset that cites others, as the rival.
fn citing(citations: &[(AssetId, u32)]) -> Result<AssetId, DispatchError> {
    register(&RIVAL, open(), citations)
}

/// Publishes another version of the rival's model, under other terms.
fn version_with(model: u32, terms: Terms) -> Result<(), DispatchError> {
    Models::publish(signed(&RIVAL), model, Box::new(version_spec(terms)), shares(&[]))
}

/// A job of the requester's that differs from a good one.
fn job_with(
    asset: AssetId,
    change: impl FnOnce(&mut JobSpec<BlockNumber>),
) -> Result<u64, DispatchError> {
    let mut spec = job_for(asset);
    change(&mut spec);
    submit(&REQUESTER, spec)
}

const UNKNOWN_DATA: DatasetVersionId = DatasetVersionId { dataset: 9, version: 0 };
const UNKNOWN_VERSION: ModelVersionId = ModelVersionId { model: 9, version: 0 };

#[test]
fn unknown_numbers() {
    run(|| {
        let data = dataset(&CURATOR, open());
        let next = AssetId::Dataset(DatasetVersionId { dataset: 0, version: 1 });
        let owner = || signed(&CURATOR);
        refused("publishing", DatasetError::NotFound, || {
            Datasets::publish(owner(), 9, Box::new(dataset_spec(open())), shares(&[]))
        });
        refused("offering", DatasetError::NotFound, || Datasets::offer(owner(), 9, HEIR));
        refused("accepting", DatasetError::NotFound, || Datasets::accept(owner(), 9));
        refused("withdrawing", DatasetError::NotFound, || Datasets::withdraw_offer(owner(), 9));
        refused("deprecating", DatasetError::NotFound, || Datasets::deprecate(owner(), 0, 1));
        refused("revoking", DatasetError::NotFound, || Datasets::revoke(owner(), 0, 1));
        refused("removing", DatasetError::NotFound, || Datasets::remove(owner(), 0, 1));
        let hash = ContentHash::zero();
        refused("attesting", DatasetError::NotFound, || {
            Datasets::attest(signed(&STRANGER), 9, 0, StatementKind::Audited, hash)
        });
        refused("withdrawing a statement", DatasetError::NotFound, || {
            Datasets::withdraw_statement(signed(&STRANGER), 0, 0, StatementKind::Audited)
        });
        for unknown in [UNKNOWN_DATA.into(), UNKNOWN_VERSION.into(), next] {
            refused("citing", Error::UnknownAsset, || citing(&[(unknown, PERCENT)]));
            refused("buying", Error::UnknownAsset, || {
                Provenance::buy_grant(signed(&STRANGER), unknown)
            });
            refused("giving", Error::UnknownAsset, || {
                Provenance::give_grant(owner(), unknown, HEIR, None, None)
            });
            refused("taking", Error::UnknownAsset, || {
                Provenance::revoke_grant(owner(), unknown, HEIR, None)
            });
        }
        refused("taking what is not held", Error::NoGrant, || {
            Provenance::revoke_grant(owner(), data, HEIR, None)
        });
        refused("removing what is not held", Error::NoGrant, || {
            Provenance::remove_grant(signed(&STRANGER), data, HEIR)
        });
        refused("collecting", Error::NothingUnpaid, || Provenance::collect(owner(), HEIR));

        let known = model(&MAKER, &[]);
        refused("a job", JobError::UnknownVersion, || {
            job_with(known, |spec| spec.version = UNKNOWN_VERSION)
        });
        refused("poking", JobError::NotFound, || {
            Jobs::poke(signed(&STRANGER), 9).map_err(|error| error.error)
        });
        refused("cancelling", JobError::NotFound, || Jobs::cancel(signed(&REQUESTER), 9));
        refused("a version of no model", ModelError::NotFound, || version_with(9, open()));
    });
}

#[test]
fn shares_that_make_no_lineage() {
    run(|| {
        let parents: Vec<_> = (0..16).map(|_| dataset(&CURATOR, open())).collect();
        let (first, second) = (parents[0], parents[1]);
        refused("a share of zero", Error::ZeroShare, || citing(&[(first, 0)]));
        refused("101 %", Error::SharesExceedWhole, || {
            citing(&[(first, 51 * PERCENT), (second, 50 * PERCENT)])
        });
        refused("a millionth too much", Error::SharesExceedWhole, || {
            citing(&[(first, 500_000), (second, 500_001)])
        });
        refused("twice the same", Error::DuplicateCitation, || citing(&[(first, 1), (first, 1)]));
        let all: Vec<_> = parents.iter().map(|asset| (*asset, PERCENT)).collect();
        refused("seventeen payees", Error::TooManyPayees, || citing(&all));
        let most = citing(&all[1..]).expect("sixteen are allowed");
        refused("seventeen payees by way of another", Error::TooManyPayees, || {
            citing(&[(most, 50 * PERCENT), (first, PERCENT)])
        });

        let mut chain = vec![first];
        for _ in 0..4 {
            let last = *chain.last().unwrap();
            chain.push(citing(&[(last, 50 * PERCENT)]).expect("four are allowed"));
        }
        refused("a chain of five", Error::LineageTooDeep, || citing(&[(chain[4], 50 * PERCENT)]));
        refused("nothing for an ancestor", Error::ShareTooSmall, || citing(&[(chain[1], 1)]));
    });
}

#[test]
fn parents_that_cannot_be_cited() {
    run(|| {
        let revoked = dataset(&CURATOR, open());
        assert_ok!(revoke(revoked));
        refused("a revoked parent", Error::AssetRevoked, || citing(&[(revoked, PERCENT)]));
        let revoked = model(&MAKER, &[]);
        assert_ok!(revoke(revoked));
        refused("a revoked model", Error::AssetRevoked, || citing(&[(revoked, PERCENT)]));
        let listed = dataset(&CURATOR, terms(Access::AllowList));
        refused("no consent", Error::NoConsent, || citing(&[(listed, PERCENT)]));
        let royalty = Permill::from_percent(5);
        let dear = dataset(&CURATOR, Terms { royalty, ..open() });
        refused("too low a royalty", Error::RoyaltyTooLow, || citing(&[(dear, PERCENT)]));
        let unpaid = dataset(&CURATOR, Terms { commercial: false, ..open() });
        refused("commercial use", Error::CommercialUseForbidden, || citing(&[(unpaid, PERCENT)]));
    });
}

#[test]
fn grants_that_do_not_help() {
    run(|| {
        let once = terms(Access::Paid(GrantTerms { uses: Some(1), ..GRANT }));
        let asset = model_under(&MAKER, once, &[]);
        let good = |_: &mut JobSpec<BlockNumber>| {};
        refused("no grant", Error::NoGrant, || job_with(asset, good));

        assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
        settled(asset);
        refused("an exhausted quota", Error::GrantExhausted, || job_with(asset, good));

        assert_ok!(Provenance::buy_grant(signed(&STRANGER), asset));
        run_to(now() + GRANT.duration);
        refused("an expired grant", Error::GrantExpired, || submit(&STRANGER, job_for(asset)));
    });
}

#[test]
fn grants_that_are_not_to_be_had() {
    run(|| {
        let sold = dataset(&CURATOR, for_sale());
        let free = dataset(&CURATOR, open());
        refused("an open asset", Error::NotForSale, || {
            Provenance::buy_grant(signed(&STRANGER), free)
        });
        refused("one's own", Error::OwnerNeedsNoGrant, || {
            Provenance::buy_grant(signed(&CURATOR), sold)
        });
        let give = |to: &AccountId, duration, uses| {
            Provenance::give_grant(signed(&CURATOR), sold, to.clone(), duration, uses)
        };
        refused("to the owner", Error::OwnerNeedsNoGrant, || give(&CURATOR, None, None));
        refused("for no time", Error::ZeroDuration, || give(&HEIR, Some(0), None));
        refused("for no use", Error::ZeroUses, || give(&HEIR, None, Some(0)));
        assert_ok!(give(&HEIR, None, None));
        refused("twice", Error::GrantHeld, || give(&HEIR, None, None));
        refused("what is held as a gift", Error::GrantHeld, || {
            Provenance::buy_grant(signed(&HEIR), sold)
        });
        refused("by nobody", sp_runtime::TokenError::FundsUnavailable, || {
            Provenance::buy_grant(signed(&NOBODY), sold)
        });
        assert_ok!(Provenance::buy_grant(signed(&STRANGER), sold));
        refused("another's that is good", Error::NotOver, || {
            Provenance::remove_grant(signed(&RIVAL), sold, STRANGER)
        });
    });
}

#[test]
fn terms_that_are_not_accepted() {
    run(|| {
        let private = Terms { commercial: false, ..open() };
        let asset = model_under(&MAKER, private, &[]);
        refused("another licence", JobError::LicenceNotAccepted, || {
            job_with(asset, |spec| {
                spec.terms = AcceptedTerms { licence: Hash::repeat_byte(1), commercial: false };
            })
        });
        refused("commercial use", JobError::CommercialUseForbidden, || {
            job_with(asset, |spec| spec.terms.commercial = true)
        });
        assert_ok!(job_with(asset, |spec| spec.terms.commercial = false));

        let text = Terms { licence_text: Some(ContentHash::repeat_byte(8)), ..open() };
        let asset = model_under(&MAKER, text, &[]);
        refused("the expression instead of the text", JobError::LicenceNotAccepted, || {
            job_with(asset, |_| {})
        });
    });
}

#[test]
fn terms_that_are_none() {
    run(|| {
        assert_ok!(publish_model(&RIVAL, version_spec(open()), &[]));
        let paid =
            |price, duration, uses| terms(Access::Paid(GrantTerms { price, duration, uses }));
        let no_licence = Terms { licence: Default::default(), ..open() };
        let cases = [
            ("no licence", no_licence, DatasetError::InvalidLicence, ModelError::InvalidLicence),
            ("a free grant", paid(0, 1, None), DatasetError::FreeGrant, ModelError::FreeGrant),
            ("no time", paid(1, 0, None), DatasetError::ZeroDuration, ModelError::ZeroDuration),
            ("no use", paid(1, 1, Some(0)), DatasetError::ZeroUses, ModelError::ZeroUses),
        ];
        for (what, wrong, of_dataset, of_model) in cases {
            refused(what, of_dataset, || register(&RIVAL, wrong.clone(), &[]));
            refused(what, of_model, || version_with(0, wrong));
        }
    });
}

#[test]
fn names_that_are_none() {
    run(|| {
        let register = |name: &[u8]| {
            let spec = Box::new(dataset_spec(open()));
            let name = Name::truncate_from(name.to_vec());
            Datasets::register(signed(&RIVAL), name, spec, shares(&[]))
        };
        refused("no name", DatasetError::EmptyName, || register(b""));
        refused("a name of spaces", DatasetError::EmptyName, || register(b"  "));
        refused("a line break", DatasetError::UnprintableName, || register(b"a\nb"));
        refused("no text", DatasetError::UnprintableName, || register(b"\xff"));
    });
}

#[test]
fn calls_by_others_than_the_owner() {
    run(|| {
        let asset = dataset(&CURATOR, open());
        let rival = || signed(&RIVAL);
        refused("publishing", DatasetError::NotOwner, || {
            Datasets::publish(rival(), 0, Box::new(dataset_spec(open())), shares(&[]))
        });
        refused("offering", DatasetError::NotOwner, || Datasets::offer(rival(), 0, RIVAL));
        refused("accepting", DatasetError::NotOffered, || Datasets::accept(rival(), 0));
        refused("withdrawing", DatasetError::NotOwner, || Datasets::withdraw_offer(rival(), 0));
        refused("deprecating", DatasetError::NotOwner, || Datasets::deprecate(rival(), 0, 0));
        refused("revoking", DatasetError::NotOwner, || Datasets::revoke(rival(), 0, 0));
        refused("removing", DatasetError::NotOwner, || Datasets::remove(rival(), 0, 0));
        refused("giving", Error::NotOwner, || {
            Provenance::give_grant(rival(), asset, RIVAL, None, None)
        });
        refused("taking", Error::NotOwner, || Provenance::revoke_grant(rival(), asset, HEIR, None));

        let kind = StatementKind::Disputed;
        assert_ok!(Datasets::attest(signed(&STRANGER), 0, 0, kind, ContentHash::zero()));
        // A statement is its author's alone: not the rival's, and not the owner's.
        for other in [&RIVAL, &CURATOR] {
            refused("silencing", DatasetError::NotFound, || {
                Datasets::withdraw_statement(signed(other), 0, 0, kind)
            });
        }
        refused("praising oneself", DatasetError::OwnStatement, || {
            Datasets::attest(signed(&CURATOR), 0, 0, kind, ContentHash::zero())
        });

        let asset = model(&MAKER, &[]);
        let id = version(asset);
        refused("a version of another's model", ModelError::NotOwner, || {
            version_with(id.model, open())
        });
        refused("offering a model", ModelError::NotOwner, || {
            Models::offer(rival(), id.model, RIVAL)
        });
        refused("revoking a model", ModelError::NotOwner, || {
            Models::revoke(rival(), id.model, id.version)
        });
        let job = submit(&REQUESTER, job_for(asset)).unwrap();
        refused("cancelling", JobError::NotOwner, || Jobs::cancel(rival(), job));
    });
}

#[test]
fn steps_out_of_order() {
    run(|| {
        let owner = || signed(&CURATOR);
        dataset(&CURATOR, open());
        refused("to oneself", DatasetError::AlreadyOwner, || Datasets::offer(owner(), 0, CURATOR));
        refused("no offer", DatasetError::NoOffer, || Datasets::withdraw_offer(owner(), 0));
        refused("not revoked", DatasetError::NotRevoked, || Datasets::remove(owner(), 0, 0));
        assert_ok!(Datasets::deprecate(owner(), 0, 0));
        refused("twice", DatasetError::AlreadyDeprecated, || Datasets::deprecate(owner(), 0, 0));
        assert_ok!(Datasets::revoke(owner(), 0, 0));
        refused("revoked twice", DatasetError::AlreadyRevoked, || Datasets::revoke(owner(), 0, 0));
        refused("deprecated when revoked", DatasetError::AlreadyRevoked, || {
            Datasets::deprecate(owner(), 0, 0)
        });

        let cited = dataset(&CURATOR, open());
        assert_ok!(citing(&[(cited, PERCENT)]));
        assert_ok!(revoke(cited));
        let id = data(cited);
        refused("still cited", DatasetError::StillCited, || {
            Datasets::remove(owner(), id.dataset, id.version)
        });

        let given = dataset(&CURATOR, open());
        assert_ok!(Provenance::give_grant(owner(), given, HEIR, None, None));
        assert_ok!(revoke(given));
        let id = data(given);
        refused("with a grant", DatasetError::GrantsOutstanding, || {
            Datasets::remove(owner(), id.dataset, id.version)
        });
        refused("a gift of what is revoked", Error::AssetRevoked, || {
            Provenance::give_grant(owner(), given, STRANGER, None, None)
        });
    });
}
