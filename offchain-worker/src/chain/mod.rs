//! The chain as the worker sees it: a small trait, and the real thing over the shared client.

use crate::error::{Error, Result};
use std::future::Future;
use tokio::sync::watch;
use vigil_client::{calls, Block, Call, Client, Key, Until};
use vigil_primitives::{
    job::Parameters,
    job::{DeclineReason, Output},
    model::Url,
    model::VersionView,
    worker::Capability,
    worker::WorkerView,
    AccountId, Balance, Hash, Job, JobId, ModelVersionId,
};

/// What a worker tells the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Become a worker with this bond.
    Register(Offer, Balance),
    /// Change what is offered.
    Update(Offer),
    /// Add to the bond.
    BondMore(Balance),
    /// Start to serve a version.
    Serve(ModelVersionId),
    /// End serving a version.
    Unserve(ModelVersionId),
    /// Take no new jobs.
    Drain,
    /// Take jobs again.
    Resume,
    /// Take jobs again after a jail term.
    Unjail,
    /// Commit to an output.
    Commit(JobId, Hash),
    /// Reveal a commitment.
    Reveal(JobId, Output, [u8; 32]),
    /// Give a job back.
    Decline(JobId, DeclineReason),
}

/// What a worker says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Base URL of the blob server.
    pub(crate) endpoint: Url,
    /// Hardware.
    pub(crate) capability: Capability,
    /// Price per giga multiply-accumulate.
    pub(crate) ask: Balance,
    /// Jobs at the same time.
    pub(crate) capacity: u16,
}

/// No encrypted inputs: this worker publishes no key for them.
const NO_ENCRYPTION: [u8; 32] = [0; 32];

impl Action {
    /// A word for logs and metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Register(..) => "register",
            Self::Update(_) => "update",
            Self::BondMore(_) => "bond_more",
            Self::Serve(_) => "serve",
            Self::Unserve(_) => "unserve",
            Self::Drain => "drain",
            Self::Resume => "resume",
            Self::Unjail => "unjail",
            Self::Commit(..) => "commit",
            Self::Reveal(..) => "reveal",
            Self::Decline(..) => "decline",
        }
    }

    fn call(&self) -> Call {
        use calls::{jobs, workers};
        match self {
            Self::Register(Offer { endpoint, capability, ask, capacity }, bond) => {
                workers::register(endpoint, NO_ENCRYPTION, *capability, *ask, *capacity, *bond)
            }
            Self::Update(Offer { endpoint, capability, ask, capacity }) => {
                workers::update(endpoint, NO_ENCRYPTION, *capability, *ask, *capacity)
            }
            Self::BondMore(amount) => workers::bond_more(*amount),
            Self::Serve(version) => workers::serve(*version),
            Self::Unserve(version) => workers::unserve(*version),
            Self::Drain => workers::drain(),
            Self::Resume => workers::resume(),
            Self::Unjail => workers::unjail(),
            Self::Commit(job, commitment) => jobs::commit(*job, *commitment),
            Self::Reveal(job, output, salt) => jobs::reveal(*job, output, *salt),
            Self::Decline(job, reason) => jobs::decline(*job, *reason),
        }
    }
}

/// The chain. Questions are answered for the best block unless they say otherwise.
pub(crate) trait Chain: Clone + Send + Sync + 'static {
    /// The worker's account.
    fn me(&self) -> &AccountId;
    /// The jobs that this worker is engaged in.
    fn assignments(&self) -> impl Future<Output = Result<Vec<Job>>> + Send;
    /// A job; of the finalised block with `finalized`.
    fn job(&self, id: JobId, finalized: bool) -> impl Future<Output = Result<Option<Job>>> + Send;
    /// This worker.
    fn worker(&self) -> impl Future<Output = Result<Option<WorkerView>>> + Send;
    /// A version.
    fn version(
        &self,
        id: ModelVersionId,
    ) -> impl Future<Output = Result<Option<VersionView>>> + Send;
    /// The chain's constants.
    fn parameters(&self) -> impl Future<Output = Result<Parameters>> + Send;
    /// What this worker's account can spend.
    fn spendable(&self) -> impl Future<Output = Result<Balance>> + Send;
    /// Sends an action and returns when it is in a block.
    fn send(&self, action: Action) -> impl Future<Output = Result<()>> + Send;
}

/// The chain behind a node.
#[derive(Clone)]
pub(crate) struct Node {
    client: Client,
    key: Key,
}

impl Node {
    /// Connects.
    pub(crate) async fn connect(url: &str, key: Key) -> Result<Self> {
        Ok(Self { client: Client::connect(url).await?, key })
    }

    /// Hash of block 0.
    pub(crate) fn genesis(&self) -> Hash {
        self.client.genesis_hash()
    }

    /// The newest best block, from now on. `None` until the first has come.
    pub(crate) fn heads(&self) -> watch::Receiver<Option<Block>> {
        let (sender, receiver) = watch::channel(None);
        let mut blocks = self.client.blocks();
        tokio::spawn(async move { while sender.send(Some(blocks.next().await)).is_ok() {} });
        receiver
    }
}

impl Chain for Node {
    fn me(&self) -> &AccountId {
        self.key.account()
    }

    async fn assignments(&self) -> Result<Vec<Job>> {
        Ok(self.client.best().assignments(self.me()).await?)
    }

    async fn job(&self, id: JobId, finalized: bool) -> Result<Option<Job>> {
        Ok(if finalized {
            self.client.finalized().await?.job(id).await?
        } else {
            self.client.best().job(id).await?
        })
    }

    async fn worker(&self) -> Result<Option<WorkerView>> {
        Ok(self.client.best().worker(self.me()).await?)
    }

    async fn version(&self, id: ModelVersionId) -> Result<Option<VersionView>> {
        Ok(self.client.best().version(id).await?)
    }

    async fn parameters(&self) -> Result<Parameters> {
        Ok(self.client.best().parameters().await?)
    }

    async fn spendable(&self) -> Result<Balance> {
        let best = self.client.best();
        let balances = best.balances(self.me()).await?;
        Ok(balances.spendable(best.existential_deposit().await?))
    }

    async fn send(&self, action: Action) -> Result<()> {
        let sent = self.client.submit(&action.call(), &self.key, Until::InBlock).await;
        sent.map(drop).map_err(|error| match Error::from(error) {
            Error::Temporary(text) => Error::Temporary(format!("{}: {text}", action.name())),
            Error::Reset(text) => Error::Reset(format!("{}: {text}", action.name())),
            critical => critical,
        })
    }
}

#[cfg(test)]
pub(crate) mod fake;
