//! Text generation through the chain: paid by the token, the same bytes on every kernel.

use serde_json::{json, Value};
use vigil_e2e::{amount, kernels, text, Model, Network, OWNER};

/// Fees of the model: 0.001 VGL for a job and 0.01 for 1,000 tokens.
const PER_JOB: u128 = 1_000_000_000;
const PER_TOKEN: u128 = 10_000_000;

/// A tale to go on with, how, and by how many workers.
struct Order {
    prompts: &'static [&'static str],
    how: &'static [&'static str],
    replicas: usize,
}

/// Greedy and drawn, long and short, several at once.
const ORDERS: [Order; 3] = [
    Order {
        prompts: &["Once upon a time", "There once lived a", "Far away, in a valley"],
        how: &["--max-tokens", "400"],
        replicas: 3,
    },
    Order {
        prompts: &["Once upon a time"],
        how: &["--max-tokens", "40", "--temperature", "0.8", "--min-p", "0.05", "--seed", "7"],
        replicas: 2,
    },
    Order {
        prompts: &["Once upon a time"],
        how: &["--max-tokens", "40", "--temperature", "0.8", "--min-p", "0.05", "--seed", "8"],
        replicas: 2,
    },
];

#[test]
fn texts_should_be_generated_alike_by_every_kernel_and_paid_by_the_token() {
    let network = Network::start();
    let version = network.publish(Model::Tales);
    let kernels = kernels();
    let _workers: Vec<_> =
        kernels.iter().map(|kernel| network.worker(&version, Some(kernel))).collect();
    let owner = text(&network.vigil(&["--dev-key", OWNER, "account", "show"])["address"]);
    let owner_before = network.total(&owner);

    let mut jobs = Vec::new();
    for order in &ORDERS {
        let replicas = order.replicas.min(kernels.len()).to_string();
        let more: Vec<_> = order.how.iter().copied().chain(["--replicas", &replicas]).collect();
        let ids = network.submit(Model::Tales, &version, order.prompts, &more);
        jobs.extend(ids.into_iter().zip(order.prompts).map(|(id, prompt)| (id, *prompt, order)));
    }

    let mut hashes = Vec::new();
    let (mut early, mut owed) = (0, 0);
    for (number, (id, prompt, order)) in jobs.iter().enumerate() {
        let settled = network.job_until(*id, "settled", 90);
        // What a worker computed in a batch with others is what any machine computes alone.
        let kernel = kernels[number % kernels.len()];
        let local = Model::Tales.run(prompt, kernel, order.how);
        assert_eq!(
            settled["status"]["output"]["hash"], local["output"]["hash"],
            "{prompt}, {kernel}"
        );
        hashes.push(text(&settled["status"]["output"]["hash"]));
        assert!(text(&local["generated"]).len() > 20, "{local}");

        // The text comes back from a worker, by its hash.
        let package = Model::Tales.package().display().to_string();
        let args = ["job", "output", &id.to_string(), "--package", &package];
        assert_eq!(network.vigil(&args)["generated"], local["generated"]);

        // Anybody can run the job again.
        let args = ["verify", &id.to_string(), "--package", &package, "--kernel", kernel];
        let verified = network.vigil(&args);
        assert_eq!((&verified["right"], &verified["addsUp"]), (&json!(true), &json!(true)));
        assert_eq!(verified["replicas"][0]["output"], local["output"]);

        owed += check_money(&settled, &local);
        let most = settled["maxTokensOut"].as_u64().expect("a number");
        let generated = local["tokensGenerated"].as_array().expect("tokens are listed");
        assert!(!generated.is_empty() && generated.len() as u64 <= most);
        early += u32::from((generated.len() as u64) < most);
    }
    assert_ne!(hashes[3], hashes[4], "another seed, another tale");
    assert!(early > 0, "no tale came to its end");
    assert_eq!(network.total(&owner) - owner_before, owed, "the owner's fees have arrived");
    refusals(&network, &version);
    let other = Model::MiniLm.package().display().to_string();
    let ended = network.try_vigil(&["verify", &jobs[0].0.to_string(), "--package", &other]);
    assert!(ended.stderr.contains("not that of version"), "{ended:?}");
}

/// What was generated is paid and the rest comes back, to the last unit. The owner's part.
fn check_money(settled: &Value, local: &Value) -> u128 {
    let receipt = &settled["status"]["receipt"];
    let part = |name: &str| amount(&receipt[name]);
    let parts = ["workers", "auditor", "owner", "treasury", "requester"].map(part);
    assert_eq!(parts.iter().sum::<u128>(), amount(&settled["maxPrice"]), "{settled}");

    let count = |tokens: &Value| tokens.as_array().expect("tokens are listed").len() as u128;
    let tokens_out = count(&local["tokensGenerated"]);
    assert_eq!(settled["status"]["output"]["tokens"].as_u64().map(u128::from), Some(tokens_out));
    assert_eq!(receipt["work"], local["work"], "paid for the work that was done");
    let tokens = count(&local["tokens"]) + tokens_out;
    assert_eq!(part("owner"), PER_JOB + tokens * PER_TOKEN);
    // Every worker asks 0.01 VGL per giga multiply-accumulate; the protocol takes 1 % on top.
    let work = amount(&receipt["work"]);
    let reward = (work * 10_000_000_000).div_ceil(1_000_000_000);
    let runs = settled["status"]["replicas"].as_array().expect("replicas are listed");
    let replicas = runs.iter().filter(|run| run["role"] == "worker").count() as u128;
    // What an auditor has had of it is a part of the reward of the worker that it audited.
    assert_eq!(part("workers") + part("auditor"), replicas * reward);
    assert_eq!(part("treasury"), replicas * reward.div_ceil(100));
    // The workers ask alike, so that the highest price is that of all tokens that may come.
    let most = settled["maxTokensOut"].as_u64().map(u128::from);
    assert_eq!(part("requester") > 0, most > Some(tokens_out), "{settled}");
    part("owner")
}

/// Every bad request is refused with a sentence before money is held.
fn refusals(network: &Network, version: &str) {
    for (more, named) in [
        (&["--max-tokens", "100000"][..], "room"),
        (&["--max-tokens", "0"][..], "--max-tokens"),
        (&["--temperature", "0"][..], "0.01 to 100"),
        (&["--temperature", "1", "--min-p", "2"][..], "min-p"),
        (&["--seed", "1"][..], "--temperature"),
    ] {
        let args: Vec<_> = ["--input", "Once"].iter().chain(more).copied().collect();
        let ended = network.submit_and_see(Model::Tales, version, &args);
        assert_ne!(ended.code, 0, "{more:?}: {ended:?}");
        assert!(ended.stderr.contains(named), "{more:?} does not name {named}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    }
}
