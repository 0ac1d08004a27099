//! Somebody who pays for jobs, and its books.

use super::{plan::Lure, Version};
use crate::{amount, program, text, Model, Network, Process};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The smallest units of one VGL.
const UNIT: u128 = 1_000_000_000_000;
/// Most that sending a job costs.
const FEE: i128 = UNIT as i128 / 10;
/// What a challenge is given: its bond, and what it may cost.
const STAKE: u128 = 30;

/// Somebody who pays for jobs.
pub(crate) struct Requester {
    key: String,
    account: String,
    /// What it had before its first job.
    before: u128,
    /// What it has given its challenges.
    staked: u128,
    jobs: Vec<Asked>,
}

/// A job, and what was seen of it.
pub(crate) struct Asked {
    /// Its number.
    pub(crate) id: u64,
    /// BLAKE3 of the right result.
    right: Value,
    /// As it was shown last.
    pub(crate) shown: Value,
    /// Who has been drawn for it.
    pub(crate) workers: BTreeSet<String>,
    /// Who has been drawn for its audit.
    pub(crate) auditors: BTreeSet<String>,
    /// By when those who have been drawn had to do what they had not done yet.
    pub(crate) due: BTreeMap<String, u64>,
    /// BLAKE3 of what those who have revealed say.
    said: BTreeMap<String, Value>,
    /// The model.
    model: Model,
    /// The key of its challenge, and the challenge, of a wrong result that it was paid for.
    challenge: Option<(String, Process)>,
}

impl Asked {
    fn has_ended(&self) -> bool {
        let kind = self.shown["status"]["kind"].as_str().unwrap_or_default();
        ["settled", "refunded", "cancelled"].contains(&kind)
    }

    /// Whether it was paid for a result that is not right.
    fn is_wrong(&self) -> bool {
        let status = &self.shown["status"];
        status["kind"] == "settled" && status["output"]["hash"] != self.right
    }

    /// What the requester has got, in words; `None` before the job has ended.
    pub(crate) fn outcome(&self) -> Option<&'static str> {
        self.has_ended().then(|| match self.is_wrong() {
            true if self.paid() <= self.waited() => "damages",
            true => "a wrong result",
            false if self.shown["status"]["kind"] == "settled" => "the right result",
            false => "its money back",
        })
    }

    /// Whether somebody was drawn for it, in either role.
    pub(crate) fn engages(&self, account: &str) -> bool {
        self.workers.contains(account) || self.auditors.contains(account)
    }

    /// Whether two have revealed the same.
    pub(crate) fn agree(&self, one: &str, other: &str) -> bool {
        self.said.get(one).is_some_and(|said| self.said.get(other) == Some(said))
    }

    /// Looks at the job.
    fn look(&mut self, network: &Network) {
        self.shown = network.job(self.id);
        let status = &self.shown["status"];
        for replica in status["replicas"].as_array().into_iter().flatten() {
            let drawn = match replica["role"].as_str() {
                Some("auditor") => &mut self.auditors,
                // An auditor that stands in for the workers is one of them.
                _ if self.auditors.contains(&text(&replica["worker"])) => continue,
                _ => &mut self.workers,
            };
            drawn.insert(text(&replica["worker"]));
        }
        for replica in status["replicas"].as_array().into_iter().flatten() {
            let due = match replica["kind"].as_str() {
                Some("assigned") => replica["commitBy"].as_u64(),
                Some("committed") => status["revealBy"].as_u64(),
                _ => None,
            };
            self.due.extend(due.map(|due| (text(&replica["worker"]), due)));
            if replica["kind"] == "revealed" {
                self.said.insert(text(&replica["worker"]), replica["output"]["hash"].clone());
            }
        }
    }

    /// Whether nothing more is going to happen to it.
    fn is_over(&self) -> bool {
        self.has_ended() && self.outcome() != Some("a wrong result")
    }

    /// Whether the requester has to object: two who cheat may have met, and nobody else was left.
    fn is_to_be_challenged(&mut self) -> bool {
        // Behind one that has convicted somebody, whoever else stands for the result is next. One that
        // has failed would fail again.
        let won = |(_, challenge): &mut (String, Process)| {
            challenge.ended().is_some_and(|end| end.success())
        };
        self.outcome() == Some("a wrong result") && self.challenge.as_mut().is_none_or(won)
    }

    /// Objects, with a key.
    fn challenge(&mut self, network: &Network, key: String) {
        let (id, package) = (self.id.to_string(), self.model.package().display().to_string());
        let url = network.url();
        let args = ["--quiet", "--node", &url, "--key", &key, "dispute", "challenge", &id];
        let args = [&args[..], &["--package", &package]].concat();
        let log = network.dir().join(format!("challenge-{id}.log"));
        let process = Process::start(&program("vigil"), &args, &log);
        self.challenge = Some((key, process));
    }

    /// What the wait has cost.
    fn waited(&self) -> i128 {
        match self.shown["waiting"]["kind"].as_str() {
            Some("paid") => whole(&self.shown["waiting"]["amount"]),
            _ => 0,
        }
    }

    /// What it has cost: the price less what came back, and the wait.
    fn paid(&self) -> i128 {
        let shown = &self.shown;
        let waited = self.waited();
        if shown["status"]["kind"] != "settled" {
            return waited;
        }
        let damages = match &shown["penalty"] {
            Value::Null => 0,
            penalty => whole(&penalty["damages"]),
        };
        let back = whole(&shown["status"]["receipt"]["requester"]);
        waited + whole(&shown["maxPrice"]) - back - damages
    }
}

