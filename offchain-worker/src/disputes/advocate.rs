//! Who computes moves: a run of the model again, and a player of the game with it.

use crate::executor::{Failure, Models};
use vigil_engine::{trace::Replay, Mistake, Request};
use vigil_game::{
    players::{token_proof, Player},
    Rules,
};
use vigil_primitives::{
    dispute::{Claim, Dispute, Ground, Move, Stage},
    ModelVersionId,
};

/// A dispute, and the bytes that it is about.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What the chain says of it.
    pub(crate) dispute: Dispute,
    /// The tokens that went in.
    pub(crate) input: Vec<u32>,
    /// What came out, as it is claimed.
    pub(crate) output: Vec<u8>,
}

/// Computes moves. Calls block: they belong on a thread of their own.
pub(crate) trait Advocate: Send + Sync + 'static {
    /// Whether it can do so for a version.
    fn knows(&self, version: ModelVersionId) -> bool;

    /// The move of the side whose turn it is; `None` of a challenger that sees nothing wrong.
    fn play(&self, case: &Case) -> Result<Option<Move>, Failure>;

    /// Why a claim is wrong; `None` if it is right. `output` are the bytes that it claims.
    fn examine(
        &self,
        claim: &Claim,
        input: &[u32],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure>;
}

impl Advocate for Models {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.with_package(version).is_some()
    }

    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        let Case { dispute, input, output } = case;
        let claim = &dispute.claim;
        if dispute.stage == Stage::Ground {
            return Ok(self.examine(claim, input, output)?.map(Move::Ground));
        }
        let missing = || Failure::Unable(format!("version {} is not loaded", claim.version));
        let (model, package) = self.with_package(claim.version).ok_or_else(missing)?;
        let unfit = || Failure::Unable("the claim has no trace".into());
        let rules = Rules::new(claim, dispute.token).ok_or_else(unfit)?;
        let position = dispute.token.map_or(0, |token| token.position);
        let before = output.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id));
        let before = before.take(position as usize);
        let tokens = input.iter().copied().chain(before).collect();
        let failed = |error: vigil_engine::Error| Failure::Unable(error.to_string());
        let replay = Replay::new(model, package, tokens, claim.sampling).map_err(failed)?;
        Player::new(replay, output.clone()).play(&rules, &dispute.stage).map_err(failed)
    }

    fn examine(
        &self,
        claim: &Claim,
        input: &[u32],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure> {
        let missing = || Failure::Unable(format!("version {} is not loaded", claim.version));
        let (model, _) = self.with_package(claim.version).ok_or_else(missing)?;
        let request = Request {
            tokens: input.to_vec(),
            max_tokens_out: claim.max_tokens_out,
            sampling: claim.sampling,
        };
        let mistake = model.verify(&request, output);
        let mistake = mistake.map_err(|error| Failure::Unable(error.to_string()))?;
        Ok(match mistake {
            None => None,
            Some(Mistake::Vector) => Some(Ground::Vector),
            // The bytes were fetched by their hash and their length: there is nothing to show.
            Some(Mistake::Length) => None,
            Some(mistake) => mistake.position().and_then(|position| {
                Some(Ground::Token { position, proof: token_proof(output, position)? })
            }),
        })
    }
}
