//! Compares every function of one number, as each kernel compiles it, with the plain code, on all
//! 2^32 inputs. Takes minutes, on all processors: `nice cargo run --release --example exhaustive`, or
//! with the names of some functions behind `--`.

use rayon::prelude::*;
use std::{
    hint::black_box,
    process::ExitCode,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Instant,
};
use vigil_ops::{
    tensor::{unary, Unary},
    Kernel,
};

/// Inputs that are compared together.
const CHUNK: u32 = 1 << 14;

fn main() -> ExitCode {
    let kernels = Kernel::available();
    let mut bad = false;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let named = |function: &Unary| wanted.is_empty() || wanted.contains(&format!("{function:?}"));
    for function in Unary::ALL.into_iter().filter(named) {
        let start = Instant::now();
        let (done, wrong) = (AtomicU32::new(0), AtomicU64::new(0));
        (0..=u32::MAX / CHUNK).into_par_iter().for_each(|chunk| {
            let inputs = (chunk * CHUNK..=chunk * CHUNK + (CHUNK - 1)).map(f32::from_bits);
            let x: Vec<f32> = inputs.collect();
            let plain = black_box(function.plain());
            let expected: Vec<f32> = x.iter().map(|x| plain(*x)).collect();
            let mut out = vec![0.0; x.len()];
            for kernel in &kernels {
                if unary(*kernel, function, &x, &mut out).is_err() {
                    wrong.fetch_add(1, Ordering::Relaxed);
                }
                for ((x, out), expected) in x.iter().zip(&out).zip(&expected) {
                    if out.to_bits() == expected.to_bits() {
                        continue;
                    }
                    if wrong.fetch_add(1, Ordering::Relaxed) == 0 {
                        let bits = [x, out, expected].map(|x| x.to_bits());
                        eprintln!("{function:?} with {kernel}: {bits:#010x?}");
                    }
                }
            }
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done % (1 << 15) == 0 {
                eprintln!("{function:?}: {} of 8", done >> 15);
            }
        });
        let wrong = wrong.into_inner();
        let names: Vec<_> = kernels.iter().map(|kernel| kernel.name()).collect();
        let seconds = start.elapsed().as_secs();
        println!(
            "{function:?}: 4294967296 inputs, {}: {wrong} differ ({seconds} s)",
            names.join(", ")
        );
        bad |= wrong > 0;
    }
    match bad {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}
