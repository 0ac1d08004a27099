//! How finely a model's activations are quantised.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Integers that stand for what goes into a projection: one scale for the row, and so many bits for
/// each of its numbers.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Activations {
    /// From -127 to 127. Half the work; enough for most encoders.
    #[codec(index = 0)]
    Int8,
    /// From -16,319 to 16,319, two int8 numbers each. Language models lose next to nothing.
    #[codec(index = 1)]
    Int15,
}

impl Activations {
    /// Numbers of int8 that one activation consists of, which is how many products it takes.
    pub const fn limbs(self) -> u64 {
        match self {
            Self::Int8 => 1,
            Self::Int15 => 2,
        }
    }

    /// Its name: `int8` or `int15`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int15 => "int15",
        }
    }
}

impl core::fmt::Display for Activations {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}
