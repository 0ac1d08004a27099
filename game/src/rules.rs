//! What a challenge must bring, and the table of moves.

use alloc::vec::Vec;
use vigil_ops::{
    proof::{chunk_hash, chunk_len, BadProof, Bytes, Reader, Span, Tree, CHUNK},
    trace::{self, referee, Commitments, Finding, Trace, Unproven},
    weights::{Flaw, Weights},
};
use vigil_primitives::{
    dispute::{
        Chunk, Claim, Descent, Disputed, End, Fault, Ground, Move, Node, Nodes, Proof, Results,
        Roots, Stage, Target, TokenAt, Verdict, PUBLISHED_CHUNKS,
    },
    Architecture, ContentHash,
};

/// Bytes of a token id.
const TOKEN: u64 = 4;

/// What a challenge begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// The claim is wrong at first sight.
    Convicted(Fault),
    /// A game begins at this stage. A token's is about it.
    Game(Option<TokenAt>, Stage),
}

/// Why a challenge is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadGround {
    /// An encoder has no tokens to challenge, a language model no vector.
    OtherFamily,
    /// The output has no such token, or an end has no such chunk.
    OutOfRange,
    /// There are as many bytes as the claim says.
    SameLength,
    /// The bytes are not proven.
    Unproven(BadProof),
    /// The model can't run so many tokens: there is nothing that a claim could say.
    NoTrace,
    /// There is nothing wrong with the element of a package.
    NoFlaw,
}

impl From<BadProof> for BadGround {
    fn from(bad: BadProof) -> Self {
        Self::Unproven(bad)
    }
}

/// Why a move is refused. It leaves the game where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMove {
    /// It is the turn of something else.
    NotNow,
    /// As many are not asked for.
    WrongCount,
    /// It doesn't lead to what was committed to.
    WrongHash,
    /// There is no such anchor, node, step or element, or it isn't in the chunk.
    OutOfRange,
    /// What an element is computed from is not proven.
    Unproven(BadProof),
    /// The claim has no trace: nothing can be decided.
    NoTrace,
}

impl From<BadProof> for BadMove {
    fn from(bad: BadProof) -> Self {
        Self::Unproven(bad)
    }
}

impl From<Unproven> for BadMove {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::NoSuchElement => Self::OutOfRange,
            Unproven::BadProof(bad) => Self::Unproven(bad),
        }
    }
}

/// What follows a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The game goes on.
    Stage(Stage),
    /// It is decided.
    Decided(Verdict),
}

/// Bytes of an end of a run, as a claim has it.
pub fn len_of(claim: &Claim, end: End) -> u64 {
    match end {
        End::Input => TOKEN * u64::from(claim.tokens_in),
        End::Output => claim.architecture.output_len(claim.output.tokens).into(),
    }
}

/// What the bytes of an end are committed to with.
fn hash_of(claim: &Claim, end: End) -> &[u8; 32] {
    match end {
        End::Input => &claim.input.0,
        End::Output => &claim.output.hash.0,
    }
}

/// The chunks of an end that a publication from `first` on shows: where they lie.
pub fn published(claim: &Claim, end: End, first: u32) -> Option<Bytes> {
    let offset = u64::from(first) * CHUNK;
    let rest = len_of(claim, end).checked_sub(offset).filter(|rest| *rest > 0)?;
    Some(Bytes { offset, len: rest.min(u64::from(PUBLISHED_CHUNKS) * CHUNK) })
}

