//! The linear projection: exact int8 matrix product, one dequantisation, bias, activation.

use super::{
    area, check_kernel, check_length, multiversion,
    rows::QuantisedRows,
    threads::{self, Shared},
    tile::{Ahead, Matrix, Rows, Tile, PANEL, TILE_ROWS},
    KernelError,
};
use crate::{
    math::{canonical, gelu},
    Kernel,
};
use core::ops::Range;
use std::cell::RefCell;
use vigil_architecture::MAX_INNER;

/// What follows the bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// The error-function GELU.
    Gelu,
}

/// A projection with its weights packed for one kernel.
#[derive(Clone, Debug)]
pub struct Linear {
    kernel: Kernel,
    matrix: Matrix,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl Linear {
    /// Packs `weight` (`[outputs, inputs]`, int8 without -128), its `scale` and `bias`
    /// (`[outputs]`, finite). Packing changes where bytes lie, never a result. Without a bias
    /// nothing is added.
    pub fn new(
        kernel: Kernel,
        weight: &[i8],
        scale: &[f32],
        bias: Option<&[f32]>,
    ) -> Result<Self, KernelError> {
        check_kernel(kernel)?;
        let outputs = scale.len();
        let inputs = weight.len().checked_div(outputs).unwrap_or(0);
        if inputs == 0 || inputs > MAX_INNER as usize {
            return Err(KernelError::WrongDimension("the inner dimension"));
        }
        check_length("the weight", weight.len(), area(outputs, inputs)?)?;
        // Adding -0 leaves every value as it is, -0 included.
        let bias = bias.map_or_else(|| vec![-0.0; outputs], <[f32]>::to_vec);
        check_length("the bias", bias.len(), outputs)?;
        if scale.iter().chain(&bias).any(|x| !x.is_finite()) {
            return Err(KernelError::BadWeight("the scale or the bias"));
        }
        let matrix = Matrix::pack(kernel, outputs, inputs, weight)
            .ok_or(KernelError::BadWeight("the weight"))?;
        Ok(Self { kernel, matrix, scale: scale.to_vec(), bias })
    }

    /// Width of a row of the result.
    pub fn outputs(&self) -> usize {
        self.scale.len()
    }

    /// What each output's integer weights are multiplied with.
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// The integer weights of one output, `[inputs]`, as they were before they were packed.
    pub fn weight_row(&self, output: usize, row: &mut [i8]) {
        self.matrix.row(output, row);
    }

    /// Width of a row of the input.
    pub fn inputs(&self) -> usize {
        self.matrix.inputs()
    }

    /// `out[r][n] = activation(f32(sum_k q[r][k] weight[n][k]) * (scale[n] * row_scale[r]) + bias[n])`
    ///
    /// The rows are `inputs` wide and hold no -128, as [`quantise`](super::quantise) gives them;
    /// `out` is `[rows, outputs]`.
    pub fn forward(
        &self,
        rows: QuantisedRows<'_>,
        activation: Activation,
        out: &mut [f32],
    ) -> Result<(), KernelError> {
        Self::forward_many(&[self], rows, activation, &mut [out])
    }

    /// [`Self::forward`] of several projections of the same rows, all of one kernel, in one go: the
    /// threads meet once, and the rows are read while they are near.
    pub fn forward_many(
        linears: &[&Self],
        quantised: QuantisedRows<'_>,
        activation: Activation,
        outs: &mut [&mut [f32]],
    ) -> Result<(), KernelError> {
        let Some(first) = linears.first() else { return Ok(()) };
        let QuantisedRows { activations, limbs: q, scale: row_scale } = quantised;
        let (rows, inputs) = (row_scale.len(), first.inputs());
        let limbs = activations.limbs() as usize;
        check_length("the limbs", q.len(), area(area(rows, limbs)?, inputs)?)?;
        check_length("the results", outs.len(), linears.len())?;
        for (linear, out) in linears.iter().zip(outs.iter()) {
            if linear.kernel != first.kernel {
                return Err(KernelError::KernelUnavailable(linear.kernel));
            }
            if linear.inputs() != inputs {
                return Err(KernelError::WrongDimension("the inner dimension"));
            }
            check_length("out", out.len(), area(rows, linear.outputs())?)?;
        }
        let padded;
        let (a, stride) = if inputs.is_multiple_of(4) {
            (q, inputs)
        } else {
            padded = pad_rows(q, inputs);
            (padded.as_slice(), inputs.next_multiple_of(4))
        };
        let starts: Vec<i32> = q.chunks_exact(inputs).map(|row| first.matrix.start(row)).collect();
        let input = Input { limbs, rows: Rows { a, stride, starts: &starts }, scale: row_scale };
        let outs: Vec<_> = outs.iter_mut().map(|out| Shared::new(out)).collect();
        let plan = Plan::new(linears, rows, limbs * stride);
        threads::each(plan.tasks, |task| {
            let (linear, rows, panels) = plan.task(task);
            // SAFETY: no two tasks have the same rows and panels of a projection.
            unsafe { linears[linear].run(input, activation, rows, panels, outs[linear]) }
        });
        Ok(())
    }

    /// Some rows of some panels of the result.
    ///
    /// # Safety
    /// Nothing else uses this part of `out`, which is borrowed and `[rows, outputs]`.
    unsafe fn run(
        &self,
        input: Input<'_>,
        activation: Activation,
        rows: Range<usize>,
        panels: Range<usize>,
        out: Shared<f32>,
    ) {
        let (outputs, all) = (self.outputs(), self.matrix.steps());
        let Input { limbs, rows: Rows { a, stride, starts }, scale: row_scale } = input;
        // A row of two limbs is two rows of a tile.
        let tiles = rows.len().div_ceil(TILE_ROWS / limbs);
        // Tiles of equal height are faster than full ones and a low one.
        let height = rows.len().div_ceil(tiles);
        let tiles = rows.len().div_ceil(height);
        let span = [all, SPAN / 4, SPAN / 4].get(tiles - 1).copied().unwrap_or(SPAN);
        SUMS.with_borrow_mut(|sums| {
            sums.resize(tiles.max(sums.len()), Tile::zeroed());
            for panel in panels {
                let columns = panel * PANEL..outputs.min((panel + 1) * PANEL);
                for step in (0..all).step_by(span) {
                    let steps = step..all.min(step + span);
                    for (i, tile) in sums.iter_mut().take(tiles).enumerate() {
                        let first = rows.start + i * height;
                        let rows = first..rows.end.min(first + height);
                        let part = Rows {
                            a: &a[first * limbs * stride..rows.end * limbs * stride],
                            stride,
                            starts: &starts[first * limbs..rows.end * limbs],
                        };
                        let ahead = match tiles {
                            1..4 if i == 0 => Ahead::Stream,
                            _ => Ahead::Part(i, if tiles < 4 { 0 } else { 4 }),
                        };
                        self.matrix.add(part, panel, steps.clone(), ahead, tile);
                        if steps.end < all {
                            continue;
                        }
                        let outs = core::array::from_fn(|row| match row < rows.len() {
                            // SAFETY: by the caller's promise.
                            true => unsafe {
                                let at = (first + row) * outputs + columns.start;
                                out.slice(at, columns.len())
                            },
                            false => &mut [],
                        });
                        finish_tile(
                            self.kernel,
                            limbs,
                            tile,
                            &self.scale[columns.clone()],
                            &self.bias[columns.clone()],
                            &row_scale[rows],
                            activation,
                            outs,
                        );
                    }
                }
            }
        });
    }
}

thread_local! {
    /// The sums of a panel, so that a token's many products allocate nothing.
    static SUMS: RefCell<Vec<Tile>> = const { RefCell::new(Vec::new()) };
}

/// Steps of the inner dimension whose weights, 32 KiB a panel, stay in the first cache while all
/// rows are multiplied with them. Few rows are done sooner than the next weights are there, and
/// take less at a time, so that memory never waits.
const SPAN: usize = 128;

/// What is multiplied.
#[derive(Clone, Copy)]
struct Input<'a> {
    /// Limbs of a number.
    limbs: usize,
    /// As many for every row.
    rows: Rows<'a>,
    /// One for every row.
    scale: &'a [f32],
}

