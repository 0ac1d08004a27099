//! `vigil worker`: the workers on chain, and what an operator does to one.
//!
//! Registering and serving is the daemon's own doing (`vigil-worker`); these are the steps that a
//! person decides.

use crate::{
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{amount, form},
    global::Global,
    output, text,
};
use clap::Subcommand;
use serde_json::{json, Value};
use vigil_client::{calls, Amount};
use vigil_primitives::{
    worker::{DeviceClass, Region, WorkerStatus, WorkerView},
    AccountId, BlockNumber, ModelVersionId,
};

/// `vigil worker ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List all workers.
    List {
        /// Only workers that serve this version.
        #[arg(long, value_name = "MODEL@VERSION")]
        version: Option<ModelVersionId>,
    },
    /// Show a worker.
    Show {
        /// Its account (an address or //Name); the signing key's when left out.
        #[arg(value_parser = context::parse_account)]
        account: Option<AccountId>,
    },
    /// Take no new jobs; those assigned are finished.
    Drain,
    /// Take jobs again after a drain.
    Resume,
    /// Take jobs again after a jail term.
    Unjail,
    /// Start to leave. The bond can be withdrawn after the unbonding period.
    Unbond,
    /// Take the bond back after the unbonding period.
    Withdraw,
    /// Add to the bond.
    BondMore {
        /// How much.
        amount: Amount,
    },
    /// Say whom the worker belongs to: two workers of one owner are never in one job. It counts when
    /// the owner has confirmed it.
    NameOwner {
        /// The owner (an address or //Name); nobody else when left out.
        #[arg(value_parser = context::parse_account)]
        owner: Option<AccountId>,
    },
    /// Say in which country the worker is, for jobs that ask for it. A deposit is held from the first
    /// word on until the worker has left; it is lost if the word is false.
    DeclareRegion {
        /// The two letters of the country, for instance DE, or `none`.
        #[arg(value_name = "COUNTRY", value_parser = parse_region)]
        region: DeclaredRegion,
    },
    /// Confirm that a worker, which has named the signing key's account, belongs to it.
    Confirm {
        /// The worker (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        worker: AccountId,
    },
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let (call, done) = match self {
            Self::List { version } => return list(global, version).await,
            Self::Show { account } => return show(global, account).await,
            Self::Drain => (calls::workers::drain(), "the worker takes no new jobs".into()),
            Self::Resume => (calls::workers::resume(), "the worker takes jobs again".into()),
            Self::Unjail => (calls::workers::unjail(), "the worker is out of jail".into()),
            Self::Unbond => (
                calls::workers::unbond(),
                "the worker is leaving: `vigil worker show` tells when the bond can be withdrawn"
                    .into(),
            ),
            Self::Withdraw => (calls::workers::withdraw(), "the bond is back".into()),
            Self::BondMore { amount } => {
                (calls::workers::bond_more(amount.0), format!("{amount} added to the bond"))
            }
            Self::NameOwner { owner } => (
                calls::workers::name_owner(owner.as_ref()),
                match &owner {
                    Some(owner) => format!(
                        "the worker says that it belongs to {owner}, which confirms it with \
                         `vigil worker confirm`"
                    ),
                    None => "the worker belongs to nobody else".into(),
                },
            ),
            Self::DeclareRegion { region: DeclaredRegion(region) } => (
                calls::workers::declare_region(region),
                match region {
                    Some(region) => format!("the worker says that it is in {region}"),
                    None => "the worker says nothing of where it is".into(),
                },
            ),
            Self::Confirm { worker } => (
                calls::workers::confirm_worker(&worker),
                format!("{worker} belongs to the signing account"),
            ),
        };
        let context = Context::signing(global).await?;
        context.submit_and_report(call, done).await
    }
}

/// Where a worker says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DeclaredRegion(Option<Region>);

/// Reads `none` or the two letters of a country.
fn parse_region(text: &str) -> Result<DeclaredRegion, &'static str> {
    if text == "none" {
        return Ok(DeclaredRegion(None));
    }
    text.parse().map(|region| DeclaredRegion(Some(region)))
}

