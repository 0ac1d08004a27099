//! Scales of rows of weights, when a package is made.
//!
//! The largest magnitude over 127 is a scale that cuts nothing off. A smaller one cuts a little off
//! the largest weights and rounds all others more finely, and some are luckier than others with what
//! a row happens to hold. So a row's scale is searched for: the one that leaves the least square
//! error, each weight's counting as much as the activations that meet it are large.

use super::{check_kernel, check_length, multiversion, KernelError};
use crate::{
    math::{scale_of, sum_lanes, I8_MAX, LANES, ROUNDER},
    program::BLOCK,
    tensor::rows::max_magnitude,
    Kernel,
};

/// The scales that are tried, in hundredths of the one that cuts nothing off.
const TRIED: core::ops::RangeInclusive<u8> = 70..=102;

/// The scale of a row of finite weights that is to be quantised to int8: 0 for a row of zeros.
/// `importance`, where it is given, has one number for each: how much the square of its error counts.
///
/// The result is the same with every kernel.
pub fn weight_scale(
    kernel: Kernel,
    x: &[f32],
    importance: Option<&[f32]>,
) -> Result<f32, KernelError> {
    check_kernel(kernel)?;
    if let Some(importance) = importance {
        check_length("the importance", importance.len(), x.len())?;
    }
    if x.iter().any(|x| !x.is_finite()) {
        return Err(KernelError::BadWeight("the row"));
    }
    let whole = scale_of(f32::from_bits(max_magnitude(x)), I8_MAX);
    Ok(search(kernel, x, importance, whole))
}

multiversion! {
    /// The scale with the least error: of equals the one nearest to `whole` from above, which is
    /// tried first.
    fn search(x: &[f32], importance: Option<&[f32]>, whole: f32) -> f32 = search_body;
}

#[inline(always)]
fn search_body(x: &[f32], importance: Option<&[f32]>, whole: f32) -> f32 {
    let error = |scale: f32| match importance {
        Some(importance) => weighted_error(x, importance, scale),
        None => plain_error(x, scale),
    };
    let (mut best, mut least) = (whole, error(whole));
    for hundredths in TRIED.rev() {
        let scale = whole * (f32::from(hundredths) * 0.01);
        let found = error(scale);
        if found < least {
            (best, least) = (scale, found);
        }
    }
    best
}

/// What is left of a weight once its integer is taken away, in units of the scale. Not finite for
/// scales whose reciprocal is not, which are never chosen.
#[inline(always)]
fn rest(x: f32, inverse: f32) -> f32 {
    let ratio = x * inverse;
    let bounded = if ratio > -I8_MAX { ratio } else { -I8_MAX };
    let bounded = if bounded < I8_MAX { bounded } else { I8_MAX };
    ratio - ((bounded + ROUNDER) - ROUNDER)
}

#[inline(always)]
fn plain_error(x: &[f32], scale: f32) -> f32 {
    let inverse = 1.0 / scale;
    let mut total = 0.0;
    for block in x.chunks(BLOCK as usize) {
        let mut lanes = [0f32; LANES];
        for stripe in block.chunks(LANES) {
            for (lane, x) in lanes.iter_mut().zip(stripe) {
                let rest = rest(*x, inverse);
                *lane += rest * rest;
            }
        }
        total += sum_lanes(lanes);
    }
    total * (scale * scale)
}

#[inline(always)]
fn weighted_error(x: &[f32], importance: &[f32], scale: f32) -> f32 {
    let inverse = 1.0 / scale;
    let mut total = 0.0;
    for (block, importance) in x.chunks(BLOCK as usize).zip(importance.chunks(BLOCK as usize)) {
        let mut lanes = [0f32; LANES];
        for (stripe, importance) in block.chunks(LANES).zip(importance.chunks(LANES)) {
            for ((lane, x), importance) in lanes.iter_mut().zip(stripe).zip(importance) {
                let rest = rest(*x, inverse);
                *lane += (rest * rest) * *importance;
            }
        }
        total += sum_lanes(lanes);
    }
    total * (scale * scale)
}
