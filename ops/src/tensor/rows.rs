//! Operators on single rows: embedding, normalisation, quantisation, pooling.

use super::{
    area, check_kernel, check_length, multiversion,
    rounding::{quantise_each, quantise_limbs},
    threads, total, KernelError,
};
use crate::{
    math::{
        canonical, fold, magnitude, scale_of, sqrt, sum_lanes, I15_MAX, I8_MAX, LANES, MIN_NORM,
    },
    program::{BLOCK, TOKEN_BLOCK},
    Kernel,
};
use vigil_architecture::Activations;

/// The three tables whose rows add up to a token's first vector.
#[derive(Clone, Copy, Debug)]
pub struct Embeddings<'a> {
    /// Width of a row.
    pub hidden: usize,
    /// `[vocabulary, hidden]`.
    pub word: &'a [i8],
    /// `[vocabulary]`.
    pub word_scale: &'a [f32],
    /// `[positions, hidden]`.
    pub position: &'a [i8],
    /// `[positions]`.
    pub position_scale: &'a [f32],
    /// `[token_types, hidden]`; only row 0 is used.
    pub token_type: &'a [i8],
    /// `[token_types]`.
    pub token_type_scale: &'a [f32],
}

/// Factor, summand and constant of a layer normalisation.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// `[hidden]`.
    pub weight: &'a [f32],
    /// `[hidden]`.
    pub bias: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
}

/// Embeds the tokens of a batch: `out[t] = (word[token] + position[t]) + token_type[0]`.
///
/// `tokens` has one id per row, positions count from 0 in every sequence, `out` is
/// `[rows, hidden]`.
pub fn embed(
    kernel: Kernel,
    tables: &Embeddings<'_>,
    tokens: &[u32],
    lengths: &[usize],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    let hidden = tables.hidden;
    if hidden == 0 {
        return Err(KernelError::WrongDimension("hidden"));
    }
    check_length("tokens", tokens.len(), total(lengths)?)?;
    check_length("out", out.len(), area(tokens.len(), hidden)?)?;
    for (table, scale, name) in [
        (tables.word, tables.word_scale, "the word table"),
        (tables.position, tables.position_scale, "the position table"),
        (tables.token_type, tables.token_type_scale, "the token type table"),
    ] {
        check_length(name, table.len(), area(scale.len(), hidden)?)?;
    }
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if longest > tables.position_scale.len() {
        return Err(KernelError::WrongDimension("a sequence"));
    }
    let Some(type_scale) = tables.token_type_scale.first() else {
        return Err(KernelError::WrongLength("the token type table"));
    };
    if let Some(id) = tokens.iter().find(|id| **id as usize >= tables.word_scale.len()) {
        return Err(KernelError::UnknownToken(*id));
    }
    let positions: Vec<usize> = lengths.iter().flat_map(|length| 0..*length).collect();
    threads::rows(out, hidden, |first, rows| {
        for (i, row) in rows.chunks_exact_mut(hidden).enumerate() {
            let (token, position) = (tokens[first + i] as usize, positions[first + i]);
            embed_row(
                kernel,
                &tables.word[token * hidden..][..hidden],
                tables.word_scale[token],
                &tables.position[position * hidden..][..hidden],
                tables.position_scale[position],
                &tables.token_type[..hidden],
                *type_scale,
                row,
            );
        }
    });
    Ok(())
}

