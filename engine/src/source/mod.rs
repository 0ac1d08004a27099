//! A model as its author publishes it: a Hugging Face folder.
//!
//! `config.json` and `tokenizer.json`, weights in one `*.safetensors` or in shards with an index,
//! and, for sentence-transformers, `modules.json` that says how token vectors become an embedding.
//! Whatever here can't be reproduced exactly as its author meant it is refused, never guessed.

mod chat;
mod decoder;
mod encoder;
mod ends;
pub(crate) mod names;
mod rope;
mod tensors;
mod trig;

pub use ends::StopToken;
pub(crate) use rope::Rope;
pub(crate) use tensors::Tensors;

use crate::{
    package::{shorten, Chat},
    Error, Result,
};
use serde::{de::DeserializeOwned, Deserialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
};
use vigil_architecture::{Activations, Architecture};

/// Largest JSON file read from a folder, other than the tokenizer, in bytes.
const MAX_JSON: u64 = 16 << 20;
/// The model types that are supported.
const FAMILIES: [&str; 5] = ["bert", "llama", "mistral", "qwen2", "qwen3"];

/// What is not supported, and what is: of a family that is known, else the nearest one.
fn unsupported(what: &str, family: Option<&str>) -> String {
    match family {
        Some("bert") => format!(
            "{what}; of model_type \"bert\" (BERT, MiniLM, BGE, GTE, E5) hidden_act \"gelu\" and \
             absolute positions are supported"
        ),
        Some(family) => format!(
            "{what}; of model_type {family:?} the language model with hidden_act \"silu\" and full \
             attention is supported"
        ),
        None => format!("{what}; supported are {}", FAMILIES.join(", ")),
    }
}

/// The supported family that is most like one that is not.
fn nearest(family: &str, causal: bool) -> &'static str {
    let named = FAMILIES.into_iter().find(|known| family.contains(known));
    let alike = || match (causal, family.starts_with("qwen")) {
        (true, true) => "qwen3",
        (true, false) => "llama",
        (false, _) => "bert",
    };
    named.unwrap_or_else(alike)
}

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
    /// The tokens that end a generation, and who says so.
    pub(crate) stop_tokens: Vec<StopToken>,
    /// What is said of chats with a decoder, if anything.
    pub(crate) chat: Option<Chat>,
    /// What of the folder is not in the package: one sentence each.
    pub(crate) notes: Vec<String>,
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
        let (prefix, rope) = match &config {
            Config::Encoder(_) => ("bert", None),
            Config::Decoder(config) => ("model", Some(config.rope())),
        };
        let tensors = Tensors::open(&dir, prefix)?;
        let mut stop_tokens = Vec::new();
        let mut chats = chat::Chats::default();
        let architecture = match &config {
            Config::Encoder(_) if wanted.context.is_some() => {
                Err("the context of an encoder is that of its table of positions".into())
            }
            Config::Encoder(config) => Ok(config.architecture(&modules, wanted)),
            Config::Decoder(config) => {
                chats = chat::Chats::read(&dir)?;
                stop_tokens = ends::stop_tokens(&dir, config.eos_token_id.as_ref(), &chats)?;
                let has_head = tensors.stored_name("lm_head.weight").is_some();
                config.architecture(wanted, &stop_tokens, has_head)
            }
        }
        .map_err(bad)?;
        architecture
            .validate()
            .map_err(|invalid| bad(format!("the model can't be run: {invalid}")))?;
        let mut notes = Vec::new();
        if let Config::Decoder(config) = &config {
            notes.extend(cut(config.positions(), architecture.max_tokens_in(), wanted));
        }
        let chat = chats.keep(&mut notes);
        let mut source =
            Self { dir, config: bytes, architecture, rope, tensors, stop_tokens, chat, notes };
        match config {
            Config::Decoder(_) => source.check_all_used()?,
            Config::Encoder(_) => source.name_heads()?,
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
        let expected = |name: &str| {
            // Older folders store what follows from the configuration.
            name.ends_with("rotary_emb.inv_freq")
                // The tied head, stored a second time.
                || name == "lm_head.weight"
        };
        match self.unused().find(|name| !expected(name)) {
            None => Ok(()),
            Some(name) => Err(self.not_used(name)),
        }
    }

    /// An encoder's folder may hold heads behind the vectors that a package gives: they are named.
    /// What nothing reads before that changes what the author's model computes.
    fn name_heads(&mut self) -> Result<()> {
        let mut heads: BTreeMap<String, usize> = BTreeMap::new();
        for name in self.unused() {
            let short = name.strip_prefix("bert.").unwrap_or(name);
            let parts: Vec<_> = short.split('.').collect();
            match parts.as_slice() {
                // A table of the numbers from 0 on.
                ["embeddings", "position_ids" | "token_type_ids"] => {}
                ["embeddings" | "encoder", ..] => return Err(self.not_used(name)),
                ["cls", part, ..] => *heads.entry(format!("cls.{part}")).or_default() += 1,
                [part, ..] => *heads.entry((*part).to_owned()).or_default() += 1,
                [] => {}
            }
        }
        self.notes.extend(heads.into_iter().map(|(head, tensors)| {
            let what = match head.as_str() {
                "cls.predictions" => "the head that guesses masked tokens",
                "cls.seq_relationship" => "the head that guesses whether sentences follow",
                "pooler" => "the layer behind the first token's vector",
                "classifier" | "qa_outputs" => "a classifier",
                _ => "something behind the vectors",
            };
            let head = shorten(&head);
            format!("{head} ({what}, {tensors} tensors) is not part of an embedding and left out")
        }));
        Ok(())
    }

    /// Names of tensors that no tensor of the package is made from.
    fn unused(&self) -> impl Iterator<Item = &str> {
        let names = names::source_names(&self.architecture);
        let used: BTreeSet<_> =
            names.iter().filter_map(|name| self.tensors.stored_name(name)).collect();
        self.tensors.names().filter(move |name| !used.contains(name))
    }

    fn not_used(&self, name: &str) -> Error {
        let name = shorten(name);
        let what = format!(
            "it has a tensor {name} that the model of its config.json does not use, so something \
             about it is not supported"
        );
        Error::source_at(&self.dir, what)
    }
}

/// What is said of a context that is shorter than the model's own, though nobody asked for it.
fn cut(own: u32, context: u32, wanted: Wanted) -> Option<String> {
    (wanted.context.is_none() && context < own).then(|| {
        format!("the model takes {own} tokens, its package {context}: no model is run with more")
    })
}

/// The part of `config.json` that decides what is computed.
pub(crate) enum Config {
    Encoder(encoder::Config),
    Decoder(Box<decoder::Config>),
}

/// The keys that are read before the others, so that another family is told it isn't supported
/// instead of that a key is missing.
#[derive(Deserialize)]
struct Family {
    model_type: Option<String>,
    architectures: Option<Vec<String>>,
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
                let causal = |names: &Vec<String>| names.iter().any(|n| n.ends_with("ForCausalLM"));
                let nearest = nearest(other, family.architectures.as_ref().is_some_and(causal));
                let what = format!(
                    "model_type {:?} is not supported: the nearest that is is {nearest:?}",
                    shorten(other)
                );
                Err(unsupported(&what, None))
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

/// Parses a file of at most `most` bytes.
fn read_json<T: DeserializeOwned>(path: &Path, most: u64) -> Result<T> {
    serde_json::from_slice(&read_small(path, most)?)
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
