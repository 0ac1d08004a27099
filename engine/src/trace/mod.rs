//! The trace of a run: what a worker commits to when its result is disputed, and what a challenger
//! compares with.
//!
//! A [`Replay`] runs a model over tokens that are known: the input and, of a language model, the
//! output before the disputed token. The first pass hashes the rows that the engine holds anyway, its
//! anchors. Whatever else is asked for is computed when it is: a later pass keeps the few records
//! that a row program reads, and the row program is computed element by element, as the referee does.
//! So a replay takes little memory beside the model: 32 bytes for each row of each anchor, and the
//! records of one layer. Where all records fit into [`DEFAULT_MEMORY`] the first pass keeps them.
//!
//! ```
//! # use std::path::Path;
//! # use vigil_engine::{pack::{pack, PackOptions}, Options, Model, Package, Sampling};
//! use vigil_engine::trace::{Prover, Replay};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let out = folder.path().join("tales");
//! # pack(Path::new("../models/tales"), &out, &PackOptions::default())?;
//! let package = Package::open(&out)?;
//! let model = Model::load(&package, &Options::default())?;
//! let replay = Replay::new(&model, &package, vec![1, 2, 3], Sampling::Greedy)?;
//! // One root for the embedding and two for each layer, less the stream behind the last.
//! let roots = Prover::new(replay).roots()?;
//! assert_eq!(roots.len(), 2 * usize::from(model.architecture().layers()));
//! # Ok(())
//! # }
//! ```

mod observer;

pub use vigil_ops::{
    proof::{Hash, Proof, Span, Tree},
    trace::{
        prover::Rows, referee, Anchor, Commitments, Disputed, Execution, Finding, Piece, Prover,
        RowProgram, Source, Target, Trace, Unproven,
    },
};

use observer::Kept;
pub(crate) use observer::Observer;

use crate::{error::Input, Error, Limits, Model, Package, Result};
use vigil_architecture::Sampling;
use vigil_ops::reference::BadInput;

/// Most bytes of records that a replay keeps so as not to compute them again.
pub const DEFAULT_MEMORY: u64 = 64 << 20;

/// A run over known tokens, again.
pub struct Replay<'a> {
    model: &'a Model,
    package: &'a Package,
    trace: Trace,
    tokens: Vec<u32>,
    chunk: usize,
    memory: u64,
    hashes: Vec<Vec<Hash>>,
    kept: Kept,
}

impl<'a> Replay<'a> {
    /// Of a model, loaded from this package, over these tokens. `sampling` is how a language model
    /// draws the token behind them; greedy of an encoder.
    ///
    /// # Errors
    /// [`Error::Input`] if the tokens don't fit the model.
    pub fn new(
        model: &'a Model,
        package: &'a Package,
        tokens: Vec<u32>,
        sampling: Sampling,
    ) -> Result<Self> {
        Input::check_tokens(&tokens, model.architecture())?;
        let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let trace = Trace::new(model.architecture(), count, sampling)
            .map_err(|none| Error::Unsupported(none.to_string()))?;
        let (chunk, memory) = (Limits::default().chunk, DEFAULT_MEMORY);
        let (hashes, kept) = (Vec::new(), Vec::new());
        Ok(Self { model, package, trace, tokens, chunk, memory, hashes, kept })
    }

    /// So many rows at once. It bounds the memory of a pass and changes no byte.
    #[must_use]
    pub fn with_chunk(self, chunk: usize) -> Self {
        Self { chunk: chunk.max(1), ..self }
    }

    /// Keeps so many bytes of records, so as not to compute them again.
    #[must_use]
    pub fn with_memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// All records, if they fit into the memory that it may have.
    fn affordable(&self) -> Vec<Rows> {
        let all = 0..self.trace.tokens();
        let size = (0..self.trace.anchors())
            .filter_map(|anchor| self.trace.anchor(anchor))
            .map(|anchor| self.trace.parts(anchor).size())
            .sum::<u64>()
            .saturating_mul(u64::from(all.end));
        let rows = |anchor| Rows { anchor, rows: all.clone() };
        let anchors = if size <= self.memory { self.trace.anchors() } else { 0 };
        (0..anchors).map(rows).collect()
    }
}

impl From<BadInput> for Error {
    fn from(bad: BadInput) -> Self {
        Self::Compute(bad.to_string())
    }
}

impl Execution for Replay<'_> {
    type Error = Error;

    fn trace(&self) -> Trace {
        self.trace
    }

    fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    fn weights(&self) -> &[u8] {
        self.package.weights()
    }

    fn hashes(&mut self, anchor: u32) -> Result<Vec<Hash>> {
        if self.hashes.is_empty() {
            let mut observer = Observer::new(self.trace, true, &self.affordable());
            self.model.observe(&self.tokens, self.chunk, &mut observer)?;
            (self.hashes, self.kept) = observer.into_parts();
        }
        let hashes = self.hashes.get(anchor as usize);
        hashes.cloned().ok_or_else(|| Error::Compute(format!("no anchor {anchor}")))
    }

    fn records(&mut self, wanted: &[Rows]) -> Result<Vec<Vec<u8>>> {
        let known = |rows: &Rows, kept: &Kept| {
            kept.iter().find_map(|(whole, bytes)| part(rows, whole, bytes))
        };
        if wanted.iter().any(|rows| known(rows, &self.kept).is_none()) {
            let mut observer = Observer::new(self.trace, false, wanted);
            self.model.observe(&self.tokens, self.chunk, &mut observer)?;
            self.kept = observer.into_parts().1;
        }
        let records = wanted.iter().map(|rows| known(rows, &self.kept));
        let records: Option<Vec<Vec<u8>>> = records.collect();
        records.ok_or_else(|| Error::Compute("a record was not computed".into()))
    }
}

/// Some rows of records that are kept.
fn part(rows: &Rows, whole: &Rows, bytes: &[u8]) -> Option<Vec<u8>> {
    let within = rows.anchor == whole.anchor
        && rows.rows.start >= whole.rows.start
        && rows.rows.end <= whole.rows.end;
    let len = bytes.len().checked_div(whole.rows.len())?;
    let start = (rows.rows.start.checked_sub(whole.rows.start)? as usize).checked_mul(len)?;
    let end = start.checked_add(rows.rows.len().checked_mul(len)?)?;
    bytes.get(start..end).filter(|_| within).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests;
