//! `provenance_*`: what assets descend from, who may use them, and what they earn.

use super::answer::{parse, parse_after, unavailable};
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{api::ProvenanceApi as _, AccountId, Hash};
use vigil_rpc::provenance::{
    Descendant, HeldGrant, Lineage, Permission, ProvenanceApiServer, Revenue,
};

/// Answers from the runtime.
pub(crate) struct Provenance(pub(crate) Arc<FullClient>);

impl ProvenanceApiServer for Provenance {
    fn lineage(&self, asset: String, at: Option<Hash>) -> RpcResult<Option<Lineage>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let lineage = self.0.runtime_api().lineage(at, parse(&asset)?).map_err(unavailable)?;
        Ok(lineage.map(Into::into))
    }

    fn descendants(
        &self,
        asset: String,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Descendant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let (asset, after) = (parse(&asset)?, parse_after(after)?);
        let descendants =
            self.0.runtime_api().descendants(at, asset, after, limit).map_err(unavailable)?;
        Ok(descendants.into_iter().map(Into::into).collect())
    }

    fn permission(
        &self,
        account: AccountId,
        asset: String,
        at: Option<Hash>,
    ) -> RpcResult<Option<Permission>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let permission =
            self.0.runtime_api().permission(at, account, asset).map_err(unavailable)?;
        Ok(permission.map(Into::into))
    }

    fn grants_of(
        &self,
        account: AccountId,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let after = parse_after(after)?;
        let grants =
            self.0.runtime_api().grants_of(at, account, after, limit).map_err(unavailable)?;
        Ok(grants.into_iter().map(Into::into).collect())
    }

    fn grants_for(
        &self,
        asset: String,
        after: Option<AccountId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<HeldGrant>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let grants =
            self.0.runtime_api().grants_for(at, asset, after, limit).map_err(unavailable)?;
        Ok(grants.into_iter().map(Into::into).collect())
    }

    fn asset_revenue(&self, asset: String, era: u32, at: Option<Hash>) -> RpcResult<String> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let asset = parse(&asset)?;
        let revenue = self.0.runtime_api().asset_revenue(at, asset, era).map_err(unavailable)?;
        Ok(revenue.to_string())
    }

    fn account_revenue(
        &self,
        account: AccountId,
        era: u32,
        after: Option<String>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Revenue>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let after = parse_after(after)?;
        let revenue = self
            .0
            .runtime_api()
            .account_revenue(at, account, era, after, limit)
            .map_err(unavailable)?;
        Ok(revenue.into_iter().map(Into::into).collect())
    }

    fn unpaid(&self, account: AccountId, at: Option<Hash>) -> RpcResult<String> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let amount = self.0.runtime_api().unpaid(at, account).map_err(unavailable)?;
        Ok(amount.to_string())
    }
}
