"""Turns models as packages of PyPI carry them into Hugging Face folders, which `vigil pack` takes.

usage: convert.py smollm2|rxnfp|antiberty|minilm-l3 UNPACKED_WHEEL FOLDER [TOKENIZER_JSON]
       convert.py english UNPACKED_BROTLI FOLDER

`minilm-l3` comes without its tokenizer, which is that of every BERT of uncased English: name the
tokenizer.json of another one.

`english` is the proceedings of the Library of Congress's Workshop on Electronic Texts (1992, public
domain), which the Canterbury corpus and so every archive of Brotli's sources have as lcet10.txt: one
part to measure with, another to calibrate with.
"""

import collections
import json
import pathlib
import pickle
import re
import shutil
import sys
import zipfile

import numpy as np
from safetensors.numpy import save_file

Tensors = dict[str, np.ndarray]


def one(folder: pathlib.Path, pattern: str) -> pathlib.Path:
    found = sorted(folder.rglob(pattern))
    if not found:
        sys.exit(f"{folder} has no {pattern}")
    return found[0]


def write(folder: pathlib.Path, config: dict, tensors: Tensors, tokenizer: dict | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    if tokenizer is not None:
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    save_file({name: np.ascontiguousarray(x, np.float32) for name, x in tensors.items()}, folder / "model.safetensors")


# --- SmolLM2: a Llama as GGUF ---------------------------------------------------------------------

LLAMA_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def rotary_halves(x: np.ndarray, heads: int) -> np.ndarray:
    """GGUF lays the two channels of a rotary pair side by side, Hugging Face half a head apart."""
    rows = x.reshape(heads, x.shape[0] // heads // 2, 2, -1)
    return rows.swapaxes(1, 2).reshape(x.shape)


def smollm2(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    import gguf

    reader = gguf.GGUFReader(one(wheel, "*.gguf"))

    def field(name: str):
        return reader.fields[name].contents()

    heads, kv_heads = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    tensors: Tensors = {}
    for tensor in reader.tensors:
        x = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        parts = tensor.name.split(".")
        match parts:
            case ["token_embd", _]:
                name = "model.embed_tokens.weight"
            case ["output_norm", _]:
                name = "model.norm.weight"
            case ["blk", layer, part, _]:
                name = f"model.layers.{layer}.{LLAMA_NAMES[part]}.weight"
                if part in ("attn_q", "attn_k"):
                    x = rotary_halves(x, heads if part == "attn_q" else kv_heads)
            case _:
                sys.exit(f"{tensor.name} is not expected")
        tensors[name] = x
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "max_position_embeddings": field("llama.context_length"),
        "num_attention_heads": heads,
        "num_hidden_layers": field("llama.block_count"),
        "num_key_value_heads": kv_heads,
        "rms_norm_eps": 1e-5,
        "rope_theta": field("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "vocab_size": field("llama.vocab_size"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }
    words = field("tokenizer.ggml.tokens")
    special = [i for i, kind in enumerate(field("tokenizer.ggml.token_type")) if kind == 3]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(i, words[i]) for i in special],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {word: i for i, word in enumerate(words)},
            "merges": field("tokenizer.ggml.merges"),
        },
    }
    write(folder, config, tensors, tokenizer)


def added(number: int, word: str) -> dict:
    return {
        "id": number,
        "content": word,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


# --- BERTs as PyTorch files -----------------------------------------------------------------------


def torch_file(path: pathlib.Path) -> Tensors:
    """The tensors of a `pytorch_model.bin`, without PyTorch and without running what is in it."""
    if not zipfile.is_zipfile(path):
        return legacy_torch_file(path)
    with zipfile.ZipFile(path) as archive:
        root = next(name for name in archive.namelist() if name.endswith("/data.pkl")).rsplit("/", 1)[0]

        def storage(parts) -> np.ndarray:
            _, kind, key, _, _ = parts
            return np.frombuffer(archive.read(f"{root}/data/{key}"), kind)

        return unpickle(archive.open(f"{root}/data.pkl"), storage)


def legacy_torch_file(path: pathlib.Path) -> Tensors:
    """Files of PyTorch before 1.6: several pickles, then every storage with its length."""
    with path.open("rb") as file:
        for _ in range(3):
            Loader(file, None).load()
        storages: dict[str, np.ndarray] = {}
        kinds: dict[str, str] = {}

        def storage(parts) -> np.ndarray:
            _, kind, key, _, count = parts[:5]
            kinds[key] = kind
            return storages.setdefault(key, np.zeros(count, kind))

        tensors = unpickle(file, storage)
        for key in Loader(file, None).load():
            (count,) = np.frombuffer(file.read(8), "<i8")
            data = np.frombuffer(file.read(int(count) * np.dtype(kinds[key]).itemsize), kinds[key])
            storages[key][:] = data
    return tensors


class Loader(pickle.Unpickler):
    """Knows tensors and dictionaries, and refuses to call anything else."""

    def __init__(self, file, storage) -> None:
        super().__init__(file)
        self.storage = storage

    def persistent_load(self, parts):
        return self.storage(parts)

    def find_class(self, module: str, name: str):
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): rebuild,
            ("torch", "FloatStorage"): "<f4",
            ("torch", "HalfStorage"): "<f2",
            ("torch", "LongStorage"): "<i8",
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is not expected in a file of tensors")
        return known[module, name]


def rebuild(storage: np.ndarray, offset: int, shape: tuple, stride: tuple, *_) -> np.ndarray:
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides, writeable=False)


