//! What a package loses against the float model it was made from, over a text.
//!
//! A language model reads the text in windows as long as its context; of every token but the
//! first of a window its probability is taken, from both models. An encoder embeds every line.

use crate::{
    error::Input, float::cosine, Error, FloatDecoder, FloatEncoder, Model, Options, Package,
    Request, Result, Tokenizer,
};
use std::path::Path;
use vigil_architecture::{Architecture, BadRun};

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Report {
    /// Embeddings of an encoder.
    Encoder(EncoderReport),
    /// Predictions of a language model.
    Decoder(DecoderReport),
}

/// How near embeddings are to those of the float model.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct EncoderReport {
    /// Lines of text.
    pub lines: usize,
    /// Lowest cosine to the float model's embedding.
    pub min: f64,
    /// Mean cosine.
    pub mean: f64,
}

/// How near predictions are to those of the float model.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct DecoderReport {
    /// Tokens that were predicted.
    pub tokens: usize,
    /// Perplexity of the package.
    pub perplexity: f64,
    /// Perplexity of the float model.
    pub float_perplexity: f64,
    /// Part of the tokens for which both models find the same token most likely.
    pub agreement: f64,
}

/// Measures the package in `package_dir` against the Hugging Face folder it was packed from.
///
/// # Errors
/// [`Error::Source`] and [`Error::Package`] if one of the two is not usable; [`Error::Input`] if
/// the text has too few tokens, or a line for an encoder too many.
pub fn report(
    hf_dir: impl AsRef<Path>,
    package_dir: impl AsRef<Path>,
    text: &str,
    options: &Options,
) -> Result<Report> {
    let package = Package::open(package_dir)?;
    let tokenizer = Tokenizer::open(&package)?;
    measure(hf_dir, &Model::load(&package, options)?, &tokenizer, text)
}

/// Measures a loaded package with its tokenizer.
///
/// # Errors
/// As [`report`].
pub fn measure(
    hf_dir: impl AsRef<Path>,
    model: &Model,
    tokenizer: &Tokenizer,
    text: &str,
) -> Result<Report> {
    match model.architecture() {
        Architecture::Encoder(_) => {
            encoder(model, &FloatEncoder::open(hf_dir)?, tokenizer, text).map(Report::Encoder)
        }
        Architecture::Decoder(config) => {
            let tokens = tokenizer.encode_long(text)?;
            let float = FloatDecoder::open(hf_dir)?;
            decoder(model, &float, &tokens, config.positions as usize).map(Report::Decoder)
        }
    }
}

fn encoder(
    model: &Model,
    float: &FloatEncoder,
    tokenizer: &Tokenizer,
    text: &str,
) -> Result<EncoderReport> {
    let (mut lines, mut sum, mut min) = (0usize, 0.0f64, 1.0f64);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let tokens = tokenizer.encode(line)?;
        let theirs = float.embed(&tokens)?;
        let output = model.run(&Request::embed(tokens))?.output;
        let floats = output.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let cosine = cosine(&floats.collect::<Vec<_>>(), &theirs);
        (lines, sum, min) = (lines.saturating_add(1), sum + cosine, min.min(cosine));
    }
    if lines == 0 {
        return Err(Input::Run(BadRun::NoInput).into());
    }
    Ok(EncoderReport { lines, min, mean: sum / lines as f64 })
}

fn decoder(
    model: &Model,
    float: &FloatDecoder,
    tokens: &[u32],
    positions: usize,
) -> Result<DecoderReport> {
    let (mut ours, mut theirs) = (Predictions::default(), Predictions::default());
    for window in tokens.chunks(positions.max(1)) {
        model.logits(window, &mut |position, logits| ours.add(window, position, logits))?;
        float.logits(window, &mut |position, logits| theirs.add(window, position, logits))?;
    }
    if ours.likeliest.is_empty() || ours.likeliest.len() != theirs.likeliest.len() {
        return Err(Error::Unsupported(
            "the text has fewer than two tokens, so there is nothing to predict: give a longer one"
                .into(),
        ));
    }
    let count = ours.likeliest.len();
    let same = ours.likeliest.iter().zip(&theirs.likeliest).filter(|(a, b)| a == b).count();
    Ok(DecoderReport {
        tokens: count,
        perplexity: ours.perplexity(),
        float_perplexity: theirs.perplexity(),
        agreement: same as f64 / count as f64,
    })
}

/// What one model makes of the tokens of a text.
#[derive(Default)]
struct Predictions {
    likeliest: Vec<usize>,
    /// Sum of `-ln` of the probabilities of the tokens.
    surprise: f64,
}

impl Predictions {
    /// Takes the logits behind a position of a window; the last predicts nothing of the text.
    fn add(&mut self, window: &[u32], position: usize, logits: &[f32]) {
        let Some(next) = window.get(position.saturating_add(1)) else { return };
        let Some(logit) = logits.get(*next as usize) else { return };
        let mut most = (0usize, f32::NEG_INFINITY);
        for (id, logit) in logits.iter().enumerate() {
            if *logit > most.1 {
                most = (id, *logit);
            }
        }
        let whole: f64 = logits.iter().map(|x| f64::from(x - most.1).exp()).sum();
        self.likeliest.push(most.0);
        self.surprise += whole.ln() - f64::from(logit - most.1);
    }

    fn perplexity(&self) -> f64 {
        (self.surprise / self.likeliest.len().max(1) as f64).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_should_be_the_number_of_equally_likely_tokens() {
        let mut predictions = Predictions::default();
        let window = [3, 1, 2];
        for position in 0..3 {
            predictions.add(&window, position, &[7.0; 5]);
        }
        assert_eq!(predictions.likeliest, [0, 0], "the last position predicts nothing");
        assert!((predictions.perplexity() - 5.0).abs() < 1e-12);
        let mut sure = Predictions::default();
        sure.add(&window, 0, &[0.0, 900.0, 0.0, 0.0, 0.0]);
        assert_eq!((sure.perplexity(), sure.likeliest), (1.0, vec![1]));
    }
}
