//! What a run commits to when it is disputed, and how one number of it is judged.
//!
//! To hash every operator's result would take as long as the run itself, and of a long input most of
//! it would be square matrices of scores. A [`Trace`] commits to what an engine holds anyway, its
//! **anchors**: the rows of the stream before the first layer and after each, and the keys and values
//! of each layer, which are what a row is computed from. Each anchor is a hash tree over its rows
//! ([`Tree::Rows`]); a row's record follows from records before it.
//!
//! The first record that two parties differ in expands to a [`RowProgram`]: the operators between
//! that record and those before it, restricted to its row. Their results are committed to as BLAKE3
//! of their bytes. The first of these that differs has a first chunk that differs, and in the chunk
//! one element, which the [`referee`](mod@referee) computes itself from opened operands.
//!
//! All of this follows from the architecture and the number of tokens, by arithmetic. No output byte
//! depends on it: [`VERSION`] counts apart from `op_set`. `docs/trace.md` is the normative text.
//!
//! | module | holds |
//! |---|---|
//! | [`row_program`] | the operators that give one record, and where each element comes from |
//! | [`referee`](mod@referee) | one element, computed from proven operands |
//! | [`prover`] | results, hashes and proofs of a run: what both parties of a dispute need |
//! | [`recording`] | a whole run that kept everything: the yardstick, and where tests make faults |

pub mod prover;
pub mod recording;
pub mod referee;
pub mod row_program;

pub use prover::{Execution, Prover, Rows};
pub use recording::Recording;
pub use referee::{referee, Commitments, Disputed, Finding, Unproven};
pub use row_program::{Piece, RowProgram, Source};

use crate::{
    program::{NoProgram, Program},
    proof::{Hash, Tree, MAX_PARTS},
};
use vigil_architecture::{Architecture, Sampling};

/// Number of the trace that this build makes and judges.
pub const VERSION: u16 = 1;

/// Most anchors of any valid architecture: three for every two layers, and the first.
pub const MAX_ANCHORS: u32 = 2 * vigil_architecture::MAX_LAYERS as u32 + 1;
/// Most operators of a row program of any valid architecture.
pub const MAX_STEPS: u32 = 64;

/// What an anchor holds of every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The stream before the first layer: f32 `[W]`.
    Embedding,
    /// What a layer keeps of the row for other rows: the largest magnitudes of keys f32 `[G]`, keys
    /// i8 `[G, D]`, largest magnitudes of values f32 `[G]`, values i8 `[G, D]`.
    KeyValues(u16),
    /// The stream behind a layer: f32 `[W]`.
    Stream(u16),
}

/// What a row program computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One row of an anchor.
    Record {
        /// Number of the anchor.
        anchor: u32,
        /// The row.
        row: u32,
    },
    /// The output: an encoder's vector, or the one token of a decoder.
    Output,
}

/// The commitments of a run of so many tokens: of an encoder to its vector, of a decoder to the one
/// token that comes after them.
#[derive(Clone, Copy, Debug)]
pub struct Trace {
    architecture: Architecture,
    tokens: u32,
    sampling: Sampling,
}

/// Bytes of the parts of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    lens: [u64; MAX_PARTS],
    count: usize,
}

impl Parts {
    /// Bytes of each.
    pub fn lens(&self) -> &[u64] {
        self.lens.get(..self.count).unwrap_or(&self.lens)
    }

    /// Bytes of all.
    pub fn size(&self) -> u64 {
        self.lens().iter().sum()
    }

    /// The parts of the bytes of a record; `None` if there are not as many.
    pub fn split<'a>(&self, mut record: &'a [u8]) -> Option<alloc::vec::Vec<&'a [u8]>> {
        let mut parts = alloc::vec::Vec::with_capacity(self.count);
        for len in self.lens() {
            let (part, rest) = record.split_at_checked(usize::try_from(*len).ok()?)?;
            parts.push(part);
            record = rest;
        }
        record.is_empty().then_some(parts)
    }

    /// The hash of a record of these parts, given its bytes.
    pub fn hash(&self, record: &[u8]) -> Option<Hash> {
        crate::proof::record_hash(self.split(record)?.into_iter())
    }
}

impl Trace {
    /// Of a run over `tokens` tokens: those of the input and, of a decoder, the output before the
    /// disputed token.
    ///
    /// # Errors
    /// The model cannot run so many, or not with this sampling.
    pub fn new(
        architecture: &Architecture,
        tokens: u32,
        sampling: Sampling,
    ) -> Result<Self, NoProgram> {
        let trace = Self { architecture: *architecture, tokens, sampling };
        trace.program_of(tokens).map(|_| trace)
    }

    /// The model.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Rows of every anchor.
    pub fn tokens(&self) -> u32 {
        self.tokens
    }

    /// How a decoder draws the token.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The program of the run.
    pub fn program(&self) -> Option<Program> {
        self.program_of(self.tokens).ok()
    }

    /// The program over the first `tokens` tokens alone.
    fn program_of(&self, tokens: u32) -> Result<Program, NoProgram> {
        let tokens_out = u32::from(self.is_causal());
        Program::new(&self.architecture, tokens, tokens_out, self.sampling)
    }

    /// Whether a row depends on those before it only.
    fn is_causal(&self) -> bool {
        matches!(self.architecture, Architecture::Decoder(_))
    }

    /// Number of anchors: the embedding, then keys and values and stream of each layer. Behind the
    /// last layer of a decoder only one row counts, and it belongs to the output's row program.
    pub fn anchors(&self) -> u32 {
        2 * u32::from(self.architecture.layers()) + u32::from(!self.is_causal())
    }

    /// Anchor `index`, in the order in which a record depends on those before it.
    pub fn anchor(&self, index: u32) -> Option<Anchor> {
        if index >= self.anchors() {
            return None;
        }
        let layer = index.checked_sub(1).map(|rest| (rest / 2) as u16);
        Some(match layer {
            None => Anchor::Embedding,
            Some(layer) if index % 2 == 1 => Anchor::KeyValues(layer),
            Some(layer) => Anchor::Stream(layer),
        })
    }

    /// The number of an anchor.
    pub fn index(&self, anchor: Anchor) -> u32 {
        match anchor {
            Anchor::Embedding => 0,
            Anchor::KeyValues(layer) => 1 + 2 * u32::from(layer),
            Anchor::Stream(layer) => 2 + 2 * u32::from(layer),
        }
    }

    /// The tree of an anchor.
    pub fn rows(&self) -> Tree {
        Tree::Rows(self.tokens.into())
    }

    /// The parts of a record of an anchor.
    pub fn parts(&self, anchor: Anchor) -> Parts {
        let (hidden, heads, width) = match &self.architecture {
            Architecture::Encoder(encoder) => (encoder.hidden, encoder.heads, encoder.hidden),
            Architecture::Decoder(decoder) => {
                (decoder.hidden, decoder.kv_heads, decoder.kv_width())
            }
        };
        match anchor {
            Anchor::Embedding | Anchor::Stream(_) => {
                Parts { lens: [4 * u64::from(hidden), 0, 0, 0], count: 1 }
            }
            Anchor::KeyValues(_) => {
                let (max, integers) = (4 * u64::from(heads), u64::from(width));
                Parts { lens: [max, integers, max, integers], count: 4 }
            }
        }
    }

    /// The operators that compute `target`; `None` where there is no such anchor or row.
    pub fn row_program(&self, target: Target) -> Option<RowProgram> {
        RowProgram::new(*self, target)
    }
}
