use super::*;
use proptest::prelude::*;

/// Every exponent with the mantissas around the edges, both signs.
fn edges() -> impl Iterator<Item = f32> {
    let mantissas = [0, 1, 2, 0x3f_ffff, 0x40_0000, 0x40_0001, 0x7f_fffe, 0x7f_ffff];
    (0..=255u32).flat_map(move |exponent| {
        mantissas.into_iter().flat_map(move |mantissa| {
            let bits = exponent << 23 | mantissa;
            [f32::from_bits(bits), f32::from_bits(bits | 1 << 31)]
        })
    })
}

#[test]
fn soft_sqrt_should_equal_the_instruction_on_every_exponent() {
    for x in edges() {
        assert_eq!(soft_sqrt(x).to_bits(), canonical(x.sqrt()).to_bits(), "{x:e}");
    }
}

#[test]
fn soft_sqrt_should_equal_the_instruction_on_a_sweep_of_all_bits() {
    // A step prime to 2^32 visits mantissas and exponents evenly: 2.3 million values.
    let mut bits = 0u32;
    for _ in 0..2_300_000 {
        let x = f32::from_bits(bits);
        assert_eq!(soft_sqrt(x).to_bits(), canonical(x.sqrt()).to_bits(), "{bits:#x}");
        bits = bits.wrapping_add(1_867_061);
    }
}

#[test]
fn round_to_int_should_break_ties_to_even() {
    for (x, expected) in [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (126.5, 126)] {
        assert_eq!(round_to_int(x), expected, "{x}");
    }
}

#[test]
fn quantise_should_give_zeros_when_the_scale_is_zero_or_not_finite() {
    for max in [0.0, f32::from_bits(1), f32::INFINITY, f32::NAN] {
        assert_eq!(quantise(1.0, scale_of(max, I8_MAX), I8_MAX), 0, "{max}");
    }
}

#[test]
fn quantise_should_stay_within_the_limit_on_denormal_scales() {
    for bits in 1..5_000 {
        let max = f32::from_bits(bits);
        let scale = scale_of(max, I8_MAX);
        for x in [max, -max] {
            assert!((-127..=127).contains(&quantise(x, scale, I8_MAX)));
        }
    }
}

#[test]
fn exp_should_be_exact_at_zero_and_saturate_at_the_ends() {
    assert_eq!(exp(0.0).to_bits(), 1f32.to_bits());
    assert_eq!(exp(-0.0).to_bits(), 1f32.to_bits());
    assert_eq!(exp(-87.1).to_bits(), 0);
    assert_eq!(exp(f32::NEG_INFINITY).to_bits(), 0);
    assert_eq!(exp(88.1), f32::INFINITY);
    assert_eq!(exp(f32::from_bits(0xffc0_1234)).to_bits(), 0x7fc0_0000);
}

#[test]
fn exp_should_be_within_two_units_in_the_last_place() {
    for i in 0..=1_750_000 {
        let x = -87.0 + i as f32 * 1e-4;
        let exact = f64::from(x).exp();
        let error = (f64::from(exp(x)) - exact).abs() / exact;
        assert!(error < 2.4e-7, "{x}: {error:e}");
    }
}

#[test]
fn erf_should_be_within_half_a_millionth() {
    // erf by its series and its continued fraction in f64.
    fn exact(x: f64) -> f64 {
        let (mut term, mut total, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 * total.abs() && n < 300.0 {
            n += 1.0;
            term *= -x * x / n;
            total += term / (2.0 * n + 1.0);
        }
        total * 2.0 / core::f64::consts::PI.sqrt()
    }
    for i in 0..=40_000 {
        let x = i as f32 * 1e-4;
        let error = (f64::from(erf(x)) - exact(x.into())).abs();
        assert!(error < 5e-7, "{x}: {error:e}");
        assert_eq!(erf(-x).to_bits(), (-erf(x)).to_bits());
    }
    assert_eq!(erf(4.0), 1.0);
    assert_eq!(erf(f32::NEG_INFINITY), -1.0);
}

#[test]
fn gelu_should_vanish_for_large_negative_values() {
    assert_eq!(gelu(-10.0), 0.0);
    assert_eq!(gelu(10.0), 10.0);
    assert_eq!(gelu(0.0).to_bits(), 0);
    assert_eq!(gelu(-0.0).to_bits(), 0x8000_0000);
}

#[test]
fn order_keys_should_sort_every_kind_of_value() {
    let sorted = [
        f32::NEG_INFINITY,
        -1.0,
        -1e-40,
        -0.0,
        0.0,
        1e-40,
        1.0,
        f32::INFINITY,
        canonical(f32::NAN),
    ];
    for pair in sorted.windows(2) {
        assert!(order_key(pair[0]) < order_key(pair[1]), "{pair:?}");
    }
    for x in edges().map(canonical) {
        assert_eq!(from_order_key(order_key(x)).to_bits(), x.to_bits());
    }
}

proptest! {
    #[test]
    fn sum_should_not_depend_on_padding_with_zeros(
        values in proptest::collection::vec(any::<f32>(), 0..100),
        padding in 0usize..20,
    ) {
        let padded = values.iter().copied().chain(core::iter::repeat_n(0.0, padding));
        prop_assert_eq!(
            canonical(sum(values.iter().copied())).to_bits(),
            canonical(sum(padded)).to_bits()
        );
    }

    #[test]
    fn soft_sqrt_should_equal_the_instruction(x in any::<f32>()) {
        prop_assert_eq!(soft_sqrt(x).to_bits(), canonical(x.sqrt()).to_bits());
    }
}
