//! Whose turn it is, and the draw of workers for a job.
//!
//! Nothing is looked at but what something has changed for. A new job gives its version a place in
//! one line, a worker that can take more than before has a place in another; whoever is first has
//! one look at one job and goes to the end of the line, or leaves it when nothing is left to look
//! at. So a crowd of one version delays no other, and who waits for nothing that has come costs
//! nothing.

use super::*;
use crate::waiting::{Ends, Lane, Order, Place, Round, Standing, Woken, LOOKS};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{defensive, storage::with_storage_layer, weights::WeightMeter};
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    job::{ReplicaState, Role},
    traits::{Engagement, Room, Search, Unfilled, Vacancy},
    worker::MAX_SERVED,
    ModelVersionId,
};

/// The service of one block.
struct Service<T: Config> {
    now: BlockNumberFor<T>,
    /// Where the search for a list's first job goes on: what this block has removed before it need
    /// not be stepped over again.
    passed: BTreeMap<(ModelVersionId, Standing), Vec<u8>>,
}

impl<T: Config> Pallet<T> {
    /// Puts a version or a worker at the end of its line, unless it stands there. A worker has all
    /// its looks again.
    pub(crate) fn line_up(woken: &Woken<T::AccountId>) {
        let next = InLine::<T>::get(woken).map(|round| round.next).unwrap_or_else(|| {
            // Whoever wakes again and again does not always begin with the same version.
            let block: u64 = Self::now().saturated_into();
            let offset = block.checked_rem(MAX_SERVED.into()).unwrap_or(0);
            u8::try_from(offset).unwrap_or(0)
        });
        Self::stand_in_line(woken, Round { looks: LOOKS, next });
    }

    fn stand_in_line(woken: &Woken<T::AccountId>, round: Round) {
        if !InLine::<T>::contains_key(woken) {
            let lane = woken.lane();
            LineEnds::<T>::mutate(lane, |ends| {
                Line::<T>::insert(lane, ends.tail, woken);
                ends.tail = ends.tail.saturating_add(1);
            });
        }
        InLine::<T>::insert(woken, round);
    }

    /// Who is first: the versions before the workers.
    fn first_in_line() -> Option<Woken<T::AccountId>> {
        [Lane::Versions, Lane::Workers].into_iter().find_map(|lane| {
            let Ends { head, tail } = LineEnds::<T>::get(lane);
            (head < tail).then(|| Line::<T>::get(lane, head)).flatten()
        })
    }

    /// Takes whoever is first out of its line.
    fn leave_line(woken: &Woken<T::AccountId>) -> Round {
        LineEnds::<T>::mutate(woken.lane(), |ends| {
            Line::<T>::remove(woken.lane(), ends.head);
            ends.head = ends.head.saturating_add(1);
        });
        InLine::<T>::take(woken).unwrap_or_default()
    }

    /// Gives everybody in line a turn after the other, as far as the weight goes.
    pub(crate) fn serve_queue(now: BlockNumberFor<T>, meter: &mut WeightMeter) {
        let mut service = Service::<T> { now, passed: BTreeMap::new() };
        while let Some(woken) = Self::first_in_line() {
            if !meter.can_consume(Self::turn_weight(&woken)) {
                break;
            }
            let round = Self::leave_line(&woken);
            meter.consume(match woken {
                Woken::Version(version) => service.serve_version(version),
                Woken::Worker(worker) => service.serve_worker(worker, round),
            });
        }
    }

    /// Most weight of a turn.
    fn turn_weight(woken: &Woken<T::AccountId>) -> Weight {
        match woken {
            Woken::Version(_) => Self::look_weight(MAX_REPLICAS),
            Woken::Worker(_) => Self::heaviest_turn(),
        }
    }

    /// Most weight of a worker's turn.
    pub(crate) fn heaviest_turn() -> Weight {
        T::WeightInfo::turn(MAX_SERVED).saturating_add(Self::draw_weight(MAX_REPLICAS))
    }

