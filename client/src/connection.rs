//! The connection to a node: made once, kept through restarts of the node.

use crate::{
    api::Api,
    blocks::{Block, Blocks},
    error::{Error, Result},
    nonces::Nonces,
    view::View,
};
use sp_runtime::{generic, traits::BlakeTwo256};
use std::{future::Future, sync::Arc, time::Duration};
use subxt::{
    backend::LegacyBackend,
    rpcs::{
        client::{
            reconnecting_rpc_client::{ExponentialBackoff, FixedInterval, RpcClient as Transport},
            RpcSubscription,
        },
        methods::legacy::{LegacyRpcMethods, NumberOrHex, RuntimeVersion},
        RpcClient, RpcConfig,
    },
    OnlineClient, OnlineClientAtBlock, SubstrateConfig,
};
use vigil_primitives::{AccountId, BlockNumber, Hash};

/// Name of the chain's runtime.
pub(crate) const SPEC_NAME: &str = "vigil";

pub(crate) type Header = generic::Header<BlockNumber, BlakeTwo256>;
pub(crate) type Headers = RpcSubscription<Header>;
pub(crate) type AtBlock = OnlineClientAtBlock<SubstrateConfig>;
pub(crate) type RpcError = subxt::rpcs::Error;

/// The chain's own types in RPC calls.
pub(crate) struct Rpc;

impl RpcConfig for Rpc {
    type Header = Header;
    type Hash = Hash;
    type AccountId = AccountId;
}

/// How a [`Client`] behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long the node may take to answer, a reconnection included.
    pub request_timeout: Duration,
    /// How long a transaction may take to get into a block.
    pub inclusion_timeout: Duration,
    /// How long finality may take after that.
    pub finality_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            inclusion_timeout: Duration::from_secs(300),
            finality_timeout: Duration::from_secs(300),
        }
    }
}

/// A connection to a Vigil node. Cheap to clone; clones share the connection and the nonces.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    url: String,
    pub(crate) methods: LegacyRpcMethods<Rpc>,
    online: OnlineClient<SubstrateConfig>,
    pub(crate) options: Options,
    pub(crate) nonces: Nonces,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

impl Client {
    /// Connects to the node at `url` (`ws://` or `wss://`) and checks that it runs Vigil.
    ///
    /// Fails at once when nobody answers; once connected, the connection is kept through any
    /// restart of the node.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, Options::default()).await
    }

    /// As [`Self::connect`].
    pub async fn connect_with(url: &str, options: Options) -> Result<Self> {
        if !(url.starts_with("ws://") || url.starts_with("wss://")) {
            return Err(Error::BadUrl {
                url: url.into(),
                reason: "it does not start with ws:// or wss://".into(),
            });
        }
        let unreachable =
            |reason: String| Error::Unreachable { url: url.into(), reason: plain(&reason) };
        // The reconnecting transport would try for ever. One attempt without retries comes first,
        // so that a wrong address is an error at once.
        let attempt = Transport::builder()
            .connection_timeout(Duration::from_secs(10))
            .retry_policy(FixedInterval::from_millis(100).take(0))
            .build(url);
        drop(attempt.await.map_err(|error| unreachable(error.to_string()))?);
        let transport = Transport::builder()
            .request_timeout(options.request_timeout)
            .retry_policy(ExponentialBackoff::from_millis(50).max_delay(Duration::from_secs(3)))
            .build(url)
            .await
            .map_err(|error| unreachable(error.to_string()))?;

        let rpc = RpcClient::new(transport);
        let methods = LegacyRpcMethods::<Rpc>::new(rpc.clone());
        check_chain(url, &methods, &options).await?;
        let backend = Arc::new(LegacyBackend::<SubstrateConfig>::builder().build(rpc));
        let online =
            OnlineClient::from_backend_with_config(SubstrateConfig::new(), backend).await.map_err(
                |error| Error::Refused { what: "the hash of block 0", reason: error.to_string() },
            )?;
        let nonces = Nonces::default();
        Ok(Self { inner: Arc::new(Inner { url: url.into(), methods, online, options, nonces }) })
    }

    /// Checks that the chain has these runtime APIs, in a version that this crate can use: a program
    /// that depends on some says so at its start, before it has done anything.
    ///
    /// # Errors
    /// [`Error::UnknownApi`] names the first that is missing or too old, and what to update.
    pub async fn require(&self, apis: &[Api]) -> Result<()> {
        let methods = &self.inner.methods;
        let version =
            self.request("the runtime version", || methods.state_get_runtime_version(None)).await?;
        for api in apis {
            let (found, needed) = (version_of(*api, &version), api.needed());
            if found < needed {
                return Err(Error::UnknownApi { api: api.name(), found, needed });
            }
        }
        Ok(())
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// Hash of block 0: the identity of the chain.
    pub fn genesis_hash(&self) -> Hash {
        self.inner.online.genesis_hash()
    }

    /// The state at the best block, whichever that is when a question is asked.
    pub fn best(&self) -> View<'_> {
        View::new(self, None)
    }

    /// The state at one block.
    pub fn at(&self, block: Hash) -> View<'_> {
        View::new(self, Some(block))
    }

    /// The state at the newest finalised block.
    pub async fn finalized(&self) -> Result<View<'_>> {
        Ok(self.at(self.finalized_head().await?.hash))
    }

    /// New best blocks, beginning with the present one.
    pub fn blocks(&self) -> Blocks {
        Blocks::new(self.clone())
    }

    /// The best block.
    pub async fn best_head(&self) -> Result<Block> {
        self.header(None).await
    }

    /// The newest finalised block.
    pub async fn finalized_head(&self) -> Result<Block> {
        let methods = &self.inner.methods;
        let hash =
            self.request("the finalised head", || methods.chain_get_finalized_head()).await?;
        self.header(Some(hash)).await
    }

    /// Hash of the block of this height on the best chain; `None` when there is none.
    pub async fn block_hash(&self, number: BlockNumber) -> Result<Option<Hash>> {
        let methods = &self.inner.methods;
        let number = NumberOrHex::Number(number.into());
        self.request("a block hash", || methods.chain_get_block_hash(Some(number))).await
    }

    /// Height of a block.
    pub(crate) async fn head_of(&self, hash: Hash) -> Result<Block> {
        self.header(Some(hash)).await
    }

    async fn header(&self, hash: Option<Hash>) -> Result<Block> {
        let methods = &self.inner.methods;
        let header = self.request("a header", || methods.chain_get_header(hash)).await?;
        let header = header.ok_or_else(|| Error::Refused {
            what: "a header",
            reason: "the node does not know the block".into(),
        })?;
        Ok(Block { number: header.number, hash: header.hash() })
    }

    pub(crate) async fn subscribe_heads(&self) -> Result<Headers> {
        let methods = &self.inner.methods;
        self.request("a subscription to blocks", || methods.chain_subscribe_new_heads()).await
    }

    /// A block with the metadata that is in force there.
    pub(crate) async fn at_block(&self, block: Block) -> Result<AtBlock> {
        let online = &self.inner.online;
        let limit = self.inner.options.request_timeout;
        let mut pause = Duration::from_millis(100);
        let attempts = async {
            loop {
                let at = online.at_block_hash_and_number(block.hash, block.number.into()).await;
                match at {
                    Ok(at) => return Ok(at),
                    Err(error) if error.to_string().contains("reconnect automatically") => {
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(Duration::from_secs(2));
                    }
                    Err(error) => {
                        return Err(Error::Refused {
                            what: "the metadata of a block",
                            reason: error.to_string(),
                        })
                    }
                }
            }
        };
        tokio::time::timeout(limit, attempts).await.unwrap_or(Err(Error::Timeout {
            what: "the metadata of a block",
            seconds: limit.as_secs(),
        }))
    }

    /// A request that may be repeated: it is, when the connection is lost under it.
    pub(crate) async fn request<T, F, R>(&self, what: &'static str, request: F) -> Result<T>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, RpcError>>,
    {
        repeat(what, self.inner.options.request_timeout, request).await
    }
}

