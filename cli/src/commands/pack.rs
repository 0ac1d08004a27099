//! `vigil pack`: a Hugging Face folder becomes a package.

use crate::{
    error::CommandResult,
    files::read_text,
    format::architecture,
    global::Global,
    output::{self, Progress},
    text,
};
use clap::{Args, ValueEnum};
use serde_json::{json, Value};
use std::{cell::OnceCell, path::PathBuf};
use vigil_engine::{
    pack::{pack, PackOptions},
    package::Chat,
    report, Activations, Calibration, Options, Report, StopToken,
};
use vigil_primitives::sampling::decimal;

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub(crate) struct Pack {
    /// Folder with config.json, tokenizer.json and *.safetensors.
    model_dir: PathBuf,
    /// Folder of the package. An older package in it is replaced.
    out_dir: PathBuf,
    /// Longest sequence that the package of a language model takes, in tokens
    /// [default: as long as the model and the engine allow].
    #[arg(long, value_name = "TOKENS")]
    context: Option<u32>,
    /// How finely activations are quantised [default: int15 for a language model, int8 for an
    /// encoder].
    #[arg(long, value_enum, value_name = "BITS", conflicts_with = "precise")]
    activations: Option<Bits>,
    /// Quantise activations to 15 bits, as `--activations int15`: an encoder then takes twice the
    /// work, and texts of a word or two come as near to the float model as long ones.
    #[arg(long)]
    precise: bool,
    /// A text like those that a language model is meant for: outliers that it causes are moved to
    /// where they cost nothing, and what it needs most is rounded most carefully [default: tokens
    /// drawn at random]. It decides the bytes of the package.
    #[arg(long, value_name = "TEXT_FILE")]
    calibrate: Option<PathBuf>,
    /// Round the weights of a language model as they are: quicker, and less exact.
    #[arg(long, conflicts_with = "calibrate")]
    no_calibration: bool,
    /// Measure the package against the float model over this text: perplexity, agreement and
    /// divergence of a language model, cosines of an encoder, which takes one text per line.
    #[arg(long, value_name = "TEXT_FILE")]
    report: Option<PathBuf>,
}

/// Values of `--activations`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bits {
    Int8,
    Int15,
}

impl Pack {
    /// What was chosen of activations.
    fn activations(&self) -> Option<Activations> {
        match (self.precise, self.activations) {
            (true, _) | (false, Some(Bits::Int15)) => Some(Activations::Int15),
            (false, Some(Bits::Int8)) => Some(Activations::Int8),
            (false, None) => None,
        }
    }

    /// Does what was typed.
    pub(crate) fn execute(self, global: &Global) -> CommandResult {
        let calibrate = self.calibrate.as_deref().map(read_text).transpose()?;
        let text = self.report.as_deref().map(read_text).transpose()?;
        // The length of the bar is known at the first tensor.
        let bar = OnceCell::new();
        let progress = |progress: vigil_engine::pack::Progress<'_>| {
            let bar = bar.get_or_init(|| Progress::bytes(global, progress.total, "packing"));
            bar.at(progress.done);
        };
        let options = PackOptions {
            progress: Some(&progress),
            context: self.context,
            activations: self.activations(),
            calibration: match calibrate.as_deref() {
                Some(text) => Calibration::Text(text),
                None if self.no_calibration => Calibration::Off,
                None => Calibration::Drawn,
            },
        };
        let packed = pack(&self.model_dir, &self.out_dir, &options)?;
        drop(bar);
        let loss = text.map(|text| self.measure(global, &text)).transpose()?;

        let hash = format!("0x{}", hex::encode(packed.manifest_hash));
        let total = packed.manifest.total_len();
        let json = json!({
            "package": hash,
            "dir": packed.dir.display().to_string(),
            "architecture": packed.manifest.architecture,
            "opSet": packed.manifest.op_set,
            "sourceBytes": packed.source_len,
            "packageBytes": total,
            "files": packed.manifest.files,
            "unchanged": packed.unchanged,
            "stopTokens": packed.stop_tokens,
            "chat": packed.chat.as_ref().map(chat_json),
            "notes": packed.notes,
            "calibration": packed.choices,
            "report": loss,
        });
        output::show(global, &json, || {
            let mut rows = vec![
                ("package", hash.clone()),
                ("folder", packed.dir.display().to_string()),
                ("architecture", architecture(&packed.manifest.architecture)),
                ("operator set", packed.manifest.op_set.to_string()),
                (
                    "size",
                    format!(
                        "{}, from {} of weights",
                        output::bytes(total),
                        output::bytes(packed.source_len)
                    ),
                ),
            ];
            rows.extend(packed.manifest.files.iter().map(|file| {
                ("file", format!("{}  {}  {}", file.blake3, output::count(file.len), file.name))
            }));
            rows.extend(packed.stop_tokens.iter().map(|end| ("ends with", ending(end))));
            rows.extend(packed.chat.as_ref().map(|chat| ("chats", chat_text(chat))));
            rows.extend(packed.notes.iter().map(|note| ("note", note.clone())));
            if !packed.choices.is_empty() {
                let moved = packed.choices.iter().filter(|choice| choice.factors.is_some());
                let (moved, all) = (moved.count(), packed.choices.len());
                let by = if calibrate.is_some() { "the text" } else { "drawn tokens" };
                let what = format!("by {by}: outliers moved at {moved} of {all} places");
                rows.push(("calibrated", what));
            }
            rows.extend(loss.iter().flat_map(lost));
            if packed.unchanged {
                rows.push(("note", "the folder held exactly this package already".into()));
            }
            output::fields(rows)
        });
        Ok(())
    }

    /// What the package loses against the float model.
    fn measure(&self, global: &Global, text: &str) -> CommandResult<Report> {
        let _spinner = Progress::spinner(global, "measuring against the float model");
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let options = Options { threads, ..Options::default() };
        Ok(report(&self.model_dir, &self.out_dir, text, &options)?)
    }
}

