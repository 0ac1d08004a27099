//! What can go wrong, sorted by what the worker does about it.

use vigil_client::Reaction;

/// A result of this program.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error by reaction.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Try again after a while: a network, a node or a disk is not ready.
    #[error("{0}")]
    Temporary(String),
    /// Our picture of the chain has passed: look again and decide anew.
    #[error("{0}")]
    Reset(String),
    /// A person has to act: the program ends with this sentence.
    #[error("{0}")]
    Critical(String),
}

impl Error {
    /// Whether the same attempt may succeed later.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Temporary(_))
    }
}

impl From<vigil_client::Error> for Error {
    fn from(error: vigil_client::Error) -> Self {
        let text = error.to_string();
        match error.reaction() {
            Reaction::Temporary => Self::Temporary(text),
            Reaction::Rejected => Self::Reset(text),
            Reaction::Fatal => Self::Critical(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_client_should_keep_their_reaction() {
        let error = Error::from(vigil_client::Error::PoolFull);
        assert!(error.is_temporary());
        let error = Error::from(vigil_client::Error::Invalid("no".into()));
        assert!(matches!(error, Error::Reset(_)));
        let error = Error::from(vigil_client::Error::Incompatible("no".into()));
        assert!(matches!(error, Error::Critical(_)));
    }
}
