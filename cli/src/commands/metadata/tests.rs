use super::*;
use crate::cli::Cli;
use clap::Parser;

/// What explains the documents, with an example of each.
const GUIDE: &str = include_str!("../../../../docs/metadata.md");

fn global() -> Global {
    Cli::try_parse_from(["vigil", "--quiet", "chain", "info"]).unwrap().global
}

/// The example of a kind in `docs/metadata.md`.
fn example(kind: Kind) -> Value {
    let blocks = GUIDE.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut examples = blocks.map(|block| serde_json::from_str::<Value>(block).unwrap());
    examples.find(|example| Kind::stated(example) == Some(kind)).expect("an example")
}

fn found(kind: Kind, document: &Value) -> Vec<(String, String)> {
    faults(kind, document).unwrap().into_iter().map(|fault| (fault.path, fault.what)).collect()
}

/// The only fault of the example after a change.
fn fault(kind: Kind, change: impl Fn(&mut Value)) -> (String, String) {
    let mut document = example(kind);
    change(&mut document);
    let mut found = found(kind, &document);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn the_examples_of_the_guide_should_be_valid() {
    for kind in [Kind::Model, Kind::Dataset] {
        assert_eq!(found(kind, &example(kind)), []);
    }
    assert_eq!(GUIDE.matches("```json\n").count(), 2);
}

#[test]
fn the_guide_should_name_every_field_and_say_which_are_required() {
    for (kind, column) in [(Kind::Model, 2), (Kind::Dataset, 3)] {
        for (name, required) in schema::fields(kind) {
            let row = GUIDE.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let row = row.unwrap_or_else(|| panic!("{name} is not explained"));
            let says = row.split('|').nth(column).unwrap().trim();
            assert_eq!(says, if required { "required" } else { "optional" }, "{name}");
        }
    }
}

#[test]
fn a_missing_field_should_be_named_when_it_is_required() {
    for kind in [Kind::Model, Kind::Dataset] {
        for (name, required) in schema::fields(kind) {
            let mut document = example(kind);
            document.as_object_mut().unwrap().remove(&name);
            let expected = (format!("/{name}"), "is missing".to_owned());
            let expected = if required { vec![expected] } else { vec![] };
            assert_eq!(found(kind, &document), expected);
        }
    }
}

#[test]
fn an_unknown_field_should_be_named_wherever_it_is() {
    let unknown = "is no known field";
    for (change, path) in
        [(json!({ "licence": "MIT" }), "/licence"), (json!({ "a/b~c": 1 }), "/a~1b~0c")]
    {
        let (at, what) = fault(Kind::Model, |document| {
            let fields = change.as_object().unwrap().clone();
            document.as_object_mut().unwrap().extend(fields);
        });
        assert_eq!((at.as_str(), what.as_str()), (path, unknown));
    }
    let (at, what) = fault(Kind::Dataset, |document| document["time_span"]["until"] = json!(1));
    assert_eq!((at.as_str(), what.as_str()), ("/time_span/until", unknown));
    let (at, _) = fault(Kind::Model, |document| document["evaluation"][0]["split"] = json!("x"));
    assert_eq!(at, "/evaluation/0/split");
}

#[test]
fn every_value_out_of_form_or_bounds_should_be_named() {
    let long = |count: usize| json!("x".repeat(count));
    let many = |value: fn(usize) -> String, count| json!((0..count).map(value).collect::<Vec<_>>());
    let both = [
        ("/name", json!(""), "form"),
        ("/name", json!("two\nlines"), "form"),
        ("/name", long(129), "129 characters, 128"),
        ("/name", json!(7), "number instead of string"),
        ("/description", json!(" \n"), "form"),
        ("/description", json!("a\u{1b}[2J"), "form"),
        ("/description", json!("a\u{9b}31m"), "form"),
        ("/description", long(4_001), "4001 characters, 4000"),
        ("/intended_use", Value::Null, "null instead of string"),
        ("/out_of_scope_use", json!([]), "array instead of string"),
        ("/tags", many(|number| format!("t{number}"), 17), "17 entries, 16"),
        ("/tags", json!(["a", "b", "a"]), "same entry twice, at 0 and 2"),
        ("/tags/0", json!("Upper"), "form"),
        ("/tags/0", json!("two words"), "form"),
        ("/tags/0", long(33), "33 characters, 32"),
        ("/languages", json!([]), "fewer than 1"),
        ("/languages/0", json!("english"), "form"),
        ("/languages/0", json!("EN"), "form"),
        ("/languages/0", json!("en-gb"), "form"),
        ("/languages/0", json!("en_GB"), "form"),
        ("/regions", json!([]), "fewer than 1"),
        ("/regions/0", json!("de"), "form"),
        ("/regions/0", json!("DEU"), "form"),
        ("/regions/0", json!("DE-BAVA"), "form"),
        ("/limitations", json!(true), "boolean instead of string"),
        ("/ethical_considerations", json!(""), "form"),
        ("/contact", json!("data@example.org"), "form"),
        ("/contact", json!("javascript:alert(1)"), "form"),
        ("/contact", json!("https://exa mple.org"), "form"),
        ("/citation", long(2_001), "2001 characters, 2000"),
        ("/kind", json!("weights"), "must be"),
    ];
    let model = [
        ("/training_data", json!({}), "object instead of string"),
        ("/evaluation", json!({}), "object instead of array"),
        (
            "/evaluation",
            json!(vec![example(Kind::Model)["evaluation"][0].clone(); 65]),
            "65 entries",
        ),
        ("/evaluation/0", json!(0.9), "number instead of object"),
        ("/evaluation/0/value", json!("0.9"), "string instead of number"),
        ("/evaluation/0/metric", long(65), "65 characters, 64"),
        ("/evaluation/0/dataset", json!(""), "form"),
        ("/evaluation/0/remarks", long(257), "257 characters, 256"),
    ];
    let dataset = [
        ("/collection_method", json!("\u{7f}"), "form"),
        ("/consent_basis", json!(["consent"]), "array instead of string"),
        ("/personal_data", json!("no"), "string instead of boolean"),
        ("/time_span", json!("2024"), "string instead of object"),
        ("/time_span/from", json!("2024-13"), "form"),
        ("/time_span/to", json!("2024-05-31T00:00"), "form"),
        ("/time_span/to", json!(2024), "number instead of string"),
        ("/rows", json!(-1), "less than 0"),
        ("/rows", json!(1.5), "number instead of integer"),
        ("/rows", json!(9_007_199_254_740_992u64), "more than"),
        ("/annotations", json!(""), "form"),
    ];
    let all = [(Kind::Model, &both[..]), (Kind::Dataset, &both[..])];
    for (kind, cases) in
        all.into_iter().chain([(Kind::Model, &model[..]), (Kind::Dataset, &dataset[..])])
    {
        for (path, value, says) in cases {
            let (at, what) = fault(kind, |document| {
                *document.pointer_mut(path).expect("a field of the example") = value.clone();
            });
            assert_eq!(at, *path, "{value}: {what}");
            assert!(what.contains(says), "{path} {value}: {what}");
        }
    }
}

#[test]
fn all_faults_should_be_found_at_once() {
    let mut document = example(Kind::Dataset);
    document["rows"] = json!("many");
    document["extra"] = json!(1);
    document["tags"] = json!(["ok", "Not OK", 3]);
    document.as_object_mut().unwrap().remove("consent_basis");
    let paths: Vec<_> = found(Kind::Dataset, &document).into_iter().map(|fault| fault.0).collect();
    assert_eq!(paths, ["/consent_basis", "/extra", "/rows", "/tags/1", "/tags/2"]);
    let failure = accept("it", &faults(Kind::Dataset, &document).unwrap()).unwrap_err().to_string();
    assert!(failure.contains("/consent_basis is missing; /extra"), "{failure}");
    assert!(failure.contains("and 2 more"), "{failure}");
}

#[test]
fn a_document_of_the_other_kind_should_be_refused() {
    let (path, what) = found_one(&example(Kind::Dataset));
    assert_eq!((path.as_str(), what.as_str()), ("/kind", "must be \"model\""));
    for no_object in [json!([]), json!("model"), Value::Null] {
        let (path, what) = found_one(&no_object);
        assert_eq!(path, "");
        assert!(what.contains("instead of object"), "{what}");
    }
}

fn found_one(document: &Value) -> (String, String) {
    let mut found = found(Kind::Model, document);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn ordinary_tags_of_languages_and_regions_should_be_accepted() {
    let mut document = example(Kind::Model);
    document["languages"] =
        json!(["en", "tzo", "pt-BR", "zh-Hant-TW", "es-419", "sl-rozaj", "de-1996", "mul", "zxx"]);
    document["regions"] = json!(["DE", "BR-SP", "GB-ENG", "FR-2A", "AT-9"]);
    assert_eq!(found(Kind::Model, &document), []);
}

#[test]
fn hostile_texts_should_not_reach_the_terminal() {
    const HOSTILE: &str = "\u{1b}[2J\u{202e}\u{200b}x";
    let mut wrong = example(Kind::Model);
    wrong[HOSTILE] = json!(1);
    wrong["name"] = json!(HOSTILE);
    wrong["tags"] = json!([HOSTILE]);
    wrong["contact"] = json!(format!("https://{HOSTILE}"));
    let faults = faults(Kind::Model, &wrong).unwrap();
    assert_eq!(faults.len(), 4, "{faults:?}");
    let mut printed: Vec<_> = faults.iter().map(ToString::to_string).collect();
    // What the schema lets pass is made safe when it is shown.
    let mut shown = example(Kind::Dataset);
    for field in ["name", "description", "citation"] {
        shown[field] = json!("a\u{202e}b\nc\u{200b}");
    }
    printed.extend([describe(&shown), inert(&shown).to_string()]);
    for text in printed {
        let bad = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
        assert!(!text.contains(bad), "{text:?}");
    }
}

#[test]
fn a_document_should_be_described_field_by_field() {
    let text = describe(&example(Kind::Model));
    assert!(text.starts_with("name: Tales\ndescription: A language"), "{text}");
    assert!(text.contains("\nlanguages: en\n"), "{text}");
    assert!(
        text.contains("\nevaluation:\n  dataset stories held back, metric perplexity"),
        "{text}"
    );
    assert!(text.contains("\ncitation:\n  @misc{tales,\n    title"), "{text}");
    let text = describe(&example(Kind::Dataset));
    assert!(text.contains("personal data: yes") && text.contains("from 2023-02, to"), "{text}");
}

/// A folder with a valid document in it, its path, and the document as the chain has it.
fn document() -> (tempfile::TempDir, PathBuf, Artifact) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    std::fs::write(&path, example(Kind::Model).to_string()).unwrap();
    let artifact = artifact(&path, Kind::Model).unwrap();
    (folder, path, artifact)
}

fn sources(urls: &[String]) -> Sources {
    let urls: Vec<_> =
        urls.iter().map(|url| url.clone().into_bytes().try_into().unwrap()).collect();
    urls.try_into().unwrap()
}

#[test]
fn an_artifact_should_be_hash_and_length_of_a_valid_document() {
    let (folder, path, artifact) = document();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(artifact, of(&bytes));
    assert_eq!(artifact.hash, content_hash(&bytes));
    let failure = super::artifact(&path, Kind::Dataset).unwrap_err().to_string();
    assert!(failure.contains("/kind must be \"dataset\""), "{failure}");
    let long = folder.path().join("long.json");
    std::fs::write(&long, " ".repeat(256 * 1024 + 1)).unwrap();
    assert!(super::artifact(&long, Kind::Model).unwrap_err().to_string().contains("longer than"));
    std::fs::write(&long, "{").unwrap();
    assert!(super::artifact(&long, Kind::Model).unwrap_err().to_string().contains("no JSON"));
    assert!(super::artifact(folder.path(), Kind::Model)
        .unwrap_err()
        .to_string()
        .contains("no file"));
}

#[test]
fn a_document_should_be_put_into_local_sources_and_overwrite_nothing() {
    let (folder, path, artifact) = document();
    let place = |sources: &Sources| place(&global(), &path, &artifact, sources);
    let source = folder.path().join("source");
    std::fs::create_dir(&source).unwrap();
    let local = sources(&[
        format!("file://{}/", source.display()),
        "https://example.org/x/".into(),
        "file:///no/such/folder/".into(),
    ]);
    for _ in 0..2 {
        place(&local).unwrap();
        let there = std::fs::read(source.join(METADATA)).unwrap();
        assert_eq!(there, std::fs::read(&path).unwrap());
    }
    std::fs::write(source.join(METADATA), "{}").unwrap();
    let failure = place(&local).unwrap_err().to_string();
    assert!(failure.contains("another document"), "{failure}");
    assert_eq!(std::fs::read(source.join(METADATA)).unwrap(), b"{}");
    std::fs::write(&path, "{}").unwrap();
    assert!(place(&sources(&[])).unwrap_err().to_string().contains("has changed"));
}

#[tokio::test]
async fn a_document_should_be_fetched_from_the_first_source_that_has_it() {
    let (folder, path, artifact) = document();
    let id = AssetId::Model(vigil_primitives::ModelVersionId { model: 0, version: 0 });
    let (good, bad) = (folder.path().join("good"), folder.path().join("bad"));
    for (source, bytes) in [(&good, std::fs::read(&path).unwrap()), (&bad, b"{}".to_vec())] {
        std::fs::create_dir(source).unwrap();
        std::fs::write(source.join(METADATA), bytes).unwrap();
    }
    let url = |folder: &Path| format!("file://{}/", folder.display());
    let all = sources(&["ftp://example.org/".into(), url(&bad), url(&good)]);
    let (source, bytes) = fetch(id, &artifact, &all).await.unwrap();
    assert_eq!((source, of(&bytes)), (url(&good), artifact));

    let failure = fetch(id, &artifact, &sources(&[url(&bad)])).await.unwrap_err();
    assert!(failure.to_string().contains("not the document on chain"), "{failure}");
    let missing = fetch(id, &artifact, &sources(&["file:///no/such/".into()])).await.unwrap_err();
    assert_eq!(missing.kind(), Sort::NotFound, "{missing}");
    let nowhere = fetch(id, &artifact, &Sources::default()).await.unwrap_err();
    assert!(nowhere.to_string().contains("names no source"), "{nowhere}");
}
