//! `vigil dispute watch`: results of others are computed again, and wrong ones challenged.

use super::court::{challenges, claims, complaint, Court};
use crate::{
    commands::run::With,
    context::Context,
    error::CommandResult,
    format::short_account,
    global::Global,
    output::{self, note},
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vigil_advocate::{Drawn, Watch as Draw};
use vigil_primitives::{
    api::PAGE,
    dispute::{ClaimId, DisputeId, DisputeView, Ended, Stage, Verdict},
    job::Output,
    JobId, ModelVersionId,
};

/// Arguments of `dispute watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The version whose results are looked at.
    version: ModelVersionId,
    /// Its package.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    /// Of a hundred results so many are computed again.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u8).range(1..=100))]
    percent: u8,
    /// Look at what is there and end.
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    with: With,
}

/// Times that a result is asked for again where nobody hands it out.
const ATTEMPTS: u32 = 10;

/// What has been looked at.
#[derive(Default)]
struct Tally {
    right: u32,
    unavailable: u32,
    /// Jobs with a wrong result, and whether it was convicted.
    wrong: Vec<(JobId, bool)>,
}

impl Watch {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::signing(global).await?;
        let court = Court::open(context, self.version, &self.package, &self.with).await?;
        let mut tally = Tally::default();
        self.resume(&court, &mut tally).await?;
        let mut draw = Draw::new(self.percent);
        let mut blocks = court.context.client.blocks();
        note(global, &format!("watching results of version {}", self.version));
        loop {
            self.take_in(&court, &mut draw).await?;
            let mut held = Vec::new();
            while let Some(drawn) = draw.take_out() {
                if !self.look(&court, &drawn, &mut tally).await? {
                    held.push(drawn);
                }
            }
            for drawn in held {
                self.hold(&court, drawn, &mut draw, &mut tally);
            }
            if self.once {
                break;
            }
            blocks.next().await;
        }
        let wrong: Vec<_> = tally
            .wrong
            .iter()
            .map(|(job, convicted)| json!({ "job": job, "convicted": convicted }))
            .collect();
        let json =
            json!({ "right": tally.right, "unavailable": tally.unavailable, "wrong": wrong });
        output::show(global, &json, || {
            format!(
                "{} right, {} wrong, {} that nobody hands out",
                tally.right,
                tally.wrong.len(),
                tally.unavailable
            )
        });
        Ok(())
    }

    /// Goes on with what a former watch has begun.
    async fn resume(&self, court: &Court, tally: &mut Tally) -> CommandResult {
        for (id, dispute) in challenges(&court.context).await? {
            let withheld = matches!(dispute.stage, Stage::Withheld { .. });
            if withheld || dispute.claim.version != self.version {
                continue;
            }
            let ClaimId::Job { job, .. } = dispute.claim_id else { continue };
            let global = &court.context.global;
            note(global, &format!("going on with dispute {id} about job {job}"));
            let played = async {
                let found = court.context.job(job).await?;
                let ends = court.ends(&found, &dispute.claim.output).await?;
                court.pursue(id, ends).await
            };
            match played.await {
                Ok(ended) => self.ended(court, job, (id, ended), tally),
                Err(error) => note(global, &format!("dispute {id}: {error}")),
            }
        }
        Ok(())
    }

    async fn take_in(&self, court: &Court, draw: &mut Draw) -> CommandResult {
        let me = court.context.key()?.account();
        let mut page = Some(draw.wanted(None));
        while let Some(from) = page {
            let jobs = court.context.view().jobs(from, PAGE).await?;
            page = draw.take_in(from, &jobs, me, |job| job.spec.version == self.version);
        }
        Ok(())
    }

    /// A result that nobody hands out is asked for again, for a while.
    fn hold(&self, court: &Court, drawn: Drawn, draw: &mut Draw, tally: &mut Tally) {
        if !self.once && drawn.attempts < ATTEMPTS {
            draw.again(drawn);
            return;
        }
        let ClaimId::Job { job, worker } = &drawn.claim else { return };
        let text = format!(
            "job {job} of {}: nobody hands it out; `vigil dispute challenge {job} --withheld \
             output --save FILE` has it published",
            short_account(worker)
        );
        note(&court.context.global, &text);
        tally.unavailable = tally.unavailable.saturating_add(1);
    }

    /// Looks at one result, and challenges it if it is wrong. Whether it could.
    async fn look(&self, court: &Court, drawn: &Drawn, tally: &mut Tally) -> CommandResult<bool> {
        let claim = &drawn.claim;
        // Only results of jobs are drawn.
        let ClaimId::Job { job: id, worker } = claim else { return Ok(true) };
        let global = &court.context.global;
        // Pruned meanwhile, it can't be challenged any more.
        let Some(job) = court.context.view().job(*id).await? else { return Ok(true) };
        let of = |(_, workers): &(Output, Vec<_>)| workers.contains(worker);
        let Some((revealed, _)) = claims(&job).into_iter().find(of) else { return Ok(true) };
        let ends = match court.ends(&job, &revealed).await {
            Ok(ends) => ends,
            Err(error) => {
                note(global, &format!("job {id} of {}: {error}", short_account(worker)));
                return Ok(false);
            }
        };
        let wrong = match court.examine(&job, &revealed, &ends) {
            Ok(wrong) => wrong,
            Err(error) => {
                note(global, &format!("job {id} can't be run here: {error}"));
                return Ok(true);
            }
        };
        let Some(wrong) = wrong else {
            note(global, &format!("job {id} of {}: right", short_account(worker)));
            tally.right = tally.right.saturating_add(1);
            return Ok(true);
        };
        note(global, &complaint(*id, worker, wrong));
        // It may have been convicted by somebody else meanwhile, or be beyond its time.
        if court.context.view().claim(claim).await?.is_none() {
            return Ok(true);
        }
        let ground = wrong.ground(&ends.input, &ends.output);
        let Some(ground) = ground else { return Ok(true) };
        match court.prosecute(claim, &ground, ends).await {
            Ok(ended) => {
                self.ended(court, *id, ended, tally);
                Ok(true)
            }
            // A game that has begun goes on the next time.
            Err(error) => {
                note(global, &format!("job {id}: {error}"));
                Ok(false)
            }
        }
    }

    fn ended(&self, court: &Court, job: JobId, (id, ended): (DisputeId, Ended), tally: &mut Tally) {
        let convicted = matches!(ended.verdict, Verdict::Convicted(_) | Verdict::Moot);
        let text = format!("dispute {id}: {}", super::show::status(&DisputeView::Ended(ended)));
        note(&court.context.global, &text);
        tally.wrong.push((job, convicted));
    }
}
