//! Continuous batching: jobs of one language model that join and leave between steps.
//!
//! A step is one pass through the model. It takes the last token of every job that is generating
//! and, of the jobs whose input is not through yet, as many tokens as one pass may have. The
//! weights, which are most of what a step reads, are read once for all of them. The bytes of a job
//! are those it has alone.

use crate::{
    decoder::{Cache, Decoder, Rows},
    error::Input,
    Error, Model, Request, Result, Run,
};
use std::{
    collections::VecDeque,
    ops::{ControlFlow, Deref},
};
use vigil_architecture::Sampling;
use vigil_ops::tensor::Draw;

/// Bounds of a batch. None of them changes a byte of any output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most jobs that are computed together. Others wait.
    pub jobs: usize,
    /// Most tokens of all jobs together whose keys and values are kept. A job takes all that it
    /// may need when it begins, so that none ever stops halfway; one that needs more than this is
    /// refused.
    pub cache_tokens: usize,
    /// Most input tokens in one step.
    pub chunk: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { jobs: 16, cache_tokens: 32_768, chunk: 512 }
    }
}

/// Jobs of one language model under way. `K` is how the caller knows a job, `M` owns or borrows
/// the model.
pub struct Batch<M, K> {
    model: M,
    limits: Limits,
    waiting: VecDeque<(K, Request)>,
    running: Vec<Sequence<K>>,
}

/// A job that has begun.
struct Sequence<K> {
    key: K,
    /// The input and what is generated so far.
    tokens: Vec<u32>,
    tokens_in: usize,
    max_tokens_out: u32,
    sampling: Sampling,
    /// Tokens whose keys and values are in the cache.
    done: usize,
    cache: Cache,
    /// The caller has seen enough.
    broken: bool,
}

impl<M: Deref<Target = Model>, K> Batch<M, K> {
    /// An empty batch.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the model is an encoder, which generates nothing and runs whole
    /// batches with [`Model::run_batch`], or a limit is 0.
    pub fn new(model: M, limits: Limits) -> Result<Self> {
        model.decoder()?;
        if limits.jobs == 0 || limits.cache_tokens == 0 || limits.chunk == 0 {
            return Err(Error::Unsupported("a batch needs limits of at least 1".into()));
        }
        Ok(Self { model, limits, waiting: VecDeque::new(), running: Vec::new() })
    }

    /// Adds a job. It begins with the next step that has room for it, in the order of arrival.
    ///
    /// # Errors
    /// [`Error::Input`] if the request doesn't fit the model; [`Error::Unsupported`] if it needs
    /// more cache than the batch may have.
    pub fn add(&mut self, key: K, request: Request) -> Result<()> {
        Input::check(&request, self.model.architecture())?;
        let (needed, most) = (cache_tokens(&request), self.limits.cache_tokens);
        if needed > most {
            return Err(Error::Unsupported(format!(
                "the job needs a cache of {needed} tokens and the batch has one of {most}: raise \
                 its limit"
            )));
        }
        self.waiting.push_back((key, request));
        Ok(())
    }

