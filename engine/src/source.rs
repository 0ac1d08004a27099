//! A model as its author publishes it: a Hugging Face folder.
//!
//! `config.json` and `tokenizer.json`, weights in one `*.safetensors` or in shards with an index,
//! and, for sentence-transformers, `modules.json` that says how token vectors become an embedding.
//! Whatever here can't be reproduced exactly as its author meant it is refused, never guessed.

use crate::{Error, Result};
use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use serde::{de::DeserializeOwned, Deserialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    ops::Range,
    path::{Component, Path, PathBuf},
};
use vigil_primitives::{architecture::Pooling, Architecture, Encoder};

/// Largest JSON file read from a folder, other than the tokenizer, in bytes.
const MAX_JSON: u64 = 16 << 20;
const SUPPORTED: &str =
    "supported are text encoders of the BERT family (model_type \"bert\": BERT, MiniLM, BGE, GTE, \
     E5) with hidden_act \"gelu\" and absolute positions";

/// An opened Hugging Face folder: small files read, weights memory-mapped.
pub(crate) struct Source {
    /// Where `config.json` lies: the folder itself, or the folder of its Transformer module.
    pub(crate) dir: PathBuf,
    /// `config.json`, byte for byte.
    pub(crate) config: Vec<u8>,
    /// What the folder describes.
    pub(crate) architecture: Architecture,
    shards: Vec<Shard>,
    tensors: BTreeMap<String, (usize, TensorInfo)>,
}

struct Shard {
    path: PathBuf,
    map: Mmap,
}

struct TensorInfo {
    dtype: Dtype,
    shape: Vec<usize>,
    range: Range<usize>,
}

/// One floating-point tensor of a folder, read row by row.
pub(crate) struct SourceTensor<'a> {
    path: &'a Path,
    name: &'a str,
    float: Float,
    columns: usize,
    data: &'a [u8],
}

#[derive(Clone, Copy)]
enum Float {
    F32,
    F16,
    Bf16,
}

impl Source {
    /// Opens a folder and checks that it holds a model this crate can reproduce.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::source_at(
                dir,
                "it is not a folder: name the folder that holds config.json, tokenizer.json and \
                 the safetensors files",
            ));
        }
        let modules = Modules::read(dir)?;
        let dir = dir.join(&modules.transformer);
        let path = dir.join("config.json");
        let config = read_small(&path, MAX_JSON)?;
        let architecture = Config::parse(&config, &path)?.architecture(&modules, &path)?;
        let shards = Shard::open_all(&dir)?;
        let tensors = index(&shards, &dir)?;
        Ok(Self { dir, config, architecture, shards, tensors })
    }

    /// The safetensors files.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(|shard| shard.path.as_path())
    }

    /// Bytes of the safetensors files.
    pub(crate) fn weights_len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.map.len() as u64).sum()
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

    /// The name under which a tensor of the BERT family is stored here: with or without the
    /// prefix `bert.`, and with the old names of layer normalisation.
    pub(crate) fn stored_name(&self, name: &str) -> Option<&str> {
        let old = match name.strip_suffix("LayerNorm.weight") {
            Some(stem) => Some(format!("{stem}LayerNorm.gamma")),
            None => name.strip_suffix("LayerNorm.bias").map(|stem| format!("{stem}LayerNorm.beta")),
        };
        let find = |name: &str| {
            let prefixed = format!("bert.{name}");
            let found =
                self.tensors.get_key_value(&prefixed).or_else(|| self.tensors.get_key_value(name));
            found.map(|(name, _)| name.as_str())
        };
        find(name).or_else(|| find(&old?))
    }

    /// A tensor by its name in the BERT family, checked to have `rows` x `columns` floats. A
    /// vector is one row.
    pub(crate) fn tensor(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<SourceTensor<'_>> {
        let stored = self.stored_name(name).ok_or_else(|| {
            let what = format!(
                "the tensor {name} is missing (also as bert.{name}): the folder does not hold all \
                 of the model that its config.json describes"
            );
            Error::source_at(&self.dir, what)
        })?;
        let (name, (shard, info)) = self.tensors.get_key_value(stored).ok_or_else(|| {
            Error::source_at(&self.dir, format!("the tensor {stored} is missing"))
        })?;
        let shard = self.shards.get(*shard).ok_or_else(|| {
            Error::source_at(&self.dir, format!("the file of {stored} is missing"))
        })?;
        let bad = |what: String| Error::source_at(&shard.path, what);
        let fits = match info.shape.as_slice() {
            [length] => rows == 1 && *length == columns,
            shape => shape == [rows, columns],
        };
        if !fits {
            return Err(bad(format!(
                "the tensor {name} has shape {:?}, config.json needs {rows} x {columns}",
                info.shape
            )));
        }
        let float = match info.dtype {
            Dtype::F32 => Float::F32,
            Dtype::F16 => Float::F16,
            Dtype::BF16 => Float::Bf16,
            other => {
                return Err(bad(format!(
                    "the tensor {name} is stored as {other}: only F32, F16 and BF16 can be \
                     packed, so start from the unquantised model"
                )))
            }
        };
        let data = shard
            .map
            .get(info.range.clone())
            .ok_or_else(|| bad(format!("the tensor {name} lies outside the file")))?;
        Ok(SourceTensor { path: &shard.path, name, float, columns, data })
    }
}

