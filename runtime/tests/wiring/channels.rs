//! That `docs/protocol.md` says of channels what the runtime is configured with.

use vigil_primitives::{channel::MAX_SHOWN, worker::BOND_COVER, Balance, BlockNumber, UNIT};
use vigil_runtime::{constants::time::DAYS, Channels};

const DOCUMENT: &str = include_str!("../../../docs/protocol.md");

/// A number with its digits in groups of three.
fn grouped(number: BlockNumber) -> String {
    match number / 1_000 {
        0 => number.to_string(),
        thousands => format!("{},{:03}", grouped(thousands), number % 1_000),
    }
}

/// An amount in VGL.
fn vgl(amount: Balance) -> String {
    let fraction = format!("{:012}", amount % UNIT);
    format!("{}.{} VGL", amount / UNIT, fraction.trim_end_matches('0'))
}

#[test]
fn the_document_should_say_how_channels_are_configured() {
    let parameters = Channels::parameters();
    let (shortest, longest) = parameters.lifetime;
    let rows = [
        (
            "from the opening to the expiry",
            format!("1 minute ({} blocks) to 7 days ({} blocks)", grouped(shortest), grouped(longest)),
        ),
        (
            "challenge window, from a close or the expiry to the settlement",
            format!("1 hour ({} blocks)", grouped(parameters.challenge_window)),
        ),
        (
            "receipt window, from the settlement until the channel is pruned",
            format!("1 day ({} blocks)", grouped(parameters.receipt_window)),
        ),
        (
            "rent for every block, and for a day",
            format!("{}, {}", vgl(parameters.rent), vgl(parameters.rent * Balance::from(DAYS))),
        ),
        ("smallest deposit", vgl(parameters.min_deposit)),
        ("deposit for a receipt on chain", vgl(parameters.show_deposit)),
        ("most channels that a worker has open", parameters.max_open.to_string()),
        (
            "most receipts of a channel that its requester shows, and as many that all others do",
            MAX_SHOWN.to_string(),
        ),
        (
            "how often a worker's bond covers what it may earn by jobs and channels, when a job or a \
             deposit is added: rewards, deposits, and what was paid of them",
            BOND_COVER.to_string(),
        ),
    ];
    for (name, value) in rows {
        let row = format!("| {name} | {value} |");
        assert!(DOCUMENT.lines().any(|line| line == row), "docs/protocol.md lacks:\n{row}");
    }
}
