#!/bin/sh
# Makes the fixtures that scripts can make (the rows "made by" in fixtures/README.md): real ZooKeeper 3.8.0 servers from
# Debian's package write the data, kazoo clients drive them, kill -9 ends them. Then asks Apache's classes what is in
# every fixture (apache-replay.txt, apache-records/) and renews SHA256SUMS.
#
#   scripts/make_fixtures.sh              the folders that are missing in fixtures/
#   scripts/make_fixtures.sh NAME...      these, if missing: remove a folder first to make it anew
#
# Session ids, times and random snapshot points differ from run to run, so a new folder is new evidence, never the same
# bytes. Needs the packages zookeeper, openjdk-17-jdk-headless, python3-kazoo, faketime. About two minutes.
set -eu
cd "$(dirname "$0")/.."
for command in java javac /usr/bin/python3; do
    command -v "$command" > /dev/null || { echo "make_fixtures.sh: $command is missing (see the head of this file)" >&2; exit 2; }
done
export PYTHONDONTWRITEBYTECODE=1
/usr/bin/python3 tests/compat/make_fixtures.py fixtures "$@"
/usr/bin/python3 tests/compat/record.py
cd fixtures
find . -type f ! -name README.md ! -name 'SHA256SUMS*' ! -name .gitattributes ! -path '*/apache-*' \
    ! -path './damaged/*' ! -path './wire/*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum > SHA256SUMS.new
mv SHA256SUMS.new SHA256SUMS
sha256sum -c --quiet SHA256SUMS
echo "fixtures: $(wc -l < SHA256SUMS) files, sums renewed"