impl SourceTensor<'_> {
    /// Reads one row into `row`, refusing what is not a finite number.
    pub(crate) fn read_row(&self, index: usize, row: &mut [f32]) -> Result<()> {
        let width = match self.float {
            Float::F32 => 4,
            Float::F16 | Float::Bf16 => 2,
        };
        let start = index.saturating_mul(self.columns).saturating_mul(width);
        let bytes = self.data.get(start..).unwrap_or_default();
        if row.len() != self.columns || bytes.len() < self.columns.saturating_mul(width) {
            return Err(self.bad(format!("the tensor {} ends before row {index}", self.name)));
        }
        let halves = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        match self.float {
            Float::F32 => {
                let words = bytes.chunks_exact(4).map(|b| [b[0], b[1], b[2], b[3]]);
                row.iter_mut().zip(words).for_each(|(x, b)| *x = f32::from_le_bytes(b));
            }
            Float::F16 => row
                .iter_mut()
                .zip(halves())
                .for_each(|(x, b)| *x = half_to_f32(u16::from_le_bytes(b))),
            Float::Bf16 => {
                row.iter_mut().zip(halves()).for_each(|(x, b)| *x = bf16::from_le_bytes(b).to_f32())
            }
        }
        match row.iter().position(|x| !x.is_finite()) {
            None => Ok(()),
            Some(column) => Err(self.bad(format!(
                "the tensor {} holds {} at row {index}, column {column}: a model with NaN or \
                 infinity can't be packed",
                self.name, row[column]
            ))),
        }
    }

    fn bad(&self, what: String) -> Error {
        Error::source_at(self.path, what)
    }
}

/// Exact on every machine: `half` may use the processor's own conversion, which is exact too.
fn half_to_f32(bits: u16) -> f32 {
    f16::from_bits(bits).to_f32()
}

impl Shard {
    fn open_all(dir: &Path) -> Result<Vec<Self>> {
        let single = dir.join("model.safetensors");
        if single.is_file() {
            return Ok(vec![Self::open(single)?]);
        }
        let path = dir.join("model.safetensors.index.json");
        if path.is_file() {
            let index: Index = read_json(&path)?;
            let mut names: Vec<_> = index.weight_map.into_values().collect();
            names.sort_unstable();
            names.dedup();
            if let Some(name) = names.iter().find(|name| !is_file_name(name)) {
                return Err(Error::source_at(
                    &path,
                    format!("it names {name:?}, which is not a file of the same folder"),
                ));
            }
            return names.iter().map(|name| Self::open(dir.join(name))).collect();
        }
        let mut found = Vec::new();
        for entry in dir.read_dir().map_err(|error| Error::read(dir, error))? {
            let path = entry.map_err(|error| Error::read(dir, error))?.path();
            if path.extension().is_some_and(|extension| extension == "safetensors") {
                found.push(path);
            }
        }
        match found.as_slice() {
            [one] => Ok(vec![Self::open(one.clone())?]),
            [] => Err(Error::source_at(
                dir,
                "it has no safetensors file: if it has pytorch_model.bin, convert it with \
                 `AutoModel.from_pretrained(DIR).save_pretrained(DIR)` of transformers",
            )),
            _ => Err(Error::source_at(
                dir,
                "it has several safetensors files and no model.safetensors.index.json: keep the \
                 one to pack, or add the index",
            )),
        }
    }

