//! Tiles with NEON.
//!
//! Where the processor has the dot-product instructions, `sdot` multiplies four bytes of a row by
//! four of each of four columns. Elsewhere eight products of bytes are taken in 16 bits, which hold
//! 127 x 127, and added up in pairs in 32 bits. Both are exact.

use super::tile::{Span, Tile, GROUP, TILE_ROWS};
use core::arch::{aarch64::*, asm};
use std::arch::is_aarch64_feature_detected;

/// Columns of a register.
const COLUMNS: usize = 4;

/// Calls `$run::<ROWS>` for the rows at hand.
macro_rules! by_rows {
    ($rows:expr, $run:ident($($arg:expr),*)) => {
        match $rows {
            1 => $run::<1>($($arg),*),
            2 => $run::<2>($($arg),*),
            3 => $run::<3>($($arg),*),
            4 => $run::<4>($($arg),*),
            5 => $run::<5>($($arg),*),
            _ => $run::<TILE_ROWS>($($arg),*),
        }
    };
}

/// Adds the products of a span to `out`.
pub(super) fn multiply_i8(span: &Span<'_>, out: &mut Tile) {
    span.check();
    if let Some(starts) = span.starts {
        for (sums, start) in out.0.iter_mut().zip(starts) {
            sums[..span.width].fill(*start);
        }
    }
    let dot = is_aarch64_feature_detected!("dotprod");
    for group in 0..span.width / GROUP {
        // SAFETY: the span is whole, by `check`, and the instructions are there.
        unsafe {
            if dot {
                by_rows!(span.rows, tile_dot(span, group, out));
            } else {
                for row in (0..span.rows).step_by(2) {
                    match span.rows - row {
                        1 => tile_wide::<1>(span, row, group, out),
                        _ => tile_wide::<2>(span, row, group, out),
                    }
                }
            }
        }
    }
}

/// Adds to every lane the product of its four bytes of `a` and `b`.
///
/// # Safety
/// The processor has the dot-product instructions.
#[target_feature(enable = "neon,dotprod")]
#[inline]
unsafe fn sdot(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: an instruction on registers alone.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) sum, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

/// # Safety
/// The span is whole and has `R` rows, and the processor has the dot-product instructions.
#[target_feature(enable = "neon,dotprod")]
unsafe fn tile_dot<const R: usize>(span: &Span<'_>, group: usize, out: &mut Tile) {
    // SAFETY: every read is within the span.
    unsafe {
        let mut sums = [[vdupq_n_s32(0); 4]; R];
        for (sums, out) in sums.iter_mut().zip(&out.0) {
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum = vld1q_s32(out.as_ptr().add(group * GROUP + c * COLUMNS));
            }
        }
        let (mut a, mut b) = (span.a.as_ptr(), span.b.as_ptr().add(group * GROUP * 4));
        for _ in 0..span.steps {
            let weights = [0, 1, 2, 3].map(|c| vld1q_s8(b.add(c * 16)));
            for (r, sums) in sums.iter_mut().enumerate() {
                let four = a.add(r * span.stride).cast::<i32>().read_unaligned();
                let row = vreinterpretq_s8_s32(vdupq_n_s32(four));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = sdot(*sum, weight, row);
                }
            }
            a = a.add(4);
            b = b.add(span.width * 4);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (c, sum) in sums.iter().enumerate() {
                vst1q_s32(out.as_mut_ptr().add(group * GROUP + c * COLUMNS), *sum);
            }
        }
    }
}

/// # Safety
/// The span is whole and has `R` rows from `row` on.
#[target_feature(enable = "neon")]
unsafe fn tile_wide<const R: usize>(span: &Span<'_>, row: usize, group: usize, out: &mut Tile) {
    // SAFETY: every read is within the span.
    unsafe {
        // A register holds two partial sums of two columns.
        let mut sums = [[vdupq_n_s32(0); 8]; R];
        let mut a = span.a.as_ptr().add(row * span.stride);
        let mut b = span.b.as_ptr().add(group * GROUP * 4);
        for _ in 0..span.steps {
            let mut rows = [vdup_n_s8(0); R];
            for (r, row) in rows.iter_mut().enumerate() {
                let four = a.add(r * span.stride).cast::<i32>().read_unaligned();
                *row = vreinterpret_s8_s32(vdup_n_s32(four));
            }
            for c in 0..8 {
                let weight = vld1_s8(b.add(c * 8));
                for (sums, row) in sums.iter_mut().zip(rows) {
                    sums[c] = vpadalq_s16(sums[c], vmull_s8(weight, row));
                }
            }
            a = a.add(4);
            b = b.add(span.width * 4);
        }
        for (sums, out) in sums.iter().zip(&mut out.0[row..]) {
            let out = out.as_mut_ptr().add(group * GROUP);
            for (c, pair) in sums.chunks_exact(2).enumerate() {
                let at = out.add(c * COLUMNS);
                vst1q_s32(at, vaddq_s32(vld1q_s32(at), vpaddq_s32(pair[0], pair[1])));
            }
        }
    }
}

/// As [`scalar::multiply_i16`](super::scalar::multiply_i16).
pub(super) fn multiply_i16(
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
    assert!(b.len() >= width * steps * 2 && width <= 64 && rows <= TILE_ROWS);
    for group in 0..width / GROUP {
        // SAFETY: the slices are long enough, by the lines above.
        unsafe { by_rows!(rows, tile_i16(a, stride, b, width, group, steps, out)) }
    }
}

/// # Safety
/// `a` holds `R` rows `stride` apart of `steps * 2`, `b` `steps` times `width * 2`.
#[target_feature(enable = "neon")]
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
        let mut sums = [[vdupq_n_s32(0); 4]; R];
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr().add(group * GROUP * 2));
        for _ in 0..steps {
            // The two inputs of a step, apart: eight columns of each.
            let halves = [vld2q_s16(b), vld2q_s16(b.add(16))];
            for (r, sums) in sums.iter_mut().enumerate() {
                let (even, odd) = (*a.add(r * stride), *a.add(r * stride + 1));
                for (sums, half) in sums.chunks_exact_mut(2).zip(halves) {
                    sums[0] = vmlal_n_s16(sums[0], vget_low_s16(half.0), even);
                    sums[0] = vmlal_n_s16(sums[0], vget_low_s16(half.1), odd);
                    sums[1] = vmlal_n_s16(sums[1], vget_high_s16(half.0), even);
                    sums[1] = vmlal_n_s16(sums[1], vget_high_s16(half.1), odd);
                }
            }
            a = a.add(2);
            b = b.add(width * 2);
        }
        for (sums, out) in sums.iter().zip(&mut out.0) {
            for (c, sum) in sums.iter().enumerate() {
                vst1q_s32(out.as_mut_ptr().add(group * GROUP + c * COLUMNS), *sum);
            }
        }
    }
}
