//! What is stored of a model and a version, and what is accepted of a specification.
//!
//! Nothing here knows the pallet. How ownership and status change is in
//! [`vigil_primitives::registry`], which datasets share.

use vigil_primitives::{
    architecture::{Architecture, InvalidArchitecture},
    model::VersionSpec,
    registry::{self, check_sources},
    terms::InvalidTerms,
};

/// A model.
pub type Model<AccountId> = registry::Entry<AccountId>;

/// A published version.
pub type PublishedVersion = registry::Published<VersionSpec>;

/// Why a specification was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// The architecture breaks a bound.
    Architecture(InvalidArchitecture),
    /// The operator set is not among the supported ones.
    UnsupportedOpSet,
    /// The architecture has weights of another length.
    WrongWeightsLength,
    /// The terms are not ones that a version may have.
    Terms(InvalidTerms),
    /// Something that models and datasets have in common is wrong.
    Registry(registry::RegistryError),
}

impl From<registry::RegistryError> for SpecError {
    fn from(refused: registry::RegistryError) -> Self {
        Self::Registry(refused)
    }
}

/// Checks everything about a specification that the chain can know without the package.
///
/// `weights_len` says how long the weights of an architecture are; it is asked only for one that is
/// valid.
pub fn check_spec(
    spec: &VersionSpec,
    op_sets: &[u16],
    weights_len: impl FnOnce(&Architecture) -> u64,
) -> Result<(), SpecError> {
    spec.architecture.validate().map_err(SpecError::Architecture)?;
    if !op_sets.contains(&spec.op_set) {
        return Err(SpecError::UnsupportedOpSet);
    }
    if spec.weights.len != weights_len(&spec.architecture) {
        return Err(SpecError::WrongWeightsLength);
    }
    spec.terms.check().map_err(SpecError::Terms)?;
    check_sources(&spec.sources)?;
    Ok(())
}
