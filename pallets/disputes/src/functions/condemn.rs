//! Packages that break the rules.

use super::*;
use vigil_game::flaw;
use vigil_primitives::traits::{ModelRegistry, Packages};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_condemn(
        who: T::AccountId,
        version: ModelVersionId,
        tensor: u32,
        element: u64,
        proof: &Proof,
    ) -> DispatchResult {
        let spec = T::Models::version(version).ok_or(Error::<T>::UnknownVersion)?.spec;
        let weights = (&spec.weights.hash, spec.weights.len);
        flaw(&spec.architecture, weights, (tensor, element), proof).map_err(Error::<T>::from)?;
        let burned = T::Packages::condemn(version)?;
        Self::deposit_event(Event::Condemned { version, by: who, burned });
        Ok(())
    }

    pub(crate) fn condemn_weight(proof: &Proof) -> Weight {
        let len = |items: usize| u32::try_from(items).unwrap_or(u32::MAX);
        T::WeightInfo::condemn(len(proof.nodes.len()), len(proof.data.len()))
            .saturating_add(T::Packages::condemn_weight())
    }
}
