#!/bin/bash
# From a fresh Debian 12 to a restored ZooKeeper directory in one command, showing every step.
#
#   scripts/quickstart.sh
#
# Installs the packages that building needs (root, only if some are missing), builds zkark, and runs the main job on a
# small directory that a real ZooKeeper server wrote: init, full backup, incremental backup, list, verify, restore to the
# moment before somebody deleted something. Works in a directory of its own under ${TMPDIR:-/tmp}, removed at the end;
# ZKARK_QUICKSTART_DIR=DIR keeps the result in DIR instead. Nothing else on the machine is touched. May be run again.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

say "1 of 9  Packages and build (the first time takes a few minutes)"
scripts/setup.sh build
if [ -z "${ZKARK:-}" ]; then
  [ -f build/release/build.ninja ] || cmake --preset release
  cmake --build --preset release --target zkark
  ZKARK=$PWD/build/release/zkark
fi
shop=$PWD/fixtures/zk-3.8.0-shop
zkark() { "$ZKARK" "$@"; }

work=${ZKARK_QUICKSTART_DIR:-}
if [ -n "$work" ]; then
  mkdir -p "$work"
  [ -z "$(ls -A "$work")" ] || { echo "quickstart.sh: $work is not empty" >&2; exit 2; }
else
  work=$(mktemp -d "${TMPDIR:-/tmp}/zkark-quickstart.XXXXXX")
  trap 'rm -rf -- "$work"' EXIT
fi
cd "$work"
export XDG_CACHE_HOME=$work/cache  # zkark keeps a note of the last seen state of a repository in the cache directory

say "2 of 9  A ZooKeeper data directory: the first day of a small shop"
mkdir -p data/version-2
cp -p "$shop"/zoo.cfg data/
cp -p "$shop"/version-2/{log.1,snapshot.0} data/version-2/
run ls -R data

say "3 of 9  A repository for backups"
run zkark init -r backups

say "4 of 9  The first backup is full: all history, replayed against the digests that the server wrote"
run zkark backup data -r backups

say "5 of 9  The server has gone on. The second backup takes only what is new"
cp -p "$shop"/version-2/{log.10,snapshot.f} data/version-2/
run zkark backup data -r backups --tag when=evening

say "6 of 9  What can be restored now"
run zkark list -r backups

say "7 of 9  Read everything back and replay it"
run zkark verify -r backups --replay=all

say "8 of 9  In the evening the prices were gone. Who did that, and when?"
run zkark log data --since zxid:0x12

say "9 of 9  Restore the moment just before the first of these deletions"
run zkark restore -r backups --at zxid:0x13 --exclusive --to restored
printf '\nNow:\n'
run zkark ls -R data /shop
printf '\nRestored:\n'
run zkark ls -R restored /shop
run zkark cat restored /shop/prices/apple
printf '\n'

cat <<END

Done. restored/ is a complete dataDir: Apache ZooKeeper and any client work on it as on the original.
Next: docs/quickstart.md explains these steps, docs/howto/ has one page per disaster,
      $ZKARK help lists all there is.
END
