//! `vigil job quote`: what a job would cost now, and who would be paid what of it.

use super::royalties::split_text;
use crate::format::form;
use crate::{
    commands::{generation::Generation, texts},
    context::Context,
    error::CommandResult,
    format::{amount, amount_json, work},
    global::Global,
    output,
};
use clap::Args;
use serde_json::{json, Value};
use std::collections::BTreeSet;
use vigil_primitives::{job::Quote as ChainQuote, Balance, ModelVersionId};

/// Arguments of `job quote`.
#[derive(Debug, Args)]
pub(crate) struct Quote {
    /// The version to run.
    #[arg(long, value_name = "MODEL@VERSION")]
    version: ModelVersionId,
    #[command(flatten)]
    texts: texts::Texts,
    #[command(flatten)]
    tokenizer: texts::TokenizerArgs,
    #[command(flatten)]
    generation: Generation,
    /// Quote for an input of this many tokens.
    #[arg(long, value_name = "N", conflicts_with_all = ["input", "input_file", "tokens"])]
    tokens_in: Option<u32>,
    /// Workers that run the job independently.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    replicas: u8,
}

impl Quote {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        let version = context.version(self.version).await?;
        let tokens = match self.tokens_in {
            Some(tokens) => vec![tokens],
            None => {
                let inputs = self.tokenizer.prepare(&self.texts, &version.spec)?;
                inputs
                    .iter()
                    .map(|input| u32::try_from(input.tokens.len()).unwrap_or(u32::MAX))
                    .collect()
            }
        };
        let requester = context.requester();
        let mut rows = Vec::new();
        for tokens in tokens {
            let out = self.generation.max_tokens_out(tokens, &version.spec.architecture)?;
            let quote = requester.quote(self.version, tokens, out, self.replicas).await?;
            rows.push((tokens, out, quote));
        }
        let json = json!({
            "version": self.version.to_string(),
            "replicas": self.replicas,
            "quotes": rows.iter().map(quote_json).collect::<Vec<_>>(),
        });
        output::show(global, &json, || {
            let splits = splits(&rows);
            [table(&rows)].into_iter().chain(splits).collect::<Vec<_>>().join("\n\n")
        });
        Ok(())
    }
}

fn quote_json((tokens, out, quote): &(u32, u32, ChainQuote)) -> Value {
    let mut json = form(vigil_rpc::jobs::Quote::from(quote.clone()));
    json["tokensIn"] = json!(tokens);
    json["maxTokensOut"] = json!(out);
    json["protocolFee"] = json!(protocol_fee(quote).map(amount_json));
    json
}

fn table(rows: &[(u32, u32, ChainQuote)]) -> String {
    let mut table = output::table([
        "TOKENS IN",
        "TOKENS OUT",
        "WORK",
        "OWNERS",
        "WORKERS GET",
        "TREASURY",
        "LOWEST",
        "HIGHEST",
        "WORKERS",
    ]);
    let price = |price: Option<_>| price.map_or_else(|| "none now".into(), amount);
    for (tokens, out, quote) in rows {
        table.add_row([
            tokens.to_string(),
            out.to_string(),
            work(quote.work),
            amount(quote.owner_fee),
            price(quote.rewards),
            price(protocol_fee(quote)),
            price(quote.lowest),
            price(quote.highest),
            quote.workers.to_string(),
        ]);
    }
    output::align_right(&mut table, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
    output::render(&table)
}

/// What the treasury gets of the lowest price: what owners and workers leave.
fn protocol_fee(quote: &ChainQuote) -> Option<Balance> {
    quote.lowest?.checked_sub(quote.owner_fee)?.checked_sub(quote.rewards?)
}

/// The split of every different fee.
fn splits(rows: &[(u32, u32, ChainQuote)]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    rows.iter()
        .filter(|(_, _, quote)| seen.insert(quote.owner_fee))
        .map(|(_, _, quote)| split_text(&quote.split, quote.owner_fee))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::samples::royalty;

    #[test]
    fn a_quote_that_nobody_takes_should_say_so() {
        let quote = unwanted(2);
        assert!(table(&[(8, 0, quote)]).contains("none now"));
    }

    #[test]
    fn a_quote_should_be_split_completely() {
        let quote = ChainQuote { lowest: Some(120), rewards: Some(90), ..unwanted(20) };
        assert_eq!(protocol_fee(&quote), Some(10));
        assert_eq!(protocol_fee(&unwanted(20)), None);
    }

    /// A quote without a worker that takes the job, of which the version gets all but 1.
    fn unwanted(owner_fee: Balance) -> ChainQuote {
        let split = vec![royalty(0, 1, owner_fee - 1), royalty(1, 2, 1)];
        let (lowest, rewards, highest) = (None, None, None);
        ChainQuote { work: 1, owner_fee, split, lowest, rewards, highest, workers: 0 }
    }

    #[test]
    fn every_different_fee_should_be_split_once() {
        let quote = |fee, tokens| (tokens, 0, unwanted(fee));
        let splits = splits(&[quote(20, 4), quote(20, 4), quote(30, 6)]);
        assert_eq!(splits.len(), 2);
        assert!(splits[0].contains("0.000000000019") && splits[1].contains("0.000000000029"));
        assert!(splits.iter().all(|split| split.contains("to the last unit")));
    }
}
