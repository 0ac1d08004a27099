//! The arithmetic that every operator is made of.
//!
//! Only IEEE-754 binary32 addition, subtraction, multiplication, division and square root, each
//! rounded to nearest even, on values whose order of evaluation is written down here. No function
//! of a platform's mathematics library is called and nothing is fused, so scalar code, vector code
//! and wasm give the same bytes. `docs/operators.md` is the normative text.

use vigil_architecture::Activations;

/// Lanes of every f32 sum.
pub const LANES: usize = 16;
/// Largest magnitude of an int8 value. -128 does not occur.
pub const I8_MAX: f32 = 127.0;
/// Largest magnitude of an activation of 15 bits: 127 x 128 + 63, so that it is `128 high + low` with
/// `high` from -127 to 127 and `low` from -64 to 63, two int8. 1,024 products with int8 fit i32.
pub const I15_MAX: f32 = 16_319.0;
/// Largest requantised attention weight: 13 bits, which are an int8 and six more.
pub const WEIGHT_MAX: f32 = 4_095.0;
/// Divisor of L2 normalisation for vectors shorter than this.
pub const MIN_NORM: f32 = 1e-12;

/// The only NaN that is ever stored.
const CANONICAL_NAN: u32 = 0x7fc0_0000;
/// 1.5 x 2^23: adding it rounds a value below 2^22 in magnitude to an integer, ties to even.
pub(crate) const ROUNDER: f32 = 12_582_912.0;

/// Bits of positive infinity: a greater [`magnitude`] is a NaN.
const INFINITY: u32 = 0x7f80_0000;

/// `x`, with every NaN replaced by the canonical one. Every f32 result passes through here.
///
/// In integers, because the compiler is careless of a NaN's bits: it turns a float selection of
/// a NaN for a negative `x` or else `sqrt(x)` into the bare instruction, whose NaN is another.
#[inline(always)]
pub fn canonical(x: f32) -> f32 {
    f32::from_bits(if magnitude(x) > INFINITY { CANONICAL_NAN } else { x.to_bits() })
}

/// `|x|` as an unsigned key: keys order magnitudes, with infinity above every number and NaN above
/// infinity.
#[inline(always)]
pub fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// A key whose signed order is the order of canonical values: -inf, ..., -0, +0, ..., +inf, NaN.
#[inline(always)]
pub fn order_key(x: f32) -> i32 {
    let bits = x.to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

/// The value of an [`order_key`].
#[inline(always)]
pub fn from_order_key(key: i32) -> f32 {
    f32::from_bits((key ^ (((key >> 31) as u32) >> 1) as i32) as u32)
}

/// The greater of two canonical values in the order of [`order_key`].
#[inline(always)]
pub fn greater(a: f32, b: f32) -> f32 {
    from_order_key(order_key(a).max(order_key(b)))
}

/// Nearest integer, ties to even, of a value below 2^22 in magnitude.
#[inline(always)]
pub fn round_to_int(x: f32) -> i32 {
    ((x + ROUNDER).to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32)
}

/// Largest magnitude of activations.
#[inline(always)]
pub const fn limit(activations: Activations) -> f32 {
    match activations {
        Activations::Int8 => I8_MAX,
        Activations::Int15 => I15_MAX,
    }
}

/// The scale of a group whose largest magnitude is `max`, for integers up to `limit`; 0 when
/// the group must become zeros: it is all zero, not finite, or too small for a scale.
#[inline(always)]
pub fn scale_of(max: f32, limit: f32) -> f32 {
    canonical(max / limit)
}

/// `clamp(round_ties_even(x / scale))` in `-limit..=limit`; 0 when `scale` is 0 or not finite.
#[inline(always)]
pub fn quantise(x: f32, scale: f32, limit: f32) -> i32 {
    if scale == 0.0 || !scale.is_finite() {
        return 0;
    }
    quantise_finite(x, scale, limit)
}

/// [`quantise`] for a scale known to be finite and not 0.
#[inline(always)]
pub(crate) fn quantise_finite(x: f32, scale: f32, limit: f32) -> i32 {
    let ratio = x / scale;
    let ratio = if ratio > -limit { ratio } else { -limit };
    let ratio = if ratio < limit { ratio } else { limit };
    round_to_int(ratio)
}

/// Sums at most one block: lane `l` adds elements `l, l + 16, l + 32, ...` in this order, starting
/// from +0, then lanes are added in halves: 8 and 8, 4 and 4, 2 and 2, 1 and 1.
///
/// Missing elements of a last stripe may be left out or added as +0: no lane is ever -0.
#[inline(always)]
pub fn sum(values: impl Iterator<Item = f32>) -> f32 {
    let mut lanes = [0f32; LANES];
    for (i, value) in values.enumerate() {
        if let Some(lane) = lanes.get_mut(i % LANES) {
            *lane += value;
        }
    }
    sum_lanes(lanes)
}

/// The fixed tree over 16 lanes.
#[inline(always)]
#[allow(clippy::indexing_slicing, reason = "`i + half` is below 16")]
pub fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Adds partial sums from first to last, starting from +0.
#[inline(always)]
pub fn fold(partials: impl Iterator<Item = f32>) -> f32 {
    partials.fold(0.0, |total, partial| total + partial)
}

/// `e^x`: 0 below -87, infinity above 88.
///
/// `n = round(x log2 e)`, `r = x - n ln 2` with ln 2 in two parts, a polynomial in `r`, times
/// `2^n`. `exp(0)` is exactly 1.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // NaN takes the bound here and is put back below.
    let bounded = if x > -87.0 { x } else { -87.0 };
    let bounded = if bounded < 88.0 { bounded } else { 88.0 };
    let result = exp_between(bounded);
    let result = if x < -87.0 { 0.0 } else { result };
    let result = if x > 88.0 { f32::INFINITY } else { result };
    f32::from_bits(if magnitude(x) > INFINITY { CANONICAL_NAN } else { result.to_bits() })
}

