//! A Hugging Face folder becomes a package: the same one every time, or a sentence that says why
//! not.

mod common;

use common::{write_json, Bert, Float};
use serde_json::json;
use std::{cell::RefCell, fs, path::Path};
use vigil_architecture::{Architecture, Pooling};
use vigil_engine::{
    pack::{pack, PackOptions, PackReport},
    package::{Manifest, Package, FILES, MANIFEST},
    Error,
};

/// Packs `bert` after `change` has been at the folder's files.
fn pack_after(bert: &Bert, change: impl FnOnce(&Path)) -> Result<PackReport, Error> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    change(&from);
    let result = pack(&from, &to, &PackOptions::default());
    let left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), if result.is_ok() { 2 } else { 1 }, "left behind: {left:?}");
    result
}

fn refusal(bert: &Bert, change: impl FnOnce(&Path)) -> String {
    match pack_after(bert, change) {
        Err(error @ Error::Source { .. }) => error.to_string(),
        other => panic!("expected a refused source, got {other:?}"),
    }
}

fn encoder(report: &PackReport) -> vigil_architecture::Encoder {
    let Architecture::Encoder(encoder) = report.manifest.architecture else {
        panic!("not an encoder")
    };
    encoder
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn pack_should_give_a_package_that_opens_and_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    let steps = RefCell::new(Vec::new());
    let progress = |step: vigil_engine::pack::Progress<'_>| {
        steps.borrow_mut().push((step.done, step.total));
    };
    let report =
        pack(&from, &to, &PackOptions { progress: Some(&progress), ..PackOptions::default() })
            .unwrap();

    let package = Package::open(&to).unwrap();
    assert_eq!(package.manifest(), &report.manifest);
    assert_eq!(package.manifest_hash(), report.manifest_hash);
    assert_eq!(package.manifest_hash(), report.manifest.hash());
    let written = fs::read(to.join(MANIFEST)).unwrap();
    assert_eq!(written, report.manifest.to_bytes());
    assert_eq!(Manifest::parse(&written).unwrap(), report.manifest);
    assert_eq!(blake3::hash(&written), report.manifest_hash);
    assert!(!report.unchanged);

    let encoder = encoder(&report);
    assert_eq!((encoder.hidden, encoder.layers, encoder.heads), (32, 2, 4));
    assert_eq!((encoder.pooling, encoder.normalize), (Pooling::Mean, true));
    assert_eq!(encoder.layer_norm_eps, 1e-12f32.to_bits());
    let weights = report.manifest.file("weights.safetensors").unwrap();
    let steps = steps.into_inner();
    assert!(steps.is_sorted());
    assert_eq!(steps.last(), Some(&(weights.len, weights.len)));
}

#[test]
fn pack_should_write_the_same_bytes_from_every_way_of_storing_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    let ways = [
        Bert::default(),
        Bert::default(),
        Bert { shards: 3, ..Bert::default() },
        Bert { float: Float::F16, ..Bert::default() },
        Bert { float: Float::Bf16, shards: 2, ..Bert::default() },
        Bert { prefix: "bert.", ..Bert::default() },
        Bert { old_names: true, ..Bert::default() },
    ];
    let mut packages = ways.iter().enumerate().map(|(number, bert)| {
        let dir = dir.path().join(number.to_string());
        let package = bert.packed(&dir);
        let files = FILES.map(|name| fs::read(package.dir().join(name)).unwrap());
        (files, package.manifest_hash())
    });
    let first = packages.next().unwrap();
    for (number, other) in packages.enumerate() {
        assert!(first == other, "way {} gives other bytes", number + 1);
    }
}

#[test]
fn pack_should_leave_an_identical_package_alone_and_replace_another() {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    let first = pack(&from, &to, &PackOptions::default()).unwrap();
    let again = pack(&from, &to, &PackOptions::default()).unwrap();
    assert!(again.unchanged && again.manifest_hash == first.manifest_hash);

    // A damaged package with an intact manifest is not taken for the package.
    let weights = to.join("weights.safetensors");
    fs::write(&weights, b"damaged").unwrap();
    assert!(!pack(&from, &to, &PackOptions::default()).unwrap().unchanged);
    assert_eq!(Package::open(&to).unwrap().manifest_hash(), first.manifest_hash);

    Bert { seed: 2, ..bert }.write(&from);
    let other = pack(&from, &to, &PackOptions::default()).unwrap();
    assert!(!other.unchanged && other.manifest_hash != first.manifest_hash);
    assert_eq!(Package::open(&to).unwrap().manifest_hash(), other.manifest_hash);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing temporary is left");
}

