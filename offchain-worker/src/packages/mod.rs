//! Fetching packages and keeping them, each in a folder named after its manifest's hash.
//!
//! A package's publisher is a stranger. The chain's record says what the manifest hashes to, and
//! which weights, tokenizer and architecture it must name; the manifest says how long each file is
//! and what it hashes to. Everything is checked before it is used, nothing longer than announced is
//! written, and local files are read only from folders that the operator has named. Downloads go on
//! where they broke off.

use crate::error::{Error, Result};
use futures::StreamExt;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use vigil_engine::{
    package::{FileEntry, Manifest, Package, MANIFEST, MAX_MANIFEST, TOKENIZER, WEIGHTS},
    verify_file,
};
use vigil_primitives::model::VersionSpec;

/// The packages of a worker.
pub(crate) struct Packages {
    folder: PathBuf,
    partial: PathBuf,
    /// Folders that `file://` sources may lie in.
    local: Vec<PathBuf>,
    /// Largest package, in bytes.
    most: u64,
    http: reqwest::Client,
}

impl Packages {
    /// Opens the store in `folder`. `local` are the folders that `file://` sources may lie in, `most`
    /// is the size of the largest package that is fetched, in bytes.
    pub(crate) fn open(folder: &Path, local: &[PathBuf], most: u64) -> Result<Self> {
        let partial = folder.join("partial");
        fs::create_dir_all(&partial).map_err(|error| broken(&partial, &error))?;
        let local = local
            .iter()
            .map(|path| {
                path.canonicalize().map_err(|error| {
                    Error::Critical(format!("file source {}: {error}", path.display()))
                })
            })
            .collect::<Result<_>>()?;
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::limited(5))
            .user_agent(concat!("vigil-worker/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Critical(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { folder: folder.into(), partial, local, most, http })
    }

    /// Returns the verified package of a version. If it is not here it is fetched from the first of
    /// the version's sources that has it.
    ///
    /// # Errors
    /// [`Error::Temporary`] if a source may have it later, [`Error::Critical`] if none will.
    pub(crate) async fn get(&self, spec: &VersionSpec) -> Result<Package> {
        let name = hex::encode(spec.package);
        let folder = self.folder.join(&name);
        if folder.exists() {
            match open(folder.clone(), spec.clone()).await {
                Ok(package) => return Ok(package),
                Err(error) => {
                    tracing::warn!("the stored package is damaged and fetched again: {error}");
                    fs::remove_dir_all(&folder).map_err(|error| broken(&folder, &error))?;
                }
            }
        }
        if spec.sources.is_empty() {
            return Err(Error::Critical(format!(
                "the version names no source; put its package into {}",
                folder.display()
            )));
        }
        let mut errors = Vec::new();
        let mut temporary = false;
        for source in &spec.sources {
            let source = String::from_utf8_lossy(source).into_owned();
            match self.fetch(&source, spec, &folder).await {
                Ok(package) => return Ok(package),
                Err(error) => {
                    temporary |= error.is_temporary();
                    errors.push(format!("{source}: {error}"));
                }
            }
        }
        let text = format!("no source gave package {name}: {}", errors.join("; "));
        Err(if temporary { Error::Temporary(text) } else { Error::Critical(text) })
    }

    /// Fetches a package from one source into `folder`.
    async fn fetch(&self, source: &str, spec: &VersionSpec, folder: &Path) -> Result<Package> {
        let source = Source::parse(source, &self.local)?;
        let bytes = self.manifest(&source).await?;
        if blake3::hash(&bytes).as_bytes() != spec.package.as_fixed_bytes() {
            return Err(Error::Critical(format!("its {MANIFEST} is not the one on chain")));
        }
        let manifest = Manifest::parse(&bytes).map_err(|error| bad(&error))?;
        self.check(&manifest, spec)?;
        let staging = self.partial.join(hex::encode(spec.package));
        fs::create_dir_all(&staging).map_err(|error| broken(&staging, &error))?;
        for entry in &manifest.files {
            self.file(&source, entry, &staging.join(&entry.name)).await?;
        }
        let path = staging.join(MANIFEST);
        write_synced(&path, &bytes).map_err(|error| broken(&path, &error))?;
        // A package is there when its folder has its name, so a crash before this leaves none.
        fs::rename(&staging, folder)
            .and_then(|()| File::open(&self.folder)?.sync_all())
            .map_err(|error| broken(folder, &error))?;
        open(folder.into(), spec.clone()).await
    }

    /// Checks that the manifest names what the chain names, and not too many bytes.
    fn check(&self, manifest: &Manifest, spec: &VersionSpec) -> Result<()> {
        let differs = |what: &str| {
            Err(Error::Critical(format!("its {what} differs from the version's on chain")))
        };
        if manifest.architecture != spec.architecture {
            return differs("architecture");
        }
        if manifest.op_set != spec.op_set {
            return differs("operator set");
        }
        let file = |name| manifest.file(name).map(|entry| (entry.hash(), entry.len));
        if file(WEIGHTS) != Some((Some(spec.weights.hash.0), spec.weights.len)) {
            return differs(WEIGHTS);
        }
        if file(TOKENIZER).and_then(|(hash, _)| hash) != Some(spec.tokenizer.0) {
            return differs(TOKENIZER);
        }
        let total = manifest.total_len();
        if total > self.most {
            return Err(Error::Critical(format!(
                "it has {total} bytes, more than max_package_bytes = {}; raise that to serve it",
                self.most
            )));
        }
        Ok(())
    }

    /// Reads the manifest of a source, and not much more than the bytes that one may have.
    async fn manifest(&self, source: &Source) -> Result<Vec<u8>> {
        let most = MAX_MANIFEST as u64;
        match source {
            Source::Folder(folder) => {
                let path = inside(folder, MANIFEST)?;
                let mut bytes = Vec::new();
                File::open(&path)
                    .and_then(|file| file.take(most.saturating_add(1)).read_to_end(&mut bytes))
                    .map_err(|error| broken(&path, &error))?;
                Ok(bytes)
            }
            Source::Http(base) => {
                let response = self.request(base, MANIFEST, 0).await?;
                let mut bytes = Vec::new();
                let mut chunks = response.bytes_stream();
                while let Some(chunk) = chunks.next().await {
                    bytes.extend_from_slice(&chunk.map_err(|error| cut(&error))?);
                    if bytes.len() > MAX_MANIFEST {
                        return Err(Error::Critical(format!("its {MANIFEST} is too long")));
                    }
                }
                Ok(bytes)
            }
        }
    }

    /// Brings one file to `path` and verifies it. A download goes on from the bytes that are there.
    async fn file(&self, source: &Source, entry: &FileEntry, path: &Path) -> Result<()> {
        match source {
            Source::Folder(folder) => copy(&inside(folder, &entry.name)?, path, entry.len)?,
            Source::Http(base) => self.download(base, entry, path).await?,
        }
        let (verified, entry) = (path.to_owned(), entry.clone());
        let result = tokio::task::spawn_blocking(move || verify_file(verified, &entry)).await;
        let result = result.map_err(|error| Error::Temporary(error.to_string()))?;
        result.map_err(|error| {
            // The next download must not go on from wrong bytes.
            let _ = fs::remove_file(path);
            bad(&error)
        })
    }

    /// Downloads the bytes of a file that are not at `path` yet.
    async fn download(&self, base: &str, entry: &FileEntry, path: &Path) -> Result<()> {
        let broken = |error: io::Error| broken(path, &error);
        let mut have = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if have > entry.len {
            fs::remove_file(path).map_err(broken)?;
            have = 0;
        }
        if have == entry.len {
            return Ok(());
        }
        tracing::info!(file = entry.name, bytes = entry.len, from = have, "downloading");
        let response = self.request(base, &entry.name, have).await?;
        let resumed =
            response.status() == reqwest::StatusCode::PARTIAL_CONTENT && starts_at(&response, have);
        if have > 0 && !resumed {
            have = 0;
            if response.status() == reqwest::StatusCode::PARTIAL_CONTENT {
                fs::remove_file(path).map_err(broken)?;
                return Err(Error::Temporary("the server sent another range".into()));
            }
        }
        let mut file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(have == 0)
            .append(have > 0)
            .open(path)
            .or_else(|_| OpenOptions::new().create(true).write(true).truncate(true).open(path))
            .map_err(broken)?;
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| cut(&error))?;
            have = have.saturating_add(chunk.len() as u64);
            if have > entry.len {
                drop(file);
                fs::remove_file(path).map_err(broken)?;
                return Err(Error::Critical(format!(
                    "{} has more than the {} bytes of the manifest",
                    entry.name, entry.len
                )));
            }
            file.write_all(&chunk).map_err(broken)?;
        }
        file.sync_all().map_err(broken)?;
        if have < entry.len {
            let name = &entry.name;
            return Err(Error::Temporary(format!("{name} was cut off at {have} bytes")));
        }
        Ok(())
    }

    /// Asks for a file, from byte `from` on. A server may answer with the whole file all the same.
    async fn request(&self, base: &str, name: &str, from: u64) -> Result<reqwest::Response> {
        let mut request = self.http.get(format!("{base}{name}"));
        if from > 0 {
            request = request.header(reqwest::header::RANGE, format!("bytes={from}-"));
        }
        let response = request.send().await.map_err(|error| cut(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let text = format!("{name}: the server answered {status}");
        Err(match status.as_u16() {
            408 | 416 | 429 | 500..=599 => Error::Temporary(text),
            _ => Error::Critical(text),
        })
    }
}

/// A place a package can come from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    /// A base URL that ends in `/`.
    Http(String),
    /// A folder of this machine, inside one that the operator has named.
    Folder(PathBuf),
}

