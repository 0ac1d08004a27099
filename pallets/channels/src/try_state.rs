//! What must hold between any two transactions.

use crate::*;
use alloc::collections::BTreeMap;
use codec::Encode;
use frame_support::{
    ensure,
    traits::{fungible::InspectHold, Get},
};
use sp_runtime::TryRuntimeError;
use vigil_primitives::{
    channel::{ChannelStatus, MAX_SHOWN},
    grant::GrantId,
    holds::Sums,
    traits::{Grants, WorkerPool},
};

/// What a worker's channels add up to.
#[derive(Default)]
struct Worker {
    open: u16,
    covered: Balance,
}

impl<T: Config> Pallet<T> {
    /// Checks every invariant:
    ///
    /// 1. What an account has on hold is what the records say: of a requester the deposits of its
    ///    channels that are not settled and what their time costs, of whoever shows receipts what each
    ///    of those takes.
    /// 2. A worker's bond covers for channels what their records say: a deposit until the channel is
    ///    settled, what was paid of it after that.
    /// 3. Channels that are not settled are counted by worker, and nobody else is counted.
    /// 4. Every channel has exactly one entry in the agenda, at its `wake_at`, on no page that is
    ///    finished; and the agenda has no other entries.
    /// 5. The parts of a receipt add up to the deposit.
    /// 6. A channel is in the index of both of its sides, and nothing else is there.
    /// 7. Every receipt on chain is of a channel that is there, at its hash, within the bounds; and
    ///    their disputes are those of the channel.
    /// 8. A grant that is still there has as many uses reserved as the open channels under it have
    ///    answers, or more: jobs reserve some too.
    /// 9. Numbers of channels lie below the next; no receipt was convicted twice, nor is
    ///    one that was on chain still.
    /// 10. Terms are ones that would be accepted. Lowering `MaxOpenPerWorker` takes a migration.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let next = NextChannel::<T>::get();
        let cursor = AgendaCursor::<T>::get();
        let (mut deposits, mut rents) = (Sums::default(), Sums::default());
        let mut workers = BTreeMap::<Vec<u8>, (T::AccountId, Worker)>::new();
        let mut uses = BTreeMap::<Vec<u8>, (ChannelOf<T>, GrantId, u32)>::new();
        let (mut channels, mut disputes) = (0usize, BTreeMap::<ChannelId, u32>::new());
        for (id, channel) in Channels::<T>::iter() {
            channels = channels.saturating_add(1);
            disputes.insert(id, channel.disputes);
            ensure!(id < next, "channels 9: a number is out of range");
            ensure!(
                Agenda::<T>::contains_key(channel.wake_at, id),
                "channels 4: not in the agenda"
            );
            ensure!(
                cursor.is_none_or(|cursor| cursor <= channel.wake_at),
                "channels 4: the agenda has passed a channel"
            );
            for (who, side) in [
                (&channel.requester, ChannelSide::Requester),
                (&channel.worker, ChannelSide::Worker),
            ] {
                ensure!(ChannelsOf::<T>::contains_key((who, side), id), "channels 6: not indexed");
            }
            ensure!(
                channel.shown <= MAX_SHOWN && channel.shown_by_others <= MAX_SHOWN,
                "channels 7: too many receipts"
            );
            for (place, void) in channel.voids.iter().enumerate() {
                let mut earlier = channel.voids.iter().take(place);
                let twice = earlier.any(|it| it.receipt == void.receipt);
                ensure!(!twice, "channels 9: a receipt was convicted twice");
                ensure!(
                    !Shown::<T>::contains_key(id, void.receipt),
                    "channels 9: a convicted receipt is on chain"
                );
            }
            let worker = workers
                .entry(channel.worker.encode())
                .or_insert_with(|| (channel.worker.clone(), Worker::default()));
            worker.1.covered = worker.1.covered.saturating_add(channel.covered);
            if let ChannelStatus::Settled { receipt, .. } = channel.status {
                let parts = [receipt.worker, receipt.owner, receipt.treasury, receipt.requester];
                ensure!(
                    parts.into_iter().fold(0, Balance::saturating_add) == channel.deposit,
                    "channels 5: a receipt does not add up to its deposit"
                );
                let paid = channel.deposit.saturating_sub(receipt.requester);
                ensure!(paid <= channel.covered, "channels 2: a payment is not covered");
                continue;
            }
            ensure!(channel.covered == channel.deposit, "channels 2: a deposit is not covered");
            worker.1.open = worker.1.open.saturating_add(1);
            deposits.add(&channel.requester, channel.deposit);
            rents.add(&channel.requester, channel.rent_held());
            if let Some(grant) = channel.grant {
                let key = (channel.version, &channel.requester, grant).encode();
                let entry = uses.entry(key).or_insert_with(|| (channel.clone(), grant, 0));
                entry.2 = entry.2.saturating_add(channel.max_answers);
            }
        }

        ensure!(Agenda::<T>::iter().count() == channels, "channels 4: stray entries");
        let sides = channels.saturating_mul(2);
        ensure!(ChannelsOf::<T>::iter().count() == sides, "channels 6: stray entries");
        let mut counted = 0usize;
        for (who, Worker { open, covered }) in workers.into_values() {
            counted = counted.saturating_add(usize::from(open > 0));
            ensure!(OpenOf::<T>::get(&who) == open, "channels 3: open channels are miscounted");
            ensure!(T::Workers::covered(&who) == covered, "channels 2: covers are miscounted");
        }
        ensure!(OpenOf::<T>::iter().count() == counted, "channels 3: stray counts");
        for (channel, grant, count) in uses.into_values() {
            let reserved = T::Grants::reserved(channel.version.into(), &channel.requester, grant);
            ensure!(
                reserved.is_none_or(|reserved| reserved >= count),
                "channels 8: uses reserved of a grant are fewer than its open channels'"
            );
        }
        for terms in TermsOf::<T>::iter_values() {
            ensure!(
                (1..=T::MaxOpenPerWorker::get()).contains(&terms.max_open),
                "channels 10: bad terms"
            );
        }

        let mut receipts = Sums::default();
        for (id, hash, shown) in Shown::<T>::iter() {
            let left = disputes.get_mut(&id).ok_or("channels 7: a receipt of no channel")?;
            ensure!(
                shown.receipt.channel == id && shown.receipt.hash() == hash,
                "channels 7: a receipt is not at its hash"
            );
            *left = left
                .checked_sub(shown.disputes)
                .ok_or("channels 7: more disputes than the channel's")?;
            receipts.add(&shown.by, shown.deposit);
        }
        ensure!(disputes.into_values().all(|left| left == 0), "channels 7: disputes of no receipt");
        for (sums, reason) in [
            (deposits, HoldReason::Deposit),
            (rents, HoldReason::Rent),
            (receipts, HoldReason::Receipt),
        ] {
            let held = |who: &T::AccountId| T::Currency::balance_on_hold(&reason.into(), who);
            ensure!(
                sums.are_held(frame_system::Account::<T>::iter_keys(), held),
                "channels 1: held and recorded amounts differ"
            );
        }
        Ok(())
    }
}
