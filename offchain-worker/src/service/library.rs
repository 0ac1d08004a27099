//! Where the bytes of claims are found: here, with the worker that made them, or on chain, where it
//! had to publish them. An auditor finds the input of its job with the job's workers.

use crate::{
    blobs::Blobs,
    chain::Chain,
    error::{Error, Result},
    executor::Failure,
    jobs::Wanted,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use vigil_advocate::Withheld;
use vigil_client::blobs::BlobClient;
use vigil_primitives::{
    dispute::{Claim, ClaimId, Dispute, DisputeId, End, Ground, Move, Stage},
    job::{Input, TOKEN_BYTES},
    AccountId, BlockNumber, ContentHash,
};

/// Runs of models for disputes at the same time: each takes memory beside the model.
const LANES: usize = 2;
/// Blocks for which a worker that does not answer is asked again before it has to publish.
const PATIENCE: BlockNumber = 10;

/// How long one of its blobs may take: inputs and outputs have at most some hundred kilobytes.
const FETCH: Duration = Duration::from_secs(20);

/// The bytes of claims. Clones share what has been asked for.
#[derive(Clone)]
pub(super) struct Library<C> {
    pub(super) chain: C,
    blobs: Blobs,
    http: BlobClient,
    /// What is being published because we asked for it.
    asked: Arc<Mutex<BTreeMap<ClaimId, Withheld>>>,
    /// Runs of models for disputes: so many at once.
    lanes: Arc<Semaphore>,
}

/// Bytes of a claim are not to be had.
#[derive(Debug)]
pub(super) struct Absent {
    /// Which, where their holder does not give them.
    pub(super) end: Option<End>,
    /// Why.
    pub(super) error: Error,
}

impl From<Error> for Absent {
    fn from(error: Error) -> Self {
        Self { end: None, error }
    }
}

impl<C: Chain> Library<C> {
    pub(super) fn new(chain: C, blobs: Blobs) -> Self {
        let lanes = Arc::new(Semaphore::new(LANES));
        Self { chain, blobs, http: BlobClient::new(), asked: Arc::default(), lanes }
    }

    /// The bytes that went in and the bytes that came out, as they are claimed. What was fetched is
    /// kept: it may not be handed out a second time.
    pub(super) async fn bytes_of(
        &self,
        id: &ClaimId,
        claim: &Claim,
    ) -> Result<(Vec<u8>, Vec<u8>), Absent> {
        let worker = id.claimant();
        let input = match id {
            ClaimId::Job { job, .. } => {
                let unknown = || Error::Reset(format!("there is no job {job}"));
                self.chain.job(*job, false).await?.ok_or_else(unknown)?.spec.input
            }
            // The input of an answer was never on chain.
            ClaimId::Receipt { .. } => {
                Input::Blob { hash: claim.input, len: claim.tokens_in.saturating_mul(TOKEN_BYTES) }
            }
        };
        let input = match input {
            Input::Inline(bytes) => bytes.into_inner(),
            Input::Blob { hash, len } => {
                let found = self.blob(&hash, len.into(), worker).await;
                found.map_err(|error| Absent { end: Some(End::Input), error })?
            }
        };
        let len = claim.architecture.output_len(claim.output.tokens);
        let output = self.blob(&claim.output.hash, len.into(), worker).await;
        let output = output.map_err(|error| Absent { end: Some(End::Output), error })?;
        Ok((input, output))
    }

    /// Fetches an input from the first worker that hands it out.
    ///
    /// # Errors
    /// Why the last of them did not.
    pub(super) async fn fetch(&self, wanted: &Wanted) -> Result<()> {
        let mut last = Error::Temporary("no worker has the input".into());
        for worker in &wanted.workers {
            match self.blob(&wanted.hash, wanted.len, worker).await {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn blob(&self, hash: &ContentHash, len: u64, worker: &AccountId) -> Result<Vec<u8>> {
        let broken = |error| Error::Temporary(format!("cannot use the blob store: {error}"));
        if let Some(bytes) = self.blobs.read(hash).map_err(broken)? {
            return Ok(bytes);
        }
        let away = || Error::Temporary(format!("{worker} has no address to fetch from"));
        let endpoint = self.chain.endpoint(worker).await?.ok_or_else(away)?;
        // A clock runs meanwhile, and a server may send byte by byte.
        let fetched = tokio::time::timeout(FETCH, self.http.get(&endpoint, hash, len)).await;
        let slow = |_| Error::Temporary(format!("{worker} took too long to hand a blob out"));
        let fetched = fetched.map_err(slow)?;
        let bytes = fetched.map_err(|error| Error::Temporary(error.to_string()))?;
        self.blobs.put(&bytes).map_err(broken)?;
        Ok(bytes.to_vec())
    }

    /// What a rival says when its opponent does not hand out what it is to be judged by: the opponent
    /// has to publish it, or is convicted.
    ///
    /// # Errors
    /// Why the bytes are not there, while it is too early for that, or where the game gives no such
    /// move: nobody else depends on an opponent's bytes that it has not fetched before it began.
    pub(super) fn ask(
        &self,
        id: DisputeId,
        dispute: &Dispute,
        absent: Absent,
        now: BlockNumber,
    ) -> Result<Move> {
        let Absent { end: Some(end), error } = absent else { return Err(absent.error) };
        let early = now < dispute.since.saturating_add(PATIENCE);
        if !dispute.rival
            || dispute.stage != Stage::Ground
            || (early && !self.has_asked(&dispute.claim_id))
        {
            return Err(error);
        }
        tracing::warn!(dispute = id, "{error}: having it published on chain");
        let ground = self.withheld(&dispute.claim_id, &dispute.claim, end);
        ground.map(Move::Ground).ok_or(error)
    }

    /// Whether something of a claim is being published for us.
    fn has_asked(&self, id: &ClaimId) -> bool {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    /// What a claimant is asked to publish next of an end that it does not hand out.
    pub(super) fn withheld(&self, id: &ClaimId, claim: &Claim, end: End) -> Option<Ground> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|other, withheld| other != id || withheld.end() == end);
        let begun = asked.entry(id.clone());
        begun.or_insert_with(|| Withheld::new(claim.clone(), end)).ground()
    }

    /// Takes in what has been published in a dispute since we asked for it, in this block. What is
    /// complete is kept as a blob.
    pub(super) async fn read_published(
        &self,
        id: DisputeId,
        claim: &ClaimId,
        block: BlockNumber,
    ) -> Result<()> {
        let begun = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(claim).cloned();
        let Some(mut withheld) = begun else { return Ok(()) };
        if !self.chain.published(block, id, &mut |proof| withheld.take_in(proof)).await? {
            return Ok(());
        }
        if let Some(bytes) = withheld.bytes() {
            self.blobs
                .put(bytes)
                .map_err(|error| Error::Temporary(format!("cannot use the blob store: {error}")))?;
            self.forget(claim);
            return Ok(());
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(claim.clone(), withheld);
        Ok(())
    }

    /// Nothing more will be published of a claim.
    pub(super) fn forget(&self, claim: &ClaimId) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(claim);
    }

    /// Runs what computes on a thread that may block, when there is room.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T> {
        let failed = |text: String| Error::Temporary(format!("a computation failed: {text}"));
        let lane = Arc::clone(&self.lanes).acquire_owned().await;
        let lane = lane.map_err(|error| failed(error.to_string()))?;
        let done = tokio::task::spawn_blocking(move || {
            let result = task();
            drop(lane);
            result
        });
        let done = done.await.map_err(|error| failed(error.to_string()))?;
        done.map_err(|failure| Error::Temporary(failure.to_string()))
    }
}
