//! The shape of a hash tree, and how its nodes are made.
//!
//! Both kinds of tree have one shape, which follows from the number of their items alone: the left
//! half of a node holds the largest power of two of items that is less than all of them. BLAKE3
//! hashes the chunks of an input in this shape, and an append-only tree of rows keeps it as it
//! grows.

use super::{Hash, CHUNK};
use alloc::vec::Vec;
use blake3::hazmat::{merge_subtrees_non_root, merge_subtrees_root, Mode};

/// Key of the nodes above the rows of a trace: no node of one is a node or a leaf of BLAKE3, whose
/// hashes have no key.
pub const ROW_KEY: &[u8; 32] = b"vigil trace 1: node of row tree.";

/// Most levels that one move of a descent takes where one is enough.
const ONE_MOVE: u32 = 6;
/// Most levels of a tree that is descended in two moves.
const TWO_MOVES: u32 = 20;

/// A node, named by the consecutive items below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first item.
    pub first: u64,
    /// How many; at least one.
    pub count: u64,
}

impl Span {
    /// The node above all items of a tree.
    pub fn whole(items: u64) -> Self {
        Self { first: 0, count: items }
    }

    /// The two nodes below; `None` of an item.
    pub fn halves(self) -> Option<(Self, Self)> {
        if self.count < 2 {
            return None;
        }
        let left = self.count.div_ceil(2).next_power_of_two();
        let right = Self { first: self.first.saturating_add(left), count: self.count - left };
        Some((Self { first: self.first, count: left }, right))
    }

    /// Levels from this node to its deepest item.
    pub fn levels(self) -> u32 {
        self.count.next_power_of_two().trailing_zeros()
    }

    /// The nodes that are `levels` levels below, and the items that lie above these, in order.
    pub fn below(self, levels: u32) -> Vec<Self> {
        let mut spans = Vec::new();
        self.collect(levels, &mut spans);
        spans
    }

    fn collect(self, levels: u32, out: &mut Vec<Self>) {
        match self.halves() {
            Some((left, right)) if levels > 0 => {
                left.collect(levels - 1, out);
                right.collect(levels - 1, out);
            }
            _ => out.push(self),
        }
    }

    /// Whether the item is below this node.
    pub fn contains(self, item: u64) -> bool {
        item.checked_sub(self.first).is_some_and(|place| place < self.count)
    }
}

/// A hash tree over a known number of items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tree {
    /// BLAKE3 of so many bytes. Items are chunks of [`CHUNK`] bytes, the last one the rest.
    Bytes(u64),
    /// Rows of a trace. Items are the hashes of the rows.
    Rows(u64),
}

impl Tree {
    /// Number of items. Even no bytes are one chunk.
    pub fn items(self) -> u64 {
        match self {
            Self::Bytes(len) => len.div_ceil(CHUNK).max(1),
            Self::Rows(rows) => rows,
        }
    }

    /// The node above all items.
    pub fn root(self) -> Span {
        Span::whole(self.items())
    }

    /// Levels that the next move of a descent takes from `span` on: of the whole tree's in one, two
    /// or three moves of about the same number of levels.
    pub fn descent(self, span: Span) -> u32 {
        let all = self.root().levels();
        let moves = match all {
            all if all <= ONE_MOVE => 1,
            all if all <= TWO_MOVES => 2,
            _ => 3,
        };
        all.div_ceil(moves).min(span.levels())
    }

    /// The nodes that the next move of a descent from `span` shows.
    pub fn shown(self, span: Span) -> Vec<Span> {
        span.below(self.descent(span))
    }

    /// The node `span` of its two halves.
    pub fn join(self, span: Span, left: &Hash, right: &Hash) -> Hash {
        match self {
            Self::Rows(_) => {
                let mut node = blake3::Hasher::new_keyed(ROW_KEY);
                node.update(left).update(right);
                *node.finalize().as_bytes()
            }
            Self::Bytes(_) if span == self.root() => {
                *merge_subtrees_root(left, right, Mode::Hash).as_bytes()
            }
            Self::Bytes(_) => merge_subtrees_non_root(left, right, Mode::Hash),
        }
    }

    /// The node `span` of the nodes that [`Tree::shown`] lists; `None` of another number of them.
    pub fn node(self, span: Span, shown: &[Hash]) -> Option<Hash> {
        let mut rest = shown.iter();
        let node = self.node_of(span, self.descent(span), &mut || rest.next().copied())?;
        rest.next().is_none().then_some(node)
    }

    /// The root of all items' hashes, in order; `None` of another number of them. A single item is
    /// its own root.
    pub fn root_of(self, items: impl IntoIterator<Item = Hash>) -> Option<Hash> {
        let mut rest = items.into_iter();
        let root = self.node_of(self.root(), u32::MAX, &mut || rest.next())?;
        rest.next().is_none().then_some(root)
    }

    fn node_of(
        self,
        span: Span,
        levels: u32,
        next: &mut dyn FnMut() -> Option<Hash>,
    ) -> Option<Hash> {
        match span.halves() {
            Some((left, right)) if levels > 0 => {
                let left = self.node_of(left, levels - 1, next)?;
                let right = self.node_of(right, levels - 1, next)?;
                Some(self.join(span, &left, &right))
            }
            _ => next(),
        }
    }
}
