//! The model of our own, `models/tales`, from its folder to text: the same bytes and the same
//! words with every kernel, and close to what it is in float.
//!
//! `golden/op_set_1/tales.txt` has what it writes, for ever. `VIGIL_WRITE_GOLDEN=1` writes the file
//! if it is missing and never touches one that exists.

#[path = "../examples/train_tales/corpus.rs"]
mod corpus;
#[path = "../examples/train_tales/vocabulary.rs"]
mod vocabulary;

use corpus::Corpus;
use rayon::prelude::*;
use std::{
    fmt::Write,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};
use vigil_engine::{
    pack::{pack, PackOptions},
    FloatDecoder, Kernel, Model, Options, Package, Request, Sampling, Tokenizer,
};
use vigil_ops::{program::Kind, reference, Program, OP_SET};

/// What the tales begin with, and how they go on.
const TALES: [(&str, Sampling); 5] = [
    ("Once upon a time a curious fox", Sampling::Greedy),
    ("Lily had lost her silver bell.", Sampling::Greedy),
    ("", gumbel(1, 1.0, 0.0)),
    ("In a house with a blue door", gumbel(7, 0.8, 0.05)),
    ("Pepper and Mia were friends, but", gumbel(u64::MAX, 1.5, 0.1)),
];
const MOST_TOKENS: u32 = 240;
/// Of so many held-out tales one is computed by the referee.
const REFEREED: usize = 3;

const fn gumbel(seed: u64, temperature: f32, min_p: f32) -> Sampling {
    Sampling::Gumbel { seed, temperature: temperature.to_bits(), min_p: min_p.to_bits() }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tales")
}

/// The model, packed below `dir`.
fn package(dir: &Path) -> Package {
    let out = dir.join("package");
    pack(folder(), &out, &PackOptions::default()).unwrap();
    Package::open(&out).unwrap()
}

fn ids(output: &[u8]) -> Vec<u32> {
    output.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn the_corpus_and_the_tokenizer_should_be_made_again_byte_for_byte() {
    let corpus = Corpus::new();
    let held_out = fs::read_to_string(folder().join("held-out.txt")).unwrap();
    assert!(held_out == corpus.held_out(), "held-out.txt is not what the grammar gives");
    let tokenizer = vocabulary::train(&corpus).unwrap();
    let file = fs::read_to_string(folder().join("tokenizer.json")).unwrap();
    assert!(vocabulary::file(&tokenizer).unwrap() == file, "tokenizer.json is another");
}

#[test]
fn tales_should_keep_their_words_with_every_kernel() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path());
    let tokenizer = Tokenizer::open(&package).unwrap();
    let jobs: Vec<Request> = TALES
        .iter()
        .map(|(text, sampling)| {
            Request::generate(tokenizer.encode(text).unwrap(), MOST_TOKENS, *sampling)
        })
        .collect();
    let model = Model::load(&package, &Options::default()).unwrap();
    let runs = model.run_batch(&jobs).unwrap();

    let mut text = String::new();
    writeln!(text, "package = {}", hex::encode(package.manifest_hash())).unwrap();
    for ((words, sampling), run) in TALES.iter().zip(&runs) {
        let tokens = ids(&run.output);
        assert_eq!(tokens.len(), run.tokens_out as usize);
        assert_eq!(tokens.last(), Some(&vocabulary::END), "a tale without an end");
        writeln!(text, "\nsampling = {sampling:?}").unwrap();
        writeln!(text, "tokens = {}", run.tokens_out).unwrap();
        writeln!(text, "output = {}", hex::encode(run.hash())).unwrap();
        writeln!(text, "{words}|{}", tokenizer.decode(&tokens)).unwrap();
    }
    check(&text);

    for kernel in Kernel::available() {
        for threads in [1, 2] {
            let model = Model::load(&package, &Options { kernel: Some(kernel), threads }).unwrap();
            assert_eq!(model.run_batch(&jobs).unwrap(), runs, "{kernel}, {threads} threads");
            assert_eq!(model.run(&jobs[0]).unwrap(), runs[0], "{kernel}, {threads}, alone");
        }
    }
    let mut stream = tokenizer.decode_stream();
    let mut streamed = String::new();
    let run = model
        .generate(&jobs[3], &mut |token| {
            streamed.extend(stream.step(token));
            ControlFlow::Continue(())
        })
        .unwrap();
    streamed.extend(stream.finish());
    assert_eq!(run, runs[3]);
    assert_eq!(streamed, tokenizer.decode(&ids(&runs[3].output)));

    for (job, run) in jobs.iter().zip(&runs) {
        let claimed = ids(&run.output);
        let (output, _) = referee(&package, &job.tokens, &claimed, job.sampling);
        assert_eq!(output, run.output, "the referee disagrees");
    }
}

