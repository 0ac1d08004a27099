//! Trains the model of the tests, `models/tales`, from nothing: corpus, tokenizer and weights.
//!
//! ```text
//! cargo run --release -p vigil-engine --example train_tales -- OUT [MINUTES] [FROM]
//! ```
//! With FROM, a folder that an earlier run wrote, training goes on with its weights.
//!
//! The learning rate follows the share of the time that is over, so that a slow machine gives a
//! model that has seen less and not one that is cut off.
//! The folder is written every few minutes and at the end.

mod corpus;
mod folder;
mod model;
mod vocabulary;

use candle_core::{backprop::GradStore, DType, Device, IndexOp, Tensor};
use candle_nn::{loss::cross_entropy, AdamW, Optimizer, ParamsAdamW};
use corpus::{Corpus, Rng, HELD_OUT, TRAIN};
use folder::Figures;
use model::Model;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{env, error::Error, path::PathBuf, thread, time::Instant};
use tokenizers::Tokenizer;
use vocabulary::{BEGIN, END};

/// Tales that the model can see.
const TALES: u64 = 24_000;
/// Sequences of one worker in a step.
const BATCH: usize = 4;
/// Workers, each a thread of its own with its part of a step's sequences: two single threads are
/// faster than two that share every product.
const WORKERS: usize = 2;
/// Tokens of a sequence.
const WINDOW: usize = 224;
const SEED: u64 = 1;
const LEARNING_RATE: f64 = 3e-3;
/// Steps over which the learning rate rises.
const WARM_UP: f64 = 60.0;
const CLIP: f64 = 1.0;
/// What the model card shows the continuation of.
const PROMPT: &str = "Once upon a time a curious fox";
/// Seconds between two writings of the folder.
const CHECKPOINT: u64 = 180;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let Some(out) = arguments.first().map(PathBuf::from) else {
        return Err("usage: train_tales OUT [MINUTES] [FROM]".into());
    };
    let minutes: f64 = arguments.get(1).map_or(Ok(20.0), |text| text.parse())?;
    let from = arguments.get(2).map(PathBuf::from);

    let corpus = Corpus::new();
    let tokenizer = vocabulary::train(&corpus)?;
    let vocabulary = tokenizer.get_vocab_size(true);
    let tales = encode(&tokenizer, (0..TALES).map(|number| corpus.tale(TRAIN, number)))?;
    let held_out = encode(&tokenizer, corpus.held_out().lines().map(String::from))?;
    let unseen = encode(&tokenizer, (0..64).map(|n| corpus.tale(HELD_OUT, 1_000 + n)))?;
    let model = Model::new(vocabulary, SEED)?;
    let tokens: usize = tales.iter().map(Vec::len).sum();
    println!(
        "{} weights, vocabulary {vocabulary}, {TALES} tales of {} tokens on average",
        model.weights(),
        tokens / tales.len()
    );

    let params = |weight_decay| ParamsAdamW {
        lr: LEARNING_RATE,
        beta2: 0.98,
        weight_decay,
        ..ParamsAdamW::default()
    };
    let mut matrices = AdamW::new(model.vars(true), params(0.05))?;
    let mut vectors = AdamW::new(model.vars(false), params(0.0))?;
    let mut rng = Rng::new(SEED, 1);
    let pools = (0..WORKERS)
        .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
        .collect::<Result<Vec<_>, _>>()?;
    let mut figures = Figures { weights: model.weights(), vocabulary, ..Figures::default() };
    if let Some(from) = from {
        figures = folder::figures(&from)?;
        model.load(&from.join("model.safetensors"))?;
        // Other tales than the ones that the earlier run began with.
        rng = Rng::new(SEED, 1 + figures.steps as u64);
    }
    figures.runs += 1;
    let before = figures.clone();
    let (start, mut written, mut mean) = (Instant::now(), Instant::now(), None);
    for step in 0.. {
        let done = start.elapsed().as_secs_f64() / 60.0 / minutes;
        if done >= 1.0 {
            break;
        }
        let rate = LEARNING_RATE * schedule(done, step);
        let (loss, mut gradients) = gradients(&model, &pools, &tales, &mut rng)?;
        let norm = model.clip(&mut gradients, CLIP)?;
        for optimizer in [&mut matrices, &mut vectors] {
            optimizer.set_learning_rate(rate);
            optimizer.step(&gradients)?;
        }
        let smooth = mean.map_or(loss, |mean: f64| mean * 0.98 + loss * 0.02);
        mean = Some(smooth);
        figures.steps = before.steps + step + 1;
        figures.tokens += WORKERS * BATCH * WINDOW;
        figures.seconds = before.seconds + start.elapsed().as_secs_f64();
        figures.train_loss = smooth;
        if step % 10 == 0 {
            println!(
                "step {}: loss {loss:.4}, mean {smooth:.4}, gradient {norm:.2}, rate {rate:.5}, {:.0} s",
                figures.steps,
                figures.seconds
            );
        }
        if written.elapsed().as_secs() >= CHECKPOINT {
            figures.perplexity = perplexity(&model, &unseen)?;
            figures.sample = tell(&model, &tokenizer, PROMPT)?;
            folder::write(&out, &corpus, &tokenizer, &model, &figures)?;
            println!(
                "written: perplexity {:.4} on unseen tales\n{}",
                figures.perplexity, figures.sample
            );
            written = Instant::now();
        }
    }
    model.round()?;
    figures.perplexity = perplexity(&model, &held_out)?;
    figures.sample = tell(&model, &tokenizer, PROMPT)?;
    folder::write(&out, &corpus, &tokenizer, &model, &figures)?;
    println!("{figures:?}");
    Ok(())
}

