//! The queue of jobs with vacancies, and the draw of workers for them.

use super::*;
use codec::Encode;
use frame_support::{storage::with_storage_layer, traits::Randomness, weights::WeightMeter};
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    SaturatedConversion,
};
use vigil_primitives::{job::ReplicaState, traits::Vacancy};

impl<T: Config> Pallet<T> {
    /// Gives a job the last place.
    pub(crate) fn enqueue(id: JobId) -> u64 {
        QueueEnds::<T>::mutate(|ends| {
            let place = ends.tail;
            Queue::<T>::insert(place, id);
            ends.tail = ends.tail.saturating_add(1);
            place
        })
    }

    /// Tries every job of the queue once, the oldest first, as far as the weight goes.
    pub(crate) fn serve_queue(now: BlockNumberFor<T>, meter: &mut WeightMeter) {
        let end = QueueEnds::<T>::get().tail;
        let worst = Self::draw_weight(MAX_REPLICAS);
        loop {
            let place = QueueEnds::<T>::get().head;
            if place >= end || meter.try_consume(T::WeightInfo::next_place()).is_err() {
                break;
            }
            if let Some(id) = Queue::<T>::get(place) {
                if !meter.can_consume(worst) {
                    break;
                }
                meter.consume(Self::try_job(id, place, now));
            }
            QueueEnds::<T>::mutate(|ends| ends.head = place.saturating_add(1));
        }
    }

    /// Fills a job's vacancies or moves it to the end of the queue. The weight of that.
    fn try_job(id: JobId, place: u64, now: BlockNumberFor<T>) -> Weight {
        Queue::<T>::remove(place);
        let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.place == Some(place)) else {
            return T::WeightInfo::look();
        };
        let vacancies = job.vacancies();
        // Past the deadline the agenda refunds it.
        let drawn = if job.deadline < now { None } else { Self::draw(id, &job, now) };
        if let Some(drawn) = drawn {
            for replica in &drawn {
                AssignedTo::<T>::insert(&replica.worker, id, ());
                if let ReplicaState::Assigned { commit_by } = replica.state {
                    Self::deposit_event(Event::Assigned {
                        job: id,
                        worker: replica.worker.clone(),
                        ask: replica.ask,
                        commit_by,
                    });
                }
            }
            job.assign(drawn);
            job.place = None;
            Self::store(id, job, now);
        } else {
            job.place = Some(Self::enqueue(id));
            Jobs::<T>::insert(id, job);
        }
        Self::draw_weight(vacancies.into())
    }

    /// Engages a worker for every vacancy, or none at all.
    fn draw(
        id: JobId,
        job: &JobRecordOf<T>,
        now: BlockNumberFor<T>,
    ) -> Option<alloc::vec::Vec<ReplicaOf<T>>> {
        let work = job.max_work();
        let period: BlockNumberFor<T> = work
            .checked_div(T::WorkPerBlock::get())
            .unwrap_or_default()
            .saturated_into::<BlockNumberFor<T>>()
            .saturating_add(T::CommitPeriod::get());
        let commit_by = now.saturating_add(period);
        let budget = job.budget();
        let mut exclude = job.excluded();
        let mut drawn = alloc::vec::Vec::new();
        with_storage_layer(|| {
            for slot in 0..job.vacancies() {
                let vacancy = Vacancy {
                    version: job.version,
                    work,
                    budget,
                    exclude: &exclude,
                    seed: Self::seed(id, job.attempts, slot, now),
                };
                let engagement = T::Workers::engage(&vacancy)
                    .filter(|engagement| !exclude.contains(&engagement.worker))
                    .ok_or(DispatchError::Unavailable)?;
                exclude.push(engagement.worker.clone());
                drawn.push(Replica {
                    worker: engagement.worker,
                    ask: engagement.ask,
                    state: ReplicaState::Assigned { commit_by },
                });
            }
            Ok::<_, DispatchError>(())
        })
        .ok()?;
        Some(drawn)
    }

    /// The randomness of one draw. The block's own is shared by all; the rest tells them apart.
    fn seed(id: JobId, attempts: u8, slot: u8, now: BlockNumberFor<T>) -> [u8; 32] {
        let subject = (b"vigil/draw", id, attempts, slot, now);
        let (random, _) = T::Randomness::random(&subject.encode());
        BlakeTwo256::hash_of(&(random, subject)).to_fixed_bytes()
    }

    pub(crate) fn draw_weight(replicas: u32) -> Weight {
        T::WeightInfo::assign(replicas)
            .saturating_add(T::Workers::engage_weight().saturating_mul(replicas.into()))
    }
}
