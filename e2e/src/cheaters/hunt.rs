//! One cheat, from its start until it is caught.

use super::{
    plan::{Lure, Plan},
    report::Row,
    requester::{Asked, Requester},
    Version, CHEAP,
};
use crate::{text, Kind, Network, Worker};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Right results after which a cheat is taken to make no difference.
const HARMLESS: usize = 4;
/// Seconds behind its time in which its job ends.
const AFTER: u64 = 300;
/// Lures under way at once.
const LURES: usize = 1;

/// A cheat that runs.
pub(crate) struct Hunt<'a> {
    plan: Plan,
    /// What it serves.
    version: &'a Version,
    worker: Worker,
    /// What it had at stake.
    bond: u128,
    /// What it had of that when it was looked at last.
    has: u128,
    began: Instant,
    /// The jobs that were to lure it.
    lures: Vec<u64>,
    /// What it has lost, and at which block that was seen.
    caught: Option<(u128, u64)>,
}

impl<'a> Hunt<'a> {
    /// Starts the cheat.
    pub(crate) fn start(network: &Network, version: &'a Version, plan: Plan) -> Self {
        let args: Vec<&str> = plan.args.iter().map(String::as_str).collect();
        let ask = match plan.lure {
            // The audit is of another's job.
            Lure::Audit => None,
            Lure::Alone | Lure::Shared => Some(CHEAP),
        };
        let kind = Kind { ask, adversary: Some(&args), ..Kind::default() };
        let worker = network.worker_of(&version.id, kind);
        let bond = worker.bond(network);
        let (lures, caught, began) = (Vec::new(), None, Instant::now());
        Self { plan, version, worker, bond, has: bond, began, lures, caught }
    }

    /// Its worker, if it was caught: in jail, and still there.
    pub(crate) fn caught(self) -> Option<Worker> {
        self.caught.map(|_| self.worker)
    }

    /// Lures it on, and looks whether it is caught. What became of it, once that is known.
    pub(crate) fn step(
        &mut self,
        network: &Network,
        lurer: &mut Requester,
        market: &Requester,
    ) -> Option<Row> {
        // What it had before the jobs were looked at: whatever it has paid for audits is in them.
        let had = std::mem::replace(&mut self.has, self.worker.bond(network));
        let account = &self.worker.account;
        let audits = lurer.audits_of(account) + market.audits_of(account);
        let lost = self.bond.saturating_sub(audits).saturating_sub(had);
        if lost > 0 && self.caught.is_none() {
            self.caught = Some((lost, network.best()));
        }
        if self.caught.is_some() {
            let row = self.row(network, lurer, market);
            // The job goes on behind the verdict.
            if row.outcome.is_some_and(|it| it != "a wrong result") || self.is_late_by(AFTER) {
                return Some(row);
            }
            return None;
        }
        if self.is_late_by(0) || self.is_harmless(lurer) {
            return Some(self.row(network, lurer, market));
        }
        // One that another has taken lures nobody any more.
        let is_open = |job: &&Asked| {
            let drawn = match self.plan.lure {
                Lure::Alone | Lure::Shared => &job.workers,
                Lure::Audit => &job.auditors,
            };
            job.outcome().is_none() && (drawn.is_empty() || job.engages(&self.worker.account))
        };
        let lures = self.lures.iter().filter_map(|id| lurer.job(*id));
        if lures.filter(is_open).count() < LURES {
            let lured = lurer.lure(network, self.version, self.plan.lure);
            self.lures.extend(lured);
        }
        None
    }

    fn is_late_by(&self, seconds: u64) -> bool {
        self.began.elapsed() > Duration::from_secs(self.plan.within + seconds)
    }

    /// Whether what it got wrong has made no difference to any result.
    fn is_harmless(&self, lurer: &Requester) -> bool {
        let account = &self.worker.account;
        let right = |job: &&Asked| job.outcome() == Some("the right result");
        let paid = |job: &&Asked| {
            let replicas = job.shown["status"]["replicas"].as_array();
            replicas.is_some_and(|all| all.iter().any(|one| one["worker"] == **account))
        };
        lurer.jobs_of(account).filter(right).filter(paid).count() >= HARMLESS
    }

    /// What is known of it.
    fn row(&self, network: &Network, lurer: &Requester, market: &Requester) -> Row {
        let account = &self.worker.account;
        let mut row = Row { name: self.plan.name.clone(), ..Row::default() };
        row.harmless = self.caught.is_none() && self.is_harmless(lurer);
        let Some((lost, seen_at)) = self.caught else { return row };
        row.slashed = lost;
        let disputes = network.all_disputes();
        let job_of = |dispute: &Value| {
            let id = dispute["claim"]["job"].as_u64()?;
            lurer.job(id).or_else(|| market.job(id))
        };
        let own = disputes.iter().find(|dispute| lost_by(dispute, account));
        // Whoever said the same as a claimant that was computed to be wrong has lost with it.
        let same = |dispute: &&Value| {
            let claimant = text(&dispute["claim"]["worker"]);
            is_computed(dispute) && job_of(dispute).is_some_and(|job| job.agree(account, &claimant))
        };
        let lost = own.or_else(|| disputes.iter().find(same));
        // A lost dispute tells most.
        if let Some((dispute, job)) = lost.and_then(|dispute| Some((dispute, job_of(dispute)?))) {
            let challenger = dispute["challenger"] == **account;
            let other = match challenger {
                true => &dispute["claim"]["worker"],
                false => &dispute["challenger"],
            };
            let auditors = &job.auditors;
            row.seen = match other.as_str() {
                Some(other) if auditors.contains(other) => "audit",
                _ if auditors.contains(account) => "its own audit",
                Some(other) if job.workers.contains(other) => "replica",
                _ => "requester",
            };
            let verdict = &dispute["verdict"];
            row.verdict = match (verdict["fault"].as_str(), verdict["kind"].as_str()) {
                (Some(fault), _) => format!("convicted: {fault}"),
                (None, Some(kind)) => kind.to_owned(),
                _ => String::new(),
            };
            row.moves = dispute["moves"].as_u64();
            let block = |name: &str| dispute[name].as_u64();
            row.blocks = block("endedAt").zip(block("openedAt")).map(|(end, start)| end - start);
            row.job = Some(job.id);
            row.outcome = job.outcome();
            return row;
        }
        // It has said nothing where it should have: the clock has told.
        row.seen = "clock";
        let jobs = || lurer.jobs_of(account).chain(market.jobs_of(account));
        let due = |job: &&Asked| job.due.get(account).copied().filter(|due| *due <= seen_at);
        if let Some(job) = jobs().max_by_key(due) {
            let audited = !job.auditors.is_empty();
            row.verdict = if audited { "silent under audit" } else { "deadline missed" }.into();
            row.job = Some(job.id);
            row.outcome = job.outcome();
            row.blocks = due(&job).map(|due| seen_at - due);
        }
        row
    }
}

/// Whether a dispute has ended against somebody.
fn lost_by(dispute: &Value, account: &str) -> bool {
    let convicted = dispute["verdict"]["kind"] == "convicted";
    let claimant = dispute["claim"]["worker"] == *account;
    let challenger = dispute["challenger"] == *account;
    dispute["kind"] == "ended" && ((convicted && claimant) || (!convicted && challenger))
}

/// Whether a dispute has ended with a result that is wrong, whoever says so.
fn is_computed(dispute: &Value) -> bool {
    let verdict = &dispute["verdict"];
    verdict["kind"] == "convicted" && verdict["fault"] != "silence"
}