    fn open(path: PathBuf) -> Result<Self> {
        let file = File::open(&path).map_err(|error| Error::read(&path, error))?;
        // SAFETY: the map is only read. Another process that cuts the file off while it is being
        // packed ends this one with SIGBUS, as with any mapped file.
        let map = unsafe { Mmap::map(&file) }.map_err(|error| Error::read(&path, error))?;
        Ok(Self { path, map })
    }
}

/// Finds every tensor of the shards.
fn index(shards: &[Shard], dir: &Path) -> Result<BTreeMap<String, (usize, TensorInfo)>> {
    let mut tensors = BTreeMap::new();
    for (number, shard) in shards.iter().enumerate() {
        let bad = |what: String| Error::source_at(&shard.path, what);
        let (header, metadata) = SafeTensors::read_metadata(&shard.map).map_err(|error| {
            bad(format!("it is not a whole safetensors file ({error}): download it again"))
        })?;
        let data = header.saturating_add(8);
        for (name, info) in metadata.tensors() {
            let (start, end) = info.data_offsets;
            let range = data.saturating_add(start)..data.saturating_add(end);
            let info = TensorInfo { dtype: info.dtype, shape: info.shape.clone(), range };
            if tensors.insert(name.clone(), (number, info)).is_some() {
                return Err(Error::source_at(
                    dir,
                    format!("the tensor {name} is in more than one safetensors file"),
                ));
            }
        }
    }
    Ok(tensors)
}

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The part of `config.json` that decides what is computed.
#[derive(Deserialize)]
pub(crate) struct Config {
    vocab_size: u32,
    hidden_size: u32,
    num_hidden_layers: u16,
    num_attention_heads: u16,
    intermediate_size: u32,
    max_position_embeddings: u32,
    #[serde(default = "two")]
    type_vocab_size: u16,
    #[serde(default = "bert_eps")]
    layer_norm_eps: f64,
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    is_decoder: bool,
}

fn two() -> u16 {
    2
}

fn bert_eps() -> f64 {
    1e-12
}

/// The one key that is read before the others, so that another family is told it isn't supported
/// instead of that a key is missing.
#[derive(Deserialize)]
struct Family {
    #[serde(default)]
    model_type: Option<String>,
}

