//! Calibration moves outliers into the weights: the model stays the same and loses less.

mod common;

use common::{inputs, referee_logits, Bert, Llama, Tensors};
use std::{fs, path::Path};
use vigil_engine::{
    pack::{pack, PackOptions, PackReport},
    package::{Package, FILES},
    Activations, Calibration, FloatDecoder, Site,
};

/// What the outliers are larger by: a power of two, so that the model stays exactly the same.
const FACTOR: f32 = 32.0;

/// Words of the test's tokenizer, in no order.
fn text() -> String {
    let ids = inputs(37, &[300]).remove(0);
    ids.iter().map(|id| format!("w{} ", id + 3)).collect()
}

fn packed(from: &Path, to: &Path, calibration: Calibration<'_>) -> (Package, PackReport) {
    // Outliers cost activations of 8 bits most.
    let activations = Some(Activations::Int8);
    let options = PackOptions { activations, calibration, ..PackOptions::default() };
    let report = pack(from, to, &options).unwrap();
    (Package::open(to).unwrap(), report)
}

/// Square error of the package's logits over that of saying nothing.
fn loss(package: &Package, float: &FloatDecoder) -> f64 {
    let tokens = inputs(48, &[40]).remove(0);
    let ours = referee_logits(package, &tokens);
    let (mut error, mut whole) = (0.0, 0.0);
    float
        .logits(&tokens, &mut |position, theirs| {
            for (ours, theirs) in ours[position].iter().zip(theirs) {
                error += f64::from(ours - theirs).powi(2);
                whole += f64::from(*theirs).powi(2);
            }
        })
        .unwrap();
    error / whole
}

/// Multiplies some rows of a matrix or elements of a vector.
fn multiply(tensors: &mut Tensors, name: &str, rows: &[usize], factor: f32) {
    let (shape, values) = tensors.get_mut(name).unwrap();
    let width = shape.get(1).copied().unwrap_or(1);
    for row in rows {
        values[row * width..(row + 1) * width].iter_mut().for_each(|x| *x *= factor);
    }
}

/// Multiplies some columns of a matrix.
fn multiply_columns(tensors: &mut Tensors, name: &str, columns: &[usize], factor: f32) {
    let (shape, values) = tensors.get_mut(name).unwrap();
    for row in values.chunks_mut(shape[1]) {
        columns.iter().for_each(|column| row[*column] *= factor);
    }
}

/// Makes some channels at every place larger, and the weights behind smaller.
fn plant(llama: &Llama, tensors: &mut Tensors) {
    for layer in 0..llama.layers {
        let at = |name: &str| format!("model.layers.{layer}.{name}.weight");
        let channels = [3, 17 + layer];
        multiply(tensors, &at("input_layernorm"), &channels, FACTOR);
        for name in ["q_proj", "k_proj", "v_proj"] {
            let name = at(&format!("self_attn.{name}"));
            multiply_columns(tensors, &name, &channels, 1.0 / FACTOR);
        }
        // One pair of channels of the second key head, and of each query head that reads it.
        let (width, group) = (llama.head_width, llama.heads / llama.kv_heads);
        let pair = [1, 1 + width / 2];
        if llama.kind == "qwen3" {
            multiply(tensors, &at("self_attn.k_norm"), &pair, FACTOR);
            multiply(tensors, &at("self_attn.q_norm"), &pair, 1.0 / FACTOR);
        } else {
            let head = llama.kv_heads - 1;
            let keys = pair.map(|channel| head * width + channel);
            let readers = (head * group..(head + 1) * group)
                .flat_map(|head| pair.map(|channel| head * width + channel));
            let readers: Vec<usize> = readers.collect();
            multiply(tensors, &at("self_attn.k_proj"), &keys, FACTOR);
            multiply(tensors, &at("self_attn.q_proj"), &readers, 1.0 / FACTOR);
            if llama.kind == "qwen2" {
                let bias = |name: &str| format!("model.layers.{layer}.self_attn.{name}.bias");
                multiply(tensors, &bias("k_proj"), &keys, FACTOR);
                multiply(tensors, &bias("q_proj"), &readers, 1.0 / FACTOR);
            }
        }
        multiply(tensors, &at("post_attention_layernorm"), &channels, FACTOR);
        for name in ["gate_proj", "up_proj"] {
            multiply_columns(tensors, &at(&format!("mlp.{name}")), &channels, 1.0 / FACTOR);
        }
        multiply(tensors, &at("mlp.up_proj"), &[40], FACTOR);
        multiply_columns(tensors, &at("mlp.down_proj"), &[40], 1.0 / FACTOR);
        // The third channel of the first value head, and of each query head that reads it.
        multiply(tensors, &at("self_attn.v_proj"), &[2], FACTOR);
        if llama.kind == "qwen2" {
            let bias = format!("model.layers.{layer}.self_attn.v_proj.bias");
            multiply(tensors, &bias, &[2], FACTOR);
        }
        let readers: Vec<usize> = (0..group).map(|head| head * width + 2).collect();
        multiply_columns(tensors, &at("self_attn.o_proj"), &readers, 1.0 / FACTOR);
    }
}