    /// Most weight of a version's turn in which a job with so many vacancies is looked at.
    pub(crate) fn look_weight(vacancies: u32) -> Weight {
        T::WeightInfo::turn(1).saturating_add(Self::draw_weight(vacancies))
    }

    fn draw_weight(vacancies: u32) -> Weight {
        T::WeightInfo::assign(vacancies)
            .max(T::WeightInfo::pass_over())
            .saturating_add(T::Workers::engage_weight())
    }

    /// The job with a worker engaged for every vacancy, or why nobody is; and what the search
    /// weighed.
    fn draw(
        id: JobId,
        job: &JobRecordOf<T>,
        roomy: Option<&T::AccountId>,
        now: BlockNumberFor<T>,
    ) -> (Result<JobRecordOf<T>, Unfilled>, Weight) {
        let exclude = job.excluded();
        let vacancy = Vacancy {
            version: job.version,
            replicas: job.vacancies(),
            work: job.max_work(),
            budget: job.budget(),
            exclude: &exclude,
            stretch: false,
            roomy,
            role: Role::Worker,
            region: job.policy.region,
            seed: Self::seed(b"vigil/draw", id, job.attempts, now),
        };
        let mut searched = Weight::zero();
        let mut unfilled = Unfilled::Unfit;
        let assigned = with_storage_layer(|| {
            let Search { found, weight } = T::Workers::engage(&vacancy);
            searched = weight;
            let found = found.map_err(|reason| {
                unfilled = reason;
                DispatchError::Unavailable
            })?;
            let others = found.iter().all(|engagement| !exclude.contains(&engagement.worker));
            ensure!(others, DispatchError::Unavailable);
            ensure!(found.len() == usize::from(vacancy.replicas), DispatchError::Unavailable);
            Self::assign(id, job.clone(), found, now)
        });
        (assigned.map_err(|_| unfilled), searched)
    }

    /// Gives a job the workers that were engaged for it. It need not pay for waiting any more.
    fn assign(
        id: JobId,
        mut job: JobRecordOf<T>,
        engaged: Vec<Engagement<T::AccountId>>,
        now: BlockNumberFor<T>,
    ) -> Result<JobRecordOf<T>, DispatchError> {
        Self::pay_for_waiting(id, &mut job, now)?;
        let commit_by = Self::commit_by(&job, now);
        let mut drawn = Vec::new();
        for Engagement { worker, ask, .. } in engaged {
            AssignedTo::<T>::insert(&worker, id, ());
            let state = ReplicaState::Assigned { commit_by };
            drawn.push(Replica { worker: worker.clone(), ask, role: Role::Worker, state });
            Self::deposit_event(Event::Assigned { job: id, worker, ask, commit_by });
        }
        job.assign(drawn);
        Ok(job)
    }
}

impl<T: Config> Service<T> {
    /// Looks at the best of a version's new jobs. Every one of them has one look, for which its
    /// submission was charged.
    fn serve_version(&mut self, version: ModelVersionId) -> Weight {
        let turn = T::WeightInfo::turn(1);
        let best = T::Workers::lowest_ask(version)
            .and_then(|lowest| self.best_of(version, Standing::Fresh, lowest));
        // Those that remain, if any, offer too little: they sleep until a worker asks less.
        let Some(place) = best else { return turn };
        let (_, weight) = self.look(version, place, None);
        Pallet::<T>::stand_in_line(&Woken::Version(version), Round::default());
        turn.saturating_add(weight)
    }

