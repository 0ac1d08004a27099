//! How work is split over the threads of the current rayon pool.

use rayon::prelude::*;
use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

thread_local! {
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, whose tensor functions then compute in this thread alone, whatever pool it is in: for
/// callers that give every thread work of its own.
pub fn alone<T>(f: impl FnOnce() -> T) -> T {
    /// Puts the former state back, after a panic too.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ALONE.set(self.0);
        }
    }
    let _restore = Restore(ALONE.replace(true));
    f()
}

/// Threads of the pool that the caller runs in, or one if it is [`alone`].
pub(super) fn count() -> usize {
    match ALONE.get() {
        true => 1,
        false => rayon::current_num_threads().max(1),
    }
}

/// Runs `task` for every number below `tasks`. Threads take the next number as they become free, so
/// that a thread that is late or interrupted holds up nobody.
pub(super) fn each(tasks: usize, task: impl Fn(usize) + Sync + Send) {
    let threads = count().min(tasks);
    if threads <= 1 {
        return (0..tasks).for_each(task);
    }
    let next = AtomicUsize::new(0);
    (0..threads).into_par_iter().with_max_len(1).for_each(|_| loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= tasks {
            break;
        }
        task(number);
    });
}

/// Cuts `data` into runs of whole rows of `width` and gives each with the number of its first row
/// to `task`. Small tensors stay in one piece.
pub(super) fn rows<T: Send>(
    data: &mut [T],
    width: usize,
    task: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    /// Fewest elements worth handing to another thread.
    const GRAIN: usize = 16 * 1024;
    let rows = data.len() / width.max(1);
    let threads = count();
    if threads == 1 || data.len() < 2 * GRAIN {
        return task(0, data);
    }
    let per_task = rows.div_ceil(threads * 2).max(GRAIN.div_ceil(width)).max(1);
    data.par_chunks_mut(per_task * width)
        .enumerate()
        .for_each(|(i, chunk)| task(i * per_task, chunk));
}

/// A pointer to a tensor whose elements several tasks write, each its own.
#[derive(Clone, Copy)]
pub(super) struct Shared<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: the only access is `slice`, whose callers promise that ranges in use do not overlap.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn new(data: &mut [T]) -> Self {
        Self { start: data.as_mut_ptr(), len: data.len() }
    }

    /// Elements `from..from + len`.
    ///
    /// # Safety
    /// The tensor is still borrowed, and no range in use at the same time overlaps this one.
    pub(super) unsafe fn slice<'a>(self, from: usize, len: usize) -> &'a mut [T] {
        assert!(from.checked_add(len).is_some_and(|end| end <= self.len));
        // SAFETY: within the tensor by the line above, exclusive by the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.start.add(from), len) }
    }
}
