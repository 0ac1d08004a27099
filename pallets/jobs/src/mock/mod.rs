//! The real pallets with balances in one runtime, and builders of jobs in every state.

pub(crate) mod provenance;
mod scene;

pub(crate) use provenance::{
    citations, dataset, earned, grant, keeping_fails, kept, publish_under, royalty, take_grant,
    uses, BreakableBook, ProvenanceError, KEEPER,
};
pub(crate) use scene::*;

use crate as pallet_jobs;
use crate::{
    benchmarking::BenchmarkHelper,
    types::{JobOf, JobRecordOf, JobSpecOf},
    waiting::{Standing, Woken},
    weights::HandSet,
    Event, Jobs as JobStore,
};
use frame_support::{
    assert_ok, construct_runtime, derive_impl, parameter_types,
    traits::{
        fungible::{InspectHold, Mutate},
        ConstU128, ConstU32, ConstU64, Hooks, Randomness,
    },
    weights::{constants::RocksDbWeight, Weight},
};
use frame_system::EnsureRoot;
use sp_core::H256;
use sp_io::TestExternalities;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    BuildStorage, DispatchError, DispatchResult, Permill,
};
use std::collections::BTreeMap;
use vigil_ops::weights::Weights as PackageWeights;
use vigil_primitives::{
    audit::Record,
    dispute::ClaimId,
    job::WaitingCost,
    lineage::{Share, Shares, MAX_PAYEES},
    model::{Fee, Name, Url, VersionSpec},
    pricing, samples,
    terms::{AcceptedTerms, Access, Terms},
    traits::{Disputes, ModelRegistry, PackageLayout, Provenance as _},
    worker::{Capability, DeviceClass, MAX_CAPACITY},
    Architecture, Balance, Decoder, JobId, JobStatus, ModelVersionId, OP_SET,
};

pub(crate) type AccountId = u64;
pub(crate) type Weights = HandSet<RocksDbWeight>;
type Block = frame_system::mocking::MockBlock<Test>;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Models: pallet_models,
        Workers: pallet_workers,
        Jobs: pallet_jobs,
        Datasets: pallet_datasets,
        Provenance: pallet_provenance,
    }
);

pub(crate) const OWNER: AccountId = 1;
pub(crate) const REQUESTER: AccountId = 2;
pub(crate) const TREASURY: AccountId = 3;
pub(crate) const STRANGER: AccountId = 4;
/// The first worker; the others follow.
pub(crate) const WORKER: AccountId = 10;

pub(crate) const ED: Balance = 1_000;
pub(crate) const FUNDS: Balance = 1_000_000_000_000;
/// Ask of every worker unless a test says otherwise.
pub(crate) const ASK: Balance = 1_000_000_000;
pub(crate) const MIN_BOND: Balance = 10_000_000;
pub(crate) const SLASH: Balance = 10_000;
pub(crate) const FEE: Fee = Fee { per_job: 2_000, per_1k_tokens: 1_000 };
pub(crate) const TOKENS: u32 = 16;
/// Tokens that a language model may generate unless a test says otherwise.
pub(crate) const TOKENS_OUT: u32 = 8;
pub(crate) const MAX_PRICE: Balance = 100_000;
/// Affords the lowest ask that there may be, and not [`ASK`].
pub(crate) const CHEAP: Balance = 10_000;

pub(crate) const COMMIT_PERIOD: u64 = 10;
pub(crate) const REVEAL_PERIOD: u64 = 5;
pub(crate) const WINDOW: u64 = 12;
/// Shortest one that may be chosen.
pub(crate) const MIN_WINDOW: u64 = 3;
pub(crate) const CONTEST_PERIOD: u64 = 20;
/// The same with the time that a dispute of a job of [`spec`] takes.
pub(crate) const CONTESTED_FOR: u64 = CONTEST_PERIOD + 2;
pub(crate) const RETENTION: u64 = 50;
pub(crate) const RETRY_PERIOD: u64 = 7;
pub(crate) const MAX_DURATION: u64 = 100;
pub(crate) const JAIL_PERIOD: u64 = 30;
pub(crate) const HALF_LIFE: u64 = 100_000;
/// What audits have found right of workers and versions, unless a test is about those without.
pub(crate) const PROVEN: Balance = 1_000_000_000;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<ED>;
}

/// The layout of packages, as the chain has it.
pub struct Layout;