/// A token that ends a generation, in words.
fn ending(end: &StopToken) -> String {
    let id = match &end.text {
        Some(name) => format!("{} ({})", text::brief(name.as_bytes(), 40), end.id),
        None => end.id.to_string(),
    };
    format!("{id}, by {}", end.from.join(", "))
}

/// What a package knows of chats: the templates by name, they are long.
fn chat_json(chat: &Chat) -> Value {
    let generation = &chat.generation;
    let decimal = |number: Option<f32>| number.map(|number| decimal(number.to_bits()));
    json!({
        "templates": chat.templates.keys().collect::<Vec<_>>(),
        "bosToken": chat.bos_token,
        "eosToken": chat.eos_token,
        "generation": {
            "doSample": generation.do_sample,
            "temperature": decimal(generation.temperature),
            "minP": decimal(generation.min_p),
            "maxNewTokens": generation.max_new_tokens,
        },
    })
}

/// The same in words.
fn chat_text(chat: &Chat) -> String {
    let generation = &chat.generation;
    let names: Vec<_> =
        chat.templates.keys().map(|name| text::brief(name.as_bytes(), 40)).collect();
    let templates = match names.as_slice() {
        [] => "no template".to_owned(),
        [name] => format!("template {name}"),
        names => format!("templates {}", names.join(", ")),
    };
    let said = [
        Some(templates),
        generation.do_sample.filter(|draws| !draws).map(|_| "greedy".to_owned()),
        generation.temperature.map(|temperature| format!("temperature {temperature}")),
        generation.min_p.map(|min_p| format!("min-p {min_p}")),
        generation.max_new_tokens.map(|most| format!("{} tokens", output::count(most.into()))),
    ];
    said.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A report in words.
pub(crate) fn lost(report: &Report) -> Vec<(&'static str, String)> {
    let mut rows = match report {
        Report::Encoder(report) => {
            let cosines = |min, mean| format!("lowest {min:.6}, mean {mean:.6}");
            let mut rows = vec![
                ("texts", output::count(report.lines as u64)),
                ("cosine to float", cosines(report.min, report.mean)),
            ];
            rows.extend(report.lengths.iter().map(|among| {
                let tokens = match among.to {
                    Some(to) => format!("{} to {to} tokens", among.from),
                    None => format!("{} tokens and more", among.from),
                };
                let cosines = cosines(among.min, among.mean);
                ("of those", format!("{} of {tokens}: {cosines}", among.lines))
            }));
            rows
        }
        Report::Decoder(report) => vec![
            ("tokens predicted", output::count(report.tokens as u64)),
            (
                "perplexity",
                format!(
                    "{:.4}, of the float model {:.4} ({:+.2} %)",
                    report.perplexity,
                    report.float_perplexity,
                    report.loss() * 100.0
                ),
            ),
            ("same first choice", format!("{:.2} %", report.agreement * 100.0)),
            (
                "divergence",
                format!(
                    "mean {:.5} nats, of 99 tokens in 100 below {:.4}",
                    report.divergence, report.divergence_99
                ),
            ),
        ],
    };
    rows.extend(report.warning().map(|warning| ("warning", warning)));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_engine::report::{Cosines, DecoderReport, EncoderReport};

    #[test]
    fn a_loss_should_be_told_in_words() {
        let report = DecoderReport {
            tokens: 12_345,
            perplexity: 10.05,
            float_perplexity: 10.0,
            agreement: 0.98765,
            divergence: 0.00123,
            divergence_99: 0.0456,
        };
        let words =
            |report: &Report| lost(report).into_iter().map(|(_, text)| text).collect::<Vec<_>>();
        let told = words(&Report::Decoder(report));
        assert_eq!(told[0], "12,345");
        assert_eq!(told[1], "10.0500, of the float model 10.0000 (+0.50 %)");
        assert_eq!(told[2], "98.77 %");
        assert_eq!(told[3], "mean 0.00123 nats, of 99 tokens in 100 below 0.0456");
        assert_eq!(told.len(), 4, "half a per cent is usual");
        let told = words(&Report::Decoder(DecoderReport { perplexity: 10.2, ..report }));
        assert!(told[4].contains("--calibrate"), "{told:?}");
    }

    #[test]
    fn cosines_should_be_told_by_length() {
        let short = Cosines { from: 1, to: Some(4), lines: 1, min: 0.98, mean: 0.98 };
        let long = Cosines { from: 65, to: None, lines: 1, min: 0.999, mean: 0.999 };
        let report =
            EncoderReport { lines: 2, min: 0.98, mean: 0.9895, lengths: vec![short, long] };
        let told: Vec<_> =
            lost(&Report::Encoder(report)).into_iter().map(|(_, text)| text).collect();
        assert_eq!(told[1], "lowest 0.980000, mean 0.989500");
        assert_eq!(told[2], "1 of 1 to 4 tokens: lowest 0.980000, mean 0.980000");
        assert_eq!(told[3], "1 of 65 tokens and more: lowest 0.999000, mean 0.999000");
        assert!(told[4].contains("--precise"), "{told:?}");
    }
}
