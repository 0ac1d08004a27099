//! The worked examples of `docs/protocol.md`, and its vectors of what is signed in channels: its figures
//! are what this code computes.

use sp_core::{sr25519, Pair as _};
use sp_runtime::Permill;
use vigil_primitives::{
    channel::{AnswerReceipt, ChannelPrices, Totals, Usage, Voucher},
    job::Output,
    lineage::{self, Lineage, Share, Shares},
    model::Fee,
    pricing, samples, Architecture, AssetId, Balance, ContentHash, Decoder, Hash, Sampling, UNIT,
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

/// SmolLM2-135M.
fn smollm() -> Architecture {
    Architecture::Decoder(Decoder {
        vocabulary: 49_152,
        hidden: 576,
        layers: 30,
        heads: 9,
        kv_heads: 3,
        head_width: 64,
        intermediate: 1_536,
        positions: 4_096,
        tied_head: true,
        qkv_bias: false,
        qk_norm: false,
        activations: vigil_architecture::Activations::Int15,
        ..samples::decoder()
    })
}

#[test]
fn the_worked_channel_should_be_what_the_code_computes() {
    let (model, fee) = (smollm(), Fee { per_job: UNIT / 1_000, per_1k_tokens: 12_345_678_900 });
    let prices = ChannelPrices {
        ask: UNIT / 500,
        fee,
        protocol_fee: Permill::from_percent(1),
        cached: Permill::from_percent(10),
    };
    let usage = |tokens_in, cached, tokens_out| Usage { tokens_in, cached, tokens_out };
    let usages = [usage(120, 0, 40), usage(190, 159, 60), usage(280, 249, 35)];

    let (mut totals, mut jobs) = (Totals::default(), 0);
    for usage in usages {
        let Usage { tokens_in, cached, tokens_out } = usage;
        let answer = Totals::of(&prices, &model, usage);
        totals = totals.after(&prices, &model, usage);
        let number = totals.answers;
        stated(&[
            format!("| {number} | {tokens_in} | {cached} | {tokens_out} |"),
            units(answer.work),
            units(answer.reward),
            units(answer.owner),
        ]);
        let reward = pricing::reward(prices.ask, model.work(tokens_in, tokens_out));
        let owner = pricing::owner_fee(&fee, tokens_in, tokens_out);
        jobs += pricing::total(owner, reward, prices.protocol_fee, 1);
    }
    stated(&["| totals |".into(), units(totals.work), units(totals.reward), units(totals.owner)]);
    stated(&["As three jobs they would cost ".into(), units(jobs)]);

    let deposit = UNIT / 4;
    let second = Totals::of(&prices, &model, usages[1]);
    let without = totals.without(&second);
    let row = |name: &str, of: &dyn Fn(&Totals) -> Balance| {
        stated(&[format!("| {name}"), units(of(&totals)), units(of(&without))]);
    };
    row("worker |", &|totals| totals.reward);
    row("owners |", &|totals| totals.owner);
    row("treasury, 1 %", &|totals| totals.protocol_fee(&prices));
    row("Erin, back |", &|totals| deposit - totals.price(&prices));
    row("deposit |", &|_| deposit);

    let reward = second.price(&prices);
    let (slash, costs) = (20 * UNIT, UNIT / 100);
    assert!(50 * reward < slash);
    let damages = totals.price(&prices) - without.price(&prices);
    let penalty = pricing::split_slash(slash, costs, damages);
    assert_eq!(penalty.damages, damages);
    stated(&["| burned |".into(), units(penalty.burned)]);
    stated(&["| treasury, for the moves |".into(), units(penalty.costs)]);
    stated(&["| Erin, what the answer had cost |".into(), units(penalty.damages)]);
    stated(&["| whoever has convicted it |".into(), units(penalty.bounty)]);
    stated(&["| conviction |".into(), units(slash)]);
}

const SIGNED_VOUCHER: &str = "4c160ce6d91f11aad67d6016583eb16e9950819929ca92ff8248fe343382fc04\
                              557ee982a8abb9435c68c787afe61387292fbbcaec69a0b41c125c9e7484b18a";
const SIGNED_RECEIPT: &str = "5cf3fa0b5290fe16df11cd870568ab5f708cbf3df92420520dbdcfe839a22b52\
                              94330dea6953d832e80c6508b0672511f42daf5fb2efdb537307de9eea8e6680";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signature(hex: &str) -> sr25519::Signature {
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let bytes: Vec<_> = (0..64).map(byte).collect();
    bytes.as_slice().try_into().unwrap()
}

#[test]
fn what_is_signed_should_be_the_bytes_of_the_document() {
    let genesis = Hash::repeat_byte(0x11);
    let signer = sr25519::Pair::from_seed(&[1; 32]).public();
    let totals = Totals { answers: 2, work: 3_000, reward: 40, owner: 5 };
    let voucher = Voucher { channel: 7, totals };
    let receipt = AnswerReceipt {
        channel: 7,
        number: 2,
        input: ContentHash::repeat_byte(0x22),
        usage: Usage { tokens_in: 16, cached: 8, tokens_out: 4 },
        max_tokens_out: 32,
        sampling: Sampling::Greedy,
        output: Output { hash: ContentHash::repeat_byte(0x33), tokens: 4 },
        totals,
    };
    stated(&["public key ".into(), hex(&signer)]);
    stated(&["genesis ".into(), hex(genesis.as_bytes())]);
    for (bytes, made) in
        [(voucher.bytes(&genesis), SIGNED_VOUCHER), (receipt.bytes(&genesis), SIGNED_RECEIPT)]
    {
        stated(&["signed bytes ".into(), hex(&bytes)]);
        stated(&["signature ".into(), made.into()]);
    }
    assert!(voucher.verify(&genesis, &signer, &signature(SIGNED_VOUCHER)));
    assert!(receipt.verify(&genesis, &signer, &signature(SIGNED_RECEIPT)));
    stated(&["named by ".into(), hex(receipt.hash().as_bytes())]);
    let gumbel = Sampling::Gumbel { seed: 1, temperature: 2, min_p: 3 };
    let drawn = AnswerReceipt { sampling: gumbel, ..receipt };
    let lengths = [voucher.bytes(&genesis), receipt.bytes(&genesis), drawn.bytes(&genesis)]
        .map(|it| it.len());
    stated(&[
        format!("A voucher is {} bytes, ", lengths[0]),
        format!("a receipt {} or {}.", lengths[1], lengths[2]),
    ]);
}
