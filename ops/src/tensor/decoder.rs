//! Operators of decoders on single rows: lookup, normalisation and gating, fused with the
//! quantisation that follows them.

use super::{
    area, check_kernel, check_length, multiversion,
    rows::{add_row, blocked_sum, quantise_row_body},
    threads::{self, Shared},
    KernelError, Linear,
};
use crate::{
    math::{canonical, silu, sqrt},
    Kernel,
};

/// Factor and constant of a root-mean-square normalisation.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm<'a> {
    /// `[width]`.
    pub weight: &'a [f32],
    /// Added to the mean square.
    pub eps: f32,
}

/// Looks up the tokens of a batch: `out[t] = table[token] * scale[token]`.
///
/// `table` is `[vocabulary, hidden]`, `scale` `[vocabulary]`, `out` `[tokens, hidden]`.
pub fn lookup(
    kernel: Kernel,
    table: &[i8],
    scale: &[f32],
    tokens: &[u32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    let hidden = table.len().checked_div(scale.len()).unwrap_or(0);
    if hidden == 0 {
        return Err(KernelError::WrongDimension("hidden"));
    }
    check_length("the table", table.len(), area(scale.len(), hidden)?)?;
    look_up(kernel, scale, hidden, tokens, out, |token, out| {
        scale_row(kernel, &table[token * hidden..][..hidden], scale[token], out);
    })
}

/// [`lookup`] in the weights of a projection, for models whose head is the token table.
pub fn lookup_tied(
    kernel: Kernel,
    head: &Linear,
    tokens: &[u32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    let (hidden, scale) = (head.inputs(), head.scale());
    look_up(kernel, scale, hidden, tokens, out, |token, out| {
        let mut row = vec![0; hidden];
        head.weight_row(token, &mut row);
        scale_row(kernel, &row, scale[token], out);
    })
}

fn look_up(
    kernel: Kernel,
    scale: &[f32],
    hidden: usize,
    tokens: &[u32],
    out: &mut [f32],
    row: impl Fn(usize, &mut [f32]) + Sync + Send,
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    check_length("out", out.len(), area(tokens.len(), hidden)?)?;
    if let Some(id) = tokens.iter().find(|id| **id as usize >= scale.len()) {
        return Err(KernelError::UnknownToken(*id));
    }
    threads::rows(out, hidden, |first, rows| {
        for (out, token) in rows.chunks_exact_mut(hidden).zip(&tokens[first..]) {
            row(*token as usize, out);
        }
    });
    Ok(())
}

multiversion! {
    fn scale_row(weight: &[i8], scale: f32, out: &mut [f32]) = scale_row_body;
}

#[inline(always)]
fn scale_row_body(weight: &[i8], scale: f32, out: &mut [f32]) {
    for (out, weight) in out.iter_mut().zip(weight) {
        *out = canonical(f32::from(*weight) * scale);
    }
}

/// Normalises every row of `x` and quantises the result: `q` as long as `x`, `scale` one per row.
pub fn rms_quantise(
    kernel: Kernel,
    norm: &RmsNorm<'_>,
    x: &[f32],
    q: &mut [i8],
    scale: &mut [f32],
) -> Result<(), KernelError> {
    let width = norm.weight.len();
    check_rows(kernel, width, x.len(), q.len(), scale.len())?;
    quantised_rows(width, q, scale, |t, row, q| {
        rms_quantise_row(kernel, norm, &x[t * width..][..width], row, q)
    });
    Ok(())
}

/// Gates `up` by `gate`, both `[rows, width]`, and quantises the result: `silu(gate) * up`.
pub fn swiglu_quantise(
    kernel: Kernel,
    gate: &[f32],
    up: &[f32],
    width: usize,
    q: &mut [i8],
    scale: &mut [f32],
) -> Result<(), KernelError> {
    check_rows(kernel, width, gate.len(), q.len(), scale.len())?;
    check_length("up", up.len(), gate.len())?;
    quantised_rows(width, q, scale, |t, row, q| {
        let (gate, up) = (&gate[t * width..][..width], &up[t * width..][..width]);
        swiglu_quantise_row(kernel, gate, up, row, q)
    });
    Ok(())
}

/// Adds `residual` to `x`, in place.
pub fn add(kernel: Kernel, residual: &[f32], x: &mut [f32]) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    check_length("residual", residual.len(), x.len())?;
    threads::rows(x, 1, |first, x| add_row(kernel, &residual[first..][..x.len()], x));
    Ok(())
}

fn check_rows(
    kernel: Kernel,
    width: usize,
    x: usize,
    q: usize,
    scale: usize,
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    if width == 0 || width > 1 << 24 {
        return Err(KernelError::WrongDimension("width"));
    }
    check_length("x", x, area(scale, width)?)?;
    check_length("q", q, x)
}

/// Calls `task` with every row's number, memory for `width` floats and where its quantised values
/// go, and keeps the scale that it returns.
fn quantised_rows(
    width: usize,
    q: &mut [i8],
    scale: &mut [f32],
    task: impl Fn(usize, &mut [f32], &mut [i8]) -> f32 + Sync + Send,
) {
    let shared = Shared::new(scale);
    threads::rows(q, width, |first, rows| {
        // SAFETY: one scale per row, and every task has rows of its own.
        let scale = unsafe { shared.slice(first, rows.len() / width) };
        let mut row = vec![0f32; width];
        for (i, (q, scale)) in rows.chunks_exact_mut(width).zip(scale).enumerate() {
            *scale = task(first + i, &mut row, q);
        }
    });
}

multiversion! {
    fn rms_quantise_row(norm: &RmsNorm<'_>, x: &[f32], row: &mut [f32], q: &mut [i8]) -> f32
        = rms_quantise_row_body;
}

#[inline(always)]
fn rms_quantise_row_body(norm: &RmsNorm<'_>, x: &[f32], row: &mut [f32], q: &mut [i8]) -> f32 {
    row.copy_from_slice(x);
    rms_normalise(norm, row);
    quantise_row_body(row, q)
}

/// Normalises one row, in place.
#[inline(always)]
pub(super) fn rms_normalise(norm: &RmsNorm<'_>, x: &mut [f32]) {
    let mean = blocked_sum(x, |x| x * x) / x.len() as f32;
    let factor = 1.0 / sqrt(mean + norm.eps);
    for (x, w) in x.iter_mut().zip(norm.weight) {
        *x = canonical((*x * factor) * *w);
    }
}

multiversion! {
    fn swiglu_quantise_row(gate: &[f32], up: &[f32], row: &mut [f32], q: &mut [i8]) -> f32
        = swiglu_quantise_row_body;
}

#[inline(always)]
fn swiglu_quantise_row_body(gate: &[f32], up: &[f32], row: &mut [f32], q: &mut [i8]) -> f32 {
    for ((row, gate), up) in row.iter_mut().zip(gate).zip(up) {
        *row = canonical(silu(*gate) * *up);
    }
    quantise_row_body(row, q)
}
