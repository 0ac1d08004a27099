//! A Hugging Face folder small enough to be written by a test, and the binary that packs it.

use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Words of the tokenizer; their ids are their places.
const WORDS: [&str; 8] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "apple", "stone"];
/// Rows of the word table.
pub(crate) const VOCABULARY: usize = 16;
/// Width of a token's vector.
pub(crate) const HIDDEN: usize = 16;
/// Longest input.
pub(crate) const POSITIONS: usize = 12;
const INTERMEDIATE: usize = 32;

/// What `vigil` did.
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: i32,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained of.
    pub(crate) stderr: String,
}

impl Ran {
    /// Its output as JSON; it must have succeeded and printed nothing else.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        assert_eq!(self.stderr, "");
        serde_json::from_str(&self.stdout).expect("one JSON document")
    }

    /// Checks that it failed with this code and one sentence that says this, and printed nothing.
    pub(crate) fn fails(&self, code: i32, says: &str) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(says), "{:?} lacks {says:?}", self.stderr);
        assert_eq!(self.stdout, "");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// As [`Self::fails`], and the sentence is the only line.
    pub(crate) fn fails_in_a_line(&self, code: i32, says: &str) {
        self.fails(code, says);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
    }
}

/// Runs `vigil` with no settings of this machine's.
pub(crate) fn vigil<A: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vigil"));
    for name in ["VIGIL_NODE", "VIGIL_KEY", "VIGIL_PASSWORD", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.args(arguments).stdin(std::process::Stdio::null());
    ran(command.output().expect("vigil starts"))
}

/// Runs `vigil` with something on its standard input.
pub(crate) fn vigil_with_input(arguments: &[&str], input: &str) -> Ran {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_vigil"))
        .args(arguments)
        .env_remove("VIGIL_PASSWORD")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("vigil starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have failed before reading.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    ran(child.wait_with_output().expect("vigil ends"))
}

fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A folder with a model and, packed by `vigil pack`, its package.
pub(crate) struct Tiny {
    folder: tempfile::TempDir,
}

impl Tiny {
    /// Writes the model.
    pub(crate) fn new() -> Self {
        let tiny = Self { folder: tempfile::tempdir().expect("a folder") };
        write_model(&tiny.model());
        tiny
    }

    /// Writes and packs the model.
    pub(crate) fn packed() -> Self {
        let tiny = Self::new();
        let packed = vigil(["pack", &tiny.text("model"), &tiny.text("package"), "--json"]);
        packed.json();
        tiny
    }

    /// The Hugging Face folder.
    pub(crate) fn model(&self) -> PathBuf {
        self.path("model")
    }

    /// The package.
    pub(crate) fn package(&self) -> PathBuf {
        self.path("package")
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

fn write_model(dir: &Path) {
    std::fs::create_dir_all(dir).expect("a folder");
    let config = json!({
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
    });
    write(dir, "config.json", config.to_string().as_bytes());
    write(dir, "tokenizer.json", tokenizer().to_string().as_bytes());
    write(dir, "model.safetensors", &safetensors());
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(dir.join(name), bytes).expect("a file");
}

fn tokenizer() -> Value {
    let vocabulary: BTreeMap<_, _> =
        WORDS.iter().enumerate().map(|(id, word)| (*word, id)).collect();
    let special = |id: usize| {
        json!({
            "id": id, "content": WORDS[id], "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": true,
        })
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..4).map(special).collect::<Vec<_>>(),
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                { "SpecialToken": { "id": "[CLS]", "type_id": 0 } },
                { "Sequence": { "id": "A", "type_id": 0 } },
                { "SpecialToken": { "id": "[SEP]", "type_id": 0 } },
            ],
            "pair": [],
            "special_tokens": {
                "[CLS]": { "id": "[CLS]", "ids": [2], "tokens": ["[CLS]"] },
                "[SEP]": { "id": "[SEP]", "ids": [3], "tokens": ["[SEP]"] },
            },
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" },
    })
}

/// Random weights in the format of safetensors: the header's length, the header, the floats.
fn safetensors() -> Vec<u8> {
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("embeddings.word_embeddings.weight".into(), vec![VOCABULARY, HIDDEN]),
        ("embeddings.position_embeddings.weight".into(), vec![POSITIONS, HIDDEN]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, HIDDEN]),
    ];
    let mut linear = |name: &str, rows: usize, columns: usize| {
        let name = format!("encoder.layer.0.{name}");
        shapes.push((format!("{name}.weight"), vec![rows, columns]));
        shapes.push((format!("{name}.bias"), vec![rows]));
    };
    for name in ["query", "key", "value"] {
        linear(&format!("attention.self.{name}"), HIDDEN, HIDDEN);
    }
    linear("attention.output.dense", HIDDEN, HIDDEN);
    linear("intermediate.dense", INTERMEDIATE, HIDDEN);
    linear("output.dense", HIDDEN, INTERMEDIATE);
    for name in ["embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"] {
        shapes.push((format!("{name}.LayerNorm.weight"), vec![HIDDEN]));
        shapes.push((format!("{name}.LayerNorm.bias"), vec![HIDDEN]));
    }

    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    let mut state = 1u64;
    for (name, shape) in shapes {
        let (begin, count) = (data.len(), shape.iter().product::<usize>());
        // A gain is near one, everything else near zero.
        let offset = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
        for _ in 0..count {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let unit = (state >> 40) as f32 / (1u64 << 24) as f32;
            data.extend((offset + (unit - 0.5) * 0.4).to_le_bytes());
        }
        let entry = json!({ "dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()] });
        header.insert(name, entry);
    }
    let header = Value::Object(header).to_string().into_bytes();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    file
}
