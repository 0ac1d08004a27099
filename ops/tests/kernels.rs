//! Element by element equals whole tensors, with every kernel, on every operator.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Activations, Architecture, Encoder, Pooling};
use vigil_ops::{
    tensor::{
        self, Activation, Chunk, Embeddings, KeyValues, LayerNorm, Linear, QuantisedRows, Rotary,
    },
    weights::{Module, Part},
    Kernel,
};

/// First operator of layer 0.
const LAYER: u32 = 5;

fn tensor(architecture: &Architecture, bytes: &[u8], module: Module, part: Part) -> Vec<u8> {
    tensor_bytes(&vigil_ops::Weights::new(architecture), bytes, module, part)
}

fn linear(kernel: Kernel, architecture: &Architecture, bytes: &[u8], module: Module) -> Linear {
    let get = |part| tensor(architecture, bytes, module, part);
    Linear::new(
        kernel,
        &i8_of(&get(Part::Weight)),
        &f32_of(&get(Part::Scale)),
        Some(&f32_of(&get(Part::Bias))),
    )
    .unwrap()
}

fn integers_of(activations: Activations, bytes: &[u8]) -> Vec<i32> {
    match activations {
        Activations::Int8 => bytes.iter().map(|byte| i32::from(*byte as i8)).collect(),
        Activations::Int15 => {
            let (words, _) = bytes.as_chunks::<2>();
            words.iter().map(|word| i32::from(i16::from_le_bytes(*word))).collect()
        }
    }
}

/// Runs `f` in pools of one, two, three and seven threads.
fn with_threads(mut f: impl FnMut() + Send) {
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&mut f);
    }
}

/// Projection, with and without GELU, of rows `x` of `hidden` to `intermediate`.
fn check_projection(hidden: u32, intermediate: u32, tokens: u32, seed: u64) {
    for activations in ACTIVATIONS {
        let shape = encoder(hidden, hidden as u16, intermediate, 1);
        check_projection_of(Encoder { activations, ..shape }, tokens, seed);
    }
}

fn check_projection_of(shape: Encoder, tokens: u32, seed: u64) {
    let Encoder { hidden, intermediate, activations, .. } = shape;
    let architecture = Architecture::Encoder(shape);
    let bytes = random_weights(&architecture, seed);
    let x = Stream::new(seed ^ 1).rows(tokens as usize, hidden as usize, true);
    let mut bench = Bench::new(&architecture, tokens, &bytes);
    bench.set(LAYER + 29, bytes_of(&x));
    let [_, q, _, plain, gelu] = [30, 31, 32, 33, 34].map(|step| bench.run(LAYER + step));
    for kernel in Kernel::available() {
        let linear = linear(kernel, &architecture, &bytes, Module::Up(0));
        with_threads(|| {
            let fast = Quantised::of(kernel, activations, &x, hidden as usize);
            assert_eq!(integers_of(activations, &q), fast.integers(), "{kernel} quantise");
            for (activation, expected) in [(Activation::None, &plain), (Activation::Gelu, &gelu)] {
                let mut out = vec![0.0; (tokens * intermediate) as usize];
                linear.forward(fast.rows(), activation, &mut out).unwrap();
                assert_eq!(&bytes_of(&out), expected, "{kernel} {activation:?}");
            }
        });
    }
}

fn check_attention(heads: u16, width: u32, tokens: u32, hostile: bool, seed: u64) {
    let hidden = u32::from(heads) * width;
    let architecture = Architecture::Encoder(encoder(hidden, heads, 1, 1));
    let bytes = random_weights(&architecture, seed);
    let mut stream = Stream::new(seed ^ 2);
    let mut bench = Bench::new(&architecture, tokens, &bytes);
    let [q, k, v] = [3, 7, 11].map(|step| {
        let x = stream.rows(tokens as usize, hidden as usize, hostile);
        bench.set(LAYER + step, bytes_of(&x));
        x
    });
    for step in [4, 5, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21] {
        bench.run(LAYER + step);
    }
    for kernel in Kernel::available() {
        with_threads(|| {
            let mut out = vec![0.0; q.len()];
            let lengths = [tokens as usize];
            tensor::attention(kernel, &q, &k, &v, heads.into(), &lengths, &mut out).unwrap();
            assert_eq!(bytes_of(&out), bench.results[&(LAYER + 21)], "{kernel}");
        });
    }
}

