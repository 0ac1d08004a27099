//! A challenger of right results.

use crate::claimant::recording;
use std::sync::Arc;
use vigil_advocate::{Case, Wrong};
use vigil_engine::Mistake;
use vigil_game::{samples::LyingChallenger, Rules};
use vigil_primitives::{
    dispute::{Claim, Ground, Move, Side, Stage},
    Architecture, ModelVersionId,
};
use vigil_worker::{Advocates, Compute, Failure, Models};

/// Says of everything that it is wrong, and names anything on the way down.
pub(crate) struct Liar {
    pub(crate) models: Arc<Models>,
}

impl Advocates for Liar {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.models.has(version)
    }

    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        let dispute = &case.dispute;
        if dispute.stage.turn() == Side::Claimant || dispute.stage == Stage::Ground {
            return self.models.play(case);
        }
        let unable = |what: &str| Failure::Unable(what.into());
        let rules = Rules::new(&dispute.claim, dispute.token).ok_or_else(|| unable("no trace"))?;
        let (tokens, claim) = (case.tokens(), &dispute.claim);
        let run = recording(&self.models, claim.version, &tokens, claim.sampling)?;
        let seed = u64::from(dispute.moves);
        Ok(LyingChallenger::new(run, case.output.clone(), seed).play(&rules, &dispute.stage))
    }

    fn examine(
        &self,
        claim: &Claim,
        input: &[u8],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure> {
        let mistake = match claim.architecture {
            Architecture::Encoder(_) => Mistake::Vector,
            Architecture::Decoder(_) => Mistake::Token { position: 0, found: 0, right: 0 },
        };
        Ok(Wrong::Output(mistake).ground(input, output))
    }
}
