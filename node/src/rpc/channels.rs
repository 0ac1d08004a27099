//! `channels_*`: what workers offer, what is open, and what can be disputed of it.

use super::answer::{parse, unavailable};
use crate::service::FullClient;
use jsonrpsee::core::RpcResult;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{api::ChannelsApi as _, channel::ChannelSide, AccountId, ChannelId, Hash};
use vigil_rpc::channels::{
    Channel, ChannelParameters, ChannelsApiServer, Offer, ShownReceipt, Terms,
};

/// Answers from the runtime.
pub(crate) struct Channels(pub(crate) Arc<FullClient>);

impl Channels {
    fn page(
        &self,
        account: AccountId,
        side: ChannelSide,
        after: Option<ChannelId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Channel>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let channels = self.0.runtime_api().channels_of(at, account, side, after, limit);
        Ok(channels.map_err(unavailable)?.into_iter().map(Into::into).collect())
    }
}

impl ChannelsApiServer for Channels {
    fn channel(&self, id: ChannelId, at: Option<Hash>) -> RpcResult<Option<Channel>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let channel = self.0.runtime_api().channel(at, id).map_err(unavailable)?;
        Ok(channel.map(Into::into))
    }

    fn of(
        &self,
        requester: AccountId,
        after: Option<ChannelId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Channel>> {
        self.page(requester, ChannelSide::Requester, after, limit, at)
    }

    fn of_worker(
        &self,
        worker: AccountId,
        after: Option<ChannelId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Channel>> {
        self.page(worker, ChannelSide::Worker, after, limit, at)
    }

    fn receipts(&self, id: ChannelId, at: Option<Hash>) -> RpcResult<Vec<ShownReceipt>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let receipts = self.0.runtime_api().channel_receipts(at, id).map_err(unavailable)?;
        Ok(receipts.into_iter().map(Into::into).collect())
    }

    fn terms(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Option<Terms>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let terms = self.0.runtime_api().channel_terms(at, worker).map_err(unavailable)?;
        Ok(terms.map(Into::into))
    }

    fn offers(&self, version: String, at: Option<Hash>) -> RpcResult<Vec<Offer>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = parse(&version)?;
        let offers = self.0.runtime_api().channel_offers(at, version).map_err(unavailable)?;
        Ok(offers.into_iter().map(Into::into).collect())
    }

    fn parameters(&self, at: Option<Hash>) -> RpcResult<ChannelParameters> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let parameters = self.0.runtime_api().channel_parameters(at).map_err(unavailable)?;
        Ok(parameters.into())
    }
}
