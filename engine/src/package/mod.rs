//! Packages: a model as workers fetch, verify and run it.
//!
//! A package is a folder of four files, or five. `package.json` names the others with length and
//! BLAKE3, the architecture and the operator set; `weights.safetensors` holds int8 rows and f32
//! scales in canonical order; `config.json` and `tokenizer.json` are the author's own; `chat.json`
//! has what the author of a language model says of chats. Nothing in a package is executed by
//! whoever runs it, and a stranger may have written every byte of it: all of it is checked, sizes
//! first, before it is used.

mod chat;
mod manifest;
pub(crate) mod weights;

pub(crate) use chat::MAX_NAME;
pub use chat::{Chat, Generation, DEFAULT, MAX_TEMPLATE, MAX_TEMPLATES};
pub(crate) use manifest::shorten;
pub use manifest::{
    FileEntry, Manifest, CHAT, CONFIG, FILES, FORMAT, MANIFEST, MAX_CHAT, MAX_CONFIG, MAX_MANIFEST,
    MAX_TOKENIZER, TOKENIZER, WEIGHTS,
};
pub use weights::header as weights_header;

use crate::{source::Config, Error, Result};
use memmap2::Mmap;
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use vigil_architecture::Architecture;

/// A verified package. Its weights stay memory-mapped.
pub struct Package {
    dir: PathBuf,
    manifest: Manifest,
    manifest_hash: [u8; 32],
    tokenizer: Vec<u8>,
    chat: Option<Chat>,
    weights: Mmap,
}

impl Package {
    /// Opens a package and verifies all of it: the manifest, every file's length and BLAKE3, the
    /// layout of the weights against the architecture, and every weight.
    ///
    /// # Errors
    /// [`Error::Package`] that names the file and what is wrong with it; [`Error::Io`] if a file
    /// can't be read.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let dir = dir.as_ref();
        let path = dir.join(MANIFEST);
        let bytes = read_bounded(&path, MAX_MANIFEST as u64)?;
        let manifest = Manifest::parse_at(&bytes, &path)?;
        let manifest_hash = blake3::hash(&bytes).into();

        let read = |name: &str, most: u64| -> Result<Vec<u8>> {
            let path = dir.join(name);
            let entry = entry(&manifest, name, &path)?;
            check_len(&path, entry)?;
            let bytes = read_bounded(&path, most)?;
            check_bytes(&bytes, entry, &path)?;
            Ok(bytes)
        };
        let config = read(CONFIG, MAX_CONFIG)?;
        check_config_at(&config, &manifest.architecture, &dir.join(CONFIG))?;
        let tokenizer = read(TOKENIZER, MAX_TOKENIZER)?;
        let chat = match manifest.file(CHAT) {
            Some(_) => {
                let bad = |what: String| Error::package_at(&dir.join(CHAT), what);
                Some(Chat::parse(&read(CHAT, MAX_CHAT)?).map_err(bad)?)
            }
            None => None,
        };

        let path = dir.join(WEIGHTS);
        let entry = entry(&manifest, WEIGHTS, &path)?;
        check_len(&path, entry)?;
        let weights = map(&path)?;
        check_bytes(&weights, entry, &path)?;
        weights::check(&weights, &manifest.architecture)
            .map_err(|what| Error::package_at(&path, what))?;
        Ok(Self { dir: dir.into(), manifest, manifest_hash, tokenizer, chat, weights })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the package consists of.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// BLAKE3 of `package.json`: what a version names on chain.
    pub fn manifest_hash(&self) -> [u8; 32] {
        self.manifest_hash
    }

    /// Family and hyperparameters.
    pub fn architecture(&self) -> &Architecture {
        &self.manifest.architecture
    }

    /// The bytes of `tokenizer.json`.
    pub fn tokenizer(&self) -> &[u8] {
        &self.tokenizer
    }

    /// What the author says of chats, if anything.
    pub fn chat(&self) -> Option<&Chat> {
        self.chat.as_ref()
    }

