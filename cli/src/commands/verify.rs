//! `vigil verify`: whether what workers revealed for a job is right, found out on this machine.
//!
//! An output whose bytes a worker hands out is checked in one pass over known tokens, and the first
//! wrong one is named. Where nobody hands the bytes out, the job is run once more and hashes are
//! compared.

use crate::{
    commands::{
        dispute::court::{claims, nothing_revealed, Court},
        run::With,
    },
    context::Context,
    error::{CommandResult, Failure, Kind},
    format::{account_json, amount_json, form, hex, short_account},
    global::Global,
    output::{self, Progress},
};
use clap::Args;
use serde_json::{json, Value};
use std::path::PathBuf;
use vigil_client::{
    blobs::content_hash,
    requester::{Ledger, LedgerError},
};
use vigil_primitives::{job::Output, AccountId, Job, JobId, JobStatus};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The job's number.
    job: JobId,
    /// The package of the version that it ran.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    #[command(flatten)]
    with: With,
}

/// What is wrong with a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// Its bytes have been looked at.
    At(vigil_advocate::Wrong),
    /// Nobody hands its bytes out, and this machine computes others.
    Elsewhere(Output),
}

/// An output that was revealed, and what was found out about it.
struct Finding {
    output: Output,
    workers: Vec<AccountId>,
    wrong: Option<Wrong>,
}

/// A job, looked at.
struct Verified {
    job: Job,
    findings: Vec<Finding>,
    kernel: &'static str,
}

impl Verify {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        let job = context.job(self.job).await?;
        let revealed = claims(&job);
        if revealed.is_empty() {
            return Err(nothing_revealed(&job));
        }
        let money = match &job.status {
            JobStatus::Settled { .. } => {
                let treasury = context.view().parameters().await?.treasury;
                Ledger::of(std::slice::from_ref(&job), &treasury).map(Some)
            }
            _ => Ok(None),
        };
        let court = Court::open(context, job.spec.version, &self.package, &self.with).await?;
        let spinner = Progress::spinner(global, "running the job again");
        let mut findings = Vec::new();
        for (output, workers) in revealed {
            let wrong = find(&court, &job, output).await?;
            findings.push(Finding { output, workers, wrong });
        }
        drop(spinner);
        let verified = Verified { job, findings, kernel: court.kernel() };
        output::show(global, &verified.json(&money), || verified.text(&money));
        verified.verdict(&money)
    }
}

/// What is wrong with an output.
async fn find(court: &Court, job: &Job, output: Output) -> CommandResult<Option<Wrong>> {
    match court.ends(job, &output).await {
        Ok(ends) => Ok(court.examine(job, &output, &ends)?.map(Wrong::At)),
        Err(error) if error.kind() == Kind::Connection => {
            let tokens = court.context.requester().input(job).await?;
            let run = court.run(job, tokens)?;
            let here = Output { hash: content_hash(&run.output), tokens: run.tokens_out };
            Ok((here != output).then_some(Wrong::Elsewhere(here)))
        }
        Err(error) => Err(error),
    }
}

/// What the receipt says, of a job that was paid.
type Money = Result<Option<Ledger>, LedgerError>;

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(wrong) => wrong.fmt(f),
            Self::Elsewhere(here) => write!(f, "this machine computes {}", hex(&here.hash)),
        }
    }
}

impl Verified {
    fn wrong(&self) -> impl Iterator<Item = (&Finding, Wrong)> {
        self.findings.iter().filter_map(|finding| Some((finding, finding.wrong?)))
    }

    /// How many workers revealed what is right, and how many there are.
    fn agree(&self) -> (usize, usize) {
        let of = |wanted: bool| {
            let findings = self.findings.iter().filter(move |one| one.wrong.is_none() == wanted);
            findings.map(|finding| finding.workers.len()).sum::<usize>()
        };
        (of(true), of(true).saturating_add(of(false)))
    }

    fn verdict(&self, money: &Money) -> CommandResult {
        let (agree, all) = self.agree();
        if let Some((_, wrong)) = self.wrong().next() {
            return Err(Failure::failed(format!(
                "{} of {all} workers of job {} revealed a wrong result: {wrong}",
                all.saturating_sub(agree),
                self.job.id
            )));
        }
        money.as_ref().map(|_| ()).map_err(|error| Failure::failed(error.to_string()))
    }

    fn json(&self, money: &Money) -> Value {
        let replicas = self.findings.iter().flat_map(|finding| {
            finding.workers.iter().map(|worker| {
                json!({
                    "worker": account_json(worker),
                    "output": form(vigil_rpc::jobs::Output::from(finding.output)),
                    "right": finding.wrong.is_none(),
                    "wrong": finding.wrong.map(|wrong| wrong.to_string()),
                    "position": match finding.wrong {
                        Some(Wrong::At(wrong)) => wrong.position(),
                        _ => None,
                    },
                })
            })
        });
        json!({
            "id": self.job.id,
            "version": self.job.spec.version.to_string(),
            "kernel": self.kernel,
            "replicas": replicas.collect::<Vec<_>>(),
            "right": self.wrong().next().is_none(),
            "escrow": amount_json(self.job.spec.max_price),
            "addsUp": money.is_ok(),
        })
    }