/// [`exp`] of a number that is not above 0, as every score is once the greatest is taken away.
#[cfg(feature = "std")]
#[inline(always)]
pub(crate) fn exp_of_negative(x: f32) -> f32 {
    let bounded = if x > -87.0 { x } else { -87.0 };
    let result = exp_between(bounded);
    if x < -87.0 {
        0.0
    } else {
        result
    }
}

/// [`exp`] from -87 to 88.
#[inline(always)]
fn exp_between(x: f32) -> f32 {
    const LOG2_E: f32 = f32::from_bits(0x3fb8_aa3b);
    const LN_2_HIGH: f32 = f32::from_bits(0x3f31_8000);
    const LN_2_LOW: f32 = f32::from_bits(0xb95e_8083);
    const C: [f32; 5] = [
        f32::from_bits(0x3eff_fffe),
        f32::from_bits(0x3e2a_aa49),
        f32::from_bits(0x3d2a_ac79),
        f32::from_bits(0x3c09_1cf1),
        f32::from_bits(0x3ab5_121a),
    ];
    let n = round_to_int(x * LOG2_E);
    let n_f32 = n as f32;
    let r = (x - n_f32 * LN_2_HIGH) - n_f32 * LN_2_LOW;
    let p = (((C[4] * r + C[3]) * r + C[2]) * r + C[1]) * r + C[0];
    let e = ((p * r) * r + r) + 1.0;
    let power = f32::from_bits((n.wrapping_add(127) as u32) << 23);
    e * power
}

/// The error function: an odd rational function below 4 in magnitude, 1 with the sign of `x` from
/// there on.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    canonical(erf_or_nan(x))
}

