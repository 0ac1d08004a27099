//! Attention over whole sequences.
//!
//! One task is one head of one sequence. It quantises and packs the head's keys and values once and
//! then takes the queries six at a time: scores, softmax, requantised weights, weighted values.

use super::{
    area, check_kernel, check_length, multiversion,
    rounding::quantise_each,
    rows,
    threads::{self, Shared},
    tile::{Matrix, PairMatrix, Tile, PANEL, TILE_ROWS},
    total, KernelError,
};
use crate::{
    math::{
        canonical, exp, exp_of_negative, fold, from_order_key, magnitude, order_key, scale_of,
        sqrt, sum_lanes, I8_MAX, LANES, WEIGHT_MAX,
    },
    program::TOKEN_BLOCK,
    Kernel,
};
use vigil_architecture::MAX_CONTEXT;

/// Tokens whose weighted values fit i32: 4,095 x 127 x 4,096 < 2^31.
const SPAN: usize = 4_096;

/// Self-attention of every sequence of a batch: `q`, `k`, `v` and `out` are `[rows, hidden]`, a
/// head is `hidden / heads` consecutive columns.
pub fn attention(
    kernel: Kernel,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    heads: usize,
    lengths: &[usize],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    let rows = total(lengths)?;
    if rows == 0 {
        return check_length("out", out.len(), 0);
    }
    let hidden = q.len() / rows;
    if heads == 0 || hidden == 0 || !hidden.is_multiple_of(heads) || hidden / heads > 65_536 {
        return Err(KernelError::WrongDimension("the number of heads"));
    }
    if lengths.iter().any(|length| *length > MAX_CONTEXT as usize) {
        return Err(KernelError::WrongDimension("a sequence"));
    }
    let size = area(rows, hidden)?;
    check_length("q", q.len(), size)?;
    check_length("k", k.len(), size)?;
    check_length("v", v.len(), size)?;
    check_length("out", out.len(), size)?;
    let starts: Vec<usize> = lengths
        .iter()
        .scan(0, |next, length| {
            let start = *next;
            *next += length;
            Some(start)
        })
        .collect();
    let width = hidden / heads;
    let shape = Shape { hidden, heads, width, root: 1.0 / sqrt(width as f32) };
    let q = Quantised::new(kernel, q, width);
    let k = Quantised::new(kernel, k, width);
    let v = Quantised::new(kernel, v, width);
    let out = Shared::new(out);
    let task = |scratch: &mut Scratch, i: usize| {
        let (sequence, head) = (i / heads, i % heads);
        let at = Place { start: starts[sequence], tokens: lengths[sequence], head };
        attend(scratch, shape, at, &q, &k, &v, out);
    };
    let tasks = area(lengths.len(), heads)?;
    if threads::count() == 1 {
        let mut scratch = Scratch::new(kernel);
        (0..tasks).for_each(|i| task(&mut scratch, i));
    } else {
        // A few heads per task, so that a task's memory is used more than once.
        let step = tasks.div_ceil(threads::count() * 4);
        threads::each(tasks.div_ceil(step), |t| {
            let mut scratch = Scratch::new(kernel);
            (t * step..tasks.min((t + 1) * step)).for_each(|i| task(&mut scratch, i));
        });
    }
    Ok(())
}

/// Rows of all heads, quantised head by head.
struct Quantised {
    /// `[rows, hidden]`.
    values: Vec<i8>,
    /// `[rows, heads]`.
    scale: Vec<f32>,
    /// Largest magnitudes, as the scales.
    max: Vec<f32>,
}

impl Quantised {
    fn new(kernel: Kernel, x: &[f32], width: usize) -> Self {
        let mut values = vec![0; x.len()];
        let mut max = vec![0.0; x.len() / width];
        rows::max_magnitudes(kernel, x, width, &mut max);
        let mut scale = max.clone();
        rows::quantise_rows(kernel, x, width, &mut values, &mut scale);
        Self { values, scale, max }
    }
}

/// How rows are divided into heads.
#[derive(Clone, Copy)]
struct Shape {
    hidden: usize,
    heads: usize,
    width: usize,
    /// What scores are scaled by: one over the square root of the width.
    root: f32,
}

