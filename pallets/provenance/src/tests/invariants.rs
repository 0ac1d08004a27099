//! Any sequence of calls of this pallet and of the registry of datasets keeps every invariant, and moves money only as the events say.

use crate::{mock::*, Event, GrantsOf, Unpaid};
use alloc::collections::BTreeMap;
use frame_support::{dispatch::DispatchResult, storage::with_storage_layer};
use pallet_datasets::{DatasetVersions, Statements};
use proptest::prelude::*;
use vigil_primitives::{
    dataset::StatementKind,
    model::VersionStatus,
    terms::Terms,
    traits::{Grants, UnpaidBook},
    AssetId, Balance, BlockNumber, ContentHash, DatasetId, DatasetVersionId, ModelId,
    ModelVersionId,
};

/// Shares for assets that are chosen, like everything else, from those that there are.
type Cited = Vec<(usize, u32)>;

#[derive(Clone, Debug)]
enum Call {
    Register(u8, Cited),
    Publish(u8, Cited),
    PublishModel(u8, Cited),
    Offer(AccountId),
    Accept,
    WithdrawOffer,
    TransferModel(AccountId),
    Deprecate,
    Revoke,
    Remove,
    RevokeModel,
    Attest(StatementKind),
    WithdrawStatement(StatementKind),
    Buy,
    Give(AccountId, Option<BlockNumber>, Option<u32>),
    RevokeGrant(AccountId),
    RemoveGrant(AccountId),
    Reserve,
    EndUse(bool),
    Keep(AccountId, Balance),
    Collect(AccountId),
    Empty,
    Wait(u64),
}

/// A call, by whom, and about which of all that it may be about. Most are `aimed`: at something
/// that there is, by somebody who may.
#[derive(Clone, Debug)]
struct Step {
    who: AccountId,
    aimed: bool,
    which: usize,
    call: Call,
}

fn step() -> impl Strategy<Value = Step> {
    let who = || ALICE..=GHOST;
    let cited = || prop::collection::vec((0usize..20, 0u32..300_000), 0..3);
    let kind = || prop::sample::select(vec![StatementKind::Audited, StatementKind::Disputed]);
    let some = || prop::option::of(0u32..4);
    let call = prop_oneof![
        4 => (0u8..5, cited()).prop_map(|(terms, cited)| Call::Register(terms, cited)),
        4 => (0u8..5, cited()).prop_map(|(terms, cited)| Call::Publish(terms, cited)),
        4 => (0u8..5, cited()).prop_map(|(terms, cited)| Call::PublishModel(terms, cited)),
        4 => who().prop_map(Call::Offer),
        4 => Just(Call::Accept),
        1 => Just(Call::WithdrawOffer),
        2 => who().prop_map(Call::TransferModel),
        1 => Just(Call::Deprecate),
        4 => Just(Call::Revoke),
        4 => Just(Call::Remove),
        1 => Just(Call::RevokeModel),
        3 => kind().prop_map(Call::Attest),
        2 => kind().prop_map(Call::WithdrawStatement),
        12 => Just(Call::Buy),
        6 => (who(), some(), some()).prop_map(|(to, time, uses)| Call::Give(to, time, uses)),
        6 => who().prop_map(Call::RevokeGrant),
        4 => who().prop_map(Call::RemoveGrant),
        6 => Just(Call::Reserve),
        5 => any::<bool>().prop_map(Call::EndUse),
        2 => (who(), 1u128..2 * ED).prop_map(|(payee, amount)| Call::Keep(payee, amount)),
        4 => who().prop_map(Call::Collect),
        1 => Just(Call::Empty),
        3 => (1u64..4).prop_map(Call::Wait),
    ];
    (who(), prop::bool::weighted(0.85), 0usize..100, call)
        .prop_map(|(who, aimed, which, call)| Step { who, aimed, which, call })
}

