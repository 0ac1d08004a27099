//! What a version says it descends from: the flags, the checks, and the waterfall that follows.

use crate::{
    assets::{
        check_permission, percent,
        share::{parse_share, percent_of_parts},
    },
    context::{self, Context},
    error::{CommandResult, Failure},
};
use clap::Args;
use vigil_client::citations::{Cited, Parent};
use vigil_primitives::{
    asset::Asset,
    lineage::{CitationError, InvalidLineage, LineageNode, Share, Shares, MAX_DEPTH, MAX_PAYEES},
    model::{Name, VersionStatus},
    AccountId, AssetId, DatasetId, DatasetVersionId, Permill,
};

/// Citations, as flags.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Lineage")]
pub(crate) struct CitationArgs {
    /// A version that this one descends from, and its share of the revenue: 0@1=5% of a model,
    /// dataset:3@0=5% of a dataset. May be repeated.
    #[arg(long = "parent", value_name = "ASSET=SHARE", value_parser = parse_parent)]
    parents: Vec<Citation>,
    /// A dataset that this was made from, and its share: 3@0=2%, or 3=2% for the newest version.
    /// May be repeated.
    #[arg(long = "dataset", value_name = "ID[@VERSION]=SHARE", value_parser = parse_dataset)]
    source_datasets: Vec<Citation>,
}

/// One citation as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Citation {
    cited: Named,
    share: Permill,
}

/// What is cited, as it was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Asset(AssetId),
    /// The newest version of a dataset.
    Newest(DatasetId),
}

/// Reads `0@1=5%`, `model:0@1=5%` or `dataset:3@0=5%`.
fn parse_parent(text: &str) -> Result<Citation, String> {
    let (asset, share) = parts(text, "0@1=5%")?;
    let asset = asset.parse::<AssetId>().map_err(|error| format!("\"{text}\": {error}"))?;
    Ok(Citation { cited: Named::Asset(asset), share })
}

/// Reads `3@0=2%` or `3=2%`, with or without `dataset:` in front.
fn parse_dataset(text: &str) -> Result<Citation, String> {
    let (dataset, share) = parts(text, "3@0=2%")?;
    let dataset = dataset.strip_prefix("dataset:").unwrap_or(dataset);
    let cited = if dataset.contains('@') {
        dataset.parse().map(|id: DatasetVersionId| Named::Asset(id.into())).ok()
    } else {
        dataset.parse().map(Named::Newest).ok()
    };
    let cited = cited.ok_or_else(|| {
        format!("\"{text}\" names no dataset: write DATASET@VERSION=SHARE or DATASET=SHARE")
    })?;
    Ok(Citation { cited, share })
}

/// What is cited, and its share.
fn parts<'a>(text: &'a str, example: &str) -> Result<(&'a str, Permill), String> {
    let (cited, share) = text
        .rsplit_once('=')
        .ok_or_else(|| format!("\"{text}\" states no share: write for instance {example}"))?;
    let share = parse_share(share).map_err(|error| format!("\"{text}\": {error}"))?;
    Ok((cited.trim(), share))
}

/// What the version that is to be published descends from. The chain would accept it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descent {
    /// What it cites.
    pub(crate) citations: Shares,
    /// Who will be paid: the version itself, then all its ancestors.
    pub(crate) payees: Vec<LineageNode>,
}

impl Descent {
    /// The payees, now that the version has its number. It is the first of them.
    pub(crate) fn payees_of(self, version: AssetId) -> Vec<LineageNode> {
        let mut payees = self.payees;
        if let Some(own) = payees.first_mut() {
            own.asset = version;
        }
        payees
    }
}

/// The version that is to be published.
pub(crate) struct Offspring<'a> {
    /// Its number. While the chain has not given it one, any that is free will do.
    pub(crate) asset: AssetId,
    /// Name of its model or dataset.
    pub(crate) name: &'a Name,
    /// Whether its terms allow commercial use.
    pub(crate) commercial: bool,
    /// Who publishes it.
    pub(crate) publisher: &'a AccountId,
}

impl CitationArgs {
    /// Asks the chain for everything cited and refuses what the chain would refuse, naming the
    /// citation that is at fault. Nothing is sent.
    pub(crate) async fn check(
        &self,
        context: &Context,
        offspring: &Offspring<'_>,
    ) -> CommandResult<Descent> {
        let mut citations: Vec<Share> = Vec::new();
        for citation in self.parents.iter().chain(&self.source_datasets) {
            let asset = citation.cited.resolve(context).await?;
            citations.push(Share { asset, share: citation.share });
        }
        check_shares(&citations)?;
        let cited = Cited::read(&context.view(), &citations, offspring.publisher).await?;
        descend(offspring, &cited)
    }
}

impl Named {
    /// The asset that is meant.
    async fn resolve(self, context: &Context) -> CommandResult<AssetId> {
        let id = match self {
            Self::Asset(asset) => return Ok(asset),
            Self::Newest(id) => id,
        };
        let dataset = context.view().dataset(id).await?.ok_or_else(|| {
            Failure::not_found(format!(
                "there is no dataset {id} to cite: see `vigil dataset list`"
            ))
        })?;
        for version in (0..dataset.versions).rev() {
            let id = DatasetVersionId { dataset: id, version };
            if context.view().dataset_version(id).await?.is_some() {
                return Ok(id.into());
            }
        }
        Err(Failure::not_found(format!("dataset {id} has no version left to cite")))
    }
}

