//! The canonical list of a model's weight tensors.
//!
//! It follows from the [`Architecture`] by arithmetic. The packer writes the tensors in this order,
//! the loader checks a package against it, and the program of operators points into it.
//!
//! A matrix `x.weight` is int8 in `[-127, 127]`, one row per output, with one f32 scale per row in
//! `x.scale`: row `r` stands for `weight[r] * scale[r]`. A projection has an f32 `x.bias`, and a
//! layer normalisation f32 `x.weight` and `x.bias`.
//!
//! Order: all f32 tensors before all int8 tensors, and by name within each. That is the order in
//! which the safetensors format is usually written, and it keeps every f32 aligned.

use core::fmt;
use vigil_primitives::{Architecture, Encoder};

/// Type of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE-754 binary32, little-endian.
    F32,
    /// Signed byte.
    I8,
    /// Signed 16-bit integer, little-endian. Only between operators, never in weights.
    I16,
    /// Signed 32-bit integer, little-endian. Only between operators, never in weights.
    I32,
    /// Unsigned 32-bit integer, little-endian: token ids.
    U32,
}

impl DType {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Self::I8 => 1,
            Self::I16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
        }
    }
}

/// A part of an encoder that owns weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// The normalisation after the embeddings.
    EmbeddingNorm,
    /// One row per position.
    PositionEmbedding,
    /// One row per token type.
    TokenTypeEmbedding,
    /// One row per token id.
    WordEmbedding,
    /// A layer's key projection.
    Key(u16),
    /// The normalisation after a layer's attention.
    AttentionNorm(u16),
    /// The projection after a layer's attention.
    AttentionOutput(u16),
    /// A layer's query projection.
    Query(u16),
    /// A layer's value projection.
    Value(u16),
    /// A layer's second feed-forward projection.
    Down(u16),
    /// The normalisation after a layer's feed-forward projections.
    FeedForwardNorm(u16),
    /// A layer's first feed-forward projection.
    Up(u16),
}

/// Which tensor of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Added to a result; f32.
    Bias,
    /// One f32 per row of an int8 matrix.
    Scale,
    /// The matrix, int8; of a normalisation the factor, f32.
    Weight,
}

/// Identity of a weight tensor. Its `Display` is its name in `weights.safetensors`, for instance
/// `layers.000.attention.query.weight`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TensorId {
    /// The part of the model.
    pub module: Module,
    /// The tensor of it.
    pub part: Part,
}

impl fmt::Display for TensorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layer, place) = match self.module {
            Module::EmbeddingNorm => (None, "embeddings.norm"),
            Module::PositionEmbedding => (None, "embeddings.position"),
            Module::TokenTypeEmbedding => (None, "embeddings.token_type"),
            Module::WordEmbedding => (None, "embeddings.word"),
            Module::Key(layer) => (Some(layer), "attention.key"),
            Module::AttentionNorm(layer) => (Some(layer), "attention.norm"),
            Module::AttentionOutput(layer) => (Some(layer), "attention.output"),
            Module::Query(layer) => (Some(layer), "attention.query"),
            Module::Value(layer) => (Some(layer), "attention.value"),
            Module::Down(layer) => (Some(layer), "feed_forward.down"),
            Module::FeedForwardNorm(layer) => (Some(layer), "feed_forward.norm"),
            Module::Up(layer) => (Some(layer), "feed_forward.up"),
        };
        let part = match self.part {
            Part::Bias => "bias",
            Part::Scale => "scale",
            Part::Weight => "weight",
        };
        match layer {
            Some(layer) => write!(f, "layers.{layer:03}.{place}.{part}"),
            None => write!(f, "{place}.{part}"),
        }
    }
}

/// A weight tensor: what it is, its type and shape, and where its bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Which tensor; its `Display` is the name.
    pub id: TensorId,
    /// [`DType::F32`] or [`DType::I8`].
    pub dtype: DType,
    /// Rows; of a vector its length.
    pub rows: u32,
    /// Columns of a matrix; `None` for a vector.
    pub columns: Option<u32>,
    /// Bytes before it in the canonical order.
    pub offset: u64,
}

impl TensorSpec {
    /// Number of elements.
    pub fn elements(&self) -> u64 {
        u64::from(self.rows).saturating_mul(self.columns.unwrap_or(1).into())
    }

    /// Number of bytes.
    pub fn size(&self) -> u64 {
        self.elements().saturating_mul(self.dtype.size() as u64)
    }

    /// The shape as safetensors states it: one or two dimensions.
    pub fn shape(&self) -> impl ExactSizeIterator<Item = usize> {
        let (dimensions, count) = match self.columns {
            Some(columns) => ([self.rows as usize, columns as usize], 2),
            None => ([self.rows as usize, 0], 1),
        };
        dimensions.into_iter().take(count)
    }
}

/// The weight tensors of an architecture, in canonical order.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    encoder: Encoder,
}

/// f32 tensors before those of the layers.
const HEAD_F32: usize = 5;
/// f32 tensors of a layer.
const LAYER_F32: usize = 16;
/// int8 tensors before those of the layers.
const HEAD_I8: usize = 3;
/// int8 tensors of a layer.
const LAYER_I8: usize = 6;

