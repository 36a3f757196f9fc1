#!/bin/bash
# Proves rows of the reliability scoreboard and prints, for each, how many cases of how many held.
#
#   scripts/prove.sh R1 R5         these rows at their full N (seconds to many minutes each)
#   scripts/prove.sh --ci R1 …     at the N that continuous integration runs
#   scripts/prove.sh               which rows there are, and what each means
#
# A row is carried by tests that print lines "PROVE ROW: N of M what". It holds when each of them passed and printed such
# lines, every one with N equal to M and M not 0. Builds build/release first; ZKARK_BUILD=DIR takes a finished build.
set -euo pipefail
cd "$(dirname "$0")/.."

meanings="R1 every single-bit flip of a repository is found and named by verify, and never in what restore gives
R2 the same for truncated, zeroed, swapped, older, missing, renamed blocks and files of a repository
R3 damage to a ZooKeeper data directory is classified with its zxids, none silent; repaired, it boots to a state that was
R4 after any one damage every record whose bytes are intact is still read, and in a salvaged copy
R5 killed at every I/O call: the repository is valid, earlier points restore, the next run completes the work
R6 power cut at every I/O call, what was not synced lost or torn: what was committed restores
R8 an error at every I/O call: a failure or a right result, never a bad object committed
R9 every memory allocation fails once: no crash, the repository unchanged
R10 restore(backup(D)) equals Apache's replay at every zxid
R15 killed or without power at every I/O call: a server starts again with every write it acknowledged
R16 what is damaged below the mark of what was synced keeps a server from starting, and is never cut"

# ROW, test binary below the build folder, which of its tests.
tests="R1 tests/backup/zkark_backup_proof_test Proof.CheckDetectsAndNamesEveryFlippedBit*
R2 tests/backup/zkark_backup_proof_test Proof.CheckDetectsEveryLargerDamage
R3 tests/restore/test_restore_damage *
R3 tests/restore/test_restore_repair_proof *
R3 tests/restore/test_restore_merge *
R4 tests/formats/test_formats_damage LogDamage.*
R4 tests/restore/test_restore_repair_proof *
R5 tests/backup/zkark_backup_proof_test Proof.*
R5 tests/cli/zkark_command_proof_test *.Killed*
R6 tests/backup/zkark_backup_proof_test Proof.*
R6 tests/cli/zkark_command_proof_test *.WithoutPower*
R8 tests/backup/zkark_backup_proof_test Proof.*
R8 tests/cli/zkark_command_proof_test *.AnError*
R9 tests/cli/zkark_alloc_proof_test *
R10 tests/backup/take/zkark_round_trip_test *
R15 tests/server/zkark_serve_test Crash.*
R16 tests/server/zkark_server_test TailCut.*"

export ZKARK_PROVE_N=full
[ "${1:-}" != --ci ] || { ZKARK_PROVE_N=ci; shift; }
[ $# != 0 ] || { printf '%s\n' "$meanings"; exit 0; }
for row in "$@"; do
  grep -q "^$row " <<<"$tests" || { echo "prove.sh: no such row: $row; there are $(cut -d' ' -f1 <<<"$tests" | uniq | xargs)" >&2; exit 2; }
done
if [ -z "${ZKARK_BUILD:-}" ]; then
  ZKARK_BUILD=build/release
  { cmake --preset release && cmake --build --preset release; } >&2
fi

failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
for row in "$@"; do
  while read -r _ binary filter; do
    held=yes
    "$ZKARK_BUILD/$binary" --gtest_filter="$filter" </dev/null >"$output" 2>&1 || held=no
    lines=$(sed -n "s/^PROVE $row: /$row: /p" "$output")
    [ -z "$lines" ] || printf '%s\n' "$lines"
    awk '$2 !~ /^[0-9]+$/ || $3 != "of" || $4 + 0 == 0 || $2 != $4 + 0 { bad = 1 } END { exit bad || NR == 0 }' <<<"$lines" || held=no
    if [ $held = no ]; then
      failed=1
      printf '%s: FAILED in %s\n' "$row" "$binary"
      tail -n 60 "$output" >&2
    fi
  done <<<"$(grep "^$row " <<<"$tests")"
done
exit $failed
