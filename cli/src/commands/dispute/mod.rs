//! `vigil dispute`: who says which result is wrong, and how far the two sides have come.

mod challenge;
pub(crate) mod court;
mod show;
mod watch;

use crate::{
    context::Context,
    error::{CommandResult, Failure},
    format::{form, short_account},
    global::Global,
    output,
};
use clap::Subcommand;
use serde_json::json;
use show::{status, title, Names};
use vigil_client::pages;
use vigil_primitives::{
    api::PAGE,
    dispute::{ClaimId, DisputeId, DisputeView},
    JobId,
};

/// `vigil dispute ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the disputes that are open, and those that have ended lately.
    List {
        /// Only disputes about results of this job.
        #[arg(long)]
        job: Option<JobId>,
        /// Only disputes that are open.
        #[arg(long)]
        open: bool,
    },
    /// Show a dispute, and the way down to what its sides differ in.
    Show {
        /// Its number.
        dispute: DisputeId,
    },
    /// Challenge a wrong result, with a bond, and play the dispute to its end. What was interrupted
    /// goes on when it is typed again.
    Challenge(challenge::Challenge),
    /// Run results of others again as they come, and challenge the wrong ones, for the bounty.
    Watch(watch::Watch),
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::List { job, open } => list(global, job, open).await,
            Self::Show { dispute } => show(global, dispute).await,
            Self::Challenge(challenge) => challenge.execute(global).await,
            Self::Watch(watch) => watch.execute(global).await,
        }
    }
}

/// The job that a dispute is about, unless it is about an answer of a channel.
fn job_of(view: &DisputeView) -> Option<JobId> {
    match show::claim_id(view) {
        ClaimId::Job { job, .. } => Some(*job),
        ClaimId::Receipt { .. } => None,
    }
}

async fn list(global: &Global, job: Option<JobId>, open: bool) -> CommandResult {
    let context = Context::connect(global).await?;
    let view = context.view();
    let behind = |(id, _): &(DisputeId, DisputeView)| id.saturating_add(1);
    let mut disputes = pages(0, behind, |from| view.disputes(from, PAGE)).await?;
    disputes.retain(|(_, view)| {
        job.is_none_or(|job| job_of(view) == Some(job))
            && (!open || matches!(view, DisputeView::Open(_)))
    });
    let forms = disputes.iter().cloned().map(vigil_rpc::disputes::Dispute::from);
    let json = json!({ "disputes": forms.map(form).collect::<Vec<_>>() });
    output::show(global, &json, || table(&disputes));
    Ok(())
}

fn table(disputes: &[(DisputeId, DisputeView)]) -> String {
    if disputes.is_empty() {
        return "no disputes: nobody has said that a result is wrong".into();
    }
    let mut table = output::table(["DISPUTE", "JOB", "ABOUT", "CLAIMANT", "CHALLENGER", "STATUS"]);
    for (id, view) in disputes {
        table.add_row([
            id.to_string(),
            job_of(view).map_or_else(|| "-".into(), |job| job.to_string()),
            title(view),
            short_account(show::claim_id(view).claimant()),
            short_account(show::challenger(view)),
            status(view),
        ]);
    }
    output::align_right(&mut table, &[0, 1]);
    output::render(&table)
}

async fn show(global: &Global, id: DisputeId) -> CommandResult {
    let context = Context::connect(global).await?;
    let (view, names) = find(&context, id).await?;
    let json = form(vigil_rpc::disputes::Dispute::from((id, view.clone())));
    output::show(global, &json, || show::details(id, &view, names.as_ref()));
    Ok(())
}

/// A dispute, and what the numbers of its trace mean where that is known.
async fn find(context: &Context, id: DisputeId) -> CommandResult<(DisputeView, Option<Names>)> {
    let view = context.view().dispute(id).await?.ok_or_else(|| {
        Failure::not_found(format!("there is no dispute {id}, or it has ended long ago"))
    })?;
    // What is kept of a dispute that has ended says nothing of the model: its job does.
    let names = match &view {
        DisputeView::Open(dispute) => Names::of_claim(&dispute.claim, dispute.token),
        DisputeView::Ended(ended) => {
            let job = match job_of(&view) {
                Some(job) => context.view().job(job).await?,
                None => None,
            };
            match job {
                Some(job) => {
                    let version = context.view().version(job.spec.version).await?;
                    version.and_then(|version| {
                        Names::of_job(&job, &version.spec.architecture, ended.token)
                    })
                }
                None => None,
            }
        }
    };
    Ok((view, names))
}
