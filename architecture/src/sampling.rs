//! How a language model chooses its next token.

use alloc::string::ToString;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// How the next token is chosen. Encoders generate none and take `Greedy`.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Sampling {
    /// The token with the largest logit; of equals the one with the lowest id.
    #[default]
    #[codec(index = 0)]
    Greedy,
    /// Drawn in proportion to `exp(logit / temperature)` with the Gumbel-max trick. The noise is
    /// counter-based: a function of the seed, the position and the token id alone.
    #[codec(index = 1)]
    Gumbel {
        /// Whoever repeats a run with the same seed gets the same tokens.
        seed: u64,
        /// Bits of an f32, from [`MIN_TEMPERATURE`] to [`MAX_TEMPERATURE`].
        temperature: u32,
        /// Bits of an f32 from 0 to 1: tokens less likely than this share of the likeliest are
        /// never drawn.
        min_p: u32,
    },
}

/// Lowest temperature of [`Sampling::Gumbel`]; below it, take [`Sampling::Greedy`].
pub const MIN_TEMPERATURE: f32 = 0.01;
/// Highest temperature of [`Sampling::Gumbel`].
pub const MAX_TEMPERATURE: f32 = 100.0;

impl Sampling {
    /// Whether its parameters are in range.
    pub fn is_valid(&self) -> bool {
        match *self {
            Self::Greedy => true,
            Self::Gumbel { seed: _, temperature, min_p } => {
                (MIN_TEMPERATURE..=MAX_TEMPERATURE).contains(&f32::from_bits(temperature))
                    && (0.0..=1.0).contains(&f32::from_bits(min_p))
            }
        }
    }
}

/// The float with these bits, with the digits that people write it with: a plain conversion to f64
/// would show 0.8 as 0.800000011920929.
pub fn decimal(bits: u32) -> f64 {
    let float = f32::from_bits(bits);
    float.to_string().parse().unwrap_or_else(|_| f64::from(float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_should_keep_their_value_and_their_digits() {
        for value in [0.0f32, 0.05, 0.1, 0.8, 1.0, 99.9, 1e-30, 16_777_216.0] {
            assert_eq!(decimal(value.to_bits()) as f32, value);
        }
        assert_eq!(decimal(0.8f32.to_bits()), 0.8);
    }

    #[test]
    fn parameters_out_of_range_should_not_be_valid() {
        let gumbel = |temperature: f32, min_p: f32| Sampling::Gumbel {
            seed: 7,
            temperature: temperature.to_bits(),
            min_p: min_p.to_bits(),
        };
        assert!(Sampling::Greedy.is_valid());
        assert!(gumbel(1.0, 0.0).is_valid() && gumbel(0.01, 1.0).is_valid());
        for (temperature, min_p) in [
            (0.0, 0.0),
            (-1.0, 0.0),
            (101.0, 0.0),
            (1.0, 1.5),
            (1.0, -0.5),
            (f32::NAN, 0.0),
            (1.0, f32::NAN),
        ] {
            assert!(!gumbel(temperature, min_p).is_valid(), "{temperature} {min_p}");
        }
    }
}
