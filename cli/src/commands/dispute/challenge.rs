//! `vigil dispute challenge`: a wrong result is proved wrong, move by move.

use super::court::{claims, complaint, nothing_revealed, Court, Outcome};
use crate::{
    commands::run::With,
    context::{parse_account, Context},
    error::{CommandResult, Failure},
    format::form,
    global::Global,
    output,
};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use vigil_advocate::ground;
use vigil_client::{calls, events, Until};
use vigil_primitives::{
    dispute::{ClaimId, DisputeId, End, Ground, Verdict, PUBLISHED_CHUNKS},
    AccountId, Job, JobId,
};

/// Arguments of `dispute challenge`.
#[derive(Debug, Args)]
pub(crate) struct Challenge {
    /// The job's number.
    job: JobId,
    /// The package of the version that it ran.
    #[arg(long, value_name = "DIR", required_unless_present = "withheld")]
    package: Option<PathBuf>,
    /// Whose result; the first that is wrong when left out.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_account)]
    worker: Option<AccountId>,
    /// Nobody hands out the input or the output: have 16 KiB of it published on chain.
    #[arg(long, value_enum, value_name = "END", conflicts_with = "package")]
    withheld: Option<Withheld>,
    /// With --withheld: the first 16 KiB of the bytes are number 0.
    #[arg(long, value_name = "N", default_value_t = 0, requires = "withheld")]
    part: u32,
    #[command(flatten)]
    with: With,
}

/// What nobody hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Withheld {
    Input,
    Output,
}

impl Challenge {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::signing(global).await?;
        let job = context.job(self.job).await?;
        if claims(&job).is_empty() {
            return Err(nothing_revealed(&job));
        }
        match (self.withheld, &self.package) {
            (Some(end), _) => self.ask(&context, &job, end).await,
            (None, Some(package)) => {
                let court = Court::open(context, job.spec.version, package, &self.with).await?;
                self.prosecute(&court, &job).await
            }
            (None, None) => Err(Failure::usage("give --package or --withheld")),
        }
    }

    /// Challenges the first wrong result.
    async fn prosecute(&self, court: &Court, job: &Job) -> CommandResult {
        let chosen = |worker: &AccountId| self.worker.as_ref().is_none_or(|one| one == worker);
        for (revealed, workers) in claims(job) {
            let Some(worker) = workers.into_iter().find(chosen) else { continue };
            let ends = court.ends(job, &revealed).await?;
            let Some(mistake) = court.examine(job, &ends)? else { continue };
            let said = complaint(job.id, &worker, mistake);
            output::note(&court.context.global, &said);
            let ground = ground(mistake, &ends.1).ok_or_else(|| Failure::failed(said.clone()))?;
            let claim = ClaimId::Job { job: job.id, worker };
            let outcome = court.prosecute(&claim, &ground, ends).await?;
            return report(court, &said, &outcome).await;
        }
        let whose = match &self.worker {
            Some(worker) => format!("{worker} has revealed nothing wrong"),
            None => "every result that was revealed is right".into(),
        };
        Err(Failure::failed(format!("nothing to challenge in job {}: {whose}", job.id)))
    }

    /// Has withheld bytes published.
    async fn ask(&self, context: &Context, job: &Job, end: Withheld) -> CommandResult {
        let first = claims(job).into_iter().flat_map(|(_, workers)| workers).next();
        let worker = self.worker.clone().or(first).ok_or_else(|| nothing_revealed(job))?;
        let (end, word) = match end {
            Withheld::Input => (End::Input, "input"),
            Withheld::Output => (End::Output, "output"),
        };
        let first = self.part.saturating_mul(PUBLISHED_CHUNKS);
        let claim = ClaimId::Job { job: job.id, worker: worker.clone() };
        let call = calls::disputes::challenge(&claim, &Ground::Withheld { end, first });
        let included = context.client.submit(&call, context.key()?, Until::InBlock).await?;
        let dispute = included.events.expect::<events::disputes::Challenged>()?.dispute;
        output::show(&context.global, &json!({ "dispute": dispute }), || {
            format!(
                "dispute {dispute}: {worker} has to publish its {word}, or is convicted\n\
                 see `vigil dispute show {dispute}`"
            )
        });
        Ok(())
    }
}

/// Says how a challenge has ended; a failure if it has not convicted anybody.
pub(super) async fn report(court: &Court, said: &str, outcome: &Outcome) -> CommandResult {
    let global = &court.context.global;
    let (id, ended) = match outcome {
        Outcome::AtOnce => {
            let json = json!({ "dispute": null, "verdict": { "kind": "convicted" } });
            output::show(global, &json, || format!("{said}\nthe chain saw it at once: convicted"));
            return Ok(());
        }
        Outcome::Played(id, ended) => (*id, ended),
    };
    show(court, id).await?;
    match ended.verdict {
        Verdict::Convicted(_) | Verdict::Moot => Ok(()),
        Verdict::Vindicated | Verdict::Abandoned | Verdict::Published => {
            Err(Failure::rejected(format!("dispute {id} has convicted nobody")))
        }
    }
}

/// Shows a dispute as `dispute show` does.
async fn show(court: &Court, id: DisputeId) -> CommandResult {
    let (view, names) = super::find(&court.context, id).await?;
    let json = form(vigil_rpc::disputes::Dispute::from((id, view.clone())));
    let text = || super::show::details(id, &view, names.as_ref());
    output::show(&court.context.global, &json, text);
    Ok(())
}