multiversion! {
    fn embed_row(
        word: &[i8], word_scale: f32,
        position: &[i8], position_scale: f32,
        token_type: &[i8], type_scale: f32,
        out: &mut [f32],
    ) = embed_row_body;
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn embed_row_body(
    word: &[i8],
    word_scale: f32,
    position: &[i8],
    position_scale: f32,
    token_type: &[i8],
    type_scale: f32,
    out: &mut [f32],
) {
    for (((out, w), p), t) in out.iter_mut().zip(word).zip(position).zip(token_type) {
        let near = f32::from(*w) * word_scale + f32::from(*p) * position_scale;
        *out = canonical(near + f32::from(*t) * type_scale);
    }
}

/// Layer normalisation of every row of `x`, in place.
pub fn layer_norm(kernel: Kernel, norm: &LayerNorm<'_>, x: &mut [f32]) -> Result<(), KernelError> {
    let hidden = check_norm(kernel, norm, x.len())?;
    threads::rows(x, hidden, |_, rows| {
        for row in rows.chunks_exact_mut(hidden) {
            normalise_row(kernel, norm, row);
        }
    });
    Ok(())
}

/// Adds `residual` to `x` and normalises every row, in place: `x = norm(x + residual)`.
pub fn add_layer_norm(
    kernel: Kernel,
    norm: &LayerNorm<'_>,
    residual: &[f32],
    x: &mut [f32],
) -> Result<(), KernelError> {
    let hidden = check_norm(kernel, norm, x.len())?;
    check_length("residual", residual.len(), x.len())?;
    threads::rows(x, hidden, |first, rows| {
        let residual = &residual[first * hidden..][..rows.len()];
        for (row, residual) in rows.chunks_exact_mut(hidden).zip(residual.chunks_exact(hidden)) {
            add_row(kernel, residual, row);
            normalise_row(kernel, norm, row);
        }
    });
    Ok(())
}

fn check_norm(kernel: Kernel, norm: &LayerNorm<'_>, len: usize) -> Result<usize, KernelError> {
    check_kernel(kernel)?;
    let hidden = norm.weight.len();
    if hidden == 0 || hidden > 1 << 24 {
        return Err(KernelError::WrongDimension("hidden"));
    }
    check_length("the bias of the normalisation", norm.bias.len(), hidden)?;
    if !len.is_multiple_of(hidden) {
        return Err(KernelError::WrongLength("x"));
    }
    Ok(hidden)
}

multiversion! {
    pub(super) fn add_row(residual: &[f32], x: &mut [f32]) = add_row_body;
}

#[inline(always)]
fn add_row_body(residual: &[f32], x: &mut [f32]) {
    for (x, r) in x.iter_mut().zip(residual) {
        *x = canonical(*x + *r);
    }
}

multiversion! {
    fn normalise_row(norm: &LayerNorm<'_>, x: &mut [f32]) = normalise_row_body;
}

#[inline(always)]
fn normalise_row_body(norm: &LayerNorm<'_>, x: &mut [f32]) {
    let width = x.len() as f32;
    let mean = blocked_sum(x, |x| x) / width;
    let variance = blocked_sum(x, |x| (x - mean) * (x - mean)) / width;
    let factor = 1.0 / sqrt(variance + norm.eps);
    for ((x, w), b) in x.iter_mut().zip(norm.weight).zip(norm.bias) {
        *x = canonical(((*x - mean) * factor) * *w + *b);
    }
}

/// Sum of a row in blocks of [`BLOCK`].
#[inline(always)]
pub(super) fn blocked_sum(x: &[f32], map: impl Fn(f32) -> f32) -> f32 {
    fold(x.chunks(BLOCK as usize).map(|block| {
        let mut lanes = [0f32; LANES];
        let mut stripes = block.chunks_exact(LANES);
        for stripe in &mut stripes {
            for (lane, x) in lanes.iter_mut().zip(stripe) {
                *lane += map(*x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(stripes.remainder()) {
            *lane += map(*x);
        }
        canonical(sum_lanes(lanes))
    }))
}

/// Rows of activations as integers: what goes into a projection.
#[derive(Clone, Copy, Debug)]
pub struct QuantisedRows<'a> {
    /// How many bits they have.
    pub activations: Activations,
    /// `[rows, limbs, width]`: of 15 bits the high limbs of a row, then its low ones.
    pub limbs: &'a [i8],
    /// One per row.
    pub scale: &'a [f32],
}

/// Where quantised rows go.
#[derive(Debug)]
pub struct QuantisedRowsMut<'a> {
    /// How many bits they get.
    pub activations: Activations,
    /// `[rows, limbs, width]`.
    pub limbs: &'a mut [i8],
    /// One per row.
    pub scale: &'a mut [f32],
}

impl QuantisedRowsMut<'_> {
    /// The same place, to be given away for a while.
    pub fn reborrow(&mut self) -> QuantisedRowsMut<'_> {
        QuantisedRowsMut { activations: self.activations, limbs: self.limbs, scale: self.scale }
    }

    /// The rows to be read.
    pub fn rows(&self) -> QuantisedRows<'_> {
        QuantisedRows { activations: self.activations, limbs: self.limbs, scale: self.scale }
    }

    /// Checks that there is room for as many rows as `x`, `width` wide, has.
    pub(super) fn check(&self, x: usize, width: usize) -> Result<(), KernelError> {
        if width == 0 || width > 1 << 24 {
            return Err(KernelError::WrongDimension("width"));
        }
        check_length("x", x, area(self.scale.len(), width)?)?;
        check_length("the limbs", self.limbs.len(), area(x, self.activations.limbs() as usize)?)
    }

    /// Calls `task` with the number of the first of some rows, their limbs and their scales, for
    /// all rows.
    pub(super) fn each(
        self,
        width: usize,
        task: impl Fn(usize, &mut [i8], &mut [f32]) + Sync + Send,
    ) {
        let width = width * self.activations.limbs() as usize;
        let shared = threads::Shared::new(self.scale);
        threads::rows(self.limbs, width, |first, rows| {
            // SAFETY: one scale per row, and every task has rows of its own.
            task(first, rows, unsafe { shared.slice(first, rows.len() / width) });
        });
    }
}