/// Why the chain would refuse it, and what to do.
fn refusal(offspring: &Offspring<'_>, chain: &Cited, error: CitationError) -> Failure {
    match error {
        CitationError::UnknownAsset(asset) => context::no_asset(asset),
        CitationError::Revoked(asset) => Failure::rejected(format!(
            "{asset} is revoked and takes no new citations: cite another version"
        )),
        CitationError::NoConsent(asset) | CitationError::Unusable(asset, _) => {
            no_consent(asset, chain, offspring.publisher)
        }
        CitationError::CommercialUseForbidden { cited, by } => {
            let by =
                if by == cited { String::new() } else { format!(" descends from {by}, which") };
            Failure::rejected(format!(
                "{cited}{by} forbids commercial use, and so must what cites it: add \
                 --no-commercial"
            ))
        }
        CitationError::RoyaltyTooLow { asset, promised, asked } => {
            let parts = promised.mul_floor(u64::from(Permill::one().deconstruct()));
            let promised = Permill::from_parts(parts.try_into().unwrap_or(u32::MAX));
            Failure::rejected(format!(
                "{asset} is promised {}, and its owner asks for at least {} of whatever descends \
                 from it: promise more",
                percent(promised),
                percent(asked)
            ))
        }
        CitationError::Invalid(reason) => match chain.at_fault(offspring.asset) {
            Some((parent, reason)) => invalid(Some(parent), reason),
            None => invalid(None, reason),
        },
    }
}

fn no_consent(asset: AssetId, chain: &Cited, publisher: &AccountId) -> Failure {
    let refused = chain.assets.get(&asset).zip(chain.parent(asset)).and_then(|(facts, parent)| {
        let Asset { owner, terms, .. } = facts;
        check_permission(asset, owner, &terms.access, publisher, &parent.permission).err()
    });
    refused.unwrap_or_else(|| Failure::rejected(format!("{asset} may not be cited")))
}

/// Refuses shares that are wrong whatever is cited.
fn check_shares(citations: &[Share]) -> CommandResult {
    let mut sum = 0u32;
    for (index, Share { asset, share }) in citations.iter().enumerate() {
        if citations.iter().take(index).any(|other| other.asset == *asset) {
            return Err(Failure::usage(format!("{asset} is cited twice: give it one share")));
        }
        sum = sum.saturating_add(share.deconstruct());
        if sum > Permill::one().deconstruct() {
            return Err(Failure::usage(format!(
                "{asset}={} brings what is promised to {}: at most 100% can be",
                percent(*share),
                percent_of_parts(sum)
            )));
        }
    }
    Ok(())
}

/// The descent from what is cited, if all of it may be cited so.
fn descend(offspring: &Offspring<'_>, chain: &Cited) -> CommandResult<Descent> {
    let Offspring { asset, publisher, commercial, .. } = *offspring;
    let lineage = chain
        .descend(asset, publisher, commercial)
        .map_err(|error| refusal(offspring, chain, error))?;
    let node = |asset: AssetId| {
        let mut nodes = chain.parents.iter().flat_map(|parent| &parent.view.nodes);
        nodes.find(|node| node.asset == asset)
    };
    let payees = lineage.waterfall.iter().map(|payee| match node(payee.asset) {
        Some(node) => LineageNode { share: payee.share, ..node.clone() },
        None => LineageNode {
            asset: payee.asset,
            name: offspring.name.clone(),
            owner: offspring.publisher.clone(),
            status: VersionStatus::Active,
            share: payee.share,
        },
    });
    Ok(Descent { payees: payees.collect(), citations: lineage.citations })
}

/// Why a lineage is none, with the citation that made it so.
fn invalid(parent: Option<&Parent>, reason: InvalidLineage) -> Failure {
    let asset = parent.map_or_else(String::new, |parent| parent.citation.asset.to_string());
    match reason {
        InvalidLineage::ZeroShare => Failure::usage(format!("{asset} is promised nothing")),
        InvalidLineage::DuplicateCitation => Failure::usage(format!("{asset} is cited twice")),
        InvalidLineage::SharesExceedWhole => {
            Failure::usage(format!("with {asset}, more than 100% is promised"))
        }
        InvalidLineage::TooManyPayees => Failure::rejected(format!(
            "with {asset} and all that it descends from there are more than {MAX_PAYEES} payees, \
             this version included: cite less"
        )),
        InvalidLineage::TooDeep => Failure::rejected(format!(
            "{asset} stands at the end of a chain of {MAX_DEPTH} citations already, and no chain \
             is longer: cite one of its ancestors instead"
        )),
        InvalidLineage::ShareTooSmall => {
            let payees = parent.map_or(&[][..], |parent| parent.view.nodes.as_slice());
            let smallest = payees.iter().skip(1).map(|node| node.share.deconstruct());
            let smallest = smallest.filter(|parts| *parts > 0).min().unwrap_or(1);
            let least = Permill::one().deconstruct().div_ceil(smallest);
            Failure::rejected(format!(
                "the share of {asset} is so small that one of its ancestors would get nothing of \
                 it: promise at least {}",
                percent_of_parts(least)
            ))
        }
    }
}

#[cfg(test)]
mod tests;
