//! The cheats, and what lures each of them.

use super::Options;
use crate::{program, Model};
use std::process::Command;

/// What a cheat is to be drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lure {
    /// A job that only the cheapest would do.
    Alone,
    /// A job that two do, the cheat being one.
    Shared,
    /// The audit of another's job.
    Audit,
}

/// One cheat.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Its name in the table.
    pub(crate) name: String,
    /// The model.
    pub(crate) model: Model,
    /// The flags of `vigil-adversary`.
    pub(crate) args: Vec<String>,
    /// What lures it.
    pub(crate) lure: Lure,
    /// Seconds in which it is caught.
    pub(crate) within: u64,
}

impl Plan {
    /// Whether it is caught by a clock of minutes, for which its jobs wait.
    pub(crate) fn is_slow(&self) -> bool {
        self.within == CLOCK
    }
}

/// Seconds in which a cheat is caught that does not wait for a clock.
const SOON: u64 = 300;
/// Seconds in which a clock of ten minutes runs out.
const CLOCK: u64 = 900;

/// Those that are asked for. What takes long comes first.
pub(crate) fn all(options: &Options) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut add = |name: &str, model, flags: &[&str], lure, within| {
        let args = ["claimant"].iter().chain(flags).map(ToString::to_string).collect();
        plans.push(Plan { name: name.into(), model, args, lure, within });
    };
    if !options.fast {
        // Wrong in two ways: one that says the same would stand for the other's result.
        for (moves, cheat) in [("silent", "flip"), ("garbage", "scale")] {
            let flags = ["--cheat", cheat, "--moves", moves];
            add(&format!("moves:{moves}"), Model::MiniLm, &flags, Lure::Alone, CLOCK);
        }
    }
    for (name, lure) in [
        ("mute", Lure::Alone),
        ("idle", Lure::Alone),
        ("replay", Lure::Alone),
        ("copy", Lure::Shared),
    ] {
        let flags = ["--cheat", "honest", "--conduct", name];
        add(name, Model::MiniLm, &flags, lure, SOON);
    }
    add("replica", Model::MiniLm, &["--cheat", "random"], Lure::Shared, SOON);
    for model in [Model::MiniLm, Model::Tales] {
        let word = short(model);
        add(&format!("auditor/{word}"), model, &["--cheat", "flip"], Lure::Audit, SOON);
        for cheat in cheats(model) {
            if cheat != "honest" {
                let name = format!("{cheat}/{word}");
                add(&name, model, &["--cheat", &cheat], Lure::Alone, SOON);
            }
        }
    }
    if options.only.is_empty() {
        return plans;
    }
    for name in &options.only {
        assert!(
            plans.iter().any(|plan| plan.name == *name),
            "there is no cheat {name}: {:?}",
            plans.iter().map(|plan| &plan.name).collect::<Vec<_>>()
        );
    }
    plans.retain(|plan| options.only.contains(&plan.name));
    plans
}

/// A model in one word.
fn short(model: Model) -> &'static str {
    match model {
        Model::MiniLm => "vector",
        Model::Tales => "text",
    }
}

/// The names of all cheats that runs of a model can have.
fn cheats(model: Model) -> Vec<String> {
    let listed = Command::new(program("vigil-adversary"))
        .args(["cheats", "--package"])
        .arg(model.package())
        .output()
        .expect("vigil-adversary starts");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    names.lines().filter_map(|line| line.split_whitespace().next()).map(Into::into).collect()
}
