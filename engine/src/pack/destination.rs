//! Where a package is put together, and how it gets to its place.

use crate::{
    package::{FileEntry, Package, MANIFEST},
    Error, Result,
};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

/// A file being written, hashed on the way.
pub(super) struct HashedFile<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    pub(super) len: u64,
}

impl<'a> HashedFile<'a> {
    pub(super) fn create(path: &'a Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::write(path, error))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, file, hasher: blake3::Hasher::new(), len: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(bytes.len() as u64);
        self.file.write_all(bytes).map_err(|error| Error::write(self.path, error))
    }

    pub(super) fn finish(self, name: &str) -> Result<FileEntry> {
        let failed = |error| Error::write(self.path, error);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        let blake3 = self.hasher.finalize().to_hex().to_string();
        Ok(FileEntry { name: name.into(), blake3, len: self.len })
    }
}

/// A package under way: a temporary folder beside the place it goes to.
pub(super) struct Destination {
    dir: PathBuf,
    temporary: tempfile::TempDir,
}

impl Destination {
    pub(super) fn at(dir: &Path) -> Result<Self> {
        let occupied = match dir.read_dir() {
            Ok(mut entries) => entries.next().is_some() && !dir.join(MANIFEST).is_file(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::write(dir, error)),
        };
        if occupied {
            let error = std::io::Error::other(
                "the folder is not empty and not a package: name another or empty it",
            );
            return Err(Error::write(dir, error));
        }
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(|error| Error::write(parent, error))?;
        let temporary = tempfile::Builder::new()
            .prefix(".vigil-pack-")
            .tempdir_in(parent)
            .map_err(|error| Error::write(parent, error))?;
        let package = temporary.path().join("package");
        fs::create_dir(&package).map_err(|error| Error::write(&package, error))?;
        Ok(Self { dir: dir.into(), temporary })
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.temporary.path().join("package")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<FileEntry> {
        let path = self.path(name);
        let mut file = HashedFile::create(&path)?;
        file.write(bytes)?;
        file.finish(name)
    }

    /// Puts the package in its place. Between the two renames a reader sees no package, never a
    /// mixture of two.
    pub(super) fn publish(self, manifest: &[u8]) -> Result<(PathBuf, bool)> {
        let failed = |error| Error::write(&self.dir, error);
        if fs::read(self.dir.join(MANIFEST)).is_ok_and(|old| old == manifest)
            && Package::open(&self.dir).is_ok()
        {
            return Ok((self.dir, true));
        }
        let replaced = self.temporary.path().join("replaced");
        let replaces = self.dir.exists();
        if replaces {
            fs::rename(&self.dir, &replaced).map_err(failed)?;
        }
        if let Err(error) = fs::rename(self.folder(), &self.dir) {
            if replaces {
                fs::rename(&replaced, &self.dir).map_err(failed)?;
            }
            return Err(failed(error));
        }
        Ok((self.dir, false))
    }
}