/// How projections of the same rows are cut into tasks.
struct Plan {
    rows: usize,
    rows_each: usize,
    panels_each: usize,
    /// The first task of every projection within one part of the rows, and their number.
    firsts: Vec<usize>,
    panels: Vec<usize>,
    tasks: usize,
}

impl Plan {
    /// Of rows that are so many bytes long.
    fn new(linears: &[&Linear], rows: usize, stride: usize) -> Self {
        /// Bytes of rows that stay in a second cache beside the weights that pass through it.
        const ROW_BYTES: usize = 1 << 20;
        /// Products that are worth a task of their own.
        const WORTH: usize = 1 << 19;
        let panels: Vec<usize> = linears.iter().map(|linear| linear.matrix.panels()).collect();
        let total: usize = panels.iter().sum();
        let threads = threads::count();
        let most = (ROW_BYTES / stride).clamp(8 * TILE_ROWS, 128 * TILE_ROWS);
        // Parts of equal size: a small last one would read all weights for a few rows.
        let parts = rows.div_ceil(most).max(1);
        let mut rows_each = rows.div_ceil(parts).next_multiple_of(TILE_ROWS);
        let mut panels_each = usize::MAX;
        if threads > 1 {
            let work = rows.saturating_mul(total).saturating_mul(stride * PANEL);
            let wanted = (threads * 6).min(work / WORTH).max(1);
            while rows.div_ceil(rows_each) * total < wanted && rows_each > 4 * TILE_ROWS {
                rows_each = (rows_each / 2).next_multiple_of(TILE_ROWS);
            }
            panels_each = (rows.div_ceil(rows_each) * total / wanted).max(1);
        }
        let mut firsts = Vec::with_capacity(linears.len() + 1);
        let mut next = 0;
        for panels in &panels {
            firsts.push(next);
            next += panels.div_ceil(panels_each);
        }
        firsts.push(next);
        let tasks = next * rows.div_ceil(rows_each);
        Self { rows, rows_each, panels_each, firsts, panels, tasks }
    }

