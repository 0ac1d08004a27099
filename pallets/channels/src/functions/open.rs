//! How a channel begins: a worker's terms, the opening, and more deposit.

use super::*;
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    channel::{ChannelPrices, ChannelStatus, Rent},
    traits::Waterfall,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_terms(worker: T::AccountId, terms: ChannelTerms) -> DispatchResult {
        if terms.max_open == 0 {
            TermsOf::<T>::take(&worker).ok_or(Error::<T>::NotOffered)?;
            Self::deposit_event(Event::TermsWithdrawn { worker });
            return Ok(());
        }
        ensure!(T::Workers::room(&worker).is_some(), Error::<T>::WorkerUnavailable);
        ensure!(terms.max_open <= T::MaxOpenPerWorker::get(), Error::<T>::MaxOpenTooHigh);
        TermsOf::<T>::insert(&worker, terms);
        Self::deposit_event(Event::TermsSet { worker, terms });
        Ok(())
    }

    pub(crate) fn do_open(requester: T::AccountId, spec: ChannelSpecOf<T>) -> DispatchResult {
        let now = Self::now();
        let version = T::Models::version(spec.version).ok_or(Error::<T>::UnknownVersion)?;
        version.check_use(&spec.terms).map_err(Error::<T>::from)?;
        ensure!(spec.worker != requester, Error::<T>::OwnWorker);
        let terms = TermsOf::<T>::get(&spec.worker).ok_or(Error::<T>::NotOffered)?;
        let open = OpenOf::<T>::get(&spec.worker);
        ensure!(open < terms.max_open, Error::<T>::TooManyOpen);
        let least = terms.min_deposit.max(T::MinDeposit::get());
        ensure!(spec.deposit >= least, Error::<T>::DepositTooLow);
        ensure!(spec.deposit <= terms.max_deposit, Error::<T>::DepositTooHigh);
        let lifetime = spec.expires_at.saturating_sub(now);
        ensure!(
            (T::MinLifetime::get()..=T::MaxLifetime::get()).contains(&lifetime),
            Error::<T>::ExpiryOutOfRange
        );
        ensure!(spec.max_answers > 0, Error::<T>::ZeroAnswers);
        let ask = T::Workers::cover(&spec.worker, spec.version, spec.deposit)
            .map_err(Error::<T>::from)?;
        ensure!(ask <= spec.max_ask, Error::<T>::AskTooHigh);
        // For as long as the worker is to answer.
        let blocks = lifetime.saturated_into();
        let uses = spec.max_answers;
        let grant = version.reserve_uses::<T::Grants>(spec.version, &requester, uses, blocks)?;

        let channel = Channel {
            requester,
            signer: spec.signer,
            worker: spec.worker,
            worker_signer: terms.signer,
            version: spec.version,
            terms: spec.terms,
            grant,
            max_answers: spec.max_answers,
            prices: ChannelPrices {
                ask,
                fee: version.spec.fee,
                protocol_fee: T::ProtocolFee::get(),
                cached: terms.cached,
            },
            deposit: spec.deposit,
            rent: Rent::Running { per_block: T::Rent::get() },
            covered: spec.deposit,
            payees: T::Waterfall::payees(spec.version.into()),
            opened_at: now,
            expires_at: spec.expires_at,
            shown: 0,
            shown_by_others: 0,
            disputes: 0,
            voids: Default::default(),
            wake_at: now,
            status: ChannelStatus::Open,
        };
        let (deposit, rent) = (channel.deposit, channel.rent_held());
        let total = deposit.checked_add(rent).ok_or(TokenError::FundsUnavailable)?;
        Self::ensure_spendable(&channel.requester, total)?;
        T::Currency::hold(&HoldReason::Deposit.into(), &channel.requester, deposit)?;
        T::Currency::hold(&HoldReason::Rent.into(), &channel.requester, rent)?;

        let id = NextChannel::<T>::get();
        NextChannel::<T>::put(id.saturating_add(1));
        OpenOf::<T>::insert(&channel.worker, open.saturating_add(1));
        ChannelsOf::<T>::insert((&channel.requester, ChannelSide::Requester), id, ());
        ChannelsOf::<T>::insert((&channel.worker, ChannelSide::Worker), id, ());
        Self::deposit_event(Event::Opened {
            channel: id,
            requester: channel.requester.clone(),
            worker: channel.worker.clone(),
            version: channel.version,
            deposit,
            rent,
            expires_at: channel.expires_at,
        });
        Self::store(id, channel, now);
        Ok(())
    }

    pub(crate) fn do_top_up(
        requester: &T::AccountId,
        id: ChannelId,
        amount: Balance,
    ) -> DispatchResult {
        let mut channel = Self::load(id)?;
        ensure!(channel.requester == *requester, Error::<T>::NotOwner);
        let now = Self::now();
        ensure!(channel.is_open(now), Error::<T>::NotOpen);
        ensure!(amount > 0, Error::<T>::ZeroAmount);
        let version = T::Models::version(channel.version).ok_or(Error::<T>::UnknownVersion)?;
        version.check_use(&channel.terms).map_err(Error::<T>::from)?;
        let terms = TermsOf::<T>::get(&channel.worker).ok_or(Error::<T>::NotOffered)?;
        let deposit = channel.deposit.saturating_add(amount);
        ensure!(deposit <= terms.max_deposit, Error::<T>::DepositTooHigh);
        T::Workers::cover(&channel.worker, channel.version, amount).map_err(Error::<T>::from)?;
        Self::ensure_spendable(requester, amount)?;
        T::Currency::hold(&HoldReason::Deposit.into(), requester, amount)?;
        channel.deposit = deposit;
        channel.covered = channel.covered.saturating_add(amount);
        Self::deposit_event(Event::ToppedUp { channel: id, amount, deposit });
        Self::store(id, channel, now);
        Ok(())
    }

    /// Weight of an opening.
    pub(crate) fn open_weight() -> Weight {
        T::WeightInfo::open()
            .saturating_add(T::Workers::cover_weight())
            .saturating_add(T::Grants::use_weight())
    }
}
