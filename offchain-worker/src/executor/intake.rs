//! What comes in: the queue into one running batch.
//!
//! It is the only thing that the event loop and a batch's thread share. It bounds how many requests
//! the batch has, and makes sure that none is put where nobody looks any more: a batch that has
//! nothing left to do closes its queue in the same moment, and the next request begins another.

use crate::key::Key;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use vigil_engine::Request;

/// A bounded queue of requests. Clones share it.
#[derive(Clone)]
pub(super) struct Intake {
    capacity: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// First in, first out.
    queue: VecDeque<(Key, Request)>,
    /// Requests in the queue and in the batch.
    unfinished: usize,
    /// The batch takes nothing more out.
    closed: bool,
}

/// A request was not taken: the batch is full or has ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Intake {
    /// Returns an empty queue into a batch of so many requests; 0 counts as 1.
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half-done under this lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another request would be taken.
    pub(super) fn has_room(&self) -> bool {
        self.state().has_room(self.capacity)
    }

    /// Puts a request at the end.
    pub(super) fn push(&self, key: Key, request: Request) -> Result<(), NoRoom> {
        let mut state = self.state();
        if !state.has_room(self.capacity) {
            return Err(NoRoom);
        }
        state.unfinished = state.unfinished.saturating_add(1);
        state.queue.push_back((key, request));
        Ok(())
    }

    /// Takes the first request out. It keeps its place until [`release`](Self::release).
    pub(super) fn pop(&self) -> Option<(Key, Request)> {
        self.state().queue.pop_front()
    }

    /// Gives the place of a finished request back.
    pub(super) fn release(&self) {
        let mut state = self.state();
        state.unfinished = state.unfinished.saturating_sub(1);
    }

    /// Takes nothing more, and ends the batch after the step that it is in.
    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    /// Whether the batch is to end.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Closes the queue if it is empty. Returns whether it is closed.
    pub(super) fn close_if_empty(&self) -> bool {
        let mut state = self.state();
        state.closed |= state.queue.is_empty();
        state.closed
    }
}

impl State {
    fn has_room(&self, capacity: usize) -> bool {
        !self.closed && self.unfinished < capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::Hash;

    fn push(intake: &Intake, id: u64) -> Result<(), NoRoom> {
        intake.push(Key { id, content: Hash::zero() }, Request::embed([1]))
    }

    fn pop(intake: &Intake) -> Option<u64> {
        intake.pop().map(|(key, _)| key.id)
    }

    #[test]
    fn push_should_take_so_many_and_another_when_one_is_finished() {
        let intake = Intake::new(2);
        push(&intake, 1).unwrap();
        push(&intake, 2).unwrap();
        assert_eq!(push(&intake, 3), Err(NoRoom));
        assert_eq!(pop(&intake), Some(1));
        assert_eq!(push(&intake, 3), Err(NoRoom), "the first is in the batch now");
        intake.release();
        assert!(intake.has_room());
        push(&intake, 3).unwrap();
        assert!(!intake.has_room());
        assert_eq!([pop(&intake), pop(&intake), pop(&intake)], [Some(2), Some(3), None]);
    }

    #[test]
    fn close_if_empty_should_close_only_when_nothing_waits_and_then_take_nothing() {
        let intake = Intake::new(9);
        push(&intake, 1).unwrap();
        assert!(!intake.close_if_empty());
        assert_eq!(pop(&intake), Some(1));
        assert!(intake.close_if_empty());
        assert!(!intake.has_room());
        assert_eq!(push(&intake, 2), Err(NoRoom));
    }

    #[test]
    fn close_should_end_the_batch_when_something_waits_still() {
        let intake = Intake::new(9);
        push(&intake, 1).unwrap();
        intake.close();
        assert!(intake.is_closed());
        assert_eq!(push(&intake, 2), Err(NoRoom));
    }

    #[test]
    fn new_should_have_room_for_one_when_the_capacity_is_zero() {
        let intake = Intake::new(0);
        push(&intake, 1).unwrap();
        assert_eq!(push(&intake, 2), Err(NoRoom));
    }
}