async fn repeat<T, F, R>(what: &'static str, limit: Duration, request: F) -> Result<T>
where
    F: Fn() -> R,
    R: Future<Output = Result<T, RpcError>>,
{
    let mut pause = Duration::from_millis(100);
    let attempts = async {
        loop {
            match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_disconnected_will_reconnect() => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(2));
                }
                Err(error) => return Err(from_rpc(what, error)),
            }
        }
    };
    tokio::time::timeout(limit, attempts)
        .await
        .unwrap_or(Err(Error::Timeout { what, seconds: limit.as_secs() }))
}

/// What an answer of the node means.
pub(crate) fn from_rpc(what: &'static str, error: RpcError) -> Error {
    match error {
        RpcError::DisconnectedWillReconnect(reason) => Error::Disconnected(reason),
        RpcError::User(error) if error.code == -32601 => {
            Error::Incompatible(format!("the node has no method for {what}"))
        }
        RpcError::User(error) => {
            let data = error.data.map(|data| format!(": {}", data.get())).unwrap_or_default();
            let reason = format!("{}{data}", error.message);
            if reason.contains("is not found") && reason.contains("Exported method") {
                return Error::Incompatible(format!("the runtime has no call for {what}"));
            }
            Error::Refused { what, reason }
        }
        RpcError::Client(error) => Error::Disconnected(error.to_string()),
        RpcError::Deserialization(error) => {
            Error::Incompatible(format!("the answer to {what} cannot be read: {error}"))
        }
        error => Error::Refused { what, reason: error.to_string() },
    }
}

/// The node must run Vigil.
async fn check_chain(url: &str, methods: &LegacyRpcMethods<Rpc>, options: &Options) -> Result<()> {
    let version = repeat("the runtime version", options.request_timeout, || {
        methods.state_get_runtime_version(None)
    })
    .await?;
    let name = version.other.get("specName").and_then(|name| name.as_str()).unwrap_or_default();
    if name != SPEC_NAME {
        return Err(Error::WrongChain { url: url.into(), found: name.into() });
    }
    Ok(())
}

/// The version of an API that a node's list of them names; 0 when it is not there.
fn version_of(api: Api, version: &RuntimeVersion) -> u32 {
    let id = format!("0x{}", hex::encode(api.id()));
    let apis = version.other.get("apis").and_then(|apis| apis.as_array());
    apis.and_then(|apis| {
        apis.iter().find(|api| api.get(0).and_then(|name| name.as_str()) == Some(&id))
    })
    .and_then(|api| api.get(1)?.as_u64())
    .map_or(0, |version| u32::try_from(version).unwrap_or(u32::MAX))
}

/// An error text without the nesting that transports wrap around it.
fn plain(reason: &str) -> String {
    reason.rsplit(": ").next().unwrap_or(reason).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connect_should_refuse_a_url_that_is_no_websocket() {
        let error = Client::connect("http://127.0.0.1:9944").await.unwrap_err();
        assert!(matches!(error, Error::BadUrl { .. }), "{error}");
    }

    #[tokio::test]
    async fn connect_should_fail_at_once_when_nobody_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("ws://{address}");
        let connect = Client::connect(&url);
        let result = tokio::time::timeout(Duration::from_secs(15), connect).await;
        let result = result.expect("connect must not try for ever");
        assert!(matches!(result, Err(Error::Unreachable { .. })), "{result:?}");
    }
}
