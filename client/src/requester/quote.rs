//! What a run costs.

use super::{Error, Offer, Price, Requester, Result, AT_ONCE};
use crate::Amount;
use futures::{stream, StreamExt, TryStreamExt};
use std::collections::{BTreeMap, BTreeSet};
use vigil_primitives::{
    job::{Quote, QuoteRequest},
    Balance, ModelVersionId,
};

impl Requester {
    /// What a run would cost now, who would be paid what of it, how likely it is audited, and how
    /// long it takes.
    ///
    /// # Errors
    /// [`Error::NoQuote`] says why the chain has none.
    pub async fn quote(&self, request: QuoteRequest) -> Result<Quote> {
        let quote = self.client.best().quote(request).await?;
        quote.map_err(|reason| Error::NoQuote { version: request.version, reason })
    }

    /// The highest price of every run, given with its tokens and the most that it may generate: what
    /// is offered, or a quote for each pair of lengths.
    pub(super) async fn prices(
        &self,
        version: ModelVersionId,
        runs: &[(Vec<u32>, u32)],
        offer: &Offer,
    ) -> Result<Vec<Balance>> {
        if let Price::Fixed(Amount(price)) = offer.max_price {
            return Ok(vec![price; runs.len()]);
        }
        let lengths = |(tokens, out): &(Vec<u32>, u32)| {
            (u32::try_from(tokens.len()).unwrap_or(u32::MAX), *out)
        };
        let different: BTreeSet<(u32, u32)> = runs.iter().map(lengths).collect();
        let bids: BTreeMap<(u32, u32), Balance> = stream::iter(different)
            .map(|(tokens_in, max_tokens_out)| async move {
                let Offer { replicas, audited, region, .. } = *offer;
                let request =
                    QuoteRequest { version, tokens_in, max_tokens_out, replicas, audited, region };
                let quote = self.quote(request).await?;
                bid(version, &quote).map(|price| ((tokens_in, max_tokens_out), price))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(runs.iter().map(|run| bids.get(&lengths(run)).copied().unwrap_or_default()).collect())
    }
}

/// The price at which every worker that the quote has seen takes the job.
///
/// # Errors
/// Nobody serves the version, or nobody who does can take a job now.
pub fn bid(version: ModelVersionId, quote: &Quote) -> Result<Balance> {
    match quote.highest {
        Some(price) => Ok(price),
        None if quote.workers == 0 => Err(Error::NobodyServes(version)),
        None => Err(Error::AllBusy { version, workers: quote.workers }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: ModelVersionId = ModelVersionId { model: 0, version: 0 };

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
            audit: None,
            wait: Some(4),
        };
        assert_eq!(bid(VERSION, &quote).unwrap(), 5);
        let busy = Quote { lowest: None, rewards: None, highest: None, ..quote };
        let refused = bid(VERSION, &busy).unwrap_err();
        assert!(matches!(refused, Error::AllBusy { workers: 2, .. }), "{refused}");
        let refused = bid(VERSION, &Quote { workers: 0, ..busy }).unwrap_err();
        assert!(matches!(refused, Error::NobodyServes(VERSION)), "{refused}");
    }
}
