//! The tensors of the Llama, Mistral and Qwen family.

use super::{
    Family, Module,
    Part::{Bias, Cos, Scale, Sin, Weight},
    TensorId,
};
use vigil_architecture::Decoder;

pub(super) const FAMILY: Family = Family {
    outside_f32: &[
        (Module::Rotary, Cos),
        (Module::Rotary, Sin),
        (Module::WordEmbedding, Scale),
        (Module::FinalNorm, Weight),
        (Module::Head, Scale),
    ],
    layer_f32: &[
        (Module::Key, Bias),
        (Module::Key, Scale),
        (Module::KeyNorm, Weight),
        (Module::AttentionNorm, Weight),
        (Module::AttentionOutput, Scale),
        (Module::Query, Bias),
        (Module::Query, Scale),
        (Module::QueryNorm, Weight),
        (Module::Value, Bias),
        (Module::Value, Scale),
        (Module::Down, Scale),
        (Module::Gate, Scale),
        (Module::FeedForwardNorm, Weight),
        (Module::Up, Scale),
    ],
    outside_i8: &[(Module::WordEmbedding, Weight), (Module::Head, Weight)],
    layer_i8: &[
        (Module::Key, Weight),
        (Module::AttentionOutput, Weight),
        (Module::Query, Weight),
        (Module::Value, Weight),
        (Module::Down, Weight),
        (Module::Gate, Weight),
        (Module::Up, Weight),
    ],
};

/// Whether this decoder has the tensor.
pub(super) fn has(decoder: &Decoder, id: TensorId) -> bool {
    match id.module {
        Module::Head => !decoder.tied_head,
        Module::KeyNorm(_) | Module::QueryNorm(_) => decoder.qk_norm,
        _ => id.part != Bias || decoder.qkv_bias,
    }
}

/// Rows and, of a matrix or table, columns.
pub(super) fn shape(decoder: &Decoder, module: Module) -> (u32, Option<u32>) {
    let (hidden, inner) = (decoder.hidden, decoder.intermediate);
    let (queries, keys) = (decoder.query_width(), decoder.kv_width());
    match module {
        Module::Rotary => (decoder.positions, Some(u32::from(decoder.head_width) / 2)),
        Module::WordEmbedding | Module::Head => (decoder.vocabulary, Some(hidden)),
        Module::Query(_) => (queries, Some(hidden)),
        Module::Key(_) | Module::Value(_) => (keys, Some(hidden)),
        Module::AttentionOutput(_) => (hidden, Some(queries)),
        Module::Gate(_) | Module::Up(_) => (inner, Some(hidden)),
        Module::Down(_) => (hidden, Some(inner)),
        Module::KeyNorm(_) | Module::QueryNorm(_) => (decoder.head_width.into(), None),
        _ => (hidden, None),
    }
}
