//! `vigil job submit`: from texts to paid jobs, and with `--wait` to their outputs.

use super::{
    answer::Answer,
    price::prices,
    show::{job_json, status_word},
    terms::{self, Terms},
};
use crate::{
    cli::Global,
    commands::{
        account_json, amount, amount_json,
        generation::Generation,
        hex,
        texts::{Prepared, Texts, TokenizerArgs},
        work,
    },
    context::{self, Context},
    error::{CommandResult, Failure, Kind},
    follow::{Follower, Goal},
    output, text,
};
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use vigil_client::{blobs, calls, Included, Until};
use vigil_primitives::{
    job::{tokens_to_bytes, Input, JobSpec, Policy, MAX_INLINE_INPUT},
    model::VersionStatus,
    model::VersionView,
    Architecture, Balance, Job, JobId, JobStatus, ModelVersionId,
};

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

/// How jobs are to be done.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    /// What is offered for each.
    pub(crate) terms: &'a Terms,
    /// How a language model is to generate.
    pub(crate) generation: &'a Generation,
    /// Whether the workers are given the inputs by hash.
    pub(crate) by_hash: bool,
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
    pub(crate) blobs: BTreeMap<JobId, Vec<u8>>,
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
            std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
        }
        let context = Context::signing(global).await?;
        let version = context.version(self.version).await?;
        let inputs = self.tokenizer.prepare(&self.texts, &version.spec)?;
        let order = Order { terms: &self.terms, generation: &self.generation, by_hash: self.blob };
        let batch = submit(&context, &version, inputs, &order).await?;

        if !self.wait {
            if self.blob {
                let mut follower = Follower::with_inputs(&context, batch.blobs.clone());
                let spinner = output::Progress::spinner(global, "handing the inputs to workers");
                let jobs = follower.until(Goal::Delivered, &batch.ids(), |_| ()).await?;
                drop(spinner);
                let lost = jobs.iter().filter(|job| job.status.is_final());
                if let Some(reason) = lost.filter_map(|job| follower.complaint(job)).next() {
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
        let mut follower = Follower::with_inputs(context, batch.blobs.clone());
        let jobs = wait(context, &mut follower, &batch.ids()).await?;
        let architecture = &version.spec.architecture;
        let outputs = fetch(context, &follower, &jobs, architecture).await;
        let tokenizer = self.tokenizer.at_hand(&version.spec)?;

        let mut worst: Option<Failure> = None;
        let mut reports = Vec::new();
        let mut lines = Vec::new();
        for ((submitted, job), output) in batch.jobs.iter().zip(&jobs).zip(outputs) {
            let mut report = job_json(job);
            report["text"] = json!(submitted.input.label);
            match output {
                Ok((worker, bytes)) => {
                    if let Some(folder) = &self.output_dir {
                        let path = folder.join(format!("{}.bin", job.id));
                        std::fs::write(&path, &bytes).map_err(|error| unwritable(&path, &error))?;
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

/// Waits until all jobs have ended, with a progress bar.
pub(crate) async fn wait(
    context: &Context,
    follower: &mut Follower<'_>,
    ids: &[JobId],
) -> CommandResult<Vec<Job>> {
    let progress = output::Progress::bar(&context.global, ids.len() as u64, "waiting for results");
    let mut states: BTreeMap<JobId, &'static str> = BTreeMap::new();
    follower
        .until(Goal::Ended, ids, |job| {
            states.insert(job.id, status_word(job));
            let over =
                |state: &&str| matches!(*state, "settled" | "refunded" | "cancelled" | "contested");
            progress.at(states.values().filter(|state| over(state)).count() as u64);
            progress.say(summary(states.values().copied()));
        })
        .await
}

/// "1 job", "2 jobs".
pub(super) fn count_of(jobs: usize) -> String {
    format!("{jobs} job{}", if jobs == 1 { "" } else { "s" })
}

/// How many jobs are in which state: "3 assigned, 2 settled".
fn summary<'a>(states: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    let parts: Vec<_> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    parts.join(", ")
}

/// Fetches and verifies the outputs of all jobs, with a progress bar.
pub(crate) async fn fetch(
    context: &Context,
    follower: &Follower<'_>,
    jobs: &[Job],
    architecture: &Architecture,
) -> Vec<CommandResult<(vigil_primitives::AccountId, Vec<u8>)>> {
    let progress =
        output::Progress::bar(&context.global, jobs.len() as u64, "fetching the outputs");
    let done = std::sync::atomic::AtomicU64::new(0);
    follower
        .outputs(jobs, architecture, || {
            progress.at(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1);
        })
        .await
}

fn result_lines(input: &Prepared, job: &Job, answer: &Answer) -> String {
    let mut rows =
        vec![("job", job.id.to_string()), ("text", text::brief(input.label.as_bytes(), 80))];
    if let JobStatus::Settled { output, receipt, replicas, .. } = &job.status {
        let paid = receipt.workers.saturating_add(receipt.owner).saturating_add(receipt.treasury);
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
    order: &Order<'_>,
) -> CommandResult<Batch> {
    let Order { terms, generation, by_hash } = *order;
    if version.status == VersionStatus::Revoked {
        return Err(Failure::rejected(format!(
            "version {} is revoked and takes no new jobs: choose another one",
            version.id
        )));
    }
    let accepted = terms.accept(version)?;
    let architecture = &version.spec.architecture;
    let sampling = generation.sampling()?;
    let mut jobs = Vec::new();
    for input in inputs {
        check(&input, architecture, by_hash)?;
        let tokens_out = generation.max_tokens_out(input.tokens_in(), architecture)?;
        jobs.push((input, tokens_out));
    }
    terms::check_access(context, version, jobs.len()).await?;
    let prices = prices(context, version.id, &jobs, terms).await?;
    let parameters = context.view().parameters().await?;
    // The blocks until the transactions are included count too.
    let within = terms.deadline_in.min(parameters.max_duration.saturating_sub(1)).max(1);
    let waiting = parameters.waiting_fee.saturating_mul(within.into());
    let total = prices
        .iter()
        .try_fold(0, |sum: Balance, price| sum.checked_add(*price)?.checked_add(waiting));
    let account = context.key()?.account().clone();
    let balances = context.view().balances(&account).await?;
    let spendable = balances.spendable(context.view().existential_deposit().await?);
    let total = total.filter(|total| *total <= spendable).ok_or_else(|| {
        Failure::rejected(format!(
            "{} need {} in escrow and for waiting, and {account} can spend {}: send it more, or \
             lower --max-price or --deadline-in",
            count_of(jobs.len()),
            total.map_or_else(|| "more than there is".into(), amount),
            amount(spendable)
        ))
    })?;

    let (shortest, longest) = parameters.challenge_window;
    let window = terms.challenge_window.unwrap_or(shortest);
    if !(shortest..=longest).contains(&window) {
        return Err(Failure::usage(format!(
            "--challenge-window {window} is out of range: the chain allows {shortest} to {longest} blocks"
        )));
    }
    let deadline = context.client.best_head().await?.number.saturating_add(within);

    let specs = jobs
        .iter()
        .zip(&prices)
        .map(|((input, tokens_out), price)| {
            Ok(JobSpec {
                version: version.id,
                terms: accepted,
                input: on_chain(&tokens_to_bytes(&input.tokens), by_hash)?,
                max_tokens_out: *tokens_out,
                sampling,
                policy: Policy { replicas: terms.replicas, challenge_window: window },
                max_price: *price,
                deadline,
            })
        })
        .collect::<CommandResult<Vec<_>>>()?;
    output::note(&context.global, &terms::accepted_text(version, &accepted));
    let calls: Vec<_> = specs.iter().map(calls::jobs::submit).collect();
    let what = format!("submitting {} for at most {}", count_of(calls.len()), amount(total));
    let spinner = output::Progress::spinner(&context.global, what);
    let results = context.client.submit_many(&calls, context.key()?, Until::Finalized).await;
    drop(spinner);
    let inputs = jobs.into_iter().map(|(input, _)| input).collect();
    collect(inputs, prices, results, by_hash)
}

/// The submitted jobs. When some were refused, says which were not.
fn collect(
    inputs: Vec<Prepared>,
    prices: Vec<Balance>,
    results: Vec<vigil_client::Result<Included>>,
    by_hash: bool,
) -> CommandResult<Batch> {
    let count = inputs.len();
    let mut batch = Batch { jobs: Vec::new(), fees: 0, blobs: BTreeMap::new() };
    let mut refused: Option<Failure> = None;
    for ((input, price), result) in inputs.into_iter().zip(prices).zip(results) {
        match result {
            Ok(included) => {
                let job = context::submitted_job(&included)?;
                batch.fees = batch.fees.saturating_add(context::fee(&included));
                if by_hash {
                    batch.blobs.insert(job, tokens_to_bytes(&input.tokens));
                }
                batch.jobs.push(Submitted { job, input, price });
            }
            Err(error) => refused = refused.or(Some(error.into())),
        }
    }
    match refused {
        None => Ok(batch),
        Some(failure) if count == 1 => Err(failure),
        Some(failure) => {
            let ids: Vec<_> =
                batch.jobs.iter().map(|submitted| submitted.job.to_string()).collect();
            Err(failure.about(&format!(
                "{} of {count} jobs were not submitted (submitted: {})",
                count - ids.len(),
                if ids.is_empty() { "none".into() } else { ids.join(", ") },
            )))
        }
    }
}

/// Checks an input as a worker would, before it costs anything.
fn check(input: &Prepared, architecture: &Architecture, by_hash: bool) -> CommandResult {
    let tokens = input.tokens.len();
    let label = text::brief(input.label.as_bytes(), 40);
    architecture
        .check_input(u32::try_from(tokens).unwrap_or(u32::MAX))
        .map_err(|bad| Failure::failed(format!("\"{label}\" cannot be run: {bad}")))?;
    let vocabulary = architecture.vocabulary();
    if let Some(id) = input.tokens.iter().find(|id| **id >= vocabulary) {
        return Err(Failure::failed(format!(
            "token id {id} is not in the vocabulary: ids go from 0 to {}",
            vocabulary.saturating_sub(1)
        )));
    }
    let bytes = tokens.saturating_mul(4);
    if !by_hash && bytes > MAX_INLINE_INPUT as usize {
        return Err(Failure::failed(format!(
            "\"{label}\" has {bytes} bytes of token ids, more than the {MAX_INLINE_INPUT} that the \
             chain carries: hand it over by hash with --blob"
        )));
    }
    Ok(())
}

fn on_chain(bytes: &[u8], by_hash: bool) -> CommandResult<Input> {
    let too_long = || Failure::failed("the input is too long for the chain");
    if by_hash {
        let len = u32::try_from(bytes.len()).map_err(|_| too_long())?;
        return Ok(Input::Blob { hash: blobs::content_hash(bytes), len });
    }
    bytes.to_vec().try_into().map(Input::Inline).map_err(|_| too_long())
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{architecture::Pooling, Encoder as Architecture_};

    fn architecture(positions: u32) -> Architecture {
        Architecture::Encoder(Architecture_ {
            vocabulary: 100,
            hidden: 8,
            layers: 1,
            heads: 2,
            intermediate: 16,
            positions,
            token_types: 2,
            layer_norm_eps: 1e-12f32.to_bits(),
            pooling: Pooling::Mean,
            normalize: true,
        })
    }

    fn input(tokens: Vec<u32>) -> Prepared {
        Prepared { label: "text".into(), tokens }
    }

    #[test]
    fn check_should_refuse_what_no_worker_can_run() {
        let says = |tokens: Vec<u32>, positions, by_hash| {
            check(&input(tokens), &architecture(positions), by_hash).unwrap_err().to_string()
        };
        assert!(says(vec![], 4, false).contains("no tokens"));
        assert!(says(vec![1; 5], 4, false).contains("5 tokens"));
        assert!(says(vec![1, 100], 4, false).contains("token id 100"));
        assert!(says(vec![1; 1_025], 2_000, false).contains("--blob"));
        assert!(check(&input(vec![1; 1_025]), &architecture(2_000), true).is_ok());
        assert!(check(&input(vec![1; 4]), &architecture(4), false).is_ok());
    }

    #[test]
    fn an_input_should_go_inline_or_by_hash() {
        assert_eq!(on_chain(&[1, 0, 0, 0], false).unwrap().tokens(), Some(1));
        let blob = on_chain(&[1, 0, 0, 0], true).unwrap();
        assert_eq!(blob, Input::Blob { hash: blobs::content_hash(&[1, 0, 0, 0]), len: 4 });
        assert!(on_chain(&[0; 4_097], false).is_err());
    }

    #[test]
    fn a_summary_should_count_states() {
        assert_eq!(
            summary(["settled", "assigned", "settled"].into_iter()),
            "1 assigned, 2 settled"
        );
    }

    #[test]
    fn a_batch_that_was_refused_in_part_should_say_what_was_submitted() {
        let inputs = vec![input(vec![1]), input(vec![2])];
        let refused = || Err(vigil_client::Error::PoolFull);
        let failure = collect(inputs, vec![1, 1], vec![refused(), refused()], false).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("2 of 2 jobs were not submitted (submitted: none)"), "{text}");
        assert!(text.contains("pool is full"), "{text}");
    }
}
