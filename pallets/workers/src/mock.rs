//! A runtime with nothing but balances and the workers, a registry of versions to serve, and the
//! words the tests are written in.

use crate as pallet_workers;
use crate::{
    benchmarking::BenchmarkHelper, weights::HandSet, Error, Event, HoldReason, ServingIndex,
    Worker, Workers,
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use frame_support::{
    assert_ok, construct_runtime, derive_impl,
    dispatch::DispatchResult,
    parameter_types,
    traits::{fungible::InspectHold, ConstU128},
    weights::{constants::RocksDbWeight, Weight},
};
use frame_system::EnsureRoot;
use sp_io::TestExternalities;
use sp_runtime::BuildStorage;
use vigil_primitives::{
    job::{Role, MAX_EXCLUDED},
    model::{ModelId, Url, VersionSpec, VersionStatus},
    pricing::GIGA,
    samples,
    traits::{
        Completion, Engagement, Market, ModelRegistry, Outcome, RegisteredVersion, Vacancy,
        WorkerPool,
    },
    worker::{Capability, DeviceClass, Reputation},
    Architecture, Balance, ModelVersionId,
};

pub(crate) type AccountId = u64;
pub(crate) type Weights = HandSet<RocksDbWeight>;

/// The first worker of a test.
pub(crate) const ANNA: AccountId = 1;
/// The second.
pub(crate) const BEN: AccountId = 2;
/// The third.
pub(crate) const CARLA: AccountId = 3;
/// Has too little for any bond.
pub(crate) const PAUPER: AccountId = 99;

pub(crate) const FUNDS: Balance = 1_000_000;
/// The bond of a test's workers.
pub(crate) const BOND: Balance = 10_000;
/// Their ask.
pub(crate) const ASK: Balance = 10;
/// Their places.
pub(crate) const CAPACITY: u16 = 2;
/// What they earn for [`GIGA`] multiply-accumulates.
pub(crate) const REWARD: Balance = ASK;
pub(crate) const SLASH: Balance = 100;

/// Active, and served by a test's workers.
pub(crate) const SERVED: ModelVersionId = ModelVersionId { model: 0, version: 0 };
/// Active, and served by nobody at first.
pub(crate) const OTHER: ModelVersionId = ModelVersionId { model: 0, version: 1 };
pub(crate) const DEPRECATED: ModelVersionId = ModelVersionId { model: 0, version: 2 };
pub(crate) const REVOKED: ModelVersionId = ModelVersionId { model: 0, version: 3 };
pub(crate) const UNKNOWN: ModelVersionId = ModelVersionId { model: 0, version: 4 };

/// What it weighs to tell the market.
pub(crate) const ROOM_WEIGHT: Weight = Weight::from_parts(7, 0);

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Pool: pallet_workers,
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
    pub static MinBond: Balance = 1_000;
    pub static MinAsk: Balance = 1;
    pub static MaxAsk: Balance = 1_000;
    pub static UnbondingPeriod: u64 = 50;
    pub static JailPeriod: u64 = 10;
    pub static MaxMissesInARow: u32 = 3;
    pub static ExpirySlash: Balance = SLASH;
    pub static ConvictionSlash: Balance = 3 * SLASH;
    pub static ConvictionJailPeriod: u64 = 40;
    pub static RecordHalfLife: u64 = 1_000;
    pub const RegionDeposit: Balance = 40;
    pub static SampleSize: u32 = 4;
    pub static Room: Vec<AccountId> = vec![];
    pub static Published: BTreeMap<ModelVersionId, VersionStatus> = BTreeMap::from([
        (SERVED, VersionStatus::Active),
        (OTHER, VersionStatus::Active),
        (DEPRECATED, VersionStatus::Deprecated),
        (REVOKED, VersionStatus::Revoked),
    ]);
}

impl pallet_workers::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = TestModels;
    type Market = Told;
    type MinBond = MinBond;
    type MinAsk = MinAsk;
    type MaxAsk = MaxAsk;
    type UnbondingPeriod = UnbondingPeriod;
    type JailPeriod = JailPeriod;
    type MaxMissesInARow = MaxMissesInARow;
    type ExpirySlash = ExpirySlash;
    type ConvictionSlash = ConvictionSlash;
    type ConvictionJailPeriod = ConvictionJailPeriod;
    type RecordHalfLife = RecordHalfLife;
    type RegionDeposit = RegionDeposit;
    type RegionOrigin = EnsureRoot<AccountId>;
    type SampleSize = SampleSize;
    type WeightInfo = Weights;
    type BenchmarkHelper = BenchmarkScenes;
}

