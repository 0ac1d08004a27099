//! Memory of packed weights.
//!
//! A language model's weights are far larger than what a processor's page tables cache at 4 KiB a
//! page, and a token reads all of them. Large tables therefore lie on huge pages where the system
//! has them: their own anonymous mapping, aligned to 2 MiB. Whatever does not fill a huge page stays
//! on ordinary ones, so that no more memory is resident than the weights need.

use memmap2::MmapMut;
use std::{
    fmt,
    ops::{Deref, DerefMut},
};

const HUGE_PAGE: usize = 2 << 20;

/// One cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code, reason = "read through a pointer")] [i8; 64]);

enum Store {
    Heap(Vec<Line>),
    Mapped { map: MmapMut, start: usize },
}

/// Bytes on cache lines of their own, zero until written.
pub(super) struct Memory {
    store: Store,
    len: usize,
}

impl Memory {
    pub(super) fn zeroed(len: usize) -> Self {
        let store = match map(len) {
            Some((map, start)) => Store::Mapped { map, start },
            None => Store::Heap(vec![Line([0; 64]); len.div_ceil(64)]),
        };
        Self { store, len }
    }

    /// Makes it `len` times `value`, in the memory that it has if that suffices.
    pub(super) fn reset(&mut self, len: usize, value: i8) {
        match &mut self.store {
            Store::Heap(lines) if len < HUGE_PAGE => {
                lines.clear();
                lines.resize(len.div_ceil(64), Line([value; 64]));
                self.len = len;
            }
            _ => {
                *self = Self::zeroed(len);
                if value != 0 {
                    self.fill(value);
                }
            }
        }
    }
}

/// Zeros on huge pages, and where they start; `None` if they would not fill one, or the system
/// refuses.
fn map(len: usize) -> Option<(MmapMut, usize)> {
    if len < HUGE_PAGE {
        return None;
    }
    let map = MmapMut::map_anon(len.checked_add(HUGE_PAGE)?).ok()?;
    let start = map.as_ptr().align_offset(HUGE_PAGE);
    if start >= HUGE_PAGE {
        return None;
    }
    #[cfg(target_os = "linux")]
    // Only advice: a system without huge pages goes on with the pages it has.
    let _ = map.advise_range(memmap2::Advice::HugePage, start, len - len % HUGE_PAGE);
    Some((map, start))
}

impl Deref for Memory {
    type Target = [i8];

    fn deref(&self) -> &[i8] {
        let start = match &self.store {
            Store::Heap(lines) => lines.as_ptr().cast::<i8>(),
            Store::Mapped { map, start } => map[*start..].as_ptr().cast(),
        };
        // SAFETY: both stores hold at least `len` initialised bytes from `start` on.
        unsafe { core::slice::from_raw_parts(start, self.len) }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [i8] {
        let start = match &mut self.store {
            Store::Heap(lines) => lines.as_mut_ptr().cast::<i8>(),
            Store::Mapped { map, start } => map[*start..].as_mut_ptr().cast(),
        };
        // SAFETY: as above, and the borrow is exclusive.
        unsafe { core::slice::from_raw_parts_mut(start, self.len) }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len);
        copy.copy_from_slice(self);
        copy
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_should_be_zero_and_on_lines_of_its_own() {
        for len in [0, 1, 63, 65, HUGE_PAGE - 1, HUGE_PAGE, 3 * HUGE_PAGE + 5] {
            let mut memory = Memory::zeroed(len);
            assert_eq!(memory.len(), len);
            assert!(memory.iter().all(|byte| *byte == 0));
            assert_eq!(memory.as_ptr().align_offset(64), 0);
            memory.fill(7);
            assert!(memory.clone().iter().all(|byte| *byte == 7));
            memory.reset(len / 2, -3);
            assert_eq!(memory.len(), len / 2);
            assert!(memory.iter().all(|byte| *byte == -3));
        }
    }

    #[test]
    fn large_memory_should_begin_at_a_huge_page() {
        assert_eq!(Memory::zeroed(HUGE_PAGE).as_ptr().align_offset(HUGE_PAGE), 0);
    }
}
