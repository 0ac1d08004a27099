//! A worker whose results are wrong, and that stands for them.

use crate::{
    cheat::Cheat,
    fault::{ends_in, right, Fault, Flip},
    moves::{garbage, Moves},
};
use std::sync::Arc;
use vigil_advocate::{Case, Wrong};
use vigil_engine::{trace::Trace, Mistake, Model, Package, Request, Run};
use vigil_game::{Player, Rules};
use vigil_ops::trace::Recording;
use vigil_primitives::{
    dispute::{Claim, Ground, Move, Side, Stage},
    job::tokens_to_bytes,
    Architecture, ModelVersionId, Sampling,
};
use vigil_worker::{Advocates, Batch, Compute, Computed, Failure, Key, Models};

/// A worker that cheats in every job.
pub(crate) struct Claimant {
    pub(crate) models: Arc<Models>,
    pub(crate) cheat: Cheat,
    pub(crate) flip: Flip,
    pub(crate) moves: Moves,
}

fn unable(problem: impl ToString) -> Failure {
    Failure::Unable(problem.to_string())
}

/// The tokens of an output.
fn tokens_of(output: &[u8]) -> impl Iterator<Item = u32> + '_ {
    output.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id))
}

impl Claimant {
    fn model(&self, version: ModelVersionId) -> Result<(&Model, &Package), Failure> {
        let missing = || unable(format!("version {version} is not loaded"));
        self.models.with_package(version).ok_or_else(missing)
    }

    /// What it says comes out.
    fn run(&self, version: ModelVersionId, request: &Request) -> Result<Run, Failure> {
        let (model, _) = self.model(version)?;
        let honest = model.run(request).map_err(unable)?;
        let architecture = model.architecture();
        let output = match &self.cheat {
            Cheat::Honest => return Ok(honest),
            Cheat::Sampling => {
                let likeliest = Request { sampling: Sampling::Greedy, ..request.clone() };
                model.run(&likeliest).map_err(unable)?.output
            }
            cheat => match cheat.words(architecture, request, &honest.output) {
                Some(words) => words,
                None if request.max_tokens_out == 0 => {
                    self.recorded(version, &request.tokens, Sampling::Greedy)?.output().to_vec()
                }
                None => self.text(version, request, &honest.output)?,
            },
        };
        let tokens_out = match architecture {
            Architecture::Decoder(_) => tokens_of(&output).count() as u32,
            Architecture::Encoder(_) => 0,
        };
        Ok(Run { output, tokens_out, ..honest })
    }

    /// A text up to the first token that the fault changes; from there on it is another.
    fn text(
        &self,
        version: ModelVersionId,
        request: &Request,
        honest: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let (model, _) = self.model(version)?;
        let mut tokens = request.tokens.clone();
        for (position, id) in (0u32..).zip(tokens_of(honest)) {
            let drawn = self.recorded(version, &tokens, request.sampling)?.output().to_vec();
            let other = tokens_of(&drawn).next().unwrap_or_default();
            tokens.push(other);
            if other == id {
                continue;
            }
            let mut output: Vec<u8> = tokens_to_bytes(&tokens);
            output.drain(..request.tokens.len().saturating_mul(4));
            let made = position.saturating_add(1);
            let rest = request.max_tokens_out.saturating_sub(made);
            let ends = match model.architecture() {
                Architecture::Decoder(decoder) => {
                    decoder.is_stop(other) || other >= decoder.vocabulary
                }
                Architecture::Encoder(_) => true,
            };
            if rest > 0 && !ends {
                let after = Request { tokens, max_tokens_out: rest, ..request.clone() };
                output.extend_from_slice(&model.run(&after).map_err(unable)?.output);
            }
            return Ok(output);
        }
        Ok(honest.to_vec())
    }

    /// A run over known tokens, with its fault.
    fn recorded(
        &self,
        version: ModelVersionId,
        tokens: &[u32],
        sampling: Sampling,
    ) -> Result<Recording, Failure> {
        let (model, package) = self.model(version)?;
        let trace = trace_of(model, tokens, sampling)?;
        let weights = self.cheat.weights(&trace, package.weights());
        let fault = self.cheat.fault(self.flip, &trace);
        Recording::new(trace, tokens, &weights, fault).map_err(unable)
    }