impl Requester {
    /// With a key and money of its own.
    pub(crate) fn new(network: &Network, name: &str) -> Self {
        let (key, account) = network.new_key(name);
        network.vigil(&["--dev-key", "Alice", "account", "transfer", &account, "10000"]);
        network.wait("the requester's money", 30, || network.total(&account) > 0);
        let before = network.total(&account);
        Self { key, account, before, staked: 0, jobs: Vec::new() }
    }

    /// Jobs so far.
    pub(crate) fn count(&self) -> usize {
        self.jobs.len()
    }

    /// The jobs that somebody was drawn for, in either role.
    pub(crate) fn jobs_of<'a>(&'a self, worker: &'a str) -> impl Iterator<Item = &'a Asked> {
        self.jobs.iter().filter(move |job| job.engages(worker))
    }

    /// One of its jobs.
    pub(crate) fn job(&self, id: u64) -> Option<&Asked> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// Submits a job that lures; `None` where nobody would take it now.
    pub(crate) fn lure(&mut self, network: &Network, version: &Version, lure: Lure) -> Option<u64> {
        let (replicas, more): (_, &[&str]) = match lure {
            Lure::Alone => ("1", &[]),
            Lure::Shared => ("2", &["--replicas", "2"]),
            Lure::Audit => return Some(self.submit(network, version, &["--audited"])),
        };
        let Version { model, id } = version;
        let request = self.request(*model);
        let package = model.package().display().to_string();
        let quote = ["job", "quote", "--version", id, "--replicas", replicas];
        let quote = [&quote[..], &["--package", &package]].concat();
        let quote: Vec<&str> =
            quote.into_iter().chain(request.iter().map(String::as_str)).collect();
        let quoted = network.vigil(&quote);
        let lowest = quoted["quotes"][0]["lowest"].as_str()?.parse::<u128>().ok()?;
        let price = format!("{}.{:012}", lowest / UNIT, lowest % UNIT);
        let more = [more, &["--max-price", &price]].concat();
        Some(self.submit(network, version, &more))
    }

