//! A runtime with nothing but balances, this pallet, the registry of datasets and a stand-in for that
//! of models, and the words its tests are written in.

use crate as pallet_provenance;
use crate::{
    benchmarking::BenchmarkHelper, weights::HandSet, CitationCount, Event, GrantsOf, Unpaid,
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use frame_support::{
    assert_ok, construct_runtime, derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    storage::with_storage_layer,
    storage_alias,
    traits::{
        fungible::{Inspect, InspectHold, Mutate},
        tokens::Preservation,
    },
    weights::constants::RocksDbWeight,
    Twox64Concat,
};
use pallet_datasets::{DatasetVersions, NextDatasetId};
use sp_io::TestExternalities;
use sp_runtime::{BuildStorage, Permill};
use vigil_primitives::{
    grant::Grant,
    model::{Name, VersionSpec, VersionStatus},
    registry::{Entry, Published},
    samples,
    terms::Terms,
    traits::{ModelRegistry, Provenance as _, RegisteredVersion},
    Architecture, AssetId, Balance, BlockNumber, DatasetId, DatasetVersionId, ModelId,
    ModelVersionId, Version,
};

pub(crate) use vigil_primitives::samples::{
    dataset, listed, name, open, paid, shares, sourced_dataset_spec as spec,
};

pub(crate) type AccountId = u64;

pub(crate) const ALICE: AccountId = 1;
pub(crate) const BOB: AccountId = 2;
pub(crate) const CAROL: AccountId = 3;
pub(crate) const DAVE: AccountId = 4;
/// Has too little for any deposit.
pub(crate) const PAUPER: AccountId = 5;
/// Has no account.
pub(crate) const GHOST: AccountId = 6;
/// Keeps what payees cannot be credited with.
pub(crate) const KEEPER: AccountId = 7;

pub(crate) const ED: Balance = 500;
pub(crate) const FUNDS: Balance = 10_000_000;
/// As many times the price of a byte as in the runtime.
pub(crate) const BASE: Balance = 800;
pub(crate) const PER_BYTE: Balance = 2;
pub(crate) const ERA: BlockNumber = 10;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Datasets: pallet_datasets,
        Provenance: pallet_provenance,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub const ExistentialDeposit: Balance = ED;
    pub const Keeper: AccountId = KEEPER;
    pub static DepositBase: Balance = BASE;
    pub static DepositPerByte: Balance = PER_BYTE;
    pub static EraLength: BlockNumber = ERA;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
}

impl pallet_datasets::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type WeightInfo = HandSet<RocksDbWeight>;
}

impl pallet_provenance::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type Datasets = Datasets;
    type Keeper = Keeper;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type EraLength = EraLength;
    type WeightInfo = HandSet<RocksDbWeight>;
    type BenchmarkHelper = BenchmarkScenes;
}

/// Sets the scenes of the benchmarks by writing what the calls of the registry would.
pub struct BenchmarkScenes;

impl BenchmarkHelper<AccountId> for BenchmarkScenes {
    fn dataset(owner: &AccountId, terms: Terms) -> DatasetVersionId {
        let dataset = NextDatasetId::<Test>::get();
        NextDatasetId::<Test>::put(dataset + 1);
        let entry = Entry::new(*owner, name("data"), 0).publish(0).unwrap().0;
        pallet_datasets::Datasets::<Test>::insert(dataset, entry);
        let published = Published::new(spec(terms), 0);
        DatasetVersions::<Test>::insert(dataset, 0, published);
        DatasetVersionId { dataset, version: 0 }
    }
}

/// The registry of models: owners, and terms and status of versions. It takes no deposit, so that
/// owners may be dead.
pub struct Models;

#[storage_alias]
type ModelOwners = StorageMap<Models, Twox64Concat, ModelId, AccountId>;
#[storage_alias]
type ModelVersions =
    StorageDoubleMap<Models, Twox64Concat, ModelId, Twox64Concat, Version, (Terms, VersionStatus)>;

