//! `vigil job verify`: a job once more, on this machine.

use super::show::status_word;
use crate::{
    commands::run::With,
    context::Context,
    error::{CommandResult, Failure},
    format::{account_json, amount_json, hex},
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
use vigil_engine::{Package, Request};
use vigil_primitives::{job::Output, AccountId, Job, JobId, JobStatus};

/// Arguments of `job verify`.
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

/// What a job came to, there and here.
struct Verified {
    job: Job,
    here: Output,
    /// What each worker revealed.
    there: Vec<(AccountId, Output)>,
    kernel: &'static str,
}

impl Verify {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        let job = context.job(self.job).await?;
        let there: Vec<_> = job
            .status
            .replicas()
            .iter()
            .filter_map(|replica| Some((replica.worker.clone(), replica.revealed()?)))
            .collect();
        if there.is_empty() {
            return Err(Failure::rejected(format!(
                "job {} is {}: no worker has revealed anything to verify",
                job.id,
                status_word(&job)
            )));
        }
        let version = context.version(job.spec.version).await?;
        let package = Package::open(&self.package)?;
        if package.manifest_hash() != *version.spec.package.as_fixed_bytes() {
            return Err(Failure::failed(format!(
                "the package in {} is not that of version {}, which the job ran",
                self.package.display(),
                version.id
            )));
        }
        let money = match &job.status {
            JobStatus::Settled { .. } => {
                let treasury = context.view().parameters().await?.treasury;
                Ledger::of(std::slice::from_ref(&job), &treasury).map(Some)
            }
            _ => Ok(None),
        };
        let tokens = context.requester().input(&job).await?;
        let spinner = Progress::spinner(global, "running the job again");
        let (max_tokens_out, sampling) = (job.spec.max_tokens_out, job.spec.sampling);
        let model = self.with.load(&package)?;
        let run = model.run(&Request { tokens, max_tokens_out, sampling })?;
        drop(spinner);
        let here = Output { hash: content_hash(&run.output), tokens: run.tokens_out };
        let verified = Verified { job, here, there, kernel: model.kernel().name() };
        output::show(global, &verified.json(&money), || verified.text(&money));
        verified.verdict(&money)
    }
}

/// What the receipt says, of a job that was paid.
type Money = Result<Option<Ledger>, LedgerError>;

impl Verified {
    /// How many workers revealed what this machine computes.
    fn agree(&self) -> usize {
        self.there.iter().filter(|(_, output)| *output == self.here).count()
    }

    fn verdict(&self, money: &Money) -> CommandResult {
        if self.agree() < self.there.len() {
            return Err(Failure::failed(format!(
                "{} of {} workers of job {} revealed other bytes than this machine computes",
                self.there.len() - self.agree(),
                self.there.len(),
                self.job.id
            )));
        }
        money.as_ref().map(|_| ()).map_err(|error| Failure::failed(error.to_string()))
    }

    fn json(&self, money: &Money) -> Value {
        let replicas = self.there.iter().map(|(worker, output)| {
            json!({
                "worker": account_json(worker),
                "output": hex(&output.hash),
                "tokens": output.tokens,
                "agrees": *output == self.here,
            })
        });
        json!({
            "id": self.job.id,
            "version": self.job.spec.version.to_string(),
            "kernel": self.kernel,
            "output": hex(&self.here.hash),
            "tokens": self.here.tokens,
            "replicas": replicas.collect::<Vec<_>>(),
            "agrees": self.agree() == self.there.len(),
            "escrow": amount_json(self.job.spec.max_price),
            "addsUp": money.is_ok(),
        })
    }

    fn text(&self, money: &Money) -> String {
        let mut rows = vec![
            ("job", self.job.id.to_string()),
            ("version", self.job.spec.version.to_string()),
            ("output here", format!("{}, by kernel {}", hex(&self.here.hash), self.kernel)),
        ];
        if self.job.spec.max_tokens_out > 0 {
            let asked = self.job.spec.max_tokens_out;
            rows.push(("tokens", format!("{} of at most {asked}", self.here.tokens)));
        }
        let workers = format!("{} of {} revealed the same", self.agree(), self.there.len());
        rows.push(("workers", workers));
        if let Ok(Some(Ledger { workers, owner, treasury, returned, escrow, royalties, .. })) =
            money
        {
            let sum = format!(
                "workers {workers} + owners {owner} + treasury {treasury} + back {returned} = \
                 escrow {escrow} units"
            );
            let owners: Vec<_> = royalties
                .iter()
                .map(|((asset, _), earned)| format!("{asset} {}", earned.amount))
                .collect();
            rows.push(("paid", sum));
            if !owners.is_empty() {
                rows.push(("owners", format!("{} = {owner} units", owners.join(" + "))));
            }
        }
        output::fields(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::Receipt,
        pricing::GIGA,
        samples::{job, replica, settled},
    };

    fn verified(hash: u8) -> Verified {
        let receipt = Receipt { workers: 80, owner: 5, treasury: 5, requester: 10, work: GIGA };
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let replicas = vec![replica(2, 40, 4), replica(3, 40, 4)];
        let there = replicas.iter().map(|one| (one.worker.clone(), output)).collect();
        let here = Output { hash: [hash; 32].into(), tokens: 0 };
        Verified { job: job(settled(output, replicas, receipt)), here, there, kernel: "scalar" }
    }

    fn money(of: &Verified) -> Money {
        Ledger::of(std::slice::from_ref(&of.job), &AccountId::new([9; 32])).map(Some)
    }

    #[test]
    fn the_same_bytes_should_pass_with_what_everybody_was_paid() {
        let verified = verified(4);
        let money = money(&verified);
        assert!(verified.verdict(&money).is_ok());
        assert_eq!(verified.json(&money)["agrees"], true);
        let text = verified.text(&money);
        assert!(text.contains("2 of 2 revealed the same"), "{text}");
        assert!(
            text.contains("workers 80 + owners 5 + treasury 5 + back 10 = escrow 100"),
            "{text}"
        );
    }

    #[test]
    fn other_bytes_should_fail_and_so_should_money_that_does_not_add_up() {
        let other = verified(5);
        let failure = other.verdict(&money(&other)).unwrap_err();
        assert!(failure.to_string().contains("2 of 2 workers of job 7"), "{failure}");
        let mut short = verified(4);
        short.job.spec.max_price = 99;
        let money = money(&short);
        assert!(short.verdict(&money).unwrap_err().to_string().contains("add up"));
        assert_eq!(short.json(&money)["addsUp"], false);
    }
}
