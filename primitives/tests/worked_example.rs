//! The worked example of `docs/protocol.md`: its figures are what this code computes.

use sp_runtime::Permill;
use vigil_primitives::{
    lineage::{self, Lineage, Share, Shares},
    model::Fee,
    pricing, AssetId, Balance, UNIT,
};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

/// Checks that a line of the document holds all of these, in this order.
fn stated(parts: &[String]) {
    let holds = |line: &str| {
        let mut rest = line;
        parts
            .iter()
            .all(|part| rest.split_once(part.as_str()).map(|(_, after)| rest = after).is_some())
    };
    assert!(DOCUMENT.lines().any(holds), "docs/protocol.md has no line with {parts:?}");
}

/// An amount in units, with its digits in groups of three.
fn units(amount: Balance) -> String {
    let digits = amount.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn percent(share: Permill) -> String {
    format!("{} %", f64::from(share.deconstruct()) / 10_000.0)
}

fn asset(text: &str) -> AssetId {
    text.parse().unwrap()
}

fn citations(parts: &[(AssetId, u32)]) -> Shares {
    let shares: Vec<_> = parts
        .iter()
        .map(|(asset, ppm)| Share { asset: *asset, share: Permill::from_parts(*ppm) })
        .collect();
    shares.try_into().unwrap()
}

#[test]
fn the_worked_example_should_be_what_the_code_computes() {
    let (corpus, base, tuned) = (asset("dataset:0@0"), asset("model:0@0"), asset("model:1@0"));
    let root = Lineage::root(corpus);
    let below =
        Lineage::new(base, citations(&[(corpus, 100_000)]), std::slice::from_ref(&root)).unwrap();
    let lineage =
        Lineage::new(tuned, citations(&[(base, 50_000), (corpus, 20_000)]), &[below, root])
            .unwrap();

    let fee = Fee { per_job: UNIT / 1_000, per_1k_tokens: 12_345_678_900 };
    let (tokens_in, tokens_out, work, escrow) = (5, 160, 120_000_000, UNIT / 50);
    let owners = pricing::owner_fee(&fee, tokens_in, tokens_out);
    stated(&["1,000,000,000 + ceil(12,345,678,900 x 165 / 1000) = ".into(), units(owners)]);

    let mut sum = 0;
    let parts = lineage::split(&lineage.waterfall, owners);
    for (payee, (asset, part)) in lineage.waterfall.iter().zip(&parts) {
        stated(&[format!("`{asset}`"), percent(payee.share), units(*part)]);
        sum += part;
    }
    assert_eq!(sum, owners);
    stated(&["sum".into(), "100 %".into(), units(sum)]);
    let floored = lineage.waterfall[0].share.mul_floor(owners);
    assert!(floored < parts[0].1, "the example shows dust");
    stated(&[format!("{} of dust", parts[0].1 - floored)]);

    let ask = UNIT / 100;
    let reward = pricing::reward(ask, work);
    let treasury = 2 * pricing::protocol_fee(Permill::from_percent(1), reward);
    let back = escrow - 2 * reward - treasury - owners;
    stated(&["two workers".into(), units(reward), units(2 * reward)]);
    stated(&["treasury".into(), units(treasury)]);
    stated(&["requester".into(), units(back)]);
    stated(&["escrow".into(), units(escrow)]);
}
