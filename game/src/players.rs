//! What either side does when it is its turn.
//!
//! A player has a run of its own ([`Execution`]) and the state of the game; it needs no memory of
//! former moves, so that it can be stopped at any time and go on. The claimant answers what it is
//! asked. The challenger compares what it is shown with its own run, and names the first that differs.

use crate::rules::{nodes_of, published, target_of, Rules};
use alloc::vec::Vec;
use vigil_ops::{
    proof::{self, chunk_len, Bytes, Span, CHUNK},
    reference::BadInput,
    trace::{Execution, Prover},
};
use vigil_primitives::{
    dispute::{Chunk, Descent, Disputed, End, Move, Node, Proof, Results, Roots, Side, Stage},
    ContentHash,
};

/// A player with a run of its own.
pub struct Player<E> {
    prover: Prover<E>,
    /// The output as the claim has it; of an end that nobody gave, nothing.
    output: Vec<u8>,
}

impl<E: Execution> Player<E> {
    /// With a run of the claim's input and, of a language model, its output before the disputed
    /// token. `output` are the bytes of the claim's output.
    pub fn new(execution: E, output: Vec<u8>) -> Self {
        Self { prover: Prover::new(execution), output }
    }

    /// The run.
    pub fn execution(&self) -> &E {
        self.prover.execution()
    }

    /// The move of a side whose turn it is; `None` where a challenger sees nothing that differs from
    /// its own run. It would lose if it went on.
    ///
    /// # Errors
    /// The run can't be computed, or doesn't fit the game.
    pub fn play(&mut self, rules: &Rules<'_>, stage: &Stage) -> Result<Option<Move>, E::Error> {
        match stage.turn() {
            Side::Claimant => self.answer(rules, stage).map(Some),
            Side::Challenger => self.challenge(rules, stage),
        }
    }

    /// The move of the claimant.
    ///
    /// # Errors
    /// The run can't be computed, or it isn't the claimant's turn.
    pub fn answer(&mut self, rules: &Rules<'_>, stage: &Stage) -> Result<Move, E::Error> {
        let unfit = || BadInput::WrongLength;
        Ok(match stage {
            Stage::Anchors => {
                let roots = self.prover.roots()?.into_iter().map(ContentHash::from);
                Move::Roots(Roots::try_from(roots.collect::<Vec<_>>()).map_err(|_| unfit())?)
            }
            Stage::Rows { anchor, descent: Descent::Named(node), .. } => {
                let shown = rules.trace().rows().shown(span_of(node));
                let nodes = self.prover.row_nodes(*anchor, &shown)?;
                Move::Nodes(nodes_of(nodes).ok_or_else(unfit)?)
            }
            Stage::Results { target, .. } => {
                let results = self.prover.result_hashes(target_of(*target))?;
                let results = results.into_iter().map(ContentHash::from).collect::<Vec<_>>();
                Move::Results(Results::try_from(results).map_err(|_| unfit())?)
            }
            Stage::Chunks { disputed, descent: Descent::Named(node) } => {
                let nodes = self.chunk_nodes(rules, disputed, span_of(node))?;
                Move::Nodes(nodes_of(nodes).ok_or_else(unfit)?)
            }
            Stage::Bytes { disputed, chunk, .. } => {
                let bytes = self.chunk(disputed, *chunk)?.to_vec();
                Move::Bytes(Chunk::try_from(bytes).map_err(|_| unfit())?)
            }
            Stage::Withheld { end, first } => {
                let bytes = published(rules.claim(), *end, *first).ok_or_else(unfit)?;
                let mut opened = proof::Proof::default();
                let of = match end {
                    End::Input => self.input(rules),
                    End::Output => self.output.clone(),
                };
                opened.open_bytes(&of, &[bytes]).map_err(|_| unfit())?;
                Move::Publish(proof_of(opened).ok_or_else(unfit)?)
            }
            _ => return Err(unfit().into()),
        })
    }

