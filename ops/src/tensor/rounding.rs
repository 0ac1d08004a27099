//! Quantisation of many values by one scale, mostly without dividing.
//!
//! A value is defined as `x / scale` rounded to an integer. Multiplied by the reciprocal of the
//! scale it is a few units in the last place off, which changes the integer only next to a half:
//! there, and for scales whose reciprocal is not a normal number, the division is done after all.

use crate::math::{quantise_finite, round_to_int, I15_MAX};

/// Values that are decided together.
const BLOCK: usize = 32;

/// Sets `q` to the integers of `x`, narrowed. The scale is finite and not 0, and no value is NaN.
#[inline(always)]
pub(super) fn quantise_each<T>(
    x: &[f32],
    scale: f32,
    limit: f32,
    q: &mut [T],
    narrow: impl Fn(i32) -> T,
) {
    /// Of the quotient, its rounding, the reciprocal and the product, each half a unit in the last
    /// place: 3 x 2^-24 of the integer, and some.
    const DOUBT: f32 = f32::from_bits((127 - 22) << 23);
    let ordinary = scale > f32::from_bits(27 << 23) && scale < f32::from_bits(227 << 23);
    let inverse = 1.0 / scale;
    // Small integers are seldom in doubt, whichever they are. Of large ones each has its own doubt,
    // or too many blocks of them would be divided for the sake of the largest.
    let large = limit > 8_192.0;
    let certain = 0.5 - (limit + 1.0) * DOUBT;
    // Blocks of a length that the compiler knows, on both sides, become vector code without loops.
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    let (q_blocks, q_rest) = q.as_chunks_mut::<BLOCK>();
    for (q, block) in q_blocks.iter_mut().zip(blocks) {
        let mut near = false;
        for (q, x) in q.iter_mut().zip(block) {
            let ratio = *x * inverse;
            let ratio = if ratio > -limit { ratio } else { -limit };
            let ratio = if ratio < limit { ratio } else { limit };
            let integer = round_to_int(ratio);
            let certain = if large { 0.5 - (ratio.abs() + 1.0) * DOUBT } else { certain };
            near |= (ratio - integer as f32).abs() > certain;
            *q = narrow(integer);
        }
        if near || !ordinary {
            for (q, x) in q.iter_mut().zip(block) {
                *q = narrow(quantise_finite(*x, scale, limit));
            }
        }
    }
    for (q, x) in q_rest.iter_mut().zip(rest) {
        *q = narrow(quantise_finite(*x, scale, limit));
    }
}

/// Sets `high` and `low` to the two limbs of the integers of 15 bits of `x`. The scale is finite and
/// not 0, and no value is NaN.
#[inline(always)]
pub(super) fn quantise_limbs(x: &[f32], scale: f32, high: &mut [i8], low: &mut [i8]) {
    /// Values whose integers are in a first cache until they are split.
    const PART: usize = 8 * BLOCK;
    let mut integers = [0i16; PART];
    let parts = x.chunks(PART).zip(high.chunks_mut(PART)).zip(low.chunks_mut(PART));
    for ((x, high), low) in parts {
        let integers = &mut integers[..x.len()];
        quantise_each(x, scale, I15_MAX, integers, |integer| integer as i16);
        for ((high, low), integer) in high.iter_mut().zip(low).zip(integers) {
            (*high, *low) = limbs(*integer);
        }
    }
}

/// `integer = 128 high + low`, with `high` from -127 to 127 and `low` from -64 to 63.
#[inline(always)]
fn limbs(integer: i16) -> (i8, i8) {
    let high = (integer + 64) >> 7;
    (high as i8, (integer - (high << 7)) as i8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{quantise, I8_MAX, WEIGHT_MAX};

    #[test]
    fn limbs_should_add_up_and_stay_within_int8() {
        for integer in -16_319..=16_319i16 {
            let (high, low) = limbs(integer);
            assert_eq!(128 * i32::from(high) + i32::from(low), integer.into());
            assert!((-127..=127).contains(&high) && (-64..=63).contains(&low), "{integer}");
        }
    }

    /// Compares with the definition.
    fn check(x: &[f32], scale: f32, limit: f32) {
        let mut integers = vec![i32::MIN; x.len()];
        quantise_each(x, scale, limit, &mut integers, |integer| integer);
        for (x, integer) in x.iter().zip(integers) {
            assert_eq!(integer, quantise(*x, scale, limit), "{x:e} / {scale:e}");
        }
    }

    #[test]
    fn quantisation_without_division_should_be_exact() {
        let scales = [1, 0x007f_ffff, 0x0080_0000, 0x0d7f_ffff, 0x0d80_0000, 0x0d80_0001]
            .into_iter()
            .chain((0x0d80_0000..0x7f80_0000).step_by(0x0123_4567))
            .chain((0..40).map(|i| 0x3c00_0000 + i * 0x0007_3331))
            .map(f32::from_bits);
        for scale in scales {
            for limit in [I8_MAX, WEIGHT_MAX, I15_MAX] {
                // Around every half: the quotient itself and its neighbours on both sides.
                let mut values = Vec::new();
                for half in 0..=limit as u32 {
                    let bits = ((half as f32 + 0.5) * scale).to_bits();
                    for near in bits.saturating_sub(3)..bits.saturating_add(4).min(0x7f7f_ffff) {
                        values.extend([f32::from_bits(near), -f32::from_bits(near)]);
                    }
                }
                check(&values, scale, limit);
            }
        }
    }

    #[test]
    fn quantisation_should_take_zeros_infinities_and_short_rows() {
        for len in 0..70 {
            let x: Vec<f32> = [0.0, -0.0, 1e-45, f32::MAX, f32::MIN, f32::INFINITY, -1.5]
                .into_iter()
                .cycle()
                .take(len)
                .collect();
            for scale in [1.0, 1e-45, f32::MAX, 1e-3] {
                check(&x, scale, I8_MAX);
            }
        }
    }
}
