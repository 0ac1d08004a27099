//! A loaded model and the questions about it.

use crate::{number, serve, Failure};
use serde_json::{json, Value};
use std::{
    ops::ControlFlow,
    path::Path,
    time::{Duration, Instant},
};
use vigil_architecture::Sampling;
use vigil_engine::{
    pack::{pack, PackOptions},
    Model, Options, Package, Request,
};

/// Answers `decode`, `prefill`, `batch` and `memory` about a language model.
pub(crate) fn decoder(package: &str, options: &Options) -> Result<(), Failure> {
    let (model, ready) = load(Path::new(package), options)?;
    let vocabulary = model.architecture().vocabulary();
    serve(ready, |question| match question["do"].as_str() {
        Some("decode") => {
            let tokens = tokens(1, number(question, "tokens_in")?, vocabulary).remove(0);
            decode(&model, tokens, number(question, "tokens_out")?)
        }
        Some("prefill") => {
            let tokens = tokens(1, number(question, "tokens_in")?, vocabulary).remove(0);
            let request = Request::generate(tokens, 1, Sampling::Greedy);
            let start = Instant::now();
            model.run(&request)?;
            Ok(json!({"seconds": start.elapsed().as_secs_f64()}))
        }
        Some("batch") => {
            let jobs = number(question, "jobs")?;
            let inputs = tokens(jobs, number(question, "tokens_in")?, vocabulary);
            batch(&model, inputs, number(question, "tokens_out")?)
        }
        Some("memory") => Ok(json!({"resident_bytes": resident()?})),
        _ => Err("ask a language model to decode, prefill, batch or for its memory".into()),
    })
}

/// Answers `encode` about an encoder.
pub(crate) fn encoder(folder: &str, options: &Options) -> Result<(), Failure> {
    let folder = Path::new(folder);
    let temporary = tempfile::tempdir()?;
    let packed = temporary.path().join("package");
    let package = if folder.join("package.json").is_file() {
        folder
    } else {
        pack(folder, &packed, &PackOptions::default())?;
        &packed
    };
    let (model, ready) = load(package, options)?;
    let vocabulary = model.architecture().vocabulary();
    serve(ready, |question| match question["do"].as_str() {
        Some("encode") => {
            let inputs =
                tokens(number(question, "texts")?, number(question, "tokens")?, vocabulary);
            let requests: Vec<_> = inputs.into_iter().map(Request::embed).collect();
            let seconds = median(Duration::from_millis(800), || {
                model.run_batch(&requests)?;
                Ok(())
            })?;
            Ok(json!({"seconds": seconds}))
        }
        _ => Err("ask an encoder to encode".into()),
    })
}

/// The model, and what to say of loading it.
fn load(dir: &Path, options: &Options) -> Result<(Model, Value), Failure> {
    let start = Instant::now();
    let package = Package::open(dir)?;
    let opened = start.elapsed().as_secs_f64();
    let model = Model::load(&package, options)?;
    let loaded = start.elapsed().as_secs_f64();
    let bytes = package.manifest().total_len();
    drop(package);
    let ready = json!({
        "kernel": model.kernel().name(),
        "open_seconds": opened,
        "load_seconds": loaded,
        "package_bytes": bytes,
        "resident_bytes": resident()?,
        "threads": options.threads,
    });
    Ok((model, ready))
}

/// Seconds per token from the first token to the last, so without the input's prefill.
fn decode(model: &Model, tokens: Vec<u32>, tokens_out: usize) -> Result<Value, Failure> {
    let request = Request::generate(tokens, u32::try_from(tokens_out)?, Sampling::Greedy);
    let mut times = Vec::with_capacity(tokens_out);
    model.generate(&request, &mut |_| {
        times.push(Instant::now());
        ControlFlow::Continue(())
    })?;
    let (Some(first), Some(last)) = (times.first(), times.last()) else {
        return Err("the model generated nothing".into());
    };
    if times.len() != tokens_out {
        return Err(format!("the model ended after {} tokens", times.len()).into());
    }
    let steps = (times.len() - 1) as f64;
    Ok(json!({"seconds": (*last - *first).as_secs_f64() / steps}))
}

/// Seconds per step in which every job gets a token: the time of whole runs, less that of runs
/// that end at their first token.
fn batch(model: &Model, inputs: Vec<Vec<u32>>, tokens_out: usize) -> Result<Value, Failure> {
    let time = |tokens_out: usize| -> Result<f64, Failure> {
        let most = u32::try_from(tokens_out)?;
        let requests: Vec<_> = inputs
            .iter()
            .map(|tokens| Request::generate(tokens.clone(), most, Sampling::Greedy))
            .collect();
        let start = Instant::now();
        model.run_batch(&requests)?;
        Ok(start.elapsed().as_secs_f64())
    };
    let first = time(1)?;
    let all = time(tokens_out)?;
    Ok(json!({"seconds": (all - first) / (tokens_out - 1) as f64}))
}

/// The median time of `work`, which is repeated for at least `time`.
fn median(time: Duration, mut work: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    for _ in 0..3 {
        work()?;
    }
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < time || times.len() < 5 {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// `count` inputs of `length` tokens each, the same at every call.
fn tokens(count: usize, length: usize, vocabulary: u32) -> Vec<Vec<u32>> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((state >> 33) % u64::from(vocabulary)) as u32
    };
    (0..count).map(|_| (0..length).map(|_| next()).collect()).collect()
}

/// Bytes of this process that are in memory, mapped files among them.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kib.ok_or("the system does not say how much memory is resident")? * 1024)
}
