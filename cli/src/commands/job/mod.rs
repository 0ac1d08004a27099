//! `vigil job`: paid runs of a model, from the quote to the output.

mod answer;
mod audit;
mod failure;
mod follow;
mod quote;
mod royalties;
mod show;
mod submit;
mod terms;

pub(crate) use answer::{embedding, Answer};
pub(crate) use follow::Followed;
pub(crate) use show::{job_json, status_word};
pub(crate) use submit::submit;
pub(crate) use terms::Terms;

use crate::{
    commands::texts,
    context::{self, Context},
    error::{CommandResult, Failure},
    files,
    format::{account_json, amount, hex},
    global::Global,
    output,
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};
use vigil_client::{
    blobs::content_hash,
    calls, pages,
    requester::{Goal, Output},
};
use vigil_primitives::{api::PAGE, AccountId, Job, JobId, JobStatus, ModelVersionId};

/// `vigil job ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit one or many jobs and pay for their results.
    Submit(Box<submit::Submit>),
    /// Follow a job until it has ended.
    Watch {
        /// The job's number.
        job: JobId,
    },
    /// Show a job; with a tokenizer also the text that a language model generated for it.
    Show {
        /// The job's number.
        job: JobId,
        #[command(flatten)]
        tokenizer: texts::TokenizerArgs,
    },
    /// Fetch and verify the output of a settled job.
    Output {
        /// The job's number.
        job: JobId,
        /// Save the bytes in this file.
        #[arg(long, value_name = "FILE")]
        save: Option<PathBuf>,
        #[command(flatten)]
        tokenizer: texts::TokenizerArgs,
    },
    /// List jobs that are not pruned, newest first.
    List(List),
    /// Take back a job that no worker has been drawn for.
    Cancel {
        /// The job's number.
        job: JobId,
    },
    /// What a job would cost now.
    Quote(quote::Quote),
}

/// Arguments of `job list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only jobs of this requester (an address or //Name).
    #[arg(long, value_name = "ACCOUNT", value_parser = context::parse_account)]
    requester: Option<AccountId>,
    /// Only jobs of this version.
    #[arg(long, value_name = "MODEL@VERSION")]
    version: Option<ModelVersionId>,
    /// Only jobs that have not ended.
    #[arg(long)]
    open: bool,
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::Submit(submit) => submit.execute(global).await,
            Self::Watch { job } => watch(global, job).await,
            Self::Show { job, tokenizer } => show_job(global, job, &tokenizer).await,
            Self::Output { job, save, tokenizer } => {
                fetch(global, job, save.as_deref(), &tokenizer).await
            }
            Self::List(list) => list.execute(global).await,
            Self::Cancel { job } => cancel(global, job).await,
            Self::Quote(quote) => quote.execute(global).await,
        }
    }
}

impl List {
    async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        let view = context.view();
        let behind = |job: &Job| job.id.saturating_add(1);
        let mut jobs = pages(0, behind, |from| view.jobs(from, PAGE)).await?;
        jobs.retain(|job| self.wants(job));
        jobs.reverse();
        jobs.truncate(self.limit as usize);
        let json = json!({ "jobs": jobs.iter().map(job_json).collect::<Vec<_>>() });
        output::show(global, &json, || table(&jobs));
        Ok(())
    }

    fn wants(&self, job: &Job) -> bool {
        self.requester.as_ref().is_none_or(|requester| *requester == job.requester)
            && self.version.is_none_or(|version| version == job.spec.version)
            && !(self.open && job.status.is_final())
    }
}

fn table(jobs: &[Job]) -> String {
    if jobs.is_empty() {
        return "no jobs".into();
    }
    let mut table =
        output::table(["JOB", "VERSION", "STATUS", "TOKENS", "REPLICAS", "ESCROW", "REQUESTER"]);
    for job in jobs {
        table.add_row([
            job.id.to_string(),
            job.spec.version.to_string(),
            status_word(job).into(),
            job.tokens_in.to_string(),
            job.spec.policy.replicas.to_string(),
            amount(job.spec.max_price),
            job.requester.to_string(),
        ]);
    }
    output::align_right(&mut table, &[0, 3, 4, 5]);
    output::render(&table)
}

