//! Ownership through the chain: a dataset, a base model and a derived model of three owners, terms
//! that are enforced, and a job whose fee is split among all of them to the last unit.

use serde_json::Value;
use vigil_e2e::{amount, text, Model, Network, OWNER};

/// Owns the dataset.
const DANA: &str = "Charlie";
/// Owns the base model.
const BOB: &str = "Dave";
/// Owns the derived model.
const CAROL: &str = OWNER;

/// Fees of the derived model, with figures that leave dust.
const PER_JOB: u128 = 1_000_000_007;
const PER_1K: u128 = 12_345_678_900;

fn account(network: &Network, name: &str) -> String {
    text(&network.vigil(&["--dev-key", name, "account", "show"])["address"])
}

/// Publishes the tales as a model of `owner`'s. Its `MODEL@VERSION`.
fn publish(network: &Network, owner: &str, more: &[&str]) -> String {
    let ended = network.try_vigil(&strs(&with(owner, more)));
    assert_eq!(ended.code, 0, "{more:?}: {ended:?}");
    text(&ended.stdout["version"])
}

/// The arguments that publish the tales.
fn with(owner: &str, more: &[&str]) -> Vec<String> {
    let package = Model::Tales.package().display().to_string();
    let source = format!("file://{package}/");
    let mut args = vec!["--dev-key", owner, "model", "publish", "--package", &package];
    args.extend(["--name", "tales", "--source", &source, "--licence", "Apache-2.0"]);
    args.extend(more);
    args.into_iter().map(str::to_owned).collect()
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn a_job_should_pay_its_whole_lineage_to_the_last_unit() {
    let network = Network::start();
    let data = network.dir().join("corpus.txt");
    std::fs::write(&data, "Once upon a time there was a corpus.\n").expect("a file can be written");
    let registered = network.vigil(&[
        "--dev-key",
        DANA,
        "dataset",
        "register",
        "corpus",
        "--content",
        &data.display().to_string(),
        "--licence",
        "CC-BY-4.0",
        "--access",
        "paid",
        "--grant-price",
        "5",
        "--grant-days",
        "30",
        "--grant-uses",
        "2",
        "--royalty",
        "2%",
    ]);
    assert_eq!(registered["asset"], "dataset:0@0");
    network.vigil(&["dataset", "verify", "0@0", &data.display().to_string()]);

    let base = base_model(&network);
    let derived = derived_model(&network, &base);

    let lineage = network.vigil(&["lineage", &derived]);
    let assets = lineage["nodes"].as_array().expect("assets are listed");
    let shares: u64 = assets.iter().filter_map(|asset| asset["sharePpm"].as_u64()).sum();
    assert_eq!((assets.len(), shares), (3, 1_000_000), "{lineage}");

    let _worker = network.worker(&derived, None);
    let owners = [DANA, BOB, CAROL].map(|name| account(&network, name));
    let before = owners.each_ref().map(|owner| network.total(owner));
    refusals(&network, &derived);

    let how = ["--max-tokens", "30", "--replicas", "1"];
    let id = network.submit(Model::Tales, &derived, &["Once upon a time"], &how)[0];
    let settled = network.job_until(id, "settled", 90);
    let parts = check_split(&network, &settled);
    for ((owner, before), part) in owners.iter().zip(before).zip(parts) {
        assert_eq!(network.total(owner) - before, part, "{owner}");
        let revenue = network.vigil(&["revenue", owner]);
        // Dana has sold a grant as well.
        assert!(amount(&revenue["total"]) >= part, "{revenue}");
    }
}

/// Bob's, who must buy a grant before he may cite the dataset.
fn base_model(network: &Network) -> String {
    let cites = ["--fee-per-job", "0.001", "--dataset", "0=10%"];
    let refused = network.try_vigil(&strs(&with(BOB, &cites)));
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("vigil grant buy dataset:0@0"), "{refused:?}");

    let dana = account(network, DANA);
    let before = network.total(&dana);
    network.vigil(&["--dev-key", BOB, "grant", "buy", "dataset:0@0", "--yes"]);
    assert_eq!(network.total(&dana) - before, 5_000_000_000_000, "the price has arrived");

    let refused = network.try_vigil(&strs(&with(BOB, &["--dataset", "0=1%"])));
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("2%"), "the royalty is named: {refused:?}");
    publish(network, BOB, &cites)
}

/// Carol's, whom Dana lets cite the dataset once.
fn derived_model(network: &Network, base: &str) -> String {
    let carol = account(network, CAROL);
    network.vigil(&["--dev-key", DANA, "grant", "give", "dataset:0@0", &carol, "--uses", "1"]);
    let parent = format!("{base}=5%");
    let (per_job, per_1k) = (format!("{PER_JOB}u"), format!("{PER_1K}u"));
    let cites = [
        "--fee-per-job",
        &per_job,
        "--fee-per-1k-tokens",
        &per_1k,
        "--parent",
        &parent,
        "--dataset",
        "0=2%",
        "--no-commercial",
    ];
    let derived = publish(network, CAROL, &cites);
    let refused = network.try_vigil(&strs(&with(CAROL, &cites)));
    assert_ne!(refused.code, 0, "the grant allowed one use");
    derived
}

/// The owners' parts, as the waterfall has them: 93 % Carol's, with the dust; 4.5 % Bob's; 2.5 %
/// Dana's. Returned in the order Dana, Bob, Carol.
fn check_split(network: &Network, settled: &Value) -> [u128; 3] {
    let receipt = &settled["status"]["receipt"];
    let part = |name: &str| amount(&receipt[name]);
    let sum =
        part("workers") + part("auditor") + part("owner") + part("treasury") + part("requester");
    assert_eq!(sum, amount(&settled["maxPrice"]), "{settled}");

    let tokens_out =
        settled["status"]["output"]["tokens"].as_u64().map(u128::from).expect("a number");
    let tokens_in = settled["tokensIn"].as_u64().map(u128::from).expect("a number");
    let owed = PER_JOB + (PER_1K * (tokens_in + tokens_out)).div_ceil(1_000);
    assert_eq!(part("owner"), owed);
    let (dana, bob) = (owed * 25 / 1_000, owed * 45 / 1_000);
    let carol = owed - dana - bob;

    let royalties = settled["status"]["royalties"].as_array().expect("royalties are listed");
    assert_eq!(royalties.len(), 3, "{settled}");
    for (name, asset, expected) in
        [(CAROL, "model:1@0", carol), (BOB, "model:0@0", bob), (DANA, "dataset:0@0", dana)]
    {
        let royalty = royalties
            .iter()
            .find(|royalty| royalty["asset"] == asset)
            .unwrap_or_else(|| panic!("{asset} earned nothing: {settled}"));
        assert_eq!(amount(&royalty["amount"]), expected, "{asset}");
        assert_eq!(royalty["payee"], account(network, name), "{asset}");
        assert_eq!(royalty["credited"], true, "{asset}");
    }
    [dana, bob, carol]
}

/// What the terms do not allow is refused before money is held.
fn refusals(network: &Network, derived: &str) {
    let other = format!("0x{}", "11".repeat(32));
    for (more, named) in
        [(&["--commercial"][..], "commercial"), (&["--accept-licence", &other][..], "licence")]
    {
        let args: Vec<_> =
            ["--input", "Once", "--max-tokens", "5"].iter().chain(more).copied().collect();
        let ended = network.submit_and_see(Model::Tales, derived, &args);
        assert_ne!(ended.code, 0, "{more:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{more:?} does not name {named}: {ended:?}");
    }
}
