//! People who publish, buy and run, and the words in which the tests of ownership are written.
//!
//! Calls go to the pallets of the real runtime, as signed by the account that is named first.

#![allow(dead_code, unreachable_pub)]

#[path = "chain.rs"]
mod chain;

use chain::chain;
use frame_support::{
    assert_ok,
    traits::{
        fungible::{Inspect, InspectHold, Mutate},
        Get, Hooks,
    },
};
use sp_io::TestExternalities;
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    DispatchError, DispatchResult, Permill,
};
use std::collections::BTreeMap;
use vigil_ops::weights::Weights;
use vigil_primitives::{
    audit::Record,
    dataset::{DatasetSpec, DatasetVersionId},
    grant::{Grant, GrantId},
    job::{commitment, tokens_to_bytes, Input, JobSpec, Output, Policy, Sampling},
    lineage::{Royalty, Share, Shares},
    model::{Fee, Name, Url, VersionSpec},
    samples,
    terms::{AcceptedTerms, Access, GrantTerms, Terms},
    worker::{Capability, DeviceClass},
    Architecture, AssetId, Balance, BlockNumber, ContentHash, JobId, JobStatus, ModelVersionId,
    MILLI, UNIT,
};
use vigil_runtime::{
    configs::{keeper, ServiceWeight},
    genesis_presets::DEVELOPMENT,
    AccountId, Balances, Channels, Datasets, Disputes, Jobs, Models, Provenance, Runtime,
    RuntimeHoldReason, RuntimeOrigin, System, Workers,
};

/// Publishes what others descend from.
pub const CURATOR: AccountId = person(1);
/// Publishes models that descend from it.
pub const MAKER: AccountId = person(2);
/// Would like to earn what others earn.
pub const RIVAL: AccountId = person(3);
/// Takes over what others offer.
pub const HEIR: AccountId = person(4);
/// Runs jobs and pays.
pub const REQUESTER: AccountId = person(5);
/// Does what anybody may do.
pub const STRANGER: AccountId = person(6);
/// Has no account.
pub const NOBODY: AccountId = person(7);
/// The workers.
pub const WORKERS: [AccountId; 5] = [person(11), person(12), person(13), person(14), person(15)];

/// What everybody begins with.
pub const FUNDS: Balance = 100_000 * UNIT;
/// Per giga multiply-accumulate.
pub const ASK: Balance = UNIT;
/// Fee of every model, with an end that no share divides.
pub const FEE: Fee = Fee { per_job: UNIT + 7, per_1k_tokens: 13 };
/// Tokens of every input.
pub const TOKENS: u32 = 16;
/// The most that a requester pays.
pub const PRICE: Balance = 5 * UNIT;
/// What a grant costs that is for sale.
pub const GRANT: GrantTerms = GrantTerms { price: 10 * UNIT + 3, duration: 100, uses: Some(4) };
/// One per cent, in parts per million.
pub const PERCENT: u32 = 10_000;

/// An account that is known by a number.
pub const fn person(number: u8) -> AccountId {
    AccountId::new([number; 32])
}

/// The development chain with these people, and workers that serve nothing yet.
pub fn market() -> TestExternalities {
    let mut externalities = chain(DEVELOPMENT);
    externalities.execute_with(|| {
        System::set_block_number(1);
        for account in [CURATOR, MAKER, RIVAL, HEIR, REQUESTER, STRANGER].iter().chain(&WORKERS) {
            assert_ok!(Balances::mint_into(account, FUNDS));
        }
        for worker in &WORKERS {
            let capability =
                Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 10 };
            assert_ok!(Workers::register(
                signed(worker),
                Url::truncate_from(b"http://127.0.0.1:8080".to_vec()),
                [0; 32],
                capability,
                ASK,
                64,
                <Runtime as pallet_workers::Config>::MinBond::get(),
            ));
        }
    });
    externalities
}

/// Runs a test in a market and then checks every invariant of the four pallets.
pub fn run(test: impl FnOnce()) {
    market().execute_with(|| {
        test();
        check();
    });
}

/// Checks every invariant of the four pallets.
pub fn check() {
    Models::do_try_state().unwrap();
    Datasets::do_try_state().unwrap();
    Provenance::do_try_state().unwrap();
    Workers::do_try_state().unwrap();
    Jobs::do_try_state().unwrap();
    Channels::do_try_state().unwrap();
    check_between();
}

