//! Who computes moves: an advocate for every version that is loaded.

use crate::executor::{Failure, Models};
use vigil_advocate::{Advocate, Case};
use vigil_primitives::{
    dispute::{Claim, Ground, Move},
    ModelVersionId,
};

/// Computes moves. Calls block: they belong on a thread of their own.
pub trait Advocates: Send + Sync + 'static {
    /// Whether it can do so for a version.
    fn knows(&self, version: ModelVersionId) -> bool;

    /// The move of the side whose turn it is; `None` of a challenger that sees nothing wrong.
    ///
    /// # Errors
    /// The version is not loaded, or its run can't be computed.
    fn play(&self, case: &Case) -> Result<Option<Move>, Failure>;

    /// Why a claim is wrong; `None` if it is right. `input` and `output` are the bytes that it names
    /// by their hashes.
    ///
    /// # Errors
    /// The version is not loaded, or its run can't be computed.
    fn examine(
        &self,
        claim: &Claim,
        input: &[u8],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure>;
}

impl Models {
    fn advocate(&self, version: ModelVersionId) -> Result<Advocate<'_>, Failure> {
        let found = self.with_package(version);
        let (model, package) =
            found.ok_or_else(|| Failure::Unable(format!("version {version} is not loaded")))?;
        Ok(Advocate::new(model, package))
    }
}

impl From<vigil_advocate::Error> for Failure {
    fn from(error: vigil_advocate::Error) -> Self {
        Self::Unable(error.to_string())
    }
}

impl Advocates for Models {
    fn knows(&self, version: ModelVersionId) -> bool {
        self.with_package(version).is_some()
    }

    fn play(&self, case: &Case) -> Result<Option<Move>, Failure> {
        Ok(self.advocate(case.dispute.claim.version)?.play(case)?)
    }

    fn examine(
        &self,
        claim: &Claim,
        input: &[u8],
        output: &[u8],
    ) -> Result<Option<Ground>, Failure> {
        let wrong = self.advocate(claim.version)?.examine(claim, input, output)?;
        Ok(wrong.and_then(|wrong| wrong.ground(input, output)))
    }
}
