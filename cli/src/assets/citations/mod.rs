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
use vigil_primitives::{
    grant::Permission,
    lineage::{self, InvalidLineage, Lineage, Share, Shares, MAX_DEPTH, MAX_PAYEES},
    lineage::{LineageEdge, LineageNode, LineageView},
    model::{Name, VersionStatus},
    terms::Terms,
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

/// A cited asset as the chain knows it.
struct Parent {
    citation: Share,
    facts: Facts,
    permission: Permission,
    lineage: LineageView,
    /// What it and its ancestors ask for, but for the publisher's own.
    royalties: Vec<(AssetId, Permill)>,
    /// Itself or what it descends from, if that forbids the publisher commercial use.
    forbids: Option<AssetId>,
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
        let mut parents = Vec::new();
        for citation in citations {
            parents.push(Parent::read(context, citation, offspring.publisher).await?);
        }
        descend(offspring, &parents)
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

impl Parent {
    async fn read(
        context: &Context,
        citation: Share,
        publisher: &AccountId,
    ) -> CommandResult<Self> {
        let asset = citation.asset;
        let facts = context.asset(asset).await?;
        let permission = context.view().permission(publisher, asset).await?;
        let lineage = context.view().lineage(asset).await?;
        let both = permission.zip(lineage);
        let (permission, lineage) = both.ok_or_else(|| context::no_asset(asset))?;
        let forbids = forbids(context, asset, &lineage, publisher).await?;
        let mut royalties = Vec::new();
        for node in lineage.nodes.iter().filter(|node| node.owner != *publisher) {
            royalties.push((node.asset, context.asset(node.asset).await?.terms.royalty));
        }
        Ok(Self { citation, facts, permission, lineage, royalties, forbids })
    }

    /// Refuses a citation that the asset's owner has not agreed to.
    fn check(&self, offspring: &Offspring<'_>) -> CommandResult {
        let asset = self.citation.asset;
        let Facts { owner, terms: Terms { access, .. }, status, .. } = &self.facts;
        if *status == VersionStatus::Revoked {
            return Err(Failure::rejected(format!(
                "{asset} is revoked and takes no new citations: cite another version"
            )));
        }
        if let Some(forbids) = self.forbids.filter(|_| offspring.commercial) {
            let by = if forbids == asset {
                String::new()
            } else {
                format!(" descends from {forbids}, which")
            };
            return Err(Failure::rejected(format!(
                "{asset}{by} forbids commercial use, and so must what cites it: add --no-commercial"
            )));
        }
        check_permission(asset, owner, access, offspring.publisher, &self.permission)
    }

    /// The asset's lineage as the chain flattened it.
    fn lineage(&self) -> CommandResult<Lineage> {
        let asset = self.citation.asset;
        let strange = |_| Failure::failed(format!("the chain names too many payees of {asset}"));
        let LineageView { nodes, edges } = &self.lineage;
        let waterfall = nodes.iter().map(|node| Share { asset: node.asset, share: node.share });
        let cited = edges.iter().filter(|edge| edge.from == asset);
        let cited = cited.map(|edge| Share { asset: edge.to, share: edge.share });
        Ok(Lineage {
            citations: cited.collect::<Vec<_>>().try_into().map_err(strange)?,
            waterfall: waterfall.collect::<Vec<_>>().try_into().map_err(strange)?,
            depth: depth(asset, &self.lineage),
        })
    }
}

/// The asset, it or one that it descends from, whose owner forbids `publisher` commercial use.
///
/// What allows it answers for all its ancestors. What forbids it, but is the publisher's own, is in
/// nobody's way but of the ancestors that it has from others.
async fn forbids(
    context: &Context,
    asset: AssetId,
    lineage: &LineageView,
    publisher: &AccountId,
) -> CommandResult<Option<AssetId>> {
    let mut assets = vec![asset];
    let mut next = 0;
    while let Some(asset) = assets.get(next).copied() {
        next += 1;
        let facts = context.asset(asset).await?;
        if facts.terms.commercial {
            continue;
        }
        if facts.owner != *publisher {
            return Ok(Some(asset));
        }
        for edge in lineage.edges.iter().filter(|edge| edge.from == asset) {
            if !assets.contains(&edge.to) {
                assets.push(edge.to);
            }
        }
    }
    Ok(None)
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

/// Refuses when an ancestor would get less than it asks for, directly and through others.
fn check_royalties(offspring: &Offspring<'_>, parents: &[Parent]) -> CommandResult {
    let own = parents.iter().map(|parent| LineageEdge {
        from: offspring.asset,
        to: parent.citation.asset,
        share: parent.citation.share,
    });
    let mut edges: Vec<_> = own.collect();
    for edge in parents.iter().flat_map(|parent| &parent.lineage.edges) {
        // Parents may share ancestors.
        if !edges.contains(edge) {
            edges.push(*edge);
        }
    }
    let gross = lineage::gross_shares(offspring.asset, &edges);
    for (asset, royalty) in parents.iter().flat_map(|parent| &parent.royalties) {
        let share = gross.iter().find(|(payee, _)| payee == asset);
        let share = share.map(|(_, share)| *share).unwrap_or_default();
        if !lineage::pays(share, *royalty) {
            let parts = share.mul_floor(u64::from(Permill::one().deconstruct()));
            let promised = Permill::from_parts(parts.try_into().unwrap_or(u32::MAX));
            return Err(Failure::rejected(format!(
                "{asset} is promised {}, and its owner asks for at least {} of whatever descends \
                 from it: promise more",
                percent(promised),
                percent(*royalty)
            )));
        }
    }
    Ok(())
}

/// The descent from `parents`, if each may be cited so.
fn descend(offspring: &Offspring<'_>, parents: &[Parent]) -> CommandResult<Descent> {
    let mut lineages = Vec::new();
    for parent in parents {
        parent.check(offspring)?;
        lineages.push(parent.lineage()?);
    }
    check_royalties(offspring, parents)?;
    let flatten = |count: usize| {
        let citations: Vec<_> = parents.iter().take(count).map(|one| one.citation).collect();
        let citations = Shares::try_from(citations).map_err(|_| InvalidLineage::TooManyPayees)?;
        Lineage::new(offspring.asset, citations, &lineages)
    };
    let lineage = match flatten(parents.len()) {
        Ok(lineage) => lineage,
        Err(reason) => {
            // The citation at fault is the first that the others before it do not go with.
            let first = (1..=parents.len()).find_map(|count| Some((count, flatten(count).err()?)));
            let (count, reason) = first.unwrap_or((parents.len(), reason));
            let at_fault = count.checked_sub(1).and_then(|index| parents.get(index));
            return Err(invalid(at_fault, reason));
        }
    };
    let known = |asset: AssetId| {
        let mut nodes = parents.iter().flat_map(|parent| &parent.lineage.nodes);
        nodes.find(|node| node.asset == asset)
    };
    let payees = lineage.waterfall.iter().map(|payee| match known(payee.asset) {
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
            let payees = parent.map_or(&[][..], |parent| parent.lineage.nodes.as_slice());
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
