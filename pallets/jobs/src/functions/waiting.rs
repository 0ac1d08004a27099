//! Jobs that wait: their places, their offers and what the waiting costs.

use super::*;
use crate::waiting::{Order, Place, Standing, Woken};
use vigil_primitives::{job::WaitingCost, traits::Market};

impl<T: Config> Pallet<T> {
    /// Gives a job that has vacancies its first place, and its version a turn. Until it is assigned
    /// for the first time, one that offers more can take its place.
    pub(crate) fn start_waiting(id: JobId, job: &mut JobRecordOf<T>) {
        Self::enlist(id, job, Standing::Fresh);
        WaitingOf::<T>::mutate(job.version, Saturating::saturating_inc);
        if let WaitingCost::Running { .. } = job.waiting {
            let offer = Order::by_offer(job.bid(), id);
            Offers::<T>::insert(offer, ());
            LeastOffer::<T>::mutate(|least| *least = offer.min(*least));
        }
        Self::line_up(&Woken::Version(job.version));
    }

    /// Takes a job without vacancies from where it waits.
    pub(crate) fn stop_waiting(job: &mut JobRecordOf<T>, place: Place) {
        Waiting::<T>::remove((job.version, place.standing, place.order));
        WaitingOf::<T>::mutate_exists(job.version, |count| {
            *count = count.map(|count| count.saturating_sub(1)).filter(|count| !count.is_zero());
        });
        job.place = None;
    }

    /// Gives a job that waits another place, which it has by its bid or in turn.
    pub(crate) fn move_to(id: JobId, job: &mut JobRecordOf<T>, place: Place, standing: Standing) {
        Waiting::<T>::remove((job.version, place.standing, place.order));
        Self::enlist(id, job, standing);
    }

    fn enlist(id: JobId, job: &mut JobRecordOf<T>, standing: Standing) {
        let order = match standing {
            Standing::Fresh | Standing::Short => Order::by_bid(job.bid(), id),
            Standing::Passed => {
                let turn = NextTurn::<T>::mutate(|next| {
                    let turn = *next;
                    *next = next.saturating_add(1);
                    turn
                });
                Order::by_turn(turn, id)
            }
        };
        Waiting::<T>::insert((job.version, standing, order), ());
        job.place = Some(Place { standing, order });
    }

    /// Ends the job that offers least if `bid` is more, when the chain has as many open jobs as it
    /// can take. Whether it did.
    pub(crate) fn make_way(bid: Balance, now: BlockNumberFor<T>) -> Result<bool, DispatchError> {
        if OpenJobs::<T>::get() < T::MaxOpenJobs::get() {
            return Ok(false);
        }
        let (least, id) = Self::least_offer().ok_or(Error::<T>::TooManyOpenJobs)?.offer();
        ensure!(least < bid, Error::<T>::TooManyOpenJobs);
        Self::refund(id, Self::load(id)?, RefundReason::Outbid, now)?;
        Ok(true)
    }

    /// The job cannot be outbid any more.
    pub(crate) fn withdraw_offer(id: JobId, job: &JobRecordOf<T>) {
        Offers::<T>::remove(Order::by_offer(job.bid(), id));
    }

    fn least_offer() -> Option<Order> {
        let start = LeastOffer::<T>::get();
        let least = if Offers::<T>::contains_key(start) {
            start
        } else {
            Offers::<T>::iter_keys_from(Offers::<T>::hashed_key_for(start)).next()?
        };
        LeastOffer::<T>::put(least);
        Some(least)
    }
}

impl<T: Config> Market<T::AccountId> for Pallet<T> {
    fn room(worker: &T::AccountId) {
        // Whatever is submitted later is looked at anyway.
        if Waiting::<T>::count() > 0 {
            Self::line_up(&Woken::Worker(worker.clone()));
        }
    }

    fn room_weight() -> Weight {
        T::WeightInfo::wake()
    }
}
