//! Paid runs of a model, from the order to the verified output and the account of the money.
//!
//! | step | call | what it does |
//! |---|---|---|
//! | quote | [`Requester::quote`] | what a run would cost now, and who would be paid what of it |
//! | order | [`Requester::plan`] | checks everything that can be checked before money is held: the request against the model, the terms, the access, the price, the balance |
//! | submit | [`Requester::submit`] | one transaction for each input, none waiting for another |
//! | follow | [`Requester::follow`] | a stream of [`JobEvent`]s, from the best chain as it happens, and from the finalised chain when it is certain |
//! | output | [`Requester::output`] | the bytes, from any worker that revealed them, checked against the hash that was paid for |
//! | account | [`Ledger`], [`Books`] | where the money went, to the last unit |
//!
//! What a version descends from, and so who shares its fee, is
//! [`View::lineage`](crate::View::lineage); a quote has the split already.
//!
//! Nothing here prints or asks: a command line, a gateway or a test stands on it, and makes its own
//! sentences of the [typed errors](Error).
//!
//! ```no_run
//! use futures::TryStreamExt;
//! use vigil_client::{
//!     requester::{Generation, Goal, JobEvent, Offer, Order, Requester},
//!     Client, Key,
//! };
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://127.0.0.1:9944").await?;
//! let requester = Requester::new(client, Key::dev("Alice")?);
//! let version = requester.version("0@0".parse()?).await?;
//!
//! let tokens = vec![101, 7592, 102];
//! let order = Order { offer: Offer::default(), generation: Generation::default(), by_hash: false };
//! let plan = requester.plan(&version, vec![tokens], &order).await?;
//! let submission = requester.submit(plan).await?;
//! let ids = submission.ids();
//!
//! let mut events = requester.follow(ids, Goal::Ended).with_inputs(submission.inputs()).events();
//! while let Some(event) = events.try_next().await? {
//!     if let JobEvent::Reached(job) = event {
//!         let output = requester.output(&job, &version.spec.architecture).await?;
//!         println!("{} bytes from {}", output.bytes.len(), output.worker);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod accounting;
mod error;
mod follow;
mod order;
mod output;
mod quote;
mod submit;
mod terms;

pub use accounting::{
    total_royalties, Account, Books, BooksError, Earned, Entry, Ledger, LedgerError, Role,
};
pub use error::{Error, Result};
pub use follow::{Follower, Goal, JobEvent};
pub use order::{Generation, Offer, Order, Plan, Planned, Price};
pub use output::Output;
pub use quote::bid;
pub use submit::{Submission, Submitted};

use crate::{blobs::BlobClient, pages, Client, Key};
use vigil_primitives::{
    api::PAGE, model::VersionView, worker::WorkerView, AccountId, Job, JobId, ModelVersionId,
};

/// Requests to the node, and to workers, that are under way at the same time.
const AT_ONCE: usize = 16;

/// Whoever orders runs and pays for them. Cheap to clone.
#[derive(Clone)]
pub struct Requester {
    client: Client,
    key: Option<Key>,
    blobs: BlobClient,
}

impl Requester {
    /// A requester that signs with this key.
    pub fn new(client: Client, key: Key) -> Self {
        Self { client, key: Some(key), blobs: BlobClient::new() }
    }

    /// One that only looks: it quotes, follows jobs of others and fetches their outputs.
    pub fn watching(client: Client) -> Self {
        Self { client, key: None, blobs: BlobClient::new() }
    }

    /// The chain that it is connected to.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A version that must exist.
    pub async fn version(&self, id: ModelVersionId) -> Result<VersionView> {
        self.client.best().version(id).await?.ok_or(Error::UnknownVersion(id))
    }

    /// A job that must exist.
    pub async fn job(&self, id: JobId) -> Result<Job> {
        self.client.best().job(id).await?.ok_or(Error::UnknownJob(id))
    }

    /// All workers, in the chain's order.
    pub async fn workers(&self) -> Result<Vec<WorkerView>> {
        let view = self.client.best();
        let page =
            |after: Option<AccountId>| async move { view.workers(after.as_ref(), PAGE).await };
        Ok(pages(None, |worker: &WorkerView| Some(worker.account.clone()), page).await?)
    }

    fn key(&self) -> Result<&Key> {
        self.key.as_ref().ok_or(Error::NoKey)
    }

    /// Where a worker's blob server is. An endpoint that is no text is none.
    async fn endpoint(&self, worker: &AccountId) -> Result<String> {
        let view = self.client.best().worker(worker).await?;
        let endpoint = view.map(|worker| worker.endpoint).unwrap_or_default();
        Ok(String::from_utf8(endpoint).unwrap_or_default())
    }
}

impl std::fmt::Debug for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let account = self.key.as_ref().map(|key| key.account());
        f.debug_struct("Requester").field("account", &account).finish_non_exhaustive()
    }
}
