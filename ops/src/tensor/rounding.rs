//! Quantisation of many values by one scale, mostly without dividing.
//!
//! A value is defined as `x / scale` rounded to an integer. Multiplied by the reciprocal of the
//! scale it is a few units in the last place off, which changes the integer only next to a half:
//! there, and for scales whose reciprocal is not a normal number, the division is done after all.

use crate::math::{quantise_finite, round_to_int};

/// Values that are decided together.
const BLOCK: usize = 32;

/// Gives `put` the integers of `x`, up to [`BLOCK`] at a time, with the number of the first. The
/// scale is finite and not 0, and no value is NaN.
#[inline(always)]
pub(super) fn quantise_each(x: &[f32], scale: f32, limit: f32, mut put: impl FnMut(usize, &[i32])) {
    let ordinary = scale > f32::from_bits(27 << 23) && scale < f32::from_bits(227 << 23);
    let inverse = 1.0 / scale;
    // Of the quotient, its rounding, the reciprocal and the product, each half a unit in the last
    // place of at most `limit`: 3 x 2^-24 of it, and some.
    let certain = 0.5 - (limit + 1.0) * f32::from_bits((127 - 22) << 23);
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    let mut first = 0;
    for block in blocks {
        let mut integers = [0i32; BLOCK];
        let mut near = [false; BLOCK];
        for i in 0..BLOCK {
            let ratio = block[i] * inverse;
            let ratio = if ratio > -limit { ratio } else { -limit };
            let ratio = if ratio < limit { ratio } else { limit };
            integers[i] = round_to_int(ratio);
            near[i] = (ratio - integers[i] as f32).abs() > certain;
        }
        if !ordinary || near.iter().fold(false, |any, near| any | *near) {
            integers = block.map(|x| quantise_finite(x, scale, limit));
        }
        put(first, &integers);
        first += BLOCK;
    }
    let mut integers = [0i32; BLOCK];
    for (integer, x) in integers.iter_mut().zip(rest) {
        *integer = quantise_finite(*x, scale, limit);
    }
    put(first, &integers[..rest.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{quantise, I8_MAX, WEIGHT_MAX};

    /// Compares with the definition; returns how many values were compared.
    fn check(x: &[f32], scale: f32, limit: f32) -> usize {
        let mut count = 0;
        quantise_each(x, scale, limit, |first, integers| {
            assert_eq!(first, count);
            for (x, integer) in x[first..].iter().zip(integers) {
                assert_eq!(*integer, quantise(*x, scale, limit), "{x:e} / {scale:e}");
                count += 1;
            }
        });
        count
    }

    #[test]
    fn quantisation_without_division_should_be_exact() {
        let scales = [1, 0x007f_ffff, 0x0080_0000, 0x0d7f_ffff, 0x0d80_0000, 0x0d80_0001]
            .into_iter()
            .chain((0x0d80_0000..0x7f80_0000).step_by(0x0123_4567))
            .chain((0..40).map(|i| 0x3c00_0000 + i * 0x0007_3331))
            .map(f32::from_bits);
        for scale in scales {
            for limit in [I8_MAX, WEIGHT_MAX] {
                // Around every half: the quotient itself and its neighbours on both sides.
                let mut values = Vec::new();
                for half in 0..=limit as u32 {
                    let bits = ((half as f32 + 0.5) * scale).to_bits();
                    for near in bits.saturating_sub(3)..bits.saturating_add(4).min(0x7f7f_ffff) {
                        values.extend([f32::from_bits(near), -f32::from_bits(near)]);
                    }
                }
                assert_eq!(check(&values, scale, limit), values.len());
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
                assert_eq!(check(&x, scale, I8_MAX), len);
            }
        }
    }
}
