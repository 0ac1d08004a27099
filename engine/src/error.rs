//! What can go wrong, sorted by what the caller does about it.
//!
//! A bad source is the model owner's to fix, a bad package must not be served, a bad input goes
//! back to whoever asked, and the rest is the machine's.

use crate::Request;
use std::{
    io,
    path::{Path, PathBuf},
};
use vigil_architecture::{Architecture, BadRun};

/// Result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A Hugging Face folder can't be packed or loaded. Its owner must change it.
    #[error("cannot use the model in {}: {what}", path.display())]
    Source {
        /// The folder or the file in it.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// A package is damaged, made for something else, or hostile. It must not be served.
    #[error("bad package: {}: {what}", path.display())]
    Package {
        /// The folder or the file in it.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// The input of a run is refused. Nothing was computed.
    #[error("bad input: {0}")]
    Input(#[from] Input),
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// This machine can't do what was asked, for instance a kernel it doesn't have.
    #[error("{0}")]
    Unsupported(String),
    /// The computation itself failed: a bug, or a machine out of memory or threads.
    #[error("the computation failed: {0}")]
    Compute(String),
}

/// Why an input is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Input {
    /// The model cannot run so many tokens, or not like this.
    #[error(transparent)]
    Run(#[from] BadRun),
    /// A token id is not in the vocabulary.
    #[error(
        "token id {id} at position {position} is not in the vocabulary: ids go from 0 to {}",
        vocabulary.saturating_sub(1)
    )]
    OutOfVocabulary {
        /// The id.
        id: u32,
        /// Its index in the input, from 0.
        position: usize,
        /// Number of token ids.
        vocabulary: u32,
    },
}

impl Input {
    /// Checks a request against what a model takes: at least one token, no more than its positions
    /// together with those to be generated, every id in its vocabulary, and a sampling in range.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check(request: &Request, architecture: &Architecture) -> std::result::Result<(), Self> {
        Self::check_tokens(&request.tokens, architecture)?;
        let tokens = count(&request.tokens);
        Ok(architecture.check_run(tokens, request.max_tokens_out, request.sampling)?)
    }

    /// Checks the tokens of an input alone: at least one, no more than the model's positions, every
    /// id in its vocabulary.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check_tokens(
        tokens: &[u32],
        architecture: &Architecture,
    ) -> std::result::Result<(), Self> {
        let vocabulary = architecture.vocabulary();
        architecture.check_input(count(tokens))?;
        match tokens.iter().enumerate().find(|(_, id)| **id >= vocabulary) {
            Some((position, id)) => Err(Self::OutOfVocabulary { id: *id, position, vocabulary }),
            None => Ok(()),
        }
    }
}

/// How many tokens there are. No model takes as many as a u32 cannot count.
fn count(tokens: &[u32]) -> u32 {
    u32::try_from(tokens.len()).unwrap_or(u32::MAX)
}

impl Error {
    /// Whether the package itself is at fault: fetching it again from the same source won't help.
    pub fn is_bad_package(&self) -> bool {
        matches!(self, Self::Package { .. })
    }

    /// Whether the input is at fault: no worker can run it.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::Input(_))
    }

    pub(crate) fn source_at(path: &Path, what: impl Into<String>) -> Self {
        Self::Source { path: path.into(), what: what.into() }
    }

    pub(crate) fn package_at(path: &Path, what: impl Into<String>) -> Self {
        Self::Package { path: path.into(), what: what.into() }
    }

    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Io { action: "read", path: path.into(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> Self {
        Self::Io { action: "write", path: path.into(), source }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(error.to_string())
    }
}
