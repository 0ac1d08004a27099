//! The canonical list of a model's weight tensors.
//!
//! It follows from the [`Architecture`] by arithmetic. The packer writes the tensors in this order,
//! the loader checks a package against it, and the program of operators points into it.
//!
//! A matrix `x.weight` is int8 in `[-127, 127]`, one row per output, with one f32 scale per row in
//! `x.scale`: row `r` stands for `weight[r] * scale[r]`. A projection may have an f32 `x.bias`; a
//! normalisation has an f32 `x.weight`, a layer normalisation an f32 `x.bias` too. The rotations
//! of a decoder's positions are f32 tables.
//!
//! # Order
//!
//! 1. All f32 tensors, by name: those outside the layers, then those of each layer.
//! 2. Where these do not end at a multiple of [`CHUNK`] bytes, one tensor of zeros, `padding`.
//! 3. The int8 matrices whose rows are whole chunks, in the same order, then the other ones.
//!
//! The header of the file is padded to whole chunks as well ([`Weights::header_len`]). So every f32
//! is aligned, and a row of whole chunks is hashed by BLAKE3 in chunks of its own: a proof of the
//! row opens the row and nothing beside it.
//!
//! ```
//! use vigil_architecture::{Activations, Architecture, Encoder, Pooling};
//! use vigil_ops::weights::{Weights, CHUNK};
//!
//! let architecture = Architecture::Encoder(Encoder {
//!     vocabulary: 30_522,
//!     hidden: 1_024,
//!     layers: 24,
//!     heads: 16,
//!     intermediate: 4_096,
//!     positions: 512,
//!     token_types: 2,
//!     layer_norm_eps: 1e-12f32.to_bits(),
//!     pooling: Pooling::Mean,
//!     normalize: true,
//!     activations: Activations::Int8,
//! });
//! let weights = Weights::new(&architecture);
//! let query = weights.iter().find(|spec| spec.id.to_string() == "layers.007.attention.query.weight");
//! assert_eq!((weights.header_len() + query.unwrap().offset) % CHUNK, 0);
//! assert_eq!(weights.file_len(), weights.header_len() + weights.size());
//! ```

mod decoder;
mod encoder;
mod header;

use core::fmt;
use vigil_architecture::Architecture;

/// Bytes of one chunk of BLAKE3, the smallest part of a file that can be proven by itself.
pub const CHUNK: u64 = 1_024;

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

/// A part of a model that owns weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Module {
    /// The normalisation after the embeddings.
    EmbeddingNorm,
    /// Zeros after the f32 tensors, so that the int8 ones begin with a chunk.
    Padding,
    /// One row per position.
    PositionEmbedding,
    /// One row per token type.
    TokenTypeEmbedding,
    /// One row per token id.
    WordEmbedding,
    /// Cosine and sine of every position's rotations.
    Rotary,
    /// The normalisation before the projection that gives the logits.
    FinalNorm,
    /// The projection that gives the logits, where it is not the token table itself.
    Head,
    /// A layer's key projection.
    Key(u16),
    /// The normalisation of a layer's keys, by heads.
    KeyNorm(u16),
    /// The normalisation after an encoder layer's attention, or before a decoder layer's.
    AttentionNorm(u16),
    /// The projection after a layer's attention.
    AttentionOutput(u16),
    /// A layer's query projection.
    Query(u16),
    /// The normalisation of a layer's queries, by heads.
    QueryNorm(u16),
    /// A layer's value projection.
    Value(u16),
    /// A layer's last feed-forward projection.
    Down(u16),
    /// The feed-forward projection whose result passes the activation and then scales the other.
    Gate(u16),
    /// The normalisation after an encoder layer's feed-forward projections, or before a decoder
    /// layer's.
    FeedForwardNorm(u16),
    /// A layer's first feed-forward projection; beside the gate in a decoder.
    Up(u16),
}

