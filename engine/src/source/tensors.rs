//! The weights of a Hugging Face folder: one safetensors file or several, memory-mapped.

use super::{is_file_name, read_json, MAX_JSON};
use crate::{package::shorten, Error, Result};
use half::{bf16, f16};
use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
};

/// The tensors of a folder, by name.
pub(crate) struct Tensors {
    dir: PathBuf,
    /// Before the name of a tensor in some folders of the family, and not in others.
    prefix: &'static str,
    shards: Vec<Shard>,
    index: BTreeMap<String, (usize, TensorInfo)>,
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

impl Tensors {
    pub(super) fn open(dir: &Path, prefix: &'static str) -> Result<Self> {
        let shards = Shard::open_all(dir)?;
        let index = index(&shards, dir)?;
        Ok(Self { dir: dir.into(), prefix, shards, index })
    }

    /// The safetensors files.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.shards.iter().map(|shard| shard.path.as_path())
    }

    /// Bytes of the safetensors files.
    pub(crate) fn len(&self) -> u64 {
        self.shards.iter().map(|shard| shard.map.len() as u64).sum()
    }

    /// Names as they are stored.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.index.keys().map(String::as_str)
    }

    /// The name under which a tensor of the family is stored here: with or without the family's
    /// prefix, and with the old names of layer normalisation.
    pub(crate) fn stored_name(&self, name: &str) -> Option<&str> {
        let old = match name.strip_suffix("LayerNorm.weight") {
            Some(stem) => Some(format!("{stem}LayerNorm.gamma")),
            None => name.strip_suffix("LayerNorm.bias").map(|stem| format!("{stem}LayerNorm.beta")),
        };
        let find = |name: &str| {
            let prefixed = format!("{}.{name}", self.prefix);
            let found =
                self.index.get_key_value(&prefixed).or_else(|| self.index.get_key_value(name));
            found.map(|(name, _)| name.as_str())
        };
        find(name).or_else(|| find(&old?))
    }

    /// A tensor by its name in the family, checked to have `rows` x `columns` floats. A
    /// vector is one row.
    pub(crate) fn tensor(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<SourceTensor<'_>> {
        let stored = self.stored_name(name).ok_or_else(|| {
            let what = format!(
                "the tensor {name} is missing (also as {}.{name}): the folder does not hold all \
                 of the model that its config.json describes",
                self.prefix
            );
            Error::source_at(&self.dir, what)
        })?;
        let (name, (shard, info)) = self.index.get_key_value(stored).ok_or_else(|| {
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
            let index: Index = read_json(&path, MAX_JSON)?;
            let mut names = BTreeSet::new();
            for (tensor, name) in &index.weight_map {
                if !is_file_name(name) {
                    return Err(Error::source_at(
                        &path,
                        format!("it names {name:?}, which is not a file of the same folder"),
                    ));
                }
                if !dir.join(name).is_file() {
                    return Err(Error::source_at(
                        &dir.join(name),
                        format!(
                            "it is missing: model.safetensors.index.json says that it holds the \
                             tensor {}: download it",
                            shorten(tensor)
                        ),
                    ));
                }
                names.insert(name);
            }
            return names.into_iter().map(|name| Self::open(dir.join(name))).collect();
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
