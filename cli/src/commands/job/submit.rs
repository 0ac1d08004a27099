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
use std::path::PathBuf;
use vigil_client::requester::{Goal, Order, Output, Submission};
use vigil_primitives::{model::VersionView, Job, JobStatus, ModelVersionId};

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
        let submission = submit(&context, &version, &inputs, &order).await?;

        if !self.wait {
            if self.blob {
                let spinner = output::Progress::spinner(global, "handing the inputs to workers");
                let (requester, ids, blobs) =
                    (context.requester(), submission.ids(), submission.inputs());
                let followed =
                    Followed::until(Goal::Delivered, &requester, &ids, blobs, |_| ()).await?;
                drop(spinner);
                let lost = followed.jobs.iter().filter(|job| job.status.is_final());
                if let Some(reason) = lost.filter_map(|job| followed.complaint(job)).next() {
                    return Err(Failure::rejected(reason));
                }
            }
            let prices: Vec<_> =
                submission.submitted().map(|one| (one.job, one.run.spec.max_price)).collect();
            let jobs = prices
                .iter()
                .map(|(id, price)| json!({ "id": id, "maxPrice": amount_json(*price) }));
            let json = json!({
                "jobs": jobs.collect::<Vec<_>>(),
                "accepted": self.terms.accepted_json(&version),
            });
            output::show(global, &json, || {
                let lines: Vec<_> = prices
                    .iter()
                    .map(|(id, price)| format!("job {id}  at most {}", amount(*price)))
                    .collect();
                lines.join("\n")
            });
            return Ok(());
        }
        self.wait_and_report(&context, &version, &inputs, &submission).await
    }

    async fn wait_and_report(
        &self,
        context: &Context,
        version: &VersionView,
        inputs: &[Prepared],
        submission: &Submission,
    ) -> CommandResult {
        let global = &context.global;
        let requester = context.requester();
        let (ids, blobs) = (submission.ids(), submission.inputs());
        let followed = Followed::until_ended(context, &requester, &ids, blobs).await?;
        let architecture = &version.spec.architecture;
        let outputs = followed.outputs(context, &requester, architecture).await;
        let tokenizer = self.tokenizer.at_hand(&version.spec)?;

        let mut worst: Option<Failure> = None;
        let mut reports = Vec::new();
        let mut lines = Vec::new();
        for ((input, job), output) in inputs.iter().zip(&followed.jobs).zip(outputs) {
            let mut report = job_json(job);
            report["text"] = json!(input.label);
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
                    lines.push(result_lines(input, job, &answer));
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
    inputs: &[Prepared],
    order: &Order,
) -> CommandResult<Submission> {
    let requester = context.requester();
    let (labels, tokens): (Vec<_>, Vec<_>) =
        inputs.iter().map(|input| (input.label.clone(), input.tokens.clone())).unzip();
    let plan = requester.plan(version, tokens, order).await;
    let plan = plan.map_err(|error| explain(error, &labels))?;
    output::note(&context.global, &terms::accepted_text(version, &plan.accepted));
    let what =
        format!("submitting {} for at most {}", count_of(plan.runs.len()), amount(plan.total));
    let spinner = output::Progress::spinner(&context.global, what);
    let submission = requester.submit(plan).await?;
    drop(spinner);
    whole(submission)
}

/// A submission of which nothing was refused. Otherwise says which jobs were submitted all the same.
fn whole(submission: Submission) -> CommandResult<Submission> {
    let (count, ids) = (submission.runs.len(), submission.ids());
    match submission.runs.into_iter().collect::<Result<Vec<_>, _>>() {
        Ok(runs) => Ok(Submission { runs: runs.into_iter().map(Ok).collect() }),
        Err(refused) if count == 1 => Err(refused.into()),
        Err(refused) => {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            Err(Failure::from(refused).about(&format!(
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
    fn a_submission_that_was_refused_should_say_what_was_submitted() {
        let refused = || Err(vigil_client::Error::PoolFull);
        let failure = whole(Submission { runs: vec![refused(), refused()] }).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("2 of 2 jobs were not submitted (submitted: none)"), "{text}");
        assert!(text.contains("pool is full"), "{text}");
    }
}
