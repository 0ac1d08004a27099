//! Packed operands and the exact integer products of small tiles.
//!
//! A tile is up to 6 rows by 64 columns of i32 sums. Columns lie in panels of 64 (the last one
//! shorter, in steps of 16), and within a panel the inner dimension is the slow index, so that a
//! kernel reads it from front to back. Integer sums are exact, and they wrap, so their order is
//! free and a long product may be cut into spans.

#[cfg(target_arch = "aarch64")]
use super::neon;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, avxvnni};
use super::{
    memory::Memory,
    multiversion, scalar,
    threads::{self, Shared},
};
use crate::Kernel;
use core::{
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

/// Columns of a panel.
pub(super) const PANEL: usize = 64;
/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 6;
/// Columns that are handled together.
pub(super) const GROUP: usize = 16;

/// The sums of a tile.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Tile(pub(super) [[i32; PANEL]; TILE_ROWS]);

impl Tile {
    pub(super) fn zeroed() -> Self {
        Self([[0; PANEL]; TILE_ROWS])
    }
}

/// Rows of int8 `stride` apart, every one followed by zeros up to a multiple of 4.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) a: &'a [i8],
    pub(super) stride: usize,
    /// What each row's sums start from: [`Matrix::start`].
    pub(super) starts: &'a [i32],
}

/// Which memory a kernel should ask for while it computes.
#[derive(Clone, Copy)]
pub(super) enum Ahead {
    /// What follows, as fast as it is used: the first of few rows, or all.
    Stream,
    /// Part `.0` of `.1` of what follows these weights, which others use too.
    Part(usize, usize),
}

/// Rows and a part of a panel whose products are added to a tile.
pub(super) struct Span<'a> {
    pub(super) a: &'a [i8],
    pub(super) stride: usize,
    pub(super) rows: usize,
    /// What the sums of the rows start from, unless they go on.
    pub(super) starts: Option<&'a [i32]>,
    /// `steps` times `width` columns of 4.
    pub(super) b: &'a [i8],
    pub(super) width: usize,
    pub(super) steps: usize,
    /// Where to prefetch from, which need not be valid memory.
    pub(super) ahead: *const i8,
    /// Whether to prefetch as much as is read, and not one line per step.
    pub(super) stream: bool,
}

impl Span<'_> {
    /// Panics unless the slices hold what the numbers promise.
    pub(super) fn check(&self) {
        assert!((1..=TILE_ROWS).contains(&self.rows) && self.steps > 0);
        assert!(self.a.len() >= (self.rows - 1) * self.stride + self.steps * 4);
        assert!(self.width <= PANEL && self.width.is_multiple_of(GROUP));
        assert!(self.b.len() >= self.steps * self.width * 4);
        assert!(self.starts.is_none_or(|starts| starts.len() == self.rows));
    }
}

/// Where a panel begins and how many columns it has, with the columns padded to whole groups.
fn panel_span(columns: usize, panel: usize) -> (usize, usize) {
    let padded = columns.next_multiple_of(GROUP);
    (panel * PANEL, PANEL.min(padded - panel * PANEL))
}

/// A packed weight of zero: kernels that multiply unsigned by signed bytes want weights raised by
/// 128, which is to turn over the highest bit.
fn zero(kernel: Kernel) -> i8 {
    match kernel {
        Kernel::AvxVnni | Kernel::Avx512 => i8::MIN,
        _ => 0,
    }
}

/// An int8 matrix, one packed column per output: `[panel][inputs / 4][column][4]`, or plain rows
/// for the scalar kernel.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    kernel: Kernel,
    outputs: usize,
    inputs: usize,
    data: Memory,
}

impl Matrix {
    /// All zeros, to be filled by [`Self::set_row`] or [`Self::set_input`].
    pub(super) fn new(kernel: Kernel, outputs: usize, inputs: usize) -> Self {
        let mut matrix = Self { kernel, outputs, inputs, data: Memory::zeroed(0) };
        matrix.reset(outputs, inputs);
        matrix
    }