fn some_terms(which: u8) -> Terms {
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

/// One of so many things, unless there are none.
fn one_of<Item>(items: impl Iterator<Item = Item>, which: usize) -> Option<Item> {
    let mut items: Vec<_> = items.collect();
    (!items.is_empty()).then(|| items.swap_remove(which % items.len()))
}

/// All versions of datasets and the first versions of the models.
fn assets() -> impl Iterator<Item = AssetId> {
    let versions = DatasetVersions::<Test>::iter_keys();
    let versions = versions.map(|(dataset, version)| DatasetVersionId { dataset, version }.into());
    versions.chain([model(0), model(1)])
}

/// What a step is about.
struct Target {
    who: AccountId,
    version: DatasetVersionId,
    asset: AssetId,
    model: ModelId,
    holder: Option<AccountId>,
}

impl Step {
    /// Something that need not be there, called by somebody who need not be allowed to.
    fn astray(&self) -> Target {
        let number = (self.which % 4) as DatasetId;
        let version = DatasetVersionId { dataset: number, version: (self.which / 4 % 2) as u32 };
        let model = (self.which % 2) as ModelId;
        let asset = if !self.which.is_multiple_of(3) {
            version.into()
        } else {
            ModelVersionId { model, version: (self.which / 2 % 2) as u32 }.into()
        };
        Target { who: self.who, version, asset, model, holder: None }
    }

    fn target(&self) -> Target {
        let mut target = self.astray();
        if !self.aimed {
            return target;
        }
        match self.call {
            Call::Offer(_)
            | Call::Accept
            | Call::WithdrawOffer
            | Call::Publish(..)
            | Call::Deprecate
            | Call::Revoke
            | Call::Remove
            | Call::Attest(_) => {
                let versions = DatasetVersions::<Test>::iter().filter(|(dataset, _, version)| {
                    let pending = pallet_datasets::Datasets::<Test>::get(dataset)
                        .unwrap()
                        .pending_owner
                        .is_some();
                    match self.call {
                        Call::Accept | Call::WithdrawOffer => pending,
                        Call::Remove => version.status == VersionStatus::Revoked,
                        _ => true,
                    }
                });
                if let Some((dataset, version, _)) = one_of(versions, self.which) {
                    target.version = DatasetVersionId { dataset, version };
                    let entry = pallet_datasets::Datasets::<Test>::get(dataset).unwrap();
                    target.who = match self.call {
                        Call::Accept => entry.pending_owner.unwrap(),
                        Call::Attest(_) => self.who,
                        _ => entry.owner,
                    };
                }
            }
            Call::WithdrawStatement(kind) => {
                let statements = Statements::<Test>::iter_keys()
                    .filter(|(_, (_, stated))| *stated == kind)
                    .map(|(version, (author, _))| (version, author));
                if let Some((version, author)) = one_of(statements, self.which) {
                    (target.version, target.who) = (version, author);
                }
            }
            Call::RevokeGrant(_) | Call::RemoveGrant(_) | Call::Reserve | Call::EndUse(_) => {
                let grants = GrantsOf::<Test>::iter_keys();
                if let Some((holder, asset)) = one_of(grants, self.which) {
                    (target.asset, target.holder) = (asset, Some(holder));
                    target.who = match self.call {
                        Call::RevokeGrant(_) => Provenance::owner(asset).unwrap(),
                        // Somebody else may once it is over.
                        Call::RemoveGrant(_) if self.which.is_multiple_of(2) => self.who,
                        _ => holder,
                    };
                }
            }
            _ => {
                target.asset = one_of(assets(), self.which).unwrap();
                if let Call::Give(..) = self.call {
                    target.who = Provenance::owner(target.asset).unwrap();
                }
            }
        }
        target
    }
}

fn cite(cited: &Cited) -> Vec<(AssetId, u32)> {
    cited.iter().map(|(which, ppm)| (one_of(assets(), *which).unwrap(), *ppm)).collect()
}

fn dispatch(target: &Target, step: &Step) -> DispatchResult {
    let Target { who, version, asset, model, holder } = *target;
    let DatasetVersionId { dataset, version } = version;
    let origin = signed(who);
    match &step.call {
        Call::Register(terms, cited) => register(who, some_terms(*terms), &cite(cited)),
        Call::Publish(terms, cited) => publish(who, dataset, some_terms(*terms), &cite(cited)),
        Call::PublishModel(terms, cited) => {
            publish_model(who, model, some_terms(*terms), &cite(cited))
        }
        Call::Offer(to) => Datasets::offer(origin, dataset, *to),
        Call::Accept => Datasets::accept(origin, dataset),
        Call::WithdrawOffer => Datasets::withdraw_offer(origin, dataset),
        Call::TransferModel(to) => {
            transfer_model(model, *to);
            Ok(())
        }
        Call::Deprecate => Datasets::deprecate(origin, dataset, version),
        Call::Revoke => Datasets::revoke(origin, dataset, version),
        Call::Remove => Datasets::remove(origin, dataset, version),
        Call::RevokeModel => {
            set_model_status(model, VersionStatus::Revoked);
            Ok(())
        }
        Call::Attest(kind) => {
            Datasets::attest(origin, dataset, version, *kind, ContentHash::zero())
        }
        Call::WithdrawStatement(kind) => {
            Datasets::withdraw_statement(origin, dataset, version, *kind)
        }
        Call::Buy => buy(who, asset),
        Call::Give(to, time, uses) => Provenance::give_grant(origin, asset, *to, *time, *uses),
        Call::RevokeGrant(of) => revoke_grant(who, asset, holder.unwrap_or(*of)),
        Call::RemoveGrant(of) => remove_grant(who, asset, holder.unwrap_or(*of)),
        Call::Reserve => Provenance::reserve(asset, &who, 1, 0).map(|_| ()),
        Call::EndUse(used) => {
            // Only what was reserved is ended.
            let held = GrantsOf::<Test>::get(who, asset).map(|held| held.grant);
            if let Some(grant) = held.filter(|grant| grant.reserved > 0) {
                Provenance::end_use(asset, &who, grant.id, 1, u32::from(*used));
            }
            Ok(())
        }
        Call::Collect(payee) => {
            let kept = one_of(Unpaid::<Test>::iter_keys(), step.which);
            Provenance::collect(origin, kept.filter(|_| step.aimed).unwrap_or(*payee))
        }
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
            Event::Collected { payee, amount } => pay(KEEPER, payee, amount),
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
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let builder = ExtBuilder::default()
            .dataset(ALICE, paid(1_000, 4, Some(3)))
            .model(GHOST, paid(300, 4, None))
            .model(BOB, open());
        builder.build_and_execute(|| {
            let issuance = Balances::total_issuance();
            for step in steps {
                System::reset_events();
                let before = totals();
                match step.call {
                    // What happens around the pallet.
                    Call::Wait(blocks) => System::set_block_number(System::block_number() + blocks),
                    Call::Empty if step.who != DAVE => {
                        let _ = Balances::transfer_all(signed(step.who), DAVE, false);
                    }
                    Call::Keep(payee, amount) => {
                        if Balances::free_balance(DAVE) > FUNDS / 10 {
                            fund(KEEPER, amount);
                            frame_support::assert_ok!(Provenance::keep(&payee, amount));
                        }
                    }
                    _ => {
                        let target = step.target();
                        if with_storage_layer(|| dispatch(&target, &step)).is_err() {
                            assert!(events().is_empty(), "a call that fails leaves no events");
                        }
                        assert_eq!(totals(), expected(before, target.who), "{step:?}");
                    }
                }
                check_all();
                assert_eq!(Balances::total_issuance(), issuance);
            }
        });
    }
}
