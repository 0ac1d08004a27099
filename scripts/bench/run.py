"""Measures Vigil's engine and its peers in turns, and compares.

Every round asks Vigil and its peer the same question one after the other, so that what else the
machine does meets both. A figure is the median over the rounds; a ratio the median of the ratios
of the rounds. `scripts/bench-engine` prepares everything and calls this.
"""

import argparse
import json
import pathlib
import sys

from report import Report, instruction_sets, machine
from shape import SHAPE
from worker import Worker

PARTS = ["limits", "decode", "prefill", "batch", "encoder", "load"]
PROMPT = 16  # tokens before a decode
STEPS = 32  # decode steps of one measurement
PREFILL = 255
JOBS = 8
TEXTS = [(1, 16), (1, 128), (8, 128)]


class Bench:
    """Running workers and what they answered: seconds by (part, case, threads) and by who."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.workers: dict[tuple, Worker] = {}
        self.samples: dict[tuple, dict[str, list[float]]] = {}

    def worker(self, kind: str, threads: int) -> Worker:
        key = (kind, threads)
        if key not in self.workers:
            self.workers[key] = self.start(kind, threads)
        return self.workers[key]

    def start(self, kind: str, threads: int) -> Worker:
        o, here = self.options, pathlib.Path(__file__).parent
        kernel = [o.kernel] if o.kernel else []
        match kind:
            case "decoder":
                return Worker(o.speed, "decoder", o.package, threads, *kernel)
            case "llama":
                return Worker(sys.executable, here / "llama_worker.py", o.gguf, threads)
            case "encoder":
                return Worker(o.speed, "encoder", o.model, threads, *kernel)
            case "onnx":
                return Worker(sys.executable, here / "onnx_worker.py", o.model, o.work, threads)
        return Worker(o.speed, "limits")

    def add(self, part: str, case: str, threads: int, who: str, value: float) -> None:
        self.samples.setdefault((part, case, threads), {}).setdefault(who, []).append(value)

    def compare(self, turn: int, part: str, case: str, threads: int, kinds: tuple[str, str], **question) -> None:
        """Asks ours and the peer, in changing order."""
        who = list(zip(("vigil", "peer"), kinds))
        for name, kind in who if turn % 2 == 0 else reversed(who):
            seconds = self.worker(kind, threads).seconds(**question)
            self.add(part, case, threads, name, seconds)

    def round(self, turn: int, parts: list[str]) -> None:
        language = ("decoder", "llama")
        for threads in self.options.threads:
            if "limits" in parts:
                limits = self.worker("limits", 0).ask(threads=threads, kernel=self.kernel())
                for name in ("read_bytes_per_second", "multiplications_per_second"):
                    if limits[name]:
                        self.add("limits", name, threads, "vigil", limits[name])
            if "decode" in parts or "batch" in parts:
                question = {"do": "decode", "tokens_in": PROMPT, "tokens_out": STEPS + 1}
                self.compare(turn, "decode", "1", threads, language, **question)
            if "prefill" in parts:
                question = {"do": "prefill", "tokens_in": PREFILL}
                self.compare(turn, "prefill", str(PREFILL), threads, language, **question)
            if "batch" in parts:
                question = {"do": "batch", "jobs": JOBS, "tokens_in": PROMPT, "tokens_out": STEPS // 2 + 1}
                self.compare(turn, "batch", str(JOBS), threads, language, **question)
            if "encoder" in parts:
                for texts, tokens in TEXTS:
                    question = {"do": "encode", "texts": texts, "tokens": tokens}
                    self.compare(turn, "encoder", f"{texts} x {tokens}", threads, ("encoder", "onnx"), **question)
        if "load" in parts:
            self.load(self.options.threads[-1])

    def load(self, threads: int) -> None:
        """Starts fresh processes: how long they take and what memory they hold after a run."""
        for name, kind in (("vigil", "decoder"), ("peer", "llama")):
            worker = self.start(kind, threads)
            worker.ask(do="prefill", tokens_in=PREFILL)
            memory = worker.ask(do="memory")["resident_bytes"]
            self.add("load", "seconds", threads, name, worker.ready["load_seconds"])
            self.add("load", "resident_bytes", threads, name, memory)
            self.add("load", "package_bytes", threads, name, worker.ready["package_bytes"])
            worker.stop()

    def kernel(self) -> str:
        return self.options.kernel or self.worker("limits", 0).ready["kernel"]

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.stop()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench-engine", description=__doc__.split("\n\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(PARTS)}; all if none")
    parser.add_argument("--threads", default="1,2", help="numbers of threads, with commas (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (%(default)s)")
    parser.add_argument("--kernel", help="Vigil's kernel; the fastest if none")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write everything measured")
    for name in ("speed", "package", "gguf", "model", "work"):
        parser.add_argument(f"--{name}", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part {', '.join(unknown)}: choose from {', '.join(PARTS)}")
    options.threads = [int(threads) for threads in options.threads.split(",")]
    return options


def main() -> None:
    options = parse()
    parts = options.parts or PARTS
    bench = Bench(options)
    for turn in range(options.repeats):
        print(f"  round {turn + 1} of {options.repeats}", file=sys.stderr, flush=True)
        bench.round(turn, parts)
    systems = {worker.ready.get("system") for worker in bench.workers.values()} - {None}
    peer_sets = instruction_sets(next(iter(systems), ""))
    report = Report(SHAPE, bench.samples, {"prefill": PREFILL, "jobs": JOBS}, peer_sets)
    print(f"{machine()}; Vigil's kernel: {bench.kernel()}; medians of {options.repeats} rounds")
    report.print()
    if options.json:
        everything = {"machine": machine(), "kernel": bench.kernel(), "llama.cpp": peer_sets, "rows": report.rows}
        everything["samples"] = [
            {"part": part, "case": case, "threads": threads, **values}
            for (part, case, threads), values in bench.samples.items()
        ]
        options.json.write_text(json.dumps(everything, indent=2) + "\n")
    bench.stop()


main()
