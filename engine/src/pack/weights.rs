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
use rayon::prelude::*;
use std::{collections::HashMap, path::Path};
use vigil_ops::{
    math,
    tensor::{round_compensated, weight_scale},
    weights::{DType, Module, Part, TensorSpec, Weights},
    Kernel,
};

/// Rows of a matrix that are quantised together, by all threads.
const BLOCK: usize = 256;

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
    let mut writer = Writer { source, smoothing, kernel: Kernel::best(), scales: HashMap::new() };
    for spec in Weights::new(architecture).iter() {
        let name = spec.id.to_string();
        match names::origin(&spec, architecture) {
            Some(Origin::Tensor(stored, rows, columns)) => {
                writer.tensor(&spec, &Stored { name: stored, rows, columns }, &mut file)?;
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

struct Writer<'a> {
    source: &'a Source,
    smoothing: &'a Smoothing,
    kernel: Kernel,
    /// Scales of rows, which come before the rows in the file.
    scales: HashMap<Module, Vec<f32>>,
}

impl Writer<'_> {
    fn tensor(
        &mut self,
        spec: &TensorSpec,
        stored: &Stored,
        file: &mut HashedFile<'_>,
    ) -> Result<()> {
        // Checks the shape against the mapped file before anything is allocated by it.
        let from = self.source.tensors.tensor(&stored.name, stored.rows, stored.columns)?;
        let module = spec.id.module;
        let mut block = vec![0.0; BLOCK.min(stored.rows).saturating_mul(stored.columns)];
        for first in (0..stored.rows).step_by(BLOCK) {
            let rows = BLOCK.min(stored.rows.saturating_sub(first));
            let len = rows.saturating_mul(stored.columns);
            let block = block.get_mut(..len).unwrap_or_default();
            for (index, row) in (first..).zip(block.chunks_mut(stored.columns)) {
                from.read_row(index, row)?;
                self.smoothing.apply(spec.id, index, row);
            }
            let bytes: Vec<u8> = match (spec.dtype, spec.id.part) {
                (DType::I8, _) => {
                    let range = first..first.saturating_add(rows);
                    let scales = self.scales.get(&module).and_then(|scales| scales.get(range));
                    let scales = scales.unwrap_or_default();
                    match self.smoothing.compensation(module) {
                        Some(factor) => self.compensated(block, scales, factor)?,
                        None => block
                            .par_chunks(stored.columns)
                            .zip(scales)
                            .flat_map_iter(|(row, scale)| quantised(row, *scale))
                            .collect(),
                    }
                }
                (_, Part::Scale) => {
                    let importance = self.smoothing.importance(module);
                    let scale = |row| weight_scale(self.kernel, row, importance);
                    let scales = block.par_chunks(stored.columns).map(scale);
                    let scales: std::result::Result<Vec<f32>, _> = scales.collect();
                    let scales = scales.map_err(|error| Error::Compute(error.to_string()))?;
                    self.scales.entry(module).or_default().extend(&scales);
                    scales.iter().flat_map(|scale| scale.to_le_bytes()).collect()
                }
                _ => block.iter().flat_map(|x| x.to_le_bytes()).collect(),
            };
            file.write(&bytes)?;
        }
        Ok(())
    }

    /// Rows as integers, the errors of each given to its other columns.
    fn compensated(&self, block: &mut [f32], scales: &[f32], factor: &[f32]) -> Result<Vec<u8>> {
        /// Rows of a task.
        const ROWS: usize = 32;
        let width = block.len().checked_div(scales.len()).unwrap_or(0).max(1);
        let mut q = vec![0i8; block.len()];
        let tasks = block
            .par_chunks_mut(ROWS.saturating_mul(width))
            .zip(q.par_chunks_mut(ROWS.saturating_mul(width)))
            .zip(scales.par_chunks(ROWS));
        let rounded: std::result::Result<(), _> = tasks
            .map(|((rows, q), scales)| round_compensated(self.kernel, rows, scales, factor, q))
            .collect();
        rounded.map_err(|error| Error::Compute(error.to_string()))?;
        Ok(q.into_iter().map(|q| q as u8).collect())
    }
}

/// A row as integers in [-127, 127]: each value over the scale, rounded to nearest even.
fn quantised(row: &[f32], scale: f32) -> impl Iterator<Item = u8> + '_ {
    row.iter().map(move |x| math::quantise(*x, scale, math::I8_MAX) as i8 as u8)
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
