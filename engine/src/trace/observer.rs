//! What a pass tells of the rows that it computes.

use crate::{Error, Result};
use rayon::prelude::*;
use vigil_ops::{
    proof::Hash,
    trace::{Anchor, Rows, Trace},
};

/// Records that were kept, by rows.
pub(crate) type Kept = Vec<(Rows, Vec<u8>)>;

/// Hashes the records of a sequence as they are computed, or keeps some of them.
pub(crate) struct Observer {
    trace: Trace,
    /// Of every anchor, the hashes of the records so far; nothing if they aren't asked for.
    hashes: Option<Vec<Vec<Hash>>>,
    kept: Kept,
    /// The last anchor that is asked for.
    last: u32,
    /// Rows of every anchor that it was told of.
    told: Vec<usize>,
}

impl Observer {
    /// One that keeps these records and, if it is told to, hashes all.
    pub(crate) fn new(trace: Trace, hashing: bool, wanted: &[Rows]) -> Self {
        let anchors = 0..trace.anchors();
        let rows = |_| Vec::with_capacity(trace.tokens() as usize);
        let room = |rows: &Rows| {
            let size = trace.anchor(rows.anchor).map_or(0, |anchor| trace.parts(anchor).size());
            Vec::with_capacity((size as usize).saturating_mul(rows.rows.len()))
        };
        let kept = wanted.iter().map(|rows| (rows.clone(), room(rows))).collect();
        let last = match hashing {
            true => trace.anchors().saturating_sub(1),
            false => wanted.iter().map(|rows| rows.anchor).max().unwrap_or(0),
        };
        Self {
            trace,
            hashes: hashing.then(|| anchors.clone().map(rows).collect()),
            kept,
            last,
            told: anchors.map(|_| 0).collect(),
        }
    }

    /// The hashes by anchors, and the records that were kept in the order in which they were asked
    /// for.
    pub(crate) fn into_parts(self) -> (Vec<Vec<Hash>>, Kept) {
        (self.hashes.unwrap_or_default(), self.kept)
    }

    /// Whether an anchor's records are asked for.
    pub(crate) fn wants(&self, anchor: Anchor) -> bool {
        let index = self.trace.index(anchor);
        index < self.trace.anchors()
            && (self.hashes.is_some() || self.kept.iter().any(|(rows, _)| rows.anchor == index))
    }

    /// Whether nothing behind this anchor is asked for.
    pub(crate) fn ends_with(&self, anchor: Anchor) -> bool {
        self.trace.index(anchor) >= self.last
    }

    /// The row of an anchor that it has to be told of next.
    pub(crate) fn next_row(&self, anchor: Anchor) -> usize {
        self.told.get(self.trace.index(anchor) as usize).copied().unwrap_or(0)
    }

    /// The next rows of the stream, (rows, width).
    pub(crate) fn stream(&mut self, anchor: Anchor, x: &[f32]) -> Result<()> {
        if self.wants(anchor) {
            let mut bytes = vec![0; size_of_val(x)];
            for (bytes, x) in bytes.chunks_exact_mut(size_of::<f32>()).zip(x) {
                bytes.copy_from_slice(&x.to_le_bytes());
            }
            self.records(anchor, &bytes)?;
        }
        Ok(())
    }

    /// The next records of an anchor, one after the other.
    pub(crate) fn records(&mut self, anchor: Anchor, bytes: &[u8]) -> Result<()> {
        let (index, parts) = (self.trace.index(anchor), self.trace.parts(anchor));
        let len = usize::try_from(parts.size()).unwrap_or(usize::MAX);
        let told = self.told.get_mut(index as usize);
        let Some(told) = told.filter(|_| bytes.len().is_multiple_of(len)) else {
            return Err(Error::Compute("records that no anchor has".into()));
        };
        let rows = *told..told.saturating_add(bytes.len() / len);
        *told = rows.end;
        if let Some(hashes) = self.hashes.as_mut().and_then(|all| all.get_mut(index as usize)) {
            let hash = |record: &[u8]| {
                parts.hash(record).ok_or_else(|| Error::Compute("a record without a hash".into()))
            };
            let of_rows: Result<Vec<Hash>> = bytes.par_chunks(len).map(hash).collect();
            hashes.extend(of_rows?);
        }
        for (wanted, kept) in self.kept.iter_mut().filter(|(wanted, _)| wanted.anchor == index) {
            let start = (wanted.rows.start as usize).clamp(rows.start, rows.end);
            let end = (wanted.rows.end as usize).clamp(start, rows.end);
            let (start, end) = ((start - rows.start) * len, (end - rows.start) * len);
            kept.extend_from_slice(bytes.get(start..end).unwrap_or_default());
        }
        Ok(())
    }
}
