//! Words about datasets, grants, revenue and unpaid amounts, which the real pallets keep.

use super::{version_spec, AccountId, Models, Provenance, RuntimeOrigin, Test, Workers, OWNER};
use frame_support::{assert_ok, pallet_prelude::*, storage_alias};
use pallet_provenance::{AccountRevenue, GrantHolders, GrantRecord, GrantsOf, NextGrantId, Unpaid};
use sp_runtime::{Permill, SaturatedConversion};
use std::collections::BTreeMap;
use vigil_primitives::{
    grant::{Grant, GrantId},
    lineage::{Royalty, Share, Shares},
    model::{Name, VersionSpec},
    registry::{Entry, Published},
    samples,
    terms::{Access, Terms},
    traits::UnpaidBook,
    AssetId, Balance, DatasetVersionId, ModelVersionId,
};

/// Keeps what payees cannot be credited with.
pub(crate) const KEEPER: AccountId = 900;

pub(crate) type ProvenanceError = pallet_provenance::Error<Test>;

/// The book of unpaid amounts, which a test can break.
pub struct BreakableBook;

/// Whether nothing can be kept.
#[storage_alias]
type KeepFails = StorageValue<Runtime, bool, ValueQuery>;

impl UnpaidBook<AccountId> for BreakableBook {
    fn keeper() -> AccountId {
        KEEPER
    }

    fn keep(payee: &AccountId, amount: Balance) -> DispatchResult {
        ensure!(!KeepFails::get(), "nothing can be kept");
        Provenance::keep(payee, amount)
    }

    fn keep_weight() -> Weight {
        Provenance::keep_weight()
    }
}

/// Publishes another version of the encoder under these terms, which all workers then serve.
pub(crate) fn publish_under(terms: Terms, cited: &[(AssetId, u32)]) -> ModelVersionId {
    let version = pallet_models::Models::<Test>::get(0).unwrap().versions;
    let id = ModelVersionId { model: 0, version };
    let spec = VersionSpec { terms, ..version_spec() };
    assert_ok!(Models::publish(RuntimeOrigin::signed(OWNER), 0, Box::new(spec), citations(cited)));
    super::trust_version(id);
    for worker in pallet_workers::Workers::<Test>::iter_keys() {
        assert_ok!(Workers::serve(RuntimeOrigin::signed(worker), id));
    }
    id
}

/// Citations with shares in parts per million.
pub(crate) fn citations(shares: &[(AssetId, u32)]) -> Shares {
    let shares =
        shares.iter().map(|(asset, ppm)| Share { asset: *asset, share: Permill::from_parts(*ppm) });
    Shares::truncate_from(shares.collect())
}

/// An open dataset that `owner` owns, which need not have an account.
pub(crate) fn dataset(number: u32, owner: AccountId) -> AssetId {
    let entry = Entry::new(owner, Name::truncate_from(b"data".to_vec()), 0);
    let published = Published::new(samples::dataset_spec(samples::terms(Access::Open)), 0);
    pallet_datasets::Datasets::<Test>::insert(number, entry.publish(0).unwrap().0);
    pallet_datasets::DatasetVersions::<Test>::insert(number, 0, published);
    pallet_datasets::NextDatasetId::<Test>::mutate(|next| *next = (*next).max(number + 1));
    DatasetVersionId { dataset: number, version: 0 }.into()
}

/// Gives `who` a grant of a version from now on, at no cost, in the place of any that it held.
pub(crate) fn grant(
    version: ModelVersionId,
    who: AccountId,
    blocks: Option<u32>,
    uses: Option<u32>,
) {
    let id = NextGrantId::<Test>::mutate(|next| {
        *next += 1;
        *next - 1
    });
    let now = frame_system::Pallet::<Test>::block_number().saturated_into();
    let grant = Grant::new(id, now, blocks, uses, 0);
    let asset = AssetId::from(version);
    GrantsOf::<Test>::insert(who, asset, GrantRecord { grant, depositor: OWNER, deposit: 0 });
    GrantHolders::<Test>::insert(asset, who, ());
}

/// Takes a grant away.
pub(crate) fn take_grant(version: ModelVersionId, who: AccountId) {
    let asset = AssetId::from(version);
    GrantsOf::<Test>::remove(who, asset);
    GrantHolders::<Test>::remove(asset, who);
}

/// How many uses of its grant `who` has consumed and reserved.
pub(crate) fn uses(version: ModelVersionId, who: AccountId) -> (u32, u32) {
    let grant = GrantsOf::<Test>::get(who, AssetId::from(version)).expect("no such grant").grant;
    (grant.used, grant.reserved)
}

/// From now on nothing can be kept.
pub(crate) fn keeping_fails() {
    KeepFails::put(true);
}

/// What an asset has earned an owner.
pub(crate) fn earned(asset: AssetId, owner: AccountId) -> Balance {
    all_earned().get(&(asset, owner)).copied().unwrap_or_default()
}

/// What is kept for an account.
pub(crate) fn kept(payee: AccountId) -> Balance {
    Unpaid::<Test>::get(payee).unwrap_or_default()
}

/// A part of an owner's fee that was credited.
pub(crate) fn royalty(
    asset: impl Into<AssetId>,
    payee: AccountId,
    amount: Balance,
) -> Royalty<AccountId> {
    Royalty { asset: asset.into(), payee, amount, credited: true }
}

/// What all assets have earned all their owners.
pub(crate) fn all_earned() -> BTreeMap<(AssetId, AccountId), Balance> {
    let mut sums = BTreeMap::new();
    for ((owner, _, asset), amount) in AccountRevenue::<Test>::iter() {
        *sums.entry((asset, owner)).or_default() += amount;
    }
    sums
}

/// What is kept for everybody together.
pub(crate) fn all_kept() -> Balance {
    Unpaid::<Test>::iter_values().sum()
}

/// The uses consumed of every grant.
pub(crate) fn all_used() -> BTreeMap<(AssetId, AccountId, GrantId), u32> {
    GrantsOf::<Test>::iter()
        .map(|(holder, asset, held)| ((asset, holder, held.grant.id), held.grant.used))
        .collect()
}
