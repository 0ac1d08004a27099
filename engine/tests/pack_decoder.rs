//! Folders of the Llama, Mistral and Qwen family become packages, or a sentence says why not.

mod common;

use common::{write_json, Float, Llama};
use serde_json::{json, Value};
use std::{fs, path::Path};
use vigil_architecture::{Activations, Architecture, Decoder};
use vigil_engine::{
    pack::{pack, PackOptions, PackReport},
    package::FILES,
    Error, FloatDecoder,
};

/// Packs `llama` for `context` tokens after `change` has been at the folder's files.
fn pack_after(
    llama: &Llama,
    context: Option<u32>,
    change: impl FnOnce(&Path),
) -> Result<PackReport, Error> {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("source"), dir.path().join("package"));
    llama.write(&from);
    change(&from);
    let options = PackOptions { context, ..PackOptions::default() };
    let result = pack(&from, &to, &options);
    assert_eq!(to.exists(), result.is_ok());
    result
}

fn decoder(llama: &Llama, context: Option<u32>) -> Decoder {
    let report = pack_after(llama, context, |_| {}).unwrap();
    let Architecture::Decoder(decoder) = report.manifest.architecture else {
        panic!("not a decoder")
    };
    decoder
}

fn refusal(llama: &Llama, change: impl FnOnce(&Path)) -> String {
    match pack_after(llama, None, change) {
        Err(error @ Error::Source { .. }) => error.to_string(),
        other => panic!("expected a refused source, got {other:?}"),
    }
}

fn with(config: Value) -> Llama {
    Llama { config, ..Llama::default() }
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message:?}");
    }
}

#[test]
fn every_kind_should_pack_into_what_its_configuration_says() {
    for llama in Llama::kinds() {
        let decoder = decoder(&llama, None);
        let expected = Decoder {
            vocabulary: 48,
            hidden: 32,
            layers: 2,
            heads: llama.heads as u16,
            kv_heads: llama.kv_heads as u16,
            head_width: llama.head_width as u16,
            intermediate: 64,
            positions: 96,
            rms_norm_eps: 1e-5f32.to_bits(),
            tied_head: llama.tied,
            qkv_bias: llama.kind == "qwen2",
            qk_norm: llama.kind == "qwen3",
            activations: Activations::Int15,
            stop_tokens: [Some(2), None, None, None, None, None, None, None],
        };
        assert_eq!(decoder, expected, "{}", llama.kind);
    }
}

#[test]
fn pack_should_write_the_same_bytes_from_every_way_of_storing_the_same_weights() {
    for llama in Llama::kinds() {
        let dir = tempfile::tempdir().unwrap();
        let ways = [
            llama.clone(),
            Llama { shards: 3, ..llama.clone() },
            Llama { float: Float::F16, ..llama.clone() },
            Llama { float: Float::Bf16, shards: 2, ..llama.clone() },
            Llama { prefix: "", ..llama.clone() },
        ];
        let mut packages = ways.iter().enumerate().map(|(number, llama)| {
            let package = llama.packed(&dir.path().join(number.to_string()));
            FILES.map(|name| fs::read(package.dir().join(name)).unwrap())
        });
        let first = packages.next().unwrap();
        for (number, other) in packages.enumerate() {
            assert!(first == other, "{}: way {} gives other bytes", llama.kind, number + 1);
        }
    }
}

#[test]
fn the_bytes_of_a_package_should_be_those_of_every_machine() {
    let dir = tempfile::tempdir().unwrap();
    let llama = Llama { positions: 4_096, ..Llama::kinds()[0].clone() };
    let package = llama.packed(dir.path());
    let weights = package.manifest().file("weights.safetensors").unwrap();
    assert_eq!(weights.blake3, "59c5dc51ca20ff5785d4ad89bf2ff4c7514d7da961f7e1139978fb87e1f198ad");
}