/// Checks what jobs and channels have together: what bonds cover, and uses of grants.
fn check_between() {
    let mut covered = BTreeMap::<AccountId, Balance>::new();
    let mut uses = BTreeMap::<GrantId, u32>::new();
    for (_, job) in pallet_jobs::Jobs::<Runtime>::iter().filter(|(_, job)| !job.status.is_final()) {
        for replica in job.status.replicas() {
            let cover = covered.entry(replica.worker.clone()).or_default();
            *cover += job.engaged_reward(replica.ask);
        }
        if let Some(grant) = job.grant {
            *uses.entry(grant).or_default() += 1;
        }
    }
    for channel in pallet_channels::Channels::<Runtime>::iter_values() {
        if let Some(grant) = channel.grant.filter(|_| !channel.is_settled()) {
            *uses.entry(grant).or_default() += channel.max_answers;
        }
        *covered.entry(channel.worker).or_default() += channel.covered;
    }
    for (who, worker) in pallet_workers::Workers::<Runtime>::iter() {
        let expected = covered.remove(&who).unwrap_or_default();
        assert_eq!(worker.unfinalised, expected, "what the bond of {who} covers");
    }
    for held in pallet_provenance::GrantsOf::<Runtime>::iter_values() {
        let expected = uses.remove(&held.grant.id).unwrap_or_default();
        assert_eq!(held.grant.reserved, expected, "uses reserved of grant {}", held.grant.id);
    }
}

pub fn signed(who: &AccountId) -> RuntimeOrigin {
    RuntimeOrigin::signed(who.clone())
}

// Publishing.

/// Open to everybody, for any use.
pub fn open() -> Terms {
    terms(Access::Open)
}

/// For any use by those who have access.
pub fn terms(access: Access) -> Terms {
    samples::terms(access)
}

/// Everybody may buy a [`GRANT`].
pub fn for_sale() -> Terms {
    terms(Access::Paid(GRANT))
}

/// Citations with shares in parts per million.
pub fn shares(citations: &[(AssetId, u32)]) -> Shares {
    let share = |(asset, parts): &(AssetId, u32)| Share {
        asset: *asset,
        share: Permill::from_parts(*parts),
    };
    citations.iter().map(share).collect::<Vec<_>>().try_into().expect("at most sixteen")
}

fn name(text: &str) -> Name {
    Name::truncate_from(text.as_bytes().to_vec())
}

pub fn architecture() -> Architecture {
    Architecture::Encoder(samples::encoder())
}

pub fn version_spec(terms: Terms) -> VersionSpec {
    let architecture = architecture();
    let len = Weights::new(&architecture).file_len();
    VersionSpec { terms, fee: FEE, ..samples::version_spec(architecture, len) }
}

pub fn dataset_spec(terms: Terms) -> DatasetSpec {
    samples::dataset_spec(terms)
}

/// A new model with one version, which cites others.
pub fn publish_model(
    owner: &AccountId,
    spec: VersionSpec,
    citations: &[(AssetId, u32)],
) -> Result<AssetId, DispatchError> {
    let model = pallet_models::NextModelId::<Runtime>::get();
    Models::create(signed(owner), name("model"))?;
    Models::publish(signed(owner), model, Box::new(spec), shares(citations))?;
    Ok(ModelVersionId { model, version: 0 }.into())
}

/// A new dataset with one version, which cites others.
pub fn register(
    owner: &AccountId,
    terms: Terms,
    citations: &[(AssetId, u32)],
) -> Result<AssetId, DispatchError> {
    let dataset = pallet_datasets::NextDatasetId::<Runtime>::get();
    let spec = Box::new(dataset_spec(terms));
    Datasets::register(signed(owner), name("dataset"), spec, shares(citations))?;
    Ok(DatasetVersionId { dataset, version: 0 }.into())
}

/// A dataset that descends from nothing.
pub fn dataset(owner: &AccountId, terms: Terms) -> AssetId {
    register(owner, terms, &[]).expect("nothing stands against it")
}

/// A model that cites others, for any use by everybody. The workers serve it.
pub fn model(owner: &AccountId, citations: &[(AssetId, u32)]) -> AssetId {
    model_under(owner, open(), citations)
}

/// The same under other terms.
pub fn model_under(owner: &AccountId, terms: Terms, citations: &[(AssetId, u32)]) -> AssetId {
    let asset =
        publish_model(owner, version_spec(terms), citations).expect("nothing stands against it");
    serve(asset);
    asset
}

/// So many datasets of as many owners, and a model that cites them all with a share each.
pub fn model_of(payees: u8, parts: u32) -> (AssetId, Vec<AccountId>) {
    let owners: Vec<_> = (100..).take(usize::from(payees) - 1).map(person).collect();
    let citations: Vec<_> = owners
        .iter()
        .map(|owner| {
            assert_ok!(Balances::mint_into(owner, FUNDS));
            (dataset(owner, open()), parts)
        })
        .collect();
    (model(&MAKER, &citations), owners)
}

