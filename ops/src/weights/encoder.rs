//! The tensors of the BERT family.

use super::{
    Family, Module,
    Part::{Bias, Scale, Weight},
};
use vigil_architecture::Encoder;

pub(super) const FAMILY: Family = Family {
    outside_f32: &[
        (Module::EmbeddingNorm, Bias),
        (Module::EmbeddingNorm, Weight),
        (Module::PositionEmbedding, Scale),
        (Module::TokenTypeEmbedding, Scale),
        (Module::WordEmbedding, Scale),
    ],
    layer_f32: &[
        (Module::Key, Bias),
        (Module::Key, Scale),
        (Module::AttentionNorm, Bias),
        (Module::AttentionNorm, Weight),
        (Module::AttentionOutput, Bias),
        (Module::AttentionOutput, Scale),
        (Module::Query, Bias),
        (Module::Query, Scale),
        (Module::Value, Bias),
        (Module::Value, Scale),
        (Module::Down, Bias),
        (Module::Down, Scale),
        (Module::FeedForwardNorm, Bias),
        (Module::FeedForwardNorm, Weight),
        (Module::Up, Bias),
        (Module::Up, Scale),
    ],
    outside_i8: &[
        (Module::PositionEmbedding, Weight),
        (Module::TokenTypeEmbedding, Weight),
        (Module::WordEmbedding, Weight),
    ],
    layer_i8: &[
        (Module::Key, Weight),
        (Module::AttentionOutput, Weight),
        (Module::Query, Weight),
        (Module::Value, Weight),
        (Module::Down, Weight),
        (Module::Up, Weight),
    ],
};

/// Rows and, of a matrix, columns.
pub(super) fn shape(encoder: &Encoder, module: Module) -> (u32, Option<u32>) {
    let (hidden, inner) = (encoder.hidden, encoder.intermediate);
    match module {
        Module::PositionEmbedding => (encoder.positions, Some(hidden)),
        Module::TokenTypeEmbedding => (encoder.token_types.into(), Some(hidden)),
        Module::WordEmbedding => (encoder.vocabulary, Some(hidden)),
        Module::Key(_) | Module::AttentionOutput(_) | Module::Query(_) | Module::Value(_) => {
            (hidden, Some(hidden))
        }
        Module::Down(_) => (hidden, Some(inner)),
        Module::Up(_) => (inner, Some(hidden)),
        _ => (hidden, None),
    }
}
