"""Measures onnxruntime in dynamic int8, one question at a time: the peer of Vigil's encoders.

The ONNX graph is built from the Hugging Face folder by hand (no torch), quantised per channel by
onnxruntime's own tool, and also run through onnxruntime's transformer fusions; the faster of the
two is reported, so that the peer is measured at its best.

usage: onnx_worker.py HF_FOLDER WORK_FOLDER THREADS
prints one line of JSON when ready, then answers lines of JSON with lines of JSON
"""

import json
import logging
import pathlib
import statistics
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.numpy import load_file

def build(folder: pathlib.Path, path: pathlib.Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    weights = {name.removeprefix("bert."): value for name, value in weights.items()}
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    nodes, inits = [], {}

    def const(name, value):
        inits[name] = numpy_helper.from_array(np.asarray(value), name)
        return name

    def node(op, inputs, name, **attributes):
        nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def linear(x, prefix, name):
        w = const(prefix + ".weight", np.ascontiguousarray(weights[prefix + ".weight"].T))
        b = const(prefix + ".bias", weights[prefix + ".bias"])
        return node("Add", [b, node("MatMul", [x, w], name + ".mm")], name)

    def norm(x, prefix, name):
        scale = const(prefix + ".weight", weights[prefix + ".weight"])
        bias = const(prefix + ".bias", weights[prefix + ".bias"])
        return node("LayerNormalization", [x, scale, bias], name, axis=-1, epsilon=config["layer_norm_eps"])

    words = const("words", weights["embeddings.word_embeddings.weight"])
    positions = const("positions", weights["embeddings.position_embeddings.weight"])
    kind = const("kind", weights["embeddings.token_type_embeddings.weight"][0])
    length = node("Gather", [node("Shape", ["ids"], "shape"), const("one", np.int64(1))], "length", axis=0)
    span = node("Range", [const("zero", np.int64(0)), length, const("step", np.int64(1))], "span")
    x = node("Add", [node("Gather", [words, "ids"], "w"), node("Gather", [positions, span], "p")], "wp")
    x = norm(node("Add", [x, kind], "embedded"), "embeddings.LayerNorm", "x0")

    split = const("split", np.array([0, 0, heads, hidden // heads], np.int64))
    merge = const("merge", np.array([0, 0, hidden], np.int64))
    root = const("root", np.float32(np.sqrt(hidden // heads)))
    sqrt2, half, unit = const("sqrt2", np.float32(np.sqrt(2))), const("half", np.float32(0.5)), const("unit", np.float32(1))
    for i in range(config["num_hidden_layers"]):
        layer, n = f"encoder.layer.{i}.", f"l{i}."

        def head(which, perm):
            y = linear(x, layer + f"attention.self.{which}", n + which)
            return node("Transpose", [node("Reshape", [y, split], n + which + ".r")], n + which + ".t", perm=perm)

        q, k, v = head("query", [0, 2, 1, 3]), head("key", [0, 2, 3, 1]), head("value", [0, 2, 1, 3])
        scores = node("Div", [node("MatMul", [q, k], n + "qk"), root], n + "scores")
        mixed = node("MatMul", [node("Softmax", [scores], n + "p", axis=-1), v], n + "pv")
        mixed = node("Reshape", [node("Transpose", [mixed], n + "pv.t", perm=[0, 2, 1, 3]), merge], n + "mixed")
        y = linear(mixed, layer + "attention.output.dense", n + "out")
        x = norm(node("Add", [y, x], n + "res1"), layer + "attention.output.LayerNorm", n + "x1")
        y = linear(x, layer + "intermediate.dense", n + "up")
        erf = node("Add", [node("Erf", [node("Div", [y, sqrt2], n + "g1")], n + "g2"), unit], n + "g3")
        y = node("Mul", [node("Mul", [y, erf], n + "g4"), half], n + "gelu")
        y = linear(y, layer + "output.dense", n + "down")
        x = norm(node("Add", [y, x], n + "res2"), layer + "output.LayerNorm", n + "x2")
    node("ReduceMean", [x, const("axis", np.array([1], np.int64))], "embedding", keepdims=0)

    graph = helper.make_graph(
        nodes,
        "encoder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", hidden])],
        list(inits.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def variants(folder: pathlib.Path, work: pathlib.Path) -> list[pathlib.Path]:
    """Quantised as built (onnxruntime fuses at load), and with attention fused before quantising."""
    plain = work / "float.onnx"
    build(folder, plain)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(work / "fused.onnx")
    ort.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
    out = []
    for source in (plain, work / "fused.onnx"):
        target = source.with_suffix(".int8.onnx")
        quantize_dynamic(
            source,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": TensorProto.FLOAT},
        )
        out.append(target)
    return out


def median_seconds(session: ort.InferenceSession, ids: np.ndarray) -> float:
    for _ in range(3):
        session.run(None, {"ids": ids})
    times, end = [], time.perf_counter() + 0.8
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        session.run(None, {"ids": ids})
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    folder, work, threads = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    logging.getLogger().setLevel(logging.ERROR)  # quantize_dynamic warns of every tensor
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    sessions = [
        ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for path in variants(folder, work)
    ]
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    rng = np.random.default_rng(1)
    print(json.dumps({"version": ort.__version__}), flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        ids = rng.integers(0, vocabulary, (question["texts"], question["tokens"]), dtype=np.int64)
        seconds = min(median_seconds(session, ids) for session in sessions)
        print(json.dumps({"seconds": seconds}), flush=True)


main()
