//! Causal attention with grouped queries, over keys and values that are kept between calls.
//!
//! Keys and values are kept as int8 with one number per token and head, packed for the kernel as
//! they arrive, in pages of [`PAGE`] tokens. A call takes some new rows of several sequences, a
//! prompt or a part of it or one token, and gives each the bytes that it has in any other division
//! of its sequence: a row sees the tokens up to its own and no result depends on later ones.
//!
//! The weighted sum of values is an exact sum of 13-bit weights times int8. A weight is split in
//! two, 7 low bits and the rest, which makes it two exact sums of int8 products.

use super::{
    area,
    attention::{exponentials, scale_scores},
    check_kernel, check_length,
    decoder::{rms_normalise, RmsNorm},
    linear::joined,
    multiversion,
    rounding::quantise_each,
    rows::{max_magnitude, quantise_row, quantise_row_body},
    threads::{self, Shared},
    tile::{Matrix, Tile, PANEL, TILE_ROWS},
    KernelError,
};
use crate::{
    math::{canonical, magnitude, scale_of, sqrt, I8_MAX, LANES, WEIGHT_MAX},
    Kernel,
};
use rayon::prelude::*;
use vigil_architecture::{MAX_CONTEXT, MAX_HEAD_WIDTH};

/// Tokens of a page.
const PAGE: usize = 128;
/// Low bits of a weight.
const LOW_BITS: u32 = 7;
/// Fewest rows whose keys are worth handing to other threads.
const PARALLEL_ROWS: usize = 16;
/// Queries whose values are weighted together: each takes two rows of a tile.
const VALUE_ROWS: usize = TILE_ROWS / 2;

/// Keys and values of one layer of one sequence.
#[derive(Clone, Debug)]
pub struct KeyValues {
    kernel: Kernel,
    width: usize,
    len: usize,
    heads: Vec<Head>,
}

/// Keys and values of one head. Tokens that are not there yet are zeros.
#[derive(Clone, Debug, Default)]
struct Head {
    pages: Vec<Page>,
    key_scale: Vec<f32>,
    value_max: Vec<f32>,
}

/// [`PAGE`] tokens of a head.
#[derive(Clone, Debug)]
struct Page {
    keys: Matrix,   // outputs are tokens, inputs are channels
    values: Matrix, // outputs are channels, inputs are tokens
}

impl KeyValues {
    /// None yet, of `heads` key and value heads of `width` channels.
    pub fn new(kernel: Kernel, heads: usize, width: usize) -> Result<Self, KernelError> {
        check_kernel(kernel)?;
        if heads == 0 || width == 0 || width > MAX_HEAD_WIDTH as usize || !width.is_multiple_of(2) {
            return Err(KernelError::WrongDimension("a head"));
        }
        Ok(Self { kernel, width, len: 0, heads: vec![Head::default(); heads] })
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that `tokens` tokens take, in whole pages.
    pub fn bytes_for(heads: usize, width: usize, tokens: usize) -> usize {
        let (keys, values) = (PAGE * width.next_multiple_of(4), PAGE * width.next_multiple_of(16));
        let scales = 2 * PAGE * size_of::<f32>();
        heads * tokens.div_ceil(PAGE) * (keys + values + scales + size_of::<Page>())
    }
}

impl Head {
    /// Makes room for `tokens` tokens in all.
    fn grow(&mut self, kernel: Kernel, width: usize, tokens: usize) {
        let pages = tokens.div_ceil(PAGE);
        self.pages.resize_with(pages, || Page {
            keys: Matrix::new(kernel, PAGE, width),
            values: Matrix::new(kernel, width, PAGE),
        });
        self.key_scale.resize(pages * PAGE, 0.0);
        self.value_max.resize(pages * PAGE, 0.0);
    }
}

/// What is done to queries and keys before they meet.
#[derive(Clone, Copy, Debug)]
pub struct Rotary<'a> {
    /// Cosines, `[positions, width / 2]`.
    pub cos: &'a [f32],
    /// Sines, as the cosines.
    pub sin: &'a [f32],
    /// Factors of the normalisation of queries and of keys, `[width]` each, if they have one.
    pub norms: Option<(&'a [f32], &'a [f32])>,
    /// Constant of the normalisation.
    pub eps: f32,
}

