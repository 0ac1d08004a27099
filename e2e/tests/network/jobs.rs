//! Paid inference from submission to money and output, and what the chain refuses.

use serde_json::Value;
use vigil_e2e::{amount, kernels, text, Model, Network, OWNER, REQUESTER};

#[test]
fn replicas_with_different_kernels_should_agree_and_everybody_should_be_paid_exactly() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let kernels = kernels();
    let workers: Vec<_> =
        kernels.iter().map(|kernel| network.worker(&version, Some(kernel))).collect();
    let treasury = text(&network.vigil(&["chain", "parameters"])["treasury"]);
    let owner = text(&network.vigil(&["--dev-key", OWNER, "account", "show"])["address"]);
    let before = |account: &str| network.total(account);
    let (owner_before, treasury_before) = (before(&owner), before(&treasury));

    let input = "A lighthouse keeper counts the ships of the night.";
    let replicas = workers.len().to_string();
    let job = network.submit(Model::MiniLm, &version, &[input], &["--replicas", &replicas])[0];
    let settled = network.job_until(job, "settled", 90);

    // The same bytes everywhere: three kernels, three machines, and here without a chain.
    let hash = text(&settled["status"]["output"]["hash"]);
    for kernel in &kernels {
        let local = Model::MiniLm.run(input, kernel, &[]);
        assert_eq!(hash, text(&local["output"]["hash"]), "kernel {kernel}");
    }
    assert_eq!(
        settled["status"]["replicas"].as_array().expect("replicas are listed").len(),
        workers.len()
    );

    // The parts add up to the escrow, and have arrived.
    let receipt = &settled["status"]["receipt"];
    let part = |name: &str| amount(&receipt[name]);
    let parts =
        part("workers") + part("auditor") + part("owner") + part("treasury") + part("requester");
    assert_eq!(parts, amount(&settled["maxPrice"]));
    assert!(part("workers") > 0 && part("owner") > 0 && part("treasury") > 0);
    assert_eq!(network.total(&owner) - owner_before, part("owner"));
    // Fees of transactions may go to the treasury too, never less than the job's part.
    assert!(network.total(&treasury) - treasury_before >= part("treasury"));

    // An input by hash goes from the requester to the worker's blob server, never over the chain.
    let more = ["--input", input, "--blob", "--wait"];
    let waited = network.submit_and_see(Model::MiniLm, &version, &more);
    assert_eq!(waited.code, 0, "{waited:?}");
    let waited = waited.stdout;
    let by_hash = &waited["jobs"][0];
    assert_eq!(by_hash["input"]["kind"], "blob");
    assert_eq!(text(&by_hash["status"]["output"]["hash"]), hash);

    refusals(&network, &version);
}

/// Every bad submission is refused with a sentence that names what is wrong, and costs nothing.
fn refusals(network: &Network, version: &str) {
    let requester = text(&network.vigil(&["--dev-key", REQUESTER, "account", "show"])["address"]);
    let held = |network: &Network| -> Value {
        network.vigil(&["account", "balance", &requester])["held"].clone()
    };
    let before = held(network);
    let submit =
        |version: &str, more: &[&str]| network.submit_and_see(Model::MiniLm, version, more);
    let long = "word ".repeat(600);
    for (ended, named) in [
        (submit("77@0", &["--input", "hello"]), "77"),
        (submit(version, &["--input", &long]), "512"),
        (submit(version, &["--tokens", "101,40000,102"]), "40000"),
        (submit(version, &["--input", "hello", "--max-price", "1u"]), "price"),
    ] {
        assert_ne!(ended.code, 0, "{ended:?}");
        assert!(ended.stderr.contains(named), "does not name {named}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    }

    network.vigil(&["--dev-key", OWNER, "model", "revoke", version]);
    let revoked = submit(version, &["--input", "hello"]);
    assert_ne!(revoked.code, 0, "{revoked:?}");
    assert!(revoked.stderr.contains("revoked"), "{revoked:?}");
    assert_eq!(held(network), before, "a refused job left money held");
}

#[test]
fn a_version_that_nobody_serves_should_take_no_jobs() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let more = ["--input", "hello", "--max-price", "1"];
    let ended = network.submit_and_see(Model::MiniLm, &version, &more);
    assert_ne!(ended.code, 0, "{ended:?}");
    assert!(ended.stderr.to_lowercase().contains("serve"), "{ended:?}");
}

#[test]
fn the_package_should_stay_near_the_float_model() {
    let texts = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(
        texts.path(),
        "A river meets the sea.\nInterest is paid at the end of the year.\n",
    )
    .expect("texts can be written");
    let compared = std::process::Command::new(vigil_e2e::program("vigil"))
        .args(["--json", "compare", "--at-least", "0.99", "--model"])
        .arg(Model::MiniLm.folder())
        .arg("--package")
        .arg(Model::MiniLm.package())
        .arg("--input-file")
        .arg(texts.path())
        .output()
        .expect("vigil starts");
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stderr));
}
