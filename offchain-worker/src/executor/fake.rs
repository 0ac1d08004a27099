//! A device in memory, for tests: it gives the tokens back, and remembers every step.

use super::compute::{Batch, Compute, Computed, Failure};
use crate::{disputes::Advocates, key::Key};
use std::{
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        Mutex,
    },
    time::Duration,
};
use vigil_advocate::Case;
use vigil_engine::{Request, Run};
use vigil_primitives::{
    dispute::{Claim, Ground, Move, Roots, Stage},
    JobId, ModelVersionId,
};

/// A version that [`Echo`] has.
pub(crate) const ONE: ModelVersionId = ModelVersionId { model: 0, version: 0 };
/// The other version that [`Echo`] has.
pub(crate) const OTHER: ModelVersionId = ModelVersionId { model: 0, version: 1 };

/// Gives the tokens back as bytes. Token 13 is not in its vocabulary. A request that may generate
/// tokens takes a step for each.
#[derive(Default)]
pub(crate) struct Echo {
    /// The numbers of the requests of every step.
    pub(crate) steps: Mutex<Vec<Vec<JobId>>>,
    /// How long a step takes, in milliseconds.
    pub(crate) time: AtomicUsize,
    /// Whatever is computed again comes out different.
    pub(crate) broken: AtomicBool,
}

impl Echo {
    /// How many requests every step had.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.steps.lock().unwrap().iter().map(Vec::len).collect()
    }

    /// How many steps a request was in.
    pub(crate) fn steps_of(&self, id: JobId) -> usize {
        self.steps.lock().unwrap().iter().filter(|step| step.contains(&id)).count()
    }
}

impl Advocates for Echo {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.has(version)
    }

    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        assert_eq!(case.input.len(), 2);
        if case.dispute.stage == Stage::Ground {
            return Ok(Some(Move::Ground(Ground::Vector)));
        }
        assert_eq!(case.output.len(), 8);
        Ok(Some(Move::Roots(Roots::default())))
    }

    /// A right output begins with the first token.
    fn examine(
        &self,
        _claim: &Claim,
        input: &[u8],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure> {
        let right = output.first().copied() == input.first().copied();
        Ok((!right).then_some(Ground::Vector))
    }
}

impl Compute for Echo {
    fn has(&self, version: ModelVersionId) -> bool {
        [ONE, OTHER].contains(&version)
    }

    fn batch(&self, _version: ModelVersionId) -> Box<dyn Batch + '_> {
        Box::new(EchoBatch { echo: self, requests: Vec::new() })
    }

    fn recheck(
        &self,
        _version: ModelVersionId,
        _request: &Request,
        _output: &[u8],
        _lot: u64,
    ) -> Result<bool, Failure> {
        Ok(!self.broken.load(Ordering::SeqCst))
    }
}

struct EchoBatch<'a> {
    echo: &'a Echo,
    requests: Vec<(Key, Request, u32)>,
}

impl Batch for EchoBatch<'_> {
    fn add(&mut self, key: Key, request: Request) {
        self.requests.push((key, request, 0));
    }

    fn step(&mut self) -> Vec<Computed> {
        let numbers = self.requests.iter().map(|(key, ..)| key.id).collect();
        self.echo.steps.lock().unwrap().push(numbers);
        std::thread::sleep(Duration::from_millis(self.echo.time.load(Ordering::SeqCst) as u64));
        let mut done = Vec::new();
        self.requests.retain_mut(|(key, request, steps)| {
            *steps += 1;
            let goes_on = *steps < request.max_tokens_out;
            if !goes_on {
                done.push((*key, echo(request)));
            }
            goes_on
        });
        done
    }

    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

fn echo(request: &Request) -> Result<Run, Failure> {
    if request.tokens.contains(&13) {
        return Err(Failure::BadRequest("token 13".into()));
    }
    let output = request.tokens.iter().flat_map(|token| token.to_be_bytes()).collect();
    Ok(Run { output, tokens_out: request.max_tokens_out, work: 1 })
}
