//! Any sequence of calls keeps every invariant, and moves money only as the events say.

use crate::{mock::*, Event};
use alloc::collections::BTreeMap;
use frame_support::storage::with_storage_layer;
use proptest::prelude::*;
use vigil_primitives::{
    dataset::StatementKind,
    model::VersionStatus,
    traits::{Claims, Grants},
    AssetId, Balance, BlockNumber, ContentHash, DatasetId, DatasetVersionId, ModelId, VersionId,
};

#[derive(Clone, Debug)]
enum Call {
    Register(u8, Vec<(AssetId, u32)>),
    Publish(DatasetId, u8, Vec<(AssetId, u32)>),
    PublishModel(ModelId, u8, Vec<(AssetId, u32)>),
    Offer(DatasetId, AccountId),
    Accept(DatasetId),
    WithdrawOffer(DatasetId),
    TransferModel(ModelId, AccountId),
    Deprecate(DatasetVersionId),
    Revoke(DatasetVersionId),
    Remove(DatasetVersionId),
    RevokeModel(ModelId),
    Attest(DatasetVersionId, StatementKind),
    WithdrawStatement(DatasetVersionId, StatementKind),
    Buy(AssetId),
    Give(AssetId, AccountId, Option<BlockNumber>, Option<u32>),
    RevokeGrant(AssetId, AccountId),
    RemoveGrant(AssetId, AccountId),
    Reserve(AssetId),
    EndUse(AssetId, u64, bool),
    Keep(AccountId, Balance),
    Claim(AccountId),
    Empty,
    Wait(u64),
}

fn call() -> impl Strategy<Value = (AccountId, Call)> {
    let who = || ALICE..=GHOST;
    let dataset = || 0u32..4;
    let model = || 0u32..2;
    let version =
        || (0u32..4, 0u32..2).prop_map(|(dataset, version)| DatasetVersionId { dataset, version });
    let asset = || {
        prop_oneof![
            3 => version().prop_map(AssetId::from),
            1 => (0u32..2, 0u32..2).prop_map(|(model, version)| VersionId { model, version }.into()),
        ]
    };
    let cited = || prop::collection::vec((asset(), 0u32..500_000), 0..3);
    let kind = || prop::sample::select(vec![StatementKind::Audited, StatementKind::Disputed]);
    let some = || prop::option::of(0u32..4);
    let call = prop_oneof![
        6 => (0u8..5, cited()).prop_map(|(terms, cited)| Call::Register(terms, cited)),
        5 => (dataset(), 0u8..5, cited()).prop_map(|(d, terms, cited)| Call::Publish(d, terms, cited)),
        5 => (model(), 0u8..5, cited()).prop_map(|(m, terms, cited)| Call::PublishModel(m, terms, cited)),
        3 => (dataset(), who()).prop_map(|(dataset, to)| Call::Offer(dataset, to)),
        6 => dataset().prop_map(Call::Accept),
        1 => dataset().prop_map(Call::WithdrawOffer),
        2 => (model(), who()).prop_map(|(model, to)| Call::TransferModel(model, to)),
        1 => version().prop_map(Call::Deprecate),
        3 => version().prop_map(Call::Revoke),
        4 => version().prop_map(Call::Remove),
        1 => model().prop_map(Call::RevokeModel),
        3 => (version(), kind()).prop_map(|(id, kind)| Call::Attest(id, kind)),
        2 => (version(), kind()).prop_map(|(id, kind)| Call::WithdrawStatement(id, kind)),
        12 => asset().prop_map(Call::Buy),
        6 => (asset(), who(), some(), some()).prop_map(|(a, to, time, uses)| Call::Give(a, to, time, uses)),
        6 => (asset(), who()).prop_map(|(asset, holder)| Call::RevokeGrant(asset, holder)),
        4 => (asset(), who()).prop_map(|(asset, holder)| Call::RemoveGrant(asset, holder)),
        5 => asset().prop_map(Call::Reserve),
        4 => (asset(), 0u64..8, any::<bool>()).prop_map(|(a, id, used)| Call::EndUse(a, id, used)),
        1 => (who(), 1u128..2 * ED).prop_map(|(payee, amount)| Call::Keep(payee, amount)),
        4 => who().prop_map(Call::Claim),
        2 => Just(Call::Empty),
        3 => (1u64..4).prop_map(Call::Wait),
    ];
    (who(), call)
}

fn some_terms(which: u8) -> vigil_primitives::terms::Terms {
    match which {
        0 => open(),
        1 => listed(),
        2 => private(open()),
        3 => royalty(paid(777, 3, Some(2)), 100_000),
        _ => paid(10_001, 5, None),
    }
}

/// Every account that there is.
fn totals() -> BTreeMap<AccountId, Balance> {
    frame_system::Account::<Test>::iter_keys().map(|who| (who, total(who))).collect()
}

