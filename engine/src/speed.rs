//! How fast this machine is: what a worker states as its capability.

use crate::{pool::Pools, Error, Kernel, Result};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use vigil_architecture::Activations;
use vigil_ops::tensor::{Activation, Linear, QuantisedRows};

/// Rows, inputs and outputs of the product that is timed: a projection of a common width for a
/// batch of a common size.
const SHAPE: (usize, usize, usize) = (128, 1_024, 1_024);
const TIME: Duration = Duration::from_millis(200);

/// Measures the speed of int8 matrix products in giga multiply-accumulates per second, in about
/// a quarter of a second; 0 if the processor lacks the kernel or can't start the threads.
pub fn measure_speed(kernel: Kernel, threads: usize) -> u32 {
    Pools::new(threads).and_then(|pools| pools.run(|| measure(kernel))).unwrap_or(0)
}

fn measure(kernel: Kernel) -> Result<u32> {
    let refused = |refused: vigil_ops::tensor::KernelError| Error::Unsupported(refused.to_string());
    let (rows, inputs, outputs) = SHAPE;
    let pattern = |len: usize| (0..len).map(|i| (i % 251) as i8).collect::<Vec<_>>();
    let weight: Vec<i8> = pattern(inputs * outputs).iter().map(|w| (*w).max(-127)).collect();
    let linear = Linear::new(kernel, &weight, &vec![1e-3; outputs], None).map_err(refused)?;
    let q: Vec<i8> = pattern(rows * inputs).iter().map(|x| (*x).max(-127)).collect();
    let scale = vec![1e-3; rows];
    let activations = Activations::Int8;
    let mut out = vec![0.0; rows * outputs];
    let mut multiply = || {
        let rows = QuantisedRows { activations, limbs: black_box(&q), scale: &scale };
        linear.forward(rows, Activation::None, &mut out).map_err(refused)?;
        black_box(&mut out);
        Ok::<_, Error>(())
    };
    multiply()?;
    let start = Instant::now();
    let mut products = 0u64;
    while start.elapsed() < TIME {
        multiply()?;
        products += 1;
    }
    let work = products as f64 * (rows * inputs * outputs) as f64;
    Ok((work / start.elapsed().as_secs_f64() / 1e9).round().max(1.0) as u32)
}
