"""Measures llama.cpp, one question at a time: the peer of Vigil's language models.

It calls llama.cpp's own functions, without the sampling and the Python around them, as llama.cpp's
`llama-bench` does: what is timed is `llama_decode`. The weights are mapped, the cache is f16 and
flash attention is chosen by llama.cpp: its defaults.

usage: llama_worker.py GGUF THREADS
prints one line of JSON when ready, then answers lines of JSON with lines of JSON
"""

import ctypes
import json
import os
import random
import sys
import time

import llama_cpp as ll

CONTEXT = 2_048
SEQUENCES = 8


@ll.llama_log_callback
def quiet(level: int, text: bytes, _: ctypes.c_void_p) -> None:
    if level == 4:  # an error
        sys.stderr.write(text.decode(errors="replace"))


class Model:
    def __init__(self, path: str, threads: int) -> None:
        ll.llama_log_set(quiet, None)
        ll.llama_backend_init()
        options = ll.llama_model_default_params()
        self.model = ll.llama_model_load_from_file(path.encode(), options)
        assert self.model, f"llama.cpp cannot load {path}"
        options = ll.llama_context_default_params()
        options.n_ctx = CONTEXT
        options.n_batch = options.n_ubatch = 512
        options.n_seq_max = SEQUENCES
        options.kv_unified = True
        options.n_threads = options.n_threads_batch = threads
        self.context = ll.llama_init_from_model(self.model, options)
        assert self.context, "llama.cpp cannot make a context"
        self.vocabulary = ll.llama_vocab_n_tokens(ll.llama_model_get_vocab(self.model))
        self.batch = ll.llama_batch_init(512, 0, SEQUENCES)
        self.random = random.Random(7)

    def clear(self) -> None:
        ll.llama_memory_clear(ll.llama_get_memory(self.context), True)

    def decode(self, sequences: int, first: int, count: int) -> float:
        """Seconds to process `count` random tokens of each sequence from position `first` on, with
        logits for the last of each."""
        batch = self.batch
        batch.n_tokens = sequences * count
        for i in range(batch.n_tokens):
            sequence, step = divmod(i, count)
            batch.token[i] = self.random.randrange(self.vocabulary)
            batch.pos[i] = first + step
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = sequence
            batch.logits[i] = step == count - 1
        start = time.perf_counter()
        if ll.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama_decode failed")
        ll.llama_synchronize(self.context)
        return time.perf_counter() - start

    def answer(self, question: dict) -> dict:
        self.clear()
        what = question["do"]
        if what == "prefill":
            return {"seconds": self.decode(1, 0, question["tokens_in"])}
        if what == "memory":
            return {"resident_bytes": resident()}
        jobs = question["jobs"] if what == "batch" else 1
        tokens_in, tokens_out = question["tokens_in"], question["tokens_out"]
        self.decode(jobs, 0, tokens_in)
        steps = [self.decode(jobs, tokens_in + step, 1) for step in range(tokens_out - 1)]
        return {"seconds": sum(steps) / len(steps)}


def resident() -> int:
    """Bytes of this process that are in memory, mapped files among them."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    start = time.perf_counter()
    model = Model(sys.argv[1], int(sys.argv[2]))
    ready = {
        "load_seconds": time.perf_counter() - start,
        "resident_bytes": resident(),
        "package_bytes": os.path.getsize(sys.argv[1]),
        "system": ll.llama_print_system_info().decode().strip(" |"),
    }
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(model.answer(json.loads(line))), flush=True)


main()
