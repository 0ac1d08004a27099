//! What a decoder's program promises: a row follows from the tokens up to its own, so that a claim
//! of many tokens is checked in one run, and tokens are drawn as the sampling says.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Architecture, Decoder, Sampling};
use vigil_ops::{
    program::{Kind, Layout, Op},
    reference::{self, BadInput},
    weights::{Module, Part},
    Program,
};

/// Every operator with its result.
fn results(program: &Program, tokens: &[u32], weights: &[u8]) -> Vec<(Op, Vec<u8>)> {
    let mut results = Vec::new();
    reference::run(program, tokens, weights, |_, op, bytes| results.push((*op, bytes.to_vec())))
        .unwrap();
    results
}

/// The bytes of every element, with its coordinates.
fn elements<'a>(op: &Op, bytes: &'a [u8]) -> impl Iterator<Item = ([u64; 4], &'a [u8])> {
    let shape = op.shape;
    (0u64..).zip(bytes.chunks_exact(op.dtype.size())).map(move |(index, bytes)| {
        let (mut rest, mut place) = (index, [0; 4]);
        for axis in (0..4).rev() {
            let dimension = u64::from(shape.dimension(axis));
            place[axis] = rest % dimension;
            rest /= dimension;
        }
        (place, bytes)
    })
}

/// The axis that counts tokens; of a matrix over queries and keys that of the queries.
fn token_axis(kind: Kind) -> usize {
    match kind {
        Kind::HeadQuantise { layout: Layout::ChannelMajor } => 2,
        Kind::HeadAbsMax { .. }
        | Kind::HeadQuantise { .. }
        | Kind::CausalScores { .. }
        | Kind::ScoreMax
        | Kind::Exp
        | Kind::ExpSum
        | Kind::CausalWeightMax
        | Kind::CausalWeight
        | Kind::Mix => 1,
        _ => 0,
    }
}

/// Asserts that every element of the shorter run is in the longer one, in the same place.
fn assert_begins_with(long: &[(Op, Vec<u8>)], short: &[(Op, Vec<u8>)]) {
    assert_eq!(long.len(), short.len());
    for (index, ((long_op, long), (short_op, short))) in long.iter().zip(short).enumerate() {
        let dimension = |axis| u64::from(long_op.shape.dimension(axis));
        let size = long_op.dtype.size();
        for ([a, b, c, d], bytes) in elements(short_op, short) {
            let at = ((a * dimension(1) + b) * dimension(2) + c) * dimension(3) + d;
            let start = at as usize * size;
            let found = &long[start..start + size];
            assert_eq!(found, bytes, "{index} {:?} {:?}", short_op.kind, [a, b, c, d]);
        }
    }
}

/// Asserts that what belongs to tokens before `changed` is the same in two runs, and gives the
/// logits, if any, that are not.
fn check_before(
    changed: u64,
    program: &Program,
    a: &[(Op, Vec<u8>)],
    b: &[(Op, Vec<u8>)],
) -> Vec<u64> {
    let tail = a.iter().position(|(op, _)| matches!(op.kind, Kind::Last { .. })).unwrap();
    let mut different = Vec::new();
    for (index, ((op, a), (_, b))) in a.iter().zip(b).enumerate() {
        let first = if index >= tail { u64::from(program.tokens_in()) - 1 } else { 0 };
        for ((place, a), (_, b)) in elements(op, a).zip(elements(op, b)) {
            let token = first + place[token_axis(op.kind)];
            assert!(token >= changed || a == b, "{index} {:?} {place:?}", op.kind);
            if index == tail + 6 && a != b {
                different.push(token);
            }
        }
    }
    different.dedup();
    different
}

fn claim(prompt: &[u32], output: &[u32]) -> Vec<u32> {
    [prompt, &output[..output.len() - 1]].concat()
}

#[derive(Clone, Copy, Debug)]
struct Model {
    architecture: Architecture,
    sampling: Sampling,
    seed: u64,
}

