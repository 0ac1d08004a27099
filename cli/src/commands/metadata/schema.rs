//! The JSON schemas of metadata, and what a document does wrong by them.

use super::{Kind, QUOTED};
use crate::{
    error::{CommandResult, Failure},
    text,
};
use boon::{Compiler, ErrorKind, Schemas, ValidationError};
use serde_json::{json, Value};
use std::fmt;

/// The schemas by file name, as they lie in `docs/schemas`.
const SCHEMAS: [(&str, &str); 3] = [
    ("metadata.schema.json", include_str!("../../../../docs/schemas/metadata.schema.json")),
    (
        "model-metadata.schema.json",
        include_str!("../../../../docs/schemas/model-metadata.schema.json"),
    ),
    (
        "dataset-metadata.schema.json",
        include_str!("../../../../docs/schemas/dataset-metadata.schema.json"),
    ),
];
/// What the schemas' `$id`s begin with. Nothing is fetched from there.
const BASE: &str = "https://github.com/vigil-chain/vigil/blob/main/docs/schemas/";

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fault {
    /// JSON pointer of the value, safe to print; empty for the document itself.
    pub(super) path: String,
    /// What is wrong with it.
    pub(super) what: String,
}

impl Fault {
    fn new(path: &str, what: impl Into<String>) -> Self {
        Self { path: text::brief(path.as_bytes(), QUOTED), what: what.into() }
    }

    /// The JSON pointer, or words for the document itself.
    pub(super) fn place(&self) -> &str {
        if self.path.is_empty() {
            "(the document)"
        } else {
            &self.path
        }
    }

    /// The fault as JSON.
    pub(super) fn to_json(&self) -> Value {
        json!({ "path": self.path, "fault": self.what })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place(), self.what)
    }
}

/// Everything that is wrong with a document, by path.
pub(super) fn faults(kind: Kind, document: &Value) -> CommandResult<Vec<Fault>> {
    let broken = |error: &dyn fmt::Display| {
        Failure::failed(format!("the schemas of this program are broken: {error}"))
    };
    let mut compiler = Compiler::new();
    for (name, schema) in SCHEMAS {
        let schema = serde_json::from_str(schema).map_err(|error| broken(&error))?;
        let location = format!("{BASE}{name}");
        compiler.add_resource(&location, schema).map_err(|error| broken(&error))?;
    }
    let mut schemas = Schemas::new();
    let location = format!("{BASE}{}-metadata.schema.json", kind.word());
    let index = compiler.compile(&location, &mut schemas).map_err(|error| broken(&error))?;
    let mut faults = Vec::new();
    if let Err(error) = schemas.validate(document, index) {
        collect(&error, &mut faults);
    }
    faults.sort();
    faults.dedup();
    if Kind::stated(document).is_some_and(|stated| stated != kind) {
        // What else it lacks of the other kind is of no use to anybody.
        faults.retain(|fault| fault.path == "/kind");
    }
    Ok(faults)
}

/// The faults of an error and of what caused it.
fn collect(error: &ValidationError<'_, '_>, faults: &mut Vec<Fault>) {
    if !error.causes.is_empty() {
        return error.causes.iter().for_each(|cause| collect(cause, faults));
    }
    let path = error.instance_location.to_string();
    // A pointer's own escapes.
    let below = |name: &str| format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
    match &error.kind {
        ErrorKind::Required { want } => {
            faults.extend(want.iter().map(|name| Fault::new(&below(name), "is missing")));
        }
        ErrorKind::AdditionalProperties { got } => {
            faults.extend(got.iter().map(|name| Fault::new(&below(name), "is no known field")));
        }
        kind => faults.push(Fault::new(&path, says(kind, error.schema_url))),
    }
}

/// What is wrong with one value.
fn says(kind: &ErrorKind<'_, '_>, schema: &str) -> String {
    match kind {
        ErrorKind::Type { got, want } => {
            let want: Vec<_> = want.iter().map(|want| want.to_string()).collect();
            format!("is {got} instead of {}", want.join(" or "))
        }
        ErrorKind::Const { want } => format!("must be {want}"),
        ErrorKind::MaxLength { got, want } => format!("has {got} characters, {want} are allowed"),
        ErrorKind::MinItems { want, .. } => format!("has fewer than {want} entries"),
        ErrorKind::MaxItems { got, want } => format!("has {got} entries, {want} are allowed"),
        ErrorKind::UniqueItems { got: [first, second] } => {
            format!("has the same entry twice, at {first} and {second}")
        }
        ErrorKind::Minimum { want, .. } => format!("is less than {want}"),
        ErrorKind::Maximum { want, .. } => format!("is more than {want}"),
        ErrorKind::Pattern { got, want } => match description(schema) {
            Some(form) => format!("does not have this form: {form} Found: {}", quoted(got)),
            None => format!("does not match {want}: {}", quoted(got)),
        },
        other => quoted(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    text::brief(text.as_bytes(), QUOTED)
}

/// How a schema describes what it accepts.
fn description(location: &str) -> Option<String> {
    let (file, pointer) = location.strip_prefix(BASE)?.split_once('#')?;
    let (_, schema) = SCHEMAS.iter().find(|(name, _)| *name == file)?;
    let schema: Value = serde_json::from_str(schema).ok()?;
    Some(schema.pointer(pointer)?.get("description")?.as_str()?.to_owned())
}

/// The fields of a document, and whether each is required.
#[cfg(test)]
pub(super) fn fields(kind: Kind) -> Vec<(String, bool)> {
    let file = format!("{}-metadata.schema.json", kind.word());
    let schema = SCHEMAS.iter().find(|(name, _)| *name == file).map(|(_, schema)| schema);
    let schema: Value = serde_json::from_str(schema.expect("a schema")).expect("JSON");
    let required = schema["required"].as_array().expect("a list");
    let fields = schema["properties"].as_object().expect("fields");
    fields.keys().map(|name| (name.clone(), required.contains(&json!(name)))).collect()
}
