//! Runs: the same bytes whatever computes them, and inputs that are refused.

mod common;

use common::{referee, Bert};
use proptest::{prelude::*, test_runner::FileFailurePersistence};
use std::{sync::Arc, thread};
use vigil_architecture::BadRun;
use vigil_engine::{
    cosine, error::Input, measure_speed, Activations, Error, FloatEncoder, Kernel, Model, Options,
    Package, Request, Run, Sampling, Tokenizer,
};

fn load(package: &Package, kernel: Kernel, threads: usize) -> Model {
    Model::load(package, &Options { kernel: Some(kernel), threads }).unwrap()
}

fn inputs(vocabulary: usize, lengths: &[usize]) -> Vec<Request> {
    common::inputs(vocabulary, lengths).into_iter().map(Request::embed).collect()
}

fn floats(run: &Run) -> Vec<f32> {
    run.output.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Shapes whose dimensions are multiples of nothing, and of everything a kernel likes.
fn shapes() -> Vec<Bert> {
    let awkward = Bert {
        hidden: 30,
        heads: 3,
        intermediate: 75,
        layers: 1,
        positions: 70,
        pooling: Some("cls"),
        normalize: false,
        activations: Some(Activations::Int15),
        ..Bert::default()
    };
    let even = Bert { hidden: 128, heads: 2, intermediate: 256, positions: 200, ..Bert::default() };
    let precise = Bert { activations: Some(Activations::Int15), ..even.clone() };
    vec![Bert { positions: 130, ..Bert::default() }, awkward, even, precise]
}

#[test]
fn a_run_should_give_the_same_bytes_with_every_kernel_and_thread_alone_and_in_a_batch() {
    for bert in shapes() {
        let dir = tempfile::tempdir().unwrap();
        let package = bert.packed(dir.path());
        let lengths = [1, 2, 7, 16, 17, 33, 64, 65, 70];
        let jobs = inputs(bert.vocabulary, &lengths);
        let reference = load(&package, Kernel::Scalar, 1);
        let expected: Vec<Run> = jobs.iter().map(|job| reference.run(job).unwrap()).collect();
        for kernel in Kernel::available() {
            for threads in [1, 2] {
                let model = load(&package, kernel, threads);
                for (job, expected) in jobs.iter().zip(&expected) {
                    assert_eq!(&model.run(job).unwrap(), expected, "{kernel}, {threads}, alone");
                }
                assert_eq!(model.run_batch(&jobs).unwrap(), expected, "{kernel}, {threads}");
                let backwards: Vec<_> = jobs.iter().rev().cloned().collect();
                let mut runs = model.run_batch(&backwards).unwrap();
                runs.reverse();
                assert_eq!(runs, expected, "{kernel}, {threads}, backwards");
            }
        }
    }
}

#[test]
fn a_run_should_give_the_bytes_that_the_referee_computes_element_by_element() {
    for bert in shapes() {
        let dir = tempfile::tempdir().unwrap();
        let package = bert.packed(dir.path());
        let model = load(&package, Kernel::best(), 2);
        for job in inputs(bert.vocabulary, &[1, 9, 23]) {
            assert_eq!(model.run(&job).unwrap().output, referee(&package, &job.tokens));
        }
    }
}

#[test]
fn a_batch_larger_than_one_pass_should_give_every_job_its_bytes() {
    let bert = Bert { positions: 200, ..Bert::default() };
    let dir = tempfile::tempdir().unwrap();
    let package = bert.packed(dir.path());
    let jobs = inputs(bert.vocabulary, &[199; 40]);
    let model = load(&package, Kernel::best(), 2);
    let runs = model.run_batch(&jobs).unwrap();
    for (job, run) in jobs.iter().zip(&runs) {
        assert_eq!(&model.run(job).unwrap(), run);
    }
    assert!(model.run_batch(&[]).unwrap().is_empty());
}

#[test]
fn a_run_should_say_its_work_and_hash_its_output() {
    let dir = tempfile::tempdir().unwrap();
    let package = Bert::default().packed(dir.path());
    let model = load(&package, Kernel::best(), 1);
    let run = model.run(&Request::embed([2, 5, 6, 3])).unwrap();
    assert_eq!(run.work, package.architecture().work(4, 0));
    assert_eq!(run.tokens_out, 0);
    assert_eq!(run.output.len(), 32 * 4);
    assert_eq!(run.hash(), *blake3::hash(&run.output).as_bytes());
    let norm: f32 = floats(&run).iter().map(|x| x * x).sum();
    assert!((norm - 1.0).abs() < 1e-5, "{norm}");
    assert_ne!(
        run.output,
        model.run(&Request::embed([2, 6, 5, 3])).unwrap().output,
        "order matters"
    );
}

#[test]
fn a_run_should_be_close_to_the_float_model() {
    for bert in shapes().into_iter().chain([
        Bert { prefix: "bert.", shards: 2, ..Bert::default() },
        Bert { old_names: true, float: common::Float::F16, ..Bert::default() },
        Bert { pooling: None, ..Bert::default() },
    ]) {
        let dir = tempfile::tempdir().unwrap();
        let package = bert.packed(dir.path());
        let model = load(&package, Kernel::best(), 1);
        let float = FloatEncoder::open(bert.folders(dir.path()).0).unwrap();
        for job in inputs(bert.vocabulary, &[1, 5, 16, 24]) {
            let (ours, theirs) =
                (floats(&model.run(&job).unwrap()), float.embed(&job.tokens).unwrap());
            let similarity = cosine(&ours, &theirs);
            assert!(similarity > 0.99, "{similarity} for {} tokens of {bert:?}", job.tokens.len());
            let other = float.embed(&inputs(bert.vocabulary, &[9, 9])[1].tokens).unwrap();
            assert!(cosine(&ours, &other) < similarity);
            // The cosine is blind to the length of the vectors, which tells pooling from
            // pooling and normalising.
            let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
            assert!((length(&ours) / length(&theirs) - 1.0).abs() < 0.05);
        }
    }
}

#[test]
fn inputs_that_do_not_fit_should_be_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let package = Bert::default().packed(dir.path());
    let model = load(&package, Kernel::best(), 1);
    let float = FloatEncoder::open(dir.path().join("source")).unwrap();
    let cases: [(&[u32], Input, &str); 4] = [
        (&[], Input::Run(BadRun::NoInput), "no tokens"),
        (
            &[1; 25],
            Input::Run(BadRun::InputTooLong { tokens: 25, most: 24 }),
            "25 tokens, and the model takes at most 24",
        ),
        (
            &[1, 39, 40],
            Input::OutOfVocabulary { id: 40, position: 2, vocabulary: 40 },
            "token id 40 at position 2 is not in the vocabulary: ids go from 0 to 39",
        ),
        (
            &[u32::MAX],
            Input::OutOfVocabulary { id: u32::MAX, position: 0, vocabulary: 40 },
            "4294967295",
        ),
    ];
    for (input, expected, said) in cases {
        let request = Request::embed(input);
        let batch = [Request::embed([1]), request.clone()];
        let refusals = [
            model.run(&request).unwrap_err(),
            model.run_batch(&batch).unwrap_err(),
            float.embed(input).unwrap_err(),
        ];
        for error in refusals {
            assert!(error.is_bad_input() && !error.is_bad_package());
            assert!(error.to_string().contains(said), "{error}");
            assert!(matches!(error, Error::Input(found) if found == expected), "{error:?}");
        }
    }
    // The largest input and the largest id are fine.
    model.run(&Request::embed([39; 24])).unwrap();
    // An encoder generates nothing.
    let error = model.run(&Request::generate([1], 3, Sampling::Greedy)).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("is an encoder"), "{error}");
    let sampling = Sampling::Gumbel { seed: 1, temperature: 1f32.to_bits(), min_p: 0 };
    let error = model.run(&Request::generate([1], 0, sampling)).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("leave it greedy"), "{error}");
}

