//! Model families and the work that a run of them costs.
//!
//! An [`Architecture`] is the hyperparameters alone, in under 128 bytes. The whole program of
//! operators follows from it by arithmetic, so the chain stores no graph.

use crate::{activations::Activations, decoder::Decoder, encoder::Encoder};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Longest context of any family, in tokens: it bounds what a dispute must open, and that sums of
/// either part of the attention weights fit i32 in a kernel.
pub const MAX_CONTEXT: u32 = 32_768;
/// Largest inner dimension of a matrix product whose i8 x i8 sum is exact in i32:
/// `floor((2^31 - 1) / 127^2)`. Of activations of 15 bits it is so of each limb.
pub const MAX_INNER: u32 = 133_144;
/// Widest row of a model's own vectors.
pub const MAX_WIDTH: u32 = 65_536;
/// Widest attention head.
pub const MAX_HEAD_WIDTH: u32 = 256;
/// Largest vocabulary accepted.
pub const MAX_VOCABULARY: u32 = 1 << 20;
/// Products of int8 that a weighted value takes: an attention weight has 13 bits, two limbs.
pub(crate) const MIX_PRODUCTS: u64 = 2;
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
    /// A causal language model of the Llama, Mistral and Qwen family. Its output is token ids.
    #[codec(index = 1)]
    Decoder(Decoder),
}

/// What is wrong with an architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum InvalidArchitecture {
    /// A dimension is zero.
    ZeroDimension,
    /// `hidden` is not a multiple of `heads`, `heads` not one of `kv_heads`, or a head is odd or
    /// wider than [`MAX_HEAD_WIDTH`].
    HeadsDoNotDivide,
    /// A matrix is wider than [`MAX_INNER`] or 65,536 columns.
    TooWide,
    /// The context is longer than [`MAX_CONTEXT`].
    ContextTooLong,
    /// The vocabulary is larger than [`MAX_VOCABULARY`].
    VocabularyTooLarge,
    /// More layers than [`MAX_LAYERS`].
    TooManyLayers,
    /// The normalisation constant is not a positive, finite number.
    BadEpsilon,
    /// A stop token is not in the vocabulary.
    StopTokenOutOfVocabulary,
}

impl core::fmt::Display for InvalidArchitecture {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ZeroDimension => "a dimension is zero",
            Self::HeadsDoNotDivide => {
                "the heads do not divide: hidden must be a multiple of heads, heads of kv_heads, and \
                 a head at most 256 wide, and even where it is rotated"
            }
            Self::TooWide => "a matrix is wider than 65,536",
            Self::ContextTooLong => "the context is longer than 32,768 tokens",
            Self::VocabularyTooLarge => "the vocabulary has more than 1,048,576 entries",
            Self::TooManyLayers => "there are more than 256 layers",
            Self::BadEpsilon => "the normalisation constant is not a positive, finite number",
            Self::StopTokenOutOfVocabulary => "a stop token is not in the vocabulary",
        })
    }
}

/// The limits that every family keeps to. `eps` are the bits of its normalisation constant.
pub(crate) fn check_limits(
    positions: u32,
    vocabulary: u32,
    layers: u16,
    eps: u32,
) -> Result<(), InvalidArchitecture> {
    if positions > MAX_CONTEXT {
        return Err(InvalidArchitecture::ContextTooLong);
    }
    if vocabulary > MAX_VOCABULARY {
        return Err(InvalidArchitecture::VocabularyTooLarge);
    }
    if layers > MAX_LAYERS {
        return Err(InvalidArchitecture::TooManyLayers);
    }
    let eps = f32::from_bits(eps);
    if !(eps.is_finite() && eps > 0.0) {
        return Err(InvalidArchitecture::BadEpsilon);
    }
    Ok(())
}

impl Architecture {
    /// Checks every bound that the program, the referee and `work` rely on.
    pub fn validate(&self) -> Result<(), InvalidArchitecture> {
        match self {
            Self::Encoder(encoder) => encoder.validate(),
            Self::Decoder(decoder) => decoder.validate(),
        }
    }

    /// Longest input, in tokens.
    pub fn max_tokens_in(&self) -> u32 {
        match self {
            Self::Encoder(encoder) => encoder.positions,
            Self::Decoder(decoder) => decoder.positions,
        }
    }

    /// Fewest tokens a run must be allowed to generate: 1 for a language model, 0 for an encoder.
    pub fn min_tokens_out(&self) -> u32 {
        match self {
            Self::Encoder(_) => 0,
            Self::Decoder(_) => 1,
        }
    }

    /// Most tokens a run may generate for an input of `tokens_in`.
    ///
    /// The last token of a decoder is an output only and takes no position.
    pub fn max_tokens_out(&self, tokens_in: u32) -> u32 {
        match self {
            Self::Encoder(_) => 0,
            Self::Decoder(decoder) => match decoder.positions.checked_sub(tokens_in) {
                Some(rest) => rest.saturating_add(1),
                None => 0,
            },
        }
    }

    /// Number of transformer layers.
    pub fn layers(&self) -> u16 {
        match self {
            Self::Encoder(encoder) => encoder.layers,
            Self::Decoder(decoder) => decoder.layers,
        }
    }

    /// How finely the rows that go into projections are quantised.
    pub fn activations(&self) -> Activations {
        match self {
            Self::Encoder(encoder) => encoder.activations,
            Self::Decoder(decoder) => decoder.activations,
        }
    }

    /// Number of token ids.
    pub fn vocabulary(&self) -> u32 {
        match self {
            Self::Encoder(encoder) => encoder.vocabulary,
            Self::Decoder(decoder) => decoder.vocabulary,
        }
    }

    /// Multiply-accumulates of a run: computed from the program, never taken from a worker.
    ///
    /// Products of two int8 numbers are counted. An activation of 15 bits is two such numbers, and so
    /// is an attention weight, which has 13.
    ///
    /// Saturates instead of overflowing, which no valid architecture reaches.
    pub fn work(&self, tokens_in: u32, tokens_out: u32) -> u64 {
        match self {
            Self::Encoder(encoder) => encoder.work(tokens_in),
            Self::Decoder(decoder) => decoder.work(tokens_in, tokens_out),
        }
    }

    /// Bytes of the output of a run: an embedding, f32, or the generated token ids, u32.
    pub fn output_len(&self, tokens_out: u32) -> u32 {
        match self {
            Self::Encoder(encoder) => encoder.hidden.saturating_mul(4),
            Self::Decoder(_) => tokens_out.saturating_mul(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Pooling;

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
            activations: Activations::Int8,
        }
    }

    #[test]
    fn work_should_count_the_multiply_accumulates_of_minilm() {
        // 6 layers x 16 tokens x (4 x 384^2 + 2 x 384 x 1536 + 3 x 16 x 384)
        assert_eq!(Architecture::Encoder(minilm()).work(16, 0), 171_638_784);
        let precise = Encoder { activations: Activations::Int15, ..minilm() };
        assert_eq!(Architecture::Encoder(precise).work(16, 0), 341_508_096);
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
        assert_eq!(check(|e| e.positions = 32_769), Err(InvalidArchitecture::ContextTooLong));
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
