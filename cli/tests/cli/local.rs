//! Packing, running and comparing a model through the binary, without a chain.

use crate::common::{vigil, Ran, Tiny, HIDDEN, POSITIONS, VOCABULARY};

fn run(tiny: &Tiny, more: &[&str]) -> Ran {
    let package = tiny.text("package");
    let mut arguments = vec!["run", "--package", &package];
    arguments.extend(more);
    vigil(arguments)
}

#[test]
fn pack_should_give_the_same_package_every_time_when_the_folder_is_the_same() {
    let tiny = Tiny::new();
    let model = tiny.text("model");
    let pack = |out: &str| vigil(["pack", &model, &tiny.text(out), "--json"]).json();
    let (first, second) = (pack("a"), pack("b"));
    assert_eq!(first["package"], second["package"]);
    assert_eq!(first["architecture"]["hidden"], HIDDEN);
    for file in ["package.json", "weights.safetensors", "tokenizer.json", "config.json"] {
        let read = |out: &str| std::fs::read(tiny.path(out).join(file)).unwrap();
        assert_eq!(read("a"), read("b"), "{file}");
    }
    let human = vigil(["pack", &model, &tiny.text("c")]);
    assert_eq!(human.code, 0);
    assert!(human.stdout.contains(first["package"].as_str().unwrap()), "{}", human.stdout);
    assert_eq!(human.stderr, "", "no progress bar where there is no terminal");
}

#[test]
fn run_should_give_the_same_bytes_with_every_kernel_and_number_of_threads() {
    let tiny = Tiny::packed();
    let reference = run(&tiny, &["--input", "red apple", "--kernel", "scalar", "--json"]).json();
    let expected = &reference["runs"][0];
    assert_eq!(expected["tokens"], serde_json::json!([2, 4, 6, 3]));
    assert_eq!(expected["embedding"].as_array().unwrap().len(), HIDDEN);
    let work: u64 = 4 * (4 * 16 * 16 + 2 * 16 * 32 + 3 * 4 * 16);
    assert_eq!(expected["work"], work.to_string());
    let mut kernels = vec!["scalar"];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        kernels.push("avx2");
    }
    for kernel in kernels {
        for threads in ["1", "2"] {
            let more = ["--tokens", "2,4,6,3", "--kernel", kernel, "--threads", threads, "--json"];
            let ran = run(&tiny, &more).json();
            assert_eq!(ran["kernel"], kernel);
            assert_eq!(
                ran["runs"][0]["output"]["hash"], expected["output"]["hash"],
                "{kernel} {threads}"
            );
            assert_eq!(ran["runs"][0]["embedding"], expected["embedding"]);
        }
    }
}

#[test]
fn run_should_summarise_for_people() {
    let tiny = Tiny::packed();
    let ran = run(&tiny, &["--input", "red apple", "--input", "green stone"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for says in ["red apple", "green stone", "16 floats:", "blake3", "0x", "multiply-accumulates"] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
}

#[test]
fn run_should_print_hostile_text_inert() {
    let tiny = Tiny::packed();
    let ran = run(&tiny, &["--input", "red \u{1b}[31m\u{202e} apple"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stdout.contains('\u{202e}'));
    assert!(ran.stdout.contains("\\u{1b}"), "{}", ran.stdout);
}

#[test]
fn compare_should_be_near_the_float_model_and_fail_below_the_bound() {
    let tiny = Tiny::packed();
    let texts = tiny.text("texts");
    std::fs::write(&texts, "# texts\ndoc: red apple\nquery: green stone\n").unwrap();
    let (model, package) = (tiny.text("model"), tiny.text("package"));
    let compare = |bound: &str| {
        vigil([
            "compare",
            "--model",
            &model,
            "--package",
            &package,
            "--input-file",
            &texts,
            "--at-least",
            bound,
            "--json",
        ])
    };
    let near = compare("0.95").json();
    assert_eq!(near["texts"].as_array().unwrap().len(), 2);
    assert!(near["min"].as_f64().unwrap() <= near["mean"].as_f64().unwrap());
    let far = compare("1.5");
    assert_eq!(far.code, 1);
    assert!(far.stderr.contains("below 1.5"), "{}", far.stderr);
    assert!(far.stdout.contains("cosine"), "the figures are printed all the same");
}

#[test]
fn a_missing_package_should_be_not_found() {
    let ran = vigil(["run", "--package", "/no/such/package", "--input", "red"]);
    ran.fails_in_a_line(4, "/no/such/package");
    let tiny = Tiny::new();
    vigil(["pack", "/no/such/model", &tiny.text("out")]).fails_in_a_line(4, "/no/such/model");
    assert!(!tiny.path("out").exists());
}

#[test]
fn a_package_with_a_flipped_byte_should_be_refused() {
    let tiny = Tiny::packed();
    let path = tiny.package().join("weights.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    run(&tiny, &["--input", "red"]).fails_in_a_line(1, "weights.safetensors");
}

#[test]
fn an_unknown_kernel_should_name_those_there_are() {
    let tiny = Tiny::packed();
    let ran = run(&tiny, &["--input", "red", "--kernel", "abacus"]);
    ran.fails_in_a_line(2, "abacus");
    assert!(ran.stderr.contains("scalar"), "{}", ran.stderr);
}

#[test]
fn a_bad_input_should_be_refused_with_its_reason() {
    let tiny = Tiny::packed();
    run(&tiny, &["--input", ""]).fails_in_a_line(2, "empty");
    run(&tiny, &[]).fails_in_a_line(2, "--input");
    let long = "red ".repeat(POSITIONS);
    run(&tiny, &["--input", &long]).fails_in_a_line(1, "at most 12");
    let outside = VOCABULARY.to_string();
    run(&tiny, &["--tokens", &outside]).fails_in_a_line(1, "not in the vocabulary");
    run(&tiny, &["--input-file", "/no/such/file"]).fails_in_a_line(4, "/no/such/file");
    let empty = tiny.text("empty");
    std::fs::write(&empty, "\n \n").unwrap();
    run(&tiny, &["--input-file", &empty]).fails_in_a_line(2, "no text");
    run(&tiny, &["--tokens", "1,x"]).fails(2, "invalid value");
    run(&tiny, &["--input", "red", "--threads", "0"]).fails(2, "--threads");
}

#[test]
fn an_error_should_be_an_object_on_stderr_when_json_is_asked_for() {
    for (arguments, kind, code) in [
        (vec!["run", "--package", "/no/such", "--input", "x", "--json"], "not_found", 4),
        (vec!["run", "--json"], "usage", 2),
    ] {
        let ran = vigil(arguments);
        assert_eq!(ran.code, code);
        assert_eq!(ran.stdout, "");
        let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(error["error"]["kind"], kind);
        assert_eq!(error["error"]["code"], code);
        assert!(!error["error"]["message"].as_str().unwrap().is_empty());
    }
}
