//! `vigil metadata`: the JSON documents that describe models and datasets.
//!
//! The chain keeps a document's BLAKE3 and length; the document itself lies as `metadata.json` in
//! the sources of the version that it describes. What it may hold is said by the JSON schemas of
//! `docs/schemas`, which are part of this program, and by nothing else.

mod schema;

use crate::{
    context::Context,
    error::{CommandResult, Failure, Kind as Sort},
    files::unreadable,
    format::{artifact_json, hex},
    global::Global,
    output, text,
};
use clap::{Subcommand, ValueEnum};
use schema::{faults, Fault};
use serde_json::{json, Map, Value};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};
use vigil_client::blobs::{content_hash, BlobClient, BlobError};
use vigil_primitives::{
    model::{Artifact, Sources},
    AssetId,
};

/// Largest document, in bytes.
pub(crate) const MAX_METADATA: u64 = 256 * 1024;
/// Name of the document in a source.
pub(crate) const METADATA: &str = "metadata.json";

/// Redirections that are followed when a document is fetched.
const REDIRECTIONS: usize = 5;
/// Faults that one sentence names.
const NAMED_FAULTS: usize = 3;
/// Longest text of a stranger's that a fault repeats, in characters.
const QUOTED: usize = 80;

/// `vigil metadata ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check a document against the schema, and print its BLAKE3 and size.
    Check {
        /// The JSON document.
        file: PathBuf,
        /// What it must describe; what it says itself when left out.
        #[arg(long, value_enum)]
        kind: Option<Kind>,
    },
    /// Fetch the document of an asset, verify it against the chain and print it.
    Show {
        /// MODEL@VERSION, model:MODEL@VERSION or dataset:DATASET@VERSION.
        asset: AssetId,
    },
}

/// What a document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A version of a model.
    Model,
    /// A version of a dataset.
    Dataset,
}

impl Kind {
    /// The word for it, which is also the document's `kind`.
    fn word(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
        }
    }

    /// What a document says that it describes.
    fn stated(document: &Value) -> Option<Self> {
        let word = document.get("kind")?.as_str()?;
        [Self::Model, Self::Dataset].into_iter().find(|kind| kind.word() == word)
    }
}

impl From<AssetId> for Kind {
    fn from(asset: AssetId) -> Self {
        match asset {
            AssetId::Model(_) => Self::Model,
            AssetId::Dataset(_) => Self::Dataset,
        }
    }
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::Check { file, kind } => check(global, &file, kind),
            Self::Show { asset } => show(global, asset).await,
        }
    }
}

/// The document in a file as the chain knows it, if it is a valid description of `kind`.
pub(crate) fn artifact(path: &Path, kind: Kind) -> CommandResult<Artifact> {
    let bytes = read(path)?;
    let what = path.display().to_string();
    accept(&what, &faults(kind, &parse(&what, &bytes)?)?)?;
    Ok(of(&bytes))
}

/// Puts a document into every source that is a folder of this machine, as `metadata.json`. One that
/// is there is left if it is the same, and otherwise never overwritten.
pub(crate) fn place(
    global: &Global,
    path: &Path,
    document: &Artifact,
    sources: &Sources,
) -> CommandResult {
    let bytes = read(path)?;
    if of(&bytes) != *document {
        return Err(Failure::failed(format!("{} has changed: try again", path.display())));
    }
    for source in sources {
        let source = String::from_utf8_lossy(source).into_owned();
        match local(&source).filter(|folder| folder.is_dir()) {
            Some(folder) => put(&folder.join(METADATA), &bytes)?,
            None => output::note(global, &format!("put {} at {source}{METADATA}", path.display())),
        }
    }
    if sources.is_empty() {
        output::note(global, "no source is given: nobody will know where to fetch the metadata");
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> CommandResult {
    let unwritable = |error: std::io::Error| {
        Failure::failed(format!("cannot write {}: {error}", path.display()))
    };
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(bytes).and_then(|()| file.sync_all()).map_err(unwritable),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            if read(path).is_ok_and(|there| there == bytes) {
                return Ok(());
            }
            Err(Failure::failed(format!(
                "{} is another document, and is not overwritten: move it away, or give another \
                 --source",
                path.display()
            )))
        }
        Err(error) => Err(unwritable(error)),
    }
}

