//! Speaks for or against a result: runs the model again, and finds the moves of a dispute.
//!
//! The [game](vigil_game) knows no model, and the engine no chain. Here they meet, for the worker
//! that defends its results and for whoever challenges those of others.
//!
//! | module | holds |
//! |---|---|
//! | this one | [`Advocate`]: what is wrong with a claim, and the next move, from a run of the model |
//! | [`pursuit`] | one dispute played to its end by a key of ours, through a node |
//! | [`watch`] | which results of others are looked at |
//! | [`withheld`] | an input or an output, from what its claimant had to publish |
//!
//! Whoever watches looks at the results of others, and challenges what is wrong:
//!
//! ```
//! use vigil_advocate::{Watch, Wrong};
//! use vigil_primitives::{
//!     dispute::{ClaimId, End, Ground},
//!     job::{Output, Receipt},
//!     samples::{job, replica, settled},
//!     AccountId,
//! };
//!
//! // Two workers have been paid for job 7, this one and another.
//! let (other, me) = (AccountId::new([2; 32]), AccountId::new([3; 32]));
//! let output = Output { hash: [4; 32].into(), tokens: 0 };
//! let paid = settled(output, vec![replica(2, 40, 4), replica(3, 40, 4)], Receipt::default());
//!
//! let mut watch = Watch::new(100);
//! watch.take_in(watch.wanted(None), &[job(paid)], &me, |_| true);
//! let drawn = watch.take_out().unwrap();
//! assert_eq!(drawn.claim, ClaimId::Job { job: 7, worker: other });
//! assert_eq!(watch.take_out(), None);
//!
//! // What `Advocate::examine` finds is the ground of a challenge, with its proof.
//! let (input, output) = ([0; 8], [0; 12]);
//! let wrong = Wrong::Length { end: End::Output, len: 12, claimed: 8 };
//! assert!(matches!(wrong.ground(&input, &output), Some(Ground::Length { len: 12, .. })));
//! ```

pub mod pursuit;
pub mod watch;
pub mod withheld;

pub use pursuit::{Progress, Pursuit};
pub use watch::{Drawn, Watch};
pub use withheld::Withheld;

use vigil_engine::{trace::Replay, Mistake, Model, Package, Request};
use vigil_game::{
    players::{proof_of, token_proof, Player},
    rules::len_of,
    Rules,
};
use vigil_ops::proof;
use vigil_primitives::{
    dispute::{Claim, Dispute, End, Ground, Move, Stage},
    job::{bytes_to_tokens, tokens_to_bytes},
};

/// A dispute, and the bytes that it is about.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the chain says of it.
    pub dispute: Dispute,
    /// The tokens that went in.
    pub input: Vec<u32>,
    /// What came out, as it is claimed.
    pub output: Vec<u8>,
}

impl Case {
    /// The tokens that the disputed run goes over: the input, and the claimed output before the
    /// disputed token.
    pub fn tokens(&self) -> Vec<u32> {
        let position = self.dispute.token.map_or(0, |token| token.position);
        let output = self.output.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id));
        self.input.iter().copied().chain(output.take(position as usize)).collect()
    }
}

/// Why a claim can't be spoken about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The claim's run has no trace.
    #[error("the claim is about a run that has no trace")]
    NoTrace,
    /// The run can't be computed.
    #[error(transparent)]
    Engine(#[from] vigil_engine::Error),
}

/// A model with the package that it was loaded from. Calls block: they compute.
#[derive(Clone, Copy)]
pub struct Advocate<'a> {
    model: &'a Model,
    package: &'a Package,
}

impl<'a> Advocate<'a> {
    /// Of a model that was loaded from this package.
    pub fn new(model: &'a Model, package: &'a Package) -> Self {
        Self { model, package }
    }

