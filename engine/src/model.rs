//! A loaded package, and its runs.

use crate::{
    decoder::{Decoder, Rows},
    encoder::Encoder,
    error::Input,
    package::Package,
    pool::Pools,
    trace::Observer,
    Batch, Error, Kernel, Limits, Result,
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::ops::ControlFlow;
use vigil_architecture::{Architecture, Sampling};
use vigil_ops::tensor;

/// Most tokens of texts that go through an encoder together, unless one text has more. It bounds
/// the memory of a batch and keeps its tensors within a processor's second cache; it changes no
/// byte.
const GROUP: usize = 128;

/// Rows whose logits are computed together, so that those of a long input need little memory.
const LOGITS: usize = 64;

/// How to run a model. None of it changes a byte of any output.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The kernel; `None` for the fastest that the processor has.
    pub kernel: Option<Kernel>,
    /// Threads of one run. Runs at the same time have that many each.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { kernel: None, threads: 1 }
    }
}

/// A model in memory, ready to run. It can be shared between threads, and outlives its package.
pub struct Model {
    architecture: Architecture,
    kernel: Kernel,
    family: Family,
    pools: Pools,
}

/// The weights, laid out.
enum Family {
    Encoder(Encoder),
    Decoder(Decoder),
}

/// What a run is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The input.
    pub tokens: Vec<u32>,
    /// Most tokens to generate; 0 for an encoder.
    pub max_tokens_out: u32,
    /// How tokens are drawn; greedy for an encoder.
    pub sampling: Sampling,
}

impl Request {
    /// The embedding of an input, by an encoder.
    pub fn embed(tokens: impl Into<Vec<u32>>) -> Self {
        Self { tokens: tokens.into(), max_tokens_out: 0, sampling: Sampling::Greedy }
    }

    /// At most `max_tokens_out` tokens that continue an input, by a language model.
    pub fn generate(tokens: impl Into<Vec<u32>>, max_tokens_out: u32, sampling: Sampling) -> Self {
        Self { tokens: tokens.into(), max_tokens_out, sampling }
    }
}

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The output: of an encoder its embedding, f32 little-endian; of a language model the tokens
    /// it generated, u32 little-endian.
    pub output: Vec<u8>,
    /// Tokens generated; 0 for an encoder.
    pub tokens_out: u32,
    /// Multiply-accumulates, as the chain counts them.
    pub work: u64,
}

impl Run {
    /// BLAKE3 of the output.
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&self.output).into()
    }
}

impl Model {
    /// Lays the weights of a package out for a kernel.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the processor lacks the kernel or `threads` is 0.
    pub fn load(package: &Package, options: &Options) -> Result<Self> {
        let kernel = options.kernel.unwrap_or_else(Kernel::best);
        if !kernel.is_available() {
            let available: Vec<_> = Kernel::available().iter().map(Kernel::to_string).collect();
            return Err(Error::Unsupported(format!(
                "this processor cannot run the {kernel} kernel: choose {}",
                available.join(" or ")
            )));
        }
        let pools = Pools::new(options.threads)?;
        let family = pools.run(|| match package.architecture() {
            Architecture::Encoder(_) => Ok(Family::Encoder(Encoder::load(package, kernel)?)),
            Architecture::Decoder(_) => Ok(Family::Decoder(Decoder::load(package, kernel)?)),
        })?;
        Ok(Self { architecture: *package.architecture(), kernel, family, pools })
    }

    /// Family and hyperparameters.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The kernel it runs with.
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Runs one job.
    ///
    /// # Errors
    /// [`Error::Input`] if the request doesn't fit the model.
    pub fn run(&self, request: &Request) -> Result<Run> {
        let mut runs = self.run_batch(std::slice::from_ref(request))?;
        runs.pop().ok_or_else(|| Error::Compute("a job without a run".into()))
    }

    /// Runs jobs together, which is faster. The bytes of each are those it has alone.
    ///
    /// # Errors
    /// [`Error::Input`] for the first job that doesn't fit the model; nothing is run then.
    pub fn run_batch(&self, jobs: &[Request]) -> Result<Vec<Run>> {
        for job in jobs {
            Input::check(job, &self.architecture)?;
        }
        match &self.family {
            Family::Encoder(encoder) => self.pools.run(|| self.embed(encoder, jobs)),
            Family::Decoder(_) => {
                let mut batch = Batch::new(self, Limits::default())?;
                for (number, job) in jobs.iter().enumerate() {
                    batch.add(number, job.clone())?;
                }
                let mut runs = Vec::with_capacity(jobs.len());
                while !batch.is_empty() {
                    for (number, run) in batch.step() {
                        runs.push((number, run?));
                    }
                }
                runs.sort_by_key(|(number, _)| *number);
                Ok(runs.into_iter().map(|(_, run)| run).collect())
            }
        }
    }

