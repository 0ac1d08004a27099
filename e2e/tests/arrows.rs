//! Which crate of the workspace may depend on which. The table is the map of docs/architecture.md: a
//! new arrow is drawn there and here first, and only then in a `Cargo.toml`.
//!
//! Only what is built into a program counts: development and build dependencies may point anywhere.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// Every crate of the workspace with the crates of the workspace that it names, all of them.
const ARROWS: &[(&str, &[&str])] = &[
    // Arithmetic and models: no chain, no network.
    ("vigil-architecture", &[]),
    ("vigil-ops", &["vigil-architecture"]),
    ("vigil-ops-guest", &["vigil-architecture", "vigil-ops"]),
    ("vigil-ops-wasm", &[]),
    ("vigil-engine", &["vigil-architecture", "vigil-ops"]),
    // The chain: pallets know the vocabulary and never each other; the runtime wires them.
    ("vigil-primitives", &["vigil-architecture"]),
    ("pallet-beacon", &[]),
    ("pallet-models", &["vigil-primitives"]),
    ("pallet-datasets", &["vigil-primitives"]),
    ("pallet-provenance", &["vigil-primitives"]),
    ("pallet-workers", &["vigil-primitives"]),
    ("pallet-jobs", &["vigil-primitives"]),
    // The rules of disputes, for the chain that judges and for whoever plays.
    ("vigil-game", &["vigil-ops", "vigil-primitives"]),
    ("pallet-disputes", &["vigil-game", "vigil-primitives"]),
    ("pallet-channels", &["vigil-primitives"]),
    (
        "vigil-runtime",
        &[
            "pallet-beacon",
            "pallet-channels",
            "pallet-datasets",
            "pallet-disputes",
            "pallet-jobs",
            "pallet-models",
            "pallet-provenance",
            "pallet-workers",
            "vigil-ops",
            "vigil-primitives",
        ],
    ),
    // Substrate's builder of the wasm runtime asks for it, in place of the one from the registry.
    ("wasm-opt", &[]),
    ("vigil-rpc", &["vigil-primitives"]),
    ("vigil-node", &["vigil-primitives", "vigil-rpc", "vigil-runtime"]),
    // The programs beside the chain: they know its vocabulary, never its pallets.
    ("vigil-client", &["vigil-primitives"]),
    (
        "vigil-advocate",
        &["vigil-client", "vigil-engine", "vigil-game", "vigil-ops", "vigil-primitives"],
    ),
    ("vigil-worker", &["vigil-advocate", "vigil-client", "vigil-engine", "vigil-primitives"]),
    (
        "vigil-cli",
        &["vigil-advocate", "vigil-client", "vigil-engine", "vigil-primitives", "vigil-rpc"],
    ),
    // The market on paper: the formulas, without the pallets.
    ("vigil-economics", &["vigil-primitives"]),
    // The runtime with its checks, on the state of a running network.
    ("vigil-try-state", &["vigil-runtime"]),
    // It starts programs, and links none of them. The adversary is a worker with other hands.
    ("vigil-e2e", &[]),
    (
        "vigil-adversary",
        &[
            "vigil-advocate",
            "vigil-engine",
            "vigil-game",
            "vigil-ops",
            "vigil-primitives",
            "vigil-worker",
        ],
    ),
];

/// These are also built where there is no chain: by a browser, by other projects.
const WITHOUT_SUBSTRATE: &[&str] = &["vigil-architecture", "vigil-ops", "vigil-engine"];

/// How the names of Substrate's crates begin.
const SUBSTRATE: &[&str] = &["frame-", "pallet-", "sc-", "sp-", "substrate-"];

/// Each crate with all crates that it depends on, of the workspace or not.
type Dependencies = BTreeMap<String, BTreeSet<String>>;

