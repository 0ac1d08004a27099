//! The whole encoder: composed tensor functions equal the program run element by element.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Architecture, Pooling, Sampling};
use vigil_ops::{reference, Kernel, Program};

fn tokens(stream: &mut Stream, count: usize) -> Vec<u32> {
    (0..count).map(|_| stream.below(50)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_encoder_should_give_the_same_bytes_everywhere(
        heads in 1u16..4,
        width in 1u32..20,
        intermediate in 1u32..70,
        layers in 1u16..3,
        lengths in proptest::collection::vec(1usize..72, 1..4),
        mean: bool,
        normalize: bool,
        seed: u64,
    ) {
        let mut shape = encoder(u32::from(heads) * width, heads, intermediate, layers);
        shape.pooling = if mean { Pooling::Mean } else { Pooling::Cls };
        shape.normalize = normalize;
        let architecture = Architecture::Encoder(shape);
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 9);
        let texts: Vec<Vec<u32>> = lengths.iter().map(|n| tokens(&mut stream, *n)).collect();
        let expected: Vec<u8> = texts
            .iter()
            .flat_map(|text| {
                let program = Program::new(&architecture, text.len() as u32, 0, Sampling::Greedy).unwrap();
                let out = reference::run(&program, text, &weights, |_, _, _| {}).unwrap();
                assert_eq!(out.len(), architecture.output_len(0) as usize);
                out
            })
            .collect();
        for kernel in Kernel::available() {
            let model = Model::new(kernel, &architecture, &weights);
            let batch: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
            for threads in 1..=3 {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let together = pool.install(|| model.encode(&batch));
                prop_assert_eq!(&bytes_of(&together), &expected, "{} {}", kernel, threads);
            }
            let alone: Vec<f32> = batch.iter().flat_map(|text| model.encode(&[text])).collect();
            prop_assert_eq!(bytes_of(&alone), expected.clone(), "{} alone", kernel);
        }
    }
}

#[test]
fn the_reference_should_refuse_unknown_tokens_and_wrong_lengths() {
    use reference::BadInput;
    let architecture = Architecture::Encoder(encoder(8, 2, 8, 1));
    let weights = random_weights(&architecture, 1);
    let program = Program::new(&architecture, 2, 0, Sampling::Greedy).unwrap();
    let run = |tokens: &[u32], weights: &[u8]| {
        reference::run(&program, tokens, weights, |_, _, _| {}).map(|_| ())
    };
    assert_eq!(run(&[1, 50], &weights), Err(BadInput::UnknownToken(50)));
    assert_eq!(run(&[1], &weights), Err(BadInput::WrongLength));
    assert_eq!(run(&[1, 2], &weights[1..]), Err(BadInput::WrongLength));
    assert_eq!(run(&[1, 2], &weights), Ok(()));
}