/// New rows of one sequence, to follow those that it has.
#[derive(Debug)]
pub struct Chunk<'a> {
    /// What the sequence has so far. The new keys and values are added.
    pub cache: &'a mut KeyValues,
    /// Number of new rows.
    pub rows: usize,
}

/// Attention of the new rows of several sequences, one after the other: each over its own tokens
/// up to itself.
///
/// `q` and `out` are `[rows, heads * width]`, `k` and `v` `[rows, kv_heads * width]`; every key and
/// value head has as many query heads, in order.
pub fn causal_attention(
    kernel: Kernel,
    rotary: &Rotary<'_>,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    chunks: &mut [Chunk<'_>],
    out: &mut [f32],
) -> Result<(), KernelError> {
    let shape = check(kernel, rotary, [q, k, v], chunks, out.len())?;
    let (heads, kv_heads, width) = (shape.heads, shape.kv_heads, shape.width);
    let starts = append(kernel, rotary, shape, k, v, chunks);

    // A task is some rows of a sequence and the queries of one key and value head.
    let group = heads / kv_heads;
    let threads = threads::count();
    let rows: usize = chunks.iter().map(|chunk| chunk.rows).sum();
    let per_task = rows.div_ceil(threads * 4).max(TILE_ROWS).next_multiple_of(TILE_ROWS);
    let mut tasks = Vec::new();
    for (chunk, start) in chunks.iter().zip(&starts) {
        for first in (0..chunk.rows).step_by(per_task) {
            let rows = per_task.min(chunk.rows - first);
            let from = Span { row: start + first, position: chunk.cache.len - chunk.rows + first };
            tasks.extend(chunk.cache.heads.iter().enumerate().map(|head| (head, from, rows)));
        }
    }
    let shared = Shared::new(out);
    let run = |scratch: &mut Scratch,
               ((number, head), from, rows): ((usize, &Head), Span, usize)| {
        let queries = rows * group;
        for first in (0..queries).step_by(TILE_ROWS) {
            let mut tile = [Query::default(); TILE_ROWS];
            let count = TILE_ROWS.min(queries - first);
            for (i, query) in tile.iter_mut().enumerate().take(count) {
                let (row, member) = ((first + i) / group, (first + i) % group);
                query.at = (from.row + row) * heads * width + (number * group + member) * width;
                query.position = from.position + row;
            }
            attend(scratch, rotary, q, head, &tile[..count], shared);
        }
    };
    if threads == 1 || tasks.len() == 1 {
        let mut scratch = Scratch::new(kernel, width);
        tasks.into_iter().for_each(|task| run(&mut scratch, task));
    } else {
        // A few heads per task, so that a task's memory is used more than once.
        let step = tasks.len().div_ceil(threads * 4);
        threads::each(tasks.len().div_ceil(step), |t| {
            let mut scratch = Scratch::new(kernel, width);
            let end = tasks.len().min((t + 1) * step);
            tasks[t * step..end].iter().for_each(|task| run(&mut scratch, *task));
        });
    }
    Ok(())
}

/// Heads of a call.
#[derive(Clone, Copy)]
struct HeadShape {
    heads: usize,
    kv_heads: usize,
    width: usize,
}

/// Where rows begin, in the batch and in their sequence.
#[derive(Clone, Copy)]
struct Span {
    row: usize,
    position: usize,
}

/// One query: where it begins in the batch and its row's position in the sequence.
#[derive(Clone, Copy, Default)]
struct Query {
    at: usize,
    position: usize,
}