#[test]
fn arrows_between_crates_should_be_exactly_those_of_the_table() {
    let faults = arrow_faults(&workspace(), ARROWS);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn crates_below_the_chain_should_name_no_substrate_crate() {
    let faults = substrate_faults(&workspace(), WITHOUT_SUBSTRATE);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn arrow_faults_should_be_empty_when_the_table_is_kept() {
    let found = dependencies(&[("low", &["serde"]), ("high", &["low", "serde"])]);
    assert_eq!(arrow_faults(&found, &[("low", &[]), ("high", &["low"])]), [""; 0]);
}

#[test]
fn arrow_faults_should_name_an_arrow_when_it_is_not_in_the_table() {
    let found = dependencies(&[("low", &["high"]), ("high", &[])]);
    assert_eq!(
        arrow_faults(&found, &[("low", &[]), ("high", &[])]),
        ["low depends on high, and may not: draw the arrow in the table first, if it is meant"]
    );
}

#[test]
fn arrow_faults_should_name_an_arrow_when_the_workspace_lacks_it() {
    let found = dependencies(&[("low", &[]), ("high", &[])]);
    assert_eq!(
        arrow_faults(&found, &[("low", &[]), ("high", &["low"])]),
        ["high does not depend on low any more: take the arrow out of the table"]
    );
}

#[test]
fn arrow_faults_should_name_a_crate_when_only_one_side_has_it() {
    let found = dependencies(&[("new", &[])]);
    assert_eq!(
        arrow_faults(&found, &[("old", &[])]),
        [
            "new is not in the table: say which crates it may depend on",
            "old is in the table and not in the workspace: take it out",
        ]
    );
}

#[test]
fn substrate_faults_should_name_a_crate_when_it_is_of_substrate() {
    let found = dependencies(&[("low", &["spin", "sp-core"])]);
    assert_eq!(
        substrate_faults(&found, &["low"]),
        ["low depends on sp-core, and must be built without Substrate"]
    );
}

/// One sentence for everything in which the workspace and the table differ.
fn arrow_faults(found: &Dependencies, table: &[(&str, &[&str])]) -> Vec<String> {
    let allowed: BTreeMap<_, BTreeSet<_>> =
        table.iter().map(|(name, to)| (*name, to.iter().copied().collect())).collect();
    let mut faults = Vec::new();
    for (name, to) in found {
        let Some(allowed) = allowed.get(name.as_str()) else {
            faults.push(format!("{name} is not in the table: say which crates it may depend on"));
            continue;
        };
        let to: BTreeSet<_> =
            to.iter().filter(|to| found.contains_key(*to)).map(String::as_str).collect();
        faults.extend(to.difference(allowed).map(|to| {
            format!("{name} depends on {to}, and may not: draw the arrow in the table first, if it is meant")
        }));
        faults.extend(allowed.difference(&to).map(|to| {
            format!("{name} does not depend on {to} any more: take the arrow out of the table")
        }));
    }
    faults.extend(
        allowed
            .keys()
            .filter(|name| !found.contains_key(**name))
            .map(|name| format!("{name} is in the table and not in the workspace: take it out")),
    );
    faults
}

/// One sentence for every Substrate crate that one of `names` depends on.
fn substrate_faults(found: &Dependencies, names: &[&str]) -> Vec<String> {
    let of_substrate = |to: &&String| SUBSTRATE.iter().any(|prefix| to.starts_with(prefix));
    names
        .iter()
        .flat_map(|name| found[*name].iter().filter(of_substrate).map(move |to| (name, to)))
        .map(|(name, to)| format!("{name} depends on {to}, and must be built without Substrate"))
        .collect()
}

/// What cargo knows of this workspace. Manifests are read; nothing is resolved or downloaded.
fn workspace() -> Dependencies {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let normal = list(&package["dependencies"])
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]));
            (text(&package["name"]), normal.collect())
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("cargo's metadata has a list here")
}

fn text(value: &Value) -> String {
    value.as_str().expect("cargo's metadata has a text here").to_owned()
}

fn dependencies(of: &[(&str, &[&str])]) -> Dependencies {
    of.iter()
        .map(|(name, to)| (name.to_string(), to.iter().map(|to| to.to_string()).collect()))
        .collect()
}
