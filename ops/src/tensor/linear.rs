//! The linear projection: exact int8 matrix product, one dequantisation, bias, activation.

use super::{
    area, check_kernel, check_length, multiversion,
    threads::{self, Shared},
    tile::{Matrix, Tile, PANEL, TILE_ROWS},
    Refused,
};
use crate::{
    math::{canonical, gelu},
    Kernel,
};
use vigil_primitives::architecture::MAX_INNER;

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
    ) -> Result<Self, Refused> {
        check_kernel(kernel)?;
        let outputs = scale.len();
        let inputs = weight.len().checked_div(outputs).unwrap_or(0);
        if inputs == 0 || inputs > MAX_INNER as usize {
            return Err(Refused::WrongDimension("the inner dimension"));
        }
        check_length("the weight", weight.len(), area(outputs, inputs)?)?;
        // Adding -0 leaves every value as it is, -0 included.
        let bias = bias.map_or_else(|| vec![-0.0; outputs], <[f32]>::to_vec);
        check_length("the bias", bias.len(), outputs)?;
        if weight.contains(&i8::MIN) {
            return Err(Refused::BadWeight("the weight"));
        }
        if scale.iter().chain(&bias).any(|x| !x.is_finite()) {
            return Err(Refused::BadWeight("the scale or the bias"));
        }
        let mut matrix = Matrix::new(kernel, outputs, inputs);
        for (output, row) in weight.chunks_exact(inputs).enumerate() {
            matrix.set_row(output, row);
        }
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
    /// `q` is `[rows, inputs]` without -128, `row_scale` `[rows]` and `out` `[rows, outputs]`, as
    /// [`quantise`](super::quantise) gives them.
    pub fn forward(
        &self,
        q: &[i8],
        row_scale: &[f32],
        activation: Activation,
        out: &mut [f32],
    ) -> Result<(), Refused> {
        let (rows, inputs, outputs) = (row_scale.len(), self.inputs(), self.outputs());
        check_length("q", q.len(), area(rows, inputs)?)?;
        check_length("out", out.len(), area(rows, outputs)?)?;
        let padded;
        let (q, stride) = if inputs.is_multiple_of(4) {
            (q, inputs)
        } else {
            padded = pad_rows(q, inputs);
            (padded.as_slice(), inputs.next_multiple_of(4))
        };
        let out = Shared::new(out);
        let panels = self.matrix.panels();
        let run = |rows: core::ops::Range<usize>, panels: core::ops::Range<usize>| {
            let mut tile = Tile::zeroed();
            for panel in panels {
                let columns = PANEL.min(outputs - panel * PANEL);
                for first in rows.clone().step_by(TILE_ROWS) {
                    let count = TILE_ROWS.min(rows.end - first);
                    self.matrix.multiply(
                        &q[first * stride..][..count * stride],
                        count,
                        panel,
                        &mut tile,
                    );
                    for row in 0..count {
                        // SAFETY: a task owns its rows within its panels, and no two tasks share
                        // both.
                        let out =
                            unsafe { out.slice((first + row) * outputs + panel * PANEL, columns) };
                        finish_row(
                            self.kernel,
                            &tile.0[row][..columns],
                            &self.scale[panel * PANEL..][..columns],
                            &self.bias[panel * PANEL..][..columns],
                            row_scale[first + row],
                            activation == Activation::Gelu,
                            out,
                        );
                    }
                }
            }
        };
        let threads = threads::count();
        if threads == 1 {
            run(0..rows, 0..panels);
        } else if rows >= 2 * TILE_ROWS * threads {
            let step = rows.div_ceil(threads * 4).next_multiple_of(TILE_ROWS);
            threads::each(rows.div_ceil(step), |i| {
                run(i * step..rows.min((i + 1) * step), 0..panels);
            });
        } else {
            let step = panels.div_ceil(threads * 2);
            threads::each(panels.div_ceil(step), |i| {
                run(0..rows, i * step..panels.min((i + 1) * step));
            });
        }
        Ok(())
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
    fn finish_row(
        sums: &[i32], scale: &[f32], bias: &[f32], row_scale: f32, activate: bool, out: &mut [f32],
    ) = finish_row_body;
}

#[inline(always)]
fn finish_row_body(
    sums: &[i32],
    scale: &[f32],
    bias: &[f32],
    row_scale: f32,
    activate: bool,
    out: &mut [f32],
) {
    for (((out, sum), scale), bias) in out.iter_mut().zip(sums).zip(scale).zip(bias) {
        *out = canonical(*sum as f32 * (*scale * row_scale) + *bias);
    }
    if activate {
        for out in out {
            *out = gelu(*out);
        }
    }
}
