//! What the documents name exists: links to files and headings, and files and folders in `code`. And
//! every document is in the index. Decisions (docs/adr) tell what was when they were made, so that
//! only their links are checked.

use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn links_in_documents_should_lead_somewhere() {
    let faults: Vec<_> =
        documents(&["", "docs", "docs/adr"]).iter().flat_map(broken_links).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn paths_in_documents_should_exist() {
    let faults: Vec<_> = documents(&["", "docs"]).iter().flat_map(missing_paths).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_document_should_be_in_the_index() {
    let index = fs::read_to_string(root().join("docs/README.md")).expect("there is an index");
    let missing: Vec<_> = documents(&["docs", "docs/adr"])
        .into_iter()
        .filter_map(|document| Some(document.path.strip_prefix("docs").ok()?.display().to_string()))
        .filter(|path| path != "README.md" && !index.contains(&format!("({path})")))
        .collect();
    assert!(missing.is_empty(), "docs/README.md has no link to {}", missing.join(", "));
}

#[test]
fn a_heading_should_be_linked_to_as_on_github() {
    assert_eq!(anchor("## What a node answers, and `when`"), "what-a-node-answers-and-when");
}

#[test]
fn a_path_should_be_recognised_when_it_begins_in_a_folder_of_the_repository() {
    for path in ["ops/src/lib.rs", "pallets/jobs/", "docs/adr"] {
        assert!(is_path(path), "{path}");
    }
    for other in ["out/file.json", "text/plain", "pallets/*", "jobs::submit", "ops", "a/b c"] {
        assert!(!is_path(other), "{other}");
    }
}

/// A document with its path from the root of the repository.
struct Document {
    path: PathBuf,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Markdown files of these folders.
fn documents(folders: &[&str]) -> Vec<Document> {
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(root().join(folder)).expect("the folder exists") {
            let name = entry.expect("the folder can be read").file_name();
            let path = Path::new(folder).join(name);
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = fs::read_to_string(root().join(&path)).expect("a document is UTF-8");
                found.push(Document { path, text });
            }
        }
    }
    assert!(!found.is_empty(), "there are documents in {folders:?}");
    found
}

/// The text without code that stands on lines of its own.
fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

fn broken_links(document: &Document) -> Vec<String> {
    let prose = prose(&document.text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://"))
        .filter(|target| !leads_somewhere(document, target))
        .map(|target| format!("{}: the link to {target} leads nowhere", document.path.display()))
        .collect()
}

fn leads_somewhere(document: &Document, target: &str) -> bool {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = document.path.parent().expect("a file is in a folder");
    let path = root().join(if file.is_empty() { document.path.clone() } else { folder.join(file) });
    if heading.is_empty() {
        return path.exists();
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    prose(&text).lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading)
}

/// What GitHub makes of a heading: lower case, words joined by hyphens, nothing else.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn missing_paths(document: &Document) -> Vec<String> {
    prose(&document.text)
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| is_path(code) && !root().join(code).exists())
        .map(|path| format!("{}: there is no {path}", document.path.display()))
        .collect()
}

/// Whether this is a file or folder of the repository, or would be one: it begins with one of the
/// repository's folders and has no blanks or patterns.
fn is_path(code: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    match code.split_once('/') {
        Some((folder, _)) => {
            !folder.is_empty() && code.chars().all(plain) && root().join(folder).is_dir()
        }
        None => false,
    }
}
