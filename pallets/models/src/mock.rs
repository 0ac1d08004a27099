//! A runtime with nothing but balances and the registry, and the words its tests are written in.

use crate as pallet_models;
use crate::{weights::HandSet, Event, Model, Models, Pallet, PublishedVersion, Versions};
use alloc::{boxed::Box, vec, vec::Vec};
use codec::{Decode, Encode};
use frame_support::{
    assert_ok, construct_runtime, derive_impl, parameter_types,
    storage::unhashed,
    traits::{fungible::InspectHold, ConstU128},
    weights::{constants::RocksDbWeight, Weight},
};
use sp_io::TestExternalities;
use sp_runtime::{BuildStorage, DispatchError, Permill};
use vigil_ops::weights::Weights;
use vigil_primitives::{
    architecture::{Architecture, Decoder, Encoder},
    lineage::{Share, Shares},
    model::{Fee, Name, Sources, Url, VersionSpec},
    registry::Registry as _,
    samples,
    terms::{Licence, Terms},
    traits::{PackageLayout, Provenance},
    AssetId, Balance, DatasetVersionId, ModelId, Version, OP_SET,
};

pub(crate) type AccountId = u64;

pub(crate) const ALICE: AccountId = 1;
pub(crate) const BOB: AccountId = 2;
/// Has too little for any deposit.
pub(crate) const PAUPER: AccountId = 3;

pub(crate) const FUNDS: Balance = 1_000_000;
pub(crate) const BASE: Balance = 100;
pub(crate) const PER_BYTE: Balance = 2;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Registry: pallet_models,
    }
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type ExistentialDeposit = ConstU128<1>;
    type AccountStore = System;
}

parameter_types! {
    pub static DepositBase: Balance = BASE;
    pub static DepositPerByte: Balance = PER_BYTE;
    pub static OpSets: Vec<u16> = vec![OP_SET];
    /// Whether whatever is to be recorded is refused.
    pub static RefuseRecords: bool = false;
    /// Whether every version has grants that were paid for.
    pub static PaidGrants: bool = false;
}

/// What the registry has had recorded of a version.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Recorded {
    pub(crate) publisher: AccountId,
    pub(crate) terms: Terms,
    pub(crate) citations: Shares,
}

/// Remembers in storage what it was asked to record, so that it is undone when the call fails.
/// Each citation takes [`CITATION`] bytes.
pub struct RecordedProvenance;

/// Why [`RecordedProvenance`] refuses.
pub(crate) const NO_CONSENT: DispatchError = DispatchError::Other("no consent");
pub(crate) const CITATION: u32 = 21;

impl Provenance<AccountId> for RecordedProvenance {
    fn record(
        asset: AssetId,
        publisher: &AccountId,
        terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError> {
        let bytes = CITATION * citations.len() as u32;
        let record = Recorded { publisher: *publisher, terms: terms.clone(), citations };
        unhashed::put(&key(asset), &record);
        if RefuseRecords::get() {
            return Err(NO_CONSENT);
        }
        Ok(bytes)
    }

    fn record_weight(citations: u32) -> Weight {
        Weight::from_parts(1_000_000, 100) * u64::from(citations + 1)
    }

    fn has_paid_grants(_asset: AssetId) -> bool {
        PaidGrants::get()
    }

    fn has_grants(_asset: AssetId) -> bool {
        PaidGrants::get()
    }

    fn citations(_asset: AssetId) -> u32 {
        0
    }

    fn forget(_asset: AssetId) {}

    fn forget_weight() -> Weight {
        Weight::zero()
    }
}

fn key(asset: AssetId) -> Vec<u8> {
    (b"recorded", asset).encode()
}

/// What has been recorded of a version.
pub(crate) fn recorded(asset: impl Into<AssetId>) -> Option<Recorded> {
    unhashed::get(&key(asset.into()))
}

/// The layout of packages, as the chain has it.
pub struct Layout;

impl PackageLayout for Layout {
    fn weights_len(architecture: &Architecture) -> u64 {
        Weights::new(architecture).file_len()
    }
}

impl pallet_models::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = RecordedProvenance;
    type DepositBase = DepositBase;
    type DepositPerByte = DepositPerByte;
    type Layout = Layout;
    type OpSets = OpSets;
    type WeightInfo = HandSet<RocksDbWeight>;
}

