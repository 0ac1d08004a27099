//! The chain as the worker sees it: a small trait, and its implementation over the shared client.
//!
//! The trait is what lets the whole worker be tested against a chain in memory. It asks for no more
//! than the worker needs: what it is engaged in, what it may do, and a way to act.

use crate::error::{Error, Result};
use std::future::Future;
use tokio::sync::watch;
use vigil_client::{calls, Api, Block, Call, Client, Key, Until};
use vigil_primitives::{
    api::PAGE,
    dispute::{Claim, ClaimId, Dispute, DisputeId, DisputeView, Ended, Ground, Move, Proof},
    job::{DeclineReason, Output, Parameters},
    model::{Url, VersionView},
    worker::{Capability, WorkerView},
    AccountId, Balance, BlockNumber, Hash, Job, JobId, ModelVersionId,
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
    /// Make a move in a dispute.
    Play(DisputeId, Box<Move>),
    /// Challenge another's result.
    Challenge(ClaimId, Box<Ground>),
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
    /// Returns a word for logs and metrics.
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
            Self::Play(..) => "play",
            Self::Challenge(..) => "challenge",
        }
    }

    fn call(&self) -> Call {
        use calls::{disputes, jobs, workers};
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
            Self::Play(dispute, turn) => disputes::play(*dispute, turn),
            Self::Challenge(claim, ground) => disputes::challenge(claim, ground),
        }
    }
}

/// The chain. Questions are answered for the best block unless they say otherwise.
pub(crate) trait Chain: Clone + Send + Sync + 'static {
    /// Returns the worker's account.
    fn me(&self) -> &AccountId;
    /// Returns the jobs that this worker is engaged in.
    fn assignments(&self) -> impl Future<Output = Result<Vec<Job>>> + Send;
    /// Returns a job, as it is at the finalised block if `finalized` is set.
    fn job(&self, id: JobId, finalized: bool) -> impl Future<Output = Result<Option<Job>>> + Send;
    /// Returns jobs from number `from` on.
    fn jobs(&self, from: JobId) -> impl Future<Output = Result<Vec<Job>>> + Send;
    /// Returns the disputes in which this worker has a side.
    fn disputes(&self) -> impl Future<Output = Result<Vec<(DisputeId, Dispute)>>> + Send;
    /// Returns how a dispute has ended; `None` if it has not, or long ago.
    fn ended(&self, id: DisputeId) -> impl Future<Output = Result<Option<Ended>>> + Send;
    /// Looks through what may have been published in a dispute in a block, up to the first that
    /// `fits`. Whether one does.
    fn published(
        &self,
        block: BlockNumber,
        dispute: DisputeId,
        fits: &mut (dyn FnMut(&Proof) -> bool + Send),
    ) -> impl Future<Output = Result<bool>> + Send;
    /// Returns what a worker claims, if it can be challenged now.
    fn claim(&self, id: &ClaimId) -> impl Future<Output = Result<Option<Claim>>> + Send;
    /// Returns the base URL of a worker's blob server.
    fn endpoint(&self, worker: &AccountId) -> impl Future<Output = Result<Option<String>>> + Send;
    /// Returns this worker's record; `None` if it is not registered.
    fn worker(&self) -> impl Future<Output = Result<Option<WorkerView>>> + Send;
    /// Returns a version of a model.
    fn version(
        &self,
        id: ModelVersionId,
    ) -> impl Future<Output = Result<Option<VersionView>>> + Send;
    /// Returns the chain's constants.
    fn parameters(&self) -> impl Future<Output = Result<Parameters>> + Send;
    /// Returns what this worker's account can spend.
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
    /// Connects, and checks that the chain has all that this worker asks of it.
    ///
    /// # Errors
    /// [`Error::Critical`] if it is another chain or too old for this program, which says what to
    /// update; [`Error::Temporary`] if no node answers.
    pub(crate) async fn connect(url: &str, key: Key) -> Result<Self> {
        let client = Client::connect(url).await?;
        client.require(&[Api::Models, Api::Workers, Api::Jobs, Api::Disputes]).await?;
        Ok(Self { client, key })
    }

    /// Returns the hash of block 0.
    pub(crate) fn genesis(&self) -> Hash {
        self.client.genesis_hash()
    }

    /// Follows the best block. The value is always the newest one, and `None` until the first has
    /// come.
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

    async fn jobs(&self, from: JobId) -> Result<Vec<Job>> {
        Ok(self.client.best().jobs(from, PAGE).await?)
    }

    async fn disputes(&self) -> Result<Vec<(DisputeId, Dispute)>> {
        let list = self.client.best().disputes_of(self.me()).await?;
        let open = |(id, view)| match view {
            DisputeView::Open(dispute) => Some((id, *dispute)),
            DisputeView::Ended(_) => None,
        };
        Ok(list.into_iter().filter_map(open).collect())
    }

    async fn ended(&self, id: DisputeId) -> Result<Option<Ended>> {
        Ok(match self.client.best().dispute(id).await? {
            Some(DisputeView::Ended(ended)) => Some(ended),
            _ => None,
        })
    }

    async fn published(
        &self,
        block: BlockNumber,
        dispute: DisputeId,
        fits: &mut (dyn FnMut(&Proof) -> bool + Send),
    ) -> Result<bool> {
        Ok(self.client.published(block, dispute, fits).await?)
    }

    async fn claim(&self, id: &ClaimId) -> Result<Option<Claim>> {
        Ok(self.client.best().claim(id).await?)
    }

    async fn endpoint(&self, worker: &AccountId) -> Result<Option<String>> {
        let worker = self.client.best().worker(worker).await?;
        Ok(worker.map(|worker| String::from_utf8_lossy(&worker.endpoint).into_owned()))
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
