//! `disputes_*`: what is claimed and challenged.

use super::answer::unavailable;
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{
    api::DisputesApi as _, dispute::ClaimId, AccountId, ChannelId, DisputeId, Hash, JobId,
};
use vigil_rpc::disputes::{Dispute, DisputesApiServer};

/// Answers from the runtime.
pub(crate) struct Disputes(pub(crate) Arc<FullClient>);

impl DisputesApiServer for Disputes {
    fn dispute(&self, id: DisputeId, at: Option<Hash>) -> RpcResult<Option<Dispute>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let dispute = self.0.runtime_api().dispute(at, id).map_err(unavailable)?;
        Ok(dispute.map(|dispute| (id, dispute).into()))
    }

    fn disputes(&self, from: DisputeId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Dispute>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let disputes = self.0.runtime_api().disputes(at, from, limit).map_err(unavailable)?;
        Ok(disputes.into_iter().map(Into::into).collect())
    }

    fn of(
        &self,
        account: AccountId,
        from: DisputeId,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Dispute>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let disputes = self.0.runtime_api().disputes_of(at, account, from, limit);
        let disputes = disputes.map_err(unavailable)?;
        Ok(disputes.into_iter().map(Into::into).collect())
    }

    fn about(&self, job: JobId, worker: AccountId, at: Option<Hash>) -> RpcResult<Vec<DisputeId>> {
        self.about_claim(ClaimId::Job { job, worker }, at)
    }

    fn bond(
        &self,
        job: JobId,
        worker: AccountId,
        position: u32,
        at: Option<Hash>,
    ) -> RpcResult<Option<String>> {
        self.bond_of(ClaimId::Job { job, worker }, position, at)
    }

    fn about_receipt(
        &self,
        worker: AccountId,
        channel: ChannelId,
        receipt: Hash,
        at: Option<Hash>,
    ) -> RpcResult<Vec<DisputeId>> {
        self.about_claim(ClaimId::Receipt { worker, channel, receipt }, at)
    }

    fn receipt_bond(
        &self,
        worker: AccountId,
        channel: ChannelId,
        receipt: Hash,
        position: u32,
        at: Option<Hash>,
    ) -> RpcResult<Option<String>> {
        self.bond_of(ClaimId::Receipt { worker, channel, receipt }, position, at)
    }
}

impl Disputes {
    fn about_claim(&self, claim: ClaimId, at: Option<Hash>) -> RpcResult<Vec<DisputeId>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        self.0.runtime_api().disputes_about(at, claim).map_err(unavailable)
    }

    fn bond_of(
        &self,
        claim: ClaimId,
        position: u32,
        at: Option<Hash>,
    ) -> RpcResult<Option<String>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let bond = self.0.runtime_api().challenge_bond(at, claim, position).map_err(unavailable)?;
        Ok(bond.map(|bond| bond.to_string()))
    }
}
