//! The weights of a package, written row by row.

use super::{destination::HashedFile, PackOptions, Progress};
use crate::{
    package::{weights, FileEntry, WEIGHTS},
    smooth::Smoothing,
    source::{
        names::{self, Origin},
        Source,
    },
    Error, Result,
};
use std::path::Path;
use vigil_ops::{
    math,
    weights::{DType, Part, TensorSpec, Weights},
};

/// Writes `weights.safetensors`.
pub(super) fn write(
    source: &Source,
    smoothing: &Smoothing,
    path: &Path,
    options: &PackOptions<'_>,
) -> Result<FileEntry> {
    let architecture = &source.architecture;
    let total = Weights::new(architecture).file_len();
    let mut file = HashedFile::create(path)?;
    file.write(&weights::header(architecture))?;
    for spec in Weights::new(architecture).iter() {
        let name = spec.id.to_string();
        match names::origin(&spec, architecture) {
            Some(Origin::Tensor(stored, rows, columns)) => {
                let from = Stored { name: stored, rows, columns };
                write_tensor(source, smoothing, &spec, &from, &mut file)?;
            }
            Some(Origin::Rope) => write_rope(source, &spec, &mut file)?,
            Some(Origin::Zeros(bytes)) => file.write(&vec![0; bytes])?,
            None => return Err(Error::Compute(format!("the tensor {name} has no source"))),
        }
        if let Some(progress) = options.progress {
            progress(Progress { tensor: &name, done: file.len, total });
        }
    }
    file.finish(WEIGHTS)
}

/// A tensor as the folder has it.
struct Stored {
    name: String,
    rows: usize,
    columns: usize,
}

fn write_tensor(
    source: &Source,
    smoothing: &Smoothing,
    spec: &TensorSpec,
    stored: &Stored,
    file: &mut HashedFile<'_>,
) -> Result<()> {
    // Checks the shape against the mapped file before anything is allocated by it.
    let from = source.tensors.tensor(&stored.name, stored.rows, stored.columns)?;
    let mut row = vec![0.0; stored.columns];
    let mut bytes = Vec::new();
    for index in 0..stored.rows {
        from.read_row(index, &mut row)?;
        smoothing.apply(spec.id, index, &mut row);
        bytes.clear();
        match (spec.dtype, spec.id.part) {
            (DType::I8, _) => quantise_row(&row, &mut bytes),
            (_, Part::Scale) => bytes.extend(scale(&row).to_le_bytes()),
            _ => bytes.extend(row.iter().flat_map(|x| x.to_le_bytes())),
        }
        file.write(&bytes)?;
    }
    Ok(())
}

/// Cosines or sines, one row per position.
fn write_rope(source: &Source, spec: &TensorSpec, file: &mut HashedFile<'_>) -> Result<()> {
    let none = || Error::Compute("the model has no rotary positions".into());
    let rope = source.rope.as_ref().ok_or_else(none)?;
    let mut bytes = Vec::new();
    for position in 0..spec.rows as usize {
        bytes.clear();
        for (sin, cos) in rope.at(position) {
            let value = if spec.id.part == Part::Cos { cos } else { sin };
            bytes.extend(value.to_le_bytes());
        }
        file.write(&bytes)?;
    }
    Ok(())
}

/// The scale of a row: its largest magnitude over 127.
fn scale(row: &[f32]) -> f32 {
    math::scale_of(row.iter().fold(0.0f32, |most, x| most.max(x.abs())), math::I8_MAX)
}

/// Appends the row as integers in [-127, 127]: each value over the scale, rounded to nearest even.
fn quantise_row(row: &[f32], bytes: &mut Vec<u8>) {
    let scale = scale(row);
    bytes.extend(row.iter().map(|x| math::quantise(*x, scale, math::I8_MAX) as i8 as u8));
}
