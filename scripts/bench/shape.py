"""The language model that is measured: that of `synthetic` without arguments."""

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
