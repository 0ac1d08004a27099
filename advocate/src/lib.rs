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

pub mod pursuit;
pub mod watch;
pub mod withheld;

pub use pursuit::{Progress, Pursuit};
pub use watch::{Drawn, Watch};
pub use withheld::Withheld;

use vigil_engine::{trace::Replay, Mistake, Model, Package, Request};
use vigil_game::{
    players::{token_proof, Player},
    Rules,
};
use vigil_primitives::dispute::{Claim, Dispute, Ground, Move, Stage};

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

    /// The first mistake of a claim; `None` if it is right. `output` are the bytes that it claims.
    ///
    /// # Errors
    /// [`Error::Engine`] if the input doesn't fit the model.
    pub fn examine(
        &self,
        claim: &Claim,
        input: &[u32],
        output: &[u8],
    ) -> Result<Option<Mistake>, Error> {
        let request = Request {
            tokens: input.to_vec(),
            max_tokens_out: claim.max_tokens_out,
            sampling: claim.sampling,
        };
        Ok(self.model.verify(&request, output)?)
    }

    /// The move of the side whose turn it is; `None` of a challenger that sees nothing wrong.
    ///
    /// # Errors
    /// The claim has no trace, or its run can't be computed.
    pub fn play(&self, case: &Case) -> Result<Option<Move>, Error> {
        let Case { dispute, input, output } = case;
        let claim = &dispute.claim;
        if dispute.stage == Stage::Ground {
            let mistake = self.examine(claim, input, output)?;
            return Ok(mistake.and_then(|mistake| ground(mistake, output)).map(Move::Ground));
        }
        let rules = Rules::new(claim, dispute.token).ok_or(Error::NoTrace)?;
        let replay = Replay::new(self.model, self.package, case.tokens(), claim.sampling)?;
        Ok(Player::new(replay, output.clone()).play(&rules, &dispute.stage)?)
    }
}

/// What a claim with this mistake is challenged for. `output` are the bytes that it claims: they were
/// fetched by their hash and their length, so that there is no ground in [`Mistake::Length`].
pub fn ground(mistake: Mistake, output: &[u8]) -> Option<Ground> {
    match mistake {
        Mistake::Vector => Some(Ground::Vector),
        Mistake::Length => None,
        mistake => mistake.position().and_then(|position| {
            Some(Ground::Token { position, proof: token_proof(output, position)? })
        }),
    }
}
