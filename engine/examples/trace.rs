//! What a trace costs beside the pass that it comes from.
//!
//! ```text
//! cargo run --release -p vigil-engine --example trace -- PACKAGE [tokens=200] [threads=2] [rounds=7]
//! ```
//! A plain pass and one that hashes every row of every anchor, in turn, and the median of each. Then
//! what a dispute asks for: the row program of one record of the middle layer and of the output, and a
//! proof of one element of each. The memory is the most that the process had beside the loaded model
//! and the mapped package, which the system can take back.

use std::{
    collections::HashMap,
    env, fs,
    path::Path,
    process::ExitCode,
    sync::{
        atomic::{AtomicU64, Ordering},
        Arc,
    },
    thread,
    time::{Duration, Instant},
};
use vigil_architecture::{Architecture, Sampling};
use vigil_engine::{
    trace::{Execution, Prover, Replay, Rows, Target},
    Model, Options, Package,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(dir) = arguments.next() else {
        eprintln!("usage: trace PACKAGE [tokens=200] [threads=2] [rounds=7]");
        return ExitCode::FAILURE;
    };
    match measure(Path::new(&dir), arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(dir: &Path, arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut given = HashMap::new();
    for argument in arguments {
        let (name, value) =
            argument.split_once('=').ok_or_else(|| format!("{argument:?} is not name=number"))?;
        given.insert(name.to_owned(), value.parse::<usize>()?);
    }
    let mut take = |name: &str, otherwise| given.remove(name).unwrap_or(otherwise);
    let (tokens, threads, rounds) = (take("tokens", 200), take("threads", 2), take("rounds", 7));

    let package = Package::open(dir)?;
    let model = Model::load(&package, &Options { kernel: None, threads })?;
    let vocabulary = u64::from(model.architecture().vocabulary());
    let ids: Vec<u32> = (0..tokens as u64).map(|i| (i * 7_919 % vocabulary) as u32).collect();
    let replay = || Replay::new(&model, &package, ids.clone(), Sampling::Greedy);
    let trace = replay()?.trace();
    let (anchors, row) = (trace.anchors(), trace.tokens() - 1);
    let last = [Rows { anchor: anchors - 1, rows: row..row + 1 }];
    replay()?.records(&last)?;
    let loaded = memory()?;
    let most = Arc::new(AtomicU64::new(0));
    let watched = Arc::clone(&most);
    thread::spawn(move || {
        while let Ok(now) = memory() {
            watched.fetch_max(now, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(2));
        }
    });

    let (mut plain, mut hashed) = (Vec::new(), Vec::new());
    for _ in 0..rounds.max(1) {
        plain.push(timed(|| replay()?.records(&last).map(|_| ()))?);
        hashed.push(timed(|| replay()?.hashes(0).map(|_| ()))?);
    }
    let (plain, hashed) = (median(plain), median(hashed));
    println!("{tokens} tokens, {anchors} anchors, {} kernel, {threads} threads", model.kernel());
    println!("plain pass       {plain:9.1} ms");
    println!("with anchors     {hashed:9.1} ms, {:+.1} %", (hashed / plain - 1.0) * 100.0);

    let mut prover = Prover::new(replay()?);
    println!("roots            {:9.1} ms", timed(|| prover.roots().map(|_| ()))?);
    let layers = u32::from(model.architecture().layers());
    let middle = Target::Record { anchor: 1 + 2 * (layers / 2), row };
    let stream = Target::Record { anchor: layers / 2 * 2, row };
    for (name, target) in
        [("keys and values", middle), ("stream", stream), ("output", Target::Output)]
    {
        let program = trace.row_program(target).ok_or("no such record")?;
        let made = timed(|| prover.result_hashes(target).map(|_| ()))?;
        let output = match model.architecture() {
            Architecture::Encoder(_) => Vec::new(),
            Architecture::Decoder(_) => vec![0; 4],
        };
        let mut largest = 0;
        let step = program.len() / 2;
        let proven = timed(|| {
            let proof = prover.proof(target, step, 0, ids.len() as u32, &output)?;
            largest = proof.size();
            Ok(())
        })?;
        println!(
            "{name:16} {made:9.1} ms for {} steps, {proven:.1} ms for a proof of {largest} bytes",
            program.len()
        );
    }
    let most = most.load(Ordering::Relaxed).saturating_sub(loaded);
    println!("memory           {:9.1} MB beside the model", most as f64 / 1024.0);
    Ok(())
}

fn timed(task: impl FnOnce() -> vigil_engine::Result<()>) -> Result<f64, Failure> {
    let start = Instant::now();
    task()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Memory of the process that no file is mapped to, in KiB.
fn memory() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system says nothing of memory")?.parse()?)
}