/// All workers serve the version, and have a record with it.
pub fn serve(asset: AssetId) {
    trust_version(version(asset));
    for worker in &WORKERS {
        assert_ok!(Workers::serve(signed(worker), version(asset)));
        trust(worker);
    }
}

/// The version of a model that an asset is.
pub fn version(asset: AssetId) -> ModelVersionId {
    let AssetId::Model(id) = asset else { panic!("{asset} is no model") };
    id
}

/// The version of a dataset that an asset is.
pub fn data(asset: AssetId) -> DatasetVersionId {
    let AssetId::Dataset(id) = asset else { panic!("{asset} is no dataset") };
    id
}

/// Who owns an asset now.
pub fn owner(asset: AssetId) -> AccountId {
    Provenance::lineage_view(asset).expect("it was published").nodes[0].owner.clone()
}

/// Hands an asset's model or dataset over.
pub fn hand_over(asset: AssetId, to: &AccountId) -> DispatchResult {
    let from = signed(&owner(asset));
    match asset {
        AssetId::Model(id) => {
            Models::offer(from, id.model, to.clone())?;
            Models::accept(signed(to), id.model)
        }
        AssetId::Dataset(id) => {
            Datasets::offer(from, id.dataset, to.clone())?;
            Datasets::accept(signed(to), id.dataset)
        }
    }
}

/// Revokes an asset as its owner.
pub fn revoke(asset: AssetId) -> DispatchResult {
    let owner = signed(&owner(asset));
    match asset {
        AssetId::Model(id) => Models::revoke(owner, id.model, id.version),
        AssetId::Dataset(id) => Datasets::revoke(owner, id.dataset, id.version),
    }
}

/// The grant that an account holds of an asset.
pub fn grant(asset: AssetId, holder: &AccountId) -> Option<Grant> {
    pallet_provenance::GrantsOf::<Runtime>::get(holder, asset).map(|record| record.grant)
}

// Running jobs.

/// A job of [`TOKENS`] tokens for one worker, under the terms that the tests use.
pub fn job_for(asset: AssetId) -> JobSpec<BlockNumber> {
    let tokens: Vec<u32> = (0..TOKENS).collect();
    JobSpec {
        version: version(asset),
        terms: AcceptedTerms { licence: open().licence_hash(), commercial: true },
        input: Input::Inline(tokens_to_bytes(&tokens).try_into().expect("it fits")),
        max_tokens_out: 0,
        sampling: Sampling::Greedy,
        policy: Policy {
            replicas: 1,
            challenge_window: <Runtime as pallet_jobs::Config>::MinChallengeWindow::get(),
            audited: false,
            region: None,
        },
        max_price: PRICE,
        deadline: now() + 50,
    }
}

pub fn submit(who: &AccountId, spec: JobSpec<BlockNumber>) -> Result<JobId, DispatchError> {
    let job = pallet_jobs::NextJob::<Runtime>::get();
    Jobs::submit(signed(who), Box::new(spec)).map_err(|error| error.error)?;
    Ok(job)
}

/// A job of the requester's whose workers have all revealed the same output.
pub fn revealed(asset: AssetId) -> JobId {
    revealed_by(&REQUESTER, job_for(asset))
}

/// The same of another account.
pub fn revealed_by(who: &AccountId, spec: JobSpec<BlockNumber>) -> JobId {
    let job = submit(who, spec).expect("nothing stands against it");
    next_block();
    answer(job, OUTPUT);
    assert!(matches!(status(job), JobStatus::Revealed { .. }), "{:?}", status(job));
    job
}

/// A job of the requester's that has been paid.
pub fn settled(asset: AssetId) -> JobId {
    let job = revealed(asset);
    settle(job);
    job
}

/// What a run produced.
pub const OUTPUT: Output = Output { hash: ContentHash::repeat_byte(9), tokens: 0 };

/// The job's workers commit to an output and reveal it.
pub fn answer(job: JobId, output: Output) {
    answer_each(job, |_| output);
}

/// The job's workers commit to outputs that differ, and reveal them.
pub fn disagree(job: JobId) {
    answer_each(job, |index| Output { hash: ContentHash::repeat_byte(index as u8), ..OUTPUT });
}

fn answer_each(job: JobId, output: impl Fn(usize) -> Output) {
    let workers = workers_of(job);
    for (index, worker) in workers.iter().enumerate() {
        assert_ok!(commit(worker, job, output(index)));
    }
    decide(job, output(0));
    for (index, worker) in workers_of(job).iter().enumerate() {
        let output = if index < workers.len() { output(index) } else { output(0) };
        assert_ok!(reveal(worker, job, output));
    }
}

