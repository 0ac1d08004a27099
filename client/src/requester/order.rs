//! What is asked of a model and offered for it, and whether the chain would take it.

use super::{terms, Error, Requester, Result};
use crate::{blobs, Amount};
use vigil_primitives::{
    job::{tokens_to_bytes, Input, JobSpec, Policy, MAX_INLINE_INPUT},
    model::{VersionStatus, VersionView},
    terms::AcceptedTerms,
    worker::Region,
    AccountId, Architecture, Balance, BlockNumber, ContentHash, Sampling,
};

/// Most tokens that a language model generates when nothing else was asked for.
const USUAL: u32 = 256;

/// The most to pay for a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Price {
    /// What every worker that a quote has seen would take.
    #[default]
    Auto,
    /// This much.
    Fixed(Amount),
}

/// What is offered for a run, and which terms are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The most to pay, everything included; the rest comes back.
    pub max_price: Price,
    /// Workers that run it independently.
    pub replicas: u8,
    /// Whether an auditor runs it too for certain, whom the requester pays like a worker.
    pub audited: bool,
    /// Where workers and auditor have to be.
    pub region: Option<Region>,
    /// Blocks that a result waits before it is paid; the chain's shortest when left out.
    pub challenge_window: Option<BlockNumber>,
    /// Blocks within which a worker must be drawn, at most as many as the chain allows.
    pub deadline_in: BlockNumber,
    /// The use is commercial.
    pub commercial: bool,
    /// Accept no other licence than the one with this hash.
    pub licence: Option<ContentHash>,
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            max_price: Price::Auto,
            replicas: 1,
            audited: false,
            region: None,
            challenge_window: None,
            deadline_in: 300,
            commercial: false,
            licence: None,
        }
    }
}

/// How a language model is asked to generate. Encoders take none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Most tokens to generate; 256, or as many as fit, when left out.
    pub max_tokens: Option<u32>,
    /// How tokens are chosen.
    pub sampling: Sampling,
}

impl Default for Generation {
    fn default() -> Self {
        Self { max_tokens: None, sampling: Sampling::Greedy }
    }
}

impl Generation {
    /// Most tokens that a run behind so many tokens is asked for. Whether the model can run it is
    /// for [`Architecture::check_run`] to say.
    pub fn max_tokens_out(&self, tokens_in: u32, architecture: &Architecture) -> u32 {
        let usual = match architecture {
            Architecture::Encoder(_) => 0,
            Architecture::Decoder(_) => USUAL.min(architecture.max_tokens_out(tokens_in)),
        };
        self.max_tokens.unwrap_or(usual)
    }
}

/// How runs are to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// What is offered for each.
    pub offer: Offer,
    /// How a language model is to generate.
    pub generation: Generation,
    /// Whether the workers are given the inputs by hash, instead of reading them from the chain.
    pub by_hash: bool,
}

/// Runs that the chain would take now, with what they cost at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// One for each input, in their order.
    pub runs: Vec<Planned>,
    /// The terms that are accepted with each.
    pub accepted: AcceptedTerms,
    /// What is held for all of them: the prices, and the time they may wait for a worker.
    pub total: Balance,
}

/// A run that the chain would take now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The token ids of the input.
    pub tokens: Vec<u32>,
    /// What is submitted.
    pub spec: JobSpec<BlockNumber>,
}

impl Requester {
    /// Checks everything that can be checked before money is held, and prices every run. `inputs`
    /// are token ids.
    ///
    /// # Errors
    /// The first reason why the chain, or every worker, would refuse.
    pub async fn plan(
        &self,
        version: &VersionView,
        inputs: Vec<Vec<u32>>,
        order: &Order,
    ) -> Result<Plan> {
        if version.status == VersionStatus::Revoked {
            return Err(Error::Revoked(version.id));
        }
        let Order { offer, generation, by_hash } = order;
        let accepted = terms::accept(offer, version)?;
        let architecture = &version.spec.architecture;
        let mut runs = Vec::new();
        for (index, tokens) in inputs.into_iter().enumerate() {
            let out = check(index, &tokens, architecture, generation, *by_hash)?;
            runs.push((tokens, out));
        }
        let account = self.key()?.account().clone();
        terms::check_access(&self.client, version, &account, runs.len()).await?;
        let prices = self.prices(version.id, &runs, offer).await?;

        let parameters = self.client.best().parameters().await?;
        // The blocks until the transactions are included count too.
        let within = offer.deadline_in.min(parameters.max_duration.saturating_sub(1)).max(1);
        let waiting = parameters.waiting_fee.saturating_mul(within.into());
        let total = self.affordable(&prices, waiting, account).await?;
        let (shortest, longest) = parameters.challenge_window;
        let window = offer.challenge_window.unwrap_or(shortest);
        if !(shortest..=longest).contains(&window) {
            return Err(Error::WindowOutOfRange { asked: window, shortest, longest });
        }
        let deadline = self.client.best_head().await?.number.saturating_add(within);
        let planned = runs.into_iter().zip(prices).enumerate().map(|(index, (run, price))| {
            let (tokens, max_tokens_out) = run;
            let spec = JobSpec {
                version: version.id,
                terms: accepted,
                input: on_chain(index, &tokens, *by_hash)?,
                max_tokens_out,
                sampling: generation.sampling,
                policy: Policy {
                    replicas: offer.replicas,
                    challenge_window: window,
                    audited: offer.audited,
                    region: offer.region,
                },
                max_price: price,
                deadline,
            };
            Ok(Planned { tokens, spec })
        });
        Ok(Plan { runs: planned.collect::<Result<_>>()?, accepted, total })
    }

