//! Tiles with AVX-VNNI: `vpdpbusd` and `vpdpwssd` on 256 bits, for processors without AVX-512.
//!
//! As in [`avx512`](super::avx512), packed weights are raised by 128.

use super::tile::{Span, Tile, GROUP};
use core::arch::x86_64::*;

/// Columns of a register.
const COLUMNS: usize = 8;

/// Adds the products of a span to `out`.
///
/// # Safety
/// The processor has AVX2 and AVX-VNNI.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn multiply_i8(span: &Span<'_>, out: &mut Tile) {
    span.check();
    let columns = span.width / COLUMNS;
    // SAFETY: the span is whole, by `check`, and columns are even.
    unsafe {
        match span.rows {
            1 => {
                let wide = columns / 8 * 8;
                sweep::<1, 8>(span, 0, wide, out);
                sweep::<1, 2>(span, wide, columns, out);
            }
            2 => {
                let wide = columns / 4 * 4;
                sweep::<2, 4>(span, 0, wide, out);
                sweep::<2, 2>(span, wide, columns, out);
            }
            3 => sweep::<3, 2>(span, 0, columns, out),
            4 => sweep::<4, 2>(span, 0, columns, out),
            5 => sweep::<5, 2>(span, 0, columns, out),
            _ => sweep::<6, 2>(span, 0, columns, out),
        }
    }
}

/// Registers of columns `from..to`, `C` at a time.
///
/// # Safety
/// The span is whole, has `R` rows, and `to - from` is a multiple of `C`.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn sweep<const R: usize, const C: usize>(
    span: &Span<'_>,
    from: usize,
    to: usize,
    out: &mut Tile,
) {
    for column in (from..to).step_by(C) {
        // SAFETY: by the caller's promise.
        unsafe { tile_i8::<R, C>(span, column, out) }
    }
}

/// # Safety
/// The span is whole, has `R` rows and `C` registers of columns from `column` on.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tile_i8<const R: usize, const C: usize>(span: &Span<'_>, column: usize, out: &mut Tile) {
    // SAFETY: every read is within the span; a prefetch may be of any address.
    unsafe {
        let mut sums = [[_mm256_setzero_si256(); C]; R];
        match span.starts {
            Some(starts) => {
                for (sums, start) in sums.iter_mut().zip(starts) {
                    sums.fill(_mm256_set1_epi32(*start));
                }
            }
            None => {
                for (sums, out) in sums.iter_mut().zip(&out.0) {
                    for (c, sum) in sums.iter_mut().enumerate() {
                        let out = out.as_ptr().add((column + c) * COLUMNS);
                        *sum = _mm256_loadu_si256(out.cast());
                    }
                }
            }
        }
        let (mut a, mut b) = (span.a.as_ptr(), span.b.as_ptr().add(column * 32));
        let mut ahead = span.ahead.wrapping_add(column * 32);
        for _ in 0..span.steps {
            let mut weights = [_mm256_setzero_si256(); C];
            for (c, weight) in weights.iter_mut().enumerate() {
                *weight = _mm256_loadu_si256(b.add(c * 32).cast());
            }
            for c in (0..C).step_by(2) {
                _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(c * 32));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let four = a.add(r * span.stride).cast::<i32>().read_unaligned();
                let row = _mm256_set1_epi32(four);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_dpbusd_avx_epi32(*sum, weight, row);
                }
            }
            a = a.add(4);
            b = b.add(span.width * 4);
            ahead = ahead.wrapping_add(span.width * 4);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (c, sum) in sums.iter().enumerate() {
                let out = out.as_mut_ptr().add((column + c) * COLUMNS);
                _mm256_storeu_si256(out.cast(), *sum);
            }
        }
    }
}

/// The sum of a row.
///
/// # Safety
/// The processor has AVX2 and AVX-VNNI.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn row_sum(row: &[i8]) -> i32 {
    let ones = _mm256_set1_epi8(1);
    let mut sum = _mm256_setzero_si256();
    let mut blocks = row.chunks_exact(32);
    for block in &mut blocks {
        // SAFETY: a block is 32 bytes.
        let block = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        sum = _mm256_dpbusd_avx_epi32(sum, ones, block);
    }
    let mut lanes = [0i32; 8];
    // SAFETY: eight lanes of four bytes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum) };
    let rest: i32 = blocks.remainder().iter().map(|x| i32::from(*x)).sum();
    lanes.iter().sum::<i32>() + rest
}

/// As [`scalar::multiply_i16`](super::scalar::multiply_i16).
///
/// # Safety
/// The processor has AVX2 and AVX-VNNI.
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn multiply_i16(
    a: &[i16],
    stride: usize,
    rows: usize,
    b: &[i16],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    assert!(
        stride >= steps * 2
            && a.len() >= rows.saturating_sub(1) * stride + steps * 2
            && width.is_multiple_of(GROUP)
    );
    assert!(b.len() >= width * steps * 2 && width <= 64 && rows <= 6);
    for group in 0..width / GROUP {
        // SAFETY: the slices are long enough, by the lines above.
        unsafe {
            match rows {
                1 => tile_i16::<1>(a, stride, b, width, group, steps, out),
                2 => tile_i16::<2>(a, stride, b, width, group, steps, out),
                3 => tile_i16::<3>(a, stride, b, width, group, steps, out),
                4 => tile_i16::<4>(a, stride, b, width, group, steps, out),
                5 => tile_i16::<5>(a, stride, b, width, group, steps, out),
                _ => tile_i16::<6>(a, stride, b, width, group, steps, out),
            }
        }
    }
}

/// # Safety
/// `a` holds `R` rows `stride` apart of `steps * 2`, `b` `steps` times `width * 2`.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tile_i16<const R: usize>(
    a: &[i16],
    stride: usize,
    b: &[i16],
    width: usize,
    group: usize,
    steps: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is below the lengths that the caller promised.
    unsafe {
        let mut sums = [[_mm256_setzero_si256(); 2]; R];
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr().add(group * GROUP * 2));
        for _ in 0..steps {
            let low = _mm256_loadu_si256(b.cast());
            let high = _mm256_loadu_si256(b.add(16).cast());
            for (r, sums) in sums.iter_mut().enumerate() {
                let row = _mm256_set1_epi32(a.add(r * stride).cast::<i32>().read_unaligned());
                sums[0] = _mm256_dpwssd_avx_epi32(sums[0], row, low);
                sums[1] = _mm256_dpwssd_avx_epi32(sums[1], row, high);
            }
            a = a.add(2);
            b = b.add(width * 2);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            let out = out.as_mut_ptr().add(group * GROUP);
            _mm256_storeu_si256(out.cast(), sums[0]);
            _mm256_storeu_si256(out.add(8).cast(), sums[1]);
        }
    }
}
