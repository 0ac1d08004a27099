//! What can go wrong, sorted by what the worker does about it.
//!
//! Only the reaction matters here: nobody looks into an error. So an error is a reaction and a
//! sentence for the operator.

use vigil_client::Reaction;

/// A result of this program.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// An error by reaction.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Try again after a while: a network, a node or a disk is not ready.
    #[error("{0}")]
    Temporary(String),
    /// What we knew of the chain is out of date: look again and decide anew.
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

    #[test]
    fn a_chain_that_is_too_old_should_end_the_program_with_one_sentence() {
        let old = vigil_client::Error::UnknownApi { api: "JobsApi", found: 0, needed: 1 };
        let Error::Critical(text) = Error::from(old) else { panic!("the worker would go on") };
        assert!(text.contains("no JobsApi") && text.contains("update the node"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}
