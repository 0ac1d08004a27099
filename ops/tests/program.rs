//! The program is consistent: operands come earlier, shapes fit, openings stay small.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Architecture, BadRun, Decoder, Encoder, Pooling, Sampling, MAX_CONTEXT};
use vigil_ops::{
    element::element,
    opening::{opening, Source, MAX_OPENING},
    program::{Kind, NoProgram},
    weights::DType,
    Program,
};

/// The program of a run that generates nothing.
fn encoding(architecture: &Architecture, tokens: u32) -> Program {
    Program::new(architecture, tokens, 0, Sampling::Greedy).unwrap()
}

/// Checks every operator, and some elements of each, of the program.
fn check(program: &Program, seed: u64) -> u64 {
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
            assert_eq!(opening.index(), pick);
            match inputs.split_first() {
                Some((_, rest)) => assert_eq!(element(&op, &opening, rest), None),
                None => assert_eq!(element(&op, &opening, &[&[]]), None),
            }
        }
        assert_eq!(opening(&op, elements, 0), None);
    }
    assert_eq!(program.op(program.len()), None);
    let last = program.op(program.len() - 1).unwrap();
    let architecture = program.architecture();
    let (output, input) = match architecture {
        Architecture::Encoder(_) => (DType::F32, program.tokens_in()),
        Architecture::Decoder(_) => (DType::U32, program.tokens_in() + program.tokens_out() - 1),
    };
    assert_eq!(last.dtype, output);
    assert_eq!(last.size(), u64::from(architecture.output_len(program.tokens_out())));
    assert_eq!(program.op(0).unwrap().shape.dimensions(), [input]);
    assert_eq!(program.tokens(), input);
    largest
}

fn minilm() -> Encoder {
    Encoder { vocabulary: 30_522, positions: 512, ..encoder(384, 12, 1_536, 6) }
}

#[test]
fn minilm_should_have_267_operators() {
    let architecture = Architecture::Encoder(minilm());
    assert_eq!(encoding(&architecture, 16).len(), 267);
    check(&encoding(&architecture, 16), 1);
    check(&encoding(&architecture, 512), 2);
}

#[test]
fn openings_should_stay_small_for_the_largest_architecture() {
    let largest = Encoder { vocabulary: 1 << 20, ..encoder(65_536, 256, 65_536, 256) };
    for pooling in [Pooling::Mean, Pooling::Cls] {
        let architecture = Architecture::Encoder(Encoder { pooling, ..largest });
        assert_eq!(check(&encoding(&architecture, MAX_CONTEXT), 3), 6_144);
    }
    let largest = Decoder {
        vocabulary: 1 << 20,
        layers: 256,
        qk_norm: true,
        qkv_bias: true,
        ..decoder(65_536, [256, 256], 256, 65_536)
    };
    let grouped = Decoder { kv_heads: 1, tied_head: true, qk_norm: false, ..largest };
    for (shape, tokens_in, sampling) in [
        (largest, MAX_CONTEXT, Sampling::Greedy),
        (largest, 32_000, gumbel(1, 1.0, 0.1)),
        (grouped, 1, gumbel(2, 0.5, 0.0)),
    ] {
        let architecture = Architecture::Decoder(shape);
        let tokens_out = architecture.max_tokens_out(tokens_in);
        let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
        assert_eq!(program.tokens(), MAX_CONTEXT);
        assert_eq!(check(&program, 4), 8_192);
    }
}

#[test]
fn a_decoder_should_have_the_operators_that_its_options_ask_for() {
    let plain = Decoder { layers: 3, ..decoder(8, [2, 1], 4, 12) };
    let len = |shape: Decoder, sampling| {
        let program = Program::new(&Architecture::Decoder(shape), 5, 3, sampling).unwrap();
        check(&program, 5);
        program.len()
    };
    assert_eq!(len(plain, Sampling::Greedy), 2 + 3 * 45 + 10);
    assert_eq!(len(Decoder { qk_norm: true, ..plain }, Sampling::Greedy), 2 + 3 * 47 + 10);
    assert_eq!(len(Decoder { tied_head: true, ..plain }, gumbel(1, 1.0, 0.1)), 2 + 3 * 45 + 12);
}

