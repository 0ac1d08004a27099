"""Tests of cpu_flags.py: python3 -m unittest discover --start-directory scripts/bench"""

import shlex
import unittest

from cpu_flags import SETS, TILE_CONFIG, cmake_args, instruction_sets, processor_flags, tiles_allowed

OLD = "fpu sse4_2 avx f16c fma bmi2 avx2"
AVX512 = f"{OLD} avx512f avx512cd avx512vl avx512dq avx512bw avx512vbmi avx512_vnni"
AMX = f"{AVX512} avx_vnni avx512_bf16 amx_tile amx_int8 amx_bf16"


def sets(flags: str, tiles: bool = True) -> list[str]:
    return instruction_sets(set(flags.split()), tiles)


class ProcessorFlags(unittest.TestCase):
    def test_flags_should_be_those_of_all_processors(self) -> None:
        cpuinfo = "processor\t: 0\nflags\t\t: avx avx2\nvmx flags\t: ept\n\nprocessor\t: 1\nflags\t\t: avx fma\n"
        self.assertEqual(processor_flags(cpuinfo), {"avx"})

    def test_flags_should_be_none_when_the_processor_lists_none(self) -> None:
        self.assertEqual(processor_flags("processor\t: 0\nFeatures\t: asimd asimddp\n"), set())


class InstructionSets(unittest.TestCase):
    def test_sets_should_be_those_of_the_processor(self) -> None:
        self.assertEqual(sets(OLD), ["SSE42", "AVX", "F16C", "FMA", "BMI2", "AVX2"])
        self.assertEqual(sets(AVX512), sets(OLD) + ["AVX512", "AVX512_VBMI", "AVX512_VNNI"])

    def test_avx512_should_be_left_out_when_a_part_of_it_is_missing(self) -> None:
        self.assertNotIn("AVX512", sets(AVX512.replace("avx512dq", "")))

    def test_amx_should_be_there_when_the_system_allows_tiles(self) -> None:
        self.assertEqual(set(sets(AMX)), set(SETS))

    def test_amx_should_be_left_out_when_the_system_refuses_tiles(self) -> None:
        self.assertEqual([name for name in sets(AMX, tiles=False) if "AMX" in name], [])
        self.assertIn("AVX512_BF16", sets(AMX, tiles=False))

    def test_amx_should_be_left_out_when_what_it_is_used_with_is_missing(self) -> None:
        for missing in ("avx512_vnni", "avx512bw", "amx_int8"):
            found = sets(AMX.replace(missing, ""))
            self.assertEqual([name for name in found if name.startswith("AMX")], [], missing)


class CmakeArgs(unittest.TestCase):
    def test_args_should_turn_every_set_on_or_off(self) -> None:
        args = shlex.split(cmake_args(sets(OLD)))
        self.assertIn("-DGGML_NATIVE=OFF", args)
        self.assertIn("-DGGML_AVX2=ON", args)
        self.assertIn("-DGGML_AMX_INT8=OFF", args)
        self.assertEqual(len(args), 1 + len(SETS))

    def test_args_should_mend_the_tile_configuration_when_tiles_are_used(self) -> None:
        args = shlex.split(cmake_args(sets(AMX)))
        self.assertEqual(args[-1], f"-DCMAKE_CXX_FLAGS=-include {shlex.quote(str(TILE_CONFIG))}")
        self.assertTrue(TILE_CONFIG.is_file())

    def test_args_should_be_empty_when_no_set_is_known(self) -> None:
        self.assertEqual(cmake_args([]), "")


class TilesAllowed(unittest.TestCase):
    def test_tiles_should_be_refused_when_the_processor_has_none(self) -> None:
        with open("/proc/cpuinfo") as file:
            has_tiles = "amx_tile" in processor_flags(file.read())
        self.assertTrue(has_tiles or not tiles_allowed())


if __name__ == "__main__":
    unittest.main()
