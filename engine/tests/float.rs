//! The float language model is the one that candle-transformers runs.

mod common;

use candle_core::{DType, Device, IndexOp, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::{llama, mistral, qwen2, qwen3};
use common::{inputs, Llama};
use serde_json::Value;
use std::path::Path;
use vigil_architecture::BadRun;
use vigil_engine::{error::Input, Error, FloatDecoder};

fn ours(model: &FloatDecoder, tokens: &[u32]) -> Vec<Vec<f32>> {
    let mut logits = Vec::new();
    model
        .logits(tokens, &mut |position, row| {
            assert_eq!(position, logits.len());
            logits.push(row.to_vec());
        })
        .unwrap();
    logits
}

/// The logits of the last position, by candle-transformers.
fn theirs(kind: &str, dir: &Path, config: Value, tokens: &[u32]) -> Vec<f32> {
    let path = dir.join("model.safetensors");
    // SAFETY: nobody else writes the file.
    let weights =
        unsafe { VarBuilder::from_mmaped_safetensors(&[path], DType::F32, &Device::Cpu).unwrap() };
    let ids = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap(); // (1, tokens)
    let logits = match kind {
        "llama" => {
            let config: llama::LlamaConfig = serde_json::from_value(config).unwrap();
            let config = config.into_config(false);
            let mut cache = llama::Cache::new(false, DType::F32, &config, &Device::Cpu).unwrap();
            llama::Llama::load(weights, &config).unwrap().forward(&ids, 0, &mut cache).unwrap()
        }
        "mistral" => {
            let config: mistral::Config = serde_json::from_value(config).unwrap();
            mistral::Model::new(&config, weights).unwrap().forward(&ids, 0).unwrap()
        }
        "qwen2" => {
            let config: qwen2::Config = serde_json::from_value(config).unwrap();
            qwen2::ModelForCausalLM::new(&config, weights).unwrap().forward(&ids, 0).unwrap()
        }
        _ => {
            let config: qwen3::Config = serde_json::from_value(config).unwrap();
            qwen3::ModelForCausalLM::new(&config, weights).unwrap().forward(&ids, 0).unwrap()
        }
    };
    let logits = logits.flatten_all().unwrap();
    assert_eq!(logits.dims(), [48]);
    logits.i(..).unwrap().to_vec1().unwrap()
}

#[test]
fn logits_should_be_those_of_candle_transformers() {
    for llama in Llama::kinds() {
        let dir = tempfile::tempdir().unwrap();
        llama.write(dir.path());
        let model = FloatDecoder::open(dir.path()).unwrap();
        let mut config = llama.config();
        // What candle's configurations demand and folders may leave out.
        for (key, value) in [
            ("attention_bias", Value::from(false)),
            ("max_window_layers", 0.into()),
            ("use_sliding_window", false.into()),
            ("use_flash_attn", false.into()),
        ] {
            config[key] = value;
        }
        if llama.kind == "qwen2" {
            config["sliding_window"] = 96.into();
        }
        let tokens = inputs(llama.vocabulary, &[70]).remove(0);
        let logits = ours(&model, &tokens);
        assert_eq!(logits.len(), 70);
        for length in [1, 2, 17, 70] {
            let expected = theirs(llama.kind, dir.path(), config.clone(), &tokens[..length]);
            let largest = expected.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            assert!(largest > 0.5, "{}: the logits are all near 0", llama.kind);
            for (ours, theirs) in logits[length - 1].iter().zip(&expected) {
                let near = (ours - theirs).abs() < 2e-4 * largest;
                assert!(near, "{}, {length} tokens: {ours} and {theirs}", llama.kind);
            }
        }
    }
}

#[test]
fn a_sharded_and_untied_or_tied_head_should_be_read() {
    let [tied, untied, ..] = Llama::kinds();
    assert!(tied.tied && !untied.tied);
    for llama in [tied, untied] {
        let dir = tempfile::tempdir().unwrap();
        let (one, many) = (dir.path().join("one"), dir.path().join("many"));
        llama.write(&one);
        Llama { shards: 3, prefix: "", ..llama }.write(&many);
        let [one, many] = [one, many].map(|dir| FloatDecoder::open(dir).unwrap());
        assert_eq!(ours(&one, &[1, 5, 9]), ours(&many, &[1, 5, 9]));
    }
}

#[test]
fn inputs_that_do_not_fit_should_be_refused() {
    let dir = tempfile::tempdir().unwrap();
    Llama::default().write(dir.path());
    let model = FloatDecoder::open(dir.path()).unwrap();
    for (tokens, refused) in [
        (vec![], Input::Run(BadRun::NoInput)),
        (vec![1; 97], Input::Run(BadRun::InputTooLong { tokens: 97, most: 96 })),
        (vec![1, 48], Input::OutOfVocabulary { id: 48, position: 1, vocabulary: 48 }),
    ] {
        let error = model.logits(&tokens, &mut |_, _| panic!("computed")).unwrap_err();
        assert!(matches!(error, Error::Input(input) if input == refused), "{error}");
    }
    assert_eq!(model.tokenizer().encode("<s> w3 w39").unwrap(), [1, 3, 39]);
}

#[test]
fn rounding_should_change_what_it_names_and_nothing_else() {
    use vigil_engine::{
        float::{Grain, Rounding},
        Comparison,
    };
    for llama in Llama::kinds() {
        let dir = tempfile::tempdir().unwrap();
        llama.write(dir.path());
        let float = FloatDecoder::open(dir.path()).unwrap();
        let tokens = inputs(llama.vocabulary, &[60]).remove(0);
        let exact = ours(&float, &tokens);
        let loss = |rounding: Rounding| {
            let rounded = FloatDecoder::open_with(dir.path(), rounding).unwrap();
            let mut comparison = Comparison::default();
            for (rounded, exact) in ours(&rounded, &tokens).iter().zip(&exact) {
                comparison.add(0, rounded, exact);
            }
            comparison.report().unwrap().divergence
        };
        let none = Rounding::default();
        assert_eq!(loss(none), 0.0, "{}", llama.kind);
        let (coarse, fine) = (none.inputs(Grain::Int8), none.inputs(Grain::Int15));
        assert!(loss(coarse) > 100.0 * loss(fine), "{}", llama.kind);
        for one in [
            Rounding { weights: Grain::Int8, ..none },
            Rounding { weights: Grain::Blocks, ..none },
            Rounding { attention: Grain::Int8, ..none },
            Rounding { output: Grain::Int8, ..none },
            Rounding { feed_forward: Grain::Int8, ..none },
            Rounding { down: Grain::Int8, ..none },
            Rounding { head: Grain::Int8, ..none },
            Rounding { queries: Grain::Int8, ..none },
            Rounding { keys: Grain::Int8, ..none },
            Rounding { values: Grain::Int8, ..none },
            Rounding { mix: true, ..none },
        ] {
            assert!(loss(one) > 0.0, "{}: {one:?}", llama.kind);
        }
    }
}

#[test]
fn blocks_should_round_as_those_of_ggml() {
    use vigil_engine::float::Grain;
    // One block of 32 with a scale of its own, and a short one of zeros.
    let mut row: Vec<f32> = (0..32).map(|i| i as f32 - 16.0).chain([0.0; 4]).collect();
    let given = row.clone();
    Grain::Blocks.round(&mut row);
    let scale = half::f16::from_f32(16.0 / 127.0).to_f32();
    for (rounded, x) in row.iter().zip(&given) {
        assert_eq!(*rounded, (x / (16.0 / 127.0)).round() * scale);
    }
}
