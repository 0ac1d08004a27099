//! Folders of the Llama, Mistral and Qwen family.

use super::{
    ends::{StopToken, Tokens},
    rope::{Rope, RopeConfig},
    unsupported, Wanted,
};
use serde::{de::IgnoredAny, Deserialize};
use serde_json::Value;
use vigil_architecture::{Activations, Architecture, Decoder, MAX_CONTEXT, MAX_STOP_TOKENS};

/// The part of `config.json` that decides what is computed. A key that is null is one that is
/// absent, and an absent one has the default of transformers.
#[derive(Deserialize)]
pub(crate) struct Config {
    model_type: Kind,
    vocab_size: u32,
    hidden_size: u32,
    num_hidden_layers: u16,
    num_attention_heads: u16,
    num_key_value_heads: Option<u16>,
    head_dim: Option<u16>,
    intermediate_size: u32,
    max_position_embeddings: u32,
    sliding_window: Option<u32>,
    use_sliding_window: Option<bool>,
    layer_types: Option<Vec<String>>,
    rms_norm_eps: Option<f64>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    hidden_act: Option<String>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Value>,
    partial_rotary_factor: Option<f64>,
    use_mrope: Option<bool>,
    quantization_config: Option<IgnoredAny>,
    architectures: Option<Vec<String>>,
    pub(super) eos_token_id: Option<Tokens>,
    #[serde(skip)]
    rope: RopeConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Llama,
    Mistral,
    Qwen2,
    Qwen3,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }
}

