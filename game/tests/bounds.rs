//! What a dispute puts on chain at most, by the shapes of models of real size, and what the chain
//! keeps of it while it is open.
//!
//! ```text
//! cargo test --release --package vigil-game --test bounds -- --nocapture
//! ```
//! prints the table.

use codec::{Encode, MaxEncodedLen};
use vigil_game::players::token_proof;
use vigil_ops::{
    proof::{chunk_len, Bytes, PartBytes, Span, Tree, CHUNK},
    samples::Stream,
    trace::{Piece, RowProgram, Source, Target, Trace},
};
use vigil_primitives::{
    architecture::{Activations, Pooling, MAX_LAYERS},
    dispute::{ClaimId, Dispute, Ground, Move, Proof, MAX_PROOF_DATA, MAX_PROOF_NODES},
    AccountId, Architecture, ContentHash, Decoder, Encoder, Sampling,
};

const KIB: usize = 1_024;
const TOKEN: u64 = 4;

/// A language model of these widths.
fn decoder(
    hidden: u32,
    heads: [u16; 2],
    head_width: u16,
    intermediate: u32,
    layers: u16,
) -> Decoder {
    Decoder {
        vocabulary: 32_000,
        hidden,
        layers,
        heads: heads[0],
        kv_heads: heads[1],
        head_width,
        intermediate,
        positions: 32_768,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [None; 8],
    }
}

/// The example `synthetic` of the engine: 1.04 G parameters.
fn one_billion() -> Architecture {
    Architecture::Decoder(decoder(2_048, [32, 8], 64, 8_192, 16))
}

/// The shape of the Llamas of eight billion parameters.
fn eight_billion() -> Architecture {
    let llama = decoder(4_096, [32, 8], 128, 14_336, 32);
    Architecture::Decoder(Decoder { vocabulary: 128_256, ..llama })
}

fn minilm() -> Architecture {
    Architecture::Encoder(Encoder {
        vocabulary: 30_522,
        hidden: 384,
        layers: 6,
        heads: 12,
        intermediate: 1_536,
        positions: 512,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    })
}

/// Nodes and bytes of a proof.
#[derive(Clone, Copy, Default, Debug)]
struct Size {
    nodes: u64,
    data: u64,
}

impl Size {
    fn and(self, other: Self) -> Self {
        Self { nodes: self.nodes + other.nodes, data: self.data + other.data }
    }

    /// Of some bytes of a hash over `len` bytes.
    fn of_bytes(len: u64, ranges: &[Bytes]) -> Self {
        let meets = |span: Span| {
            let (start, end) = (span.first * CHUNK, (span.first + span.count) * CHUNK);
            ranges.iter().any(|range| range.offset < end && range.offset + range.len > start)
        };
        Self::walk(Tree::Bytes(len).root(), &meets, &|chunk| Self {
            nodes: 0,
            data: chunk_len(len, chunk),
        })
    }

    /// Of some parts of a record.
    fn of_record(rows: u64, row: u64, parts: &[u64], ranges: &[PartBytes]) -> Self {
        let of_parts = |_| {
            let wanted = |span: Span| ranges.iter().any(|range| span.contains(range.part.into()));
            Self::walk(Tree::Rows(parts.len() as u64).root(), &wanted, &|part| {
                let of_part = ranges.iter().filter(|range| u64::from(range.part) == part);
                let of_part: Vec<Bytes> = of_part.map(|range| range.bytes).collect();
                Self::of_bytes(parts[part as usize], &of_part)
            })
        };
        Self::walk(Tree::Rows(rows).root(), &|span| span.contains(row), &of_parts)
    }

    fn walk(span: Span, wanted: &dyn Fn(Span) -> bool, item: &dyn Fn(u64) -> Self) -> Self {
        if !wanted(span) {
            return Self { nodes: 1, data: 0 };
        }
        match span.halves() {
            None => item(span.first),
            Some((left, right)) => {
                Self::walk(left, wanted, item).and(Self::walk(right, wanted, item))
            }
        }
    }

    fn total(self) -> u64 {
        32 * self.nodes + self.data
    }

    /// A proof of this size.
    fn proof(self) -> Proof {
        Proof {
            nodes: vec![ContentHash::zero(); self.nodes as usize].try_into().unwrap(),
            data: vec![0; self.data as usize].try_into().unwrap(),
        }
    }
}

/// What is proven together.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Of {
    Input,
    Output,
    Record { anchor: u32, row: u32 },
    Step(u32),
    Weights,
}

/// A run that is disputed.
struct Run {
    trace: Trace,
    tokens_in: u32,
    tokens_out: u32,
}

