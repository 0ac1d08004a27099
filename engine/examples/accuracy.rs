//! How close a package's runs are to the float model, text by text.
//!
//! ```text
//! cargo run --release -p vigil-engine --example accuracy -- HUGGING_FACE_FOLDER TEXT_FILE
//! ```
//! The text file has one text per line; empty lines and lines that begin with `#` are left out.

use std::{env, fs, process::ExitCode};
use vigil_engine::{
    cosine,
    pack::{pack, PackOptions},
    FloatEncoder, Model, Options, Package, Request, Tokenizer,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [source, texts] = arguments.as_slice() else {
        eprintln!("usage: accuracy HUGGING_FACE_FOLDER TEXT_FILE");
        return ExitCode::FAILURE;
    };
    match list(source, texts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn list(source: &str, texts: &str) -> Result<(), Box<dyn std::error::Error>> {
    let texts = fs::read_to_string(texts)?;
    let dir = tempfile::tempdir()?;
    let out = dir.path().join("package");
    pack(source, &out, &PackOptions::default())?;
    let package = Package::open(&out)?;
    let tokenizer = Tokenizer::open(&package)?;
    let model = Model::load(&package, &Options::default())?;
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