/// The folder of a `file://` source.
fn local(source: &str) -> Option<PathBuf> {
    source.strip_prefix("file://").filter(|path| path.starts_with('/')).map(PathBuf::from)
}

/// Reads a file that is no longer than a document may be.
fn read(path: &Path) -> CommandResult<Vec<u8>> {
    let broken = |error: std::io::Error| unreadable(path, &error);
    // Opening anything but a file could wait for ever.
    if !std::fs::metadata(path).map_err(broken)?.is_file() {
        return Err(Failure::failed(format!("{} is no file", path.display())));
    }
    let mut bytes = Vec::new();
    let most = MAX_METADATA.saturating_add(1);
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(broken)?;
    if of(&bytes).len > MAX_METADATA {
        return Err(Failure::failed(format!(
            "{} is longer than the {MAX_METADATA} bytes allowed for metadata",
            path.display()
        )));
    }
    Ok(bytes)
}

fn of(bytes: &[u8]) -> Artifact {
    Artifact { hash: content_hash(bytes), len: u64::try_from(bytes.len()).unwrap_or(u64::MAX) }
}

fn parse(what: &str, bytes: &[u8]) -> CommandResult<Value> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::failed(format!("{what} is no JSON: {error}")))
}

/// Fails with the first faults of a document, if it has any.
fn accept(what: &str, faults: &[Fault]) -> CommandResult {
    if faults.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = faults.iter().take(NAMED_FAULTS).map(ToString::to_string).collect();
    let more = match faults.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!("; and {more} more, see `vigil metadata check`"),
    };
    Err(Failure::failed(format!("{what} does not keep to the schema: {}{more}", named.join("; "))))
}

fn check(global: &Global, file: &Path, kind: Option<Kind>) -> CommandResult {
    let bytes = read(file)?;
    let what = file.display().to_string();
    let document = parse(&what, &bytes)?;
    let Some(kind) = kind.or_else(|| Kind::stated(&document)) else {
        return Err(Failure::failed(format!(
            "{what} does not say what it describes: give it a \"kind\", which is \"model\" or \
             \"dataset\""
        )));
    };
    let faults = faults(kind, &document)?;
    let artifact = of(&bytes);
    let json = json!({
        "kind": kind.word(),
        "valid": faults.is_empty(),
        "metadata": artifact_json(&artifact),
        "faults": faults.iter().map(Fault::to_json).collect::<Vec<_>>(),
    });
    output::show(global, &json, || {
        let mut table = output::table(["PATH", "FAULT"]);
        for fault in &faults {
            table.add_row([fault.place(), fault.what.as_str()]);
        }
        let table = if faults.is_empty() { String::new() } else { output::render(&table) };
        let rows = [
            ("kind", kind.word().into()),
            ("valid", if faults.is_empty() { "yes" } else { "no" }.into()),
            ("blake3", hex(&artifact.hash)),
            ("bytes", artifact.len.to_string()),
        ];
        format!("{}\n\n{table}", output::fields(rows))
    });
    if faults.is_empty() {
        return Ok(());
    }
    let count =
        if faults.len() == 1 { "1 fault".into() } else { format!("{} faults", faults.len()) };
    Err(Failure::failed(format!("{what} is no valid description of a {}: {count}", kind.word())))
}

async fn show(global: &Global, id: AssetId) -> CommandResult {
    let context = Context::connect(global).await?;
    let asset = context.asset(id).await?;
    let Some(artifact) = asset.metadata else {
        return Err(Failure::not_found(format!("{id} was published without metadata")));
    };
    if artifact.len > MAX_METADATA {
        return Err(Failure::failed(format!(
            "the metadata of {id} has {} bytes, more than the {MAX_METADATA} that are fetched",
            artifact.len
        )));
    }
    let spinner = output::Progress::spinner(global, "fetching the metadata");
    let (source, bytes) = fetch(id, &artifact, &asset.sources).await?;
    drop(spinner);
    let what = format!("the metadata of {id}");
    let document = parse(&what, &bytes)?;
    accept(&what, &faults(id.into(), &document)?)?;
    let json = json!({
        "asset": id.to_string(),
        "source": text::printable(source.as_bytes()),
        "metadata": artifact_json(&artifact),
        "document": inert(&document),
    });
    output::show(global, &json, || {
        let rows = [
            ("asset", id.to_string()),
            ("source", text::printable(source.as_bytes())),
            ("blake3", hex(&artifact.hash)),
            ("bytes", artifact.len.to_string()),
        ];
        format!("{}\n\n{}", output::fields(rows), describe(&document))
    });
    Ok(())
}