    /// The move of the challenger; `None` where nothing differs from its own run.
    ///
    /// # Errors
    /// The run can't be computed, or it isn't the challenger's turn.
    pub fn challenge(
        &mut self,
        rules: &Rules<'_>,
        stage: &Stage,
    ) -> Result<Option<Move>, E::Error> {
        let unfit = || BadInput::WrongLength;
        let first = |theirs: &[ContentHash], ours: &[proof::Hash]| {
            let differs = theirs.iter().zip(ours).position(|(theirs, ours)| theirs.0 != *ours);
            differs.map(|place| place as u32)
        };
        Ok(match stage {
            Stage::Anchor { roots } => {
                let ours = self.prover.roots()?;
                Some(Move::Anchor(first(roots, &ours)))
            }
            Stage::Rows { anchor, descent: Descent::Shown { node, shown }, .. } => {
                let spans = rules.trace().rows().shown(span_of(node));
                let ours = self.prover.row_nodes(*anchor, &spans)?;
                first(shown, &ours).map(Move::Node)
            }
            Stage::Result { target, results, .. } => {
                let ours = self.prover.result_hashes(target_of(*target))?;
                first(results, &ours).map(Move::Result)
            }
            Stage::Chunks { disputed, descent: Descent::Shown { node, shown } } => {
                let ours = self.chunk_nodes(rules, disputed, span_of(node))?;
                first(shown, &ours).map(Move::Node)
            }
            Stage::Element { disputed, chunk, bytes } => {
                let ours = self.chunk(disputed, *chunk)?;
                let differs = bytes.iter().zip(ours).position(|(theirs, ours)| theirs != ours);
                match differs {
                    Some(byte) => {
                        let byte = chunk.saturating_mul(CHUNK).saturating_add(byte as u64);
                        Some(self.element(rules, disputed, byte)?)
                    }
                    None => None,
                }
            }
            _ => return Err(unfit().into()),
        })
    }

    /// The proof of what the element with a byte is computed from.
    fn element(
        &mut self,
        rules: &Rules<'_>,
        disputed: &Disputed,
        byte: u64,
    ) -> Result<Move, E::Error> {
        let target = target_of(disputed.target);
        let unfit = || BadInput::WrongLength;
        let program = rules.trace().row_program(target).ok_or_else(unfit)?;
        let op = program.op(disputed.step).ok_or_else(unfit)?;
        let element = byte.checked_div(op.dtype.size() as u64).ok_or_else(unfit)?;
        let tokens_in = rules.claim().tokens_in;
        let proof = self.prover.proof(target, disputed.step, element, tokens_in, &self.output)?;
        Ok(Move::Element { element, proof: proof_of(proof).ok_or_else(unfit)? })
    }

    fn chunk_nodes(
        &mut self,
        rules: &Rules<'_>,
        disputed: &Disputed,
        span: Span,
    ) -> Result<Vec<proof::Hash>, E::Error> {
        let target = target_of(disputed.target);
        let program = rules.trace().row_program(target);
        let tree = program.and_then(|program| program.tree(disputed.step));
        let shown = tree.ok_or(BadInput::WrongLength)?.shown(span);
        self.prover.result_nodes(target, disputed.step, &shown)
    }

    fn chunk(&mut self, disputed: &Disputed, chunk: u64) -> Result<&[u8], E::Error> {
        let result = self.prover.result(target_of(disputed.target), disputed.step)?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let start = place(chunk.saturating_mul(CHUNK));
        let end = start.saturating_add(place(chunk_len(result.len() as u64, chunk)));
        Ok(result.get(start..end).ok_or(BadInput::WrongLength)?)
    }

    /// The bytes of the claim's input.
    fn input(&self, rules: &Rules<'_>) -> Vec<u8> {
        let tokens = usize::try_from(rules.claim().tokens_in).unwrap_or(usize::MAX);
        let tokens = self.execution().tokens().iter().take(tokens);
        tokens.flat_map(|id| id.to_le_bytes()).collect()
    }
}

/// A proof as a move carries it; `None` of one that is longer than any can be.
pub fn proof_of(proof: proof::Proof) -> Option<Proof> {
    let nodes: Vec<ContentHash> = proof.nodes.into_iter().map(ContentHash::from).collect();
    Some(Proof { nodes: nodes.try_into().ok()?, data: proof.data.try_into().ok()? })
}

/// The proof that opens one token of an output.
pub fn token_proof(output: &[u8], position: u32) -> Option<Proof> {
    let mut proof = proof::Proof::default();
    let bytes = Bytes { offset: u64::from(position).checked_mul(4)?, len: 4 };
    proof.open_bytes(output, &[bytes]).ok()?;
    proof_of(proof)
}

fn span_of(node: &Node) -> Span {
    Span { first: node.first, count: node.count }
}