#[test]
fn defaults_should_be_those_of_transformers() {
    let without = |keys: &[&str], llama: &Llama| {
        let report = pack_after(llama, None, |dir| {
            let mut config = llama.config();
            keys.iter().for_each(|key| drop(config.as_object_mut().unwrap().remove(*key)));
            write_json(&dir.join("config.json"), &config);
        });
        match report.map(|report| report.manifest.architecture) {
            Ok(Architecture::Decoder(decoder)) => Ok(decoder),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    };
    let keys = [
        "num_key_value_heads",
        "head_dim",
        "rms_norm_eps",
        "tie_word_embeddings",
        "rope_theta",
        "rope_scaling",
        "hidden_act",
        "eos_token_id",
        "architectures",
    ];
    let bare = without(&keys, &Llama { kv_heads: 4, ..Llama::default() }).unwrap();
    assert_eq!((bare.kv_heads, bare.head_width, bare.tied_head), (4, 8, false));
    // A folder that says nothing and has no head has none of its own.
    let headless = Llama { tied: true, kv_heads: 4, ..Llama::default() };
    assert!(without(&keys, &headless).unwrap().tied_head);
    assert_eq!((bare.rms_norm_eps, bare.stop_tokens), (1e-6f32.to_bits(), [None; 8]));
    // Mistral's and Qwen's defaults are those of one size of theirs: a guess for any other.
    let [_, mistral, _, qwen3] = Llama::kinds();
    assert_says(&without(&keys[..1], &mistral).unwrap_err(), &["no num_key_value_heads"]);
    let wide = Llama { head_width: 128, ..qwen3 };
    assert_eq!(without(&["head_dim"], &wide).unwrap().head_width, 128);
}

#[test]
fn the_context_should_be_capped_by_the_model_its_window_and_the_engine() {
    let positions = |llama: &Llama, context| decoder(llama, context).positions;
    let llama = Llama { positions: 131_072, ..Llama::default() };
    assert_eq!(positions(&llama, None), 32_768);
    assert_eq!(positions(&llama, Some(512)), 512);
    // A cut is told, unless it was asked for.
    let notes = |llama: &Llama, context| pack_after(llama, context, |_| {}).unwrap().notes;
    assert_says(&notes(&llama, None).concat(), &["131072", "32768"]);
    assert!(notes(&llama, Some(512)).is_empty() && notes(&Llama::default(), None).is_empty());
    let window = |kind, config| Llama { kind, config, ..Llama::default() };
    assert_eq!(positions(&window("mistral", json!({"sliding_window": 32})), None), 32);
    // Qwen's window counts only where it is used.
    let unused = json!({"sliding_window": 32, "use_sliding_window": false});
    assert_eq!(positions(&window("qwen2", unused), None), 96);
    let used = json!({"sliding_window": 32, "use_sliding_window": true});
    assert_eq!(positions(&window("qwen2", used), None), 32);

    let too_long =
        |llama: &Llama, context| pack_after(llama, Some(context), |_| {}).unwrap_err().to_string();
    assert_says(&too_long(&Llama::default(), 97), &["97 tokens", "the 96 that the model has"]);
    assert_says(&too_long(&llama, 32_769), &["32769 tokens", "32768"]);
    assert_says(&too_long(&Llama::default(), 0), &["a dimension is zero"]);
    let bert = common::Bert::default();
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    let options = PackOptions { context: Some(8), ..PackOptions::default() };
    assert_says(&pack(from, to, &options).unwrap_err().to_string(), &["encoder", "positions"]);
}

#[test]
fn whatever_a_folder_calls_an_end_should_end_a_generation() {
    let stop = |config: Value, generation, files: &[(&str, Value)]| {
        let llama = Llama { config, generation, ..Llama::default() };
        let report = pack_after(&llama, None, |dir| {
            files.iter().for_each(|(name, value)| write_json(&dir.join(name), value));
        });
        report.map(|report| report.stop_tokens).map_err(|error| error.to_string())
    };
    let ids = |config: Value, generation, files: &[(&str, Value)]| -> Vec<u32> {
        stop(config, generation, files).unwrap().iter().map(|end| end.id).collect()
    };
    assert_eq!(ids(json!({"eos_token_id": [7, 2, 7]}), None, &[]), [7, 2]);
    assert!(ids(json!({"eos_token_id": null}), None, &[]).is_empty());
    // The places are joined: none takes another's end away.
    let generation = json!({"eos_token_id": [9, 8], "temperature": 0.6});
    assert_eq!(ids(json!({}), Some(generation), &[]), [2, 9, 8]);
    assert_eq!(ids(json!({}), Some(json!({"top_p": 0.9})), &[]), [2]);

    // The tokenizer's own end, written in either way, and what ends a turn of a chat.
    let mut words = common::llama::tokenizer();
    words["added_tokens"][0]["content"] = json!("<|im_end|>");
    let own = |end: Value| ("tokenizer_config.json", json!({ "eos_token": end }));
    for end in [json!("<s>"), json!({"content": "<s>", "lstrip": false})] {
        assert_eq!(ids(json!({}), None, &[own(end)]), [2, 1]);
    }
    let map = ("special_tokens_map.json", json!({"eos_token": "</s>"}));
    let chat = json!({"eos_token": "<s>", "chat_template": "{{ m }}<|im_end|><|eot_id|>"});
    let files = [("tokenizer.json", words), ("tokenizer_config.json", chat), map];
    let ends = stop(json!({}), None, &files).unwrap();
    let told: Vec<_> =
        ends.iter().map(|end| (end.id, end.text.as_deref(), end.from.join(" "))).collect();
    assert_eq!(
        told,
        [
            (2, Some("</s>"), "config.json special_tokens_map.json".to_owned()),
            (1, Some("<s>"), "tokenizer_config.json".into()),
            (0, Some("<|im_end|>"), "the chat template".into()),
        ]
    );
    // A template that names no special token of the tokenizer, or is one of several.
    let named = json!({"chat_template": [{"name": "default", "template": "<|im_end|>"}]});
    assert_eq!(ids(json!({}), None, &[("tokenizer_config.json", named)]), [2]);

    let eight = json!({"eos_token_id": [1, 2, 3, 4, 5, 6, 7, 8]});
    assert_eq!(ids(eight.clone(), None, &[]).len(), 8);
    let message = stop(eight, Some(json!({"eos_token_id": 9})), &[]).unwrap_err();
    assert_says(&message, &["9 tokens", "can have 8"]);
    assert_says(&refusal(&with(json!({"eos_token_id": 48})), |_| {}), &["stop token"]);
    assert_says(&refusal(&with(json!({"eos_token_id": -1})), |_| {}), &["does not parse"]);
}

#[test]
fn a_missing_shard_should_be_named_with_a_tensor_of_it() {
    let llama = Llama { shards: 3, ..Llama::default() };
    let message = refusal(&llama, |dir| {
        fs::remove_file(dir.join("model-00002-of-00003.safetensors")).unwrap();
    });
    assert_says(&message, &["model-00002-of-00003.safetensors", "missing", "holds the tensor"]);
}

#[test]
fn an_unknown_family_should_be_told_the_nearest() {
    for (family, nearest) in
        [("qwen3_moe", "qwen3"), ("qwen2_vl", "qwen2"), ("gemma", "llama"), ("mistral3", "mistral")]
    {
        let message = refusal(&with(json!({ "model_type": family })), |_| {});
        assert_says(&message, &[&format!("nearest that is is {nearest:?}"), "supported are bert"]);
        assert!(message.len() < 300, "{message}");
    }
}

#[test]
fn pack_should_refuse_what_it_cannot_reproduce() {
    let yarn = json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}});
    for (config, said) in [
        (json!({"hidden_act": "gelu"}), "hidden_act"),
        (json!({"attention_bias": true}), "attention_bias"),
        (json!({"mlp_bias": true}), "mlp_bias"),
        (json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor"),
        (json!({"use_mrope": true}), "use_mrope"),
        (json!({"quantization_config": {"bits": 4}}), "unquantised model"),
        (json!({"architectures": ["LlamaForSequenceClassification"]}), "SequenceClassification"),
        (json!({"layer_types": ["chunked_attention"]}), "chunked_attention"),
        (json!({"layer_types": ["sliding_attention"]}), "sliding_attention"),
        (yarn, "\"yarn\""),
        (json!({"rope_theta": 0.0}), "rope_theta"),
        (json!({"model_type": "gemma"}), "\"gemma\" is not supported"),
        (json!({"rms_norm_eps": 0.0}), "normalisation constant"),
        (json!({"rms_norm_eps": "small"}), "does not parse"),
    ] {
        let message = refusal(&with(config.clone()), |_| {});
        assert_says(&message, &["config.json", said]);
        assert!(message.len() < 400, "{config} fills the screen: {message}");
    }
}

