//! The decoder: composed tensor functions equal the program run element by element, however the
//! rows of a sequence are divided and whoever runs beside it.

mod support;

use proptest::prelude::*;
use support::*;
use vigil_architecture::{Architecture, Decoder, Sampling};
use vigil_ops::{
    program::Kind,
    reference,
    tensor::{self, Activation, Chunk, Draw, KeyValues, Linear, RmsNorm, Rotary},
    weights::{Module, Part},
    Kernel, Program, Weights,
};

/// A decoder ready to run.
struct Model {
    kernel: Kernel,
    config: Decoder,
    word: Option<(Vec<i8>, Vec<f32>)>,
    cos: Vec<f32>,
    sin: Vec<f32>,
    layers: Vec<Layer>,
    norm: Vec<f32>,
    head: Linear,
}

struct Layer {
    attention_norm: Vec<f32>,
    query_key_value: [Linear; 3],
    norms: Option<[Vec<f32>; 2]>,
    output: Linear,
    feed_forward_norm: Vec<f32>,
    gate_up: [Linear; 2],
    down: Linear,
}

type Caches = Vec<KeyValues>;

impl Model {
    fn new(kernel: Kernel, config: Decoder, bytes: &[u8]) -> Self {
        let weights = Weights::new(&Architecture::Decoder(config));
        let get = |module, part| tensor_bytes(&weights, bytes, module, part);
        let floats = |module, part| f32_of(&get(module, part));
        let table = |module| (i8_of(&get(module, Part::Weight)), floats(module, Part::Scale));
        let linear = |module| {
            let (weight, scale) = table(module);
            let biased = config.qkv_bias
                && matches!(module, Module::Query(_) | Module::Key(_) | Module::Value(_));
            let bias = biased.then(|| floats(module, Part::Bias));
            Linear::new(kernel, &weight, &scale, bias.as_deref()).unwrap()
        };
        let layers = (0..config.layers)
            .map(|l| Layer {
                attention_norm: floats(Module::AttentionNorm(l), Part::Weight),
                query_key_value: [Module::Query(l), Module::Key(l), Module::Value(l)].map(linear),
                norms: config.qk_norm.then(|| {
                    [Module::QueryNorm(l), Module::KeyNorm(l)].map(|m| floats(m, Part::Weight))
                }),
                output: linear(Module::AttentionOutput(l)),
                feed_forward_norm: floats(Module::FeedForwardNorm(l), Part::Weight),
                gate_up: [Module::Gate(l), Module::Up(l)].map(linear),
                down: linear(Module::Down(l)),
            })
            .collect();
        let tied = config.tied_head;
        Self {
            kernel,
            config,
            word: (!tied).then(|| table(Module::WordEmbedding)),
            cos: floats(Module::Rotary, Part::Cos),
            sin: floats(Module::Rotary, Part::Sin),
            layers,
            norm: floats(Module::FinalNorm, Part::Weight),
            head: linear(if tied { Module::WordEmbedding } else { Module::Head }),
        }
    }

    fn caches(&self) -> Caches {
        let (heads, width) = (self.config.kv_heads.into(), self.config.head_width.into());
        self.layers.iter().map(|_| KeyValues::new(self.kernel, heads, width).unwrap()).collect()
    }

    fn norm_project(&self, x: &[f32], norm: &[f32], linears: &[Linear]) -> Vec<Vec<f32>> {
        let rows = x.len() / norm.len();
        let mut q = Quantised::room(self.config.activations, rows, norm.len());
        let norm = RmsNorm { weight: norm, eps: f32::from_bits(self.config.rms_norm_eps) };
        tensor::rms_quantise(self.kernel, &norm, x, q.rows_mut()).unwrap();
        linears.iter().map(|linear| project(linear, &q)).collect()
    }