fn check_norm(hidden: u32, tokens: u32, eps: f32, seed: u64) {
    let mut shape = encoder(hidden, hidden as u16, 1, 1);
    shape.layer_norm_eps = eps.to_bits();
    // With pooling of the first token the last normalisation is token-major, as the tensors are.
    shape.pooling = Pooling::Cls;
    let architecture = Architecture::Encoder(shape);
    let bytes = random_weights(&architecture, seed);
    let mut stream = Stream::new(seed ^ 3);
    let mut bench = Bench::new(&architecture, tokens, &bytes);
    let a = stream.rows(tokens as usize, hidden as usize, true);
    let b = stream.rows(tokens as usize, hidden as usize, true);
    bench.set(1, bytes_of(&a));
    bench.set(LAYER + 38, bytes_of(&a));
    bench.set(LAYER + 29, bytes_of(&b));
    let [_, _, plain] = [2, 3, 4].map(|index| bench.run(index));
    let [_, _, _, added] = [39, 40, 41, 42].map(|step| bench.run(LAYER + step));
    let get = |module, part| f32_of(&tensor(&architecture, &bytes, module, part));
    for kernel in Kernel::available() {
        with_threads(|| {
            let (weight, bias) =
                (get(Module::EmbeddingNorm, Part::Weight), get(Module::EmbeddingNorm, Part::Bias));
            let norm = LayerNorm { weight: &weight, bias: &bias, eps };
            let mut x = a.clone();
            tensor::layer_norm(kernel, &norm, &mut x).unwrap();
            assert_eq!(bytes_of(&x), plain, "{kernel}");
            let module = Module::FeedForwardNorm(0);
            let (weight, bias) = (get(module, Part::Weight), get(module, Part::Bias));
            let norm = LayerNorm { weight: &weight, bias: &bias, eps };
            let mut x = a.clone();
            tensor::add_layer_norm(kernel, &norm, &b, &mut x).unwrap();
            assert_eq!(bytes_of(&x), added, "{kernel}");
        });
    }
}

