//! The reproducible tensor kernels as candle operators.
//!
//! candle holds the tensors and calls; `vigil_ops` computes. candle has no signed byte type, so
//! int8 tables are `U8` tensors whose bytes are read as i8.

mod decoder;

pub(crate) use decoder::{
    CausalAttention, GateProjectAdd, Lookup, NormProject, ProjectAdd, Sample,
};

use candle_core::{
    bail, CpuStorage, CustomOp1, CustomOp3, Error, InplaceOp1, InplaceOp2, Layout, Result, Shape,
    Tensor,
};
use std::cell::RefCell;
use vigil_architecture::{Activations, Pooling};
use vigil_ops::{
    tensor::{self, Activation, Embeddings, KernelError, Linear, QuantisedRowsMut},
    Kernel,
};

/// Rows of a batch that belong to each sequence, in order.
pub(crate) type Lengths<'a> = &'a [usize];

/// `KernelError` as candle's error.
fn refused(error: KernelError) -> Error {
    Error::wrap(error)
}

/// The elements of a contiguous f32 tensor.
fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&data[start..end]),
        _ => bail!("expected a contiguous f32 tensor"),
    }
}

fn floats_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(data), Some((start, end))) => Ok(&mut data[start..end]),
        _ => bail!("expected a contiguous f32 tensor"),
    }
}

/// The elements of a contiguous int8 tensor.
fn bytes<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [i8]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::U8(data), Some((start, end))) => Ok(as_i8(&data[start..end])),
        _ => bail!("expected a contiguous int8 tensor"),
    }
}

/// Bytes read as signed bytes.
pub(crate) fn as_i8(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have the same size and alignment, and every bit pattern is valid in both.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len()) }
}

/// Memory of a pass that its operators write to one after the other, layer after layer. A pass
/// over a long input would otherwise ask the system for all of it, and clear it, in every layer.
#[derive(Default)]
pub(crate) struct Scratch(RefCell<Buffers>);

#[derive(Default)]
struct Buffers {
    limbs: Vec<i8>,
    scale: Vec<f32>,
    out: Vec<f32>,
}

impl Buffers {
    /// Memory for quantised rows, and for what is projected from them.
    fn rows(
        &mut self,
        activations: Activations,
        rows: usize,
        width: usize,
    ) -> (QuantisedRowsMut<'_>, &mut Vec<f32>) {
        let limbs = activations.limbs() as usize;
        let rows = QuantisedRowsMut {
            activations,
            limbs: first(&mut self.limbs, rows * limbs * width), // (rows, limbs, width)
            scale: first(&mut self.scale, rows),                 // (rows)
        };
        (rows, &mut self.out)
    }
}

/// An operator with the memory it may use.
struct With<'a, T>(&'a T, &'a Scratch);

/// The first `len` elements of a buffer, which grows if it must.
fn first<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}

/// Token ids to their first vectors, before normalisation.
pub(crate) struct Embed<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) hidden: usize,
    pub(crate) position: &'a [i8],
    pub(crate) position_scale: &'a [f32],
    pub(crate) token_type: &'a [i8],
    pub(crate) token_type_scale: &'a [f32],
    pub(crate) lengths: Lengths<'a>,
}

impl Embed<'_> {
    /// `tokens` (rows) u32, `word` (vocabulary, hidden) int8, `scale` (vocabulary) f32 to
    /// (rows, hidden) f32.
    pub(crate) fn forward(&self, tokens: &Tensor, word: &Tensor, scale: &Tensor) -> Result<Tensor> {
        tokens.apply_op3_no_bwd(word, scale, self)
    }
}

impl CustomOp3 for Embed<'_> {
    fn name(&self) -> &'static str {
        "vigil-embed"
    }

    fn cpu_fwd(
        &self,
        tokens: &CpuStorage,
        tokens_layout: &Layout,
        word: &CpuStorage,
        word_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let tokens = match (tokens, tokens_layout.contiguous_offsets()) {
            (CpuStorage::U32(data), Some((start, end))) => &data[start..end],
            _ => bail!("expected contiguous token ids"),
        };
        let tables = Embeddings {
            hidden: self.hidden,
            word: bytes(word, word_layout)?,
            word_scale: floats(scale, scale_layout)?,
            position: self.position,
            position_scale: self.position_scale,
            token_type: self.token_type,
            token_type_scale: self.token_type_scale,
        };
        let mut out = vec![0.0; tokens.len() * self.hidden];
        tensor::embed(self.kernel, &tables, tokens, self.lengths, &mut out).map_err(refused)?;
        Ok((CpuStorage::F32(out), (tokens.len(), self.hidden).into()))
    }
}

/// One or more projections of the same input, which is quantised once.
pub(crate) struct Project {
    kernel: Kernel,
    activations: Activations,
    linears: Vec<Linear>,
    activation: Activation,
    inputs: usize,
    outputs: usize,
}

impl Project {
    /// Projections of equal shape.
    pub(crate) fn new(
        kernel: Kernel,
        activations: Activations,
        linears: Vec<Linear>,
        activation: Activation,
    ) -> Result<Self> {
        let Some(first) = linears.first() else { bail!("a projection needs weights") };
        let (inputs, outputs) = (first.inputs(), first.outputs());
        if linears.iter().any(|l| (l.inputs(), l.outputs()) != (inputs, outputs)) {
            bail!("projections of one input differ in shape");
        }
        Ok(Self { kernel, activations, linears, activation, inputs, outputs })
    }