/// Fails on any difference from the golden file.
fn check(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(format!("op_set_{OP_SET}"))
        .join("tales.txt");
    if !path.exists() && std::env::var_os("VIGIL_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(golden, text);
}

/// The tokens that the chain's referee computes for a claim, and the logits that they come from.
fn referee(
    package: &Package,
    input: &[u32],
    claimed: &[u32],
    sampling: Sampling,
) -> (Vec<u8>, Vec<f32>) {
    let (tokens_in, tokens_out) = (input.len() as u32, claimed.len() as u32);
    let program = Program::new(package.architecture(), tokens_in, tokens_out, sampling).unwrap();
    let file = package.weights();
    let header = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let tokens = [input, &claimed[..claimed.len() - 1]].concat();
    // The logits are the last matrix of the vocabulary's width that a projection gives.
    let mut logits = Vec::new();
    let output = reference::run(&program, &tokens, &file[header..], |_, op, bytes| {
        if matches!(op.kind, Kind::Dequantise { .. }) {
            logits = bytes.to_vec();
        }
    })
    .unwrap();
    let logits = logits.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    (output, logits.collect())
}

#[test]
fn perplexity_should_be_within_a_hundredth_of_float() {
    let dir = tempfile::tempdir().unwrap();
    let package = package(dir.path());
    let float = FloatDecoder::open(folder()).unwrap();
    let tales = held_out(&float);

    // Per tale: nats of float and of int8, equal best tokens, tokens. The referee computes element
    // by element, so it gets one tale in three.
    let sums = tales
        .par_iter()
        .step_by(REFEREED)
        .map(|tale| {
            let vocabulary = float.architecture().vocabulary() as usize;
            let (input, rest) = tale.split_at(1);
            let (_, logits) = referee(&package, input, rest, Sampling::Greedy);
            let mut sums = [0.0; 4];
            float
                .logits(&tale[..rest.len()], &mut |position, row| {
                    let ours = &logits[position * vocabulary..][..vocabulary];
                    sums[0] += nats(row, rest[position]);
                    sums[1] += nats(ours, rest[position]);
                    sums[2] += f64::from(best(row) == best(ours));
                    sums[3] += 1.0;
                })
                .unwrap();
            sums
        })
        .reduce(|| [0.0; 4], |a, b| std::array::from_fn(|i| a[i] + b[i]));
    let [float, ours, equal, tokens] = sums;
    let (float, ours, agreement) = ((float / tokens).exp(), (ours / tokens).exp(), equal / tokens);
    println!(
        "{tokens} tokens: perplexity {float:.5} in float, {ours:.5} in int8 ({:+.3} %), best token \
         equal in {:.2} %",
        (ours / float - 1.0) * 100.0,
        agreement * 100.0
    );
    assert!((ours / float - 1.0).abs() < 0.01, "perplexity {float} in float, {ours} in int8");
    assert!(agreement > 0.97, "the best token is equal in only {agreement}");
}

#[test]
fn the_model_card_should_state_the_perplexity() {
    let float = FloatDecoder::open(folder()).unwrap();
    let (mut sum, mut count) = (0.0, 0.0);
    for tale in held_out(&float) {
        let (_, rest) = tale.split_at(1);
        float
            .logits(&tale[..rest.len()], &mut |position, row| {
                sum += nats(row, rest[position]);
                count += 1.0;
            })
            .unwrap();
    }
    let perplexity = f64::exp(sum / count);
    let card = fs::read_to_string(folder().join("README.md")).unwrap();
    let stated = card.split_once("in f32 | ").unwrap().1.split_once(' ').unwrap().0;
    let stated: f64 = stated.parse().unwrap();
    assert!((perplexity / stated - 1.0).abs() < 1e-3, "{perplexity}, not {stated}");
}

/// The held-out tales, each between its begin and its end.
fn held_out(float: &FloatDecoder) -> Vec<Vec<u32>> {
    let text = fs::read_to_string(folder().join("held-out.txt")).unwrap();
    let encode = |tale| [float.tokenizer().encode(tale).unwrap(), vec![vocabulary::END]].concat();
    text.lines().map(encode).collect()
}

/// How surprising a token is, in nats.
fn nats(logits: &[f32], token: u32) -> f64 {
    let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - most).exp()).sum();
    sum.ln() + most - f64::from(logits[token as usize])
}

fn best(logits: &[f32]) -> usize {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter().position(|logit| *logit == most).unwrap_or_default()
}
