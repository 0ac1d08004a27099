//! Projections: every kernel, on any number of threads, gives the bytes of the plain formula.

mod support;

use proptest::prelude::*;
use std::sync::LazyLock;
use support::{bytes_of, Quantised, Stream, ACTIVATIONS};
use vigil_architecture::Activations;
use vigil_ops::{
    math::{canonical, gelu, limit, magnitude, quantise, scale_of},
    tensor::{Activation, Linear, QuantisedRows},
    Kernel,
};

/// Pools of the numbers of threads that are compared.
static POOLS: LazyLock<Vec<rayon::ThreadPool>> = LazyLock::new(|| {
    [1, 2, 3, 7]
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap())
        .into()
});

/// Operands of a projection.
#[derive(Clone, Debug)]
struct Case {
    inputs: usize,
    weight: Vec<i8>,
    scale: Vec<f32>,
    bias: Option<Vec<f32>>,
    activations: Activations,
    /// The limbs of every row.
    q: Vec<i8>,
    row_scale: Vec<f32>,
}

impl Case {
    fn new(inputs: usize, outputs: usize, rows: usize, biased: bool, seed: u64) -> Self {
        let mut stream = Stream::new(seed);
        let weight = matrix(&mut stream, outputs, inputs);
        let scale = (0..outputs).map(|_| finite(&mut stream)).collect();
        let bias = biased.then(|| (0..outputs).map(|_| finite(&mut stream)).collect());
        let activations = ACTIVATIONS[(seed % 2) as usize];
        let mut q = matrix(&mut stream, rows * activations.limbs() as usize, inputs);
        if activations == Activations::Int15 {
            // Low limbs have six bits and a sign.
            for row in q.chunks_exact_mut(2 * inputs) {
                row[inputs..].iter_mut().for_each(|low| *low = (*low).clamp(-64, 63));
            }
        }
        let row_scale = (0..rows).map(|_| factor(&mut stream)).collect();
        Self { inputs, weight, scale, bias, activations, q, row_scale }
    }

    fn rows(&self) -> QuantisedRows<'_> {
        QuantisedRows { activations: self.activations, limbs: &self.q, scale: &self.row_scale }
    }

    /// The formula, in 64 bits where it is exact.
    fn expected(&self, activation: Activation) -> Vec<f32> {
        let mut out = Vec::new();
        let limbs = self.activations.limbs() as usize;
        for (q, row_scale) in self.q.chunks_exact(limbs * self.inputs).zip(&self.row_scale) {
            for (n, w) in self.weight.chunks_exact(self.inputs).enumerate() {
                let sum = q.chunks_exact(self.inputs).fold(0i64, |sum, q| {
                    let products = q.iter().zip(w).map(|(q, w)| i64::from(*q) * i64::from(*w));
                    128 * sum + products.sum::<i64>()
                });
                let product = sum as f32 * (self.scale[n] * row_scale);
                let y = canonical(self.bias.as_ref().map_or(product, |bias| product + bias[n]));
                out.push(match activation {
                    Activation::None => y,
                    Activation::Gelu => gelu(y),
                });
            }
        }
        out
    }

    fn linear(&self, kernel: Kernel) -> Linear {
        Linear::new(kernel, &self.weight, &self.scale, self.bias.as_deref()).unwrap()
    }

    /// Packs and multiplies with every kernel and pool.
    fn check(&self) {
        for activation in [Activation::None, Activation::Gelu] {
            let expected = bytes_of(&self.expected(activation));
            for kernel in Kernel::available() {
                for pool in POOLS.iter() {
                    pool.install(|| {
                        let linear = self.linear(kernel);
                        let mut out = vec![1.0; self.scale.len() * self.row_scale.len()];
                        linear.forward(self.rows(), activation, &mut out).unwrap();
                        let threads = pool.current_num_threads();
                        assert!(bytes_of(&out) == expected, "{kernel} on {threads} threads");
                    });
                }
            }
        }
    }
}

/// Rows of int8, some all zero or all at the limit.
fn matrix(stream: &mut Stream, rows: usize, width: usize) -> Vec<i8> {
    let mut matrix = Vec::with_capacity(rows * width);
    for _ in 0..rows {
        let kind = stream.below(8);
        matrix.extend((0..width).map(|_| match kind {
            0 => 0,
            1 => 127,
            2 => -127,
            _ => stream.i8(),
        }));
    }
    matrix
}

/// A finite number: ordinary, or a zero of either sign, denormal or extreme.
fn finite(stream: &mut Stream) -> f32 {
    let x = match stream.below(12) {
        0 => 0.0,
        1 => f32::from_bits(1),
        2 => f32::from_bits(0x007f_ffff),
        3 => f32::MIN_POSITIVE,
        4 => f32::MAX,
        5 => f32::from_bits((stream.u64() >> 40) as u32 % 0x7f80_0000),
        _ => stream.unit() * 0.01,
    };
    x.copysign(stream.unit())
}