impl Weights {
    /// The weights of an architecture that passes `validate`.
    pub fn new(architecture: &Architecture) -> Self {
        match architecture {
            Architecture::Encoder(encoder) => Self { encoder: *encoder },
        }
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        HEAD_F32 + HEAD_I8 + (LAYER_F32 + LAYER_I8) * usize::from(self.encoder.layers)
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Bytes of all tensors together.
    pub fn size(&self) -> u64 {
        self.len()
            .checked_sub(1)
            .and_then(|last| self.get(last))
            .map_or(0, |t| t.offset.saturating_add(t.size()))
    }

    /// Tensor number `index` of the canonical order.
    pub fn get(&self, index: usize) -> Option<TensorSpec> {
        let (layer, step, rest) = self.locate(index)?;
        let id = match layer {
            None => head(step)?,
            Some(layer) => in_layer(layer, step)?,
        };
        let mut spec = self.describe(id);
        // Whole sections before it, whole layers before it, then tensors of its own layer.
        spec.offset = rest;
        Some(spec)
    }

    /// The tensor with this identity; `None` where the architecture has no such tensor.
    pub fn find(&self, id: TensorId) -> Option<TensorSpec> {
        let layers = usize::from(self.encoder.layers);
        let f32_len = HEAD_F32 + LAYER_F32 * layers;
        let index = match layer_of(id.module) {
            None => {
                let step = (0..HEAD_F32 + HEAD_I8).find(|step| head(*step) == Some(id))?;
                if step < HEAD_F32 {
                    step
                } else {
                    step - HEAD_F32 + f32_len
                }
            }
            Some(layer) => {
                let step =
                    (0..LAYER_F32 + LAYER_I8).find(|step| in_layer(layer, *step) == Some(id))?;
                if step < LAYER_F32 {
                    HEAD_F32 + LAYER_F32 * usize::from(layer) + step
                } else {
                    f32_len + HEAD_I8 + LAYER_I8 * usize::from(layer) + step - LAYER_F32
                }
            }
        };
        self.get(index).filter(|spec| spec.id == id)
    }

    /// All tensors in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = TensorSpec> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The layer, the step in the concatenated list of the layer (or of the head), and the offset.
    fn locate(&self, index: usize) -> Option<(Option<u16>, usize, u64)> {
        let layers = usize::from(self.encoder.layers);
        let head_size = |range: core::ops::Range<usize>| -> u64 {
            total(range.filter_map(head).map(|id| self.describe(id).size()))
        };
        let layer_size = |range: core::ops::Range<usize>| -> u64 {
            total(range.filter_map(|step| in_layer(0, step)).map(|id| self.describe(id).size()))
        };
        let f32_len = HEAD_F32 + LAYER_F32 * layers;
        if index < HEAD_F32 {
            return Some((None, index, head_size(0..index)));
        }
        if index < f32_len {
            let (layer, step) = ((index - HEAD_F32) / LAYER_F32, (index - HEAD_F32) % LAYER_F32);
            let layers = (layer as u64).saturating_mul(layer_size(0..LAYER_F32));
            let before = [head_size(0..HEAD_F32), layers, layer_size(0..step)];
            let before = total(before.into_iter());
            return Some((Some(layer as u16), step, before));
        }
        let f32_size = head_size(0..HEAD_F32)
            .saturating_add((layers as u64).saturating_mul(layer_size(0..LAYER_F32)));
        let index = index - f32_len;
        if index < HEAD_I8 {
            let step = HEAD_F32 + index;
            return Some((None, step, f32_size.saturating_add(head_size(HEAD_F32..step))));
        }
        let (layer, step) =
            ((index - HEAD_I8) / LAYER_I8, LAYER_F32 + (index - HEAD_I8) % LAYER_I8);
        if layer >= layers {
            return None;
        }
        let whole = layer_size(LAYER_F32..LAYER_F32 + LAYER_I8);
        let before = [
            f32_size,
            head_size(HEAD_F32..HEAD_F32 + HEAD_I8),
            (layer as u64).saturating_mul(whole),
            layer_size(LAYER_F32..step),
        ];
        Some((Some(layer as u16), step, total(before.into_iter())))
    }

    /// Type and shape; the offset is left 0.
    fn describe(&self, id: TensorId) -> TensorSpec {
        let encoder = &self.encoder;
        let (hidden, inner) = (encoder.hidden, encoder.intermediate);
        let (rows, columns) = match id.module {
            Module::EmbeddingNorm | Module::AttentionNorm(_) | Module::FeedForwardNorm(_) => {
                (hidden, None)
            }
            Module::PositionEmbedding => (encoder.positions, Some(hidden)),
            Module::TokenTypeEmbedding => (encoder.token_types.into(), Some(hidden)),
            Module::WordEmbedding => (encoder.vocabulary, Some(hidden)),
            Module::Key(_) | Module::AttentionOutput(_) | Module::Query(_) | Module::Value(_) => {
                (hidden, Some(hidden))
            }
            Module::Down(_) => (hidden, Some(inner)),
            Module::Up(_) => (inner, Some(hidden)),
        };
        let (dtype, columns) = match (id.part, columns) {
            (Part::Weight, Some(columns)) => (DType::I8, Some(columns)),
            _ => (DType::F32, None),
        };
        TensorSpec { id, dtype, rows, columns, offset: 0 }
    }
}

/// Sum of sizes. Saturates, as the sizes do, on dimensions that no valid architecture has.
fn total(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

fn layer_of(module: Module) -> Option<u16> {
    match module {
        Module::EmbeddingNorm
        | Module::PositionEmbedding
        | Module::TokenTypeEmbedding
        | Module::WordEmbedding => None,
        Module::Key(layer)
        | Module::AttentionNorm(layer)
        | Module::AttentionOutput(layer)
        | Module::Query(layer)
        | Module::Value(layer)
        | Module::Down(layer)
        | Module::FeedForwardNorm(layer)
        | Module::Up(layer) => Some(layer),
    }
}

/// Tensors outside the layers: the f32 ones, then the int8 ones, each by name.
fn head(step: usize) -> Option<TensorId> {
    use Part::{Bias, Scale, Weight};
    let (module, part) = match step {
        0 => (Module::EmbeddingNorm, Bias),
        1 => (Module::EmbeddingNorm, Weight),
        2 => (Module::PositionEmbedding, Scale),
        3 => (Module::TokenTypeEmbedding, Scale),
        4 => (Module::WordEmbedding, Scale),
        5 => (Module::PositionEmbedding, Weight),
        6 => (Module::TokenTypeEmbedding, Weight),
        7 => (Module::WordEmbedding, Weight),
        _ => return None,
    };
    Some(TensorId { module, part })
}

/// Tensors of a layer: the f32 ones, then the int8 ones, each by name.
fn in_layer(layer: u16, step: usize) -> Option<TensorId> {
    use Part::{Bias, Scale, Weight};
    let (module, part) = match step {
        0 => (Module::Key(layer), Bias),
        1 => (Module::Key(layer), Scale),
        2 => (Module::AttentionNorm(layer), Bias),
        3 => (Module::AttentionNorm(layer), Weight),
        4 => (Module::AttentionOutput(layer), Bias),
        5 => (Module::AttentionOutput(layer), Scale),
        6 => (Module::Query(layer), Bias),
        7 => (Module::Query(layer), Scale),
        8 => (Module::Value(layer), Bias),
        9 => (Module::Value(layer), Scale),
        10 => (Module::Down(layer), Bias),
        11 => (Module::Down(layer), Scale),
        12 => (Module::FeedForwardNorm(layer), Bias),
        13 => (Module::FeedForwardNorm(layer), Weight),
        14 => (Module::Up(layer), Bias),
        15 => (Module::Up(layer), Scale),
        16 => (Module::Key(layer), Weight),
        17 => (Module::AttentionOutput(layer), Weight),
        18 => (Module::Query(layer), Weight),
        19 => (Module::Value(layer), Weight),
        20 => (Module::Down(layer), Weight),
        21 => (Module::Up(layer), Weight),
        _ => return None,
    };
    Some(TensorId { module, part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use vigil_primitives::architecture::Pooling;

    fn weights() -> Weights {
        Weights::new(&Architecture::Encoder(Encoder {
            vocabulary: 30_522,
            hidden: 384,
            layers: 12,
            heads: 12,
            intermediate: 1_536,
            positions: 512,
            token_types: 2,
            layer_norm_eps: 1e-12f32.to_bits(),
            pooling: Pooling::Mean,
            normalize: true,
        }))
    }

    #[test]
    fn offsets_should_leave_no_gap() {
        let mut offset = 0;
        for spec in weights().iter() {
            assert_eq!(spec.offset, offset, "{}", spec.id);
            assert_eq!(spec.shape().product::<usize>() as u64, spec.elements());
            offset += spec.size();
        }
        assert_eq!(weights().size(), offset);
        assert_eq!(weights().iter().count(), weights().len());
        assert_eq!(weights().get(weights().len()), None);
    }

    #[test]
    fn the_order_should_be_f32_first_and_by_name() {
        let keys: Vec<_> =
            weights().iter().map(|s| (s.dtype != DType::F32, s.id.to_string())).collect();
        assert!(keys.is_sorted());
    }

    #[test]
    fn absurd_dimensions_should_saturate() {
        let mut absurd = weights();
        absurd.encoder.vocabulary = u32::MAX;
        absurd.encoder.hidden = u32::MAX;
        absurd.encoder.intermediate = u32::MAX;
        absurd.encoder.layers = u16::MAX;
        assert_eq!(absurd.size(), u64::MAX);
    }

    #[test]
    fn find_should_invert_get() {
        for spec in weights().iter() {
            assert_eq!(weights().find(spec.id), Some(spec));
        }
        let absent = TensorId { module: Module::Query(12), part: Part::Weight };
        assert_eq!(weights().find(absent), None);
        let absent = TensorId { module: Module::EmbeddingNorm, part: Part::Scale };
        assert_eq!(weights().find(absent), None);
    }
}