#[test]
fn pack_should_refuse_heads_that_do_not_divide_or_fit() {
    let heads = |config: Value| refusal(&with(config), |_| {});
    assert_says(&heads(json!({"num_key_value_heads": 3})), &["heads do not divide"]);
    assert_says(&heads(json!({"num_key_value_heads": 0})), &["zero"]);
    assert_says(&heads(json!({"head_dim": 7})), &["even where it is rotated"]);
    assert_says(&heads(json!({"head_dim": 1_000})), &["at most 256"]);
    assert_says(&heads(json!({"num_attention_heads": 0, "head_dim": null})), &["config.json"]);
    assert_says(
        &heads(json!({"num_attention_heads": 5, "head_dim": null})),
        &["no head_dim", "num_attention_heads"],
    );
    // Counts that divide, and are not those of the tensors.
    assert_says(&heads(json!({"num_key_value_heads": 4})), &["k_proj", "[16, 32]", "32 x 32"]);
    assert_says(&heads(json!({"num_attention_heads": 8})), &["q_proj", "[32, 32]", "64 x 32"]);
}

#[test]
fn pack_should_refuse_tensors_that_are_missing_misshapen_or_left_over() {
    let change = |llama: &Llama, change: &dyn Fn(&mut common::Tensors)| {
        refusal(llama, |dir| llama.write_with(dir, change))
    };
    let [_, _, qwen2, qwen3] = Llama::kinds();
    for (llama, name) in [
        (&Llama::default(), "model.layers.1.mlp.gate_proj.weight"),
        (&Llama::default(), "lm_head.weight"),
        (&Llama::default(), "model.norm.weight"),
        (&qwen2, "model.layers.0.self_attn.k_proj.bias"),
        (&qwen3, "model.layers.1.self_attn.q_norm.weight"),
    ] {
        let message = change(llama, &|tensors| drop(tensors.remove(name).unwrap()));
        let short = name.trim_start_matches("model.");
        assert_says(&message, &[short, "is missing", "(also as model."]);
    }
    let llama = Llama::default();
    let name = "model.layers.0.mlp.down_proj.weight";
    let message = change(&llama, &|tensors| tensors.get_mut(name).unwrap().0 = vec![64, 32]);
    assert_says(&message, &[name, "[64, 32]", "32 x 64"]);
    let message = change(&llama, &|tensors| tensors.get_mut(name).unwrap().1[65] = f32::NAN);
    assert_says(&message, &[name, "NaN", "row 1, column 1"]);
    // A bias that the configuration keeps quiet about changes what the model says.
    for name in ["model.layers.0.self_attn.q_proj.bias", "model.layers.0.mlp.experts.0.weight"] {
        let message = change(&llama, &|tensors| {
            tensors.insert(name.into(), (vec![32], vec![0.5; 32]));
        });
        assert_says(&message, &[name, "does not use"]);
    }
    // These say nothing new.
    let redundant = Llama { tied: true, ..Llama::default() };
    pack_after(&redundant, None, |dir| {
        redundant.write_with(dir, |tensors| {
            let frequencies = "model.layers.0.self_attn.rotary_emb.inv_freq";
            tensors.insert(frequencies.into(), (vec![4], vec![0.5; 4]));
            let head = tensors["model.embed_tokens.weight"].clone();
            tensors.insert("lm_head.weight".into(), head);
        });
    })
    .unwrap();
}