/// Hashes as the operators have them.
fn hashes(hashes: &[ContentHash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}

/// Looks at a challenge: whether it says anything, and what follows.
///
/// # Errors
/// What it says is not proven, or is nothing.
pub fn examine(claim: &Claim, ground: &Ground) -> Result<Opened, BadGround> {
    let decoder = match &claim.architecture {
        Architecture::Encoder(_) => None,
        Architecture::Decoder(decoder) => Some(decoder),
    };
    match ground {
        Ground::Token { position, proof } => {
            let decoder = decoder.ok_or(BadGround::OtherFamily)?;
            if *position >= claim.output.tokens {
                return Err(BadGround::OutOfRange);
            }
            let place = Bytes { offset: TOKEN * u64::from(*position), len: TOKEN };
            let id = open(claim, End::Output, len_of(claim, End::Output), place, proof)?;
            let id = u32::from_le_bytes(id.try_into().map_err(|_| BadGround::OutOfRange)?);
            let last = position.checked_add(1) == Some(claim.output.tokens);
            Ok(if id >= decoder.vocabulary {
                Opened::Convicted(Fault::Vocabulary)
            } else if decoder.is_stop(id) && !last {
                Opened::Convicted(Fault::GoesOn)
            } else if last && !decoder.is_stop(id) && claim.output.tokens < claim.max_tokens_out {
                Opened::Convicted(Fault::EndsEarly)
            } else {
                let token = Some(TokenAt { position: *position, id });
                Rules::new(claim, token).ok_or(BadGround::NoTrace)?;
                Opened::Game(token, Stage::Anchors)
            })
        }
        Ground::Vector if decoder.is_some() => Err(BadGround::OtherFamily),
        Ground::Vector => {
            Rules::new(claim, None).ok_or(BadGround::NoTrace)?;
            Ok(Opened::Game(None, Stage::Anchors))
        }
        Ground::Length { end, len, proof } => {
            if *len == len_of(claim, *end) {
                return Err(BadGround::SameLength);
            }
            match len.checked_sub(1) {
                Some(offset) => {
                    open(claim, *end, *len, Bytes { offset, len: 1 }, proof)?;
                }
                None if chunk_hash(0, 0, &[]) == *hash_of(claim, *end) => {}
                None => return Err(BadGround::Unproven(BadProof::WrongHash)),
            }
            Ok(Opened::Convicted(Fault::Length))
        }
        Ground::Withheld { end, first } => {
            published(claim, *end, *first).ok_or(BadGround::OutOfRange)?;
            Ok(Opened::Game(None, Stage::Withheld { end: *end, first: *first }))
        }
    }
}

/// The chunks of an end that a publication from `first` on shows: the bytes, as a proof opens them.
///
/// # Errors
/// There is no such chunk, or the proof doesn't open them.
pub fn read_published(
    claim: &Claim,
    end: End,
    first: u32,
    proof: &Proof,
) -> Result<Vec<u8>, BadProof> {
    let bytes = published(claim, end, first).ok_or(BadProof::OutOfRange)?;
    open(claim, end, len_of(claim, end), bytes, proof)
}

/// Bytes of an end, as a proof opens them, if there are `len` of them.
fn open(
    claim: &Claim,
    end: End,
    len: u64,
    bytes: Bytes,
    proof: &Proof,
) -> Result<Vec<u8>, BadProof> {
    let nodes = hashes(&proof.nodes);
    let mut reader = Reader::new(&nodes, &proof.data);
    let opened = reader.bytes(hash_of(claim, end), len, &[bytes])?;
    reader.finish()?;
    opened.first().map(|bytes| bytes.to_vec()).ok_or(BadProof::OutOfRange)
}

/// What a dispute is about, from which every shape follows.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    claim: &'a Claim,
    token: Option<TokenAt>,
    trace: Trace,
}

impl<'a> Rules<'a> {
    /// Of a claim, and of a language model the disputed token. `None` where the claim has no trace.
    pub fn new(claim: &'a Claim, token: Option<TokenAt>) -> Option<Self> {
        let position = token.map_or(0, |token| token.position);
        let tokens = claim.tokens_in.checked_add(position)?;
        let trace = Trace::new(&claim.architecture, tokens, claim.sampling).ok()?;
        Some(Self { claim, token, trace })
    }

    /// The trace of the run up to what is disputed.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// The claim.
    pub fn claim(&self) -> &Claim {
        self.claim
    }

    /// The token.
    pub fn token(&self) -> Option<TokenAt> {
        self.token
    }

    /// Most nodes that one move of a descent shows, whatever is disputed: of rows, and of chunks.
    pub fn most_shown(&self) -> [u64; 2] {
        let shown = |tree: Tree| 1u64 << tree.descent(tree.root());
        let targets = [
            Some(trace::Target::Output),
            // Every layer's row programs have the same sizes.
            self.trace
                .anchors()
                .checked_sub(1)
                .map(|_| trace::Target::Record { anchor: 1, row: 0 }),
            Some(trace::Target::Record { anchor: 2, row: self.trace.tokens().saturating_sub(1) }),
        ];
        let programs =
            targets.into_iter().flatten().filter_map(|target| self.trace.row_program(target));
        let chunks = programs.flat_map(|program| {
            (0..program.len()).filter_map(move |step| program.tree(step).map(shown))
        });
        [shown(self.trace.rows()), chunks.max().unwrap_or(1)]
    }

    /// What the run ends in.
    fn end(&self) -> [u8; 32] {
        match self.token {
            Some(token) => chunk_hash(TOKEN, 0, &token.id.to_le_bytes()),
            None => self.claim.output.hash.0,
        }
    }