impl PackageLayout for Layout {
    fn weights_len(architecture: &Architecture) -> u64 {
        PackageWeights::new(architecture).file_len()
    }
}

impl pallet_models::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = ConstU128<100>;
    type DepositPerByte = ConstU128<1>;
    type Layout = Layout;
    type OpSets = OpSets;
    type WeightInfo = Weights;
}

impl pallet_datasets::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = ConstU128<100>;
    type DepositPerByte = ConstU128<1>;
    type WeightInfo = Weights;
}

impl pallet_provenance::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type Datasets = Datasets;
    type Keeper = ConstU64<KEEPER>;
    type DepositBase = ConstU128<100>;
    type DepositPerByte = ConstU128<1>;
    type EraLength = ConstU32<100>;
    type WeightInfo = Weights;
}

impl pallet_workers::Config for Test {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type Market = Jobs;
    type MinBond = ConstU128<MIN_BOND>;
    type MinAsk = ConstU128<1_000_000>;
    type MaxAsk = ConstU128<1_000_000_000_000>;
    type UnbondingPeriod = ConstU64<200>;
    type JailPeriod = ConstU64<JAIL_PERIOD>;
    type MaxMissesInARow = ConstU32<3>;
    type ExpirySlash = ConstU128<SLASH>;
    type ConvictionSlash = ConstU128<{ 10 * SLASH }>;
    type ConvictionJailPeriod = ConstU64<{ 5 * JAIL_PERIOD }>;
    type RecordHalfLife = ConstU64<HALF_LIFE>;
    type RegionDeposit = ConstU128<{ 10 * SLASH }>;
    type RegionOrigin = EnsureRoot<AccountId>;
    type SampleSize = ConstU32<16>;
    type WeightInfo = Weights;
}

parameter_types! {
    pub OpSets: Vec<u16> = vec![OP_SET];
    pub const ProtocolFee: Permill = Permill::from_percent(1);
    pub static ServiceWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
    pub static TreasuryAccount: AccountId = TREASURY;
    pub static Contested: Vec<JobId> = vec![];
    pub static DisputesFail: bool = false;
    pub static Lucky: bool = true;
    pub static Court: Vec<ClaimId<AccountId>> = vec![];
    pub static MaxOpenJobs: u32 = 40;
    pub static MaxOpenJobsPerAccount: u32 = 30;
    // Nothing, so that tests of prices need not count blocks.
    pub static WaitingFee: Balance = 0;
}

/// Randomness that a test can predict: a hash of the block number. It spares whoever has a record,
/// unless a test is about chance.
pub struct BlockRandomness;

impl Randomness<H256, u64> for BlockRandomness {
    fn random(subject: &[u8]) -> (H256, u64) {
        let now = System::block_number();
        let spares = |random: &H256| {
            let seed = sp_io::hashing::blake2_256(&[random.as_bytes(), subject].concat());
            !crate::functions::audit::hits(&seed, Permill::from_percent(10))
        };
        let mut throws = (0u32..).map(|throw| BlakeTwo256::hash_of(&(now, subject, throw)));
        let about_audits = subject.windows(11).any(|part| part == b"vigil/audit");
        let random = match about_audits && Lucky::get() {
            true => throws.find(spares),
            false => throws.next(),
        };
        (random.unwrap(), now)
    }
}

/// Remembers which jobs became contested, or refuses them after leaving a trace in storage.
pub struct RecordedDisputes;

impl Disputes<AccountId> for RecordedDisputes {
    fn contested(claim: ClaimId<AccountId>, _rival: AccountId) -> DispatchResult {
        let ClaimId::Job { job, .. } = claim else { return Err(DispatchError::Other("no job")) };
        if DisputesFail::get() {
            sp_io::storage::set(b"half-written", b"1");
            return Err(DispatchError::Other("no referee"));
        }
        Contested::mutate(|jobs| jobs.push(job));
        Ok(())
    }

    fn contested_weight() -> Weight {
        Weight::zero()
    }
}

