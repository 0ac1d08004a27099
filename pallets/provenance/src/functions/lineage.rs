//! What a new version cites, and whether the cited assets consent.

use super::*;
use frame_support::{storage::with_storage_layer, weights::Weight};
use vigil_primitives::{
    lineage::LineageEdge,
    lineage::{gross_shares, pays, Lineage, Share, Shares},
    model::VersionStatus,
    terms::{Access, Terms},
    traits::Provenance,
};

/// Bytes of the index entries of one citation, keys and all: of the two assets with the share, and
/// of the cited asset's count.
const CITATION_BYTES: u32 = 123;
/// Bytes of the key of a lineage.
const LINEAGE_KEY_BYTES: u32 = 49;

impl<T: Config> Provenance<T::AccountId> for Pallet<T> {
    fn record(
        asset: AssetId,
        publisher: &T::AccountId,
        terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError> {
        if citations.is_empty() {
            return Ok(0);
        }
        with_storage_layer(|| Self::cite(asset, publisher, terms, citations))
    }

    fn record_weight(citations: u32) -> Weight {
        T::WeightInfo::record(citations)
    }

    fn has_paid_grants(asset: AssetId) -> bool {
        PaidGrants::<T>::get(asset) > 0
    }
}

impl<T: Config> Pallet<T> {
    fn cite(
        asset: AssetId,
        publisher: &T::AccountId,
        terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError> {
        let mut cited = Vec::new();
        let mut ancestors = Vec::new();
        for citation in &citations {
            cited.push(Self::asset(citation.asset).ok_or(Error::<T>::UnknownAsset)?);
            ancestors.push(Self::lineage_of(citation.asset));
        }
        let lineage = Lineage::new(asset, citations, &ancestors).map_err(Error::<T>::from)?;
        ensure!(
            !terms.commercial || Self::allow_commerce(publisher, &lineage.citations),
            Error::<T>::CommercialUseForbidden
        );
        for (citation, cited) in lineage.citations.iter().zip(&cited) {
            Self::consent(publisher, citation, cited)?;
            Descendants::<T>::insert(citation.asset, asset, citation.share);
            CitationCount::<T>::mutate(citation.asset, |count| *count = count.saturating_add(1));
            let Share { asset: of, share } = *citation;
            Self::deposit_event(Event::Cited { asset: of, by: asset, share });
        }
        ensure!(Self::pays_royalties(publisher, &lineage), Error::<T>::RoyaltyTooLow);
        let entries = u32::try_from(lineage.citations.len()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(lineage.encoded_size()).unwrap_or(u32::MAX);
        Lineages::<T>::insert(asset, lineage);
        let indices = entries.saturating_mul(CITATION_BYTES);
        Ok(bytes.saturating_add(LINEAGE_KEY_BYTES).saturating_add(indices))
    }

    /// Whether a cited asset lets `publisher` descend from it: its owner may do so, everybody else
    /// on its terms.
    fn consent(
        publisher: &T::AccountId,
        citation: &Share,
        cited: &Asset<T::AccountId>,
    ) -> DispatchResult {
        ensure!(cited.status != VersionStatus::Revoked, Error::<T>::AssetRevoked);
        if cited.owner == *publisher {
            return Ok(());
        }
        match cited.terms.access {
            Access::Open => Ok(()),
            Access::AllowList | Access::Paid(_) => Self::consume(citation.asset, publisher),
        }
    }

    /// Whether cited assets let `publisher` make commercial use of them. What allows it answers for
    /// all its ancestors. What forbids it, but is the publisher's own, is in nobody's way but of the
    /// ancestors that it has from others: citing oneself does not shake off their terms.
    fn allow_commerce(publisher: &T::AccountId, citations: &Shares) -> bool {
        // All are payees of the new asset, so there are few.
        let mut assets: Vec<AssetId> = citations.iter().map(|citation| citation.asset).collect();
        let mut next: usize = 0;
        while let Some(id) = assets.get(next).copied() {
            next = next.saturating_add(1);
            let Some(asset) = Self::asset(id).filter(|asset| !asset.terms.commercial) else {
                continue;
            };
            if asset.owner != *publisher {
                return false;
            }
            for citation in Self::lineage_of(id).citations {
                if !assets.contains(&citation.asset) {
                    assets.push(citation.asset);
                }
            }
        }
        true
    }

    /// Whether a new lineage gives every ancestor the royalty that it asks for, but for the
    /// publisher's own.
    fn pays_royalties(publisher: &T::AccountId, lineage: &Lineage) -> bool {
        let Some((new, ancestors)) = lineage.waterfall.split_first() else { return true };
        let mut citations = edges(new.asset, &lineage.citations);
        for Share { asset, .. } in ancestors {
            citations.extend(edges(*asset, &Self::lineage_of(*asset).citations));
        }
        gross_shares(new.asset, &citations).into_iter().all(|(asset, share)| {
            Self::asset(asset).is_some_and(|ancestor| {
                ancestor.owner == *publisher || pays(share, ancestor.terms.royalty)
            })
        })
    }

    /// The lineage of an asset that exists.
    pub(crate) fn lineage_of(asset: AssetId) -> Lineage {
        Lineages::<T>::get(asset).unwrap_or_else(|| Lineage::root(asset))
    }

    /// Takes back what an asset that is removed has cited.
    pub(super) fn forget_lineage(asset: AssetId) {
        let Some(lineage) = Lineages::<T>::take(asset) else { return };
        for citation in lineage.citations {
            Descendants::<T>::remove(citation.asset, asset);
            CitationCount::<T>::mutate_exists(citation.asset, |count| {
                *count = count.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
            });
        }
    }
}

/// The citations of an asset.
pub(super) fn edges(from: AssetId, citations: &[Share]) -> Vec<LineageEdge> {
    let edge = |citation: &Share| LineageEdge { from, to: citation.asset, share: citation.share };
    citations.iter().map(edge).collect()
}