/// One head of one sequence.
#[derive(Clone, Copy)]
struct Place {
    start: usize,
    tokens: usize,
    head: usize,
}

/// Memory of a task.
struct Scratch {
    kernel: Kernel,
    keys: Matrix,
    key_scale: Vec<f32>,
    /// Values of [`SPAN`] tokens each.
    values: Vec<PairMatrix>,
    value_max: Vec<f32>,
    queries: Vec<i8>,
    scores: Vec<f32>,
    weights: Vec<i16>,
    tile: Tile,
}

impl Scratch {
    fn new(kernel: Kernel) -> Self {
        Self {
            kernel,
            keys: Matrix::new(kernel, 0, 0),
            key_scale: Vec::new(),
            values: Vec::new(),
            value_max: Vec::new(),
            queries: Vec::new(),
            scores: Vec::new(),
            weights: Vec::new(),
            tile: Tile::zeroed(),
        }
    }
}

fn attend(
    s: &mut Scratch,
    shape: Shape,
    at: Place,
    q: &Quantised,
    k: &Quantised,
    v: &Quantised,
    out: Shared<f32>,
) {
    let (width, tokens) = (shape.width, at.tokens);
    let padded = tokens.next_multiple_of(LANES);
    let query_stride = width.next_multiple_of(4);
    let channels = |token: usize| (at.start + token) * shape.hidden + at.head * width;
    let group = |token: usize| (at.start + token) * shape.heads + at.head;
    s.keys.reset(tokens, width);
    s.values.resize_with(tokens.div_ceil(SPAN), || PairMatrix::new(s.kernel));
    for (span, values) in s.values.iter_mut().enumerate() {
        values.reset(width, SPAN.min(tokens - span * SPAN));
    }
    refill(&mut s.key_scale, padded);
    refill(&mut s.value_max, padded);
    refill(&mut s.queries, TILE_ROWS * query_stride);
    refill(&mut s.scores, TILE_ROWS * padded);
    refill(&mut s.weights, TILE_ROWS * padded);
    for token in 0..tokens {
        s.keys.set_row(token, &k.values[channels(token)..][..width]);
        s.key_scale[token] = k.scale[group(token)];
        s.value_max[token] = v.max[group(token)];
    }
    for token in (0..tokens).step_by(2) {
        let first = &v.values[channels(token)..][..width];
        // What would be multiplied with a second value behind the last has no weight.
        let second = if token + 1 < tokens { channels(token + 1) } else { channels(token) };
        let pair = [first, &v.values[second..][..width]];
        s.values[token / SPAN].set_pair(token % SPAN / 2, pair);
    }
    for first in (0..tokens).step_by(TILE_ROWS) {
        let count = TILE_ROWS.min(tokens - first);
        let mut query_scale = [0f32; TILE_ROWS];
        for (row, scale) in query_scale.iter_mut().enumerate().take(count) {
            *scale = q.scale[group(first + row)] * shape.root;
            s.queries[row * query_stride..][..width]
                .copy_from_slice(&q.values[channels(first + row)..][..width]);
        }
        for panel in 0..s.keys.panels() {
            let columns = PANEL.min(tokens - panel * PANEL);
            s.keys.multiply(&s.queries, count, panel, &mut s.tile);
            for (row, scale) in query_scale.iter().enumerate().take(count) {
                scale_scores(
                    s.kernel,
                    &s.tile.0[row][..columns],
                    *scale,
                    &s.key_scale[panel * PANEL..][..columns],
                    &mut s.scores[row * padded + panel * PANEL..][..columns],
                );
            }
        }
        let mut factors = [0f32; TILE_ROWS];
        for (row, factor) in factors.iter_mut().enumerate().take(count) {
            let scores = &mut s.scores[row * padded..][..padded];
            scores[tokens..].fill(f32::NEG_INFINITY);
            let weights = &mut s.weights[row * padded..][..padded];
            *factor = softmax(s.kernel, scores, &s.value_max, weights);
        }
        for panel in 0..width.div_ceil(PANEL) {
            let columns = PANEL.min(width - panel * PANEL);
            let mut totals = [[0i64; PANEL]; TILE_ROWS];
            for (span, values) in s.values.iter().enumerate() {
                values.multiply(&s.weights[span * SPAN..], padded, count, panel, &mut s.tile);
                if s.values.len() > 1 {
                    add_totals(&s.tile, &mut totals);
                }
            }
            for (row, factor) in factors.iter().enumerate().take(count) {
                // SAFETY: a task owns its head's columns of its sequence's rows.
                let out = unsafe { out.slice(channels(first + row) + panel * PANEL, columns) };
                match s.values.len() {
                    1 => scale_sums(s.kernel, &s.tile.0[row][..columns], *factor, out),
                    _ => scale_totals(s.kernel, &totals[row][..columns], *factor, out),
                }
            }
        }
    }
}

