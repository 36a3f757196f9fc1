#!/usr/bin/python3
"""Writes apache-replay.txt and apache-records/ of the fixtures: what Apache's own classes read there.

record.py [FIXTURE...]            records (all fixtures by default)
record.py --into DIR [FIXTURE...] writes the same tree of files under DIR instead, for comparison
"""

import sys
from pathlib import Path

import apache


def jobs(name, data_dir, log_dir, target):
    """Oracle commands for one data directory; their output goes under target."""
    (target / "apache-records").mkdir(parents=True, exist_ok=True)
    split = [] if log_dir == data_dir else ["--log-dir", log_dir]
    todo = [(target / "apache-replay.txt", "replay", data_dir, *split)]
    for log in sorted((log_dir / "version-2").glob("log.*")):
        todo.append((target / "apache-records" / f"{log.name}.txt", "records", log))
    return todo


def record(fixtures, into):
    """Returns the files written, grouped so that directories with equal flags share a JVM."""
    groups = {}
    for fixture in fixtures:
        for name, data_dir, log_dir in apache.data_dirs(fixture):
            flags = tuple(apache.java_flags(data_dir))
            groups.setdefault(flags, []).extend(jobs(name, data_dir, log_dir, Path(into) / name))
    for flags, todo in groups.items():
        apache.oracle_batch(todo, flags)
    return [job[0] for todo in groups.values() for job in todo]


def main(args):
    into = apache.FIXTURES
    if args[:1] == ["--into"]:
        into, args = Path(args[1]), args[2:]
    chosen = [apache.FIXTURES / a for a in args] or apache.fixtures()
    print(f"{len(record(chosen, into))} files from {len(chosen)} fixtures")


if __name__ == "__main__":
    main(sys.argv[1:])
