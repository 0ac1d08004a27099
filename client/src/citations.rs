//! Whether the chain would let a version cite what it is to cite, told before anything is sent.
//!
//! The rules are [`lineage::descend`], which the chain itself decides by; [`Cited`] is what it needs
//! to know, asked of a node.

use crate::{error::Result, view::View, Error};
use std::collections::{btree_map::Entry, BTreeMap};
use vigil_primitives::{
    asset::Asset,
    grant::Permission,
    lineage::{
        self, CitationError, Consents, InvalidLineage, Lineage, LineageView, Share, Shares,
        MAX_DEPTH,
    },
    AccountId, AssetId,
};

/// What the chain says of everything that is cited, and of everything that this descends from.
#[derive(Clone, Debug, Default)]
pub struct Cited {
    /// The cited assets, in the order of the citations.
    pub parents: Vec<Parent>,
    /// These and all that they descend from.
    pub assets: BTreeMap<AssetId, Asset<AccountId>>,
}

/// A cited asset.
#[derive(Clone, Debug)]
pub struct Parent {
    /// The asset with the share that it is promised.
    pub citation: Share,
    /// Whether the publisher may use it, and why.
    pub permission: Permission,
    /// What it descends from.
    pub view: LineageView,
    /// The same as the chain flattened it.
    lineage: Lineage,
}

impl Cited {
    /// Asks the chain for everything that `publisher` is to cite.
    ///
    /// # Errors
    /// The chain cannot be asked, or answers what cannot be. What does not exist is no error here:
    /// [`Self::descend`] refuses it.
    pub async fn read(view: &View<'_>, citations: &[Share], publisher: &AccountId) -> Result<Self> {
        let mut cited = Self::default();
        for citation in citations {
            let asset = citation.asset;
            let permission = view.permission(publisher, asset).await?;
            let lineage = view.lineage(asset).await?;
            let (permission, lineage) = match permission.zip(lineage) {
                Some(both) => both,
                None => {
                    let nothing = LineageView { nodes: Vec::new(), edges: Vec::new() };
                    (Permission::NoGrant, nothing)
                }
            };
            for node in &lineage.nodes {
                if let Entry::Vacant(place) = cited.assets.entry(node.asset) {
                    if let Some(asset) = view.asset(node.asset).await? {
                        place.insert(asset);
                    }
                }
            }
            cited.parents.push(Parent::new(*citation, permission, lineage)?);
        }
        Ok(cited)
    }

    /// A cited asset.
    pub fn parent(&self, asset: AssetId) -> Option<&Parent> {
        self.parents.iter().find(|parent| parent.citation.asset == asset)
    }

    /// What `asset`, which `publisher` is to publish, would descend from. While the chain has not
    /// given it a number, any that is free will do.
    ///
    /// # Errors
    /// Why the chain would refuse it.
    pub fn descend(
        &self,
        asset: AssetId,
        publisher: &AccountId,
        commercial: bool,
    ) -> Result<Lineage, CitationError> {
        let citations: Vec<_> = self.parents.iter().map(|parent| parent.citation).collect();
        let citations = Shares::try_from(citations)
            .map_err(|_| CitationError::Invalid(InvalidLineage::TooManyPayees))?;
        Ok(lineage::descend(self, asset, publisher, commercial, citations)?.lineage)
    }

    /// The first citation that the others before it make no lineage of `asset` with, and why.
    pub fn at_fault(&self, asset: AssetId) -> Option<(&Parent, InvalidLineage)> {
        let lineages: Vec<_> = self.parents.iter().map(|parent| parent.lineage.clone()).collect();
        let flatten = |count: usize| {
            let citations: Vec<_> =
                self.parents.iter().take(count).map(|parent| parent.citation).collect();
            let citations =
                Shares::try_from(citations).map_err(|_| InvalidLineage::TooManyPayees)?;
            Lineage::new(asset, citations, &lineages)
        };
        self.parents
            .iter()
            .zip(1..)
            .find_map(|(parent, count)| Some((parent, flatten(count).err()?)))
    }
}

