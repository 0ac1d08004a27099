//! `vigil job submit`: from texts to paid jobs, and with `--wait` to their outputs.

use super::{
    answer::Answer,
    failure::{count_of, explain},
    follow::Followed,
    show::job_json,
    terms::{self, Terms},
};
use crate::{
    commands::{
        generation::Generation,
        texts::{Prepared, Texts, TokenizerArgs},
    },
    context::Context,
    error::{CommandResult, Failure, Kind},
    files,
    format::{account_json, amount, amount_json, hex, work},
    global::Global,
    output, text,
};
use clap::Args;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf};
use vigil_client::{
    blobs::Bytes,
    requester::{self, Goal, Order, Output},
};
use vigil_primitives::{model::VersionView, Balance, Job, JobId, JobStatus, ModelVersionId};

/// Arguments of `job submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The version to run.
    #[arg(long, value_name = "MODEL@VERSION")]
    version: ModelVersionId,
    #[command(flatten)]
    texts: Texts,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    #[command(flatten)]
    generation: Generation,
    #[command(flatten)]
    terms: Terms,
    /// Hand the input to the workers by hash instead of writing it on chain.
    #[arg(long)]
    blob: bool,
    /// Wait for the results, verify and print them.
    #[arg(long)]
    wait: bool,
    /// Save every output as JOB.bin in this folder.
    #[arg(long, value_name = "DIR", requires = "wait")]
    output_dir: Option<PathBuf>,
}

/// A submitted job and what it was made of.
#[derive(Debug)]
pub(crate) struct Submitted {
    /// Its number.
    pub(crate) job: JobId,
    /// The input.
    pub(crate) input: Prepared,
    /// The most it costs.
    pub(crate) price: Balance,
}

/// Submitted jobs with what their transactions cost.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The jobs, in the order of the inputs.
    pub(crate) jobs: Vec<Submitted>,
    /// Transaction fees in all.
    pub(crate) fees: Balance,
    /// Inputs that workers are to be given by hash.
    pub(crate) inputs: BTreeMap<JobId, Bytes>,
}

impl Batch {
    /// The jobs' numbers.
    pub(crate) fn ids(&self) -> Vec<JobId> {
        self.jobs.iter().map(|submitted| submitted.job).collect()
    }
}

impl Submit {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        if self.texts.is_empty() {
            return Err(Failure::usage("no input: give --input, --input-file or --tokens"));
        }
        if let Some(folder) = &self.output_dir {
            std::fs::create_dir_all(folder).map_err(|error| files::unwritable(folder, &error))?;
        }
        let context = Context::signing(global).await?;
        let version = context.version(self.version).await?;
        let inputs = self.tokenizer.prepare(&self.texts, &version.spec)?;
        let order = Order {
            offer: self.terms.offer(),
            generation: self.generation.asked(),
            by_hash: self.blob,
        };
        let batch = submit(&context, &version, inputs, &order).await?;

        if !self.wait {
            if self.blob {
                let spinner = output::Progress::spinner(global, "handing the inputs to workers");
                let (requester, ids) = (context.requester(), batch.ids());
                let inputs = batch.inputs.clone();
                let followed =
                    Followed::until(Goal::Delivered, &requester, &ids, inputs, |_| ()).await?;
                drop(spinner);
                let lost = followed.jobs.iter().filter(|job| job.status.is_final());
                if let Some(reason) = lost.filter_map(|job| followed.complaint(job)).next() {
                    return Err(Failure::rejected(reason));
                }
            }
            let jobs = batch.jobs.iter().map(|submitted| {
                json!({ "id": submitted.job, "maxPrice": amount_json(submitted.price) })
            });
            let json = json!({
                "jobs": jobs.collect::<Vec<_>>(),
                "accepted": self.terms.accepted_json(&version),
            });
            output::show(global, &json, || {
                let lines: Vec<_> = batch
                    .jobs
                    .iter()
                    .map(|submitted| {
                        format!("job {}  at most {}", submitted.job, amount(submitted.price))
                    })
                    .collect();
                lines.join("\n")
            });
            return Ok(());
        }
        self.wait_and_report(&context, &version, batch).await
    }

    async fn wait_and_report(
        &self,
        context: &Context,
        version: &VersionView,
        batch: Batch,
    ) -> CommandResult {
        let global = &context.global;
        let requester = context.requester();
        let inputs = batch.inputs.clone();
        let followed = Followed::until_ended(context, &requester, &batch.ids(), inputs).await?;
        let architecture = &version.spec.architecture;
        let outputs = followed.outputs(context, &requester, architecture).await;
        let tokenizer = self.tokenizer.at_hand(&version.spec)?;

        let mut worst: Option<Failure> = None;
        let mut reports = Vec::new();
        let mut lines = Vec::new();
        for ((submitted, job), output) in batch.jobs.iter().zip(&followed.jobs).zip(outputs) {
            let mut report = job_json(job);
            report["text"] = json!(submitted.input.label);
            match output {
                Ok(Output { worker, bytes }) => {
                    if let Some(folder) = &self.output_dir {
                        let path = folder.join(format!("{}.bin", job.id));
                        files::write(&path, &bytes)?;
                        report["savedAs"] = json!(path.display().to_string());
                    }
                    let answer = Answer::read(architecture, &bytes, tokenizer.as_ref());
                    report["fetchedFrom"] = account_json(&worker);
                    answer.add_to(&mut report);
                    lines.push(result_lines(&submitted.input, job, &answer));
                }
                Err(failure) => {
                    report["error"] = failure.to_json()["error"].clone();
                    lines.push(failure.to_string());
                    if worst.as_ref().is_none_or(|worst| worst.kind() != Kind::Rejected) {
                        worst = Some(failure);
                    }
                }
            }
            reports.push(report);
        }
        let accepted = self.terms.accepted_json(version);
        let json = json!({ "jobs": reports, "accepted": accepted });
        output::show(global, &json, || lines.join("\n\n"));
        worst.map_or(Ok(()), Err)
    }
}

