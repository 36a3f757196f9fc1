#!/bin/bash
# Sets everything up and runs every test there is. Ends with ctest's summary; fails when anything failed.
#
#   scripts/test.sh
#
#   packages   what is missing of Debian's packages (root, only if some are)
#   release    g++; all tests: unit, fuzz corpus, docs, scripts, rows of the scoreboard, compat with real Apache ZooKeeper
#   asan       g++ with AddressSanitizer and UBSan; the unit tests and the fuzz corpus again
#   clang      the second compiler; it has to build the program
#
# About half an hour on two cores from nothing, minutes when ccache knows the sources. May be run again at any time.
# ZKARK_PROVE_N=full runs the rows at their full N.
set -euo pipefail
cd "$(dirname "$0")/.."
export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
export ZKARK_PROVE_N=${ZKARK_PROVE_N:-ci} PYTHONDONTWRITEBYTECODE=1

stages=()
stage() {  # stage NAME COMMAND…: what it prints is its own; its time is told
  local name=$1 from=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  "$@"
  stages+=("$(printf '%-10s %2d:%02d' "$name" $(((SECONDS - from) / 60)) $(((SECONDS - from) % 60)))")
}
build() { cmake --preset "$1" >"build/$1.cmake.log" || { cat "build/$1.cmake.log"; return 1; }; cmake --build --preset "$@"; }

mkdir -p build
stage packages scripts/setup.sh test
stage release build release
stage clang build clang --target zkark
stage asan build asan
printf '\n== built: minutes\n'
printf '%s\n' "${stages[@]}"

printf '\n== tests\n'
/usr/bin/python3 tests/scripts/all_tests.py build/all release=build/release 'asan=build/asan:^(unit|fuzz)$'
exec ctest --test-dir build/all --output-on-failure --parallel "$CMAKE_BUILD_PARALLEL_LEVEL" --no-tests=error </dev/null
