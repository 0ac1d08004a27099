//! The functions of one number, as the kernels compile them.
//!
//! The tensor functions inline these into their loops, where compilers turn them into vector code.
//! Here each stands alone, so that the vector code can be held against the plain code on every input
//! there is: `cargo run --release --example exhaustive`.

use super::{
    check_kernel, check_length, multiversion,
    rounding::{quantise_each, quantise_limbs},
    KernelError,
};
use crate::{
    math::{
        canonical, erf, exp, gelu, ln, quantise, silu, soft_sqrt, sqrt, I15_MAX, I8_MAX, WEIGHT_MAX,
    },
    Kernel,
};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    /// [`canonical`].
    Canonical,
    /// [`exp`].
    Exp,
    /// [`erf`].
    Erf,
    /// [`gelu`].
    Gelu,
    /// [`silu`].
    Silu,
    /// [`ln`].
    Ln,
    /// [`sqrt`].
    Sqrt,
    /// [`soft_sqrt`], which is held against [`sqrt`].
    SoftSqrt,
    /// [`quantise`] to int8 by a scale of 0.01.
    Quantise,
    /// [`quantise`] to an activation of 15 bits by a scale of 0.0001, limb by limb.
    QuantiseLimbs,
    /// [`quantise`] to a weight of attention by a scale of 0.0003.
    QuantiseWeight,
}

impl Unary {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Canonical,
        Self::Exp,
        Self::Erf,
        Self::Gelu,
        Self::Silu,
        Self::Ln,
        Self::Sqrt,
        Self::SoftSqrt,
        Self::Quantise,
        Self::QuantiseLimbs,
        Self::QuantiseWeight,
    ];

    /// The plain code, one number at a time.
    pub fn plain(self) -> fn(f32) -> f32 {
        match self {
            Self::Canonical => canonical,
            Self::Exp => exp,
            Self::Erf => erf,
            Self::Gelu => gelu,
            Self::Silu => silu,
            Self::Ln => ln,
            Self::Sqrt | Self::SoftSqrt => sqrt,
            Self::Quantise => |x| quantise(finite(x), SCALE, I8_MAX) as f32,
            Self::QuantiseLimbs => |x| quantise(finite(x), LIMBS_SCALE, I15_MAX) as f32,
            Self::QuantiseWeight => |x| quantise(finite(x), WEIGHT_SCALE, WEIGHT_MAX) as f32,
        }
    }
}

const SCALE: f32 = 0.01;
const LIMBS_SCALE: f32 = 0.000_1;
const WEIGHT_SCALE: f32 = 0.000_3;

/// Groups with a NaN are never quantised by a finite scale.
#[inline(always)]
fn finite(x: f32) -> f32 {
    if x.is_nan() {
        0.0
    } else {
        x
    }
}

/// `out[i] = function(x[i])`.
pub fn unary(
    kernel: Kernel,
    function: Unary,
    x: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    check_length("out", out.len(), x.len())?;
    apply(kernel, function, x, out);
    Ok(())
}

multiversion! {
    fn apply(function: Unary, x: &[f32], out: &mut [f32]) = apply_body;
}

#[inline(always)]
fn apply_body(function: Unary, x: &[f32], out: &mut [f32]) {
    match function {
        Unary::Canonical => map(x, out, canonical),
        Unary::Exp => map(x, out, exp),
        Unary::Erf => map(x, out, erf),
        Unary::Gelu => map(x, out, gelu),
        Unary::Silu => map(x, out, silu),
        Unary::Ln => map(x, out, ln),
        Unary::Sqrt => map(x, out, sqrt),
        Unary::SoftSqrt => map(x, out, soft_sqrt),
        Unary::Quantise => round(x, out, SCALE, I8_MAX),
        Unary::QuantiseLimbs => limbs(x, out),
        Unary::QuantiseWeight => round(x, out, WEIGHT_SCALE, WEIGHT_MAX),
    }
}

#[inline(always)]
fn map(x: &[f32], out: &mut [f32], function: impl Fn(f32) -> f32) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = function(*x);
    }
}

#[inline(always)]
fn round(x: &[f32], out: &mut [f32], scale: f32, limit: f32) {
    map(x, out, finite);
    let mut block = [0f32; 256];
    for out in out.chunks_mut(block.len()) {
        let block = &mut block[..out.len()];
        block.copy_from_slice(out);
        quantise_each(block, scale, limit, out, |integer| integer as f32);
    }
}

/// Quantised to two limbs, and joined.
#[inline(always)]
fn limbs(x: &[f32], out: &mut [f32]) {
    map(x, out, finite);
    let (mut high, mut low) = ([0i8; 256], [0i8; 256]);
    for out in out.chunks_mut(high.len()) {
        let (high, low) = (&mut high[..out.len()], &mut low[..out.len()]);
        quantise_limbs(out, LIMBS_SCALE, high, low);
        for ((out, high), low) in out.iter_mut().zip(high).zip(low) {
            *out = f32::from(*high) * 128.0 + f32::from(*low);
        }
    }
}