fn models() -> impl Strategy<Value = Model> {
    let shape = (1u16..4, 1u16..4, 1u16..9, 1u32..40, 1u32..40, 1u16..3);
    (shape, any::<[bool; 4]>(), any::<u64>()).prop_map(|(shape, flags, seed)| {
        let (kv_heads, group, half, hidden, intermediate, layers) = shape;
        let [tied_head, qkv_bias, qk_norm, sample] = flags;
        let shape = decoder(hidden, [kv_heads * group, kv_heads], 2 * half, intermediate);
        let shape = Decoder { layers, tied_head, qkv_bias, qk_norm, ..shape };
        let sampling = if sample { gumbel(seed, 0.8, 0.02) } else { Sampling::Greedy };
        Model { architecture: Architecture::Decoder(shape), sampling, seed }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_longer_claim_should_begin_with_the_bytes_of_a_shorter_one(
        model in models(), tokens_in in 1u32..70, tokens_out in 2u32..12, part: u32,
    ) {
        let Model { architecture, sampling, seed } = model;
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 1);
        let tokens: Vec<u32> =
            (0..tokens_in + tokens_out - 1).map(|_| stream.below(50)).collect();
        let run = |tokens_out: u32| {
            let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
            results(&program, &tokens[..program.tokens() as usize], &weights)
        };
        assert_begins_with(&run(tokens_out), &run(1 + part % (tokens_out - 1)));
    }

    #[test]
    fn a_later_token_should_never_change_an_earlier_row(
        model in models(), tokens_in in 1u32..70, tokens_out in 1u32..9, place: u32, other: u32,
    ) {
        let Model { architecture, sampling, seed } = model;
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 2);
        let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
        let tokens: Vec<u32> = (0..program.tokens()).map(|_| stream.below(50)).collect();
        let place = place % program.tokens();
        let mut changed = tokens.clone();
        changed[place as usize] = (tokens[place as usize] + 1 + other % 49) % 50;
        let (a, b) =
            (results(&program, &tokens, &weights), results(&program, &changed, &weights));
        check_before(place.into(), &program, &a, &b);
    }

    #[test]
    fn a_claim_should_hold_when_it_is_what_is_generated_and_only_then(
        model in models(), tokens_in in 1usize..20, tokens_out in 1u32..8, place: usize,
    ) {
        let Model { architecture, sampling, seed } = model;
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 3);
        let prompt: Vec<u32> = (0..tokens_in).map(|_| stream.below(50)).collect();
        let output =
            reference::generate(&architecture, &prompt, tokens_out, sampling, &weights).unwrap();
        prop_assert_eq!(output.len(), tokens_out as usize);
        let program = Program::new(&architecture, tokens_in as u32, tokens_out, sampling).unwrap();
        let check = |output: &[u32]| {
            let tokens = claim(&prompt, output);
            u32_of(&reference::run(&program, &tokens, &weights, |_, _, _| {}).unwrap())
        };
        prop_assert_eq!(check(&output), output.clone());
        let place = place % output.len();
        let mut wrong = output.clone();
        wrong[place] = (wrong[place] + 1) % 50;
        let drawn = check(&wrong);
        // The first difference is where the claim departs from what is generated.
        prop_assert_eq!(&drawn[..=place], &output[..=place]);
        prop_assert_ne!(drawn, wrong);
    }
}

#[test]
fn an_earlier_token_should_change_the_logits_of_every_later_row() {
    let shape = Decoder { layers: 2, ..decoder(32, [4, 2], 8, 48) };
    let architecture = Architecture::Decoder(shape);
    let weights = random_weights(&architecture, 6);
    let program = Program::new(&architecture, 4, 6, Sampling::Greedy).unwrap();
    let tokens: Vec<u32> = (1..10).collect();
    let a = results(&program, &tokens, &weights);
    for changed in 0..9 {
        let mut other = tokens.clone();
        other[changed] = 40;
        let b = results(&program, &other, &weights);
        let expected: Vec<u64> = (3..9).filter(|row| *row >= changed as u64).collect();
        assert_eq!(check_before(changed as u64, &program, &a, &b), expected, "{changed}");
    }
}

#[test]
fn a_generation_should_keep_its_first_stop_token_and_end_there() {
    let shape = Decoder { layers: 2, ..decoder(16, [2, 1], 8, 24) };
    let architecture = Architecture::Decoder(shape);
    let weights = random_weights(&architecture, 5);
    let generate = |architecture: &Architecture| {
        reference::generate(architecture, &[1, 2], 12, gumbel(9, 2.0, 0.0), &weights).unwrap()
    };
    let free = generate(&architecture);
    assert_eq!(free.len(), 12);
    let stop = free[5];
    let first = free.iter().position(|token| *token == stop).unwrap();
    let stops = core::array::from_fn(|i| (i == 1).then_some(stop));
    let stopped = Architecture::Decoder(Decoder { stop_tokens: stops, ..shape });
    assert_eq!(generate(&stopped), free[..=first]);
    let encoder = Architecture::Encoder(encoder(8, 2, 8, 1));
    let none = reference::generate(&encoder, &[1], 5, Sampling::Greedy, &[]);
    assert_eq!(none, Ok(Vec::new()));
}