impl Config {
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let malformed = |error: serde_json::Error| {
            Error::source_at(path, format!("it does not parse: {error}"))
        };
        let family: Family = serde_json::from_slice(bytes).map_err(malformed)?;
        if let Some(other) = family.model_type.filter(|family| family != "bert") {
            let what = format!("model_type {other:?} is not supported; {SUPPORTED}");
            return Err(Error::source_at(path, what));
        }
        let config: Self = serde_json::from_slice(bytes).map_err(malformed)?;
        let unsupported =
            |what: String| Err(Error::source_at(path, format!("{what}; {SUPPORTED}")));
        if config.hidden_act != "gelu" {
            return unsupported(format!("hidden_act {:?} is not supported", config.hidden_act));
        }
        if let Some(kind) = config.position_embedding_type.as_deref().filter(|k| *k != "absolute") {
            return unsupported(format!("position_embedding_type {kind:?} is not supported"));
        }
        if config.is_decoder {
            return unsupported("a BERT decoder (is_decoder) is not supported".into());
        }
        Ok(config)
    }

    fn architecture(&self, modules: &Modules, path: &Path) -> Result<Architecture> {
        let architecture = Architecture::Encoder(Encoder {
            vocabulary: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            intermediate: self.intermediate_size,
            positions: self.max_position_embeddings,
            token_types: self.type_vocab_size,
            // Rounded to f32 here, once: the referee adds exactly these bits to a variance.
            layer_norm_eps: (self.layer_norm_eps as f32).to_bits(),
            pooling: modules.pooling,
            normalize: modules.normalize,
        });
        architecture.validate().map_err(|invalid| {
            Error::source_at(path, format!("the model can't be run: {invalid}"))
        })?;
        Ok(architecture)
    }

    /// Whether `architecture` has the dimensions of this configuration.
    pub(crate) fn agrees(&self, architecture: &Architecture) -> bool {
        let Architecture::Encoder(encoder) = architecture else { return false };
        encoder.vocabulary == self.vocab_size
            && encoder.hidden == self.hidden_size
            && encoder.layers == self.num_hidden_layers
            && encoder.heads == self.num_attention_heads
            && encoder.intermediate == self.intermediate_size
            && encoder.positions == self.max_position_embeddings
            && encoder.token_types == self.type_vocab_size
            && encoder.layer_norm_eps == (self.layer_norm_eps as f32).to_bits()
    }
}

/// What sentence-transformers does with a folder. Without `modules.json` it takes the mean of the
/// token vectors and doesn't normalise, and so does this.
struct Modules {
    transformer: PathBuf,
    pooling: Pooling,
    normalize: bool,
}

#[derive(Deserialize)]
struct Module {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`: flags, or in newer folders one word.
#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolingConfig {
    pooling_mode: Option<String>,
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

impl Modules {
    fn read(dir: &Path) -> Result<Self> {
        let mut modules =
            Self { transformer: PathBuf::new(), pooling: Pooling::Mean, normalize: false };
        let path = dir.join("modules.json");
        if !path.is_file() {
            return Ok(modules);
        }
        let list: Vec<Module> = read_json(&path)?;
        let bad = |what: String| Error::source_at(&path, what);
        let mut pooled = false;
        for (position, module) in list.iter().enumerate() {
            if !module.path.is_empty() && !is_file_name(&module.path) {
                return Err(bad(format!("it names {:?}, which leads out of it", module.path)));
            }
            let kind = module.kind.rsplit('.').next().unwrap_or_default();
            match (kind, position) {
                ("Transformer", 0) => modules.transformer = PathBuf::from(&module.path),
                ("Pooling", 1) => {
                    modules.pooling = PoolingConfig::read(&dir.join(&module.path))?;
                    pooled = true;
                }
                ("Normalize", 2) => modules.normalize = true,
                _ => {
                    return Err(bad(format!(
                        "module {} ({kind}) is not supported: supported are Transformer, then \
                         Pooling, then perhaps Normalize",
                        position + 1
                    )))
                }
            }
        }
        if !pooled {
            return Err(bad("it has no Pooling after the Transformer".into()));
        }
        Ok(modules)
    }
}

impl PoolingConfig {
    fn read(dir: &Path) -> Result<Pooling> {
        let path = dir.join("config.json");
        let config: Self = read_json(&path)?;
        let flags = [
            (config.pooling_mode_cls_token, "cls"),
            (config.pooling_mode_mean_tokens, "mean"),
            (config.pooling_mode_max_tokens, "max"),
            (config.pooling_mode_mean_sqrt_len_tokens, "mean_sqrt_len_tokens"),
            (config.pooling_mode_weightedmean_tokens, "weightedmean"),
            (config.pooling_mode_lasttoken, "lasttoken"),
        ];
        let mut modes: Vec<_> = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
        if modes.is_empty() {
            modes.extend(config.pooling_mode.as_deref());
        }
        match modes.as_slice() {
            ["mean"] => Ok(Pooling::Mean),
            ["cls"] => Ok(Pooling::Cls),
            _ => Err(Error::source_at(
                &path,
                format!(
                    "pooling {:?} is not supported: supported are mean and cls, one of them",
                    modes.join("+")
                ),
            )),
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
