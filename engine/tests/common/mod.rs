//! Hugging Face folders with random weights, written by the tests and benchmarks themselves.

#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod llama;

pub use llama::Llama;

use safetensors::{tensor::TensorView, Dtype};
use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use vigil_architecture::Sampling;
use vigil_engine::{
    pack::{pack, PackOptions},
    package::Package,
    Activations,
};
use vigil_ops::{weights::DType, Program};

/// Words of the tokenizer, after its special tokens.
pub const WORDS: [&str; 10] =
    ["the", "cat", "dog", "sat", "ran", "on", "mat", "moon", "##s", "##ing"];
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// How a folder stores its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Float {
    F32,
    F16,
    Bf16,
}

/// A BERT to write as a Hugging Face folder.
#[derive(Clone, Debug)]
pub struct Bert {
    pub vocabulary: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub positions: usize,
    pub float: Float,
    pub shards: usize,
    pub prefix: &'static str,
    pub old_names: bool,
    /// `modules.json` and `1_Pooling/config.json`, with the pooling's name.
    pub pooling: Option<&'static str>,
    pub normalize: bool,
    /// What it is packed with; `None` for the default.
    pub activations: Option<Activations>,
    pub config: Value,
    pub seed: u64,
}

impl Default for Bert {
    fn default() -> Self {
        Self {
            vocabulary: 40,
            hidden: 32,
            layers: 2,
            heads: 4,
            intermediate: 64,
            positions: 24,
            float: Float::F32,
            shards: 1,
            prefix: "",
            old_names: false,
            pooling: Some("mean"),
            normalize: true,
            activations: None,
            config: json!({}),
            seed: 1,
        }
    }
}

/// A folder's tensors: name to (shape, values).
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

impl Bert {
    /// Random weights, each exactly representable in every one of [`Float`].
    pub fn tensors(&self) -> Tensors {
        let mut random = Random(self.seed);
        let mut tensors = Tensors::new();
        let (h, f) = (self.hidden, self.intermediate);
        let mut matrix = |name: String, rows: usize, columns: usize| {
            let scale = 2.0 / (columns as f32).sqrt();
            let values = (0..rows * columns).map(|_| random.bf16(scale)).collect();
            tensors.insert(format!("{}{name}", self.prefix), (vec![rows, columns], values));
        };
        matrix("embeddings.word_embeddings.weight".into(), self.vocabulary, h);
        matrix("embeddings.position_embeddings.weight".into(), self.positions, h);
        matrix("embeddings.token_type_embeddings.weight".into(), 2, h);
        for layer in 0..self.layers {
            let at = |name: &str| format!("encoder.layer.{layer}.{name}.weight");
            matrix(at("attention.self.query"), h, h);
            matrix(at("attention.self.key"), h, h);
            matrix(at("attention.self.value"), h, h);
            matrix(at("attention.output.dense"), h, h);
            matrix(at("intermediate.dense"), f, h);
            matrix(at("output.dense"), h, f);
        }
        let mut vector = |name: String, length: usize, around: f32| {
            let values = (0..length).map(|_| around + random.bf16(0.25)).map(to_bf16).collect();
            tensors.insert(format!("{}{name}", self.prefix), (vec![length], values));
        };
        let (gain, bias) = if self.old_names { ("gamma", "beta") } else { ("weight", "bias") };
        let mut norm = |stem: String| {
            vector(format!("{stem}.LayerNorm.{gain}"), h, 1.0);
            vector(format!("{stem}.LayerNorm.{bias}"), h, 0.0);
        };
        norm("embeddings".into());
        for layer in 0..self.layers {
            norm(format!("encoder.layer.{layer}.attention.output"));
            norm(format!("encoder.layer.{layer}.output"));
        }
        for layer in 0..self.layers {
            let at = |name: &str| format!("encoder.layer.{layer}.{name}.bias");
            vector(at("attention.self.query"), h, 0.0);
            vector(at("attention.self.key"), h, 0.0);
            vector(at("attention.self.value"), h, 0.0);
            vector(at("attention.output.dense"), h, 0.0);
            vector(at("intermediate.dense"), f, 0.0);
            vector(at("output.dense"), h, 0.0);
        }
        // Real folders carry a pooler and a table of positions that no embedding needs.
        matrix_into(&mut tensors, format!("{}pooler.dense.weight", self.prefix), h, h);
        tensors
    }

    /// Writes the folder.
    pub fn write(&self, dir: &Path) {
        self.write_with(dir, |_| {});
    }