impl Run {
    /// A run whose last token is disputed.
    fn new(architecture: &Architecture, tokens_in: u32, tokens_out: u32) -> Self {
        let tokens = tokens_in + tokens_out.saturating_sub(1);
        let trace = Trace::new(architecture, tokens, Sampling::Greedy).unwrap();
        Self { trace, tokens_in, tokens_out }
    }

    fn of(&self, piece: &Piece) -> Of {
        match piece.source {
            Source::Tokens if piece.offset / TOKEN < u64::from(self.tokens_in) => Of::Input,
            Source::Tokens => Of::Output,
            Source::Record { anchor, row, .. } => Of::Record { anchor, row },
            Source::Step(step) => Of::Step(step),
            Source::Weights => Of::Weights,
        }
    }

    /// Of the proof of an element.
    fn proof(&self, program: &RowProgram, step: u32, element: u64, token: u32) -> Size {
        let pieces = match program.copied(step, element) {
            Some(piece) => vec![piece],
            None => program.opening(step, element, token).unwrap().1,
        };
        let mut kinds: Vec<Of> = Vec::new();
        for piece in &pieces {
            if !kinds.contains(&self.of(piece)) {
                kinds.push(self.of(piece));
            }
        }
        let weights = program.weights();
        let header = weights.header_len();
        let sizes = kinds.into_iter().map(|kind| {
            let of_kind = pieces.iter().filter(|piece| self.of(piece) == kind);
            let moved = |before: u64, behind: u64| -> Vec<Bytes> {
                let place = |piece: &Piece| piece.offset + before - behind;
                of_kind.clone().map(|p| Bytes { offset: place(p), len: p.len }).collect()
            };
            let tokens = |count: u32| TOKEN * u64::from(count);
            match kind {
                Of::Input => Size::of_bytes(tokens(self.tokens_in), &moved(0, 0)),
                Of::Output => {
                    Size::of_bytes(tokens(self.tokens_out), &moved(0, tokens(self.tokens_in)))
                }
                Of::Step(step) => Size::of_bytes(program.size(step).unwrap(), &moved(0, 0)),
                Of::Weights => Size::of_bytes(header + weights.size(), &moved(header, 0)),
                Of::Record { anchor, row } => {
                    let parts = self.trace.parts(self.trace.anchor(anchor).unwrap());
                    let part = |piece: &Piece| match piece.source {
                        Source::Record { part, .. } => part,
                        _ => panic!("no part"),
                    };
                    let ranges: Vec<PartBytes> = of_kind
                        .clone()
                        .zip(moved(0, 0))
                        .map(|(piece, bytes)| PartBytes { part: part(piece), bytes })
                        .collect();
                    Size::of_record(self.trace.tokens().into(), row.into(), parts.lens(), &ranges)
                }
            }
        });
        sizes.fold(Size::default(), Size::and)
    }

    /// The longest way down a tree: moves of the claimant, and bytes of both.
    fn descent(tree: Tree) -> (u32, usize) {
        let (mut moves, mut bytes, mut span) = (0, 0, tree.root());
        while span.count > 1 {
            let shown = tree.shown(span);
            let nodes = vec![ContentHash::zero(); shown.len()].try_into().unwrap();
            bytes += Move::Nodes(nodes).encoded_size() + Move::Node(0).encoded_size();
            moves += 1;
            span = shown.into_iter().max_by_key(|span| span.count).unwrap();
        }
        (moves, bytes)
    }

    /// The longest game that ends in this target: moves of the claimant, bytes of all moves, and the
    /// largest proof.
    fn game(&self, target: Target, stream: &mut Stream) -> (u32, usize, Size) {
        let program = self.trace.row_program(target).unwrap();
        let hashes = |count: u32| vec![ContentHash::zero(); count as usize];
        let challenge = {
            let ground = match self.trace.architecture() {
                Architecture::Encoder(_) => Ground::Vector,
                Architecture::Decoder(_) => {
                    let output = vec![0; (TOKEN * u64::from(self.tokens_out)) as usize];
                    let proof = token_proof(&output, self.tokens_out - 1).unwrap();
                    Ground::Token { position: self.tokens_out - 1, proof }
                }
            };
            ClaimId::Job { job: 0, worker: AccountId::new([0; 32]) }.encoded_size()
                + ground.encoded_size()
        };
        let roots = Move::Roots(hashes(self.trace.anchors()).try_into().unwrap()).encoded_size();
        let results = Move::Results(hashes(program.len()).try_into().unwrap()).encoded_size();
        let (row_moves, rows) = match target {
            Target::Record { .. } => Self::descent(self.trace.rows()),
            Target::Output => (0, 0),
        };
        let before = challenge
            + roots
            + Move::Anchor(Some(0)).encoded_size()
            + rows
            + results
            + Move::Result(0).encoded_size();
        let (mut most_moves, mut most_bytes, mut most_proof) = (0, 0, Size::default());
        for step in 0..program.len() {
            let size = program.size(step).unwrap();
            let (chunk_moves, chunks) = Self::descent(program.tree(step).unwrap());
            let bytes = vec![0; size.min(CHUNK) as usize].try_into().unwrap();
            let shown = chunks + Move::Bytes(bytes).encoded_size();
            let elements = program.elements(step).unwrap();
            let drawn = (0..32).map(|_| stream.u64() % elements).collect::<Vec<_>>();
            for element in drawn.into_iter().chain([0, elements / 2, elements - 1]) {
                let token = stream.below(self.trace.architecture().vocabulary());
                let proof = self.proof(&program, step, element, token);
                let last = Move::Element { element, proof: proof.proof() }.encoded_size();
                most_bytes = most_bytes.max(before + shown + last);
                if proof.total() > most_proof.total() {
                    most_proof = proof;
                }
            }
            // The roots, the results and the bytes beside the descents.
            most_moves = most_moves.max(3 + row_moves + chunk_moves);
        }
        (most_moves, most_bytes, most_proof)
    }

