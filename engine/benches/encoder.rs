//! Speed of the encoder on a model of the shape of all-MiniLM-L6-v2.
//!
//! Weights are random: speed does not depend on their values. Elements per second are tokens per
//! second.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{inputs, Bert};
use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use std::time::Duration;
use vigil_engine::{Kernel, Model, Options, Request};

fn encoder(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::minilm();
    let package = bert.packed(dir.path());
    let mut group = criterion.benchmark_group("encoder");
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(4));
    group.sample_size(20);
    for threads in [1, 2] {
        let options = Options { kernel: None, threads };
        let model = Model::load(&package, &options).unwrap();
        for (batch, length) in [(1, 16), (1, 128), (8, 128)] {
            let jobs = inputs(bert.vocabulary, &vec![length; batch]);
            let jobs: Vec<_> = jobs.into_iter().map(Request::embed).collect();
            group.throughput(Throughput::Elements((batch * length) as u64));
            let name = format!("{}/{threads} threads", Kernel::best());
            let id = BenchmarkId::new(name, format!("{batch}x{length}"));
            group.bench_with_input(id, &jobs, |bencher, jobs| {
                bencher.iter(|| model.run_batch(jobs).unwrap());
            });
        }
    }
    group.finish();
}

criterion_group!(benches, encoder);
criterion_main!(benches);
