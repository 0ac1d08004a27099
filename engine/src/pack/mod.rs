//! `vigil pack`: a Hugging Face folder becomes a package.
//!
//! Weights are quantised row by row, straight from the mapped source to the file, so packing takes
//! little more memory than one row. Only IEEE-754 operations that round the same everywhere are
//! used, and the layout follows from the architecture: the same folder gives the same bytes on any
//! machine. The package appears whole, by a rename, or not at all.

mod destination;
mod weights;

use crate::{
    package::{
        Chat, Manifest, Package, CHAT, CONFIG, FORMAT, MANIFEST, MAX_CHAT, MAX_CONFIG,
        MAX_TOKENIZER, TOKENIZER, WEIGHTS,
    },
    smooth::{Calibration, Choice, Smoothing},
    source::{read_small, Source, StopToken, Wanted},
    tokenizer::Tokenizer,
    Error, Result,
};
use destination::Destination;
use std::path::{Path, PathBuf};
use vigil_architecture::{Activations, OP_SET};

/// How to pack.
#[derive(Clone, Copy, Default)]
pub struct PackOptions<'a> {
    /// Called after every tensor.
    pub progress: Option<&'a dyn Fn(Progress<'_>)>,
    /// Longest sequence that a package of a language model takes, in tokens; `None` for as long as
    /// the model and the engine allow. It decides the bytes of the package.
    pub context: Option<u32>,
    /// How finely activations are quantised; `None` for 15 bits of a language model and 8 of an
    /// encoder. It decides the bytes of the package.
    pub activations: Option<Activations>,
    /// What a package of a language model is tuned to. It decides the bytes of the package.
    pub calibration: Calibration<'a>,
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
    /// The tokens that end a generation, and who says so; none of an encoder.
    pub stop_tokens: Vec<StopToken>,
    /// What the package has for chats, if anything.
    pub chat: Option<Chat>,
    /// What of the folder is not in the package: one sentence each.
    pub notes: Vec<String>,
    /// What was moved where; empty without calibration.
    pub choices: Vec<Choice>,
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
    let wanted = Wanted { context: options.context, activations: options.activations };
    let source = Source::open(hf_dir.as_ref(), wanted)?;
    let out = Destination::at(out_dir.as_ref())?;
    let architecture = source.architecture;

    let path = source.tokenizer()?;
    let tokenizer_bytes = read_small(&path, MAX_TOKENIZER)?;
    let tokenizer = Tokenizer::from_source(
        &tokenizer_bytes,
        &path,
        architecture.vocabulary(),
        architecture.max_tokens_in(),
    )?;
    if source.config.len() as u64 > MAX_CONFIG {
        let what =
            format!("it has more than {MAX_CONFIG} bytes: remove what the model can do without");
        return Err(Error::source_at(&source.dir.join("config.json"), what));
    }
    let chat = source.chat.as_ref().map(Chat::to_bytes);
    if chat.as_ref().is_some_and(|bytes| bytes.len() as u64 > MAX_CHAT) {
        let what = format!("its chat templates come to more than {MAX_CHAT} bytes: remove some");
        return Err(Error::source_at(&source.dir, what));
    }
    let source_len = source.tensors.len();
    let smoothing = Smoothing::choose(&source, &tokenizer, options.calibration)?;

    let mut files = vec![
        out.write(CONFIG, &source.config)?,
        out.write(TOKENIZER, &tokenizer_bytes)?,
        weights::write(&source, &smoothing, &out.path(WEIGHTS), options)?,
    ];
    if let Some(bytes) = chat {
        files.push(out.write(CHAT, &bytes)?);
    }
    let manifest = Manifest { format: FORMAT.into(), op_set: OP_SET, architecture, files };
    let bytes = manifest.to_bytes();
    out.write(MANIFEST, &bytes)?;
    // What is published must open: a package that only its maker believes in is worth nothing.
    let package = Package::open(out.folder())?;
    let manifest_hash = package.manifest_hash();
    drop(package);
    let choices = smoothing.choices().to_vec();
    let (dir, unchanged) = out.publish(&bytes)?;
    tracing::info!(dir = %dir.display(), hash = %hex::encode(manifest_hash), unchanged, "packed");
    let Source { stop_tokens, chat, notes, .. } = source;
    Ok(PackReport {
        dir,
        manifest,
        manifest_hash,
        source_len,
        unchanged,
        stop_tokens,
        chat,
        notes,
        choices,
    })
}