fn check_pooling(hidden: u32, tokens: u32, seed: u64) {
    let x = Stream::new(seed ^ 4).rows(tokens as usize, hidden as usize, true);
    let (rows, width) = (tokens as usize, hidden as usize);
    let mut channels = vec![0.0; x.len()];
    for (i, value) in x.iter().enumerate() {
        channels[i % width * rows + i / width] = *value;
    }
    for (pooling, input) in [(Pooling::Mean, &channels), (Pooling::Cls, &x)] {
        let mut shape = encoder(hidden, hidden as u16, 1, 1);
        shape.pooling = pooling;
        let architecture = Architecture::Encoder(shape);
        let bytes = random_weights(&architecture, seed);
        let mut bench = Bench::new(&architecture, tokens, &bytes);
        bench.set(LAYER + 42, bytes_of(input));
        let tail: Vec<_> =
            (LAYER + 43..bench.program.len()).map(|index| bench.run(index)).collect();
        let [.., pooled, _, unit] = tail.as_slice() else { panic!("a tail of four operators") };
        for kernel in Kernel::available() {
            let mut out = vec![0.0; width];
            match pooling {
                Pooling::Mean => tensor::mean_pool(kernel, &x, width, &[rows], &mut out).unwrap(),
                Pooling::Cls => tensor::first_pool(kernel, &x, width, &[rows], &mut out).unwrap(),
            }
            assert_eq!(&bytes_of(&out), pooled, "{kernel}");
            tensor::l2_normalise(kernel, &mut out, width).unwrap();
            assert_eq!(&bytes_of(&out), unit, "{kernel}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn projections_should_agree(
        hidden in 1u32..150, intermediate in 1u32..150, tokens in 1u32..20, seed: u64,
    ) {
        check_projection(hidden, intermediate, tokens, seed);
    }

    #[test]
    fn attention_should_agree(
        heads in 1u16..4, width in 1u32..80, tokens in 1u32..40, hostile: bool, seed: u64,
    ) {
        check_attention(heads, width, tokens, hostile, seed);
    }

    #[test]
    fn normalisations_should_agree(
        hidden in 1u32..200, tokens in 1u32..10, exponent in -40i32..3, seed: u64,
    ) {
        check_norm(hidden, tokens, 10f32.powi(exponent).max(1e-44), seed);
    }

    #[test]
    fn pooling_should_agree(hidden in 1u32..60, tokens in 1u32..200, seed: u64) {
        check_pooling(hidden, tokens, seed);
    }

    #[test]
    fn embeddings_should_agree(
        hidden in 1u32..100, lengths in proptest::collection::vec(1usize..20, 1..4), seed: u64,
    ) {
        let architecture = Architecture::Encoder(encoder(hidden, hidden as u16, 1, 1));
        let bytes = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 5);
        let tokens: Vec<u32> =
            (0..lengths.iter().sum::<usize>()).map(|_| stream.below(50)).collect();
        let mut expected = Vec::new();
        let mut rest = tokens.as_slice();
        for length in &lengths {
            let mut bench = Bench::new(&architecture, *length as u32, &bytes);
            let (sequence, after) = rest.split_at(*length);
            rest = after;
            bench.set(0, sequence.iter().flat_map(|id| id.to_le_bytes()).collect());
            expected.extend(bench.run(1));
        }
        let get = |module, part| tensor(&architecture, &bytes, module, part);
        let table = |module| (i8_of(&get(module, Part::Weight)), f32_of(&get(module, Part::Scale)));
        let (word, word_scale) = table(Module::WordEmbedding);
        let (position, position_scale) = table(Module::PositionEmbedding);
        let (token_type, token_type_scale) = table(Module::TokenTypeEmbedding);
        let tables = Embeddings {
            hidden: hidden as usize,
            word: &word,
            word_scale: &word_scale,
            position: &position,
            position_scale: &position_scale,
            token_type: &token_type,
            token_type_scale: &token_type_scale,
        };
        for kernel in Kernel::available() {
            with_threads(|| {
                let mut out = vec![0.0; tokens.len() * hidden as usize];
                tensor::embed(kernel, &tables, &tokens, &lengths, &mut out).unwrap();
                assert_eq!(bytes_of(&out), expected, "{kernel}");
            });
        }
    }

    #[test]
    fn attention_should_not_depend_on_its_neighbours(
        lengths in proptest::collection::vec(1usize..70, 2..5), width in 1usize..20, seed: u64,
    ) {
        let mut stream = Stream::new(seed);
        let rows = lengths.iter().sum::<usize>();
        let [q, k, v] = [(); 3].map(|()| stream.rows(rows, 2 * width, false));
        for kernel in Kernel::available() {
            let mut batch = vec![0.0; q.len()];
            tensor::attention(kernel, &q, &k, &v, 2, &lengths, &mut batch).unwrap();
            let mut start = 0;
            for length in &lengths {
                let size = length * 2 * width;
                let [q, k, v] = [&q, &k, &v].map(|x| &x[start..start + size]);
                let mut alone = vec![0.0; size];
                tensor::attention(kernel, q, k, v, 2, &[*length], &mut alone).unwrap();
                assert_eq!(bytes_of(&alone), bytes_of(&batch[start..start + size]));
                start += size;
            }
        }
    }
}

#[test]
fn long_rows_should_agree_across_blocks() {
    // Rows of more than one block of 1,024, and a product of more than one block of 8,192.
    check_norm(2_500, 3, 1e-5, 1);
    check_pooling(1_040, 130, 2);
    check_projection(8_300, 3, 2, 3);
    check_projection(1_030, 67, 70, 4);
}

#[test]
fn long_contexts_should_agree_across_blocks() {
    for (tokens, seed) in [(63, 1), (64, 2), (65, 3), (128, 4), (200, 5)] {
        check_attention(2, 24, tokens, false, seed);
        check_attention(1, 7, tokens, true, seed);
    }
    check_attention(1, 256, 70, false, 6);
}

#[test]
fn the_widest_product_should_be_exact() {
    // All at the limit: 133,144 x 127 x 127 is just below 2^31.
    let inner = vigil_architecture::MAX_INNER as usize;
    for kernel in Kernel::available() {
        for sign in [1i8, -1] {
            let linear = Linear::new(kernel, &vec![127; inner], &[1.0], Some(&[0.0])).unwrap();
            for (activations, most, limbs) in
                [(Activations::Int8, 127, [127, 127]), (Activations::Int15, 16_319, [127, 63])]
            {
                let limbs = limbs.map(|limb| vec![limb * sign; inner]).concat();
                let limbs = &limbs[..inner * activations.limbs() as usize];
                let rows = QuantisedRows { activations, limbs, scale: &[1.0] };
                let mut out = [0.0];
                linear.forward(rows, Activation::None, &mut out).unwrap();
                let exact = i64::from(sign) * most * 127 * inner as i64;
                assert_eq!(out[0], exact as f32, "{kernel}");
            }
        }
    }
}

#[test]
fn attention_weights_should_be_exact_over_the_longest_context() {
    // Equal keys give every token the greatest weight: 4,095 x 127 x 4,096 is just below 2^31.
    for kernel in Kernel::available() {
        for tokens in [4_096, 4_097, 8_200] {
            let (q, k, v) = (vec![1.0; tokens], vec![1.0; tokens], vec![-3.0; tokens]);
            let mut out = vec![0.0; tokens];
            tensor::attention(kernel, &q, &k, &v, 1, &[tokens], &mut out).unwrap();
            assert!(out.iter().all(|x| (x + 3.0).abs() < 1e-5), "{kernel}: {}", out[0]);
        }
    }
}

#[test]
fn the_longest_context_of_a_decoder_should_be_exact() {
    // Equal keys, and values of one magnitude, give every token the weight 4,095. One value in
    // twelve is negative; the sum is far beyond i32.
    const TOKENS: usize = vigil_architecture::MAX_CONTEXT as usize;
    const WIDTH: usize = 2;
    let (cos, sin) = (vec![1.0; TOKENS * WIDTH / 2], vec![0.0; TOKENS * WIDTH / 2]);
    let rotary = Rotary { cos: &cos, sin: &sin, norms: None, eps: 1e-5 };
    let ones = vec![1.0; TOKENS * WIDTH];
    let sign = |token: usize| if token.is_multiple_of(12) { -1.0 } else { 1.0 };
    let values: Vec<f32> = (0..TOKENS * WIDTH).map(|i| 3.0 * sign(i / WIDTH)).collect();
    let sum: f64 = (0..TOKENS).map(|token| 4_095.0 * 127.0 * f64::from(sign(token))).sum();
    assert!(sum > f64::from(i32::MAX));
    let expected = sum as f32 * ((3.0f32 / 4_095.0 / 127.0) / TOKENS as f32);
    for kernel in [Kernel::best(), Kernel::Scalar] {
        let mut cache = KeyValues::new(kernel, 1, WIDTH).unwrap();
        let mut out = vec![0.0; TOKENS * WIDTH];
        let mut chunks = [Chunk { cache: &mut cache, rows: TOKENS }];
        tensor::causal_attention(kernel, &rotary, &ones, &ones, &values, &mut chunks, &mut out)
            .unwrap();
        assert_eq!(out[out.len() - 1], expected, "{kernel}");
    }
}

/// One row of int8.
fn rows(limbs: &[i8]) -> QuantisedRows<'_> {
    QuantisedRows { activations: Activations::Int8, limbs, scale: &[1.0] }
}