    /// Looks at one job that a worker with room could take, of the next of its versions that has
    /// any. It leaves the line when it has no free place, there is no such job, or its looks have
    /// found nobody; new jobs do not count, for theirs was charged.
    fn serve_worker(&mut self, worker: T::AccountId, mut round: Round) -> Weight {
        let Some(room) = T::Workers::room(&worker).filter(|room| room.free_places > 0) else {
            return T::WeightInfo::turn(1);
        };
        let served = u32::try_from(room.serves.len()).unwrap_or(MAX_SERVED);
        let turn = T::WeightInfo::turn(served);
        let Some((version, place, next)) = self.best_for(&room, round) else { return turn };
        let (found, weight) = self.look(version, place, Some(&worker));
        round.next = next;
        if !found && place.standing != Standing::Fresh {
            round.looks = round.looks.saturating_sub(1);
        }
        Pallet::<T>::stand_in_line(&Woken::Worker(worker), round);
        turn.saturating_add(weight)
    }

    /// The best job of the first of a worker's versions, from where its round goes on, that has
    /// one; with where it goes on after that.
    fn best_for(&self, room: &Room, round: Round) -> Option<(ModelVersionId, Place, u8)> {
        let lists: &[Standing] = match round.looks {
            0 => &[Standing::Fresh],
            _ => &[Standing::Fresh, Standing::Short, Standing::Passed],
        };
        let count = room.serves.len();
        (0..count).find_map(|step| {
            let index = usize::from(round.next).saturating_add(step).checked_rem(count)?;
            let version = *room.serves.get(index)?;
            if WaitingOf::<T>::get(version) == 0 {
                return None;
            }
            let best = lists.iter().find_map(|list| self.best_of(version, *list, room.ask))?;
            let next = u8::try_from(index.saturating_add(1)).unwrap_or(0);
            Some((version, best, next))
        })
    }

    /// The first job of a list; of one in the order of bids only if its bid reaches `ask`, for then
    /// nobody's behind it does.
    fn best_of(&self, version: ModelVersionId, standing: Standing, ask: Balance) -> Option<Place> {
        let list = (version, standing);
        let order: Order = match self.passed.get(&list) {
            Some(key) => Waiting::<T>::iter_key_prefix_from(list, key.clone()).next(),
            None => Waiting::<T>::iter_key_prefix(list).next(),
        }?;
        let affords = standing == Standing::Passed || order.bid() >= ask;
        affords.then_some(Place { standing, order })
    }

    /// Fills a job's vacancies, or gives it another place. Whether it was filled, and the weight of
    /// that.
    fn look(
        &mut self,
        version: ModelVersionId,
        place: Place,
        roomy: Option<&T::AccountId>,
    ) -> (bool, Weight) {
        let (id, now) = (place.order.job(), self.now);
        let key = (version, place.standing, place.order);
        let Some(mut job) = Jobs::<T>::get(id).filter(|job| job.place == Some(place)) else {
            defensive!("a job waits that is not there");
            Waiting::<T>::remove(key);
            return (false, T::WeightInfo::pass_over());
        };
        // Past the deadline the agenda refunds it. In turn it may offer too little for anybody.
        let hopeless = job.deadline < now
            || T::Workers::lowest_ask(version).is_none_or(|lowest| job.bid() < lowest);
        let (drawn, searched) = if hopeless {
            (Err(Unfilled::Unfit), Weight::zero())
        } else {
            Pallet::<T>::draw(id, &job, roomy, now)
        };
        self.passed.insert((version, place.standing), Waiting::<T>::hashed_key_for(key));
        let standing = match drawn {
            Ok(assigned) => {
                let weight = T::WeightInfo::assign(job.vacancies().into());
                Pallet::<T>::store(id, assigned, now);
                return (true, searched.saturating_add(weight));
            }
            Err(Unfilled::Full) => Standing::Short,
            Err(Unfilled::Unfit) => Standing::Passed,
        };
        // Its new place may come before the first that was seen of that list.
        self.passed.remove(&(version, standing));
        Pallet::<T>::move_to(id, &mut job, place, standing);
        Jobs::<T>::insert(id, job);
        (false, searched.saturating_add(T::WeightInfo::pass_over()))
    }
}