#[test]
fn the_operators_of_a_decoder_should_be_in_the_order_of_the_document() {
    let architecture =
        Architecture::Decoder(Decoder { qk_norm: true, ..decoder(8, [2, 1], 4, 12) });
    let program = Program::new(&architecture, 5, 3, gumbel(1, 1.0, 0.1)).unwrap();
    let names: Vec<String> = (0..program.len())
        .map(|index| {
            let kind = format!("{:?}", program.op(index).unwrap().kind);
            kind.split(' ').next().unwrap_or_default().to_owned()
        })
        .collect();
    let expected = "Tokens Lookup \
        SquareSum RmsNormalise AbsMax Quantise \
        Dot Dequantise Dot Dequantise Dot Dequantise HeadNorm HeadNorm Rotate Rotate \
        HeadAbsMax HeadQuantise HeadAbsMax HeadQuantise HeadAbsMax HeadQuantise \
        CausalScores ScoreMax Exp ExpSum CausalWeightMax CausalWeight Mix Context \
        AbsMax Quantise Dot Dequantise Add \
        SquareSum RmsNormalise AbsMax Quantise Dot Dequantise Dot Dequantise Swiglu \
        AbsMax Quantise Dot Dequantise Add \
        Last SquareSum RmsNormalise AbsMax Quantise Dot Dequantise \
        RowMax Perturb RowMax Best Sample";
    assert_eq!(names.join(" "), expected);
}

#[test]
fn a_program_should_refuse_bad_lengths_and_architectures() {
    let architecture = Architecture::Encoder(minilm());
    for (tokens_in, tokens_out, bad) in [
        (0, 0, BadRun::NoInput),
        (513, 0, BadRun::InputTooLong { tokens: 513, most: 512 }),
        (1, 1, BadRun::GeneratesNothing { asked: 1 }),
    ] {
        assert_eq!(
            Program::new(&architecture, tokens_in, tokens_out, Sampling::Greedy).map(|_| ()),
            Err(NoProgram::Run(bad))
        );
    }
    assert_eq!(
        Program::new(&architecture, 1, 0, gumbel(1, 1.0, 0.0)).map(|_| ()),
        Err(NoProgram::Run(BadRun::NothingToSample))
    );
    let broken = Architecture::Encoder(Encoder { heads: 7, ..minilm() });
    let refused = Program::new(&broken, 1, 0, Sampling::Greedy);
    assert!(matches!(refused, Err(NoProgram::Invalid(_))));
}

#[test]
fn a_decoders_program_should_refuse_bad_lengths_and_sampling() {
    let shape = Decoder { positions: 100, ..decoder(8, [2, 1], 4, 12) };
    let architecture = Architecture::Decoder(shape);
    let new = |tokens_in, tokens_out, sampling| {
        Program::new(&architecture, tokens_in, tokens_out, sampling).map(|_| ())
    };
    for (tokens_in, tokens_out, bad) in [
        (0, 1, BadRun::NoInput),
        (1, 0, BadRun::NoTokensOut),
        (101, 1, BadRun::InputTooLong { tokens: 101, most: 100 }),
        (100, 2, BadRun::TooManyTokensOut { asked: 2, tokens: 100, most: 1 }),
        (u32::MAX, 1, BadRun::InputTooLong { tokens: u32::MAX, most: 100 }),
    ] {
        let refused = new(tokens_in, tokens_out, Sampling::Greedy);
        assert_eq!(refused, Err(NoProgram::Run(bad)), "{tokens_in} {tokens_out}");
    }
    assert_eq!(new(100, 1, Sampling::Greedy), Ok(()));
    assert_eq!(new(1, 100, gumbel(1, 1.0, 0.0)), Ok(()));
    for sampling in [gumbel(1, 0.0, 0.0), gumbel(1, 1.0, 1.5), gumbel(1, f32::NAN, 0.0)] {
        assert_eq!(new(1, 1, sampling), Err(NoProgram::Run(BadRun::BadSampling)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_program_should_be_consistent(
        heads in 1u16..40, width in 1u32..=256, intermediate in 1u32..20_000, layers in 1u16..4,
        tokens in 1u32..=MAX_CONTEXT, mean: bool, normalize: bool, precise: bool, seed: u64,
    ) {
        let pooling = if mean { Pooling::Mean } else { Pooling::Cls };
        let shape = encoder(u32::from(heads) * width, heads, intermediate, layers);
        let architecture = Architecture::Encoder(Encoder { pooling, normalize, activations: ACTIVATIONS[usize::from(precise)], ..shape });
        check(&encoding(&architecture, tokens), seed);
    }

    #[test]
    fn every_decoders_program_should_be_consistent(
        kv_heads in 1u16..9, group in 1u16..5, half in 1u16..=128, hidden in 1u32..9_000,
        intermediate in 1u32..20_000, vocabulary in 1u32..200_000, layers in 1u16..4,
        tokens_in in 1u32..=16_384, tokens_out in 1u32..=16_385, flags: [bool; 5], seed: u64,
    ) {
        let [tied_head, qkv_bias, qk_norm, sample, precise] = flags;
        let shape = decoder(hidden, [kv_heads * group, kv_heads], 2 * half, intermediate);
        let architecture = Architecture::Decoder(Decoder {
            vocabulary,
            layers,
            tied_head,
            qkv_bias,
            qk_norm,
            activations: ACTIVATIONS[usize::from(precise)],
            ..shape
        });
        let sampling = if sample { gumbel(seed, 0.7, 0.05) } else { Sampling::Greedy };
        check(&Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap(), seed);
    }
}