impl Source {
    fn parse(source: &str, local: &[PathBuf]) -> Result<Self> {
        let slash = if source.ends_with('/') { "" } else { "/" };
        if source.starts_with("https://") || source.starts_with("http://") {
            return Ok(Self::Http(format!("{source}{slash}")));
        }
        let Some(path) = source.strip_prefix("file://").filter(|path| path.starts_with('/')) else {
            return Err(Error::Critical("only https, http and file sources are known".into()));
        };
        let refused = || {
            Error::Critical(
                "local files are not allowed; name the folder with file_sources to trust it".into(),
            )
        };
        // One answer for every path outside, so that a publisher learns nothing of this machine.
        let path = Path::new(path).canonicalize().map_err(|_| refused())?;
        if !local.iter().any(|folder| path.starts_with(folder)) {
            return Err(refused());
        }
        Ok(Self::Folder(path))
    }
}

/// Returns the path of a file in a folder. A link that leads out of the folder is refused.
fn inside(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    let real = path.canonicalize().map_err(|error| broken(&path, &error))?;
    if real.parent() != Some(folder) {
        return Err(Error::Critical(format!("{name} is a link out of its folder")));
    }
    Ok(real)
}

fn copy(from: &Path, to: &Path, len: u64) -> Result<()> {
    let run = || {
        let mut reader = File::open(from)?.take(len.saturating_add(1));
        let mut writer = File::create(to)?;
        io::copy(&mut reader, &mut writer)?;
        writer.sync_all()
    };
    run().map_err(|error| broken(from, &error))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Opens and verifies a package on a thread of its own.
async fn open(folder: PathBuf, spec: VersionSpec) -> Result<Package> {
    let opened = tokio::task::spawn_blocking(move || Package::open(folder)).await;
    let opened = opened.map_err(|error| Error::Temporary(error.to_string()))?;
    let package = opened.map_err(|error| bad(&error))?;
    if package.manifest_hash() != spec.package.0 {
        return Err(Error::Critical("the package is not the one on chain".into()));
    }
    Ok(package)
}

fn starts_at(response: &reqwest::Response, from: u64) -> bool {
    response
        .headers()
        .get(reqwest::header::CONTENT_RANGE)
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {from}-")))
}

fn bad(error: &vigil_engine::Error) -> Error {
    match error {
        vigil_engine::Error::Io { .. } => Error::Temporary(error.to_string()),
        _ => Error::Critical(error.to_string()),
    }
}

fn broken(path: &Path, error: &io::Error) -> Error {
    Error::Temporary(format!("{}: {error}", path.display()))
}

fn cut(error: &reqwest::Error) -> Error {
    let mut reason = error as &dyn std::error::Error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    Error::Temporary(reason.to_string())
}

#[cfg(test)]
mod tests;
