//! Where each tensor of a package comes from.
//!
//! Which tensors there are, their shapes and their order is `vigil_ops`' to say: the program of
//! operators points into them. This adds the name under which an author publishes each.

use vigil_ops::weights::{DType, Module, Part, TensorId, TensorSpec, Weights};
use vigil_primitives::Architecture;

/// A tensor's type as safetensors names it.
pub(crate) fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "F32",
        DType::I8 => "I8",
        DType::I16 => "I16",
        DType::I32 => "I32",
        DType::U32 => "U32",
    }
}

/// The tensor of a Hugging Face folder that a package's tensor is made from, without a prefix:
/// its name, rows and columns. A vector is one row.
pub(crate) fn source(spec: &TensorSpec, weights: &Weights) -> Option<(String, usize, usize)> {
    let matrix = TensorId { module: spec.id.module, part: Part::Weight };
    // A row's scale is made from the row.
    let from = if spec.id.part == Part::Scale { weights.find(matrix)? } else { *spec };
    let (rows, columns) = match from.columns {
        Some(columns) => (from.rows, columns),
        None => (1, from.rows),
    };
    Some((source_name(from.id), usize::try_from(rows).ok()?, usize::try_from(columns).ok()?))
}

/// Every tensor name that a folder must hold, without a prefix.
pub(crate) fn source_names(architecture: &Architecture) -> Vec<String> {
    let specs = Weights::new(architecture);
    let names = specs.iter().filter(|spec| spec.id.part != Part::Scale);
    names.map(|spec| source_name(spec.id)).collect()
}

fn source_name(id: TensorId) -> String {
    let (layer, place) = match id.module {
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
        _ => (None, "of another family"),
    };
    let end = if id.part == Part::Bias { "bias" } else { "weight" };
    match layer {
        Some(layer) => format!("encoder.layer.{layer}.{place}.{end}"),
        None => format!("{place}.{end}"),
    }
}
