//! A worker whose machine flips a bit.

use crate::recording;
use std::sync::Arc;
use vigil_advocate::Case;
use vigil_engine::{Request, Run};
use vigil_game::{Player, Rules};
use vigil_ops::{program::Kind, Op};
use vigil_primitives::{
    dispute::{Claim, Ground, Move},
    ModelVersionId, Sampling,
};
use vigil_worker::{Advocates, Batch, Compute, Computed, Failure, Key, Models};

/// One bit of one operator's result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flip {
    /// The operator; the first layer's attention if it is not named.
    pub(crate) op: Option<u32>,
    /// The byte, from the last.
    pub(crate) byte: usize,
    /// The bit.
    pub(crate) bit: u8,
}

impl Flip {
    /// What flips it once in a run.
    fn once(self) -> impl FnMut(u32, &Op, &mut [u8]) {
        let mut done = false;
        move |number, op, result| {
            let here = match self.op {
                Some(wanted) => number == wanted,
                None => matches!(op.kind, Kind::Context { .. }),
            };
            if here && !done {
                done = true;
                if let Some(byte) = result.iter_mut().rev().nth(self.byte) {
                    *byte ^= 1 << self.bit;
                }
            }
        }
    }
}

/// A machine that flips it in every run, and knows nothing of it.
pub(crate) struct Broken {
    pub(crate) models: Arc<Models>,
    pub(crate) flip: Flip,
}

impl Broken {
    fn run(&self, version: ModelVersionId, request: &Request) -> Result<Run, Failure> {
        let missing = || Failure::Unable(format!("version {version} is not loaded"));
        let (model, _) = self.models.with_package(version).ok_or_else(missing)?;
        let failed = |error: vigil_engine::Error| Failure::Unable(error.to_string());
        let right = model.run(request).map_err(failed)?;
        if request.max_tokens_out == 0 {
            let run = self.recorded(version, &request.tokens, Sampling::Greedy)?;
            return Ok(Run { output: run, ..right });
        }
        // The first token that the bit changes; from there on the text is another.
        let ids: Vec<u32> =
            right.output.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id)).collect();
        for (position, id) in ids.iter().enumerate() {
            let before = ids.get(..position).unwrap_or_default();
            let mut tokens = [&request.tokens, before].concat();
            let drawn = self.recorded(version, &tokens, request.sampling)?;
            if drawn == id.to_le_bytes() {
                continue;
            }
            let mut output =
                right.output.get(..position.saturating_mul(4)).unwrap_or_default().to_vec();
            output.extend_from_slice(&drawn);
            let id = drawn.as_slice().try_into().map(u32::from_le_bytes).unwrap_or_default();
            tokens.push(id);
            let made = u32::try_from(position).unwrap_or(u32::MAX).saturating_add(1);
            let rest = request.max_tokens_out.saturating_sub(made);
            let ends = match model.architecture() {
                vigil_primitives::Architecture::Decoder(decoder) => decoder.is_stop(id),
                vigil_primitives::Architecture::Encoder(_) => true,
            };
            let mut tokens_out = made;
            if rest > 0 && !ends {
                let after = Request { tokens, max_tokens_out: rest, sampling: request.sampling };
                let after = model.run(&after).map_err(failed)?;
                output.extend_from_slice(&after.output);
                tokens_out = tokens_out.saturating_add(after.tokens_out);
            }
            return Ok(Run { output, tokens_out, ..right });
        }
        Ok(right)
    }

    /// What comes out of a run over known tokens.
    fn recorded(
        &self,
        version: ModelVersionId,
        tokens: &[u32],
        sampling: Sampling,
    ) -> Result<Vec<u8>, Failure> {
        let run = recording(&self.models, version, (tokens, sampling), self.flip.once())?;
        Ok(run.output().to_vec())
    }
}

impl Compute for Broken {
    fn has(&self, version: ModelVersionId) -> bool {
        self.models.has(version)
    }

    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_> {
        Box::new(OneByOne { broken: self, version, requests: Vec::new() })
    }

    /// It believes in what it computes.
    fn recheck(&self, _: ModelVersionId, _: &Request, _: &[u8], _: u64) -> Result<bool, Failure> {
        Ok(true)
    }
}

struct OneByOne<'a> {
    broken: &'a Broken,
    version: ModelVersionId,
    requests: Vec<(Key, Request)>,
}

impl Batch for OneByOne<'_> {
    fn add(&mut self, key: Key, request: Request) {
        self.requests.push((key, request));
    }

    fn step(&mut self) -> Vec<Computed> {
        let next = self.requests.pop();
        next.map(|(key, request)| (key, self.broken.run(self.version, &request)))
            .into_iter()
            .collect()
    }

    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

impl Advocates for Broken {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.models.has(version)
    }

    /// What its own run gives: it has the bit flipped again.
    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        let claim = &case.dispute.claim;
        let unable = |what: &str| Failure::Unable(what.into());
        let rules = Rules::new(claim, case.dispute.token).ok_or_else(|| unable("no trace"))?;
        let over = (case.tokens(), claim.sampling);
        let run = recording(&self.models, claim.version, (&over.0, over.1), self.flip.once())?;
        let mut player = Player::new(run, case.output.clone());
        player.play(&rules, &case.dispute.stage).map_err(|bad| unable(&bad.to_string()))
    }

    /// It sees nothing wrong with anybody.
    fn examine(&self, _: &Claim, _: &[u8], _: &[u8]) -> Result<Option<Ground>, Failure> {
        Ok(None)
    }
}
