//! Products of f32 rows in one fixed order: for what is measured when a package is made, and must be
//! the same on every machine.

use super::{area, check_kernel, check_length, multiversion, KernelError};
use crate::{
    math::{sum_lanes, LANES},
    Kernel,
};

/// The products of a row `x` with every row of `w`, as many as `out` takes: lane `l` adds the
/// elements `l`, `l + 16`, ... and the lanes are added by the fixed tree.
pub fn float_products(
    kernel: Kernel,
    x: &[f32],
    w: &[f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    check_length("w", w.len(), area(out.len(), x.len())?)?;
    if x.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    products(kernel, x, w, out);
    Ok(())
}

/// Rows that are multiplied side by side, so that none waits for its own last sum.
const ROWS: usize = 4;

multiversion! {
    fn products(x: &[f32], w: &[f32], out: &mut [f32]) = products_body;
}

#[inline(always)]
fn products_body(x: &[f32], w: &[f32], out: &mut [f32]) {
    let width = x.len();
    let mut rows = w.chunks_exact(width * ROWS);
    let (many, rest) = out.as_chunks_mut::<ROWS>();
    for (out, w) in many.iter_mut().zip(&mut rows) {
        let (a, w) = w.split_at(width);
        let (b, w) = w.split_at(width);
        let (c, d) = w.split_at(width);
        let mut lanes = [[0f32; LANES]; ROWS];
        let (x, x_rest) = x.as_chunks::<LANES>();
        let w = [a, b, c, d].map(|w| w.as_chunks::<LANES>());
        for (i, x) in x.iter().enumerate() {
            for (lanes, (w, _)) in lanes.iter_mut().zip(w) {
                for ((lane, x), w) in lanes.iter_mut().zip(x).zip(&w[i]) {
                    *lane += *x * *w;
                }
            }
        }
        for ((out, lanes), (_, w)) in out.iter_mut().zip(&mut lanes).zip(w) {
            for ((lane, x), w) in lanes.iter_mut().zip(x_rest).zip(w) {
                *lane += *x * *w;
            }
            *out = sum_lanes(*lanes);
        }
    }
    for (out, w) in rest.iter_mut().zip(rows.remainder().chunks_exact(width)) {
        *out = dot(x, w);
    }
}

#[inline(always)]
fn dot(x: &[f32], w: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    for (x, w) in x.chunks(LANES).zip(w.chunks(LANES)) {
        for ((lane, x), w) in lanes.iter_mut().zip(x).zip(w) {
            *lane += *x * *w;
        }
    }
    sum_lanes(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_should_be_the_same_with_every_kernel() {
        for (width, rows) in [(1, 1), (15, 3), (16, 4), (17, 9), (300, 10)] {
            let numbers = |count: usize, step: usize| -> Vec<f32> {
                (0..count).map(|i| ((i * step) % 97) as f32 * 0.37 - 11.0).collect()
            };
            let (x, w) = (numbers(width, 31), numbers(width * rows, 57));
            let expected: Vec<f32> = w.chunks(width).map(|w| dot(&x, w)).collect();
            for kernel in Kernel::available() {
                let mut out = vec![1.0; rows];
                float_products(kernel, &x, &w, &mut out).unwrap();
                assert_eq!(out, expected, "{kernel} {width} {rows}");
            }
        }
    }
}