    /// (rows, inputs) to (rows, outputs), or with several projections to
    /// (projections, rows, outputs), in `out`.
    pub(crate) fn forward(&self, x: &Tensor, out: &Tensor, scratch: &Scratch) -> Result<()> {
        out.inplace_op2(x, &With(self, scratch))
    }
}

impl InplaceOp2 for With<'_, Project> {
    fn name(&self) -> &'static str {
        "vigil-project"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        x: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let Self(project, scratch) = self;
        let mut scratch = scratch.0.borrow_mut();
        let (rows, inputs) = layout.shape().dims2()?;
        if rows == 0 || inputs != project.inputs {
            bail!("expected rows of {}, got {:?}", project.inputs, layout.shape());
        }
        let (mut q, _) = scratch.rows(project.activations, rows, inputs);
        tensor::quantise(project.kernel, floats(x, layout)?, inputs, q.reborrow())
            .map_err(refused)?;
        let linears: Vec<_> = project.linears.iter().collect();
        let out = floats_mut(out, out_layout)?;
        let mut parts: Vec<_> = out.chunks_exact_mut(rows * project.outputs).collect();
        Linear::forward_many(&linears, q.rows(), project.activation, &mut parts).map_err(refused)
    }
}

/// Self-attention within every sequence.
pub(crate) struct Attention<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) heads: usize,
    pub(crate) lengths: Lengths<'a>,
}

impl Attention<'_> {
    /// Queries, keys and values (3, rows, hidden) to (rows, hidden), in `out`.
    pub(crate) fn forward(&self, qkv: &Tensor, out: &Tensor) -> Result<()> {
        out.inplace_op2(qkv, self)
    }
}

impl InplaceOp2 for Attention<'_> {
    fn name(&self) -> &'static str {
        "vigil-attention"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        qkv: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let (3, rows, hidden) = layout.shape().dims3()? else {
            bail!("expected queries, keys and values, got {:?}", layout.shape());
        };
        let qkv = floats(qkv, layout)?;
        let (q, kv) = qkv.split_at(rows * hidden);
        let (k, v) = kv.split_at(rows * hidden);
        let out = floats_mut(out, out_layout)?;
        tensor::attention(self.kernel, q, k, v, self.heads, self.lengths, out).map_err(refused)
    }
}

/// Layer normalisation.
pub(crate) struct Norm {
    pub(crate) kernel: Kernel,
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) eps: f32,
}

impl Norm {
    /// (rows, hidden), in place.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<()> {
        x.inplace_op1(self)
    }

    /// The norm of `x + residual`, both (rows, hidden), in place of `x`.
    pub(crate) fn add(&self, x: &Tensor, residual: &Tensor) -> Result<()> {
        x.inplace_op2(residual, self)
    }

    fn parameters(&self) -> tensor::LayerNorm<'_> {
        tensor::LayerNorm { weight: &self.weight, bias: &self.bias, eps: self.eps }
    }
}

impl InplaceOp1 for Norm {
    fn name(&self) -> &'static str {
        "vigil-norm"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, layout: &Layout) -> Result<()> {
        tensor::layer_norm(self.kernel, &self.parameters(), floats_mut(x, layout)?).map_err(refused)
    }
}

impl InplaceOp2 for Norm {
    fn name(&self) -> &'static str {
        "vigil-add-norm"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        x_layout: &Layout,
        residual: &CpuStorage,
        residual_layout: &Layout,
    ) -> Result<()> {
        let (x, residual) = (floats_mut(x, x_layout)?, floats(residual, residual_layout)?);
        tensor::add_layer_norm(self.kernel, &self.parameters(), residual, x).map_err(refused)
    }
}

/// Token vectors to one vector per sequence.
pub(crate) struct Pool<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) pooling: Pooling,
    pub(crate) lengths: Lengths<'a>,
}

impl Pool<'_> {
    /// (rows, hidden) to (sequences, hidden).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for Pool<'_> {
    fn name(&self) -> &'static str {
        "vigil-pool"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (_, hidden) = layout.shape().dims2()?;
        let x = floats(x, layout)?;
        let mut out = vec![0f32; self.lengths.len() * hidden];
        match self.pooling {
            Pooling::Mean => tensor::mean_pool(self.kernel, x, hidden, self.lengths, &mut out),
            Pooling::Cls => tensor::first_pool(self.kernel, x, hidden, self.lengths, &mut out),
        }
        .map_err(refused)?;
        Ok((CpuStorage::F32(out), (self.lengths.len(), hidden).into()))
    }
}

/// Rows to unit length.
pub(crate) struct UnitLength(pub(crate) Kernel);

impl UnitLength {
    /// (rows, hidden), in place.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<()> {
        x.inplace_op1(self)
    }
}

impl InplaceOp1 for UnitLength {
    fn name(&self) -> &'static str {
        "vigil-unit-length"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (_, hidden) = layout.shape().dims2()?;
        tensor::l2_normalise(self.0, floats_mut(x, layout)?, hidden).map_err(refused)
    }
}
