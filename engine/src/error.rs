//! What can go wrong, sorted by what the caller does about it.
//!
//! A bad source is the model owner's to fix, a bad package must not be served, a bad input goes
//! back to whoever asked, and the rest is the machine's.

use crate::Request;
use std::{
    io,
    path::{Path, PathBuf},
};
use vigil_primitives::{Architecture, Sampling};

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
    /// There are no tokens.
    #[error("it has no tokens")]
    Empty,
    /// There are more tokens than the model has positions.
    #[error("it has {tokens} tokens, and the model takes at most {most}: shorten or split it")]
    TooLong {
        /// Tokens of the input.
        tokens: usize,
        /// Positions of the model.
        most: u32,
    },
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
    /// An encoder can't generate tokens.
    #[error("it asks for {asked} tokens of output, and the model is an encoder: ask for 0")]
    GeneratesNothing {
        /// Tokens that may be generated, by the request.
        asked: u32,
    },
    /// A language model must be allowed to generate at least one token.
    #[error("it asks for no tokens of output: ask for 1 or more")]
    NoTokensOut,
    /// Input and output together are longer than the model's positions.
    #[error(
        "it asks for {asked} tokens of output, and behind {tokens} tokens of input the model has \
         room for {most}: ask for fewer or shorten the input"
    )]
    TooManyTokensOut {
        /// Tokens that may be generated, by the request.
        asked: u32,
        /// Tokens of the input.
        tokens: usize,
        /// Tokens that the model can generate behind them.
        most: u32,
    },
    /// The parameters of the sampling are out of range, or the model doesn't sample.
    #[error("its sampling is out of range: {what}")]
    Sampling {
        /// What is wrong and what to do.
        what: &'static str,
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
        let (asked, tokens) = (request.max_tokens_out, request.tokens.len());
        let most = u32::try_from(tokens).map_or(0, |tokens| architecture.max_tokens_out(tokens));
        match architecture {
            Architecture::Encoder(_) if asked > 0 => return Err(Self::GeneratesNothing { asked }),
            Architecture::Encoder(_) if request.sampling != Sampling::Greedy => {
                return Err(Self::Sampling { what: "an encoder draws no tokens, leave it greedy" })
            }
            Architecture::Decoder(_) if asked == 0 => return Err(Self::NoTokensOut),
            Architecture::Decoder(_) if asked > most => {
                return Err(Self::TooManyTokensOut { asked, tokens, most })
            }
            _ => {}
        }
        if !request.sampling.is_valid() {
            return Err(Self::Sampling {
                what: "the temperature must be from 0.01 to 100 and min-p from 0 to 1",
            });
        }
        Ok(())
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
        let (most, vocabulary) = (architecture.max_tokens_in(), architecture.vocabulary());
        if tokens.is_empty() {
            return Err(Self::Empty);
        }
        if u32::try_from(tokens.len()).map_or(true, |tokens| tokens > most) {
            return Err(Self::TooLong { tokens: tokens.len(), most });
        }
        match tokens.iter().enumerate().find(|(_, id)| **id >= vocabulary) {
            Some((position, id)) => Err(Self::OutOfVocabulary { id: *id, position, vocabulary }),
            None => Ok(()),
        }
    }
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
