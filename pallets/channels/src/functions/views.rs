//! What the runtime API asks.

use super::*;
use vigil_primitives::{api::PAGE, channel::MAX_SHOWN};

impl<T: Config> Pallet<T> {
    pub(crate) fn view(id: ChannelId) -> Option<ChannelViewOf<T>> {
        Channels::<T>::get(id).map(|channel| ChannelView { id, channel })
    }

    pub(crate) fn views_of(
        account: T::AccountId,
        side: ChannelSide,
        after: Option<ChannelId>,
        limit: u32,
    ) -> Vec<ChannelViewOf<T>> {
        let key = (account, side);
        let ids = match after {
            Some(after) => {
                let from = ChannelsOf::<T>::hashed_key_for(&key, after);
                ChannelsOf::<T>::iter_key_prefix_from(&key, from)
            }
            None => ChannelsOf::<T>::iter_key_prefix(&key),
        };
        let limit = usize::try_from(limit.min(PAGE)).unwrap_or(0);
        ids.take(limit).filter_map(Self::view).collect()
    }

    pub(crate) fn offers_of(version: ModelVersionId) -> Vec<ChannelOffer<T::AccountId>> {
        let offers = T::Workers::offers(version, None).into_iter();
        let takes = |(ask, worker)| {
            let terms = TermsOf::<T>::get(&worker)?;
            let open = OpenOf::<T>::get(&worker);
            (open < terms.max_open).then_some(ChannelOffer { worker, ask, terms, open })
        };
        offers.filter_map(takes).collect()
    }

    pub(crate) fn constants() -> ChannelParameters<BlockNumberFor<T>> {
        ChannelParameters {
            protocol_fee: T::ProtocolFee::get(),
            rent: T::Rent::get(),
            min_deposit: T::MinDeposit::get(),
            lifetime: (T::MinLifetime::get(), T::MaxLifetime::get()),
            challenge_window: T::ChallengeWindow::get(),
            receipt_window: T::ReceiptWindow::get(),
            max_open: T::MaxOpenPerWorker::get(),
            show_deposit: T::ShowDeposit::get(),
            max_shown: MAX_SHOWN,
        }
    }
}
