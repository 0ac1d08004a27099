//! Proofs open exactly what was asked for, and nothing else passes.

mod support;

use proptest::prelude::*;
use support::Stream;
use vigil_ops::proof::{
    chunk_hash, chunk_len, node_of, record_hash, row_node, BadProof, Bytes, Hash, PartBytes, Proof,
    RecordPlace, Span, Tree, CHUNK,
};

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut stream = Stream::new(seed);
    (0..len).map(|_| stream.u64() as u8).collect()
}

fn hash(bytes: &[u8]) -> Hash {
    *blake3::hash(bytes).as_bytes()
}

/// Ranges within `len` bytes.
fn ranges(len: u64, seed: u64) -> Vec<Bytes> {
    let mut stream = Stream::new(seed);
    (0..1 + stream.below(4))
        .map(|_| {
            let offset = stream.u64() % len;
            let most = (len - offset).min(3 * CHUNK);
            Bytes { offset, len: 1 + stream.u64() % most }
        })
        .collect()
}

fn slice(bytes: &[u8], range: Bytes) -> &[u8] {
    &bytes[range.offset as usize..(range.offset + range.len) as usize]
}

#[test]
fn a_tree_should_have_the_shape_of_blake3() {
    for chunks in 1..=67u64 {
        let len = (chunks - 1) * CHUNK + 17;
        let bytes = bytes(len as usize, chunks);
        let tree = Tree::Bytes(len);
        assert_eq!(tree.items(), chunks);
        let items = (0..chunks).map(|chunk| {
            let start = (chunk * CHUNK) as usize;
            chunk_hash(len, chunk, &bytes[start..][..chunk_len(len, chunk) as usize])
        });
        assert_eq!(tree.root_of(items), Some(hash(&bytes)));
        // Every node that a descent shows is the node of its chunks.
        let mut spans = vec![tree.root()];
        while let Some(span) = spans.pop() {
            let shown = tree.shown(span);
            let nodes: Vec<Hash> = shown.iter().map(|span| node_of(&bytes, *span)).collect();
            assert_eq!(tree.node(span, &nodes), Some(node_of(&bytes, span)));
            assert_eq!(tree.node(span, &nodes[1..]), None);
            assert_eq!(tree.node(span, &[&nodes[..], &nodes[..1]].concat()), None);
            spans.extend(shown.into_iter().filter(|span| span.count > 1));
        }
    }
}

#[test]
fn a_descent_should_take_few_moves_of_few_nodes() {
    let moves = |tree: Tree| {
        let (mut span, mut moves, mut most) = (tree.root(), 0, 0);
        while span.count > 1 {
            let shown = tree.shown(span);
            most = most.max(shown.len());
            span = shown[0];
            moves += 1;
        }
        (moves, most)
    };
    assert_eq!(moves(Tree::Rows(1)), (0, 0));
    assert_eq!(moves(Tree::Rows(64)), (1, 64));
    assert_eq!(moves(Tree::Rows(200)), (2, 16));
    assert_eq!(moves(Tree::Rows(4_096)), (2, 64));
    assert_eq!(moves(Tree::Rows(32_768)), (2, 256));
    assert_eq!(moves(Tree::Bytes(4 << 20)), (2, 64));
    assert_eq!(moves(Tree::Bytes(1 << 30)), (2, 1_024));
    assert_eq!(moves(Tree::Bytes(1 << 33)), (3, 256));
}

#[test]
fn rows_should_be_appended_without_changing_what_is_complete() {
    let rows: Vec<Hash> = (0..64u8).map(|row| hash(&[row])).collect();
    for count in 1..=rows.len() {
        for complete in [1, 2, 4, 8, 16, 32].into_iter().filter(|c| *c <= count) {
            let span = Span { first: 0, count: complete as u64 };
            assert_eq!(row_node(&rows[..count], span), row_node(&rows, span));
        }
    }
    // A node over rows is no node of BLAKE3, nor the hash of its two halves.
    let [a, b] = [rows[0], rows[1]];
    let node = Tree::Rows(2).root_of([a, b]).unwrap();
    assert_ne!(node, hash(&[a, b].concat()));
    assert_ne!(node, Tree::Bytes(2 * CHUNK).join(Span::whole(2), &a, &b));
}

