//! Proofs that bytes are part of what a hash commits to.
//!
//! There are two kinds of commitment: the BLAKE3 of a file, an input, an output or a result, and
//! the root of a tree over the rows of a trace ([`Tree`]). A proof holds the chunks with the bytes
//! that are asked for, and the nodes beside their ways to the root. It says nothing of its own
//! shape: how many bytes there are, which chunks are opened and which nodes are needed follow from
//! what the reader knows. So a proof either is the one that the reader expects or is refused, and
//! none is longer than it must be.
//!
//! One proof can open several ranges of several commitments. They are read one after the other, by
//! a [`Reader`]; ranges of one commitment share chunks and nodes.

mod tree;

pub use crate::weights::CHUNK;
pub use tree::{Span, Tree, ROW_KEY};

use alloc::vec::Vec;
use blake3::hazmat::HasherExt;

/// BLAKE3, or a node of a tree.
pub type Hash = [u8; 32];

/// Most parts of a record: those of keys and values.
pub const MAX_PARTS: usize = 4;

/// Chunks and nodes, each in the order in which they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Nodes beside the ways from the chunks to their roots.
    pub nodes: Vec<Hash>,
    /// The chunks.
    pub data: Vec<u8>,
}

/// Consecutive bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Bytes before them.
    pub offset: u64,
    /// How many.
    pub len: u64,
}

/// Consecutive bytes of a part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartBytes {
    /// The part.
    pub part: u8,
    /// The bytes of it.
    pub bytes: Bytes,
}

/// Where a record lies and how it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace<'a> {
    /// Rows of the tree.
    pub rows: u64,
    /// The row of the record.
    pub row: u64,
    /// Bytes of its parts: one, or four.
    pub parts: &'a [u64],
}

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadProof {
    /// It ends too early.
    TooShort,
    /// There is more than was asked for.
    TooLong,
    /// It leads to another hash than the commitment.
    WrongHash,
    /// What it should open lies outside.
    OutOfRange,
}

impl core::fmt::Display for BadProof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooShort => "the proof ends too early",
            Self::TooLong => "the proof holds more than was asked for",
            Self::WrongHash => "the proof leads to another hash than the commitment",
            Self::OutOfRange => "what the proof should open lies outside",
        })
    }
}

impl core::error::Error for BadProof {}