/// What quantisation can give as the scale of a row, and more.
fn factor(stream: &mut Stream) -> f32 {
    match stream.below(10) {
        0 => f32::INFINITY,
        1 => f32::NAN,
        _ => finite(stream),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn projections_of_any_shape_should_agree(
        inputs in 1usize..300, outputs in 1usize..200, rows in 1usize..40, biased: bool, seed: u64,
    ) {
        Case::new(inputs, outputs, rows, biased, seed).check();
    }

    #[test]
    fn projections_of_long_rows_should_agree(
        inputs in 500usize..10_000, outputs in 1usize..70, rows in 1usize..10, biased: bool,
        seed: u64,
    ) {
        Case::new(inputs, outputs, rows, biased, seed).check();
    }

    #[test]
    fn several_projections_at_once_should_agree_with_each_alone(
        inputs in 1usize..700, outputs in proptest::collection::vec(1usize..300, 1..4),
        rows in 1usize..30, seed: u64,
    ) {
        let cases: Vec<Case> = outputs
            .iter()
            .zip(0..)
            .map(|(outputs, i)| Case::new(inputs, *outputs, rows, i % 2 == 0, seed ^ (2 * i)))
            .collect();
        let given = cases[0].rows();
        for kernel in Kernel::available() {
            let linears: Vec<Linear> = cases.iter().map(|case| case.linear(kernel)).collect();
            let linears: Vec<&Linear> = linears.iter().collect();
            for pool in POOLS.iter() {
                let mut outs: Vec<Vec<f32>> =
                    outputs.iter().map(|outputs| vec![1.0; outputs * rows]).collect();
                let mut slices: Vec<&mut [f32]> = outs.iter_mut().map(Vec::as_mut_slice).collect();
                pool.install(|| {
                    Linear::forward_many(&linears, given, Activation::None, &mut slices)
                })
                .unwrap();
                for (case, out) in cases.iter().zip(&outs) {
                    let (q, row_scale) = (cases[0].q.clone(), cases[0].row_scale.clone());
                    let alone = Case { q, row_scale, ..case.clone() };
                    let expected = bytes_of(&alone.expected(Activation::None));
                    assert!(bytes_of(out) == expected, "{kernel}");
                }
            }
        }
    }

    #[test]
    fn quantisation_should_agree(
        width in 1usize..700, rows in 1usize..30, precise: bool, seed: u64,
    ) {
        let activations = ACTIVATIONS[usize::from(precise)];
        let mut stream = Stream::new(seed);
        let x = stream.rows(rows, width, true);
        let mut expected = (Vec::new(), Vec::new());
        for row in x.chunks_exact(width) {
            let max = row.iter().map(|x| magnitude(*x)).max().unwrap();
            let limit = limit(activations);
            let scale = scale_of(f32::from_bits(max), limit);
            expected.0.extend(row.iter().map(|x| quantise(*x, scale, limit)));
            expected.1.push(scale);
        }
        for kernel in Kernel::available() {
            for pool in POOLS.iter() {
                let found = pool.install(|| Quantised::of(kernel, activations, &x, width));
                assert_eq!(found.integers(), expected.0, "{kernel}");
                assert_eq!(bytes_of(&found.scale), bytes_of(&expected.1), "{kernel}");
            }
        }
    }
}

#[test]
fn every_small_number_of_rows_should_agree() {
    for rows in (1..=20).chain([37, 96, 97, 200]) {
        Case::new(130, 131, rows, rows % 2 == 0, rows as u64).check();
    }
}

#[test]
fn more_rows_than_a_cache_holds_should_agree() {
    // Rows of 10,240 are taken a hundred at a time.
    Case::new(10_240, 65, 230, true, 1).check();
}

#[test]
fn projections_at_once_should_be_of_one_kernel_and_width() {
    let (a, b) = (Case::new(8, 3, 2, false, 1), Case::new(9, 3, 2, false, 2));
    let kernel = Kernel::best();
    let (a, b, c) = (a.linear(kernel), b.linear(kernel), a.linear(Kernel::Scalar));
    let (mut first, mut second) = ([0.0; 6], [0.0; 6]);
    let activations = Activations::Int8;
    let rows = QuantisedRows { activations, limbs: &[0; 16], scale: &[1.0; 2] };
    for other in [&b, &c] {
        let refused = Linear::forward_many(
            &[&a, other],
            rows,
            Activation::None,
            &mut [&mut first, &mut second],
        );
        assert!(refused.is_err() || kernel == Kernel::Scalar);
    }
    Linear::forward_many(&[], rows, Activation::None, &mut []).unwrap();
}
