//! Small models for tests, benchmarks and examples: one of each family.

use crate::{Activations, Architecture, Decoder, Encoder, Pooling};

/// A small encoder.
pub const fn encoder() -> Encoder {
    Encoder {
        vocabulary: 100,
        hidden: 8,
        layers: 1,
        heads: 2,
        intermediate: 16,
        positions: 64,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    }
}

/// A small language model.
pub const fn decoder() -> Decoder {
    Decoder {
        vocabulary: 100,
        hidden: 8,
        layers: 1,
        heads: 2,
        kv_heads: 1,
        head_width: 4,
        intermediate: 16,
        positions: 64,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: true,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [Some(0), None, None, None, None, None, None, None],
    }
}

/// One of each family.
pub const fn all() -> [Architecture; 2] {
    [Architecture::Encoder(encoder()), Architecture::Decoder(decoder())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_should_be_one_that_is_accepted() {
        for architecture in all() {
            assert_eq!(architecture.validate(), Ok(()), "{architecture:?}");
        }
    }
}
