"""The instruction sets that llama.cpp is built with: those that this processor has and this system
lets a program use.

llama.cpp's own default, `-march=native`, asks the processor alone, and leaves AMX to a system call at
run time and to a compiler that may get it wrong (see amx_tile_config.h). Here every set is named, so
that a build can be repeated, compared and, without AMX, tried again.

usage: cpu_flags.py [--without-amx]
prints what CMAKE_ARGS must hold
"""

import argparse
import ctypes
import pathlib
import platform
import shlex

# The sets that llama.cpp knows, with what /proc/cpuinfo calls all that each needs. The kernel names
# only what it has enabled.
SETS = {
    "SSE42": {"sse4_2"},
    "AVX": {"avx"},
    "F16C": {"f16c"},
    "FMA": {"fma"},
    "BMI2": {"bmi2"},
    "AVX2": {"avx2"},
    "AVX_VNNI": {"avx_vnni"},
    "AVX512": {"avx512f", "avx512cd", "avx512vl", "avx512dq", "avx512bw"},
    "AVX512_VBMI": {"avx512vbmi"},
    "AVX512_VNNI": {"avx512_vnni"},
    "AVX512_BF16": {"avx512_bf16"},
    "AMX_TILE": {"amx_tile"},
    "AMX_INT8": {"amx_int8"},
    "AMX_BF16": {"amx_bf16"},
}
# llama.cpp's AMX code uses these beside the tiles.
BESIDE_TILES = {"AVX512", "AVX512_VNNI", "AMX_TILE", "AMX_INT8"}
TILE_CONFIG = pathlib.Path(__file__).with_name("amx_tile_config.h")

ARCH_PRCTL = 158  # the system call's number on x86-64
ARCH_REQ_XCOMP_PERM = 0x1023
XFEATURE_XTILEDATA = 18


def processor_flags(cpuinfo: str) -> set[str]:
    """What all processors of a /proc/cpuinfo have."""
    fields = [line.partition(":") for line in cpuinfo.splitlines()]
    each = [set(value.split()) for name, _, value in fields if name.strip() == "flags"]
    return set.intersection(*each) if each else set()


def tiles_allowed() -> bool:
    """Whether the kernel gives this process the state of AMX tiles. Without its permission the first
    use of a tile is an illegal instruction."""
    if platform.machine() != "x86_64":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0


def instruction_sets(flags: set[str], tiles: bool) -> list[str]:
    """Names of `SETS`, in their order, for a processor with these flags."""
    found = [name for name, needed in SETS.items() if needed <= flags]
    if tiles and BESIDE_TILES <= set(found):
        return found
    return [name for name in found if not name.startswith("AMX")]


def cmake_args(sets: list[str]) -> str:
    """Every set on or off; nothing is left to a default. Empty where none is known, which leaves
    the processor to the compiler: it is none of x86-64."""
    if not sets:
        return ""
    args = ["-DGGML_NATIVE=OFF"]
    args += [f"-DGGML_{name}={'ON' if name in sets else 'OFF'}" for name in SETS]
    if "AMX_TILE" in sets:
        args.append(f"-DCMAKE_CXX_FLAGS=-include {shlex.quote(str(TILE_CONFIG))}")
    return shlex.join(args)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--without-amx", action="store_true", help="leave AMX out even where it is allowed")
    options = parser.parse_args()
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    flags = processor_flags(cpuinfo.read_text()) if cpuinfo.exists() else set()
    print(cmake_args(instruction_sets(flags, not options.without_amx and tiles_allowed())))


if __name__ == "__main__":
    main()
