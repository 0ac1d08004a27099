//! The float models that the reproducible ones are measured against.
//!
//! They run the unquantised weights with candle. Their bytes differ from machine to machine, so
//! they say how accurate a run is and never what its result is.

mod decoder;
mod encoder;
mod rounding;

pub use decoder::{FloatDecoder, Reading};
pub use encoder::FloatEncoder;
pub use rounding::{Grain, Rounding};

use crate::{
    package::MAX_TOKENIZER,
    source::{names, read_small, Source, Wanted},
    tokenizer::Tokenizer,
    Result,
};
use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use std::{collections::BTreeMap, path::Path};

/// Opens a Hugging Face folder and its tokenizer.
fn open(hf_dir: &Path) -> Result<(Source, Tokenizer)> {
    let source = Source::open(hf_dir, Wanted::default())?;
    let path = source.tokenizer()?;
    let bytes = read_small(&path, MAX_TOKENIZER)?;
    let tokenizer = Tokenizer::from_source(
        &bytes,
        &path,
        source.architecture.vocabulary(),
        source.architecture.max_tokens_in(),
    )?;
    Ok((source, tokenizer))
}

/// The weights of a folder as f32, by their names without a prefix.
fn weights(source: &Source) -> Result<VarBuilder<'static>> {
    let paths: Vec<_> = source.tensors.files().collect();
    // SAFETY: the maps are only read.
    let weights = unsafe { VarBuilder::from_mmaped_safetensors(&paths, DType::F32, &Device::Cpu)? };
    let names: BTreeMap<String, String> = names::source_names(&source.architecture)
        .into_iter()
        .filter_map(|name| Some((name.clone(), source.tensors.stored_name(&name)?.to_owned())))
        .collect();
    Ok(weights.rename_f(move |name| names.get(name).cloned().unwrap_or_else(|| name.into())))
}

/// Cosine of the angle between two vectors; 0 if one of them is zero or their lengths differ.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return 0.0;
    }
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    if norms > 0.0 {
        dot(a, b) / norms
    } else {
        0.0
    }
}