proptest! {
    #[test]
    fn ranges_should_be_opened_and_every_change_refused(
        len in 1usize..20_000, seed: u64, flip: u64,
    ) {
        let bytes = bytes(len, seed);
        let (len, root) = (len as u64, hash(&bytes));
        let ranges = ranges(len, seed);
        let mut proof = Proof::default();
        proof.open_bytes(&bytes, &ranges).unwrap();
        let mut reader = proof.reader();
        let opened = reader.bytes(&root, len, &ranges).unwrap();
        prop_assert_eq!(reader.finish(), Ok(()));
        for (range, opened) in ranges.iter().zip(opened) {
            prop_assert_eq!(opened, slice(&bytes, *range));
        }

        // Another commitment, another length, one chunk or node more or less.
        let refused = |proof: &Proof, root: &Hash, len: u64, ranges: &[Bytes]| {
            let mut reader = proof.reader();
            match reader.bytes(root, len, ranges) {
                Ok(_) => reader.finish().err(),
                Err(bad) => Some(bad),
            }
        };
        prop_assert!(refused(&proof, &[7; 32], len, &ranges).is_some());
        // Only the last chunk says how long the whole is.
        let last = |len: u64| [Bytes { offset: len - 1, len: 1 }];
        let mut end = Proof::default();
        end.open_bytes(&bytes, &last(len)).unwrap();
        prop_assert_eq!(refused(&end, &root, len, &last(len)), None);
        for other in [len + 1, len + CHUNK, 2 * len, (len - 1).max(1)] {
            if other != len {
                prop_assert!(refused(&end, &root, other, &last(other)).is_some());
            }
        }
        let more = Proof { nodes: [&proof.nodes[..], &[[0; 32]]].concat(), ..proof.clone() };
        prop_assert_eq!(refused(&more, &root, len, &ranges), Some(BadProof::TooLong));
        let more = Proof { data: [&proof.data[..], &[0]].concat(), ..proof.clone() };
        prop_assert_eq!(refused(&more, &root, len, &ranges), Some(BadProof::TooLong));
        let less = Proof { data: proof.data[1..].to_vec(), ..proof.clone() };
        prop_assert_eq!(refused(&less, &root, len, &ranges), Some(BadProof::TooShort));
        if !proof.nodes.is_empty() {
            let less = Proof { nodes: proof.nodes[1..].to_vec(), ..proof.clone() };
            prop_assert!(refused(&less, &root, len, &ranges).is_some());
        }
        // One bit anywhere.
        let mut changed = proof.clone();
        let bits = 8 * proof.size();
        let bit = (flip % bits) as usize;
        match (bit / 8).checked_sub(changed.data.len()) {
            None => changed.data[bit / 8] ^= 1 << (bit % 8),
            Some(at) => changed.nodes[at / 32][at % 32] ^= 1 << (bit % 8),
        }
        prop_assert_eq!(refused(&changed, &root, len, &ranges), Some(BadProof::WrongHash));
        // Ranges that don't exist.
        for range in [Bytes { offset: len, len: 1 }, Bytes { offset: 0, len: 0 },
            Bytes { offset: u64::MAX, len: 2 }, Bytes { offset: 0, len: len + 1 }] {
            prop_assert_eq!(refused(&proof, &root, len, &[range]), Some(BadProof::OutOfRange));
        }
        prop_assert_eq!(refused(&proof, &root, len, &[]), Some(BadProof::OutOfRange));
    }

    #[test]
    fn records_should_be_opened_and_every_other_refused(
        rows in 1u64..70, row in 0u64..70, sizes: [u8; 4], single: bool, seed: u64,
    ) {
        let row = row % rows;
        let count = if single { 1 } else { 4 };
        let parts: Vec<Vec<u8>> = (0..count)
            .map(|part| bytes(usize::from(sizes[part]) * 13 + 1, seed.wrapping_add(part as u64)))
            .collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let lens: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
        let mut hashes: Vec<Hash> = (0..rows).map(|row| hash(&row.to_le_bytes())).collect();
        hashes[row as usize] = record_hash(parts.iter().copied()).unwrap();
        let root = Tree::Rows(rows).root_of(hashes.iter().copied()).unwrap();

        let mut stream = Stream::new(seed);
        let wanted: Vec<PartBytes> = (0..1 + stream.below(3))
            .map(|_| {
                let part = stream.below(count as u32);
                let len = lens[part as usize];
                let offset = stream.u64() % len;
                let bytes = Bytes { offset, len: 1 + stream.u64() % (len - offset) };
                PartBytes { part: part as u8, bytes }
            })
            .collect();
        let mut proof = Proof::default();
        proof.open_record(&hashes, row, &parts, &wanted).unwrap();
        let place = RecordPlace { rows, row, parts: &lens };
        let mut reader = proof.reader();
        let opened = reader.record(&root, place, &wanted).unwrap();
        prop_assert_eq!(reader.finish(), Ok(()));
        for (wanted, opened) in wanted.iter().zip(opened) {
            prop_assert_eq!(opened, slice(parts[usize::from(wanted.part)], wanted.bytes));
        }

        let refused = |root: &Hash, place: RecordPlace<'_>, wanted: &[PartBytes]| {
            let mut reader = proof.reader();
            match reader.record(root, place, wanted) {
                Ok(_) => reader.finish().is_err(),
                Err(_) => true,
            }
        };
        prop_assert!(refused(&[7; 32], place, &wanted));
        let other_place = RecordPlace { rows: 2 * rows + 1, ..place };
        prop_assert!(refused(&root, other_place, &wanted));
        for other in (0..rows).filter(|other| *other != row) {
            let other_place = RecordPlace { row: other, ..place };
        prop_assert!(refused(&root, other_place, &wanted));
        }
        let other_place = RecordPlace { row: rows, ..place };
        prop_assert!(refused(&root, other_place, &wanted));
        let fewer: Vec<u64> = if single { vec![lens[0]; 4] } else { vec![lens[0]] };
        let other_place = RecordPlace { parts: &fewer, ..place };
        prop_assert!(refused(&root, other_place, &wanted));
        prop_assert!(refused(&root, place, &[]));
        let outside = PartBytes { part: count as u8, bytes: Bytes { offset: 0, len: 1 } };
        prop_assert!(refused(&root, place, &[outside]));
    }
}