async fn list(global: &Global, version: Option<ModelVersionId>) -> CommandResult {
    let context = Context::connect(global).await?;
    let mut workers = context.requester().workers().await?;
    if let Some(version) = version {
        workers.retain(|worker| worker.serves.contains(&version));
    }
    let json = json!({ "workers": workers.iter().map(worker_json).collect::<Vec<_>>() });
    output::show(global, &json, || table(&workers));
    Ok(())
}

fn table(workers: &[WorkerView]) -> String {
    if workers.is_empty() {
        return "no workers yet: `vigil-worker` registers one".into();
    }
    let mut table = output::table([
        "WORKER",
        "STATUS",
        "JOBS",
        "BOND",
        "ASK PER GMAC",
        "SERVES",
        "DONE",
        "MISSED",
        "ENDPOINT",
    ]);
    for worker in workers {
        table.add_row([
            worker.account.to_string(),
            status(&worker.status),
            format!("{}/{}", worker.active, worker.capacity),
            amount(worker.bond),
            amount(worker.ask),
            serves(worker),
            worker.reputation.completed.to_string(),
            worker.reputation.expired.to_string(),
            text::brief(&worker.endpoint, 40),
        ]);
    }
    output::align_right(&mut table, &[2, 3, 4, 6, 7]);
    output::render(&table)
}

async fn show(global: &Global, account: Option<AccountId>) -> CommandResult {
    let account = match account {
        Some(account) => account,
        None => context::signer(global)?.account().clone(),
    };
    let context = Context::connect(global).await?;
    let worker = context
        .view()
        .worker(&account)
        .await?
        .ok_or_else(|| Failure::not_found(format!("{account} is no worker")))?;
    let mut contributions = Vec::new();
    for &version in &worker.serves {
        let contribution = context.view().contribution(&account, version).await?;
        contributions.push((version, contribution));
    }
    let mut json = worker_json(&worker);
    json["contributions"] = contributions
        .iter()
        .map(|(version, contribution)| {
            let mut json = form(vigil_rpc::form::Contribution::from(*contribution));
            json["version"] = json!(version.to_string());
            json
        })
        .collect();
    output::show(global, &json, || {
        let mut table = output::table(["VERSION", "JOBS", "WORK (GMAC)", "EARNED"]);
        for (version, contribution) in &contributions {
            table.add_row([
                version.to_string(),
                contribution.jobs.to_string(),
                (contribution.work / 1_000_000_000).to_string(),
                amount(contribution.earned),
            ]);
        }
        output::align_right(&mut table, &[1, 2, 3]);
        format!("{}\n\n{}", details(&worker), output::render(&table))
    });
    Ok(())
}

fn details(worker: &WorkerView) -> String {
    let device = match worker.capability.device {
        DeviceClass::Cpu => "processor",
        DeviceClass::Gpu => "graphics processor",
    };
    let reputation = &worker.reputation;
    output::fields([
        ("worker", worker.account.to_string()),
        ("owner", owner(worker)),
        ("region, as it says", region(worker)),
        ("status", status(&worker.status)),
        ("bond", amount(worker.bond)),
        ("not yet paid", amount(worker.unfinalised)),
        ("ask per GMAC", amount(worker.ask)),
        ("jobs now", format!("{} of {}", worker.active, worker.capacity)),
        ("serves", serves(worker)),
        ("endpoint", text::printable(&worker.endpoint)),
        (
            "hardware, as it says",
            format!(
                "{device}, {} MiB, {} GMAC/s",
                worker.capability.memory_mib, worker.capability.gmacs_per_second
            ),
        ),
        ("worker since", format!("block {}", reputation.since)),
        (
            "record",
            format!(
                "{} completed, {} missed, {} declined, {} contested, {} convicted",
                reputation.completed,
                reputation.expired,
                reputation.declined,
                reputation.contested,
                reputation.convicted
            ),
        ),
        (
            "audits",
            format!(
                "{} of its results found right, {} made of others",
                reputation.passed, reputation.audits
            ),
        ),
        ("found right by audits", amount(reputation.record.proven)),
        ("work (GMAC)", (reputation.work / 1_000_000_000).to_string()),
        ("earned", amount(reputation.earned)),
    ])
}

