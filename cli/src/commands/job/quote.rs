//! `vigil job quote`: what a job would cost now, and who would be paid what of it.

use super::{audit::range_text, royalties::split_text, terms::Runs};
use crate::{
    commands::{generation::Generation, texts},
    context::Context,
    error::CommandResult,
    format::{amount, amount_json, form, work},
    global::Global,
    output,
};
use clap::Args;
use serde_json::{json, Value};
use std::collections::BTreeSet;
use vigil_primitives::{
    job::{Quote as ChainQuote, QuoteRequest},
    Balance, BlockNumber, ModelVersionId,
};

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
    #[command(flatten)]
    runs: Runs,
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
        let block_time = context.view().parameters().await?.block_time_ms;
        let Runs { replicas, audited, region } = self.runs;
        for tokens_in in tokens {
            let architecture = &version.spec.architecture;
            let max_tokens_out = self.generation.max_tokens_out(tokens_in, architecture)?;
            let request = QuoteRequest {
                version: self.version,
                tokens_in,
                max_tokens_out,
                replicas,
                audited,
                region,
            };
            rows.push((tokens_in, max_tokens_out, requester.quote(request).await?));
        }
        let json = json!({
            "version": self.version.to_string(),
            "replicas": replicas,
            "audited": audited,
            "region": region.map(|region| region.to_string()),
            "blockTimeMs": block_time,
            "quotes": rows.iter().map(quote_json).collect::<Vec<_>>(),
        });
        output::show(global, &json, || {
            let splits = splits(&rows);
            let table = table(&rows, audited, block_time);
            [table].into_iter().chain(splits).collect::<Vec<_>>().join("\n\n")
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

fn table(rows: &[(u32, u32, ChainQuote)], audited: bool, block_time: u64) -> String {
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
        "WAIT",
        "AUDIT",
    ]);
    let none = || "none now".to_owned();
    let price = |price: Option<_>| price.map_or_else(none, amount);
    let audit = |quote: &ChainQuote| match &quote.audit {
        _ if audited => "for certain".into(),
        Some(range) => range_text(range),
        None => none(),
    };
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
            quote.wait.map_or_else(none, |blocks| wait_text(blocks, block_time)),
            audit(quote),
        ]);
    }
    output::align_right(&mut table, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    output::render(&table)
}

/// So many blocks, and the seconds that they take.
fn wait_text(blocks: BlockNumber, block_time: u64) -> String {
    let seconds = u64::from(blocks).saturating_mul(block_time).div_ceil(1_000);
    format!("{blocks} blocks, {} s", output::count(seconds))
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
    use vigil_primitives::{audit::AuditRate, samples::royalty, Permill};

    #[test]
    fn a_quote_that_nobody_takes_should_say_so() {
        let quote = unwanted(2);
        assert!(table(&[(8, 0, quote)], false, 2_000).contains("none now"));
    }

    #[test]
    fn a_quote_should_say_how_likely_an_audit_is_and_how_long_it_takes() {
        let zero = Permill::zero();
        let least = AuditRate { deterrence: zero, worker: zero, version: zero };
        let most = AuditRate { worker: Permill::one(), ..least };
        let audit = Some((least, most));
        let row = (8, 0, ChainQuote { audit, wait: Some(7), ..unwanted(2) });
        let text = table(std::slice::from_ref(&row), false, 1_500);
        assert!(text.contains("7 blocks, 11 s"), "{text}");
        assert!(text.contains("1% (least) to 100% (worker's record)"), "{text}");
        assert!(table(std::slice::from_ref(&row), true, 1_500).contains("for certain"));
        let json = quote_json(&row);
        assert_eq!((&json["wait"], &json["audit"][1]["workerPpm"]), (&7.into(), &1_000_000.into()));
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
        let (audit, wait, workers) = (None, None, 0);
        ChainQuote { work: 1, owner_fee, split, lowest, rewards, highest, workers, audit, wait }
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