    /// What follows a move at a stage: the table.
    ///
    /// # Errors
    /// The move is not one of this stage, or not as the commitments say.
    pub fn play(&self, stage: Stage, turn: Move) -> Result<Next, BadMove> {
        Ok(Next::Stage(match (stage, turn) {
            (Stage::Anchors, Move::Roots(roots)) => self.roots(roots)?,
            (Stage::Anchor { roots }, Move::Anchor(anchor)) => self.anchor(roots, anchor)?,
            (Stage::Rows { roots, anchor, descent }, turn) => {
                match descend(self.trace.rows(), descent, turn)? {
                    Found::Descent(descent) => Stage::Rows { roots, anchor, descent },
                    Found::Item(node) => {
                        let row = u32::try_from(node.first).map_err(|_| BadMove::OutOfRange)?;
                        let target = Target::Record { anchor, row };
                        Stage::Results { roots, target, end: node.hash }
                    }
                }
            }
            (Stage::Results { roots, target, end }, Move::Results(results)) => {
                self.results(roots, target, end, results)?
            }
            (Stage::Result { roots, target, results }, Move::Result(step)) => {
                self.result(Disputed { roots, target, results, step })?
            }
            (Stage::Chunks { disputed, descent }, turn) => {
                let tree = self.tree(&disputed)?;
                match descend(tree, descent, turn)? {
                    Found::Descent(descent) => Stage::Chunks { disputed, descent },
                    Found::Item(Node { first, hash, .. }) => {
                        Stage::Bytes { disputed, chunk: first, hash }
                    }
                }
            }
            (Stage::Bytes { disputed, chunk, hash }, Move::Bytes(bytes)) => {
                self.bytes(disputed, chunk, hash, bytes)?
            }
            (Stage::Element { disputed, chunk, bytes }, Move::Element { element, proof }) => {
                return self.element(&disputed, chunk, &bytes, element, &proof);
            }
            (Stage::Withheld { end, first }, Move::Publish(proof)) => {
                read_published(self.claim, end, first, &proof)?;
                return Ok(Next::Decided(Verdict::Published));
            }
            _ => return Err(BadMove::NotNow),
        }))
    }

    fn roots(&self, roots: Roots) -> Result<Stage, BadMove> {
        if roots.len() as u64 != u64::from(self.trace.anchors()) {
            return Err(BadMove::WrongCount);
        }
        Ok(Stage::Anchor { roots })
    }

    fn anchor(&self, roots: Roots, anchor: Option<u32>) -> Result<Stage, BadMove> {
        let Some(anchor) = anchor else {
            let end = self.end().into();
            return Ok(Stage::Results { roots, target: Target::Output, end });
        };
        let place = usize::try_from(anchor).ok().and_then(|anchor| roots.get(anchor));
        let hash = *place.ok_or(BadMove::OutOfRange)?;
        let Span { first, count } = self.trace.rows().root();
        if count == 1 {
            let target = Target::Record { anchor, row: 0 };
            return Ok(Stage::Results { roots, target, end: hash });
        }
        let descent = Descent::Named(Node { first, count, hash });
        Ok(Stage::Rows { roots, anchor, descent })
    }

    fn results(
        &self,
        roots: Roots,
        target: Target,
        end: ContentHash,
        results: Results,
    ) -> Result<Stage, BadMove> {
        let program = self.trace.row_program(target_of(target)).ok_or(BadMove::NoTrace)?;
        if results.len() as u64 != u64::from(program.len()) {
            return Err(BadMove::WrongCount);
        }
        if !program.ends_in(&hashes(&results), &end.0) {
            return Err(BadMove::WrongHash);
        }
        Ok(Stage::Result { roots, target, results })
    }

    fn result(&self, disputed: Disputed) -> Result<Stage, BadMove> {
        let Span { first, count } = self.tree(&disputed)?.root();
        let place = usize::try_from(disputed.step).ok().and_then(|s| disputed.results.get(s));
        let hash = *place.ok_or(BadMove::OutOfRange)?;
        if count == 1 {
            return Ok(Stage::Bytes { disputed, chunk: 0, hash });
        }
        Ok(Stage::Chunks { disputed, descent: Descent::Named(Node { first, count, hash }) })
    }

    /// The tree of a disputed result.
    fn tree(&self, disputed: &Disputed) -> Result<Tree, BadMove> {
        let program = self.trace.row_program(target_of(disputed.target));
        program.and_then(|program| program.tree(disputed.step)).ok_or(BadMove::OutOfRange)
    }

    fn bytes(
        &self,
        disputed: Disputed,
        chunk: u64,
        hash: ContentHash,
        bytes: Chunk,
    ) -> Result<Stage, BadMove> {
        let Tree::Bytes(len) = self.tree(&disputed)? else { return Err(BadMove::NoTrace) };
        if bytes.len() as u64 != chunk_len(len, chunk) {
            return Err(BadMove::WrongCount);
        }
        if chunk_hash(len, chunk, &bytes) != hash.0 {
            return Err(BadMove::WrongHash);
        }
        Ok(Stage::Element { disputed, chunk, bytes })
    }