#[test]
fn pack_should_not_touch_a_folder_that_is_not_a_package() {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    fs::create_dir(&to).unwrap();
    fs::write(to.join("thesis.txt"), "years of work").unwrap();
    let error = pack(&from, &to, &PackOptions::default()).unwrap_err().to_string();
    assert_says(&error, &["not empty", "not a package", "package"]);
    assert_eq!(fs::read(to.join("thesis.txt")).unwrap(), b"years of work");
}

#[test]
fn weights_should_be_symmetric_per_row_and_never_minus_128() {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let (from, to) = bert.folders(dir.path());
    let name = "encoder.layer.0.output.dense.weight";
    bert.write_with(&from, |tensors| {
        let values = &mut tensors.get_mut(name).unwrap().1;
        // Row 0 is all zero, row 1 has its largest magnitude negative.
        values[..64].fill(0.0);
        values[64..128].fill(0.25);
        values[64] = -8.0;
        values[65] = 8.0 / 127.0 * 2.5;
        values[66] = 8.0 / 127.0 * 3.5;
    });
    pack(&from, &to, &PackOptions::default()).unwrap();
    let file = fs::read(to.join("weights.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let weights = tensors.tensor("layers.000.feed_forward.down.weight").unwrap();
    assert_eq!(weights.shape(), [32, 64]);
    let rows: Vec<i8> = weights.data().iter().map(|byte| *byte as i8).collect();
    assert!(rows[..64].iter().all(|weight| *weight == 0));
    assert_eq!(rows[64], -127);
    assert_eq!(rows[65..67], [2, 4], "halves go to the even neighbour");
    let scales = tensors.tensor("layers.000.feed_forward.down.scale").unwrap();
    let scale =
        |row: usize| f32::from_le_bytes(scales.data()[row * 4..row * 4 + 4].try_into().unwrap());
    assert_eq!((scale(0), scale(1)), (0.0, 8.0 / 127.0));
    for tensor in tensors.tensors() {
        let int8 = tensor.1.dtype() == safetensors::Dtype::I8;
        assert!(!int8 || !tensor.1.data().contains(&0x80), "{} holds -128", tensor.0);
    }
}

#[test]
fn pooling_and_normalisation_should_be_those_of_the_folder() {
    let packed = |bert: &Bert, change: fn(&Path)| {
        let encoder = encoder(&pack_after(bert, change).unwrap());
        (encoder.pooling, encoder.normalize)
    };
    let bert = |pooling, normalize| Bert { pooling, normalize, ..Bert::default() };
    assert_eq!(packed(&bert(Some("cls"), true), |_| {}), (Pooling::Cls, true));
    assert_eq!(packed(&bert(Some("mean"), false), |_| {}), (Pooling::Mean, false));
    assert_eq!(packed(&bert(None, true), |_| {}), (Pooling::Mean, false));
    let newer = |dir: &Path| {
        write_json(&dir.join("1_Pooling/config.json"), &json!({"pooling_mode": "cls"}));
    };
    assert_eq!(packed(&bert(Some("mean"), true), newer), (Pooling::Cls, true));
    let message = refusal(&bert(Some("max"), true), |_| {});
    assert_says(&message, &["1_Pooling", "\"max\"", "mean and cls"]);
}

#[test]
fn a_transformer_in_a_folder_of_its_own_should_be_found() {
    let report = pack_after(&Bert::default(), |dir| {
        fs::create_dir(dir.join("0_Transformer")).unwrap();
        for name in ["config.json", "tokenizer.json", "model.safetensors"] {
            fs::rename(dir.join(name), dir.join("0_Transformer").join(name)).unwrap();
        }
        let modules = fs::read_to_string(dir.join("modules.json")).unwrap();
        let modules = modules.replacen("\"path\": \"\"", "\"path\": \"0_Transformer\"", 1);
        fs::write(dir.join("modules.json"), modules).unwrap();
    })
    .unwrap();
    assert_eq!(encoder(&report).hidden, 32);
}

#[test]
fn pack_should_refuse_modules_it_cannot_reproduce() {
    let modules = |modules: serde_json::Value| {
        refusal(&Bert::default(), |dir| write_json(&dir.join("modules.json"), &modules))
    };
    let module =
        |path: &str, kind: &str| json!({"path": path, "type": format!("st.models.{kind}")});
    let dense = modules(json!([
        module("", "Transformer"),
        module("1_Pooling", "Pooling"),
        module("2_Dense", "Dense")
    ]));
    assert_says(&dense, &["modules.json", "module 3 (Dense)", "supported are Transformer"]);
    let outside = modules(json!([module("", "Transformer"), module("../1_Pooling", "Pooling")]));
    assert_says(&outside, &["leads out of it"]);
    assert_says(&modules(json!([module("", "Transformer")])), &["no Pooling"]);
}

#[test]
fn pack_should_refuse_numbers_that_are_not_finite() {
    for (name, index, value) in [
        ("embeddings.word_embeddings.weight", 33, f32::NAN),
        ("encoder.layer.1.output.LayerNorm.bias", 1, f32::INFINITY),
        ("encoder.layer.0.attention.self.query.bias", 1, f32::NEG_INFINITY),
    ] {
        for float in [Float::F32, Float::F16, Float::Bf16] {
            let bert = Bert { float, ..Bert::default() };
            let message = refusal(&bert, |dir| {
                bert.write_with(dir, |tensors| tensors.get_mut(name).unwrap().1[index] = value);
            });
            assert_says(&message, &[name, "column 1", &value.to_string()]);
        }
    }
}

#[test]
fn pack_should_refuse_tensors_that_are_missing_misshapen_or_quantised() {
    let name = "encoder.layer.1.intermediate.dense.weight";
    let bert = Bert::default();
    let missing = refusal(&bert, |dir| {
        bert.write_with(dir, |tensors| drop(tensors.remove(name)));
    });
    assert_says(&missing, &[name, "is missing"]);
    let misshapen = refusal(&bert, |dir| {
        bert.write_with(dir, |tensors| tensors.get_mut(name).unwrap().0 = vec![32, 64]);
    });
    assert_says(&misshapen, &[name, "[32, 64]", "64 x 32"]);
    let quantised = refusal(&bert, |dir| {
        let path = dir.join("model.safetensors");
        let file = fs::read(&path).unwrap();
        let from = format!("{name}\":{{\"dtype\":\"F32\"");
        let to = format!("{name}\":{{\"dtype\":\"I32\"");
        let length = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        let header = String::from_utf8(file[8..length].to_vec()).unwrap();
        assert!(header.contains(&from));
        let changed = [&file[..8], header.replace(&from, &to).as_bytes(), &file[length..]].concat();
        fs::write(&path, changed).unwrap();
    });
    assert_says(&quantised, &[name, "I32", "F32, F16 and BF16"]);
}

#[test]
fn pack_should_refuse_files_that_are_cut_off() {
    let message = refusal(&Bert::default(), |dir| {
        let path = dir.join("model.safetensors");
        let file = fs::read(&path).unwrap();
        fs::write(&path, &file[..file.len() / 2]).unwrap();
    });
    assert_says(&message, &["model.safetensors", "not a whole safetensors file"]);
    let message = refusal(&Bert::default(), |dir| {
        fs::write(dir.join("model.safetensors"), b"version https://git-lfs").unwrap();
    });
    assert_says(&message, &["model.safetensors", "download it again"]);
}

#[test]
fn pack_should_refuse_other_families_and_say_what_is_supported() {
    let config = |config: serde_json::Value| {
        let bert = Bert { config, ..Bert::default() };
        let message = refusal(&bert, |_| {});
        assert_says(&message, &["config.json"]);
        message
    };
    let message = config(json!({"model_type": "gemma"}));
    assert_says(&message, &["\"gemma\" is not supported", "supported are bert, llama"]);
    let message = config(json!({"hidden_act": "gelu_new"}));
    assert_says(&message, &["hidden_act \"gelu_new\"", "\"gelu\""]);
    let message = config(json!({"position_embedding_type": "relative_key"}));
    assert_says(&message, &["relative_key", "absolute"]);
    assert_says(&config(json!({"is_decoder": true})), &["decoder"]);
    assert_says(&config(json!({"num_attention_heads": 5})), &["multiple of heads"]);
    assert_says(&config(json!({"layer_norm_eps": 0.0})), &["normalisation constant"]);
    assert_says(&config(json!({"max_position_embeddings": 40_000})), &["32,768"]);
    assert_says(&config(json!({"hidden_size": -1})), &["does not parse"]);
    assert_says(&config(json!({"vocab_size": 41})), &["word_embeddings", "41 x 32"]);
}

#[test]
fn pack_should_say_what_is_missing_from_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("nowhere");
    let error = pack(&nowhere, dir.path().join("out"), &PackOptions::default()).unwrap_err();
    assert_says(&error.to_string(), &["nowhere", "not a folder"]);

    let without = |name: &'static str| {
        let result = pack_after(&Bert::default(), |dir| fs::remove_file(dir.join(name)).unwrap());
        result.unwrap_err().to_string()
    };
    assert_says(&without("config.json"), &["cannot read", "config.json"]);
    assert_says(&without("tokenizer.json"), &["tokenizer.json", "save_pretrained"]);
    assert_says(&without("model.safetensors"), &["no safetensors file", "pytorch_model.bin"]);
    let two = refusal(&Bert::default(), |dir| {
        fs::rename(dir.join("model.safetensors"), dir.join("a.safetensors")).unwrap();
        fs::copy(dir.join("a.safetensors"), dir.join("b.safetensors")).unwrap();
    });
    assert_says(&two, &["several safetensors files", "index"]);
    let outside = refusal(&Bert { shards: 2, ..Bert::default() }, |dir| {
        let index = json!({"weight_map": {"x": "../../etc/x.safetensors"}});
        write_json(&dir.join("model.safetensors.index.json"), &index);
    });
    assert_says(&outside, &["../../etc/x.safetensors", "not a file of the same folder"]);
}

