//! Text to token ids and back, by the tokenizer of the package.
//!
//! Only whoever writes a job needs it: jobs carry token ids, and a worker never sees a tokenizer.
//! Ids come with the model's special tokens, without padding, and are never cut off silently.

use crate::{
    error::Input,
    package::{shorten, Package, TOKENIZER},
    text::{check_growth, Scheme, TextStream},
    Error, Result,
};
use std::path::Path;
use vigil_architecture::{check_input, Architecture, BadRun};

/// Longest token, in bytes: an answer has so many at most for each of its tokens, and what
/// [`check_growth`] allows.
const MAX_TOKEN: usize = 1 << 10;

/// The tokenizer of a package.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    scheme: Scheme,
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

    /// Reads a `tokenizer.json` for a model of this architecture, without its package.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: &[u8], architecture: &Architecture) -> Result<Self> {
        Self::parse(bytes, architecture.vocabulary(), architecture.max_tokens_in())
            .map_err(|what| Error::package_at(Path::new(TOKENIZER), what))
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
        // The parser of `tokenizers` panics on some files, and a stranger may have written this one.
        let mut inner = std::panic::catch_unwind(|| tokenizers::Tokenizer::from_bytes(bytes))
            .map_err(|_| "the tokenizer does not parse: its parser gave up".to_owned())?
            .map_err(|error| format!("the tokenizer does not parse: {error}"))?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        let tokens = inner.get_vocab(true);
        if let Some(token) = tokens.keys().find(|token| token.len() > MAX_TOKEN) {
            return Err(format!(
                "the tokenizer's token {:?} has {} bytes, more than {MAX_TOKEN}",
                shorten(token),
                token.len()
            ));
        }
        check_growth(&inner)?;
        let largest = tokens.into_iter().max_by_key(|(_, id)| *id);
        match largest {
            Some((token, id)) if id >= vocabulary => Err(format!(
                "the tokenizer has id {id} ({:?}), the model's ids go from 0 to {}",
                shorten(&token),
                vocabulary.saturating_sub(1)
            )),
            Some(_) => Ok(Self { scheme: Scheme::of(&inner), inner, positions }),
            None => Err("the tokenizer has no tokens".into()),
        }
    }

    /// The token ids of `text`, with special tokens.
    ///
    /// # Errors
    /// [`BadRun::InputTooLong`] if there are more tokens than the model has positions.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        self.fitting(self.encode_long(text)?)
    }

    /// The token ids of a prompt that a [chat template](crate::chat) made. It has all special tokens
    /// that the model expects as text, so none is added.
    ///
    /// # Errors
    /// As [`encode`](Self::encode), and [`BadRun::NoInput`] if it is empty.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>> {
        self.fitting(self.ids(prompt, false)?)
    }

    fn fitting(&self, ids: Vec<u32>) -> Result<Vec<u32>> {
        let tokens = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        check_input(tokens, self.positions).map_err(Input::Run)?;
        Ok(ids)
    }

    /// The token ids of a text of any length, for whoever cuts it into inputs.
    ///
    /// # Errors
    /// [`BadRun::NoInput`] if there are none.
    pub fn encode_long(&self, text: &str) -> Result<Vec<u32>> {
        self.ids(text, true)
    }

    fn ids(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        let encoding = self
            .inner
            .encode_fast(text, special)
            .map_err(|error| Error::Compute(format!("the tokenizer refuses the text: {error}")))?;
        match encoding.get_ids() {
            [] => Err(Input::Run(BadRun::NoInput).into()),
            ids => Ok(ids.to_vec()),
        }
    }

    /// The text of generated token ids, without special tokens. It ends with the last character that
    /// is whole. Bytes that are no text become replacement characters.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.decode_stream().whole(ids)
    }

    /// The same text as its tokens arrive. A character comes when it is whole.
    pub fn decode_stream(&self) -> TextStream<'_> {
        TextStream::new(&self.inner, &self.scheme)
    }
}