    /// Packs `[outputs, inputs]` weights, whose number must fit; `None` if one is -128.
    pub(super) fn pack(
        kernel: Kernel,
        outputs: usize,
        inputs: usize,
        weight: &[i8],
    ) -> Option<Self> {
        let steps = inputs.div_ceil(4);
        let data = Memory::zeroed(outputs.next_multiple_of(GROUP) * steps * 4);
        let mut matrix = Self { kernel, outputs, inputs, data };
        let (panels, bad) = (matrix.panels(), AtomicBool::new(false));
        let data = Shared::new(&mut matrix.data);
        threads::each(panels, |panel| {
            let (start, width) = panel_span(outputs, panel);
            let rows = &weight[start * inputs..outputs.min(start + PANEL) * inputs];
            // SAFETY: every panel has bytes of its own.
            let packed = unsafe { data.slice(start * steps * 4, width * steps * 4) };
            let good = match kernel {
                Kernel::Scalar => copy_rows(kernel, rows, inputs, packed),
                _ => pack_panel(kernel, rows, inputs, width, zero(kernel), packed),
            };
            if !good {
                bad.store(true, Ordering::Relaxed);
            }
        });
        (!bad.into_inner()).then_some(matrix)
    }

    /// Makes it a matrix of zeros of another shape, keeping its memory.
    pub(super) fn reset(&mut self, outputs: usize, inputs: usize) {
        (self.outputs, self.inputs) = (outputs, inputs);
        let len = outputs.next_multiple_of(GROUP) * inputs.next_multiple_of(4);
        self.data.reset(len, zero(self.kernel));
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Steps of 4 of the inner dimension.
    pub(super) fn steps(&self) -> usize {
        self.inputs.div_ceil(4)
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Sets the weights of one output.
    pub(super) fn set_row(&mut self, output: usize, row: &[i8]) {
        let pitch = self.inputs.next_multiple_of(4);
        if self.kernel == Kernel::Scalar {
            self.data[output * pitch..][..row.len()].copy_from_slice(row);
            return;
        }
        let (start, width) = panel_span(self.outputs, output / PANEL);
        let base = start * pitch + output % PANEL * 4;
        let raise = zero(self.kernel);
        for (k, group) in row.chunks(4).enumerate() {
            for (packed, w) in self.data[base + k * width * 4..].iter_mut().zip(group) {
                *packed = w ^ raise;
            }
        }
    }

    /// The weights of one output.
    pub(super) fn row(&self, output: usize, row: &mut [i8]) {
        let pitch = self.inputs.next_multiple_of(4);
        if self.kernel == Kernel::Scalar {
            return row.copy_from_slice(&self.data[output * pitch..][..row.len()]);
        }
        let (start, width) = panel_span(self.outputs, output / PANEL);
        let base = start * pitch + output % PANEL * 4;
        let raise = zero(self.kernel);
        for (k, group) in row.chunks_mut(4).enumerate() {
            for (w, packed) in group.iter_mut().zip(&self.data[base + k * width * 4..]) {
                *w = packed ^ raise;
            }
        }
    }

    /// Sets what input `input` contributes to every output.
    pub(super) fn set_input(&mut self, input: usize, values: &[i8]) {
        let pitch = self.inputs.next_multiple_of(4);
        if self.kernel == Kernel::Scalar {
            let slots = self.data[input..].iter_mut().step_by(pitch);
            return slots.zip(values).for_each(|(slot, value)| *slot = *value);
        }
        let raise = zero(self.kernel);
        for (panel, values) in values.chunks(PANEL).enumerate() {
            let (start, width) = panel_span(self.outputs, panel);
            let base = start * pitch + input / 4 * width * 4 + input % 4;
            for (slot, value) in self.data[base..].iter_mut().step_by(4).zip(values) {
                *slot = value ^ raise;
            }
        }
    }

    /// What the sums of a row start from: -128 times its own sum if the weights are raised.
    pub(super) fn start(&self, row: &[i8]) -> i32 {
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a Matrix of a kernel is only made where the processor has it.
            Kernel::Avx512 => unsafe { avx512::row_sum(row).wrapping_mul(-128) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::AvxVnni => unsafe { avxvnni::row_sum(row).wrapping_mul(-128) },
            _ => 0,
        }
    }

    /// Sums of `rows` rows of `a`, each padded with zeros to a multiple of 4, with the columns of a
    /// panel.
    pub(super) fn multiply(&self, a: &[i8], rows: usize, panel: usize, out: &mut Tile) {
        let stride = self.inputs.next_multiple_of(4);
        let mut starts = [0; TILE_ROWS];
        for (start, row) in starts.iter_mut().zip(a.chunks(stride)).take(rows) {
            *start = self.start(row);
        }
        let rows = Rows { a, stride, starts: &starts[..rows] };
        self.add(rows, panel, 0..self.steps(), Ahead::Stream, out);
    }

    /// Adds some steps of the products of up to [`TILE_ROWS`] rows with the columns of a panel to
    /// the sums of a tile, which begin anew with step 0.
    pub(super) fn add(
        &self,
        rows: Rows<'_>,
        panel: usize,
        steps: Range<usize>,
        ahead: Ahead,
        out: &mut Tile,
    ) {
        let (start, width) = panel_span(self.outputs, panel);
        let all = self.steps();
        let panel = &self.data[start * all * 4..][..width * all * 4];
        let a = &rows.a[steps.start * 4..];
        if self.kernel == Kernel::Scalar {
            let b = &panel[steps.start * 4..];
            let count = rows.starts.len();
            if steps.start == 0 {
                out.0[..count].iter_mut().for_each(|sums| sums.fill(0));
            }
            let inner = steps.len() * 4;
            return scalar::multiply_i8(a, rows.stride, count, b, all * 4, width, inner, out);
        }
        let size = steps.len() * width * 4;
        let b = &panel[steps.start * width * 4..][..size];
        /// How far ahead of its use a stream of weights is asked for, by one row and by several.
        const DISTANCE: [usize; 2] = [4_096, 16_384];
        let distance = DISTANCE[usize::from(rows.starts.len() > 1)];
        let (ahead, stream) = match ahead {
            Ahead::Stream => (b.as_ptr().wrapping_add(distance), true),
            Ahead::Part(part, parts) if part < parts => {
                (b.as_ptr().wrapping_add(size + size / parts * part), false)
            }
            // Already asked for: some address that is at hand.
            Ahead::Part(..) => (b.as_ptr(), false),
        };
        let starts = (steps.start == 0).then_some(rows.starts);
        let (stride, rows, steps) = (rows.stride, rows.starts.len(), steps.len());
        let span = Span { a, stride, rows, starts, b, width, steps, ahead, stream };
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a Matrix of a kernel is only made where the processor has it.
            Kernel::Avx512 => unsafe { avx512::multiply_i8(&span, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::AvxVnni => unsafe { avxvnni::multiply_i8(&span, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe { avx2::multiply_i8(&span, out) },
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => neon::multiply_i8(&span, out),
            _ => {}
        }
    }
}

multiversion! {
    /// Copies rows to where each is padded to a multiple of 4; false if one holds -128.
    fn copy_rows(rows: &[i8], inputs: usize, packed: &mut [i8]) -> bool = copy_rows_body;
}

#[inline(always)]
fn copy_rows_body(rows: &[i8], inputs: usize, packed: &mut [i8]) -> bool {
    let mut good = true;
    for (row, packed) in
        rows.chunks_exact(inputs).zip(packed.chunks_exact_mut(inputs.next_multiple_of(4)))
    {
        packed[..inputs].copy_from_slice(row);
        good &= row.iter().fold(true, |good, w| good & (*w != i8::MIN));
    }
    good
}

multiversion! {
    /// Packs the rows of a panel; false if one holds -128.
    fn pack_panel(
        rows: &[i8], inputs: usize, width: usize, raise: i8, packed: &mut [i8],
    ) -> bool = pack_panel_body;
}

#[inline(always)]
fn pack_panel_body(rows: &[i8], inputs: usize, width: usize, raise: i8, packed: &mut [i8]) -> bool {
    /// Inputs of a row that are packed before the next row's, one cache line.
    const BLOCK: usize = 64;
    let mut good = true;
    for k in (0..inputs).step_by(BLOCK) {
        let len = BLOCK.min(inputs - k);
        let packed = &mut packed[k * width..];
        for (column, row) in rows.chunks_exact(inputs).enumerate() {
            let block = &row[k..k + len];
            good &= block.iter().fold(true, |good, w| good & (*w != i8::MIN));
            let groups = block.chunks(4).zip(packed[column * 4..].chunks_mut(width * 4));
            for (group, packed) in groups {
                match group {
                    [a, b, c, d] => {
                        packed[..4].copy_from_slice(&[a ^ raise, b ^ raise, c ^ raise, d ^ raise])
                    }
                    _ => packed.iter_mut().zip(group).for_each(|(p, w)| *p = w ^ raise),
                }
            }
        }
    }
    good
}

/// An int16 matrix by rows of pairs: `[panel][inputs / 2][column][2]`.
#[derive(Clone, Debug)]
pub(super) struct PairMatrix {
    kernel: Kernel,
    outputs: usize,
    inputs: usize,
    data: Vec<i16>,
}

impl PairMatrix {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel, outputs: 0, inputs: 0, data: Vec::new() }
    }

    /// Makes it a matrix of zeros of another shape, keeping its memory.
    pub(super) fn reset(&mut self, outputs: usize, inputs: usize) {
        (self.outputs, self.inputs) = (outputs, inputs);
        self.data.clear();
        self.data.resize(outputs.next_multiple_of(GROUP) * inputs.next_multiple_of(2), 0);
    }

    /// Sets what inputs `2 * step` and the one after contribute to every output.
    pub(super) fn set_pair(&mut self, step: usize, pair: [&[i8]; 2]) {
        let steps = self.inputs.div_ceil(2);
        for (panel, (first, second)) in pair[0].chunks(PANEL).zip(pair[1].chunks(PANEL)).enumerate()
        {
            let (start, width) = panel_span(self.outputs, panel);
            let packed = &mut self.data[(start * steps + step * width) * 2..];
            let (packed, _) = packed.as_chunks_mut::<2>();
            for ((packed, first), second) in packed.iter_mut().zip(first).zip(second) {
                *packed = [i16::from(*first), i16::from(*second)];
            }
        }
    }

    /// Sums of `rows` rows of `a`, `stride` apart (even, at least the padded inputs), with the
    /// columns of a panel.
    pub(super) fn multiply(
        &self,
        a: &[i16],
        stride: usize,
        rows: usize,
        panel: usize,
        out: &mut Tile,
    ) {
        let steps = self.inputs.div_ceil(2);
        let (start, width) = panel_span(self.outputs, panel);
        let data = &self.data[start * steps * 2..][..width * steps * 2];
        assert!(
            rows <= TILE_ROWS
                && stride >= steps * 2
                && a.len() >= rows.saturating_sub(1) * stride + steps * 2
        );
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a PairMatrix of a kernel is only made where the processor has it.
            Kernel::Avx512 => unsafe {
                avx512::multiply_i16(a, stride, rows, data, width, steps, out);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::AvxVnni => unsafe {
                avxvnni::multiply_i16(a, stride, rows, data, width, steps, out);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe {
                avx2::multiply_i16(a, stride, rows, data, width, steps, out);
            },
            #[cfg(target_arch = "aarch64")]
            Kernel::Neon => neon::multiply_i16(a, stride, rows, data, width, steps, out),
            _ => scalar::multiply_i16(a, stride, rows, data, width, steps, out),
        }
    }
}
