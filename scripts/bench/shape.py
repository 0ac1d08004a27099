"""The language model that is measured, that of `synthetic` without arguments, and a small one."""

SHAPE = {
    "layers": 16,
    "hidden": 2_048,
    "heads": 32,
    "kv_heads": 8,
    "head_width": 64,
    "intermediate": 8_192,
    "vocabulary": 32_000,
    "positions": 2_048,
}

# Large enough for every kernel of llama.cpp to be used, and run in a moment.
TINY = SHAPE | {"layers": 2, "hidden": 256, "heads": 4, "kv_heads": 2, "intermediate": 512, "vocabulary": 512}
