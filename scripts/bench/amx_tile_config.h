/* Included into every C++ file of llama.cpp when it is built with AMX (see cpu_flags.py).
 *
 * GCC 12.2 tells its optimiser that `_tile_loadconfig` reads 8 of the 64 bytes that it loads. What
 * llama.cpp writes behind them, the tiles' rows and columns, is then left out as unused, every tile is
 * configured to be empty, and the first use of one is an illegal instruction. This one names all 64. */
#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>

static inline __attribute__((always_inline)) void tile_loadconfig_of_64_bytes(const void *config) {
    __asm__ volatile("ldtilecfg\t%X0" ::"m"(*(const char(*)[64])config));
}
#define _tile_loadconfig tile_loadconfig_of_64_bytes
#endif
