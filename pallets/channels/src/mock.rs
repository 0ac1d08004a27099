//! The real pallets with balances in one runtime, and builders of channels in every state.

use crate as pallet_channels;
use crate::{benchmarking::BenchmarkHelper, weights::HandSet, *};
use frame_support::{
    assert_ok, construct_runtime, derive_impl, parameter_types,
    traits::{
        fungible::{InspectHold, Mutate},
        ConstU128, ConstU16, ConstU32, ConstU64, Hooks,
    },
    weights::{constants::RocksDbWeight, Weight},
};
use frame_system::EnsureRoot;
use sp_core::{sr25519::Pair, Pair as _};
use sp_io::TestExternalities;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::{BuildStorage, DispatchResult, Permill};
use std::{collections::BTreeMap, sync::LazyLock};
use vigil_ops::weights::Weights as PackageWeights;
use vigil_primitives::{
    channel::{ChannelPrices, ChannelStatus, Usage},
    dispute::{ClaimId, Fault, Penalty},
    grant::Grant,
    job::Output,
    lineage::{Share, Shares, MAX_PAYEES},
    model::{Fee, Name, Url, VersionSpec},
    registry::{Entry, Published},
    samples,
    terms::{AcceptedTerms, Access, Terms},
    traits::{Claims, Contributions, Conviction, PackageLayout, Provenance as _},
    worker::{Capability, DeviceClass, MAX_CAPACITY},
    Architecture, AssetId, ContentHash, DatasetVersionId, Decoder, Sampling, OP_SET,
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
        Datasets: pallet_datasets,
        Provenance: pallet_provenance,
        Channels: pallet_channels,
    }
);

pub(crate) const OWNER: AccountId = 1;
pub(crate) const REQUESTER: AccountId = 2;
pub(crate) const TREASURY: AccountId = 3;
pub(crate) const STRANGER: AccountId = 4;
/// The worker of every channel unless a test says otherwise.
pub(crate) const WORKER: AccountId = 10;
/// Another one.
pub(crate) const OTHER: AccountId = 11;
/// Keeps what payees cannot be credited with.
pub(crate) const KEEPER: AccountId = 900;

pub(crate) const ED: Balance = 1_000;
pub(crate) const FUNDS: Balance = 1_000_000_000_000;
/// Covers 20 deposits.
pub(crate) const BOND: Balance = 1_000_000_000;
pub(crate) const ASK: Balance = 10_000_000;
pub(crate) const FEE: Fee = Fee { per_job: 20, per_1k_tokens: 1_000 };
pub(crate) const DEPOSIT: Balance = 1_000_000;
pub(crate) const MIN_DEPOSIT: Balance = 2_000;
/// All that the bond covers.
pub(crate) const MAX_DEPOSIT: Balance = BOND / 50;
pub(crate) const SHOW_DEPOSIT: Balance = 500;
pub(crate) const RENT: Balance = 7;
pub(crate) const LIFETIME: u64 = 40;
pub(crate) const MIN_LIFETIME: u64 = 5;
pub(crate) const MAX_LIFETIME: u64 = 100;
pub(crate) const WINDOW: u64 = 10;
pub(crate) const RECEIPT_WINDOW: u64 = 30;
pub(crate) const RETRY_PERIOD: u64 = 7;
pub(crate) const MAX_OPEN: u16 = 8;
pub(crate) const MAX_ANSWERS: u32 = 100;
pub(crate) const SLASH: Balance = 1_000_000;
/// The language model.
pub(crate) const VERSION: ModelVersionId = ModelVersionId { model: 0, version: 0 };
/// The tokens of every answer unless a test says otherwise.
pub(crate) const USAGE: Usage = Usage { tokens_in: 16, cached: 8, tokens_out: 4 };

