//! What the status of an asset allows.

use crate::{mock::*, Error};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{model::VersionStatus, traits::Waterfall, ModelVersionId};

#[test]
fn revoke_should_refuse_new_citations_while_old_ones_go_on_earning() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(publish_model(BOB, 0, open(), &[(dataset(0), 100_000)]));
        assert_ok!(Datasets::revoke(signed(ALICE), 0, 0));

        let second = || publish_model(BOB, 0, open(), &[(dataset(0), 100_000)]);
        assert_noop!(second(), Error::<Test>::AssetRevoked);
        assert_noop!(publish(ALICE, 0, open(), &[(dataset(0), 1)]), Error::<Test>::AssetRevoked);
        // What descends from it can still be cited: it goes on paying.
        assert_ok!(publish_model(CAROL, 1, open(), &[(model(0), 500_000)]));
        let parts = Provenance::split(model(1), 1_000);
        let parts: Vec<_> = parts.iter().map(|part| (part.payee, part.amount)).collect();
        assert_eq!(parts, vec![(CAROL, 500), (ALICE, 50), (BOB, 450)]);
    });
}

#[test]
fn a_revoked_model_should_refuse_citations_and_sell_no_grants() {
    let terms = paid(1_000, 10, None);
    ExtBuilder::default().model(ALICE, terms).build_and_execute(|| {
        assert_ok!(buy(BOB, model(0)));
        set_model_status(0, VersionStatus::Deprecated);
        assert_noop!(buy(CAROL, model(0)), Error::<Test>::NotForSale);
        assert_ok!(register(BOB, open(), &[(model(0), 1)]));
        set_model_status(0, VersionStatus::Revoked);
        assert_noop!(buy(CAROL, model(0)), Error::<Test>::NotForSale);
        assert_noop!(register(BOB, open(), &[(model(0), 1)]), Error::<Test>::AssetRevoked);
        let unknown = ModelVersionId { model: 0, version: 7 }.into();
        assert_noop!(buy(BOB, unknown), Error::<Test>::UnknownAsset);
    });
}
