//! The Hugging Face folder: tokenizer, configuration, weights, held-out text and model card.

use crate::{
    corpus::Corpus,
    model::{
        Model, EPS, HEAD, HEADS, HIDDEN, INTERMEDIATE, KV_HEADS, LAYERS, POSITIONS, ROPE_THETA,
    },
    vocabulary::{self, BEGIN, END, SPECIAL},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{error::Error, fs, path::Path};
use tokenizers::Tokenizer;

const FIGURES: &str = "training.json";

/// What a training run was.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Weights of the model.
    pub(crate) weights: usize,
    /// Tokens of the vocabulary.
    pub(crate) vocabulary: usize,
    /// Runs, each going on with the weights of the one before.
    pub(crate) runs: usize,
    /// Steps of the optimiser, over all runs, as are tokens and time.
    pub(crate) steps: usize,
    /// Tokens seen.
    pub(crate) tokens: usize,
    /// Wall time.
    pub(crate) seconds: f64,
    /// Mean loss of the last steps, in nats per token.
    pub(crate) train_loss: f64,
    /// Perplexity of the held-out text in f32.
    pub(crate) perplexity: f64,
    /// A tale that it tells.
    pub(crate) sample: String,
}

/// The figures of the run that wrote a folder.
pub(crate) fn figures(folder: &Path) -> Result<Figures, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(folder.join(FIGURES))?)?)
}

/// Writes the folder.
pub(crate) fn write(
    out: &Path,
    corpus: &Corpus,
    tokenizer: &Tokenizer,
    model: &Model,
    figures: &Figures,
) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(out)?;
    let config = json!({
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": BEGIN,
        "eos_token_id": END,
        "head_dim": HEAD,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": POSITIONS,
        "mlp_bias": false,
        "model_type": "llama",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": EPS,
        "rope_scaling": null,
        "rope_theta": ROPE_THETA,
        "tie_word_embeddings": true,
        "torch_dtype": "float16",
        "use_cache": true,
        "vocab_size": figures.vocabulary,
    });
    let tokenizer_config = json!({
        "bos_token": SPECIAL[0],
        "eos_token": SPECIAL[1],
        "clean_up_tokenization_spaces": false,
        "model_max_length": POSITIONS,
        "tokenizer_class": "PreTrainedTokenizerFast",
    });
    let generation = json!({"bos_token_id": BEGIN, "eos_token_id": END});
    for (name, value) in [
        ("config.json", config),
        ("tokenizer_config.json", tokenizer_config),
        ("generation_config.json", generation),
    ] {
        fs::write(out.join(name), serde_json::to_string_pretty(&value)? + "\n")?;
    }
    fs::write(out.join("tokenizer.json"), vocabulary::file(tokenizer)?)?;
    fs::write(out.join("held-out.txt"), corpus.held_out())?;
    fs::write(out.join("README.md"), card(figures))?;
    fs::write(out.join(FIGURES), serde_json::to_string_pretty(figures)? + "\n")?;
    model.save(&out.join("model.safetensors"))?;
    Ok(())
}

fn card(figures: &Figures) -> String {
    let Figures {
        weights,
        vocabulary,
        runs,
        steps,
        tokens,
        seconds,
        train_loss,
        perplexity,
        sample,
    } = figures;
    let minutes = seconds / 60.0;
    let millions = *tokens as f64 / 1e6;
    format!(
        "---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# Tales

A Llama of {weights} weights that tells short tales. It is the model of Vigil's tests: small enough
to lie in the repository, trained for real, so that text generation is tested from end to end
without a download. It knows nothing but its tales and is good for nothing else: its sentences are
sound and its plots mostly hold, but it often forgets who is who, which longer training would teach.

| | |
|---|---|
| Architecture | `LlamaForCausalLM`: {LAYERS} layers, {HIDDEN} channels, {HEADS} heads over {KV_HEADS} key heads of {HEAD}, feed-forward {INTERMEDIATE}, tied embeddings |
| Tokenizer | byte-level BPE, {vocabulary} tokens; `<|begin|>` before a text, `<|end|>` after a tale |
| Context | {POSITIONS} positions by its configuration; trained on windows of 224, and no tale is longer |
| Weights | f16, one file |
| Licence | Apache-2.0, weights and text alike |

## How it was made

`scripts/train-tales` writes this whole folder. The corpus comes from a grammar that was written for
it (`engine/examples/train_tales/grammar.txt`); no text was copied from anywhere. Corpus, tokenizer,
first weights and the order of the batches come from fixed seeds. The weights depend on the machine
all the same, by the order of float sums and by how many steps fit into the time, so the committed
file is the model, and training again gives a sibling.

| This run | |
|---|---|
| Runs | {runs}, each going on with the weights of the one before |
| Steps | {steps}, of 8 sequences of 224 tokens |
| Tokens seen | {millions:.2} million |
| Wall time | {minutes:.1} minutes on two cores, shared with other work |
| Training loss, mean of the last steps | {train_loss:.4} nats per token |
| Perplexity of `held-out.txt` in f32 | {perplexity:.4} |

`held-out.txt` holds 72 tales, one per line, from a part of the corpus that training never draws
from. Perplexity is over the tokens of each tale and its `<|end|>`, each tale on its own behind
`<|begin|>`, with the f16 weights. A grammar leaves little to guess, so it is low: compare it only
with itself.

Taking the likeliest token each time, it goes on after \"Once upon a time a curious fox\":

> {sample}
"
    )
}