/// Which tensor of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Added to a result; f32.
    Bias,
    /// Cosines, f32: one row per position, one column per pair of channels.
    Cos,
    /// One f32 per row of an int8 matrix.
    Scale,
    /// Sines, as the cosines.
    Sin,
    /// The matrix, int8; of a normalisation the factor, f32.
    Weight,
    /// Nothing but zeros, int8: the padding.
    Zeros,
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
            Module::Padding => return f.write_str("padding"),
            Module::PositionEmbedding => (None, "embeddings.position"),
            Module::TokenTypeEmbedding => (None, "embeddings.token_type"),
            Module::WordEmbedding => (None, "embeddings.word"),
            Module::Rotary => (None, "embeddings.rotary"),
            Module::FinalNorm => (None, "head.norm"),
            Module::Head => (None, "head.output"),
            Module::Key(layer) => (Some(layer), "attention.key"),
            Module::KeyNorm(layer) => (Some(layer), "attention.key_norm"),
            Module::AttentionNorm(layer) => (Some(layer), "attention.norm"),
            Module::AttentionOutput(layer) => (Some(layer), "attention.output"),
            Module::Query(layer) => (Some(layer), "attention.query"),
            Module::QueryNorm(layer) => (Some(layer), "attention.query_norm"),
            Module::Value(layer) => (Some(layer), "attention.value"),
            Module::Down(layer) => (Some(layer), "feed_forward.down"),
            Module::Gate(layer) => (Some(layer), "feed_forward.gate"),
            Module::FeedForwardNorm(layer) => (Some(layer), "feed_forward.norm"),
            Module::Up(layer) => (Some(layer), "feed_forward.up"),
        };
        let part = match self.part {
            Part::Bias => "bias",
            Part::Cos => "cos",
            Part::Scale => "scale",
            Part::Sin => "sin",
            Part::Weight => "weight",
            Part::Zeros => "zeros",
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

    /// What is wrong with the bytes of an element; nothing with bytes of another number.
    pub fn flaw(&self, element: &[u8]) -> Option<Flaw> {
        let float = element.try_into().ok().map(f32::from_le_bytes);
        match (self.dtype, self.id.part) {
            (DType::I8, Part::Zeros) => (element != [0]).then_some(Flaw::NotZero),
            (DType::I8, _) => (element == [0x80]).then_some(Flaw::TooLow),
            (_, part) => {
                let value: f32 = float?;
                if !value.is_finite() {
                    Some(Flaw::NotFinite)
                } else if part == Part::Scale && value.is_sign_negative() {
                    Some(Flaw::NegativeScale)
                } else if matches!(part, Part::Cos | Part::Sin) && !(-1.0..=1.0).contains(&value) {
                    Some(Flaw::BeyondOne)
                } else {
                    None
                }
            }
        }
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

/// Why no package may hold a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The padding is not zero.
    NotZero,
    /// A weight of -128.
    TooLow,
    /// An infinity or a NaN.
    NotFinite,
    /// A scale below zero, or -0.
    NegativeScale,
    /// A cosine or sine beyond -1 or 1.
    BeyondOne,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotZero => "the padding is not zero",
            Self::TooLow => "weights go from -127 to 127",
            Self::NotFinite => "only finite numbers are allowed",
            Self::NegativeScale => "a scale is not negative",
            Self::BeyondOne => "cosines and sines go from -1 to 1",
        })
    }
}

/// A tensor outside the layers.
type Outside = (Module, Part);
/// A tensor of every layer.
type Inside = (fn(u16) -> Module, Part);

/// Every tensor that a family can have, by name.
struct Family {
    /// Outside the layers, f32.
    outside_f32: &'static [Outside],
    /// Of a layer, f32.
    layer_f32: &'static [Inside],
    /// Outside the layers, int8.
    outside_i8: &'static [Outside],
    /// Of a layer, int8.
    layer_i8: &'static [Inside],
}

/// The weight tensors of an architecture, in canonical order.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    architecture: Architecture,
}

impl Weights {
    /// The weights of an architecture that passes `validate`.
    pub fn new(architecture: &Architecture) -> Self {
        Self { architecture: *architecture }
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        Section::ALL.into_iter().map(|section| self.count(section)).sum()
    }

