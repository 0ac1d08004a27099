//! `vigil pack`: a Hugging Face folder becomes a package.

use crate::{
    cli::Global,
    commands::architecture,
    error::Outcome,
    output::{self, Progress},
};
use clap::Args;
use serde_json::json;
use std::{cell::OnceCell, path::PathBuf};
use vigil_engine::pack::{pack, PackOptions};

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
}

impl Pack {
    /// Does what was typed.
    pub(crate) fn execute(self, global: &Global) -> Outcome {
        // The length of the bar is known at the first tensor.
        let bar = OnceCell::new();
        let progress = |progress: vigil_engine::pack::Progress<'_>| {
            let bar = bar.get_or_init(|| Progress::bytes(global, progress.total, "packing"));
            bar.at(progress.done);
        };
        let options = PackOptions { progress: Some(&progress), context: self.context };
        let report = pack(&self.model_dir, &self.out_dir, &options)?;
        drop(bar);

        let hash = format!("0x{}", hex::encode(report.manifest_hash));
        let total = report.manifest.total_len();
        let json = json!({
            "package": hash,
            "dir": report.dir.display().to_string(),
            "architecture": report.manifest.architecture,
            "op_set": report.manifest.op_set,
            "source_bytes": report.source_len,
            "package_bytes": total,
            "files": report.manifest.files,
            "unchanged": report.unchanged,
        });
        output::show(global, &json, || {
            let mut rows = vec![
                ("package", hash.clone()),
                ("folder", report.dir.display().to_string()),
                ("architecture", architecture(&report.manifest.architecture)),
                ("operator set", report.manifest.op_set.to_string()),
                (
                    "size",
                    format!(
                        "{}, from {} of weights",
                        output::bytes(total),
                        output::bytes(report.source_len)
                    ),
                ),
            ];
            rows.extend(report.manifest.files.iter().map(|file| {
                ("file", format!("{}  {}  {}", file.blake3, output::count(file.len), file.name))
            }));
            if report.unchanged {
                rows.push(("note", "the folder held exactly this package already".into()));
            }
            output::fields(rows)
        });
        Ok(())
    }
}