/// Builds the state a test begins with.
#[derive(Default)]
pub(crate) struct ExtBuilder {
    models: Vec<AccountId>,
    versions: u32,
}

impl ExtBuilder {
    /// The next model exists, owned by `owner`.
    pub(crate) fn model(mut self, owner: AccountId) -> Self {
        self.models.push(owner);
        self
    }

    /// Every model has `versions` versions.
    pub(crate) fn versions(mut self, versions: u32) -> Self {
        self.versions = versions;
        self
    }

    pub(crate) fn build(self) -> TestExternalities {
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        pallet_balances::GenesisConfig::<Test> {
            balances: vec![(ALICE, FUNDS), (BOB, FUNDS), (PAUPER, 50)],
            ..Default::default()
        }
        .assimilate_storage(&mut storage)
        .unwrap();
        let mut ext = TestExternalities::new(storage);
        ext.execute_with(|| {
            System::set_block_number(1);
            for (id, owner) in (0..).zip(self.models) {
                assert_ok!(Registry::create(RuntimeOrigin::signed(owner), name("model")));
                for _ in 0..self.versions {
                    assert_ok!(publish(owner, id, spec()));
                }
            }
            System::reset_events();
        });
        ext
    }

    /// Runs a test and checks every invariant after it.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Registry::do_try_state().unwrap();
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

pub(crate) fn publish(
    who: AccountId,
    model: ModelId,
    spec: VersionSpec,
) -> frame_support::dispatch::DispatchResult {
    publish_citing(who, model, spec, Shares::default())
}

pub(crate) fn publish_citing(
    who: AccountId,
    model: ModelId,
    spec: VersionSpec,
    citations: Shares,
) -> frame_support::dispatch::DispatchResult {
    Registry::publish(signed(who), model, Box::new(spec), citations)
}

/// Citations of so many assets with 1 % each.
pub(crate) fn citations(count: u32) -> Shares {
    let assets = (0..count).map(|dataset| DatasetVersionId { dataset, version: 0 }.into());
    let share = Permill::from_percent(1);
    Shares::truncate_from(assets.map(|asset| Share { asset, share }).collect())
}

pub(crate) fn name(text: &str) -> Name {
    text.as_bytes().to_vec().try_into().unwrap()
}

pub(crate) fn url(text: &str) -> Url {
    text.as_bytes().to_vec().try_into().unwrap()
}

pub(crate) fn licence(text: &str) -> Licence {
    text.as_bytes().to_vec().try_into().unwrap()
}

pub(crate) fn encoder() -> Encoder {
    Encoder {
        hidden: 32,
        layers: 2,
        heads: 4,
        intermediate: 64,
        positions: 128,
        ..samples::encoder()
    }
}

pub(crate) fn decoder() -> Decoder {
    Decoder {
        hidden: 32,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_width: 8,
        intermediate: 64,
        positions: 128,
        stop_tokens: [Some(0), None, None, Some(99), None, None, None, None],
        ..samples::decoder()
    }
}

/// A specification that is accepted.
pub(crate) fn spec() -> VersionSpec {
    let architecture = Architecture::Encoder(encoder());
    let sources = vec![url("https://example.org/models/"), url("file:///srv/models/")];
    VersionSpec {
        fee: Fee { per_job: 5, per_1k_tokens: 7 },
        sources: Sources::truncate_from(sources),
        ..samples::version_spec(architecture, Layout::weights_len(&architecture))
    }
}

pub(crate) fn model(id: ModelId) -> Model<AccountId> {
    Models::<Test>::get(id).unwrap()
}

pub(crate) fn version(id: ModelId, version: Version) -> PublishedVersion {
    Versions::<Test>::get(id, version).unwrap()
}

/// What `who` holds for its models.
pub(crate) fn held(who: AccountId) -> Balance {
    Balances::balance_on_hold(&pallet_models::HoldReason::Deposit.into(), &who)
}

/// The deposit for a record of `bytes`.
pub(crate) fn deposit(bytes: usize) -> Balance {
    Pallet::<Test>::deposit(bytes)
}

/// Checks that the last event is this one.
pub(crate) fn assert_last_event(event: Event<Test>) {
    System::assert_last_event(event.into());
}