/// Lets chance decide about an audit of a job whose workers have committed. An auditor commits to
/// this.
pub fn decide(job: JobId, output: Output) {
    while matches!(status(job), JobStatus::Committed { .. }) {
        next_block();
    }
    if matches!(status(job), JobStatus::Auditing { .. }) {
        let auditor = workers_of(job).pop().expect("it is the last");
        assert_ok!(commit(&auditor, job, output));
    }
}

/// Audits have found much right of a worker.
pub fn trust(worker: &AccountId) {
    pallet_workers::Workers::<Runtime>::mutate_extant(worker, |worker| {
        worker.reputation.record.proven = PROVEN;
    });
}

/// Audits have found much right of a version.
pub fn trust_version(version: ModelVersionId) {
    let record = Record { proven: PROVEN, halved_at: now() };
    pallet_jobs::VersionRecords::<Runtime>::insert(version, record);
}

/// What audits have found right, unless a test is about those of whom they have not.
const PROVEN: Balance = 1_000_000 * UNIT;

pub fn workers_of(job: JobId) -> Vec<AccountId> {
    status(job).replicas().iter().map(|replica| replica.worker.clone()).collect()
}

pub fn commit(worker: &AccountId, job: JobId, output: Output) -> DispatchResult {
    let commitment = commitment(&output, &salt(worker), worker, job);
    Jobs::commit(signed(worker), job, commitment).map(|_| ()).map_err(|error| error.error)
}

pub fn reveal(worker: &AccountId, job: JobId, output: Output) -> DispatchResult {
    Jobs::reveal(signed(worker), job, output, salt(worker)).map(|_| ()).map_err(|error| error.error)
}

fn salt(worker: &AccountId) -> [u8; 32] {
    BlakeTwo256::hash_of(worker).0
}

/// Lets blocks pass until the job is paid.
pub fn settle(job: JobId) {
    for _ in 0..20 {
        if matches!(status(job), JobStatus::Settled { .. }) {
            return;
        }
        next_block();
    }
    panic!("job {job} is not settled: {:?}", status(job));
}

pub fn status(job: JobId) -> JobStatus<AccountId, BlockNumber> {
    pallet_jobs::Jobs::<Runtime>::get(job).expect("it is not pruned").status
}

/// Who was paid what of the owner's fee of a settled job.
pub fn royalties(job: JobId) -> Vec<Royalty> {
    match status(job) {
        JobStatus::Settled { royalties, .. } => royalties.into_inner(),
        other => panic!("job {job} is not settled: {other:?}"),
    }
}

pub fn now() -> BlockNumber {
    System::block_number()
}

/// What jobs do at the end of this block and at the beginning of the next one.
pub fn next_block() {
    Jobs::on_idle(now(), ServiceWeight::get());
    System::set_block_number(now() + 1);
    Jobs::on_initialize(now());
    Disputes::on_initialize(now());
    Channels::on_initialize(now());
}

pub fn run_to(block: BlockNumber) {
    while now() < block {
        next_block();
    }
}

// Money.

/// Everything an account has, held or free.
pub fn wealth(who: &AccountId) -> Balance {
    Balances::total_balance(who)
}

/// What an account has in deposits with the registries and for grants.
pub fn deposits(who: &AccountId) -> Balance {
    use pallet_datasets::HoldReason;
    let held = |reason: RuntimeHoldReason| Balances::balance_on_hold(&reason, who);
    held(pallet_models::HoldReason::Deposit.into())
        + held(HoldReason::Deposit.into())
        + held(HoldReason::Statement.into())
        + held(pallet_provenance::HoldReason::Grant.into())
}

/// What the keeper has on hold.
pub fn kept() -> Balance {
    Balances::balance_on_hold(&pallet_provenance::HoldReason::Unpaid.into(), &keeper())
}

/// The least that an account can have.
pub const LEAST: Balance = MILLI;

/// Runs `test` while an account does not exist, as if it had been closed, and puts it back: what it
/// has been paid meanwhile is added.
///
/// Owners have deposits on hold, which keep their accounts alive; nothing but this stands for a
/// payee that cannot be credited.
pub fn without_account<R>(who: &AccountId, test: impl FnOnce() -> R) -> R {
    let account = frame_system::Account::<Runtime>::take(who);
    let holds = pallet_balances::Holds::<Runtime>::take(who);
    let result = test();
    frame_system::Account::<Runtime>::mutate(who, |current| {
        let paid = current.data.free;
        *current = account;
        current.data.free += paid;
    });
    if !holds.is_empty() {
        pallet_balances::Holds::<Runtime>::insert(who, holds);
    }
    result
}
