//! Model families and the work that a run of them costs.
//!
//! An [`Architecture`] is the hyperparameters alone, in under 128 bytes. The whole program of
//! operators follows from it by arithmetic, so the chain stores no graph.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Longest context of any family, in tokens: it bounds what a dispute must open.
pub const MAX_CONTEXT: u32 = 4_096;
/// Largest inner dimension of a matrix product whose i8 x i8 sum is exact in i32:
/// `floor((2^31 - 1) / 127^2)`.
pub const MAX_INNER: u32 = 133_144;
/// Largest vocabulary accepted.
pub const MAX_VOCABULARY: u32 = 1 << 20;
/// Most layers accepted.
pub const MAX_LAYERS: u16 = 256;

/// A model family with its hyperparameters.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Architecture {
    /// A bidirectional text encoder of the BERT family. Its output is one embedding.
    #[codec(index = 0)]
    Encoder(Encoder),
}

/// Hyperparameters of the BERT family (absolute positions, post-layer-norm, erf GELU).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Encoder {
    /// Number of token ids. Ids are in `0..vocabulary`.
    pub vocabulary: u32,
    /// Width of a token's vector; a multiple of `heads`.
    pub hidden: u32,
    /// Number of transformer layers.
    pub layers: u16,
    /// Attention heads per layer.
    pub heads: u16,
    /// Width of the feed-forward layer.
    pub intermediate: u32,
    /// Longest input, in tokens.
    pub positions: u32,
    /// Rows of the token-type table; every token uses row 0.
    pub token_types: u16,
    /// Bits of the f32 added to the variance in layer normalisation.
    pub layer_norm_eps: u32,
    /// How token vectors become one embedding.
    pub pooling: Pooling,
    /// Whether the embedding is scaled to unit length.
    pub normalize: bool,
}

/// How an encoder's token vectors become one embedding.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean of all token vectors.
    #[codec(index = 0)]
    Mean,
    /// The vector of the first token.
    #[codec(index = 1)]
    Cls,
}

/// What is wrong with an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum InvalidArchitecture {
    /// A dimension is zero.
    ZeroDimension,
    /// `hidden` is not a multiple of `heads`, or a head is wider than 256.
    HeadsDoNotDivide,
    /// A matrix is wider than [`MAX_INNER`] or 65,536 columns.
    TooWide,
    /// The context is longer than [`MAX_CONTEXT`].
    ContextTooLong,
    /// The vocabulary is larger than [`MAX_VOCABULARY`].
    VocabularyTooLarge,
    /// More layers than [`MAX_LAYERS`].
    TooManyLayers,
    /// The layer normalisation constant is not a positive, finite number.
    BadEpsilon,
}

impl core::fmt::Display for InvalidArchitecture {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ZeroDimension => "a dimension is zero",
            Self::HeadsDoNotDivide => {
                "hidden is not a multiple of heads, or a head is wider than 256"
            }
            Self::TooWide => "a matrix is wider than 65,536",
            Self::ContextTooLong => "the context is longer than 4,096 tokens",
            Self::VocabularyTooLarge => "the vocabulary has more than 1,048,576 entries",
            Self::TooManyLayers => "there are more than 256 layers",
            Self::BadEpsilon => "the layer normalisation constant is not a positive, finite number",
        })
    }
}

impl Architecture {
    /// Checks every bound that the program, the referee and `work` rely on.
    pub fn validate(&self) -> Result<(), InvalidArchitecture> {
        match self {
            Self::Encoder(encoder) => encoder.validate(),
        }
    }

    /// Longest input, in tokens.
    pub fn max_tokens_in(&self) -> u32 {
        match self {
            Self::Encoder(encoder) => encoder.positions,
        }
    }

    /// Most tokens a run may generate for an input of `tokens_in`.
    pub fn max_tokens_out(&self, _tokens_in: u32) -> u32 {
        match self {
            Self::Encoder(_) => 0,
        }
    }

    /// Number of token ids.
    pub fn vocabulary(&self) -> u32 {
        match self {
            Self::Encoder(encoder) => encoder.vocabulary,
        }
    }

    /// Multiply-accumulates of a run: computed from the program, never taken from a worker.
    ///
    /// Saturates instead of overflowing, which no valid architecture reaches.
    pub fn work(&self, tokens_in: u32, _tokens_out: u32) -> u64 {
        match self {
            Self::Encoder(encoder) => encoder.work(tokens_in),
        }
    }

    /// The least and the most bytes that `weights.safetensors` can have.
    ///
    /// At least one byte for each weight of a matrix product and of the token table; at most 16
    /// for each weight of any kind, plus 1 MiB of header. Wide on purpose: it catches a wrong
    /// file, the exact check is the package's.
    pub fn weights_len_bounds(&self) -> (u64, u64) {
        match self {
            Self::Encoder(encoder) => encoder.weights_len_bounds(),
        }
    }

    /// Bytes of the output of a run.
    pub fn output_len(&self, tokens_out: u32) -> u32 {
        match self {
            Self::Encoder(encoder) => {
                let _ = tokens_out;
                encoder.hidden.saturating_mul(4)
            }
        }
    }
}

impl Encoder {
    /// Width of one attention head.
    pub fn head_width(&self) -> u32 {
        self.hidden.checked_div(self.heads.into()).unwrap_or(0)
    }

