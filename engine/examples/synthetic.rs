//! Writes the package of a language model of any shape with random weights, to measure speed with.
//!
//! ```text
//! cargo run --release -p vigil-engine --example synthetic -- OUT_FOLDER [layers=16] [hidden=2048]
//!     [heads=32] [kv_heads=8] [head_width=64] [intermediate=8192] [vocabulary=32000]
//!     [positions=2048] [tied_head=0] [qkv_bias=0] [qk_norm=0] [bits=15] [seed=1]
//! ```
//! The scales keep the spread of every activation near 1, so that the numbers on the way are as in
//! a trained model. There are no stop tokens: a generation always has the length asked for. The
//! same arguments give the same package.

use serde_json::json;
use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::ExitCode,
};
use vigil_architecture::{Activations, Architecture, Decoder, OP_SET};
use vigil_engine::{
    package::{self, FileEntry, Manifest, Package},
    Error,
};
use vigil_ops::weights::{DType, Module, Part, TensorSpec, Weights};

type Failure = Box<dyn std::error::Error>;

const RMS_NORM_EPS: f32 = 1e-5;
const ROPE_THETA: f64 = 10_000.0;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let Some(dir) = arguments.next() else {
        eprintln!("usage: synthetic OUT_FOLDER [layers=16] [hidden=2048] ...");
        return ExitCode::FAILURE;
    };
    let done = decoder(arguments)
        .and_then(|(decoder, seed)| write(Path::new(&dir), decoder, &mut Random(seed)));
    match done {
        Ok(package) => {
            println!("{} bytes at {dir}", package.manifest().total_len());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The shape and seed that `name=number` arguments ask for.
fn decoder(arguments: impl Iterator<Item = String>) -> Result<(Decoder, u64), Failure> {
    let mut given = HashMap::new();
    for argument in arguments {
        let (name, value) =
            argument.split_once('=').ok_or_else(|| format!("{argument:?} is not name=number"))?;
        given.insert(name.to_owned(), value.parse::<u32>()?);
    }
    let mut take = |name: &str, otherwise: u32| given.remove(name).unwrap_or(otherwise);
    let decoder = Decoder {
        vocabulary: take("vocabulary", 32_000),
        hidden: take("hidden", 2_048),
        layers: u16::try_from(take("layers", 16))?,
        heads: u16::try_from(take("heads", 32))?,
        kv_heads: u16::try_from(take("kv_heads", 8))?,
        head_width: u16::try_from(take("head_width", 64))?,
        intermediate: take("intermediate", 8_192),
        positions: take("positions", 2_048),
        rms_norm_eps: RMS_NORM_EPS.to_bits(),
        tied_head: take("tied_head", 0) != 0,
        qkv_bias: take("qkv_bias", 0) != 0,
        qk_norm: take("qk_norm", 0) != 0,
        activations: match take("bits", 15) {
            8 => Activations::Int8,
            15 => Activations::Int15,
            bits => return Err(format!("activations have 8 or 15 bits, not {bits}").into()),
        },
        stop_tokens: [None; 8],
    };
    let seed = take("seed", 1);
    if let Some(name) = given.keys().next() {
        return Err(format!("there is no {name:?} to choose").into());
    }
    Ok((decoder, seed.into()))
}

fn write(dir: &Path, decoder: Decoder, random: &mut Random) -> Result<Package, Failure> {
    let architecture = Architecture::Decoder(decoder);
    architecture.validate().map_err(|invalid| Error::Unsupported(invalid.to_string()))?;
    fs::create_dir_all(dir)?;
    let config = serde_json::to_vec_pretty(&config(&decoder))?;
    let tokenizer = serde_json::to_vec(&tokenizer())?;
    let files = vec![
        small(dir, package::CONFIG, &config)?,
        small(dir, package::TOKENIZER, &tokenizer)?,
        weights(dir, &decoder, &architecture, random)?,
    ];
    let manifest = Manifest { format: package::FORMAT.into(), op_set: OP_SET, architecture, files };
    fs::write(dir.join(package::MANIFEST), manifest.to_bytes())?;
    Ok(Package::open(dir)?)
}

/// The configuration as a Llama's or a Qwen's author would publish it.
fn config(decoder: &Decoder) -> serde_json::Value {
    let (name, kind) = match (decoder.qk_norm, decoder.qkv_bias) {
        (true, _) => ("Qwen3ForCausalLM", "qwen3"),
        (false, true) => ("Qwen2ForCausalLM", "qwen2"),
        (false, false) => ("LlamaForCausalLM", "llama"),
    };
    json!({
        "architectures": [name],
        "attention_bias": false,
        "head_dim": decoder.head_width,
        "hidden_act": "silu",
        "hidden_size": decoder.hidden,
        "intermediate_size": decoder.intermediate,
        "max_position_embeddings": decoder.positions,
        "model_type": kind,
        "num_attention_heads": decoder.heads,
        "num_hidden_layers": decoder.layers,
        "num_key_value_heads": decoder.kv_heads,
        "rms_norm_eps": 1e-5,
        "rope_theta": ROPE_THETA,
        "tie_word_embeddings": decoder.tied_head,
        "vocab_size": decoder.vocabulary,
    })
}

/// The smallest tokenizer that is one: speed is measured with token ids.
fn tokenizer() -> serde_json::Value {
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"unknown": 0}, "unk_token": "unknown"},
    })
}