    /// Jobs that are not finished.
    pub fn len(&self) -> usize {
        self.waiting.len().saturating_add(self.running.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of keys and values that the jobs under way have.
    pub fn cache_bytes(&self) -> usize {
        let bytes = |decoder: &Decoder| {
            self.running.iter().map(|sequence| decoder.cache_bytes(sequence.done)).sum()
        };
        self.model.decoder().map_or(0, bytes)
    }

    /// One pass through the model. Returns the jobs that it finished.
    pub fn step(&mut self) -> Vec<(K, Result<Run>)> {
        self.step_with(&mut |_, _| ControlFlow::Continue(()))
    }

    /// [`step`](Self::step), telling `drawn` of every token that a job draws. A job is finished
    /// where `drawn` breaks.
    pub fn step_with(
        &mut self,
        drawn: &mut dyn FnMut(&K, u32) -> ControlFlow<()>,
    ) -> Vec<(K, Result<Run>)> {
        let mut finished = self.admit();
        if let Err(error) = self.advance(drawn) {
            let what = match &error {
                Error::Compute(what) => what.clone(),
                other => other.to_string(),
            };
            let failed = self.running.drain(..);
            finished.extend(failed.map(|s| (s.key, Err(Error::Compute(what.clone())))));
            return finished;
        }
        let config = self.model.decoder().map(|decoder| *decoder.config());
        let ended = |sequence: &mut Sequence<K>| {
            let generated = sequence.tokens.get(sequence.tokens_in..).unwrap_or_default();
            sequence.broken
                || generated.len() >= sequence.max_tokens_out as usize
                || generated
                    .last()
                    .zip(config.as_ref().ok())
                    .is_some_and(|(token, config)| config.is_stop(*token))
        };
        for sequence in self.running.extract_if(.., ended) {
            let generated = sequence.tokens.get(sequence.tokens_in..).unwrap_or_default();
            let tokens_out = u32::try_from(generated.len()).unwrap_or(u32::MAX);
            let tokens_in = u32::try_from(sequence.tokens_in).unwrap_or(u32::MAX);
            let run = Run {
                output: generated.iter().flat_map(|token| token.to_le_bytes()).collect(),
                tokens_out,
                work: self.model.architecture().work(tokens_in, tokens_out),
            };
            finished.push((sequence.key, Ok(run)));
        }
        finished
    }

    /// Begins jobs that wait, in order, while there is room. Returns those that can't.
    fn admit(&mut self) -> Vec<(K, Result<Run>)> {
        let mut failed = Vec::new();
        let mut reserved: usize = self.running.iter().map(Sequence::reserved).sum();
        while self.running.len() < self.limits.jobs {
            let Some((_, request)) = self.waiting.front() else { break };
            let needed = cache_tokens(request);
            if reserved.saturating_add(needed) > self.limits.cache_tokens {
                break;
            }
            let Some((key, request)) = self.waiting.pop_front() else { break };
            match self.model.decoder().and_then(Decoder::cache) {
                Ok(cache) => {
                    reserved = reserved.saturating_add(needed);
                    self.running.push(Sequence {
                        key,
                        tokens_in: request.tokens.len(),
                        tokens: request.tokens,
                        max_tokens_out: request.max_tokens_out,
                        sampling: request.sampling,
                        done: 0,
                        cache,
                        broken: false,
                    });
                }
                Err(error) => failed.push((key, Err(error))),
            }
        }
        failed
    }

    /// Takes every job that is generating one token further and puts more of the others' inputs
    /// through.
    fn advance(&mut self, drawn: &mut dyn FnMut(&K, u32) -> ControlFlow<()>) -> Result<()> {
        let mut room = self.limits.chunk;
        let mut batch = Vec::with_capacity(self.running.len());
        let mut taken = Vec::with_capacity(self.running.len());
        for sequence in &mut self.running {
            let all = sequence.tokens.get(sequence.done..).unwrap_or_default();
            let generating = sequence.tokens.len() > sequence.tokens_in;
            let rows = if generating { all.len() } else { all.len().min(room) };
            if !generating {
                room -= rows;
            }
            taken.push(rows);
            let Some(tokens) = all.get(..rows).filter(|rows| !rows.is_empty()) else { continue };
            let position = u32::try_from(sequence.tokens.len()).unwrap_or(u32::MAX);
            let draw = Draw { sampling: sequence.sampling, position };
            let draw = (rows == all.len()).then_some(draw);
            batch.push(Rows { tokens, cache: &mut sequence.cache, draw, observer: None });
        }
        if batch.is_empty() {
            return Ok(());
        }
        let decoder = self.model.decoder()?;
        let tokens = self.model.pools().run(|| decoder.forward(&mut batch))?;
        drop(batch);
        let mut tokens = tokens.into_iter();
        for (sequence, rows) in self.running.iter_mut().zip(taken) {
            sequence.done = sequence.done.saturating_add(rows);
            if rows > 0 && sequence.done == sequence.tokens.len() {
                let token = tokens
                    .next()
                    .ok_or_else(|| Error::Compute("a row without its token".into()))?;
                sequence.tokens.push(token);
                sequence.broken = drawn(&sequence.key, token).is_break();
            }
        }
        Ok(())
    }
}

impl<K> Sequence<K> {
    /// Tokens of the cache that it may need.
    fn reserved(&self) -> usize {
        reserve(self.tokens_in, self.max_tokens_out)
    }
}

fn cache_tokens(request: &Request) -> usize {
    reserve(request.tokens.len(), request.max_tokens_out)
}

/// The last token of the output has no row.
fn reserve(tokens_in: usize, max_tokens_out: u32) -> usize {
    tokens_in.saturating_add(max_tokens_out as usize).saturating_sub(1)
}