    /// The projection, rows and panels of a task.
    fn task(&self, task: usize) -> (usize, Range<usize>, Range<usize>) {
        let each = self.firsts.last().copied().unwrap_or(1);
        let (part, task) = (task / each, task % each);
        let linear = self.firsts.partition_point(|first| *first <= task) - 1;
        let row = part * self.rows_each;
        let panel = (task - self.firsts[linear]).saturating_mul(self.panels_each);
        (
            linear,
            row..self.rows.min(row + self.rows_each),
            panel..self.panels[linear].min(panel.saturating_add(self.panels_each)),
        )
    }
}

/// Rows lengthened with zeros to a multiple of 4.
fn pad_rows(q: &[i8], width: usize) -> Vec<i8> {
    let stride = width.next_multiple_of(4);
    let mut padded = vec![0; q.len() / width * stride];
    for (padded, q) in padded.chunks_exact_mut(stride).zip(q.chunks_exact(width)) {
        padded[..width].copy_from_slice(q);
    }
    padded
}

multiversion! {
    /// Turns the sums of a tile into rows of the result. Of two limbs a row is two rows of the tile.
    fn finish_tile(
        limbs: usize, tile: &Tile, scale: &[f32], bias: &[f32], row_scale: &[f32],
        activation: Activation, outs: [&mut [f32]; TILE_ROWS],
    ) = finish_tile_body;
}

#[allow(clippy::too_many_arguments)]
#[inline(always)]
fn finish_tile_body(
    limbs: usize,
    tile: &Tile,
    scale: &[f32],
    bias: &[f32],
    row_scale: &[f32],
    activation: Activation,
    outs: [&mut [f32]; TILE_ROWS],
) {
    let rows = tile.0.chunks_exact(limbs);
    for ((out, sums), row_scale) in outs.into_iter().zip(rows).zip(row_scale) {
        match sums {
            [high, low] => {
                let sums = high.iter().zip(low).map(|(high, low)| joined(*high, *low));
                finish_row(sums, scale, bias, *row_scale, activation, out);
            }
            [sums] => {
                let sums = sums.iter().map(|sum| *sum as f32);
                finish_row(sums, scale, bias, *row_scale, activation, out);
            }
            _ => {}
        }
    }
}

#[inline(always)]
fn finish_row(
    sums: impl Iterator<Item = f32>,
    scale: &[f32],
    bias: &[f32],
    row_scale: f32,
    activation: Activation,
    out: &mut [f32],
) {
    for (((out, sum), scale), bias) in out.iter_mut().zip(sums).zip(scale).zip(bias) {
        *out = activate(activation, sum * (*scale * row_scale) + *bias);
    }
}

/// `128 high + low`, rounded once: in f64 it is exact.
#[inline(always)]
pub(super) fn joined(high: i32, low: i32) -> f32 {
    (f64::from(high) * 128.0 + f64::from(low)) as f32
}

#[inline(always)]
fn activate(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::None => canonical(x),
        // Of every NaN the canonical one.
        Activation::Gelu => gelu(x),
    }
}
