//! Receipts as claims: how they come on chain, are challenged, and fall.

use super::*;
use codec::Encode;
use frame_support::defensive;
use vigil_primitives::{
    channel::{Void, MAX_SHOWN},
    dispute::{Claim, ClaimId, Penalty},
    traits::{Claims, Conviction, Offence, Slash, Stakes},
};

/// A receipt that is a claim.
struct Claimed<T: Config> {
    /// Number of its channel.
    id: ChannelId,
    channel: ChannelOf<T>,
    /// What names it.
    hash: Hash,
    shown: ShownReceiptOf<T>,
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_show(
        by: T::AccountId,
        receipt: AnswerReceipt,
        signature: &Signature,
    ) -> DispatchResult {
        let (id, number, hash) = (receipt.channel, receipt.number, receipt.hash());
        let mut channel = Self::load(id)?;
        let version = T::Models::version(channel.version).ok_or(Error::<T>::UnknownVersion)?;
        let architecture = &version.spec.architecture;
        receipt.check(architecture).map_err(Error::<T>::from)?;
        ensure!(number <= channel.max_answers, Error::<T>::TooManyAnswers);
        ensure!(!Shown::<T>::contains_key(id, hash), Error::<T>::AlreadyShown);
        // Whoever lies once is convicted once.
        ensure!(!channel.is_convicted(&hash), Error::<T>::AlreadyConvicted);
        let count = match Self::asks(&by, &channel) {
            true => &mut channel.shown,
            false => &mut channel.shown_by_others,
        };
        ensure!(*count < MAX_SHOWN, Error::<T>::TooManyShown);
        *count = count.saturating_add(1);
        let good = receipt.verify(&Self::genesis(), &channel.worker_signer, signature);
        ensure!(good, Error::<T>::BadSignature);

        let deposit = T::ShowDeposit::get();
        Self::ensure_spendable(&by, deposit)?;
        T::Currency::hold(&HoldReason::Receipt.into(), &by, deposit)?;
        let cost = Totals::of(&channel.prices, architecture, receipt.usage);
        let worker = channel.worker.clone();
        let claim = ClaimId::Receipt { worker, channel: id, receipt: hash };
        Self::deposit_event(Event::Shown { claim, number, by: by.clone() });
        Shown::<T>::insert(id, hash, ShownReceipt { receipt, cost, by, deposit, disputes: 0 });
        Self::store(id, channel, Self::now());
        Ok(())
    }

    /// Whether an account is on the requester's side: its own, or that of the key that signs its
    /// vouchers, which may be all that a gateway has.
    fn asks(who: &T::AccountId, channel: &ChannelOf<T>) -> bool {
        *who == channel.requester || who.encode() == channel.signer.encode()
    }

    /// Gives back what whoever has shown a receipt has on hold for it.
    pub(crate) fn give_back(shown: &ShownReceiptOf<T>) {
        let reason = HoldReason::Receipt.into();
        let released =
            T::Currency::release(&reason, &shown.by, shown.deposit, Precision::BestEffort);
        if let Err(error) = released {
            defensive!("the deposit of a receipt can't be released", error);
        }
    }

    fn claimed(claim: &ClaimId<T::AccountId>) -> Result<Claimed<T>, Error<T>> {
        let ClaimId::Receipt { worker, channel: id, receipt: hash } = claim else {
            return Err(Error::<T>::NotClaimed);
        };
        let channel = Self::load(*id)?;
        ensure!(channel.worker == *worker, Error::<T>::NotClaimed);
        let shown = Shown::<T>::get(id, hash).ok_or(Error::<T>::NotClaimed)?;
        Ok(Claimed { id: *id, channel, hash: *hash, shown })
    }
}

impl<T: Config> Claims<T::AccountId> for Pallet<T> {
    fn claim(id: &ClaimId<T::AccountId>) -> Result<Claim, DispatchError> {
        let Claimed { channel, shown: ShownReceipt { receipt, .. }, .. } = Self::claimed(id)?;
        let spec = T::Models::version(channel.version).ok_or(Error::<T>::UnknownVersion)?.spec;
        Ok(Claim {
            version: channel.version,
            architecture: spec.architecture,
            weights: spec.weights.hash,
            weights_len: spec.weights.len,
            input: receipt.input,
            tokens_in: receipt.usage.tokens_in,
            max_tokens_out: receipt.max_tokens_out,
            sampling: receipt.sampling,
            output: receipt.output,
        })
    }

    fn disputed(id: &ClaimId<T::AccountId>) -> DispatchResult {
        let Claimed { id, mut channel, hash, mut shown } = Self::claimed(id)?;
        shown.disputes = shown.disputes.saturating_add(1);
        channel.disputes = channel.disputes.saturating_add(1);
        T::Stakes::disputed(&channel.worker);
        Self::deposit_event(Event::Disputed { channel: id, receipt: hash });
        Shown::<T>::insert(id, hash, shown);
        Self::store(id, channel, Self::now());
        Ok(())
    }

    fn upheld(id: &ClaimId<T::AccountId>) {
        let Ok(Claimed { id, mut channel, hash, mut shown }) = Self::claimed(id) else {
            defensive!("a disputed receipt is not there");
            return;
        };
        T::Stakes::decided(&channel.worker, 1);
        shown.disputes = shown.disputes.saturating_sub(1);
        channel.disputes = channel.disputes.saturating_sub(1);
        Shown::<T>::insert(id, hash, shown);
        Self::store(id, channel, Self::now());
    }

    fn convicted(id: &ClaimId<T::AccountId>, conviction: Conviction<'_, T::AccountId>) -> Penalty {
        let Ok(Claimed { id, mut channel, hash, shown }) = Self::claimed(id) else {
            defensive!("a disputed receipt is not there");
            return Penalty::default();
        };
        let now = Self::now();
        let number = shown.receipt.number;
        T::Stakes::decided(&channel.worker, conviction.disputes);
        channel.disputes = channel.disputes.saturating_sub(shown.disputes);
        Shown::<T>::remove(id, hash);
        Self::give_back(&shown);

        // What is not paid yet will not be; what was paid comes back out of the bond.
        let less = channel.void(Void { number, receipt: hash, cost: shown.cost });
        let slash = Slash {
            offence: Offence::Wrong,
            // The requester has chosen this worker, which may be the owner of what it runs: all that is
            // paid for an answer may end with it.
            reward: shown.cost.price(&channel.prices),
            costs: conviction.costs,
            treasury: &T::Treasury::get(),
            damages: if channel.is_settled() { less } else { 0 },
            requester: &channel.requester,
            winner: conviction.by,
        };
        let penalty = T::Stakes::convict(&channel.worker, slash);
        Self::deposit_event(Event::Convicted { channel: id, number });
        match channel.is_open(now) {
            true => Self::begin_to_close(id, channel, Totals::default(), now),
            false => Self::store(id, channel, now),
        }
        penalty
    }

    fn dispute_weight() -> Weight {
        T::WeightInfo::dispute().saturating_add(T::Stakes::dispute_weight())
    }

    fn uphold_weight() -> Weight {
        T::WeightInfo::dispute().saturating_add(T::Stakes::dispute_weight())
    }

    fn convict_weight() -> Weight {
        T::WeightInfo::convict()
            .saturating_add(T::Stakes::dispute_weight())
            .saturating_add(T::Stakes::convict_weight())
    }
}