fn dispatch(who: AccountId, call: Call) -> frame_support::dispatch::DispatchResult {
    let origin = signed(who);
    match call {
        Call::Register(terms, cited) => register(who, some_terms(terms), &cited),
        Call::Publish(dataset, terms, cited) => publish(who, dataset, some_terms(terms), &cited),
        Call::PublishModel(model, terms, cited) => {
            publish_model(who, model, some_terms(terms), &cited)
        }
        Call::Offer(dataset, to) => Provenance::offer(origin, dataset, to),
        Call::Accept(dataset) => Provenance::accept(origin, dataset),
        Call::WithdrawOffer(dataset) => Provenance::withdraw_offer(origin, dataset),
        Call::TransferModel(model, to) => {
            transfer_model(model, to);
            Ok(())
        }
        Call::Deprecate(id) => Provenance::deprecate(origin, id.dataset, id.version),
        Call::Revoke(id) => Provenance::revoke(origin, id.dataset, id.version),
        Call::Remove(id) => Provenance::remove(origin, id.dataset, id.version),
        Call::RevokeModel(model) => {
            set_model_status(model, VersionStatus::Revoked);
            Ok(())
        }
        Call::Attest(id, kind) => {
            Provenance::attest(origin, id.dataset, id.version, kind, ContentHash::zero())
        }
        Call::WithdrawStatement(id, kind) => {
            Provenance::withdraw_statement(origin, id.dataset, id.version, kind)
        }
        Call::Buy(asset) => buy(who, asset),
        Call::Give(asset, to, time, uses) => Provenance::give_grant(origin, asset, to, time, uses),
        Call::RevokeGrant(asset, holder) => revoke_grant(who, asset, holder),
        Call::RemoveGrant(asset, holder) => remove_grant(who, asset, holder),
        Call::Reserve(asset) => Provenance::reserve(asset, &who).map(|_| ()),
        Call::EndUse(asset, id, used) => {
            // Only what was reserved is ended.
            if Provenance::reserved(asset, &who, id).is_some_and(|reserved| reserved > 0) {
                Provenance::end_use(asset, &who, id, used);
            }
            Ok(())
        }
        Call::Claim(payee) => Provenance::claim(origin, payee),
        Call::Keep(..) | Call::Empty | Call::Wait(_) => Ok(()),
    }
}

/// What the events say that everybody has now.
fn expected(
    mut totals: BTreeMap<AccountId, Balance>,
    caller: AccountId,
) -> BTreeMap<AccountId, Balance> {
    let mut kept: Balance = 0;
    let mut refunded = None;
    let mut pay = |from: AccountId, to: AccountId, amount: Balance| {
        *totals.entry(from).or_default() -= amount;
        *totals.entry(to).or_default() += amount;
    };
    for event in events() {
        match event {
            Event::Earned { payee, amount, credited: true, .. } => pay(caller, payee, amount),
            Event::Kept { amount, .. } => {
                kept += amount;
                pay(caller, KEEPER, amount);
            }
            Event::Claimed { payee, amount } => pay(KEEPER, payee, amount),
            Event::GrantRevoked { holder, refund, .. } => refunded = Some((holder, refund)),
            _ => (),
        }
    }
    if let Some((holder, refund)) = refunded.filter(|_| kept == 0) {
        pay(caller, holder, refund);
    }
    totals.retain(|_, total| *total > 0);
    totals
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn storage_should_stay_sound_when_anybody_calls_anything(
        calls in prop::collection::vec(call(), 1..80),
    ) {
        let builder = ExtBuilder::default()
            .dataset(ALICE, paid(1_000, 4, Some(3)))
            .model(GHOST, paid(300, 4, None))
            .model(BOB, open());
        builder.build_and_execute(|| {
            let issuance = Balances::total_issuance();
            for (who, call) in calls {
                System::reset_events();
                let before = totals();
                match call {
                    // What happens around the pallet.
                    Call::Wait(blocks) => System::set_block_number(System::block_number() + blocks),
                    Call::Empty if who != DAVE => {
                        let _ = Balances::transfer_all(signed(who), DAVE, false);
                    }
                    Call::Keep(payee, amount) => {
                        if Balances::free_balance(DAVE) > FUNDS / 10 {
                            fund(KEEPER, amount);
                            frame_support::assert_ok!(Provenance::keep(&payee, amount));
                        }
                    }
                    call => {
                        if with_storage_layer(|| dispatch(who, call)).is_err() {
                            assert!(events().is_empty(), "a call that fails leaves no events");
                        }
                        assert_eq!(totals(), expected(before, who));
                    }
                }
                Provenance::do_try_state().unwrap();
                assert_eq!(Balances::total_issuance(), issuance);
            }
        });
    }
}
