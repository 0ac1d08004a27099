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

#[test]
fn ln_should_be_exact_at_one_and_know_the_ends() {
    assert_eq!(ln(1.0).to_bits(), 0);
    assert_eq!(ln(0.0), f32::NEG_INFINITY);
    assert_eq!(ln(-0.0), f32::NEG_INFINITY);
    assert_eq!(ln(f32::INFINITY), f32::INFINITY);
    for x in [-1.0, f32::NEG_INFINITY, -f32::from_bits(1), f32::from_bits(0xffc0_1234)] {
        assert_eq!(ln(x).to_bits(), 0x7fc0_0000, "{x}");
    }
}

#[test]
fn ln_should_be_within_one_unit_in_the_last_place() {
    // Every positive exponent, denormals too, and closely around 1.
    let spread = (1..0x7f80_0000u32).step_by(1_009).map(f32::from_bits);
    let close = (0..200_000u32).map(|i| f32::from_bits(0x3f7f_0000 + i));
    for x in spread.chain(close).filter(|x| *x != 1.0) {
        let exact = f64::from(x).ln();
        let error = (f64::from(ln(x)) - exact).abs() / exact.abs();
        assert!(error < 8.2e-8, "{x:e}: {error:e}");
    }
}

#[test]
fn ln_should_invert_exp() {
    for i in -800..800 {
        let x = i as f32 * 0.1;
        assert!((ln(exp(x)) - x).abs() <= 3e-7 * x.abs().max(1.0), "{x}");
    }
}

#[test]
fn silu_should_be_close_and_know_the_ends() {
    for i in -80_000..=80_000 {
        let x = i as f32 * 1e-3;
        let exact = f64::from(x) / (1.0 + (-f64::from(x)).exp());
        let error = (f64::from(silu(x)) - exact).abs() / exact.abs().max(1e-30);
        assert!(error < 2e-7, "{x}: {error:e}");
    }
    assert_eq!(silu(0.0).to_bits(), 0);
    assert_eq!(silu(-0.0).to_bits(), 0x8000_0000);
    assert_eq!(silu(-90.0).to_bits(), 0x8000_0000);
    assert_eq!(silu(f32::INFINITY), f32::INFINITY);
    assert_eq!(silu(f32::NEG_INFINITY).to_bits(), 0x7fc0_0000);
}

#[test]
fn philox_should_give_the_known_answers() {
    // The vectors that its authors publish with Random123.
    let ones = u32::MAX;
    for (counter, key, expected) in [
        ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        ([ones; 4], [ones; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
        (
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        ),
    ] {
        assert_eq!(philox4x32_10(counter, key), expected);
    }
}

#[test]
fn gumbel_noise_should_be_finite_and_have_its_mean_and_variance() {
    assert!((gumbel_of(0) + 2.811).abs() < 1e-3);
    assert!((gumbel_of(u32::MAX) - 16.636).abs() < 1e-3);
    let noise: Vec<f64> = (0..200_000).map(|token| gumbel(7, 3, token).into()).collect();
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    let variance = noise.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / noise.len() as f64;
    // Euler's constant and pi^2 / 6.
    assert!((mean - 0.577_216).abs() < 0.01, "{mean}");
    assert!((variance - 1.644_934).abs() < 0.03, "{variance}");
}

#[test]
fn gumbel_noise_should_depend_on_seed_position_and_token_alone() {
    let [first, ..] = philox4x32_10([5, 9, 0, 0], [1, 2]);
    let seed = 2 << 32 | 1;
    assert_eq!(gumbel(seed, 9, 20).to_bits(), gumbel_of(first).to_bits());
    for other in [gumbel(seed ^ 1 << 32, 9, 20), gumbel(seed, 10, 20), gumbel(seed, 9, 21)] {
        assert_ne!(gumbel(seed, 9, 20), other);
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
