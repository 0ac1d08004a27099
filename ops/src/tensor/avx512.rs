//! Tiles with AVX-512 VNNI.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes. The rows are raised by 128 to become unsigned,
//! and -128 times the sum of each column, known since packing, takes that away again: exact.

use super::tile::{Tile, GROUP};
use core::arch::x86_64::*;

/// Calls `$run::<ROWS, GROUPS>` for the rows and column groups at hand.
macro_rules! by_shape {
    ($rows:expr, $groups:expr, $run:ident($($arg:expr),*)) => {
        by_shape!(@rows $rows, $groups, $run, ($($arg),*), 1, 2, 3, 4, 5, 6)
    };
    (@rows $rows:expr, $groups:expr, $run:ident, $args:tt, $($r:literal),*) => {
        match $rows {
            $($r => by_shape!(@groups $groups, $run, $r, $args),)*
            _ => {}
        }
    };
    (@groups $groups:expr, $run:ident, $r:literal, ($($arg:expr),*)) => {
        match $groups {
            1 => $run::<$r, 1>($($arg),*),
            2 => $run::<$r, 2>($($arg),*),
            3 => $run::<$r, 3>($($arg),*),
            4 => $run::<$r, 4>($($arg),*),
            _ => {}
        }
    };
}

/// As [`scalar::multiply_i8`](super::scalar::multiply_i8), with the columns' corrections.
///
/// # Safety
/// The processor has AVX-512 F and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) unsafe fn multiply_i8(
    a: &[i8],
    rows: usize,
    b: &[i8],
    corrections: &[i32],
    steps: usize,
    out: &mut Tile,
) {
    let groups = corrections.len() / GROUP;
    assert!(a.len() >= rows * steps * 4 && b.len() >= groups * GROUP * steps * 4);
    // SAFETY: the slices are long enough, by the line above.
    unsafe { by_shape!(rows, groups, tile_i8(a, b, corrections, steps, out)) }
}

/// # Safety
/// `a` holds `R` rows of `steps * 4`, `b` `steps` times `G * 16 * 4`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile_i8<const R: usize, const G: usize>(
    a: &[i8],
    b: &[i8],
    corrections: &[i32],
    steps: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is below the lengths that the caller promised; `out` is 64-byte aligned.
    unsafe {
        let raise = _mm512_set1_epi8(-128);
        let mut sums = [[_mm512_setzero_si512(); G]; R];
        for sums in &mut sums {
            for (g, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_loadu_si512(corrections.as_ptr().add(g * GROUP).cast());
            }
        }
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
        for _ in 0..steps {
            let mut columns = [raise; G];
            for (g, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_si512(b.add(g * 64).cast());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let four = a.add(r * steps * 4).cast::<i32>().read_unaligned();
                let row = _mm512_xor_si512(_mm512_set1_epi32(four), raise);
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbusd_epi32(*sum, row, column);
                }
            }
            a = a.add(4);
            b = b.add(G * 64);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (g, sum) in sums.iter().enumerate() {
                _mm512_storeu_si512(out.as_mut_ptr().add(g * GROUP).cast(), *sum);
            }
        }
    }
}

/// As [`scalar::multiply_i16`](super::scalar::multiply_i16).
///
/// # Safety
/// The processor has AVX-512 F and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) unsafe fn multiply_i16(
    a: &[i16],
    stride: usize,
    rows: usize,
    b: &[i16],
    width: usize,
    steps: usize,
    out: &mut Tile,
) {
    let groups = width / GROUP;
    assert!(stride >= steps * 2 && a.len() >= rows * stride && b.len() >= width * steps * 2);
    // SAFETY: the slices are long enough, by the line above.
    unsafe { by_shape!(rows, groups, tile_i16(a, stride, b, steps, out)) }
}

/// # Safety
/// `a` holds `R` rows `stride` apart of `steps * 2`, `b` `steps` times `G * 16 * 2`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile_i16<const R: usize, const G: usize>(
    a: &[i16],
    stride: usize,
    b: &[i16],
    steps: usize,
    out: &mut Tile,
) {
    // SAFETY: every read is below the lengths that the caller promised.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); G]; R];
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
        for _ in 0..steps {
            let mut columns = [_mm512_setzero_si512(); G];
            for (g, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_si512(b.add(g * 32).cast());
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let row = _mm512_set1_epi32(a.add(r * stride).cast::<i32>().read_unaligned());
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpwssd_epi32(*sum, row, column);
                }
            }
            a = a.add(2);
            b = b.add(G * 32);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (g, sum) in sums.iter().enumerate() {
                _mm512_storeu_si512(out.as_mut_ptr().add(g * GROUP).cast(), *sum);
            }
        }
    }
}
