//! `weights.safetensors`: the canonical bytes around the canonical weights.
//!
//! The layout follows from the architecture alone, so there is one valid header for an
//! architecture and one valid length. A file is checked against both before anything in it is
//! believed or allocated: a header that claims 10 GB in a small file is a header that differs.

use super::manifest::shorten;
use serde_json::Value;
use vigil_architecture::Architecture;
use vigil_ops::weights::{DType, Part, TensorSpec, Weights};

/// The canonical header of `weights.safetensors`, as `vigil_ops` lays it out.
pub fn header(architecture: &Architecture) -> Vec<u8> {
    let weights = Weights::new(architecture);
    let mut header = Vec::with_capacity(usize::try_from(weights.header_len()).unwrap_or(0));
    let written = weights.write_header(|bytes| {
        header.extend_from_slice(bytes);
        Ok::<_, std::convert::Infallible>(())
    });
    match written {
        Ok(()) => header,
    }
}

/// Checks a whole file: length, header, and that no weight is -128, no scale negative, no cosine
/// or sine outside [-1, 1], no float NaN or infinite, and the padding zeros. Allocates no more than
/// the header.
pub(crate) fn check(file: &[u8], architecture: &Architecture) -> Result<(), String> {
    let header = header(architecture);
    let Some(data) = file.strip_prefix(header.as_slice()) else {
        return Err(difference(file, architecture, header.len()));
    };
    let len = Weights::new(architecture).size();
    if data.len() as u64 != len {
        return Err(format!(
            "it has {} bytes behind its header, the architecture needs exactly {len}",
            data.len()
        ));
    }
    for spec in Weights::new(architecture).iter() {
        let bytes = slice(data, &spec)?;
        match spec.dtype {
            _ if spec.id.part == Part::Zeros => check_zeros(bytes)?,
            DType::I8 => check_weights(bytes, &spec)?,
            _ => check_floats(bytes, &spec)?,
        }
    }
    Ok(())
}

/// The bytes of one tensor, out of those behind the header.
pub(crate) fn slice<'a>(data: &'a [u8], spec: &TensorSpec) -> Result<&'a [u8], String> {
    let start = usize::try_from(spec.offset).ok();
    let end = usize::try_from(spec.offset.saturating_add(spec.size())).ok();
    start
        .zip(end)
        .and_then(|(start, end)| data.get(start..end))
        .ok_or_else(|| format!("it ends before the tensor {}", spec.id))
}

fn check_zeros(bytes: &[u8]) -> Result<(), String> {
    match bytes.iter().position(|byte| *byte != 0) {
        Some(at) => Err(format!("the padding is not zero at byte {at}")),
        None => Ok(()),
    }
}

fn check_weights(bytes: &[u8], spec: &TensorSpec) -> Result<(), String> {
    // Whole blocks first: the loop without an exit is the one that vectorises.
    let bad = |block: &[u8]| block.iter().fold(false, |bad, byte| bad | (*byte == 0x80));
    if !bytes.chunks(1 << 12).any(bad) {
        return Ok(());
    }
    let at = bytes.iter().position(|byte| *byte == 0x80).unwrap_or(0);
    Err(format!("the tensor {} has -128 at element {at}: weights go from -127 to 127", spec.id))
}

fn check_floats(bytes: &[u8], spec: &TensorSpec) -> Result<(), String> {
    for (at, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
        if let Some(flaw) = spec.flaw(bytes) {
            let value = f32::from_le_bytes(*bytes);
            return Err(format!("the tensor {} has {value} at element {at}: {flaw}", spec.id));
        }
    }
    Ok(())
}

/// Says where the header of a file differs from the canonical one of `canonical` bytes. The file
/// is a stranger's: its header is looked at only if it is not much larger.
fn difference(file: &[u8], architecture: &Architecture, canonical: usize) -> String {
    let most = canonical.saturating_mul(4);
    let len = match file.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) {
        Some(len) if len <= most as u64 => len as usize,
        Some(len) => return format!("its header claims {len} bytes, at most {most} make sense"),
        None => return "it ends within the length of its header".into(),
    };
    let Some(json) = file.get(8..len.saturating_add(8)) else {
        return format!("it ends within its header of {len} bytes");
    };
    let Ok(Value::Object(found)) = serde_json::from_slice::<Value>(json) else {
        return "its header is not a safetensors header".into();
    };
    let weights = Weights::new(architecture);
    for spec in weights.iter() {
        let Some(entry) = found.get(&spec.id.to_string()) else {
            return format!("the tensor {} is missing", spec.id);
        };
        let dtype = entry.get("dtype").and_then(Value::as_str).unwrap_or("untyped");
        let shape = entry.get("shape").and_then(Value::as_array);
        let numbers: Option<Vec<u64>> =
            shape.and_then(|shape| shape.iter().map(Value::as_u64).collect());
        let expected: Vec<u64> = spec.shape().map(|n| n as u64).collect();
        if dtype != spec.dtype.name() || numbers.as_ref() != Some(&expected) {
            return format!(
                "the tensor {} is {} of shape {}, the architecture needs {} of shape {expected:?}",
                spec.id,
                shorten(dtype),
                numbers.map_or("unknown".into(), |shape| shorten(&format!("{shape:?}"))),
                spec.dtype.name(),
            );
        }
    }
    let names: std::collections::BTreeSet<String> =
        weights.iter().map(|spec| spec.id.to_string()).collect();
    match found.keys().find(|name| !names.contains(*name)) {
        Some(name) => format!("it has a tensor {:?} that the architecture lacks", shorten(name)),
        None => {
            "its header is not in canonical form: pack the model again with `vigil pack`".into()
        }
    }
}
