"""Prints Vigil's medians (criterion) beside onnxruntime's, with their ratio.

usage: compare.py ONNX_JSON CRITERION_GROUP_FOLDER
"""

import json
import pathlib
import sys

peer = json.loads(pathlib.Path(sys.argv[1]).read_text())
ours = {}
kernel = "?"
for estimates in pathlib.Path(sys.argv[2]).glob("*/*/new/estimates.json"):
    shape = estimates.parent.parent.name
    kernel, threads = estimates.parent.parent.parent.name.rsplit("_", 1)
    nanoseconds = json.loads(estimates.read_text())["median"]["point_estimate"]
    ours[f"{threads.split()[0]}/{shape}"] = nanoseconds / 1e9

print(f"Vigil's kernel: {kernel}")
print(f"{'threads':>7} {'texts x tokens':>15} {'Vigil ms':>9} {'onnxruntime ms':>15} {'Vigil tokens/s':>15} {'ratio':>6}")
for key in sorted(peer):
    threads, shape = key.split("/")
    batch, tokens = map(int, shape.split("x"))
    mine, theirs = ours[key], peer[key]
    rate = batch * tokens / mine
    print(f"{threads:>7} {shape:>15} {mine * 1e3:9.2f} {theirs * 1e3:15.2f} {rate:15,.0f} {theirs / mine:6.2f}")
