//! Sine, cosine, exponential and logarithm in f64, the same bits on every machine.
//!
//! The tables of rotations are part of a package, and a package has the same bytes wherever it is
//! packed, but the functions of `std` are those of the platform's C library. These use only
//! additions, multiplications and divisions of f64 in a fixed order: Taylor series on a reduced
//! argument, exact to a few units in the last place, far finer than the f32 that is kept.

use std::f64::consts::FRAC_2_PI;

/// pi/2 in three parts, the first two with 33 bits, so that a multiple of each below 2^20 is exact.
const HALF_PI: [u64; 3] = [0x3ff9_21fb_5440_0000, 0x3dd0_b461_1a60_0000, 0x3ba3_198a_2e03_7073];
/// ln(2) in two parts, the first with 33 bits.
const LN_2: [u64; 2] = [0x3fe6_2e42_fee0_0000, 0x3dea_39ef_3579_3c76];

/// Largest argument of [`sin_cos`].
const MOST: f64 = 1e6;

/// Sine and cosine of `x` radians, `|x|` at most a million.
pub(super) fn sin_cos(x: f64) -> (f64, f64) {
    debug_assert!(x.abs() <= MOST, "{x} is out of range");
    let turns = (x * FRAC_2_PI).round_ties_even();
    let reduced = HALF_PI.iter().fold(x, |x, part| x - turns * f64::from_bits(*part));
    let square = reduced * reduced;
    // x - x^3/3! + ... to x^19, 1 - x^2/2! + ... to x^20.
    let sin = reduced * series(square, 19, 3);
    let cos = series(square, 20, 2);
    match (turns as i64).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// `1 - s/(a(a-1)) (1 - s/((a+2)(a+1)) (1 - ...))` with `a` from `first` to `last` by twos.
fn series(square: f64, last: u32, first: u32) -> f64 {
    let mut sum = 1.0;
    let mut factor = last;
    while factor >= first {
        sum = 1.0 - square / f64::from(factor * (factor - 1)) * sum;
        factor -= 2;
    }
    sum
}

/// `e^x`, `|x|` at most 700.
pub(super) fn exp(x: f64) -> f64 {
    debug_assert!(x.abs() <= 700.0, "{x} is out of range");
    let power = (x * std::f64::consts::LOG2_E).round_ties_even();
    let reduced = LN_2.iter().fold(x, |x, part| x - power * f64::from_bits(*part));
    let mut sum = 1.0;
    for factor in (1..=17).rev() {
        sum = 1.0 + reduced / f64::from(factor) * sum;
    }
    sum * f64::from_bits((1023i64.saturating_add(power as i64) as u64) << 52)
}

/// The natural logarithm of a positive, finite, normal `x`.
pub(super) fn ln(x: f64) -> f64 {
    debug_assert!(x.is_normal() && x > 0.0, "{x} is out of range");
    let bits = x.to_bits();
    let mut power = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa /= 2.0;
        power += 1;
    }
    // ln((1 + t)/(1 - t)) = 2 (t + t^3/3 + t^5/5 + ...), |t| <= 0.172.
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let mut sum = 0.0;
    for odd in (1..=25).rev().step_by(2) {
        sum = 1.0 / f64::from(odd) + square * sum;
    }
    let [high, low] = LN_2.map(f64::from_bits);
    let power = power as f64;
    power * high + (2.0 * t * sum + power * low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all sizes up to `most`, spread evenly and by powers.
    fn numbers(most: f64) -> impl Iterator<Item = f64> {
        let even = (0..20_000).map(move |i| most * f64::from(i) / 20_000.0);
        let powers = std::iter::successors(Some(most), |x| Some(x * 0.83)).take(200);
        even.chain(powers)
    }

    #[test]
    fn sine_and_cosine_should_be_those_of_the_platform_to_the_last_places() {
        for x in numbers(4_096.0).flat_map(|x| [x, -x]) {
            let (sin, cos) = sin_cos(x);
            assert!((sin - x.sin()).abs() < 1e-15, "sin {x}: {sin}");
            assert!((cos - x.cos()).abs() < 1e-15, "cos {x}: {cos}");
            assert!(sin.abs() <= 1.0 + 1e-15 && cos.abs() <= 1.0 + 1e-15);
        }
    }

    #[test]
    fn the_exponential_and_the_logarithm_should_be_those_of_the_platform_to_the_last_places() {
        for x in numbers(40.0).flat_map(|x| [x, -x]) {
            assert!((exp(x) / x.exp() - 1.0).abs() < 2e-15, "exp {x}: {}", exp(x));
        }
        for x in numbers(1e7).filter(|x| *x > 1e-9) {
            assert!((ln(x) - x.ln()).abs() < 1e-15 * x.ln().abs().max(1.0), "ln {x}: {}", ln(x));
        }
        assert_eq!((exp(0.0), ln(1.0), sin_cos(0.0)), (1.0, 0.0, (0.0, 1.0)));
    }

    #[test]
    fn the_bits_should_be_the_same_on_every_machine() {
        let mut hasher = blake3::Hasher::new();
        for x in numbers(4_096.0) {
            let (sin, cos) = sin_cos(x);
            for y in [sin, cos, exp(-x / 100.0), ln(x + 1.0)] {
                hasher.update(&y.to_le_bytes());
            }
        }
        assert_eq!(
            hasher.finalize().to_hex().as_str(),
            "b092af4ba3fed47653bd524398cf5299fae964958435cc835c773abb336f3486"
        );
    }
}
