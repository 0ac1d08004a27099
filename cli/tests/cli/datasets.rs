//! Datasets and metadata through the binary, without a chain.

use crate::common::{vigil, Ran};
use serde_json::{json, Value};
use std::{fs, path::Path};

/// A node that is not there.
const NOWHERE: [&str; 4] = ["--node", "ws://127.0.0.1:1", "--dev-key", "Alice"];

fn metadata(kind: &str) -> Value {
    let guide = include_str!("../../../docs/metadata.md");
    let blocks = guide.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut examples = blocks.map(|block| serde_json::from_str::<Value>(block).unwrap());
    examples.find(|example| example["kind"] == kind).expect("an example")
}

fn write(folder: &Path, name: &str, document: &Value) -> String {
    let path = folder.join(name);
    fs::write(&path, document.to_string()).unwrap();
    path.display().to_string()
}

fn register(folder: &Path, flags: &[&str]) -> Ran {
    let content = folder.display().to_string();
    let usual = ["dataset", "register", "words", "--content", &content, "--licence", "MIT"];
    vigil(usual.iter().chain(&NOWHERE).chain(flags))
}

#[test]
fn a_valid_document_should_be_checked_with_hash_and_size() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["model", "dataset"] {
        let document = metadata(kind);
        let path = write(folder.path(), kind, &document);
        let checked = vigil(["metadata", "check", &path, "--json"]).json();
        assert_eq!(checked["valid"], true);
        assert_eq!(checked["kind"], kind);
        assert_eq!(checked["metadata"]["len"], document.to_string().len().to_string());
        let hash = checked["metadata"]["hash"].as_str().unwrap();
        let file = vigil(["dataset", "hash", &path, "--json"]).json();
        assert_eq!(file, checked["metadata"], "a file's content is its bytes");
        let human = vigil(["metadata", "check", &path, "--kind", kind]);
        assert!(human.code == 0 && human.stdout.contains(hash), "{}", human.stdout);
    }
}

#[test]
fn every_fault_of_a_document_should_be_listed_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let mut document = metadata("dataset");
    document["tags"] = json!(["ok", "\u{1b}[31mred", "ok"]);
    document["rows"] = json!("many");
    document["extra"] = json!(1);
    let path = write(folder.path(), "wrong.json", &document);
    let human = vigil(["metadata", "check", &path]);
    assert_eq!(human.code, 1);
    assert!(human.stderr.contains("4 faults"), "{}", human.stderr);
    for says in ["/tags ", "/tags/1", "/rows", "/extra"] {
        assert!(human.stdout.contains(says), "{}", human.stdout);
    }
    assert!(!human.stdout.contains('\u{1b}'), "{}", human.stdout);
    let listed = vigil(["metadata", "check", &path, "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let paths: Vec<_> =
        listed["faults"].as_array().unwrap().iter().map(|one| &one["path"]).collect();
    assert_eq!(paths, ["/extra", "/rows", "/tags", "/tags/1"]);
}

#[test]
fn a_document_that_cannot_be_read_should_be_refused() {
    let folder = tempfile::tempdir().unwrap();
    vigil(["metadata", "check", "/no/such/card"]).fails_in_a_line(4, "/no/such/card");
    let silent = write(folder.path(), "silent.json", &json!({ "name": "x" }));
    vigil(["metadata", "check", &silent]).fails_in_a_line(1, "\"kind\"");
    let other = write(folder.path(), "other.json", &metadata("dataset"));
    let ran = vigil(["metadata", "check", &other, "--kind", "model"]);
    assert!(ran.code == 1 && ran.stdout.contains("/kind"), "{}", ran.stdout);
    let path = folder.path().join("broken.json");
    fs::write(&path, "{\"name\": ").unwrap();
    vigil(["metadata", "check", path.to_str().unwrap()]).fails_in_a_line(1, "no JSON");
    fs::write(&path, " ".repeat(300_000)).unwrap();
    vigil(["metadata", "check", path.to_str().unwrap()]).fails_in_a_line(1, "262144");
}

#[test]
fn the_content_of_a_folder_should_be_what_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/two"), "22").unwrap();
    fs::write(folder.path().join("a"), "1").unwrap();
    let hash = |path: &Path| {
        let json =
            vigil([Path::new("dataset"), Path::new("hash"), path, Path::new("--json")]).json();
        (json["hash"].as_str().unwrap().to_owned(), json["len"].clone())
    };
    let (whole, len) = hash(folder.path());
    assert_eq!(len, "3");
    let line = |name: &str| {
        let (file, _) = hash(&folder.path().join(name));
        format!("{}  {name}\n", file.trim_start_matches("0x"))
    };
    let listing = tempfile::NamedTempFile::new().unwrap();
    fs::write(&listing, format!("{}{}", line("a"), line("b/two"))).unwrap();
    assert_eq!(hash(listing.path()).0, whole);

    std::os::unix::fs::symlink("a", folder.path().join("c")).unwrap();
    let path = folder.path().display().to_string();
    vigil(["dataset", "hash", &path]).fails_in_a_line(1, "symbolic link");
    vigil(["dataset", "hash", "/no/such/data"]).fails_in_a_line(4, "/no/such/data");
}

#[test]
fn a_dataset_should_be_refused_before_a_node_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    register(folder.path(), &[]).fails_in_a_line(1, "holds no files");
    fs::write(folder.path().join("words"), "a b c").unwrap();
    register(folder.path(), &["--royalty", "101%"]).fails(2, "more than 100%");
    register(folder.path(), &["--dataset", "0@0"]).fails(2, "states no share");
    register(folder.path(), &["--source", "ftp://x/"]).fails_in_a_line(2, "ftp");
    let model = write(folder.path(), "card.json", &metadata("model"));
    register(folder.path(), &["--metadata", &model]).fails_in_a_line(1, "/kind must be");
    let card = write(folder.path(), "card.json", &metadata("dataset"));
    register(folder.path(), &["--metadata", &card]).fails_in_a_line(5, "ws://127.0.0.1:1");
}

#[test]
fn grants_and_statements_should_be_checked_as_they_are_typed() {
    vigil(["grant", "buy", "0"]).fails(2, "model:MODEL@VERSION");
    vigil(["grant", "give", "0@0", "//Bob", "--uses", "0"]).fails(2, "--uses");
    vigil(["grant", "give", "0@0", "//Bob", "--days", "1", "--blocks", "1"]).fails(2, "--blocks");
    vigil(["grant", "list", "//Bob", "--asset", "0@0"]).fails(2, "--asset");
    vigil(["grant", "revoke", "0@0", "//Bob", "--evidence", "0x12"]).fails(2, "no hash");
    let revoke = ["grant", "revoke", "0@0", "//Bob", "--evidence", "/no/such/proof"];
    vigil(revoke.iter().chain(&NOWHERE)).fails_in_a_line(4, "/no/such/proof");
    let attest = ["dataset", "attest", "0@0", "blessed", "--document", "x"];
    vigil(attest).fails(2, "consent-verified");
    vigil(["dataset", "show", "model:0@0"]).fails(2, "DATASET@VERSION");
    for command in
        [&["collect"][..], &["grant", "list", "//Bob"], &["metadata", "show", "dataset:0@0"]]
    {
        vigil(command.iter().chain(&NOWHERE)).fails_in_a_line(5, "ws://127.0.0.1:1");
    }
}
