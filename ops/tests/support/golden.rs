//! Single operators with generated operands: what the golden vectors are made from.
//!
//! Every operand and weight comes from the counter-based stream of the case's seed, in the order of
//! the operator's operands and then its weights, so that another implementation can make them too.

use super::{decoder, encoder, gumbel, random_weights, Stream};
use vigil_architecture::{Activations, Architecture, Decoder, Encoder, Pooling, Sampling};
use vigil_ops::{
    program::{Kind, Op},
    reference::evaluate,
    weights::{DType, Part},
    Program,
};

/// An operator with everything it needs.
pub struct Case {
    pub program: Program,
    pub index: u32,
    pub seed: u64,
    pub op: Op,
    pub operands: Vec<Vec<u8>>,
    pub weights: Vec<Vec<u8>>,
}

impl Case {
    /// Operator `index` of the program, with operands and weights from `seed`, hostile ones too.
    pub fn new(program: Program, index: u32, seed: u64) -> Self {
        Self::with(program, index, seed, true)
    }

    fn with(program: Program, index: u32, seed: u64, hostile: bool) -> Self {
        let op = program.op(index).unwrap();
        let mut stream = Stream::new(seed);
        let operands = op
            .operands()
            .map(|operand| {
                let count = operand.shape.elements() as usize;
                let width = operand.shape.dimensions().last().map_or(1, |d| *d as usize);
                match operand.dtype {
                    DType::U32 => (0..count)
                        .flat_map(|_| stream.below(program.vocabulary()).to_le_bytes())
                        .collect(),
                    DType::I8 => (0..count).map(|_| stream.i8() as u8).collect(),
                    DType::I16 => (0..count)
                        .flat_map(|_| (stream.below(4_096) as i16).to_le_bytes())
                        .collect(),
                    DType::I32 => (0..count)
                        .flat_map(|_| (stream.below(1 << 28) as i32 - (1 << 27)).to_le_bytes())
                        .collect(),
                    DType::F32 if !hostile => {
                        (0..count).flat_map(|_| (stream.unit() * 4.0).to_le_bytes()).collect()
                    }
                    DType::F32 => super::bytes_of(&stream.rows(count / width, width, true)),
                }
            })
            .collect();
        let weights = op
            .weights()
            .map(|spec| {
                let count = spec.elements() as usize;
                match (spec.dtype, spec.id.part) {
                    (DType::I8, _) => (0..count).map(|_| stream.i8() as u8).collect(),
                    (_, Part::Scale) => (0..count)
                        .flat_map(|_| ((stream.unit() + 1.0) * (1.0 / 512.0)).to_le_bytes())
                        .collect(),
                    _ => (0..count).flat_map(|_| stream.unit().to_le_bytes()).collect(),
                }
            })
            .collect();
        Self { program, index, seed, op, operands, weights }
    }

    /// The operator's result.
    pub fn evaluate(&self) -> Vec<u8> {
        let operands: Vec<&[u8]> = self.operands.iter().map(Vec::as_slice).collect();
        let weights: Vec<&[u8]> = self.weights.iter().map(Vec::as_slice).collect();
        evaluate(&self.op, &operands, &weights).unwrap()
    }

    /// The operator's name in lower case; of one that both families have, and a decoder uses in a
    /// way of its own, with this way.
    pub fn name(&self) -> String {
        let precise = matches!(
            self.op.kind,
            Kind::Quantise { activations: Activations::Int15 }
                | Kind::Dot { activations: Activations::Int15, .. }
                | Kind::Dequantise { activations: Activations::Int15 }
        );
        let bits = if precise { "_of_15_bits" } else { "" };
        let way = match (self.program.architecture(), self.op.kind) {
            (Architecture::Decoder(_), Kind::SquareSum { .. }) => "_of_rows",
            (Architecture::Decoder(_), Kind::Dequantise { .. }) => "_without_bias",
            (Architecture::Decoder(_), Kind::Mix) => "_of_groups",
            _ => "",
        };
        let debug = format!("{:?}", self.op.kind);
        let variant = debug.split([' ', '{']).next().unwrap_or_default();
        let mut name = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name + bits + way
    }
}

/// Every kind of operator in several sizes: one that fits on a page, others of more than one block.
pub fn cases() -> Vec<Case> {
    let mut cases = encoder_cases();
    cases.extend(decoder_cases());
    cases
}

