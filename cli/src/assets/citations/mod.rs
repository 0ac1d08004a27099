//! What a version says it descends from: the flags, the checks, and the waterfall that follows.

use crate::{
    assets::{
        check_permission, percent,
        share::{parse_share, percent_of_parts},
        Facts,
    },
    context::{self, Context},
    error::{CommandResult, Failure},
};
use clap::Args;
use std::collections::{btree_map::Entry, BTreeMap};
use vigil_primitives::{
    asset::Asset,
    grant::Permission,
    lineage::{
        self, CitationError, Consents, InvalidLineage, Lineage, LineageNode, LineageView, Share,
        Shares, MAX_DEPTH, MAX_PAYEES,
    },
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
    cited: Cited,
    share: Permill,
}

/// What is cited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cited {
    Asset(AssetId),
    /// The newest version of a dataset.
    Newest(DatasetId),
}

/// Reads `0@1=5%`, `model:0@1=5%` or `dataset:3@0=5%`.
fn parse_parent(text: &str) -> Result<Citation, String> {
    let (asset, share) = parts(text, "0@1=5%")?;
    let asset = asset.parse::<AssetId>().map_err(|error| format!("\"{text}\": {error}"))?;
    Ok(Citation { cited: Cited::Asset(asset), share })
}

/// Reads `3@0=2%` or `3=2%`, with or without `dataset:` in front.
fn parse_dataset(text: &str) -> Result<Citation, String> {
    let (dataset, share) = parts(text, "3@0=2%")?;
    let dataset = dataset.strip_prefix("dataset:").unwrap_or(dataset);
    let cited = if dataset.contains('@') {
        dataset.parse().map(|id: DatasetVersionId| Cited::Asset(id.into())).ok()
    } else {
        dataset.parse().map(Cited::Newest).ok()
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

/// What the chain says of everything that is cited, and of everything that this descends from.
#[derive(Default)]
struct Known {
    parents: Vec<Parent>,
    assets: BTreeMap<AssetId, Asset<AccountId>>,
}

/// A cited asset.
struct Parent {
    citation: Share,
    permission: Permission,
    view: LineageView,
    /// The same as the chain flattened it.
    lineage: Lineage,
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
        let known = Known::read(context, &citations, offspring.publisher).await?;
        descend(offspring, &known)
    }
}

impl Cited {
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

impl Known {
    async fn read(
        context: &Context,
        citations: &[Share],
        publisher: &AccountId,
    ) -> CommandResult<Self> {
        let mut known = Self::default();
        for citation in citations {
            let asset = citation.asset;
            let permission = context.view().permission(publisher, asset).await?;
            let lineage = context.view().lineage(asset).await?;
            let both = permission.zip(lineage);
            let (permission, view) = both.ok_or_else(|| context::no_asset(asset))?;
            for node in &view.nodes {
                if let Entry::Vacant(place) = known.assets.entry(node.asset) {
                    let Facts { owner, status, terms, .. } = context.asset(node.asset).await?;
                    place.insert(Asset { owner, status, terms });
                }
            }
            known.parents.push(Parent::new(*citation, permission, view)?);
        }
        Ok(known)
    }

    fn parent(&self, asset: AssetId) -> Option<&Parent> {
        self.parents.iter().find(|parent| parent.citation.asset == asset)
    }

    /// Why the chain would refuse it, and what to do.
    fn refusal(&self, offspring: &Offspring<'_>, error: CitationError) -> Failure {
        match error {
            CitationError::UnknownAsset(asset) => context::no_asset(asset),
            CitationError::Revoked(asset) => Failure::rejected(format!(
                "{asset} is revoked and takes no new citations: cite another version"
            )),
            CitationError::NoConsent(asset) | CitationError::Unusable(asset, _) => {
                self.no_consent(asset, offspring.publisher)
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
                    "{asset} is promised {}, and its owner asks for at least {} of whatever \
                     descends from it: promise more",
                    percent(promised),
                    percent(asked)
                ))
            }
            CitationError::Invalid(reason) => self.invalid(offspring, reason),
        }
    }

    fn no_consent(&self, asset: AssetId, publisher: &AccountId) -> Failure {
        let refused =
            self.assets.get(&asset).zip(self.parent(asset)).and_then(|(facts, parent)| {
                let Asset { owner, terms, .. } = facts;
                check_permission(asset, owner, &terms.access, publisher, &parent.permission).err()
            });
        refused.unwrap_or_else(|| Failure::rejected(format!("{asset} may not be cited")))
    }

    /// Why a lineage is none, with the citation that made it so: the first that the others before it
    /// do not go with.
    fn invalid(&self, offspring: &Offspring<'_>, reason: InvalidLineage) -> Failure {
        let lineages: Vec<_> = self.parents.iter().map(|parent| parent.lineage.clone()).collect();
        let flatten = |count: usize| {
            let citations: Vec<_> =
                self.parents.iter().take(count).map(|one| one.citation).collect();
            let citations =
                Shares::try_from(citations).map_err(|_| InvalidLineage::TooManyPayees)?;
            Lineage::new(offspring.asset, citations, &lineages)
        };
        let count = self.parents.len();
        let first = (1..=count).find_map(|count| Some((count, flatten(count).err()?)));
        let (count, reason) = first.unwrap_or((count, reason));
        let at_fault = count.checked_sub(1).and_then(|index| self.parents.get(index));
        invalid(at_fault, reason)
    }
}