    /// What all runs hold, if the account can spend it.
    async fn affordable(
        &self,
        prices: &[Balance],
        waiting: Balance,
        account: AccountId,
    ) -> Result<Balance> {
        let view = self.client.best();
        let balances = view.balances(&account).await?;
        let spendable = balances.spendable(view.existential_deposit().await?);
        let needed = prices
            .iter()
            .try_fold(0, |sum: Balance, price| sum.checked_add(*price)?.checked_add(waiting));
        match needed {
            Some(total) if total <= spendable => Ok(total),
            needed => Err(Error::Unaffordable { runs: prices.len(), needed, spendable, account }),
        }
    }
}

/// Checks an input as a worker would, before it costs anything, and returns the most tokens that are
/// to be generated behind it.
fn check(
    input: usize,
    tokens: &[u32],
    architecture: &Architecture,
    generation: &Generation,
    by_hash: bool,
) -> Result<u32> {
    let tokens_in = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let out = generation.max_tokens_out(tokens_in, architecture);
    architecture
        .check_run(tokens_in, out, generation.sampling)
        .map_err(|reason| Error::BadRun { input, reason })?;
    let vocabulary = architecture.vocabulary();
    if let Some(token) = tokens.iter().copied().find(|id| *id >= vocabulary) {
        return Err(Error::UnknownToken { input, token, vocabulary });
    }
    let bytes = tokens.len().saturating_mul(4);
    if !by_hash && bytes > MAX_INLINE_INPUT as usize {
        return Err(Error::TooLongForChain { input, bytes });
    }
    Ok(out)
}

/// The input as it is submitted.
fn on_chain(input: usize, tokens: &[u32], by_hash: bool) -> Result<Input> {
    let bytes = tokens_to_bytes(tokens);
    let too_long = Error::TooLongForChain { input, bytes: bytes.len() };
    if by_hash {
        let hash = blobs::content_hash(&bytes);
        let len = u32::try_from(bytes.len()).map_err(|_| too_long)?;
        return Ok(Input::Blob { hash, len });
    }
    bytes.try_into().map(Input::Inline).map_err(|_| too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{architecture::BadRun, samples, Encoder};

    fn encoder(positions: u32) -> Architecture {
        Architecture::Encoder(Encoder { positions, ..samples::encoder() })
    }

    fn check_for(tokens: &[u32], positions: u32, by_hash: bool) -> Result<u32> {
        check(0, tokens, &encoder(positions), &Generation::default(), by_hash)
    }

    #[test]
    fn check_should_refuse_what_no_worker_can_run() {
        let refused =
            |tokens: &[u32], positions, by_hash| check_for(tokens, positions, by_hash).unwrap_err();
        assert!(matches!(refused(&[], 4, false), Error::BadRun { reason: BadRun::NoInput, .. }));
        let long = refused(&[1; 5], 4, false);
        assert!(matches!(long, Error::BadRun { reason: BadRun::InputTooLong { .. }, .. }));
        assert!(matches!(refused(&[1, 100], 4, false), Error::UnknownToken { token: 100, .. }));
        let bytes = refused(&[1; 1_025], 2_000, false);
        assert!(matches!(bytes, Error::TooLongForChain { bytes: 4_100, .. }), "{bytes}");
        assert_eq!(check_for(&[1; 1_025], 2_000, true).unwrap(), 0);
        assert_eq!(check_for(&[1; 4], 4, false).unwrap(), 0);
    }

    #[test]
    fn a_generation_should_fit_behind_its_input() {
        let decoder = Architecture::Decoder(samples::decoder());
        let run = |max_tokens, tokens| {
            let generation = Generation { max_tokens, ..Generation::default() };
            check(0, &vec![1; tokens], &decoder, &generation, false)
        };
        assert_eq!(run(Some(5), 10).unwrap(), 5);
        assert_eq!(run(None, 10).unwrap(), 55, "as many as fit");
        assert_eq!(run(Some(1), 64).unwrap(), 1);
        let long = run(Some(56), 10).unwrap_err();
        let room = BadRun::TooManyTokensOut { asked: 56, tokens: 10, most: 55 };
        assert!(matches!(long, Error::BadRun { reason, .. } if reason == room), "{long}");
        assert!(matches!(
            run(None, 65).unwrap_err(),
            Error::BadRun { reason: BadRun::InputTooLong { .. }, .. }
        ));
    }

    #[test]
    fn an_encoder_should_be_asked_for_nothing() {
        let run = |generation| check(0, &[1; 3], &encoder(4), &generation, false).unwrap_err();
        let tokens = Generation { max_tokens: Some(1), ..Generation::default() };
        let asked = BadRun::GeneratesNothing { asked: 1 };
        assert!(matches!(run(tokens), Error::BadRun { reason, .. } if reason == asked));
        let sampling = Sampling::Gumbel { seed: 1, temperature: 1f32.to_bits(), min_p: 0 };
        let drawn = Generation { max_tokens: None, sampling };
        let nothing = BadRun::NothingToSample;
        assert!(matches!(run(drawn), Error::BadRun { reason, .. } if reason == nothing));
    }

    #[test]
    fn an_input_should_go_inline_or_by_hash() {
        assert_eq!(on_chain(0, &[1], false).unwrap().tokens(), Some(1));
        let blob = on_chain(0, &[1], true).unwrap();
        assert_eq!(blob, Input::Blob { hash: blobs::content_hash(&[1, 0, 0, 0]), len: 4 });
        assert!(on_chain(0, &[0; 1_025], false).is_err());
    }
}
