//! Measures the engine, one question at a time, for `scripts/bench-engine`.
//!
//! ```text
//! speed limits                              what the processor can do at most
//! speed decoder PACKAGE THREADS [KERNEL]    a language model
//! speed encoder PACKAGE THREADS [KERNEL]    an encoder; a Hugging Face folder is packed first
//! ```
//! It loads what it measures, prints one line of JSON, and then answers every line of JSON on its
//! input with one line of JSON: so a script can ask it and its peers in turns, and what else the
//! machine does in the meantime is the same for all.

mod limits;
mod models;

use serde_json::{json, Value};
use std::{
    env,
    io::{self, BufRead, Write},
    process::ExitCode,
};
use vigil_engine::Kernel;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["limits"] => limits(),
        ["decoder", package, threads, kernel @ ..] if kernel.len() <= 1 => {
            options(threads, kernel.first()).and_then(|options| models::decoder(package, &options))
        }
        ["encoder", package, threads, kernel @ ..] if kernel.len() <= 1 => {
            options(threads, kernel.first()).and_then(|options| models::encoder(package, &options))
        }
        _ => Err("usage: speed limits | decoder PACKAGE THREADS [KERNEL] | \
                  encoder PACKAGE_OR_HUGGING_FACE_FOLDER THREADS [KERNEL]"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn options(threads: &str, kernel: Option<&&str>) -> Result<vigil_engine::Options, Failure> {
    let kernel = match kernel {
        Some(name) => Some(name.parse::<Kernel>().map_err(|error| error.to_string())?),
        None => None,
    };
    Ok(vigil_engine::Options { kernel, threads: threads.parse()? })
}

/// Says that it is ready and answers questions until the input ends.
fn serve(
    ready: Value,
    mut answer: impl FnMut(&Value) -> Result<Value, Failure>,
) -> Result<(), Failure> {
    say(&ready)?;
    for line in io::stdin().lock().lines() {
        say(&answer(&serde_json::from_str(&line?)?)?)?;
    }
    Ok(())
}

fn say(value: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()
}

/// A number of a question.
fn number(question: &Value, name: &str) -> Result<usize, Failure> {
    let number = question[name].as_u64().ok_or_else(|| format!("the question needs {name:?}"))?;
    Ok(usize::try_from(number)?)
}

fn limits() -> Result<(), Failure> {
    let memory = limits::Memory::new(1 << 30)?;
    serve(json!({"kernel": Kernel::best().name()}), |question| {
        let threads = number(question, "threads")?;
        let kernel = match question["kernel"].as_str() {
            Some(name) => name.parse::<Kernel>().map_err(|error| error.to_string())?,
            None => Kernel::best(),
        };
        Ok(json!({
            "read_bytes_per_second": memory.read_rate(threads),
            "multiplications_per_second": limits::multiply_rate(kernel, threads),
        }))
    })
}
