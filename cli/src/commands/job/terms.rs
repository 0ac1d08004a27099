//! What is offered for a job, and which terms of the version are accepted.

use crate::{
    format::{hex, parse_hash},
    text,
};
use clap::Args;
use serde_json::{json, Value};
use vigil_client::{
    amount::BadAmount,
    requester::{Offer, Price},
};
use vigil_primitives::{
    model::VersionView, terms::AcceptedTerms, worker::Region, BlockNumber, ContentHash,
};

/// Who runs a job.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Runs {
    /// Workers that run the job independently.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=5)
    )]
    pub(crate) replicas: u8,
    /// An auditor runs the job too, for certain; paid like a worker.
    #[arg(long)]
    pub(crate) audited: bool,
    /// Workers and auditors are in this country, as they say: its two letters, for instance DE.
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) region: Option<Region>,
}

/// What is offered for a job and asked of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Terms {
    /// The most to pay for a job, everything included; the rest comes back.
    ///
    /// `auto` pays what every worker seen would take.
    #[arg(long, value_name = "AMOUNT", default_value = "auto", value_parser = parse_price)]
    pub(crate) max_price: Price,
    #[command(flatten)]
    pub(crate) runs: Runs,
    /// Blocks that a result waits before it is paid, unless two or more agree; the chain's
    /// shortest when left out.
    #[arg(long, value_name = "BLOCKS")]
    pub(crate) challenge_window: Option<BlockNumber>,
    /// Blocks within which a worker must be drawn: the longest wait for one. Behind it everything
    /// comes back.
    #[arg(long, value_name = "BLOCKS", default_value_t = 300)]
    pub(crate) deadline_in: BlockNumber,
    /// The use is commercial.
    #[arg(long)]
    pub(crate) commercial: bool,
    /// Submit only if this is the hash of the version's licence, as `vigil model show` prints it.
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    pub(crate) accept_licence: Option<ContentHash>,
}

impl Terms {
    /// What is offered.
    pub(crate) fn offer(&self) -> Offer {
        Offer {
            max_price: self.max_price,
            replicas: self.runs.replicas,
            audited: self.runs.audited,
            region: self.runs.region,
            challenge_window: self.challenge_window,
            deadline_in: self.deadline_in,
            commercial: self.commercial,
            licence: self.accept_licence,
        }
    }

    /// What is accepted, as JSON.
    pub(super) fn accepted_json(&self, version: &VersionView) -> Value {
        json!({
            "licence": text::printable(&version.spec.terms.licence),
            "hash": hex(&version.spec.terms.licence_hash()),
            "commercial": self.commercial,
        })
    }
}

/// What is accepted, for people.
pub(super) fn accepted_text(version: &VersionView, accepted: &AcceptedTerms) -> String {
    format!(
        "accepting the licence {} ({}) for {} use",
        text::printable(&version.spec.terms.licence),
        hex(&accepted.licence),
        if accepted.commercial { "commercial" } else { "non-commercial" }
    )
}

/// Reads `auto` or an amount.
fn parse_price(text: &str) -> Result<Price, BadAmount> {
    if text == "auto" {
        return Ok(Price::Auto);
    }
    text.parse().map(Price::Fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use vigil_client::Amount;
    use vigil_primitives::terms::Licence;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        terms: Terms,
    }

    fn terms(flags: &[&str]) -> Terms {
        Line::parse_from(["x"].iter().chain(flags)).terms
    }

    fn version(commercial: bool) -> VersionView {
        let mut version = crate::commands::model::tests::version();
        version.spec.terms.licence = Licence::try_from(b"MIT".to_vec()).expect("short");
        version.spec.terms.commercial = commercial;
        version
    }

    #[test]
    fn what_was_typed_should_be_offered() {
        let plain = terms(&[]).offer();
        assert_eq!(plain, Offer::default());
        let hash = format!("0x{}", "ab".repeat(32));
        let flags = ["--max-price", "1.5", "--commercial", "--accept-licence", &hash];
        let offer = terms(&flags).offer();
        assert_eq!(offer.max_price, Price::Fixed(Amount(1_500_000_000_000)));
        assert_eq!((offer.commercial, offer.licence), (true, Some([0xab; 32].into())));
        assert!(parse_price("cheap").is_err());
        let offer = terms(&["--replicas", "2", "--audited", "--region", "de"]).offer();
        assert_eq!((offer.replicas, offer.audited, offer.region), (2, true, Some(Region(*b"DE"))));
        for wrong in ["", "D", "D1", "DEU"] {
            assert!(Line::try_parse_from(["x", "--region", wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_accepted_licence_should_be_named() {
        let version = version(true);
        let licence = version.spec.terms.licence_hash();
        let accepted = AcceptedTerms { licence, commercial: true };
        let text = accepted_text(&version, &accepted);
        assert!(text.contains("MIT") && text.contains(&hex(&licence)), "{text}");
        assert!(text.contains("for commercial use"), "{text}");
        assert_eq!(terms(&[]).accepted_json(&version)["hash"], hex(&licence));
    }
}
