//! How close a package's runs are to the float model, packed in every way: of an encoder the cosines
//! of texts by their length, of a language model perplexity, first choices and divergence.
//!
//! ```text
//! cargo run --release -p vigil-engine --example accuracy -- HUGGING_FACE_FOLDER TEXT_FILE [CALIBRATION_TEXT_FILE]
//! ```
//! For an encoder the text file has one text per line; empty lines and lines that begin with `#`
//! are left out. A language model reads it as it is.

use std::{env, error::Error, fs, process::ExitCode};
use vigil_architecture::Architecture;
use vigil_engine::{
    float::{Grain, Rounding},
    measure,
    pack::{pack, PackOptions},
    Activations, Calibration, Comparison, DecoderReport, FloatDecoder, Model, Options, Package,
    Report, Tokenizer,
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

fn compare(source: &str, texts: &str, text: Option<&String>) -> Result<(), Box<dyn Error>> {
    let texts = fs::read_to_string(texts)?;
    let lines = texts.lines().filter(|line| !line.starts_with('#'));
    let texts = lines.collect::<Vec<_>>().join("\n");
    let text = text.map(fs::read_to_string).transpose()?;
    let options = |activations, calibration| PackOptions {
        activations: Some(activations),
        calibration,
        ..PackOptions::default()
    };
    let mut ways = vec![
        ("int8", options(Activations::Int8, Calibration::Drawn)),
        ("int15", options(Activations::Int15, Calibration::Drawn)),
        ("int15, not calibrated", options(Activations::Int15, Calibration::Off)),
    ];
    if let Some(text) = &text {
        let calibrated = options(Activations::Int15, Calibration::Text(text));
        ways.push(("int15, calibrated with the text", calibrated));
    }
    let mut architecture = None;
    for (number, (name, options)) in ways.into_iter().enumerate() {
        let (report, of) = report(source, &texts, &options)?;
        architecture = Some(of);
        match report {
            Report::Encoder(report) => {
                // Nothing of an encoder is calibrated.
                if number > 1 {
                    break;
                }
                println!(
                    "{name}: {} texts, least {:.5}, mean {:.5}",
                    report.lines, report.min, report.mean
                );
                for among in report.lengths {
                    let to = among.to.map_or("any number of".to_owned(), |to| to.to_string());
                    println!(
                        "  {} of {} to {to} tokens: least {:.5}, mean {:.5}",
                        among.lines, among.from, among.min, among.mean
                    );
                }
            }
            Report::Decoder(report) => {
                if number == 0 {
                    println!(
                        "| {} tokens, float {:.4} | perplexity | same first choice | divergence | \
                         99 % below |\n|---|---|---|---|---|",
                        report.tokens, report.float_perplexity
                    );
                }
                print(name, &report);
            }
        }
    }
    if let Some(Architecture::Decoder(_)) = architecture {
        print("Q8_0's arithmetic", &q8_0(source, &texts)?);
    }
    Ok(())
}

fn print(name: &str, report: &DecoderReport) {
    println!(
        "| {name} | {:+.3} % | {:.2} % | {:.5} | {:.4} |",
        report.loss() * 100.0,
        report.agreement * 100.0,
        report.divergence,
        report.divergence_99
    );
}

/// What llama.cpp's Q8_0 would lose on the same weights: blocks of 32 with a scale of 16 bits each,
/// of weights and of what they are multiplied with; everything else in float.
fn q8_0(source: &str, texts: &str) -> Result<DecoderReport, Box<dyn Error>> {
    let rounding = Rounding { weights: Grain::Blocks, ..Rounding::default() };
    let rounded = FloatDecoder::open_with(source, rounding.inputs(Grain::Blocks))?;
    let float = FloatDecoder::open(source)?;
    let tokens = float.tokenizer().encode_long(texts)?;
    let comparison = Comparison::of_floats(&rounded, &float, &tokens)?;
    Ok(comparison.report().ok_or("the text is too short")?)
}

fn report(
    source: &str,
    texts: &str,
    options: &PackOptions<'_>,
) -> Result<(Report, Architecture), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("package");
    let packed = pack(source, &out, options)?;
    let moved = packed.choices.iter().filter(|choice| choice.factors.is_some()).count();
    eprintln!("outliers moved at {moved} of {} places", packed.choices.len());
    let package = Package::open(&out)?;
    let tokenizer = Tokenizer::open(&package)?;
    let threads = std::thread::available_parallelism()?.get();
    let model = Model::load(&package, &Options { threads, ..Options::default() })?;
    Ok((measure(source, &model, &tokenizer, texts)?, *model.architecture()))
}