/// The share of the learning rate: up over the first steps, and down with the cosine to a twentieth.
fn schedule(done: f64, step: usize) -> f64 {
    let warm = (step + 1) as f64 / WARM_UP;
    let cosine = 0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    warm.min(1.0) * cosine
}

/// Tales as tokens, each with its begin and its end.
fn encode(
    tokenizer: &Tokenizer,
    tales: impl Iterator<Item = String>,
) -> Result<Vec<Vec<u32>>, Box<dyn Error>> {
    let tales: Vec<_> = tales.collect();
    let encodings = tokenizer.encode_batch_fast(tales, true).map_err(|error| error.to_string())?;
    Ok(encodings.iter().map(|tale| [tale.get_ids(), &[END]].concat()).collect())
}

/// The mean loss of one step and the gradients of it, each worker's share added in order.
fn gradients(
    model: &Model,
    pools: &[ThreadPool],
    tales: &[Vec<u32>],
    rng: &mut Rng,
) -> candle_core::Result<(f64, GradStore)> {
    let batches =
        pools.iter().map(|_| batch(tales, rng)).collect::<candle_core::Result<Vec<_>>>()?;
    let share = 1.0 / pools.len() as f64;
    let work = |(inputs, targets): &(Tensor, Tensor)| {
        let loss = (cross_entropy(&model.forward(inputs)?, targets)? * share)?;
        let gradients = loss.backward()?;
        Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
    };
    let parts: Vec<candle_core::Result<_>> = thread::scope(|scope| {
        let workers: Vec<_> = pools
            .iter()
            .zip(&batches)
            .map(|(pool, batch)| scope.spawn(|| pool.install(|| work(batch))))
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker panicked")).collect()
    });
    let mut sum: Option<(f64, GradStore)> = None;
    for part in parts {
        let (loss, gradients) = part?;
        match &mut sum {
            None => sum = Some((loss, gradients)),
            Some((all, store)) => {
                *all += loss;
                store.extend(gradients)?;
            }
        }
    }
    sum.ok_or_else(|| candle_core::Error::msg("there is no worker"))
}

/// Sequences that begin with a tale and go on with others: inputs and the tokens that follow.
fn batch(tales: &[Vec<u32>], rng: &mut Rng) -> candle_core::Result<(Tensor, Tensor)> {
    let (mut inputs, mut targets) = (Vec::<u32>::new(), Vec::<u32>::new());
    for _ in 0..BATCH {
        let mut row = Vec::with_capacity(2 * WINDOW);
        while row.len() <= WINDOW {
            row.extend_from_slice(&tales[rng.below(tales.len())]);
        }
        inputs.extend(&row[..WINDOW]);
        targets.extend(&row[1..=WINDOW]);
    }
    let inputs = Tensor::from_vec(inputs, (BATCH, WINDOW), &Device::Cpu)?;
    Ok((inputs, Tensor::from_vec(targets, BATCH * WINDOW, &Device::Cpu)?))
}

/// What the model tells after some words, taking the likeliest token each time.
fn tell(model: &Model, tokenizer: &Tokenizer, words: &str) -> Result<String, Box<dyn Error>> {
    let text = |error: tokenizers::Error| error.to_string();
    let mut tokens = tokenizer.encode(words, true).map_err(text)?.get_ids().to_vec();
    while tokens.len() < WINDOW && tokens.last() != Some(&END) {
        let inputs = Tensor::new(tokens.as_slice(), &Device::Cpu)?.unsqueeze(0)?;
        let logits = model.forward(&inputs)?.i(tokens.len() - 1)?;
        tokens.push(logits.argmax(0)?.to_scalar()?);
    }
    Ok(tokenizer.decode(&tokens, true).map_err(text)?)
}

/// Perplexity of each tale's tokens, its end among them, given those before.
fn perplexity(model: &Model, tales: &[Vec<u32>]) -> candle_core::Result<f64> {
    let (mut sum, mut count) = (0.0, 0);
    for tale in tales {
        assert_eq!(tale.first(), Some(&BEGIN), "a tale has no begin");
        let inputs = Tensor::new(&tale[..tale.len() - 1], &Device::Cpu)?.unsqueeze(0)?;
        let targets = Tensor::new(&tale[1..], &Device::Cpu)?;
        let loss = cross_entropy(&model.forward(&inputs)?, &targets)?.to_dtype(DType::F64)?;
        sum += loss.to_scalar::<f64>()? * (tale.len() - 1) as f64;
        count += tale.len() - 1;
    }
    Ok((sum / f64::from(count as u32)).exp())
}