#[test]
fn pack_should_refuse_a_vocabulary_that_does_not_fit() {
    let larger = refusal(&with(json!({"vocab_size": 49})), |_| {});
    assert_says(&larger, &["embed_tokens", "[48, 32]", "49 x 32"]);
    let smaller = Llama { vocabulary: 30, ..Llama::default() };
    assert_says(&refusal(&smaller, |_| {}), &["tokenizer.json", "has id 39", "0 to 29"]);
}

#[test]
fn the_table_of_rotations_should_be_in_the_package() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    let tensors = safetensors::SafeTensors::deserialize(package.weights()).unwrap();
    for (name, function) in [("cos", f64::cos as fn(f64) -> f64), ("sin", f64::sin)] {
        let table = tensors.tensor(&format!("embeddings.rotary.{name}")).unwrap();
        assert_eq!(table.shape(), [96, 4]);
        for (index, bytes) in table.data().chunks_exact(4).enumerate() {
            let value = f64::from(f32::from_le_bytes(bytes.try_into().unwrap()));
            let (position, pair) = (index / 4, index % 4);
            let angle = position as f64 * 1e4f64.powf(-(pair as f64) / 4.0);
            assert!((value - function(angle)).abs() < 6e-8, "{name} {position} {pair}");
        }
    }
}

#[test]
fn an_encoder_and_a_decoder_should_not_be_taken_for_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (bert, llama) = (dir.path().join("bert"), dir.path().join("llama"));
    common::Bert::default().write(&bert);
    Llama::default().write(&llama);
    let error = FloatDecoder::open(&bert).err().unwrap().to_string();
    assert_says(&error, &["not a language model"]);
    let error = vigil_engine::FloatEncoder::open(&llama).err().unwrap().to_string();
    assert_says(&error, &["not an encoder"]);
    let mixed = refusal(&Llama::default(), |dir| {
        let mut config = Llama::default().config();
        config["model_type"] = json!("qwen3");
        write_json(&dir.join("config.json"), &config);
    });
    assert_says(&mixed, &["q_norm", "is missing"]);
}
