//! `vigil lineage`: what an asset descends from, and what descends from it.

mod dot;
mod tree;

use crate::format::form;
use crate::{
    assets::percent,
    context::{self, Context},
    error::{CommandResult, Failure},
    global::Global,
    output,
};
use clap::Args;
use serde_json::{json, Value};
use vigil_primitives::{api::PAGE, lineage::LineageView, lineage::Share, AssetId};

/// Arguments of `lineage`.
#[derive(Debug, Args)]
pub(crate) struct Lineage {
    /// MODEL@VERSION, model:MODEL@VERSION or dataset:DATASET@VERSION.
    asset: AssetId,
    /// Print a graph for Graphviz: `vigil lineage 0@0 --dot | dot -Tsvg`.
    #[arg(long)]
    dot: bool,
    /// List the assets that cite it instead.
    #[arg(long, conflicts_with = "dot")]
    descendants: bool,
    /// At most so many descendants.
    #[arg(
        long,
        value_name = "N",
        default_value_t = PAGE,
        requires = "descendants",
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    limit: u32,
    /// Only descendants that come after this one in the chain's order.
    #[arg(long, value_name = "ASSET", requires = "descendants")]
    after: Option<AssetId>,
}

impl Lineage {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        if self.dot && global.is_for_programs() {
            return Err(Failure::usage("--dot and --json are two formats: choose one"));
        }
        let context = Context::connect(global).await?;
        let lineage = context.view().lineage(self.asset).await?;
        let lineage = lineage.ok_or_else(|| context::no_asset(self.asset))?;
        if self.descendants {
            return self.list(&context).await;
        }
        output::show(global, &lineage_json(self.asset, &lineage), || {
            if self.dot {
                dot::draw(&lineage)
            } else {
                tree::draw(self.asset, &lineage)
            }
        });
        Ok(())
    }

    async fn list(&self, context: &Context) -> CommandResult {
        let (descendants, next) = self.page(context).await?;
        let json = json!({
            "asset": self.asset.to_string(),
            "descendants": descendants.iter().map(share_json).collect::<Vec<_>>(),
            "next": next.map(|asset| asset.to_string()),
        });
        output::show(&context.global, &json, || descendants_text(self.asset, &descendants));
        if let Some(next) = next {
            output::note(&context.global, &format!("there may be more: add --after {next}"));
        }
        Ok(())
    }

    /// The descendants asked for, and after which one there may be more.
    async fn page(&self, context: &Context) -> CommandResult<(Vec<Share>, Option<AssetId>)> {
        let mut descendants: Vec<Share> = Vec::new();
        loop {
            let after = descendants.last().map(|last| last.asset).or(self.after);
            let room = self.limit as usize - descendants.len();
            let limit = PAGE.min(u32::try_from(room).unwrap_or(PAGE));
            let page = context.view().descendants(self.asset, after, limit).await?;
            let last = page.len() < limit as usize;
            descendants.extend(page.into_iter().take(room));
            if last {
                return Ok((descendants, None));
            }
            if descendants.len() >= self.limit as usize {
                let next = descendants.last().map(|last| last.asset);
                return Ok((descendants, next));
            }
        }
    }
}

fn lineage_json(asset: AssetId, lineage: &LineageView) -> Value {
    let mut json = form(vigil_rpc::provenance::Lineage::from(lineage.clone()));
    json["asset"] = json!(asset.to_string());
    json
}

fn share_json(share: &Share) -> Value {
    form(vigil_rpc::provenance::Descendant::from(*share))
}

fn descendants_text(asset: AssetId, descendants: &[Share]) -> String {
    if descendants.is_empty() {
        return format!("nothing cites {asset}");
    }
    let mut table = output::table(["ASSET", "SHARE"]);
    for descendant in descendants {
        table.add_row([descendant.asset.to_string(), percent(descendant.share)]);
    }
    output::align_right(&mut table, &[1]);
    output::render(&table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        lineage::{LineageEdge, LineageNode},
        model::VersionStatus,
        AccountId, ModelVersionId, Permill,
    };

    pub(super) fn asset(number: u32) -> AssetId {
        ModelVersionId { model: number, version: 0 }.into()
    }

    /// A lineage of assets with names and parts per million, and citations with theirs.
    pub(super) fn lineage(nodes: &[(u32, &str, u32)], edges: &[(u32, u32, u32)]) -> LineageView {
        let node = |(number, name, parts): &(u32, &str, u32)| LineageNode {
            asset: asset(*number),
            name: name.as_bytes().to_vec().try_into().expect("a short name"),
            owner: AccountId::new([*number as u8; 32]),
            status: VersionStatus::Active,
            share: Permill::from_parts(*parts),
        };
        let edge = |(from, to, parts): &(u32, u32, u32)| LineageEdge {
            from: asset(*from),
            to: asset(*to),
            share: Permill::from_parts(*parts),
        };
        LineageView {
            nodes: nodes.iter().map(node).collect(),
            edges: edges.iter().map(edge).collect(),
        }
    }

    /// Two ways from 3 to 0: by 1 and by 2.
    pub(super) fn diamond() -> LineageView {
        lineage(
            &[
                (3, "top", 700_000),
                (0, "bottom", 60_000),
                (1, "left", 80_000),
                (2, "right", 160_000),
            ],
            &[(3, 1, 100_000), (3, 2, 200_000), (1, 0, 200_000), (2, 0, 200_000)],
        )
    }

    #[test]
    fn a_lineage_should_be_complete_in_json() {
        let json = lineage_json(asset(3), &diamond());
        assert_eq!(json["asset"], "model:3@0");
        assert_eq!(json["nodes"][1]["name"], "bottom");
        assert_eq!(json["nodes"][1]["sharePpm"], 60_000);
        assert_eq!(json["nodes"][0]["status"], "active");
        assert_eq!(json["edges"].as_array().map(Vec::len), Some(4));
        assert_eq!(json["edges"][3]["to"], "model:0@0");
        let hostile = lineage(&[(0, "\u{1b}[2J", 1_000_000)], &[]);
        assert!(!lineage_json(asset(0), &hostile).to_string().contains('\u{1b}'));
    }

    #[test]
    fn descendants_should_be_listed_with_their_shares() {
        let share = Share { asset: asset(3), share: Permill::from_parts(5_001) };
        let text = descendants_text(asset(0), &[share]);
        assert!(text.contains("model:3@0") && text.contains("0.5001%"), "{text}");
        assert_eq!(share_json(&share)["sharePpm"], 5_001);
        assert!(descendants_text(asset(0), &[]).contains("nothing cites model:0@0"));
    }
}
