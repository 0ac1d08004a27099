//! The kernels of decoders.

use super::{first, floats, floats_mut, refused, Scratch, With};
use candle_core::{
    bail, CpuStorage, CustomOp1, InplaceOp2, Layout, Result, Shape, Tensor, WithDType,
};
use std::cell::RefCell;
use vigil_architecture::Activations;
use vigil_ops::{
    tensor::{self, Activation, Chunk, Draw, Linear, QuantisedRows, RmsNorm, Rotary},
    Kernel,
};

/// Where token ids become vectors.
pub(crate) enum Lookup {
    /// A table of its own: (vocabulary, hidden) int8 and (vocabulary).
    Table { kernel: Kernel, weight: Vec<i8>, scale: Vec<f32> },
    /// The weights of the head.
    Tied { kernel: Kernel },
}

impl Lookup {
    /// Token ids (rows) to (rows, hidden).
    pub(crate) fn forward(&self, tokens: &Tensor, head: &NormProject) -> Result<Tensor> {
        tokens.apply_op1_no_bwd(&LookupOp(self, head))
    }
}

struct LookupOp<'a>(&'a Lookup, &'a NormProject);

impl CustomOp1 for LookupOp<'_> {
    fn name(&self) -> &'static str {
        "vigil-lookup"
    }

    fn cpu_fwd(&self, tokens: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let tokens = ids(tokens, layout)?;
        let (Some(head), hidden) = (self.1.linears.first(), self.1.norm.len()) else {
            bail!("a decoder without a head");
        };
        let mut out = vec![0f32; tokens.len() * hidden];
        match self.0 {
            Lookup::Table { kernel, weight, scale } => {
                tensor::lookup(*kernel, weight, scale, tokens, &mut out)
            }
            Lookup::Tied { kernel } => tensor::lookup_tied(*kernel, head, tokens, &mut out),
        }
        .map_err(refused)?;
        Ok((CpuStorage::F32(out), (tokens.len(), hidden).into()))
    }
}

/// The elements of contiguous token ids.
fn ids<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [u32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&u32::cpu_storage_as_slice(storage)?[start..end]),
        None => bail!("expected contiguous token ids"),
    }
}

/// A root-mean-square normalisation, quantised once, and one or more projections of the result.
pub(crate) struct NormProject {
    pub(crate) kernel: Kernel,
    pub(crate) activations: Activations,
    pub(crate) norm: Vec<f32>,
    pub(crate) eps: f32,
    pub(crate) linears: Vec<Linear>,
}

impl NormProject {
    /// (rows, inputs) to the projections (rows, outputs) one after the other, flat, in `out`.
    pub(crate) fn forward(&self, x: &Tensor, out: &Tensor, scratch: &Scratch) -> Result<()> {
        out.inplace_op2(x, &With(self, scratch))
    }
}

impl InplaceOp2 for With<'_, NormProject> {
    fn name(&self) -> &'static str {
        "vigil-norm-project"
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
        let (mut q, _) = scratch.rows(project.activations, rows, inputs);
        let norm = RmsNorm { weight: &project.norm, eps: project.eps };
        tensor::rms_quantise(project.kernel, &norm, floats(x, layout)?, q.reborrow())
            .map_err(refused)?;
        let linears: Vec<_> = project.linears.iter().collect();
        let mut parts = Vec::with_capacity(linears.len());
        let mut rest = floats_mut(out, out_layout)?;
        for linear in &linears {
            let Some((part, after)) = rest.split_at_mut_checked(rows * linear.outputs()) else {
                bail!("too little room for the projections");
            };
            parts.push(part);
            rest = after;
        }
        Linear::forward_many(&linears, q.rows(), Activation::None, &mut parts).map_err(refused)
    }
}

/// Causal attention of new rows over the tokens of their sequences.
pub(crate) struct CausalAttention<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) rotary: Rotary<'a>,
    pub(crate) query_width: usize,
    /// One per sequence, in the order of the rows.
    pub(crate) chunks: RefCell<Vec<Chunk<'a>>>,
}

impl CausalAttention<'_> {
    /// Queries (rows, query width), keys and values (rows, kv width) one after the other, flat, to
    /// (rows, query width) in `out`. Keys and values are added to the caches.
    pub(crate) fn forward(&self, qkv: &Tensor, out: &Tensor) -> Result<()> {
        out.inplace_op2(qkv, self)
    }
}

