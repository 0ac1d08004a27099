//! How close a package's runs are to the float model: of an encoder the cosine of every text, of a
//! language model perplexity and agreement, as packed and calibrated.
//!
//! ```text
//! cargo run --release -p vigil-engine --example accuracy -- HUGGING_FACE_FOLDER TEXT_FILE [CALIBRATION_TEXT_FILE]
//! ```
//! For an encoder the text file has one text per line; empty lines and lines that begin with `#`
//! are left out. A language model reads it as it is.

use std::{env, fs, process::ExitCode};
use vigil_architecture::Architecture;
use vigil_engine::{
    cosine, measure,
    pack::{pack, PackOptions},
    FloatEncoder, Model, Options, Package, Report, Request, Tokenizer,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (source, texts, calibration) = match arguments.as_slice() {
        [source, texts] => (source, texts, None),
        [source, texts, calibration] => (source, texts, Some(calibration)),
        _ => {
            eprintln!("usage: accuracy HUGGING_FACE_FOLDER TEXT_FILE [CALIBRATION_TEXT_FILE]");
            return ExitCode::FAILURE;
        }
    };
    match compare(source, texts, calibration) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(
    source: &str,
    texts: &str,
    calibration: Option<&String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let texts = fs::read_to_string(texts)?;
    let calibration = calibration.map(fs::read_to_string).transpose()?;
    let texts_of = [Some(None), calibration.as_deref().map(Some)];
    for calibrate in texts_of.into_iter().flatten() {
        let dir = tempfile::tempdir()?;
        let out = dir.path().join("package");
        let packed = pack(source, &out, &PackOptions { calibrate, ..PackOptions::default() })?;
        for choice in &packed.choices {
            println!("{choice:?}");
        }
        let package = Package::open(&out)?;
        let tokenizer = Tokenizer::open(&package)?;
        let threads = std::thread::available_parallelism()?.get();
        let model = Model::load(&package, &Options { threads, ..Options::default() })?;
        if matches!(model.architecture(), Architecture::Encoder(_)) {
            list(source, &texts, &model, &tokenizer)?;
        } else if let Report::Decoder(report) = measure(source, &model, &tokenizer, &texts)? {
            println!(
                "{} tokens: perplexity {:.4}, in float {:.4}, same first choice {:.4}",
                report.tokens, report.perplexity, report.float_perplexity, report.agreement
            );
        }
    }
    Ok(())
}

fn list(
    source: &str,
    texts: &str,
    model: &Model,
    tokenizer: &Tokenizer,
) -> Result<(), Box<dyn std::error::Error>> {
    let float = FloatEncoder::open(source)?;
    let (mut least, mut sum, mut count) = (1.0f64, 0.0, 0);
    for text in texts.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        let tokens = tokenizer.encode(text)?;
        let ours: Vec<f32> = model
            .run(&Request::embed(tokens.as_slice()))?
            .output
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let similarity = cosine(&ours, &float.embed(&tokens)?);
        println!("{similarity:.5}  {:>4} tokens  {text}", tokens.len());
        (least, sum, count) = (least.min(similarity), sum + similarity, count + 1);
    }
    println!("{count} texts: least {least:.5}, mean {:.5}", sum / f64::from(count.max(1)));
    Ok(())
}
