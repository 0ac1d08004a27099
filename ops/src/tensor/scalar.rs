//! Tiles in plain code.
//!
//! Here a packed matrix keeps its rows: `[output][inputs]`, padded as for the other kernels. A
//! product is then a sum along two slices, which compilers turn into whatever vectors they may use.

use super::tile::{Tile, PANEL};

/// `out[r][n] += sum over k of a[r][k] * b[n][k]` for `width` columns `pitch` apart, `inner` long.
#[allow(clippy::too_many_arguments)]
pub(super) fn multiply_i8(
    a: &[i8],
    stride: usize,
    rows: usize,
    b: &[i8],
    pitch: usize,
    width: usize,
    inner: usize,
    out: &mut Tile,
) {
    for (a, sums) in a.chunks(stride).zip(&mut out.0).take(rows) {
        for (sum, b) in sums[..width.min(PANEL)].iter_mut().zip(b.chunks(pitch)) {
            let products = a[..inner].iter().zip(&b[..inner]);
            let product: i32 = products.map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            *sum = sum.wrapping_add(product);
        }
    }
}

/// `out[r][n] = sum over steps and 2 of a[r] * b[n]`, for `width` columns.
pub(super) fn multiply_i16(
    a: &[i16],
    stride: usize,
    rows: usize,
    b: &[i16],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    for (row, a) in a.chunks(stride).take(rows).enumerate() {
        let sums = &mut out.0[row][..width];
        sums.fill(0);
        for (a, b) in a[..steps * 2].chunks_exact(2).zip(b.chunks_exact(width * 2)) {
            let a = [i32::from(a[0]), i32::from(a[1])];
            for (sum, b) in sums.iter_mut().zip(b.chunks_exact(2)) {
                *sum += a[0] * i32::from(b[0]) + a[1] * i32::from(b[1]);
            }
        }
    }
}