fn result_lines(input: &Prepared, job: &Job, answer: &Answer) -> String {
    let mut rows =
        vec![("job", job.id.to_string()), ("text", text::brief(input.label.as_bytes(), 80))];
    if let JobStatus::Settled { output, receipt, replicas, .. } = &job.status {
        let paid = job.spec.max_price.saturating_sub(receipt.requester);
        let workers: Vec<_> = replicas.iter().map(|replica| replica.worker.to_string()).collect();
        rows.extend([
            ("output", hex(&output.hash)),
            answer.row(),
            ("workers", workers.join(" ")),
            ("work", work(receipt.work)),
            ("price", amount(paid)),
        ]);
    }
    output::fields(rows)
}

/// Submits one job per input: checks everything that can be checked before money is held, then
/// sends all transactions without waiting in between.
pub(crate) async fn submit(
    context: &Context,
    version: &VersionView,
    inputs: Vec<Prepared>,
    order: &Order,
) -> CommandResult<Batch> {
    let requester = context.requester();
    let (labels, tokens): (Vec<_>, Vec<_>) =
        inputs.into_iter().map(|input| (input.label, input.tokens)).unzip();
    let plan = requester.plan(version, tokens, order).await;
    let plan = plan.map_err(|error| explain(error, &labels))?;
    output::note(&context.global, &terms::accepted_text(version, &plan.accepted));
    let what =
        format!("submitting {} for at most {}", count_of(plan.runs.len()), amount(plan.total));
    let spinner = output::Progress::spinner(&context.global, what);
    let batch = requester.submit(plan).await?;
    drop(spinner);
    collect(labels, batch)
}

/// The submitted jobs. When some were refused, says which were not.
fn collect(labels: Vec<String>, batch: requester::Batch) -> CommandResult<Batch> {
    let count = batch.runs.len();
    let (fees, inputs) = (batch.fees(), batch.inputs());
    let mut jobs = Vec::new();
    let mut refused: Option<Failure> = None;
    for (label, run) in labels.into_iter().zip(batch.runs) {
        match run {
            Ok(submitted) => {
                let requester::Submitted { job, run, .. } = submitted;
                let input = Prepared { label, tokens: run.tokens };
                jobs.push(Submitted { job, input, price: run.spec.max_price });
            }
            Err(error) => refused = refused.or(Some(error.into())),
        }
    }
    match refused {
        None => Ok(Batch { jobs, fees, inputs }),
        Some(failure) if count == 1 => Err(failure),
        Some(failure) => {
            let ids: Vec<_> = jobs.iter().map(|submitted| submitted.job.to_string()).collect();
            Err(failure.about(&format!(
                "{} of {count} jobs were not submitted (submitted: {})",
                count - ids.len(),
                if ids.is_empty() { "none".into() } else { ids.join(", ") },
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_that_was_refused_in_part_should_say_what_was_submitted() {
        let refused = || Err(vigil_client::Error::PoolFull);
        let batch = requester::Batch { runs: vec![refused(), refused()] };
        let failure = collect(vec!["one".into(), "two".into()], batch).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("2 of 2 jobs were not submitted (submitted: none)"), "{text}");
        assert!(text.contains("pool is full"), "{text}");
    }
}