/// Signs the requesters' vouchers.
pub(crate) static SIGNER: LazyLock<Pair> = LazyLock::new(|| Pair::from_seed(&[1; 32]));
/// Signs the workers' receipts.
pub(crate) static WORKER_SIGNER: LazyLock<Pair> = LazyLock::new(|| Pair::from_seed(&[2; 32]));

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
    type Market = ();
    type MinBond = ConstU128<10_000_000>;
    type MinAsk = ConstU128<1_000_000>;
    type MaxAsk = ConstU128<1_000_000_000_000>;
    type UnbondingPeriod = ConstU64<200>;
    type JailPeriod = ConstU64<30>;
    type MaxMissesInARow = ConstU32<3>;
    type ExpirySlash = ConstU128<10_000>;
    type ConvictionSlash = ConstU128<SLASH>;
    type ConvictionJailPeriod = ConstU64<30>;
    type RecordHalfLife = ConstU64<100_000>;
    type RegionDeposit = ConstU128<10_000>;
    type RegionOrigin = EnsureRoot<AccountId>;
    type SampleSize = ConstU32<16>;
    type WeightInfo = Weights;
}

parameter_types! {
    pub OpSets: Vec<u16> = vec![OP_SET];
    pub const ProtocolFee: Permill = Permill::from_percent(1);
    pub static ServiceWeight: Weight = FULL;
    pub static TreasuryAccount: AccountId = TREASURY;
    pub static Recorded: BTreeMap<(AccountId, ModelVersionId), (u32, u128, Balance)> =
        BTreeMap::new();
}

/// What the agenda may use of a block.
pub(crate) const FULL: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);

/// Remembers who has computed what.
pub struct Book;

impl Contributions<AccountId> for Book {
    fn record(
        worker: &AccountId,
        version: ModelVersionId,
        answers: u32,
        work: u128,
        earned: Balance,
    ) {
        Recorded::mutate(|recorded| {
            let sums = recorded.entry((*worker, version)).or_default();
            *sums = (sums.0 + answers, sums.1 + work, sums.2 + earned);
        });
    }

    fn record_weight() -> Weight {
        Weight::zero()
    }
}

impl pallet_channels::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Models = Models;
    type Waterfall = Provenance;
    type Grants = Provenance;
    type Unpaid = Provenance;
    type Workers = Workers;
    type Stakes = Workers;
    type Contributions = Book;
    type Treasury = TreasuryAccount;
    type ProtocolFee = ProtocolFee;
    type Rent = ConstU128<RENT>;
    type MinDeposit = ConstU128<MIN_DEPOSIT>;
    type ShowDeposit = ConstU128<SHOW_DEPOSIT>;
    type MinLifetime = ConstU64<MIN_LIFETIME>;
    type MaxLifetime = ConstU64<MAX_LIFETIME>;
    type ChallengeWindow = ConstU64<WINDOW>;
    type ReceiptWindow = ConstU64<RECEIPT_WINDOW>;
    type RetryPeriod = ConstU64<RETRY_PERIOD>;
    type MaxOpenPerWorker = ConstU16<MAX_OPEN>;
    type ServiceWeight = ServiceWeight;
    type WeightInfo = Weights;
    type BenchmarkHelper = Scenes;
}

/// Sets the scenes of the benchmarks.
pub struct Scenes;

impl BenchmarkHelper<AccountId> for Scenes {
    fn version(owner: &AccountId) -> ModelVersionId {
        let model = pallet_models::NextModelId::<Test>::get();
        assert_ok!(Balances::mint_into(owner, FUNDS));
        let architecture = Decoder { positions: 2_048, ..samples::decoder() };
        publish_model(*owner, Architecture::Decoder(architecture), samples::open());
        ModelVersionId { model, version: 0 }
    }

    fn worker(worker: &AccountId, versions: &[ModelVersionId]) {
        assert_ok!(Balances::mint_into(worker, FUNDS));
        register(*worker, 1_000_000, 500 * BOND, versions);
    }

