//! What a package loses against the float model it was made from, over a text.
//!
//! A language model reads the text in windows of its context, or of 1,024 tokens where that is
//! longer; of every token but the first of a window its probability is taken, from both models. An
//! encoder embeds every line.

use crate::{
    error::Input, float::cosine, Error, FloatDecoder, FloatEncoder, Model, Options, Package,
    Request, Result, Tokenizer,
};
use std::{ops::RangeInclusive, path::Path};
use vigil_architecture::{Architecture, BadRun};

/// Longest window of a text that a language model reads at once: what the float model needs grows
/// with its square.
const WINDOW: usize = 1_024;

/// Loss above which a package deserves a second look: in perplexity, of a language model.
pub const MOST_PERPLEXITY: f64 = 0.01;
/// Cosine below which a package deserves a second look, of an encoder.
pub const LEAST_COSINE: f64 = 0.99;

/// What was measured.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum Report {
    /// Embeddings of an encoder.
    Encoder(EncoderReport),
    /// Predictions of a language model.
    Decoder(DecoderReport),
}

impl Report {
    /// What about the loss deserves a second look, in a sentence; `None` for a usual one.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Encoder(report) => (report.min < LEAST_COSINE).then(|| {
                format!(
                    "the lowest cosine is below {LEAST_COSINE}: pack with 15-bit activations \
                     (--precise) if such texts matter"
                )
            }),
            Self::Decoder(report) => (report.loss() > MOST_PERPLEXITY).then(|| {
                format!(
                    "the loss is above {} % of perplexity: calibrate (--calibrate) with a text \
                     like those the model is meant for, and keep 15-bit activations",
                    MOST_PERPLEXITY * 100.0
                )
            }),
        }
    }
}

/// How near embeddings are to those of the float model.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct EncoderReport {
    /// Lines of text.
    pub lines: usize,
    /// Lowest cosine to the float model's embedding.
    pub min: f64,
    /// Mean cosine.
    pub mean: f64,
    /// The same by the number of tokens, where there are such lines.
    pub lengths: Vec<Cosines>,
}

/// Cosines of texts of about one length.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Cosines {
    /// Fewest tokens of such a text.
    pub from: usize,
    /// Most tokens of such a text; `None` for any.
    pub to: Option<usize>,
    /// Lines of text.
    pub lines: usize,
    /// Lowest cosine.
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
    /// Mean Kullback-Leibler divergence of the package's distribution from the float model's, in
    /// nats.
    pub divergence: f64,
    /// The divergence that 99 of 100 tokens stay below.
    pub divergence_99: f64,
}

impl DecoderReport {
    /// How much higher the package's perplexity is, as a part of the float model's.
    pub fn loss(&self) -> f64 {
        self.perplexity / self.float_perplexity - 1.0
    }
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
            decoder(model, &float, &tokens, config.positions).map(Report::Decoder)
        }
    }
}

/// Numbers of tokens that are told apart: a word, a few, a sentence, and so on.
const LENGTHS: [RangeInclusive<usize>; 6] =
    [1..=4, 5..=8, 9..=16, 17..=32, 33..=64, 65..=usize::MAX];

fn encoder(
    model: &Model,
    float: &FloatEncoder,
    tokenizer: &Tokenizer,
    text: &str,
) -> Result<EncoderReport> {
    let mut cosines: Vec<(usize, f64)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let tokens = tokenizer.encode(line)?;
        let theirs = float.embed(&tokens)?;
        let length = tokens.len();
        let output = model.run(&Request::embed(tokens))?.output;
        let floats = output.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        cosines.push((length, cosine(&floats.collect::<Vec<_>>(), &theirs)));
    }
    let among = |lengths: &RangeInclusive<usize>| {
        let found = cosines.iter().filter(|(length, _)| lengths.contains(length));
        let (mut lines, mut sum, mut min) = (0usize, 0.0f64, 1.0f64);
        for (_, cosine) in found {
            (lines, sum, min) = (lines.saturating_add(1), sum + cosine, min.min(*cosine));
        }
        (lines > 0).then(|| Cosines {
            from: *lengths.start(),
            to: (*lengths.end() < usize::MAX).then_some(*lengths.end()),
            lines,
            min,
            mean: sum / lines as f64,
        })
    };
    let Some(all) = among(&(0..=usize::MAX)) else {
        return Err(Input::Run(BadRun::NoInput).into());
    };
    let lengths = LENGTHS.iter().filter_map(among).collect();
    Ok(EncoderReport { lines: all.lines, min: all.min, mean: all.mean, lengths })
}

fn decoder(
    model: &Model,
    float: &FloatDecoder,
    tokens: &[u32],
    positions: u32,
) -> Result<DecoderReport> {
    let mut comparison = Comparison::default();
    for window in windows(tokens, positions) {
        let mut theirs = float.read(window)?;
        let mut failed = Ok(());
        model.logits(window, &mut |position, ours| {
            let Some(next) = window.get(position.saturating_add(1)) else { return };
            match theirs.logits(position) {
                Ok(theirs) => comparison.add(*next, ours, theirs),
                Err(error) => failed = Err(error),
            }
        })?;
        failed?;
    }
    comparison.report().ok_or_else(|| {
        Error::Unsupported(
            "the text has fewer than two tokens, so there is nothing to predict: give a longer one"
                .into(),
        )
    })
}

