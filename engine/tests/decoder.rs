//! Runs of language models: the same bytes whatever computes them and whoever runs beside them.

mod common;

use common::Llama;
use proptest::{prelude::*, test_runner::FileFailurePersistence};
use serde_json::json;
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::{Arc, LazyLock},
};
use vigil_architecture::{Architecture, BadRun};
use vigil_engine::{
    error::Input, Batch, Error, Kernel, Limits, Model, Options, Package, Request, Run, Sampling,
    Tokenizer,
};

fn load(package: &Package, kernel: Kernel, threads: usize) -> Model {
    Model::load(package, &Options { kernel: Some(kernel), threads }).unwrap()
}

fn gumbel(seed: u64, temperature: f32, min_p: f32) -> Sampling {
    Sampling::Gumbel { seed, temperature: temperature.to_bits(), min_p: min_p.to_bits() }
}

fn tokens(run: &Run) -> Vec<u32> {
    run.output.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Requests for outputs of these lengths behind inputs of these, in turn greedy and seeded.
fn requests(vocabulary: usize, lengths: &[(usize, u32)]) -> Vec<Request> {
    let inputs: Vec<usize> = lengths.iter().map(|(input, _)| *input).collect();
    let inputs = common::inputs(vocabulary, &inputs);
    let samplings = [Sampling::Greedy, gumbel(7, 0.8, 0.05), gumbel(1 << 40, 2.0, 0.0)];
    inputs
        .into_iter()
        .zip(lengths)
        .zip(samplings.into_iter().cycle())
        .map(|((tokens, (_, most)), sampling)| Request::generate(tokens, *most, sampling))
        .collect()
}

/// What the chain's referee computes, element by element.
fn expected(package: &Package, request: &Request) -> Vec<u32> {
    let file = package.weights();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    vigil_ops::reference::generate(
        package.architecture(),
        &request.tokens,
        request.max_tokens_out,
        request.sampling,
        &file[header..],
    )
    .unwrap()
}

/// Runs requests in a batch of their own and returns the runs in order.
fn in_batch(model: &Model, requests: &[Request], limits: Limits) -> Vec<Run> {
    let mut batch = Batch::new(model, limits).unwrap();
    for (number, request) in requests.iter().enumerate() {
        batch.add(number, request.clone()).unwrap();
    }
    let mut runs = BTreeMap::new();
    while !batch.is_empty() {
        runs.extend(batch.step().into_iter().map(|(number, run)| (number, run.unwrap())));
    }
    runs.into_values().collect()
}

/// Shapes whose dimensions are multiples of nothing, and every kind of the family.
fn shapes() -> Vec<Llama> {
    let awkward = Llama {
        vocabulary: 43,
        hidden: 27,
        heads: 6,
        kv_heads: 2,
        head_width: 10,
        intermediate: 53,
        ..Llama::default()
    };
    let narrow = Llama { heads: 3, kv_heads: 1, head_width: 2, tied: true, ..Llama::default() };
    Llama::kinds().into_iter().chain([awkward, narrow]).collect()
}

#[test]
fn a_run_should_give_the_referees_bytes_with_every_kernel_thread_chunk_and_batch() {
    for llama in shapes() {
        let dir = tempfile::tempdir().unwrap();
        let package = llama.packed(dir.path());
        let requests = requests(llama.vocabulary, &[(1, 9), (5, 4), (23, 3), (9, 7), (2, 1)]);
        let outputs: Vec<_> = requests.iter().map(|job| expected(&package, job)).collect();
        let reference = load(&package, Kernel::Scalar, 1);
        let runs = reference.run_batch(&requests).unwrap();
        for (run, output) in runs.iter().zip(&outputs) {
            assert_eq!(&tokens(run), output, "{llama:?}");
        }
        for kernel in Kernel::available() {
            for threads in [1, 2, 3, 7] {
                let model = load(&package, kernel, threads);
                for (request, run) in requests.iter().zip(&runs) {
                    let found = model.run(request).unwrap();
                    assert_eq!(&found, run, "{kernel}, {threads}, alone");
                    assert_eq!(found.hash(), run.hash());
                }
                for (jobs, chunk) in [(1, 1), (2, 1), (3, 4), (5, 7), (8, 1_000)] {
                    let limits = Limits { jobs, chunk, ..Limits::default() };
                    let found = in_batch(&model, &requests, limits);
                    assert_eq!(found, runs, "{kernel}, {threads}, {jobs} jobs, chunks of {chunk}");
                }
            }
        }
    }
}

#[test]
fn generate_should_stream_the_tokens_of_the_run_and_stop_when_told() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    let model = load(&package, Kernel::best(), 2);
    let request = Request::generate([5, 6, 7], 20, gumbel(3, 1.0, 0.0));
    let run = model.run(&request).unwrap();
    let mut streamed = Vec::new();
    let found = model.generate(&request, &mut |token| {
        streamed.push(token);
        ControlFlow::Continue(())
    });
    assert_eq!(found.unwrap(), run);
    assert_eq!(streamed, tokens(&run));
    assert_eq!(run.tokens_out as usize, streamed.len());
    assert_eq!(run.work, package.architecture().work(3, run.tokens_out));

    let mut left = 3;
    let cut = model.generate(&request, &mut |_| {
        left -= 1;
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    let cut = cut.unwrap();
    assert_eq!(tokens(&cut), streamed[..3]);
    assert_eq!(cut.tokens_out, 3);
}

#[test]
fn a_stop_token_should_end_the_output_and_be_its_last() {
    let dir = tempfile::tempdir().unwrap();
    let free = Llama { generation: None, ..Llama::default() };
    let model = load(&free.packed(&dir.path().join("free")), Kernel::best(), 1);
    let (request, all) = (0..)
        .map(|seed| Request::generate([4, 9], 30, gumbel(seed, 1.5, 0.0)))
        .map(|request| (request.clone(), tokens(&model.run(&request).unwrap())))
        .find(|(_, all)| all.len() == 30)
        .unwrap();
    let stop = all[12];
    let first = all.iter().position(|token| *token == stop).unwrap();
    let generation = Some(json!({ "eos_token_id": [stop] }));
    let stopping = Llama { generation, ..free };
    let package = stopping.packed(&dir.path().join("stopping"));
    let run = load(&package, Kernel::best(), 1).run(&request).unwrap();
    assert_eq!(tokens(&run), all[..=first]);
    assert_eq!(expected(&package, &request), all[..=first]);
    assert_eq!(run.work, package.architecture().work(2, first as u32 + 1));
}

#[test]
fn requests_that_do_not_fit_should_be_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    let model = load(&package, Kernel::best(), 1);
    let ask = |tokens: Vec<u32>, most, sampling| Request::generate(tokens, most, sampling);
    let greedy = Sampling::Greedy;
    let cases = [
        (ask(vec![], 1, greedy), Input::Run(BadRun::NoInput), "no tokens"),
        (ask(vec![3], 0, greedy), Input::Run(BadRun::NoTokensOut), "ask for 1 or more"),
        (
            ask(vec![3; 97], 1, greedy),
            Input::Run(BadRun::InputTooLong { tokens: 97, most: 96 }),
            "97 tokens, and the model takes at most 96",
        ),
        (
            ask(vec![3; 90], 8, greedy),
            Input::Run(BadRun::TooManyTokensOut { asked: 8, tokens: 90, most: 7 }),
            "room for 7",
        ),
        (
            ask(vec![3, 48], 1, greedy),
            Input::OutOfVocabulary { id: 48, position: 1, vocabulary: 48 },
            "token id 48 at position 1",
        ),
    ];
    let mut batch = Batch::new(&model, Limits::default()).unwrap();
    for (request, expected, said) in cases {
        let refusals = [
            model.run(&request).unwrap_err(),
            model.run_batch(&[ask(vec![3], 1, greedy), request.clone()]).unwrap_err(),
            model.generate(&request, &mut |_| panic!("nothing is drawn")).unwrap_err(),
            batch.add((), request).unwrap_err(),
        ];
        for error in refusals {
            assert!(error.is_bad_input(), "{error}");
            assert!(error.to_string().contains(said), "{error}");
            assert!(matches!(error, Error::Input(found) if found == expected), "{error:?}");
        }
    }
    for (temperature, min_p) in [(0.0, 0.0), (f32::NAN, 0.0), (1.0, 1.5)] {
        let error = model.run(&ask(vec![3], 1, gumbel(1, temperature, min_p))).unwrap_err();
        assert!(error.is_bad_input() && error.to_string().contains("temperature"), "{error}");
    }
    assert!(batch.is_empty());
    // The whole context is fine: the last token of the output takes no position.
    assert_eq!(model.run(&ask(vec![3; 90], 7, greedy)).unwrap().tokens_out, 7);
}

#[test]
fn a_batch_should_be_bounded_and_refuse_what_makes_no_sense() {
    let dir = tempfile::tempdir().unwrap();
    let encoder = common::Bert::default().packed(&dir.path().join("encoder"));
    let encoder = load(&encoder, Kernel::best(), 1);
    let refused = |error: Error| {
        assert!(matches!(error, Error::Unsupported(_)), "{error}");
        error.to_string()
    };
    let error = Batch::<_, ()>::new(&encoder, Limits::default()).err().unwrap();
    assert!(refused(error).contains("encoder"));
    let error = encoder.generate(&Request::embed([1]), &mut |_| ControlFlow::Continue(()));
    assert!(refused(error.unwrap_err()).contains("encoder"));

    let model = load(&Llama::default().packed(&dir.path().join("decoder")), Kernel::best(), 1);
    for zero in [
        Limits { jobs: 0, ..Limits::default() },
        Limits { chunk: 0, ..Limits::default() },
        Limits { cache_tokens: 0, ..Limits::default() },
    ] {
        refused(Batch::<_, ()>::new(&model, zero).err().unwrap());
    }

    // Room for two jobs of ten rows: the third waits, a larger one never fits.
    let limits = Limits { jobs: 8, cache_tokens: 20, chunk: 64 };
    let mut batch = Batch::new(&model, limits).unwrap();
    let error = batch.add(9, Request::generate([3; 12], 10, Sampling::Greedy)).unwrap_err();
    assert!(refused(error).contains("21 tokens"));
    for key in 0..3 {
        batch.add(key, Request::generate([3 + key; 6], 5, Sampling::Greedy)).unwrap();
    }
    assert_eq!((batch.len(), batch.cache_bytes()), (3, 0));
    let mut finished = Vec::new();
    let mut steps = 0;
    while !batch.is_empty() {
        finished.extend(batch.step().into_iter().map(|(key, run)| (key, run.unwrap())));
        steps += 1;
        assert!(steps <= 10, "a third job that never begins");
    }
    assert_eq!(steps, 10, "two jobs together, then one alone, five steps each");
    let keys: Vec<_> = finished.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, [0, 1, 2]);
    assert!(batch.step().is_empty());
}

