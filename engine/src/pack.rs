//! `vigil pack`: a Hugging Face folder becomes a package.
//!
//! Weights are quantised row by row, straight from the mapped source to the file, so packing takes
//! little more memory than one row. Only IEEE-754 operations that round the same everywhere are
//! used, and the layout follows from the architecture: the same folder gives the same bytes on any
//! machine. The package appears whole, by a rename, or not at all.

use crate::{
    package::{
        layout, weights, FileEntry, Manifest, Package, CONFIG, FORMAT, MANIFEST, MAX_CONFIG,
        MAX_TOKENIZER, TOKENIZER, WEIGHTS,
    },
    source::{read_small, Source},
    tokenizer::Tokenizer,
    Error, Result,
};
use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};
use vigil_ops::{
    math,
    weights::{DType, Part, Weights},
};
use vigil_primitives::OP_SET;

/// How to pack.
#[derive(Clone, Copy, Default)]
pub struct PackOptions<'a> {
    /// Called after every tensor.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
}

/// How far packing is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The tensor just written.
    pub tensor: &'a str,
    /// Bytes of weights written.
    pub done: u64,
    /// Bytes of weights in all.
    pub total: u64,
}

/// What was packed.
#[derive(Clone, Debug)]
pub struct PackReport {
    /// The package's folder.
    pub dir: PathBuf,
    /// What it consists of.
    pub manifest: Manifest,
    /// BLAKE3 of `package.json`.
    pub manifest_hash: [u8; 32],
    /// Bytes of the safetensors files it was packed from.
    pub source_len: u64,
    /// Whether the folder already held exactly this package and was left alone.
    pub unchanged: bool,
}

/// Packs the Hugging Face folder `hf_dir` into the folder `out_dir`.
///
/// An older package at `out_dir` is replaced; any other folder that isn't empty is refused.
///
/// # Errors
/// [`Error::Source`] that says what about the folder can't be packed and what to do;
/// [`Error::Io`] if something can't be read or written. `out_dir` is then as it was.
pub fn pack(
    hf_dir: impl AsRef<Path>,
    out_dir: impl AsRef<Path>,
    options: &PackOptions<'_>,
) -> Result<PackReport> {
    let source = Source::open(hf_dir.as_ref())?;
    let out = Destination::at(out_dir.as_ref())?;
    let architecture = source.architecture;

    let path = source.tokenizer()?;
    let tokenizer = read_small(&path, MAX_TOKENIZER)?;
    Tokenizer::from_source(
        &tokenizer,
        &path,
        architecture.vocabulary(),
        architecture.max_tokens_in(),
    )?;
    if source.config.len() as u64 > MAX_CONFIG {
        let what =
            format!("it has more than {MAX_CONFIG} bytes: remove what the model can do without");
        return Err(Error::source_at(&source.dir.join("config.json"), what));
    }
    let source_len = source.weights_len();

    let files = vec![
        out.write(CONFIG, &source.config)?,
        out.write(TOKENIZER, &tokenizer)?,
        write_weights(&source, &out.path(WEIGHTS), options)?,
    ];
    let manifest = Manifest { format: FORMAT.into(), op_set: OP_SET, architecture, files };
    let bytes = manifest.to_bytes();
    out.write(MANIFEST, &bytes)?;
    // What is published must open: a package that only its maker believes in is worth nothing.
    let package = Package::open(out.folder())?;
    let manifest_hash = package.manifest_hash();
    drop(package);
    let (dir, unchanged) = out.publish(&bytes)?;
    tracing::info!(dir = %dir.display(), hash = %hex::encode(manifest_hash), unchanged, "packed");
    Ok(PackReport { dir, manifest, manifest_hash, source_len, unchanged })
}

fn write_weights(source: &Source, path: &Path, options: &PackOptions<'_>) -> Result<FileEntry> {
    let architecture = &source.architecture;
    let total = weights::file_len(architecture);
    let specs = Weights::new(architecture);
    let mut file = HashedFile::create(path)?;
    file.write(&weights::header(architecture))?;

    let mut row = Vec::new();
    let mut bytes = Vec::new();
    for spec in specs.iter() {
        let name = spec.id.to_string();
        let (stored, rows, columns) = layout::source(&spec, &specs)
            .ok_or_else(|| Error::Compute(format!("the tensor {name} has no source")))?;
        // Checks the shape against the mapped file before anything is allocated by it.
        let from = source.tensor(&stored, rows, columns)?;
        row.resize(columns, 0.0);
        for index in 0..rows {
            from.read_row(index, &mut row)?;
            bytes.clear();
            match (spec.dtype, spec.id.part) {
                (DType::I8, _) => quantise_row(&row, &mut bytes),
                (_, Part::Scale) => bytes.extend(scale(&row).to_le_bytes()),
                _ => bytes.extend(row.iter().flat_map(|x| x.to_le_bytes())),
            }
            file.write(&bytes)?;
        }
        if let Some(progress) = options.progress {
            progress(Progress { tensor: &name, done: file.len, total });
        }
    }
    file.finish(WEIGHTS)
}

/// The scale of a row: its largest magnitude over 127.
fn scale(row: &[f32]) -> f32 {
    math::scale_of(row.iter().fold(0.0f32, |most, x| most.max(x.abs())), math::I8_MAX)
}

/// Appends the row as integers in [-127, 127]: each value over the scale, rounded to nearest even.
fn quantise_row(row: &[f32], bytes: &mut Vec<u8>) {
    let scale = scale(row);
    bytes.extend(row.iter().map(|x| math::quantise(*x, scale, math::I8_MAX) as i8 as u8));
}

/// A file being written, hashed on the way.
struct HashedFile<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    hasher: blake3::Hasher,
    len: u64,
}

impl<'a> HashedFile<'a> {
    fn create(path: &'a Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::write(path, error))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        Ok(Self { path, file, hasher: blake3::Hasher::new(), len: 0 })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.len = self.len.saturating_add(bytes.len() as u64);
        self.file.write_all(bytes).map_err(|error| Error::write(self.path, error))
    }

    fn finish(self, name: &str) -> Result<FileEntry> {
        let failed = |error| Error::write(self.path, error);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        let blake3 = self.hasher.finalize().to_hex().to_string();
        Ok(FileEntry { name: name.into(), blake3, len: self.len })
    }
}

/// A package under way: a temporary folder beside the place it goes to.
struct Destination {
    dir: PathBuf,
    temporary: tempfile::TempDir,
}

impl Destination {
    fn at(dir: &Path) -> Result<Self> {
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

    fn folder(&self) -> PathBuf {
        self.temporary.path().join("package")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<FileEntry> {
        let path = self.path(name);
        let mut file = HashedFile::create(&path)?;
        file.write(bytes)?;
        file.finish(name)
    }

    /// Puts the package in its place. Between the two renames a reader sees no package, never a
    /// mixture of two.
    fn publish(self, manifest: &[u8]) -> Result<(PathBuf, bool)> {
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
