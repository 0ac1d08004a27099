//! Claims about tiny models, and adversaries: a claimant and a challenger that lie at any stage.
//!
//! For tests and benchmarks. An adversary does whatever the rules take: it holds several runs, each
//! with a fault of its own, and answers from any of them that still fits what it has committed to.

use crate::{
    players::{proof_of, Player},
    rules::{target_of, Next, Rules},
};
use alloc::vec::Vec;
use vigil_ops::{
    proof::{Bytes, Hash},
    reference::{self, BadInput},
    samples::{tiny_models, weights_file, Stream},
    trace::{Execution, Prover, Recording, RowProgram, Rows, Trace},
    weights::{DType, TensorSpec, Weights},
    Op, Program,
};
use vigil_primitives::{
    dispute::{Claim, Descent, Move, Proof, Stage, Target, TokenAt, Verdict},
    job::Output,
    Architecture, ContentHash, ModelVersionId, Sampling,
};

/// A request to a tiny model, and its right result.
#[derive(Clone, Debug)]
pub struct Case {
    /// The model.
    pub architecture: Architecture,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// The weights file.
    pub weights: Vec<u8>,
    /// The input.
    pub input: Vec<u32>,
    /// Most tokens to generate.
    pub max_tokens_out: u32,
    /// The right output.
    pub output: Vec<u8>,
}

/// One bit of one operator's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Number of the operator in the program.
    pub op: u32,
    /// A byte of its result, modulo its length.
    pub byte: u64,
    /// A bit of the byte.
    pub bit: u8,
}

impl Fault {
    /// Any one of a program.
    pub fn draw(stream: &mut Stream, program: &Program) -> Self {
        // Operator 0 is the tokens, which are committed to elsewhere.
        let op = 1 + stream.below(program.len() - 1);
        Self { op, byte: stream.u64(), bit: stream.below(8) as u8 }
    }

    /// Makes it, if this is the operator.
    pub fn make(self, number: u32, _op: &Op, result: &mut [u8]) {
        let len = result.len().max(1) as u64;
        let place = usize::try_from(self.byte % len).unwrap_or(0);
        if let Some(byte) = result.get_mut(place).filter(|_| number == self.op) {
            *byte ^= 1 << (self.bit % 8);
        }
    }
}

/// Requests to every tiny model, short and of more than one block of tokens.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, (architecture, sampling)) in (0..).zip(tiny_models()) {
        let weights = weights_file(&architecture, number);
        for (tokens_in, max_tokens_out) in [(1, 1), (2, 5), (7, 3), (3, 12), (66, 2)] {
            let mut stream = Stream::new(number * 100 + tokens_in);
            let input: Vec<u32> =
                (0..tokens_in).map(|_| stream.below(architecture.vocabulary())).collect();
            let max_tokens_out = match architecture {
                Architecture::Encoder(_) => 0,
                Architecture::Decoder(_) => max_tokens_out,
            };
            let case = Case {
                architecture,
                sampling,
                weights: weights.clone(),
                input,
                max_tokens_out,
                output: Vec::new(),
            };
            if let Ok(output) = case.run() {
                cases.push(Case { output, ..case });
            }
        }
    }
    cases
}

impl Case {
    /// The same request to a model with other weights, and its right result.
    ///
    /// # Errors
    /// The weights don't fit the architecture.
    pub fn with_weights(&self, weights: Vec<u8>) -> Result<Self, BadInput> {
        let case = Self { weights, ..self.clone() };
        let output = case.run()?;
        Ok(Self { output, ..case })
    }

    fn run(&self) -> Result<Vec<u8>, BadInput> {
        match &self.architecture {
            Architecture::Encoder(_) => {
                self.recording(&[], 0, |_, _, _| {}).map(|run| run.output().to_vec())
            }
            Architecture::Decoder(_) => {
                let size = self.program(1)?.weights().size() as usize;
                let data = self.weights.get(self.weights.len().saturating_sub(size)..);
                let tokens = reference::generate(
                    &self.architecture,
                    &self.input,
                    self.max_tokens_out,
                    self.sampling,
                    data.unwrap_or_default(),
                )?;
                Ok(tokens.iter().flat_map(|id| id.to_le_bytes()).collect())
            }
        }
    }

    fn program(&self, tokens: u32) -> Result<Program, BadInput> {
        let trace = Trace::new(&self.architecture, tokens, self.sampling);
        trace.ok().and_then(|trace| trace.program()).ok_or(BadInput::WrongLength)
    }

