"""Writes the model that llama.cpp is measured with: a Llama of the shape of `SHAPE` in Q8_0 with
random weights. It has no vocabulary: speed is measured with token ids.

usage: gguf_model.py FILE [--tiny]
  --tiny   of the shape of `TINY`, to see whether llama.cpp runs at all
"""

import pathlib
import sys

import gguf
import numpy as np
from shape import SHAPE, TINY

BLOCK = 32  # weights of a Q8_0 block: one f16 scale and as many int8


def tensors(shape: dict[str, int]) -> list[tuple[str, int, int | None]]:
    """Names, rows and columns; a vector has no columns."""
    hidden, inner, vocabulary = shape["hidden"], shape["intermediate"], shape["vocabulary"]
    queries, keys = shape["heads"] * shape["head_width"], shape["kv_heads"] * shape["head_width"]
    out = [("token_embd", vocabulary, hidden), ("output_norm", hidden, None), ("output", vocabulary, hidden)]
    for layer in range(shape["layers"]):
        out += [
            (f"blk.{layer}.attn_norm", hidden, None),
            (f"blk.{layer}.attn_q", queries, hidden),
            (f"blk.{layer}.attn_k", keys, hidden),
            (f"blk.{layer}.attn_v", keys, hidden),
            (f"blk.{layer}.attn_output", hidden, queries),
            (f"blk.{layer}.ffn_norm", hidden, None),
            (f"blk.{layer}.ffn_gate", inner, hidden),
            (f"blk.{layer}.ffn_up", inner, hidden),
            (f"blk.{layer}.ffn_down", hidden, inner),
        ]
    return out


def q8_0(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random weights with a spread that keeps activations near 1, as the bytes of Q8_0 rows."""
    spread = np.float16(1 / (73.3 * np.sqrt(columns)))
    blocks = np.empty((rows, columns // BLOCK, 2 + BLOCK), np.uint8)
    blocks[..., :2] = np.frombuffer(spread.tobytes(), np.uint8)
    blocks[..., 2:] = rng.integers(-127, 128, (rows, columns // BLOCK, BLOCK), np.int8).view(np.uint8)
    return blocks.reshape(rows, -1)


def main() -> None:
    path = pathlib.Path(sys.argv[1])
    shape = TINY if "--tiny" in sys.argv[2:] else SHAPE
    partial = path.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    writer.add_context_length(shape["positions"])
    writer.add_embedding_length(shape["hidden"])
    writer.add_block_count(shape["layers"])
    writer.add_feed_forward_length(shape["intermediate"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_rope_dimension_count(shape["head_width"])
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape["vocabulary"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    rng = np.random.default_rng(1)
    for name, rows, columns in tensors(shape):
        if columns is None:
            writer.add_tensor(f"{name}.weight", np.ones(rows, np.float32))
        else:
            data = q8_0(rng, rows, columns)
            writer.add_tensor(f"{name}.weight", data, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    partial.rename(path)


main()
