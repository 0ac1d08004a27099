//! What is offered for a job.

use super::terms::Terms;
use crate::{
    commands::texts::Prepared,
    context::Context,
    error::{CommandResult, Failure},
};
use futures::{stream, StreamExt, TryStreamExt};
use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};
use vigil_client::amount::{Amount, BadAmount};
use vigil_primitives::{
    job::{NoQuote, Quote},
    Balance, ModelVersionId,
};

/// The most to pay for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Price {
    /// From a quote.
    Auto,
    /// This much.
    Fixed(Amount),
}

impl FromStr for Price {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        text.parse().map(Self::Fixed)
    }
}

/// The highest price of every job, given with the most tokens that it may generate: what was typed,
/// or a quote for each pair of lengths.
pub(super) async fn prices(
    context: &Context,
    version: ModelVersionId,
    jobs: &[(Prepared, u32)],
    terms: &Terms,
) -> CommandResult<Vec<Balance>> {
    if let Price::Fixed(Amount(price)) = terms.max_price {
        return Ok(vec![price; jobs.len()]);
    }
    let lengths = |(input, tokens_out): &(Prepared, u32)| (input.tokens_in(), *tokens_out);
    let different: BTreeSet<(u32, u32)> = jobs.iter().map(lengths).collect();
    let bids: BTreeMap<(u32, u32), Balance> = stream::iter(different)
        .map(|(tokens_in, tokens_out)| async move {
            let quote =
                context.view().quote(version, tokens_in, tokens_out, terms.replicas).await?;
            bid(version, quote).map(|quote| ((tokens_in, tokens_out), quote.1))
        })
        .buffered(8)
        .try_collect()
        .await?;
    Ok(jobs.iter().map(|job| bids.get(&lengths(job)).copied().unwrap_or_default()).collect())
}

/// The price at which every worker seen takes the job.
pub(super) fn bid(
    version: ModelVersionId,
    quote: Result<Quote, NoQuote>,
) -> CommandResult<(Quote, Balance)> {
    let quote = quote.map_err(|reason| no_quote(version, reason))?;
    match quote.highest {
        Some(price) => Ok((quote, price)),
        None if quote.workers == 0 => Err(Failure::rejected(format!(
            "no worker serves version {version}: start one, or wait for one (`vigil worker list`)"
        ))),
        None => Err(Failure::rejected(format!(
            "all {} workers of version {version} are busy or lack the bond: try again later, or \
             queue the job with --max-price AMOUNT",
            quote.workers
        ))),
    }
}

/// Why there is no quote.
pub(super) fn no_quote(version: ModelVersionId, reason: NoQuote) -> Failure {
    match reason {
        NoQuote::UnknownVersion => Failure::not_found(format!("there is no version {version}")),
        NoQuote::Revoked => Failure::rejected(format!(
            "version {version} is revoked and takes no new jobs: choose another one"
        )),
        NoQuote::BadRun(bad) => {
            Failure::rejected(format!("version {version} cannot run this request: {bad}"))
        }
        NoQuote::BadPolicy => Failure::usage("the chain does not allow this number of replicas"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const VERSION: ModelVersionId = ModelVersionId { model: 0, version: 0 };

    #[test]
    fn a_price_should_be_auto_or_an_amount() {
        assert_eq!("auto".parse(), Ok(Price::Auto));
        assert_eq!("1.5".parse(), Ok(Price::Fixed(Amount(1_500_000_000_000))));
        assert!("cheap".parse::<Price>().is_err());
    }

    #[test]
    fn a_bid_should_be_what_every_worker_takes() {
        let quote = Quote {
            work: 1,
            owner_fee: 2,
            split: vec![],
            lowest: Some(3),
            rewards: Some(1),
            highest: Some(5),
            workers: 2,
        };
        assert_eq!(bid(VERSION, Ok(quote.clone())).unwrap().1, 5);
        let busy = Quote { lowest: None, rewards: None, highest: None, ..quote };
        let failure = bid(VERSION, Ok(busy.clone())).unwrap_err();
        assert!(failure.to_string().contains("busy"), "{failure}");
        let failure = bid(VERSION, Ok(Quote { workers: 0, ..busy })).unwrap_err();
        assert!(failure.to_string().contains("no worker serves"), "{failure}");
        let failure = bid(VERSION, Err(NoQuote::UnknownVersion)).unwrap_err();
        assert_eq!(failure.kind(), Kind::NotFound);
    }
}