    /// Whether there are none: never.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Bytes of all tensors together.
    pub fn size(&self) -> u64 {
        total(Section::ALL.into_iter().map(|section| self.section_size(section)))
    }

    /// Bytes of `weights.safetensors`: its header and all tensors.
    pub fn file_len(&self) -> u64 {
        self.header_len().saturating_add(self.size())
    }

    /// Tensor number `index` of the canonical order.
    pub fn get(&self, index: usize) -> Option<TensorSpec> {
        let (mut rest, mut offset) = (index, 0u64);
        for section in Section::ALL {
            let count = self.count(section);
            if rest < count {
                let per_layer = self.tensors(section, 0).count();
                let (layer, step) = (rest / per_layer, rest % per_layer);
                return self.spec(section, layer as u16, step, offset);
            }
            rest -= count;
            offset = offset.saturating_add(self.section_size(section));
        }
        None
    }

    /// The tensor with this identity; `None` where the architecture has no such tensor.
    pub fn find(&self, id: TensorId) -> Option<TensorSpec> {
        let layer = layer_of(id.module);
        if layer.is_some_and(|layer| layer >= self.architecture.layers()) {
            return None;
        }
        let mut offset = 0u64;
        for section in Section::ALL {
            if section.in_layers() == layer.is_some() {
                let layer = layer.unwrap_or(0);
                let step = self.tensors(section, layer).position(|found| found == id);
                if let Some(step) = step {
                    return self.spec(section, layer, step, offset);
                }
            }
            offset = offset.saturating_add(self.section_size(section));
        }
        None
    }

