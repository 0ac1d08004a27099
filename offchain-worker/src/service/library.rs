//! Where the bytes of claims are found: here, with the worker that made them, or on chain, where it
//! had to publish them.

use crate::{
    blobs::Blobs,
    chain::Chain,
    error::{Error, Result},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use vigil_advocate::Withheld;
use vigil_client::blobs::BlobClient;
use vigil_primitives::{
    dispute::{Claim, ClaimId, Dispute, DisputeId, End, Move, Stage},
    job::{bytes_to_tokens, Input},
    AccountId, BlockNumber, ContentHash,
};

/// Blocks for which a worker that does not answer is asked again before it has to publish.
const PATIENCE: BlockNumber = 10;

/// The bytes of claims. Clones share what has been asked for.
#[derive(Clone)]
pub(super) struct Library<C> {
    pub(super) chain: C,
    blobs: Blobs,
    http: BlobClient,
    /// What is being published, by the disputes in which we asked for it.
    asked: Arc<Mutex<BTreeMap<DisputeId, Withheld>>>,
}

/// Bytes of a claim are not to be had.
#[derive(Debug)]
pub(super) struct Absent {
    /// Which, where their holder does not give them.
    end: Option<End>,
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
        Self { chain, blobs, http: BlobClient::new(), asked: Arc::default() }
    }

    /// The tokens that went in and the bytes that came out, as they are claimed. What was fetched is
    /// kept: it may not be handed out a second time.
    pub(super) async fn bytes_of(
        &self,
        id: &ClaimId,
        claim: &Claim,
    ) -> Result<(Vec<u32>, Vec<u8>), Absent> {
        let ClaimId::Job { job, worker } = id;
        let unknown = || Error::Reset(format!("there is no job {job}"));
        let spec = self.chain.job(*job, false).await?.ok_or_else(unknown)?.spec;
        let input = match spec.input {
            Input::Inline(bytes) => bytes.into_inner(),
            Input::Blob { hash, len } => {
                let found = self.blob(&hash, len.into(), worker).await;
                found.map_err(|error| Absent { end: Some(End::Input), error })?
            }
        };
        let odd = || Error::Reset(format!("the input of job {job} is no list of tokens"));
        let input = bytes_to_tokens(&input).ok_or_else(odd)?;
        let len = claim.architecture.output_len(claim.output.tokens);
        let output = self.blob(&claim.output.hash, len.into(), worker).await;
        let output = output.map_err(|error| Absent { end: Some(End::Output), error })?;
        Ok((input, output))
    }

    async fn blob(&self, hash: &ContentHash, len: u64, worker: &AccountId) -> Result<Vec<u8>> {
        let broken = |error| Error::Temporary(format!("cannot use the blob store: {error}"));
        if let Some(bytes) = self.blobs.read(hash).map_err(broken)? {
            return Ok(bytes);
        }
        let away = || Error::Temporary(format!("{worker} has no address to fetch from"));
        let endpoint = self.chain.endpoint(worker).await?.ok_or_else(away)?;
        let fetched = self.http.get(&endpoint, hash, len).await;
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
        if !dispute.rival || dispute.stage != Stage::Ground {
            return Err(error);
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = asked.get(&id).is_some_and(|withheld| withheld.end() == end);
        if !begun && now < dispute.since.saturating_add(PATIENCE) {
            return Err(error);
        }
        if !begun {
            tracing::warn!(dispute = id, "{error}: having it published on chain");
            asked.insert(id, Withheld::new(dispute.claim.clone(), end));
        }
        let ground = asked.get(&id).and_then(Withheld::ground);
        ground.map(Move::Ground).ok_or(error)
    }

    /// Takes in what has been published since we asked for it. What is complete is kept as a blob.
    pub(super) async fn read_published(&self, id: DisputeId, dispute: &Dispute) -> Result<()> {
        let waits = |asked: &BTreeMap<DisputeId, Withheld>| asked.contains_key(&id);
        if !waits(&self.asked.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(());
        }
        // The turn came back to us with the publication.
        let proofs = self.chain.published(dispute.since, id).await?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(withheld) = asked.get_mut(&id) else { return Ok(()) };
        withheld.take_in(&proofs);
        if let Some(bytes) = withheld.bytes() {
            self.blobs
                .put(bytes)
                .map_err(|error| Error::Temporary(format!("cannot use the blob store: {error}")))?;
            asked.remove(&id);
        }
        Ok(())
    }
}
