//! Signing, sending and following extrinsics.
//!
//! An extrinsic is signed for a limited number of blocks, handed to the node's pool and followed
//! until it is in a block. When the connection or the node goes away in between, the very same
//! bytes are sent again, and the blocks since the signature are searched for them: the nonce makes
//! it impossible that they count twice, so nothing is lost and nothing is done twice.

use crate::{
    blocks::Block,
    calls::Call,
    connection::{from_rpc, AtBlock, Client, RpcError},
    error::{Error, Result},
    events::{Event, Events},
    keys::Key,
    nonces::Ticket,
};
use codec::Decode;
use sp_runtime::{DispatchError, ModuleError};
use std::{
    collections::HashSet,
    time::{Duration, Instant},
};
use subxt::{
    client::{ClientAtBlock, OfflineClientAtBlockT},
    config::DefaultExtrinsicParamsBuilder,
    events::Phase,
    rpcs::{client::RpcSubscription, methods::legacy::TransactionStatus},
    SubstrateConfig,
};
use vigil_primitives::{Balance, BlockNumber, Hash};

/// Blocks for which a signature is valid, counted from its birth block.
const MORTALITY: BlockNumber = 128;
/// A signature is born at the finalised block unless finality lags by more than this.
const FINALITY_LAG: BlockNumber = 32;
/// Without news of a transaction for this long, we look for it ourselves.
const SILENCE: Duration = Duration::from_secs(12);
/// Pause between our own looks.
const PAUSE: Duration = Duration::from_secs(1);
/// Nonces tried before giving up.
const ATTEMPTS: u32 = 5;

/// When an extrinsic counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Until {
    /// In a block of the best chain, which a re-organisation may still take back.
    #[default]
    InBlock,
    /// In a finalised block.
    Finalized,
}

/// An extrinsic that was executed successfully.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Included {
    /// BLAKE2b-256 of the extrinsic.
    pub extrinsic: Hash,
    /// The block that holds it.
    pub block: Block,
    /// Its place in the block.
    pub index: u32,
    /// What it brought about.
    pub events: Events,
}

impl Included {
    /// What the transaction cost its signer, tip included; 0 when the chain says nothing of it.
    pub fn fee(&self) -> Balance {
        let paid = |event: &&Event| {
            event.pallet == "TransactionPayment" && event.name == "TransactionFeePaid"
        };
        // Its fields are the payer, the fee and the tip within it.
        let fee = |event: &Event| event.fields.get(32..48)?.try_into().ok();
        self.events.0.iter().find(paid).and_then(fee).map_or(0, Balance::from_le_bytes)
    }
}

/// An extrinsic that the node's pool has taken.
pub struct Pending {
    client: Client,
    bytes: Vec<u8>,
    hash: Hash,
    birth: BlockNumber,
    statuses: Option<Statuses>,
    /// Blocks that are known not to hold it.
    searched: HashSet<Hash>,
    _ticket: Ticket,
}

type Statuses = RpcSubscription<TransactionStatus<Hash>>;

/// What became of an attempt to hand over a transaction.
enum SendError {
    /// Nobody knows whether it arrived.
    Lost(Error),
    /// The pool has it already.
    Known,
    /// The nonce has been used on chain.
    Stale,
    /// A transaction in the pool has the same nonce.
    NonceTaken,
    /// Signed for a state that has passed.
    BadProof,
    /// Anything else.
    Other(Error),
}

impl Client {
    /// Signs and sends a call and follows it.
    ///
    /// Fails with [`Error::Dispatch`] when the call was executed and failed.
    pub async fn submit(&self, call: &Call, key: &Key, until: Until) -> Result<Included> {
        self.start(call, key).await?.wait(until).await
    }

    /// As [`Self::submit`], for many calls at once: they are sent in this order, and followed
    /// together. There is a result for every call.
    pub async fn submit_many(
        &self,
        calls: &[Call],
        key: &Key,
        until: Until,
    ) -> Vec<Result<Included>> {
        let mut started = Vec::with_capacity(calls.len());
        for call in calls {
            started.push(self.start(call, key).await);
        }
        let following = started.into_iter().map(|pending| async {
            match pending {
                Ok(pending) => pending.wait(until).await,
                Err(error) => Err(error),
            }
        });
        futures::future::join_all(following).await
    }