    /// What is wrong with a claim; `None` if it is right. `input` and `output` are the bytes that it
    /// names by their hashes: they may be more or fewer than it says.
    ///
    /// # Errors
    /// [`Error::Engine`] if the input doesn't fit the model.
    pub fn examine(
        &self,
        claim: &Claim,
        input: &[u8],
        output: &[u8],
    ) -> Result<Option<Wrong>, Error> {
        for (end, bytes) in [(End::Input, input), (End::Output, output)] {
            let (len, claimed) = (bytes.len() as u64, len_of(claim, end));
            if len != claimed {
                return Ok(Some(Wrong::Length { end, len, claimed }));
            }
        }
        let request = Request {
            tokens: bytes_to_tokens(input).unwrap_or_default(),
            max_tokens_out: claim.max_tokens_out,
            sampling: claim.sampling,
        };
        Ok(self.model.verify(&request, output)?.map(Wrong::Output))
    }

    /// The move of the side whose turn it is; `None` of a challenger that sees nothing wrong.
    ///
    /// # Errors
    /// The claim has no trace, or its run can't be computed.
    pub fn play(&self, case: &Case) -> Result<Option<Move>, Error> {
        let Case { dispute, input, output } = case;
        let claim = &dispute.claim;
        if dispute.stage == Stage::Ground {
            let input = tokens_to_bytes(input);
            let wrong = self.examine(claim, &input, output)?;
            return Ok(wrong.and_then(|wrong| wrong.ground(&input, output)).map(Move::Ground));
        }
        let rules = Rules::new(claim, dispute.token).ok_or(Error::NoTrace)?;
        let replay = Replay::new(self.model, self.package, case.tokens(), claim.sampling)?;
        Ok(Player::new(replay, output.clone()).play(&rules, &dispute.stage)?)
    }
}

/// What is wrong with a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// What it names by its hash has another length than it says.
    Length {
        /// The input or the output.
        end: End,
        /// Bytes that there are.
        len: u64,
        /// Bytes that it says.
        claimed: u64,
    },
    /// The output is not what comes out.
    Output(Mistake),
}

impl Wrong {
    /// The token that is wrong; none of a vector, or of a length.
    pub fn position(self) -> Option<u32> {
        match self {
            Self::Length { .. } => None,
            Self::Output(mistake) => mistake.position(),
        }
    }

    /// What the claim is challenged for. `input` and `output` are the bytes that it names.
    pub fn ground(self, input: &[u8], output: &[u8]) -> Option<Ground> {
        match self {
            Self::Length { end, len, .. } => {
                let bytes = match end {
                    End::Input => input,
                    End::Output => output,
                };
                let mut proof = proof::Proof::default();
                if let Some(offset) = len.checked_sub(1) {
                    proof.open_bytes(bytes, &[proof::Bytes { offset, len: 1 }]).ok()?;
                }
                Some(Ground::Length { end, len, proof: proof_of(proof)? })
            }
            Self::Output(Mistake::Vector) => Some(Ground::Vector),
            Self::Output(mistake) => mistake.position().and_then(|position| {
                Some(Ground::Token { position, proof: token_proof(output, position)? })
            }),
        }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { end, len, claimed } => {
                let end = match end {
                    End::Input => "input",
                    End::Output => "output",
                };
                write!(f, "its {end} has {len} bytes, and is said to have {claimed}")
            }
            Self::Output(mistake) => mistake.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_game::{examine, samples::cases, Opened};
    use vigil_primitives::dispute::Fault;

    #[test]
    fn ends_of_another_length_should_be_grounds_that_convict() {
        for case in cases().into_iter().take(8) {
            let input = tokens_to_bytes(&case.input);
            for (end, bytes) in [(End::Input, &input), (End::Output, &case.output)] {
                // The claim names these bytes, and says that there are more.
                let mut claim = case.claim(&case.output);
                match end {
                    End::Input => claim.tokens_in += 1,
                    End::Output if claim.output.tokens > 0 => claim.output.tokens += 1,
                    End::Output => continue,
                }
                let len = bytes.len() as u64;
                let wrong = Wrong::Length { end, len, claimed: len_of(&claim, end) };
                let ground = wrong.ground(&input, &case.output).unwrap();
                let opened = examine(&claim, &ground).unwrap();
                assert_eq!(opened, Opened::Convicted(Fault::Length), "{wrong}");
            }
        }
    }
}
