//! Crashes: of a worker between commit and reveal, of a worker for good, and of the node.

use std::time::Duration;
use vigil_e2e::{text, Model, Network};

#[test]
fn a_worker_killed_between_commit_and_reveal_should_reveal_after_its_restart() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let mut first = network.worker(&version, None);
    let mut second = network.worker(&version, None);

    // The second worker hangs, so the first one's commitment has to wait for it.
    second.process().pause();
    let job = network.submit(
        Model::MiniLm,
        &version,
        &["Snow falls on the harbour."],
        &["--replicas", "2"],
    )[0];
    let state = |account: &str| {
        let shown = network.job(job);
        let replicas = shown["status"]["replicas"].as_array().cloned().unwrap_or_default();
        replicas
            .iter()
            .find(|replica| replica["worker"] == account)
            .map(|replica| text(&replica["kind"]))
            .unwrap_or_default()
    };
    network.wait("the first worker's commitment", 40, || state(&first.account) == "committed");
    first.process().kill();

    second.process().resume();
    network.wait("the second worker's commitment", 40, || {
        ["committed", "revealed"].contains(&state(&second.account).as_str())
    });
    first.process().restart();

    let settled = network.job_until(job, "settled", 60);
    let paid = settled["status"]["replicas"].as_array().expect("replicas are listed");
    assert!(
        paid.iter().any(|replica| replica["worker"] == first.account),
        "the killed worker was not paid: {settled}"
    );
    assert_eq!(paid.len(), 2);
    assert_eq!(first.shown(&network)["reputation"]["completed"], 1);
    assert_eq!(first.shown(&network)["reputation"]["expired"], 0);
}

#[test]
fn a_job_of_a_worker_that_never_comes_back_should_settle_elsewhere() {
    let network = Network::start();
    let version = network.publish(Model::MiniLm);
    let mut lost = network.worker(&version, None);
    let bond = lost.bond(&network);
    lost.process().kill();

    let job = network.submit(Model::MiniLm, &version, &["A fox crosses the field."], &[])[0];
    network.job_until(job, "assigned", 30);
    let other = network.worker(&version, None);

    let settled = network.job_until(job, "settled", 150);
    assert_eq!(settled["attempts"], 1);
    assert_eq!(settled["status"]["replicas"][0]["worker"], other.account);
    assert!(lost.bond(&network) < bond, "the lost worker was not slashed");
    assert_eq!(lost.shown(&network)["reputation"]["expired"], 1);
}

#[test]
fn a_killed_node_should_go_on_with_its_chain_and_its_jobs() {
    let mut network = Network::start();
    let version = network.publish(Model::MiniLm);
    let mut worker = network.worker(&version, None);

    // Jobs before the crash, all under way when it comes: the challenge window is still open.
    let texts = ["one", "two", "three", "four"];
    let jobs = network.submit(Model::MiniLm, &version, &texts, &["--challenge-window", "20"]);
    for job in &jobs {
        let status = network.job(*job)["status"]["kind"].clone();
        assert_ne!(status, "settled", "job {job} was over before the crash");
    }
    let height = network.best();
    network.node().kill();
    std::thread::sleep(Duration::from_secs(3));
    network.node().restart();
    network.wait("the chain to go on", 60, || network.best() > height);

    for job in jobs {
        network.job_until(job, "settled", 120);
    }
    assert!(worker.process().ended().is_none(), "the worker did not survive the node's restart");
    // And after it.
    let job = network.submit(Model::MiniLm, &version, &["five"], &[])[0];
    network.job_until(job, "settled", 90);

    // A worker that is asked to end finishes what it has and ends well.
    assert!(worker.is_reachable());
    let status = worker.process().terminate(Duration::from_secs(60));
    assert!(status.success(), "the worker ended with {status}");
    assert!(!worker.is_reachable());
}
