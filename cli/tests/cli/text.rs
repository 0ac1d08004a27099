//! Generating text through the binary, without a chain, with the repository's own language model.

use crate::common::{vigil, Ran, Tiny};
use serde_json::{json, Value};
use std::sync::OnceLock;

/// The package of `models/tales`, made once.
fn package() -> &'static str {
    static PACKAGE: OnceLock<(tempfile::TempDir, String)> = OnceLock::new();
    let (_, path) = PACKAGE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("package").display().to_string();
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tales");
        vigil(["pack", model, &path, "--json"]).json();
        (folder, path)
    });
    path
}

fn run(more: &[&str]) -> Ran {
    let mut arguments = vec!["run", "--package", package(), "--input", "Once upon a time"];
    arguments.extend(more);
    vigil(arguments)
}

fn only(ran: &Ran) -> Value {
    let json = ran.json();
    assert_eq!(json["runs"].as_array().map(Vec::len), Some(1));
    json["runs"][0].clone()
}

#[test]
fn a_text_should_have_the_same_bytes_with_every_kernel_and_number_of_threads() {
    let reference = only(&run(&["--max-tokens", "24", "--kernel", "scalar", "--json"]));
    let text = reference["generated"].as_str().expect("a text");
    assert!(text.len() > 20, "{reference}");
    assert_eq!(reference["sampling"], json!({ "kind": "greedy" }));
    let mut kernels = vec!["scalar"];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        kernels.push("avx2");
    }
    for kernel in kernels {
        for threads in ["1", "2"] {
            let more = ["--max-tokens", "24", "--kernel", kernel, "--threads", threads, "--json"];
            let ran = only(&run(&more));
            for name in ["output", "generated", "tokensGenerated", "work"] {
                assert_eq!(ran[name], reference[name], "{kernel} {threads}");
            }
        }
    }
}

#[test]
fn a_text_should_be_shown_as_it_is_generated_and_then_its_hash() {
    let reference = only(&run(&["--max-tokens", "24", "--json"]));
    let shown = run(&["--max-tokens", "24"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let text = reference["generated"].as_str().expect("a text");
    assert!(shown.stdout.starts_with("> Once upon a time\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains(text.trim()), "{} lacks {text}", shown.stdout);
    let hash = reference["output"]["hash"].as_str().expect("a hash");
    for says in [hash, "24 out", "tokens/s", "greedy", "kernel"] {
        assert!(shown.stdout.contains(says), "{} lacks {says}", shown.stdout);
    }
    assert_eq!(shown.stdout.matches(hash).count(), 1);
}

#[test]
fn the_same_seed_should_draw_the_same_text_and_another_one_another() {
    let drawn = |seed: &str| {
        only(&run(&[
            "--max-tokens",
            "24",
            "--temperature",
            "0.9",
            "--min-p",
            "0.02",
            "--seed",
            seed,
            "--json",
        ]))
    };
    let first = drawn("1");
    assert_eq!(drawn("1")["output"]["hash"], first["output"]["hash"]);
    assert_ne!(drawn("2")["output"]["hash"], first["output"]["hash"]);
    assert_eq!(first["sampling"]["seed"], "1");
}

#[test]
fn a_stop_token_should_end_a_text_before_its_limit() {
    let ran = only(&run(&["--json"]));
    let tokens = ran["tokensGenerated"].as_array().expect("tokens");
    assert!(tokens.len() < 256, "{ran}");
    let model = only(&run(&["--max-tokens", &tokens.len().to_string(), "--json"]));
    assert_eq!(
        model["output"]["hash"], ran["output"]["hash"],
        "the limit is where it ended by itself"
    );
}

#[test]
fn a_generation_out_of_range_should_be_refused_with_its_reason() {
    run(&["--max-tokens", "100000"]).fails_in_a_line(2, "room for");
    run(&["--max-tokens", "0"]).fails(2, "--max-tokens");
    run(&["--temperature", "0"]).fails_in_a_line(2, "0.01 to 100");
    run(&["--temperature", "1", "--min-p", "1.5"]).fails_in_a_line(2, "--min-p");
    run(&["--seed", "1"]).fails(2, "--temperature");
    let encoder = Tiny::packed();
    let more = ["run", "--package", &encoder.text("package"), "--input", "red"];
    vigil(more.iter().chain(&["--max-tokens", "5"])).fails_in_a_line(2, "encoder");
    vigil(more.iter().chain(&["--temperature", "1"])).fails_in_a_line(2, "encoder");
}

#[test]
fn pack_should_say_what_it_keeps_of_chats_and_what_it_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let from = folder.path().join("model");
    std::fs::create_dir(&from).expect("a folder");
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tales");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(format!("{model}/{file}"), from.join(file)).expect("a file of the model");
    }
    let write = |name: &str, value: Value| {
        std::fs::write(from.join(name), value.to_string()).expect("a file");
    };
    write(
        "tokenizer_config.json",
        json!({"bos_token": "<|begin|>", "chat_template": "{{ messages[0].content }}"}),
    );
    write(
        "generation_config.json",
        json!({"do_sample": true, "temperature": 0.8, "top_p": 0.9, "max_new_tokens": 2_048}),
    );
    let pack = |out: &str, more: &[&str]| {
        let paths = [from.display().to_string(), folder.path().join(out).display().to_string()];
        let mut arguments = vec!["pack", &paths[0], &paths[1], "--no-calibration"];
        arguments.extend(more);
        vigil(arguments)
    };
    let packed = pack("a", &["--json"]).json();
    let generation =
        json!({"doSample": true, "temperature": 0.8, "minP": null, "maxNewTokens": 2_048});
    let chat = json!({"templates": ["default"], "bosToken": "<|begin|>", "eosToken": null,
                      "generation": generation});
    assert_eq!(packed["chat"], chat);
    assert_eq!(packed["files"].as_array().map(Vec::len), Some(4));
    let shown = pack("b", &[]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for says in ["template default, temperature 0.8, 2,048 tokens", "top_p 0.9 is not kept"] {
        assert!(shown.stdout.contains(says), "{} lacks {says}", shown.stdout);
    }
}
