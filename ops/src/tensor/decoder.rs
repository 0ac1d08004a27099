//! Operators of decoders on single rows: lookup, normalisation and gating, fused with the
//! quantisation that follows them.

use super::{
    area, check_kernel, check_length, multiversion,
    rows::{add_row, blocked_sum, quantise_activations_body, QuantisedRowsMut},
    threads, KernelError, Linear,
};
use crate::{
    math::{canonical, silu, sqrt},
    Kernel,
};
use vigil_architecture::Activations;

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

/// Normalises every row of `x` and quantises the result.
pub fn rms_quantise(
    kernel: Kernel,
    norm: &RmsNorm<'_>,
    x: &[f32],
    out: QuantisedRowsMut<'_>,
) -> Result<(), KernelError> {
    let (width, activations) = (norm.weight.len(), out.activations);
    check_kernel(kernel)?;
    out.check(x.len(), width)?;
    quantised_rows(width, out, |t, row, limbs| {
        rms_quantise_row(kernel, activations, norm, &x[t * width..][..width], row, limbs)
    });
    Ok(())
}

/// Gates `up` by `gate`, both `[rows, width]`, and quantises the result: `silu(gate) * up`.
pub fn swiglu_quantise(
    kernel: Kernel,
    gate: &[f32],
    up: &[f32],
    width: usize,
    out: QuantisedRowsMut<'_>,
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    out.check(gate.len(), width)?;
    check_length("up", up.len(), gate.len())?;
    let activations = out.activations;
    quantised_rows(width, out, |t, row, limbs| {
        let (gate, up) = (&gate[t * width..][..width], &up[t * width..][..width]);
        swiglu_quantise_row(kernel, activations, gate, up, row, limbs)
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

/// Calls `task` with every row's number, memory for `width` floats and where its limbs go, and keeps
/// the scale that it returns.
fn quantised_rows(
    width: usize,
    out: QuantisedRowsMut<'_>,
    task: impl Fn(usize, &mut [f32], &mut [i8]) -> f32 + Sync + Send,
) {
    let wide = width * out.activations.limbs() as usize;
    out.each(width, |first, limbs, scale| {
        let mut row = vec![0f32; width];
        for (i, (limbs, scale)) in limbs.chunks_exact_mut(wide).zip(scale).enumerate() {
            *scale = task(first + i, &mut row, limbs);
        }
    });
}

multiversion! {
    fn rms_quantise_row(
        activations: Activations, norm: &RmsNorm<'_>, x: &[f32], row: &mut [f32], limbs: &mut [i8],
    ) -> f32 = rms_quantise_row_body;
}

#[inline(always)]
fn rms_quantise_row_body(
    activations: Activations,
    norm: &RmsNorm<'_>,
    x: &[f32],
    row: &mut [f32],
    limbs: &mut [i8],
) -> f32 {
    row.copy_from_slice(x);
    rms_normalise(norm, row);
    quantise_activations_body(activations, row, limbs)
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
    fn swiglu_quantise_row(
        activations: Activations, gate: &[f32], up: &[f32], row: &mut [f32], limbs: &mut [i8],
    ) -> f32 = swiglu_quantise_row_body;
}

#[inline(always)]
fn swiglu_quantise_row_body(
    activations: Activations,
    gate: &[f32],
    up: &[f32],
    row: &mut [f32],
    limbs: &mut [i8],
) -> f32 {
    for ((row, gate), up) in row.iter_mut().zip(gate).zip(up) {
        *row = canonical(silu(*gate) * *up);
    }
    quantise_activations_body(activations, row, limbs)
}