    /// The tokens of an output; none of an encoder's.
    pub fn tokens_of(&self, output: &[u8]) -> Vec<u32> {
        match &self.architecture {
            Architecture::Encoder(_) => Vec::new(),
            Architecture::Decoder(_) => {
                output.as_chunks().0.iter().map(|id| u32::from_le_bytes(*id)).collect()
            }
        }
    }

    /// The claim that the output is this.
    pub fn claim(&self, output: &[u8]) -> Claim {
        let input: Vec<u8> = self.input.iter().flat_map(|id| id.to_le_bytes()).collect();
        Claim {
            version: ModelVersionId { model: 0, version: 0 },
            architecture: self.architecture,
            weights: hash_of(&self.weights),
            weights_len: self.weights.len() as u64,
            input: hash_of(&input),
            tokens_in: self.input.len() as u32,
            max_tokens_out: self.max_tokens_out,
            sampling: self.sampling,
            output: Output { hash: hash_of(output), tokens: self.tokens_of(output).len() as u32 },
        }
    }

    /// A run over the input and, of a language model, the output before a position.
    ///
    /// # Errors
    /// A token is outside the vocabulary.
    pub fn recording(
        &self,
        output: &[u8],
        position: u32,
        fault: impl FnMut(u32, &Op, &mut [u8]),
    ) -> Result<Recording, BadInput> {
        let before = self.tokens_of(output).into_iter().take(position as usize);
        let tokens: Vec<u32> = self.input.iter().copied().chain(before).collect();
        let trace = Trace::new(&self.architecture, tokens.len() as u32, self.sampling)
            .map_err(|_| BadInput::WrongLength)?;
        Recording::new(trace, &tokens, &self.weights, fault)
    }
}

/// The weights of a model with a -128, and where it is: the tensor and element, and the proof.
pub fn flawed(case: &Case) -> Option<(Vec<u8>, u32, u64, Proof)> {
    let layout = Weights::new(&case.architecture);
    let matrix = |spec: &TensorSpec| spec.dtype == DType::I8 && spec.columns.is_some();
    let (tensor, spec) = (0..).zip(layout.iter()).find(|(_, spec)| matrix(spec))?;
    let element = spec.elements() - 1;
    let offset = layout.header_len() + spec.offset + element;
    let mut weights = case.weights.clone();
    *weights.get_mut(usize::try_from(offset).ok()?)? = 0x80;
    let mut proof = vigil_ops::proof::Proof::default();
    proof.open_bytes(&weights, &[Bytes { offset, len: 1 }]).ok()?;
    Some((weights, tensor, element, proof_of(proof)?))
}

/// BLAKE3 of some bytes.
pub fn hash_of(bytes: &[u8]) -> ContentHash {
    ContentHash::from(*blake3::hash(bytes).as_bytes())
}

/// A run whose end is said to be another.
pub struct Said {
    run: Recording,
    /// What comes out, as the liar has it.
    output: Vec<u8>,
}

impl Execution for Said {
    type Error = BadInput;

    fn trace(&self) -> Trace {
        self.run.trace()
    }

    fn tokens(&self) -> &[u32] {
        self.run.tokens()
    }

    fn weights(&self) -> &[u8] {
        self.run.weights()
    }

    fn hashes(&mut self, anchor: u32) -> Result<Vec<Hash>, BadInput> {
        self.run.hashes(anchor)
    }

    fn records(&mut self, wanted: &[Rows]) -> Result<Vec<Vec<u8>>, BadInput> {
        self.run.records(wanted)
    }

    fn results(&mut self, program: &RowProgram) -> Result<Vec<Vec<u8>>, BadInput> {
        let mut results = self.run.results(program)?;
        if program.target() == target_of(Target::Output) {
            if let Some(last) = results.last_mut() {
                last.clone_from(&self.output);
            }
        }
        Ok(results)
    }
}

/// A claimant that stands for a wrong output.
pub struct LyingClaimant {
    liars: Vec<Player<Said>>,
    stream: Stream,
}

impl LyingClaimant {
    /// With the right run, and runs with these faults. Where the result is the claim's own, `token`
    /// is what it is about.
    ///
    /// # Errors
    /// A token of the output is outside the vocabulary.
    pub fn new(
        case: &Case,
        output: &[u8],
        token: Option<TokenAt>,
        faults: &[Fault],
        seed: u64,
    ) -> Result<Self, BadInput> {
        let position = token.map_or(0, |token| token.position);
        let said = token.map_or(output.to_vec(), |token| token.id.to_le_bytes().to_vec());
        let player = |fault: Option<Fault>| {
            let run = case.recording(output, position, |number, op, result| {
                if let Some(fault) = fault {
                    fault.make(number, op, result);
                }
            })?;
            Ok(Player::new(Said { run, output: said.clone() }, output.to_vec()))
        };
        let faults = faults.iter().copied().map(Some).chain([None]);
        let liars = faults.map(player).collect::<Result<_, BadInput>>()?;
        Ok(Self { liars, stream: Stream::new(seed) })
    }

