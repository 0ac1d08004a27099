//! Where each tensor of a package comes from.
//!
//! Which tensors there are, their shapes and their order is `vigil_ops`' to say: the program of
//! operators points into them. This adds the name under which an author publishes each.

use vigil_architecture::Architecture;
use vigil_ops::weights::{Module, Part, TensorId, TensorSpec, Weights};

/// What a tensor of a package is made from.
pub(crate) enum Origin {
    /// A tensor of a Hugging Face folder: its name without a prefix, rows and columns. A vector is
    /// one row.
    Tensor(String, usize, usize),
    /// The turns of positions, which follow from the configuration.
    Rope,
    /// So many zero bytes.
    Zeros(usize),
}

/// Where a tensor of a package comes from; `None` for one of no known family.
pub(crate) fn origin(spec: &TensorSpec, architecture: &Architecture) -> Option<Origin> {
    match spec.id.module {
        Module::Rotary => return Some(Origin::Rope),
        Module::Padding => return Some(Origin::Zeros(usize::try_from(spec.size()).ok()?)),
        _ => {}
    }
    // A row's scale is made from the row.
    let part = if spec.id.part == Part::Scale { Part::Weight } else { spec.id.part };
    let (name, rows, columns) = find(architecture, TensorId { part, ..spec.id })?;
    Some(Origin::Tensor(name, rows, columns))
}

/// The name, rows and columns of the tensor that an author publishes; `None` where the
/// architecture has no such tensor. A vector is one row.
pub(crate) fn find(architecture: &Architecture, id: TensorId) -> Option<(String, usize, usize)> {
    let spec = Weights::new(architecture).find(id)?;
    let (rows, columns) = match spec.columns {
        Some(columns) => (spec.rows, columns),
        None => (1, spec.rows),
    };
    let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    Some((source_name(id, architecture)?, rows, columns))
}

/// Every tensor name that a folder must hold, without a prefix.
pub(crate) fn source_names(architecture: &Architecture) -> Vec<String> {
    let specs = Weights::new(architecture);
    let names = specs.iter().filter(|spec| spec.id.part != Part::Scale);
    names.filter_map(|spec| source_name(spec.id, architecture)).collect()
}

/// The name of the tensor that an author publishes, without a prefix.
pub(crate) fn source_name(id: TensorId, architecture: &Architecture) -> Option<String> {
    let (layers, (layer, place)) = match architecture {
        Architecture::Encoder(_) => ("encoder.layer", encoder_place(id.module)?),
        Architecture::Decoder(_) => ("layers", decoder_place(id.module)?),
    };
    let end = if id.part == Part::Bias { "bias" } else { "weight" };
    Some(match layer {
        Some(layer) => format!("{layers}.{layer}.{place}.{end}"),
        None => format!("{place}.{end}"),
    })
}

type Place = (Option<u16>, &'static str);

fn encoder_place(module: Module) -> Option<Place> {
    Some(match module {
        Module::EmbeddingNorm => (None, "embeddings.LayerNorm"),
        Module::PositionEmbedding => (None, "embeddings.position_embeddings"),
        Module::TokenTypeEmbedding => (None, "embeddings.token_type_embeddings"),
        Module::WordEmbedding => (None, "embeddings.word_embeddings"),
        Module::Key(layer) => (Some(layer), "attention.self.key"),
        Module::AttentionNorm(layer) => (Some(layer), "attention.output.LayerNorm"),
        Module::AttentionOutput(layer) => (Some(layer), "attention.output.dense"),
        Module::Query(layer) => (Some(layer), "attention.self.query"),
        Module::Value(layer) => (Some(layer), "attention.self.value"),
        Module::Down(layer) => (Some(layer), "output.dense"),
        Module::FeedForwardNorm(layer) => (Some(layer), "output.LayerNorm"),
        Module::Up(layer) => (Some(layer), "intermediate.dense"),
        _ => return None,
    })
}

fn decoder_place(module: Module) -> Option<Place> {
    Some(match module {
        Module::WordEmbedding => (None, "embed_tokens"),
        Module::FinalNorm => (None, "norm"),
        Module::Head => (None, "lm_head"),
        Module::Key(layer) => (Some(layer), "self_attn.k_proj"),
        Module::KeyNorm(layer) => (Some(layer), "self_attn.k_norm"),
        Module::AttentionNorm(layer) => (Some(layer), "input_layernorm"),
        Module::AttentionOutput(layer) => (Some(layer), "self_attn.o_proj"),
        Module::Query(layer) => (Some(layer), "self_attn.q_proj"),
        Module::QueryNorm(layer) => (Some(layer), "self_attn.q_norm"),
        Module::Value(layer) => (Some(layer), "self_attn.v_proj"),
        Module::Down(layer) => (Some(layer), "mlp.down_proj"),
        Module::Gate(layer) => (Some(layer), "mlp.gate_proj"),
        Module::FeedForwardNorm(layer) => (Some(layer), "post_attention_layernorm"),
        Module::Up(layer) => (Some(layer), "mlp.up_proj"),
        _ => return None,
    })
}