    fn weights_len_bounds(&self) -> (u64, u64) {
        let hidden = u64::from(self.hidden);
        let layer = hidden
            .saturating_mul(hidden)
            .saturating_mul(4)
            .saturating_add(hidden.saturating_mul(self.intermediate.into()).saturating_mul(2));
        let least = layer
            .saturating_mul(self.layers.into())
            .saturating_add(hidden.saturating_mul(self.vocabulary.into()));
        let tables = u64::from(self.positions).saturating_add(self.token_types.into());
        // Biases and normalisation: fewer than 16 vectors per layer as wide as the widest.
        let vectors = u64::from(self.hidden.max(self.intermediate))
            .saturating_mul(u64::from(self.layers).saturating_add(1))
            .saturating_mul(16);
        let most = least
            .saturating_add(hidden.saturating_mul(tables))
            .saturating_add(vectors)
            .saturating_mul(16)
            .saturating_add(1 << 20);
        (least, most)
    }

    fn validate(&self) -> Result<(), InvalidArchitecture> {
        use InvalidArchitecture::*;
        let dimensions = [
            self.vocabulary,
            self.hidden,
            self.layers.into(),
            self.heads.into(),
            self.intermediate,
            self.positions,
            self.token_types.into(),
        ];
        if dimensions.contains(&0) {
            return Err(ZeroDimension);
        }
        if !self.hidden.is_multiple_of(self.heads.into()) || self.head_width() > 256 {
            return Err(HeadsDoNotDivide);
        }
        if self.hidden.max(self.intermediate) > 65_536 {
            return Err(TooWide);
        }
        if self.positions > MAX_CONTEXT {
            return Err(ContextTooLong);
        }
        if self.vocabulary > MAX_VOCABULARY {
            return Err(VocabularyTooLarge);
        }
        if self.layers > MAX_LAYERS {
            return Err(TooManyLayers);
        }
        let eps = f32::from_bits(self.layer_norm_eps);
        if !(eps.is_finite() && eps > 0.0) {
            return Err(BadEpsilon);
        }
        Ok(())
    }

    /// Per layer: four `hidden x hidden` projections and two feed-forward products for every
    /// token, and for every pair of tokens one score and one weighted value per hidden unit.
    fn work(&self, tokens: u32) -> u64 {
        let (tokens, hidden) = (u64::from(tokens), u64::from(self.hidden));
        let projections = hidden.saturating_mul(hidden).saturating_mul(4);
        let feed_forward = hidden.saturating_mul(self.intermediate.into()).saturating_mul(2);
        let attention = tokens.saturating_mul(hidden).saturating_mul(2);
        projections
            .saturating_add(feed_forward)
            .saturating_add(attention)
            .saturating_mul(tokens)
            .saturating_mul(self.layers.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// all-MiniLM-L6-v2.
    fn minilm() -> Encoder {
        Encoder {
            vocabulary: 30_522,
            hidden: 384,
            layers: 6,
            heads: 12,
            intermediate: 1_536,
            positions: 512,
            token_types: 2,
            layer_norm_eps: 1e-12f32.to_bits(),
            pooling: Pooling::Mean,
            normalize: true,
        }
    }

    #[test]
    fn work_should_count_the_multiply_accumulates_of_minilm() {
        // 6 layers x 16 tokens x (4 x 384^2 + 2 x 384 x 1536 + 2 x 16 x 384)
        assert_eq!(Architecture::Encoder(minilm()).work(16, 0), 171_048_960);
    }

    #[test]
    fn weights_len_bounds_should_hold_the_int8_and_the_float_file_of_minilm() {
        let (least, most) = Architecture::Encoder(minilm()).weights_len_bounds();
        // 22.6 M weights: one byte each with scales, or four.
        for len in [22_800_000, 90_900_000] {
            assert!((least..=most).contains(&len), "{least}..={most}");
        }
        assert!(least > 20_000_000 && most < 1 << 30);
    }

    #[test]
    fn an_architecture_should_fit_in_128_bytes() {
        assert!(Architecture::max_encoded_len() < 128);
    }

    #[test]
    fn validate_should_name_what_is_wrong() {
        let check = |change: fn(&mut Encoder)| {
            let mut encoder = minilm();
            change(&mut encoder);
            Architecture::Encoder(encoder).validate()
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|e| e.layers = 0), Err(InvalidArchitecture::ZeroDimension));
        assert_eq!(check(|e| e.heads = 7), Err(InvalidArchitecture::HeadsDoNotDivide));
        assert_eq!(check(|e| e.intermediate = 70_000), Err(InvalidArchitecture::TooWide));
        assert_eq!(check(|e| e.positions = 5_000), Err(InvalidArchitecture::ContextTooLong));
        assert_eq!(check(|e| e.vocabulary = 2 << 20), Err(InvalidArchitecture::VocabularyTooLarge));
        assert_eq!(check(|e| e.layers = 300), Err(InvalidArchitecture::TooManyLayers));
        for eps in [0.0f32, -1.0, f32::NAN, f32::INFINITY] {
            let mut encoder = minilm();
            encoder.layer_norm_eps = eps.to_bits();
            let checked = Architecture::Encoder(encoder).validate();
            assert_eq!(checked, Err(InvalidArchitecture::BadEpsilon));
        }
    }
}
