//! What a new version cites, and whether the cited assets consent.

use super::*;
use core::marker::PhantomData;
use frame_support::{storage::with_storage_layer, weights::Weight};
use vigil_primitives::{
    grant::Permission,
    lineage::{self, Consents, Descent, Lineage, Share, Shares, MAX_PAYEES},
    terms::Terms,
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

    fn has_grants(asset: AssetId) -> bool {
        GrantHolders::<T>::iter_key_prefix(asset).next().is_some()
    }

    fn citations(asset: AssetId) -> u32 {
        CitationCount::<T>::get(asset)
    }

    fn forget(asset: AssetId) {
        let Some(lineage) = Lineages::<T>::take(asset) else { return };
        for citation in lineage.citations {
            Descendants::<T>::remove(citation.asset, asset);
            CitationCount::<T>::mutate_exists(citation.asset, |count| {
                *count = count.and_then(|count| count.checked_sub(1)).filter(|count| *count > 0);
            });
        }
    }

    fn forget_weight() -> Weight {
        T::WeightInfo::forget(MAX_PAYEES)
    }
}

/// The chain as it is, for the rules of consent.
struct Chain<T>(PhantomData<T>);

impl<T: Config> Consents<T::AccountId> for Chain<T> {
    fn asset(&self, asset: AssetId) -> Option<Asset<T::AccountId>> {
        Pallet::<T>::asset(asset)
    }

    fn permission(
        &self,
        who: &T::AccountId,
        id: AssetId,
        asset: &Asset<T::AccountId>,
    ) -> Permission {
        Pallet::<T>::permission_for(who, id, asset)
    }

    fn lineage(&self, cited: AssetId) -> Lineage {
        Pallet::<T>::lineage_of(cited)
    }
}

impl<T: Config> Pallet<T> {
    fn cite(
        asset: AssetId,
        publisher: &T::AccountId,
        terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError> {
        let chain = Chain::<T>(PhantomData);
        let Descent { lineage, granted } =
            lineage::descend(&chain, asset, publisher, terms.commercial, citations)
                .map_err(Error::<T>::from)?;
        for asset in granted {
            Self::consume(asset, publisher)?;
        }
        for Share { asset: cited, share } in &lineage.citations {
            Descendants::<T>::insert(cited, asset, share);
            CitationCount::<T>::mutate(cited, |count| *count = count.saturating_add(1));
            Self::deposit_event(Event::Cited { asset: *cited, by: asset, share: *share });
        }
        let entries = u32::try_from(lineage.citations.len()).unwrap_or(u32::MAX);
        let bytes = u32::try_from(lineage.encoded_size()).unwrap_or(u32::MAX);
        Lineages::<T>::insert(asset, lineage);
        let indices = entries.saturating_mul(CITATION_BYTES);
        Ok(bytes.saturating_add(LINEAGE_KEY_BYTES).saturating_add(indices))
    }

    /// The lineage of an asset that exists.
    pub(crate) fn lineage_of(asset: AssetId) -> Lineage {
        Lineages::<T>::get(asset).unwrap_or_else(|| Lineage::root(asset))
    }
}