/// The document from the first source that has it, and that source.
async fn fetch(
    id: AssetId,
    document: &Artifact,
    sources: &Sources,
) -> CommandResult<(String, Vec<u8>)> {
    if sources.is_empty() {
        return Err(Failure::not_found(format!("{id} names no source to fetch its metadata from")));
    }
    let http = BlobClient::following(REDIRECTIONS);
    let (mut sort, mut reasons) = (Sort::NotFound, Vec::new());
    for source in sources {
        let source = String::from_utf8_lossy(source).into_owned();
        match fetch_from(&http, &source, document).await {
            Ok(bytes) => return Ok((source, bytes)),
            Err(failure) => {
                if failure.kind() != Sort::NotFound {
                    sort = failure.kind();
                }
                reasons.push(failure.about(&source).to_string());
            }
        }
    }
    Err(Failure::new(sort, format!("no source gave the metadata of {id}: {}", reasons.join("; "))))
}

async fn fetch_from(
    http: &BlobClient,
    source: &str,
    document: &Artifact,
) -> CommandResult<Vec<u8>> {
    let bytes = match local(source) {
        Some(folder) => read(&folder.join(METADATA))?,
        None => {
            let url = format!("{source}{METADATA}");
            let fetched = http.get_file(&url, &document.hash, document.len).await;
            fetched.map_err(unfetched)?.to_vec()
        }
    };
    if of(&bytes) != *document {
        return Err(Failure::failed("what lies there is not the document on chain"));
    }
    Ok(bytes)
}

fn unfetched(error: BlobError) -> Failure {
    let sort = match &error {
        BlobError::Unreachable { .. } => Sort::Connection,
        BlobError::NotFound { .. } => Sort::NotFound,
        _ => Sort::Failed,
    };
    Failure::new(sort, error.to_string())
}

/// A document with every text made safe to print.
fn inert(value: &Value) -> Value {
    match value {
        Value::String(string) => json!(text::paragraphs(string.as_bytes())),
        Value::Array(values) => values.iter().map(inert).collect(),
        Value::Object(fields) => {
            let inert =
                |(name, value): (&String, &Value)| (text::printable(name.as_bytes()), inert(value));
            Value::Object(fields.iter().map(inert).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// A valid document for people: every field under its name, in the order of the schema's groups.
fn describe(document: &Value) -> String {
    let fields = document.as_object().map(in_order).unwrap_or_default();
    let sections = fields.into_iter().map(|(name, value)| {
        let name = text::printable(name.replace('_', " ").as_bytes());
        match value {
            Value::String(string) if string.contains('\n') => {
                format!("{name}:\n{}", indent(&text::paragraphs(string.as_bytes())))
            }
            Value::Array(values) if values.iter().any(Value::is_object) => {
                let lines: Vec<_> = values.iter().map(brief).collect();
                format!("{name}:\n{}", indent(&lines.join("\n")))
            }
            value => format!("{name}: {}", brief(value)),
        }
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// What it is first, then the rest by name.
fn in_order(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let rank = |name: &str| match name {
        "name" => 0,
        "description" => 1,
        "intended_use" => 2,
        "out_of_scope_use" => 3,
        _ => 4,
    };
    let known = |name: &str| !matches!(name, "$schema" | "kind");
    let mut fields: Vec<_> = fields.iter().filter(|(name, _)| known(name)).collect();
    fields.sort_by_key(|(name, _)| rank(name));
    fields
}

/// A value in one line.
fn brief(value: &Value) -> String {
    match value {
        Value::String(string) => text::printable(string.as_bytes()),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::Array(values) => values.iter().map(brief).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                format!("{} {}", text::printable(name.as_bytes()), brief(value))
            };
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
        Value::Null | Value::Number(_) => value.to_string(),
    }
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}").trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests;