/// The hash of one chunk of BLAKE3 of `len` bytes: a chaining value, or of a single chunk the hash.
pub fn chunk_hash(len: u64, chunk: u64, bytes: &[u8]) -> Hash {
    if len <= CHUNK {
        return *blake3::hash(bytes).as_bytes();
    }
    // No chunk of more than one is empty; of what is not hashed anywhere nothing can be the hash.
    if bytes.is_empty() {
        return [0; 32];
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(chunk.saturating_mul(CHUNK));
    hasher.update(bytes).finalize_non_root()
}

/// Bytes of chunk `chunk` of `len` bytes.
pub fn chunk_len(len: u64, chunk: u64) -> u64 {
    len.saturating_sub(chunk.saturating_mul(CHUNK)).min(CHUNK)
}

/// The node of BLAKE3 of `bytes` that is above the chunks `span`.
pub fn node_of(bytes: &[u8], span: Span) -> Hash {
    let len = bytes.len() as u64;
    if span == Tree::Bytes(len).root() {
        return *blake3::hash(bytes).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(span.first.saturating_mul(CHUNK));
    hasher.update(chunks_of(bytes, span)).finalize_non_root()
}

/// The bytes of the chunks `span`.
fn chunks_of(bytes: &[u8], span: Span) -> &[u8] {
    let start = usize::try_from(span.first.saturating_mul(CHUNK)).unwrap_or(usize::MAX);
    let len = usize::try_from(span.count.saturating_mul(CHUNK)).unwrap_or(usize::MAX);
    let end = start.saturating_add(len).min(bytes.len());
    bytes.get(start..end).unwrap_or_default()
}

/// The hash of a record: BLAKE3 of its only part, or the root of a tree over those of its four.
pub fn record_hash<'a>(parts: impl ExactSizeIterator<Item = &'a [u8]>) -> Option<Hash> {
    record_hash_of(parts.map(|part| *blake3::hash(part).as_bytes()))
}

/// [`record_hash`] of the hashes of its parts.
pub fn record_hash_of(parts: impl ExactSizeIterator<Item = Hash>) -> Option<Hash> {
    Tree::Rows(parts.len() as u64).root_of(parts)
}

/// What [`walk`] comes to.
enum Visit {
    /// A node below which nothing is wanted.
    Node(Span),
    /// A wanted item.
    Item(u64),
}

/// Visits the parts of a tree that a proof is made of, or read from, in one order, left before
/// right, and returns the node `span`, which has something wanted below it, of what they return.
fn walk<E>(
    tree: Tree,
    span: Span,
    wanted: &dyn Fn(Span) -> bool,
    visit: &mut dyn FnMut(Visit) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let Some((left, right)) = span.halves() else { return visit(Visit::Item(span.first)) };
    let mut half = |span| match wanted(span) {
        true => walk(tree, span, wanted, visit),
        false => visit(Visit::Node(span)),
    };
    let (left, right) = (half(left)?, half(right)?);
    Ok(tree.join(span, &left, &right))
}

/// Whether one of the ranges has bytes in the chunks `span`.
fn wanted_bytes(ranges: &[Bytes], span: Span) -> bool {
    let start = span.first.saturating_mul(CHUNK);
    let end = start.saturating_add(span.count.saturating_mul(CHUNK));
    let meets = |range: &Bytes| {
        range.len > 0 && range.offset < end && range.offset.saturating_add(range.len) > start
    };
    ranges.iter().any(meets)
}

/// Reads the openings of a proof, one after the other.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    nodes: core::slice::Iter<'a, Hash>,
    data: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of the proof's nodes and data.
    pub fn new(nodes: &'a [Hash], data: &'a [u8]) -> Self {
        Self { nodes: nodes.iter(), data }
    }

    /// The next opening: the ranges of the `len` bytes whose BLAKE3 is `root`, in the order given.
    ///
    /// # Errors
    /// The proof doesn't open exactly these ranges of this commitment.
    pub fn bytes(
        &mut self,
        root: &Hash,
        len: u64,
        ranges: &[Bytes],
    ) -> Result<Vec<&'a [u8]>, BadProof> {
        let mut found = Vec::with_capacity(ranges.len());
        if self.slice(len, ranges, &mut found)? != *root {
            return Err(BadProof::WrongHash);
        }
        Ok(found)
    }

    /// The next opening: ranges of the parts of one record of the tree with this root.
    ///
    /// # Errors
    /// The proof doesn't open exactly these ranges of this record.
    pub fn record(
        &mut self,
        root: &Hash,
        place: RecordPlace<'_>,
        ranges: &[PartBytes],
    ) -> Result<Vec<&'a [u8]>, BadProof> {
        if place.row >= place.rows || ranges.is_empty() {
            return Err(BadProof::OutOfRange);
        }
        let tree = Tree::Rows(place.rows);
        let mut found = alloc::vec![&[][..]; ranges.len()];
        let wanted = |span: Span| span.contains(place.row);
        let hash = walk(tree, tree.root(), &wanted, &mut |visit| match visit {
            Visit::Node(_) => self.node(),
            Visit::Item(_) => self.parts(place.parts, ranges, &mut found),
        })?;
        if hash != *root {
            return Err(BadProof::WrongHash);
        }
        Ok(found)
    }

    /// That everything was read.
    ///
    /// # Errors
    /// There is more.
    pub fn finish(mut self) -> Result<(), BadProof> {
        match (self.nodes.next(), self.data) {
            (None, []) => Ok(()),
            _ => Err(BadProof::TooLong),
        }
    }

    fn node(&mut self) -> Result<Hash, BadProof> {
        self.nodes.next().copied().ok_or(BadProof::TooShort)
    }

    /// The hash of a record, of which some ranges are opened.
    fn parts(
        &mut self,
        parts: &[u64],
        ranges: &[PartBytes],
        found: &mut [&'a [u8]],
    ) -> Result<Hash, BadProof> {
        let tree = Tree::Rows(parts.len() as u64);
        let wanted = |span: Span| ranges.iter().any(|range| span.contains(range.part.into()));
        walk(tree, tree.root(), &wanted, &mut |visit| {
            let Visit::Item(part) = visit else { return self.node() };
            let len = usize::try_from(part).ok().and_then(|part| parts.get(part));
            let of_part = ranges.iter().zip(found.iter_mut());
            let of_part = of_part.filter(|(range, _)| u64::from(range.part) == part);
            let (wanted, places): (Vec<Bytes>, Vec<_>) =
                of_part.map(|(range, place)| (range.bytes, place)).unzip();
            let mut opened = Vec::with_capacity(wanted.len());
            let hash = self.slice(*len.ok_or(BadProof::OutOfRange)?, &wanted, &mut opened)?;
            for (place, bytes) in places.into_iter().zip(opened) {
                *place = bytes;
            }
            Ok(hash)
        })
    }

    /// The BLAKE3 of `len` bytes, of which some ranges are opened.
    fn slice(
        &mut self,
        len: u64,
        ranges: &[Bytes],
        found: &mut Vec<&'a [u8]>,
    ) -> Result<Hash, BadProof> {
        let within = |range: &Bytes| {
            range.len > 0 && range.offset.checked_add(range.len).is_some_and(|end| end <= len)
        };
        if ranges.is_empty() || !ranges.iter().all(within) {
            return Err(BadProof::OutOfRange);
        }
        let data = self.data;
        // Where each opened chunk begins in the data.
        let mut chunks: Vec<(u64, usize)> = Vec::new();
        let tree = Tree::Bytes(len);
        let wanted = |span| wanted_bytes(ranges, span);
        let hash = walk(tree, tree.root(), &wanted, &mut |visit| {
            let Visit::Item(chunk) = visit else { return self.node() };
            let bytes = usize::try_from(chunk_len(len, chunk)).unwrap_or(usize::MAX);
            let (bytes, rest) = self.data.split_at_checked(bytes).ok_or(BadProof::TooShort)?;
            chunks.push((chunk, data.len().saturating_sub(self.data.len())));
            self.data = rest;
            Ok(chunk_hash(len, chunk, bytes))
        })?;
        // The chunks of one range are consecutive, and so is their data.
        for range in ranges {
            let chunk = range.offset / CHUNK;
            let start = chunks.iter().find(|(number, _)| *number == chunk);
            let start =
                start.map(|(_, start)| start.saturating_add((range.offset % CHUNK) as usize));
            let end = start.and_then(|s| s.checked_add(usize::try_from(range.len).ok()?));
            let bytes = start.zip(end).and_then(|(start, end)| data.get(start..end));
            found.push(bytes.ok_or(BadProof::OutOfRange)?);
        }
        Ok(hash)
    }
}

