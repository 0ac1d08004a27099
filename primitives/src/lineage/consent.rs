//! Whether a new version may cite what it cites: consent, commercial use and royalties.
//!
//! The chain decides by it when a version is published; a client tells by it, before anything is
//! sent, what the chain would decide.

use super::{gross_shares, pays, InvalidLineage, Lineage, LineageEdge, Share, Shares};
use crate::{
    asset::{Asset, AssetId},
    grant::{Permission, Unusable},
    Permill,
};
use alloc::vec::Vec;
use sp_runtime::Perquintill;

/// What consent depends on, as it is now.
pub trait Consents<AccountId> {
    /// What counts of an asset; `None` when it was never published, or removed.
    fn asset(&self, asset: AssetId) -> Option<Asset<AccountId>>;

    /// Whether `who` may use an asset, of which this counts.
    fn permission(&self, who: &AccountId, id: AssetId, asset: &Asset<AccountId>) -> Permission;

    /// The lineage of an asset that is cited.
    fn lineage(&self, cited: AssetId) -> Lineage;

    /// What an asset cites, be it cited itself or an ancestor of what is.
    fn citations(&self, asset: AssetId) -> Shares {
        self.lineage(asset).citations
    }
}

/// Why a version may not cite what it cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CitationError {
    /// There is no such asset.
    UnknownAsset(AssetId),
    /// The asset's owner revoked it: it takes no new citations.
    Revoked(AssetId),
    /// The citations make no lineage.
    Invalid(InvalidLineage),
    /// The asset is not open, and the publisher holds no grant of it.
    NoConsent(AssetId),
    /// The publisher's grant of the asset is not good any more.
    Unusable(AssetId, Unusable),
    /// The version would allow commercial use, which an asset forbids.
    CommercialUseForbidden {
        /// What is cited.
        cited: AssetId,
        /// What forbids it: the cited asset, or one that it descends from.
        by: AssetId,
    },
    /// An ancestor asks for more of whatever descends from it.
    RoyaltyTooLow {
        /// The ancestor.
        asset: AssetId,
        /// What it would get.
        promised: Perquintill,
        /// What it asks for.
        asked: Permill,
    },
}

/// What a version that may be published descends from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descent {
    /// Its lineage.
    pub lineage: Lineage,
    /// The cited assets that consent by a grant of the publisher's. Publishing consumes a use of
    /// each.
    pub granted: Vec<AssetId>,
}

/// What `asset`, which `publisher` is about to publish, descends from.
///
/// A cited asset consents if the publisher owns it, if it is open, or if the publisher holds a grant
/// of it that is good now. Where `commercial` use is to be allowed, nothing that it descends from
/// may forbid it. Everything that it descends from gets the royalty that it asks for, but for what
/// is the publisher's own.
pub fn descend<AccountId: PartialEq>(
    chain: &impl Consents<AccountId>,
    asset: AssetId,
    publisher: &AccountId,
    commercial: bool,
    citations: Shares,
) -> Result<Descent, CitationError> {
    let mut parents = Vec::new();
    let mut ancestors = Vec::new();
    for Share { asset: cited, .. } in &citations {
        parents.push(chain.asset(*cited).ok_or(CitationError::UnknownAsset(*cited))?);
        ancestors.push(chain.lineage(*cited));
    }
    let lineage = Lineage::new(asset, citations, &ancestors).map_err(CitationError::Invalid)?;
    if commercial {
        allow_commerce(chain, publisher, &lineage.citations)?;
    }
    let mut granted = Vec::new();
    for (Share { asset: cited, .. }, parent) in lineage.citations.iter().zip(&parents) {
        match chain.permission(publisher, *cited, parent) {
            Permission::Open | Permission::Owner => (),
            Permission::Granted(_) => granted.push(*cited),
            Permission::Revoked => return Err(CitationError::Revoked(*cited)),
            Permission::NoGrant => return Err(CitationError::NoConsent(*cited)),
            Permission::Unusable(reason) => return Err(CitationError::Unusable(*cited, reason)),
        }
    }
    pay_royalties(chain, publisher, &lineage)?;
    Ok(Descent { lineage, granted })
}

/// Checks that cited assets let `publisher` make commercial use of them. What allows it answers for
/// all its ancestors. What forbids it, but is the publisher's own, is in nobody's way but of the
/// ancestors that it has from others: citing oneself does not shake off their terms.
fn allow_commerce<AccountId: PartialEq>(
    chain: &impl Consents<AccountId>,
    publisher: &AccountId,
    citations: &Shares,
) -> Result<(), CitationError> {
    // All are payees of the new asset, so there are few: each with the citation that led to it.
    let mut assets: Vec<_> =
        citations.iter().map(|citation| (citation.asset, citation.asset)).collect();
    let mut next: usize = 0;
    while let Some((by, cited)) = assets.get(next).copied() {
        next = next.saturating_add(1);
        let Some(asset) = chain.asset(by).filter(|asset| !asset.terms.commercial) else {
            continue;
        };
        if asset.owner != *publisher {
            return Err(CitationError::CommercialUseForbidden { cited, by });
        }
        for citation in chain.citations(by) {
            if !assets.iter().any(|(known, _)| *known == citation.asset) {
                assets.push((citation.asset, cited));
            }
        }
    }
    Ok(())
}

/// Checks that a new lineage gives every ancestor the royalty that it asks for, but for the
/// publisher's own.
fn pay_royalties<AccountId: PartialEq>(
    chain: &impl Consents<AccountId>,
    publisher: &AccountId,
    lineage: &Lineage,
) -> Result<(), CitationError> {
    let Some((new, ancestors)) = lineage.waterfall.split_first() else { return Ok(()) };
    let mut edges: Vec<_> = LineageEdge::all(new.asset, &lineage.citations).collect();
    for Share { asset, .. } in ancestors {
        edges.extend(LineageEdge::all(*asset, &chain.citations(*asset)));
    }
    for (asset, promised) in gross_shares(new.asset, &edges) {
        let ancestor = chain.asset(asset).ok_or(CitationError::UnknownAsset(asset))?;
        let asked = ancestor.terms.royalty;
        if ancestor.owner != *publisher && !pays(promised, asked) {
            return Err(CitationError::RoyaltyTooLow { asset, promised, asked });
        }
    }
    Ok(())
}

impl LineageEdge {
    /// The citations of an asset.
    pub fn all(from: AssetId, citations: &[Share]) -> impl Iterator<Item = Self> + '_ {
        citations.iter().map(move |citation| Self {
            from,
            to: citation.asset,
            share: citation.share,
        })
    }
}