#[test]
fn the_reference_should_refuse_what_does_not_fit_a_decoder() {
    let architecture = Architecture::Decoder(Decoder { positions: 4, ..decoder(8, [2, 1], 4, 12) });
    let weights = random_weights(&architecture, 1);
    let program = Program::new(&architecture, 2, 2, Sampling::Greedy).unwrap();
    let run = |tokens: &[u32]| {
        reference::run(&program, tokens, &weights, |_, _, _| {}).map(|output| output.len())
    };
    assert_eq!(run(&[1, 2, 3]), Ok(8));
    assert_eq!(run(&[1, 2]), Err(BadInput::WrongLength));
    assert_eq!(run(&[1, 50, 3]), Err(BadInput::UnknownToken(50)));
    let generate = |max| {
        reference::generate(&architecture, &[1, 2], max, Sampling::Greedy, &weights)
            .map(|output| output.len())
    };
    // The last generated token takes no position.
    assert_eq!(generate(3), Ok(3));
    assert_eq!(generate(4), Err(BadInput::WrongLength));
}

/// Draws a token from each row of logits, the first one at position 1.
fn draw(rows: &[Vec<f32>], sampling: Sampling) -> Vec<u32> {
    let vocabulary = rows[0].len() as u32;
    let architecture = Architecture::Decoder(Decoder { vocabulary, ..decoder(2, [1, 1], 2, 2) });
    let program = Program::new(&architecture, 1, rows.len() as u32, sampling).unwrap();
    let after = match sampling {
        Sampling::Greedy => 4,
        Sampling::Gumbel { .. } => 6,
    };
    let mut bench = Bench::of(program, &[]);
    let logits = program.len() - after;
    bench.set(logits, bytes_of(&rows.concat()));
    let drawn = (logits + 1..program.len()).map(|index| bench.run(index)).last().unwrap();
    u32_of(&drawn)
}

#[test]
fn greedy_should_take_the_greatest_and_of_equals_the_lowest() {
    let mut rows = vec![vec![-1.0; 2_500]; 6];
    rows[1][2_499] = 3.0;
    rows[2][1_500] = 3.0;
    rows[2][1_023] = 3.0;
    rows[2][1_022] = 2.0;
    rows[3] = vec![-0.0; 2_500];
    rows[3][2_048] = 0.0;
    rows[4] = vec![f32::NEG_INFINITY; 2_500];
    rows[5][7] = f32::INFINITY;
    rows[5][1_030] = f32::NAN;
    assert_eq!(draw(&rows, Sampling::Greedy), [0, 2_499, 1_023, 2_048, 0, 1_030]);
}

proptest! {
    #[test]
    fn greedy_should_take_the_first_greatest(
        width in 1usize..2_200, kinds in 1u32..2_000, seed: u64,
    ) {
        let mut stream = Stream::new(seed);
        let row: Vec<f32> = (0..width).map(|_| stream.below(kinds) as f32 - 1_000.0).collect();
        let greatest = row.iter().copied().reduce(f32::max).unwrap();
        let first = row.iter().position(|x| *x == greatest).unwrap();
        prop_assert_eq!(draw(&[row], Sampling::Greedy), [first as u32]);
    }

    #[test]
    fn the_highest_min_p_should_give_the_token_of_greedy(
        width in 1usize..2_200, temperature in 0.01f32..100.0, seed: u64,
    ) {
        let mut stream = Stream::new(seed);
        let mut row: Vec<f32> = (0..width).map(|_| stream.unit() * 9.0).collect();
        // A lead that no temperature rounds away.
        let lead = stream.below(width as u32);
        row[lead as usize] = 12.0;
        let rows = vec![row; 3];
        prop_assert_eq!(draw(&rows, gumbel(seed, temperature, 1.0)), [lead; 3]);
        prop_assert_eq!(draw(&rows, Sampling::Greedy), [lead; 3]);
    }
}

