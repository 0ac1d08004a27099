//! Where a language model's accuracy goes: one thing rounded at a time, in the float model.
//!
//! ```text
//! cargo run --release -p vigil-engine --example ablation -- HUGGING_FACE_FOLDER TEXT_FILE
//! ```
//! Every line is the float model with some of its numbers rounded as an integer kernel would round
//! them, compared with the float model as it is: perplexity, first choices, divergence. The first
//! part rounds one thing alone, the second compares whole ways of quantising, llama.cpp's Q8_0 among
//! them.

use std::{env, error::Error, fs, process::ExitCode};
use vigil_engine::{
    float::{Grain, Rounding},
    Comparison, FloatDecoder,
};

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [source, text] = arguments.as_slice() else {
        eprintln!("usage: ablation HUGGING_FACE_FOLDER TEXT_FILE");
        return ExitCode::FAILURE;
    };
    match compare(source, text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn settings() -> Vec<(&'static str, Rounding)> {
    use Grain::{Blocks, Int15, Int8};
    let none = Rounding::default();
    let heads = Rounding { queries: Int8, keys: Int8, values: Int8, mix: true, ..none };
    let all = Rounding { weights: Int8, ..heads };
    let precise = all.inputs(Int15);
    vec![
        ("weights, int8 per row", Rounding { weights: Int8, ..none }),
        ("weights, blocks of 32", Rounding { weights: Blocks, ..none }),
        ("inputs of all projections, int8 per row", none.inputs(Int8)),
        ("  of query, key and value alone", Rounding { attention: Int8, ..none }),
        ("  of the attention's output alone", Rounding { output: Int8, ..none }),
        ("  of gate and up alone", Rounding { feed_forward: Int8, ..none }),
        ("  of down alone", Rounding { down: Int8, ..none }),
        ("  of the head alone", Rounding { head: Int8, ..none }),
        ("inputs, int8 per 32", none.inputs(Blocks)),
        ("inputs, 15 bits per row", none.inputs(Int15)),
        ("queries, int8 per head", Rounding { queries: Int8, ..none }),
        ("keys, int8 per head", Rounding { keys: Int8, ..none }),
        ("values, int8 per head", Rounding { values: Int8, ..none }),
        ("attention weights, up to 4,095", Rounding { mix: true, ..none }),
        ("op_set 1, activations int8", all.inputs(Int8)),
        (
            "  but down and the attention's output in 15 bits",
            Rounding { output: Int15, down: Int15, ..all.inputs(Int8) },
        ),
        ("  but only query, key, value in int8", Rounding { attention: Int8, ..precise }),
        ("  but only gate and up in int8", Rounding { feed_forward: Int8, ..precise }),
        ("op_set 1, activations int15", precise),
        ("  and queries in 15 bits", Rounding { queries: Int15, ..precise }),
        ("  and keys too", Rounding { queries: Int15, keys: Int15, ..precise }),
        (
            "Q8_0: blocks of 32, the rest in float",
            Rounding { weights: Blocks, ..none }.inputs(Blocks),
        ),
    ]
}

fn compare(source: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let float = FloatDecoder::open(source)?;
    let tokens = float.tokenizer().encode_long(&fs::read_to_string(text)?)?;
    println!("| rounded | perplexity | same first choice | divergence | 99 % below |\n|---|---|---|---|---|");
    for (number, (name, rounding)) in settings().into_iter().enumerate() {
        let rounded = FloatDecoder::open_with(source, rounding)?;
        let comparison = Comparison::of_floats(&rounded, &float, &tokens)?;
        let report = comparison.report().ok_or("the text is too short")?;
        if number == 0 {
            println!(
                "| nothing: {} tokens | {:.4} | | | |",
                report.tokens, report.float_perplexity
            );
        }
        println!(
            "| {name} | {:+.3} % | {:.2} % | {:.5} | {:.4} |",
            report.loss() * 100.0,
            report.agreement * 100.0,
            report.divergence,
            report.divergence_99
        );
    }
    Ok(())
}
