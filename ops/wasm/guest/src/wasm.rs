//! The module's exports.

use alloc::vec::Vec;
use codec::{Decode, Encode};
use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::UnsafeCell,
    panic::PanicInfo,
};
use vigil_architecture::{Architecture, Sampling};
use vigil_ops::{reference, Program};

/// Hands out memory from the end of the module's memory and takes none back.
struct Bump {
    next: UnsafeCell<usize>,
}

// SAFETY: a module without threads is never in here twice.
unsafe impl Sync for Bump {}

const PAGE: usize = 65_536;

// SAFETY: every block lies beyond all earlier ones, aligned, in memory that was grown for it.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no other reference is alive.
        let next = unsafe { &mut *self.next.get() };
        if *next == 0 {
            *next = wasm32::memory_size(0).saturating_mul(PAGE);
        }
        let start = next.next_multiple_of(layout.align());
        let Some(end) = start.checked_add(layout.size()) else {
            return core::ptr::null_mut();
        };
        let have = wasm32::memory_size(0).saturating_mul(PAGE);
        if end > have {
            let pages = end.saturating_sub(have).div_ceil(PAGE);
            if wasm32::memory_grow(0, pages) == usize::MAX {
                return core::ptr::null_mut();
            }
        }
        *next = end;
        start as *mut u8
    }

    unsafe fn dealloc(&self, _block: *mut u8, _layout: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: UnsafeCell::new(0) };

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}

/// Memory for a request of `len` bytes.
#[no_mangle]
pub extern "C" fn allocate(len: usize) -> *mut u8 {
    Vec::leak(alloc::vec![0u8; len]).as_mut_ptr()
}

/// One operator: the request is `(architecture, tokens in, tokens out, sampling, index, operands,
/// weights)`.
///
/// # Safety
/// `request` and `len` are of an [`allocate`]d block that the host has filled.
#[no_mangle]
pub unsafe extern "C" fn evaluate(request: *const u8, len: usize) -> u64 {
    type Request = (Architecture, u32, u32, Sampling, u32, Vec<Vec<u8>>, Vec<Vec<u8>>);
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(request, len) };
    respond(decode::<Request>(bytes).and_then(
        |(architecture, tokens_in, tokens_out, sampling, index, operands, weights)| {
            let program = Program::new(&architecture, tokens_in, tokens_out, sampling).ok()?;
            let op = program.op(index)?;
            let operands: Vec<&[u8]> = operands.iter().map(Vec::as_slice).collect();
            let weights: Vec<&[u8]> = weights.iter().map(Vec::as_slice).collect();
            reference::evaluate(&op, &operands, &weights).ok()
        },
    ))
}

/// A whole program: the request is `(architecture, tokens out, sampling, tokens, weights)`, where
/// `tokens` are those that the program's first operator holds.
///
/// # Safety
/// As for [`evaluate`].
#[no_mangle]
pub unsafe extern "C" fn run(request: *const u8, len: usize) -> u64 {
    type Request = (Architecture, u32, Sampling, Vec<u32>, Vec<u8>);
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(request, len) };
    respond(decode::<Request>(bytes).and_then(
        |(architecture, tokens_out, sampling, tokens, weights)| {
            let tokens_in = (tokens.len() as u32).checked_sub(tokens_out.saturating_sub(1))?;
            let program = Program::new(&architecture, tokens_in, tokens_out, sampling).ok()?;
            reference::run(&program, &tokens, &weights, |_, _, _| {}).ok()
        },
    ))
}

fn decode<T: Decode>(mut bytes: &[u8]) -> Option<T> {
    T::decode(&mut bytes).ok()
}

/// Address in the high half, length in the low half.
fn respond(result: Option<Vec<u8>>) -> u64 {
    let bytes = Vec::leak(result.encode());
    (bytes.as_ptr() as u64) << 32 | bytes.len() as u64
}
