#!/usr/bin/env bash
# What cheaters.zndsl runs beside its network: scripts/zombienet names the programs and the file that
# the table goes to. The validator that leaves everything out is asked for nothing.
set -euo pipefail

# What always holds is checked of the state behind every block.
"$TRY_STATE" --node ws://127.0.0.1:9953 2>>"$CHEATERS_LOG" >/dev/null &
checking=$!
# shellcheck disable=SC2086 # a list of flags
"$CHEATERS" --node ws://127.0.0.1:9951 --node ws://127.0.0.1:9952 --node ws://127.0.0.1:9953 \
    --json "$CHEATERS_LOG.json" $CHEATERS_FLAGS >>"$CHEATERS_LOG" 2>&1
kill "$checking" 2>/dev/null || true
wait "$checking"