/// Makes `x` `len` default values.
fn refill<T: Clone + Default>(x: &mut Vec<T>, len: usize) {
    x.clear();
    x.resize(len, T::default());
}

multiversion! {
    pub(super) fn scale_scores(sums: &[i32], query_scale: f32, key_scale: &[f32], out: &mut [f32])
        = scale_scores_body;
}

#[inline(always)]
fn scale_scores_body(sums: &[i32], query_scale: f32, key_scale: &[f32], out: &mut [f32]) {
    for ((out, sum), scale) in out.iter_mut().zip(sums).zip(key_scale) {
        *out = canonical(*sum as f32 * (query_scale * *scale));
    }
}

fn add_totals(tile: &Tile, totals: &mut [[i64; PANEL]; TILE_ROWS]) {
    for (total, sum) in totals.iter_mut().flatten().zip(tile.0.iter().flatten()) {
        *total += i64::from(*sum);
    }
}

multiversion! {
    fn scale_totals(totals: &[i64], factor: f32, out: &mut [f32]) = scale_totals_body;
}

#[inline(always)]
fn scale_totals_body(totals: &[i64], factor: f32, out: &mut [f32]) {
    for (out, total) in out.iter_mut().zip(totals) {
        *out = canonical(*total as f32 * factor);
    }
}

multiversion! {
    fn scale_sums(sums: &[i32], factor: f32, out: &mut [f32]) = scale_sums_body;
}

#[inline(always)]
fn scale_sums_body(sums: &[i32], factor: f32, out: &mut [f32]) {
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = canonical(*sum as f32 * factor);
    }
}

multiversion! {
    /// Turns the scores of a row into integer weights and returns the factor that turns a sum of
    /// weight times value into the result. Lengths are a multiple of 16, the end padded with
    /// negative infinity.
    fn softmax(scores: &mut [f32], value_max: &[f32], weights: &mut [i16]) -> f32 = softmax_body;
}

/// Turns scores into the exponentials of their distances to the highest, and returns the sum of
/// these. The length is a multiple of 16, the end padded with negative infinity.
#[inline(always)]
pub(super) fn exponentials(scores: &mut [f32]) -> f32 {
    let highest =
        from_order_key(scores.iter().fold(i32::MIN, |max, score| order_key(*score).max(max)));
    // With a finite one at the top no score is NaN or above it.
    if highest.is_finite() {
        for score in scores.iter_mut() {
            *score = exp_of_negative(*score - highest);
        }
    } else {
        for score in scores.iter_mut() {
            *score = exp(*score - highest);
        }
    }
    fold(scores.chunks(TOKEN_BLOCK as usize).map(|block| {
        let mut lanes = [0f32; LANES];
        for stripe in block.chunks_exact(LANES) {
            for (lane, e) in lanes.iter_mut().zip(stripe) {
                *lane += *e;
            }
        }
        canonical(sum_lanes(lanes))
    }))
}

#[inline(always)]
fn softmax_body(scores: &mut [f32], value_max: &[f32], weights: &mut [i16]) -> f32 {
    let total = exponentials(scores);
    let mut largest = 0u32;
    for (e, max) in scores.iter_mut().zip(value_max) {
        let weighted = *e * *max;
        *e = weighted;
        largest = magnitude(weighted).max(largest);
    }
    let scale = scale_of(f32::from_bits(largest), WEIGHT_MAX);
    if scale == 0.0 || !scale.is_finite() {
        weights.fill(0);
    } else {
        quantise_each(scores, scale, WEIGHT_MAX, weights, |integer| integer as i16);
    }
    (scale / I8_MAX) / total
}