/// Remembers which workers have room.
pub struct Told;

impl Market<AccountId> for Told {
    fn room(worker: &AccountId) {
        Room::mutate(|room| room.push(*worker));
    }

    fn room_weight() -> Weight {
        ROOM_WEIGHT
    }
}

/// Who the market was told has room, since the last time that somebody asked.
pub(crate) fn room() -> Vec<AccountId> {
    Room::take()
}

/// The versions in [`Published`].
pub struct TestModels;

impl ModelRegistry<AccountId> for TestModels {
    fn version(id: ModelVersionId) -> Option<RegisteredVersion<AccountId>> {
        let status = Published::get().get(&id).copied()?;
        Some(RegisteredVersion { owner: 1_000, spec: spec(), status })
    }

    fn owner(model: ModelId) -> Option<AccountId> {
        Published::get().keys().any(|id| id.model == model).then_some(1_000)
    }
}

/// Sets the scenes of the benchmarks.
pub struct BenchmarkScenes;

impl BenchmarkHelper<AccountId> for BenchmarkScenes {
    fn version(_owner: &AccountId) -> ModelVersionId {
        Published::mutate(|published| {
            let model = published.keys().map(|id| id.model).max().unwrap() + 1;
            let id = ModelVersionId { model, version: 0 };
            published.insert(id, VersionStatus::Active);
            id
        })
    }
}

/// Builds the state a test begins with.
#[derive(Default)]
pub(crate) struct ExtBuilder {
    workers: Vec<(AccountId, Balance, Balance, u16)>,
}

impl ExtBuilder {
    /// `who` is an active worker that serves [`SERVED`].
    pub(crate) fn worker(self, who: AccountId) -> Self {
        self.worker_with(who, BOND, ASK, CAPACITY)
    }

    /// The same with another bond, ask or capacity.
    pub(crate) fn worker_with(
        mut self,
        who: AccountId,
        bond: Balance,
        ask: Balance,
        capacity: u16,
    ) -> Self {
        self.workers.push((who, bond, ask, capacity));
        self
    }

    pub(crate) fn build(self) -> TestExternalities {
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        let mut balances: Vec<_> = (1..PAUPER).map(|who| (who, FUNDS)).collect();
        balances.push((PAUPER, 50));
        pallet_balances::GenesisConfig::<Test> { balances, ..Default::default() }
            .assimilate_storage(&mut storage)
            .unwrap();
        let mut ext = TestExternalities::new(storage);
        ext.execute_with(|| {
            System::set_block_number(1);
            for (who, bond, ask, capacity) in self.workers {
                assert_ok!(register_with(who, "https://worker.example", ask, capacity, bond));
                assert_ok!(Pool::serve(signed(who), SERVED));
            }
            System::reset_events();
            room();
        });
        ext
    }

    /// Runs a test and checks every invariant after it.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            Pool::do_try_state().unwrap();
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

pub(crate) fn url(text: &str) -> Url {
    text.as_bytes().to_vec().try_into().unwrap()
}

pub(crate) const CAPABILITY: Capability =
    Capability { memory_mib: 4_096, device: DeviceClass::Cpu, gmacs_per_second: 100 };

pub(crate) fn register(who: AccountId, bond: Balance) -> DispatchResult {
    register_with(who, "https://worker.example", ASK, CAPACITY, bond)
}

pub(crate) fn register_with(
    who: AccountId,
    endpoint: &str,
    ask: Balance,
    capacity: u16,
    bond: Balance,
) -> DispatchResult {
    Pool::register(signed(who), url(endpoint), [7; 32], CAPABILITY, ask, capacity, bond)
}

/// A specification; workers care only that there is one.
fn spec() -> VersionSpec {
    samples::version_spec(Architecture::Encoder(samples::encoder()), 40_000)
}

/// A job of [`SERVED`] that is worth [`REWARD`] to a test's workers, with the `seed`-th seed.
pub(crate) fn vacancy(seed: u64) -> Vacancy<'static, AccountId> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    Vacancy {
        version: SERVED,
        replicas: 1,
        work: GIGA,
        budget: REWARD,
        exclude: &[],
        stretch: false,
        roomy: None,
        role: Role::Worker,
        region: None,
        seed: bytes,
    }
}

