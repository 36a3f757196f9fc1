"""Runs the zkark binary named by the environment variable ZKARK."""

import json
import os
import subprocess


def binary():
    path = os.environ.get("ZKARK", "")
    if not os.access(path, os.X_OK):
        raise RuntimeError("set ZKARK to the zkark binary")
    return os.path.abspath(path)


def run(lab, *args, expect=0, timeout=600):
    """The finished process, its output decoded. Anything but the exit code `expect` fails the test with all it printed."""
    home = lab.dir / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TZ": "UTC"}
    done = subprocess.run([binary(), *map(str, args)], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    done.stdout, done.stderr = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if expect is not None and done.returncode != expect:
        raise AssertionError(f"zkark {' '.join(map(str, args))}\nexit {done.returncode}, expected {expect}\n"
                             f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def json_of(lab, *args, expect=0):
    """The last JSON object on stdout: with --json every verb prints one, perhaps after events."""
    lines = [line for line in run(lab, *args, "--json", expect=expect).stdout.splitlines() if line.startswith("{")]
    return json.loads(lines[-1])
