//! Tiles with AVX2: bytes are widened to 16 bits and multiplied in pairs into 32 bits, exactly.

use super::tile::{Tile, GROUP};
use core::arch::x86_64::*;

/// As [`scalar::multiply_i8`](super::scalar::multiply_i8).
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn multiply_i8(
    a: &[i8],
    rows: usize,
    b: &[i8],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    assert!(a.len() >= rows * steps * 4 && b.len() >= width * steps * 4 && width <= 64);
    let mut row = 0;
    while row < rows {
        let pair = (rows - row).min(2);
        for group in 0..width / GROUP {
            // SAFETY: the slices are long enough, by the line above.
            unsafe {
                match pair {
                    2 => tile_i8::<2>(a, row, b, width, group, steps, out),
                    _ => tile_i8::<1>(a, row, b, width, group, steps, out),
                }
            }
        }
        row += pair;
    }
}

/// # Safety
/// `a` holds rows `row..row + R` of `steps * 4`, `b` `steps` times `width * 4`.
#[target_feature(enable = "avx2")]
unsafe fn tile_i8<const R: usize>(
    a: &[i8],
    row: usize,
    b: &[i8],
    width: usize,
    group: usize,
    steps: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is below the lengths that the caller promised.
    unsafe {
        // A register holds two partial sums of four columns.
        let mut sums = [[_mm256_setzero_si256(); 4]; R];
        let mut a = a.as_ptr().add(row * steps * 4);
        let mut b = b.as_ptr().add(group * GROUP * 4);
        for _ in 0..steps {
            let mut columns = [_mm256_setzero_si256(); 4];
            for (i, column) in columns.iter_mut().enumerate() {
                *column = _mm256_cvtepi8_epi16(_mm_loadu_si128(b.add(i * 16).cast()));
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let four = a.add(r * steps * 4).cast::<i32>().read_unaligned();
                let row = _mm256_cvtepi8_epi16(_mm_set1_epi32(four));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(row, column));
                }
            }
            a = a.add(4);
            b = b.add(width * 4);
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = out.0[row + r].as_mut_ptr().add(group * GROUP);
            for (i, pair) in sums.chunks_exact(2).enumerate() {
                // Columns come out as 0 1 4 5 2 3 6 7; the permutation puts them in order.
                let both = _mm256_hadd_epi32(pair[0], pair[1]);
                let both = _mm256_permute4x64_epi64::<0b11_01_10_00>(both);
                _mm256_storeu_si256(out.add(i * 8).cast(), both);
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
    assert!(stride >= steps * 2 && a.len() >= rows * stride);
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
