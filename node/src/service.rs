//! The parts of a running node, and how they are joined: database, network, transaction pool, BABE
//! for making blocks, GRANDPA for finality, and JSON-RPC.

use crate::rpc;
use futures::{FutureExt, StreamExt};
use sc_client_api::{Backend, BlockBackend};
use sc_consensus_babe::{BabeLink, BabeWorkerHandle, SlotProportion};
use sc_consensus_grandpa::{GrandpaBlockImport, LinkHalf, SharedVoterState};
use sc_network::{event::Event, NetworkBackend, NetworkEventStream};
use sc_network_sync::strategy::warp::WarpSyncConfig;
use sc_service::{Configuration, Error, PartialComponents, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::inherents::{BabeCreateInherentDataProviders, InherentDataProvider};
use sp_runtime::traits::Block as BlockT;
use std::{sync::Arc, time::Duration};
use vigil_runtime::{opaque::Block, RuntimeApi};

/// Executes the runtime's wasm with the host functions of a Substrate chain.
type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;
/// Access to the chain's blocks, state and runtime APIs.
pub(crate) type FullClient = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// The database.
pub(crate) type FullBackend = sc_service::TFullBackend<Block>;
/// Which of several heads is built upon.
pub(crate) type SelectChain = sc_consensus::LongestChain<FullBackend, Block>;
/// Transactions that wait for a block.
pub(crate) type Pool = TransactionPoolHandle<Block, FullClient>;

type Grandpa = GrandpaBlockImport<FullBackend, Block, FullClient, SelectChain>;
type Babe = sc_consensus_babe::BabeBlockImport<
    Block,
    FullClient,
    Grandpa,
    BabeCreateInherentDataProviders<Block>,
    SelectChain,
>;

/// What consensus leaves for the start of the node.
pub(crate) struct Consensus {
    babe: Babe,
    babe_link: BabeLink<Block>,
    babe_worker: BabeWorkerHandle<Block>,
    grandpa_link: LinkHalf<Block, FullClient, SelectChain>,
    telemetry: Option<Telemetry>,
}

type Partial = PartialComponents<
    FullClient,
    FullBackend,
    SelectChain,
    sc_consensus::DefaultImportQueue<Block>,
    Pool,
    Consensus,
>;

/// Blocks between two justifications that are stored and offered to light and warp-syncing nodes.
const JUSTIFICATION_PERIOD: u32 = 512;

/// How long a vote is expected to take to reach everybody. A round of votes waits for four of these,
/// so a block is final within its slot when all goes well.
const GOSSIP_DURATION: Duration = Duration::from_millis(250);

/// Opens the database and prepares consensus: all that the maintenance subcommands need.
pub(crate) fn new_partial(config: &Configuration) -> Result<Partial, Error> {
    let telemetry = config
        .telemetry_endpoints
        .clone()
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| -> Result<_, sc_telemetry::Error> {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok((worker, telemetry))
        })
        .transpose()?;

    let executor = sc_service::new_wasm_executor(&config.executor);
    let (client, backend, keystore_container, task_manager) =
        sc_service::new_full_parts::<Block, RuntimeApi, _>(
            config,
            telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
            executor,
            Vec::new(),
        )?;
    let client = Arc::new(client);
    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });

    let select_chain = sc_consensus::LongestChain::new(Arc::clone(&backend));
    let transaction_pool = Arc::from(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            Arc::clone(&client),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (grandpa, grandpa_link) = sc_consensus_grandpa::block_import(
        Arc::clone(&client),
        JUSTIFICATION_PERIOD,
        &Arc::clone(&client),
        select_chain.clone(),
        telemetry.as_ref().map(Telemetry::handle),
    )?;

    let babe_config = sc_consensus_babe::configuration(&*client)?;
    let slot_duration = babe_config.slot_duration();
    let (babe, babe_link) = sc_consensus_babe::block_import(
        babe_config,
        grandpa.clone(),
        Arc::clone(&client),
        Arc::new(move |_, _| async move {
            let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
            let slot =
                InherentDataProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
            Ok((slot, timestamp))
        }) as BabeCreateInherentDataProviders<Block>,
        select_chain.clone(),
        OffchainTransactionPoolFactory::new(Arc::clone(&transaction_pool)),
    )?;
    let (import_queue, babe_worker) =
        sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
            link: babe_link.clone(),
            block_import: babe.clone(),
            justification_import: Some(Box::new(grandpa)),
            client: Arc::clone(&client),
            slot_duration,
            spawner: &task_manager.spawn_essential_handle(),
            registry: config.prometheus_registry(),
            telemetry: telemetry.as_ref().map(Telemetry::handle),
        })?;

    Ok(PartialComponents {
        client,
        backend,
        task_manager,
        keystore_container,
        select_chain,
        import_queue,
        transaction_pool,
        other: Consensus { babe, babe_link, babe_worker, grandpa_link, telemetry },
    })
}

