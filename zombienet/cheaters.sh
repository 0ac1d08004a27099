#!/usr/bin/env bash
# What cheaters.zndsl runs beside its network: scripts/zombienet names the program and the file that
# its table goes to. The validator that leaves everything out is asked for nothing.
set -euo pipefail
# shellcheck disable=SC2086 # a list of flags
exec "$CHEATERS" --node ws://127.0.0.1:9951 --node ws://127.0.0.1:9952 --node ws://127.0.0.1:9953 \
    --json "$CHEATERS_LOG.json" $CHEATERS_FLAGS >"$CHEATERS_LOG" 2>&1
