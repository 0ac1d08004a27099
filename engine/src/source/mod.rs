//! A model as its author publishes it: a Hugging Face folder.
//!
//! `config.json` and `tokenizer.json`, weights in one `*.safetensors` or in shards with an index,
//! and, for sentence-transformers, `modules.json` that says how token vectors become an embedding.
//! Whatever here can't be reproduced exactly as its author meant it is refused, never guessed.

mod decoder;
mod encoder;
pub(crate) mod names;
mod rope;
mod tensors;
mod trig;

pub(crate) use rope::Rope;
pub(crate) use tensors::Tensors;

use crate::{package::shorten, Error, Result};
use serde::{de::DeserializeOwned, Deserialize};
use std::{
    collections::BTreeSet,
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
};
use vigil_architecture::{Activations, Architecture};

/// Largest JSON file read from a folder, other than the tokenizer, in bytes.
const MAX_JSON: u64 = 16 << 20;
const SUPPORTED: &str =
    "supported are text encoders of the BERT family (model_type \"bert\": BERT, MiniLM, BGE, GTE, \
     E5) with hidden_act \"gelu\" and absolute positions, and language models of model_type \
     \"llama\", \"mistral\", \"qwen2\" and \"qwen3\" with hidden_act \"silu\"";

/// What whoever packs a folder chooses; `None` for what suits the model.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wanted {
    /// Tokens that a decoder takes: as many as it can.
    pub(crate) context: Option<u32>,
    /// How finely activations are quantised: 15 bits of a decoder, 8 of an encoder.
    pub(crate) activations: Option<Activations>,
}

/// An opened Hugging Face folder: small files read, weights memory-mapped.
pub(crate) struct Source {
    /// Where `config.json` lies: the folder itself, or the folder of its Transformer module.
    pub(crate) dir: PathBuf,
    /// `config.json`, byte for byte.
    pub(crate) config: Vec<u8>,
    /// What the folder describes.
    pub(crate) architecture: Architecture,
    /// The turns of a decoder's positions.
    pub(crate) rope: Option<Rope>,
    /// The weights.
    pub(crate) tensors: Tensors,
}

impl Source {
    /// Opens a folder and checks that it holds a model this crate can reproduce.
    pub(crate) fn open(dir: &Path, wanted: Wanted) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::source_at(
                dir,
                "it is not a folder: name the folder that holds config.json, tokenizer.json and \
                 the safetensors files",
            ));
        }
        let modules = encoder::Modules::read(dir)?;
        let dir = dir.join(&modules.transformer);
        let path = dir.join("config.json");
        let bytes = read_small(&path, MAX_JSON)?;
        let bad = |what: String| Error::source_at(&path, what);
        let config = Config::parse(&bytes).map_err(bad)?;
        let architecture = match &config {
            Config::Encoder(_) if wanted.context.is_some() => {
                Err("the context of an encoder is that of its table of positions".into())
            }
            Config::Encoder(config) => Ok(config.architecture(&modules, wanted)),
            Config::Decoder(config) => {
                let stop = decoder::stop_tokens(&dir, config)?;
                config.architecture(wanted, stop)
            }
        }
        .map_err(bad)?;
        architecture
            .validate()
            .map_err(|invalid| bad(format!("the model can't be run: {invalid}")))?;
        let (prefix, rope) = match &config {
            Config::Encoder(_) => ("bert", None),
            Config::Decoder(config) => ("model", Some(config.rope())),
        };
        let tensors = Tensors::open(&dir, prefix)?;
        let source = Self { dir, config: bytes, architecture, rope, tensors };
        if matches!(config, Config::Decoder(_)) {
            source.check_all_used()?;
        }
        Ok(source)
    }

    /// Where the tokenizer lies.
    pub(crate) fn tokenizer(&self) -> Result<PathBuf> {
        let path = self.dir.join("tokenizer.json");
        if path.is_file() {
            return Ok(path);
        }
        Err(Error::source_at(
            &path,
            "it does not exist: write one with `AutoTokenizer.from_pretrained(DIR)\
             .save_pretrained(DIR)` of transformers",
        ))
    }

    /// A tensor of a language model that nothing reads is a bias, an adapter or an expert that the
    /// configuration keeps quiet about: the author's model computes something else.
    fn check_all_used(&self) -> Result<()> {
        let names = names::source_names(&self.architecture);
        let used: BTreeSet<_> =
            names.iter().filter_map(|name| self.tensors.stored_name(name)).collect();
        let unused = self.tensors.names().find(|name| {
            !used.contains(name)
                // Older folders store what follows from the configuration.
                && !name.ends_with("rotary_emb.inv_freq")
                // The tied head, stored a second time.
                && *name != "lm_head.weight"
        });
        match unused {
            None => Ok(()),
            Some(name) => Err(Error::source_at(
                &self.dir,
                format!(
                    "it has a tensor {name} that the model of its config.json does not use, so \
                     something about it is not supported"
                ),
            )),
        }
    }
}

/// The part of `config.json` that decides what is computed.
pub(crate) enum Config {
    Encoder(encoder::Config),
    Decoder(Box<decoder::Config>),
}

/// The one key that is read before the others, so that another family is told it isn't supported
/// instead of that a key is missing.
#[derive(Deserialize)]
struct Family {
    #[serde(default)]
    model_type: Option<String>,
}

impl Config {
    /// Reads a configuration; the error says what about it can't be reproduced.
    pub(crate) fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let family: Family =
            serde_json::from_slice(bytes).map_err(|error| format!("it does not parse: {error}"))?;
        match family.model_type.as_deref() {
            None | Some("bert") => encoder::Config::parse(bytes).map(Self::Encoder),
            Some("llama" | "mistral" | "qwen2" | "qwen3") => {
                decoder::Config::parse(bytes).map(|config| Self::Decoder(Box::new(config)))
            }
            Some(other) => {
                Err(format!("model_type {:?} is not supported; {SUPPORTED}", shorten(other)))
            }
        }
    }

    /// The keys that do not say what `architecture` does; none if the two agree.
    pub(crate) fn differences(&self, architecture: &Architecture) -> Vec<&'static str> {
        match (self, architecture) {
            (Self::Encoder(config), Architecture::Encoder(encoder)) => config.differences(encoder),
            (Self::Decoder(config), Architecture::Decoder(decoder)) => config.differences(decoder),
            _ => vec!["model_type"],
        }
    }
}

/// Whether `name` is one plain name: no separator, no `..`, not absolute.
fn is_file_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(part)) if part == name)
        && components.next().is_none()
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read_small(path, MAX_JSON)?)
        .map_err(|error| Error::source_at(path, format!("it does not parse: {error}")))
}

/// Reads a file of at most `most` bytes.
pub(crate) fn read_small(path: &Path, most: u64) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| Error::read(path, error))?;
    let mut bytes = Vec::new();
    // One byte more tells a file that is exactly as long as allowed from one that is longer.
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::read(path, error))?;
    if bytes.len() as u64 > most {
        return Err(Error::source_at(path, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}