    /// Submits a job. Its number.
    pub(crate) fn submit(&mut self, network: &Network, version: &Version, more: &[&str]) -> u64 {
        let model = version.model;
        let request = self.request(model);
        let request: Vec<&str> = request.iter().map(String::as_str).collect();
        let package = model.package().display().to_string();
        let args = ["--key", &self.key, "job", "submit", "--version", &version.id];
        let args = [&args[..], &["--package", &package], &request, more].concat();
        let submitted = network.vigil(&args);
        let id = submitted["jobs"][0]["id"].as_u64().expect("a job has a number");
        let (input, more) = request.get(1).zip(request.get(2..)).expect("a request has an input");
        let right = model.run(input, "scalar", more)["output"]["hash"].clone();
        self.jobs.push(Asked {
            id,
            right,
            shown: Value::Null,
            workers: BTreeSet::new(),
            auditors: BTreeSet::new(),
            due: BTreeMap::new(),
            said: BTreeMap::new(),
            model,
            challenge: None,
        });
        id
    }

    /// What is asked next: another thing every time.
    fn request(&self, model: Model) -> Vec<String> {
        let number = self.jobs.len();
        let begin = ["Once upon a time", "A fox", "The old king", "One day a girl"];
        let begin = begin.get(number % begin.len()).copied().unwrap_or_default();
        let (input, more): (_, &[&str]) = match model {
            Model::MiniLm => (format!("{begin} and {number} bells"), &[]),
            Model::Tales => (
                begin.to_owned(),
                &["--max-tokens", "12", "--temperature", "0.9", "--min-p", "0.02"],
            ),
        };
        let mut request = vec!["--input".to_owned(), input];
        request.extend(more.iter().map(ToString::to_string));
        if model == Model::Tales {
            request.extend(["--seed".into(), number.to_string()]);
        }
        request
    }

    /// Looks at every job that has not ended.
    pub(crate) fn look(&mut self, network: &Network) {
        for job in self.jobs.iter_mut().filter(|job| !job.is_over()) {
            job.look(network);
            if !job.is_to_be_challenged() {
                continue;
            }
            let key = match job.challenge.take() {
                Some((key, _)) => key,
                // Programs that sign with one key take each other's nonces.
                None => {
                    let (key, account) = network.new_key(&format!("challenge-{}", job.id));
                    let transfer = ["account", "transfer", &account, &STAKE.to_string()];
                    network.vigil(&[&["--key", &self.key][..], &transfer].concat());
                    self.staked += STAKE * UNIT;
                    key
                }
            };
            job.challenge(network, key);
        }
    }

    /// Waits until all of its jobs have ended.
    pub(crate) fn wait(&mut self, network: &Network, seconds: u64) {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
        while self.jobs.iter().any(|job| !job.is_over()) && std::time::Instant::now() < end {
            self.look(network);
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }

    /// What a worker has paid for audits of its results, out of its bond.
    pub(crate) fn audits_of(&self, worker: &str) -> u128 {
        let audits = self.jobs.iter().map(|job| &job.shown["audit"]);
        let own = audits.filter(|audit| audit["subject"] == *worker);
        own.map(|audit| amount(&audit["bond"])).sum()
    }

    /// What is wrong with its books.
    pub(crate) fn audit(&self, network: &Network) -> Vec<String> {
        let mut faults = Vec::new();
        for job in &self.jobs {
            if !job.has_ended() {
                faults.push(format!("job {} is still {}", job.id, job.shown["status"]["kind"]));
            } else if !job.is_over() {
                let log = network.dir().join(format!("challenge-{}.log", job.id));
                let log = std::fs::read_to_string(log).unwrap_or_default();
                faults.push(format!("job {} was paid for a wrong result: {log}", job.id));
            }
        }
        let paid: i128 = self.jobs.iter().map(Asked::paid).sum();
        let after = network.total(&self.account) + self.staked;
        let after = i128::try_from(after).expect("an amount is no more");
        let before = i128::try_from(self.before).expect("an amount is no more");
        let fees = before - after - paid;
        let most = FEE * self.jobs.len() as i128;
        let won = self.jobs.iter().any(|job| job.challenge.is_some());
        // One may have brought more damages since its job was looked at.
        if fees > most || (fees < 0 && !won) {
            faults.push(format!(
                "{} had {before} and has {after}; its jobs have cost {paid}, and fees are no {fees}",
                self.account
            ));
        }
        faults
    }
}

fn whole(value: &Value) -> i128 {
    i128::try_from(amount(value)).expect("an amount is no more")
}
