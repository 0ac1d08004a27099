//! The header of `weights.safetensors`: eight bytes of length, then JSON.
//!
//! No metadata, tensors in canonical order, no spaces but those after the JSON that make the header
//! whole chunks. There is one valid header for an architecture.

use super::{DType, TensorSpec, Weights, CHUNK};
use core::fmt::{self, Write};

/// Bytes before the JSON: its length, u64, little-endian.
const LENGTH: u64 = 8;

impl DType {
    /// The name that safetensors gives it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::I8 => "I8",
            Self::I16 => "I16",
            Self::I32 => "I32",
            Self::U32 => "U32",
        }
    }
}

impl Weights {
    /// Bytes of the header: a multiple of [`CHUNK`].
    ///
    /// Nothing is allocated. The cost grows with the number of tensors, at most 5,900.
    pub fn header_len(&self) -> u64 {
        let mut json = Count(LENGTH);
        // Counting refuses nothing.
        let _ = self.write_json(&mut json);
        json.0.checked_next_multiple_of(CHUNK).unwrap_or(u64::MAX)
    }

    /// Writes the header as it stands in the file, piece by piece.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_header<E>(&self, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let (json, whole) = (self.json_len(), self.header_len());
        out(&whole.saturating_sub(LENGTH).to_le_bytes())?;
        let mut failed = None;
        let mut sink =
            Sink(|bytes: &[u8]| out(bytes).map_err(|error| failed = Some(error)).is_ok());
        let written = self.write_json(&mut sink);
        if let (Err(fmt::Error), Some(error)) = (written, failed) {
            return Err(error);
        }
        for _ in json.saturating_add(LENGTH)..whole {
            out(b" ")?;
        }
        Ok(())
    }

    fn json_len(&self) -> u64 {
        let mut json = Count(0);
        let _ = self.write_json(&mut json);
        json.0
    }

    fn write_json(&self, out: &mut impl Write) -> fmt::Result {
        out.write_char('{')?;
        for (index, spec) in self.iter().enumerate() {
            if index > 0 {
                out.write_char(',')?;
            }
            write_entry(&spec, out)?;
        }
        out.write_char('}')
    }
}

fn write_entry(spec: &TensorSpec, out: &mut impl Write) -> fmt::Result {
    write!(out, r#""{}":{{"dtype":"{}","shape":[{}"#, spec.id, spec.dtype.name(), spec.rows)?;
    if let Some(columns) = spec.columns {
        write!(out, ",{columns}")?;
    }
    let end = spec.offset.saturating_add(spec.size());
    write!(out, r#"],"data_offsets":[{},{end}]}}"#, spec.offset)
}

/// Counts bytes and keeps none.
struct Count(u64);

impl Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.len() as u64);
        Ok(())
    }
}

/// Hands bytes on until they are not taken.
struct Sink<F>(F);

impl<F: FnMut(&[u8]) -> bool> Write for Sink<F> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if (self.0)(text.as_bytes()) {
            Ok(())
        } else {
            Err(fmt::Error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, string::String, vec::Vec};
    use vigil_architecture::{Activations, Architecture, Decoder};

    fn weights(layers: u16) -> Weights {
        Weights::new(&Architecture::Decoder(Decoder {
            vocabulary: 100,
            hidden: 16,
            layers,
            heads: 2,
            kv_heads: 1,
            head_width: 8,
            intermediate: 32,
            positions: 8,
            rms_norm_eps: 1e-6f32.to_bits(),
            tied_head: true,
            qkv_bias: false,
            qk_norm: false,
            activations: Activations::Int15,
            stop_tokens: [None; 8],
        }))
    }

    fn written(weights: &Weights) -> Vec<u8> {
        let mut bytes = Vec::new();
        let out = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<_, ()>(())
        };
        weights.write_header(out).unwrap();
        bytes
    }

    #[test]
    fn a_header_should_be_as_long_as_it_says_and_end_with_a_chunk() {
        for layers in [1, 2, 9, 256] {
            let weights = weights(layers);
            let bytes = written(&weights);
            assert_eq!(bytes.len() as u64, weights.header_len());
            assert_eq!(bytes.len() as u64 % CHUNK, 0);
            let said = u64::from_le_bytes(*bytes.first_chunk().unwrap());
            assert_eq!(said, weights.header_len() - 8);
            let json = core::str::from_utf8(&bytes[8..]).unwrap();
            assert!(json.starts_with(r#"{"embeddings.rotary.cos":{"dtype":"F32","shape":[8,4],"#));
            assert!(json.trim_end_matches(' ').ends_with("]}}"));
        }
    }

    #[test]
    fn a_header_should_name_every_tensor_with_its_place() {
        let weights = weights(2);
        let bytes = written(&weights);
        let json = String::from_utf8(bytes[8..].to_vec()).unwrap();
        for spec in weights.iter() {
            let (start, end) = (spec.offset, spec.offset + spec.size());
            let name = format!(r#""{}":{{"dtype":"{}""#, spec.id, spec.dtype.name());
            assert!(json.contains(&name), "{name}");
            let place = format!(r#""data_offsets":[{start},{end}]}}"#);
            assert!(json.contains(&place), "{place}");
        }
    }

    #[test]
    fn writing_should_stop_at_the_first_error() {
        let mut pieces = 0;
        let failed = weights(2).write_header(|_: &[u8]| {
            pieces += 1;
            if pieces == 5 {
                Err("full")
            } else {
                Ok(())
            }
        });
        assert_eq!((failed, pieces), (Err("full"), 5));
    }
}
