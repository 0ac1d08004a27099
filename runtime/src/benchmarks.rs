//! The benchmarks of every pallet, for measuring weights in wasm.

use crate::Runtime;
use alloc::{boxed::Box, string::String, vec::Vec};
use frame_benchmarking::{
    baseline, baseline::Pallet as BaselineBench, BenchmarkBatch, BenchmarkConfig, BenchmarkList,
};
use frame_support::traits::fungible::Mutate;
use frame_support::traits::{Hooks as _, StorageInfo, StorageInfoTrait, WhitelistedStorageKeys};
use frame_system::RawOrigin;
use frame_system_benchmarking::{
    extensions::Pallet as SystemExtensionsBench, Pallet as SystemBench,
};
use sp_runtime::traits::TrailingZeroInput;
use sp_storage::TrackedStorageKey;
use vigil_primitives::{
    dataset::DatasetSpec,
    dispute::{Claim, ClaimId},
    grant::Grant,
    job::{commitment, Input, JobSpec, Policy, TOKEN_BYTES},
    lineage::{Share, Shares, MAX_PAYEES},
    model::{Artifact, Name, Url, VersionSpec},
    registry::{Entry, Published},
    samples,
    terms::{AcceptedTerms, Access, Terms},
    traits::{ModelRegistry, PackageLayout, Provenance as _},
    worker::{Capability, DeviceClass, MAX_CAPACITY},
    AccountId, Architecture, AssetId, Balance, ContentHash, DatasetVersionId, Decoder,
    ModelVersionId, Permill, UNIT,
};

use crate::*;

frame_benchmarking::define_benchmarks!(
    [frame_benchmarking, BaselineBench::<Runtime>]
    [frame_system, SystemBench::<Runtime>]
    [frame_system_extensions, SystemExtensionsBench::<Runtime>]
    [pallet_timestamp, Timestamp]
    [pallet_babe, Babe]
    [pallet_grandpa, Grandpa]
    [pallet_balances, Balances]
    [pallet_transaction_payment, TransactionPayment]
    [pallet_membership, Validators]
    [pallet_utility, Utility]
    [pallet_multisig, Multisig]
    [pallet_proxy, Proxy]
    [pallet_preimage, Preimage]
    [pallet_scheduler, Scheduler]
    [pallet_sudo, Sudo]
    [pallet_models, Models]
    [pallet_datasets, Datasets]
    [pallet_workers, Workers]
    [pallet_jobs, Jobs]
    [pallet_disputes, Disputes]
    [pallet_channels, Channels]
    [pallet_provenance, Provenance]
);

impl frame_system_benchmarking::Config for Runtime {}
impl baseline::Config for Runtime {}
impl pallet_transaction_payment::BenchmarkConfig for Runtime {}

/// What there is to measure.
pub(crate) fn metadata(extra: bool) -> (Vec<BenchmarkList>, Vec<StorageInfo>) {
    let mut list = Vec::<BenchmarkList>::new();
    list_benchmarks!(list, extra);
    (list, AllPalletsWithSystem::storage_info())
}

/// Runs one benchmark.
pub(crate) fn dispatch(config: BenchmarkConfig) -> Result<Vec<BenchmarkBatch>, String> {
    let whitelist: Vec<TrackedStorageKey> = AllPalletsWithSystem::whitelisted_storage_keys();
    let mut batches = Vec::<BenchmarkBatch>::new();
    let params = (&config, &whitelist);
    add_benchmarks!(params, batches);
    Ok(batches)
}

/// Sets the scenes of the pallets' benchmarks: by calls, where what they cost is not in the way.
pub struct Scenes;

/// More than the deposits and bonds of any benchmark.
const FUNDS: Balance = 1 << 80;

impl Scenes {
    fn fund(who: &AccountId) -> RuntimeOrigin {
        Balances::mint_into(who, FUNDS).expect("the benchmark's account can be funded");
        RawOrigin::Signed(who.clone()).into()
    }

    /// Stores a version of a new dataset.
    fn store_dataset(owner: &AccountId, spec: DatasetSpec) -> DatasetVersionId {
        let dataset = pallet_datasets::NextDatasetId::<Runtime>::get();
        pallet_datasets::NextDatasetId::<Runtime>::put(dataset.saturating_add(1));
        let entry = Entry::new(owner.clone(), Name::truncate_from(b"benchmark".to_vec()), 0);
        let (entry, version) = entry.publish(0).expect("it is the first version");
        pallet_datasets::Datasets::<Runtime>::insert(dataset, entry);
        let published = Published::new(spec, 0);
        pallet_datasets::DatasetVersions::<Runtime>::insert(dataset, version, published);
        DatasetVersionId { dataset, version }
    }

    /// A small language model with the longest description there is.
    fn publish(owner: &AccountId) -> ModelVersionId {
        let stop_tokens = core::array::from_fn(|token| Some(token as u32));
        let decoder = Decoder { positions: 2_048, stop_tokens, ..samples::decoder() };
        let architecture = Architecture::Decoder(decoder);
        let len = <Runtime as pallet_models::Config>::Layout::weights_len(&architecture);
        Self::publish_spec(owner, samples::version_spec(architecture, len))
    }

    /// A model with these weights.
    fn publish_weights(architecture: Architecture, weights: Artifact) -> ModelVersionId {
        let owner = frame_benchmarking::account("owner", 0, 0);
        let spec = samples::version_spec(architecture, weights.len);
        Self::publish_spec(&owner, VersionSpec { weights, ..spec })
    }

