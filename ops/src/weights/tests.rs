use super::*;
use std::string::ToString;
use vigil_architecture::{Activations, Decoder, Encoder, Pooling};

fn encoder() -> Encoder {
    Encoder {
        vocabulary: 30_522,
        hidden: 384,
        layers: 12,
        heads: 12,
        intermediate: 1_536,
        positions: 512,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Mean,
        normalize: true,
        activations: Activations::Int8,
    }
}

fn decoder() -> Decoder {
    Decoder {
        vocabulary: 32_000,
        hidden: 512,
        layers: 8,
        heads: 8,
        kv_heads: 2,
        head_width: 96,
        intermediate: 1_024,
        positions: 256,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: false,
        qkv_bias: true,
        qk_norm: true,
        activations: Activations::Int15,
        stop_tokens: [None; 8],
    }
}

/// One of each family, and a decoder with nothing optional.
fn all() -> [Weights; 3] {
    let plain = Decoder { tied_head: true, qkv_bias: false, qk_norm: false, ..decoder() };
    [
        Weights::new(&Architecture::Encoder(encoder())),
        Weights::new(&Architecture::Decoder(decoder())),
        Weights::new(&Architecture::Decoder(plain)),
    ]
}

#[test]
fn offsets_should_leave_no_gap() {
    for weights in all() {
        let mut offset = 0;
        for spec in weights.iter() {
            assert_eq!(spec.offset, offset, "{}", spec.id);
            assert_eq!(spec.shape().product::<usize>() as u64, spec.elements());
            offset += spec.size();
        }
        assert_eq!(weights.size(), offset);
        assert_eq!(weights.iter().count(), weights.len());
        assert_eq!(weights.get(weights.len()), None);
    }
}

#[test]
fn the_order_should_be_f32_then_padding_then_whole_rows_and_by_name() {
    for weights in all() {
        let keys: Vec<_> = weights
            .iter()
            .map(|spec| {
                let whole = spec.columns.is_some_and(|columns| columns % 1_024 == 0);
                let section = match (spec.id.part, spec.dtype) {
                    (Part::Zeros, _) => 1,
                    (_, DType::F32) => 0,
                    _ if whole => 2,
                    _ => 3,
                };
                (section, spec.id.to_string())
            })
            .collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }
}

#[test]
fn a_row_of_whole_chunks_should_begin_with_a_chunk() {
    for weights in all() {
        let header = weights.header_len();
        assert_eq!(header % CHUNK, 0);
        let matrices: Vec<_> = weights.iter().filter(|spec| spec.id.part == Part::Weight).collect();
        let first = matrices.iter().find(|spec| spec.dtype == DType::I8).unwrap();
        assert_eq!(first.offset % CHUNK, 0, "{}", first.id);
        let whole = |spec: &&TensorSpec| {
            spec.dtype == DType::I8
                && spec.columns.is_some_and(|columns| u64::from(columns) % CHUNK == 0)
        };
        for spec in matrices.iter().filter(whole) {
            assert_eq!((header + spec.offset) % CHUNK, 0, "{}", spec.id);
        }
        for spec in weights.iter().filter(|spec| spec.dtype == DType::F32) {
            assert_eq!((header + spec.offset) % 4, 0, "{}", spec.id);
        }
    }
    // Of the samples, the decoders have such rows: their feed-forward layer is 1,024 wide.
    let [_, decoder, _] = all();
    let down = TensorId { module: Module::Down(7), part: Part::Weight };
    assert_eq!(decoder.find(down).map(|spec| spec.offset % CHUNK), Some(0));
}

#[test]
fn the_padding_should_be_there_only_where_it_is_needed() {
    let zeros = TensorId { module: Module::Padding, part: Part::Zeros };
    for weights in all() {
        let floats: u64 =
            weights.iter().filter(|spec| spec.dtype == DType::F32).map(|spec| spec.size()).sum();
        let padding = weights.find(zeros).map_or(0, |spec| spec.size());
        assert_eq!(padding, floats.next_multiple_of(CHUNK) - floats);
    }
    let even = Encoder {
        vocabulary: 1_024,
        hidden: 256,
        layers: 1,
        heads: 2,
        intermediate: 256,
        positions: 256,
        token_types: 256,
        ..encoder()
    };
    assert_eq!(Weights::new(&Architecture::Encoder(even)).find(zeros), None);
}

#[test]
fn what_is_optional_should_be_there_only_when_asked_for() {
    let [_, full, plain] = all();
    // Three biases and two normalisations a layer, and a head of two tensors.
    assert_eq!(full.len(), plain.len() + 8 * 5 + 2);
    let head = TensorId { module: Module::Head, part: Part::Weight };
    assert_eq!(full.find(head).map(|spec| spec.elements()), Some(32_000 * 512));
    assert_eq!(plain.find(head), None);
    let cos = TensorId { module: Module::Rotary, part: Part::Cos };
    assert_eq!(
        plain.find(cos).map(|spec| (spec.dtype, spec.elements())),
        Some((DType::F32, 256 * 48))
    );
}

#[test]
fn absurd_dimensions_should_saturate() {
    let absurd = Encoder {
        vocabulary: u32::MAX,
        hidden: u32::MAX,
        intermediate: u32::MAX,
        layers: u16::MAX,
        ..encoder()
    };
    assert_eq!(Weights::new(&Architecture::Encoder(absurd)).size(), u64::MAX);
}

#[test]
fn find_should_invert_get() {
    for weights in all() {
        for spec in weights.iter() {
            assert_eq!(weights.find(spec.id), Some(spec));
        }
        let absent = TensorId { module: Module::Query(12), part: Part::Weight };
        assert_eq!(weights.find(absent), None);
        let absent = TensorId { module: Module::EmbeddingNorm, part: Part::Scale };
        assert_eq!(weights.find(absent), None);
    }
}