fn small(dir: &Path, name: &str, bytes: &[u8]) -> Result<FileEntry, Failure> {
    fs::write(dir.join(name), bytes)?;
    Ok(entry(name, blake3::hash(bytes), bytes.len() as u64))
}

fn entry(name: &str, hash: blake3::Hash, len: u64) -> FileEntry {
    FileEntry { name: name.into(), blake3: hash.to_hex().to_string(), len }
}

fn weights(
    dir: &Path,
    decoder: &Decoder,
    architecture: &Architecture,
    random: &mut Random,
) -> Result<FileEntry, Failure> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(dir.join(package::WEIGHTS))?);
    let (mut hasher, mut len) = (blake3::Hasher::new(), 0);
    let mut put = |bytes: &[u8]| {
        hasher.update(bytes);
        len += bytes.len() as u64;
        file.write_all(bytes)
    };
    put(&package::weights_header(architecture))?;
    for spec in Weights::new(architecture).iter() {
        match spec.dtype {
            DType::I8 if spec.id.part == Part::Zeros => put(&vec![0; spec.rows as usize])?,
            DType::I8 => {
                for _ in 0..spec.rows {
                    put(&random.bytes(spec.columns.unwrap_or(1) as usize))?;
                }
            }
            _ => put(&floats(decoder, architecture, &spec, random))?,
        }
    }
    file.flush()?;
    Ok(entry(package::WEIGHTS, hasher.finalize(), len))
}

/// The bytes of an f32 tensor.
fn floats(
    decoder: &Decoder,
    architecture: &Architecture,
    spec: &TensorSpec,
    random: &mut Random,
) -> Vec<u8> {
    /// Spread of integers of -127 to 127 that are equally likely.
    const SPREAD: f32 = 73.3;
    let rotation = |index: u64| {
        let pairs = u64::from(decoder.head_width) / 2;
        let (position, pair) = ((index / pairs) as f64, (index % pairs) as f64);
        position * ROPE_THETA.powf(-2.0 * pair / f64::from(decoder.head_width))
    };
    let value = |index: u64| match (spec.id.module, spec.id.part) {
        (Module::Rotary, Part::Cos) => rotation(index).cos() as f32,
        (Module::Rotary, _) => rotation(index).sin() as f32,
        (Module::WordEmbedding, _) => (0.9 + 0.2 * random.unit()) / SPREAD,
        (_, Part::Scale) => {
            (0.9 + 0.2 * random.unit()) / (SPREAD * inputs(architecture, spec).sqrt())
        }
        (_, Part::Bias) => 0.2 * random.unit() - 0.1,
        // What is left are the factors of the normalisations.
        _ => 0.9 + 0.2 * random.unit(),
    };
    (0..spec.elements()).map(value).flat_map(f32::to_le_bytes).collect()
}

/// Inputs of the matrix that a vector of scales belongs to.
fn inputs(architecture: &Architecture, scale: &TensorSpec) -> f32 {
    let mut id = scale.id;
    id.part = Part::Weight;
    let matrix = Weights::new(architecture).find(id);
    matrix.and_then(|matrix| matrix.columns).unwrap_or(1) as f32
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to 1.
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Signed bytes of -127 to 127.
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            (0..count.div_ceil(8)).flat_map(|_| self.next().to_le_bytes()).collect();
        bytes.truncate(count);
        for byte in &mut bytes {
            *byte = if *byte == 0x80 { 0 } else { *byte };
        }
        bytes
    }
}
