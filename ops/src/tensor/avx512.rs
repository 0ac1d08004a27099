//! Tiles with AVX-512 VNNI.
//!
//! `vpdpbusd` multiplies unsigned by signed bytes. Packed weights are raised by 128 to become
//! unsigned, and sums start at -128 times the sum of the row, which takes that away again: exact.

use super::tile::{Span, Tile, GROUP};
use core::arch::x86_64::*;

/// Calls `$run::<ROWS, GROUPS, ..>` for the rows and column groups at hand.
macro_rules! by_shape {
    ($rows:expr, $groups:expr, $run:ident $(::<$more:literal>)?($($arg:expr),*)) => {
        by_shape!(@rows $rows, $groups, $run, ($($more)?), ($($arg),*), 1, 2, 3, 4, 5, 6)
    };
    (@rows $rows:expr, $groups:expr, $run:ident, $more:tt, $args:tt, $($r:literal),*) => {
        match $rows {
            $($r => by_shape!(@groups $groups, $run, $r, $more, $args),)*
            _ => {}
        }
    };
    (@groups $groups:expr, $run:ident, $r:literal, ($($more:literal)?), ($($arg:expr),*)) => {
        match $groups {
            1 => $run::<$r, 1 $(, $more)?>($($arg),*),
            2 => $run::<$r, 2 $(, $more)?>($($arg),*),
            3 => $run::<$r, 3 $(, $more)?>($($arg),*),
            4 => $run::<$r, 4 $(, $more)?>($($arg),*),
            _ => {}
        }
    };
}

/// Adds the products of a span to `out`.
///
/// # Safety
/// The processor has AVX-512 F and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) unsafe fn multiply_i8(span: &Span<'_>, out: &mut Tile) {
    span.check();
    // SAFETY: the span is whole, by the line above.
    unsafe {
        if span.rows == 1 || span.stream {
            by_shape!(span.rows, span.width / GROUP, tile_i8::<true>(span, out));
        } else {
            by_shape!(span.rows, span.width / GROUP, tile_i8::<false>(span, out));
        }
    }
}

/// # Safety
/// The span is whole and has `R` rows and `G` groups of columns.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile_i8<const R: usize, const G: usize, const STREAM: bool>(
    span: &Span<'_>,
    out: &mut Tile,
) {
    // SAFETY: every read is within the span; a prefetch may be of any address.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); G]; R];
        match span.starts {
            Some(starts) => {
                for (sums, start) in sums.iter_mut().zip(starts) {
                    sums.fill(_mm512_set1_epi32(*start));
                }
            }
            None => {
                for (sums, out) in sums.iter_mut().zip(&out.0) {
                    for (g, sum) in sums.iter_mut().enumerate() {
                        *sum = _mm512_loadu_si512(out.as_ptr().add(g * GROUP).cast());
                    }
                }
            }
        }
        let (mut a, mut b, mut ahead) = (span.a.as_ptr(), span.b.as_ptr(), span.ahead);
        for _ in 0..span.steps {
            let mut columns = [_mm512_setzero_si512(); G];
            for (g, column) in columns.iter_mut().enumerate() {
                *column = _mm512_loadu_si512(b.add(g * 64).cast());
                // One row keeps up with memory and takes it straight into the first cache; several
                // need a longer lead than that cache has room for.
                if STREAM && R == 1 {
                    _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(g * 64));
                } else if STREAM {
                    _mm_prefetch::<_MM_HINT_T1>(ahead.wrapping_add(g * 64));
                }
            }
            if !STREAM {
                _mm_prefetch::<_MM_HINT_T1>(ahead);
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let four = a.add(r * span.stride).cast::<i32>().read_unaligned();
                let row = _mm512_set1_epi32(four);
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbusd_epi32(*sum, column, row);
                }
            }
            a = a.add(4);
            b = b.add(G * 64);
            ahead = ahead.wrapping_add(if STREAM { G * 64 } else { 64 });
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (g, sum) in sums.iter().enumerate() {
                _mm512_storeu_si512(out.as_mut_ptr().add(g * GROUP).cast(), *sum);
            }
        }
    }
}

/// The sum of a row.
///
/// # Safety
/// The processor has AVX-512 F and VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) unsafe fn row_sum(row: &[i8]) -> i32 {
    let ones = _mm512_set1_epi8(1);
    let mut sum = _mm512_setzero_si512();
    let mut blocks = row.chunks_exact(64);
    for block in &mut blocks {
        // SAFETY: a block is 64 bytes.
        let block = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        sum = _mm512_dpbusd_epi32(sum, ones, block);
    }
    let rest: i32 = blocks.remainder().iter().map(|x| i32::from(*x)).sum();
    _mm512_reduce_add_epi32(sum) + rest
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
    assert!(
        stride >= steps * 2
            && a.len() >= rows.saturating_sub(1) * stride + steps * 2
            && b.len() >= width * steps * 2
    );
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