impl Config {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut config: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it does not parse: {error}"))?;
        config.check()?;
        config.rope = RopeConfig::parse(
            config.rope_theta,
            config.rope_scaling.as_ref(),
            config.rope_parameters.as_ref(),
        )?;
        Ok(config)
    }

    /// Refuses what the program of a decoder does not compute.
    fn check(&self) -> Result<(), String> {
        let unsupported = |what: &str| Err(unsupported(what, Some(self.model_type.name())));
        if self.hidden_act.as_deref().is_some_and(|name| name != "silu") {
            return unsupported(&format!("hidden_act {:?} is not supported", self.hidden_act));
        }
        // Qwen2 has biases on query, key and value whatever this says, and none on the output.
        if self.attention_bias == Some(true) && self.model_type != Kind::Qwen2 {
            return unsupported(
                "attention_bias is not supported, as it adds one to the output projection",
            );
        }
        if self.mlp_bias == Some(true) {
            return unsupported("mlp_bias is not supported");
        }
        if self.partial_rotary_factor.is_some_and(|part| part != 1.0) {
            return unsupported("partial_rotary_factor is not supported");
        }
        if self.use_mrope == Some(true) {
            return unsupported("use_mrope is not supported");
        }
        if self.quantization_config.is_some() {
            return unsupported(
                "quantization_config is not supported: start from the unquantised model",
            );
        }
        let causal = |name: &String| name.ends_with("ForCausalLM");
        if let Some(names) = &self.architectures {
            if !names.is_empty() && !names.iter().any(causal) {
                return unsupported(&format!("architectures {names:?} is not supported"));
            }
        }
        if self.num_key_value_heads.is_none() && self.model_type != Kind::Llama {
            return Err("it has no num_key_value_heads".into());
        }
        if self.head_dim.is_none()
            && self.model_type != Kind::Qwen3
            && !self.hidden_size.is_multiple_of(self.num_attention_heads.into())
        {
            return Err(
                "it has no head_dim, and hidden_size is not a multiple of num_attention_heads"
                    .into(),
            );
        }
        for kind in self.layer_types.iter().flatten() {
            match kind.as_str() {
                "full_attention" => {}
                "sliding_attention" if self.sliding_window.is_some() => {}
                _ => return unsupported(&format!("layers of type {kind:?} are not supported")),
            }
        }
        Ok(())
    }

    pub(super) fn architecture(
        &self,
        wanted: Wanted,
        ends: &[StopToken],
        has_head: bool,
    ) -> Result<Architecture, String> {
        let mut stop_tokens = [None; MAX_STOP_TOKENS];
        for (slot, end) in stop_tokens.iter_mut().zip(ends) {
            *slot = Some(end.id);
        }
        let most = self.positions();
        let positions = wanted.context.unwrap_or(most.min(MAX_CONTEXT));
        if positions > most.min(MAX_CONTEXT) {
            let whose = if most > MAX_CONTEXT { "any model is run with" } else { "the model has" };
            return Err(format!(
                "a context of {positions} tokens is longer than the {} that {whose}",
                most.min(MAX_CONTEXT)
            ));
        }
        Ok(Architecture::Decoder(Decoder {
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.kv_heads(),
            head_width: self.head_width(),
            intermediate: self.intermediate_size,
            positions,
            rms_norm_eps: self.eps(),
            // A folder without a head has none of its own, whatever it forgets to say.
            tied_head: self.tie_word_embeddings.unwrap_or(!has_head),
            qkv_bias: self.model_type == Kind::Qwen2,
            qk_norm: self.model_type == Kind::Qwen3,
            activations: wanted.activations.unwrap_or(Activations::Int15),
            stop_tokens,
        }))
    }

    /// The turns of positions.
    pub(super) fn rope(&self) -> Rope {
        Rope::new(&self.rope, self.head_width())
    }

    /// The keys that do not say what `decoder` does.
    pub(super) fn differences(&self, decoder: &Decoder) -> Vec<&'static str> {
        let agree = [
            ("vocab_size", decoder.vocabulary == self.vocab_size),
            ("hidden_size", decoder.hidden == self.hidden_size),
            ("num_hidden_layers", decoder.layers == self.num_hidden_layers),
            ("num_attention_heads", decoder.heads == self.num_attention_heads),
            ("num_key_value_heads", decoder.kv_heads == self.kv_heads()),
            ("head_dim", decoder.head_width == self.head_width()),
            ("intermediate_size", decoder.intermediate == self.intermediate_size),
            // A package may have a shorter context than the model, never a longer one.
            ("max_position_embeddings", decoder.positions <= self.positions()),
            ("rms_norm_eps", decoder.rms_norm_eps == self.eps()),
            (
                "tie_word_embeddings",
                self.tie_word_embeddings.is_none_or(|tied| tied == decoder.tied_head),
            ),
            ("model_type (biases)", decoder.qkv_bias == (self.model_type == Kind::Qwen2)),
            ("model_type (norms)", decoder.qk_norm == (self.model_type == Kind::Qwen3)),
        ];
        agree.into_iter().filter(|(_, agrees)| !agrees).map(|(key, _)| key).collect()
    }

    fn kv_heads(&self) -> u16 {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    fn head_width(&self) -> u16 {
        let divided = self.hidden_size.checked_div(self.num_attention_heads.into()).unwrap_or(0);
        let default = match self.model_type {
            Kind::Qwen3 => 128,
            // Too wide for u16 is too wide for any model: validation says so.
            _ => u16::try_from(divided).unwrap_or(u16::MAX),
        };
        self.head_dim.unwrap_or(default)
    }

    /// Rounded to f32 here, once: the referee adds exactly these bits to a mean square.
    fn eps(&self) -> u32 {
        (self.rms_norm_eps.unwrap_or(1e-6) as f32).to_bits()
    }

    /// Longest sequence in which every position sees all before it. Within its window, attention
    /// that slides is attention that doesn't.
    pub(super) fn positions(&self) -> u32 {
        let qwen = matches!(self.model_type, Kind::Qwen2 | Kind::Qwen3);
        let slides = !qwen || self.use_sliding_window == Some(true);
        let window = self.sliding_window.filter(|_| slides).unwrap_or(u32::MAX);
        self.max_position_embeddings.min(window)
    }
}