    /// Writes the folder after `change` has been at its tensors.
    pub fn write_with(&self, dir: &Path, change: impl FnOnce(&mut Tensors)) {
        fs::create_dir_all(dir).unwrap();
        let mut config = json!({
            "architectures": ["BertModel"],
            "hidden_act": "gelu",
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": self.positions,
            "model_type": "bert",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "pad_token_id": 0,
            "type_vocab_size": 2,
            "vocab_size": self.vocabulary,
        });
        for (key, value) in self.config.as_object().unwrap() {
            config[key] = value.clone();
        }
        write_json(&dir.join("config.json"), &config);
        write_json(&dir.join("tokenizer.json"), &tokenizer());
        if let Some(pooling) = self.pooling {
            let mut modules = vec![
                json!({"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}),
                json!({"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}),
            ];
            if self.normalize {
                modules.push(json!({"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}));
            }
            write_json(&dir.join("modules.json"), &Value::from(modules));
            fs::create_dir_all(dir.join("1_Pooling")).unwrap();
            write_json(
                &dir.join("1_Pooling/config.json"),
                &json!({
                    "word_embedding_dimension": self.hidden,
                    "pooling_mode_cls_token": pooling == "cls",
                    "pooling_mode_mean_tokens": pooling == "mean",
                    "pooling_mode_max_tokens": pooling == "max",
                }),
            );
        }
        let mut tensors = self.tensors();
        change(&mut tensors);
        write_tensors(dir, &tensors, self.float, self.shards);
    }

    /// Writes the folder and packs it, all below `dir`.
    pub fn packed(&self, dir: &Path) -> Package {
        let (from, to) = self.folders(dir);
        self.write(&from);
        let options = PackOptions { activations: self.activations, ..PackOptions::default() };
        pack(&from, &to, &options).unwrap();
        Package::open(&to).unwrap()
    }

    /// Where [`Self::packed`] puts the Hugging Face folder and the package.
    pub fn folders(&self, dir: &Path) -> (PathBuf, PathBuf) {
        (dir.join("source"), dir.join("package"))
    }
}

/// Writes the tensors of a folder, in one file or in shards with an index.
pub fn write_tensors(dir: &Path, tensors: &Tensors, float: Float, shards: usize) {
    if shards == 1 {
        return write_shard(float, &dir.join("model.safetensors"), tensors.iter());
    }
    let name = |shard: usize| format!("model-{:05}-of-{:05}.safetensors", shard + 1, shards);
    let mut map = BTreeMap::new();
    for shard in 0..shards {
        let here = || tensors.iter().enumerate().filter(move |(i, _)| i % shards == shard);
        map.extend(here().map(|(_, (tensor, _))| (tensor.clone(), name(shard))));
        write_shard(float, &dir.join(name(shard)), here().map(|(_, tensor)| tensor));
    }
    let index = json!({"metadata": {"total_size": 0}, "weight_map": map});
    write_json(&dir.join("model.safetensors.index.json"), &index);
}

fn write_shard<'a>(
    float: Float,
    path: &Path,
    tensors: impl Iterator<Item = (&'a String, &'a (Vec<usize>, Vec<f32>))>,
) {
    let dtype = match float {
        Float::F32 => Dtype::F32,
        Float::F16 => Dtype::F16,
        Float::Bf16 => Dtype::BF16,
    };
    let stored: Vec<_> = tensors
        .map(|(name, (shape, values))| {
            let bytes: Vec<u8> = match float {
                Float::F32 => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
                Float::F16 => {
                    values.iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect()
                }
                Float::Bf16 => {
                    values.iter().flat_map(|x| half::bf16::from_f32(*x).to_le_bytes()).collect()
                }
            };
            (name, shape.clone(), bytes)
        })
        .collect();
    let views = stored.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}

/// A WordPiece tokenizer with BERT's special tokens.
pub fn tokenizer() -> Value {
    let vocabulary: BTreeMap<_, _> =
        SPECIAL.iter().chain(&WORDS).enumerate().map(|(id, word)| (*word, id)).collect();
    let special = |id: usize| {
        json!({"id": id, "content": SPECIAL[id], "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": true})
    };
    json!({
        "version": "1.0",
        "truncation": {"max_length": 8, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
        "padding": {"strategy": {"Fixed": 8}, "direction": "Right", "pad_to_multiple_of": null,
                    "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": (0..SPECIAL.len()).map(special).collect::<Vec<_>>(),
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
                       "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}},
                       {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                               "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    })
}

/// The output of a run as the chain's referee computes it: element by element, nothing fused.
pub fn referee(package: &Package, tokens: &[u32]) -> Vec<u8> {
    let count = tokens.len() as u32;
    let program = Program::new(package.architecture(), count, 0, Sampling::Greedy).unwrap();
    let file = package.weights();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    vigil_ops::reference::run(&program, tokens, &file[header..], |_, _, _| {}).unwrap()
}

/// The logits behind every token of `tokens`, as the referee computes them.
pub fn referee_logits(package: &Package, tokens: &[u32]) -> Vec<Vec<f32>> {
    let rows = tokens.len() as u32;
    let program = Program::new(package.architecture(), 1, rows, Sampling::Greedy).unwrap();
    let vocabulary = program.vocabulary();
    let file = package.weights();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut logits = Vec::new();
    vigil_ops::reference::run(&program, tokens, &file[header..], |_, op, bytes| {
        if op.dtype == DType::F32 && op.shape.dimensions() == [rows, vocabulary] {
            logits = bytes.to_vec();
        }
    })
    .unwrap();
    let logits = logits.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    logits.collect::<Vec<_>>().chunks(vocabulary as usize).map(<[f32]>::to_vec).collect()
}

/// Inputs of `lengths` tokens each, different from each other.
pub fn inputs(vocabulary: usize, lengths: &[usize]) -> Vec<Vec<u32>> {
    let mut random = Random(7);
    lengths
        .iter()
        .map(|length| (0..*length).map(|_| (random.next() % vocabulary as u64) as u32).collect())
        .collect()
}

pub fn write_json(path: &Path, value: &Value) {
    fs::write(path, serde_json::to_vec_pretty(value).unwrap()).unwrap();
}

fn matrix_into(tensors: &mut Tensors, name: String, rows: usize, columns: usize) {
    tensors.insert(name, (vec![rows, columns], vec![0.5; rows * columns]));
}

fn to_bf16(x: f32) -> f32 {
    half::bf16::from_f32(x).to_f32()
}

/// SplitMix64: the same numbers everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of -`scale` to `scale` with eight significant bits, large enough for f16.
    fn bf16(&mut self, scale: f32) -> f32 {
        let unit = (self.next() >> 40) as f32 / (1u64 << 24) as f32;
        let x = to_bf16((unit * 2.0 - 1.0) * scale);
        if x.abs() < 1.0 / 1024.0 {
            0.0
        } else {
            x
        }
    }
}
