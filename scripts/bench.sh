#!/bin/bash
# Measures zkark beside Apache's tools, Apache's server and restic on one corpus, in one run, and prints the ratios.
#
#   scripts/bench.sh              all of it (1,000,000 znodes, 2,000,000 txns; about 10 minutes on two cores)
#   scripts/bench.sh --small      the same on a hundredth: shows that it runs, the figures mean nothing
#   scripts/bench.sh --only boot  one part: log, boot, backup, increment, forensics, serve
#   scripts/bench.sh --write      also puts the table into docs/performance.md
#
# The corpus is kept in build/bench. Timings want a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh bench
cmake --preset release >/dev/null
cmake --build --preset release --target zkark make_corpus
work=build/bench
arguments=()
for argument in "$@"; do
  case "$argument" in
    --write) arguments+=(--write docs/performance.md) ;;
    --small) work=build/bench-small; arguments+=(--small) ;;
    *) arguments+=("$argument") ;;
  esac
done
exec /usr/bin/python3 tests/bench/bench.py --zkark build/release/zkark \
  --make-corpus "$(find build/release -name make_corpus -type f)" --work "$work" "${arguments[@]}"