/// [`erf`], but any NaN of NaN.
#[inline(always)]
fn erf_or_nan(x: f32) -> f32 {
    const P: [f32; 6] = [
        f32::from_bits(ERF_P[0]),
        f32::from_bits(ERF_P[1]),
        f32::from_bits(ERF_P[2]),
        f32::from_bits(ERF_P[3]),
        f32::from_bits(ERF_P[4]),
        f32::from_bits(ERF_P[5]),
    ];
    const Q: [f32; 5] = [
        f32::from_bits(ERF_Q[0]),
        f32::from_bits(ERF_Q[1]),
        f32::from_bits(ERF_Q[2]),
        f32::from_bits(ERF_Q[3]),
        f32::from_bits(ERF_Q[4]),
    ];
    let t = x * x;
    let p = ((((P[5] * t + P[4]) * t + P[3]) * t + P[2]) * t + P[1]) * t + P[0];
    let q = ((((Q[4] * t + Q[3]) * t + Q[2]) * t + Q[1]) * t + Q[0]) * t + 1.0;
    let result = (x * p) / q;
    let result = if x >= 4.0 { 1.0 } else { result };
    if x <= -4.0 {
        -1.0
    } else {
        result
    }
}

/// Numerator of [`erf`] in powers of `x^2`, as f32 bits.
const ERF_P: [u32; 6] =
    [0x3f90_6eba, 0x3e46_30d8, 0x3d59_814a, 0x3b7e_8013, 0x3995_31c2, 0x3605_546f];
/// Denominator of [`erf`] in powers of `x^2` from the first on, as f32 bits; the constant is 1.
const ERF_Q: [u32; 5] = [0x3f01_3e5f, 0x3dec_3cc0, 0x3c79_2807, 0x3a9b_654d, 0x381c_f372];

/// The Gaussian error linear unit: `(0.5 x) (1 + erf(x / sqrt 2))`.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    const FRAC_1_SQRT_2: f32 = f32::from_bits(0x3f35_04f3);
    canonical((0.5 * x) * (1.0 + erf_or_nan(x * FRAC_1_SQRT_2)))
}

/// The sigmoid linear unit: `x / (1 + exp(-x))`.
#[inline(always)]
pub fn silu(x: f32) -> f32 {
    canonical(x / (1.0 + exp(-x)))
}

/// The natural logarithm: NaN below 0, -infinity of 0.
///
/// `x = m 2^e` with `m` from sqrt(1/2) to sqrt(2), a polynomial in `m - 1`, plus `e ln 2` with ln 2
/// in the two parts that [`exp`] takes. `ln(1)` is exactly 0.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    const HALF: u32 = 0x3f00_0000;
    const TWO_23: f32 = 8_388_608.0;
    const LN_2_HIGH: f32 = f32::from_bits(0x3f31_8000);
    const LN_2_LOW: f32 = f32::from_bits(0xb95e_8083);
    // Denormals become normal.
    let small = magnitude(x) < 0x0080_0000;
    let (bits, below) = if small { ((x * TWO_23).to_bits(), 23) } else { (x.to_bits(), 0) };
    // x = half * 2^exponent with `half` from 1/2 to 1; below sqrt(1/2) it is doubled.
    let half = (bits & 0x007f_ffff) | HALF;
    let double = half < SQRT_HALF;
    let exponent = ((bits >> 23) as i32 & 0xff) - 126 - below - i32::from(double);
    let m = f32::from_bits(if double { half + 0x0080_0000 } else { half });
    let e = exponent as f32;
    let r = m - 1.0;
    let z = r * r;
    let p = LN_P.iter().fold(0.0, |p, c| p * r + f32::from_bits(*c));
    let y = ((p * r) * z + e * LN_2_LOW) - 0.5 * z;
    let result = (r + y) + e * LN_2_HIGH;
    let result = if x < 0.0 { f32::NAN } else { result };
    let result = if x == 0.0 { f32::NEG_INFINITY } else { result };
    let result = if x == f32::INFINITY { x } else { result };
    f32::from_bits(if magnitude(x) > INFINITY {
        CANONICAL_NAN
    } else {
        canonical(result).to_bits()
    })
}

/// Polynomial of [`ln`] in `m - 1`, from the highest power down, as f32 bits.
const LN_P: [u32; 9] = [
    0x3d90_21bb,
    0xbdeb_d1b8,
    0x3def_251a,
    0xbdfe_5d4f,
    0x3e11_e9bf,
    0xbe2a_ae50,
    0x3e4c_ceac,
    0xbe7f_fffc,
    0x3eaa_aaaa,
];

