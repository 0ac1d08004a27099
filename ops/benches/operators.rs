//! Speed of the tensor kernels at the sizes of all-MiniLM-L6-v2, on one thread.

#[path = "../tests/support/mod.rs"]
mod support;

use criterion::{criterion_group, criterion_main, BatchSize, Criterion, Throughput};
use std::hint::black_box;
use support::{encoder, random_weights, Model, Quantised, Stream, ACTIVATIONS};
use vigil_architecture::{Activations, Architecture, Encoder};
use vigil_ops::{
    tensor::{self, Activation, LayerNorm, Linear, QuantisedRows},
    Kernel,
};

const HIDDEN: usize = 384;
const INNER: usize = 1_536;

fn single_thread() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool")
}

fn linear(c: &mut Criterion) {
    let mut group = c.benchmark_group("linear 384 to 1536 with GELU, 128 rows");
    group.throughput(Throughput::Elements((128 * HIDDEN * INNER) as u64));
    let mut stream = Stream::new(1);
    let activations = Activations::Int8;
    let weight: Vec<i8> = (0..HIDDEN * INNER).map(|_| stream.i8()).collect();
    let q: Vec<i8> = (0..128 * HIDDEN).map(|_| stream.i8()).collect();
    for kernel in Kernel::available() {
        let linear =
            Linear::new(kernel, &weight, &[1e-3; INNER], Some(&[0.1; INNER])).expect("a matrix");
        let mut out = vec![0.0; 128 * INNER];
        group.bench_function(kernel.name(), |b| {
            single_thread().install(|| {
                b.iter(|| {
                    let limbs = black_box(&q);
                    let rows = QuantisedRows { activations, limbs, scale: &[1e-2; 128] };
                    linear.forward(rows, Activation::Gelu, &mut out)
                });
            });
        });
    }
    group.finish();
}

/// Projections of a language model, of more weights than any cache holds: one row at the speed of
/// memory (bytes per second), and many at the speed of the processor (products per second).
fn large(c: &mut Criterion) {
    const SHAPES: [(usize, usize); 4] =
        [(2_048, 2_048), (8_192, 2_048), (2_048, 8_192), (32_000, 2_048)];
    const COPIES: usize = 6;
    let kernel = Kernel::best();
    let mut stream = Stream::new(6);
    let weight: Vec<i8> = (0..32_000 * 2_048).map(|_| stream.i8()).collect();
    let limbs: Vec<i8> = (0..2 * 128 * 8_192).map(|_| stream.i8()).collect();
    let pack = |(outputs, inputs): &(usize, usize)| {
        Linear::new(kernel, &weight[..outputs * inputs], &vec![1e-3; *outputs], None)
            .expect("a matrix")
    };
    let linears: Vec<Linear> = (0..COPIES).flat_map(|_| SHAPES.iter().map(pack)).collect();
    let size: usize = linears.iter().map(|l| l.inputs() * l.outputs()).sum();
    let mut out = vec![0.0; 128 * 32_000];
    for (threads, activations) in [1, 2].into_iter().flat_map(|n| ACTIVATIONS.map(|a| (n, a))) {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let mut group = c.benchmark_group(format!(
            "large projections, {kernel}, {activations}, {threads} threads"
        ));
        group.sample_size(10);
        for rows in [1, 2, 4, 8, 128] {
            group.throughput(match rows {
                1 => Throughput::Bytes(size as u64),
                _ => Throughput::Elements((rows * size) as u64),
            });
            group.bench_function(format!("{rows} rows"), |b| {
                pool.install(|| {
                    b.iter(|| {
                        for l in &linears {
                            let len = rows * l.inputs() * activations.limbs() as usize;
                            let (limbs, scale) = (&limbs[..len], &vec![1e-2; rows]);
                            let rows = QuantisedRows { activations, limbs, scale };
                            let out = &mut out[..scale.len() * l.outputs()];
                            l.forward(rows, Activation::None, out).expect("room");
                        }
                    });
                });
            });
        }
        group.finish();
    }
}

fn attention(c: &mut Criterion) {
    let mut group = c.benchmark_group("attention of 12 heads, 128 tokens");
    group.throughput(Throughput::Elements((2 * 128 * 128 * HIDDEN) as u64));
    let mut stream = Stream::new(2);
    let [q, k, v] =
        [(); 3].map(|()| -> Vec<f32> { (0..128 * HIDDEN).map(|_| stream.unit()).collect() });
    let mut out = vec![0.0; 128 * HIDDEN];
    for kernel in Kernel::available() {
        group.bench_function(kernel.name(), |b| {
            single_thread().install(|| {
                b.iter(|| tensor::attention(kernel, black_box(&q), &k, &v, 12, &[128], &mut out));
            });
        });
    }
    group.finish();
}

fn rows(c: &mut Criterion) {
    let mut group = c.benchmark_group("128 rows of 384");
    group.throughput(Throughput::Elements((128 * HIDDEN) as u64));
    let mut stream = Stream::new(3);
    let x: Vec<f32> = (0..128 * HIDDEN).map(|_| stream.unit()).collect();
    let norm = LayerNorm { weight: &[1.5; HIDDEN], bias: &[0.5; HIDDEN], eps: 1e-12 };
    for kernel in Kernel::available() {
        for activations in ACTIVATIONS {
            let mut q = Quantised::room(activations, 128, HIDDEN);
            group.bench_function(format!("quantise to {activations} {kernel}"), |b| {
                single_thread().install(|| {
                    b.iter(|| tensor::quantise(kernel, black_box(&x), HIDDEN, q.rows_mut()));
                });
            });
        }
        group.bench_function(format!("add and normalise {kernel}"), |b| {
            single_thread().install(|| {
                b.iter_batched_ref(
                    || x.clone(),
                    |out| tensor::add_layer_norm(kernel, &norm, &x, out),
                    BatchSize::LargeInput,
                );
            });
        });
    }
    group.finish();
}

fn whole(c: &mut Criterion) {
    let shape = Encoder { vocabulary: 1_000, positions: 512, ..encoder(384, 12, 1_536, 6) };
    let architecture = Architecture::Encoder(shape);
    let weights = random_weights(&architecture, 4);
    let mut stream = Stream::new(5);
    let texts: Vec<Vec<u32>> =
        (0..8).map(|_| (0..128).map(|_| stream.below(1_000)).collect()).collect();
    let batch: Vec<&[u32]> = texts.iter().map(Vec::as_slice).collect();
    let short = &texts[0][..16];
    for (name, sequences) in [("1 x 16", &[short][..]), ("8 x 128", &batch)] {
        let mut group = c.benchmark_group(format!("MiniLM's shape, {name} tokens"));
        let tokens: usize = sequences.iter().map(|s| s.len()).sum();
        group.throughput(Throughput::Elements(tokens as u64)).sample_size(20);
        for kernel in Kernel::available() {
            let model = Model::new(kernel, &architecture, &weights);
            group.bench_function(kernel.name(), |b| {
                single_thread().install(|| b.iter(|| model.encode(black_box(sequences))));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, linear, large, attention, rows, whole);
criterion_main!(benches);