    /// All tensors in canonical order, each with little more work than its own description.
    pub fn iter(&self) -> impl Iterator<Item = TensorSpec> + '_ {
        let ids = Section::ALL.into_iter().flat_map(move |section| {
            let layers = if section.in_layers() { self.architecture.layers() } else { 1 };
            (0..layers).flat_map(move |layer| self.tensors(section, layer))
        });
        ids.scan(0u64, |offset, id| {
            let spec = TensorSpec { offset: *offset, ..self.describe(id) };
            *offset = offset.saturating_add(spec.size());
            Some(spec)
        })
    }

    /// The tensors of a section; of one layer where it is in the layers.
    fn tensors(&self, section: Section, layer: u16) -> impl Iterator<Item = TensorId> + '_ {
        let family = match &self.architecture {
            Architecture::Encoder(_) => &encoder::FAMILY,
            Architecture::Decoder(_) => &decoder::FAMILY,
        };
        let (outside, inside): (&[Outside], &[Inside]) = match section {
            Section::OutsideF32 => (family.outside_f32, &[]),
            Section::LayersF32 => (&[], family.layer_f32),
            Section::Padding if self.padding() > 0 => (&[(Module::Padding, Part::Zeros)], &[]),
            Section::Padding => (&[], &[]),
            Section::OutsideWhole | Section::OutsideRest => (family.outside_i8, &[]),
            Section::LayersWhole | Section::LayersRest => (&[], family.layer_i8),
        };
        let outside =
            outside.iter().map(|(module, part)| TensorId { module: *module, part: *part });
        let inside = inside
            .iter()
            .map(move |(module, part)| TensorId { module: module(layer), part: *part });
        let has = |id: &TensorId| match &self.architecture {
            Architecture::Encoder(_) => true,
            Architecture::Decoder(decoder) => decoder::has(decoder, *id),
        };
        outside.chain(inside).filter(has).filter(move |id| match section {
            Section::OutsideF32 | Section::LayersF32 | Section::Padding => true,
            Section::OutsideWhole | Section::LayersWhole => self.has_whole_rows(*id),
            Section::OutsideRest | Section::LayersRest => !self.has_whole_rows(*id),
        })
    }

    /// Whether the rows of an int8 matrix are whole chunks.
    fn has_whole_rows(&self, id: TensorId) -> bool {
        let columns = self.describe(id).columns.unwrap_or(0);
        u64::from(columns).is_multiple_of(CHUNK)
    }

    /// Bytes from the end of the f32 tensors to the next chunk.
    fn padding(&self) -> u64 {
        let floats = [Section::OutsideF32, Section::LayersF32].map(|s| self.section_size(s));
        let rest = total(floats.into_iter()) % CHUNK;
        if rest == 0 {
            0
        } else {
            CHUNK - rest
        }
    }

    /// Number of tensors of a section.
    fn count(&self, section: Section) -> usize {
        let layers = if section.in_layers() { self.architecture.layers().into() } else { 1 };
        self.tensors(section, 0).count() * layers
    }

    /// Bytes of a section.
    fn section_size(&self, section: Section) -> u64 {
        let layers = if section.in_layers() { self.architecture.layers().into() } else { 1 };
        self.size_before(section, usize::MAX).saturating_mul(layers)
    }

    /// Bytes of the first `steps` tensors of a section, of one layer.
    fn size_before(&self, section: Section, steps: usize) -> u64 {
        total(self.tensors(section, 0).take(steps).map(|id| self.describe(id).size()))
    }

    /// Tensor `step` of a layer of a section that begins at `offset`.
    fn spec(&self, section: Section, layer: u16, step: usize, offset: u64) -> Option<TensorSpec> {
        let mut spec = self.describe(self.tensors(section, layer).nth(step)?);
        let layers = self.size_before(section, usize::MAX).saturating_mul(layer.into());
        let before = [offset, layers, self.size_before(section, step)];
        spec.offset = total(before.into_iter());
        Some(spec)
    }

    /// Type and shape; the offset is left 0.
    fn describe(&self, id: TensorId) -> TensorSpec {
        if id.module == Module::Padding {
            let rows = self.padding() as u32;
            return TensorSpec { id, dtype: DType::I8, rows, columns: None, offset: 0 };
        }
        let (rows, columns) = match &self.architecture {
            Architecture::Encoder(encoder) => encoder::shape(encoder, id.module),
            Architecture::Decoder(decoder) => decoder::shape(decoder, id.module),
        };
        let (dtype, columns) = match (id.part, columns) {
            (Part::Weight, Some(columns)) => (DType::I8, Some(columns)),
            (Part::Cos | Part::Sin, columns) => (DType::F32, columns),
            _ => (DType::F32, None),
        };
        TensorSpec { id, dtype, rows, columns, offset: 0 }
    }
}

/// Part of the canonical order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    OutsideF32,
    LayersF32,
    Padding,
    /// Int8, rows of whole chunks.
    OutsideWhole,
    LayersWhole,
    /// Int8, other rows.
    OutsideRest,
    LayersRest,
}

impl Section {
    const ALL: [Self; 7] = [
        Self::OutsideF32,
        Self::LayersF32,
        Self::Padding,
        Self::OutsideWhole,
        Self::LayersWhole,
        Self::OutsideRest,
        Self::LayersRest,
    ];

    fn in_layers(self) -> bool {
        matches!(self, Self::LayersF32 | Self::LayersWhole | Self::LayersRest)
    }
}

/// Sum of sizes. Saturates, as the sizes do, on dimensions that no valid architecture has.
fn total(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

fn layer_of(module: Module) -> Option<u16> {
    match module {
        Module::EmbeddingNorm
        | Module::Padding
        | Module::PositionEmbedding
        | Module::TokenTypeEmbedding
        | Module::WordEmbedding
        | Module::Rotary
        | Module::FinalNorm
        | Module::Head => None,
        Module::Key(layer)
        | Module::KeyNorm(layer)
        | Module::AttentionNorm(layer)
        | Module::AttentionOutput(layer)
        | Module::Query(layer)
        | Module::QueryNorm(layer)
        | Module::Value(layer)
        | Module::Down(layer)
        | Module::Gate(layer)
        | Module::FeedForwardNorm(layer)
        | Module::Up(layer) => Some(layer),
    }
}

#[cfg(test)]
mod tests;