#[test]
fn cache_bytes_should_grow_with_the_jobs_and_go_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama { positions: 400, ..Llama::default() }.packed(dir.path());
    let model = Arc::new(load(&package, Kernel::best(), 1));
    let mut batch = Batch::new(model, Limits { chunk: 256, ..Limits::default() }).unwrap();
    for _ in 0..2 {
        batch.add((), Request::generate([3; 200], 2, Sampling::Greedy)).unwrap();
    }
    assert_eq!(batch.cache_bytes(), 0);
    assert!(batch.step().is_empty(), "the second input is not through");
    let both = batch.cache_bytes();
    assert_eq!(batch.step().len(), 1);
    let one = batch.cache_bytes();
    // Two layers of two heads of eight channels: 64 bytes a token, in pages, and what packs them.
    assert!((200 * 64..4 * 256 * 64).contains(&one), "{one}");
    assert!(both >= one && both <= 2 * one, "{both} {one}");
    assert_eq!(batch.step().len(), 1);
    assert_eq!(batch.cache_bytes(), 0);
}

#[test]
fn a_model_should_not_hold_its_table_twice_nor_need_its_package() {
    for tied in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let package = Llama { tied, ..Llama::default() }.packed(dir.path());
        let request = Request::generate([3, 4], 5, Sampling::Greedy);
        let output = expected(&package, &request);
        let model = Arc::new(load(&package, Kernel::best(), 1));
        drop(package);
        drop(dir);
        assert_eq!(tokens(&model.run(&request).unwrap()), output);
    }
}