impl ModelRegistry<AccountId> for Models {
    fn version(id: ModelVersionId) -> Option<RegisteredVersion<AccountId>> {
        let (terms, status) = ModelVersions::get(id.model, id.version)?;
        let architecture = Architecture::Encoder(samples::encoder());
        let spec = VersionSpec { terms, ..samples::version_spec(architecture, 40_000) };
        Some(RegisteredVersion { owner: ModelOwners::get(id.model)?, spec, status })
    }

    fn owner(model: ModelId) -> Option<AccountId> {
        ModelOwners::get(model)
    }

    fn name(model: ModelId) -> Option<Name> {
        ModelOwners::get(model).map(|_| name("model"))
    }
}

/// Builds the state a test begins with.
#[derive(Default)]
pub(crate) struct ExtBuilder {
    models: Vec<(AccountId, Terms)>,
    datasets: Vec<(AccountId, Terms)>,
}

impl ExtBuilder {
    /// The next dataset exists, with one version under these terms.
    pub(crate) fn dataset(mut self, owner: AccountId, terms: Terms) -> Self {
        self.datasets.push((owner, terms));
        self
    }

    /// The next model exists, with one version under these terms.
    pub(crate) fn model(mut self, owner: AccountId, terms: Terms) -> Self {
        self.models.push((owner, terms));
        self
    }

    pub(crate) fn build(self) -> TestExternalities {
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        let rich = [ALICE, BOB, CAROL, DAVE].map(|who| (who, FUNDS));
        pallet_balances::GenesisConfig::<Test> {
            balances: rich.into_iter().chain([(PAUPER, 2 * ED), (KEEPER, ED)]).collect(),
            ..Default::default()
        }
        .assimilate_storage(&mut storage)
        .unwrap();
        let mut ext = TestExternalities::new(storage);
        ext.execute_with(|| {
            System::set_block_number(1);
            for (owner, terms) in self.datasets {
                assert_ok!(register(owner, terms, &[]));
            }
            for (id, (owner, terms)) in (0..).zip(self.models) {
                assert_ok!(publish_model(owner, id, terms, &[]));
            }
            System::reset_events();
        });
        ext
    }

    /// Runs a test and checks every invariant after it.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            check_all();
        });
    }
}

/// The invariants of both pallets.
pub(crate) fn check_all() {
    Datasets::do_try_state().unwrap();
    Provenance::do_try_state().unwrap();
}