#[test]
fn options_that_make_no_sense_should_be_refused() {
    let dir = tempfile::tempdir().unwrap();
    let package = Bert::default().packed(dir.path());
    let error = Model::load(&package, &Options { kernel: None, threads: 0 }).err().unwrap();
    assert!(matches!(error, Error::Unsupported(_)) && error.to_string().contains("thread"));
    for kernel in Kernel::ALL.into_iter().filter(|kernel| !kernel.is_available()) {
        let options = Options { kernel: Some(kernel), threads: 1 };
        let error = Model::load(&package, &options).err().unwrap();
        assert!(error.to_string().contains(kernel.name()), "{error}");
    }
    let model = Model::load(&package, &Options::default()).unwrap();
    assert_eq!(model.kernel(), Kernel::best());
}

#[test]
fn a_model_should_be_shared_between_threads() {
    let dir = tempfile::tempdir().unwrap();
    let package = Bert::default().packed(dir.path());
    let model = Arc::new(load(&package, Kernel::best(), 2));
    drop(package);
    let jobs = inputs(40, &[3, 9, 17, 24]);
    let expected: Vec<_> = jobs.iter().map(|job| model.run(job).unwrap()).collect();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (model, jobs) = (model.clone(), jobs.clone());
            thread::spawn(move || {
                jobs.iter().map(|job| model.run(job).unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

#[test]
fn the_tokenizer_should_add_special_tokens_and_neither_pad_nor_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let package = Bert::default().packed(dir.path());
    let tokenizer = Tokenizer::open(&package).unwrap();
    assert_eq!(tokenizer.encode("The CAT sat").unwrap(), [2, 5, 6, 8, 3]);
    assert_eq!(tokenizer.encode("cats sprint").unwrap(), [2, 6, 13, 1, 3]);
    assert_eq!(tokenizer.encode("").unwrap(), [2, 3]);
    // The file says to cut off at 8 and to pad to 8.
    assert_eq!(tokenizer.encode(&"moon ".repeat(22)).unwrap().len(), 24);
    let error = tokenizer.encode(&"moon ".repeat(23)).unwrap_err();
    assert!(error.to_string().contains("25 tokens, and the model takes at most 24"), "{error}");
    assert!(error.is_bad_input());
}

#[test]
fn measured_speed_should_be_a_speed() {
    let speed = measure_speed(Kernel::best(), 1);
    assert!((1..100_000).contains(&speed), "{speed}");
    for kernel in Kernel::ALL.into_iter().filter(|kernel| !kernel.is_available()) {
        assert_eq!(measure_speed(kernel, 1), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_batch_should_give_each_job_the_bytes_it_has_alone(
        lengths in prop::collection::vec(1usize..=24, 1..12),
        threads in 1usize..=2,
    ) {
        let (package, _dir) = &*SHARED;
        let model = load(package, Kernel::best(), threads);
        let jobs = inputs(40, &lengths);
            let alone: Vec<_> = jobs.iter().map(|job| model.run(job).unwrap()).collect();
        prop_assert_eq!(model.run_batch(&jobs).unwrap(), alone);
    }
}

static SHARED: std::sync::LazyLock<(Package, tempfile::TempDir)> = std::sync::LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    (Bert::default().packed(dir.path()), dir)
});