    fn lineage(version: ModelVersionId, payees: u32) {
        let share = Permill::from_rational(1, MAX_PAYEES);
        let cited = (1..payees)
            .map(|number| Share { asset: dataset(number, 1_000 + AccountId::from(number)), share });
        let citations = Shares::truncate_from(cited.collect());
        let owner = <Models as vigil_primitives::traits::ModelRegistry<_>>::owner(version.model);
        let terms = samples::open();
        assert_ok!(Provenance::record(version.into(), &owner.unwrap(), &terms, citations));
    }
}

/// A chain with a published language model, and two workers that serve it and take channels.
pub(crate) struct Chain {
    treasury: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self { treasury: true }
    }
}

impl Chain {
    /// The treasury's account does not exist.
    pub(crate) fn without_treasury(mut self) -> Self {
        self.treasury = false;
        self
    }

    pub(crate) fn build(self) -> TestExternalities {
        let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
        let treasury = self.treasury.then_some(TREASURY);
        let accounts = [OWNER, REQUESTER, STRANGER, WORKER, OTHER].into_iter().chain(treasury);
        pallet_balances::GenesisConfig::<Test> {
            balances: accounts.map(|account| (account, FUNDS)).chain([(KEEPER, ED)]).collect(),
            ..Default::default()
        }
        .assimilate_storage(&mut storage)
        .unwrap();
        let mut chain = TestExternalities::new(storage);
        chain.register_extension(KeystoreExt::new(MemoryKeystore::new()));
        chain.execute_with(|| {
            System::set_block_number(1);
            ServiceWeight::set(FULL);
            TreasuryAccount::set(TREASURY);
            Recorded::set(BTreeMap::new());
            publish_model(OWNER, architecture(), samples::open());
            for worker in [WORKER, OTHER] {
                register(worker, ASK, BOND, &[VERSION]);
                assert_ok!(Channels::set_terms(RuntimeOrigin::signed(worker), terms()));
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

/// Runs a test on the usual chain.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    Chain::default().build_and_execute(test);
}

/// The invariants of the pallets, and those between them.
pub(crate) fn check_all() {
    Models::do_try_state().unwrap();
    Workers::do_try_state().unwrap();
    Datasets::do_try_state().unwrap();
    Provenance::do_try_state().unwrap();
    Channels::do_try_state().unwrap();
    let mut covered = BTreeMap::<AccountId, Balance>::new();
    for channel in crate::Channels::<Test>::iter_values() {
        *covered.entry(channel.worker).or_default() += channel.covered;
    }
    for (who, worker) in pallet_workers::Workers::<Test>::iter() {
        let covered = covered.remove(&who).unwrap_or_default();
        assert_eq!((worker.covered, worker.unfinalised), (covered, covered), "cover of {who}");
    }
}

// Setting a scene.

pub(crate) fn architecture() -> Architecture {
    Architecture::Decoder(samples::decoder())
}

pub(crate) fn publish_model(owner: AccountId, architecture: Architecture, terms: Terms) {
    publish_with(owner, architecture, terms, FEE);
}

/// Publishes the language model with another fee of its owner.
pub(crate) fn publish_with_fee(owner: AccountId, fee: Fee) -> ModelVersionId {
    let model = pallet_models::NextModelId::<Test>::get();
    publish_with(owner, architecture(), samples::open(), fee);
    ModelVersionId { model, version: 0 }
}

fn publish_with(owner: AccountId, architecture: Architecture, terms: Terms, fee: Fee) {
    let model = pallet_models::NextModelId::<Test>::get();
    let owner = RuntimeOrigin::signed(owner);
    let len = Layout::weights_len(&architecture);
    let spec = VersionSpec { fee, terms, ..samples::version_spec(architecture, len) };
    assert_ok!(Models::create(owner.clone(), Name::truncate_from(b"model".to_vec())));
    assert_ok!(Models::publish(owner, model, Box::new(spec), Shares::default()));
}

/// Publishes another model under these terms, which the worker then serves.
pub(crate) fn publish_under(terms: Terms) -> ModelVersionId {
    let model = pallet_models::NextModelId::<Test>::get();
    publish_model(OWNER, architecture(), terms);
    let version = ModelVersionId { model, version: 0 };
    assert_ok!(Workers::serve(RuntimeOrigin::signed(WORKER), version));
    version
}

pub(crate) fn register(
    worker: AccountId,
    ask: Balance,
    bond: Balance,
    versions: &[ModelVersionId],
) {
    let url = Url::truncate_from(b"http://127.0.0.1:8080".to_vec());
    let capability =
        Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 10 };
    let origin = RuntimeOrigin::signed(worker);
    assert_ok!(Workers::register(
        origin.clone(),
        url,
        [0; 32],
        capability,
        ask,
        MAX_CAPACITY,
        bond
    ));
    for version in versions {
        assert_ok!(Workers::serve(origin.clone(), *version));
    }
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

/// Gives the requester a grant of a version, at no cost.
pub(crate) fn grant(version: ModelVersionId, uses: Option<u32>) {
    assert_ok!(Provenance::give_grant(
        RuntimeOrigin::signed(OWNER),
        version.into(),
        REQUESTER,
        None,
        uses
    ));
}

/// The requester's grant of a version.
pub(crate) fn granted(version: ModelVersionId) -> Grant {
    let asset = AssetId::from(version);
    pallet_provenance::GrantsOf::<Test>::get(REQUESTER, asset).expect("no such grant").grant
}

/// What every worker offers unless a test says otherwise.
pub(crate) fn terms() -> ChannelTerms {
    ChannelTerms {
        max_open: 3,
        min_deposit: MIN_DEPOSIT,
        max_deposit: MAX_DEPOSIT,
        cached: Permill::from_percent(10),
        signer: WORKER_SIGNER.public(),
    }
}

pub(crate) fn spec() -> ChannelSpecOf<Test> {
    ChannelSpec {
        worker: WORKER,
        version: VERSION,
        terms: AcceptedTerms { licence: samples::open().licence_hash(), commercial: true },
        max_ask: 2 * ASK,
        deposit: DEPOSIT,
        expires_at: now() + LIFETIME,
        max_answers: MAX_ANSWERS,
        signer: SIGNER.public(),
    }
}

pub(crate) fn open_with(change: impl FnOnce(&mut ChannelSpecOf<Test>)) -> DispatchResult {
    let mut spec = spec();
    change(&mut spec);
    Channels::open(RuntimeOrigin::signed(REQUESTER), Box::new(spec))
}

/// An open channel.
pub(crate) fn opened() -> ChannelId {
    opened_with(|_| {})
}

/// An open channel that differs from the usual one.
pub(crate) fn opened_with(change: impl FnOnce(&mut ChannelSpecOf<Test>)) -> ChannelId {
    let id = NextChannel::<Test>::get();
    assert_ok!(open_with(change));
    id
}

pub(crate) fn prices(id: ChannelId) -> ChannelPrices {
    channel(id).prices
}

/// What so many usual answers come to.
pub(crate) fn totals(id: ChannelId, answers: u32) -> Totals {
    let prices = prices(id);
    (0..answers).fold(Totals::default(), |totals, _| totals.after(&prices, &architecture(), USAGE))
}

/// A voucher for these totals.
pub(crate) fn signed(id: ChannelId, totals: Totals) -> (Voucher, Signature) {
    let voucher = Voucher { channel: id, totals };
    let signature = SIGNER.sign(&voucher.bytes(&Channels::genesis()));
    (voucher, signature)
}

/// A voucher for so many usual answers.
pub(crate) fn voucher(id: ChannelId, answers: u32) -> (Voucher, Signature) {
    signed(id, totals(id, answers))
}

/// The worker's receipt of a usual answer.
pub(crate) fn receipt(id: ChannelId, number: u32) -> AnswerReceipt {
    AnswerReceipt {
        channel: id,
        number,
        input: ContentHash::repeat_byte(1),
        usage: USAGE,
        max_tokens_out: 8,
        sampling: Sampling::Greedy,
        output: Output { hash: ContentHash::repeat_byte(2), tokens: USAGE.tokens_out },
        totals: totals(id, number),
    }
}

pub(crate) fn show_as(who: AccountId, receipt: AnswerReceipt) -> DispatchResult {
    let signature = WORKER_SIGNER.sign(&receipt.bytes(&Channels::genesis()));
    Channels::show(RuntimeOrigin::signed(who), receipt, signature)
}

/// The claim of a receipt that the requester has put on chain.
pub(crate) fn shown(id: ChannelId, number: u32) -> ClaimId<AccountId> {
    let receipt = receipt(id, number);
    assert_ok!(show_as(REQUESTER, receipt));
    claim_of(&receipt)
}

pub(crate) fn claim_of(receipt: &AnswerReceipt) -> ClaimId<AccountId> {
    let worker = channel(receipt.channel).worker;
    ClaimId::Receipt { worker, channel: receipt.channel, receipt: receipt.hash() }
}

/// A dispute about a claim begins.
pub(crate) fn dispute(claim: &ClaimId<AccountId>) {
    assert_ok!(<Channels as Claims<AccountId>>::disputed(claim));
}

/// All disputes about a claim end with its conviction by a stranger.
pub(crate) fn convict(claim: &ClaimId<AccountId>, disputes: u32) -> Penalty {
    let conviction = Conviction { by: &STRANGER, fault: Fault::Element, disputes, costs: 0 };
    <Channels as Claims<AccountId>>::convicted(claim, conviction)
}

pub(crate) fn close_as(
    who: AccountId,
    id: ChannelId,
    voucher: Option<(Voucher, Signature)>,
) -> DispatchResult {
    let closed = Channels::close(RuntimeOrigin::signed(who), id, voucher);
    closed.map(|_| ()).map_err(|refused| refused.error)
}

pub(crate) fn dispute_close_as(
    who: AccountId,
    id: ChannelId,
    (voucher, signature): (Voucher, Signature),
) -> DispatchResult {
    Channels::dispute_close(RuntimeOrigin::signed(who), id, voucher, signature)
}

/// A channel that its worker has closed with so many answers.
pub(crate) fn settled(answers: u32) -> ChannelId {
    let id = opened();
    assert_ok!(close_as(WORKER, id, Some(voucher(id, answers))));
    id
}

// Letting time pass.

pub(crate) fn now() -> u64 {
    System::block_number()
}

pub(crate) fn run_to(block: u64) {
    while now() < block {
        Channels::on_idle(now(), ServiceWeight::get());
        System::set_block_number(now() + 1);
        Channels::on_initialize(now());
    }
}

// Looking.

pub(crate) fn channel(id: ChannelId) -> ChannelOf<Test> {
    crate::Channels::<Test>::get(id).expect("no such channel")
}

pub(crate) fn status(id: ChannelId) -> ChannelStatus<u64> {
    channel(id).status
}

/// Who was paid what by a channel that is settled.
pub(crate) fn paid(id: ChannelId) -> ChannelReceipt {
    match status(id) {
        ChannelStatus::Settled { receipt, .. } => receipt,
        other => panic!("not settled: {other:?}"),
    }
}

pub(crate) fn balance(account: AccountId) -> Balance {
    Balances::free_balance(account)
}

pub(crate) fn held(reason: HoldReason, account: AccountId) -> Balance {
    Balances::balance_on_hold(&reason.into(), &account)
}

pub(crate) fn worker(account: AccountId) -> pallet_workers::Worker<u64> {
    pallet_workers::Workers::<Test>::get(account).expect("no such worker")
}

pub(crate) fn assert_event(event: Event<Test>) {
    System::assert_has_event(event.into());
}
