# Shared by the scripts of this folder: where things are, and how progress and failure are told.
# Source it; it changes into the repository's root.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE="${VIGIL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vigil}"
MODEL_DIR="$CACHE/models/all-MiniLM-L6-v2"
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"

# What a build needs when the wasm target comes from Debian's compiler (see scripts/setup).
if [ -f "$CACHE/wasm-toolchain" ]; then
    WASM_BUILD_TOOLCHAIN="$(cat "$CACHE/wasm-toolchain")"
    export WASM_BUILD_TOOLCHAIN
fi

step() { printf '\n\033[1m[%s] %s\033[0m\n' "$(date +%H:%M:%S)" "$*"; }
note() { printf '  %s\n' "$*"; }
fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

target_dir() { printf '%s' "${CARGO_TARGET_DIR:-$PWD/target}"; }
bin() { printf '%s/release/%s' "$(target_dir)" "$1"; }
