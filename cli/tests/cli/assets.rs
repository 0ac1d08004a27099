//! What is refused about shares, terms and lineages before a chain is asked.

use crate::common::{vigil, Ran, Tiny};

/// `vigil model publish` of a package with these flags.
fn publish(tiny: &Tiny, flags: &[&str]) -> Ran {
    let package = tiny.package().display().to_string();
    let usual = ["model", "publish", "--name", "tiny", "--licence", "MIT", "--dev-key", "Alice"];
    let package = ["--package", &package, "--source", &package, "--node", "ws://127.0.0.1:1"];
    vigil(usual.iter().chain(&package).chain(flags))
}

#[test]
fn wrong_citations_should_be_named() {
    let tiny = Tiny::packed();
    for (flag, value, says) in [
        ("--parent", "0@0", "states no share"),
        ("--parent", "0@0=0%", "gives nothing"),
        ("--parent", "0@0=100.0001%", "more than 100%"),
        ("--parent", "0@0=0.00001%", "more than 4 digits"),
        ("--parent", "image:0@0=5%", "expected model:"),
        ("--dataset", "0@0=5", "no percentage"),
        ("--dataset", "model:0@0=5%", "names no dataset"),
    ] {
        let ran = publish(&tiny, &[flag, value]);
        ran.fails(2, says);
        assert!(ran.stderr.contains(value), "{}", ran.stderr);
    }
}

#[test]
fn terms_that_make_no_sense_should_be_refused() {
    let tiny = Tiny::packed();
    publish(&tiny, &["--access", "paid"]).fails(2, "--grant-price");
    let paid = ["--access", "paid", "--grant-price", "1"];
    publish(&tiny, &paid).fails_in_a_line(2, "--grant-days");
    publish(&tiny, &["--grant-price", "1"]).fails_in_a_line(2, "belong to --access paid");
    publish(&tiny, &["--royalty", "200%"]).fails(2, "more than 100%");
    publish(&tiny, &["--licence-text", "/no/such/text"]).fails_in_a_line(4, "/no/such/text");
    publish(&tiny, &["--metadata", "/no/such/card"]).fails_in_a_line(4, "/no/such/card");
}

#[test]
fn good_flags_should_fail_only_at_the_node_that_is_not_there() {
    let tiny = Tiny::packed();
    let flags = ["--parent", "dataset:0@0=0.0001%", "--dataset", "1=2%", "--royalty", "0.5%"];
    publish(&tiny, &flags).fails_in_a_line(5, "ws://127.0.0.1:1");
}

#[test]
fn a_lineage_should_need_an_asset_and_one_format() {
    vigil(["lineage", "dataset:0"]).fails(2, "dataset:0@0");
    vigil(["lineage", "0@0", "--dot", "--json"]).fails(2, "--dot and --json");
    vigil(["lineage", "0@0", "--limit", "5"]).fails(2, "--descendants");
    vigil(["lineage", "0@0", "--node", "ws://127.0.0.1:1"]).fails_in_a_line(5, "127.0.0.1:1");
}

#[test]
fn a_licence_hash_should_be_a_hash() {
    let submit = ["job", "submit", "--version", "0@0", "--tokens", "1", "--dev-key", "Alice"];
    let ran = vigil(submit.iter().chain(&["--accept-licence", "0x12"]));
    ran.fails(2, "\"0x12\" is no hash");
}

#[test]
fn revenue_should_be_of_an_account_and_of_some_eras() {
    vigil(["revenue", "nobody"]).fails(2, "nobody");
    vigil(["revenue", "//Alice", "--eras", "0"]).fails(2, "--eras");
}