    /// A move that the rules take, from any of its runs; `None` when it is caught.
    pub fn play(&mut self, rules: &Rules<'_>, stage: &Stage) -> Option<Move> {
        let count = self.liars.len();
        let first = self.stream.below(count as u32) as usize;
        (0..count).find_map(|step| {
            let liar = self.liars.get_mut((first + step) % count)?;
            let turn = liar.answer(rules, stage).ok()?;
            rules.play(stage.clone(), turn.clone()).is_ok().then_some(turn)
        })
    }
}

/// A challenger of a right claim: it names anything, and proves what it must.
pub struct LyingChallenger {
    prover: Prover<Recording>,
    output: Vec<u8>,
    stream: Stream,
}

impl LyingChallenger {
    /// With the right run, which its proofs come from.
    pub fn new(run: Recording, output: Vec<u8>, seed: u64) -> Self {
        Self { prover: Prover::new(run), output, stream: Stream::new(seed) }
    }

    /// A move that the rules take.
    pub fn play(&mut self, rules: &Rules<'_>, stage: &Stage) -> Option<Move> {
        let trace = rules.trace();
        let mut below = |count: u64| self.stream.u64() % count.max(1);
        match stage {
            Stage::Anchor { roots } => {
                let named = below(roots.len() as u64 + 1) as u32;
                Some(Move::Anchor(Some(named).filter(|named| (*named as usize) < roots.len())))
            }
            Stage::Rows { descent: Descent::Shown { shown, .. }, .. }
            | Stage::Chunks { descent: Descent::Shown { shown, .. }, .. } => {
                Some(Move::Node(below(shown.len() as u64) as u32))
            }
            Stage::Result { results, .. } => Some(Move::Result(below(results.len() as u64) as u32)),
            Stage::Element { disputed, chunk, bytes } => {
                let target = target_of(disputed.target);
                let program = trace.row_program(target)?;
                let size = program.op(disputed.step)?.dtype.size() as u64;
                let place = below(bytes.len() as u64 / size);
                let element = chunk * vigil_ops::proof::CHUNK / size + place;
                let tokens_in = rules.claim().tokens_in;
                let step = disputed.step;
                let proof = self.prover.proof(target, step, element, tokens_in, &self.output);
                Some(Move::Element { element, proof: proof_of(proof.ok()?)? })
            }
            _ => None,
        }
    }
}

/// A move with one thing changed, which no stage that takes the move takes.
pub fn spoiled(turn: &Move, stream: &mut Stream) -> Option<Move> {
    let mut turn = turn.clone();
    let mut flip = |hashes: &mut dyn ExactSizeIterator<Item = &mut ContentHash>| {
        let place = stream.below(hashes.len().max(1) as u32) as usize;
        let byte = stream.below(32) as usize;
        let byte = hashes.nth(place).and_then(|hash| hash.0.get_mut(byte));
        byte.map(|byte| *byte ^= 1).is_some()
    };
    let spoiled = match &mut turn {
        Move::Nodes(nodes) => flip(&mut nodes.iter_mut()),
        Move::Element { proof, .. } | Move::Publish(proof) => {
            flip(&mut proof.nodes.iter_mut())
                || proof.data.get_mut(0).map(|byte| *byte ^= 1).is_some()
        }
        Move::Bytes(bytes) => bytes.get_mut(0).map(|byte| *byte ^= 1).is_some(),
        // Other commitments, and other names, are moves as well.
        Move::Roots(_)
        | Move::Results(_)
        | Move::Anchor(_)
        | Move::Node(_)
        | Move::Result(_)
        | Move::Ground(_) => false,
    };
    spoiled.then_some(turn)
}

/// Plays to the end; `None` of a side that has no move. Returns the last stage that was reached, and
/// what followed.
pub fn play_out(
    rules: &Rules<'_>,
    mut stage: Stage,
    turn: &mut dyn FnMut(&Stage) -> Option<Move>,
) -> (Stage, Option<Verdict>) {
    loop {
        let Some(next) = turn(&stage).and_then(|turn| rules.play(stage.clone(), turn).ok()) else {
            return (stage, None);
        };
        match next {
            Next::Stage(next) => stage = next,
            Next::Decided(verdict) => return (stage, Some(verdict)),
        }
    }
}