/// Draws a worker for [`vacancy`].
pub(crate) fn engage(seed: u64) -> Option<Engagement<AccountId>> {
    drawn(&vacancy(seed))
}

/// Draws one worker for a vacancy.
pub(crate) fn drawn(vacancy: &Vacancy<'_, AccountId>) -> Option<Engagement<AccountId>> {
    assert_eq!(vacancy.replicas, 1);
    let search = Pool::engage(vacancy);
    // No job excludes more than so many; tests that want one certain worker may.
    if vacancy.exclude.len() <= MAX_EXCLUDED as usize {
        assert!(search.weight.all_lte(Pool::engage_weight()), "{:?}", search.weight);
    }
    search.found.ok().map(|found| <[_; 1]>::try_from(found).unwrap()).map(|[one]| one)
}

/// Engages `who` for [`REWARD`] in a job that nobody else may take.
pub(crate) fn engage_worker(who: AccountId) {
    let exclude: Vec<_> = Workers::<Test>::iter_keys().filter(|other| *other != who).collect();
    // Several seeds, for a sample that is smaller than the list may lack the worker.
    let engagement = (0..10_000)
        .find_map(|seed| drawn(&Vacancy { exclude: &exclude, ..vacancy(seed) }))
        .unwrap();
    assert_eq!(engagement, Engagement { worker: who, ask: ASK, reward: REWARD });
}

/// Engages `who`, which then misses its deadline, `times` times.
pub(crate) fn miss(who: AccountId, times: u32) {
    for _ in 0..times {
        engage_worker(who);
        Pool::release(&who, REWARD, false, Outcome::Expired);
    }
}

pub(crate) fn worker(who: AccountId) -> Worker<u64> {
    Workers::<Test>::get(who).unwrap()
}

pub(crate) fn reputation(who: AccountId) -> Reputation<u64> {
    worker(who).reputation
}

/// The end of a job that `who` was paid nothing for.
pub(crate) const COMPLETED: Outcome =
    Outcome::Completed(Completion { work: 0, paid: 0, proven: 0 });

/// What `who` holds as a bond.
pub(crate) fn held(who: AccountId) -> Balance {
    Balances::balance_on_hold(&HoldReason::Bond.into(), &who)
}

/// Whether `who` is in the list that jobs of a version draw from.
pub(crate) fn listed(version: ModelVersionId, who: AccountId) -> bool {
    ServingIndex::<Test>::contains_key(version, who)
}

/// Checks that the last event is this one.
pub(crate) fn assert_last_event(event: Event<Test>) {
    System::assert_last_event(event.into());
}

/// Checks that an event of this pallet was deposited.
pub(crate) fn assert_event(event: Event<Test>) {
    System::assert_has_event(event.into());
}

/// `who` has begun to leave.
pub(crate) fn unbonding(who: AccountId) {
    assert_ok!(Pool::unbond(signed(who)));
}

/// Every call that only a worker that stays may make, for the refusals they share.
pub(crate) fn calls_of_a_staying_worker(who: AccountId) -> Vec<(&'static str, DispatchResult)> {
    let update = Pool::update(signed(who), url("http://a"), [0; 32], CAPABILITY, ASK, 1);
    vec![
        ("update", update),
        ("bond_more", Pool::bond_more(signed(who), 1)),
        ("serve", Pool::serve(signed(who), OTHER)),
        ("unserve", Pool::unserve(signed(who), SERVED)),
        ("drain", Pool::drain(signed(who))),
        ("resume", Pool::resume(signed(who))),
        ("unbond", Pool::unbond(signed(who))),
    ]
}

/// Checks that every call was refused for the same reason.
pub(crate) fn assert_all_refused(
    calls: Vec<(&'static str, DispatchResult)>,
    error: fn() -> Error<Test>,
) {
    for (call, result) in calls {
        assert_eq!(result, Err(error().into()), "{call}");
    }
}