impl Consents<AccountId> for Cited {
    fn asset(&self, asset: AssetId) -> Option<Asset<AccountId>> {
        self.assets.get(&asset).cloned()
    }

    fn permission(
        &self,
        _publisher: &AccountId,
        id: AssetId,
        _asset: &Asset<AccountId>,
    ) -> Permission {
        self.parent(id).map_or(Permission::NoGrant, |parent| parent.permission)
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
    /// A cited asset of this lineage.
    ///
    /// # Errors
    /// The lineage has more payees than there can be.
    pub fn new(citation: Share, permission: Permission, view: LineageView) -> Result<Self> {
        let asset = citation.asset;
        let strange = || Error::Incompatible(format!("the lineage of {asset} has too many payees"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        lineage::{LineageEdge, LineageNode},
        model::{Name, VersionStatus},
        samples,
        terms::Access,
        ModelVersionId, Permill,
    };

    const OTHER: AccountId = AccountId::new([2; 32]);

    fn model(number: u32) -> AssetId {
        ModelVersionId { model: number, version: 0 }.into()
    }

    fn node(number: u32, parts: u32) -> LineageNode {
        LineageNode {
            asset: model(number),
            name: Name::default(),
            owner: OTHER,
            status: VersionStatus::Active,
            share: Permill::from_parts(parts),
        }
    }

    fn edge(from: u32, to: u32, parts: u32) -> LineageEdge {
        LineageEdge { from: model(from), to: model(to), share: Permill::from_parts(parts) }
    }

    fn cited(parts: u32, nodes: Vec<LineageNode>, edges: Vec<LineageEdge>) -> Parent {
        let citation = Share { asset: nodes[0].asset, share: Permill::from_parts(parts) };
        Parent::new(citation, Permission::Open, LineageView { nodes, edges }).unwrap()
    }

    #[test]
    fn the_chains_answer_should_become_the_lineage_that_it_flattened() {
        let nodes = vec![node(9, 900_000), node(8, 90_000), node(7, 10_000)];
        let edges = vec![edge(9, 8, 100_000), edge(8, 7, 100_000)];
        let parent = cited(500_000, nodes, edges);
        assert_eq!((parent.lineage.depth, parent.lineage.waterfall.len()), (2, 3));
        assert_eq!(parent.lineage.citations.len(), 1);
    }

    #[test]
    fn the_depth_should_be_found_when_the_chain_answers_in_a_circle() {
        let nodes = vec![node(1, 999_999), node(2, 1)];
        let circle = LineageView { nodes, edges: vec![edge(1, 2, 1), edge(2, 1, 10_000)] };
        assert_eq!(depth(model(1), &circle), MAX_DEPTH + 1);
    }

    #[test]
    fn an_asset_that_is_not_there_should_be_refused_by_name() {
        let nothing = LineageView { nodes: vec![], edges: vec![] };
        let citation = Share { asset: model(5), share: Permill::from_parts(1) };
        let parent = Parent::new(citation, Permission::NoGrant, nothing).unwrap();
        let cited = Cited { parents: vec![parent], ..Cited::default() };
        let refused = cited.descend(model(6), &OTHER, true);
        assert_eq!(refused, Err(CitationError::UnknownAsset(model(5))));
    }

    #[test]
    fn the_citation_at_fault_should_be_the_first_that_does_not_fit() {
        let parents = (0..20).map(|number| cited(1_000, vec![node(number, 1_000_000)], vec![]));
        let terms = samples::terms(Access::Open);
        let asset = Asset { owner: OTHER, status: VersionStatus::Active, terms };
        let assets = (0..20).map(|number| (model(number), asset.clone())).collect();
        let cited = Cited { parents: parents.collect(), assets };
        let (parent, reason) = cited.at_fault(model(99)).unwrap();
        assert_eq!((parent.citation.asset, reason), (model(15), InvalidLineage::TooManyPayees));
        let few = Cited { parents: cited.parents[..15].to_vec(), ..cited };
        assert!(few.at_fault(model(99)).is_none());
        assert_eq!(few.descend(model(99), &OTHER, true).unwrap().waterfall.len(), 16);
    }
}
