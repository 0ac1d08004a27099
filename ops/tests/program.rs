//! The program is consistent: operands come earlier, shapes fit, openings stay small.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_ops::{
    element::element,
    opening::{opening, Source, MAX_OPENING},
    program::{Kind, NoProgram},
    weights::DType,
    Program,
};
use vigil_primitives::{architecture::Pooling, Architecture, Encoder};

/// Checks every operator, and some elements of each, of the program.
fn check(architecture: &Architecture, tokens: u32, seed: u64) -> u64 {
    let program = Program::new(architecture, tokens, 0).unwrap();
    let mut stream = Stream::new(seed);
    let mut largest = 0;
    for index in 0..program.len() {
        let op = program.op(index).unwrap();
        for operand in op.operands() {
            assert!(operand.index < index, "operand of {index}");
            let made = program.op(operand.index).unwrap();
            assert_eq!((made.dtype, made.shape), (operand.dtype, operand.shape), "{index}");
        }
        assert_eq!(index == 0, op.kind == Kind::Tokens);
        let elements = op.shape.elements();
        let mut picks = vec![0, elements - 1];
        picks.extend((0..8).map(|_| stream.u64() % elements));
        for pick in picks {
            let token = stream.below(program.vocabulary());
            let Some(opening) = opening(&op, pick, token) else {
                assert_eq!(index, 0);
                continue;
            };
            let operands: Vec<u64> =
                op.operands().map(|o| o.shape.elements() * o.dtype.size() as u64).collect();
            let weights: Vec<u64> = op.weights().map(|w| w.size()).collect();
            for range in opening.ranges() {
                let size = match range.source {
                    Source::Operand(i) => operands[usize::from(i)],
                    Source::Weight(i) => weights[usize::from(i)],
                };
                assert!(range.len > 0 && range.offset + range.len <= size, "{:?}", op.kind);
            }
            // Whole chunks of 1 KiB, as they are proven.
            let chunks: u64 = opening
                .ranges()
                .map(|r| (r.offset + r.len).div_ceil(1_024) - r.offset / 1_024)
                .sum();
            assert!(
                opening.size() <= MAX_OPENING && chunks * 1_024 <= MAX_OPENING,
                "{:?}",
                op.kind
            );
            largest = largest.max(opening.size());
            // The element comes from exactly these bytes.
            let bytes: Vec<Vec<u8>> = opening.ranges().map(|r| vec![0; r.len as usize]).collect();
            let inputs: Vec<&[u8]> = bytes.iter().map(Vec::as_slice).collect();
            let value = element(&op, &opening, &inputs).unwrap();
            assert_eq!(value.to_le_bytes().1, op.dtype.size());
            assert_eq!(element(&op, &opening, &inputs[1..]), None);
        }
        assert_eq!(opening(&op, elements, 0), None);
    }
    assert_eq!(program.op(program.len()), None);
    let last = program.op(program.len() - 1).unwrap();
    assert_eq!(last.dtype, DType::F32);
    assert_eq!(last.size(), u64::from(architecture.output_len(0)));
    largest
}

fn minilm() -> Encoder {
    Encoder { vocabulary: 30_522, positions: 512, ..encoder(384, 12, 1_536, 6) }
}

#[test]
fn minilm_should_have_267_operators() {
    let architecture = Architecture::Encoder(minilm());
    assert_eq!(Program::new(&architecture, 16, 0).unwrap().len(), 267);
    check(&architecture, 16, 1);
    check(&architecture, 512, 2);
}

#[test]
fn openings_should_stay_small_for_the_largest_architecture() {
    let largest = Encoder { vocabulary: 1 << 20, ..encoder(65_536, 256, 65_536, 256) };
    for pooling in [Pooling::Mean, Pooling::Cls] {
        let architecture = Architecture::Encoder(Encoder { pooling, ..largest });
        assert_eq!(check(&architecture, 4_096, 3), 16_384);
    }
}

#[test]
fn a_program_should_refuse_bad_lengths_and_architectures() {
    let architecture = Architecture::Encoder(minilm());
    for (tokens_in, tokens_out) in [(0, 0), (513, 0), (1, 1)] {
        assert_eq!(
            Program::new(&architecture, tokens_in, tokens_out).map(|_| ()),
            Err(NoProgram::BadLength)
        );
    }
    let broken = Architecture::Encoder(Encoder { heads: 7, ..minilm() });
    assert!(matches!(Program::new(&broken, 1, 0), Err(NoProgram::Invalid(_))));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_program_should_be_consistent(
        heads in 1u16..40, width in 1u32..=256, intermediate in 1u32..20_000, layers in 1u16..4,
        tokens in 1u32..=4_096, mean: bool, normalize: bool, seed: u64,
    ) {
        let pooling = if mean { Pooling::Mean } else { Pooling::Cls };
        let shape = encoder(u32::from(heads) * width, heads, intermediate, layers);
        let architecture = Architecture::Encoder(Encoder { pooling, normalize, ..shape });
        check(&architecture, tokens, seed);
    }
}
