//! `vigil pack`: a Hugging Face folder becomes a package.

use crate::{
    error::CommandResult,
    files::read_text,
    format::architecture,
    global::Global,
    output::{self, Progress},
};
use clap::Args;
use serde_json::json;
use std::{cell::OnceCell, path::PathBuf};
use vigil_engine::{
    pack::{pack, PackOptions},
    report, Options, Report,
};

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
    /// A text like those that a language model is meant for: outliers that it causes are moved into
    /// the weights, so that less is lost. It decides the bytes of the package.
    #[arg(long, value_name = "TEXT_FILE")]
    calibrate: Option<PathBuf>,
    /// Measure the package against the float model over this text: perplexity and agreement of a
    /// language model, cosines of an encoder, which takes one text per line.
    #[arg(long, value_name = "TEXT_FILE")]
    report: Option<PathBuf>,
}

impl Pack {
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
            calibrate: calibrate.as_deref(),
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
            if calibrate.is_some() {
                let moved = packed.choices.iter().filter(|choice| choice.strength.is_some());
                let (moved, all) = (moved.count(), packed.choices.len());
                rows.push(("calibrated", format!("outliers moved at {moved} of {all} places")));
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

/// A report in words.
pub(crate) fn lost(report: &Report) -> Vec<(&'static str, String)> {
    match report {
        Report::Encoder(report) => vec![
            ("texts", output::count(report.lines as u64)),
            ("cosine to float", format!("lowest {:.6}, mean {:.6}", report.min, report.mean)),
        ],
        Report::Decoder(report) => vec![
            ("tokens predicted", output::count(report.tokens as u64)),
            (
                "perplexity",
                format!(
                    "{:.4}, of the float model {:.4} ({:+.2} %)",
                    report.perplexity,
                    report.float_perplexity,
                    (report.perplexity / report.float_perplexity - 1.0) * 100.0
                ),
            ),
            ("same first choice", format!("{:.2} %", report.agreement * 100.0)),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_engine::{DecoderReport, EncoderReport};

    #[test]
    fn a_report_should_say_what_was_lost() {
        let report = DecoderReport {
            tokens: 1_234,
            perplexity: 10.1,
            float_perplexity: 10.0,
            agreement: 0.98765,
        };
        let rows = lost(&Report::Decoder(report));
        assert_eq!(rows[1].1, "10.1000, of the float model 10.0000 (+1.00 %)");
        assert_eq!(rows[2].1, "98.77 %");
        let rows = lost(&Report::Encoder(EncoderReport { lines: 2, min: 0.99, mean: 0.995 }));
        assert_eq!(rows[1].1, "lowest 0.990000, mean 0.995000");
    }
}