/// Quantises every row of `x` (`width` wide) with one scale.
pub fn quantise(
    kernel: Kernel,
    x: &[f32],
    width: usize,
    out: QuantisedRowsMut<'_>,
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    out.check(x.len(), width)?;
    let activations = out.activations;
    out.each(width, |first, limbs, scale| {
        let x = &x[first * width..][..scale.len() * width];
        let wide = width * activations.limbs() as usize;
        let rows = x.chunks_exact(width).zip(limbs.chunks_exact_mut(wide)).zip(scale);
        for ((x, limbs), scale) in rows {
            *scale = quantise_activations(kernel, activations, x, limbs);
        }
    });
    Ok(())
}

multiversion! {
    /// Quantises one row and returns its scale.
    fn quantise_activations(activations: Activations, x: &[f32], limbs: &mut [i8]) -> f32
        = quantise_activations_body;
}

/// Quantises one row, to two rows of limbs if it takes two, and returns its scale.
#[inline(always)]
pub(super) fn quantise_activations_body(
    activations: Activations,
    x: &[f32],
    limbs: &mut [i8],
) -> f32 {
    if activations == Activations::Int8 {
        return quantise_row_body(x, limbs);
    }
    let scale = scale_of(f32::from_bits(max_magnitude(x)), I15_MAX);
    if scale == 0.0 || !scale.is_finite() {
        limbs.fill(0);
    } else {
        let (high, low) = limbs.split_at_mut(x.len());
        quantise_limbs(x, scale, high, low);
    }
    scale
}

multiversion! {
    /// The largest magnitude of every row.
    pub(super) fn max_magnitudes(x: &[f32], width: usize, max: &mut [f32]) = max_magnitudes_body;
}

#[inline(always)]
fn max_magnitudes_body(x: &[f32], width: usize, max: &mut [f32]) {
    for (max, x) in max.iter_mut().zip(x.chunks_exact(width)) {
        *max = f32::from_bits(max_magnitude(x));
    }
}

multiversion! {
    /// Quantises rows whose largest magnitudes are in `scale`, and puts their scales there. Rows of
    /// one head are short: together, one does not wait for the scale of the one before.
    pub(super) fn quantise_rows(x: &[f32], width: usize, q: &mut [i8], scale: &mut [f32])
        = quantise_rows_body;
}

#[inline(always)]
fn quantise_rows_body(x: &[f32], width: usize, q: &mut [i8], scale: &mut [f32]) {
    for scale in scale.iter_mut() {
        *scale = scale_of(*scale, I8_MAX);
    }
    for ((x, q), scale) in x.chunks_exact(width).zip(q.chunks_exact_mut(width)).zip(scale) {
        quantise_by(x, *scale, q);
    }
}

multiversion! {
    /// Quantises one group and returns its scale.
    pub(super) fn quantise_row(x: &[f32], q: &mut [i8]) -> f32 = quantise_row_body;
}