#[test]
fn gumbel_should_draw_in_proportion_to_the_softmax() {
    let logits = [1.0f32, -0.5, 2.0, 0.0, 1.5, -3.0];
    for (seed, temperature) in [(1, 1.0f32), (2, 0.5), (3, 3.0)] {
        let rows = vec![logits.to_vec(); 4_096];
        let drawn = draw(&rows, gumbel(seed, temperature, 0.0));
        let powers = logits.map(|l| f64::from(l / temperature).exp());
        let total: f64 = powers.iter().sum();
        for (token, power) in powers.iter().enumerate() {
            let expected = power / total;
            let count = drawn.iter().filter(|id| **id == token as u32).count();
            let share = count as f64 / drawn.len() as f64;
            // Four standard deviations.
            let bound = 4.0 * (expected * (1.0 - expected) / drawn.len() as f64).sqrt();
            assert!((share - expected).abs() < bound, "{token} at {temperature}: {share}");
        }
    }
}

#[test]
fn min_p_should_leave_out_the_unlikely_and_keep_the_rest_in_proportion() {
    // Shares of the likeliest: 1, 0.5, 0.11, 0.09.
    let logits: Vec<f32> = [1.0f32, 0.5, 0.11, 0.09].iter().map(|p| p.ln()).collect();
    let drawn = draw(&vec![logits; 4_096], gumbel(4, 1.0, 0.1));
    let share = |token| drawn.iter().filter(|id| **id == token).count() as f64 / drawn.len() as f64;
    assert_eq!(share(3), 0.0);
    for (token, power) in [(0, 1.0), (1, 0.5), (2, 0.11)] {
        assert!((share(token) - power / 1.61).abs() < 0.03, "{token}: {}", share(token));
    }
}

#[test]
fn another_seed_should_draw_other_tokens_and_the_same_seed_the_same() {
    let rows = vec![vec![0.0; 1_000]; 64];
    let drawn = draw(&rows, gumbel(11, 1.0, 0.0));
    assert_eq!(drawn, draw(&rows, gumbel(11, 1.0, 0.0)));
    for other in [12, 11 | 1 << 40] {
        let others = draw(&rows, gumbel(other, 1.0, 0.0));
        let same = drawn.iter().zip(others).filter(|(a, b)| **a == *b).count();
        assert!(same < 5, "{same} of 64");
    }
}

#[test]
fn rotation_should_turn_pairs_by_the_angle_of_their_position() {
    // One head of 4 channels at positions 0 to 2, angles 0.5 t and 0.25 t.
    let shape = Decoder { positions: 3, ..decoder(4, [1, 1], 4, 2) };
    let architecture = Architecture::Decoder(shape);
    let mut weights = random_weights(&architecture, 1);
    let angles: Vec<f32> = (0..3).flat_map(|t| [0.5 * t as f32, 0.25 * t as f32]).collect();
    let program = Program::new(&architecture, 3, 1, Sampling::Greedy).unwrap();
    for (part, table) in [
        (Part::Cos, angles.iter().map(|a| a.cos()).collect::<Vec<_>>()),
        (Part::Sin, angles.iter().map(|a| a.sin()).collect()),
    ] {
        let id = vigil_ops::weights::TensorId { module: Module::Rotary, part };
        let spec = program.weights().find(id).unwrap();
        let start = spec.offset as usize;
        weights[start..start + spec.size() as usize].copy_from_slice(&bytes_of(&table));
    }
    let mut bench = Bench::of(program, &weights);
    let x: Vec<f32> = (0..12).map(|i| i as f32 - 5.0).collect();
    bench.set(2 + 5, bytes_of(&x));
    let y = f32_of(&bench.run(2 + 10));
    for (t, (x, y)) in x.chunks(4).zip(y.chunks(4)).enumerate() {
        for pair in 0..2 {
            let (sin, cos) = f64::from(angles[2 * t + pair]).sin_cos();
            let (low, high) = (f64::from(x[pair]), f64::from(x[pair + 2]));
            for (got, expected) in
                [(y[pair], low * cos - high * sin), (y[pair + 2], high * cos + low * sin)]
            {
                assert!((f64::from(got) - expected).abs() < 1e-5, "{t} {pair}");
            }
        }
    }
}
