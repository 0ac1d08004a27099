//! What a token costs as the context grows, and whether a long context gives the same bytes however
//! it is taken.
//!
//! ```text
//! cargo run --release -p vigil-engine --example context -- PACKAGE [TOKENS]
//! ```
//! The package is a language model's with a context of TOKENS (32,768): `synthetic` writes one of
//! random weights. At every power of two an input of random tokens is taken in pieces of 512 and a few
//! tokens are generated behind it, and what a token cost is printed. Then the longest is taken again
//! in pieces of another size, and gives the same tokens.

use std::{env, error::Error, ops::ControlFlow, process::ExitCode, time::Instant};
use vigil_engine::{Batch, Limits, Model, Options, Package, Request, Sampling};

/// Tokens that are generated behind every context.
const DECODED: u32 = 8;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let measured = match arguments.as_slice() {
        [package] => measure(package, 32_768),
        [package, tokens] => match tokens.parse() {
            Ok(tokens) => measure(package, tokens),
            Err(error) => Err(format!("{tokens}: {error}").into()),
        },
        _ => Err("usage: context PACKAGE [TOKENS]".into()),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(package: &str, most: usize) -> Result<(), Box<dyn Error>> {
    let package = Package::open(package)?;
    let threads = std::thread::available_parallelism()?.get();
    let model = Model::load(&package, &Options { threads, ..Options::default() })?;
    let vocabulary = u64::from(model.architecture().vocabulary());
    let mut state = 1u64;
    let tokens: Vec<u32> = (0..most)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % vocabulary) as u32
        })
        .collect();
    println!("{threads} threads, kernel {}", model.kernel());
    println!(
        "| context | prefill, ms a token | decode behind it, ms a token | keys and values, MiB | \
         resident, MiB |\n|---|---|---|---|---|"
    );
    let mut context = 1_024;
    let mut last = Vec::new();
    while context <= most {
        let input = tokens[..context - DECODED as usize].to_vec();
        let before = input.len();
        let request = Request::generate(input, DECODED, Sampling::Greedy);
        let limits = Limits { cache_tokens: most, ..Limits::default() };
        let mut batch = Batch::new(&model, limits)?;
        batch.add((), request)?;
        let (start, mut times) = (Instant::now(), Vec::new());
        let (mut output, mut most_resident) = (Vec::new(), 0);
        while !batch.is_empty() {
            most_resident = most_resident.max(resident()?);
            let finished = batch.step_with(&mut |(), _| {
                times.push(start.elapsed());
                ControlFlow::Continue(())
            });
            for (_, run) in finished {
                output = run?.output;
            }
        }
        let (Some(first), Some(end)) = (times.first(), times.last()) else {
            return Err("the model generated nothing".into());
        };
        let decode = (*end - *first).as_secs_f64() / f64::from(DECODED - 1);
        println!(
            "| {context} | {:.3} | {:.3} | {} | {} |",
            first.as_secs_f64() * 1e3 / before as f64,
            decode * 1e3,
            model.cache_bytes(context) >> 20,
            most_resident >> 20
        );
        last = output;
        context *= 2;
    }
    // The longest again, in pieces of another size.
    let context = context / 2;
    let request =
        Request::generate(&tokens[..context - DECODED as usize], DECODED, Sampling::Greedy);
    let limits = Limits { cache_tokens: most, chunk: 77, ..Limits::default() };
    let mut batch = Batch::new(&model, limits)?;
    batch.add((), request)?;
    while !batch.is_empty() {
        for (_, run) in batch.step() {
            if run?.output != last {
                return Err("pieces of another size gave other tokens".into());
            }
        }
    }
    println!("{context} tokens in pieces of 512 and of 77 gave the same {DECODED} tokens");
    Ok(())
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.ok_or("the system does not say how much memory is resident")? * 1_024)
}