fn encoder_cases() -> Vec<Case> {
    let small = Encoder { vocabulary: 7, positions: 5, ..encoder(6, 2, 5, 1) };
    let blocks = Encoder { vocabulary: 7, positions: 130, ..encoder(34, 2, 5, 1) };
    // Wider than one block of a row and of a product.
    let wide = Encoder { vocabulary: 7, positions: 5, ..encoder(1_030, 206, 8_195, 1) };
    let precise = Encoder { activations: Activations::Int15, ..small };
    let mut cases: Vec<Case> = Vec::new();
    for (number, (shape, tokens)) in
        [(small, 3), (blocks, 130), (wide, 1), (precise, 3)].into_iter().enumerate()
    {
        for pooling in [Pooling::Mean, Pooling::Cls] {
            let architecture = Architecture::Encoder(Encoder { pooling, ..shape });
            let program = Program::new(&architecture, tokens, 0, Sampling::Greedy).unwrap();
            for index in 1..program.len() {
                let op = program.op(index).unwrap();
                let products = matches!(op.kind, Kind::Dot { inner, .. } if inner < 2_000);
                if number == 2 && (op.shape.elements() > 10_000 || products) {
                    continue;
                }
                let known = |case: &Case| {
                    case.op.kind == op.kind
                        && case.program.tokens() == tokens
                        && case.op.shape == op.shape
                };
                if !cases.iter().any(known) {
                    let seed = (number as u64) << 32 | u64::from(index);
                    cases.push(Case::new(program, index, seed));
                }
            }
        }
    }
    cases
}

/// What decoders have of their own.
fn decoder_cases() -> Vec<Case> {
    let small = Decoder { vocabulary: 7, positions: 5, ..decoder(6, [4, 2], 4, 5) };
    let named = Decoder { qk_norm: true, ..small };
    let coarse = Decoder { activations: Activations::Int8, ..small };
    let blocks = Decoder { vocabulary: 1_030, positions: 130, ..decoder(10, [2, 1], 6, 5) };
    let wide = Decoder { vocabulary: 2_100, positions: 5, ..decoder(1_030, [1, 1], 2, 1_030) };
    let mut cases: Vec<Case> = Vec::new();
    for (number, (shape, tokens_in, tokens_out, sampling)) in [
        (small, 2, 2, gumbel(0x0123_4567_89ab_cdef, 0.7, 0.05)),
        (named, 2, 2, gumbel(1, 1.0, 0.0)),
        (blocks, 122, 9, gumbel(2, 1.5, 0.01)),
        (wide, 1, 1, Sampling::Greedy),
        (coarse, 2, 2, Sampling::Greedy),
    ]
    .into_iter()
    .enumerate()
    {
        let architecture = Architecture::Decoder(shape);
        let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
        for index in 1..program.len() {
            let op = program.op(index).unwrap();
            let own = match op.kind {
                Kind::Dequantise { .. } => op.weights().count() == 1,
                Kind::Quantise { .. } | Kind::Dot { .. } => true,
                Kind::Lookup
                | Kind::SquareSum { .. }
                | Kind::RmsNormalise { .. }
                | Kind::HeadNorm { .. }
                | Kind::Rotate { .. }
                | Kind::CausalScores { .. }
                | Kind::CausalWeightMax
                | Kind::CausalWeight
                | Kind::Mix
                | Kind::Swiglu
                | Kind::Last { .. }
                | Kind::RowMax { .. }
                | Kind::Perturb { .. }
                | Kind::Best { .. }
                | Kind::Sample => true,
                _ => false,
            };
            let tokens = program.tokens();
            let known = |case: &Case| {
                case.op.kind == op.kind
                    && case.program.tokens() == tokens
                    && case.op.shape == op.shape
            };
            if own && !cases.iter().any(known) {
                let seed = (number as u64 + 16) << 32 | u64::from(index);
                cases.push(Case::new(program, index, seed));
                // Of hostile logits few are near enough to the greatest to be drawn.
                if matches!(op.kind, Kind::Perturb { .. }) {
                    cases.push(Case::with(program, index, seed, false));
                }
            }
        }
    }
    cases
}

/// A whole run of a decoder.
pub struct Generation {
    pub architecture: Architecture,
    pub sampling: Sampling,
    pub weights_seed: u64,
    pub prompt_seed: u64,
    pub weights: Vec<u8>,
    pub prompt: Vec<u32>,
    /// Most tokens to generate.
    pub tokens_out: u32,
}

/// Whole decoders: with nothing optional, with everything, and both ways of sampling of each.
pub fn generations() -> Vec<Generation> {
    let plain = Decoder { layers: 2, positions: 80, tied_head: true, ..decoder(24, [4, 2], 6, 40) };
    let full = Decoder {
        vocabulary: 1_100,
        tied_head: false,
        qkv_bias: true,
        qk_norm: true,
        activations: Activations::Int8,
        ..plain
    };
    let samplings = [Sampling::Greedy, gumbel(7, 0.8, 0.05)];
    let runs = [plain, full].into_iter().flat_map(|shape| samplings.map(|with| (shape, with)));
    (1u64..)
        .zip(runs)
        .map(|(number, (shape, sampling))| {
            let architecture = Architecture::Decoder(shape);
            let (weights_seed, prompt_seed) = (number, number + 100);
            let mut stream = Stream::new(prompt_seed);
            Generation {
                architecture,
                sampling,
                weights_seed,
                prompt_seed,
                weights: random_weights(&architecture, weights_seed),
                prompt: (0..60).map(|_| stream.below(shape.vocabulary)).collect(),
                tokens_out: 12,
            }
        })
        .collect()
}
