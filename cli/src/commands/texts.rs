//! What jobs and local runs are given: texts, token ids, and the tokenizer between them.

use crate::{
    error::{CommandResult, Failure},
    files::{lines, read_text, unreadable},
};
use clap::Args;
use std::path::PathBuf;
use vigil_client::blobs::content_hash;
use vigil_engine::{package::Package, Tokenizer};
use vigil_primitives::model::VersionSpec;

/// The inputs of a run, given in one of three ways.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Texts {
    /// A text; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub(crate) input: Vec<String>,
    /// A file with one text per line.
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) input_file: Option<PathBuf>,
    /// Token ids instead of a text.
    #[arg(
        long,
        value_name = "ID,ID,...",
        value_delimiter = ',',
        conflicts_with_all = ["input", "input_file"]
    )]
    pub(crate) tokens: Vec<u32>,
}

/// Where the tokenizer of a version comes from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TokenizerArgs {
    /// Take the tokenizer of this package.
    #[arg(long, value_name = "DIR")]
    pub(crate) package: Option<PathBuf>,
    /// The version's tokenizer.json.
    #[arg(long, value_name = "FILE", conflicts_with = "package")]
    pub(crate) tokenizer: Option<PathBuf>,
}

impl TokenizerArgs {
    /// The inputs as token ids of a version. The tokenizer must be the version's own, or the
    /// workers would run another text than the one that was written.
    pub(crate) fn prepare(
        &self,
        texts: &Texts,
        spec: &VersionSpec,
    ) -> CommandResult<Vec<Prepared>> {
        if !texts.need_tokenizer() {
            return texts.prepare(|_| Err(Failure::failed("token ids need no tokenizer")));
        }
        let tokenizer = self.load(spec)?;
        texts.prepare(|text| Ok(tokenizer.encode(text)?))
    }

    /// The tokenizer of a version, if one was named.
    pub(crate) fn at_hand(&self, spec: &VersionSpec) -> CommandResult<Option<Tokenizer>> {
        if self.package.is_none() && self.tokenizer.is_none() {
            return Ok(None);
        }
        self.load(spec).map(Some)
    }

    /// The tokenizer of a version.
    pub(crate) fn load(&self, spec: &VersionSpec) -> CommandResult<Tokenizer> {
        let (path, bytes) = match (&self.package, &self.tokenizer) {
            (Some(dir), _) => (dir, Package::open(dir)?.tokenizer().to_vec()),
            (None, Some(file)) => {
                (file, std::fs::read(file).map_err(|error| unreadable(file, &error))?)
            }
            (None, None) => {
                return Err(Failure::usage(
                    "a text needs a tokenizer: give --package DIR or --tokenizer FILE, \
                     or token ids with --tokens",
                ))
            }
        };
        if content_hash(&bytes) != spec.tokenizer {
            return Err(Failure::failed(format!(
                "the tokenizer of {} is not that of the version: fetch the version's own \
                 tokenizer.json",
                path.display()
            )));
        }
        Ok(Tokenizer::from_bytes(&bytes, &spec.architecture)?)
    }
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// The text, or the token ids in words.
    pub(crate) label: String,
    /// Token ids.
    pub(crate) tokens: Vec<u32>,
}

impl Texts {
    /// Whether nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty() && self.input_file.is_none() && self.tokens.is_empty()
    }

    /// Whether a tokenizer is needed.
    pub(crate) fn need_tokenizer(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The inputs as token ids, by `encode`.
    pub(crate) fn prepare(
        &self,
        encode: impl Fn(&str) -> CommandResult<Vec<u32>>,
    ) -> CommandResult<Vec<Prepared>> {
        if !self.tokens.is_empty() {
            let label = format!("{} token ids", self.tokens.len());
            return Ok(vec![Prepared { label, tokens: self.tokens.clone() }]);
        }
        let texts = match &self.input_file {
            Some(path) => {
                let texts = lines(&read_text(path)?);
                if texts.is_empty() {
                    return Err(Failure::usage(format!(
                        "{} holds no text: write one text per line",
                        path.display()
                    )));
                }
                texts
            }
            None => self.input.clone(),
        };
        if texts.is_empty() {
            return Err(Failure::usage("no input: give --input, --input-file or --tokens"));
        }
        prepare(texts, encode)
    }
}

/// Texts as token ids. The failure names the text.
pub(crate) fn prepare(
    texts: Vec<String>,
    encode: impl Fn(&str) -> CommandResult<Vec<u32>>,
) -> CommandResult<Vec<Prepared>> {
    let many = texts.len() > 1;
    texts
        .into_iter()
        .enumerate()
        .map(|(index, label)| {
            if label.trim().is_empty() {
                return Err(Failure::usage(format!(
                    "text {} is empty: there is nothing to run",
                    index + 1
                )));
            }
            let tokens = encode(&label).map_err(|failure| {
                if many {
                    failure.about(&format!("text {}", index + 1))
                } else {
                    failure
                }
            })?;
            Ok(Prepared { label, tokens })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn encode(text: &str) -> CommandResult<Vec<u32>> {
        if text == "bad" {
            return Err(Failure::failed("bad input"));
        }
        Ok(text.bytes().map(u32::from).collect())
    }

    #[test]
    fn prepare_should_keep_the_order_of_the_texts() {
        let texts = Texts { input: vec!["a".into(), "bc".into()], ..Default::default() };
        let prepared = texts.prepare(encode).unwrap();
        assert_eq!(prepared[0], Prepared { label: "a".into(), tokens: vec![97] });
        assert_eq!(prepared[1], Prepared { label: "bc".into(), tokens: vec![98, 99] });
    }

    #[test]
    fn prepare_should_take_token_ids_as_they_are() {
        let texts = Texts { tokens: vec![1, 2], ..Default::default() };
        assert_eq!(texts.prepare(encode).unwrap()[0].tokens, [1, 2]);
    }

    #[test]
    fn prepare_should_refuse_nothing_and_name_the_text_at_fault() {
        let none = Texts::default().prepare(encode).unwrap_err();
        assert_eq!(none.kind(), Kind::Usage);
        let empty = Texts { input: vec!["a".into(), " ".into()], ..Default::default() };
        let empty = empty.prepare(encode).unwrap_err();
        assert_eq!(empty.kind(), Kind::Usage);
        assert!(empty.to_string().starts_with("text 2 "), "{empty}");
        let bad = Texts { input: vec!["a".into(), "bad".into()], ..Default::default() };
        let bad = bad.prepare(encode).unwrap_err();
        assert_eq!(bad.to_string(), "text 2: bad input");
    }
}
