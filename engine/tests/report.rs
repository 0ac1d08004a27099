//! The report says what quantisation costs, and calibration takes back.

mod common;

use common::{inputs, referee_logits, Bert, Llama};
use std::path::Path;
use vigil_architecture::BadRun;
use vigil_engine::{
    error::Input,
    pack::{pack, PackOptions},
    report, Activations, Calibration, DecoderReport, Error, Kernel, Model, Options, Package,
    Report,
};

/// Activations of 8 bits, and nothing moved.
const PLAIN: PackOptions<'_> = PackOptions {
    progress: None,
    context: None,
    activations: Some(Activations::Int8),
    calibration: Calibration::Off,
};

fn decoder_report(from: &Path, to: &Path, text: &str) -> DecoderReport {
    match report(from, to, text, &Options::default()).unwrap() {
        Report::Decoder(report) => report,
        Report::Encoder(report) => panic!("{report:?}"),
    }
}

fn words(count: usize) -> String {
    inputs(37, &[count])[0].iter().map(|id| format!("w{} ", id + 3)).collect()
}

#[test]
fn logits_should_be_those_of_the_referee_whatever_computes_them() {
    for llama in Llama::kinds() {
        let dir = tempfile::tempdir().unwrap();
        let package = llama.packed(dir.path());
        let tokens = inputs(llama.vocabulary, &[70]).remove(0);
        let expected = referee_logits(&package, &tokens);
        for kernel in Kernel::available() {
            let options = Options { kernel: Some(kernel), threads: 2 };
            let model = Model::load(&package, &options).unwrap();
            let mut logits = Vec::new();
            model.logits(&tokens, &mut |_, row| logits.push(row.to_vec())).unwrap();
            assert!(logits == expected, "{}, {kernel}", llama.kind);
        }
    }
}

#[test]
fn a_decoder_should_be_near_its_float_model_and_an_outlier_should_show() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    // Longer than the context of 96, so that there are windows.
    let text = words(250);
    let llama = Llama::default();
    llama.write(&at("even"));
    pack(at("even"), at("even-package"), &PLAIN).unwrap();
    let even = decoder_report(&at("even"), &at("even-package"), &text);
    assert_eq!(even.tokens, 250 - 3, "the first token of each of three windows is not predicted");
    assert!((even.perplexity / even.float_perplexity - 1.0).abs() < 0.02, "{even:?}");
    assert!(even.agreement > 0.9, "{even:?}");

    let norm = "model.layers.0.post_attention_layernorm.weight";
    llama.write_with(&at("spoilt"), |tensors| {
        tensors.get_mut(norm).unwrap().1[5] *= 256.0;
        for name in ["gate_proj", "up_proj"] {
            let name = format!("model.layers.0.mlp.{name}.weight");
            let (shape, values) = tensors.get_mut(&name).unwrap();
            values.chunks_mut(shape[1]).for_each(|row| row[5] /= 256.0);
        }
    });
    pack(at("spoilt"), at("spoilt-package"), &PLAIN).unwrap();
    let spoilt = decoder_report(&at("spoilt"), &at("spoilt-package"), &text);
    assert!((spoilt.float_perplexity / even.float_perplexity - 1.0).abs() < 1e-4);
    assert!(spoilt.agreement < even.agreement - 0.1, "{spoilt:?}");
    let options = PackOptions { calibration: Calibration::Text(&text), ..PLAIN };
    pack(at("spoilt"), at("calibrated"), &options).unwrap();
    let calibrated = decoder_report(&at("spoilt"), &at("calibrated"), &text);
    assert!(calibrated.agreement > spoilt.agreement + 0.1, "{spoilt:?}, {calibrated:?}");
    assert!(calibrated.divergence < spoilt.divergence / 10.0, "{spoilt:?}, {calibrated:?}");
    // 15 bits and drawn tokens are what a package has by default.
    let options = PackOptions::default();
    pack(at("spoilt"), at("precise"), &options).unwrap();
    let precise = decoder_report(&at("spoilt"), &at("precise"), &text);
    assert!(precise.divergence < spoilt.divergence / 10.0, "{spoilt:?}, {precise:?}");
}

#[test]
fn an_encoder_should_be_near_its_float_model() {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let package = bert.packed(dir.path());
    let from = bert.folders(dir.path()).0;
    let text = "the cat sat on the mat\n\nthe moon\n";
    match report(&from, package.dir(), text, &Options::default()).unwrap() {
        Report::Encoder(report) => {
            assert_eq!(report.lines, 2);
            assert!(report.min > 0.98 && report.min <= report.mean, "{report:?}");
            assert!(report.mean <= 1.0 + 1e-9, "{report:?}");
        }
        other => panic!("{other:?}"),
    }
    let empty = report(&from, package.dir(), " \n", &Options::default()).unwrap_err();
    assert!(matches!(empty, Error::Input(Input::Run(BadRun::NoInput))), "{empty}");
}

#[test]
fn a_text_of_one_token_should_be_refused() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    let from = dir.path().join("source");
    let error = report(&from, package.dir(), "w5", &Options::default()).unwrap_err();
    assert!(error.to_string().contains("fewer than two tokens"), "{error}");
    let bert = Bert::default().packed(&dir.path().join("bert"));
    let model = Model::load(&bert, &Options::default()).unwrap();
    let error = model.logits(&[1, 2], &mut |_, _| panic!("computed")).unwrap_err();
    assert!(matches!(error, Error::Unsupported(_)), "{error}");
    assert!(Package::open(bert.dir()).is_ok());
}
