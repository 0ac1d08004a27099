//! What the runtime API asks.

use super::*;
use vigil_primitives::api::PAGE;

impl<T: Config> Pallet<T> {
    pub(crate) fn view(id: DisputeId) -> Option<DisputeViewOf<T>> {
        let open = Disputes::<T>::get(id).map(|dispute| DisputeView::Open(Box::new(dispute)));
        open.or_else(|| EndedDisputes::<T>::get(id).map(DisputeView::Ended))
    }

    pub(crate) fn views_of(
        who: &T::AccountId,
        from: DisputeId,
        limit: u32,
    ) -> Vec<(DisputeId, DisputeViewOf<T>)> {
        Self::page(Seats::<T>::iter_key_prefix(who), from, limit)
    }

    pub(crate) fn views(from: DisputeId, limit: u32) -> Vec<(DisputeId, DisputeViewOf<T>)> {
        // Both maps are bounded, and most numbers are no longer kept.
        let kept = Disputes::<T>::iter_keys().chain(EndedDisputes::<T>::iter_keys());
        Self::page(kept, from, limit)
    }

    /// Those from number `from` on, in order, at most a page.
    fn page(
        ids: impl Iterator<Item = DisputeId>,
        from: DisputeId,
        limit: u32,
    ) -> Vec<(DisputeId, DisputeViewOf<T>)> {
        let limit = usize::try_from(limit.min(PAGE)).unwrap_or(0);
        let mut ids: Vec<DisputeId> = ids.filter(|id| *id >= from).collect();
        ids.sort_unstable();
        ids.into_iter().take(limit).filter_map(|id| Some((id, Self::view(id)?))).collect()
    }
}
