//! How rows of weights are rounded, when a package is made.
//!
//! The largest magnitude over 127 is a scale that cuts nothing off. A smaller one cuts a little off
//! the largest weights and rounds all others more finely, and some are luckier than others with what
//! a row happens to hold. So a row's scale is searched for: the one that leaves the least square
//! error, each weight's counting as much as the activations that meet it are large.
//!
//! Where it is known how activations go together, what rounding takes from one weight is given to
//! those behind it, whose activations make up for it (GPTQ, Frantar et al., 2023).

use super::{area, check_kernel, check_length, multiversion, KernelError};
use crate::{
    math::{quantise, scale_of, sum_lanes, I8_MAX, LANES, ROUNDER},
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

/// Quantises rows of weights by their `scale`s, giving the error of each weight to those behind it.
///
/// `rows` are `[rows, width]` and lost. `factor` is `[width, width]`, its upper triangle the Cholesky
/// factor `U` of the inverse of the activations' second moments: `inverse = U' U`.
pub fn round_compensated(
    kernel: Kernel,
    rows: &mut [f32],
    scale: &[f32],
    factor: &[f32],
    q: &mut [i8],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    check_length("q", q.len(), rows.len())?;
    let width = rows.len().checked_div(scale.len()).unwrap_or(0);
    if width == 0 {
        return Err(KernelError::WrongDimension("the inner dimension"));
    }
    check_length("the rows", rows.len(), area(scale.len(), width)?)?;
    check_length("the factor", factor.len(), area(width, width)?)?;
    // A few rows meet each row of the factor while it is near.
    for ((rows, scale), q) in rows
        .chunks_mut(TOGETHER * width)
        .zip(scale.chunks(TOGETHER))
        .zip(q.chunks_mut(TOGETHER * width))
    {
        compensate(kernel, rows, scale, factor, q);
    }
    Ok(())
}

/// Rows that are compensated together.
const TOGETHER: usize = 32;

multiversion! {
    fn compensate(rows: &mut [f32], scale: &[f32], factor: &[f32], q: &mut [i8])
        = compensate_body;
}

#[inline(always)]
fn compensate_body(rows: &mut [f32], scale: &[f32], factor: &[f32], q: &mut [i8]) {
    let width = rows.len() / scale.len();
    for (column, factor) in factor.chunks_exact(width).enumerate() {
        let diagonal = factor[column];
        let rows = rows.chunks_exact_mut(width).zip(q.chunks_exact_mut(width)).zip(scale);
        for ((row, q), scale) in rows {
            let x = row[column];
            let integer = quantise(x, *scale, I8_MAX);
            q[column] = integer as i8;
            let error = (x - integer as f32 * *scale) / diagonal;
            for (x, factor) in row[column..].iter_mut().zip(&factor[column..]) {
                *x -= error * *factor;
            }
        }
    }
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