impl pallet_jobs::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Models = Models;
    type Waterfall = Provenance;
    type Grants = Provenance;
    type Unpaid = BreakableBook;
    type Workers = Workers;
    type Disputes = RecordedDisputes;
    type Stakes = Workers;
    type Randomness = BlockRandomness;
    type Treasury = TreasuryAccount;
    type ProtocolFee = ProtocolFee;
    type MinAsk = ConstU128<1_000_000>;
    type CommitPeriod = ConstU64<COMMIT_PERIOD>;
    type WorkPerBlock = ConstU64<10_000>;
    type RevealPeriod = ConstU64<REVEAL_PERIOD>;
    type MinChallengeWindow = ConstU64<MIN_WINDOW>;
    type MaxChallengeWindow = ConstU64<100>;
    type ContestPeriod = ConstU64<CONTEST_PERIOD>;
    type Retention = ConstU64<RETENTION>;
    type RetryPeriod = ConstU64<RETRY_PERIOD>;
    type MaxDuration = ConstU64<MAX_DURATION>;
    type WaitingFee = WaitingFee;
    type MaxOpenJobs = MaxOpenJobs;
    type MaxOpenJobsPerAccount = MaxOpenJobsPerAccount;
    type RecordHalfLife = ConstU64<HALF_LIFE>;
    type EraLength = ConstU64<100>;
    type ServiceWeight = ServiceWeight;
    type WeightInfo = Weights;
    type BenchmarkHelper = BenchmarkScenes;
}

/// Sets the scenes of the benchmarks.
pub struct BenchmarkScenes;

impl BenchmarkHelper<AccountId> for BenchmarkScenes {
    fn version(owner: &AccountId) -> ModelVersionId {
        let model = pallet_models::NextModelId::<Test>::get();
        assert_ok!(Balances::mint_into(owner, FUNDS));
        let architecture = Decoder { positions: 2_048, ..samples::decoder() };
        publish_model(*owner, spec_of(Architecture::Decoder(architecture)));
        ModelVersionId { model, version: 0 }
    }

    fn worker(worker: &AccountId, versions: &[ModelVersionId]) {
        assert_ok!(Balances::mint_into(worker, FUNDS));
        register_to_serve(*worker, 1_000_000, FUNDS / 2, MAX_CAPACITY, versions);
    }

    fn lineage(version: ModelVersionId, payees: u32) {
        let share = Permill::from_rational(1, MAX_PAYEES);
        let cited = (1..payees)
            .map(|number| Share { asset: dataset(number, 1_000 + AccountId::from(number)), share });
        let citations = Shares::truncate_from(cited.collect());
        let owner = Models::owner(version.model).unwrap();
        assert_ok!(Provenance::record(version.into(), &owner, &terms(), citations));
    }

    fn grant(version: ModelVersionId, who: &AccountId) {
        grant(version, *who, None, None);
    }
}

/// A chain with a published encoder, a published language model, and workers that serve both.
pub(crate) struct Chain {
    asks: Vec<Balance>,
    treasury: bool,
    records: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self { asks: vec![ASK; 3], treasury: true, records: true }
    }
}

impl Chain {
    /// One worker for each ask.
    pub(crate) fn asks(mut self, asks: &[Balance]) -> Self {
        self.asks = asks.to_vec();
        self
    }

    /// So many workers with the usual ask.
    pub(crate) fn workers(self, count: usize) -> Self {
        self.asks(&vec![ASK; count])
    }

    /// No audit has found anything right of anybody yet, so that every result is audited.
    pub(crate) fn without_records(mut self) -> Self {
        self.records = false;
        self
    }

    /// The treasury's account does not exist.
    pub(crate) fn without_treasury(mut self) -> Self {
        self.treasury = false;
        self
    }

    pub(crate) fn build(self) -> TestExternalities {
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        let workers = (WORKER..).take(self.asks.len());
        let treasury = self.treasury.then_some(TREASURY);
        let accounts = [OWNER, REQUESTER, STRANGER].into_iter().chain(treasury).chain(workers);
        let keeper = (KEEPER, ED);
        pallet_balances::GenesisConfig::<Test> {
            balances: accounts.map(|account| (account, FUNDS)).chain([keeper]).collect(),
            ..Default::default()
        }
        .assimilate_storage(&mut storage)
        .unwrap();
        let mut chain = TestExternalities::new(storage);
        chain.execute_with(|| {
            System::set_block_number(1);
            publish();
            for (worker, ask) in (WORKER..).zip(self.asks) {
                register(worker, ask, MIN_BOND, 8);
                if self.records {
                    trust(worker);
                }
            }
            if self.records {
                trust_version(VERSION);
                trust_version(DECODER);
            }
        });
        chain
    }