    /// Runs one job of a language model and hands over each token as it is drawn. Where the caller
    /// breaks, the run ends with the tokens it has.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`Error::Unsupported`] if the model is an encoder.
    pub fn generate(
        &self,
        request: &Request,
        on_token: &mut dyn FnMut(u32) -> ControlFlow<()>,
    ) -> Result<Run> {
        let mut batch = Batch::new(self, Limits::default())?;
        batch.add((), request.clone())?;
        while !batch.is_empty() {
            if let Some((_, run)) = batch.step_with(&mut |_, token| on_token(token)).pop() {
                return run;
            }
        }
        Err(Error::Compute("a job without a run".into()))
    }

    /// Calls `row` with each position of an input and the logits behind it, one for each token id:
    /// what the next token is drawn from.
    ///
    /// # Errors
    /// [`Error::Input`] if the tokens don't fit the model; [`Error::Unsupported`] if it is an
    /// encoder.
    pub fn logits(&self, tokens: &[u32], row: &mut dyn FnMut(usize, &[f32])) -> Result<()> {
        let decoder = self.decoder()?;
        Input::check_tokens(tokens, &self.architecture)?;
        let vocabulary = self.architecture.vocabulary() as usize;
        let mut cache = decoder.cache()?;
        let mut position = 0usize;
        for tokens in tokens.chunks(LOGITS) {
            let rows = Rows { tokens, cache: &mut cache, draw: None, observer: None };
            let logits = self.pools.run(|| decoder.logits(rows))?; // (rows * vocabulary)
            for logits in logits.flatten_all()?.to_vec1::<f32>()?.chunks(vocabulary) {
                row(position, logits);
                position = position.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Runs over tokens for an observer, so many rows at once, as far as it asks for.
    pub(crate) fn observe(
        &self,
        tokens: &[u32],
        chunk: usize,
        observer: &mut Observer,
    ) -> Result<()> {
        match &self.family {
            Family::Encoder(encoder) => self.pools.run(|| {
                let tokens = Tensor::new(tokens, &Device::Cpu)?; // (rows)
                encoder.observe(&tokens, observer)
            }),
            Family::Decoder(decoder) => {
                let mut cache = decoder.cache()?;
                for tokens in tokens.chunks(chunk) {
                    self.pools.run(|| decoder.observe(tokens, &mut cache, observer))?;
                }
                Ok(())
            }
        }
    }

    /// Bytes that the keys and values of so many tokens take; 0 with an encoder, which keeps none.
    pub fn cache_bytes(&self, tokens: usize) -> usize {
        self.decoder().map_or(0, |decoder| decoder.cache_bytes(tokens))
    }

    /// The model as a decoder.
    pub(crate) fn decoder(&self) -> Result<&Decoder> {
        match &self.family {
            Family::Decoder(decoder) => Ok(decoder),
            Family::Encoder(_) => Err(Error::Unsupported(
                "the model is an encoder and generates no tokens: take a language model".into(),
            )),
        }
    }

    pub(crate) fn pools(&self) -> &Pools {
        &self.pools
    }

    fn embed(&self, encoder: &Encoder, jobs: &[Request]) -> Result<Vec<Run>> {
        let groups: Vec<&[Request]> = groups(jobs).collect();
        let threads = rayon::current_num_threads();
        // Threads that each take whole groups never wait for each other, if there are enough.
        let embeddings: Result<Vec<_>> =
            if groups.len().next_multiple_of(threads) * 4 <= groups.len() * 5 {
                let embed = |group: &&[Request]| tensor::alone(|| embed(encoder, group));
                groups.par_iter().with_max_len(1).map(embed).collect()
            } else {
                groups.iter().map(|group| embed(encoder, group)).collect()
            };
        let runs = jobs.iter().zip(embeddings?.into_iter().flatten()).map(|(job, embedding)| Run {
            output: embedding.iter().flat_map(|x| x.to_le_bytes()).collect(),
            tokens_out: 0,
            work: self.architecture.work(u32::try_from(job.tokens.len()).unwrap_or(u32::MAX), 0),
        });
        Ok(runs.collect())
    }
}

/// The embeddings of several texts.
fn embed(encoder: &Encoder, jobs: &[Request]) -> Result<Vec<Vec<f32>>> {
    let lengths: Vec<usize> = jobs.iter().map(|job| job.tokens.len()).collect();
    let tokens: Vec<u32> = jobs.iter().flat_map(|job| &job.tokens).copied().collect();
    let tokens = Tensor::new(tokens, &Device::Cpu)?; // (rows)
    Ok(encoder.forward(&tokens, &lengths)?.to_vec2()?) // (jobs, hidden)
}

/// Jobs in groups of one or more, of up to [`GROUP`] tokens.
fn groups(mut jobs: &[Request]) -> impl Iterator<Item = &[Request]> {
    std::iter::from_fn(move || {
        let mut tokens = 0usize;
        let fitting = jobs.iter().take_while(|job| {
            tokens = tokens.saturating_add(job.tokens.len());
            tokens <= GROUP
        });
        let (group, rest) = jobs.split_at_checked(fitting.count().max(1))?;
        jobs = rest;
        Some(group)
    })
}