fn check(
    kernel: Kernel,
    rotary: &Rotary<'_>,
    [q, k, v]: [&[f32]; 3],
    chunks: &[Chunk<'_>],
    out: usize,
) -> Result<HeadShape, KernelError> {
    check_kernel(kernel)?;
    let Some(first) = chunks.first() else { return Err(KernelError::WrongDimension("the batch")) };
    let (kv_heads, width) = (first.cache.heads.len(), first.cache.width);
    let positions = rotary.cos.len() / (width / 2);
    let mut rows = 0usize;
    for chunk in chunks {
        let cache = &chunk.cache;
        if (cache.kernel, cache.heads.len(), cache.width) != (kernel, kv_heads, width) {
            return Err(KernelError::WrongDimension("a cache"));
        }
        let len = cache.len.saturating_add(chunk.rows);
        if chunk.rows == 0 || len > positions || len > MAX_CONTEXT as usize {
            return Err(KernelError::WrongDimension("a sequence"));
        }
        rows += chunk.rows;
    }
    check_length("the sines", rotary.sin.len(), rotary.cos.len())?;
    if let Some((query, key)) = rotary.norms {
        check_length("the norm of the queries", query.len(), width)?;
        check_length("the norm of the keys", key.len(), width)?;
    }
    let heads = q.len() / area(rows, width)?;
    if heads == 0 || !heads.is_multiple_of(kv_heads) {
        return Err(KernelError::WrongDimension("the number of heads"));
    }
    check_length("q", q.len(), area(rows, heads * width)?)?;
    check_length("k", k.len(), area(rows, kv_heads * width)?)?;
    check_length("v", v.len(), k.len())?;
    check_length("out", out, q.len())?;
    Ok(HeadShape { heads, kv_heads, width })
}

/// Adds the new keys and values to the caches; returns where each chunk's rows begin.
fn append(
    kernel: Kernel,
    rotary: &Rotary<'_>,
    shape: HeadShape,
    k: &[f32],
    v: &[f32],
    chunks: &mut [Chunk<'_>],
) -> Vec<usize> {
    let (kv_heads, width) = (shape.kv_heads, shape.width);
    let mut starts = Vec::with_capacity(chunks.len());
    let mut next = 0;
    let norm = rotary.norms.map(|(_, key)| RmsNorm { weight: key, eps: rotary.eps });
    for chunk in chunks {
        let (start, rows, len) = (next, chunk.rows, chunk.cache.len);
        starts.push(start);
        next += rows;
        let task = |(number, head): (usize, &mut Head)| {
            head.grow(kernel, width, len + rows);
            let mut rotated = vec![0f32; width];
            let mut row = vec![0i8; width];
            for (position, at) in (len..len + rows).zip(start..) {
                let at = (at * kv_heads + number) * width;
                let (key, value) = (&k[at..][..width], &v[at..][..width]);
                let page = &mut head.pages[position / PAGE];
                head.key_scale[position] =
                    rotate_quantise(kernel, norm, rotary, position, key, &mut rotated, &mut row);
                page.keys.set_row(position % PAGE, &row);
                quantise_row(kernel, value, &mut row);
                page.values.set_input(position % PAGE, &row);
                head.value_max[position] = f32::from_bits(max_magnitude(value));
            }
        };
        if rows < PARALLEL_ROWS {
            chunk.cache.heads.iter_mut().enumerate().for_each(task);
        } else {
            chunk.cache.heads.par_iter_mut().enumerate().for_each(task);
        }
        chunk.cache.len += rows;
    }
    starts
}

multiversion! {
    /// Normalises a head if it has a norm, rotates it by its position and quantises it.
    pub(super) fn rotate_quantise(
        norm: Option<RmsNorm<'_>>, rotary: &Rotary<'_>, position: usize,
        x: &[f32], rotated: &mut [f32], q: &mut [i8],
    ) -> f32 = rotate_quantise_body;
}

#[inline(always)]
fn rotate_quantise_body(
    norm: Option<RmsNorm<'_>>,
    rotary: &Rotary<'_>,
    position: usize,
    x: &[f32],
    rotated: &mut [f32],
    q: &mut [i8],
) -> f32 {
    rotated.copy_from_slice(x);
    if let Some(norm) = norm {
        rms_normalise(&norm, rotated);
    }
    let half = x.len() / 2;
    let (cos, sin) =
        (&rotary.cos[position * half..][..half], &rotary.sin[position * half..][..half]);
    let (low, high) = rotated.split_at_mut(half);
    for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        let (a, b) = (*low, *high);
        *low = canonical((a * *cos) - (b * *sin));
        *high = canonical((b * *cos) + (a * *sin));
    }
    quantise_row_body(rotated, q)
}

/// Memory of a task.
struct Scratch {
    kernel: Kernel,
    width: usize,
    row: Vec<f32>,
    queries: Vec<i8>,
    scores: Vec<f32>,
    /// Low and high parts of the weights: `[page][query][2][PAGE]`.
    weights: Vec<i8>,
    /// Sums of low and of high parts: `[query][2][width]`.
    sums: Vec<i32>,
    tile: Tile,
}

impl Scratch {
    fn new(kernel: Kernel, width: usize) -> Self {
        Self {
            kernel,
            width,
            row: vec![0.0; width],
            queries: vec![0; TILE_ROWS * width.next_multiple_of(4)],
            scores: Vec::new(),
            weights: Vec::new(),
            sums: vec![0; TILE_ROWS * 2 * width],
            tile: Tile::zeroed(),
        }
    }
}

/// Attention of at most [`TILE_ROWS`] queries of one key and value head.
fn attend(
    s: &mut Scratch,
    rotary: &Rotary<'_>,
    q: &[f32],
    head: &Head,
    queries: &[Query],
    out: Shared<f32>,
) {
    let width = s.width;
    let stride = width.next_multiple_of(4);
    let root = 1.0 / sqrt(width as f32);
    let norm = rotary.norms.map(|(query, _)| RmsNorm { weight: query, eps: rotary.eps });
    let mut query_scale = [0f32; TILE_ROWS];
    for ((query, scale), packed) in
        queries.iter().zip(&mut query_scale).zip(s.queries.chunks_exact_mut(stride))
    {
        let (x, packed) = (&q[query.at..][..width], &mut packed[..width]);
        *scale =
            rotate_quantise(s.kernel, norm, rotary, query.position, x, &mut s.row, packed) * root;
    }

    // Tokens that any of the queries sees.
    let seen = queries.iter().map(|query| query.position + 1).max().unwrap_or(0);
    let pages = &head.pages[..seen.div_ceil(PAGE)];
    let padded = pages.len() * PAGE;
    s.scores.resize(TILE_ROWS * padded, 0.0);
    s.weights.resize(TILE_ROWS * 2 * padded, 0);
    for (number, page) in pages.iter().enumerate() {
        for panel in 0..(seen - number * PAGE).min(PAGE).div_ceil(PANEL) {
            page.keys.multiply(&s.queries, queries.len(), panel, &mut s.tile);
            let at = number * PAGE + panel * PANEL;
            let key_scale = &head.key_scale[at..][..PANEL];
            for (row, scale) in query_scale.iter().enumerate().take(queries.len()) {
                let scores = &mut s.scores[row * padded + at..][..PANEL];
                scale_scores(s.kernel, &s.tile.0[row], *scale, key_scale, scores);
            }
        }
    }

    let mut factors = [0f32; TILE_ROWS];
    for (row, (query, factor)) in queries.iter().zip(&mut factors).enumerate() {
        let scores = &mut s.scores[row * padded..][..padded];
        let weights = &mut s.weights[row * 2 * PAGE..];
        *factor = softmax(s.kernel, scores, query.position + 1, &head.value_max, weights);
    }

    s.sums.fill(0);
    for (page, weights) in pages.iter().zip(s.weights.chunks_exact(TILE_ROWS * 2 * PAGE)) {
        for first in (0..queries.len()).step_by(VALUE_ROWS) {
            let count = VALUE_ROWS.min(queries.len() - first);
            let weights = &weights[first * 2 * PAGE..][..count * 2 * PAGE];
            for panel in 0..page.values.panels() {
                page.values.multiply(weights, count * 2, panel, &mut s.tile);
                let columns = PANEL.min(width - panel * PANEL);
                for (row, sums) in s.tile.0.iter().enumerate().take(count * 2) {
                    let at = (first * 2 + row) * width + panel * PANEL;
                    add_sums(s.kernel, &sums[..columns], &mut s.sums[at..][..columns]);
                }
            }
        }
    }
    for ((query, factor), sums) in queries.iter().zip(factors).zip(s.sums.chunks_exact(width * 2)) {
        // SAFETY: a task owns its heads of its rows.
        let out = unsafe { out.slice(query.at, width) };
        let (low, high) = sums.split_at(width);
        scale_parts(s.kernel, low, high, factor, out);
    }
}

multiversion! {
    /// Adds the sums of a page. Of either part of the weights they fit i32 over the longest context:
    /// 127 x 127 x 32,768 < 2^31.
    fn add_sums(page: &[i32], sums: &mut [i32]) = add_sums_body;
}

#[inline(always)]
fn add_sums_body(page: &[i32], sums: &mut [i32]) {
    for (sum, page) in sums.iter_mut().zip(page) {
        *sum += *page;
    }
}

multiversion! {
    /// Joins the sums of the two parts of the weights.
    fn scale_parts(low: &[i32], high: &[i32], factor: f32, out: &mut [f32]) = scale_parts_body;
}

#[inline(always)]
fn scale_parts_body(low: &[i32], high: &[i32], factor: f32, out: &mut [f32]) {
    for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
        *out = canonical(joined(*high, *low) * factor);
    }
}

