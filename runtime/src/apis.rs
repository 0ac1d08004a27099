//! The runtime APIs: what a node needs to run the chain, and what a client asks of it.

use crate::{
    constants::time::{BABE_GENESIS_EPOCH_CONFIG, EPOCH_SLOTS, SLOT_MS},
    genesis_presets, AccountId, AuthorityDiscovery, Babe, Balance, Block, Channels, Datasets,
    Disputes, Executive, Grandpa, Historical, InherentDataExt, Jobs, Models, Nonce, Provenance,
    Runtime, RuntimeCall, RuntimeGenesisConfig, SessionKeys, System, TransactionPayment, Workers,
    VERSION,
};
use alloc::vec::Vec;
use codec::Encode;
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::{Get, KeyOwnerProofSystem},
    weights::Weight,
};
use pallet_grandpa::AuthorityId as GrandpaId;
use pallet_transaction_payment::{FeeDetails, RuntimeDispatchInfo};
use sp_api::impl_runtime_apis;
use sp_authority_discovery::AuthorityId as DiscoveryId;
use sp_consensus_babe::AuthorityId as BabeId;
use sp_core::{crypto::KeyTypeId, OpaqueMetadata};
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult, ExtrinsicInclusionMode,
};
use sp_version::RuntimeVersion;
use vigil_primitives::{
    audit::{Record, LEAST_CHANCE},
    channel::{
        ChannelId, ChannelOffer, ChannelParameters, ChannelSide, ChannelTerms, ChannelView,
        ShownReceipt,
    },
    dataset::StatementKind,
    dataset::{DatasetVersionView, DatasetView, StatementView},
    dispute::{Claim, ClaimId, DisputeId, DisputeView},
    grant::{GrantView, Permission},
    job::{Contribution, Job, JobId},
    job::{NoQuote, Parameters, Quote, QuoteRequest},
    lineage::LineageView,
    lineage::Share,
    model::{ModelView, VersionView},
    worker::WorkerView,
    AssetId, DatasetId, DatasetVersionId, ModelId, ModelVersionId,
};

impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block)
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl frame_support::view_functions::runtime_api::RuntimeViewFunction<Block> for Runtime {
        fn execute_view_function(
            id: frame_support::view_functions::ViewFunctionId,
            input: Vec<u8>,
        ) -> Result<Vec<u8>, frame_support::view_functions::ViewFunctionDispatchError> {
            Runtime::execute_view_function(id, input)
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            data.create_extrinsics()
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: InherentData,
        ) -> CheckInherentsResult {
            data.check_extrinsics(&block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_babe::BabeApi<Block> for Runtime {
        fn configuration() -> sp_consensus_babe::BabeConfiguration {
            let epoch_config = Babe::epoch_config().unwrap_or(BABE_GENESIS_EPOCH_CONFIG);
            sp_consensus_babe::BabeConfiguration {
                slot_duration: Babe::slot_duration(),
                epoch_length: EPOCH_SLOTS,
                c: epoch_config.c,
                authorities: Babe::authorities().to_vec(),
                randomness: Babe::randomness(),
                allowed_slots: epoch_config.allowed_slots,
            }
        }

        fn current_epoch_start() -> sp_consensus_babe::Slot {
            Babe::current_epoch_start()
        }

        fn current_epoch() -> sp_consensus_babe::Epoch {
            Babe::current_epoch()
        }

        fn next_epoch() -> sp_consensus_babe::Epoch {
            Babe::next_epoch()
        }

        fn generate_key_ownership_proof(
            _slot: sp_consensus_babe::Slot,
            authority_id: BabeId,
        ) -> Option<sp_consensus_babe::OpaqueKeyOwnershipProof> {
            Historical::prove((sp_consensus_babe::KEY_TYPE, authority_id))
                .map(|proof| sp_consensus_babe::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_babe::EquivocationProof<<Block as BlockT>::Header>,
            key_owner_proof: sp_consensus_babe::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Babe::submit_unsigned_equivocation_report(
                equivocation_proof,
                key_owner_proof.decode()?,
            )
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            Grandpa::current_set_id()
        }

        fn generate_key_ownership_proof(
            _set_id: sp_consensus_grandpa::SetId,
            authority_id: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            Historical::prove((sp_consensus_grandpa::KEY_TYPE, authority_id))
                .map(|proof| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_grandpa::EquivocationProof<
                <Block as BlockT>::Hash,
                NumberFor<Block>,
            >,
            key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(
                equivocation_proof,
                key_owner_proof.decode()?,
            )
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(
            owner: Vec<u8>,
            seed: Option<Vec<u8>>,
        ) -> sp_session::OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl sp_authority_discovery::AuthorityDiscoveryApi<Block> for Runtime {
        fn authorities() -> Vec<DiscoveryId> {
            AuthorityDiscovery::authorities()
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentApi<Block, Balance>
        for Runtime
    {
        fn query_info(
            extrinsic: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_info(extrinsic, len)
        }

        fn query_fee_details(
            extrinsic: <Block as BlockT>::Extrinsic,
            len: u32,
        ) -> FeeDetails<Balance> {
            TransactionPayment::query_fee_details(extrinsic, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl pallet_transaction_payment_rpc_runtime_api::TransactionPaymentCallApi<
        Block,
        Balance,
        RuntimeCall,
    > for Runtime {
        fn query_call_info(call: RuntimeCall, len: u32) -> RuntimeDispatchInfo<Balance> {
            TransactionPayment::query_call_info(call, len)
        }

        fn query_call_fee_details(call: RuntimeCall, len: u32) -> FeeDetails<Balance> {
            TransactionPayment::query_call_fee_details(call, len)
        }

        fn query_weight_to_fee(weight: Weight) -> Balance {
            TransactionPayment::weight_to_fee(weight)
        }

        fn query_length_to_fee(length: u32) -> Balance {
            TransactionPayment::length_to_fee(length)
        }
    }

    impl vigil_primitives::api::ModelsApi<Block> for Runtime {
        fn model(id: ModelId) -> Option<ModelView> {
            Models::model_view(id)
        }

        fn models(from: ModelId, limit: u32) -> Vec<ModelView> {
            Models::model_views(from, limit)
        }

        fn version(id: ModelVersionId) -> Option<VersionView> {
            Models::version_view(id, Workers::serving_count(id))
        }
    }

    impl vigil_primitives::api::DatasetsApi<Block> for Runtime {
        fn dataset(id: DatasetId) -> Option<DatasetView> {
            Datasets::dataset_view(id)
        }

        fn datasets(from: DatasetId, limit: u32) -> Vec<DatasetView> {
            Datasets::dataset_views(from, limit)
        }

        fn dataset_version(id: DatasetVersionId) -> Option<DatasetVersionView> {
            Datasets::dataset_version_view(id)
        }

        fn statements(
            id: DatasetVersionId,
            after: Option<(AccountId, StatementKind)>,
            limit: u32,
        ) -> Vec<StatementView> {
            Datasets::statement_views(id, after, limit)
        }
    }

    impl vigil_primitives::api::ProvenanceApi<Block> for Runtime {
        fn lineage(asset: AssetId) -> Option<LineageView> {
            Provenance::lineage_view(asset)
        }

        fn descendants(asset: AssetId, after: Option<AssetId>, limit: u32) -> Vec<Share> {
            Provenance::descendants(asset, after, limit)
        }

        fn permission(account: AccountId, asset: AssetId) -> Option<Permission> {
            Provenance::permission(&account, asset)
        }

        fn grants_of(account: AccountId, after: Option<AssetId>, limit: u32) -> Vec<GrantView> {
            Provenance::grants_of(account, after, limit)
        }

        fn grants_for(asset: AssetId, after: Option<AccountId>, limit: u32) -> Vec<GrantView> {
            Provenance::grants_for(asset, after, limit)
        }

        fn asset_revenue(asset: AssetId, era: u32) -> Balance {
            Provenance::asset_revenue(asset, era)
        }

        fn account_revenue(
            account: AccountId,
            era: u32,
            after: Option<AssetId>,
            limit: u32,
        ) -> Vec<(AssetId, Balance)> {
            Provenance::account_revenue(account, era, after, limit)
        }

        fn unpaid(account: AccountId) -> Balance {
            Provenance::unpaid(&account)
        }
    }

    impl vigil_primitives::api::WorkersApi<Block> for Runtime {
        fn worker(account: AccountId) -> Option<WorkerView> {
            Workers::worker_view(account)
        }

        fn workers(after: Option<AccountId>, limit: u32) -> Vec<WorkerView> {
            Workers::worker_views(after, limit)
        }

        fn contribution(worker: AccountId, version: ModelVersionId) -> Contribution {
            Jobs::contribution(worker, version)
        }
    }

    impl vigil_primitives::api::DisputesApi<Block> for Runtime {
        fn dispute(id: DisputeId) -> Option<DisputeView> {
            Disputes::dispute(id)
        }

        fn disputes(from: DisputeId, limit: u32) -> Vec<(DisputeId, DisputeView)> {
            Disputes::disputes(from, limit)
        }

        fn disputes_of(
            account: AccountId,
            from: DisputeId,
            limit: u32,
        ) -> Vec<(DisputeId, DisputeView)> {
            Disputes::disputes_of(account, from, limit)
        }

        fn disputes_about(claim: ClaimId) -> Vec<DisputeId> {
            Disputes::about(claim)
        }

        fn claim(claim: ClaimId) -> Option<Claim> {
            Disputes::claim(claim)
        }

        fn challenge_bond(claim: ClaimId, position: u32) -> Option<Balance> {
            Disputes::bond(claim, position)
        }
    }

    impl vigil_primitives::api::ChannelsApi<Block> for Runtime {
        fn channel(id: ChannelId) -> Option<ChannelView> {
            Channels::channel(id)
        }

        fn channels_of(
            account: AccountId,
            side: ChannelSide,
            after: Option<ChannelId>,
            limit: u32,
        ) -> Vec<ChannelView> {
            Channels::channels_of(account, side, after, limit)
        }

        fn channel_receipts(id: ChannelId) -> Vec<ShownReceipt> {
            Channels::receipts(id)
        }

        fn channel_terms(worker: AccountId) -> Option<(ChannelTerms, u16)> {
            Channels::terms(worker)
        }

        fn channel_offers(version: ModelVersionId) -> Vec<ChannelOffer> {
            Channels::offers(version)
        }

        fn channel_parameters() -> ChannelParameters {
            Channels::parameters()
        }
    }

    impl vigil_primitives::api::JobsApi<Block> for Runtime {
        fn job(id: JobId) -> Option<Job> {
            Jobs::job(id)
        }

        fn jobs(from: JobId, limit: u32) -> Vec<Job> {
            Jobs::jobs(from, limit)
        }

        fn assignments(worker: AccountId) -> Vec<Job> {
            Jobs::assignments(worker)
        }

        fn quote(request: QuoteRequest) -> Result<Quote, NoQuote> {
            Jobs::quote(request)
        }

        fn version_record(version: ModelVersionId) -> Record<crate::BlockNumber> {
            Jobs::record_of(version)
        }

        fn era_total(era: u32) -> Contribution {
            Jobs::era_total(era)
        }

        fn parameters() -> Parameters {
            parameters()
        }
    }

    impl vigil_primitives::api::VigilApi<Block> for Runtime {
        fn domains() -> Vec<Vec<u8>> {
            [
                "ModelsApi",
                "DatasetsApi",
                "ProvenanceApi",
                "WorkersApi",
                "JobsApi",
                "DisputesApi",
                "ChannelsApi",
            ]
            .map(|name| name.as_bytes().to_vec())
            .into()
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis_presets::get_preset)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            genesis_presets::preset_names()
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (
            Vec<frame_benchmarking::BenchmarkList>,
            Vec<frame_support::traits::StorageInfo>,
        ) {
            crate::benchmarks::metadata(extra)
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            crate::benchmarks::dispatch(config)
        }
    }

    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(
            checks: frame_try_runtime::UpgradeCheckSelect,
        ) -> (Weight, Weight) {
            // Only ever called by a tool that tests an upgrade: a failure must stop it.
            #[allow(clippy::unwrap_used)]
            let weight = Executive::try_runtime_upgrade(checks).unwrap();
            (weight, crate::configs::RuntimeBlockWeights::get().max_block)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> Weight {
            // As above.
            #[allow(clippy::unwrap_used)]
            Executive::try_execute_block(block, state_root_check, signature_check, select).unwrap()
        }
    }
}

/// The constants a client needs, from where they are configured.
fn parameters() -> Parameters {
    Parameters {
        treasury: <Runtime as pallet_jobs::Config>::Treasury::get(),
        protocol_fee_ppm: <Runtime as pallet_jobs::Config>::ProtocolFee::get().deconstruct(),
        waiting_fee: <Runtime as pallet_jobs::Config>::WaitingFee::get(),
        min_bond: <Runtime as pallet_workers::Config>::MinBond::get(),
        commit_period: <Runtime as pallet_jobs::Config>::CommitPeriod::get(),
        reveal_period: <Runtime as pallet_jobs::Config>::RevealPeriod::get(),
        challenge_window: (
            <Runtime as pallet_jobs::Config>::MinChallengeWindow::get(),
            <Runtime as pallet_jobs::Config>::MaxChallengeWindow::get(),
        ),
        least_audit_chance_ppm: LEAST_CHANCE.deconstruct(),
        record_half_life: <Runtime as pallet_jobs::Config>::RecordHalfLife::get(),
        max_duration: <Runtime as pallet_jobs::Config>::MaxDuration::get(),
        era_length: <Runtime as pallet_jobs::Config>::EraLength::get(),
        block_time_ms: SLOT_MS,
    }
}
