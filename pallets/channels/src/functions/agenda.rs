//! The agenda: what becomes due by itself.

use super::*;
use frame_support::{
    pallet_macros::pallet_section, storage::with_storage_layer, weights::WeightMeter,
};
use vigil_primitives::{
    channel::{ChannelDue, MAX_SHOWN},
    lineage::MAX_PAYEES,
};

/// What of it is stored.
#[pallet_section]
mod storage {
    /// What becomes due in which block: of every channel one entry.
    #[pallet::storage]
    pub type Agenda<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BlockNumberFor<T>, Twox64Concat, ChannelId, ()>;

    /// The oldest block whose agenda is unfinished.
    #[pallet::storage]
    pub type AgendaCursor<T: Config> = StorageValue<_, BlockNumberFor<T>>;
}

impl<T: Config> Pallet<T> {
    /// Runs what is due up to now, block by block, as far as the weight goes. Never skips.
    pub(crate) fn serve(now: BlockNumberFor<T>, limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        // Before the pallet's first block there is nothing to catch up with; from then on the
        // cursor stands, even in a block that has no weight to move it.
        let mut page = AgendaCursor::<T>::get().unwrap_or_else(|| {
            AgendaCursor::<T>::put(now);
            now
        });
        if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
            return meter.consumed();
        }
        while page <= now && Self::serve_page(page, now, &mut meter) {
            page = page.saturating_add(1u32.into());
            if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
                break;
            }
        }
        AgendaCursor::<T>::put(page);
        meter.consumed()
    }

    /// Runs the entries of one block. Whether it came to the end of them.
    fn serve_page(
        page: BlockNumberFor<T>,
        now: BlockNumberFor<T>,
        meter: &mut WeightMeter,
    ) -> bool {
        for id in Agenda::<T>::iter_key_prefix(page) {
            if meter.try_consume(T::WeightInfo::look()).is_err() {
                return false;
            }
            let Some(channel) = Channels::<T>::get(id).filter(|it| it.wake_at == page) else {
                Agenda::<T>::remove(page, id);
                continue;
            };
            let Some(due) = channel.due(now) else {
                Self::store(id, channel, now);
                continue;
            };
            let shown = channel.shown.saturating_add(channel.shown_by_others);
            if meter.try_consume(Self::step_weight(due, channel.payees, shown)).is_err() {
                return false;
            }
            if let Err(error) = with_storage_layer(|| Self::step(id, channel, due, now)) {
                Self::postpone(id, error, now);
            }
        }
        true
    }

    /// Runs what a channel is due for.
    fn step(
        id: ChannelId,
        channel: ChannelOf<T>,
        due: ChannelDue,
        now: BlockNumberFor<T>,
    ) -> DispatchResult {
        match due {
            ChannelDue::Close => {
                Self::begin_to_close(id, channel, Totals::default(), now);
                Ok(())
            }
            ChannelDue::Settle => Self::settle(id, channel, now),
            ChannelDue::Prune => {
                Self::prune(id, channel);
                Ok(())
            }
        }
    }

    /// Puts a channel whose transition failed on a later page, as it is.
    fn postpone(id: ChannelId, error: DispatchError, now: BlockNumberFor<T>) {
        let until = now.saturating_add(T::RetryPeriod::get().max(1u32.into()));
        if let Some(mut channel) = Channels::<T>::get(id) {
            Self::reschedule(id, &mut channel, until);
            Channels::<T>::insert(id, channel);
        }
        Self::deposit_event(Event::Postponed { channel: id, until, error });
    }

    fn prune(id: ChannelId, channel: ChannelOf<T>) {
        // At most twice [`MAX_SHOWN`].
        for (_, shown) in Shown::<T>::drain_prefix(id) {
            Self::give_back(&shown);
        }
        T::Workers::uncover(&channel.worker, channel.covered);
        ChannelsOf::<T>::remove((channel.requester, ChannelSide::Requester), id);
        ChannelsOf::<T>::remove((channel.worker, ChannelSide::Worker), id);
        Agenda::<T>::remove(channel.wake_at, id);
        Channels::<T>::remove(id);
        Self::deposit_event(Event::Pruned { channel: id });
    }

    /// Weight of a transition of a channel with so many payees of the owner's fee, and receipts on
    /// chain.
    pub(crate) fn step_weight(due: ChannelDue, payees: u32, shown: u32) -> Weight {
        match due {
            ChannelDue::Close => T::WeightInfo::expire(),
            ChannelDue::Settle => Self::settle_weight(payees),
            ChannelDue::Prune => {
                T::WeightInfo::prune(shown).saturating_add(T::Workers::cover_weight())
            }
        }
    }

    /// Refuses a configuration under which the pallet could not keep its promises.
    pub(crate) fn check_config() {
        let one: BlockNumberFor<T> = 1u32.into();
        for (period, name) in [
            (T::MinLifetime::get(), "MinLifetime"),
            (T::ChallengeWindow::get(), "ChallengeWindow"),
            (T::ReceiptWindow::get(), "ReceiptWindow"),
            (T::RetryPeriod::get(), "RetryPeriod"),
        ] {
            assert!(period >= one, "{name} must be at least one block");
        }
        assert!(
            T::MinLifetime::get() <= T::MaxLifetime::get(),
            "MinLifetime must not exceed MaxLifetime"
        );
        assert!(
            T::MinDeposit::get() >= T::Currency::minimum_balance(),
            "MinDeposit must not be below the least balance of an account"
        );
        let heaviest = [ChannelDue::Close, ChannelDue::Settle, ChannelDue::Prune]
            .into_iter()
            .map(|due| Self::step_weight(due, MAX_PAYEES, MAX_SHOWN.saturating_mul(2)))
            .fold(Weight::zero(), |heaviest, step| heaviest.max(step));
        let least = T::WeightInfo::turn_page()
            .saturating_add(T::WeightInfo::look())
            .saturating_add(heaviest);
        assert!(least.all_lte(T::ServiceWeight::get()), "ServiceWeight must fit a transition");
    }
}
