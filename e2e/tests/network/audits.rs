//! Results are computed again by whoever chance draws: a wrong one is convicted with nobody watching,
//! a right one is paid, and silence helps nobody.

use vigil_e2e::{amount, text, Kind, Model, Network, REQUESTER};

/// A job that only a worker takes that asks this.
const CHEAP: &str = "0.006";

/// Submits a job at the lowest price that a worker asks for. Its number.
fn submit_cheaply(network: &Network, version: &str, input: &str) -> u64 {
    let package = Model::MiniLm.package().display().to_string();
    let quote = ["job", "quote", "--version", version, "--package", &package, "--input", input];
    let lowest = amount(&network.vigil(&quote)["quotes"][0]["lowest"]);
    let unit = 1_000_000_000_000;
    let price = format!("{}.{:012}", lowest / unit, lowest % unit);
    network.submit(Model::MiniLm, version, &[input], &["--max-price", &price])[0]
}

fn requester(network: &Network) -> String {
    text(&network.vigil(&["--dev-key", REQUESTER, "account", "show"])["address"])
}

#[test]
fn a_flipped_bit_should_be_convicted_by_an_auditor_with_nobody_watching() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let honest = network.worker(&version, None);
    let flip = Kind { ask: Some(CHEAP), adversary: Some(&["claimant"]), ..Kind::default() };
    let cheat = network.worker_of(&version, flip);
    let (bond, bond_of_honest) = (cheat.bond(&network), honest.bond(&network));

    let input = "The bell rings twice when a stranger comes.";
    let job = submit_cheaply(&network, &version, input);
    let ended = network.dispute_ended(job, 90);
    assert_eq!(ended["verdict"]["kind"], "convicted", "{ended}");
    assert_eq!(ended["verdict"]["fault"], "element");
    assert_eq!(
        (&ended["claim"]["worker"], &ended["challenger"]),
        (&cheat.account.clone().into(), &honest.account.clone().into())
    );

    // The auditor's result is the job's, and it is paid for it.
    let settled = network.job_until(job, "settled", 30);
    let local = Model::MiniLm.run(input, "scalar", &[]);
    assert_eq!(settled["status"]["output"]["hash"], local["output"]["hash"]);
    assert_eq!(settled["status"]["replicas"][0]["worker"], honest.account);
    let slashed = amount(&settled["penalty"]["slashed"]);
    assert_eq!((bond - cheat.bond(&network), honest.bond(&network)), (slashed, bond_of_honest));
    assert_eq!(cheat.shown(&network)["reputation"]["convicted"], 1);

    let audit = &settled["audit"];
    assert_eq!(audit["subject"], cheat.account);
    assert_eq!(audit["rate"]["chancePpm"], 1_000_000);
    let told = network.vigil_text(&["job", "show", &job.to_string()]);
    assert!(told.contains("audit"), "{told}");
}

#[test]
fn an_honest_job_should_be_audited_and_paid_to_the_last_unit() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let subject = Kind { ask: Some(CHEAP), ..Kind::default() };
    let subject = network.worker_of(&version, subject);
    let auditor = network.worker(&version, None);
    let requester = requester(&network);
    let before = network.total(&requester);

    let job = submit_cheaply(&network, &version, "An honest text");
    let settled = network.job_until(job, "settled", 90);
    let audit = &settled["audit"];
    assert_eq!(
        (&audit["subject"], &audit["state"]),
        (&subject.account.clone().into(), &"passed".into())
    );
    let replicas = settled["status"]["replicas"].as_array().cloned().unwrap_or_default();
    let role = |account: &str| {
        let replica = replicas.iter().find(|replica| replica["worker"] == *account);
        replica.map(|replica| replica["role"].clone())
    };
    assert_eq!(role(&subject.account), Some("worker".into()));
    assert_eq!(role(&auditor.account), Some("auditor".into()));
    let reputation = |shown: serde_json::Value| shown["reputation"].clone();
    assert_eq!(reputation(subject.shown(&network))["passed"], 1);
    assert_eq!(reputation(auditor.shown(&network))["audits"], 1);

    // Every unit of the escrow is in the receipt, and the requester has paid no more than that.
    let receipt = &settled["status"]["receipt"];
    let part = |name: &str| amount(&receipt[name]);
    let whole = amount(&settled["maxPrice"]);
    let parts = ["workers", "auditor", "owner", "treasury", "requester"].map(part);
    assert_eq!(parts.iter().sum::<u128>(), whole, "{receipt}");
    let price = whole - part("requester") + amount(&settled["waiting"]["amount"]);
    let fees = before - network.total(&requester) - price;
    assert!(fees < 100_000_000_000, "the submission has cost {fees}");

    let told = network.vigil_text(&["job", "show", &job.to_string()]);
    let told_of = network.vigil_text(&["worker", "show", &subject.account]);
    for word in ["audit", &auditor.account] {
        assert!(told.contains(word), "{word} is missing in:\n{told}");
    }
    assert!(told_of.contains("audit"), "{told_of}");
}

#[test]
fn a_worker_that_keeps_silent_under_audit_should_lose_its_stake_and_the_auditor_stand_in() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let mute = ["claimant", "--cheat", "honest", "--conduct", "mute"];
    let mute = Kind { ask: Some(CHEAP), adversary: Some(&mute), ..Kind::default() };
    let (honest, mute) = std::thread::scope(|scope| {
        let honest = scope.spawn(|| network.worker(&version, None));
        let mute = network.worker_of(&version, mute);
        (honest.join().expect("the honest worker starts"), mute)
    });
    let bond = mute.bond(&network);

    let input = "Nothing is said";
    let job = submit_cheaply(&network, &version, input);
    let settled = network.job_until(job, "settled", 90);
    let local = Model::MiniLm.run(input, "scalar", &[]);
    assert_eq!(settled["status"]["output"]["hash"], local["output"]["hash"]);
    assert_eq!(settled["status"]["replicas"][0]["worker"], honest.account);
    // The stake, which is more than a missed deadline costs.
    assert!(bond - mute.bond(&network) >= 1_000_000_000_000);
    assert_eq!(network.disputes(job), Vec::<serde_json::Value>::new());
}
