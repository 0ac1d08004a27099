//! Random models for tests and benchmarks: small ones of every kind of program, with weights of the
//! magnitudes that trained models have.

use crate::{
    math::canonical,
    weights::{DType, Module, Part, Weights},
};
use alloc::{vec, vec::Vec};
use vigil_architecture::{Activations, Architecture, Decoder, Encoder, Pooling, Sampling};

/// Number `counter` of the stream `seed`: SplitMix64 of `seed + (counter + 1) * golden ratio`.
pub fn random(seed: u64, counter: u64) -> u64 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    seed: u64,
    counter: u64,
}

impl Stream {
    /// The stream of a seed, from its start.
    pub fn new(seed: u64) -> Self {
        Self { seed, counter: 0 }
    }

    /// The next number.
    pub fn u64(&mut self) -> u64 {
        let value = random(self.seed, self.counter);
        self.counter += 1;
        value
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        (self.u64() % u64::from(end)) as u32
    }

    /// Uniform in [-1, 1), a multiple of 2^-23.
    pub fn unit(&mut self) -> f32 {
        ((self.u64() >> 40) as i32 - (1 << 23)) as f32 / 8_388_608.0
    }

    /// A weight.
    pub fn i8(&mut self) -> i8 {
        (self.below(255) as i32 - 127) as i8
    }

    /// Any bits, every NaN canonical.
    pub fn any_f32(&mut self) -> f32 {
        canonical(f32::from_bits(self.u64() as u32))
    }

    /// A row of one kind: ordinary, zero, signed zeros, denormal, tiny, huge, mixed, any bits.
    pub fn row(&mut self, width: usize, hostile: bool) -> Vec<f32> {
        let kind = self.below(if hostile { 16 } else { 10 });
        (0..width)
            .map(|_| match kind {
                0 => 0.0,
                1 => 0f32.copysign(self.unit()),
                2 => f32::from_bits(self.u64() as u32 & 0x807f_ffff),
                3 => self.unit() * 1e-30,
                4 => self.unit() * 1e30,
                5 => self.unit() * f32::from_bits((self.below(254) + 1) << 23),
                14 => f32::INFINITY.copysign(self.unit()),
                15 => self.any_f32(),
                13 if self.below(8) == 0 => f32::NAN,
                12 if self.below(8) == 0 => f32::INFINITY,
                _ => self.unit() * 4.0,
            })
            .collect()
    }

    /// Rows, each of a kind of its own.
    pub fn rows(&mut self, rows: usize, width: usize, hostile: bool) -> Vec<f32> {
        (0..rows).flat_map(|_| self.row(width, hostile)).collect()
    }
}

/// Random weights in canonical order, of the magnitudes that trained models have.
pub fn random_weights(architecture: &Architecture, seed: u64) -> Vec<u8> {
    let mut stream = Stream::new(seed);
    let mut bytes = Vec::new();
    for spec in Weights::new(architecture).iter() {
        let norm = matches!(
            spec.id.module,
            Module::EmbeddingNorm
                | Module::AttentionNorm(_)
                | Module::FeedForwardNorm(_)
                | Module::QueryNorm(_)
                | Module::KeyNorm(_)
                | Module::FinalNorm
        );
        for _ in 0..spec.elements() {
            match (spec.dtype, spec.id.part) {
                (_, Part::Zeros) => bytes.push(0),
                (DType::I8, _) => bytes.push(stream.i8() as u8),
                (_, Part::Scale) => bytes
                    .extend_from_slice(&((stream.unit() + 2.0) * (1.0 / 1_024.0)).to_le_bytes()),
                (_, Part::Weight) if norm => {
                    bytes.extend_from_slice(&(stream.unit() * 0.5 + 1.0).to_le_bytes());
                }
                (_, Part::Cos | Part::Sin) => bytes.extend_from_slice(&stream.unit().to_le_bytes()),
                _ => bytes.extend_from_slice(&(stream.unit() * 0.25).to_le_bytes()),
            }
        }
    }
    bytes
}

/// The weights file of a model with random weights.
pub fn weights_file(architecture: &Architecture, seed: u64) -> Vec<u8> {
    let mut file = Vec::new();
    let written = Weights::new(architecture).write_header(|bytes| {
        file.extend_from_slice(bytes);
        Ok::<_, core::convert::Infallible>(())
    });
    match written {
        Ok(()) => file.extend(random_weights(architecture, seed)),
        Err(never) => match never {},
    }
    file
}

/// Seeded sampling.
pub fn gumbel(seed: u64, temperature: f32, min_p: f32) -> Sampling {
    Sampling::Gumbel { seed, temperature: temperature.to_bits(), min_p: min_p.to_bits() }
}

/// Tiny models, each with a sampling: of both families, of every kind of row program, with rows of
/// less and of more than one chunk.
pub fn tiny_models() -> Vec<(Architecture, Sampling)> {
    let encoder = Encoder {
        vocabulary: 50,
        hidden: 6,
        layers: 2,
        heads: 2,
        intermediate: 5,
        positions: 80,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    };
    let decoder = Decoder {
        vocabulary: 50,
        hidden: 8,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_width: 4,
        intermediate: 12,
        positions: 80,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [Some(7), Some(21), None, None, None, None, None, None],
    };
    let encoders = [
        encoder,
        Encoder { pooling: Pooling::Cls, normalize: false, layers: 1, ..encoder },
        Encoder { activations: Activations::Int15, hidden: 8, heads: 1, ..encoder },
    ];
    let decoders = [
        (decoder, Sampling::Greedy),
        (Decoder { qk_norm: true, tied_head: true, layers: 1, ..decoder }, gumbel(7, 0.8, 0.05)),
        (
            Decoder { qkv_bias: true, activations: Activations::Int8, vocabulary: 700, ..decoder },
            gumbel(9, 2.0, 0.0),
        ),
    ];
    let encoders = encoders.map(|encoder| (Architecture::Encoder(encoder), Sampling::Greedy));
    let decoders = decoders.map(|(decoder, sampling)| (Architecture::Decoder(decoder), sampling));
    let mut models = vec![];
    models.extend(encoders);
    models.extend(decoders);
    models
}
