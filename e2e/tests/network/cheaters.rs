//! Some of the cheats of `vigil-adversary`, caught with jobs flowing all the while. All of them are let
//! loose by `scripts/zombienet cheaters`, on a network of four validators.

use vigil_e2e::{
    cheaters::{run, Options},
    Network,
};

#[test]
fn cheats_should_be_caught_and_nobody_else_should_lose() {
    let network = Network::start();
    let only = ["mute", "auditor/vector", "scale/vector", "position/text"];
    let only = only.map(ToOwned::to_owned).to_vec();
    let report = run(&network, &Options { only: only.clone(), fast: true, at_once: 2 });
    // That each was caught, that no requester has a wrong result, and that nobody honest has lost.
    assert_eq!(report.faults, Vec::<String>::new(), "{report}");
    for name in &only {
        let row = report.rows.iter().find(|row| row.name == *name);
        let verdict = row.map_or("", |row| row.verdict.as_str());
        // An auditor that objects to a right result loses by it, too.
        let expected: &[&str] = match name.as_str() {
            "mute" => &["silent under audit", "deadline missed"],
            _ => &["convicted: element", "vindicated"],
        };
        assert!(expected.contains(&verdict), "{name}: {report}");
    }
    assert!(report.jobs > only.len(), "others had jobs too: {report}");
}
