//! What a new version cites, and whether the cited assets consent.

use super::*;
use frame_support::{storage::with_storage_layer, weights::Weight};
use vigil_primitives::{
    lineage::{Lineage, Share, Shares},
    model::VersionStatus,
    terms::{Access, Terms},
    traits::Provenance,
};

/// Bytes of the index entries of one citation: the two assets, hashed and plain, the share, and the
/// cited asset's count.
const CITATION_BYTES: u32 = 80;

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
        for (citation, cited) in lineage.citations.iter().zip(&cited) {
            Self::consent(publisher, terms, citation, cited)?;
            Descendants::<T>::insert(citation.asset, asset, citation.share);
            CitationCount::<T>::mutate(citation.asset, |count| *count = count.saturating_add(1));
            let Share { asset: of, share } = *citation;
            Self::deposit_event(Event::Cited { asset: of, by: asset, share });
        }
        let entries = u32::try_from(lineage.citations.len()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(lineage.encoded_size()).unwrap_or(u32::MAX);
        Lineages::<T>::insert(asset, lineage);
        Ok(bytes.saturating_add(entries.saturating_mul(CITATION_BYTES)))
    }

    /// Whether a cited asset lets `publisher` descend from it: its owner may do so, everybody else
    /// on its terms.
    fn consent(
        publisher: &T::AccountId,
        terms: &Terms,
        citation: &Share,
        cited: &Asset<T::AccountId>,
    ) -> DispatchResult {
        ensure!(cited.status != VersionStatus::Revoked, Error::<T>::AssetRevoked);
        if cited.owner == *publisher {
            return Ok(());
        }
        ensure!(citation.share >= cited.terms.royalty, Error::<T>::RoyaltyTooLow);
        ensure!(cited.terms.commercial || !terms.commercial, Error::<T>::CommercialUseForbidden);
        match cited.terms.access {
            Access::Open => Ok(()),
            Access::AllowList | Access::Paid(_) => Self::consume(citation.asset, publisher),
        }
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
