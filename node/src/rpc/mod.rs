//! JSON-RPC beside what every Substrate node offers: account nonces, fees, consensus, and one trait
//! per domain of Vigil for frontends. Their methods are `models_*`, `datasets_*`, `provenance_*`,
//! `workers_*`, `jobs_*`, `disputes_*` and `channels_*`; their forms are the crate `vigil-rpc`'s.

mod answer;
mod channels;
mod datasets;
mod disputes;
mod jobs;
mod models;
mod provenance;
mod workers;

use crate::service::{FullBackend, FullClient, Pool, SelectChain};
use jsonrpsee::RpcModule;
use sc_consensus_babe::BabeWorkerHandle;
use sc_consensus_grandpa::{
    FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState,
};
use sc_rpc::SubscriptionTaskExecutor;
use sp_keystore::KeystorePtr;
use std::sync::Arc;
use vigil_primitives::{BlockNumber, Hash};
use vigil_runtime::opaque::Block;

/// What the methods answer from.
pub(crate) struct Dependencies {
    pub(crate) client: Arc<FullClient>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) select_chain: SelectChain,
    pub(crate) keystore: KeystorePtr,
    pub(crate) babe_worker: BabeWorkerHandle<Block>,
    pub(crate) voter_state: SharedVoterState,
    pub(crate) authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    pub(crate) justifications: GrandpaJustificationStream<Block>,
    pub(crate) finality_proofs: Arc<FinalityProofProvider<FullBackend, Block>>,
    pub(crate) executor: SubscriptionTaskExecutor,
}

/// All methods of the node that the service does not add itself.
pub(crate) fn create(
    dependencies: Dependencies,
) -> Result<RpcModule<()>, jsonrpsee::core::RegisterMethodError> {
    use channels::Channels;
    use datasets::Datasets;
    use disputes::Disputes;
    use jobs::Jobs;
    use models::Models;
    use pallet_transaction_payment_rpc::{TransactionPayment, TransactionPaymentApiServer};
    use provenance::Provenance;
    use sc_consensus_babe_rpc::{Babe, BabeApiServer};
    use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
    use substrate_frame_rpc_system::{System, SystemApiServer};
    use vigil_rpc::{
        channels::ChannelsApiServer, datasets::DatasetsApiServer, disputes::DisputesApiServer,
        jobs::JobsApiServer, models::ModelsApiServer, provenance::ProvenanceApiServer,
        workers::WorkersApiServer,
    };
    use workers::Workers;

    let Dependencies {
        client,
        pool,
        select_chain,
        keystore,
        babe_worker,
        voter_state,
        authority_set,
        justifications,
        finality_proofs,
        executor,
    } = dependencies;
    let mut module = RpcModule::new(());
    module.merge(System::new(Arc::clone(&client), pool).into_rpc())?;
    module.merge(TransactionPayment::new(Arc::clone(&client)).into_rpc())?;
    module.merge(Models(Arc::clone(&client)).into_rpc())?;
    module.merge(Datasets(Arc::clone(&client)).into_rpc())?;
    module.merge(Provenance(Arc::clone(&client)).into_rpc())?;
    module.merge(Workers(Arc::clone(&client)).into_rpc())?;
    module.merge(Jobs(Arc::clone(&client)).into_rpc())?;
    module.merge(Disputes(Arc::clone(&client)).into_rpc())?;
    module.merge(Channels(Arc::clone(&client)).into_rpc())?;
    module.merge(Babe::new(client, babe_worker, keystore, select_chain).into_rpc())?;
    module.merge(
        Grandpa::new(executor, authority_set, voter_state, justifications, finality_proofs)
            .into_rpc(),
    )?;
    Ok(module)
}
