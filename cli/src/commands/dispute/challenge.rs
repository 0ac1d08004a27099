//! `vigil dispute challenge`: a wrong result is proved wrong, move by move.

use super::court::{challenges, claims, complaint, nothing_revealed, Court, Ends};
use crate::{
    commands::run::With,
    context::{parse_account, Context},
    error::{CommandResult, Failure},
    files,
    format::form,
    global::Global,
    output,
};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;
use vigil_advocate::Withheld;
use vigil_client::{blobs::content_hash, calls, events, Until};
use vigil_primitives::{
    dispute::{self, ClaimId, Dispute, DisputeId, DisputeView, Ended, Stage, Verdict},
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
    /// The claimed output, where no worker hands it out: a file that --withheld has saved.
    #[arg(long, value_name = "FILE", requires = "package")]
    output: Option<PathBuf>,
    /// Nobody hands out the input or the output: have all of it published on chain, 16 KiB in one
    /// dispute, and save it. Who does not publish is convicted; you pay for the bytes.
    #[arg(long, value_enum, value_name = "END", conflicts_with = "package", requires = "save")]
    withheld: Option<End>,
    /// With --withheld: where to save it.
    #[arg(long, value_name = "FILE", requires = "withheld")]
    save: Option<PathBuf>,
    #[command(flatten)]
    with: With,
}

/// What nobody hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    Input,
    Output,
}

impl From<End> for vigil_primitives::dispute::End {
    fn from(end: End) -> Self {
        match end {
            End::Input => Self::Input,
            End::Output => Self::Output,
        }
    }
}

impl Challenge {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::signing(global).await?;
        let job = context.job(self.job).await?;
        if claims(&job).is_empty() {
            return Err(nothing_revealed(&job));
        }
        match (self.withheld, &self.package) {
            (Some(end), _) => self.ask(&context, &job, end.into()).await,
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
            let ends = match &self.output {
                None => court.ends(job, &revealed).await?,
                Some(file) => {
                    let bytes = files::read(file)?;
                    if content_hash(&bytes) != revealed.hash {
                        continue;
                    }
                    let input = court.context.requester().input_bytes(job).await?;
                    Ends { input, output: bytes }
                }
            };
            let Some(wrong) = court.examine(job, &revealed, &ends)? else { continue };
            let said = complaint(job.id, &worker, wrong);
            output::note(&court.context.global, &said);
            let ground = wrong.ground(&ends.input, &ends.output);
            let ground = ground.ok_or_else(|| Failure::failed(said.clone()))?;
            let claim = ClaimId::Job { job: job.id, worker };
            let (id, ended) = court.prosecute(&claim, &ground, ends).await?;
            return report(court, id, &ended).await;
        }
        let whose = match &self.worker {
            Some(worker) => format!("{worker} has revealed nothing wrong"),
            None => "every result that was revealed is right".into(),
        };
        Err(Failure::failed(format!("nothing to challenge in job {}: {whose}", job.id)))
    }

    /// Has withheld bytes published, one part after the other.
    async fn ask(&self, context: &Context, job: &Job, end: dispute::End) -> CommandResult {
        let global = &context.global;
        let first = claims(job).into_iter().flat_map(|(_, workers)| workers).next();
        let worker = self.worker.clone().or(first).ok_or_else(|| nothing_revealed(job))?;
        let id = ClaimId::Job { job: job.id, worker: worker.clone() };
        let claim = context.view().claim(&id).await?.ok_or_else(|| {
            Failure::rejected(format!(
                "the result of {worker} for job {} cannot be challenged: it has been convicted, or \
                 its time is over",
                job.id
            ))
        })?;
        let mut withheld = Withheld::new(claim, end);
        let began = context.client.blocks().next().await.number;
        while let Some(ground) = withheld.ground() {
            let asked = |(_, dispute): &(DisputeId, Dispute)| {
                dispute.claim_id == id && matches!(dispute.stage, Stage::Withheld { .. })
            };
            let dispute = match challenges(context).await?.into_iter().find(asked) {
                Some((dispute, _)) => dispute,
                None => {
                    let call = calls::disputes::challenge(&id, &ground);
                    let key = context.key()?;
                    let included = context.client.submit(&call, key, Until::InBlock).await?;
                    included.events.expect::<events::disputes::Challenged>()?.dispute
                }
            };
            output::note(global, &format!("dispute {dispute}: {worker} has to publish a part"));
            let ended = wait(context, dispute).await?;
            if let Verdict::Convicted(_) | Verdict::Moot = ended.verdict {
                let json = json!({ "dispute": dispute, "convicted": true, "bytes": null });
                output::show(global, &json, || format!("{worker} was convicted"));
                return Ok(());
            }
            let mut take_in = |proof: &_| withheld.take_in(proof);
            // What another part holds that was asked for before does not fit: it is asked for again.
            let found = context.client.published(ended.ended_at, dispute, &mut take_in).await?;
            if !found && ended.opened_at >= began {
                return Err(Failure::failed(format!(
                    "the bytes that dispute {dispute} had published are not in block {}",
                    ended.ended_at
                )));
            }
        }
        let (bytes, save) = (withheld.bytes().unwrap_or_default(), self.save.as_deref());
        let save = save.ok_or_else(|| Failure::usage("--withheld needs --save"))?;
        files::write(save, bytes)?;
        let json = json!({ "dispute": null, "convicted": false, "bytes": bytes.len() });
        let saved = format!("{} bytes are in {}", bytes.len(), save.display());
        output::show(global, &json, || saved);
        Ok(())
    }
}

/// Waits for the end of a dispute in which it is the claimant's turn.
async fn wait(context: &Context, id: DisputeId) -> CommandResult<Ended> {
    let spinner = output::Progress::spinner(&context.global, format!("dispute {id}"));
    let mut blocks = context.client.blocks();
    loop {
        blocks.next().await;
        match context.view().dispute(id).await? {
            Some(DisputeView::Ended(ended)) => {
                drop(spinner);
                return Ok(ended);
            }
            Some(DisputeView::Open(_)) => {}
            None => return Err(Failure::not_found(format!("dispute {id} is gone"))),
        }
    }
}

/// Says how a challenge has ended; a failure if it has not convicted anybody.
async fn report(court: &Court, id: DisputeId, ended: &Ended) -> CommandResult {
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