multiversion! {
    /// Turns the scores of a row, of which the first `seen` count, into integer weights and
    /// returns the factor that turns a sum of weight times value into the result. The weights of
    /// each page go to the start of every `TILE_ROWS` rows of weights, low parts first.
    fn softmax(scores: &mut [f32], seen: usize, value_max: &[f32], weights: &mut [i8]) -> f32
        = softmax_body;
}

#[inline(always)]
fn softmax_body(scores: &mut [f32], seen: usize, value_max: &[f32], weights: &mut [i8]) -> f32 {
    let (stripes, rest) = scores.split_at_mut(seen.next_multiple_of(LANES));
    stripes[seen..].fill(f32::NEG_INFINITY);
    let total = exponentials(stripes);
    // Whatever the values of later tokens are, they have no weight.
    stripes[seen..].fill(0.0);
    rest.fill(0.0);
    let mut largest = 0u32;
    for (e, max) in stripes[..seen].iter_mut().zip(value_max) {
        let weighted = *e * *max;
        *e = weighted;
        largest = magnitude(weighted).max(largest);
    }
    let scale = scale_of(f32::from_bits(largest), WEIGHT_MAX);
    let zero = scale == 0.0 || !scale.is_finite();
    let pages = scores.chunks_exact(PAGE).zip(weights.chunks_mut(TILE_ROWS * 2 * PAGE));
    for (weighted, weights) in pages {
        let (low, high) = weights[..2 * PAGE].split_at_mut(PAGE);
        if zero {
            low.fill(0);
            high.fill(0);
            continue;
        }
        let mut integers = [0i16; PAGE];
        quantise_each(weighted, scale, WEIGHT_MAX, &mut integers, |integer| integer as i16);
        for ((low, high), weight) in low.iter_mut().zip(high).zip(integers) {
            *low = (weight & ((1 << LOW_BITS) - 1)) as i8;
            *high = (weight >> LOW_BITS) as i8;
        }
    }
    (scale / I8_MAX) / total
}