    /// Runs a test and then checks the invariants of all pallets.
    pub(crate) fn build_and_execute(self, test: impl FnOnce()) {
        self.build().execute_with(|| {
            test();
            check_all();
        });
    }
}

/// The invariants of the pallets, and those between them.
pub(crate) fn check_all() {
    Models::do_try_state().unwrap();
    Workers::do_try_state().unwrap();
    Jobs::do_try_state().unwrap();
    Datasets::do_try_state().unwrap();
    Provenance::do_try_state().unwrap();

    let mut engaged = BTreeMap::<AccountId, (u16, Balance)>::new();
    let mut held = BTreeMap::<AccountId, (Balance, Balance)>::new();
    for (_, job) in JobStore::<Test>::iter().filter(|(_, job)| !job.status.is_final()) {
        let (escrow, waiting) = held.entry(job.requester).or_default();
        *escrow += job.max_price;
        if let WaitingCost::Running { per_block } = job.waiting {
            *waiting += per_block * Balance::from(job.deadline - job.submitted_at);
        }
        for replica in job.status.replicas() {
            let entry = engaged.entry(replica.worker).or_default();
            entry.0 += 1;
            entry.1 += job.engaged_reward(replica.ask);
        }
    }
    for (worker, record) in pallet_workers::Workers::<Test>::iter() {
        let expected = engaged.remove(&worker).unwrap_or_default();
        assert_eq!((record.active, record.unfinalised), expected, "engagements of {worker}");
    }
    assert!(engaged.is_empty(), "engaged accounts are no workers: {engaged:?}");
    for account in frame_system::Account::<Test>::iter_keys() {
        let expected = held.remove(&account).unwrap_or_default();
        assert_eq!((escrow_of(account), waiting_of(account)), expected, "held of {account}");
    }
    assert!(held.is_empty(), "held of accounts that do not exist: {held:?}");
    check_uses();
    check_new_jobs();
}

/// There are no channels here: what is reserved of grants is the jobs'.
fn check_uses() {
    let mut uses = BTreeMap::<_, u32>::new();
    for (_, job) in JobStore::<Test>::iter().filter(|(_, job)| !job.status.is_final()) {
        if let Some(grant) = job.grant {
            *uses.entry(grant).or_default() += 1;
        }
    }
    for held in pallet_provenance::GrantsOf::<Test>::iter_values() {
        let expected = uses.get(&held.grant.id).copied().unwrap_or_default();
        assert_eq!(held.grant.reserved, expected, "uses reserved of grant {}", held.grant.id);
    }
}

/// A new job that a worker with a free place asks little enough for is not forgotten: its version
/// stands in line, or the worker does.
fn check_new_jobs() {
    let in_line = |woken| crate::InLine::<Test>::contains_key(woken);
    for (id, job) in JobStore::<Test>::iter() {
        let fresh = job.place.is_some_and(|place| place.standing == Standing::Fresh);
        if !fresh || in_line(Woken::Version(job.version)) {
            continue;
        }
        for (account, worker) in pallet_workers::Workers::<Test>::iter() {
            let could = worker.is_active()
                && worker.free_places() > 0
                && worker.serves.contains(&job.version)
                && worker.ask <= job.bid();
            assert!(!could || in_line(Woken::Worker(account)), "job {id} is forgotten: {account}");
        }
    }
}

// Setting a scene.

/// The encoder.
pub(crate) const VERSION: ModelVersionId = ModelVersionId { model: 0, version: 0 };
/// The language model.
pub(crate) const DECODER: ModelVersionId = ModelVersionId { model: 1, version: 0 };

pub(crate) fn architecture() -> Architecture {
    Architecture::Encoder(samples::encoder())
}

pub(crate) fn decoder() -> Architecture {
    Architecture::Decoder(samples::decoder())
}

pub(crate) fn version_spec() -> VersionSpec {
    spec_of(architecture())
}

fn spec_of(architecture: Architecture) -> VersionSpec {
    let len = Layout::weights_len(&architecture);
    VersionSpec { fee: FEE, ..samples::version_spec(architecture, len) }
}

/// The terms of every version unless a test says otherwise.
pub(crate) fn terms() -> Terms {
    samples::terms(Access::Open)
}

fn publish() {
    for architecture in [architecture(), decoder()] {
        publish_model(OWNER, spec_of(architecture));
    }
}