async fn watch(global: &Global, id: JobId) -> CommandResult {
    let context = Context::connect(global).await?;
    context.job(id).await?;
    let (requester, inputs) = (context.requester(), Default::default());
    let followed = Followed::until(Goal::Ended, &requester, &[id], inputs, |job| {
        output::show(global, &job_json(job), || {
            format!("job {}  {}", job.id, show::status_sentence(job))
        });
    })
    .await?;
    match followed.jobs.first().and_then(|job| followed.complaint(job)) {
        Some(complaint) => Err(Failure::rejected(complaint)),
        None => Ok(()),
    }
}

async fn cancel(global: &Global, id: JobId) -> CommandResult {
    let context = Context::signing(global).await?;
    let job = context.job(id).await?;
    if job.requester != *context.key()?.account() {
        return Err(Failure::rejected(format!(
            "job {id} is {}'s: only its requester can cancel it",
            job.requester
        )));
    }
    if !matches!(job.status, JobStatus::Queued) {
        return Err(Failure::rejected(format!(
            "job {id} is {}: only a queued job can be cancelled",
            status_word(&job)
        )));
    }
    let done = format!("job {id} is cancelled, {} came back", amount(job.spec.max_price));
    context.submit_and_report(calls::jobs::cancel(id), done).await
}

async fn show_job(global: &Global, id: JobId, tokenizer: &texts::TokenizerArgs) -> CommandResult {
    let context = Context::connect(global).await?;
    let job = context.job(id).await?;
    let mut json = job_json(&job);
    let mut answer = None;
    if let JobStatus::Settled { output, .. } = &job.status {
        let version = context.version(job.spec.version).await?;
        let tokenizer = tokenizer.at_hand(&version.spec)?.filter(|_| output.tokens > 0);
        if let Some(tokenizer) = tokenizer {
            let architecture = &version.spec.architecture;
            let Output { bytes, .. } = context.requester().output(&job, architecture).await?;
            let read = Answer::read(architecture, &bytes, Some(&tokenizer));
            read.add_to(&mut json);
            answer = Some(read.row().1);
        }
    }
    output::show(global, &json, || {
        let details = show::details(&job);
        answer.map_or(details.clone(), |text| format!("{details}\n\n{text}"))
    });
    Ok(())
}

/// Fetches the output of a settled job.
async fn fetch(
    global: &Global,
    id: JobId,
    save: Option<&Path>,
    tokenizer: &texts::TokenizerArgs,
) -> CommandResult {
    let context = Context::connect(global).await?;
    let job = context.job(id).await?;
    let version = context.version(job.spec.version).await?;
    let tokenizer = tokenizer.at_hand(&version.spec)?;
    let architecture = &version.spec.architecture;
    let Output { worker, bytes } = context.requester().output(&job, architecture).await?;
    let answer = Answer::read(architecture, &bytes, tokenizer.as_ref());
    let mut json = json!({
        "id": id,
        "hash": hex(&content_hash(&bytes)),
        "fetchedFrom": account_json(&worker),
    });
    answer.add_to(&mut json);
    if let Some(path) = save {
        files::write(path, &bytes)?;
        json["savedAs"] = json!(path.display().to_string());
    }
    output::show(global, &json, || {
        output::fields([
            ("job", id.to_string()),
            ("output", hex(&content_hash(&bytes))),
            answer.row(),
            ("fetched from", worker.to_string()),
        ])
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::samples;

    #[test]
    fn a_list_should_keep_what_was_asked_for() {
        let job = samples::job(JobStatus::Queued);
        let ended = samples::job(JobStatus::Cancelled);
        let list = List { requester: None, version: None, open: true, limit: 1 };
        assert!(list.wants(&job) && !list.wants(&ended));
        let other = AccountId::new([9; 32]);
        assert!(!List { requester: Some(other), ..list }.wants(&job));
        assert!(table(&[job]).contains("queued"));
    }
}
