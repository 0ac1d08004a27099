//! Single operators with generated operands: what the golden vectors are made from.
//!
//! Every operand and weight comes from the counter-based stream of the case's seed, in the order of
//! the operator's operands and then its weights, so that another implementation can make them too.

use super::{encoder, Stream};
use vigil_ops::{
    program::{Kind, Op},
    reference::evaluate,
    weights::{DType, Part},
    Program,
};
use vigil_primitives::{architecture::Pooling, Architecture, Encoder, Sampling};

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
    /// Operator `index` of the program, with operands and weights from `seed`.
    pub fn new(program: Program, index: u32, seed: u64) -> Self {
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

    /// The operator's name in lower case.
    pub fn name(&self) -> String {
        let debug = format!("{:?}", self.op.kind);
        let variant = debug.split([' ', '{']).next().unwrap_or_default();
        let mut name = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }
}

/// Every kind of operator in two sizes: one that fits on a page, and one of more than one block.
pub fn cases() -> Vec<Case> {
    let small = Encoder { vocabulary: 7, positions: 5, ..encoder(6, 2, 5, 1) };
    let blocks = Encoder { vocabulary: 7, positions: 130, ..encoder(34, 2, 5, 1) };
    // Wider than one block of a row and of a product.
    let wide = Encoder { vocabulary: 7, positions: 5, ..encoder(1_030, 206, 8_195, 1) };
    let mut cases: Vec<Case> = Vec::new();
    for (number, (shape, tokens)) in [(small, 3), (blocks, 130), (wide, 1)].into_iter().enumerate()
    {
        for pooling in [Pooling::Mean, Pooling::Cls] {
            let architecture = Architecture::Encoder(Encoder { pooling, ..shape });
            let program = Program::new(&architecture, tokens, 0, Sampling::Greedy).unwrap();
            for index in 1..program.len() {
                let op = program.op(index).unwrap();
                let products = matches!(op.kind, Kind::Dot { inner } if inner < 2_000);
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
