#!/bin/sh
# Installs what zkark is built and tested with, from Debian 12's own packages.
#
#   scripts/setup.sh build     what building zkark and the quickstart need
#   scripts/setup.sh           that, and what scripts/test.sh needs: Apache ZooKeeper, Java, clang, shells
#   scripts/setup.sh bench     all of that, and what scripts/bench.sh and scripts/make_fixtures.sh need
#
# Does nothing when everything is there. Needs root only when something is missing. No package here brings a service.
set -eu

# Boost 1.81 by its versioned names: the unversioned packages are 1.74, and apt would remove one for the other.
build="g++ cmake ninja-build ccache python3
  libboost1.81-dev libboost-iostreams1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libarchive-dev libcli11-dev libdeflate-dev libfmt-dev libgmock-dev libgtest-dev libhowardhinnant-date-dev libre2-dev
  libsnappy-dev libssl-dev libtomlplusplus-dev libxxhash-dev libzstd-dev tzdata zlib1g-dev zstd"
# clang-14 for the second compiler and the fuzz targets; the shells and groff check what completion and man print.
tests="clang clang-format-14 libclang-rt-14-dev
  libslf4j-java libsnappy-java libzookeeper-java libzookeeper-mt-dev openjdk-17-jdk-headless procps python3-kazoo
  bash fish zsh groff-base man-db strace"
bench="faketime restic time"

case "${1:-test}" in
  build) wanted="$build" ;;
  test) wanted="$build $tests" ;;
  bench) wanted="$build $tests $bench" ;;
  *) echo "usage: scripts/setup.sh [build|test|bench]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "setup.sh: this is not Debian; install by your own means what these packages of Debian 12 hold:" >&2
  echo $wanted >&2
  exit 1
fi
. /etc/os-release
[ "${VERSION_ID:-}" = 12 ] || echo "setup.sh: made for Debian 12; this is ${PRETTY_NAME:-something else}, names may differ" >&2

missing=
for package in $wanted; do
  case "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" in
    "install ok installed") ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || { echo "setup: all packages are there"; exit 0; }
if [ "$(id -u)" != 0 ]; then
  echo "setup.sh: packages are missing, and installing them needs root. Run this once as root:" >&2
  echo "  apt-get update && apt-get install --no-install-recommends$missing" >&2
  exit 1
fi

echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null; }
apt update
apt install -y --no-install-recommends $missing
echo "setup: done"
