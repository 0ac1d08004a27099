//! What the processor can do at most: the bytes it reads from memory and the int8
//! multiply-accumulates it does per second, with as many threads at once as a run has.
//!
//! A decode step reads every weight once, so it can't be faster than memory; a prefill multiplies,
//! so it can't be faster than the multiplier. Measured in the same run, these say how much is left.

use std::{hint::black_box, sync::Barrier, time::Instant};
use vigil_engine::Kernel;

/// Memory that is read: like a model, far more than the processor's caches hold.
pub(crate) struct Memory {
    words: memmap2::MmapMut,
}

/// Words that one step of a stream reads: eight cache lines.
const STEP: usize = 64;

impl Memory {
    /// Maps and fills the memory, in huge pages where the system has them.
    pub(crate) fn new(bytes: usize) -> std::io::Result<Self> {
        let bytes = bytes.next_multiple_of(1 << 21);
        let mut words = memmap2::MmapMut::map_anon(bytes)?;
        #[cfg(target_os = "linux")]
        if let Err(error) = words.advise(memmap2::Advice::HugePage) {
            eprintln!("without huge pages: {error}");
        }
        words.fill(0x5a);
        Ok(Self { words })
    }

    /// Bytes per second that `threads` threads read at most, each its own part: the best of several
    /// ways to walk through it.
    pub(crate) fn read_rate(&self, threads: usize) -> f64 {
        [Self::walk::<1>, Self::walk::<2>, Self::walk::<4>, Self::walk::<8>]
            .into_iter()
            .map(|walk| walk(self, threads))
            .fold(0.0, f64::max)
    }

    /// One pass over the memory, `S` streams at a time in each thread.
    fn walk<const S: usize>(&self, threads: usize) -> f64 {
        // SAFETY: any eight bytes are a u64, and a map is aligned to a page.
        let (_, words, _) = unsafe { self.words.align_to::<u64>() };
        let part = words.len() / threads / (S * STEP) * (S * STEP);
        let seconds = together(threads, |thread| {
            let words = &words[thread * part..][..part];
            let streams: [&[u64]; S] =
                std::array::from_fn(|i| &words[i * (part / S)..][..part / S]);
            black_box(read(streams));
        });
        (part * threads * 8) as f64 / seconds
    }
}

/// The words of all streams, one step of each in turn.
fn read<const S: usize>(streams: [&[u64]; S]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the feature.
            return unsafe { read_avx512(streams) };
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the feature.
            return unsafe { read_avx2(streams) };
        }
    }
    read_body(streams)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn read_avx512<const S: usize>(streams: [&[u64]; S]) -> u64 {
    read_body(streams)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn read_avx2<const S: usize>(streams: [&[u64]; S]) -> u64 {
    read_body(streams)
}

#[inline(always)]
fn read_body<const S: usize>(streams: [&[u64]; S]) -> u64 {
    /// How far ahead of the reading the processor is told what comes, in words: the hardware's own
    /// prefetching stops at the end of a page.
    const AHEAD: usize = 512;
    let mut sums = [0u64; STEP];
    for step in 0..streams[0].len() / STEP {
        for stream in streams {
            let words = &stream[step * STEP..][..STEP];
            #[cfg(target_arch = "x86_64")]
            for line in 0..STEP / 8 {
                use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
                let ahead = words.as_ptr().wrapping_add(AHEAD + line * 8);
                // SAFETY: a prefetch of any address is allowed; nothing is read.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead.cast()) };
            }
            for (sum, word) in sums.iter_mut().zip(words) {
                *sum ^= word;
            }
        }
    }
    sums.into_iter().fold(0, |a, b| a ^ b)
}

/// int8 multiply-accumulates per second that `threads` threads do together with the instructions
/// of a kernel; `None` where they are not known.
pub(crate) fn multiply_rate(kernel: Kernel, threads: usize) -> Option<f64> {
    const ROUNDS: u64 = 4_000_000;
    let instructions = Instructions::of(kernel)?;
    let least = (0..10)
        .map(|_| together(threads, |_| instructions.run(ROUNDS)))
        .fold(f64::INFINITY, f64::min);
    Some((ROUNDS * instructions.per_round() * threads as u64) as f64 / least)
}

/// The instructions that multiply in a kernel.
#[derive(Clone, Copy)]
enum Instructions {
    /// `vpdpbusd` on 512 bits.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    /// `vpdpbusd` on 256 bits.
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    /// `vpmaddwd` and `vpaddd` on 256 bits.
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

/// Sums under way at once: more than the latency of an instruction times those begun per cycle.
#[cfg(target_arch = "x86_64")]
const SUMS: usize = 12;

impl Instructions {
    #[cfg(target_arch = "x86_64")]
    fn of(kernel: Kernel) -> Option<Self> {
        match kernel.name() {
            _ if !kernel.is_available() => None,
            "avx512" => Some(Self::Avx512Vnni),
            "avxvnni" => Some(Self::AvxVnni),
            "avx2" => Some(Self::Avx2),
            _ => None,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of(_: Kernel) -> Option<Self> {
        None
    }

    /// Multiply-accumulates of one round.
    #[cfg(target_arch = "x86_64")]
    fn per_round(self) -> u64 {
        let each = match self {
            Self::Avx512Vnni => 64,
            Self::AvxVnni => 32,
            Self::Avx2 => 16,
        };
        each * SUMS as u64
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn per_round(self) -> u64 {
        match self {}
    }

    #[cfg(target_arch = "x86_64")]
    fn run(self, rounds: u64) {
        // SAFETY: `of` gives only what the processor has.
        unsafe {
            match self {
                Self::Avx512Vnni => x86::avx512_vnni(rounds),
                Self::AvxVnni => x86::avx_vnni(rounds),
                Self::Avx2 => x86::avx2(rounds),
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn run(self, _: u64) {
        match self {}
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::SUMS;
    use std::{arch::x86_64::*, hint::black_box};

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) unsafe fn avx512_vnni(rounds: u64) {
        let (a, b) = black_box((_mm512_set1_epi8(3), _mm512_set1_epi8(5)));
        let mut sums = black_box([_mm512_setzero_si512(); SUMS]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2,avxvnni")]
    pub(super) unsafe fn avx_vnni(rounds: u64) {
        let (a, b) = black_box((_mm256_set1_epi8(3), _mm256_set1_epi8(5)));
        let mut sums = black_box([_mm256_setzero_si256(); SUMS]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_dpbusd_avx_epi32(*sum, a, b);
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn avx2(rounds: u64) {
        // For all the compiler knows one operand changes every time, so that no product can be
        // computed once and for all.
        let (mut a, b) = black_box((_mm256_set1_epi16(3), _mm256_set1_epi16(5)));
        let mut sums = black_box([_mm256_setzero_si256(); SUMS]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(a, b));
                std::arch::asm!("/* {0} */", inout(ymm_reg) a, options(nomem, nostack));
            }
        }
        black_box(sums);
    }
}

/// Seconds from when all threads begin `work` until the last one is done.
fn together(threads: usize, work: impl Fn(usize) + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let spans: Vec<(Instant, Instant)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let (work, barrier) = (&work, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    work(thread);
                    (start, Instant::now())
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a thread panicked")).collect()
    });
    let start = spans.iter().map(|span| span.0).min().expect("at least one thread");
    let end = spans.iter().map(|span| span.1).max().expect("at least one thread");
    (end - start).as_secs_f64()
}