    /// The run that it stands for in a dispute, where its output is `output`.
    fn stands_for(&self, case: &Case, output: &[u8]) -> Result<Recording, Failure> {
        let claim = &case.dispute.claim;
        let (tokens, sampling) = (case.tokens(), claim.sampling);
        let (model, package) = self.model(claim.version)?;
        let trace = trace_of(model, &tokens, sampling)?;
        let end = match case.dispute.token {
            Some(token) => output.chunks(4).nth(token.position as usize).unwrap_or_default(),
            None => output,
        };
        let made = match self.cheat {
            Cheat::Honest => right(),
            // No run gives it: its last operator is said to.
            Cheat::Random | Cheat::Truncated | Cheat::Early | Cheat::Late | Cheat::Sampling => {
                ends_in(&trace, end.to_vec())
            }
            _ => return self.recorded(claim.version, &tokens, sampling),
        };
        Recording::new(trace, &tokens, package.weights(), made).map_err(unable)
    }

    /// What it says in the case of another's result: that of its own.
    fn own(&self, case: &Case) -> Result<Vec<u8>, Failure> {
        let claim = &case.dispute.claim;
        let request = Request {
            tokens: case.input.clone(),
            max_tokens_out: claim.max_tokens_out,
            sampling: claim.sampling,
        };
        Ok(self.run(claim.version, &request)?.output)
    }

    /// It believes in its own result, and challenges the first that is another.
    fn ground(&self, case: &Case) -> Result<Option<Ground>, Failure> {
        let own = self.own(case)?;
        if own == case.output {
            return Ok(None);
        }
        let mistake = match case.dispute.claim.architecture {
            Architecture::Encoder(_) => Mistake::Vector,
            Architecture::Decoder(_) => {
                let same = tokens_of(&own).zip(tokens_of(&case.output)).take_while(|(a, b)| a == b);
                let last = (case.output.len() / 4).saturating_sub(1);
                let position = same.count().min(last) as u32;
                Mistake::Token { position, found: 0, right: 0 }
            }
        };
        Ok(Wrong::Output(mistake).ground(&tokens_to_bytes(&case.input), &case.output))
    }
}

fn trace_of(model: &Model, tokens: &[u32], sampling: Sampling) -> Result<Trace, Failure> {
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    Trace::new(model.architecture(), count, sampling).map_err(unable)
}

/// A run over known tokens that keeps every result, and is right.
pub(crate) fn recording(
    models: &Models,
    version: ModelVersionId,
    tokens: &[u32],
    sampling: Sampling,
) -> Result<Recording, Failure> {
    let missing = || unable(format!("version {version} is not loaded"));
    let (model, package) = models.with_package(version).ok_or_else(missing)?;
    let trace = trace_of(model, tokens, sampling)?;
    let fault: Fault = right();
    Recording::new(trace, tokens, package.weights(), fault).map_err(unable)
}

impl Compute for Claimant {
    fn has(&self, version: ModelVersionId) -> bool {
        self.models.has(version)
    }

    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_> {
        Box::new(OneByOne { claimant: self, version, requests: Vec::new() })
    }

    /// It believes in what it computes.
    fn recheck(&self, _: ModelVersionId, _: &Request, _: &[u8], _: u64) -> Result<bool, Failure> {
        Ok(true)
    }
}

struct OneByOne<'a> {
    claimant: &'a Claimant,
    version: ModelVersionId,
    requests: Vec<(Key, Request)>,
}

impl Batch for OneByOne<'_> {
    fn add(&mut self, key: Key, request: Request) {
        self.requests.push((key, request));
    }

    fn step(&mut self) -> Vec<Computed> {
        let next = self.requests.pop();
        let computed = next.map(|(key, request)| (key, self.claimant.run(self.version, &request)));
        computed.into_iter().collect()
    }

    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

impl Advocates for Claimant {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.models.has(version)
    }

    /// What its own run gives, unless it plays otherwise.
    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        let Case { dispute, output, .. } = case;
        let stage = &dispute.stage;
        let rules = Rules::new(&dispute.claim, dispute.token);
        match self.moves {
            Moves::Own => {}
            Moves::Silent => return Ok(None),
            Moves::Garbage => return Ok(Some(garbage(rules.as_ref(), stage))),
        }
        if *stage == Stage::Ground {
            return Ok(self.ground(case)?.map(Move::Ground));
        }
        let rules = rules.ok_or_else(|| unable("no trace"))?;
        let own = match stage.turn() {
            Side::Claimant => output.clone(),
            Side::Challenger => self.own(case)?,
        };
        let run = self.stands_for(case, &own)?;
        Player::new(run, output.clone()).play(&rules, stage).map_err(unable)
    }

    /// It sees nothing wrong with anybody.
    fn examine(&self, _: &Claim, _: &[u8], _: &[u8]) -> Result<Option<Ground>, Failure> {
        Ok(None)
    }
}
