//! Tiles with AVX2.
//!
//! `vpmaddubsw` multiplies unsigned by signed bytes and adds pairs in 16 bits. Given the magnitude
//! of a weight and the row's value with the weight's sign, no sum of two passes 127 x 127 x 2, which
//! 16 bits hold: nothing saturates, and the product is exact.

use super::tile::{Span, Tile, GROUP};
use core::arch::x86_64::*;

/// Columns of a register.
const COLUMNS: usize = 8;

/// Adds the products of a span to `out`.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn multiply_i8(span: &Span<'_>, out: &mut Tile) {
    span.check();
    let columns = span.width / COLUMNS;
    let mut row = 0;
    while row < span.rows {
        let count = (span.rows - row).min(4);
        // SAFETY: the span is whole, by `check`, and columns are even.
        unsafe {
            match count {
                1 => {
                    let wide = columns / 8 * 8;
                    sweep::<1, 8>(span, row, 0, wide, out);
                    sweep::<1, 2>(span, row, wide, columns, out);
                }
                2 => {
                    let wide = columns / 4 * 4;
                    sweep::<2, 4>(span, row, 0, wide, out);
                    sweep::<2, 2>(span, row, wide, columns, out);
                }
                3 => sweep::<3, 2>(span, row, 0, columns, out),
                _ => sweep::<4, 2>(span, row, 0, columns, out),
            }
        }
        row += count;
    }
}

/// Registers of columns `from..to`, `C` at a time.
///
/// # Safety
/// The span is whole, has `R` rows from `row` on, and `to - from` is a multiple of `C`.
#[target_feature(enable = "avx2")]
unsafe fn sweep<const R: usize, const C: usize>(
    span: &Span<'_>,
    row: usize,
    from: usize,
    to: usize,
    out: &mut Tile,
) {
    for column in (from..to).step_by(C) {
        // SAFETY: by the caller's promise.
        unsafe { tile_i8::<R, C>(span, row, column, out) }
    }
}

/// # Safety
/// The span is whole, has `R` rows from `row` on and `C` registers of columns from `column` on.
#[target_feature(enable = "avx2")]
unsafe fn tile_i8<const R: usize, const C: usize>(
    span: &Span<'_>,
    row: usize,
    column: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is within the span; a prefetch may be of any address.
    unsafe {
        let ones = _mm256_set1_epi16(1);
        let mut sums = [[_mm256_setzero_si256(); C]; R];
        match span.starts {
            Some(starts) => {
                for (sums, start) in sums.iter_mut().zip(&starts[row..]) {
                    sums.fill(_mm256_set1_epi32(*start));
                }
            }
            None => {
                for (sums, out) in sums.iter_mut().zip(&out.0[row..]) {
                    for (c, sum) in sums.iter_mut().enumerate() {
                        let out = out.as_ptr().add((column + c) * COLUMNS);
                        *sum = _mm256_loadu_si256(out.cast());
                    }
                }
            }
        }
        let mut a = span.a.as_ptr().add(row * span.stride);
        let mut b = span.b.as_ptr().add(column * 32);
        let mut ahead = span.ahead.wrapping_add(column * 32);
        for _ in 0..span.steps {
            let mut rows = [_mm256_setzero_si256(); R];
            for (r, row) in rows.iter_mut().enumerate() {
                let four = a.add(r * span.stride).cast::<i32>().read_unaligned();
                *row = _mm256_set1_epi32(four);
            }
            for c in 0..C {
                let weight = _mm256_loadu_si256(b.add(c * 32).cast());
                let magnitude = _mm256_abs_epi8(weight);
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let signed = _mm256_sign_epi8(row, weight);
                    let pairs = _mm256_maddubs_epi16(magnitude, signed);
                    sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(pairs, ones));
                }
                if c % 2 == 0 {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(c * 32));
                }
            }
            a = a.add(4);
            b = b.add(span.width * 4);
            ahead = ahead.wrapping_add(span.width * 4);
        }
        for (sums, out) in sums.iter().zip(&mut out.0[row..]) {
            for (c, sum) in sums.iter().enumerate() {
                let out = out.as_mut_ptr().add((column + c) * COLUMNS);
                _mm256_storeu_si256(out.cast(), *sum);
            }
        }
    }
}

/// As [`scalar::multiply_i16`](super::scalar::multiply_i16).
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn multiply_i16(
    a: &[i16],
    stride: usize,
    rows: usize,
    b: &[i16],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    assert!(stride >= steps * 2 && a.len() >= rows.saturating_sub(1) * stride + steps * 2);
    assert!(b.len() >= width * steps * 2 && width <= 64);
    let mut row = 0;
    while row < rows {
        let count = (rows - row).min(3);
        for group in 0..width / GROUP {
            // SAFETY: the slices are long enough, by the lines above.
            unsafe {
                match count {
                    3 => tile_i16::<3>(a, stride, row, b, width, group, steps, out),
                    2 => tile_i16::<2>(a, stride, row, b, width, group, steps, out),
                    _ => tile_i16::<1>(a, stride, row, b, width, group, steps, out),
                }
            }
        }
        row += count;
    }
}

/// # Safety
/// `a` holds rows `row..row + R`, `stride` apart, of `steps * 2`, `b` `steps` times `width * 2`.
#[allow(clippy::too_many_arguments)]
#[target_feature(enable = "avx2")]
unsafe fn tile_i16<const R: usize>(
    a: &[i16],
    stride: usize,
    row: usize,
    b: &[i16],
    width: usize,
    group: usize,
    steps: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is below the lengths that the caller promised.
    unsafe {
        let mut sums = [[_mm256_setzero_si256(); 2]; R];
        let mut a = a.as_ptr().add(row * stride);
        let mut b = b.as_ptr().add(group * GROUP * 2);
        for _ in 0..steps {
            let low = _mm256_loadu_si256(b.cast());
            let high = _mm256_loadu_si256(b.add(16).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let row = _mm256_set1_epi32(a.add(r * stride).cast::<i32>().read_unaligned());
                sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(row, low));
                sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(row, high));
            }
            a = a.add(2);
            b = b.add(width * 2);
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = out.0[row + r].as_mut_ptr().add(group * GROUP);
            _mm256_storeu_si256(out.cast(), sums[0]);
            _mm256_storeu_si256(out.add(8).cast(), sums[1]);
        }
    }
}
