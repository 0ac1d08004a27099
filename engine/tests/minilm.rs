//! all-MiniLM-L6-v2 itself: how close a run is to the float model, and its exact bytes.
//!
//! `VIGIL_MINILM` names its Hugging Face folder. Without it there is nothing to run; the scripts
//! of the repository always set it.

mod common;

use std::{env, fs, path::PathBuf};
use vigil_engine::{
    cosine,
    pack::{pack, PackOptions},
    FloatEncoder, Kernel, Model, Options, Package, Request, Run, Tokenizer,
};

/// BLAKE3 of the manifest and of the output for [`SENTENCE`]: operator set 1, for ever.
const PACKAGE: &str = "98f3083d198c82b66555f8aeef9f30fd4d5721395daefd3705d965a1b3b7358b";
const SENTENCE: &str = "The quick brown fox jumps over the lazy dog.";
const OUTPUT: &str = "2c4499bc3aecc671b4854d434d20728d198bdea3f82c4d2d44a7bb4fe99ba5ae";

/// The texts of the demo, one per line behind `doc: ` or `query: `.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/demo-texts.txt");
/// Texts that a demo would not show. Single words are not among them: int8 rows cost an input of
/// three or four tokens up to 0.02 of its cosine.
const TEXTS: [&str; 14] = [
    "A cat.",
    "How do I get my deposit back after the rental ends?",
    "Die Katze schläft auf dem Sofa, während es draußen regnet.",
    "El gato duerme en el sofá mientras llueve.",
    "In 1969 two people walked on the Moon; six hundred million watched.",
    "fn main() { println!(\"{}\", (1..=10).product::<u64>()); }",
    "The mitochondrion produces most of the chemical energy of a cell.",
    "Interest rates were left unchanged on Thursday, as analysts had expected.",
    "To bake sourdough you need flour, water, salt and patience.",
    "!!! ??? ... --- 12345 67890 #$%",
    "今日はとても寒いです。",
    "A bond that unlocks only after the longest dispute keeps a worker honest.",
    "Whales sing. Their songs change from year to year, and they spread from west to east across \
     the Pacific, as if each population learnt the newest song from its neighbours.",
    "When the escrow is released, the worker is paid for the multiply-accumulates of the run, the \
     owner of the model for its use, and the treasury for the upkeep of the chain; what remains \
     of the price goes back to whoever asked. No result means no pay: a job that nobody finishes \
     in time is given to another worker, three times at most, and then refunded whole. Replicas \
     that differ are not put to a vote, since a majority can be bought. They are opened, one \
     operator at a time, until a single number is left that one side computed wrongly.",
];

fn source() -> Option<PathBuf> {
    let folder = env::var_os("VIGIL_MINILM").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: VIGIL_MINILM names no Hugging Face folder of all-MiniLM-L6-v2");
    }
    folder
}

fn floats(run: &Run) -> Vec<f32> {
    run.output.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

#[test]
fn minilm_should_be_close_to_float_and_keep_its_bytes() {
    let Some(source) = source() else { return };
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("package");
    let report = pack(&source, &out, &PackOptions::default()).unwrap();
    assert_eq!(hex::encode(report.manifest_hash), PACKAGE, "the package's bytes have changed");

    let package = Package::open(&out).unwrap();
    let tokenizer = Tokenizer::open(&package).unwrap();
    let float = FloatEncoder::open(&source).unwrap();
    let demo = fs::read_to_string(DEMO).unwrap();
    let demo = demo.lines().filter_map(|line| Some(line.split_once(": ")?.1));
    let texts: Vec<&str> = [SENTENCE].into_iter().chain(TEXTS).chain(demo).collect();
    assert!(texts.len() > 40, "the demo's texts are missing");
    let tokens: Vec<_> = texts.iter().map(|text| tokenizer.encode(text).unwrap()).collect();
    let jobs: Vec<_> = tokens.into_iter().map(Request::embed).collect();
    let model = Model::load(&package, &Options::default()).unwrap();
    let runs = model.run_batch(&jobs).unwrap();
    for kernel in Kernel::available() {
        for threads in [1, 2] {
            let model = Model::load(&package, &Options { kernel: Some(kernel), threads }).unwrap();
            let some = &jobs[..=TEXTS.len()];
            assert_eq!(model.run_batch(some).unwrap(), runs[..some.len()], "{kernel}, {threads}");
            assert_eq!(model.run(&jobs[0]).unwrap(), runs[0], "{kernel}, {threads}, alone");
        }
    }
    assert_eq!(
        hex::encode(runs[0].hash()),
        OUTPUT,
        "the output bytes of {SENTENCE:?} have changed"
    );

    assert_eq!(runs[0].output, common::referee(&package, &jobs[0].tokens), "the referee disagrees");

    let mut cosines = Vec::new();
    for ((text, job), run) in texts.iter().zip(&jobs).zip(&runs) {
        let similarity = cosine(&floats(run), &float.embed(&job.tokens).unwrap());
        assert!(similarity >= 0.99, "cosine {similarity} for {text:?}");
        cosines.push(similarity);
    }
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    println!("cosine to float over {} texts: least {least:.5}, mean {mean:.5}", cosines.len());
}
