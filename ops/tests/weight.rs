//! Rows of weights get the scale that loses least, the same with every kernel.

mod support;

use proptest::prelude::*;
use support::Stream;
use vigil_ops::{
    math::{quantise, scale_of, I8_MAX},
    tensor::weight_scale,
    Kernel,
};

fn quantised(x: &[f32], scale: f32) -> Vec<i8> {
    x.iter().map(|x| quantise(*x, scale, I8_MAX) as i8).collect()
}

fn loss(x: &[f32], importance: &[f32], q: &[i8], scale: f32) -> f64 {
    let errors = x.iter().zip(q).zip(importance);
    errors
        .map(|((x, q), importance)| {
            let error = f64::from(*x) - f64::from(*q) * f64::from(scale);
            error * error * f64::from(*importance)
        })
        .sum()
}

/// By the scale that cuts nothing off.
fn plain(x: &[f32]) -> (Vec<i8>, f32) {
    let scale = scale_of(x.iter().fold(0.0, |most, x| most.max(x.abs())), I8_MAX);
    (quantised(x, scale), scale)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_should_choose_the_same_scale_and_never_a_worse_one(
        width in 1usize..2_100, weighted: bool, seed: u64,
    ) {
        let mut stream = Stream::new(seed);
        let x = stream.row(width, false);
        let importance: Vec<f32> = match weighted {
            true => (0..width).map(|_| stream.unit().abs()).collect(),
            false => vec![1.0; width],
        };
        let given = weighted.then_some(&importance[..]);
        let mut expected = None;
        for kernel in Kernel::available() {
            let scale = weight_scale(kernel, &x, given).unwrap();
            let q = quantised(&x, scale);
            prop_assert!(!q.contains(&-128) && scale.is_finite());
            let (whole, most) = plain(&x);
            // Up to the rounding of sums in f32.
            let found = loss(&x, &importance, &q, scale);
            let bound = loss(&x, &importance, &whole, most);
            prop_assert!(found <= bound * 1.001 + 1e-30, "{kernel}: {found} {bound}");
            prop_assert_eq!(*expected.get_or_insert(scale.to_bits()), scale.to_bits(), "{}", kernel);
        }
    }
}

#[test]
fn a_row_of_few_values_should_find_them() {
    // Seven steps each way: a scale at which all are whole is among those tried.
    let x: Vec<f32> = (0..64).map(|i| (i % 15) as f32 - 7.0).collect();
    let scale = weight_scale(Kernel::best(), &x, None).unwrap();
    let q = quantised(&x, scale);
    let (whole, most) = plain(&x);
    let ones = vec![1.0; x.len()];
    assert!(loss(&x, &ones, &q, scale) < loss(&x, &ones, &whole, most) / 2.0);
}

#[test]
fn zeros_and_rows_too_small_for_a_scale_should_have_none() {
    for x in [[0.0f32; 5], [1e-45; 5]] {
        assert_eq!(weight_scale(Kernel::best(), &x, None), Ok(0.0));
    }
}
