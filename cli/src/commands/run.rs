//! `vigil run`: a package on this machine, without a chain.
//!
//! What it prints is what a worker would commit to: the same bytes with every kernel and any
//! number of threads. The text of a language model is shown as it is generated.

use crate::{
    commands::{
        generation::{sampling_text, Generation},
        job::Answer,
        texts::{Prepared, Texts},
    },
    error::{CommandResult, Failure},
    format::{form, hex, work},
    global::Global,
    output::{self, Progress},
    text,
};
use clap::Args;
use serde_json::{json, Value};
use std::{
    ops::ControlFlow,
    path::PathBuf,
    time::{Duration, Instant},
};
use vigil_client::blobs::content_hash;
use vigil_engine::{Kernel, Model, Options, Package, Request, Tokenizer};
use vigil_primitives::{Architecture, Sampling};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The package's folder.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    #[command(flatten)]
    texts: Texts,
    #[command(flatten)]
    generation: Generation,
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
    /// How tokens were chosen, by a language model.
    sampling: Option<Sampling>,
    run: vigil_engine::Run,
    answer: Answer,
    time: Duration,
    /// Whether it has been printed as it came.
    shown: bool,
}

impl With {
    /// Loads a model to be computed this way.
    pub(crate) fn load(&self, package: &Package) -> CommandResult<Model> {
        let kernel = self.kernel.as_deref().map(kernel).transpose()?;
        Ok(Model::load(package, &Options { kernel, threads: self.threads() })?)
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }
}

/// The kernel of this name, if this machine has it.
fn kernel(name: &str) -> CommandResult<Kernel> {
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
    pub(crate) fn execute(self, global: &Global) -> CommandResult {
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
        let requests = inputs
            .into_iter()
            .map(|input| {
                let tokens = input.tokens.clone();
                Ok((input, self.generation.request(tokens, model.architecture())?))
            })
            .collect::<CommandResult<Vec<_>>>()?;
        let runs = match model.architecture() {
            Architecture::Encoder(_) => embed(global, &model, requests)?,
            Architecture::Decoder(_) => {
                let tokenizer = Tokenizer::open(&package)?;
                generate(global, &model, &tokenizer, requests)?
            }
        };

        let kernel = model.kernel().name();
        let threads = self.with.threads();
        let json = json!({
            "package": format!("0x{}", hex::encode(hash)),
            "kernel": kernel,
            "threads": threads,
            "runs": runs.iter().map(Ran::json).collect::<Vec<_>>(),
        });
        output::show(global, &json, || {
            let mut parts: Vec<_> = runs.iter().filter(|ran| !ran.shown).map(Ran::text).collect();
            parts.push(format!("kernel {kernel}, threads {threads}"));
            // A text that was shown as it came stands apart.
            let gap = if runs.iter().any(|ran| ran.shown) { "\n" } else { "" };
            format!("{gap}{}", parts.join("\n\n"))
        });
        Ok(())
    }
}

fn embed(
    global: &Global,
    model: &Model,
    requests: Vec<(Prepared, Request)>,
) -> CommandResult<Vec<Ran>> {
    let progress = Progress::bar(global, requests.len() as u64, "running");
    let mut runs = Vec::new();
    for (input, request) in requests {
        let start = Instant::now();
        let run = model.run(&request)?;
        let time = start.elapsed();
        let answer = Answer::read(model.architecture(), &run.output, None);
        runs.push(Ran { input, sampling: None, run, answer, time, shown: false });
        progress.at(runs.len() as u64);
    }
    Ok(runs)
}

/// Runs one after the other, and for people shows every text as it is generated.
fn generate(
    global: &Global,
    model: &Model,
    tokenizer: &Tokenizer,
    requests: Vec<(Prepared, Request)>,
) -> CommandResult<Vec<Ran>> {
    let mut runs: Vec<Ran> = Vec::new();
    for (input, request) in requests {
        let mut stream = tokenizer.decode_stream();
        let show = |piece: Option<String>| {
            if let Some(piece) = piece.filter(|_| !global.is_for_programs()) {
                output::piece(&text::paragraphs(piece.as_bytes()));
            }
        };
        if !global.is_for_programs() {
            let gap = if runs.is_empty() { "" } else { "\n" };
            output::line(&format!("{gap}> {}", text::brief(input.label.as_bytes(), 200)));
        }
        let start = Instant::now();
        let run = model.generate(&request, &mut |token| {
            show(stream.step(token));
            ControlFlow::Continue(())
        })?;
        let time = start.elapsed();
        show(stream.finish());
        let answer = Answer::read(model.architecture(), &run.output, Some(tokenizer));
        let sampling = Some(request.sampling);
        let ran = Ran { input, sampling, run, answer, time, shown: true };
        if !global.is_for_programs() {
            output::line(&format!("\n\n{}", ran.text()));
        }
        runs.push(ran);
    }
    Ok(runs)
}

impl Ran {
    fn text(&self) -> String {
        let hash = ("blake3", hex(&content_hash(&self.run.output)));
        let work = ("work", format!("{} multiply-accumulates", work(self.run.work)));
        let time = ("time", format!("{:.3} ms", self.time.as_secs_f64() * 1e3));
        let tokens_in = self.input.tokens.len();
        match &self.sampling {
            // The text itself has been shown already.
            Some(sampling) => output::fields([
                ("tokens", format!("{tokens_in} in, {} out", self.run.tokens_out)),
                ("sampling", sampling_text(sampling)),
                hash,
                work,
                time,
                ("speed", format!("{:.1} tokens/s", self.speed())),
            ]),
            None => output::fields([
                ("text", text::brief(self.input.label.as_bytes(), 80)),
                ("tokens", tokens_in.to_string()),
                self.answer.row(),
                hash,
                work,
                time,
            ]),
        }
    }

    fn json(&self) -> Value {
        let mut json = json!({
            "text": self.input.label,
            "tokens": self.input.tokens,
            "output": form(vigil_rpc::jobs::Output {
                hash: content_hash(&self.run.output),
                tokens: self.run.tokens_out,
            }),
            "work": self.run.work.to_string(),
            "seconds": self.time.as_secs_f64(),
        });
        if let Some(sampling) = &self.sampling {
            json["sampling"] = form(vigil_rpc::jobs::Sampling::from(*sampling));
            json["tokensPerSecond"] = json!(self.speed());
        }
        self.answer.add_to(&mut json);
        json
    }

    /// Tokens generated in a second, the time for the input included.
    fn speed(&self) -> f64 {
        f64::from(self.run.tokens_out) / self.time.as_secs_f64().max(1e-9)
    }
}
