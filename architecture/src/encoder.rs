//! The BERT family: text encoders.

use crate::{
    activations::Activations,
    architecture::{check_limits, InvalidArchitecture, MAX_WIDTH, MIX_PRODUCTS},
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

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
    /// How finely the rows that go into projections are quantised.
    pub activations: Activations,
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

impl Encoder {
    /// Width of one attention head.
    pub fn head_width(&self) -> u32 {
        self.hidden.checked_div(self.heads.into()).unwrap_or(0)
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidArchitecture> {
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
        if self.hidden.max(self.intermediate) > MAX_WIDTH {
            return Err(TooWide);
        }
        check_limits(self.positions, self.vocabulary, self.layers, self.layer_norm_eps)
    }

    /// Per layer: four `hidden x hidden` projections and two feed-forward products for every
    /// token, as often as an activation has limbs, and for every pair of tokens one score and one
    /// weighted value per hidden unit.
    pub(crate) fn work(&self, tokens: u32) -> u64 {
        let (tokens, hidden) = (u64::from(tokens), u64::from(self.hidden));
        let projections = hidden.saturating_mul(hidden).saturating_mul(4);
        let feed_forward = hidden.saturating_mul(self.intermediate.into()).saturating_mul(2);
        let attention =
            tokens.saturating_mul(hidden).saturating_mul(MIX_PRODUCTS.saturating_add(1));
        projections
            .saturating_add(feed_forward)
            .saturating_mul(self.activations.limbs())
            .saturating_add(attention)
            .saturating_mul(tokens)
            .saturating_mul(self.layers.into())
    }
}