    /// Targets of every kind, in the first, a middle and the last row.
    fn targets(&self) -> Vec<Target> {
        let tokens = self.trace.tokens();
        let anchors = (0..self.trace.anchors().min(3)).chain([self.trace.anchors() - 1]);
        let rows = [0, tokens / 2, tokens - 1];
        let records = anchors.flat_map(|anchor| rows.map(|row| Target::Record { anchor, row }));
        records.chain([Target::Output]).collect()
    }

    /// The longest game of all, beside those about an embedding, and the longest of these.
    fn longest(&self, name: &str) -> [(u32, usize, Size); 2] {
        let mut stream = Stream::new(11);
        let mut most = [(0, 0, Size::default()); 2];
        for target in self.targets() {
            let (moves, bytes, proof) = self.game(target, &mut stream);
            let embedding = matches!(target, Target::Record { anchor: 0, .. });
            let so_far = &mut most[usize::from(embedding)];
            so_far.0 = so_far.0.max(moves);
            so_far.1 = so_far.1.max(bytes);
            if proof.total() > so_far.2.total() {
                so_far.2 = proof;
            }
        }
        for (what, (moves, bytes, proof)) in ["layers, output", "embedding"].iter().zip(most) {
            println!(
                "{name:30} {what:15} {moves} moves of the claimant, {bytes} bytes, proof of {} nodes and {} bytes",
                proof.nodes, proof.data
            );
        }
        most
    }
}

#[test]
fn games_about_models_of_real_size_should_stay_small() {
    for (name, run, bounds) in [
        ("MiniLM, 512 tokens", Run::new(&minilm(), 512, 0), [9, 13]),
        ("1.04 G, 100 + 100 tokens", Run::new(&one_billion(), 100, 100), [12, 12]),
        ("8 G, 3,996 + 100 tokens", Run::new(&eight_billion(), 3_996, 100), [20, 20]),
    ] {
        for ((moves, bytes, proof), bound) in run.longest(name).into_iter().zip(bounds) {
            assert!(moves <= 7, "{name}: {moves} moves");
            assert!(bytes <= bound * KIB, "{name}: {bytes} bytes");
            assert!(proof.total() <= 24 * 1_024, "{name}: a proof of {proof:?}");
        }
    }
}

#[test]
fn proofs_of_the_largest_models_should_fit_their_types() {
    let wide = Decoder {
        vocabulary: 1 << 20,
        qk_norm: true,
        qkv_bias: true,
        ..decoder(65_536, [256, 256], 256, 65_536, MAX_LAYERS)
    };
    let grouped = Decoder { kv_heads: 1, tied_head: true, qk_norm: false, ..wide };
    let encoder = Encoder {
        vocabulary: 1 << 20,
        hidden: 65_536,
        layers: MAX_LAYERS,
        heads: 256,
        intermediate: 65_536,
        positions: 32_768,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int15,
    };
    for (architecture, tokens_in, tokens_out) in [
        (Architecture::Decoder(wide), 1, 32_768),
        (Architecture::Decoder(grouped), 32_768, 1),
        (Architecture::Encoder(encoder), 32_768, 0),
    ] {
        let run = Run::new(&architecture, tokens_in, tokens_out);
        for (moves, _, proof) in run.longest("the largest") {
            // A gather of more than a gigabyte is descended in three moves.
            assert!(moves <= 8);
            assert!(proof.nodes <= MAX_PROOF_NODES.into() && proof.data <= MAX_PROOF_DATA.into());
        }
    }
}

#[test]
fn an_open_dispute_should_keep_little() {
    assert!(Dispute::<AccountId, u32>::max_encoded_len() <= 64 * KIB);
}