    fn element(
        &self,
        disputed: &Disputed,
        chunk: u64,
        bytes: &Chunk,
        element: u64,
        proof: &Proof,
    ) -> Result<Next, BadMove> {
        let program = self.trace.row_program(target_of(disputed.target)).ok_or(BadMove::NoTrace)?;
        let size = program.op(disputed.step).map_or(1, |op| op.dtype.size() as u64);
        if element.checked_mul(size).map(|start| start / CHUNK) != Some(chunk) {
            return Err(BadMove::OutOfRange);
        }
        let (anchors, results, nodes) =
            (hashes(&disputed.roots), hashes(&disputed.results), hashes(&proof.nodes));
        let given = Commitments {
            anchors: &anchors,
            results: &results,
            input: self.claim.input.0,
            tokens_in: self.claim.tokens_in,
            output: self.claim.output.hash.0,
            tokens_out: self.claim.output.tokens,
            weights: self.claim.weights.0,
            weights_len: self.claim.weights_len,
        };
        let judged = trace::Disputed { step: disputed.step, element, chunk: bytes };
        let finding = referee(&program, judged, &given, Reader::new(&nodes, &proof.data))?;
        Ok(Next::Decided(match finding {
            Finding::Wrong => Verdict::Convicted(Fault::Element),
            Finding::Right => Verdict::Vindicated,
        }))
    }
}

/// What is wrong with one element of the weights file of a model, as a proof opens it: number
/// `element` of number `tensor` in canonical order.
///
/// # Errors
/// The element is not proven, or there is nothing wrong with it.
pub fn flaw(
    architecture: &Architecture,
    (weights, weights_len): (&ContentHash, u64),
    (tensor, element): (u32, u64),
    proof: &Proof,
) -> Result<Flaw, BadGround> {
    let layout = Weights::new(architecture);
    let spec = usize::try_from(tensor).ok().and_then(|tensor| layout.get(tensor));
    let spec = spec.filter(|spec| element < spec.elements()).ok_or(BadGround::OutOfRange)?;
    let header = weights_len.checked_sub(layout.size()).ok_or(BadGround::OutOfRange)?;
    let len = spec.dtype.size() as u64;
    let place = element.checked_mul(len).and_then(|place| place.checked_add(spec.offset));
    let offset = place.and_then(|place| place.checked_add(header));
    let bytes = Bytes { offset: offset.ok_or(BadGround::OutOfRange)?, len };
    let nodes = hashes(&proof.nodes);
    let mut reader = Reader::new(&nodes, &proof.data);
    let opened = reader.bytes(&weights.0, weights_len, &[bytes])?;
    reader.finish()?;
    let opened = opened.first().copied().unwrap_or_default();
    spec.flaw(opened).ok_or(BadGround::NoFlaw)
}

/// A target as the operators have it.
pub fn target_of(target: Target) -> trace::Target {
    match target {
        Target::Record { anchor, row } => trace::Target::Record { anchor, row },
        Target::Output => trace::Target::Output,
    }
}

/// What a move of a descent has found.
enum Found {
    Descent(Descent),
    Item(Node),
}

/// A move of a descent: what is below the named node is shown, or one of these is named.
fn descend(tree: Tree, descent: Descent, turn: Move) -> Result<Found, BadMove> {
    match (descent, turn) {
        (Descent::Named(node), Move::Nodes(shown)) => {
            let span = Span { first: node.first, count: node.count };
            if shown.len() != tree.shown(span).len() {
                return Err(BadMove::WrongCount);
            }
            if tree.node(span, &hashes(&shown)) != Some(node.hash.0) {
                return Err(BadMove::WrongHash);
            }
            Ok(Found::Descent(Descent::Shown { node, shown }))
        }
        (Descent::Shown { node, shown }, Move::Node(place)) => {
            let span = Span { first: node.first, count: node.count };
            let place = usize::try_from(place).map_err(|_| BadMove::OutOfRange)?;
            let named = tree.shown(span).get(place).copied().zip(shown.get(place).copied());
            let (Span { first, count }, hash) = named.ok_or(BadMove::OutOfRange)?;
            let node = Node { first, count, hash };
            Ok(if count == 1 { Found::Item(node) } else { Found::Descent(Descent::Named(node)) })
        }
        _ => Err(BadMove::NotNow),
    }
}

/// Nodes of a move.
pub(crate) fn nodes_of(nodes: Vec<[u8; 32]>) -> Option<Nodes> {
    Nodes::try_from(nodes.into_iter().map(ContentHash::from).collect::<Vec<_>>()).ok()
}