/// Philox4x32-10 (Salmon et al., 2011): four words that look random, a function of key and counter.
pub fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let [c0, c1, c2, c3] = counter;
        let [k0, k1] = key;
        let (a, b) = (u64::from(c0) * 0xd251_1f53, u64::from(c2) * 0xcd9e_8d57);
        counter = [(b >> 32) as u32 ^ c1 ^ k0, b as u32, (a >> 32) as u32 ^ c3 ^ k1, a as u32];
        key = [k0.wrapping_add(0x9e37_79b9), k1.wrapping_add(0xbb67_ae85)];
    }
    counter
}

/// Gumbel noise of a random word: `-ln(-ln(u))` with `u` the middle of one of the 2^23 equal parts
/// of the unit interval.
#[inline(always)]
pub fn gumbel_of(word: u32) -> f32 {
    const PART: f32 = f32::from_bits(0x3400_0000);
    let u = ((word >> 9) as f32 + 0.5) * PART;
    -ln(-ln(u))
}

/// The noise of token `token` at `position`.
pub fn gumbel(seed: u64, position: u32, token: u32) -> f32 {
    let key = [seed as u32, (seed >> 32) as u32];
    let [a, b, c, d] = philox4x32_10([token / 4, position, 0, 0], key);
    gumbel_of(match token % 4 {
        0 => a,
        1 => b,
        2 => c,
        _ => d,
    })
}

/// The square root, rounded to nearest even. Of a negative value: NaN; of -0: -0.
#[inline(always)]
pub fn sqrt(x: f32) -> f32 {
    #[cfg(feature = "std")]
    let root = canonical(x.sqrt());
    #[cfg(not(feature = "std"))]
    let root = soft_sqrt(x);
    root
}

/// [`sqrt`] in integers, for where the compiler offers no instruction.
///
/// `x = m 2^e` with `e` even and 25 or 26 bits in `m`, so that the root of `m 2^24` has 25 bits: 24
/// of the result and one that, since there are no ties, alone decides the rounding.
pub fn soft_sqrt(x: f32) -> f32 {
    if x == 0.0 || x == f32::INFINITY {
        return x;
    }
    if x.is_nan() || x < 0.0 {
        return f32::from_bits(CANONICAL_NAN);
    }
    let bits = x.to_bits();
    let (mut mantissa, mut exponent) = ((bits & 0x007f_ffff) as u64, (bits >> 23) as i32);
    if exponent == 0 {
        // Denormal: move the highest bit to where a normal number has it.
        let shift = mantissa.leading_zeros() as i32 - 40;
        mantissa <<= shift;
        exponent = 1 - shift;
    } else {
        mantissa |= 0x0080_0000;
    }
    // x = mantissa * 2^(exponent - 150) with 2^23 <= mantissa < 2^24.
    exponent -= 150;
    let shift = if exponent % 2 == 0 { 2 } else { 1 };
    mantissa <<= shift;
    exponent -= shift;
    // 2^24 <= mantissa < 2^26; the root of mantissa * 2^24 has exactly 25 bits: 24 of the result
    // and one for rounding.
    let radicand = mantissa << 24;
    let mut root = 0u64;
    let mut bit = 1u64 << 24;
    while bit > 0 {
        let trial = root | bit;
        if trial * trial <= radicand {
            root = trial;
        }
        bit >>= 1;
    }
    // A square root of a 24-bit number is never half-way between two: round up on the last bit.
    let rounded = (root >> 1) + (root & 1);
    // rounded * 2^((exponent - 24) / 2 + 1), with 2^23 <= rounded <= 2^24: the carry of 2^24 flows
    // into the exponent by itself.
    let exponent = (exponent - 24) / 2 + 1 + 150;
    f32::from_bits((((exponent - 1) as u32) << 23).wrapping_add(rounded as u32))
}

#[cfg(test)]
mod tests;