    fn publish_spec(owner: &AccountId, spec: VersionSpec) -> ModelVersionId {
        let origin = Self::fund(owner);
        let model = pallet_models::NextModelId::<Runtime>::get();
        let name = Name::truncate_from(b"benchmark".to_vec());
        Models::create(origin.clone(), name)
            .and_then(|()| Models::publish(origin, model, Box::new(spec), Shares::default()))
            .expect("the benchmark's model can be published");
        ModelVersionId { model, version: 0 }
    }
}

impl pallet_workers::benchmarking::BenchmarkHelper<AccountId> for Scenes {
    fn version(owner: &AccountId) -> ModelVersionId {
        Self::publish(owner)
    }
}

impl pallet_provenance::benchmarking::BenchmarkHelper<AccountId> for Scenes {
    fn dataset(owner: &AccountId, terms: Terms) -> DatasetVersionId {
        let spec = DatasetSpec { terms, ..samples::largest_dataset_spec(Access::Open) };
        Self::store_dataset(owner, spec)
    }
}

impl pallet_jobs::benchmarking::BenchmarkHelper<AccountId> for Scenes {
    fn version(owner: &AccountId) -> ModelVersionId {
        Self::publish(owner)
    }

    fn worker(worker: &AccountId, versions: &[ModelVersionId]) {
        let origin = Self::fund(worker);
        let url = Url::truncate_from(b"http://127.0.0.1:8080".to_vec());
        let capability =
            Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 100 };
        let ask = <Runtime as pallet_workers::Config>::MinAsk::get();
        let bond = FUNDS.saturating_div(2);
        Workers::register(origin.clone(), url, [0; 32], capability, ask, MAX_CAPACITY, bond)
            .expect("the benchmark's worker can be registered");
        for version in versions {
            Workers::serve(origin.clone(), *version).expect("the version is active");
        }
    }

    fn lineage(version: ModelVersionId, payees: u32) {
        let share = Permill::from_rational(1u32, MAX_PAYEES);
        let spec = samples::dataset_spec(samples::terms(Access::Open));
        let cited = (1..payees).map(|number| {
            let payee = codec::Decode::decode(&mut TrailingZeroInput::new(&codec::Encode::encode(
                &(b"payee", number),
            )));
            let payee: AccountId = payee.expect("zeros follow");
            Share { asset: Self::store_dataset(&payee, spec.clone()).into(), share }
        });
        let citations = Shares::truncate_from(cited.collect());
        let owner = <Models as ModelRegistry<_>>::owner(version.model).expect("it was published");
        Provenance::record(version.into(), &owner, &samples::terms(Access::Open), citations)
            .expect("everything that is cited is open");
    }

    fn grant(version: ModelVersionId, who: &AccountId) {
        let grant = Grant::new(0, System::block_number(), None, None, 0);
        let held = pallet_provenance::GrantRecord { grant, depositor: who.clone(), deposit: 0 };
        let asset = AssetId::from(version);
        pallet_provenance::GrantsOf::<Runtime>::insert(who, asset, held);
        pallet_provenance::GrantHolders::<Runtime>::insert(asset, who, ());
    }
}

impl pallet_channels::benchmarking::BenchmarkHelper<AccountId> for Scenes {
    fn version(owner: &AccountId) -> ModelVersionId {
        Self::publish(owner)
    }

    fn worker(worker: &AccountId, versions: &[ModelVersionId]) {
        <Self as pallet_jobs::benchmarking::BenchmarkHelper<_>>::worker(worker, versions);
    }

    fn lineage(version: ModelVersionId, payees: u32) {
        <Self as pallet_jobs::benchmarking::BenchmarkHelper<_>>::lineage(version, payees);
    }
}

impl pallet_disputes::benchmarking::BenchmarkHelper<AccountId> for Scenes {
    fn claim(claimant: AccountId, claim: Claim) -> ClaimId<AccountId> {
        const SALT: [u8; 32] = [7; 32];
        let weights = Artifact { hash: claim.weights, len: claim.weights_len };
        let version = Self::publish_weights(claim.architecture, weights);
        let licence = samples::terms(Access::Open).licence_hash();
        <Self as pallet_jobs::benchmarking::BenchmarkHelper<_>>::worker(&claimant, &[version]);
        let requester: AccountId = frame_benchmarking::account("requester", 0, 0);
        let job = pallet_jobs::NextJob::<Runtime>::get();
        let spec = JobSpec {
            version,
            terms: AcceptedTerms { licence, commercial: true },
            input: Input::Blob {
                hash: claim.input,
                len: claim.tokens_in.saturating_mul(TOKEN_BYTES),
            },
            max_tokens_out: claim.max_tokens_out,
            sampling: claim.sampling,
            policy: Policy { replicas: 1, challenge_window: 100, audited: false, region: None },
            max_price: 1_000 * UNIT,
            deadline: System::block_number().saturating_add(1_000),
        };
        Jobs::submit(Self::fund(&requester), Box::new(spec)).expect("the job is as it should be");
        Jobs::on_initialize(System::block_number().saturating_add(1));
        let origin = RuntimeOrigin::from(RawOrigin::Signed(claimant.clone()));
        let committed = commitment(&claim.output, &SALT, &claimant, job);
        Jobs::commit(origin.clone(), job, committed).expect("the only worker was drawn");
        // Chance has decided after 16 blocks at most; nobody else serves the version.
        System::set_block_number(System::block_number().saturating_add(17));
        Jobs::on_initialize(System::block_number());
        Jobs::reveal(origin, job, claim.output, SALT).expect("it is what was committed to");
        ClaimId::Job { job, worker: claimant }
    }

    fn version(architecture: Architecture, weights: ContentHash, len: u64) -> ModelVersionId {
        Self::publish_weights(architecture, Artifact { hash: weights, len })
    }
}
