//! `package.json`: which bytes a package consists of and what they are.
//!
//! The manifest is canonical JSON: two spaces of indentation, keys in the order of the structs
//! below, a newline at the end. A package therefore has exactly one manifest, and its BLAKE3 is
//! the package's identity on chain. A worker downloads by a manifest, so every size in it is
//! bounded by the architecture before a byte is fetched.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use vigil_architecture::{Architecture, OP_SET};
use vigil_ops::weights::Weights;

/// Format of the manifest and of the files it names.
pub const FORMAT: &str = "vigil-package-1";
/// Name of the manifest.
pub const MANIFEST: &str = "package.json";
/// Name of the model's own configuration, as its author published it.
pub const CONFIG: &str = "config.json";
/// Name of the tokenizer, as its author published it.
pub const TOKENIZER: &str = "tokenizer.json";
/// Name of what a package of a language model may know of chats.
pub const CHAT: &str = "chat.json";
/// Name of the quantised weights.
pub const WEIGHTS: &str = "weights.safetensors";
/// Largest manifest, in bytes.
pub const MAX_MANIFEST: usize = 64 << 10;
/// Largest `config.json`, in bytes.
pub const MAX_CONFIG: u64 = 1 << 20;
/// Largest `tokenizer.json`, in bytes.
pub const MAX_TOKENIZER: u64 = 64 << 20;
/// Largest `chat.json`, in bytes.
pub const MAX_CHAT: u64 = 1 << 20;

/// The files of every package, in the order of the manifest. [`CHAT`] may come behind them.
pub const FILES: [&str; 3] = [CONFIG, TOKENIZER, WEIGHTS];

/// What a package consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always [`FORMAT`].
    pub format: String,
    /// The operator set that defines the output bytes.
    pub op_set: u16,
    /// Family and hyperparameters.
    pub architecture: Architecture,
    /// Exactly the files of [`FILES`], in that order, and perhaps [`CHAT`] of a language model.
    pub files: Vec<FileEntry>,
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name within the package's folder; never a path.
    pub name: String,
    /// BLAKE3 of the bytes, 64 lower-case hexadecimal digits.
    pub blake3: String,
    /// Number of bytes.
    pub len: u64,
}

impl FileEntry {
    /// BLAKE3 of the bytes.
    ///
    /// An entry of a parsed manifest always has one; `None` for one made by hand that hasn't.
    pub fn hash(&self) -> Option<[u8; 32]> {
        let lower = self.blake3.bytes().all(|digit| !digit.is_ascii_uppercase());
        let mut hash = [0; 32];
        (lower && hex::decode_to_slice(&self.blake3, &mut hash).is_ok()).then_some(hash)
    }
}

impl Manifest {
    /// Reads and checks a manifest: canonical bytes of at most [`MAX_MANIFEST`], a format and an
    /// operator set that this build knows, a valid architecture, exactly the expected files, and
    /// lengths that fit the architecture.
    ///
    /// # Errors
    /// [`Error::Package`] that names the first thing wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Self::parse_at(bytes, Path::new(MANIFEST))
    }

    /// The same, with the path that errors are to name.
    pub(crate) fn parse_at(bytes: &[u8], path: &Path) -> Result<Self> {
        let bad = |what: String| Error::package_at(path, what);
        if bytes.len() > MAX_MANIFEST {
            let len = bytes.len();
            return Err(bad(format!("the manifest has {len} bytes, more than {MAX_MANIFEST}")));
        }
        let header: Header = serde_json::from_slice(bytes)
            .map_err(|error| bad(format!("it is not a Vigil package manifest: {error}")))?;
        if header.format != FORMAT {
            return Err(bad(format!(
                "format {:?} is unknown, this build reads {FORMAT:?}: pack the model again",
                shorten(&header.format)
            )));
        }
        if header.op_set != OP_SET {
            return Err(bad(format!(
                "operator set {} is unknown, this build computes {OP_SET}: use a build that \
                 computes it or pack the model again",
                header.op_set
            )));
        }
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| bad(format!("the manifest does not parse: {error}")))?;
        manifest.check(path)?;
        if manifest.to_bytes() != bytes {
            return Err(bad(
                "the manifest is not in canonical form: pack the model again with `vigil pack`"
                    .into(),
            ));
        }
        Ok(manifest)
    }

    /// The canonical bytes of `package.json`.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings, integers and a vector of them always serialise.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// BLAKE3 of the canonical bytes: what a version names on chain.
    pub fn hash(&self) -> [u8; 32] {
        blake3::hash(&self.to_bytes()).into()
    }

    /// The entry of a file.
    pub fn file(&self, name: &str) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Bytes of all files together, without the manifest.
    pub fn total_len(&self) -> u64 {
        self.files.iter().fold(0, |total, file| total.saturating_add(file.len))
    }

    fn check(&self, path: &Path) -> Result<()> {
        let bad = |what: String| Error::package_at(path, what);
        self.architecture
            .validate()
            .map_err(|invalid| bad(format!("the architecture is not valid: {invalid}")))?;
        if let Architecture::Decoder(decoder) = &self.architecture {
            check_stop_tokens(&decoder.stop_tokens).map_err(bad)?;
        }
        let names: Vec<_> = self.files.iter().map(|file| file.name.as_str()).collect();
        let known = |name: &&&str| FILES.contains(*name) || **name == CHAT;
        if let Some(name) = names.iter().find(|name| !known(name)) {
            let (name, all) = (shorten(name), FILES.join(", "));
            return Err(bad(format!(
                "it names the file {name:?}; a package has only {all} and perhaps {CHAT}"
            )));
        }
        let required = names.strip_suffix(&[CHAT]).unwrap_or(&names);
        if required != FILES {
            let all = FILES.join(", ");
            return Err(bad(format!(
                "it must name each of {all} once, in that order, and {CHAT} last if at all"
            )));
        }
        if required.len() < names.len() && matches!(self.architecture, Architecture::Encoder(_)) {
            return Err(bad(format!("it names {CHAT}, and nobody chats with an encoder")));
        }
        for file in &self.files {
            if file.hash().is_none() {
                return Err(bad(format!(
                    "the BLAKE3 of {} is not 64 lower-case hexadecimal digits",
                    file.name
                )));
            }
            let (least, most) = match file.name.as_str() {
                CONFIG => (2, MAX_CONFIG),
                TOKENIZER => (2, MAX_TOKENIZER),
                CHAT => (2, MAX_CHAT),
                _ => {
                    let exact = Weights::new(&self.architecture).file_len();
                    (exact, exact)
                }
            };
            if file.len < least || file.len > most {
                let expected = if least == most {
                    format!("the architecture needs exactly {least}")
                } else {
                    format!("{least} to {most} are allowed")
                };
                return Err(bad(format!(
                    "it says that {} has {} bytes, {expected}",
                    file.name, file.len
                )));
            }
        }
        Ok(())
    }
}

/// A set of stop tokens is written in one way only: each once, and what is free at the end.
fn check_stop_tokens(tokens: &[Option<u32>]) -> std::result::Result<(), String> {
    for (index, token) in tokens.iter().enumerate().skip(1) {
        let before = tokens.get(..index).unwrap_or_default();
        if token.is_some() && (before.contains(token) || before.contains(&None)) {
            return Err(format!("stop token {} is listed twice or after a gap", index + 1));
        }
    }
    Ok(())
}

/// What is read of a manifest before the rest, so that one of another format or operator set is
/// told so instead of being called malformed.
#[derive(Deserialize)]
struct Header {
    format: String,
    op_set: u16,
}

/// A string of a stranger, short enough for an error message.
pub(crate) fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
