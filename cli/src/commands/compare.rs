//! `vigil compare`: how near a package comes to the float model it was made from.

use crate::{
    commands::{job::embedding, pack::lost, run::With, texts::prepare},
    error::{CommandResult, Failure},
    files::{lines, read_text},
    global::Global,
    output::{self, Progress},
    text,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vigil_engine::{cosine, measure, FloatEncoder, Package, Report, Request, Tokenizer};
use vigil_primitives::Architecture;

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The Hugging Face folder.
    #[arg(long, value_name = "HF_DIR")]
    model: PathBuf,
    /// The package's folder.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    /// A text for a language model. For an encoder, one text per line; a leading "doc:" or
    /// "query:" is no part of it.
    #[arg(long, value_name = "FILE")]
    input_file: PathBuf,
    /// Fail when the lowest cosine, or a language model's agreement, is below this.
    #[arg(long, value_name = "0 TO 1")]
    at_least: Option<f64>,
    #[command(flatten)]
    with: With,
}

impl Compare {
    /// Does what was typed.
    pub(crate) fn execute(self, global: &Global) -> CommandResult {
        let text = read_text(&self.input_file)?;
        let package = Package::open(&self.package)?;
        match package.architecture() {
            Architecture::Encoder(_) => self.embeddings(global, &package, &text),
            Architecture::Decoder(_) => self.predictions(global, &package, &text),
        }
    }

    /// How near a language model's predictions are.
    fn predictions(self, global: &Global, package: &Package, text: &str) -> CommandResult {
        let spinner = Progress::spinner(global, "comparing");
        let tokenizer = Tokenizer::open(package)?;
        let report = measure(&self.model, &self.with.load(package)?, &tokenizer, text)?;
        drop(spinner);
        let json = serde_json::to_value(&report).unwrap_or_default();
        output::show(global, &json, || output::fields(lost(&report)));
        match (self.at_least, report) {
            (Some(least), Report::Decoder(report)) if report.agreement < least => {
                let agreement = report.agreement;
                Err(Failure::failed(format!(
                    "the float model has the same first choice in {agreement:.6} of all tokens, \
                     below {least}"
                )))
            }
            _ => Ok(()),
        }
    }

    /// How near an encoder's embeddings are.
    fn embeddings(self, global: &Global, package: &Package, text: &str) -> CommandResult {
        let texts = texts(text);
        if texts.is_empty() {
            return Err(Failure::usage(format!(
                "{} holds no text: write one text per line",
                self.input_file.display()
            )));
        }
        let spinner = Progress::spinner(global, "loading both models");
        let float = FloatEncoder::open(&self.model)?;
        let tokenizer = Tokenizer::open(package)?;
        let inputs = prepare(texts, |text| Ok(tokenizer.encode(text)?))?;
        let model = self.with.load(package)?;
        drop(spinner);

        let progress = Progress::bar(global, inputs.len() as u64, "comparing");
        let mut cosines = Vec::new();
        for input in &inputs {
            let run = model.run(&Request::embed(input.tokens.as_slice()))?;
            let ours = embedding(&run.output);
            cosines.push(cosine(&ours, &float.embed(&input.tokens)?));
            progress.at(cosines.len() as u64);
        }
        drop(progress);
        let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
        let min = cosines.iter().copied().fold(f64::INFINITY, f64::min);

        let rows = || inputs.iter().zip(&cosines);
        let json = json!({
            "texts": rows().map(|(input, cosine)| json!({
                "text": input.label,
                "tokens": input.tokens.len(),
                "cosine": cosine,
            })).collect::<Vec<_>>(),
            "min": min,
            "mean": mean,
        });
        output::show(global, &json, || {
            let mut table = output::table(["COSINE", "TOKENS", "TEXT"]);
            for (input, cosine) in rows() {
                table.add_row([
                    format!("{cosine:.6}"),
                    input.tokens.len().to_string(),
                    text::brief(input.label.as_bytes(), 80),
                ]);
            }
            output::align_right(&mut table, &[1]);
            format!("{}\n\nlowest {min:.6}, mean {mean:.6}", output::render(&table))
        });
        match self.at_least {
            // A cosine that is no number is not near enough.
            Some(least) if min.is_nan() || min < least => Err(Failure::failed(format!(
                "the lowest cosine to the float model is {min:.6}, below {least}"
            ))),
            _ => Ok(()),
        }
    }
}

/// The texts of a file, comments and the marks of a search's collection left out.
fn texts(file: &str) -> Vec<String> {
    let strip = |line: String| {
        let text = line.strip_prefix("doc:").or_else(|| line.strip_prefix("query:"));
        text.map_or(line.clone(), |text| text.trim().to_owned())
    };
    lines(file).into_iter().filter(|line| !line.starts_with('#')).map(strip).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_should_leave_out_comments_and_marks() {
        assert_eq!(texts("# c\ndoc: a\nquery: b\n\nc: d\n"), ["a", "b", "c: d"]);
    }
}