impl InplaceOp2 for CausalAttention<'_> {
    fn name(&self) -> &'static str {
        "vigil-causal-attention"
    }

    fn cpu_fwd(
        &self,
        out: &mut CpuStorage,
        out_layout: &Layout,
        qkv: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let mut chunks = self.chunks.borrow_mut();
        let rows: usize = chunks.iter().map(|chunk| chunk.rows).sum();
        let qkv = floats(qkv, layout)?;
        let Some((q, kv)) = qkv.split_at_checked(rows * self.query_width) else {
            bail!("expected queries, keys and values, got {:?}", layout.shape());
        };
        let (k, v) = kv.split_at(kv.len() / 2);
        let out = floats_mut(out, out_layout)?;
        tensor::causal_attention(self.kernel, &self.rotary, q, k, v, &mut chunks, out)
            .map_err(refused)
    }
}

/// A projection whose result is added to a stream.
pub(crate) struct ProjectAdd {
    pub(crate) kernel: Kernel,
    pub(crate) activations: Activations,
    pub(crate) linear: Linear,
}

impl ProjectAdd {
    /// Adds the projection of `x` (rows, inputs) to `stream` (rows, outputs), in place.
    pub(crate) fn forward(&self, stream: &Tensor, x: &Tensor, scratch: &Scratch) -> Result<()> {
        stream.inplace_op2(x, &With(self, scratch))
    }

    fn add(&self, q: QuantisedRows<'_>, out: &mut [f32], stream: &mut [f32]) -> Result<()> {
        self.linear.forward(q, Activation::None, out).map_err(refused)?;
        tensor::add(self.kernel, out, stream).map_err(refused)
    }
}

impl InplaceOp2 for With<'_, ProjectAdd> {
    fn name(&self) -> &'static str {
        "vigil-project-add"
    }

    fn cpu_fwd(
        &self,
        stream: &mut CpuStorage,
        stream_layout: &Layout,
        x: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let Self(project, scratch) = self;
        let mut scratch = scratch.0.borrow_mut();
        let (rows, inputs) = layout.shape().dims2()?;
        let (mut q, out) = scratch.rows(project.activations, rows, inputs);
        tensor::quantise(project.kernel, floats(x, layout)?, inputs, q.reborrow())
            .map_err(refused)?;
        let stream = floats_mut(stream, stream_layout)?;
        project.add(q.rows(), first(out, stream.len()), stream)
    }
}

/// The second half of a gated feed-forward block: the gate, and the projection of what passes it.
pub(crate) struct GateProjectAdd(pub(crate) ProjectAdd);

impl GateProjectAdd {
    /// `gate_up` are gates (rows, inputs), then what they gate, flat. Adds to `stream`
    /// (rows, outputs), in place.
    pub(crate) fn forward(
        &self,
        stream: &Tensor,
        gate_up: &Tensor,
        scratch: &Scratch,
    ) -> Result<()> {
        stream.inplace_op2(gate_up, &With(self, scratch))
    }
}

impl InplaceOp2 for With<'_, GateProjectAdd> {
    fn name(&self) -> &'static str {
        "vigil-gate-project-add"
    }

    fn cpu_fwd(
        &self,
        stream: &mut CpuStorage,
        stream_layout: &Layout,
        gate_up: &CpuStorage,
        layout: &Layout,
    ) -> Result<()> {
        let Self(GateProjectAdd(project), scratch) = self;
        let mut scratch = scratch.0.borrow_mut();
        let gate_up = floats(gate_up, layout)?;
        let (gate, up) = gate_up.split_at(gate_up.len() / 2);
        let (rows, _) = stream_layout.shape().dims2()?;
        let inputs = project.linear.inputs();
        let (mut q, out) = scratch.rows(project.activations, rows, inputs);
        tensor::swiglu_quantise(project.kernel, gate, up, inputs, q.reborrow()).map_err(refused)?;
        let stream = floats_mut(stream, stream_layout)?;
        project.add(q.rows(), first(out, stream.len()), stream)
    }
}

/// Tokens drawn from logits.
pub(crate) struct Sample<'a> {
    pub(crate) kernel: Kernel,
    pub(crate) draws: &'a [Draw],
}

impl Sample<'_> {
    /// Logits (draws, vocabulary), flat, to token ids (draws).
    pub(crate) fn forward(&self, logits: &Tensor) -> Result<Tensor> {
        logits.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for Sample<'_> {
    fn name(&self) -> &'static str {
        "vigil-sample"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut tokens = vec![0; self.draws.len()];
        tensor::sample(self.kernel, floats(logits, layout)?, self.draws, &mut tokens)
            .map_err(refused)?;
        Ok((CpuStorage::U32(tokens), self.draws.len().into()))
    }
}
