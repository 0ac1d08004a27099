//! Wrong results are proved wrong, right ones hold, and neither needs anybody to stay alive.

use vigil_e2e::{amount, text, Kind, Model, Network, REQUESTER};

const CHEAT: Kind<'_> = Kind { kernel: None, watch: 0, ask: None, adversary: Some(&["claimant"]) };

#[test]
fn a_flipped_bit_should_be_convicted_by_a_watcher_and_the_requester_be_refunded() {
    let mut network = Network::start();
    let version = network.publish(Model::MiniLm);
    let cheat = network.worker_of(&version, CHEAT);
    let requester = text(&network.vigil(&["--dev-key", REQUESTER, "account", "show"])["address"]);
    let (bond, money) = (cheat.bond(&network), network.total(&requester));

    // A window that the watcher has time in: it must not be there when the worker is drawn.
    let input = "The bell rings twice when a stranger comes.";
    let more = ["--challenge-window", "30"];
    let job = network.submit(Model::MiniLm, &version, &[input], &more)[0];
    let job_shown = network.job_until(job, "revealed", 60);
    let local = Model::MiniLm.run(input, "scalar", &[]);
    assert_ne!(
        job_shown["status"]["output"]["hash"], local["output"]["hash"],
        "nobody has cheated"
    );
    let mut watcher = network.worker_of(&version, Kind { watch: 100, ..Kind::default() });
    network.wait("a challenge", 30, || !network.disputes(job).is_empty());
    assert_eq!(network.job(job)["status"]["kind"], "disputed");

    // The node and the watcher die in the middle, and come back.
    network.node().kill();
    watcher.process().kill();
    network.node().restart();
    network.wait("the chain to go on", 60, || network.best() > 0);
    watcher.process().restart();

    let ended = network.dispute_ended(job, 150);
    let verdict = &ended["verdict"];
    assert_eq!((&verdict["kind"], &verdict["fault"]), (&"convicted".into(), &"element".into()));
    assert_eq!(ended["challenger"], watcher.account);
    let ended_job = network.job_until(job, "refunded", 30);
    let penalty = &ended_job["penalty"];
    let part = |name: &str| amount(&penalty[name]);
    assert!(part("burned") * 2 >= part("slashed") && part("bounty") > 0, "{penalty}");
    assert_eq!(bond - cheat.bond(&network), part("slashed"));
    assert_eq!(cheat.shown(&network)["reputation"]["convicted"], 1);
    // Whole but for the fee of the submission.
    let lost = money - network.total(&requester);
    assert!(lost < part("bounty") && lost < amount(&ended_job["maxPrice"]), "{lost}");

    let number = ended["id"].to_string();
    let told = network.vigil_text(&["dispute", "show", &number]);
    for word in ["convicted: the runtime has computed another element", "context", "element"] {
        assert!(told.contains(word), "{word} is missing in:\n{told}");
    }
}

#[test]
fn a_lying_challenger_should_lose_its_bond_when_the_worker_is_killed_in_the_middle_too() {
    let network = Network::start();
    let version = network.publish(Model::Tales);
    let mut worker = network.worker(&version, None);
    let more = ["--max-tokens", "12", "--challenge-window", "20"];
    let job = network.submit(Model::Tales, &version, &["Once upon a time"], &more)[0];
    network.job_until(job, "revealed", 60);
    let bond = worker.bond(&network);

    let liar = Kind { watch: 100, adversary: Some(&["challenger"]), ..Kind::default() };
    let liar = network.worker_of(&version, liar);
    network.wait("two moves", 60, || {
        let disputes = network.disputes(job);
        disputes.iter().any(|dispute| dispute["moves"].as_u64().is_some_and(|moves| moves >= 2))
    });
    let before = network.total(&liar.account);
    worker.process().kill();
    std::thread::sleep(std::time::Duration::from_secs(5));
    worker.process().restart();

    let ended = network.dispute_ended(job, 150);
    assert_eq!(ended["verdict"]["kind"], "vindicated", "{ended}");
    assert_eq!(ended["challenger"], liar.account);
    let lost = before - network.total(&liar.account);
    assert!(lost >= 10_000_000_000_000, "the challenger has lost {lost} units only");
    assert_eq!(worker.bond(&network), bond);
    let settled = network.job_until(job, "settled", 150);
    assert_eq!(settled["status"]["replicas"][0]["worker"], worker.account);
    let package = Model::Tales.package().display().to_string();
    let watch =
        ["--dev-key", "Dave", "dispute", "watch", &version, "--package", &package, "--once"];
    let watched = network.vigil(&watch);
    assert_eq!((&watched["right"], &watched["wrong"]), (&1.into(), &serde_json::json!([])));
}

#[test]
fn anybody_with_the_package_should_find_the_wrong_token_and_convict_from_the_command_line() {
    let network = Network::start();
    let version = network.publish(Model::Tales);
    let package = Model::Tales.package().display().to_string();
    let cheat = network.worker_of(&version, CHEAT);
    let more = ["--max-tokens", "12"];
    let jobs = network.submit(Model::Tales, &version, &["Once upon a time", "A fox"], &more);
    // They are paid: a result can be challenged for as long as its job is kept.
    for job in &jobs {
        network.job_until(*job, "settled", 90);
    }
    let job = jobs[0];
    let number = job.to_string();

    let verify = ["verify", &number, "--package", &package];
    let wrong = network.vigil_refused(1, &verify);
    assert!(wrong.contains("token") && wrong.contains("is drawn there"), "{wrong}");

    let refused =
        network.vigil_refused(2, &["dispute", "challenge", &number, "--package", &package]);
    assert!(refused.contains("no key"), "{refused}");
    // As if its server were gone: the bytes come from the chain.
    let saved = network.dir().join("output").display().to_string();
    let challenge = ["--dev-key", "Dave", "dispute", "challenge", &number];
    let ask = [&challenge[..], &["--withheld", "output", "--save", &saved]].concat();
    assert_eq!(network.vigil(&ask)["bytes"], 48);
    let with_package = [&challenge[..], &["--package", &package]].concat();
    let ended = network.vigil(&[&with_package[..], &["--output", &saved]].concat());
    assert_eq!(ended["verdict"]["kind"], "convicted", "{ended}");
    assert_eq!(cheat.shown(&network)["reputation"]["convicted"], 1);
    // Paid before: the requester has damages, and the record says both.
    let shown = network.job(job);
    assert_eq!(shown["status"]["kind"], "settled");
    assert!(amount(&shown["penalty"]["damages"]) > 0, "{shown}");
    let again = network.vigil_refused(3, &with_package);
    assert!(again.contains("has been convicted"), "{again}");

    // A watcher finds the other one, and passes over what has been convicted.
    let watch =
        ["--dev-key", "Dave", "dispute", "watch", &version, "--package", &package, "--once"];
    let watched = network.vigil(&watch);
    assert_eq!(watched["wrong"], serde_json::json!([{ "job": jobs[1], "convicted": true }]));
    assert_eq!(cheat.shown(&network)["reputation"]["convicted"], 2);
    assert_eq!(network.vigil(&watch)["wrong"], serde_json::json!([]));
}