    fn text(&self, money: &Money) -> String {
        let (agree, all) = self.agree();
        let mut rows = vec![
            ("job", self.job.id.to_string()),
            ("version", self.job.spec.version.to_string()),
            ("verdict", format!("{agree} of {all} workers revealed what is right")),
            ("computed", format!("on this machine, by kernel {}", self.kernel)),
        ];
        for finding in &self.findings {
            let workers: Vec<_> = finding.workers.iter().map(short_account).collect();
            let word = match finding.wrong {
                None => "right".into(),
                Some(wrong) => format!("wrong: {wrong}"),
            };
            rows.push((
                "output",
                format!("{}, of {}", hex(&finding.output.hash), workers.join(", ")),
            ));
            if self.job.spec.max_tokens_out > 0 {
                let asked = self.job.spec.max_tokens_out;
                rows.push(("", format!("{} tokens of at most {asked}", finding.output.tokens)));
            }
            rows.push(("", word));
        }
        if let Ok(Some(ledger)) = money {
            rows.extend(paid(ledger));
        }
        output::fields(rows)
    }
}

/// Who was paid what.
fn paid(ledger: &Ledger) -> Vec<(&'static str, String)> {
    let Ledger { workers, owner, treasury, returned, escrow, royalties, .. } = ledger;
    let sum = format!(
        "workers {workers} + owners {owner} + treasury {treasury} + back {returned} = \
         escrow {escrow} units"
    );
    let mut rows = vec![("paid", sum)];
    let owners: Vec<_> =
        royalties.iter().map(|((asset, _), earned)| format!("{asset} {}", earned.amount)).collect();
    if !owners.is_empty() {
        rows.push(("owners", format!("{} = {owner} units", owners.join(" + "))));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_engine::Mistake;
    use vigil_primitives::{
        job::Receipt,
        pricing::GIGA,
        samples::{job, replica, settled},
    };

    fn verified(wrong: Option<Wrong>) -> Verified {
        let receipt =
            Receipt { workers: 80, owner: 5, treasury: 5, requester: 10, work: GIGA, auditor: 0 };
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let replicas = vec![replica(2, 40, 4), replica(3, 40, 4)];
        let workers = replicas.iter().map(|one| one.worker.clone()).collect();
        let findings = vec![Finding { output, workers, wrong }];
        Verified { job: job(settled(output, replicas, receipt)), findings, kernel: "scalar" }
    }

    fn money(of: &Verified) -> Money {
        Ledger::of(std::slice::from_ref(&of.job), &AccountId::new([9; 32])).map(Some)
    }

    #[test]
    fn right_bytes_should_pass_with_what_everybody_was_paid() {
        let verified = verified(None);
        let money = money(&verified);
        assert!(verified.verdict(&money).is_ok());
        assert_eq!(verified.json(&money)["right"], true);
        let text = verified.text(&money);
        assert!(text.contains("2 of 2 workers revealed what is right"), "{text}");
        assert!(
            text.contains("workers 80 + owners 5 + treasury 5 + back 10 = escrow 100"),
            "{text}"
        );
    }

    #[test]
    fn a_wrong_token_should_fail_and_be_named() {
        let mistake = Mistake::Token { position: 3, found: 8, right: 9 };
        let verified = verified(Some(Wrong::At(vigil_advocate::Wrong::Output(mistake))));
        let failure = verified.verdict(&money(&verified)).unwrap_err().to_string();
        assert!(failure.contains("2 of 2 workers of job 7"), "{failure}");
        assert!(failure.contains("its token 3 is 8, and 9 is drawn there"), "{failure}");
        assert_eq!(verified.json(&money(&verified))["replicas"][0]["position"], 3);
    }

    #[test]
    fn other_bytes_that_nobody_hands_out_should_fail() {
        let here = Output { hash: [5; 32].into(), tokens: 0 };
        let verified = verified(Some(Wrong::Elsewhere(here)));
        let failure = verified.verdict(&money(&verified)).unwrap_err().to_string();
        assert!(failure.contains("this machine computes"), "{failure}");
    }

    #[test]
    fn money_that_does_not_add_up_should_fail() {
        let mut short = verified(None);
        short.job.spec.max_price = 99;
        let money = money(&short);
        assert!(short.verdict(&money).unwrap_err().to_string().contains("add up"));
        assert_eq!(short.json(&money)["addsUp"], false);
    }
}