/// Starts a node.
pub(crate) fn new_full<N: NetworkBackend<Block, <Block as BlockT>::Hash>>(
    config: Configuration,
) -> Result<TaskManager, Error> {
    let PartialComponents {
        client,
        backend,
        mut task_manager,
        keystore_container,
        select_chain,
        import_queue,
        transaction_pool,
        other: Consensus { babe, babe_link, babe_worker, grandpa_link, mut telemetry },
    } = new_partial(&config)?;

    let role = config.role;
    let name = config.network.node_name.clone();
    let force_authoring = config.force_authoring;
    let enable_grandpa = !config.disable_grandpa;
    let enable_offchain_worker = config.offchain_worker.enabled;
    let public_addresses = config.network.public_addresses.clone();
    let publish_non_global_ips = config.network.allow_non_globals_in_dht;
    let persisted_cache_directory = config.network.net_config_path.clone();
    let prometheus_registry = config.prometheus_registry().cloned();

    let metrics = N::register_notification_metrics(prometheus_registry.as_ref());
    let mut net_config = sc_network::config::FullNetworkConfiguration::<_, _, N>::new(
        &config.network,
        prometheus_registry.clone(),
    );
    let genesis_hash = client.block_hash(0)?.ok_or("the database has no first block")?;
    let grandpa_protocol =
        sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
    let (grandpa_protocol_config, grandpa_notifications) =
        sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
            grandpa_protocol.clone(),
            metrics.clone(),
            net_config.peer_store_handle(),
        );
    net_config.add_notification_protocol(grandpa_protocol_config);
    let warp_sync = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
        Arc::clone(&backend),
        grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));

    let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
        sc_service::build_network(sc_service::BuildNetworkParams {
            config: &config,
            net_config,
            client: Arc::clone(&client),
            transaction_pool: Arc::clone(&transaction_pool),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    if enable_offchain_worker {
        let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
            runtime_api_provider: Arc::clone(&client),
            keystore: Some(keystore_container.keystore()),
            offchain_db: backend.offchain_storage(),
            transaction_pool: Some(OffchainTransactionPoolFactory::new(Arc::clone(
                &transaction_pool,
            ))),
            network_provider: Arc::new(Arc::clone(&network)),
            is_validator: role.is_authority(),
            enable_http_requests: false,
            custom_extensions: |_| Vec::new(),
        })?;
        task_manager.spawn_handle().spawn(
            "offchain-workers-runner",
            "offchain-worker",
            workers.run(Arc::clone(&client), task_manager.spawn_handle()).boxed(),
        );
    }

    let shared_voter_state = SharedVoterState::empty();
    let rpc_builder = {
        let justifications = grandpa_link.justification_stream();
        let authority_set = grandpa_link.shared_authority_set().clone();
        let finality_proofs = sc_consensus_grandpa::FinalityProofProvider::new_for_service(
            Arc::clone(&backend),
            Some(authority_set.clone()),
        );
        let client = Arc::clone(&client);
        let pool = Arc::clone(&transaction_pool);
        let keystore = keystore_container.keystore();
        let select_chain = select_chain.clone();
        let voter_state = shared_voter_state.clone();
        Box::new(move |executor| {
            rpc::create(rpc::Dependencies {
                client: Arc::clone(&client),
                pool: Arc::clone(&pool),
                select_chain: select_chain.clone(),
                keystore: keystore.clone(),
                babe_worker: babe_worker.clone(),
                voter_state: voter_state.clone(),
                authority_set: authority_set.clone(),
                justifications: justifications.clone(),
                finality_proofs: Arc::clone(&finality_proofs),
                executor,
            })
            .map_err(|error| Error::Application(error.into()))
        })
    };
    sc_service::spawn_tasks(sc_service::SpawnTasksParams {
        config,
        client: Arc::clone(&client),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore_container.keystore(),
        transaction_pool: Arc::clone(&transaction_pool),
        rpc_builder,
        network: Arc::clone(&network),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: Arc::clone(&sync_service),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    if role.is_authority() {
        let proposer = sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            Arc::clone(&client),
            Arc::clone(&transaction_pool),
            prometheus_registry.as_ref(),
            telemetry.as_ref().map(Telemetry::handle),
        );
        let slot_duration = babe_link.config().slot_duration();
        let authoring = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
            keystore: keystore_container.keystore(),
            client: Arc::clone(&client),
            select_chain,
            env: proposer,
            block_import: babe,
            sync_oracle: Arc::clone(&sync_service),
            justification_sync_link: Arc::clone(&sync_service),
            create_inherent_data_providers: move |_, ()| async move {
                let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
                let slot = InherentDataProvider::from_timestamp_and_slot_duration(
                    *timestamp,
                    slot_duration,
                );
                Ok((slot, timestamp))
            },
            force_authoring,
            backoff_authoring_blocks: Some(
                sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging::default(),
            ),
            babe_link,
            block_proposal_slot_portion: SlotProportion::new(0.5),
            max_block_proposal_slot_portion: None,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
        })?;
        task_manager.spawn_essential_handle().spawn_blocking(
            "babe-proposer",
            Some("block-authoring"),
            authoring,
        );

        let events = network.event_stream("authority-discovery").filter_map(|event| async move {
            match event {
                Event::Dht(event) => Some(event),
                _ => None,
            }
        });
        let (discovery, _service) = sc_authority_discovery::new_worker_and_service_with_config(
            sc_authority_discovery::WorkerConfig {
                publish_non_global_ips,
                public_addresses,
                strict_record_validation: true,
                persisted_cache_directory,
                ..Default::default()
            },
            Arc::clone(&client),
            Arc::new(Arc::clone(&network)),
            Box::pin(events),
            sc_authority_discovery::Role::PublishAndDiscover(keystore_container.keystore()),
            prometheus_registry.clone(),
            task_manager.spawn_handle(),
        );
        task_manager.spawn_handle().spawn(
            "authority-discovery-worker",
            Some("networking"),
            discovery.run(),
        );
    }

    if enable_grandpa {
        // Every node runs the full voter: without keys it only follows, which keeps the data that
        // the votes of others need available.
        let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
            config: sc_consensus_grandpa::Config {
                gossip_duration: GOSSIP_DURATION,
                justification_generation_period: JUSTIFICATION_PERIOD,
                name: Some(name),
                observer_enabled: false,
                keystore: role.is_authority().then(|| keystore_container.keystore()),
                local_role: role,
                telemetry: telemetry.as_ref().map(Telemetry::handle),
                protocol_name: grandpa_protocol,
            },
            link: grandpa_link,
            network,
            sync: sync_service,
            notification_service: grandpa_notifications,
            voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
            prometheus_registry,
            shared_voter_state,
            telemetry: telemetry.as_ref().map(Telemetry::handle),
            offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(transaction_pool),
        })?;
        task_manager.spawn_essential_handle().spawn_blocking("grandpa-voter", None, voter);
    }

    Ok(task_manager)
}