#[test]
fn planted_outliers_should_be_moved_at_every_place_of_every_kind() {
    let text = text();
    for llama in Llama::kinds() {
        let dir = tempfile::tempdir().unwrap();
        let [even, planted] = ["even", "planted"].map(|name| dir.path().join(name));
        llama.write(&even);
        llama.write_with(&planted, |tensors| plant(&llama, tensors));
        let float = FloatDecoder::open(&even).unwrap();
        let kind = llama.kind;

        let (package, report) = packed(&planted, &dir.path().join("a"), Calibration::Off);
        let uncalibrated = loss(&package, &float);
        assert!(report.choices.is_empty());
        let (package, report) = packed(&planted, &dir.path().join("b"), Calibration::Text(&text));
        let calibrated = loss(&package, &float);
        let (package, _) = packed(&even, &dir.path().join("c"), Calibration::Off);
        let usual = loss(&package, &float);
        println!("{kind}: {uncalibrated:.2e} calibrated {calibrated:.2e}, usually {usual:.2e}");
        assert!(calibrated < uncalibrated / 5.0, "{kind}: {uncalibrated} to {calibrated}");
        assert!(calibrated < usual * 2.0, "{kind}: {calibrated}, without outliers {usual}");

        assert_eq!(report.choices.len(), 5 * llama.layers);
        for choice in &report.choices {
            assert!(choice.factors.is_some(), "{kind}: {choice:?}");
            assert!(choice.after < choice.before / 2.0, "{kind}: {choice:?}");
        }
        let sites: Vec<_> = report.choices[..5].iter().map(|choice| choice.site).collect();
        assert_eq!(
            sites,
            [Site::Attention, Site::Scores, Site::Value, Site::FeedForward, Site::Inner]
        );
    }
}

#[test]
fn models_without_outliers_should_not_lose_more_by_calibration() {
    let text = text();
    let (mut before, mut after) = (0.0, 0.0);
    for (seed, llama) in (1..=3).flat_map(|seed| Llama::kinds().map(|llama| (seed, llama))) {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("source");
        Llama { seed, ..llama }.write(&from);
        let float = FloatDecoder::open(&from).unwrap();
        before += loss(&packed(&from, &dir.path().join("a"), Calibration::Off).0, &float);
        let (package, report) = packed(&from, &dir.path().join("b"), Calibration::Text(&text));
        after += loss(&package, &float);
        for choice in &report.choices {
            assert!(choice.after <= choice.before, "{choice:?}");
        }
    }
    // One model's loss goes up or down by chance, that of twelve hardly does. Random tokens of random
    // models have nothing to calibrate with.
    println!("{before:.3e} to {after:.3e}");
    assert!(after < before * 1.05, "{before} to {after}");
}

#[test]
fn a_calibrated_package_should_be_the_same_bytes_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let (from, text) = (dir.path().join("source"), text());
    let llama = Llama::default();
    llama.write_with(&from, |tensors| plant(&llama, tensors));
    let bytes = |name: &str, calibration: Calibration<'_>| {
        let (package, _) = packed(&from, &dir.path().join(name), calibration);
        FILES.map(|file| fs::read(package.dir().join(file)).unwrap())
    };
    let first = bytes("a", Calibration::Text(&text));
    assert!(
        first == bytes("b", Calibration::Text(&text)),
        "other bytes from the same folder and text"
    );
    assert!(first != bytes("c", Calibration::Off));
    // The same bytes on any machine: no number here comes from the platform.
    assert_eq!(
        blake3::hash(&first[2]).to_hex().as_str(),
        "47e16f08a749e85de4b6faccdb6f5a8f6af162052fd4ab5659548ec820bfe35a"
    );
}

#[test]
fn what_cannot_be_calibrated_should_be_refused() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = |from: &Path, text: &str| {
        let options =
            PackOptions { calibration: Calibration::Text(text), ..PackOptions::default() };
        let error = pack(from, dir.path().join("out"), &options).unwrap_err();
        assert!(!dir.path().join("out").exists());
        error.to_string()
    };
    let (bert, llama) = (dir.path().join("bert"), dir.path().join("llama"));
    Bert::default().write(&bert);
    Llama::default().write(&llama);
    let refused = refusal(&bert, "the cat");
    assert!(refused.contains("only language models"), "{refused}");
    let refused = refusal(&llama, "");
    assert!(refused.contains("no tokens"), "{refused}");
}
