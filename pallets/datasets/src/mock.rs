//! A runtime with nothing but balances, the registry and the keeper of lineage and grants, and the
//! words its tests are written in.

use crate as pallet_datasets;
use crate::{weights::HandSet, Dataset, DatasetVersion, DatasetVersions, Event, HoldReason};
use alloc::{boxed::Box, vec::Vec};
use frame_support::{
    assert_ok, construct_runtime, derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    traits::{
        fungible::{InspectHold, Mutate},
        tokens::Preservation,
        ConstU128, ConstU32, ConstU64,
    },
    weights::constants::RocksDbWeight,
};
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;
use vigil_primitives::{
    dataset::StatementKind,
    model::ModelId,
    terms::Terms,
    traits::{ModelRegistry, RegisteredVersion},
    AssetId, Balance, ContentHash, DatasetId, ModelVersionId, Version,
};

pub(crate) use vigil_primitives::samples::{
    dataset, listed, name, open, paid, shares, sourced_dataset_spec as spec,
};

pub(crate) type AccountId = u64;
type Weights = HandSet<RocksDbWeight>;

pub(crate) const ALICE: AccountId = 1;
pub(crate) const BOB: AccountId = 2;
pub(crate) const CAROL: AccountId = 3;
pub(crate) const DAVE: AccountId = 4;
/// Has too little for any deposit.
pub(crate) const PAUPER: AccountId = 5;
/// Keeps what payees cannot be credited with.
const KEEPER: AccountId = 7;

pub(crate) const ED: Balance = 500;
pub(crate) const FUNDS: Balance = 10_000_000;
/// As many times the price of a byte as in the runtime.
pub(crate) const BASE: Balance = 800;
pub(crate) const PER_BYTE: Balance = 2;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Registry: pallet_datasets,
        Provenance: pallet_provenance,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

parameter_types! {
    pub static DepositBase: Balance = BASE;
    pub static DepositPerByte: Balance = PER_BYTE;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<ED>;
    type AccountStore = System;
}

impl pallet_datasets::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type WeightInfo = Weights;
}

impl pallet_provenance::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = NoModels;
    type Datasets = Registry;
    type Keeper = ConstU64<KEEPER>;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type EraLength = ConstU32<10>;
    type WeightInfo = Weights;
}

/// There are no models.
pub struct NoModels;

impl ModelRegistry<AccountId> for NoModels {
    fn version(_id: ModelVersionId) -> Option<RegisteredVersion<AccountId>> {
        None
    }

    fn owner(_model: ModelId) -> Option<AccountId> {
        None
    }
}

/// Builds the state a test begins with.
#[derive(Default)]
pub(crate) struct ExtBuilder {
    datasets: Vec<(AccountId, Terms)>,
}

impl ExtBuilder {
    /// The next dataset exists, with one version under these terms.
    pub(crate) fn dataset(mut self, owner: AccountId, terms: Terms) -> Self {
        self.datasets.push((owner, terms));
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
            System::reset_events();
        });
        ext
    }

    /// Runs a test and checks every invariant of both pallets after it.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Registry::do_try_state().unwrap();
            Provenance::do_try_state().unwrap();
        });
    }
}

/// The state the benchmarks run in.
pub(crate) fn new_test_ext() -> TestExternalities {
    ExtBuilder::default().build()
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who)
}

pub(crate) fn register(
    who: AccountId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> DispatchResult {
    let spec = Box::new(spec(terms));
    Registry::register(signed(who), name("data"), spec, shares(citations))
}

pub(crate) fn publish(
    who: AccountId,
    dataset: DatasetId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> DispatchResult {
    Registry::publish(signed(who), dataset, Box::new(spec(terms)), shares(citations))
}

/// Offers a dataset and has it accepted.
pub(crate) fn transfer(dataset: DatasetId, from: AccountId, to: AccountId) {
    assert_ok!(Registry::offer(signed(from), dataset, to));
    assert_ok!(Registry::accept(signed(to), dataset));
}

/// Revokes and removes the first version of a dataset.
pub(crate) fn remove(who: AccountId, dataset: DatasetId) {
    assert_ok!(Registry::revoke(signed(who), dataset, 0));
    assert_ok!(Registry::remove(signed(who), dataset, 0));
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

pub(crate) fn attest(who: AccountId, dataset: DatasetId, kind: StatementKind) -> DispatchResult {
    Registry::attest(signed(who), dataset, 0, kind, ContentHash::repeat_byte(9))
}

pub(crate) fn entry(id: DatasetId) -> Dataset<AccountId> {
    crate::Datasets::<Test>::get(id).unwrap()
}

pub(crate) fn version(dataset: DatasetId, version: Version) -> DatasetVersion {
    DatasetVersions::<Test>::get(dataset, version).unwrap()
}

/// What `who` has on hold for a reason.
pub(crate) fn held(reason: HoldReason, who: AccountId) -> Balance {
    Balances::balance_on_hold(&reason.into(), &who)
}

/// Sends away all that `who` may spend and stay.
pub(crate) fn impoverish(who: AccountId) {
    assert_ok!(Balances::transfer_all(signed(who), DAVE, true));
}

/// Gives an account more.
pub(crate) fn fund(who: AccountId, amount: Balance) {
    assert_ok!(<Balances as Mutate<_>>::transfer(&DAVE, &who, amount, Preservation::Preserve));
}

/// The events of this pallet.
pub(crate) fn events() -> Vec<Event<Test>> {
    let events = System::events().into_iter().map(|record| record.event);
    events
        .filter_map(|event| match event {
            RuntimeEvent::Registry(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// Checks that the last event is this one.
pub(crate) fn assert_last_event(event: Event<Test>) {
    System::assert_last_event(event.into());
}