impl Proof {
    /// A reader of it.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.nodes, &self.data)
    }

    /// Bytes of its nodes and data.
    pub fn size(&self) -> u64 {
        (self.nodes.len() as u64).saturating_mul(32).saturating_add(self.data.len() as u64)
    }

    /// Adds the opening of ranges of `bytes`, which are in memory.
    ///
    /// # Errors
    /// A range lies outside, or there is none.
    pub fn open_bytes(&mut self, bytes: &[u8], ranges: &[Bytes]) -> Result<(), BadProof> {
        let len = bytes.len() as u64;
        let within = |range: &Bytes| {
            range.len > 0 && range.offset.checked_add(range.len).is_some_and(|end| end <= len)
        };
        if ranges.is_empty() || !ranges.iter().all(within) {
            return Err(BadProof::OutOfRange);
        }
        let tree = Tree::Bytes(len);
        let wanted = |span| wanted_bytes(ranges, span);
        let _ = walk(tree, tree.root(), &wanted, &mut |visit| {
            match visit {
                Visit::Node(span) => self.nodes.push(node_of(bytes, span)),
                Visit::Item(first) => {
                    self.data.extend_from_slice(chunks_of(bytes, Span { first, count: 1 }));
                }
            }
            // What the nodes above are is not asked.
            Ok::<Hash, BadProof>([0; 32])
        })?;
        Ok(())
    }

    /// Adds the opening of ranges of a record, given the hashes of all rows and its parts.
    ///
    /// # Errors
    /// The row or a range lies outside.
    pub fn open_record(
        &mut self,
        hashes: &[Hash],
        row: u64,
        parts: &[&[u8]],
        ranges: &[PartBytes],
    ) -> Result<(), BadProof> {
        let outside = |range: &PartBytes| usize::from(range.part) >= parts.len();
        if row >= hashes.len() as u64 || ranges.is_empty() || ranges.iter().any(outside) {
            return Err(BadProof::OutOfRange);
        }
        let tree = Tree::Rows(hashes.len() as u64);
        let _ = walk(tree, tree.root(), &|span| span.contains(row), &mut |visit| {
            match visit {
                Visit::Node(span) => {
                    self.nodes.push(row_node(hashes, span).ok_or(BadProof::OutOfRange)?);
                }
                Visit::Item(_) => self.open_parts(parts, ranges)?,
            }
            Ok::<Hash, BadProof>([0; 32])
        })?;
        Ok(())
    }

    fn open_parts(&mut self, parts: &[&[u8]], ranges: &[PartBytes]) -> Result<(), BadProof> {
        let tree = Tree::Rows(parts.len() as u64);
        let hashes: Vec<Hash> = parts.iter().map(|part| *blake3::hash(part).as_bytes()).collect();
        let wanted = |span: Span| ranges.iter().any(|range| span.contains(range.part.into()));
        let _ = walk(tree, tree.root(), &wanted, &mut |visit| {
            match visit {
                Visit::Node(span) => {
                    self.nodes.push(row_node(&hashes, span).ok_or(BadProof::OutOfRange)?);
                }
                Visit::Item(number) => {
                    let of_part = ranges.iter().filter(|range| u64::from(range.part) == number);
                    let of_part: Vec<Bytes> = of_part.map(|range| range.bytes).collect();
                    let part = usize::try_from(number).ok().and_then(|number| parts.get(number));
                    self.open_bytes(part.ok_or(BadProof::OutOfRange)?, &of_part)?;
                }
            }
            Ok::<Hash, BadProof>([0; 32])
        })?;
        Ok(())
    }
}

/// The node above the rows `span`, given the hashes of all rows.
pub fn row_node(hashes: &[Hash], span: Span) -> Option<Hash> {
    let start = usize::try_from(span.first).ok()?;
    let end = start.checked_add(usize::try_from(span.count).ok()?)?;
    // The shape below a node depends on the number of its rows alone.
    Tree::Rows(span.count).root_of(hashes.get(start..end)?.iter().copied())
}
