//! Packing streams: it needs little more memory than one tensor, whatever the model's size.

mod common;

use common::Llama;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};
use vigil_engine::pack::{pack, PackOptions};

/// The system's allocator, with the bytes that are allocated and the most there ever were.
struct Counted;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn add(size: usize) {
    let live = LIVE.fetch_add(size, Ordering::Relaxed) + size;
    MOST.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn packing_should_need_less_memory_than_the_largest_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("source"), dir.path().join("package"));
    let llama = Llama {
        vocabulary: 24_000,
        hidden: 256,
        layers: 4,
        head_width: 64,
        intermediate: 1_024,
        shards: 3,
        ..Llama::default()
    };
    llama.write(&from);
    let before = LIVE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let report = pack(&from, &to, &PackOptions::default()).unwrap();
    let needed = MOST.load(Ordering::Relaxed) - before;
    let largest = 24_000 * 256 * 4;
    assert!(report.source_len > 2 * largest as u64, "the model is too small to show anything");
    // The activations of one layer for what it is calibrated with, the head's moments, a buffer, a
    // few rows, the tokenizer, the headers.
    assert!(needed < largest / 2, "{needed} bytes, the largest tensor has {largest}");
}
