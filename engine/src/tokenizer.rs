//! Text to token ids, by the tokenizer of the package.
//!
//! Only whoever writes a job needs it: jobs carry token ids, and a worker never sees a tokenizer.
//! Ids come with the model's special tokens, without padding, and are never cut off silently.

use crate::{
    error::Input,
    package::{Package, TOKENIZER},
    Error, Result,
};
use std::path::Path;

/// The tokenizer of a package.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    positions: u32,
}

impl Tokenizer {
    /// Reads the tokenizer of a package.
    ///
    /// # Errors
    /// [`Error::Package`] if it doesn't parse or has ids outside the model's vocabulary.
    pub fn open(package: &Package) -> Result<Self> {
        let path = package.dir().join(TOKENIZER);
        let architecture = package.architecture();
        Self::parse(package.tokenizer(), architecture.vocabulary(), architecture.max_tokens_in())
            .map_err(|what| Error::package_at(&path, what))
    }

    /// Reads the tokenizer of a Hugging Face folder, for a model of `vocabulary` ids and
    /// `positions` tokens.
    pub(crate) fn from_source(
        bytes: &[u8],
        path: &Path,
        vocabulary: u32,
        positions: u32,
    ) -> Result<Self> {
        Self::parse(bytes, vocabulary, positions).map_err(|what| Error::source_at(path, what))
    }

    fn parse(bytes: &[u8], vocabulary: u32, positions: u32) -> std::result::Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|error| format!("the tokenizer does not parse: {error}"))?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        let largest = inner.get_vocab(true).into_iter().max_by_key(|(_, id)| *id);
        match largest {
            Some((token, id)) if id >= vocabulary => Err(format!(
                "the tokenizer has id {id} ({token:?}), the model's ids go from 0 to {}",
                vocabulary.saturating_sub(1)
            )),
            Some(_) => Ok(Self { inner, positions }),
            None => Err("the tokenizer has no tokens".into()),
        }
    }

    /// The token ids of `text`, with special tokens.
    ///
    /// # Errors
    /// [`Input::TooLong`] if there are more tokens than the model has positions.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, true)
            .map_err(|error| Error::Compute(format!("the tokenizer refuses the text: {error}")))?;
        let ids = encoding.get_ids();
        if ids.is_empty() {
            return Err(Input::Empty.into());
        }
        if u32::try_from(ids.len()).map_or(true, |tokens| tokens > self.positions) {
            return Err(Input::TooLong { tokens: ids.len(), most: self.positions }.into());
        }
        Ok(ids.to_vec())
    }
}
