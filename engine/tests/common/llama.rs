//! Language models of the Llama, Mistral and Qwen family with random weights.

use super::{write_json, write_tensors, Float, Random, Tensors};
use serde_json::{json, Value};
use std::{fs, path::Path};
use vigil_engine::{
    pack::{pack, PackOptions},
    package::Package,
    Activations,
};

/// A language model to write as a Hugging Face folder.
#[derive(Clone, Debug)]
pub struct Llama {
    /// `llama`, `mistral`, `qwen2` or `qwen3`: the last two add biases or norms.
    pub kind: &'static str,
    pub vocabulary: usize,
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_width: usize,
    pub intermediate: usize,
    pub positions: usize,
    pub tied: bool,
    pub float: Float,
    pub shards: usize,
    pub prefix: &'static str,
    /// What it is packed with; `None` for the default.
    pub activations: Option<Activations>,
    /// Keys of `config.json` that differ from what the fields above say.
    pub config: Value,
    /// `generation_config.json`, if any.
    pub generation: Option<Value>,
    pub seed: u64,
}

impl Default for Llama {
    fn default() -> Self {
        Self {
            kind: "llama",
            vocabulary: 48,
            hidden: 32,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_width: 8,
            intermediate: 64,
            positions: 96,
            tied: false,
            float: Float::F32,
            shards: 1,
            prefix: "model.",
            activations: None,
            config: json!({}),
            generation: None,
            seed: 1,
        }
    }
}

impl Llama {
    /// One of each kind, with what is particular to it.
    pub fn kinds() -> [Self; 4] {
        let llama3 = json!({"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3",
            "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}});
        [
            Self { tied: true, config: llama3, ..Self::default() },
            Self {
                kind: "mistral",
                activations: Some(Activations::Int8),
                config: json!({"sliding_window": 96}),
                ..Self::default()
            },
            Self { kind: "qwen2", kv_heads: 1, tied: true, ..Self::default() },
            Self { kind: "qwen3", heads: 3, kv_heads: 3, head_width: 16, ..Self::default() },
        ]
    }

    /// Random weights, each exactly representable in every one of [`Float`].
    pub fn tensors(&self) -> Tensors {
        let mut random = Random(self.seed);
        let mut tensors = Tensors::new();
        let (h, f) = (self.hidden, self.intermediate);
        let (q, k) = (self.heads * self.head_width, self.kv_heads * self.head_width);
        let mut add = |name: String, shape: Vec<usize>, around: f32, spread: f32| {
            let length = shape.iter().product();
            let value = |_| super::to_bf16(around + random.bf16(spread));
            tensors.insert(name, (shape, (0..length).map(value).collect()));
        };
        let at = |name: &str| format!("{}{name}.weight", self.prefix);
        let spread = |inputs: usize| 2.0 / (inputs as f32).sqrt();
        add(at("embed_tokens"), vec![self.vocabulary, h], 0.0, 1.0);
        add(at("norm"), vec![h], 1.0, 0.25);
        if !self.tied {
            add("lm_head.weight".into(), vec![self.vocabulary, h], 0.0, spread(h));
        }
        for layer in 0..self.layers {
            let at = |name: &str| format!("{}layers.{layer}.{name}", self.prefix);
            for (name, rows, columns) in [
                ("self_attn.q_proj", q, h),
                ("self_attn.k_proj", k, h),
                ("self_attn.v_proj", k, h),
                ("self_attn.o_proj", h, q),
                ("mlp.gate_proj", f, h),
                ("mlp.up_proj", f, h),
                ("mlp.down_proj", h, f),
            ] {
                add(at(&format!("{name}.weight")), vec![rows, columns], 0.0, spread(columns));
                let biased = self.kind == "qwen2" && !name.contains("o_proj");
                if biased && name.starts_with("self_attn") {
                    add(at(&format!("{name}.bias")), vec![rows], 0.0, 0.25);
                }
            }
            add(at("input_layernorm.weight"), vec![h], 1.0, 0.25);
            add(at("post_attention_layernorm.weight"), vec![h], 1.0, 0.25);
            if self.kind == "qwen3" {
                add(at("self_attn.q_norm.weight"), vec![self.head_width], 1.0, 0.25);
                add(at("self_attn.k_norm.weight"), vec![self.head_width], 1.0, 0.25);
            }
        }
        tensors
    }

    /// `config.json`.
    pub fn config(&self) -> Value {
        let mut config = json!({
            "architectures": ["RandomForCausalLM"],
            "attention_dropout": 0.0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "head_dim": self.head_width,
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "max_position_embeddings": self.positions,
            "model_type": self.kind,
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.kv_heads,
            "rms_norm_eps": 1e-5,
            "rope_scaling": null,
            "rope_theta": 10000.0,
            "tie_word_embeddings": self.tied,
            "vocab_size": self.vocabulary,
        });
        for (key, value) in self.config.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }

    /// Writes the folder.
    pub fn write(&self, dir: &Path) {
        self.write_with(dir, |_| {});
    }

    /// Writes the folder after `change` has been at its tensors.
    pub fn write_with(&self, dir: &Path, change: impl FnOnce(&mut Tensors)) {
        fs::create_dir_all(dir).unwrap();
        write_json(&dir.join("config.json"), &self.config());
        write_json(&dir.join("tokenizer.json"), &tokenizer());
        if let Some(generation) = &self.generation {
            write_json(&dir.join("generation_config.json"), generation);
        }
        let mut tensors = self.tensors();
        change(&mut tensors);
        write_tensors(dir, &tensors, self.float, self.shards);
    }

    /// Writes the folder and packs it, all below `dir`: `source` and `package`.
    pub fn packed(&self, dir: &Path) -> Package {
        let (from, to) = (dir.join("source"), dir.join("package"));
        self.write(&from);
        let options = PackOptions { activations: self.activations, ..PackOptions::default() };
        pack(&from, &to, &options).unwrap();
        Package::open(&to).unwrap()
    }
}

/// A tokenizer of whole words: `<unk>`, `<s>`, `</s>`, then `w3` to `w39`.
pub fn tokenizer() -> Value {
    let word = |id: usize| match id {
        0 => "<unk>".to_owned(),
        1 => "<s>".to_owned(),
        2 => "</s>".to_owned(),
        id => format!("w{id}"),
    };
    let special = |id: usize| {
        json!({"id": id, "content": word(id), "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": true})
    };
    let vocabulary: serde_json::Map<_, _> = (0..40).map(|id| (word(id), id.into())).collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": (0..3).map(special).collect::<Vec<_>>(),
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    })
}