/// The parts of a text that a model of so many positions reads at once.
fn windows(tokens: &[u32], positions: u32) -> impl Iterator<Item = &[u32]> {
    tokens.chunks((positions as usize).clamp(1, WINDOW))
}

/// Two models' predictions of the tokens of a text, the second being the one to be near to.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Tokens for which both models find the same one likeliest.
    same: usize,
    /// Sums of `-ln` of the probabilities of the tokens.
    surprise: [f64; 2],
    divergences: Vec<f64>,
}

impl Comparison {
    /// What two float models make of a text, the second being the one to be near to.
    ///
    /// # Errors
    /// [`Error::Input`] if a token is not in the vocabulary.
    pub fn of_floats(ours: &FloatDecoder, theirs: &FloatDecoder, tokens: &[u32]) -> Result<Self> {
        let mut comparison = Self::default();
        for window in windows(tokens, theirs.architecture().max_tokens_in()) {
            let (mut a, mut b) = (ours.read(window)?, theirs.read(window)?);
            for (position, next) in window.iter().skip(1).enumerate() {
                comparison.add(*next, a.logits(position)?, b.logits(position)?);
            }
        }
        Ok(comparison)
    }

    /// Takes what both models make of the token that is `next`: their logits, one for each token id.
    pub fn add(&mut self, next: u32, ours: &[f32], theirs: &[f32]) {
        let (a, b) = (Distribution::of(ours), Distribution::of(theirs));
        let (Some(our), Some(their)) = (ours.get(next as usize), theirs.get(next as usize)) else {
            return;
        };
        self.same = self.same.saturating_add(usize::from(a.likeliest == b.likeliest));
        self.surprise[0] -= a.log(*our);
        self.surprise[1] -= b.log(*their);
        let divergence = ours.iter().zip(theirs).map(|(our, their)| {
            let log = b.log(*their);
            log.exp() * (log - a.log(*our))
        });
        self.divergences.push(divergence.sum::<f64>().max(0.0));
    }

    /// What it comes to; `None` where nothing was predicted.
    pub fn report(&self) -> Option<DecoderReport> {
        let tokens = self.divergences.len();
        let count = (tokens > 0).then_some(tokens as f64)?;
        let mut sorted = self.divergences.clone();
        sorted.sort_by(f64::total_cmp);
        let place = tokens.saturating_mul(99).div_ceil(100).saturating_sub(1);
        let [ours, theirs] = self.surprise.map(|surprise| (surprise / count).exp());
        Some(DecoderReport {
            tokens,
            perplexity: ours,
            float_perplexity: theirs,
            agreement: self.same as f64 / count,
            divergence: sorted.iter().sum::<f64>() / count,
            divergence_99: sorted.get(place).copied().unwrap_or(0.0),
        })
    }
}

/// The distribution that logits stand for.
struct Distribution {
    likeliest: usize,
    /// What is taken from a logit to give the logarithm of its probability.
    whole: f64,
}

impl Distribution {
    fn of(logits: &[f32]) -> Self {
        let mut most = (0usize, f32::NEG_INFINITY);
        for (id, logit) in logits.iter().enumerate() {
            if *logit > most.1 {
                most = (id, *logit);
            }
        }
        let sum: f64 = logits.iter().map(|x| f64::from(x - most.1).exp()).sum();
        Self { likeliest: most.0, whole: sum.ln() + f64::from(most.1) }
    }

    fn log(&self, logit: f32) -> f64 {
        f64::from(logit) - self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perplexity_should_be_the_number_of_equally_likely_tokens() {
        let mut comparison = Comparison::default();
        assert_eq!(comparison.report(), None);
        for next in [1, 2] {
            comparison.add(next, &[7.0; 5], &[0.0, 900.0, 0.0, 0.0, 0.0]);
        }
        let report = comparison.report().unwrap();
        assert!((report.perplexity - 5.0).abs() < 1e-12);
        assert_eq!((report.tokens, report.agreement), (2, 0.0));
        // All of the probability where the other has a fifth of it.
        assert!((report.divergence - 5f64.ln()).abs() < 1e-12, "{report:?}");
    }

    #[test]
    fn equal_models_should_not_diverge() {
        let mut comparison = Comparison::default();
        for next in 0..100 {
            let logits = [next as f32, 1.0, -3.0];
            let other = if next == 7 { [1.0, next as f32, -3.0] } else { logits };
            comparison.add(1, &other, &logits);
        }
        let report = comparison.report().unwrap();
        assert_eq!(report.agreement, 0.99);
        assert_eq!(report.divergence_99, 0.0, "one of a hundred is above");
        assert!(report.divergence > 0.0);
        assert_eq!(report.loss(), report.perplexity / report.float_perplexity - 1.0);
    }
}
