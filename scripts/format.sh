#!/bin/sh
# Formats every tracked C++ file in place; with --check, changes nothing and fails when one is not formatted.
set -eu
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format) || { echo "clang-format is not installed" >&2; exit 2; }
case "${1:-}" in
  "") mode=-i ;;
  --check) mode="--dry-run -Werror" ;;
  *) echo "usage: scripts/format.sh [--check]" >&2; exit 2 ;;
esac
# shellcheck disable=SC2086  # two words on purpose
git ls-files -z '*.h' '*.cc' | xargs -0 -r -n 50 "$tool" $mode
