//! Packed operands and the exact integer products of small tiles.
//!
//! A tile is up to 6 rows by 64 columns of i32 sums. Columns lie in panels of 64 (the last one
//! shorter, in steps of 16), and within a panel the inner dimension is the slow index, so that a
//! kernel reads it from front to back. Integer sums are exact, so their order is free.

use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::Kernel;

/// Columns of a panel.
pub(super) const PANEL: usize = 64;
/// Rows of a tile.
pub(super) const TILE_ROWS: usize = 6;
/// Columns that are handled together.
pub(super) const GROUP: usize = 16;

/// The sums of a tile.
#[repr(align(64))]
pub(super) struct Tile(pub(super) [[i32; PANEL]; TILE_ROWS]);

impl Tile {
    pub(super) fn zeroed() -> Self {
        Self([[0; PANEL]; TILE_ROWS])
    }
}

/// Where a panel begins and how many columns it has, with the columns padded to whole groups.
fn panel_span(columns: usize, panel: usize) -> (usize, usize) {
    let padded = columns.next_multiple_of(GROUP);
    (panel * PANEL, PANEL.min(padded - panel * PANEL))
}

/// An int8 matrix, one packed column per output: `[panel][inputs / 4][column][4]`.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    kernel: Kernel,
    outputs: usize,
    inputs: usize,
    data: Vec<i8>,
    /// -128 times the sum of each column, for kernels whose other operand is raised by 128.
    corrections: Vec<i32>,
}

impl Matrix {
    /// All zeros, to be filled by [`Self::set_row`].
    pub(super) fn new(kernel: Kernel, outputs: usize, inputs: usize) -> Self {
        let mut matrix =
            Self { kernel, outputs: 0, inputs: 0, data: Vec::new(), corrections: Vec::new() };
        matrix.reset(outputs, inputs);
        matrix
    }

    /// Makes it a matrix of zeros of another shape, keeping its memory.
    pub(super) fn reset(&mut self, outputs: usize, inputs: usize) {
        let padded = outputs.next_multiple_of(GROUP);
        (self.outputs, self.inputs) = (outputs, inputs);
        self.data.clear();
        self.data.resize(padded * inputs.next_multiple_of(4), 0);
        self.corrections.clear();
        self.corrections.resize(padded, 0);
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Sets the weights of one output.
    pub(super) fn set_row(&mut self, output: usize, row: &[i8]) {
        let (start, width) = panel_span(self.outputs, output / PANEL);
        let base = start * self.inputs.next_multiple_of(4) + output % PANEL * 4;
        for (k, group) in row.chunks(4).enumerate() {
            self.data[base + k * width * 4..][..group.len()].copy_from_slice(group);
        }
        // Wraps for the widest matrices, as the kernel's own sums then do: together they are exact.
        let sum: i32 = row.iter().map(|w| i32::from(*w)).sum();
        self.corrections[output] = sum.wrapping_mul(-128);
    }

    /// The weights of one output.
    pub(super) fn row(&self, output: usize, row: &mut [i8]) {
        let (start, width) = panel_span(self.outputs, output / PANEL);
        let base = start * self.inputs.next_multiple_of(4) + output % PANEL * 4;
        for (k, group) in row.chunks_mut(4).enumerate() {
            group.copy_from_slice(&self.data[base + k * width * 4..][..group.len()]);
        }
    }

    /// Sets what input `input`, of which there were zeros so far, contributes to every output.
    pub(super) fn set_input(&mut self, input: usize, values: &[i8]) {
        let stride = self.inputs.next_multiple_of(4);
        for (panel, values) in values.chunks(PANEL).enumerate() {
            let (start, width) = panel_span(self.outputs, panel);
            let base = start * stride + input / 4 * width * 4 + input % 4;
            let slots = self.data[base..].iter_mut().step_by(4);
            let corrections = &mut self.corrections[start..];
            for ((slot, correction), value) in slots.zip(corrections).zip(values) {
                *slot = *value;
                *correction = correction.wrapping_sub(i32::from(*value) * 128);
            }
        }
    }

    /// Sums of `rows` rows of `a`, each padded to a multiple of 4, with the columns of a panel.
    pub(super) fn multiply(&self, a: &[i8], rows: usize, panel: usize, out: &mut Tile) {
        let steps = self.inputs.div_ceil(4);
        let (start, width) = panel_span(self.outputs, panel);
        let data = &self.data[start * steps * 4..][..width * steps * 4];
        assert!(rows <= TILE_ROWS && a.len() >= rows * steps * 4);
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a Matrix of a kernel is only made where the processor has it.
            Kernel::Avx512 => unsafe {
                avx512::multiply_i8(a, rows, data, &self.corrections[start..][..width], steps, out);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe { avx2::multiply_i8(a, rows, data, width, steps, out) },
            _ => scalar::multiply_i8(a, rows, data, width, steps, out),
        }
    }
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

    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Sets what input `input` contributes to every output.
    pub(super) fn set_input(&mut self, input: usize, values: &[i8]) {
        let steps = self.inputs.div_ceil(2);
        for (panel, values) in values.chunks(PANEL).enumerate() {
            let (start, width) = panel_span(self.outputs, panel);
            let base = start * steps * 2 + input / 2 * width * 2 + input % 2;
            for (slot, value) in self.data[base..].iter_mut().step_by(2).zip(values) {
                *slot = i16::from(*value);
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
        assert!(rows <= TILE_ROWS && stride >= steps * 2 && a.len() >= rows * stride);
        match self.kernel {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a PairMatrix of a kernel is only made where the processor has it.
            Kernel::Avx512 => unsafe {
                avx512::multiply_i16(a, stride, rows, data, width, steps, out);
            },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Kernel::Avx2 => unsafe {
                avx2::multiply_i16(a, stride, rows, data, width, steps, out);
            },
            _ => scalar::multiply_i16(a, stride, rows, data, width, steps, out),
        }
    }
}