def unpickle(file, storage) -> Tensors:
    return {name: x for name, x in Loader(file, storage).load().items() if isinstance(x, np.ndarray)}


def word_tokenizer(words: list[str], pattern: str) -> dict:
    """One token for every match of the pattern, between [CLS] and [SEP]."""
    number = {word: i for i, word in enumerate(words)}
    special = {word: {"id": word, "ids": [number[word]], "tokens": [word]} for word in ("[CLS]", "[SEP]")}
    piece = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(number[word], word) for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": piece + [{"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
            "pair": piece + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": special,
        },
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": number, "unk_token": "[UNK]"},
    }


# The tokens of SMILES, as rxnfp/tokenization.py has them.
SMILES = (
    r"(\%\([0-9]{3}\)|\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\||\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>>?|\*|\$"
    r"|\%[0-9]{2}|[0-9])"
)


def rxnfp(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    model = one(wheel, "bert_ft/pytorch_model.bin").parent
    config = json.loads((model / "config.json").read_text()) | {"model_type": "bert"}
    words = (model / "vocab.txt").read_text().split("\n")[: config["vocab_size"]]
    write(folder, config, torch_file(model / "pytorch_model.bin"), word_tokenizer(words, SMILES))
    # A reaction's fingerprint is the vector of its first token.
    prefix = "sentence_transformers.models."
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": prefix + "Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": prefix + "Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))


def antiberty(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    model = one(wheel, "AntiBERTy_md_smooth/pytorch_model.bin").parent
    config = json.loads((model / "config.json").read_text())
    words = one(wheel, "vocab.txt").read_text().split()
    write(folder, config, torch_file(model / "pytorch_model.bin"), word_tokenizer(words, "[A-Z]"))


# --- MiniLM-L3 as ONNX ----------------------------------------------------------------------------


def minilm_l3(wheel: pathlib.Path, folder: pathlib.Path) -> None:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(one(wheel, "*.onnx")).graph
    values = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
    prefix = "model.0.auto_model."
    tensors = {name.removeprefix(prefix): x for name, x in values.items() if name.startswith(prefix)}
    # The matrices of projections lost their names, and lie transposed; their nodes have the names.
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in values and "/auto_model/" in node.name:
            path = node.name.split("/auto_model/")[1].removesuffix("/MatMul")
            tensors[path.replace("/", ".") + ".weight"] = values[node.input[1]].T
    layers = 1 + max(int(name.split(".")[2]) for name in tensors if name.startswith("encoder.layer."))
    positions, hidden = tensors["embeddings.position_embeddings.weight"].shape
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "intermediate_size": len(tensors["encoder.layer.0.intermediate.dense.bias"]),
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": positions,
        "num_attention_heads": 12,
        "num_hidden_layers": layers,
        "type_vocab_size": 2,
        "vocab_size": len(tensors["embeddings.word_embeddings.weight"]),
    }
    write(folder, config, tensors, None)


def english(sources: pathlib.Path, folder: pathlib.Path) -> None:
    text = one(sources, "lcet10.txt").read_text("latin-1")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", text)]
    prose = [part for part in paragraphs if len(part.split()) >= 40]
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in {"english.txt": prose[100:130], "english-calibration.txt": prose[300:330]}.items():
        (folder / name).write_text("\n\n".join(part) + "\n")


def main() -> None:
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    kind, wheel, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    kinds = {"smollm2": smollm2, "rxnfp": rxnfp, "antiberty": antiberty, "minilm-l3": minilm_l3, "english": english}
    if kind not in kinds:
        sys.exit(f"{kind} is none of {', '.join(kinds)}")
    kinds[kind](wheel, folder)
    if len(sys.argv) == 5:
        shutil.copyfile(sys.argv[4], folder / "tokenizer.json")


main()