#[inline(always)]
pub(super) fn quantise_row_body(x: &[f32], q: &mut [i8]) -> f32 {
    let scale = scale_of(f32::from_bits(max_magnitude(x)), I8_MAX);
    quantise_by(x, scale, q);
    scale
}

#[inline(always)]
fn quantise_by(x: &[f32], scale: f32, q: &mut [i8]) {
    if scale == 0.0 || !scale.is_finite() {
        return q.fill(0);
    }
    quantise_each(x, scale, I8_MAX, q, |integer| integer as i8);
}

/// Largest [`magnitude`].
#[inline(always)]
pub(super) fn max_magnitude(x: &[f32]) -> u32 {
    x.iter().fold(0, |max, x| magnitude(*x).max(max))
}

/// The mean of every sequence's rows: `out` is `[sequences, width]`.
pub fn mean_pool(
    kernel: Kernel,
    x: &[f32],
    width: usize,
    lengths: &[usize],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_pool(kernel, x, width, lengths, out)?;
    let mut rest = x;
    for (length, out) in lengths.iter().zip(out.chunks_exact_mut(width)) {
        let (sequence, after) = rest.split_at(length * width);
        rest = after;
        mean_rows(kernel, sequence, out);
    }
    Ok(())
}

multiversion! {
    fn mean_rows(x: &[f32], out: &mut [f32]) = mean_rows_body;
}

#[inline(always)]
fn mean_rows_body(x: &[f32], out: &mut [f32]) {
    let width = out.len();
    let tokens = (x.len() / width) as f32;
    out.fill(0.0);
    let mut lanes = vec![0f32; LANES * width];
    for block in x.chunks(TOKEN_BLOCK as usize * width) {
        lanes.fill(0.0);
        for (i, row) in block.chunks_exact(width).enumerate() {
            let lane = &mut lanes[i % LANES * width..][..width];
            for (lane, x) in lane.iter_mut().zip(row) {
                *lane += *x;
            }
        }
        let mut half = LANES / 2;
        while half > 0 {
            let (low, high) = lanes.split_at_mut(half * width);
            for (low, high) in low.iter_mut().zip(high) {
                *low += *high;
            }
            half /= 2;
        }
        for (out, partial) in out.iter_mut().zip(&lanes) {
            *out += canonical(*partial);
        }
    }
    for out in out {
        *out = canonical(*out / tokens);
    }
}

/// The first row of every sequence: `out` is `[sequences, width]`.
pub fn first_pool(
    kernel: Kernel,
    x: &[f32],
    width: usize,
    lengths: &[usize],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_pool(kernel, x, width, lengths, out)?;
    let mut rest = x;
    for (length, out) in lengths.iter().zip(out.chunks_exact_mut(width)) {
        let (sequence, after) = rest.split_at(length * width);
        rest = after;
        out.copy_from_slice(&sequence[..width]);
    }
    Ok(())
}

fn check_pool(
    kernel: Kernel,
    x: &[f32],
    width: usize,
    lengths: &[usize],
    out: &[f32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    if width == 0 {
        return Err(KernelError::WrongDimension("width"));
    }
    check_length("x", x.len(), area(total(lengths)?, width)?)?;
    check_length("out", out.len(), area(lengths.len(), width)?)
}

/// Scales every row of `x` (`width` wide) to unit length, in place.
pub fn l2_normalise(kernel: Kernel, x: &mut [f32], width: usize) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    if width == 0 {
        return Err(KernelError::WrongDimension("width"));
    }
    if !x.len().is_multiple_of(width) {
        return Err(KernelError::WrongLength("x"));
    }
    for row in x.chunks_exact_mut(width) {
        unit_row(kernel, row);
    }
    Ok(())
}

multiversion! {
    fn unit_row(x: &mut [f32]) = unit_row_body;
}

#[inline(always)]
fn unit_row_body(x: &mut [f32]) {
    let norm = sqrt(blocked_sum(x, |x| x * x));
    let norm = if norm < MIN_NORM { MIN_NORM } else { norm };
    for x in x {
        *x = canonical(*x / norm);
    }
}