#[test]
fn a_stream_of_tokens_should_give_the_text_of_them_all() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    let tokenizer = Tokenizer::open(&package).unwrap();
    let ids = tokenizer.encode("w7 w5 w39 w5").unwrap();
    assert_eq!(ids, [7, 5, 39, 5]);
    let text = tokenizer.decode(&ids);
    assert_eq!(text, "w7 w5 w39 w5");
    let mut stream = tokenizer.decode_stream();
    let mut streamed: String = ids.iter().filter_map(|id| stream.step(*id)).collect();
    streamed.extend(stream.finish());
    assert_eq!(streamed, text);
    assert_eq!(tokenizer.decode(&[2, 7, 1]), "w7", "special tokens are no text");
    let again = Tokenizer::from_bytes(package.tokenizer(), package.architecture()).unwrap();
    assert_eq!(again.encode("w7").unwrap(), [7]);
    let Architecture::Decoder(mut small) = *package.architecture() else { panic!() };
    small.vocabulary = 39;
    let error = Tokenizer::from_bytes(package.tokenizer(), &Architecture::Decoder(small));
    let error = error.err().unwrap();
    assert!(error.is_bad_package() && error.to_string().contains("id 39"), "{error}");
}

#[test]
fn a_character_of_several_tokens_should_come_when_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama::default().packed(dir.path());
    // One token per byte of UTF-8, as byte-level tokenizers fall back to.
    let vocabulary: serde_json::Map<_, _> =
        (0u32..256).map(|byte| (format!("<0x{byte:02X}>"), byte.into())).collect();
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": null, "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": [], "byte_fallback": true,
                  "unk_token": null},
    });
    let Architecture::Decoder(mut decoder) = *package.architecture() else { panic!() };
    decoder.vocabulary = 256;
    let bytes = tokenizer.to_string();
    let tokenizer =
        Tokenizer::from_bytes(bytes.as_bytes(), &Architecture::Decoder(decoder)).unwrap();
    let mut stream = tokenizer.decode_stream();
    let pieces: Vec<_> = "aé€b".bytes().map(|byte| stream.step(byte.into())).collect();
    let text = |piece: &str| Some(piece.to_owned());
    assert_eq!(pieces, [text("a"), None, text("é"), None, None, text("€"), text("b")]);
    assert_eq!(stream.step(0xe2), None);
    assert_eq!(stream.finish(), None, "an answer that is cut off ends before the character");
    assert_eq!(tokenizer.decode(&[0x61, 0xe2, 0x82]), "a");
}