/// The state the benchmarks run in.
pub(crate) fn new_test_ext() -> TestExternalities {
    ExtBuilder::default().build()
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

/// The same terms without commercial use.
pub(crate) fn private(terms: Terms) -> Terms {
    Terms { commercial: false, ..terms }
}

/// The same terms with a royalty, in parts per million.
pub(crate) fn royalty(terms: Terms, ppm: u32) -> Terms {
    Terms { royalty: Permill::from_parts(ppm), ..terms }
}

/// The first version of a model.
pub(crate) fn model(model: ModelId) -> AssetId {
    ModelVersionId { model, version: 0 }.into()
}

pub(crate) fn permill(ppm: u32) -> Permill {
    Permill::from_parts(ppm)
}

pub(crate) fn register(
    who: AccountId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> DispatchResult {
    let spec = Box::new(spec(terms));
    Datasets::register(signed(who), name("data"), spec, shares(citations))
}

pub(crate) fn publish(
    who: AccountId,
    dataset: DatasetId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> DispatchResult {
    Datasets::publish(signed(who), dataset, Box::new(spec(terms)), shares(citations))
}

/// Publishes the next version of a model, as a registry does.
pub(crate) fn publish_model(
    who: AccountId,
    model: ModelId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> DispatchResult {
    with_storage_layer(|| {
        let version = ModelVersions::iter_key_prefix(model).count() as Version;
        Provenance::record(
            ModelVersionId { model, version }.into(),
            &who,
            &terms,
            shares(citations),
        )?;
        ModelOwners::insert(model, who);
        ModelVersions::insert(model, version, (terms, VersionStatus::Active));
        Ok(())
    })
}

pub(crate) fn transfer_model(model: ModelId, to: AccountId) {
    ModelOwners::insert(model, to);
}

pub(crate) fn set_model_status(model: ModelId, status: VersionStatus) {
    ModelVersions::mutate(model, 0, |version| version.as_mut().unwrap().1 = status);
}

/// Offers a dataset and has it accepted.
pub(crate) fn transfer(dataset: DatasetId, from: AccountId, to: AccountId) {
    assert_ok!(Datasets::offer(signed(from), dataset, to));
    assert_ok!(Datasets::accept(signed(to), dataset));
}

/// Revokes and removes the first version of a dataset.
pub(crate) fn remove(who: AccountId, dataset: DatasetId) {
    assert_ok!(Datasets::revoke(signed(who), dataset, 0));
    assert_ok!(Datasets::remove(signed(who), dataset, 0));
}

pub(crate) fn buy(who: AccountId, asset: AssetId) -> DispatchResult {
    Provenance::buy_grant(signed(who), asset)
}

/// Gives a grant without an end.
pub(crate) fn give(who: AccountId, asset: AssetId, to: AccountId) -> DispatchResult {
    Provenance::give_grant(signed(who), asset, to, None, None)
}

pub(crate) fn revoke_grant(who: AccountId, asset: AssetId, holder: AccountId) -> DispatchResult {
    Provenance::revoke_grant(signed(who), asset, holder, None)
}

pub(crate) fn remove_grant(who: AccountId, asset: AssetId, holder: AccountId) -> DispatchResult {
    Provenance::remove_grant(signed(who), asset, holder)
}

pub(crate) fn status(dataset: DatasetId) -> VersionStatus {
    DatasetVersions::<Test>::get(dataset, 0).unwrap().status
}

pub(crate) fn grant(holder: AccountId, asset: AssetId) -> Grant {
    GrantsOf::<Test>::get(holder, asset).unwrap().grant
}

pub(crate) fn citations(asset: AssetId) -> u32 {
    CitationCount::<Test>::get(asset)
}

pub(crate) fn unpaid(who: AccountId) -> Option<Balance> {
    Unpaid::<Test>::get(who)
}

/// What `who` has on hold for a reason.
pub(crate) fn held(reason: impl Into<RuntimeHoldReason>, who: AccountId) -> Balance {
    Balances::balance_on_hold(&reason.into(), &who)
}

/// All that `who` has, on hold or not.
pub(crate) fn total(who: AccountId) -> Balance {
    <Balances as Inspect<_>>::total_balance(&who)
}

/// Sends away all that `who` may spend, and its account with it if it can go.
pub(crate) fn empty(who: AccountId) {
    assert_ok!(Balances::transfer_all(signed(who), DAVE, false));
}

/// Sends away all that `who` may spend and stay.
pub(crate) fn impoverish(who: AccountId) {
    assert_ok!(Balances::transfer_all(signed(who), DAVE, true));
}

/// Gives an account more.
pub(crate) fn fund(who: AccountId, amount: Balance) {
    assert_ok!(<Balances as Mutate<_>>::transfer(&DAVE, &who, amount, Preservation::Preserve));
}

/// The whole storage but what frames every block.
pub(crate) fn storage() -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut key = Vec::new();
    while let Some(next) = sp_io::storage::next_key(&key) {
        let value = sp_io::storage::get(&next).unwrap().to_vec();
        let account = frame_support::storage::storage_prefix(b"System", b"Account");
        if !next.starts_with(&sp_io::hashing::twox_128(b"System")) || next.starts_with(&account) {
            entries.insert(next.clone(), value);
        }
        key = next;
    }
    entries
}

/// The events of this pallet.
pub(crate) fn events() -> Vec<Event<Test>> {
    let events = System::events().into_iter().map(|record| record.event);
    events
        .filter_map(|event| match event {
            RuntimeEvent::Provenance(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// Checks that the last event is this one.
pub(crate) fn assert_last_event(event: Event<Test>) {
    System::assert_last_event(event.into());
}
