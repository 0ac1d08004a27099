//! Every cheat, caught on a network with jobs flowing all the while.
//!
//! Honest workers of different accounts serve two models, one of them in two versions. One
//! `vigil-adversary` after the other joins them, asks less than anybody, and is lured by jobs that pay
//! no more than that. Meanwhile a requester has jobs computed at the market's price, which anybody may
//! be drawn for. What each cheat has lost, and how it was seen, is read from the chain; at the end the
//! books of all who were honest are gone through.
//!
//! | module | holds |
//! |---|---|
//! | this one | the run: who cheats when, and what is waited for |
//! | `plan` | the cheats, and what lures each |
//! | `requester` | somebody who pays for jobs, and its books |
//! | `hunt` | one cheat, until it is caught |
//! | `report` | the table |

mod hunt;
mod plan;
mod report;
mod requester;

pub use report::{Report, Row};

use crate::{worker::PAYERS, Kind, Model, Network, Worker};
use hunt::Hunt;
use plan::Plan;
use requester::Requester;
use std::{
    collections::VecDeque,
    thread::{scope, sleep, ScopedJoinHandle},
    time::{Duration, Instant},
};

/// What the honest ask: three of them, and one that shares jobs with the cheats.
const HONEST: [&str; 4] = ["0.01", "0.01", "0.01", "0.008"];
/// What a cheat asks, to be drawn before them.
const CHEAP: &str = "0.006";
/// Seconds between two jobs at the market's price.
const FLOW: Duration = Duration::from_secs(15);

/// What is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these cheats; all when there is none.
    pub only: Vec<String>,
    /// Without those that wait for a clock to run out.
    pub fast: bool,
    /// How many cheat at the same time.
    pub at_once: usize,
}

/// A version that jobs are for.
pub(crate) struct Version {
    /// What it is of.
    pub(crate) model: Model,
    /// What it is called on chain.
    pub(crate) id: String,
}

/// The versions.
pub(crate) struct Versions {
    vector: Version,
    text: Version,
    /// Of those that are caught by a clock: the jobs wait as long.
    slow: Version,
}

impl Versions {
    fn publish(network: &Network) -> Self {
        let publish = |model| Version { model, id: network.publish(model) };
        Self {
            vector: publish(Model::MiniLm),
            text: publish(Model::Tales),
            slow: publish(Model::MiniLm),
        }
    }

    /// The version that a cheat serves.
    fn of(&self, plan: &Plan) -> &Version {
        match plan.model {
            _ if plan.is_slow() => &self.slow,
            Model::MiniLm => &self.vector,
            Model::Tales => &self.text,
        }
    }
}

/// Runs the cheats and returns what became of them.
pub fn run(network: &Network, options: &Options) -> Report {
    let versions = Versions::publish(network);
    let ids = [&versions.vector, &versions.text, &versions.slow].map(|version| &*version.id);
    let honest: Vec<Worker> = together(HONEST.to_vec(), |ask| {
        network.worker_of_all(&ids, Kind { ask: Some(ask), ..Kind::default() })
    });
    let bonds: Vec<u128> = honest.iter().map(|worker| worker.bond(network)).collect();
    let mut lurer = Requester::new(network, "lurer");
    let mut market = Requester::new(network, "market");

    let (rows, _retired) = hunt(network, options, &versions, &mut lurer, &mut market);

    let mut faults: Vec<String> = rows.iter().filter_map(Row::fault).collect();
    for requester in [&mut lurer, &mut market] {
        requester.wait(network, 600);
        faults.extend(requester.audit(network));
    }
    for (worker, bond) in honest.iter().zip(bonds) {
        let audits = lurer.audits_of(&worker.account) + market.audits_of(&worker.account);
        let (now, bond) = (worker.bond(network), bond - audits);
        if now < bond {
            faults.push(format!(
                "the honest worker {} should have {bond} and has {now}",
                worker.account
            ));
        }
    }
    let jobs = lurer.count() + market.count();
    Report { rows, jobs, honest: honest.len(), faults }
}

/// Lets the cheats loose while jobs flow. What became of each, and the workers of those that were
/// caught: they hand out their results while others look at them.
fn hunt(
    network: &Network,
    options: &Options,
    versions: &Versions,
    lurer: &mut Requester,
    market: &mut Requester,
) -> (Vec<Row>, Vec<Worker>) {
    let mut waiting: VecDeque<Plan> = plan::all(options).into();
    let mut hunts: Vec<Hunt<'_>> = Vec::new();
    let (mut rows, mut retired) = (Vec::new(), Vec::new());
    let mut flowed: Option<Instant> = None;
    // The jobs of some are looked at while others start.
    scope(|scope| {
        let mut starting = Vec::new();
        while !(waiting.is_empty() && starting.is_empty() && hunts.is_empty()) {
            let room = options.at_once.max(1).saturating_sub(starting.len() + hunts.len());
            let room = room.min(PAYERS.len() - starting.len()).min(waiting.len());
            for plan in waiting.drain(..room) {
                starting.push(scope.spawn(move || Hunt::start(network, versions.of(&plan), plan)));
            }
            hunts.extend(starting.extract_if(.., |thread| thread.is_finished()).map(joined));
            if flowed.is_none_or(|since| since.elapsed() >= FLOW) {
                flowed = Some(Instant::now());
                for version in [&versions.vector, &versions.text] {
                    market.submit(network, version, &[]);
                }
            }
            lurer.look(network);
            market.look(network);
            for mut hunt in std::mem::take(&mut hunts) {
                let Some(row) = hunt.step(network, lurer, market) else {
                    hunts.push(hunt);
                    continue;
                };
                eprintln!("{}", row.line());
                rows.push(row);
                retired.extend(hunt.caught());
            }
            sleep(Duration::from_millis(700));
        }
    });
    (rows, retired)
}

/// Does something with each at the same time.
fn together<T: Send, R: Send>(each: Vec<T>, act: impl Fn(T) -> R + Sync) -> Vec<R> {
    let act = &act;
    scope(|scope| {
        let threads: Vec<_> = each.into_iter().map(|one| scope.spawn(move || act(one))).collect();
        threads.into_iter().map(joined).collect()
    })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().expect("what was started has failed, and has said why")
}