#[test]
fn tensors_should_refuse_wrong_shapes_and_bad_weights() {
    use tensor::KernelError;
    let kernel = Kernel::best();
    assert!(matches!(
        Linear::new(kernel, &[1, -128], &[1.0], None),
        Err(KernelError::BadWeight(_))
    ));
    assert!(matches!(
        Linear::new(kernel, &[1, 2], &[f32::NAN], None),
        Err(KernelError::BadWeight(_))
    ));
    assert!(matches!(Linear::new(kernel, &[], &[], None), Err(KernelError::WrongDimension(_))));
    let linear = Linear::new(kernel, &[1, 2], &[1.0], Some(&[0.0])).unwrap();
    assert!(matches!(
        linear.forward(rows(&[1, 2, 3]), Activation::None, &mut [0.0]),
        Err(KernelError::WrongLength(_))
    ));
    let mut out = [0.0; 4];
    assert!(
        tensor::attention(kernel, &out.clone(), &[0.0; 3], &[0.0; 4], 2, &[2], &mut out).is_err()
    );
    assert!(
        tensor::attention(kernel, &[0.0; 4], &[0.0; 4], &[0.0; 4], 2, &[2, 0], &mut out).is_err()
    );
    for (x, importance) in [(f32::INFINITY, None), (1.0, Some(&[][..]))] {
        assert!(tensor::weight_scale(kernel, &[x], importance).is_err());
    }
}

#[test]
fn without_a_bias_nothing_should_be_added() {
    // No product and a negative scale give -0, which +0 would change.
    for kernel in Kernel::available() {
        for (bias, expected) in [(None, -0f32), (Some(&[0.0][..]), 0.0)] {
            let linear = Linear::new(kernel, &[0; 5], &[-1.0], bias).unwrap();
            let mut out = [1.0];
            linear.forward(rows(&[1; 5]), Activation::None, &mut out).unwrap();
            assert_eq!(out[0].to_bits(), expected.to_bits(), "{kernel} {bias:?}");
        }
    }
}
