//! How a channel ends: the vouchers that are shown.

use super::*;
use vigil_primitives::channel::ChannelStatus;

impl<T: Config> Pallet<T> {
    /// The weight of what it did.
    pub(crate) fn do_close(
        who: &T::AccountId,
        id: ChannelId,
        voucher: Option<(Voucher, Signature)>,
    ) -> Result<Weight, DispatchError> {
        let mut channel = Self::load(id)?;
        ensure!(channel.worker == *who || channel.requester == *who, Error::<T>::NotOwner);
        ensure!(!channel.is_settled(), Error::<T>::AlreadySettled);
        let totals = match voucher {
            Some((voucher, signature)) => Self::totals_of(id, &channel, &voucher, &signature)?,
            None => Totals::default(),
        };
        let now = Self::now();
        if channel.worker == *who {
            // Nobody else gains by a newer voucher, so there is nothing to wait for.
            channel.close(now, totals);
            let weight = T::WeightInfo::close().saturating_add(Self::settle_weight(channel.payees));
            Self::settle(id, channel, now)?;
            return Ok(weight);
        }
        ensure!(channel.is_open(now), Error::<T>::NotOpen);
        Self::begin_to_close(id, channel, totals, now);
        Ok(T::WeightInfo::close())
    }

    pub(crate) fn do_dispute_close(
        id: ChannelId,
        voucher: &Voucher,
        signature: &Signature,
    ) -> DispatchResult {
        let mut channel = Self::load(id)?;
        let now = Self::now();
        ensure!(!channel.is_settled() && !channel.is_open(now), Error::<T>::NotClosing);
        let totals = Self::totals_of(id, &channel, voucher, signature)?;
        ensure!(!channel.totals().cover(&totals), Error::<T>::NotNewer);
        if let ChannelStatus::Open = channel.status {
            // The agenda would have begun it.
            Self::begin_to_close(id, channel, totals, now);
            return Ok(());
        }
        channel.close(now, totals);
        let totals = channel.totals();
        Self::deposit_event(Event::NewerVoucher { channel: id, totals });
        Self::store(id, channel, now);
        Ok(())
    }

    /// An open channel closes, in a while.
    pub(crate) fn begin_to_close(
        id: ChannelId,
        mut channel: ChannelOf<T>,
        totals: Totals,
        now: BlockNumberFor<T>,
    ) {
        let until = now.saturating_add(T::ChallengeWindow::get());
        channel.close(until, totals);
        Self::deposit_event(Event::Closing { channel: id, until, totals });
        Self::store(id, channel, now);
    }

    /// What a voucher owes, if the channel takes it.
    fn totals_of(
        id: ChannelId,
        channel: &ChannelOf<T>,
        voucher: &Voucher,
        signature: &Signature,
    ) -> Result<Totals, Error<T>> {
        let totals = voucher.totals;
        ensure!(voucher.channel == id, Error::<T>::OtherChannel);
        ensure!(totals.answers <= channel.max_answers, Error::<T>::TooManyAnswers);
        ensure!(totals.are_of(&channel.prices), Error::<T>::WrongTotals);
        ensure!(totals.price(&channel.prices) <= channel.deposit, Error::<T>::DepositExceeded);
        let good = voucher.verify(&Self::genesis(), &channel.signer, signature);
        ensure!(good, Error::<T>::BadSignature);
        Ok(totals)
    }

    /// Most weight of a close: that by a worker.
    pub(crate) fn close_weight() -> Weight {
        use vigil_primitives::lineage::MAX_PAYEES;
        T::WeightInfo::close().saturating_add(Self::settle_weight(MAX_PAYEES))
    }
}
