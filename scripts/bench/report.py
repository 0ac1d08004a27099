"""Tables of what was measured, with ratios, shares of the machine's limits, and targets."""

import pathlib
import platform
import statistics

GIGA = 1e9
# What a ratio to the peer must at least be, by part and case.
TARGETS = {
    ("decode", "1"): 1.1,
    ("prefill", "255"): 3.0,
    ("encoder", "8 x 128"): 1.2,
    ("encoder", "1 x 16"): 1.5,
}
BATCH_TARGET = 4.0  # tokens per second of all jobs together over those of one
LOAD_TARGET = 3.0  # seconds
MEMORY_TARGET = 1.15  # resident bytes over those of the package and the cache


def machine() -> str:
    """The processor and how many of it there are."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    fields = [line.partition(":") for line in lines]
    values = {name.strip(): value.strip() for name, _, value in fields}
    cores = sum(name.strip() == "processor" for name, _, _ in fields)
    name = values.get("model name", platform.processor())
    return f"{name} (family {values.get('cpu family')}, model {values.get('model')}), {cores} processors"


class Report:
    """One row per question; `rows` is what the tables are printed from."""

    def __init__(self, shape: dict[str, int], samples: dict, sizes: dict[str, int], peer_sets: str) -> None:
        self.shape, self.samples, self.sizes, self.peer_sets = shape, samples, sizes, peer_sets
        self.rows = [row for key in samples if (row := self.row(*key))]

    def median(self, part: str, case: str, threads: int, who: str = "vigil") -> float | None:
        values = self.samples.get((part, case, threads), {}).get(who)
        return statistics.median(values) if values else None

    def ratio(self, part: str, case: str, threads: int) -> float:
        """How much faster than the peer."""
        values = self.samples[part, case, threads]
        return statistics.median(peer / ours for ours, peer in zip(values["vigil"], values["peer"]))

    def row(self, part: str, case: str, threads: int) -> dict | None:
        if part in ("limits", "load"):
            return None
        row = {"part": part, "case": case, "threads": threads}
        row["seconds"] = self.median(part, case, threads)
        row["peer_seconds"] = self.median(part, case, threads, "peer")
        row["ratio"] = self.ratio(part, case, threads)
        if part == "encoder":
            texts, tokens = map(int, case.split(" x "))
            row["tokens_per_second"] = texts * tokens / row["seconds"]
        else:
            tokens = int(case)
            row["tokens_per_second"] = tokens / row["seconds"]
            row["peer_tokens_per_second"] = tokens / row["peer_seconds"]
            row["share"] = self.share(part, threads, row["seconds"])
        if part == "batch":
            row["over_one"] = row["tokens_per_second"] * self.median("decode", "1", threads)
            row["target"], row["met"] = BATCH_TARGET, row["over_one"] >= BATCH_TARGET
        elif target := TARGETS.get((part, case)):
            row["target"], row["met"] = target, row["ratio"] >= target
        return row

    def share(self, part: str, threads: int, seconds: float) -> float | None:
        """Of the limit that bounds the part: memory for a decode, the multiplier otherwise."""
        if part == "decode":
            limit = self.median("limits", "read_bytes_per_second", threads)
            return self.weights() / seconds / limit if limit else None
        limit = self.median("limits", "multiplications_per_second", threads)
        if part == "prefill":
            tokens, outputs = self.sizes["prefill"], 1
        else:
            tokens = outputs = self.sizes["jobs"]
        return self.multiplications(tokens, outputs) / seconds / limit if limit else None

    def layers(self) -> int:
        """int8 weights of all layers."""
        s = self.shape
        queries, keys = s["heads"] * s["head_width"], s["kv_heads"] * s["head_width"]
        layer = 2 * s["hidden"] * (queries + keys) + 3 * s["hidden"] * s["intermediate"]
        return s["layers"] * layer

    def head(self) -> int:
        return self.shape["vocabulary"] * self.shape["hidden"]

    def weights(self) -> int:
        """Bytes of Vigil's weights that one decode step reads."""
        return self.layers() + self.head()

    def multiplications(self, tokens: int, outputs: int) -> int:
        """Those of the weights; attention's are few at these lengths."""
        return self.layers() * tokens + self.head() * outputs

    def print(self) -> None:
        self.print_limits()
        self.print_language()
        self.print_encoder()
        self.print_load()

    def print_limits(self) -> None:
        rows = []
        for threads in sorted({threads for part, _, threads in self.samples if part == "limits"}):
            read = self.median("limits", "read_bytes_per_second", threads)
            multiply = self.median("limits", "multiplications_per_second", threads)
            rows.append([
                threads,
                f"{read / GIGA:.1f}",
                f"{read / self.weights():.1f}",
                f"{multiply / GIGA:.0f}" if multiply else "unknown",
            ])
        table(
            "The machine's limits",
            ["threads", "memory read, GB/s", "so at most tokens/s of decode", "int8 multiply-accumulates, G/s"],
            rows,
        )

    def print_language(self) -> None:
        names = {"decode": "decode, one job", "prefill": f"prefill of {self.sizes['prefill']}",
                 "batch": f"decode, {self.sizes['jobs']} jobs"}
        rows = [
            [
                row["threads"],
                names[row["part"]],
                f"{row['tokens_per_second']:.1f}",
                f"{row['peer_tokens_per_second']:.1f}",
                f"{row['ratio']:.2f}",
                f"{row['over_one']:.2f}" if "over_one" in row else "",
                "" if row["share"] is None else f"{row['share']:.0%} of {'memory' if row['part'] == 'decode' else 'multiplier'}",
                verdict(row, "over_one" if "over_one" in row else "ratio"),
            ]
            for row in self.rows
            if row["part"] in names
        ]
        rows.sort(key=lambda row: row[0])
        header = ["threads", "", "Vigil, tokens/s", "llama.cpp Q8_0, tokens/s", "ratio", "over one job", "share of the limit", "target"]
        title = "Language model of 1.04 G parameters"
        table(f"{title}; llama.cpp is built with {self.peer_sets}", header, rows)

    def print_encoder(self) -> None:
        rows = [
            [
                row["threads"],
                row["case"],
                f"{row['seconds'] * 1e3:.2f} ms",
                f"{row['peer_seconds'] * 1e3:.2f} ms",
                f"{row['tokens_per_second']:,.0f}",
                f"{row['ratio']:.2f}",
                verdict(row, "ratio"),
            ]
            for row in self.rows
            if row["part"] == "encoder"
        ]
        rows.sort(key=lambda row: row[0])
        header = ["threads", "texts x tokens", "Vigil", "onnxruntime", "Vigil, tokens/s", "ratio", "target"]
        table("Encoder: all-MiniLM-L6-v2", header, rows)

    def print_load(self) -> None:
        rows = []
        for threads in sorted({threads for part, _, threads in self.samples if part == "load"}):
            for who, name in (("vigil", "Vigil"), ("peer", "llama.cpp")):
                seconds = self.median("load", "seconds", threads, who)
                size = self.median("load", "package_bytes", threads, who)
                resident = self.median("load", "resident_bytes", threads, who)
                share = resident / (size + (self.cache() if who == "vigil" else 0))
                ours = who == "vigil"
                rows.append([
                    name,
                    f"{seconds:.2f} s" + (f" ({met(seconds < LOAD_TARGET)}: < {LOAD_TARGET:g} s)" if ours else ""),
                    f"{size / 1e6:.0f} MB",
                    f"{resident / 1e6:.0f} MB",
                    f"{share:.2f}" + (f" ({met(share <= MEMORY_TARGET)}: <= {MEMORY_TARGET})" if ours else ""),
                ])
                if ours:
                    self.rows.append({
                        "part": "load", "threads": threads, "seconds": seconds, "package_bytes": size,
                        "resident_bytes": resident, "over_package": share,
                    })
        table("Loading, warm, and memory after a run", ["", "ready after", "model's file", "resident", "over file and cache"], rows)

    def cache(self) -> int:
        """Bytes of keys and values of the run before the memory is looked at."""
        s = self.shape
        return s["layers"] * 2 * s["kv_heads"] * s["head_width"] * self.sizes["prefill"]


def instruction_sets(system: str) -> str:
    """The instruction sets of x86-64 or Arm in llama.cpp's own words about its build, which are like
    `CPU : SSE3 = 1 | AVX2 = 1 | AMX_INT8 = 0 | REPACK = 1`."""
    pairs = [part.rpartition(":")[2].partition("=") for part in system.split("|")]
    known = ("SSE", "AVX", "FMA", "F16C", "BMI", "AMX", "NEON", "DOTPROD", "MATMUL", "SVE", "SME")
    return ", ".join(
        name.strip() for name, _, value in pairs if value.strip() == "1" and name.strip().startswith(known)
    )


def met(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def verdict(row: dict, value: str) -> str:
    if "target" not in row:
        return ""
    return f"{met(row[value] >= row['target'])}: >= {row['target']:g}"


def table(title: str, header: list[str], rows: list[list]) -> None:
    """Prints Markdown that is also aligned for a terminal."""
    if not rows:
        return
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(f"\n{title}\n\n" + "\n".join(lines), flush=True)