    /// Signs a call and hands it to the node's pool.
    pub async fn start(&self, call: &Call, key: &Key) -> Result<Pending> {
        let account = self.inner.nonces.account(key.account());
        let _order = account.order.lock().await;
        let mut foreign = false;
        let mut last = Error::StaleNonce;
        for _ in 0..ATTEMPTS {
            let head = self.best_head().await?;
            let birth = self.birth(head).await?;
            let at = self.at_block(head).await?;
            let chain = self.at(head.hash).nonce(key.account()).await?;
            let methods = &self.inner.methods;
            let pool = self
                .request("the next nonce", || methods.system_account_next_index(key.account()))
                .await?;
            let pool = u32::try_from(pool).unwrap_or(chain);
            let ticket = account.take(chain, pool, foreign);
            let bytes = sign(&at, call, key, ticket.nonce, birth)?;
            let hash = Hash::from(sp_io::hashing::blake2_256(&bytes));
            let mut pending = Pending {
                client: self.clone(),
                bytes,
                hash,
                birth: birth.number,
                statuses: None,
                searched: HashSet::new(),
                _ticket: ticket,
            };
            match pending.hand_over(key).await {
                Ok(()) => return Ok(pending),
                Err(SendError::NonceTaken) => {
                    foreign = true;
                    last = Error::StaleNonce;
                }
                Err(SendError::Stale) => last = Error::StaleNonce,
                Err(SendError::BadProof) => last = Error::Invalid("bad signature".into()),
                Err(SendError::Lost(error) | SendError::Other(error)) => return Err(error),
                Err(SendError::Known) => return Ok(pending),
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(last)
    }

    /// The block a signature is bound to.
    async fn birth(&self, head: Block) -> Result<Block> {
        let finalized = self.finalized_head().await?;
        let lag = head.number.saturating_sub(finalized.number);
        Ok(if lag <= FINALITY_LAG { finalized } else { head })
    }

    /// The place of an extrinsic in a block, if the block holds it, and the block's parent.
    async fn look(&self, block: Hash, bytes: &[u8]) -> Result<Option<(Block, Hash, Option<u32>)>> {
        let methods = &self.inner.methods;
        let found = self.request("a block", || methods.chain_get_block(Some(block))).await?;
        Ok(found.map(|found| {
            let header = found.block.header;
            let index = found.block.extrinsics.iter().position(|extrinsic| extrinsic.0 == bytes);
            let index = index.and_then(|index| u32::try_from(index).ok());
            (Block { number: header.number, hash: block }, header.parent_hash, index)
        }))
    }

    /// The events of an extrinsic, or the error it ended with.
    async fn outcome(&self, hash: Hash, block: Block, index: u32) -> Result<Included> {
        let at = self.at_block(block).await?;
        let refused = |reason: String| Error::Refused { what: "the events of a block", reason };
        let all = at.events().fetch().await.map_err(|error| refused(error.to_string()))?;
        let mut events = Vec::new();
        for event in all.iter() {
            let event = event.map_err(|error| Error::Incompatible(error.to_string()))?;
            if event.phase() != Phase::ApplyExtrinsic(index) {
                continue;
            }
            if event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
                return Err(dispatch_error(&at, event.field_bytes(), block.hash));
            }
            events.push(Event {
                pallet: event.pallet_name().into(),
                name: event.event_name().into(),
                fields: event.field_bytes().to_vec(),
            });
        }
        Ok(Included { extrinsic: hash, block, index, events: Events(events) })
    }
}

impl Pending {
    /// BLAKE2b-256 of the extrinsic.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Follows the extrinsic until it is done.
    pub async fn wait(mut self, until: Until) -> Result<Included> {
        let options = self.client.inner.options.clone();
        let mut patience = options.inclusion_timeout;
        let mut since = Instant::now();
        let mut in_block = false;
        let mut gone: Option<&'static str> = None;
        loop {
            match self.news().await {
                Some(TransactionStatus::InBlock(_)) if until == Until::Finalized => {
                    if !in_block {
                        (in_block, since, patience) =
                            (true, Instant::now(), options.finality_timeout);
                    }
                    continue;
                }
                Some(TransactionStatus::InBlock(block) | TransactionStatus::Finalized(block)) => {
                    if let Some((block, _, Some(index))) =
                        self.client.look(block, &self.bytes).await?
                    {
                        return self.client.outcome(self.hash, block, index).await;
                    }
                }
                Some(
                    TransactionStatus::Future
                    | TransactionStatus::Ready
                    | TransactionStatus::Broadcast(_)
                    | TransactionStatus::Retracted(_),
                ) => continue,
                Some(TransactionStatus::FinalityTimeout(_)) => self.statuses = None,
                Some(TransactionStatus::Usurped(_)) => gone = Some("another one took its nonce"),
                Some(TransactionStatus::Dropped) => gone = Some("the pool is full"),
                Some(TransactionStatus::Invalid) => gone = Some("it became invalid"),
                None => {}
            }
            // No news, or the last news: what counts is the chain itself.
            let head = self.client.best_head().await?;
            let top = match until {
                Until::InBlock => head,
                Until::Finalized => self.client.finalized_head().await?,
            };
            if let Some((block, index)) = self.search(top.hash).await? {
                return self.client.outcome(self.hash, block, index).await;
            }
            if let Some(reason) = gone {
                return Err(Error::Dropped(reason));
            }
            if top.number > self.birth.saturating_add(MORTALITY) {
                return Err(Error::Expired);
            }
            if since.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(if in_block {
                    Error::NotFinalized(seconds)
                } else {
                    Error::Timeout { what: "a transaction with a block", seconds }
                });
            }
            if self.statuses.is_none() {
                match self.send().await {
                    Ok(()) | Err(SendError::Known | SendError::Stale | SendError::Lost(_)) => {}
                    Err(SendError::NonceTaken) => gone = Some("another one took its nonce"),
                    Err(SendError::BadProof) => gone = Some("it became invalid"),
                    Err(SendError::Other(error)) => return Err(error),
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// The next status; `None` after a while without, or when the connection was lost.
    async fn news(&mut self) -> Option<TransactionStatus<Hash>> {
        let statuses = self.statuses.as_mut()?;
        match tokio::time::timeout(SILENCE, statuses.next()).await {
            Err(_) => None,
            Ok(Some(Ok(status))) => Some(status),
            Ok(Some(Err(_)) | None) => {
                self.statuses = None;
                None
            }
        }
    }

    /// Sends the transaction until the node has answered.
    async fn hand_over(&mut self, key: &Key) -> Result<(), SendError> {
        let start = Instant::now();
        let mut repeated = false;
        loop {
            match self.send().await {
                Err(SendError::Lost(error)) => {
                    if start.elapsed() > self.client.inner.options.request_timeout {
                        return Err(SendError::Lost(error));
                    }
                    repeated = true;
                    tokio::time::sleep(PAUSE).await;
                }
                // An earlier attempt, whose answer was lost, may have been the one that counted.
                Err(SendError::Stale | SendError::NonceTaken) if repeated => {
                    let head = self.client.best_head().await.map_err(SendError::Other)?;
                    return match self.search(head.hash).await.map_err(SendError::Other)? {
                        Some(_) => Ok(()),
                        None => Err(SendError::Stale),
                    };
                }
                Err(SendError::Other(Error::InsufficientFunds { .. })) => {
                    let account = key.address();
                    return Err(SendError::Other(Error::InsufficientFunds { account }));
                }
                result => return result,
            }
        }
    }

    async fn send(&mut self) -> Result<(), SendError> {
        let limit = self.client.inner.options.request_timeout;
        let submit = self.client.inner.methods.author_submit_and_watch_extrinsic(&self.bytes);
        match tokio::time::timeout(limit, submit).await {
            Err(_) => Err(SendError::Lost(Error::Timeout {
                what: "a transaction",
                seconds: limit.as_secs(),
            })),
            Ok(Err(error)) => Err(refusal(error)),
            Ok(Ok(statuses)) => {
                self.statuses = Some(statuses);
                Ok(())
            }
        }
    }

    /// Looks for the extrinsic from `top` back to its birth.
    async fn search(&mut self, top: Hash) -> Result<Option<(Block, u32)>> {
        let mut hash = top;
        let mut empty = Vec::new();
        while !self.searched.contains(&hash) {
            let Some((block, parent, index)) = self.client.look(hash, &self.bytes).await? else {
                break;
            };
            if let Some(index) = index {
                return Ok(Some((block, index)));
            }
            empty.push(hash);
            if block.number <= self.birth {
                break;
            }
            hash = parent;
        }
        self.searched.extend(empty);
        Ok(None)
    }
}

fn sign<C: OfflineClientAtBlockT<SubstrateConfig>>(
    at: &ClientAtBlock<SubstrateConfig, C>,
    call: &Call,
    key: &Key,
    nonce: u32,
    birth: Block,
) -> Result<Vec<u8>> {
    let incompatible = |error: subxt::error::ExtrinsicError| {
        Error::Incompatible(format!("{}.{}: {error}", call.pallet(), call.name()))
    };
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
        .nonce(nonce.into())
        .mortal_from_unchecked(MORTALITY.into(), birth.number.into(), birth.hash)
        .build();
    let transactions = at.transactions();
    let call_data = transactions.call_data(call).map_err(incompatible)?;
    transactions.from_call_data_bytes(&call_data).map_err(incompatible)?;
    let mut signable = transactions.create_signable_offline(call, params).map_err(incompatible)?;
    let signed = signable.sign(key.signer()).map_err(incompatible)?;
    Ok(signed.into_encoded())
}

/// What the pool's answer means. The codes are those of Substrate's `author` RPC.
fn refusal(error: RpcError) -> SendError {
    let RpcError::User(error) = error else {
        return match from_rpc("a transaction", error) {
            error @ (Error::Disconnected(_) | Error::Timeout { .. }) => SendError::Lost(error),
            error => SendError::Other(error),
        };
    };
    let data = error.data.as_ref().map(|data| data.get().trim_matches('"').to_owned());
    let reason = data.unwrap_or_else(|| error.message.clone());
    match error.code {
        1010 if reason.contains("outdated") => SendError::Stale,
        1010 if reason.contains("bad signature") || reason.contains("ancient birth block") => {
            SendError::BadProof
        }
        1010 if reason.contains("pay some fees") => {
            SendError::Other(Error::InsufficientFunds { account: String::new() })
        }
        1010 | 1011 => SendError::Other(Error::Invalid(reason)),
        1012 => SendError::Other(Error::Banned),
        1013 => SendError::Known,
        1014 => SendError::NonceTaken,
        1016 => SendError::Other(Error::PoolFull),
        _ => SendError::Other(from_rpc("a transaction", RpcError::User(error))),
    }
}

/// The error in the fields of `System.ExtrinsicFailed`, in the pallet's own words.
fn dispatch_error(at: &AtBlock, fields: &[u8], block: Hash) -> Error {
    let error = match DispatchError::decode(&mut &fields[..]) {
        Ok(error) => error,
        Err(error) => return Error::Incompatible(format!("System.ExtrinsicFailed: {error}")),
    };
    let DispatchError::Module(ModuleError { index, error: [code, ..], .. }) = error else {
        return plain_dispatch_error(error, block);
    };
    let metadata = at.metadata_ref();
    let pallet = metadata.pallet_by_error_index(index);
    let variant = pallet.as_ref().and_then(|pallet| pallet.error_variant_by_index(code));
    let doc = variant.map(|variant| variant.docs.join(" ").trim().to_owned());
    Error::Dispatch {
        pallet: pallet.map_or_else(|| format!("pallet {index}"), |pallet| pallet.name().into()),
        name: variant.map_or_else(|| format!("error {code}"), |variant| variant.name.clone()),
        doc: doc.filter(|doc| !doc.is_empty()).unwrap_or_else(|| "no explanation".into()),
        block,
    }
}

/// An error that comes from no pallet.
fn plain_dispatch_error(error: DispatchError, block: Hash) -> Error {
    let (name, doc) = match error {
        DispatchError::Token(error) => (format!("{error:?}"), <&str>::from(error).to_owned()),
        DispatchError::Arithmetic(error) => (format!("{error:?}"), <&str>::from(error).to_owned()),
        DispatchError::BadOrigin => ("BadOrigin".into(), "this account may not call this".into()),
        error => (format!("{error:?}"), <&str>::from(error).to_owned()),
    };
    Error::Dispatch { pallet: "Chain".into(), name, doc, block }
}

#[cfg(test)]
mod tests;