#[test]
fn pack_should_refuse_a_tokenizer_that_does_not_fit() {
    let message = refusal(&Bert { vocabulary: 10, ..Bert::default() }, |_| {});
    assert_says(&message, &["tokenizer.json", "has id 14", "0 to 9"]);
    let message = refusal(&Bert::default(), |dir| {
        fs::write(dir.join("tokenizer.json"), "{}").unwrap();
    });
    assert_says(&message, &["tokenizer.json", "does not parse"]);
}

#[test]
fn a_head_that_is_left_out_should_be_named_and_an_unknown_part_refused() {
    let notes = |names: &[&str]| {
        let bert = Bert::default();
        let report = pack_after(&bert, |dir| {
            bert.write_with(dir, |tensors| {
                for name in names {
                    tensors.insert((*name).into(), (vec![4], vec![0.5; 4]));
                }
            });
        });
        report.map(|report| report.notes).map_err(|error| error.to_string())
    };
    let found =
        notes(&["cls.predictions.bias", "cls.predictions.decoder.weight", "classifier.bias"]);
    let found = found.unwrap();
    assert_eq!(found.len(), 3, "{found:?}");
    assert_says(&found[0], &["classifier", "1 tensors", "left out"]);
    assert_says(&found[1], &["cls.predictions", "masked tokens", "2 tensors"]);
    assert_says(&found[2], &["pooler"]);
    assert_eq!(notes(&["bert.embeddings.position_ids"]).unwrap().len(), 1);
    // A part of the layers that nothing reads changes the vectors.
    let refused = notes(&["encoder.layer.0.attention.self.distance_embedding.weight"]);
    assert_says(&refused.unwrap_err(), &["distance_embedding", "does not use"]);
}