fn region(worker: &WorkerView) -> String {
    worker.region.map_or_else(|| "none".into(), |region| region.to_string())
}

fn owner(worker: &WorkerView) -> String {
    match &worker.owner {
        None => "nobody else".into(),
        Some(owner) if owner.confirmed => owner.account.to_string(),
        Some(owner) => format!("{}, as it says; not confirmed", owner.account),
    }
}

fn serves(worker: &WorkerView) -> String {
    worker.serves.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn status(status: &WorkerStatus<BlockNumber>) -> String {
    match status {
        WorkerStatus::Active => "active".into(),
        WorkerStatus::Draining => "draining".into(),
        WorkerStatus::Jailed { until } => format!("jailed until block {until}"),
        WorkerStatus::Unbonding { until } => format!("unbonding until block {until}"),
    }
}

fn worker_json(worker: &WorkerView) -> Value {
    form(vigil_rpc::workers::Worker::from(worker.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::worker::{Capability, Reputation};

    fn worker(endpoint: &[u8]) -> WorkerView {
        WorkerView {
            account: AccountId::new([2; 32]),
            bond: 1,
            status: WorkerStatus::Jailed { until: 9 },
            endpoint: endpoint.to_vec(),
            encryption_key: [0; 32],
            capability: Capability { memory_mib: 1, device: DeviceClass::Cpu, gmacs_per_second: 1 },
            ask: 1,
            capacity: 4,
            active: 1,
            answered: 0,
            unfinalised: 0,
            serves: vec![ModelVersionId { model: 0, version: 1 }],
            region: None,
            reputation: Reputation::default(),
            disputes: 0,
            owner: None,
        }
    }

    #[test]
    fn a_hostile_endpoint_should_not_reach_the_terminal() {
        let worker = worker(b"http://x/\x1b[2J\r\xe2\x80\xae");
        for text in [
            table(std::slice::from_ref(&worker)),
            details(&worker),
            worker_json(&worker).to_string(),
        ] {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            assert!(!text.contains('\u{202e}'), "{text:?}");
            assert!(text.contains("u{1b}"), "{text:?}");
        }
    }

    #[test]
    fn a_worker_should_show_its_whole_reputation_and_its_region() {
        let mut worker = worker(b"http://x");
        worker.region = Some(Region(*b"DE"));
        worker.reputation = Reputation {
            completed: 11,
            expired: 12,
            passed: 13,
            audits: 14,
            convicted: 15,
            work: 16_000_000_000,
            earned: 17,
            ..Reputation::new(10)
        };
        worker.reputation.record.proven = 18;
        let text = details(&worker);
        for says in [
            "DE",
            "block 10",
            "11 completed, 12 missed",
            "15 convicted",
            "13 of its results found right, 14 made of others",
            &amount(17),
            &amount(18),
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = worker_json(&worker);
        assert_eq!((&json["region"], &json["reputation"]["since"]), (&json!("DE"), &json!(10)));
        assert_eq!(json["reputation"]["record"]["proven"], "18");
    }

    #[test]
    fn a_region_should_be_two_letters_or_none() {
        assert_eq!(parse_region("none"), Ok(DeclaredRegion(None)));
        assert_eq!(parse_region("de"), Ok(DeclaredRegion(Some(Region(*b"DE")))));
        for wrong in ["", "D", "D1", "DEU", "None"] {
            assert!(parse_region(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_worker_should_show_its_status_with_the_block() {
        let text = table(&[worker(b"http://x")]);
        assert!(text.contains("jailed until block 9"), "{text}");
        assert!(text.contains("0@1"), "{text}");
        assert!(table(&[]).contains("no workers"));
    }
}