/// A new model with one version.
fn publish_model(owner: AccountId, spec: VersionSpec) {
    let model = pallet_models::NextModelId::<Test>::get();
    let owner = RuntimeOrigin::signed(owner);
    assert_ok!(Models::create(owner.clone(), Name::truncate_from(b"model".to_vec())));
    assert_ok!(Models::publish(owner, model, Box::new(spec), Shares::default()));
}

pub(crate) fn register(worker: AccountId, ask: Balance, bond: Balance, capacity: u16) {
    register_to_serve(worker, ask, bond, capacity, &[VERSION, DECODER]);
}

/// Audits have found much right of a version.
pub(crate) fn trust_version(version: ModelVersionId) {
    let record = Record { proven: PROVEN, halved_at: now() };
    crate::VersionRecords::<Test>::insert(version, record);
}

/// Audits have found much right of a worker.
pub(crate) fn trust(worker: AccountId) {
    pallet_workers::Workers::<Test>::mutate_extant(worker, |worker| {
        worker.reputation.record.proven = PROVEN;
    });
}

/// What workers say of themselves.
pub(crate) fn profile() -> (Url, Capability) {
    let capability =
        Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 10 };
    (Url::truncate_from(b"http://127.0.0.1:8080".to_vec()), capability)
}

fn register_to_serve(
    worker: AccountId,
    ask: Balance,
    bond: Balance,
    capacity: u16,
    versions: &[ModelVersionId],
) {
    let (url, capability) = profile();
    assert_ok!(Workers::register(
        RuntimeOrigin::signed(worker),
        url,
        [0; 32],
        capability,
        ask,
        capacity,
        bond,
    ));
    for version in versions {
        assert_ok!(Workers::serve(RuntimeOrigin::signed(worker), *version));
    }
}

// Letting time pass.

pub(crate) fn now() -> u64 {
    System::block_number()
}

pub(crate) fn next_block() {
    Jobs::on_idle(now(), ServiceWeight::get());
    start_block();
}

/// The next block without idle time at the end of this one.
pub(crate) fn start_block() {
    System::set_block_number(now() + 1);
    Jobs::on_initialize(now());
}

pub(crate) fn run_to(block: u64) {
    while now() < block {
        next_block();
    }
}

/// The next block in which the pallet has had no weight to do anything.
pub(crate) fn busy_block() {
    System::set_block_number(now() + 1);
}

// Looking.

pub(crate) fn job(id: JobId) -> JobRecordOf<Test> {
    JobStore::<Test>::get(id).expect("no such job")
}

pub(crate) fn view(id: JobId) -> JobOf<Test> {
    Jobs::job(id).expect("no such job")
}

pub(crate) fn status(id: JobId) -> JobStatus<AccountId, u64> {
    job(id).status
}

pub(crate) fn workers_of(id: JobId) -> Vec<AccountId> {
    status(id).replicas().iter().map(|replica| replica.worker).collect()
}

pub(crate) fn worker(account: AccountId) -> pallet_workers::Worker<u64> {
    pallet_workers::Workers::<Test>::get(account).expect("no such worker")
}

pub(crate) fn balance(account: AccountId) -> Balance {
    Balances::free_balance(account)
}

pub(crate) fn escrow_of(account: AccountId) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Escrow.into(), &account)
}

/// What an account has on hold for the waiting of its jobs.
pub(crate) fn waiting_of(account: AccountId) -> Balance {
    Balances::balance_on_hold(&crate::HoldReason::Waiting.into(), &account)
}

/// How a job waits.
pub(crate) fn standing(id: JobId) -> Option<Standing> {
    job(id).place.map(|place| place.standing)
}

/// Reward of a worker with this ask for a job of [`TOKENS`] tokens.
pub(crate) fn reward(ask: Balance) -> Balance {
    pricing::reward(ask, architecture().work(TOKENS, 0))
}

/// The owner's fee for a job of [`TOKENS`] tokens.
pub(crate) fn owner_fee() -> Balance {
    pricing::owner_fee(&FEE, TOKENS, 0)
}

pub(crate) fn events() -> Vec<Event<Test>> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Jobs(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// How many events of this pallet so far are of this kind.
pub(crate) fn count_events(kind: impl Fn(&Event<Test>) -> bool) -> usize {
    events().iter().filter(|event| kind(event)).count()
}
