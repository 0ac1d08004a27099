//! Tiles in plain code.

use super::tile::Tile;

/// `out[r][n] = sum over steps and 4 of a[r] * b[n]`, for `width` columns.
pub(super) fn multiply_i8(
    a: &[i8],
    rows: usize,
    b: &[i8],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    for (row, a) in a.chunks_exact(steps * 4).take(rows).enumerate() {
        let sums = &mut out.0[row][..width];
        sums.fill(0);
        for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(width * 4)) {
            let a = [i32::from(a[0]), i32::from(a[1]), i32::from(a[2]), i32::from(a[3])];
            for (sum, b) in sums.iter_mut().zip(b.chunks_exact(4)) {
                *sum += (a[0] * i32::from(b[0]) + a[1] * i32::from(b[1]))
                    + (a[2] * i32::from(b[2]) + a[3] * i32::from(b[3]));
            }
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
    for (row, a) in a.chunks_exact(stride).take(rows).enumerate() {
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