impl Consents<AccountId> for Known {
    fn asset(&self, asset: AssetId) -> Option<Asset<AccountId>> {
        self.assets.get(&asset).cloned()
    }

    fn permission(&self, _publisher: &AccountId, asset: AssetId) -> Option<Permission> {
        self.parent(asset).map(|parent| parent.permission)
    }

    fn lineage(&self, cited: AssetId) -> Lineage {
        self.parent(cited).map_or_else(|| Lineage::root(cited), |parent| parent.lineage.clone())
    }

    fn citations(&self, asset: AssetId) -> Shares {
        let knows = |parent: &&Parent| parent.view.nodes.iter().any(|node| node.asset == asset);
        let parent = self.parents.iter().find(knows);
        parent.and_then(|parent| citations_of(asset, &parent.view)).unwrap_or_default()
    }
}

impl Parent {
    fn new(citation: Share, permission: Permission, view: LineageView) -> CommandResult<Self> {
        let asset = citation.asset;
        let strange = || Failure::failed(format!("the chain names too many payees of {asset}"));
        let waterfall =
            view.nodes.iter().map(|node| Share { asset: node.asset, share: node.share });
        let lineage = Lineage {
            citations: citations_of(asset, &view).ok_or_else(strange)?,
            waterfall: waterfall.collect::<Vec<_>>().try_into().map_err(|_| strange())?,
            depth: depth(asset, &view),
        };
        Ok(Self { citation, permission, view, lineage })
    }
}

/// What an asset of a lineage cites; `None` when that is more than can be.
fn citations_of(asset: AssetId, lineage: &LineageView) -> Option<Shares> {
    let cited = lineage.edges.iter().filter(|edge| edge.from == asset);
    let cited = cited.map(|edge| Share { asset: edge.to, share: edge.share });
    cited.collect::<Vec<_>>().try_into().ok()
}

/// Length of the longest chain of citations below an asset, and never much more than is allowed.
fn depth(asset: AssetId, lineage: &LineageView) -> u8 {
    let mut depth = 0;
    let mut level = vec![asset];
    while depth <= MAX_DEPTH {
        let below = lineage.edges.iter().filter(|edge| level.contains(&edge.from));
        level = below.map(|edge| edge.to).collect();
        level.sort();
        level.dedup();
        if level.is_empty() {
            break;
        }
        depth += 1;
    }
    depth
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

/// The descent from what is known, if all of it may be cited so.
fn descend(offspring: &Offspring<'_>, known: &Known) -> CommandResult<Descent> {
    let citations: Vec<_> = known.parents.iter().map(|parent| parent.citation).collect();
    let citations = Shares::try_from(citations)
        .map_err(|_| known.invalid(offspring, InvalidLineage::TooManyPayees))?;
    let Offspring { asset, publisher, commercial, .. } = *offspring;
    let lineage = lineage::descend(known, asset, publisher, commercial, citations)
        .map_err(|error| known.refusal(offspring, error))?
        .lineage;
    let node = |asset: AssetId| {
        let mut nodes = known.parents.iter().flat_map(|parent| &parent.view.nodes);
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