#[test]
fn a_last_chunk_should_not_pass_for_two() {
    // The last chunk again behind itself, and a leaf where a node belongs.
    let bytes = bytes(3 * CHUNK as usize, 1);
    let root = hash(&bytes);
    let range = [Bytes { offset: 2 * CHUNK, len: CHUNK }];
    let mut proof = Proof::default();
    proof.open_bytes(&bytes, &range).unwrap();
    assert!(proof.reader().bytes(&root, 3 * CHUNK, &range).is_ok());
    let twice = [&bytes[..], &bytes[2 * CHUNK as usize..]].concat();
    assert!(proof.reader().bytes(&root, 4 * CHUNK, &range).is_err());
    let mut longer = Proof::default();
    longer.open_bytes(&twice, &range).unwrap();
    assert!(longer.reader().bytes(&root, 4 * CHUNK, &range).is_err());
    // Two chunks of which the parent is said to be a chunk of 64 bytes.
    let pair = &bytes[..2 * CHUNK as usize];
    let halves =
        [node_of(pair, Span { first: 0, count: 1 }), node_of(pair, Span { first: 1, count: 1 })];
    let node = Proof { nodes: vec![], data: halves.concat() };
    let all = [Bytes { offset: 0, len: 64 }];
    assert_eq!(node.reader().bytes(&hash(pair), 64, &all), Err(BadProof::WrongHash));
}