static SHARED: LazyLock<(Package, Model, tempfile::TempDir)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let package = Llama { kind: "qwen3", ..Llama::default() }.packed(dir.path());
    let model = load(&package, Kernel::best(), 2);
    (package, model, dir)
});

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn jobs_that_come_and_go_should_have_the_bytes_they_have_alone(
        lengths in prop::collection::vec((1usize..=40, 1u32..=20), 1..10),
        arrivals in prop::collection::vec(0usize..6, 10),
        jobs in 1usize..6,
        chunk in 1usize..30,
        cache_tokens in 60usize..200,
    ) {
        let (_, model, _) = &*SHARED;
        let requests = requests(48, &lengths);
        let alone: Vec<Run> = requests.iter().map(|job| model.run(job).unwrap()).collect();
        let mut batch = Batch::new(model, Limits { jobs, cache_tokens, chunk }).unwrap();
        let mut coming: Vec<_> = requests.iter().enumerate().zip(&arrivals).collect();
        let mut found = BTreeMap::new();
        for step in 0.. {
            // Every job arrives before its own step, or before a later one that others keep going.
            coming.retain(|((number, request), arrival)| {
                if step < **arrival {
                    return true;
                }
                batch.add(*number, (*request).clone()).unwrap();
                false
            });
            if coming.is_empty() && batch.is_empty() {
                break;
            }
            for (number, run) in batch.step() {
                prop_assert!(found.insert(number, run.unwrap()).is_none());
            }
            prop_assert!(step < 2_000, "a batch that never ends");
        }
        prop_assert_eq!(found.into_values().collect::<Vec<_>>(), alone);
    }
}
