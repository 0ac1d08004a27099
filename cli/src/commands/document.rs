//! A document that goes on chain as its hash: evidence, or what a statement rests on.

use crate::{
    error::{CommandResult, Failure},
    files::unreadable,
    format::parse_hash,
    global::Global,
    output::Progress,
};
use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};
use vigil_primitives::{model::Artifact, ContentHash};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 20;

/// A document as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// A file of this machine.
    File(PathBuf),
    /// Its BLAKE3.
    Hash(ContentHash),
}

/// Reads `0x` and 64 hexadecimal digits, or the path of a file.
pub(crate) fn parse(text: &str) -> Result<Document, String> {
    if !text.starts_with("0x") {
        return Ok(Document::File(text.into()));
    }
    parse_hash(text)
        .map(Document::Hash)
        .map_err(|error| format!("{error}; a file of that name is written ./{text}"))
}

impl Document {
    /// Its BLAKE3.
    pub(crate) fn hash(&self, global: &Global) -> CommandResult<ContentHash> {
        match self {
            Self::Hash(hash) => Ok(*hash),
            Self::File(path) => hash_file(global, path).map(|file| file.hash),
        }
    }
}

/// BLAKE3 and size of a file, which may be of any size.
pub(crate) fn hash_file(global: &Global, path: &Path) -> CommandResult<Artifact> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    // Opening anything else could wait for ever.
    if !metadata.is_file() {
        return Err(Failure::failed(format!("{} is no file", path.display())));
    }
    let progress = Progress::bytes(global, metadata.len(), "hashing");
    hash_part(path, 0, &progress)
}

/// [`hash_file`] for one of many files, of which `before` bytes have been done.
pub(crate) fn hash_part(path: &Path, before: u64, progress: &Progress) -> CommandResult<Artifact> {
    let broken = |error: std::io::Error| unreadable(path, &error);
    let mut file = File::open(path).map_err(broken)?;
    let mut hasher = blake3::Hasher::new();
    let (mut buffer, mut len) = (vec![0; BUFFER], 0u64);
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        len = len.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        progress.at(before.saturating_add(len));
    }
    Ok(Artifact { hash: (*hasher.finalize().as_bytes()).into(), len })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_should_be_a_hash_or_a_file() {
        let hash = ContentHash::repeat_byte(0xab);
        assert_eq!(parse(&format!("0x{}", "aB".repeat(32))), Ok(Document::Hash(hash)));
        assert_eq!(parse("report.pdf"), Ok(Document::File("report.pdf".into())));
        assert_eq!(parse("./0xab"), Ok(Document::File("./0xab".into())));
        for wrong in ["0x", "0xab", &format!("0x{}", "zz".repeat(32))] {
            assert!(parse(wrong).unwrap_err().contains("./"), "{wrong}");
        }
    }
}
