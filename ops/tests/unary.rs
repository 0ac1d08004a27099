//! The functions of one number as the kernels compile them, on a sweep of all bit patterns. The
//! example `exhaustive` takes every pattern.

use vigil_ops::{
    tensor::{unary, Unary},
    Kernel,
};

/// Prime, so that mantissas and exponents are visited evenly.
const STEP: usize = 4_099;

#[test]
fn functions_should_give_the_same_bits_in_vectors() {
    let x: Vec<f32> = (0..=u32::MAX).step_by(STEP).map(f32::from_bits).collect();
    for function in Unary::ALL {
        let plain = function.plain();
        let expected: Vec<u32> = x.iter().map(|x| plain(*x).to_bits()).collect();
        for kernel in Kernel::available() {
            let mut out = vec![0.0; x.len()];
            unary(kernel, function, &x, &mut out).unwrap();
            let wrong = x.iter().zip(&out).zip(&expected).find(|((_, a), b)| a.to_bits() != **b);
            assert_eq!(wrong, None, "{function:?} with {kernel}");
        }
    }
}
