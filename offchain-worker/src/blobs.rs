//! Inputs and outputs on disk, each under its BLAKE3 hash.
//!
//! A blob is written to a temporary file, synced and renamed. So a file in the store has the bytes
//! that its name says, whenever the machine stopped. The store is bounded: the oldest go first.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tempfile::NamedTempFile;
use vigil_primitives::ContentHash;

/// The blobs of a worker.
#[derive(Clone, Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
    incoming: PathBuf,
}

impl Blobs {
    /// Opens the store in `folder` and clears what a crash left half-written.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let incoming = folder.join("incoming");
        if incoming.exists() {
            fs::remove_dir_all(&incoming)?;
        }
        fs::create_dir_all(&incoming)?;
        Ok(Self { folder: folder.into(), incoming })
    }

    /// Returns where the blob of this hash is, or would be.
    pub(crate) fn path(&self, hash: &ContentHash) -> PathBuf {
        self.folder.join(hex::encode(hash))
    }

    /// Returns the length of a blob in bytes; `None` if it is not here.
    pub(crate) fn len(&self, hash: &ContentHash) -> Option<u64> {
        fs::metadata(self.path(hash)).ok().map(|metadata| metadata.len())
    }

    /// Returns the bytes of a blob; `None` if it is not here.
    pub(crate) fn read(&self, hash: &ContentHash) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(hash)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns a temporary file to write a blob to. It is removed unless it is [kept](Self::keep).
    pub(crate) fn incoming(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.incoming)
    }

    /// Takes a written file into the store. `hash` must be that of its bytes. When this returns they
    /// are on disk.
    pub(crate) fn keep(&self, file: NamedTempFile, hash: &ContentHash) -> io::Result<()> {
        file.as_file().sync_all()?;
        file.persist(self.path(hash)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()
    }

    /// Stores some bytes. When this returns they are on disk.
    pub(crate) fn put(&self, bytes: &[u8]) -> io::Result<ContentHash> {
        let hash = vigil_client::blobs::content_hash(bytes);
        let mut file = self.incoming()?;
        file.write_all(bytes)?;
        self.keep(file, &hash)?;
        Ok(hash)
    }

    /// Removes blobs that are older than `age`, then the oldest until the others have at most `most`
    /// bytes together. None of `keep` is removed. Returns how many bytes are left.
    pub(crate) fn prune(
        &self,
        age: Duration,
        most: u64,
        keep: &HashSet<ContentHash>,
    ) -> io::Result<u64> {
        let now = SystemTime::now();
        let mut blobs = Vec::new();
        let mut total = 0u64;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if !metadata.is_file() {
                continue;
            }
            total = total.saturating_add(metadata.len());
            let mut hash = [0; 32];
            let name = entry.file_name();
            let named = hex::decode_to_slice(name.as_encoded_bytes(), &mut hash).is_ok();
            if !(named && keep.contains(&ContentHash::from(hash))) {
                blobs.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        blobs.sort();
        for (modified, len, path) in blobs {
            let old = now.duration_since(modified).is_ok_and(|passed| passed > age);
            if !old && total <= most {
                break;
            }
            fs::remove_file(path)?;
            total = total.saturating_sub(len);
        }
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
        (folder, blobs)
    }

    #[test]
    fn put_should_store_bytes_under_their_hash() {
        let (_folder, blobs) = blobs();
        let hash = blobs.put(b"hello").unwrap();
        assert_eq!(hash, vigil_client::blobs::content_hash(b"hello"));
        assert_eq!(blobs.read(&hash).unwrap().unwrap(), b"hello");
        assert_eq!(blobs.len(&hash), Some(5));
        assert_eq!(blobs.read(&ContentHash::zero()).unwrap(), None);
    }

    #[test]
    fn open_should_clear_what_a_crash_left() {
        let (_folder, blobs) = blobs();
        let left = blobs.incoming().unwrap().keep().unwrap().1;
        assert!(left.exists());
        Blobs::open(&blobs.folder).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn prune_should_remove_the_oldest_first_and_spare_what_is_needed() {
        let (_folder, blobs) = blobs();
        let hashes: Vec<_> = (0..4u8)
            .map(|i| {
                let hash = blobs.put(&[i; 10]).unwrap();
                let file = File::options().write(true).open(blobs.path(&hash)).unwrap();
                let age = Duration::from_secs(100 - u64::from(i) * 10);
                file.set_modified(SystemTime::now() - age).unwrap();
                hash
            })
            .collect();
        let keep = HashSet::from([hashes[0]]);
        let there = |blobs: &Blobs| -> Vec<bool> {
            hashes.iter().map(|hash| blobs.len(hash).is_some()).collect()
        };
        assert_eq!(blobs.prune(Duration::from_secs(1_000), 30, &keep).unwrap(), 30);
        assert_eq!(there(&blobs), [true, false, true, true]);
        blobs.prune(Duration::from_secs(75), 1_000, &keep).unwrap();
        assert_eq!(there(&blobs), [true, false, false, true]);
    }
}
