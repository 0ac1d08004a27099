//! `vigil run`: a package on this machine, without a chain.
//!
//! What it prints is what a worker would commit to: the same bytes with every kernel and any
//! number of threads.

use crate::{
    cli::Global,
    commands::{
        hex,
        job::{embedding, summarise},
        texts::{Prepared, Texts},
        work,
    },
    error::{Failure, Outcome},
    output::{self, Progress},
    text,
};
use clap::Args;
use serde_json::{json, Value};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use vigil_client::blobs::content_hash;
use vigil_engine::{Kernel, Model, Options, Package, Request, Tokenizer};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The package's folder.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    #[command(flatten)]
    texts: Texts,
    #[command(flatten)]
    with: With,
}

/// How to compute. None of it changes a byte of the output.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct With {
    /// The kernel: scalar, or what the processor has (avx2, avx512, neon, ...); the fastest when
    /// left out.
    #[arg(long)]
    kernel: Option<String>,
    /// Threads; all cores when left out.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

/// What a run of one input gave.
struct Ran {
    input: Prepared,
    output: Vec<u8>,
    work: u64,
    time: Duration,
}

impl With {
    /// Loads a model to be computed this way.
    pub(crate) fn load(&self, package: &Package) -> Outcome<Model> {
        let kernel = self.kernel.as_deref().map(kernel).transpose()?;
        Ok(Model::load(package, &Options { kernel, threads: self.threads() })?)
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }
}

/// The kernel of this name, if this machine has it.
fn kernel(name: &str) -> Outcome<Kernel> {
    let have = Kernel::available();
    have.iter().copied().find(|kernel| kernel.name() == name).ok_or_else(|| {
        let names: Vec<_> = have.iter().map(|kernel| kernel.name()).collect();
        Failure::usage(format!(
            "this machine has no kernel {name:?}: choose one of {}",
            names.join(", ")
        ))
    })
}

impl Run {
    /// Does what was typed.
    pub(crate) fn execute(self, global: &Global) -> Outcome {
        if self.texts.is_empty() {
            return Err(Failure::usage("no input: give --input, --input-file or --tokens"));
        }
        let spinner = Progress::spinner(global, "verifying and loading the package");
        let package = Package::open(&self.package)?;
        let hash = package.manifest_hash();
        let inputs = if self.texts.need_tokenizer() {
            let tokenizer = Tokenizer::open(&package)?;
            self.texts.prepare(|text| Ok(tokenizer.encode(text)?))?
        } else {
            self.texts.prepare(|_| Err(Failure::failed("token ids need no tokenizer")))?
        };
        let model = self.with.load(&package)?;
        drop(spinner);

        let progress = Progress::bar(global, inputs.len() as u64, "running");
        let mut runs = Vec::new();
        for input in inputs {
            let start = Instant::now();
            let run = model.run(&Request::embed(input.tokens.as_slice()))?;
            let time = start.elapsed();
            runs.push(Ran { input, output: run.output, work: run.work, time });
            progress.at(runs.len() as u64);
        }
        drop(progress);

        let kernel = model.kernel().name();
        let threads = self.with.threads();
        let json = json!({
            "package": format!("0x{}", hex::encode(hash)),
            "kernel": kernel,
            "threads": threads,
            "runs": runs.iter().map(ran_json).collect::<Vec<_>>(),
        });
        output::show(global, &json, || {
            let parts: Vec<_> = runs.iter().map(ran_text).collect();
            format!("{}\n\nkernel {kernel}, threads {threads}", parts.join("\n\n"))
        });
        Ok(())
    }
}

fn ran_text(ran: &Ran) -> String {
    output::fields([
        ("text", text::brief(ran.input.label.as_bytes(), 80)),
        ("tokens", ran.input.tokens.len().to_string()),
        ("embedding", summarise(&embedding(&ran.output))),
        ("blake3", hex(&content_hash(&ran.output))),
        ("work", format!("{} multiply-accumulates", work(ran.work))),
        ("time", format!("{:.3} ms", ran.time.as_secs_f64() * 1e3)),
    ])
}

fn ran_json(ran: &Ran) -> Value {
    json!({
        "text": ran.input.label,
        "tokens": ran.input.tokens,
        "blake3": hex(&content_hash(&ran.output)),
        "embedding": embedding(&ran.output),
        "work": ran.work,
        "seconds": ran.time.as_secs_f64(),
    })
}