    /// Lets the memory of a part of [`weights`](Self::weights) go. It is read from the file again
    /// when it is needed again.
    pub(crate) fn release(&self, part: &[u8]) {
        let start = (part.as_ptr() as usize).wrapping_sub(self.weights.as_ptr() as usize);
        if start.checked_add(part.len()).is_some_and(|end| end <= self.weights.len()) {
            // A system that can't is left with more memory in use.
            #[cfg(unix)]
            // SAFETY: the map is of a file, read-only and never written: its pages come back as
            // they were.
            let _ = unsafe {
                self.weights.unchecked_advise_range(
                    memmap2::UncheckedAdvice::DontNeed,
                    start,
                    part.len(),
                )
            };
        }
    }

    /// The bytes of `weights.safetensors`.
    pub fn weights(&self) -> &[u8] {
        &self.weights
    }
}

/// Checks one downloaded file against its entry: a regular file of exactly that length and that
/// BLAKE3. The name of the file on disk does not matter.
///
/// # Errors
/// [`Error::Package`] if it differs; [`Error::Io`] if it can't be read.
pub fn verify_file(path: impl AsRef<Path>, entry: &FileEntry) -> Result<()> {
    let path = path.as_ref();
    check_len(path, entry)?;
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    hasher.update_reader(file).map_err(|error| Error::read(path, error))?;
    check_hash(hasher.finalize(), hasher.count(), entry, path)
}

fn entry<'a>(manifest: &'a Manifest, name: &str, path: &Path) -> Result<&'a FileEntry> {
    manifest.file(name).ok_or_else(|| Error::package_at(path, "the manifest does not name it"))
}

fn check_len(path: &Path, entry: &FileEntry) -> Result<()> {
    let metadata = path.metadata().map_err(|error| Error::read(path, error))?;
    if !metadata.is_file() {
        return Err(Error::package_at(path, "it is not a regular file"));
    }
    wrong_len(metadata.len(), entry, path)
}

fn wrong_len(len: u64, entry: &FileEntry, path: &Path) -> Result<()> {
    if len == entry.len {
        return Ok(());
    }
    let what = format!(
        "it has {len} bytes, the manifest says {}: it is cut off or not the file, fetch it again",
        entry.len
    );
    Err(Error::package_at(path, what))
}

fn check_bytes(bytes: &[u8], entry: &FileEntry, path: &Path) -> Result<()> {
    check_hash(blake3::hash(bytes), bytes.len() as u64, entry, path)
}

fn check_hash(hash: blake3::Hash, len: u64, entry: &FileEntry, path: &Path) -> Result<()> {
    wrong_len(len, entry, path)?;
    if entry.hash() == Some(hash.into()) {
        return Ok(());
    }
    let what = format!(
        "its BLAKE3 is {hash}, the manifest says {}: it is damaged or not the file, fetch it again",
        shorten(&entry.blake3)
    );
    Err(Error::package_at(path, what))
}

/// Checks the bytes of `config.json` against an architecture: the author's configuration must
/// describe what the package computes, or whoever reads it is misled.
///
/// # Errors
/// [`Error::Package`] that says what can't be computed or differs.
pub fn check_config(bytes: &[u8], architecture: &Architecture) -> Result<()> {
    check_config_at(bytes, architecture, Path::new(CONFIG))
}

fn check_config_at(bytes: &[u8], architecture: &Architecture, path: &Path) -> Result<()> {
    let bad = |what: String| Error::package_at(path, what);
    let differences = Config::parse(bytes).map_err(bad)?.differences(architecture);
    if differences.is_empty() {
        return Ok(());
    }
    Err(bad(format!(
        "its values differ from the architecture in package.json: {}",
        differences.join(", ")
    )))
}

/// Checks the bytes of `weights.safetensors` against an architecture: length, header, and every
/// weight. Allocates no more than the header.
///
/// # Errors
/// [`Error::Package`] that names the tensor and what is wrong with it.
pub fn check_weights(bytes: &[u8], architecture: &Architecture) -> Result<()> {
    weights::check(bytes, architecture).map_err(|what| Error::package_at(Path::new(WEIGHTS), what))
}

fn read_bounded(path: &Path, most: u64) -> Result<Vec<u8>> {
    crate::source::read_small(path, most).map_err(|error| match error {
        Error::Source { path, what } => Error::Package { path, what },
        other => other,
    })
}

fn map(path: &Path) -> Result<Mmap> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    // SAFETY: the map is only read, and what is verified is the map itself. Whoever can cut the
    // file off under a running worker owns the worker's files anyway.
    unsafe { Mmap::map(&file) }.map_err(|error| Error::read(path, error))
}