    /// Logits of every row of a batch of `(new tokens, caches)`.
    fn forward(&self, batch: &mut [(&[u32], &mut Caches)]) -> Vec<f32> {
        let kernel = self.kernel;
        let tokens: Vec<u32> =
            batch.iter().flat_map(|(tokens, _)| tokens.iter()).copied().collect();
        let rows = tokens.len();
        let mut x = vec![0.0; rows * self.config.hidden as usize];
        match &self.word {
            Some((word, scale)) => tensor::lookup(kernel, word, scale, &tokens, &mut x).unwrap(),
            None => tensor::lookup_tied(kernel, &self.head, &tokens, &mut x).unwrap(),
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let qkv = self.norm_project(&x, &layer.attention_norm, &layer.query_key_value);
            let norms = layer.norms.as_ref().map(|[query, key]| (&query[..], &key[..]));
            let eps = f32::from_bits(self.config.rms_norm_eps);
            let rotary = Rotary { cos: &self.cos, sin: &self.sin, norms, eps };
            let mut chunks: Vec<_> = batch
                .iter_mut()
                .map(|(tokens, caches)| Chunk { cache: &mut caches[l], rows: tokens.len() })
                .collect();
            let mut context = vec![0.0; qkv[0].len()];
            tensor::causal_attention(
                kernel,
                &rotary,
                &qkv[0],
                &qkv[1],
                &qkv[2],
                &mut chunks,
                &mut context,
            )
            .unwrap();
            let (activations, width) = (self.config.activations, self.config.query_width());
            let q = Quantised::of(kernel, activations, &context, width as usize);
            tensor::add(kernel, &project(&layer.output, &q), &mut x).unwrap();
            let gate_up = self.norm_project(&x, &layer.feed_forward_norm, &layer.gate_up);
            let width = self.config.intermediate as usize;
            let mut q = Quantised::room(activations, rows, width);
            tensor::swiglu_quantise(kernel, &gate_up[0], &gate_up[1], width, q.rows_mut()).unwrap();
            tensor::add(kernel, &project(&layer.down, &q), &mut x).unwrap();
        }
        self.norm_project(&x, &self.norm, std::slice::from_ref(&self.head)).remove(0)
    }

    /// Logits of every row of one sequence, taken in parts of these lengths.
    fn logits(&self, tokens: &[u32], parts: &[usize]) -> Vec<f32> {
        let (mut caches, mut rest, mut logits) = (self.caches(), tokens, Vec::new());
        let mut parts = parts.iter().copied().cycle();
        while !rest.is_empty() {
            let (part, after) = rest.split_at(parts.next().unwrap_or(1).min(rest.len()));
            logits.extend(self.forward(&mut [(part, &mut caches)]));
            rest = after;
        }
        logits
    }
}

fn project(linear: &Linear, q: &Quantised) -> Vec<f32> {
    let mut out = vec![0.0; q.scale.len() * linear.outputs()];
    linear.forward(q.rows(), Activation::None, &mut out).unwrap();
    out
}

/// Logits of every row and drawn tokens, element by element.
fn expected(
    config: Decoder,
    weights: &[u8],
    tokens: &[u32],
    sampling: Sampling,
) -> (Vec<u8>, Vec<u32>) {
    let architecture = Architecture::Decoder(config);
    let program = Program::new(&architecture, 1, tokens.len() as u32, sampling).unwrap();
    let mut logits = Vec::new();
    let drawn = reference::run(&program, tokens, weights, |_, op, bytes| {
        if matches!(op.kind, Kind::Dequantise { .. }) {
            logits = bytes.to_vec();
        }
    });
    let drawn = drawn.unwrap();
    (logits, drawn.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect())
}

fn in_pool<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

fn draw(model: &Model, logits: &[f32], sampling: Sampling) -> Vec<u32> {
    let rows = logits.len() / model.config.vocabulary as usize;
    let draws: Vec<_> = (1..=rows).map(|p| Draw { sampling, position: p as u32 }).collect();
    let mut tokens = vec![0; rows];
    tensor::sample(model.kernel, logits, &draws, &mut tokens).unwrap();
    tokens
}

