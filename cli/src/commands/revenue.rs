//! `vigil revenue`: what an account has earned with its assets, and what is kept for it.

use crate::{
    context::{self, Context},
    error::CommandResult,
    format::{account_json, amount, amount_json, form},
    global::Global,
    output,
};
use clap::Args;
use futures::{stream, StreamExt, TryStreamExt};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use vigil_client::{pages, Amount, View};
use vigil_primitives::{api::PAGE, AccountId, AssetId, Balance};

/// Eras that are asked for at the same time.
const AT_ONCE: usize = 8;

/// Arguments of `revenue`.
#[derive(Debug, Args)]
pub(crate) struct Revenue {
    /// The account (an address or //Name).
    #[arg(value_parser = context::parse_account)]
    account: AccountId,
    /// So many eras, the present one included.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    eras: u32,
}

/// What an account has earned.
struct Report {
    account: AccountId,
    /// Blocks of an era.
    era_length: u32,
    /// The first era and the last.
    eras: (u32, u32),
    /// By era and asset.
    earned: BTreeMap<(u32, AssetId), Balance>,
    /// What is kept until it is collected.
    unpaid: Balance,
}

impl Revenue {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        // All of one block, so that the eras and what is unpaid belong together.
        let best = context.client.best_head().await?;
        let view = context.client.at(best.hash);
        let era_length = view.parameters().await?.era_length;
        let now = best.number.checked_div(era_length).unwrap_or_default();
        let first = now.saturating_sub(self.eras.saturating_sub(1));
        let (view, account) = (&view, &self.account);
        let eras: Vec<Vec<_>> = stream::iter(first..=now)
            .map(|era| earned(view, account, era))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let report = Report {
            account: account.clone(),
            era_length,
            eras: (first, now),
            earned: eras.into_iter().flatten().collect(),
            unpaid: view.unpaid(account).await?,
        };
        output::show(global, &report.json(), || report.text());
        Ok(())
    }
}

/// What an account has earned in an era by each asset.
async fn earned(
    view: &View<'_>,
    account: &AccountId,
    era: u32,
) -> CommandResult<Vec<((u32, AssetId), Balance)>> {
    let behind = |(asset, _): &(AssetId, Balance)| Some(*asset);
    let page = |after| view.account_revenue(account, era, after, PAGE);
    let earned = pages(None, behind, page).await?;
    Ok(earned.into_iter().map(|(asset, amount)| ((era, asset), amount)).collect())
}

/// What an asset has earned, as JSON.
fn revenue_json(earned: (AssetId, Balance)) -> Value {
    form(vigil_rpc::provenance::Revenue::from(earned))
}

impl Report {
    /// What each asset has earned in all eras.
    fn by_asset(&self) -> BTreeMap<AssetId, Balance> {
        let mut sums: BTreeMap<AssetId, Balance> = BTreeMap::new();
        for ((_, asset), amount) in &self.earned {
            let sum = sums.entry(*asset).or_default();
            *sum = sum.saturating_add(*amount);
        }
        sums
    }

    fn total(&self) -> Balance {
        self.earned.values().fold(0, |sum, amount| sum.saturating_add(*amount))
    }

    fn json(&self) -> Value {
        let earned = self.earned.iter().map(|((era, asset), amount)| {
            let mut json = revenue_json((*asset, *amount));
            json["era"] = json!(era);
            json
        });
        let assets = self.by_asset().into_iter().map(revenue_json);
        json!({
            "account": account_json(&self.account),
            "eraLength": self.era_length,
            "firstEra": self.eras.0,
            "lastEra": self.eras.1,
            "earned": earned.collect::<Vec<_>>(),
            "assets": assets.collect::<Vec<_>>(),
            "total": amount_json(self.total()),
            "unpaid": amount_json(self.unpaid),
        })
    }

    fn text(&self) -> String {
        let (first, last) = self.eras;
        let mut parts = vec![format!(
            "{} earned {} in eras {first} to {last} (of {} blocks)",
            self.account,
            amount(self.total()),
            self.era_length
        )];
        if !self.earned.is_empty() {
            let mut table = output::table(["ERA", "ASSET", "EARNED (VGL)"]);
            for ((era, asset), amount) in &self.earned {
                table.add_row([era.to_string(), asset.to_string(), Amount(*amount).exact()]);
            }
            for (asset, amount) in self.by_asset() {
                table.add_row(["all".into(), asset.to_string(), Amount(amount).exact()]);
            }
            output::align_right(&mut table, &[0, 2]);
            parts.push(output::render(&table));
        }
        parts.push(match self.unpaid {
            0 => "nothing is kept for it".into(),
            kept => format!(
                "{} could not be credited and is kept for it: `vigil collect {}` pays it",
                amount(kept),
                self.account
            ),
        });
        parts.join("\n\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{DatasetVersionId, ModelVersionId};

    fn report(earned: &[(u32, AssetId, Balance)], unpaid: Balance) -> Report {
        Report {
            account: AccountId::new([7; 32]),
            era_length: 100,
            eras: (2, 31),
            earned: earned.iter().map(|(era, asset, sum)| ((*era, *asset), *sum)).collect(),
            unpaid,
        }
    }

    #[test]
    fn a_report_should_add_up_by_asset_and_in_all() {
        let model = ModelVersionId { model: 1, version: 0 }.into();
        let dataset = DatasetVersionId { dataset: 3, version: 2 }.into();
        let report = report(&[(30, model, 5), (30, dataset, 1), (31, model, 7)], 9);
        let json = report.json();
        assert_eq!(json["total"], "13");
        assert_eq!(json["assets"][0], json!({ "asset": "model:1@0", "amount": "12" }));
        assert_eq!(json["earned"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["unpaid"], "9");
        assert_eq!((&json["firstEra"], &json["lastEra"]), (&json!(2), &json!(31)));
        let text = report.text();
        for says in ["0.000000000013 VGL in eras 2 to 31", "0.000000000012", "dataset:3@2"] {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(text.contains(&format!("vigil collect {}", AccountId::new([7; 32]))), "{text}");
    }

    #[test]
    fn an_account_without_revenue_should_be_told_so() {
        let text = report(&[], 0).text();
        assert!(text.contains("earned 0 VGL"), "{text}");
        assert!(text.contains("nothing is kept"), "{text}");
    }
}
