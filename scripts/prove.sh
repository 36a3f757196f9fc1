#!/bin/bash
# Proves rows of the reliability scoreboard and prints, for each, how many cases of how many passed.
#
#   scripts/prove.sh R1 R5     these rows, at an N that fits continuous integration
#   scripts/prove.sh --full …  at their full N (minutes to hours each)
#   scripts/prove.sh           which rows there are, and what each means
#
# A row is one or more tests named prove.ROW… (tests/prove/CMakeLists.txt), which print lines "PROVE ROW: N of M what".
# A row passes when every one of its tests passed and printed such lines, each with N equal to M and M not 0.
# Builds build/release first; ZKARK_BUILD=DIR takes another, finished build.
set -euo pipefail
cd "$(dirname "$0")/.."
rows() { sed -nE 's/^#  (R[0-9]+) +(.*)/\1\t\2/p' tests/prove/CMakeLists.txt; }

[ "${1:-}" = --full ] && { export ZKARK_PROVE_N=full; shift; }
export ZKARK_PROVE_N=${ZKARK_PROVE_N:-ci}
if [ $# = 0 ]; then rows | column -t -s $'\t'; exit 0; fi
for row in "$@"; do
  rows | cut -f1 | grep -qx -- "$row" || { echo "prove.sh: there is no row $row; known: $(rows | cut -f1 | xargs)" >&2; exit 2; }
done
if [ -z "${ZKARK_BUILD:-}" ]; then
  ZKARK_BUILD=build/release
  { cmake --preset release && cmake --build --preset release; } >&2
fi

failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for row in "$@"; do
  passed=yes
  ctest --test-dir "$ZKARK_BUILD" -R "^prove\.$row(\.|\$)" --no-tests=error -V </dev/null >"$output" 2>&1 || passed=no
  # ctest -V puts the number of the test before each line.
  lines=$(sed -nE "s/^([0-9]+: )?PROVE $row: /$row: /p" "$output")
  [ -n "$lines" ] && printf '%s\n' "$lines"
  awk '$2 !~ /^[0-9]+$/ || $3 != "of" || $4 + 0 == 0 || $2 != $4 + 0 { bad = 1 } END { exit bad || NR == 0 }' <<<"$lines" || passed=no
  if [ $passed = no ]; then
    failed=1
    printf '%s: FAILED\n' "$row"
    tail -n 60 "$output" >&2
  fi
done
exit $failed