prop_compose! {
    fn shapes()(
        kv_heads in 1u16..4,
        group in 1u16..4,
        half in 1u16..20,
        hidden in 1u32..70,
        intermediate in 1u32..90,
        layers in 1u16..3,
        vocabulary in 2u32..90,
        tied_head: bool,
        qkv_bias: bool,
        qk_norm: bool,
        precise: bool,
    ) -> Decoder {
        Decoder {
            vocabulary,
            layers,
            tied_head,
            qkv_bias,
            qk_norm,
            positions: 300,
            activations: ACTIVATIONS[usize::from(precise)],
            ..decoder(hidden, [kv_heads * group, kv_heads], half * 2, intermediate)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_decoder_should_give_the_same_bytes_everywhere(
        config in shapes(),
        length in 1usize..40,
        parts in proptest::collection::vec(1usize..20, 1..5),
        seed: u64,
        temperature in 0.1f32..3.0,
        min_p in prop_oneof![Just(0.0f32), 0.0f32..0.3],
    ) {
        let weights = random_weights(&Architecture::Decoder(config), seed);
        let mut stream = Stream::new(seed ^ 9);
        let tokens: Vec<u32> = (0..length).map(|_| stream.below(config.vocabulary)).collect();
        let gumbel = gumbel(seed, temperature, min_p);
        let (logits, greedy) = expected(config, &weights, &tokens, Sampling::Greedy);
        let (_, drawn) = expected(config, &weights, &tokens, gumbel);
        for kernel in Kernel::available() {
            let model = Model::new(kernel, config, &weights);
            for threads in [1, 2, 3, 7] {
                for parts in [&parts[..], &[1], &[usize::MAX]] {
                    let found = in_pool(threads, || model.logits(&tokens, parts));
                    prop_assert_eq!(&bytes_of(&found), &logits, "{} {} {:?}", kernel, threads, parts);
                    prop_assert_eq!(&draw(&model, &found, Sampling::Greedy), &greedy);
                    prop_assert_eq!(&draw(&model, &found, gumbel), &drawn);
                }
            }
        }
    }

    #[test]
    fn a_sequence_should_not_depend_on_its_neighbours(
        config in shapes(),
        lengths in proptest::collection::vec(1usize..30, 2..5),
        seed: u64,
        threads in 1usize..4,
    ) {
        let weights = random_weights(&Architecture::Decoder(config), seed);
        let model = Model::new(Kernel::best(), config, &weights);
        let mut stream = Stream::new(seed ^ 9);
        let texts: Vec<Vec<u32>> = lengths
            .iter()
            .map(|n| (0..*n).map(|_| stream.below(config.vocabulary)).collect())
            .collect();
        let alone: Vec<Vec<f32>> = texts.iter().map(|text| model.logits(text, &[64])).collect();
        let mut caches: Vec<Caches> = texts.iter().map(|_| model.caches()).collect();
        let mut found = vec![Vec::new(); texts.len()];
        let mut done = vec![0; texts.len()];
        // Every pass takes of every sequence as many rows as chance will have, or none.
        while done.iter().zip(&texts).any(|(done, text)| *done < text.len()) {
            let takes: Vec<usize> = texts
                .iter()
                .zip(&done)
                .map(|(text, done)| (stream.below(9) as usize).min(text.len() - done))
                .collect();
            let mut batch: Vec<(&[u32], &mut Caches)> = Vec::new();
            for (((text, cache), done), take) in
                texts.iter().zip(&mut caches).zip(&done).zip(&takes)
            {
                if *take > 0 {
                    batch.push((&text[*done..done + take], cache));
                }
            }
            if batch.is_empty() {
                continue;
            }
            let logits = in_pool(threads, || model.forward(&mut batch));
            let mut rest = &logits[..];
            for ((found, done), take) in found.iter_mut().zip(&mut done).zip(takes) {
                let (mine, after) = rest.split_at(take * config.vocabulary as usize);
                found.extend_from_slice(mine);
                *done += take;
                rest = after;
            }
        }
        for (found, alone) in found.iter().zip(&alone) {
            prop_assert_eq!(bytes_of(found), bytes_of(alone));
        }
    }

    #[test]
    fn a_draw_should_be_that_of_the_referee_for_any_logits(
        vocabulary in prop_oneof![2u32..70, 1_020u32..1_030, 2_000u32..3_000],
        kind in 0u32..4,
        seed: u64,
        temperature in 0.01f32..100.0,
        min_p in prop_oneof![Just(0.0f32), Just(1.0f32), 0.0f32..1.0],
    ) {
        let config = Decoder { vocabulary, ..decoder(1, [1, 1], 2, 1) };
        let mut stream = Stream::new(seed);
        let logits: Vec<f32> = (0..vocabulary)
            .map(|_| match kind {
                0 => stream.any_f32(),
                1 => stream.below(3) as f32,
                2 => stream.unit() * 30.0,
                _ => 0f32.copysign(stream.unit()),
            })
            .collect();
        for sampling in [Sampling::Greedy, gumbel(seed, temperature, min_p)] {
            let program = Program::new(&Architecture::Decoder(config), 5, 1, sampling).unwrap();
            let head = (0..program.len())
                .rev()
                .find(|i| matches!(program.op(*i).unwrap().kind, Kind::Dequantise { .. }))
                .unwrap();
            let weights = random_weights(&Architecture::Decoder(config), seed);
            let mut bench = Bench { program, weights: &weights, results: Default::default() };
            bench.set(head, bytes_of(&logits));
            let mut token = Vec::new();
            for index in head + 1..program.len() {
                token = bench.run(index);
            }
            for kernel in Kernel::available() {
                let mut found = [0];
                let draws = [Draw { sampling, position: 5 }];
                tensor::sample(kernel, &logits, &draws, &mut found).unwrap();
                prop_assert_eq!(found[0].to_le_bytes().to_vec(), token.clone(), "{}", kernel);
            }
        }
    }
}

#[test]
fn long_sequences_should_give_the_same_bytes() {
    // More than one page of keys, more than one block of the sums, an odd number of rows.
    let config = Decoder { positions: 300, qk_norm: true, ..decoder(24, [6, 2], 10, 33) };
    let weights = random_weights(&Architecture::Decoder(config), 5);
    let mut stream = Stream::new(3);
    let tokens: Vec<u32> = (0..269).map(|_| stream.below(50)).collect();
    let (logits, _) = expected(config, &weights, &tokens, Sampling::Greedy);
    for kernel in Kernel::available() {
        let model = Model::new(kernel, config, &weights);
        for (threads, parts) in [(1, [1, 1]), (2, [269, 269]), (3, [64, 65]), (7, [130, 7])] {
            let found = in_pool(threads, || model.logits(&tokens, &parts));
            assert_eq!(bytes_of(&found), logits, "{kernel} {threads} {parts:?}");
        }
    }
}

#[test]
fn extreme_values_should_give_the_same_bytes() {
    // Scales so large that scores, weights and logits become infinite or NaN, or all zero.
    let config = Decoder { layers: 2, ..decoder(20, [2, 1], 6, 24) };
    let architecture = Architecture::Decoder(config);
    let mut stream = Stream::new(8);
    let tokens: Vec<u32> = (0..20).map(|_| stream.below(50)).collect();
    for (case, scale) in [0.0, 1e-40, 1e-20, 1e18, 3e38].into_iter().enumerate() {
        for module in [Module::Query(0), Module::Key(1), Module::Value(0), Module::Gate(0)] {
            let mut weights = random_weights(&architecture, case as u64);
            let spec = Weights::new(&architecture)
                .iter()
                .find(|spec| spec.id.module == module && spec.id.part == Part::Scale)
                .unwrap();
            let start = spec.offset as usize;
            for bytes in weights[start..start + spec.size() as usize].chunks_exact_mut(4) {
                bytes.copy_from_slice(&f32::to_le_bytes(scale));
            }
            let (logits, greedy) = expected(config, &weights, &tokens, Sampling::Greedy);
            for kernel in Kernel::available() {
                let model = Model::new(kernel, config, &weights);
                for parts in [1, 7, 20] {
                    let found = model.logits(&tokens, &[parts]);
                    assert_eq!(bytes_of(&found), logits, "{kernel} {parts} {module:?} {scale}");
                    assert_eq!(draw(&model, &found, Sampling::Greedy), greedy);
                }
            }
        }
    }
}

#[test]
fn what_does_not_fit_should_be_refused() {
    let kernel = Kernel::best();
    let config = Decoder { positions: 8, ..decoder(8, [2, 1], 4, 8) };
    let weights = random_weights(&Architecture::Decoder(config), 1);
    let model = Model::new(kernel, config, &weights);
    assert!(KeyValues::new(kernel, 0, 4).is_err());
    assert!(KeyValues::new(kernel, 1, 5).is_err());
    assert!(KeyValues::new(kernel, 1, 258).is_err());
    let rotary = Rotary { cos: &model.cos, sin: &model.sin, norms: None, eps: 1e-5 };
    let attend = |rows: usize, heads: usize, out: usize| {
        let mut cache = KeyValues::new(kernel, 1, 4).unwrap();
        let mut chunks = [Chunk { cache: &mut cache, rows }];
        let (q, kv) = (vec![1.0; rows * heads * 4], vec![1.0; rows * 4]);
        tensor::causal_attention(kernel, &rotary, &q, &kv, &kv, &mut chunks, &mut vec![0.0; out])
    };
    assert_eq!(attend(8, 2, 64), Ok(()));
    assert!(attend(9, 2, 72).is_err(), "beyond the table");
    assert!(attend(0, 2, 0).is_err(), "no rows");
    assert!(attend(2, 0, 0).is_err(), "no heads");
    assert!(attend(2, 2, 15).is_err(), "a short result");
    let mut out = vec![0.0; 8];
    assert!(tensor::lookup_tied(kernel, &model.head, &[50], &mut out).is_err());
    assert!(tensor::lookup(kernel, &[1; 16], &[1.0; 2], &[2], &mut out).is_err());
    let bad = Draw { sampling: gumbel(1, 0.0, 0.0), position: 1 };
    assert!(tensor::sample(kernel, &out, &[bad], &mut [0]).is_err());
    assert!(tensor::sample(kernel, &[], &[], &mut []).is_err());
}

#[test]
fn the_golden_decoders_should_be_generated_by_every_kernel() {
    for run in golden::generations() {
        let Architecture::Decoder(config) = run.architecture else { panic!("not a decoder") };
        let (prompt, sampling, weights) = (&run.prompt, run.sampling, &run.weights);
        // Held to the golden bytes by the tests of the operators.
        let output =
            reference::generate(&run.architecture, prompt, run.tokens_out, sampling, weights);
        let output = output.unwrap();
        let tokens = [prompt, &output[..output.len() - 1]].concat();
        for kernel in Kernel::available() {
            let model = Model::new(kernel, config, weights);
            for parts in [&[usize::MAX][..], &[prompt.len(), 1], &[7]] {
                let drawn = draw(&model, &model.logits(&tokens, parts), sampling);
                assert_eq!(drawn[prompt.len() - 1..], output, "{kernel} {parts:?}");
            }
        }
    }
}
