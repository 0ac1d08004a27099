//! What a trace commits to of keys and values, from the rows that attention is given.
//!
//! Attention keeps keys and values packed for its kernel. A trace wants them as they are defined, row
//! by row, and only when somebody asks for it: so they are made once more here, which is little work
//! beside the projections that they come from.

use super::{
    area,
    causal::rotate_quantise,
    check_kernel, check_length,
    decoder::RmsNorm,
    rows::{max_magnitude, quantise_row},
    threads, KernelError, Rotary,
};
use crate::Kernel;

/// Bytes of the record of one row of keys and values.
pub fn key_value_len(heads: usize, width: usize) -> usize {
    2 * heads * (width + size_of::<f32>())
}

/// Writes the records of rows of keys and values, `[rows, heads * width]` each: the largest
/// magnitudes of the keys, the keys, the largest magnitudes of the values, the values.
///
/// A decoder's keys are normalised and rotated first; row `i` is at position `first + i` of its
/// sequence. An encoder's are not: it has no `rotary`.
pub fn key_value_records(
    kernel: Kernel,
    rotary: Option<&Rotary<'_>>,
    first: usize,
    [heads, width]: [usize; 2],
    k: &[f32],
    v: &[f32],
    out: &mut [u8],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    if heads == 0 || width == 0 {
        return Err(KernelError::WrongDimension("a head"));
    }
    let row = area(heads, width)?;
    let rows = k.len() / row;
    check_length("k", k.len(), area(rows, row)?)?;
    check_length("v", v.len(), k.len())?;
    let record = key_value_len(heads, width);
    check_length("out", out.len(), area(rows, record)?)?;
    if let Some(rotary) = rotary {
        let half = width / 2;
        let positions = rotary.cos.len().checked_div(half).unwrap_or(0);
        check_length("the sines", rotary.sin.len(), rotary.cos.len())?;
        if !width.is_multiple_of(2) || first.saturating_add(rows) > positions {
            return Err(KernelError::WrongDimension("a sequence"));
        }
        if let Some((_, key)) = rotary.norms {
            check_length("the norm of the keys", key.len(), width)?;
        }
    }
    threads::rows(out, record, |number, out| {
        let mut rotated = vec![0f32; width];
        let mut integers = vec![0i8; width];
        for (row_number, out) in (number..).zip(out.chunks_exact_mut(record)) {
            let (keys, values) = out.split_at_mut(record / 2);
            let mut keys = Half::new(keys, heads, width);
            let mut values = Half::new(values, heads, width);
            let at = row_number * row;
            for (key, value) in k[at..][..row].chunks(width).zip(v[at..][..row].chunks(width)) {
                let largest = match rotary {
                    Some(rotary) => {
                        let position = first + row_number;
                        let norm = rotary.norms;
                        let norm = norm.map(|(_, key)| RmsNorm { weight: key, eps: rotary.eps });
                        let (x, q) = (&mut rotated, &mut integers);
                        rotate_quantise(kernel, norm, rotary, position, key, x, q);
                        max_magnitude(x)
                    }
                    None => {
                        quantise_row(kernel, key, &mut integers);
                        max_magnitude(key)
                    }
                };
                keys.push(largest, &integers);
                quantise_row(kernel, value, &mut integers);
                values.push(max_magnitude(value), &integers);
            }
        }
    });
    Ok(())
}

/// Largest magnitudes and integers of the heads of a row, as they are filled in.
struct Half<'a> {
    max: std::slice::ChunksExactMut<'a, u8>,
    integers: std::slice::ChunksExactMut<'a, u8>,
}

impl<'a> Half<'a> {
    fn new(bytes: &'a mut [u8], heads: usize, width: usize) -> Self {
        let (max, integers) = bytes.split_at_mut(heads * size_of::<f32>());
        Self {
            max: max.chunks_exact_mut(size_of::<f32>()),
            integers: integers.chunks_exact_mut(width),
        }
    }

    fn push(&mut self, max: u32, integers: &[i8]) {
        if let (Some(slot), Some(out)) = (self.max.next(), self.integers.next()) {
            slot.copy_from_slice(&max.to_le_bytes());
            for (out, integer) in out.iter_mut().zip(integers) {
                *out = *integer as u8;
            }
        }
    }
}
